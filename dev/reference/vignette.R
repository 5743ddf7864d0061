# What vignettes/how-good-is-the-approximation.Rmd compares with: Rscript dev/reference/vignette.R
# from the root of the repository. Copies of the reference posteriors of tests/testthat/fixtures
# (made by make.R, by brms and by posteriordb: see the README there), which an installed package
# does not have; test-reference.R sees to it that they stay the same.

fixtures <- file.path("tests", "testthat", "fixtures")
target <- file.path("inst", "extdata", "reference")
cases <- c("sleepstudy", "eight_schools", "gauss_three", "stackloss_student", "quantile_groups",
           "gamma_groups", "cbpp", "logit_slope", "binary_pairs", "logit_crossed", "lasso_logit",
           "cumulative_logit", "poisson_obs", "epil_negbin")

dir.create(target, showWarnings = FALSE)
posteriors <- lapply(cases, function(case) {
  file <- paste0(case, "-data.csv")
  stopifnot(file.copy(file.path(fixtures, file), file.path(target, paste0(case, ".csv")),
                      overwrite = TRUE))
  reference <- utils::read.csv(file.path(fixtures, paste0(case, "-reference.csv")))
  data.frame(case = case, reference)
})
utils::write.csv(do.call(rbind, posteriors), file.path(target, "posteriors.csv"),
                 row.names = FALSE, quote = 2)
