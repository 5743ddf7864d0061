# Priors that are not normal and tighter than the data: what a Gaussian leaves of them is put back,
# so that moments and evidence are those of brute-force integrals.

densities <- list(
  laplace = function(b, scale) stats::dexp(abs(b), 1 / scale, log = TRUE) - log(2),
  cauchy = function(b, scale) stats::dcauchy(b, 0, scale, log = TRUE),
  student_t = function(b, scale) stats::dt(b / scale, 3, log = TRUE) - log(scale)
)
constructors <- list(laplace = function(s) laplace(0, s), cauchy = function(s) cauchy(0, s),
                     student_t = function(s) student_t(3, 0, s))

# Coefficients of an orthogonal design are independent given the residual sd: one integral each.
# A density far narrower than the data's share of a coefficient wants a grid that clusters at zero.
exact_coefficient <- function(estimate, n, log_prior) {
  t <- seq(-14, 14, length.out = 200001)
  b <- 1e-5 * sinh(t)
  joint <- -n * (b - estimate)^2 / 2 + log_prior(b) + log(cosh(t)) + log(1e-5)
  w <- exp(joint - max(joint))
  total <- sum(w)
  mean <- sum(w * b) / total
  list(summary = c(mean, sqrt(sum(w * (b - mean)^2) / total),
                   stats::approx(cumsum(w) / total, b, c(0.05, 0.95), ties = "ordered")$y),
       evidence = max(joint) + log(total * (t[2] - t[1])))
}

test_that("independent coefficients under tight priors have their exact moments and evidence", {
  x <- cbind(a = rep(c(-1, 1), 12), b = rep(c(-1, 1), each = 2, times = 6),
             c = rep(c(-1, 1), each = 4, times = 3))
  n <- nrow(x)
  y <- drop(1 + x %*% c(0.9, 0.3, 0)) + sin(3 * seq_len(n)) * 1.2
  data <- data.frame(y, x)
  estimate <- drop(crossprod(x, y)) / n
  expect_equal(crossprod(x), diag(n, 3), ignore_attr = TRUE)
  rest <- sum((y - mean(y) - x %*% estimate)^2)
  for (kind in names(densities)) {
    for (scale in c(0.02, 0.05, 0.1, 0.4)) {
      fit <- vb(y ~ a + b + c, data, prior = constructors[[kind]](scale), prior_intercept = NULL,
                prior_aux = constant(1))
      each <- lapply(estimate, exact_coefficient, n = n,
                     log_prior = function(b) densities[[kind]](b, scale))
      exact <- do.call(rbind, lapply(each, `[[`, "summary"))
      got <- posterior_summary(fit, probs = c(0.05, 0.95))[paste0("b_", names(estimate)), ]
      expect_lt(max(abs(got[, 1] - exact[, 1]) / exact[, 2]), 0.01)
      expect_lt(max(abs(got[, 2] / exact[, 2] - 1)), 0.01)
      if (kind == "laplace") {
        expect_lt(max(abs(got[, 3:4] - exact[, 3:4]) / exact[, 2]), 0.15)
      }
      evidence <- sum(vapply(each, `[[`, 0, "evidence")) - rest / 2 -
        (n - 1) / 2 * log(2 * pi) - log(n) / 2
      expect_lt(abs(fit$log_evidence - evidence), 0.005)
      expect_lt(elbo(fit), evidence)
    }
  }
})

# two coefficients and a log likelihood of eta
exact_pair <- function(log_lik, x, log_prior, limit) {
  b <- seq(-limit, limit, length.out = 601)
  joint <- vapply(b, function(second) {
    log_lik(outer(x[, 1], b) + x[, 2] * second) + log_prior(b) + log_prior(second)
  }, b)
  list(summary = rbind(grid_summary(b, log(rowSums(exp(joint - max(joint))))),
                       grid_summary(b, log(colSums(exp(joint - max(joint)))))),
       evidence = log_sum_exp(joint) + 2 * log(b[2] - b[1]))
}

test_that("correlated coefficients under a tight lasso agree with the integral over both", {
  i <- seq_len(30)
  x <- cbind(a = sin(i), b = 0.7 * sin(i) + 0.7 * cos(1.7 * i))
  x <- scale(x, scale = FALSE)
  eta <- drop(x %*% c(0.8, 0.2))
  noise <- stats::qnorm((i * 0.618) %% 1)
  y <- eta + noise
  hit <- as.numeric(2 * eta + 1.5 * noise > 0)
  log_lik <- list(
    gaussian = function(e) colSums(stats::dnorm(y, e, log = TRUE)),
    binomial = function(e) colSums(stats::plogis((2 * hit - 1) * e, log.p = TRUE))
  )
  for (scale in c(0.1, 0.3)) {
    prior <- function(b) densities$laplace(b, scale)
    fits <- list(
      gaussian = vb(y ~ 0 + x, prior = laplace(0, scale), prior_aux = constant(1)),
      binomial = vb(hit ~ 0 + x, prior = laplace(0, scale), family = binomial())
    )
    for (family in names(fits)) {
      exact <- exact_pair(log_lik[[family]], x, prior, 4)
      got <- posterior_summary(fits[[family]], probs = c(0.05, 0.95))[1:2, ]
      sd <- exact$summary[, 2]
      expect_lt(max(abs(got[, 1] - exact$summary[, 1]) / sd), 0.02)
      expect_lt(max(abs(got[, 2] / sd - 1)), 0.02)
      expect_lt(max(abs(got[, 3:4] - exact$summary[, 3:4]) / sd), 0.12)
      expect_lt(abs(fits[[family]]$log_evidence - exact$evidence), 0.015)
    }
  }
})

test_that("a tight prior on the intercept acts at the column means and reaches x = 0", {
  x <- 5 + rep(c(-1, 1), 10)
  n <- length(x)
  y <- 0.25 + 0.4 * (x - 5) + sin(7 * seq_len(n))
  at_mean <- exact_coefficient(mean(y), n, function(b) densities$cauchy(b, 0.1))
  slope <- exact_coefficient(sum((x - 5) * y) / n, n, function(b) densities$laplace(b, 0.1))
  fit <- vb(y ~ x, prior = laplace(0, 0.1), prior_intercept = cauchy(0, 0.1),
            prior_aux = constant(1))
  mean <- at_mean$summary[1] - 5 * slope$summary[1]
  sd <- sqrt(at_mean$summary[2]^2 + 25 * slope$summary[2]^2)
  got <- posterior_summary(fit, variable = "b_Intercept")
  expect_lt(abs(got[1] - mean) / sd, 0.01)
  expect_lt(abs(got[2] / sd - 1), 0.01)
})
