# Each family's draws against R's distribution functions, given the linear predictor.

one_draw <- function(fit, n = 4000) {
  sample <- list(coef = matrix(0, nrow(fit$engine$node$mean), 1L),
                 hyper = matrix(hyper_mean(fit), ncol = 1L))
  eta <- matrix(rep(0.3, n))
  list(eta = eta, draw = function(size = rep(1, n)) {
    drop(response_draws(fit, eta, size, sample))
  }, par = as.list(hyper_mean(fit)))
}

expect_distribution <- function(x, cdf, discrete = FALSE) {
  if (discrete) {
    at <- sort(unique(x))
    expect_lt(max(abs(stats::ecdf(x)(at) - cdf(at))), 1.95 / sqrt(length(x)))
  } else {
    expect_gt(suppressWarnings(stats::ks.test(x, cdf))$p.value, 0.001)
  }
}

test_that("responses follow R's distribution functions", {
  set.seed(1)
  mu <- exp(0.3)
  it <- one_draw(fit_of("line"))
  expect_distribution(it$draw(rep(4, 4000)), function(q) pnorm(q, 0.3, it$par$sigma / 2))
  it <- one_draw(fit_of("binomial"))
  expect_distribution(it$draw(rep(7, 4000)), function(q) pbinom(q, 7, plogis(0.3)), TRUE)
  expect_distribution(one_draw(fit_of("poisson"))$draw(), function(q) ppois(q, mu), TRUE)
  it <- one_draw(fit_of("negbinomial"))
  expect_distribution(it$draw(), function(q) pnbinom(q, size = it$par$shape, mu = mu), TRUE)
  it <- one_draw(fit_of("student"))
  expect_distribution(it$draw(), function(q) pt((q - 0.3) / it$par$sigma, 4))
  it <- one_draw(vb(dist ~ speed, cars[-1, ], family = Gamma("log")))
  expect_distribution(it$draw(rep(2, 4000)), function(q) {
    pgamma(q, 2 * it$par$shape, 2 * it$par$shape / mu)
  })
  it <- one_draw(vb(I(Acid.Conc. / 100) ~ Air.Flow, stackloss, family = Beta()))
  p <- plogis(0.3)
  expect_distribution(it$draw(), function(q) pbeta(q, p * it$par$phi, (1 - p) * it$par$phi))
  it <- one_draw(vb(dist ~ speed, cars, family = asym_laplace(0.8)))
  density <- function(x) {
    e <- (x - 0.3) / it$par$sigma
    0.8 * 0.2 / it$par$sigma * exp(-e * (0.8 - (e < 0)))
  }
  at <- 0.3 + it$par$sigma * c(-4, -1, 0, 1, 3)
  exact <- vapply(at, function(q) {
    stats::integrate(density, -Inf, min(q, 0.3))$value +
      if (q > 0.3) stats::integrate(density, 0.3, q)$value else 0
  }, 0)
  expect_lt(max(abs(stats::ecdf(it$draw())(at) - exact)), 1.95 / sqrt(4000))
})

test_that("categories have the probabilities of posterior_epred()", {
  data <- transform(warpbreaks, tension = factor(tension, ordered = TRUE))
  fit <- vb(tension ~ breaks, data, family = cumulative())
  p <- posterior_epred(fit, ndraws = 4000, seed = 1)
  expect_identical(dim(p), c(4000L, 54L, 3L))
  expect_equal(rowSums(p[1:5, 7, ]), rep(1, 5))
  y <- posterior_predict(fit, ndraws = 4000, seed = 1)
  expect_identical(attr(y, "levels"), c("L", "M", "H"))
  drawn <- vapply(1:3, function(k) mean(y[, 7] == k), 0)
  expect_lt(max(abs(drawn - colMeans(p[, 7, ]))), 4 * sqrt(0.25 / 4000))
  expect_equal(apply(p, 3, colMeans), unname(fitted(fit)), tolerance = 0.02, ignore_attr = TRUE)
  expect_s3_class(simulate(fit, seed = 1)$sim_1, "ordered")
})

test_that("a family of one's own draws by its simulate, and says where there is none", {
  fit <- vb(breaks ~ wool, warpbreaks, family = weibull)
  expect_error(posterior_predict(fit, ndraws = 3), class = "vb_error_simulate")
  drawing <- weibull
  drawing$simulate <- function(eta, par) stats::rweibull(length(eta), par$shape, exp(eta))
  fit <- vb(breaks ~ wool, warpbreaks, family = drawing)
  y <- posterior_predict(fit, ndraws = 2000, seed = 1)
  eta <- posterior_linpred(fit, ndraws = 2000, seed = 1)
  shape <- posterior_summary(fit)["shape", "Estimate"]
  expect_equal(colMeans(y)[1], mean(exp(eta[, 1])) * gamma(1 + 1 / shape), tolerance = 0.1,
               ignore_attr = TRUE)
  drawing$simulate <- function(eta, par) 1
  fit$family <- drawing
  expect_error(posterior_predict(fit, ndraws = 3), class = "vb_error_simulate")
})
