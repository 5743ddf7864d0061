# Ordinal models: the rows of the table of likelihoods that have thresholds, and fits against
# brute-force integration and MASS::polr().

distribution <- list(logit = stats::plogis, probit = stats::pnorm)
tau <- c(-1.2, 0.1, 1.9)
grid <- expand.grid(y = 1:4, eta = c(-3, -0.7, 0, 0.4, 2), v = c(0.02, 0.3, 1.5))
grid$w <- rep_len(c(1, 0.5, 2), nrow(grid))

# log(F(upper - eta) - F(lower - eta)) in the tail where it does not cancel
log_mass <- function(cdf, y, eta, tau) {
  a <- c(-Inf, tau)[y] - eta
  b <- c(tau, Inf)[y] - eta
  right <- a + b > 0
  upper <- cdf(ifelse(right, -a, b), log.p = TRUE)
  upper + log1p(-exp(cdf(ifelse(right, -b, a), log.p = TRUE) - upper))
}

for (link in names(distribution)) {
  kernel <- function(what, d, ..., par = tau, eta = d$eta, v = numeric(), bound = "exact") {
    eval_family("cumulative", link, what, d$y, d$w, eta, par, v, ..., bound = bound)
  }
  # the whole log density at any eta and thresholds
  log_density <- function(d, eta = d$eta, par = tau, ...) {
    ll <- if (length(list(...))) kernel("expect", d, eta = eta, par = par, ...)$ll
    else kernel("log_lik", d, eta = eta, par = par)$ll
    ll + kernel("base", d, eta = eta, par = par)
  }

  test_that(paste("the log density is a difference of distribution functions:", link), {
    exact <- grid$w * log_mass(distribution[[link]], grid$y, grid$eta, tau)
    expect_equal(log_density(grid), exact, tolerance = 1e-11)
    far <- transform(grid, eta = 15 * eta)
    exact <- far$w * log_mass(distribution[[link]], far$y, far$eta, tau)
    expect_equal(log_density(far), exact, tolerance = 1e-10)
    expect_equal(kernel("mean", grid), distribution[[link]](grid$eta), tolerance = 1e-14)
    below <- distribution[[link]](c(tau, Inf)[grid$y] - grid$eta)
    expect_equal(kernel("cdf", grid), below, tolerance = 1e-14)
    expect_identical(kernel("cdf", transform(grid, y = 0)), numeric(nrow(grid)))
  })

  test_that(paste("narrow categories keep their digits:", link), {
    density <- list(logit = stats::dlogis, probit = stats::dnorm)[[link]]
    for (width in c(1e-2, 1e-4, 1e-8)) {
      d <- data.frame(y = 2, w = 1, eta = c(-20, -6, -0.3, 0.15, 1, 9, 25))
      near <- c(0.1, 0.1 + width)
      # Simpson's rule, relative to the density in the middle
      t <- outer(c(0, 0.5, 1) * diff(near), near[1] - d$eta, `+`)
      log_f <- density(t, log = TRUE)
      mean <- log(colSums(exp(log_f - rep(log_f[2, ], each = 3)) * c(1, 4, 1) / 6)) + log_f[2, ]
      expect_equal(log_density(d, par = near), mean + log(diff(near)), tolerance = 1e-7)
      got <- kernel("log_lik", d, par = near)
      ll <- function(x) kernel("log_lik", d, eta = x, par = near)$ll
      expect_equal(got$d1, slope(ll, d$eta, 0.01), tolerance = 1e-4)
      expect_true(all(got$d2 < 0 & got$d2 > -1.01))
    }
  })

  test_that(paste("derivatives are differences:", link), {
    got <- kernel("log_lik", grid)
    expect_equal(got$d1, slope(function(x) kernel("log_lik", grid, eta = x)$ll, grid$eta),
                 tolerance = 1e-7)
    expect_equal(got$d2, curvature(function(x) kernel("log_lik", grid, eta = x)$ll, grid$eta),
                 tolerance = 1e-6)
    for (k in seq_along(tau)) {
      at <- function(h) log_density(grid, par = replace(tau, k, tau[k] + h[1]))
      expect_equal(kernel("log_lik_par", grid, k = k), slope(at, numeric(nrow(grid))),
                   tolerance = 1e-7)
    }
  })

  test_that(paste("expectations are the quadrature of the log density:", link), {
    got <- kernel("expect", grid, v = grid$v)
    value <- function(part, k = 1L) expected(function(i, eta) {
      d <- data.frame(y = rep(grid$y[i], length(eta)), w = grid$w[i])
      out <- kernel(if (part == "par") "log_lik_par" else "log_lik", d, eta = eta, k = k)
      if (part == "par") out else out[[part]]
    }, grid$eta, grid$v, by = 0.02)
    for (part in c("ll", "d1", "d2")) {
      expect_equal(got[[part]], value(part), tolerance = 1e-4)
    }
    for (k in seq_along(tau)) {
      expect_equal(kernel("expect_par", grid, v = grid$v, k = k), value("par", k), tolerance = 1e-4)
    }
  })

  test_that(paste("the bound is below, on it where v is zero, and its derivatives are its own:",
                  link), {
    jj <- function(...) kernel("expect", grid, ..., bound = "jj")
    got <- jj(v = grid$v)
    expect_true(all(got$ll <= kernel("expect", grid, v = grid$v)$ll + 1e-5))
    expect_gt(max(kernel("expect", grid, v = grid$v)$ll - got$ll), 0.05)
    expect_equal(jj(v = 0 * grid$v)$ll, kernel("log_lik", grid)$ll, tolerance = 1e-12)
    m <- function(x) jj(v = grid$v, eta = x)$ll
    expect_equal(got$d1, slope(m, grid$eta), tolerance = 1e-7)
    v <- function(log_v) jj(v = exp(log_v))$ll
    expect_equal(got$d2, 2 * slope(v, log(grid$v)) / grid$v, tolerance = 1e-6)
    for (k in seq_along(tau)) {
      at <- function(h) {
        log_density(grid, par = replace(tau, k, tau[k] + h[1]), v = grid$v, bound = "jj")
      }
      expect_equal(kernel("expect_par", grid, v = grid$v, k = k, bound = "jj"),
                   slope(at, numeric(nrow(grid))), tolerance = 1e-7)
    }
  })

  test_that(paste("nothing overflows far out:", link), {
    far <- transform(grid, eta = rep_len(c(-90, -40, 40, 90), nrow(grid)))
    expect_true(all(is.finite(unlist(kernel("log_lik", far)))))
    expect_true(all(is.finite(unlist(kernel("expect", far, v = 100 * grid$v)))))
    expect_true(all(is.finite(unlist(kernel("expect", far, v = 100 * grid$v, bound = "jj")))))
  })
}

# ---- fits ----------------------------------------------------------------------------------------

few <- local({
  x <- c(0.3, 1.2, 2.5, 2.2, 0.9, 3.1, 1.7, 0.1, 2.8, 1.4, 3.3, 0.6)
  data.frame(y = factor(c(1, 1, 3, 2, 2, 3, 1, 1, 2, 2, 3, 1), ordered = TRUE), x = x)
})

# log of the integral of exp(f) over tau1 < tau2 and beta, and moments, on a grid of the axes
brute <- function(f, tau1, log_gap, beta) {
  at <- expand.grid(tau1 = tau1, log_gap = log_gap, beta = beta)
  at$tau2 <- at$tau1 + exp(at$log_gap)
  cell <- prod(vapply(list(tau1, log_gap, beta), function(v) if (length(v) > 1) v[2] - v[1] else 1,
                      0))
  value <- vapply(seq_len(nrow(at)), function(i) f(at$tau1[i], at$tau2[i], at$beta[i]), 0) +
    at$log_gap
  weight <- exp(value - max(value))
  list(log = log_sum_exp(value) + log(cell), at = at, weight = weight / sum(weight))
}

log_t <- function(x) stats::dt(x / 2.5, 3, log = TRUE) - log(2.5)

test_that("without predictors the evidence is the integral over the thresholds", {
  for (link in names(distribution)) {
    cdf <- distribution[[link]]
    fit <- vb(y ~ 1, few, family = cumulative(link))
    # two independent numbers in ascending order have twice their density
    exact <- brute(function(a, b, beta) {
      p <- diff(c(0, cdf(c(a, b)), 1))
      sum(log(p[few$y])) + log(2) + log_t(a) + log_t(b)
    }, seq(-3.5, 3.5, 0.1), seq(-4, 3, 0.1), 0)
    expect_equal(elbo(fit), exact$log, tolerance = 1e-3)
    expect_equal(fit$log_evidence, elbo(fit))
    for (k in 1:2) {
      value <- exact$at[[paste0("tau", k)]]
      mean <- sum(exact$weight * value)
      sd <- sqrt(sum(exact$weight * (value - mean)^2))
      got <- posterior_summary(fit)[k, ]
      expect_lt(abs(got[["Estimate"]] - mean) / sd, 0.02)
      expect_equal(got[["Est.Error"]], sd, tolerance = 0.03)
    }
    expect_equal(unname(fitted(fit)[1, 1]), sum(exact$weight * cdf(exact$at$tau1)),
                 tolerance = 0.005)
  }
})

test_that("coordinate ascent lays no thresholds in the wrong order", {
  # one response in the middle: its thresholds are closer than nodes about the start are wide.  With
  # no coefficients q(thresholds) is their posterior and the bound the evidence.
  count <- c(20, 1, 18)
  rare <- data.frame(y = factor(rep(1:3, count), ordered = TRUE))
  for (link in names(distribution)) {
    cdf <- distribution[[link]]
    exact <- brute(function(a, b, beta) {
      sum(count * log(diff(c(0, cdf(c(a, b)), 1)))) + log(2) + log_t(a) + log_t(b)
    }, seq(-3, 3, 0.05), seq(-9, 1, 0.1), 0)
    mean <- c(sum(exact$weight * exact$at$tau1), sum(exact$weight * exact$at$tau2))
    for (scheme in c("joint", "partial", "meanfield")) {
      fit <- vb(y ~ 1, rare, family = cumulative(link), approximation = scheme)
      expect_true(fit$converged, info = paste(link, scheme))
      expect_equal(elbo(fit), exact$log, tolerance = 1e-5, info = paste(link, scheme))
      expect_equal(posterior_summary(fit)[, "Estimate"], mean, tolerance = 0.05,
                   ignore_attr = TRUE, info = paste(link, scheme))
    }
  }
  # many, some of them empty: less q is less bound
  set.seed(5)
  many <- data.frame(g = factor(rep(1:10, 20)), x = stats::rnorm(200))
  many$y <- findInterval(many$x + stats::rlogis(200), c(0, 0.02, 0.5, 1.2, 1.21, 1.22, 3))
  many$y <- factor(many$y, 0:7, ordered = TRUE)
  fits <- lapply(c("meanfield", "partial", "joint", "structured"), function(scheme) {
    vb(y ~ x + (1 | g), many, family = cumulative(), approximation = scheme)
  })
  expect_true(all(vapply(fits, function(fit) fit$converged, NA)))
  expect_true(all(diff(vapply(fits, elbo, 0)) > -0.05))
})

test_that("with a predictor thresholds are those where it is zero, and the bound is a bound", {
  fit <- vb(y ~ x, few, family = cumulative(), prior = normal(0, 1.5))
  mean_x <- mean(few$x)
  exact <- brute(function(a, b, beta) {
    sum(log_mass(stats::plogis, few$y, (few$x - mean_x) * beta, c(a, b))) +
      log(2) + log_t(a) + log_t(b) + stats::dnorm(beta, 0, 1.5, log = TRUE)
  }, seq(-5.5, 3.5, 0.25), seq(-2.5, 2.75, 0.25), seq(-1, 6, 0.2))
  expect_lt(elbo(fit), exact$log)
  expect_equal(elbo(fit), exact$log, tolerance = 0.002)
  at <- unname(with(exact$at, cbind(tau1 + mean_x * beta, tau2 + mean_x * beta, beta)))
  got <- posterior_summary(fit, probs = c(0.05, 0.95))
  expect_identical(rownames(got), c("b_Intercept[1]", "b_Intercept[2]", "b_x"))
  mean <- colSums(exact$weight * at)
  deviation <- at - rep(mean, each = nrow(at))
  cov <- crossprod(deviation, exact$weight * deviation)
  expect_lt(max(abs(got[, "Estimate"] - mean) / sqrt(diag(cov))), 0.05)
  expect_equal(unname(got[, "Est.Error"]), sqrt(diag(cov)), tolerance = 0.05)
  expect_equal(unname(vcov(fit, correlation = TRUE)), stats::cov2cor(cov), tolerance = 0.05)
  for (k in 1:2) {
    order <- order(at[, k])
    quantile <- stats::approx(cumsum(exact$weight[order]), at[order, k], c(0.05, 0.95),
                              ties = "ordered")$y
    expect_lt(max(abs(got[k, 3:4] - quantile)) / sqrt(cov[k, k]), 0.05)
  }
  new <- data.frame(x = c(0, 2))
  p <- predict(fit, new, type = "response", se.fit = TRUE)
  middle <- with(exact$at, vapply(new$x, function(x) {
    eta <- (x - mean_x) * beta
    each <- stats::plogis(tau2 - eta) - stats::plogis(tau1 - eta)
    mean <- sum(exact$weight * each)
    c(mean, sqrt(sum(exact$weight * (each - mean)^2)))
  }, c(0, 0)))
  expect_equal(unname(p$fit[, "2"]), middle[1, ], tolerance = 0.02)
  expect_equal(unname(p$se.fit[, "2"]), middle[2, ], tolerance = 0.05)
  expect_equal(unname(rowSums(p$fit)), c(1, 1), tolerance = 1e-10)
})

test_that("two categories are a binomial model", {
  two <- transform(few, y = factor(y > 1, ordered = TRUE))
  for (link in names(distribution)) {
    fit <- vb(y ~ x, two, family = cumulative(link))
    peer <- vb(y ~ x, two, family = binomial(link))
    error <- sqrt(diag(vcov(peer)))
    expect_lt(max(abs(fixef(fit) * c(-1, 1) - fixef(peer)) / error), 0.06)
    expect_equal(unname(sqrt(diag(vcov(fit)))), unname(error), tolerance = 0.04)
    expect_equal(fit$log_evidence, peer$log_evidence, tolerance = 0.005)
    expect_equal(unname(fitted(fit)[, 2]), unname(fitted(peer)), tolerance = 0.02)
  }
})

test_that("draws have the moments of the summary", {
  skip_if_not_installed("posterior")
  fit <- vb(y ~ x, few, family = cumulative())
  set.seed(1)
  draws <- as.matrix(fit, 4000)
  summary <- posterior_summary(fit)
  expect_identical(colnames(draws), rownames(summary))
  expect_true(all(draws[, 1] < draws[, 2]))
  expect_lt(max(abs(colMeans(draws) - summary[, 1]) / summary[, 2]), 0.06)
  expect_equal(apply(draws, 2, stats::sd), summary[, 2], tolerance = 0.06)
  expect_equal(unname(stats::cor(draws)), unname(vcov(fit, correlation = TRUE)), tolerance = 0.08)
  set.seed(1)
  alone <- as.matrix(fit, 4000, pars = "b_Intercept")
  expect_equal(alone[, 1], draws[, 1])
})

test_that("random intercepts agree with quadrature group by group", {
  group <- gl(12, 5)
  u <- 1.2 * sin(7 * (1:12))
  noise <- stats::qlogis(((1:60 * 0.618) %% 1) * 0.98 + 0.01)
  y <- 1 + rowSums(outer(u[group] + noise, c(-0.6, 1), `>`))
  data <- data.frame(y = factor(y, ordered = TRUE), group)
  fit <- vb(y ~ 1 + (1 | group), data, family = cumulative())
  # Gauss-Hermite by eigenvalues (Golub & Welsch 1969)
  off <- sqrt(seq_len(39))
  jacobi <- matrix(0, 40, 40)
  jacobi[cbind(1:39, 2:40)] <- jacobi[cbind(2:40, 1:39)] <- off
  rule <- eigen(jacobi, symmetric = TRUE)
  weight <- rule$vectors[1, ]^2
  count <- table(group, y)
  log_lik <- function(a, b, sd) {
    eta <- sd * rule$values
    logs <- cbind(stats::plogis(a - eta, log.p = TRUE), log_mass(stats::plogis, 2, eta, c(a, b)),
                  stats::plogis(b - eta, lower.tail = FALSE, log.p = TRUE))
    sum(log(exp(count %*% t(logs)) %*% weight))
  }
  exact <- brute(function(a, b, log_sd) {
    sd <- exp(log_sd)
    log_lik(a, b, sd) + log(2) + log_t(a) + log_t(b) + log_half_t(sd, 3, 2.5) + log_sd
  }, seq(-2.8, 1, 0.2), seq(-1.2, 1.8, 0.2), seq(-7, 2.4, 0.25))
  expect_lt(elbo(fit), exact$log + 0.001)         # an integral by a few thousand points
  expect_equal(fit$log_evidence, exact$log, tolerance = 0.001)
  at <- unname(with(exact$at, cbind(tau1, tau2, exp(beta))))
  got <- posterior_summary(fit, variable = c("b_Intercept", "sd_group__Intercept"))
  mean <- colSums(exact$weight * at)
  sd <- sqrt(colSums(exact$weight * (at - rep(mean, each = nrow(at)))^2))
  expect_lt(max(abs(got[, "Estimate"] - mean) / sd), 0.06)
  expect_equal(unname(got[, "Est.Error"]), sd, tolerance = 0.05)
})

test_that("flat priors give what MASS::polr() does, weights or rows", {
  skip_if_not_installed("MASS")
  housing <- MASS::housing
  for (link in names(distribution)) {
    peer <- MASS::polr(Sat ~ Infl + Type + Cont, housing, weights = Freq, Hess = TRUE,
                       method = c(logit = "logistic", probit = "probit")[[link]])
    fit <- vb(Sat ~ Infl + Type + Cont, housing, weights = Freq, family = cumulative(link),
              prior = flat(), prior_intercept = flat())
    estimate <- c(peer$zeta, peer$coefficients)
    error <- sqrt(diag(stats::vcov(peer)))[c(7:8, 1:6)]
    expect_lt(max(abs(fixef(fit) - estimate) / error), 0.05)
    expect_equal(unname(sqrt(diag(vcov(fit)))), unname(error), tolerance = 0.02)
    expect_equal(unname(fitted(fit)), unname(fitted(peer)), tolerance = 0.01)
  }
  rows <- housing[rep(seq_len(nrow(housing)), housing$Freq), ]
  long <- vb(Sat ~ Infl + Type + Cont, rows, family = cumulative("probit"), prior = flat(),
             prior_intercept = flat())
  expect_identical(long$engine$n_cell, fit$engine$n_cell)
  expect_lt(max(abs(fixef(long) - fixef(fit)) / error), 0.02)
})

test_that("ten categories with random effects are no trouble", {
  x <- cos(1:300)
  group <- gl(15, 20)
  noise <- stats::qlogis(((1:300 * 0.618) %% 1) * 0.98 + 0.01)
  y <- findInterval(x + sin(5 * (1:15))[group] + noise, seq(-2.4, 2.4, 0.6)) + 1L
  fit <- vb(y ~ x + (1 | group), data.frame(y, x, group), family = cumulative())
  expect_true(fit$converged)
  expect_identical(fit$levels, as.character(1:10))
  expect_false(is.unsorted(fixef(fit)[1:9], strictly = TRUE))
  truth <- c(seq(-2.4, 2.4, 0.6), 1)
  z <- (fixef(fit) - truth) / sqrt(diag(vcov(fit)))
  expect_lt(max(abs(z)), 3)
  expect_true(all(sqrt(diag(vcov(fit))) > 0.1 & sqrt(diag(vcov(fit))) < 0.6))
})

test_that("the parts of a fit know the thresholds", {
  fit <- vb(y ~ x, few, family = cumulative("probit"), prior_intercept = normal(0, 4))
  expect_identical(names(fixef(fit)), c("Intercept[1]", "Intercept[2]", "x"))
  expect_identical(rownames(confint(fit)), names(fixef(fit)))
  interval <- posterior_summary(fit, c(0.05, 0.95))[, 3:4]
  expect_equal(unname(confint(fit, level = 0.9)), unname(interval))
  expect_identical(rownames(summary(fit)$fixed), names(fixef(fit)))
  expect_identical(prior_summary(fit)$prior_intercept$prior, rep("normal(0, 4)", 2))
  expect_identical(colnames(model.matrix(fit)), "x")
  expect_equal(unname(predict(fit)), few$x * fixef(fit)[["x"]])
  expect_identical(dimnames(fitted(fit)), list(as.character(1:12), c("1", "2", "3")))
  gap <- predict(fit, data.frame(x = c(1, NA)), type = "response")
  expect_identical(is.na(gap[, "3"]), c(`1` = FALSE, `2` = TRUE))
  expect_identical(nrow(predict(fit, data.frame(x = c(1, NA)), type = "response",
                                na.action = stats::na.omit)), 1L)
  expect_output(print(fit), "Intercept[2]", fixed = TRUE)
  expect_output(print(summary(fit)), "Intercept[2]", fixed = TRUE)
  expect_error(residuals(fit), "fitted", class = "vb_error_family")
  factor <- vb(y ~ cut(x, 3) - 1, few, family = cumulative())
  expect_length(fixef(factor), 5L)
})

test_that("responses that are no ordered categories are errors", {
  for (y in list(factor(few$y, ordered = FALSE), few$x, rep(1, 12), 0:11, as.character(few$y))) {
    data <- data.frame(y, x = few$x)
    expect_error(vb(y ~ x, data, family = cumulative()), class = "vb_error_response")
  }
  gap <- transform(few, y = factor(y, levels = c(1, "none", 2, 3), ordered = TRUE))
  expect_error(vb(y ~ x, gap, family = cumulative(), prior_intercept = flat()), "none",
               class = "vb_error_prior_intercept")
  fit <- vb(y ~ x, gap, family = cumulative())
  expect_length(fixef(fit), 4L)
  expect_error(vb(y ~ x, few, family = cumulative("cloglog")), class = "vb_error_link")
})
