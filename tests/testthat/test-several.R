# Models whose rows have several predictors, against what is known of them otherwise

moments_of <- function(fit, names) {
  s <- posterior_summary(fit)[names, 1:2, drop = FALSE]
  list(mean = s[, 1], sd = s[, 2])
}

# means within `z` standard deviations, and the log ratio of standard deviations within `r`
expect_posteriors <- function(a, b, z, r) {
  expect_lt(max(abs(a$mean - b$mean) / b$sd), z)
  expect_lt(max(abs(log(a$sd / b$sd))), r)
}

test_that("mean and log sd of few Gaussian rows are those of a grid", {
  set.seed(2)
  d <- data.frame(y = rnorm(12, 1, 2), w = rep(1:2, 6))
  fit <- vb(bf(y ~ 1, sigma ~ 1), d, weights = w, prior_intercept = list(mu = normal(0, 3),
                                                                         sigma = normal(0, 1)))
  g <- expand.grid(m = seq(-6, 8, 0.02), s = seq(-1.5, 3.5, 0.01))
  log_p <- dnorm(g$m, 0, 3, TRUE) + dnorm(g$s, 0, 1, TRUE)
  for (i in 1:12) log_p <- log_p + dnorm(d$y[i], g$m, exp(g$s) / sqrt(d$w[i]), log = TRUE)
  top <- max(log_p)
  p <- exp(log_p - top)
  evidence <- log(sum(p) * 0.02 * 0.01) + top
  p <- p / sum(p)
  mean <- colSums(p * g)
  exact <- list(mean = mean, sd = sqrt(colSums(p * g^2) - mean^2))
  expect_posteriors(moments_of(fit, c("b_Intercept", "b_sigma_Intercept")), exact, 0.02, 0.02)
  expect_lt(fit$elbo, evidence)
  expect_gt(fit$elbo, evidence - 0.1)
})

test_that("a hurdle is a fit of the zeros and one of the rest", {
  set.seed(4)
  d <- data.frame(x = rnorm(300), z = rnorm(300), g = gl(15, 20))
  u <- rnorm(15, 0, 0.5)[d$g]
  d$y <- ifelse(runif(300) < plogis(-0.5 + d$z), 0,
                rgamma(300, 3, 3 / exp(0.4 + 0.5 * d$x + u)))
  own <- normal(0, 2)
  fit <- vb(bf(y ~ x + (1 | g), hu ~ z), d, family = hurdle_gamma(),
            prior = list(x = own, hu = own), prior_intercept = list(mu = own, hu = own),
            prior_sd = exponential(1), prior_aux = exponential(1))
  some <- vb(y ~ x + (1 | g), subset(d, y > 0), family = Gamma("log"), prior = own,
             # the intercept is where the columns of all rows are at their means
             prior_intercept = own, prior_sd = exponential(1), prior_aux = exponential(1))
  none <- vb((y == 0) ~ z, d, family = binomial(), prior = own, prior_intercept = own)
  both <- c("b_x", "sd_g__Intercept", "shape")
  expect_posteriors(moments_of(fit, both), moments_of(some, both), 0.02, 0.02)
  expect_posteriors(moments_of(fit, c("b_hu_Intercept", "b_hu_z")),
                    moments_of(none, c("b_Intercept", "b_z")), 0.02, 0.02)
})

test_that("two categories are a logistic regression", {
  set.seed(5)
  d <- data.frame(x = rnorm(200), g = gl(20, 10))
  d$y <- factor(ifelse(runif(200) < plogis(0.3 + d$x + rnorm(20)[d$g]), "b", "a"))
  fit <- vb(y ~ x + (1 | g), d, family = categorical(), prior = normal(0, 2),
            prior_intercept = normal(0, 2), prior_sd = exponential(1))
  same <- vb(y ~ x + (1 | g), d, family = binomial(), prior = normal(0, 2),
             prior_intercept = normal(0, 2), prior_sd = exponential(1))
  expect_posteriors(moments_of(fit, c("b_mub_Intercept", "b_mub_x", "sd_g__mub_Intercept")),
                    moments_of(same, c("b_Intercept", "b_x", "sd_g__Intercept")), 0.01, 0.01)
  expect_equal(fit$log_evidence, same$log_evidence, tolerance = 1e-4)
})

test_that("counts without excess zeros are those of the plain family", {
  set.seed(6)
  d <- data.frame(x = rnorm(150), g = gl(10, 15))
  d$y <- rpois(150, exp(0.5 + 0.4 * d$x + rnorm(10, 0, 0.4)[d$g]))
  call <- list(y ~ x + (1 | g), data = d, prior = normal(0, 2), prior_intercept = normal(0, 2),
               prior_sd = exponential(1))
  plain <- do.call(vb, c(call, list(family = poisson())))
  fit <- do.call(vb, c(call, list(family = zero_inflated_poisson(), prior_aux = constant(1e-9))))
  names <- c("b_Intercept", "b_x", "sd_g__Intercept")
  expect_posteriors(moments_of(fit, names), moments_of(plain, names), 0.01, 0.01)
  expect_equal(fit$log_evidence, plain$log_evidence, tolerance = 1e-4)
})

test_that("counts of categories are those of the rows that they count", {
  set.seed(7)
  d <- data.frame(x = rnorm(40))
  eta <- cbind(0, 0.3 + d$x, -0.2 + 0.5 * d$x)
  y <- t(apply(exp(eta), 1, function(p) rmultinom(1, 5, p)))
  colnames(y) <- c("a", "b", "c")
  each <- data.frame(x = rep(d$x, each = 5), y = factor(unlist(apply(y, 1, function(n) {
    rep(colnames(y), n)
  }, simplify = FALSE))))
  d$y <- y
  own <- list(prior = normal(0, 2), prior_intercept = normal(0, 2))
  fit <- do.call(vb, c(list(y ~ x, d, family = multinomial()), own))
  rows <- do.call(vb, c(list(y ~ x, each, family = categorical()), own))
  names <- c("b_mub_Intercept", "b_mub_x", "b_muc_Intercept", "b_muc_x")
  expect_posteriors(moments_of(fit, names), moments_of(rows, names), 0.005, 0.005)
  constant <- sum(lfactorial(5) - rowSums(lfactorial(y)))
  expect_equal(fit$log_evidence, rows$log_evidence + constant, tolerance = 1e-5)
})

test_that("a variance that grows is found under crossed effects, correlated across predictors", {
  set.seed(8)
  d <- data.frame(g = gl(40, 25), h = gl(10, 1, 1000), x = rnorm(1000))
  u <- matrix(rnorm(80), 40) %*% chol(matrix(c(0.36, 0.15, 0.15, 0.16), 2))
  d$y <- 1 + d$x + u[d$g, 1] + rnorm(10, 0, 0.5)[d$h] +
    exp(-0.5 + 0.3 * d$x + u[d$g, 2]) * rnorm(1000)
  fit <- vb(bf(y ~ x + (1 |p| g) + (1 | h), sigma ~ x + (1 |p| g)), d)
  s <- posterior_summary(fit)
  truth <- c(b_Intercept = 1, b_x = 1, b_sigma_Intercept = -0.5, b_sigma_x = 0.3,
             sd_g__Intercept = 0.6, sd_g__sigma_Intercept = 0.4,
             cor_g__Intercept__sigma_Intercept = 0.625, sd_h__Intercept = 0.5)
  expect_true(all(abs(s[names(truth), 1] - truth) < 3 * s[names(truth), 2]))
  expect_true(fit$converged)
})

test_that("a coefficient of zero inflation that the data do not bound is followed", {
  # no zero where z is one: the side of b_zi_z is flat
  set.seed(9)
  d <- data.frame(z = rep(0:1, c(60, 12)))
  d$y <- ifelse(runif(72) < 0.4 & d$z == 0, 0, 1 + rpois(72, 2))
  fit <- vb(bf(y ~ 1, zi ~ z), d, family = zero_inflated_poisson(),
            prior = list(zi_z = normal(0, 10)),
            prior_intercept = list(mu = normal(1, 1), zi = normal(0, 2)))
  g <- expand.grid(m = seq(0.2, 1.8, 0.04), a = seq(-8, 6, 0.2), b = seq(-50, 30, 0.4))
  a <- g$a - mean(d$z) * g$b                                     # priors are those at the mean of z
  log_p <- dnorm(g$m, 1, 1, TRUE) + dnorm(g$a, 0, 2, TRUE) + dnorm(g$b, 0, 10, TRUE)
  for (z in 0:1) {
    eta <- a + z * g$b
    zero <- sum(d$y[d$z == z] == 0)
    rest <- d$y[d$z == z & d$y > 0]
    log_p <- log_p + length(rest) * plogis(-eta, log.p = TRUE) - length(rest) * exp(g$m) +
      sum(rest) * g$m + zero * log(plogis(eta) + plogis(-eta) * exp(-exp(g$m)))
  }
  p <- exp(log_p - max(log_p))
  cum <- cumsum(tapply(p, g$b, sum))
  exact <- approx(cum / max(cum), unique(g$b), c(0.025, 0.5, 0.975))$y
  got <- posterior_summary(fit, probs = c(0.025, 0.5, 0.975))["b_zi_z", -(1:2)]
  sd <- sqrt(sum(p * g$b^2) / sum(p) - (sum(p * g$b) / sum(p))^2)
  expect_lt(max(abs(got - exact)) / sd, 0.15)
})
