# Densities of responses over a normal predictor, against R's integrate()

score <- function(fit, y, w, mean, var, par = numeric(), skew = 0) {
  moments <- lapply(list(mean = mean, var = var, skew = skew), as.matrix)
  moments$par <- as.matrix(par)
  drop(engine_log_score(fit, list(y = y, w = w), moments))
}

by_quadrature <- function(density, mean, var) {
  # where the likelihood is much narrower than the normal, integrate() has to be shown it
  at <- seq(mean - 9 * sqrt(var), mean + 9 * sqrt(var), length.out = 20001)
  f <- function(eta) density(eta) * dnorm(eta, mean, sqrt(var))
  value <- f(at)
  inside <- range(at[value > max(value) * 1e-17])
  log(integrate(f, inside[1], inside[2], rel.tol = 1e-10, subdivisions = 2000L)$value)
}

test_that("the density of counts is that of integrate(), however narrow the likelihood", {
  pois <- fit_of("poisson")
  for (case in list(c(3, 1, 0.5), c(0, 1, 4), c(5000, 8, 2), c(40, -1, 9), c(2, 0.7, 1e-6))) {
    want <- by_quadrature(function(eta) dpois(case[1], exp(eta)), case[2], case[3])
    # the part free of eta is a constant of R's
    got <- score(pois, case[1], 1, case[2], case[3]) - lgamma(case[1] + 1)
    expect_equal(got, want, tolerance = 1e-6)
  }
  binomial <- fit_of("binomial")
  for (case in list(c(0, 10, -1, 2), c(7, 7, 1, 30), c(600, 1000, 3, 4))) {
    want <- by_quadrature(function(eta) dbinom(case[1], case[2], plogis(eta)), case[3], case[4])
    got <- score(binomial, case[1], case[2], case[3], case[4]) + lchoose(case[2], case[1])
    expect_equal(got, want, tolerance = 1e-6)
  }
})

test_that("so is that of continuous responses, with dispersions and kinks", {
  want <- by_quadrature(function(eta) dnorm(2, eta, 0.3), 1, 4)
  expect_equal(score(fit_of("known"), 2, 1, 1, 4, 0.3), want, tolerance = 1e-8)
  median <- vb(stack.loss ~ Air.Flow, stackloss, family = asym_laplace(0.5))
  par <- 2.5
  density <- function(eta) exp(-abs(12 - eta) / (2 * par)) / (4 * par)
  for (case in list(c(10, 1), c(20, 9), c(12, 400))) {
    want <- by_quadrature(density, case[1], case[2])
    expect_equal(score(median, 12, 1, case[1], case[2], c(par, 0.5)), want,
                 tolerance = 1e-3)
  }
})

test_that("a peak with heavy tails is found and its tails are followed", {
  student <- fit_of("student")
  for (sigma in c(0.3, 0.02)) for (nu in c(1.1, 3)) for (y in c(0, 2, 9)) {
    # integrated over r = y - eta = sigma sinh(u), which has peak and tails at one scale
    u <- seq(asinh((y - 30) / sigma), asinh((y + 30) / sigma), length.out = 1e5)
    r <- sigma * sinh(u)
    f <- dt(r / sigma, nu) / sigma * dnorm(y - r, 0, 3) * sigma * cosh(u)
    want <- log(sum(f) * (u[2] - u[1]))
    expect_equal(score(student, y, 1, 0, 9, c(sigma, nu)), want, tolerance = 1e-3)
  }
})

test_that("a skewed predictor is integrated over its own distribution", {
  set.seed(3)
  pois <- fit_of("poisson")
  # a shifted lognormal of this mean, variance and skewness
  skew <- 0.8
  w <- uniroot(function(w) (w + 2)^2 * (w - 1) - skew^2, c(1, 3), tol = 1e-14)$root
  eta <- 1 + sqrt(0.6) * (exp(sqrt(log(w)) * qnorm(ppoints(1e5)) - log(w) / 2) - 1) / sqrt(w - 1)
  want <- log(mean(dpois(4, exp(eta))))
  expect_equal(score(pois, 4, 1, 1, 0.6, skew = skew) - lgamma(5), want, tolerance = 1e-4)
})
