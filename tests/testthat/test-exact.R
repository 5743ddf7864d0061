# Models whose posterior is known exactly or by brute-force quadrature.

expect_summary <- function(fit, exact, z, ratio, quantile) {
  got <- posterior_summary(fit, probs = c(0.05, 0.95))[rownames(exact), , drop = FALSE]
  sd <- exact[, 2]
  expect_lte(max(abs(got[, 1] - exact[, 1]) / sd), z)
  expect_lte(max(abs(got[, 2] / sd - 1)), ratio)
  expect_lte(max(abs(got[, 3:4] - exact[, 3:4]) / sd), quantile)
}

regression_data <- function() {
  data.frame(
    y = c(2.1, 3.9, 4.2, 7.7, 8.1, 9.0, 13.2, 12.1, 15.3, 16.9, 18.4, 19.6),
    x = 1:12,
    z = c(0.3, -1.2, 0.8, 0.1, -0.4, 1.5, 0.2, -0.9, 1.1, -0.3, 0.6, -1.4)
  )
}

test_that("gaussian regression with a known sd is the conjugate posterior, evidence included", {
  data <- regression_data()
  sigma <- 1.5
  fit <- vb(y ~ x + z, data, prior = normal(0, c(x = 2, z = 3)), prior_intercept = normal(5, 4),
            prior_aux = constant(sigma))
  x <- cbind(1, scale(cbind(data$x, data$z), scale = FALSE))
  prior_mean <- c(5, 0, 0)
  prior_cov <- diag(c(4, 2, 3)^2)
  cov <- solve(crossprod(x) / sigma^2 + solve(prior_cov))
  mean <- cov %*% (crossprod(x, data$y) / sigma^2 + solve(prior_cov, prior_mean))
  back <- rbind(c(1, -mean(data$x), -mean(data$z)), c(0, 1, 0), c(0, 0, 1))
  mean <- drop(back %*% mean)
  cov <- back %*% cov %*% t(back)
  sd <- sqrt(diag(cov))
  exact <- cbind(mean, sd, mean + stats::qnorm(0.05) * sd, mean + stats::qnorm(0.95) * sd)
  rownames(exact) <- c("b_Intercept", "b_x", "b_z")
  expect_summary(fit, exact, 1e-7, 1e-7, 1e-6)
  expect_equal(unname(fixef(fit)), mean, tolerance = 1e-8)
  expect_equal(unname(vcov(fit)), cov, tolerance = 1e-7)
  evidence <- log_normal_density(data$y, drop(x %*% prior_mean),
                                 diag(sigma^2, nrow(x)) + x %*% prior_cov %*% t(x))
  expect_equal(elbo(fit), evidence, tolerance = 1e-8)
  expect_equal(fit$log_evidence, evidence, tolerance = 1e-8)
})

test_that("gaussian regression with flat priors is the t posterior", {
  data <- regression_data()
  fit <- vb(y ~ x + z, data, prior = flat(), prior_intercept = flat(), prior_aux = flat())
  x <- cbind(1, data$x, data$z)
  n <- nrow(x)
  p <- ncol(x)
  df <- n - p - 1
  hat <- drop(solve(crossprod(x), crossprod(x, data$y)))
  rss <- sum((data$y - x %*% hat)^2)
  scale <- sqrt(diag(solve(crossprod(x))) * rss / df)
  # flat on sigma, not on its log: 1 / sigma^2 is gamma((n - p - 1) / 2, rss / 2)
  sigma_mean <- sqrt(rss / 2) * exp(lgamma((df - 1) / 2) - lgamma(df / 2))
  sigma_sd <- sqrt(rss / (df - 2) - sigma_mean^2)
  exact <- rbind(
    cbind(hat, scale * sqrt(df / (df - 2)), hat + stats::qt(0.05, df) * scale,
          hat + stats::qt(0.95, df) * scale),
    c(sigma_mean, sigma_sd, sqrt(rss / stats::qchisq(c(0.95, 0.05), df)))
  )
  rownames(exact) <- c("b_Intercept", "b_x", "b_z", "sigma")
  expect_summary(fit, exact, 0.01, 0.01, 0.02)
  evidence <- -(n - p) / 2 * log(2 * pi) - determinant(crossprod(x))$modulus / 2 +
    lgamma(df / 2) - df / 2 * log(rss / 2) - log(2)
  expect_equal(fit$log_evidence, as.numeric(evidence), tolerance = 1e-3)
})

# y_ij = b + u_j + e_ij, u_j ~ N(0, tau^2): the group means and the sum of squares within are
# sufficient, so tau and sigma are integrated by brute force over a grid
exact_intercepts <- function(y, g, prior_mean, prior_sd, half_t_scale, n_grid = 160) {
  size <- tabulate(g)
  average <- as.vector(tapply(y, g, mean))
  within <- sum((y - average[g])^2)
  grid <- expand.grid(tau = exp(seq(log(0.005), log(40), length.out = n_grid)),
                      sigma = exp(seq(log(0.3), log(6), length.out = n_grid)))
  fit <- apply(grid, 1, function(theta) {
    variance <- theta[1]^2 + theta[2]^2 / size
    precision <- sum(1 / variance) + 1 / prior_sd^2
    centre <- (sum(average / variance) + prior_mean / prior_sd^2) / precision
    shrink <- theta[1]^2 / variance
    log_lik <- -(sum(size) - length(size)) * log(theta[2]) - within / (2 * theta[2]^2) -
      length(y) / 2 * log(2 * pi) - sum(log(size)) / 2 - sum(log(variance)) / 2 - log(prior_sd) -
      log(precision) / 2 - sum((average - centre)^2 / variance) / 2 -
      (centre - prior_mean)^2 / (2 * prior_sd^2)
    u <- shrink * (average - centre)
    c(log_lik + sum(log_half_t(theta, 3, half_t_scale)) + sum(log(theta)), centre,
      sqrt(1 / precision), u, sqrt(theta[1]^2 * (1 - shrink) + shrink^2 / precision))
  })
  n_group <- length(size)
  cell <- log(max(grid$tau) / min(grid$tau)) * log(max(grid$sigma) / min(grid$sigma)) /
    (n_grid - 1)^2
  weight <- exp(fit[1, ] - log_sum_exp(fit[1, ]))
  margin <- function(x) {
    density <- tapply(weight, x, sum)
    value <- as.numeric(names(density))
    mean <- sum(density * value)
    cdf <- cumsum(density) - density / 2
    c(mean, sqrt(sum(density * (value - mean)^2)),
      exp(stats::approx(cdf, log(value), c(0.05, 0.95), ties = "ordered")$y))
  }
  rows <- c(
    list(mixture_summary(weight, fit[2, ], fit[3, ])),
    lapply(seq_len(n_group), function(j) {
      mixture_summary(weight, fit[3 + j, ], fit[3 + n_group + j, ])
    }),
    list(margin(grid$tau), margin(grid$sigma))
  )
  summary <- do.call(rbind, rows)
  rownames(summary) <- c("b_Intercept", paste0("r_g[", levels(g), ",Intercept]"),
                         "sd_g__Intercept", "sigma")
  list(summary = summary, log_evidence = log_sum_exp(fit[1, ]) + log(cell))
}

test_that("gaussian random intercepts agree with brute-force integration over both sds", {
  g <- factor(rep(letters[1:6], c(3, 5, 4, 6, 2, 5)))
  y <- c(4.1, 5.3, 3.8, 6.9, 7.2, 5.8, 6.6, 7.4, 2.9, 3.1, 4.4, 2.2, 5.1, 6.1, 5.5, 4.3, 5.9, 6.4,
         8.3, 7.1, 4.9, 5.2, 3.6, 4.0, 5.8)
  fit <- vb(y ~ 1 + (1 | g), prior_intercept = normal(5, 3), prior_sd = student_t(3, 0, 2.5),
            prior_aux = student_t(3, 0, 2.5))
  exact <- exact_intercepts(y, g, 5, 3, 2.5)
  expect_summary(fit, exact$summary, 0.02, 0.02, 0.06)
  expect_equal(fit$log_evidence, exact$log_evidence, tolerance = 0.02 / abs(exact$log_evidence))
  expect_lte(elbo(fit), exact$log_evidence + 0.02)
})

# one coefficient, no groups: log likelihood of the intercept on a grid
test_that("poisson and binomial intercepts agree with their one-dimensional integral", {
  b <- seq(-6, 6, length.out = 24001)
  cases <- list(
    list(y = c(0, 2, 1, 0, 3, 1, 0, 1, 2, 0), family = poisson(),
         log_lik = function(b, y) sum(y) * b - length(y) * exp(b) - sum(lfactorial(y))),
    list(y = c(0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0), family = binomial(),
         log_lik = function(b, y) sum(y) * b - length(y) * log1p(exp(b))),
    list(y = c(0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0), family = binomial("probit"),
         log_lik = function(b, y) {
           sum(y) * pnorm(b, log.p = TRUE) + sum(1 - y) * pnorm(-b, log.p = TRUE)
         })
  )
  priors <- list(
    list(prior = normal(0.5, 1.5), log = function(b) stats::dnorm(b, 0.5, 1.5, log = TRUE)),
    list(prior = student_t(3, 0, 2.5),
         log = function(b) stats::dt(b / 2.5, 3, log = TRUE) - log(2.5))
  )
  for (case in cases) {
    for (prior in priors) {
      fit <- vb(y ~ 1, data.frame(y = case$y), family = case$family, prior_intercept = prior$prior)
      joint <- case$log_lik(b, case$y) + prior$log(b)
      exact <- rbind(b_Intercept = grid_summary(b, joint))
      evidence <- log_sum_exp(joint) + log(b[2] - b[1])
      expect_summary(fit, exact, 0.02, 0.02, 0.03)
      expect_lte(elbo(fit), evidence + 1e-6)
      expect_gt(elbo(fit), evidence - 0.1)
      expect_lt(abs(fit$log_evidence - evidence), 0.02)
    }
  }
})

# two binary observations a group and a large sd, where a Gaussian for u is far from enough; the
# random effects are integrated one at a time, intercept and sd over a grid
test_that("sparse binary groups agree with brute-force integration", {
  ones <- rep(0:2, c(34, 22, 24))
  data <- data.frame(g = factor(rep(seq_along(ones), each = 2)),
                     y = as.vector(rbind(as.numeric(ones > 0), as.numeric(ones > 1))))
  fit <- vb(y ~ 1 + (1 | g), data, family = binomial(), prior_intercept = normal(0, 2.5),
            prior_sd = student_t(3, 0, 2.5))
  b <- seq(-3.5, 2.5, length.out = 121)
  tau <- exp(seq(log(0.05), log(14), length.out = 121))
  z <- seq(-8, 8, length.out = 321)
  weight <- stats::dnorm(z) * (z[2] - z[1])
  joint <- outer(b, tau, Vectorize(function(b, tau) {
    p <- stats::plogis(b + tau * z)
    sum(log(c(sum(weight * (1 - p)^2), sum(weight * p * (1 - p)), sum(weight * p^2))) *
          tabulate(ones + 1, 3)) + stats::dnorm(b, 0, 2.5, log = TRUE) +
      log_half_t(tau, 3, 2.5) + log(tau)
  }))
  share <- exp(joint - max(joint))
  log_tau <- grid_summary(log(tau), log(colSums(share)))
  w <- colSums(share) / sum(share)
  sd_row <- c(sum(w * tau), sqrt(sum(w * tau^2) - sum(w * tau)^2), exp(log_tau[3:4]))
  exact <- rbind(b_Intercept = grid_summary(b, log(rowSums(share))), sd_g__Intercept = sd_row)
  expect_summary(fit, exact, 0.05, 0.05, 0.08)
  evidence <- log_sum_exp(joint) + log(b[2] - b[1]) + log(log(tau[2] / tau[1]))
  expect_lt(abs(fit$log_evidence - evidence), 0.1)
  expect_lte(elbo(fit), evidence)
})

# Rubin's (1981) eight estimates with their standard errors
schools <- data.frame(school = LETTERS[1:8], effect = c(28, 8, -3, 7, -1, 1, 18, 12),
                      se = c(15, 10, 16, 11, 9, 11, 10, 18))

test_that("estimates with known standard errors are pooled by inverse variances", {
  fit <- vb(effect ~ 1, schools, weights = 1 / se^2, prior_intercept = flat(),
            prior_aux = constant(1))
  w <- 1 / schools$se^2
  expect_equal(fixef(fit)[["(Intercept)"]], sum(w * schools$effect) / sum(w), tolerance = 1e-8)
  expect_equal(drop(vcov(fit)), 1 / sum(w), tolerance = 1e-8)

  data <- transform(schools, x = c(0, 1, 0, 1, 2, 2, 3, 1))       # a meta-regression
  fit <- vb(effect ~ x, data, weights = 1 / se^2, prior = NULL, prior_intercept = NULL,
            prior_aux = constant(1))
  x <- cbind(1, data$x)
  cov <- solve(crossprod(x, w * x))
  expect_equal(unname(fixef(fit)), drop(cov %*% crossprod(x, w * data$effect)), tolerance = 1e-8)
  expect_equal(unname(vcov(fit)), cov, tolerance = 1e-7)
})

# Given the sd tau between studies everything is normal: moments and the distribution function of
# the pooled effect, of the studies' effects and of a new study's, as mixtures over a grid of tau
random_effects <- function(y, se, prior_sd, tau) {
  var <- outer(se^2, tau^2, `+`)
  pooled <- list(mean = colSums(y / var) / colSums(1 / var), var = 1 / colSums(1 / var))
  apart <- colSums((y - rep(pooled$mean, each = length(y)))^2 / var)
  log_w <- (log(pooled$var) - colSums(log(var)) - apart) / 2
  w <- exp(log_w - max(log_w)) * prior_sd(tau)
  w <- w / sum(w)
  moments <- function(mean, var) {
    first <- sum(w * mean)
    c(first, sqrt(sum(w * (var + mean^2)) - first^2))
  }
  quantiles <- function(mean, var, probs) {
    vapply(probs, function(p) {
      stats::uniroot(function(x) sum(w * stats::pnorm(x, mean, sqrt(var))) - p, c(-200, 200),
                     tol = 1e-9)$root
    }, 0)
  }
  study <- vapply(seq_along(y), function(j) {
    own <- tau^2 / (se[j]^2 + tau^2)                   # what of a study's effect is its own
    moments(own * y[j] + (1 - own) * pooled$mean, own * se[j]^2 + (1 - own)^2 * pooled$var)
  }, numeric(2))
  new <- pooled$var + tau^2
  list(
    pooled = c(moments(pooled$mean, pooled$var),
               quantiles(pooled$mean, pooled$var, c(0.05, 0.95))),
    sd = c(moments(tau, 0), tau[findInterval(c(0.05, 0.95), cumsum(w)) + 1L]),
    study = study, new = c(moments(pooled$mean, new), quantiles(pooled$mean, new, c(0.025, 0.975)))
  )
}

test_that("a random effects meta-analysis agrees with quadrature over the sd between studies", {
  fit <- vb(effect ~ 1 + (1 | school), schools, weights = 1 / se^2, prior_intercept = flat(),
            prior_sd = normal(0, 10), prior_aux = constant(1))
  exact <- random_effects(schools$effect, schools$se, function(tau) stats::dnorm(tau, 0, 10),
                          seq(0, 80, length.out = 40001))
  both <- rbind(b_Intercept = exact$pooled, sd_school__Intercept = exact$sd)
  expect_summary(fit, both, 0.002, 0.002, 0.002)
  study <- predict(fit, se.fit = TRUE)
  expect_lt(max(abs(study$fit - exact$study[1, ]) / exact$study[2, ]), 0.002)
  expect_lt(max(abs(study$se.fit / exact$study[2, ] - 1)), 0.002)
  new <- predict(fit, data.frame(school = "new"), se.fit = TRUE, interval = "credible",
                 allow.new.levels = TRUE)
  expect_lt(abs(new$se.fit / exact$new[2] - 1), 0.002)
  expect_lt(max(abs(new$fit - exact$new[c(1, 3, 4)])) / exact$new[2], 0.002)
})
