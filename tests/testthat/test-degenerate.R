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
  skip_on_os("windows")              # it cannot fork
  skip_on_cran()                     # a child that hangs is waited for, a minute
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

test_that("a proposal whose weights are poor learns from them, until Metropolis agrees", {
  skip_on_cran()                     # 20,000 steps of Metropolis
  fit <- vb(pixel ~ day + I(day^2) + (day | Dog) + (1 | Dog:Side), nlme::Pixel)
  expect_gt(fit$engine$ess, 400)
  x <- scale(model.matrix(fit)[, -1], scale = FALSE)
  z <- as.matrix(model.matrix(fit, type = "random"))
  prior <- fit$priors
  known <- x %*% (prior$prior$arg2^2 * t(x))
  t3 <- function(x, at, scale) stats::dt((x - at) / scale, 3, log = TRUE)
  # of the logs of sds and sigma, the atanh of the correlation, the intercept at the means
  log_posterior <- function(t) {
    sd <- exp(t[1:4])
    cor <- tanh(t[5])
    dog <- outer(sd[1:2], sd[1:2]) * matrix(c(1, cor, cor, 1), 2)
    v <- known + z[, 1:20] %*% kronecker(diag(10), dog) %*% t(z[, 1:20]) +
      sd[3]^2 * tcrossprod(z[, 21:40]) + diag(sd[4]^2, nrow(x))
    half <- chol(v)
    rest <- backsolve(half, nlme::Pixel$pixel - t[6], transpose = TRUE)
    -sum(log(diag(half))) - sum(rest^2) / 2 + log(1 - cor^2) +
      sum(t3(sd, 0, prior$prior_sd$arg3[1]) + t[1:4]) +
      t3(t[6], prior$prior_intercept$arg2, prior$prior_intercept$arg3)
  }
  natural <- c("sd_Dog__Intercept", "sd_Dog__day", "sd_Dog:Side__Intercept", "sigma",
               "cor_Dog__Intercept__day")
  draws <- as.matrix(fit, 4000, pars = natural)
  draws <- cbind(log(draws[, 1:4]), atanh(draws[, 5]), stats::rnorm(4000, 1088, 10))
  step <- 2.38 / sqrt(6) * chol(stats::cov(draws))
  set.seed(1)
  at <- colMeans(draws)
  value <- log_posterior(at)
  chain <- matrix(0, 20000, 5)
  for (i in seq_len(nrow(chain))) {
    new <- at + drop(stats::rnorm(6) %*% step)
    new_value <- log_posterior(new)
    if (log(stats::runif(1)) < new_value - value) {
      at <- new
      value <- new_value
    }
    chain[i, ] <- c(exp(at[1:4]), tanh(at[5]))
  }
  summary <- posterior_summary(fit, variable = natural)
  # the chain's own error: 4 % of an sd
  expect_lt(max(abs(summary[, 1] - colMeans(chain)) / apply(chain, 2, stats::sd)), 0.15)
  expect_lt(max(abs(log(summary[, 2] / apply(chain, 2, stats::sd)))), 0.15)
})

test_that("draws are there where rounding takes the precision at a draw's theta", {
  set.seed(1)
  data <- data.frame(x = rnorm(25), id = rep(1:13, length.out = 25))
  data$twin <- data$x + 1e-9 * runif(25, -2, 2)
  data$y <- data$x / 2 + rnorm(25)
  fit <- suppressWarnings(vb(y ~ x + twin + (1 | id), data, prior = normal(0, 1e8),
                             prior_intercept = NULL))
  set.seed(1)
  expect_true(all(is.finite(as.matrix(fit, ndraws = 1000))))
  expect_true(all(is.finite(posterior_predict(fit, ndraws = 20))))
})

test_that("a dispersion held where no number is ends a fit, not the session", {
  # the negative binomial's bend went to infinity, and its points beyond their room
  d <- data.frame(s = c("s1", "s1", "s2"), l = c(TRUE, TRUE, FALSE), y = c(1, 1, 2))
  fit <- quiet_fit(y ~ s + l, d, family = negbinomial(), prior_aux = exponential(1e6),
                   prior_intercept = NULL,
                   control = vb_control(rq = FALSE, lr = FALSE, skew = FALSE))
  expect_false(fit$converged)
})
