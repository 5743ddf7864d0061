f <- function(theta) sum(stats::dgamma(theta, c(20, 9), log = TRUE))
g <- function(theta) c(19, 8) / theta - 1
fit <- advi(f, c(a = 1, b = 5), g, lower = 0)

test_that("estimates are those of posterior_summary()", {
  table <- posterior_summary(fit)
  expect_identical(coef(fit), table[, 1])
  expect_equal(sqrt(diag(vcov(fit))), table[, 2])
  expect_equal(unname(confint(fit)), unname(table[, 3:4]))
  expect_identical(colnames(confint(fit)), c("2.5 %", "97.5 %"))
  expect_identical(confint(fit, "b", level = 0.9),
                   {
                     got <- posterior_summary(fit, c(0.05, 0.95))["b", 3:4, drop = FALSE]
                     colnames(got) <- c("5 %", "95 %")
                     got
                   })
  expect_identical(confint(fit, 2), confint(fit, "b"))
  expect_error(confint(fit, "c"), class = "vb_error_parm")
  expect_error(confint(fit, level = 95), class = "vb_error_level")
  expect_equal(unname(table[, 1]), c(20, 9), tolerance = 0.02)
})

test_that("covariances are of the parameters, or of the real numbers", {
  expect_identical(vcov(fit, unconstrained = TRUE), fit$cov)
  expect_identical(rownames(fit$cov), c("log(a)", "log(b)"))
  expect_equal(diag(vcov(fit, correlation = TRUE)), c(a = 1, b = 1))
  expect_error(vcov(fit, correlation = NA), class = "vb_error_correlation")
  # of a simplex from draws, with the standard deviations of the summary
  simplex <- advi(function(p) sum(c(5, 7, 9) * log(p)), c(p = c(0.2, 0.3, 0.5)),
                  function(p) c(5, 7, 9) / p, transform = list(p = "simplex"))
  cov <- vcov(simplex)
  expect_equal(sqrt(diag(cov)), posterior_summary(simplex)[, 2])
  expect_lt(max(abs(cov %*% rep(1, 3))), 1e-10)
  simplex$cov <- NULL
  expect_error(vcov(simplex), class = "vb_error_object")
})
