schools_fit <- advi(schools_density, schools_init, schools_gradient, lower = c(tau = 0))

test_that("summaries are those of the Gaussian where that is asked for, two calls alike", {
  got <- posterior_summary(schools_fit, probs = c(0.1, 0.5), method = "approximation")
  expect_identical(got, posterior_summary(schools_fit, probs = c(0.1, 0.5),
                                          method = "approximation"))
  expect_identical(colnames(got), c("Estimate", "Est.Error", "Q10", "Q50"))
  expect_identical(rownames(got), names(schools_init))
  mean <- schools_fit$mean[["mu"]]
  sd <- schools_fit$sd[["mu"]]
  expect_equal(got["mu", ], c(mean, sd, mean + sd * stats::qnorm(c(0.1, 0.5))),
               ignore_attr = TRUE)
  # where linear response says nothing of tau itself, it is that of the logarithm
  plain <- schools_fit
  plain$margin$law_at[] <- NA
  expect_equal(posterior_summary(plain, 0.5, "tau", "approximation")[, "Q50"],
               c(tau = exp(schools_fit$mean[["log(tau)"]])), ignore_attr = TRUE)
  expect_identical(posterior_summary(schools_fit, variable = "z"),
                   posterior_summary(schools_fit)[paste0("z[", 1:8, "]"), ])
  expect_identical(dim(posterior_summary(schools_fit, probs = numeric(), variable = "tau")),
                   c(1L, 2L))
  expect_error(posterior_summary(schools_fit, variable = "sigma"), class = "vb_error_variable")
  expect_error(posterior_summary(schools_fit, probs = 2), class = "vb_error_probs")
  expect_error(posterior_summary(schools_fit, method = "lr"), class = "vb_error_method")
})

test_that("importance weights correct what they can", {
  exact <- schools_exact()
  got <- posterior_summary(schools_fit, method = "psis", variable = c("mu", "tau"))
  expect_lt(max(abs(got[, 1] - exact[, 1]) / exact[, 2]), 0.1)
  expect_lt(max(abs(got[, 2] / exact[, 2] - 1)), 0.08)
  gaussian <- posterior_summary(schools_fit, method = "approximation")
  expect_gt(abs(gaussian["tau", 1] - exact["tau", 1]) / exact["tau", 2], 0.05)
  expect_identical(posterior_summary(schools_fit, variable = c("mu", "tau")), got)
})

# mean, sd and the 5 % and 95 % quantiles of one parameter that is bounded, from its density alone
bounded_fit <- function(log_density, gradient, lower = 0, upper = Inf, init = 0.5) {
  advi(log_density, c(s = init), gradient, lower = lower, upper = upper)
}
expect_exact <- function(fit, mean, sd, quantiles) {
  got <- posterior_summary(fit, c(0.05, 0.95))[1L, ]
  expect_lt(abs(got[[1L]] - mean) / sd, 0.02)
  expect_lt(abs(got[[2L]] / sd - 1), 0.03)
  expect_lt(max(abs(got[3:4] - quantiles)) / sd, 0.03)
}
tails <- c(0.05, 0.95)

test_that("scales and proportions have moments and quantiles of their own shape", {
  for (a in c(0.3, 0.5, 1, 2, 5, 20)) {
    fit <- bounded_fit(function(t) (a - 1) * log(t) - t, function(t) (a - 1) / t - 1)
    expect_exact(fit, a, sqrt(a), stats::qgamma(tails, a))
  }
  for (a in c(2.5, 3, 5, 10)) {
    fit <- bounded_fit(function(t) -(a + 1) * log(t) - 1 / t, function(t) -(a + 1) / t + 1 / t^2)
    expect_exact(fit, 1 / (a - 1), 1 / ((a - 1) * sqrt(a - 2)), 1 / stats::qgamma(1 - tails, a))
  }
  for (ab in list(c(0.5, 0.5), c(2, 2), c(1, 5), c(0.5, 5), c(9, 1), c(20, 3), c(3, 30))) {
    a <- ab[1L]
    b <- ab[2L]
    fit <- bounded_fit(function(t) (a - 1) * log(t) + (b - 1) * log1p(-t),
                       function(t) (a - 1) / t - (b - 1) / (1 - t), upper = 1)
    expect_exact(fit, a / (a + b), sqrt(a * b / (a + b + 1)) / (a + b), stats::qbeta(tails, a, b))
  }
  # from above, and reversed
  fit <- bounded_fit(function(t) log(3 - t) - (3 - t), function(t) 1 - 1 / (3 - t), -Inf, 3, 1)
  expect_exact(fit, 1, sqrt(2), 3 - stats::qgamma(rev(tails), 2))
  half_normal <- bounded_fit(function(t) -t^2 / 2, function(t) -t)
  expect_exact(half_normal, sqrt(2 / pi), sqrt(1 - 2 / pi), stats::qnorm((1 + tails) / 2))
  for (nu in c(3, 5)) {
    mean <- 2 * sqrt(nu) * gamma((nu + 1) / 2) / (gamma(nu / 2) * sqrt(pi) * (nu - 1))
    fit <- bounded_fit(function(t) stats::dt(t, nu, log = TRUE),
                       function(t) -(nu + 1) * t / (nu + t^2))
    expect_exact(fit, mean, sqrt(nu / (nu - 2) - mean^2), stats::qt((1 + tails) / 2, nu))
    expect_match(summary(fit)$verdict, "usable; importance weights have corrected|close to the")
  }
})

test_that("moments that do not exist are named, and quantiles are right nevertheless", {
  for (nu in 1:2) {
    fit <- bounded_fit(function(t) stats::dt(t, nu, log = TRUE),
                       function(t) -(nu + 1) * t / (nu + t^2))
    expect_match(summary(fit)$verdict, "standard deviations of all parameters are not to be tru")
    exact <- stats::qt((1 + tails) / 2, nu)
    expect_equal(unname(posterior_summary(fit, tails)[1L, 3:4]), exact, tolerance = 0.02)
  }
})

test_that("a volatility's persistence has its posterior, in the interval that it is bound to", {
  set.seed(8)
  h <- stats::filter(stats::rnorm(150, sd = 0.4), 0.9, "recursive") - 1
  y <- stats::rnorm(150, sd = exp(h / 2))
  # h is summed out on a grid (a hidden Markov model), which needs no approximation
  log_lik <- function(phi, sigma) {
    sd <- sigma / sqrt(1 - phi^2)
    x <- seq(-4.5, 4.5, length.out = min(80, max(25, ceiling(11 * sd / sigma)))) * sd
    step <- stats::dnorm(outer(-phi * x, x, "+") / sigma)
    step <- step / rowSums(step)
    y_given <- stats::dnorm(outer(exp(-(x - 1) / 2), as.vector(y))) * exp(-(x - 1) / 2)
    p <- stats::dnorm(x / sd)
    total <- -log(sum(p))
    for (i in seq_along(y)) {
      p <- p * y_given[, i]
      total <- total + log(sum(p))
      p <- drop((p / sum(p)) %*% step)
    }
    total
  }
  density <- function(theta) {
    phi <- theta[["phi"]]
    if (1 - abs(phi) < 1e-6) return(-Inf)
    log_lik(phi, theta[["sigma"]]) + stats::dbeta((1 + phi) / 2, 10, 1.5, log = TRUE) -
      theta[["sigma"]]^2 / 2
  }
  fit <- suppressMessages(advi(density, c(phi = 0.8, sigma = 0.4), lower = c(phi = -1, sigma = 0),
                               upper = c(phi = 1), control = vb_control(draws = 1000)))
  axis <- list(phi = seq(0.01, 0.99, 0.02), sigma = seq(0.03, 1.5, 0.03))
  value <- matrix(apply(expand.grid(axis), 1L, density), length(axis$phi))
  weight <- exp(value - max(value))
  got <- posterior_summary(fit, tails)
  for (k in 1:2) {
    x <- axis[[k]]
    p <- apply(weight, k, sum) / sum(weight)
    mean <- sum(p * x)
    sd <- sqrt(sum(p * (x - mean)^2))
    edge <- c(x[1L], x) + diff(x[1:2]) / 2 * rep(c(-1, 1), c(1L, length(x)))
    edge <- stats::approx(c(0, cumsum(p)), edge, tails, ties = "ordered")$y
    expect_lt(max(abs(got[k, -2L] - c(mean, edge))) / sd, 0.08)
    expect_lt(abs(got[k, 2L] / sd - 1), 0.05)
  }
})

test_that("bounded parameters are right together, and draws are as the summary says", {
  skip_if_not_installed("posterior")
  a <- c(2, 1, 0.5, 10, 3)
  fit <- advi(function(theta) sum((a - 1) * log(theta) - theta), c(p = rep(1, 5)),
              function(theta) (a - 1) / theta - 1, lower = 0)
  got <- posterior_summary(fit, tails)
  exact <- cbind(a, stats::qgamma(0.05, a), stats::qgamma(0.95, a)) / sqrt(a)
  expect_lt(max(abs(got[, c(1L, 3:4)] / sqrt(a) - exact)), 0.12)
  expect_lt(max(abs(got[, 2L] / sqrt(a) - 1)), 0.05)
  expect_equal(sqrt(diag(vcov(fit))), got[, 2L])
  expect_lt(max(abs(vcov(fit, correlation = TRUE) - diag(5))), 0.06)
  draws <- unclass(posterior::as_draws(fit))[, 1:5]
  expect_equal(colMeans(draws), got[, 1L], tolerance = 0.02)
  expect_equal(apply(draws, 2L, stats::sd), got[, 2L], tolerance = 0.03)
  expect_identical(posterior::ndraws(posterior::as_draws(fit, ndraws = 100)), 100L)
  # nothing of it is random
  set.seed(1)
  other <- advi(function(theta) sum((a - 1) * log(theta) - theta), c(p = rep(1, 5)),
                function(theta) (a - 1) / theta - 1, lower = 0)
  expect_identical(posterior_summary(other), posterior_summary(fit))
})

test_that("a good approximation is said to be one", {
  # its weights hardly vary, but have a cubic tail
  fit <- advi(function(theta) sum(stats::dgamma(theta, c(60, 90), log = TRUE)), c(a = 50, b = 50),
              function(theta) c(59, 89) / theta - 1, lower = 0)
  expect_match(summary(fit)$verdict, "close to the target")
  got <- posterior_summary(fit, method = "psis")
  expect_lt(max(abs(got[, 1] - c(60, 90)) / sqrt(c(60, 90))), 0.05)
  # one that is close enough to be corrected
  expect_match(summary(schools_fit)$verdict, "weights have corrected .*, most of all in tau")
})

test_that("weights that cannot are an error that says so", {
  fit <- advi(banana$log_density, c(a = 1, b = 1), banana$gradient)
  expect_error(posterior_summary(fit, method = "psis"), "Pareto k", class = "vb_error_method")
  fit$khat <- 0.3
  fit$margin$khat <- c(0.2, 0.9)
  expect_error(posterior_summary(fit, method = "psis"), "\"b\"", class = "vb_error_khat")
  expect_identical(rownames(posterior_summary(fit, method = "psis", variable = "a")), "a")
  fit$margin$khat <- c(NaN, NaN)
  expect_error(posterior_summary(fit, method = "psis"), class = "vb_error_khat")
})

test_that("summary() has a column for what was not corrected and for Pareto k", {
  s <- summary(schools_fit, prob = 0.9)
  expect_s3_class(s, "summary.advifit")
  expect_named(s$parameters, c("Estimate", "Est.Error", "l-90% CI", "u-90% CI", "q.Error",
                               "Pareto.k"))
  expect_identical(s$parameters$Pareto.k, schools_fit$margin$khat)
  expect_true(all(s$parameters$q.Error > 0))
  text <- capture.output(print(s))
  expect_true(all(nchar(text) <= 80))
  expect_match(text, "q.Error Pareto.k", all = FALSE)
  whole <- paste(text, collapse = " ")
  expect_match(whole, "fullrank approximation, ELBO")
  expect_match(whole, "sampling error")
  expect_match(whole, "gradients, +converged in")
  expect_match(whole, "Pareto k")
  expect_error(summary(schools_fit, prob = 1), class = "vb_error_prob")
})
