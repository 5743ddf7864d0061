# Groups that say little: the truth about each is as wide as its prior, far wider than the Gaussian
# that approximates it, and the corrections must reach there without blowing up. Exact answers by
# nested one-dimensional integrals over the common effect, the intercept and the group sd.

# `times` groups of each kind, whose log-likelihood at eta is log_lik(eta, kind)
exact_sd <- function(log_lik, times, sd_prior) {
  u <- seq(-8, 8, length.out = 401)                  # group effect in sds
  b <- seq(-40, 40, length.out = 321)
  s <- exp(seq(log(1e-2), log(400), length.out = 70))
  given <- vapply(s, function(sd) {
    each <- vapply(seq_along(times), function(kind) {
      like <- exp(log_lik(outer(b, sd * u, "+"), kind))
      times[kind] * log(drop(like %*% dnorm(u)) * (u[2] - u[1]))
    }, b)
    sum(exp(rowSums(as.matrix(each)) + dt(b / 2.5, 3, log = TRUE))) * (b[2] - b[1])
  }, 0)
  w <- given * sd_prior(s) * s                       # s is even on the log scale
  sum(s * w) / sum(w)
}
half_t <- function(s) 2 * dt(s / 2.5, 3) / 2.5

test_that("separated and all-zero groups have the exact mean of the group sd", {
  separated <- data.frame(g = rep(1:4, each = 6), y = rep(c(0, 0, 1, 1), each = 6))
  fit <- vb(y ~ 1 + (1 | g), separated, family = binomial())
  exact <- exact_sd(function(eta, kind) 6 * plogis(if (kind == 2) eta else -eta, log.p = TRUE),
                    c(2, 2), half_t)
  sd <- posterior_summary(fit)["sd_g__Intercept", ]
  expect_lt(abs(sd[["Estimate"]] - exact) / sd[["Est.Error"]], 0.03)

  zero <- data.frame(y = 0, g = rep(1:5, 2))
  fit <- vb(y ~ 1 + (1 | g), zero, family = binomial())
  exact <- exact_sd(function(eta, kind) 2 * plogis(-eta, log.p = TRUE), 5, half_t)
  sd <- posterior_summary(fit)["sd_g__Intercept", ]
  expect_lt(abs(sd[["Estimate"]] - exact) / sd[["Est.Error"]], 0.03)
})

# One binary row per group and a slope: the row's integral over its own effect by a table, intercept
# and slope over a grid.
exact_rows <- function(y, x, sd) {
  z <- seq(-8.5, 8.5, length.out = 601)
  weight <- dnorm(z) / sum(dnorm(z))
  eta <- seq(-80, 80, by = 0.05)
  log_row <- stats::approxfun(eta, log(drop(plogis(outer(eta, sd * z, "+")) %*% weight)))
  spread <- sqrt(1 + sd^2 / 3)
  b0 <- seq(-2.5, 3.5, length.out = 101) * spread
  b1 <- seq(-1.5, 3, length.out = 101) * spread
  log_lik <- vapply(b1, function(slope) {
    rowSums(matrix(log_row(outer(b0, x * slope, "+") * rep(2 * y - 1, each = length(b0))),
                   length(b0)))
  }, b0)
  joint <- log_lik + dt(b0 / 2.5, 3, log = TRUE) - log(2.5) +
    rep(dnorm(b1, 0, 2.5, log = TRUE), each = length(b0))
  list(slope = grid_summary(b1, log(colSums(exp(joint - max(joint))))),
       evidence = log_sum_exp(joint) + log(b0[2] - b0[1]) + log(b1[2] - b1[1]))
}

test_that("one binary row per group has its evidence and slope, however wide the groups", {
  n <- 40
  i <- seq_len(n)
  x <- sin(i * 1.3) + cos(i * 0.7)
  x <- x - mean(x)
  y <- as.numeric((i * 0.618) %% 1 < plogis(x))
  for (sd in c(1, 4, 12)) {
    fit <- vb(y ~ x + (1 | i), family = binomial(), prior = normal(0, 2.5),
              prior_intercept = student_t(3, 0, 2.5), prior_sd = constant(sd))
    exact <- exact_rows(y, x, sd)
    got <- posterior_summary(fit, probs = c(0.05, 0.95), variable = "b_x")
    expect_lt(abs(fit$log_evidence - exact$evidence), 0.1)
    expect_lt(abs(got[1] - exact$slope[1]) / exact$slope[2], 0.05)
    expect_lt(abs(got[2] / exact$slope[2] - 1), 0.05)
  }
})

test_that("one binary row per group gives a wide posterior, not a point", {
  n <- 80
  i <- seq_len(n)
  x <- sin(i * 1.3) + cos(i * 0.7)
  data <- data.frame(x = x, id = i, y = as.numeric((i * 0.618) %% 1 < plogis(x)))
  s <- posterior_summary(vb(y ~ x + (1 | id), data, family = binomial()))
  expect_gt(s["sd_id__Intercept", "Est.Error"], 0.5)
  expect_lt(s["sd_id__Intercept", "Estimate"], 10)
})

test_that("no small fit collapses onto one value of its hyperparameters", {
  for (seed in 1:4) {
    set.seed(seed)
    n <- 40
    data <- data.frame(x = rnorm(n), g = factor(rep(1:8, 5)))
    eta <- 0.5 * data$x + rnorm(8, 0, 0.7)[data$g]
    responses <- list(
      list(0.5 * data$x + rt(n, 1.3), student(), y ~ x),
      list(eta + rt(n, 1.5), student(), y ~ x + (1 | g)),
      list(rbinom(n, 1, pnorm(3 * eta)), binomial("probit"), y ~ x + (1 | g)),
      list(rbinom(n, 1, 1 - exp(-exp(3 * eta - 1))), binomial("cloglog"), y ~ x + (1 | g))
    )
    for (r in responses) {
      data$y <- r[[1]]
      fit <- suppressWarnings(vb(r[[3]], data, family = r[[2]]))
      expect_lt(max(fit$engine$point$weight), 0.1)
    }
  }
})

test_that("predict() has the exact mean and se of a sparse group's linear predictor", {
  ones <- rep(0:2, c(12, 9, 9))
  data <- data.frame(g = factor(rep(seq_along(ones), each = 2)),
                     y = as.vector(rbind(as.numeric(ones > 0), as.numeric(ones > 1))))
  b <- seq(-6, 6, length.out = 301)
  eta <- seq(-15, 15, length.out = 601)
  log_lik <- sapply(0:2, function(k) k * plogis(eta, log.p = TRUE) +
                      (2 - k) * plogis(-eta, log.p = TRUE))
  for (sd in c(1, 3)) {
    fit <- vb(y ~ 1 + (1 | g), data, family = binomial(), prior_intercept = normal(0, 2.5),
              prior_sd = constant(sd))
    prior <- outer(b, eta, function(b, eta) dnorm(eta, b, sd))
    group <- prior %*% exp(log_lik) * (eta[2] - eta[1])      # a group's likelihood given b
    log_b <- drop(log(group) %*% tabulate(ones + 1, 3)) + dnorm(b, 0, 2.5, log = TRUE)
    got <- predict(fit, data.frame(g = c("1", "13", "22")), se.fit = TRUE)
    for (k in 1:3) {
      w <- colSums(prior * exp(log_b - max(log_b)) / group[, k]) * exp(log_lik[, k])
      exact <- grid_summary(eta, log(w))
      expect_lt(abs(got$fit[k] - exact[1]) / exact[2], 0.02)
      expect_lt(abs(got$se.fit[k] / exact[2] - 1), 0.02)
    }
  }
})

test_that("predict() has the draws' ses where random effects of several factors add up", {
  fit <- reference_fit("poisson_obs")
  data <- reference_data("poisson_obs")
  skip_if_not_installed("posterior")
  set.seed(1)
  draws <- as.matrix(fit, ndraws = 4000)
  eta <- draws[, "b_Intercept"] + outer(draws[, "b_x"], data$x) +
    draws[, paste0("r_g[", data$g, ",Intercept]")] +
    draws[, paste0("r_obs[", data$obs, ",Intercept]")]
  se <- predict(fit, se.fit = TRUE)$se.fit
  expect_lt(abs(mean(se / apply(eta, 2, stats::sd)) - 1), 0.015)
})
