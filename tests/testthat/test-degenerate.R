# Data that say next to nothing, or too much: the priors carry the fit.

quiet_fit <- function(...) suppressMessages(vb(..., verbose = FALSE))

test_that("one row is enough for every family", {
  row <- data.frame(y = 1, b = 0, n = 0L, x = 2, g = "a")
  fits <- list(
    quiet_fit(y ~ x + (x | g), row),
    quiet_fit(y ~ 1 + (1 | g), row, family = student()),
    quiet_fit(b ~ 1 + (1 | g), row, family = binomial()),
    quiet_fit(b ~ 1, row, family = binomial("probit")),
    quiet_fit(b ~ 1, row, family = binomial("cloglog")),
    quiet_fit(n ~ 1 + (1 | g), row, family = poisson()),
    quiet_fit(n ~ 1, row, family = negbinomial())
  )
  for (fit in fits) {
    expect_true(fit$converged)
    expect_true(all(is.finite(posterior_summary(fit))))
  }
  expect_identical(dim(attr(ranef(fits[[1]])$g, "postVar")), c(2L, 2L, 1L))
})

test_that("responses that are all zero or all one have the posterior of their prior's tail", {
  zero <- data.frame(y = rep(0, 40))
  for (family in list(poisson(), negbinomial(), binomial(), binomial("cloglog"))) {
    fit <- quiet_fit(y ~ 1, zero, family = family, prior_intercept = normal(0, 2))
    expect_true(fit$converged)
    expect_lt(fixef(fit), -2)
  }
  # against the integral itself
  fit <- quiet_fit(y ~ 1, zero, family = poisson(), prior_intercept = normal(0, 2))
  density <- function(b) exp(-40 * exp(b)) * stats::dnorm(b, 0, 2)
  moment <- function(k) stats::integrate(function(b) b^k * density(b), -20, 2)$value
  expect_equal(fixef(fit)[[1]], moment(1) / moment(0), tolerance = 0.02)
})

test_that("more columns than rows converge", {
  set.seed(1)
  data <- data.frame(y = stats::rnorm(20), matrix(stats::rnorm(20 * 40), 20))
  expect_true(quiet_fit(y ~ ., data)$converged)
})

test_that("a fitted mean stays within its range", {
  data <- data.frame(b = rep(0:1, c(30, 10)), id = factor(1:40))
  fit <- quiet_fit(b ~ 1 + (1 | id), data, family = binomial())
  mean <- fitted(fit)
  expect_true(all(mean > 0 & mean < 1))
  expect_true(all(is.finite(residuals(fit, "working"))))
})

test_that("a model that is too large for the engine says so", {
  data <- data.frame(y = stats::rnorm(60), g = gl(6, 10), f = gl(10, 1, 60), h = gl(5, 12))
  expect_error(quiet_fit(y ~ (f | g), data), "at\\s+most 8")
  x <- as.data.frame(matrix(stats::rnorm(60 * 7), 60))
  wide <- cbind(data, x)
  formula <- stats::reformulate(c("(V1+V2+V3+V4+V5+V6+V7|g)", "(V1+V2+V3+V4+V5+V6+V7|h)"), "y")
  expect_error(quiet_fit(formula, wide), "at\\s+most\\s+48")
})

test_that("a forked child does not wait for its parent's threads", {
  skip_on_os("windows")
  skip_on_cran()
  n <- 6000
  data <- data.frame(x = sin(seq_len(n)), y = as.numeric(cos(seq_len(n)^2) > 0))
  fit <- function() fixef(vb(y ~ x, data, family = binomial(), cores = 2))
  here <- fit()
  child <- parallel::mcparallel(fit())
  there <- parallel::mccollect(child, wait = FALSE, timeout = 60)
  if (is.null(there)) tools::pskill(child$pid)
  expect_identical(there[[1]], here)
})

test_that("heavy-tailed priors on every coefficient converge, with few rows too", {
  for (scale in c(0.05, 0.2, 1)) {
    expect_true(vb(mpg ~ ., mtcars, prior = cauchy(0, scale))$converged)
    expect_true(vb(mpg ~ ., mtcars, prior = student_t(3, 0, scale))$converged)
  }
  set.seed(1)
  wide <- data.frame(y = rnorm(10), matrix(rnorm(200), 10))
  expect_true(vb(y ~ ., wide, prior = student_t(3, 0, 1))$converged)
})
