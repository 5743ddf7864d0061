# Likelihoods of which only values are had: held against the package's own rows, which have
# derivatives and closed forms, and against integrals where the package has no such row.

# largest differences in sds, over all entries of the summaries
apart <- function(a, b) {
  a <- posterior_summary(a)
  b <- posterior_summary(b)
  expect_identical(dimnames(a), dimnames(b))
  max(abs(a - b) / b[, "Est.Error"])
}
# linear response always: whether the package's rows have it depends on how they make up cells
both <- vb_control(lr = TRUE)
expect_same_fit <- function(a, b, sds, nats) {
  expect_true(a$converged)
  expect_lt(apart(a, b), sds)
  expect_lt(abs(elbo(a) - elbo(b)), nats)
  expect_lt(abs(a$log_evidence - b$log_evidence), nats)
}
# one row a cell, as with one's own family: cells of several rows have another residual quadrature
rows_of <- function(data) transform(data, row = cos(seq_len(nrow(data))))
animals <- rows_of(local({
  long <- cbpp[rep(seq_len(nrow(cbpp)), cbpp$size), ]
  long$y <- unlist(Map(function(k, n) rep(1:0, c(k, n - k)), cbpp$incidence, cbpp$size))
  long
}))

stein <- function(family, y, ...) {
  user <- user_spec(family, y)
  user$log_lik <- callback(family)$density
  eval_stein(user, y, ...)
}

test_that("Stein's derivatives are the analytic ones, however small the variance", {
  grid <- expand.grid(eta = c(-2, -0.3, 0, 1.1, 2), v = c(0, 1e-12, 1e-6, 1e-3, 0.04, 0.3, 1, 2.4))
  rows <- merge(data.frame(y = c(0, 1)), grid)
  # exp(eta) has E exp(eta) = exp(m + v / 2) for all its derivatives
  got <- stein(resolve_family(own$poisson), rows$y, rows$eta, rows$v)
  mean <- exp(rows$eta + rows$v / 2)
  exact <- rbind(rows$y * rows$eta - mean - lgamma(rows$y + 1), rows$y - mean, -mean)
  expect_lt(max(abs(got[1:3, ] - exact) / (1 + abs(exact))), 1e-8)
  wide <- rows$v >= 1e-3                           # where residual quadrature has a use for them
  expect_lt(max(abs(t(t(got[4:7, wide]) / mean[wide]) + 1)), 1e-4)
  # the logit's analytic derivatives under a fine trapezoid
  got <- stein(resolve_family(own$binomial), rows$y, rows$eta, rows$v)
  p <- stats::plogis
  f <- list(function(i, e) p((2 * rows$y[i] - 1) * e, log.p = TRUE),
            function(i, e) rows$y[i] - p(e), function(i, e) -p(e) * p(-e))
  exact <- t(vapply(f, expected, rows$y, m = rows$eta, v = rows$v))
  expect_lt(max(abs(got[1:3, ] - exact)), 1e-8)
})

test_that("wide variances have their integrals, kinks their mass", {
  y <- c(0, 1, 0, 1)
  m <- c(-3, 0.5, 2, 1)
  v <- c(9, 30, 200, 2000)
  got <- stein(resolve_family(own$binomial), y, m, v)
  f <- function(i, e) stats::plogis((2 * y[i] - 1) * e, log.p = TRUE)
  expect_equal(got[1, ], expected(f, m, v, by = 0.0005), tolerance = 1e-8)
  expect_equal(got[2, ], y - expected(function(i, e) stats::plogis(e), m, v, by = 0.0005),
               tolerance = 1e-7)
  # E f'' = -2 times the normal density at the kink of -|y - eta|
  laplace <- vb_family("laplace", function(y, eta, par) -abs(y - eta) - log(2), smooth = FALSE)
  y <- c(0.5, -0.2, 1.3)
  got <- stein(resolve_family(laplace), y, numeric(3), c(1, 0.3, 2))
  s <- sqrt(c(1, 0.3, 2))
  expect_equal(got[2, ], 2 * stats::pnorm(y / s) - 1, tolerance = 5e-3)
  expect_equal(got[3, ], -2 * stats::dnorm(y / s) / s, tolerance = 5e-3)
})

test_that("a density with kinks is fitted as the package's own, residual quadrature included", {
  check_loss <- vb_family(
    "check loss", par = c(sigma = "positive"), smooth = FALSE,
    log_lik = function(y, eta, par) {
      r <- y - eta
      log(0.25 * 0.75) - log(par$sigma) - r * (0.25 - (r < 0)) / par$sigma
    }
  )
  calls <- list(quote(vb(dist ~ speed, cars, family = family)),
                quote(vb(Reaction ~ Days + (1 | Subject), sleepstudy, family = family)))
  for (call in calls) {
    mine <- eval(call, list(family = check_loss))
    theirs <- eval(call, list(family = asym_laplace(0.25)))
    expect_true(mine$converged)
    # its own tau, which is held, is no parameter of mine
    rows <- rownames(posterior_summary(mine))
    a <- posterior_summary(mine)[, 1:2]
    b <- posterior_summary(theirs)[rows, 1:2]
    expect_lt(max(abs(a - b) / b[, 2]), 0.01)
    expect_lt(abs(elbo(mine) - elbo(theirs)), 0.01)
    expect_lt(abs(mine$log_evidence - theirs$log_evidence), 0.02)
  }
})

test_that("the inverse link starts where the mean of the response is", {
  waiting <- vb_family("exponential", link = "inverse", function(y, eta, par) {
    stats::dexp(y, eta, log = TRUE)
  })
  fit <- vb(dist ~ 1, cars, family = waiting, prior_intercept = normal(0, 2))
  b <- seq(0.01, 0.045, length.out = 4001)
  joint <- vapply(b, function(b) sum(stats::dexp(cars$dist, b, log = TRUE)), 0) +
    stats::dnorm(b, 0, 2, log = TRUE)
  exact <- grid_summary(b, joint)
  expect_lt(abs(fixef(fit)[[1]] - exact[[1]]) / exact[[2]], 0.05)
  expect_lt(abs(sqrt(vcov(fit)[1]) / exact[[2]] - 1), 0.05)
  expect_lt(elbo(fit), log_sum_exp(joint) + log(b[2] - b[1]))
})

test_that("scale of the response: units do not matter with the identity link", {
  fit <- vb(dist ~ speed, cars, family = own$student)
  scaled <- vb(I(dist * 1e5) ~ speed, cars, family = own$student)
  unit <- c(1e5, 1e5, 1e5, 1)
  expect_equal(posterior_summary(scaled) / unit, posterior_summary(fit), tolerance = 1e-3)
})

test_that("regressions are those of the package's own families", {
  expect_same_fit(vb(count ~ spray, InsectSprays, family = own$poisson),
                  vb(count ~ spray, InsectSprays, family = poisson()), 1e-5, 1e-6)
  data <- rows_of(datasets::infert)
  expect_same_fit(vb(case ~ spontaneous + induced + row, data, family = own$binomial),
                  vb(case ~ spontaneous + induced + row, data, family = binomial(), control = both),
                  1e-4, 1e-5)
  expect_same_fit(vb(dist ~ speed, cars, family = own$gaussian), vb(dist ~ speed, cars), 1e-4, 1e-5)
  expect_same_fit(vb(breaks ~ wool + tension, warpbreaks, family = own$negbinomial),
                  vb(breaks ~ wool + tension, warpbreaks, family = negbinomial(), control = both),
                  1e-3, 1e-4)
  # two hyperparameters that trade off: the package's own have axes that are orthogonal
  expect_same_fit(vb(stack.loss ~ ., stackloss, family = own$student),
                  vb(stack.loss ~ ., stackloss, family = student()), 3e-2, 3e-3)
})

test_that("random effects are those of the package's own families, residual quadrature included", {
  looms <- rows_of(looms)
  expect_same_fit(vb(breaks ~ tension + row + (1 | loom), looms, family = own$poisson),
                  vb(breaks ~ tension + row + (1 | loom), looms, family = poisson(),
                     control = both),
                  1e-4, 1e-5)
  mine <- vb(y ~ period + row + (1 | herd), animals, family = own$binomial)
  theirs <- vb(y ~ period + row + (1 | herd), animals, family = binomial(),
               control = both)
  expect_same_fit(mine, theirs, 1e-3, 1e-4)
  expect_equal(mine$engine$rq$size, theirs$engine$rq$size, tolerance = 1e-3)
  # two rows a group, where the Gaussian is poor and tables are read instead of series
  g <- rep(1:40, 2)
  few <- data.frame(y = as.numeric(sin(7 * g) + 1.2 * cos(5 * seq_along(g)) > 0), row = sin(1:80),
                    g = factor(g))
  mine <- vb(y ~ row + (1 | g), few, family = own$binomial)
  theirs <- vb(y ~ row + (1 | g), few, family = binomial(), control = both)
  expect_gt(theirs$engine$rq$size, 0.1)
  expect_equal(mine$engine$rq$size, theirs$engine$rq$size, tolerance = 1e-3)
  expect_same_fit(mine, theirs, 2e-3, 1e-4)
  slopes <- vb(breaks ~ row + (row | loom), looms, family = own$negbinomial)
  theirs <- vb(breaks ~ row + (row | loom), looms, family = negbinomial(), control = both)
  expect_same_fit(slopes, theirs, 0.01, 1e-3)
})

test_that("weights multiply the log density", {
  w <- rep(1:3, 24)
  long <- InsectSprays[rep(seq_len(72), w), ]
  fit <- vb(count ~ spray, InsectSprays, family = own$poisson, weights = w, prior = normal(0, 3),
            prior_intercept = normal(0, 3))
  # the intercept's prior is at the column means, which the weights do not enter
  at <- colMeans(stats::model.matrix(~ spray, InsectSprays))[-1]
  expect_equal(elbo(fit), elbo(vb(count ~ spray, InsectSprays, family = poisson(), weights = w,
                                  prior = normal(0, 3), prior_intercept = normal(0, 3))),
               tolerance = 1e-8)
  free <- vb(count ~ spray, InsectSprays, family = own$poisson, weights = w, prior = NULL,
             prior_intercept = NULL)
  all <- vb(count ~ spray, long, family = own$poisson, prior = NULL, prior_intercept = NULL)
  expect_equal(posterior_summary(free), posterior_summary(all), tolerance = 1e-5)
})

# posterior of an intercept and one parameter on a grid: moments and evidence
on_grid <- function(b, a, log_joint) {
  all <- expand.grid(b = b, a = a)
  joint <- mapply(log_joint, all$b, all$a)
  share <- exp(joint - log_sum_exp(joint))
  mean <- c(sum(share * all$b), sum(share * all$a))
  list(mean = mean, sd = sqrt(c(sum(share * all$b^2), sum(share * all$a^2)) - mean^2),
       evidence = log_sum_exp(joint) + log(b[2] - b[1]) + log(a[2] - a[1]))
}
expect_on_grid <- function(fit, exact, gap) {
  got <- posterior_summary(fit)[1:2, ]
  expect_lt(max(abs(got[, 1] - exact$mean) / exact$sd), 0.05)
  expect_lt(max(abs(got[, 2] / exact$sd - 1)), 0.05)
  expect_lt(elbo(fit), exact$evidence + 1e-3)
  expect_gt(elbo(fit), exact$evidence - gap)
}

test_that("a Weibull has its integral", {
  y <- datasets::warpbreaks$breaks
  fit <- vb(breaks ~ 1, warpbreaks, family = weibull, prior_intercept = normal(3, 1),
            prior_aux = exponential(0.5))
  exact <- on_grid(seq(2.9, 4, length.out = 200), seq(1, 4.5, length.out = 200), function(b, a) {
    sum(stats::dweibull(y, a, exp(b), log = TRUE)) + stats::dnorm(b, 3, 1, log = TRUE) +
      stats::dexp(a, 0.5, log = TRUE)
  })
  expect_on_grid(fit, exact, 0.02)
})

test_that("a parameter of the unit interval has its integral, under flat and cut priors", {
  y <- c(0, 0, 0, 2, 0, 5, 3, 0, 0, 1, 4, 0, 2, 0, 0, 6, 3, 0, 0, 2)
  data <- data.frame(y = y)
  log_lik <- function(b, a) {
    sum(log(a * (y == 0) + (1 - a) * stats::dpois(y, exp(b))))
  }
  grid <- list(b = seq(-0.4, 2.2, length.out = 200), a = (seq_len(400) - 0.5) / 400)
  fit <- vb(y ~ 1, data, family = zip, prior_intercept = normal(0, 2))
  expect_on_grid(fit, on_grid(grid$b, grid$a, function(b, a) {
    log_lik(b, a) + stats::dnorm(b, 0, 2, log = TRUE)
  }), 0.05)
  fit <- vb(y ~ 1, data, family = zip, prior_intercept = normal(0, 2),
            prior_aux = list(zi = normal(0.1, 0.2)))
  mass <- stats::pnorm(1, 0.1, 0.2) - stats::pnorm(0, 0.1, 0.2)
  expect_on_grid(fit, on_grid(grid$b, grid$a, function(b, a) {
    log_lik(b, a) + stats::dnorm(b, 0, 2, log = TRUE) + stats::dnorm(a, 0.1, 0.2, log = TRUE) -
      log(mass)
  }), 0.05)
})

test_that("a real parameter has its integral, and can be held at zero", {
  y <- c(0.2, 1.1, -0.3, 2.6, 0.5, 4.1, 0.9, 1.6, 0.1, 3.2, 0.7, 0.4, 1.9, -0.1, 0.3)
  data <- data.frame(y = y)
  fit <- vb(y ~ 1, data, family = skew, prior_intercept = normal(0, 3),
            prior_aux = list(sigma = constant(1.8), alpha = normal(0, 4)))
  got <- posterior_summary(fit)[c("b_Intercept", "alpha"), ]
  exact <- on_grid(seq(-1.6, 3, length.out = 250), seq(-9, 16, length.out = 250), function(b, a) {
    z <- (y - b) / 1.8
    sum(log(2 / 1.8) + stats::dnorm(z, log = TRUE) + stats::pnorm(a * z, log.p = TRUE)) +
      stats::dnorm(b, 0, 3, log = TRUE) + stats::dnorm(a, 0, 4, log = TRUE)
  })
  expect_lt(max(abs(got[, 1] - exact$mean) / exact$sd), 0.1)
  expect_lt(max(abs(got[, 2] / exact$sd - 1)), 0.1)
  expect_lt(elbo(fit), exact$evidence + 1e-3)
  held <- vb(y ~ 1, data, family = skew, prior_aux = list(alpha = constant(0)))
  expect_equal(posterior_summary(held)[1:2, ], posterior_summary(vb(y ~ 1, data))[1:2, ],
               tolerance = 1e-3)
})

test_that("a zero-inflated model with a random intercept agrees with brute-force integration", {
  g <- factor(rep(1:15, 6))
  u <- 0.9 + 0.6 * sin(3 * (1:15))[g]
  y <- stats::qpois(((seq_along(g) * 0.6180339887) %% 1 + 0.01) / 1.02, exp(u))
  y[seq_along(y) %% 4 == 0] <- 0
  fit <- vb(y ~ 1 + (1 | g), data.frame(y, g), family = zip, prior_intercept = normal(0, 2.5),
            prior_sd = student_t(3, 0, 2.5), prior_aux = constant(0.25))
  z <- seq(-6, 6, length.out = 161)
  weight <- stats::dnorm(z) * (z[2] - z[1])
  b <- seq(-0.4, 2, length.out = 41)
  tau <- exp(seq(log(0.05), log(3), length.out = 41))
  joint <- outer(b, tau, Vectorize(function(b, tau) {
    log_lik <- vapply(z, function(z) zip$log_lik(y, b + tau * z, list(zi = 0.25)), y)
    sum(log(drop(exp(rowsum(log_lik, g)) %*% weight))) + stats::dnorm(b, 0, 2.5, log = TRUE) +
      log_half_t(tau, 3, 2.5) + log(tau)
  }))
  share <- exp(joint - log_sum_exp(joint))
  tau_mean <- sum(colSums(share) * tau)
  exact <- rbind(grid_summary(b, log(rowSums(share)))[1:2],
                 c(tau_mean, sqrt(sum(colSums(share) * tau^2) - tau_mean^2)))
  got <- posterior_summary(fit)[c("b_Intercept", "sd_g__Intercept"), 1:2]
  expect_lt(max(abs(got[, 1] - exact[, 1]) / exact[, 2]), 0.06)
  expect_lt(max(abs(got[, 2] / exact[, 2] - 1)), 0.05)
  evidence <- log_sum_exp(joint) + log(b[2] - b[1]) + log(log(tau[2] / tau[1]))
  expect_lt(abs(fit$log_evidence - evidence), 0.05)
})
