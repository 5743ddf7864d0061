# The C core of ADVI through its door: exact answers, and what it does where there is none.

settings <- function(...) {
  control <- full_control(vb_control(), 1L, FALSE)
  utils::modifyList(advi_settings(control, "fullrank", 1L), list(...))
}
climb_to <- function(log_density, gradient, start, ...) {
  eval <- function(x, gradient_too) {
    list(value = as.double(apply(x, 2L, log_density)),
         gradient = if (gradient_too) matrix(as.double(apply(x, 2L, gradient)), nrow(x)))
  }
  target <- list(dim = length(start), eval = eval, start = as.matrix(start))
  with_noise_stream("fixed", fit_advi(target, settings(...)))
}

precision <- crossprod(matrix(c(3, 1, 0, -1, 2, 0.5, 0, 1, 1, 1, -2, 4, 1, 0, 0, 1), 4)) + diag(4)
centre <- c(-20, 0, 3, 100)
gaussian_target <- function(theta) -sum((theta - centre) * (precision %*% (theta - centre))) / 2
gaussian_gradient <- function(theta) -precision %*% (theta - centre)

test_that("a Gaussian is recovered to 1e-8 from 2 D draws in full rank", {
  fit <- climb_to(gaussian_target, gaussian_gradient, numeric(4), n_noise = 8L)
  expect_true(fit$converged)
  expect_lt(max(abs(fit$mean - centre)), 1e-8)
  expect_lt(max(abs(fit$cov - solve(precision))), 1e-8)
  evidence <- 2 * log(2 * pi) - determinant(precision)$modulus[[1]] / 2
  expect_lt(abs(fit$elbo - evidence), 1e-8)
  expect_lt(fit$noise_error, 1e-8)
})

test_that("linear response is exact in mean field whatever the draws", {
  for (n_noise in c(4L, 6L, 32L)) {
    fit <- climb_to(gaussian_target, gaussian_gradient, numeric(4), approximation = "meanfield",
                    n_noise = n_noise)
    expect_lt(max(abs(fit$cov - solve(precision))), 1e-8)
    expect_lt(max(abs(fit$mean - centre)), 1e-7)
  }
  # q's own sds are those of the conditional distributions
  expect_equal(fit$sd_q, 1 / sqrt(diag(precision)), tolerance = 1e-6)
})

# E log p and its derivatives for log p = -exp(x) + a x: the optimal Gaussian in closed form
test_that("the optimum of a density that is no Gaussian is the optimum", {
  a <- 3
  fit <- climb_to(function(x) a * x - exp(x), function(x) a - exp(x), 0, n_noise = 50000L)
  # stationary: a = exp(m + v / 2), 1 / v = exp(m + v / 2)
  expect_equal(fit$sd_q^2, 1 / a, tolerance = 5e-3)
  expect_equal(fit$mean, log(a) - 1 / (2 * a), tolerance = 5e-3)
  bound <- a * (log(a) - 1 / (2 * a)) - a + (log(2 * pi / a) + 1) / 2
  expect_lt(abs(fit$elbo - bound), 4 * fit$elbo_se + 1e-3)
  expect_equal(fit$sd, sqrt(trigamma(a)), tolerance = 0.02)    # the truth: a log gamma variable
})

test_that("the draws are doubled until their sampling error is small", {
  loose <- climb_to(function(x) 0.5 * x - exp(x), function(x) 0.5 - exp(x), 0, noise_tol = 1)
  tight <- climb_to(function(x) 0.5 * x - exp(x), function(x) 0.5 - exp(x), 0, noise_tol = 1e-4,
                    max_noise = 4096L)
  expect_identical(loose$n_noise, 32L)
  expect_gt(tight$n_noise, 32L)
  expect_lt(abs(tight$sd_q^2 - 2), abs(loose$sd_q^2 - 2) + 1e-4)
})

test_that("the bound never falls on the way, but for the draws' doubling", {
  fit <- climb_to(function(x) -sum(x^4) - sum(x) / 2, function(x) -4 * x^3 - 0.5, c(3, -2),
                  n_noise = 64L)
  bound <- fit$trace$elbo[fit$trace$phase == 2L]
  expect_true(all(diff(bound) > -1e-9))
})

test_that("holes in the density are stepped around, and told", {
  edge <- function(x) if (x > 1.5) NaN else -x^2 / 2
  fit <- climb_to(edge, function(x) -x, 0, n_noise = 32L)
  expect_gt(fit$n_bad, 0)
  expect_gt(fit$bad, 1.5)
  none <- climb_to(function(x) NaN, function(x) 0, 0)
  expect_identical(none$status, 2L)
  expect_false(none$converged)
})

test_that("Pareto k tells a good approximation from a bad one", {
  good <- climb_to(gaussian_target, gaussian_gradient, numeric(4), approximation = "meanfield")
  bad <- climb_to(banana$log_density, banana$gradient, c(1, 1))
  expect_lt(good$khat, 0.3)
  expect_gt(bad$khat, 0.7)
})

test_that("Pathfinder's draws have the moments of a Gaussian target", {
  fit <- climb_to(gaussian_target, gaussian_gradient, numeric(4), approximation = "pathfinder",
                  n_draw = 4000L, n_path = 4L)
  sd <- sqrt(diag(solve(precision)))
  expect_lt(max(abs(fit$mean - centre) / sd), 0.1)
  expect_lt(max(abs(fit$sd / sd - 1)), 0.1)
})
