# Fits against long MCMC runs with the same priors: accuracy is the promise, so it is a test.

for (case in c(reference_cases, sparse_cases)) {
  test_that(paste("the posterior agrees with NUTS:", case), {
    fit <- reference_fit(case)
    expect_true(fit$converged)
    score <- score_reference(case, fit, if (case %in% sparse_cases) sparse_bars else bars)
    missed <- score[!score$met, ]
    expect_identical(
      nrow(missed), 0L,
      info = paste(c("", utils::capture.output(print(missed, digits = 3))), collapse = "\n")
    )
  })
}
