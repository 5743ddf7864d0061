# Writes inst/extdata/sleepstudy.csv and inst/extdata/cbpp.csv from the data sets of lme4.
# From the root of the package:  Rscript data-raw/extdata.R
for (name in c("sleepstudy", "cbpp")) {
  data <- getExportedValue("lme4", name)
  utils::write.csv(data, file.path("inst", "extdata", paste0(name, ".csv")), row.names = FALSE)
}
