# Structured terms against dense algebra: with hyperparameters held the posterior of a gaussian
# model is a Gaussian that solve() knows.

# y ~ N(x b, K + sigma^2 I), b ~ N(0, sb^2 I): log evidence, and mean and sd of the predictor
dense <- function(y, x, sb, k, sigma, offset = 0) {
  prior <- x %*% diag(sb^2, ncol(x)) %*% t(x) + k
  total <- prior + sigma^2 * diag(length(y))
  root <- chol(total)
  half <- backsolve(root, y - offset, transpose = TRUE)
  gain <- prior %*% chol2inv(root)
  list(evidence = -sum(log(diag(root))) - sum(half^2) / 2 - length(y) / 2 * log(2 * pi),
       mean = drop(gain %*% (y - offset)), sd = sqrt(pmax(diag(prior - gain %*% prior), 0)))
}

expect_dense <- function(fit, exact, data, tolerance = 1e-8) {
  got <- predict(fit, data, se.fit = TRUE)
  expect_equal(unname(got$fit), exact$mean, tolerance = tolerance)
  expect_equal(unname(got$se.fit), exact$sd, tolerance = tolerance)
  expect_equal(fit$log_evidence, exact$evidence, tolerance = tolerance)
}

# sd: of all, or a list by the names of terms
held <- function(formula, data, sd, aux = list(), ...) {
  sd <- if (is.list(sd)) lapply(sd, constant) else constant(sd)
  vb(formula, data, prior = normal(0, 2), prior_intercept = normal(0, 3), prior_sd = sd,
     prior_aux = c(list(sigma = constant(0.7)), aux), ...)
}

# The precisions of a Gaussian process whose hyperparameters are held, by the spectral densities of
# Riutort-Mayol et al. (2023), section 3.1
gp_precision <- function(fit) {
  field <- fit$fields[[1]]
  w2 <- rowSums(field$frequency^2)
  d <- ncol(field$frequency)
  hyper <- posterior_summary(fit, variable = c(field$blocks[[1]]$hyper$name))[, 1]
  l <- hyper[[2]]
  matern <- function(nu) {
    2^d * pi^(d / 2) * gamma(nu + d / 2) * (2 * nu)^nu / (gamma(nu) * l^(2 * nu)) *
      (2 * nu / l^2 + w2)^(-nu - d / 2)
  }
  density <- switch(field$precision, gp_matern32 = matern(1.5), gp_matern52 = matern(2.5),
                    gp_exp_quad = (sqrt(2 * pi) * l)^d * exp(-pmin(l^2 * w2 / 2, 20)))
  1 / (hyper[[1]]^2 * density)
}
