# what RTMB cannot tape
kinked <- function(x) if (x[1] > 10) -Inf else -sum((x - 1:2)^2 / c(1, 4)) / 2

test_that("an attribute of the value is a gradient, as stats::deriv() makes it", {
  f <- stats::deriv(~ -(a - 1)^2 / 2 - (b + 2)^2 / 8, c("a", "b"), function(a, b) NULL)
  fit <- advi(function(theta) f(theta[["a"]], theta[["b"]]), c(a = 0, b = 0))
  expect_identical(fit$gradient, "given")
  expect_equal(unname(coef(fit)), c(1, -2), tolerance = 1e-8)
  expect_equal(unname(diag(vcov(fit))), c(1, 4), tolerance = 1e-8)
})

test_that("without a gradient the density is differenced, with a message", {
  expect_message(fit <- advi(kinked, c(0, 0)), "differenced", class = "vb_message")
  expect_identical(fit$gradient, "differences")
  expect_equal(unname(coef(fit)), c(1, 2), tolerance = 1e-6)
  expect_equal(unname(diag(vcov(fit))), c(1, 4), tolerance = 1e-5)
  expect_match(summary(fit)$report, "by differences")
  vectorised <- function(x) {
    if (any(x[, 1] > 10)) warning("far")
    -colSums((t(x) - 1:2)^2 / c(1, 4)) / 2
  }
  suppressMessages(fit <- advi(vectorised, c(0, 0), vectorised = TRUE))
  expect_equal(unname(coef(fit)), c(1, 2), tolerance = 1e-6)
})

test_that("differences have steps of the parameters' size", {
  wide <- c(1e-5, 1, 1e5)
  f <- function(x) if (x[1] > 10) -Inf else -sum((x / wide)^2) / 2
  fit <- suppressMessages(advi(f, wide, lower = -Inf))
  expect_equal(unname(fit$sd), wide, tolerance = 1e-4)
  value <- function(x) -colSums((x / wide)^2) / 2
  for (k in 1:3) {
    unit <- unit_length(value, numeric(3), 1 * (1:3 == k))
    expect_gt(unit, wide[k] / 8)
    expect_lt(unit, wide[k] * 8)
  }
  # far from the mode, flat and at a cliff
  expect_lt(unit_length(value, c(1, 0, 0), c(1, 0, 0)), 1e-7)
  expect_lt(unit_length(function(x) 0 * x[1, ], 0, 1), 1e10)
  expect_lt(unit_length(function(x) ifelse(x[1, ] > 1e-6, NaN, 0), 0, 1), 2e-6)
})

test_that("differences are exact to what matters, and holes are holes", {
  value <- function(x) ifelse(x[1, ] > 2, NaN, sin(x[1, ]) + x[2, ]^3)
  f <- differenced(value, c(1, 1))
  x <- rbind(c(0, 1, 3), c(1, -1, 0))
  got <- f(x)
  expect_equal(got$value, c(value(x[, 1:2]), -Inf))
  expect_equal(got$gradient[, 1:2], rbind(cos(c(0, 1)), c(3, 3)), tolerance = 1e-6)
  expect_identical(got$gradient[, 3], c(0, 0))
  # columns in blocks
  many <- matrix(stats::rnorm(2000), 200)
  g <- differenced(function(x) -colSums(x^2) / 2, rep(1, 200))
  expect_equal(g(many)$gradient, -many, tolerance = 1e-6)
})

test_that("functions are taped by RTMB", {
  skip_if_not_installed("RTMB")
  f <- function(theta) {
    mu <- numeric(nrow(cars))
    mu[] <- theta["a"] + theta[["b"]] * cars$speed
    prior <- dgamma(theta["sigma"], 2, 0.1, log = TRUE)
    sum(dnorm(cars$dist, mu, theta["sigma"], log = TRUE)) + prior
  }
  init <- c(a = 0, b = 1, sigma = 10)
  expect_silent(fit <- advi(f, init, lower = c(sigma = 0)))
  expect_identical(fit$gradient, "RTMB")
  by_hand <- function(theta) {
    z <- cars$dist - theta[["a"]] - theta[["b"]] * cars$speed
    s <- theta[["sigma"]]
    c(sum(z) / s^2, sum(z * cars$speed) / s^2, sum(z^2) / s^3 - nrow(cars) / s + 1 / s - 0.1)
  }
  own <- advi(f, init, by_hand, lower = c(sigma = 0))
  expect_equal(posterior_summary(fit), posterior_summary(own), tolerance = 1e-6)
  # what it cannot tape, and a tape that has not all of the function, are differenced
  expect_message(fit <- advi(kinked, c(0, 0)), "RTMB", class = "vb_message")
  expect_identical(fit$gradient, "differences")
  counter <- 0
  changing <- function(x) {
    counter <<- counter + 1
    -sum(x^2) / 2 + (counter %% 2)
  }
  expect_error(tape_density(changing, function(f) function(theta) f(drop(theta)), matrix(1:2)),
               class = "vb_error_target")
})
