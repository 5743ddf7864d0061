# Integrals over theta against quadrature of the whole posterior, where the surface is a hard one.

weighted_moments <- function(value, weight) {
  mean <- sum(weight * value)
  c(mean = mean, sd = sqrt(sum(weight * value^2) - mean^2))
}

# Ten pairs with t distributed rows, of which one may be an outlier: with small sigma a subject's
# effect has two modes, and the sites' precisions are negative.  Over the subjects' locations m the
# integrals are sums, the same for all (sd, b0).  log_prior: of nu, with what is to be integrated.
pairs_exact <- function(sigma, nu, log_prior, step, n_b = 13) {
  y <- split(sleep$extra, sleep$group)
  half_t <- function(x) log(dt(x / 2.5, 3)) + log(x)           # with the Jacobian of its log
  m <- seq(-8, 12, step)
  sd <- exp(seq(-1, 2, length.out = 12))
  b0 <- seq(-2.5, 4, length.out = n_b)
  b1 <- seq(-1.5, 4.5, length.out = n_b)
  at <- expand.grid(sd = sd, b0 = b0)
  around <- apply(at, 1, function(a) dnorm(m, a[[2]], a[[1]])) * step
  log_p <- array(0, c(length(sd), length(b0), length(b1), length(sigma), length(nu)))
  for (k in seq_along(nu)) for (j in seq_along(sigma)) {
    density <- function(y) outer(m, y, function(m, y) dt((y - m) / sigma[j], nu[k]) / sigma[j])
    first <- density(y[[1]])
    for (i in seq_along(b1))
      log_p[, , i, j, k] <- colSums(log(crossprod(first * density(y[[2]] - b1[i]), around))) +
        half_t(at$sd) + half_t(sigma[j]) + log_prior(nu[k]) +
        log(dt((at$b0 + b1[i] / 2 - 0.95) / 2.5, 3)) + dnorm(b1[i], 0, 5, log = TRUE)
  }
  weight <- exp(log_p - max(log_p))
  weight <- weight / sum(weight)
  t(mapply(function(axis, value) weighted_moments(value, apply(weight, axis, sum)),
           c(2, 3, 1, 4, 5), list(b0, b1, sd, sigma, nu)))
}

pairs_fit <- function(...) {
  vb(extra ~ group + (1 | ID), sleep, family = student(...), prior = normal(0, 5),
     prior_intercept = student_t(3, 0.95, 2.5), prior_sd = student_t(3, 0, 2.5))
}

test_that("paired t distributed rows: scale and degrees of freedom are those of quadrature", {
  exact <- pairs_exact(exp(seq(-1.9, 1, length.out = 14)), exp(seq(-0.8, 4.7, length.out = 11)),
                       function(nu) dgamma(nu, 2, 0.1, log = TRUE) + log(nu), 0.1)
  fit <- pairs_fit()
  expect_true(fit$converged)
  got <- posterior_summary(fit)[1:5, ]
  expect_lt(max(abs(got[, 1] - exact[, 1]) / exact[, 2]), 0.03)
  expect_lt(max(abs(log(got[, 2] / exact[, 2]))), 0.03)
})

# What residual quadrature says of the effect of a tilt is not for large remainders: it doubled the
# intercept's sd.
test_that("paired Cauchy rows are those of quadrature", {
  sigma <- exp(seq(-2.7, 0.6, length.out = 16))
  exact <- pairs_exact(sigma, 1, function(nu) 0, 0.05, n_b = 27)[1:4, ]
  got <- posterior_summary(suppressWarnings(pairs_fit(df = 1)))[1:4, ]
  expect_lt(max(abs(got[, 1] - exact[, 1]) / exact[, 2]), 0.1)
  expect_lt(max(abs(log(got[, 2] / exact[, 2]))), 0.08)
})

# The data say sd below 2, the prior 5: a narrow top and a shoulder, or a second top, far away.
test_that("a prior far from what the data say leaves none of the posterior out", {
  t_density <- function(x, df, location, scale) dt((x - location) / scale, df, log = TRUE)
  sigma <- exp(seq(log(0.1), log(30), length.out = 60))
  for (case in list(list(seed = 1, groups = 4, location = 5, scale = 0.2),
                    list(seed = 5, groups = 4, location = 10, scale = 0.2),
                    list(seed = 3, groups = 3, location = 5, scale = 0.1))) {
    set.seed(case$seed)
    g <- factor(rep(seq_len(case$groups), each = 3))
    y <- rnorm(case$groups, 0, 0.7)[g] + rnorm(length(g))
    near <- log(case$location) + seq(-6, 6, length.out = 100) * case$scale / case$location
    sd <- exp(sort(c(seq(log(0.02), log(100), length.out = 200), near)))
    between <- outer(g, g, "==") + 0
    log_p <- outer(seq_along(sd), seq_along(sigma), Vectorize(function(i, j) {
      root <- chol(sd[i]^2 * between + sigma[j]^2 * diag(length(y)) + 100)
      t_density(sd[i], 1, case$location, case$scale) + t_density(sigma[j], 3, 0, 2.5) +
        log(sd[i] * sigma[j]) - sum(log(diag(root))) -
        sum(backsolve(root, y, transpose = TRUE)^2) / 2
    }))
    step <- diff(log(sd))
    weight <- rowSums(exp(log_p - max(log_p))) * (c(step, 0) + c(0, step))
    exact <- weighted_moments(sd, weight / sum(weight))
    fit <- vb(y ~ 1 + (1 | g), data.frame(y, g), prior_intercept = normal(0, 10),
              prior_sd = student_t(1, case$location, case$scale), prior_aux = student_t(3, 0, 2.5))
    got <- posterior_summary(fit)["sd_g__Intercept", ]
    expect_lt(abs(got[[1]] - exact[["mean"]]) / exact[["sd"]], 0.02)
    expect_lt(abs(log(got[[2]] / exact[["sd"]])), 0.02)
  }
})

# Three of forty responses are 1 and the prior of the sd is next to none: the sd may be hundreds.
# The coefficients' mixture must not follow that tail: it had a fifth of its weight there.
test_that("coefficients under an sd of a heavy tail are those of quadrature", {
  g <- gl(8, 5)
  y <- replace(integer(40), c(3, 4, 17), 1L)
  fit <- vb(y ~ 1 + (1 | g), data.frame(y, g), family = binomial(), prior_sd = exponential(0.001),
            prior_intercept = student_t(3, 0, 2.5))
  z <- seq(-8, 8, length.out = 1001)
  b <- seq(-14, 10, length.out = 121)
  log_sd <- seq(-5, 9, length.out = 81)
  mass <- dnorm(z) * (z[2] - z[1])
  group <- function(eta, ones)
    colSums(mass * exp(ones * eta - 5 * (pmax(eta, 0) + log1p(exp(-abs(eta))))))
  log_p <- vapply(log_sd, function(l) {
    eta <- outer(exp(l) * z, b, "+")
    log(group(eta, 2)) + log(group(eta, 1)) + 6 * log(group(eta, 0)) - 0.001 * exp(l) + l
  }, b) + log(dt(b / 2.5, 3))
  weight <- rowSums(exp(log_p - max(log_p)))
  exact <- weighted_moments(b, weight / sum(weight))
  got <- posterior_summary(fit)["b_Intercept", ]
  expect_lt(abs(got[[1]] - exact[["mean"]]) / exact[["sd"]], 0.05)
  expect_lt(abs(log(got[[2]] / exact[["sd"]])), 0.05)
})

# Two groups say little of their sd, so that thresholds and effects have far tails together, which
# weights of few points, and a mixture of few Gaussians, had too light.
test_that("thresholds and effects of two groups are those of quadrature", {
  count <- rbind(c(5, 9, 6), c(3, 8, 9))
  long <- data.frame(h = factor(rep(1:2, rowSums(count))),
                     y = factor(unlist(apply(count, 1, function(k) rep(1:3, k))), ordered = TRUE))
  fit <- vb(y ~ 1 + (1 | h), long, family = cumulative(), prior_sd = student_t(3, 0, 2.5),
            prior_intercept = student_t(3, 0, 2.5))
  t_density <- function(x) dt(x / 2.5, 3)
  z <- seq(-7, 7, length.out = 101)
  first <- sinh(seq(-3.2, 3.2, length.out = 81)) - 0.9
  apart <- seq(0.6, 4.5, length.out = 30)
  log_sd <- seq(-5, 4.5, length.out = 50)
  at <- expand.grid(first = first, apart = apart)
  lower <- at$first
  upper <- lower + at$apart
  weight <- mean_r <- square_r <- array(0, c(nrow(at), length(log_sd)))
  step <- c(diff(first), 0) + c(0, diff(first))
  for (s in seq_along(log_sd)) {
    r <- exp(log_sd[s]) * z
    below <- plogis(outer(lower, r, "-"))
    under <- plogis(outer(upper, r, "-"))
    log_p <- list(log(below), log(pmax(under - below, 1e-300)),
                  plogis(outer(upper, r, "-"), lower.tail = FALSE, log.p = TRUE))
    group <- lapply(1:2, function(k) {
      like <- exp(Reduce(`+`, Map(`*`, log_p, count[k, ])))
      cbind(like %*% dnorm(z), like %*% (dnorm(z) * r), like %*% (dnorm(z) * r^2))
    })
    prior <- t_density(lower) * t_density(upper) * t_density(exp(log_sd[s])) * exp(log_sd[s]) * step
    weight[, s] <- prior * group[[1]][, 1] * group[[2]][, 1]
    mean_r[, s] <- prior * group[[1]][, 2] * group[[2]][, 1]
    square_r[, s] <- prior * group[[1]][, 3] * group[[2]][, 1]
  }
  all <- sum(weight)
  moments <- function(mean, square) c(mean = mean, sd = sqrt(square - mean^2))
  exact <- rbind(moments(sum(weight * lower) / all, sum(weight * lower^2) / all),
                 moments(sum(weight * upper) / all, sum(weight * upper^2) / all),
                 moments(sum(mean_r) / all, sum(square_r) / all))
  got <- posterior_summary(fit)[c("b_Intercept[1]", "b_Intercept[2]", "r_h[1,Intercept]"), ]
  expect_lt(max(abs(got[, 1] - exact[, "mean"]) / exact[, "sd"]), 0.05)
  expect_lt(max(abs(log(got[, 2] / exact[, "sd"]))), 0.08)
})
