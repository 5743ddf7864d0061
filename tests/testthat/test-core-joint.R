# The log joint density that ADVI climbs: against R's densities, its gradient against differences.

n <- 60L
spread <- function(k, n = 60L) stats::qnorm((seq_len(n) * sqrt(k)) %% 1 * 0.98 + 0.01)
rows <- data.frame(x = spread(2), z = spread(3), off = spread(5) / 4,
                   w = 0.5 + seq_len(n) %% 3 / 2, g = gl(10, 6), h = gl(4, 1, n),
                   size = 2L + seq_len(n) %% 4L)
rows$k <- interaction(rows$g, gl(2, 3, n))
rows$t <- 0.4 + 0.6 * rows$x + spread(7, 10)[rows$g] / 2 + spread(11) / 2   # a predictor
rows$y <- rows$t + spread(13)
rows$hits <- stats::qbinom(stats::pnorm(spread(13)), rows$size, stats::plogis(rows$t))
rows$count <- stats::qpois(stats::pnorm(spread(13)), exp(rows$t))
rows$time <- stats::qgamma(stats::pnorm(spread(13)), 3, 3 * exp(-rows$t))
rows$share <- stats::qbeta(stats::pnorm(spread(13)), 2, 2 * exp(-rows$t))
rows$grade <- cut(rows$t, c(-Inf, -0.3, 0.5, 1.2, Inf), 1:4, ordered_result = TRUE)

response_of <- c(gaussian = "y", student = "y", asym_laplace = "y", Gamma = "time", beta = "share",
                 binomial = "cbind(hits, size - hits)", poisson = "count", negbinomial = "count",
                 cumulative = "grade")
inverse_link <- list(identity = identity, log = exp, logit = stats::plogis, probit = stats::pnorm,
                     cloglog = function(eta) -expm1(-exp(eta)))
density_of <- list(
  gaussian = function(d, mu, par) stats::dnorm(d$y, mu, par[1] / sqrt(d$w), log = TRUE),
  student = function(d, mu, par) {
    scale <- par[1] / sqrt(d$w)
    stats::dt((d$y - mu) / scale, par[2], log = TRUE) - log(scale)
  },
  asym_laplace = function(d, mu, par) {
    side <- ifelse(d$y < mu, 1 - par[2], par[2])
    stats::dexp(abs(d$y - mu), side * d$w / par[1], log = TRUE) + log(1 - side)
  },
  Gamma = function(d, mu, par) {
    stats::dgamma(d$time, shape = d$w * par[1], rate = d$w * par[1] / mu, log = TRUE)
  },
  beta = function(d, mu, par) {
    d$w * stats::dbeta(d$share, mu * par[1], (1 - mu) * par[1], log = TRUE)
  },
  binomial = function(d, mu, par) stats::dbinom(d$hits, d$size, mu, log = TRUE),
  poisson = function(d, mu, par) d$w * stats::dpois(d$count, mu, log = TRUE),
  negbinomial = function(d, mu, par) {
    d$w * stats::dnbinom(d$count, par[1], mu = mu, log = TRUE)
  }
)

# ---- an independent log joint --------------------------------------------------------------------

log_prior_of <- function(dist, x, a, positive = FALSE) {
  upper <- function(p) if (positive) p(0, lower.tail = FALSE, log.p = TRUE) else 0
  switch(
    dist, flat = 0, constant = 0,
    normal = stats::dnorm(x, a[1], a[2], log = TRUE) -
      upper(function(q, ...) stats::pnorm(q, a[1], a[2], ...)),
    student_t = stats::dt((x - a[2]) / a[3], a[1], log = TRUE) - log(a[3]) -
      upper(function(q, ...) stats::pt((q - a[2]) / a[3], a[1], ...)),
    laplace = stats::dexp(abs(x - a[1]), 1 / a[2], log = TRUE) - log(2),
    cauchy = stats::dcauchy(x, a[1], a[2], log = TRUE) -
      upper(function(q, ...) stats::pcauchy(q, a[1], a[2], ...)),
    exponential = stats::dexp(x, a[1], log = TRUE),
    gamma = stats::dgamma(x, a[1], a[2], log = TRUE),
    stop(dist))
}

# Axes to natural parameters: sds by their log, partial correlations by the probit, dispersions by
# the log, the first threshold as it is, the others by the log of their distance.
natural_of <- function(spec, axes) {
  at <- 0L
  take <- function(dist) if (dist == "constant") NA else axes[at <<- at + 1L]
  log_p <- 0
  terms <- lapply(seq_along(spec$terms), function(t) {
    prior <- spec$prior_sd[[t]]
    d <- ncol(spec$terms[[t]]$z)
    sd <- vapply(seq_len(d), function(a) {
      x <- take(prior$dist[a])
      value <- if (is.na(x)) prior$arg[1L, a] else exp(x)
      if (!is.na(x))
        log_p <<- log_p + x + log_prior_of(prior$dist[a], value, prior$arg[, a], TRUE)
      value
    }, 0)
    half <- diag(d)
    for (a in seq_len(d)[-1L]) {
      rest <- 1
      for (b in seq_len(a - 1L)) {
        x <- take("lkj")
        r <- 2 * stats::pnorm(x) - 1
        shape <- spec$prior_cor[t] + (d - 1 - b) / 2    # (1 + r) / 2 is Beta(shape, shape)
        log_p <<- log_p + stats::dbeta((1 + r) / 2, shape, shape, log = TRUE) +
          stats::dnorm(x, log = TRUE)
        half[a, b] <- r * sqrt(rest)
        rest <- rest * (1 - r^2)
      }
      half[a, a] <- sqrt(rest)
    }
    cor <- tcrossprod(half)
    list(sd = sd, cor = cor, sigma = cor * outer(sd, sd))
  })
  par <- numeric()
  threshold <- identical(spec$family, "cumulative")
  for (k in seq_along(spec$prior_par$dist)) {
    dist <- spec$prior_par$dist[k]
    arg <- spec$prior_par$arg[, k]
    x <- take(dist)
    par[k] <- if (is.na(x)) arg[1L] else if (!threshold) exp(x) else if (k == 1L) x else
      par[k - 1L] + exp(x)
    if (is.na(x)) next
    if (!threshold || k > 1L) log_p <- log_p + x
    log_p <- log_p + log_prior_of(dist, par[k], arg, !threshold) +
      if (threshold && dist != "flat") log(k) else 0
  }
  list(terms = terms, par = par, log_p = log_p)
}

log_joint <- function(spec, d, coef, natural, log_lik) {
  p <- ncol(spec$x)
  beta <- coef[seq_len(p)]
  eta <- spec$offset + drop(sweep(column_matrix(spec$x), 2L, spec$center) %*% beta)
  value <- natural$log_p
  for (k in seq_len(p)) {
    value <- value + log_prior_of(spec$prior_coef$dist[k], beta[k], spec$prior_coef$arg[, k])
  }
  at <- p
  for (t in seq_along(spec$terms)) {
    term <- spec$terms[[t]]
    size <- ncol(term$z)
    u <- matrix(coef[at + seq_len(size * term$n_level)], size)
    at <- at + length(u)
    eta <- eta + drop(term_matrix(term) %*% c(u))
    value <- value + sum(apply(u, 2L, log_normal_density, 0, natural$terms[[t]]$sigma))
  }
  value + sum(log_lik(d, eta, natural$par))
}

family_log_lik <- function(family) {
  if (family$name == "cumulative") {
    p <- inverse_link[[family$link]]
    return(function(d, eta, par) {
      y <- as.integer(d$grade)
      d$w * log(p(c(par, Inf)[y] - eta) - p(c(-Inf, par)[y] - eta))
    })
  }
  function(d, eta, par) density_of[[family$name]](d, inverse_link[[family$link]](eta), par)
}

# points about the start, far enough out that nothing is at its pilot
points_of <- function(joint, n, scale = 0.4) {
  matrix(joint$start + scale * vapply(seq_len(n), function(k) spread(k + 16, joint$dim),
                                      joint$start), joint$dim)
}

n_coef <- function(spec) {
  ncol(spec$x) + sum(vapply(spec$terms, function(t) t$n_level * ncol(t$z), 0))
}

# dc / dzeta: c is linear in zeta
map_of <- function(spec, xi, ...) {
  size <- n_coef(spec)
  steps <- diag(length(xi))[, seq_len(size), drop = FALSE]
  coef <- eval_joint(spec, cbind(xi, c(xi) + steps), ...)$coef
  coef[, -1L, drop = FALSE] - coef[, 1L]
}

expect_log_joint <- function(model, d, label, log_lik = family_log_lik(model$family), ...) {
  spec <- model$spec
  size <- n_coef(spec)
  joint <- eval_joint(spec, ...)
  xi <- points_of(joint, 2L)
  got <- eval_joint(spec, xi, ...)
  for (k in seq_len(ncol(xi))) {
    natural <- natural_of(spec, xi[-seq_len(size), k])
    jacobian <- determinant(map_of(spec, xi[, k], ...))$modulus
    value <- log_joint(spec, d, got$coef[, k], natural, log_lik) + jacobian
    expect_equal(got$value[k], c(value), tolerance = 1e-9, info = label)
    reported <- unlist(lapply(natural$terms, function(t) c(t$sd, t$cor[lower.tri(t$cor)])))
    expect_equal(got$natural[, k], c(reported, natural$par), tolerance = 1e-9, info = label)
  }
}

expect_gradient <- function(spec, label, tolerance = 1e-7, ...) {
  joint <- eval_joint(spec, ...)
  xi <- points_of(joint, 2L)
  got <- eval_joint(spec, xi, ...)$gradient
  for (k in seq_len(ncol(xi))) {
    difference <- function(h) {
      step <- h * diag(joint$dim)
      value <- eval_joint(spec, cbind(xi[, k] + step, xi[, k] - step), only_value = TRUE, ...)$value
      (value[seq_len(joint$dim)] - value[-seq_len(joint$dim)]) / (2 * h)
    }
    expected <- (4 * difference(2e-4) - difference(4e-4)) / 3
    error <- max(abs(got[, k] - expected) / (1 + abs(expected)))
    expect_lt(error, tolerance, label = label)
  }
}

# ---- tests ---------------------------------------------------------------------------------------

with_response <- function(formula, response) {
  stats::as.formula(paste(response, deparse1(formula)), environment(formula))
}

table <- vb_tables()$family
table <- table[table$bound == "exact", ]
family_of <- list(
  gaussian = stats::gaussian, student = student, asym_laplace = asym_laplace, Gamma = stats::Gamma,
  beta = Beta, binomial = stats::binomial, poisson = stats::poisson, negbinomial = negbinomial,
  cumulative = cumulative)

for (i in seq_len(nrow(table))) {
  name <- table$name[i]
  family <- family_of[[name]](link = table$link[i])
  label <- paste(name, table$link[i])
  test_that(paste("the log joint and its gradient are right:", label), {
    formula <- with_response(~ x + offset(off) + (x | g) + (1 | h), response_of[[name]])
    d <- if (name == "binomial") transform(rows, w = 1) else rows
    model <- model_of(formula, d, family, weights = w)
    for (dense_up_to in c(300L, 0L)) {
      expect_log_joint(model, d, label, dense_up_to = dense_up_to)
      expect_gradient(model$spec, label, dense_up_to = dense_up_to)
    }
  })
}

structures <- list(~ x, ~ 0 + x + z, ~ 1, ~ x + (1 | g), ~ x + (x + z | g), ~ x + (x || g),
                   ~ x + (1 | g / h), ~ z + (x | h) + (z | g) + (1 | k), ~ 0 + (1 | g))
own_priors <- list(
  normal = list(prior = normal(0.3, 2), prior_intercept = normal(1, 3), prior_sd = normal(0, 2),
                prior_aux = list(sigma = exponential(2))),
  others = list(prior = laplace(0.2, 0.7), prior_intercept = student_t(4, 1, 2),
                prior_sd = exponential(1.5), prior_aux = list(sigma = student_t(3, 0, 2)),
                prior_cor = lkj(2)),
  flat = list(prior = flat(), prior_intercept = flat(),
              prior_aux = list(sigma = flat()),
              prior_sd = cauchy(0, 2)),
  held = list(prior_aux = list(sigma = constant(0.8)), prior_sd = constant(0.6))
)

test_that("the log joint and its gradient are right whatever the terms", {
  for (formula in structures) {
    for (response in c("y", "count")) {
      family <- if (response == "y") stats::gaussian() else stats::poisson()
      model <- model_of(with_response(formula, response), rows, family)
      label <- deparse1(model$formula)
      expect_log_joint(model, transform(rows, w = 1), label)
      expect_gradient(model$spec, label)
      expect_gradient(model$spec, label, dense_up_to = 0L)
    }
  }
})

test_that("the log joint and its gradient are right whatever the priors", {
  for (name in names(own_priors)) {
    for (family in list(stats::gaussian(), student())) {
      model <- model_of(y ~ x + z + (x | g), rows, family, priors = own_priors[[name]])
      expect_log_joint(model, transform(rows, w = 1), name)
      expect_gradient(model$spec, name)
    }
  }
})

test_that("families of the user's own are differenced", {
  for (name in c("gaussian", "negbinomial", "student")) {
    model <- model_of(with_response(~ x + (1 | g), response_of[[name]]), rows, own[[name]])
    density <- callback(model$family)$density
    log_lik <- function(d, eta, par) density(d[[response_of[[name]]]], eta, par)
    expect_log_joint(model, rows, name, log_lik, density = density)
    expect_gradient(model$spec, name, 1e-5, density = density)
  }
  model <- model_of(count ~ x, rows, zip)
  expect_gradient(model$spec, "zip", 1e-5, density = callback(model$family)$density)
})

test_that("given theta, zeta is N(0, I) where the likelihood is Gaussian", {
  for (formula in structures) {
    spec <- model_of(with_response(formula, "y"), rows, priors = own_priors$normal)$spec
    size <- n_coef(spec)
    joint <- eval_joint(spec)
    xi <- points_of(joint, 3L)
    for (k in 1:3) {
      at <- cbind(xi[, k], c(spread(29, size), xi[-seq_len(size), k]), xi[, k])
      at[seq_len(size), 3L] <- 0
      value <- eval_joint(spec, at)$value + colSums(at[seq_len(size), , drop = FALSE]^2) / 2
      expect_equal(value, rep(value[1L], 3L), tolerance = 1e-10)
      # the integral over zeta is the evidence at theta
      natural <- natural_of(spec, xi[-seq_len(size), k])
      X <- sweep(column_matrix(spec$x), 2L, spec$center)
      arg <- spec$prior_coef$arg
      cov <- natural$par^2 * diag(n) + X %*% (arg[2L, ]^2 * t(X))
      for (t in seq_along(spec$terms)) {
        Z <- term_matrix(spec$terms[[t]])
        of_u <- kronecker(diag(spec$terms[[t]]$n_level), natural$terms[[t]]$sigma)
        cov <- cov + Z %*% of_u %*% t(Z)
      }
      evidence <- log_normal_density(rows$y, drop(X %*% arg[1L, ]), cov) + natural$log_p
      expect_equal(value[1L] + size * log(2 * pi) / 2, evidence, tolerance = 1e-9)
    }
  }
})

test_that("samples of rows estimate the whole", {
  for (family in list(stats::gaussian(), stats::poisson(), negbinomial())) {
    response <- if (family$family == "gaussian") "y" else "count"
    spec <- model_of(with_response(~ x + (x | g) + (1 | h), response), rows, family)$spec
    xi <- points_of(eval_joint(spec), 5L)
    all <- eval_joint(spec, xi)
    one <- function(u) eval_joint(spec, xi, batch = 1L, uniform = u)
    each <- lapply((seq_len(n) - 0.5) / n, one)
    expect_equal(Reduce(`+`, lapply(each, `[[`, "value")) / n, all$value, tolerance = 1e-10)
    expect_equal(Reduce(`+`, lapply(each, `[[`, "gradient")) / n, all$gradient, tolerance = 1e-10)
    # without replacement: these uniforms take all but the last
    most <- eval_joint(spec, xi, batch = n - 1L, uniform = rep(0, n - 1L))$value
    last <- each[[n]]$value
    expect_equal((most * (n - 1) + last) / n, all$value, tolerance = 1e-10)
    expect_equal(eval_joint(spec, xi, batch = n, uniform = rep(0.5, n))$value, all$value)
  }
})

test_that("any number of points is evaluated, one by one or together", {
  spec <- model_of(count ~ x + (x | g) + (1 | h), rows, stats::poisson())$spec
  xi <- points_of(eval_joint(spec), 150L, 0.1)
  all <- eval_joint(spec, xi)
  for (k in c(1L, 64L, 65L, 150L)) {
    one <- eval_joint(spec, xi[, k])
    expect_equal(one$value, all$value[k], tolerance = 1e-12)
    expect_equal(one$gradient[, 1L], all$gradient[, k], tolerance = 1e-10)
  }
})

test_that("a point without a density does not spoil the others", {
  spec <- model_of(y ~ x + (x | g), rows)$spec
  xi <- points_of(eval_joint(spec), 4L)
  good <- eval_joint(spec, xi)
  xi[nrow(xi), c(1L, 3L)] <- c(800, NaN)
  got <- eval_joint(spec, xi)
  expect_identical(is.finite(got$value), c(FALSE, TRUE, FALSE, TRUE))
  expect_identical(got$value[c(2L, 4L)], good$value[c(2L, 4L)])
  expect_identical(got$gradient[, c(2L, 4L)], good$gradient[, c(2L, 4L)])
  expect_true(all(got$gradient[, c(1L, 3L)] == 0))
})

test_that("moments of the coefficients are those of the map", {
  spec <- model_of(count ~ x + (x | g) + (1 | h), rows, stats::poisson())$spec
  size <- n_coef(spec)
  xi <- points_of(eval_joint(spec), 1L)
  var <- exp(spread(31, size))
  root <- matrix(spread(37, size^2), size) / 3
  for (dense_up_to in c(300L, 0L)) {
    map <- map_of(spec, xi, dense_up_to = dense_up_to)
    for (cov in list(NULL, tcrossprod(root))) {
      got <- eval_joint(spec, xi, at = xi, var = var, cov = cov, dense_up_to = dense_up_to)
      exact <- map %*% (if (is.null(cov)) diag(var) else cov) %*% t(map)
      expect_equal(got$moments$mean, got$coef[, 1L], tolerance = 1e-10)
      expect_equal(got$moments$var, diag(exact), tolerance = 1e-8)
      expect_equal(got$moments$beta_cov, exact[1:2, 1:2], tolerance = 1e-8)
    }
  }
})

test_that("a pilot elsewhere changes zeta and nothing else", {
  model <- model_of(count ~ x + (1 | g), rows, stats::poisson())
  axes <- 0.7
  expect_log_joint(model, transform(rows, w = 1), "pilot", axes = axes)
  expect_gradient(model$spec, "pilot", axes = axes)
  expect_false(isTRUE(all.equal(eval_joint(model$spec, c(rep(1, 12), 0))$coef,
                                eval_joint(model$spec, c(rep(1, 12), 0), axes = axes)$coef)))
})
