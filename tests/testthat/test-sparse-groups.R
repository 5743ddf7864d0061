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
  expect_lt(abs(sd[["Estimate"]] - exact) / sd[["Est.Error"]], 0.15)

  zero <- data.frame(y = 0, g = rep(1:5, 2))
  fit <- vb(y ~ 1 + (1 | g), zero, family = binomial())
  exact <- exact_sd(function(eta, kind) 2 * plogis(-eta, log.p = TRUE), 5, half_t)
  sd <- posterior_summary(fit)["sd_g__Intercept", ]
  expect_lt(abs(sd[["Estimate"]] - exact) / sd[["Est.Error"]], 0.05)
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
