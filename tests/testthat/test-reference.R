# Fits against long MCMC runs with the same priors: accuracy is the promise, so it is a test.

expect_reference <- function(case, fit, bars) {
  expect_true(fit$converged)
  score <- score_reference(case, fit, bars)
  missed <- score[!score$met, ]
  expect_identical(
    nrow(missed), 0L,
    info = paste(c("", utils::capture.output(print(missed, digits = 3))), collapse = "\n")
  )
}

for (case in c(reference_cases, sparse_cases)) {
  test_that(paste("the posterior agrees with NUTS:", case), {
    expect_reference(case, reference_fit(case), if (case %in% sparse_cases) sparse_bars else bars)
  })
}

for (case in names(field_cases)) {
  test_that(paste("the posterior of a structured term agrees with NUTS:", case), {
    if (grepl("smooth", case)) skip_if_not_installed("mgcv")
    expect_reference(case, field_case_fit(case), bars)
  })
}

for (case in several_cases) {
  test_that(paste("the posterior of several predictors agrees with NUTS:", case), {
    expect_reference(case, several_case_fit(case), bars)
  })
}

# The vignette reads copies of its own: an installed package has no fixtures.
test_that("the posteriors that the vignette shows are those of the fixtures", {
  folder <- system.file("extdata", "reference", package = "varbayes")
  shown <- utils::read.csv(file.path(folder, "posteriors.csv"))
  expect_setequal(paste0(unique(shown$case), ".csv"), setdiff(dir(folder), "posteriors.csv"))
  for (case in unique(shown$case)) {
    ours <- shown[shown$case == case, -1L]
    fixture <- utils::read.csv(test_path("fixtures", paste0(case, "-reference.csv")))
    expect_equal(ours, fixture, ignore_attr = "row.names")
    expect_identical(utils::read.csv(file.path(folder, paste0(case, ".csv"))),
                     utils::read.csv(test_path("fixtures", paste0(case, "-data.csv"))))
  }
})
