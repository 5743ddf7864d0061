# exact: densities whose moments and quantiles R has
tails <- c(0.05, 0.95)
approximation <- function(log_density, gradient, lower = 0, upper = Inf, init = 0.5) {
  fit <- advi(log_density, c(s = init), gradient, lower = lower, upper = upper)
  posterior_summary(fit, tails, method = "approximation")[1L, ]
}
expect_close <- function(got, mean, sd, quantiles) {
  expect_lt(abs(got[[1L]] - mean) / sd, 0.05)
  expect_lt(abs(got[[2L]] / sd - 1), 0.06)
  expect_lt(max(abs(got[3:4] - quantiles)) / sd, 0.1)
}

test_that("linear response is that of the parameter, not of its logarithm or logit", {
  for (a in c(1, 2, 5, 20)) {
    got <- approximation(function(t) (a - 1) * log(t) - t, function(t) (a - 1) / t - 1)
    expect_close(got, a, sqrt(a), stats::qgamma(tails, a))
  }
  got <- approximation(function(t) log(3 - t) - (3 - t), function(t) 1 - 1 / (3 - t), -Inf, 3, 1)
  expect_close(got, 1, sqrt(2), 3 - stats::qgamma(rev(tails), 2))
  got <- approximation(function(t) -11 * log(t) - 1 / t, function(t) -11 / t + 1 / t^2)
  expect_close(got, 1 / 9, 1 / (9 * sqrt(8)), 1 / stats::qgamma(1 - tails, 10))
  for (ab in list(c(0.5, 0.5), c(2, 2), c(1, 5), c(9, 1), c(20, 3), c(3, 30))) {
    a <- ab[1L]
    b <- ab[2L]
    got <- approximation(function(t) (a - 1) * log(t) + (b - 1) * log1p(-t),
                         function(t) (a - 1) / t - (b - 1) / (1 - t), upper = 1)
    expect_close(got, a / (a + b), sqrt(a * b / (a + b + 1)) / (a + b), stats::qbeta(tails, a, b))
  }
  # exactly, where the real number is Gaussian
  fit <- advi(function(t) stats::dlnorm(t, 1, 1.5, log = TRUE), c(s = 1),
              function(t) -1 / t - (log(t) - 1) / (2.25 * t), lower = 0)
  expect_equal(posterior_summary(fit, tails)[1L, ],
               c(exp(1 + 1.125), exp(1 + 1.125) * sqrt(expm1(2.25)), stats::qlnorm(tails, 1, 1.5)),
               tolerance = 1e-3, ignore_attr = TRUE)
})

test_that("in many dimensions, where weights are of little use", {
  d <- 40
  a <- rep(c(2, 6), d / 2)
  density <- function(t) sum((a - 1) * log(t) - t)
  gradient <- function(t) (a - 1) / t - 1
  fit <- advi(density, stats::setNames(a, paste0("t", seq_len(d))), gradient, lower = 0,
              control = vb_control(draws = 1000))
  got <- posterior_summary(fit, tails, method = "approximation")
  expect_lt(max(abs(got[, 1L] - a) / sqrt(a)), 0.1)
  expect_lt(max(abs(got[, 2L] / sqrt(a) - 1)), 0.1)
  expect_lt(max(abs(got[, 3:4] - cbind(stats::qgamma(0.05, a), stats::qgamma(0.95, a))) / sqrt(a)),
            0.15)
})

test_that("standard laws have mean 0, variance 1 and their skewness", {
  for (skew in c(-1.5, -0.3, 0, 0.8)) {
    law <- standard_law(skew)
    moment <- function(k) stats::integrate(function(y) y^k * law$density(y), -25, 25,
                                           subdivisions = 1000L, rel.tol = 1e-8)$value
    expect_equal(c(moment(0), moment(1), moment(2), moment(3)), c(1, 0, 1, skew),
                 tolerance = 1e-4)
    p <- c(0.001, 0.3, 0.9)
    below <- vapply(law$quantile(p), function(q) stats::integrate(law$density, -25, q)$value, 0)
    expect_equal(below, p, tolerance = 1e-4)
  }
})
