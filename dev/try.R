#!/usr/bin/env Rscript
# Rscript dev/try.R: installs what varbayes imports, and varbayes, then fits two data sets that come
# with it, prints both summaries and draws the ELBO of the second.
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
source(file.path(here, "install.R"))

missing <- install_missing(needed(c("Imports", "LinkingTo")))
if (length(missing)) stop("could not be installed: ", toString(missing), call. = FALSE)
install_package()
library(varbayes)

extdata <- function(name) read.csv(system.file("extdata", name, package = "varbayes"))
cbpp <- transform(extdata("cbpp.csv"), period = factor(period), herd = factor(herd))

cat("\n-- sleepstudy: reaction times, random intercepts and slopes\n\n")
sleep <- vb(Reaction ~ Days + (Days | Subject), data = extdata("sleepstudy.csv"))
print(summary(sleep))

cat("\n-- cbpp: disease incidence, random intercepts\n\n")
incidence <- vb(cbind(incidence, size - incidence) ~ period + (1 | herd), data = cbpp,
                family = binomial())
print(summary(incidence))

png("elbo.png", width = 900, height = 450, res = 110)
plot(incidence, type = "elbo")
invisible(dev.off())
cat("\nThe ELBO of the second fit is drawn in ", normalizePath("elbo.png"), "\n", sep = "")
