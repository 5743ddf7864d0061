# The bounds of textbook CAVI: rows of the table of likelihoods that share all but the expectation.

# y t - n log(1 + exp(t)) is at least this, whatever xi (Jaakkola & Jordan 2000, equation 10)
jaakkola_jordan <- function(y, n, m, v, xi) {
  lambda <- tanh(xi / 2) / (4 * xi)
  (y - n) * m + n * (stats::plogis(xi, log.p = TRUE) + (m - xi) / 2 - lambda * (m^2 + v - xi^2))
}

# E log f for any value of the variational parameter xi > 0, the terms free of eta left out: the
# engine's closed forms are the maxima over it
bound_of <- list(
  "binomial logit" = function(y, w, m, v, par, xi) jaakkola_jordan(y, w, m, v, xi),
  # a latent normal cut off at zero, whose location is log(xi) away from m
  "binomial probit" = function(y, w, m, v, par, xi) {
    side <- function(m, at) {
      mills <- exp(stats::dnorm(at, log = TRUE) - stats::pnorm(at, log.p = TRUE))
      (m - at) * (at + mills) - (m^2 - at^2) / 2 + stats::pnorm(at, log.p = TRUE)
    }
    at <- m + log(xi)
    y * side(m, at) + (w - y) * side(-m, -at) - w * v / 2
  },
  "negbinomial log" = function(y, w, m, v, par, xi) {
    w * jaakkola_jordan(y, y + par[1], m - log(par[1]), v, xi)
  },
  # log(1 + q) <= log(xi) + (1 + q) / xi - 1
  "student identity" = function(y, w, m, v, par, xi) {
    q <- w * ((y - m)^2 + v) / (par[2] * par[1]^2)
    -(par[2] + 1) / 2 * (log(xi) + (1 + q) / xi - 1)
  },
  # |r| <= (r^2 / xi + xi) / 2
  "asym_laplace identity" = function(y, w, m, v, par, xi) {
    r <- y - m
    -w / par[1] * ((par[2] - 0.5) * r + ((r^2 + v) / xi + xi) / 4)
  }
)

table <- vb_tables()$family
rows <- lapply(which(table$bound == "jj" & !table$thresholds), function(i) as.list(table[i, ]))

bound_rows <- function(name) {
  y <- switch(name, student = , asym_laplace = c(-2.2, 0.3, 4), c(0, 1, 6))
  d <- expand.grid(y = y, m = c(-9, -2, -0.4, 0, 0.9, 9), v = c(1e-6, 0.02, 0.3, 1.5, 9))
  d$w <- if (name == "binomial") d$y + rep_len(c(0, 1, 5), nrow(d)) else
    rep_len(c(1, 0.5, 2), nrow(d))
  if (name == "binomial") d$w <- pmax(d$w, 1)
  d
}

bound_par <- function(row) {
  value <- c(sigma = 1.3, shape = 1.7, nu = 4.5, tau = 0.3)
  unname(value[unlist(row[c("par1", "par2")])][seq_len(row$n_par)])
}

test_that("every bound of the table is written down here", {
  expect_setequal(vapply(rows, function(row) paste(row$name, row$link), ""), names(bound_of))
})

for (row in rows) {
  label <- paste(row$name, row$link)
  eval <- function(what, d, par = bound_par(row), ..., m = d$m, v = d$v, bound = "jj") {
    eval_family(row$name, row$link, what, d$y, d$w, m, par, v, ..., bound = bound)
  }

  test_that(paste("the bound is the best of its kind:", label), {
    d <- bound_rows(row$name)
    best <- vapply(seq_len(nrow(d)), function(i) {
      stats::optimize(function(log_xi) {
        bound_of[[label]](d$y[i], d$w[i], d$m[i], d$v[i], bound_par(row), exp(log_xi))
      }, c(-15, 8), maximum = TRUE, tol = 1e-8)$objective
    }, 0)
    expect_equal(eval("expect", d)$ll, best, tolerance = 1e-9)
  })

  test_that(paste("the bound is below the expectation, and on it where v is zero:", label), {
    d <- bound_rows(row$name)
    exact <- expected(function(i, eta) {
      n <- length(eta)
      eval_family(row$name, row$link, "log_lik", rep(d$y[i], n), rep(d$w[i], n), eta,
                  bound_par(row))$ll
    }, d$m, d$v)
    got <- eval("expect", d)$ll
    expect_true(all(got <= exact + 2e-6 * (1 + abs(exact))))
    expect_gt(max(exact - got), 0.1)
    at <- eval("log_lik", d)
    zero <- eval("expect", d, v = 0 * d$v)
    expect_equal(zero$ll, at$ll, tolerance = 1e-12)
    expect_equal(zero$d1, at$d1, tolerance = 1e-10)
  })

  test_that(paste("its derivatives are differences:", label), {
    d <- bound_rows(row$name)
    d <- d[d$v > 1e-3, ]
    got <- eval("expect", d)
    expect_equal(got$d1, slope(function(m) eval("expect", d, m = m)$ll, d$m), tolerance = 1e-7)
    in_v <- function(log_v) eval("expect", d, v = exp(log_v))$ll
    expect_equal(got$d2, 2 * slope(in_v, log(d$v)) / d$v, tolerance = 1e-6)
    for (k in seq_len(row$n_par)) {
      at <- function(value) {
        vapply(seq_along(value), function(i) {
          par <- replace(bound_par(row), k, value[i])
          eval("expect", d[i, ], par)$ll + eval("base", d[i, ], par)
        }, 0)
      }
      expect_equal(eval("expect_par", d, k = k), slope(at, rep(bound_par(row)[k], nrow(d))),
                   tolerance = 1e-7)
    }
  })

  test_that(paste("nothing overflows far out:", label), {
    d <- bound_rows(row$name)
    got <- eval("expect", d, m = 4 * d$m, v = rep_len(c(0, 1e-12, 1e4), nrow(d)))
    expect_true(all(is.finite(unlist(got))))
    expect_true(all(got$d2 < 0))
  })
}

# ---- fits of an intercept, whose evidence is an integral -----------------------------------------

simple <- data.frame(hit = c(1, 1, 0, 1, 1, 0, 1), count = c(0, 3, 1, 9, 2, 4, 2),
                     y = c(-1.2, 0.3, 0.4, 0.9, 1.1, 2.5, 7), w = c(1, 2, 1, 1, 0.5, 1, 3))

simple_fits <- list(
  "binomial logit" = list(
    formula = cbind(count, 10 - count) ~ 1, family = binomial(), weights = 1, y = simple$count,
    n = 10, log_f = function(x) stats::dbinom(simple$count, 10, stats::plogis(x), log = TRUE)
  ),
  "binomial probit" = list(
    formula = hit ~ 1, family = binomial("probit"), weights = 1, y = simple$hit, n = 1,
    log_f = function(x) stats::dbinom(simple$hit, 1, stats::pnorm(x), log = TRUE)
  ),
  "negbinomial log" = list(
    formula = count ~ 1, family = negbinomial(), weights = simple$w, y = simple$count, par = 1.7,
    log_f = function(x) simple$w * stats::dnbinom(simple$count, 1.7, mu = exp(x), log = TRUE)
  ),
  "student identity" = list(
    formula = y ~ 1, family = student(df = 4), weights = simple$w, y = simple$y, par = c(1.3, 4),
    log_f = function(x) {
      scale <- 1.3 / sqrt(simple$w)
      stats::dt((simple$y - x) / scale, 4, log = TRUE) - log(scale)
    }
  ),
  "asym_laplace identity" = list(
    formula = y ~ 1, family = asym_laplace(0.3), weights = simple$w, y = simple$y,
    par = c(1.3, 0.3),
    log_f = function(x) {
      r <- simple$w * (simple$y - x) / 1.3
      log(0.3 * 0.7 * simple$w / 1.3) - r * (0.3 - (r < 0))
    }
  )
)

simple_fit <- function(case, bound) {
  prior <- list(prior_intercept = normal(0, 2), weights = rep_len(case$weights, nrow(simple)),
                bound = bound)
  if (length(case$par)) prior$prior_aux <- constant(case$par[1])
  do.call(vb, c(list(case$formula, simple, family = case$family), prior))
}

for (label in names(simple_fits)) test_that(paste("the ELBO is the bound's optimum:", label), {
  case <- simple_fits[[label]]
  fit <- simple_fit(case, "jj")
  expect_true(fit$converged)
  w <- if (length(case$n)) case$n else case$weights
  # the terms free of eta, by the density where the engine's kernel is known
  kernel <- eval_family(fit$family$family, fit$family$link, "log_lik", case$y,
                        rep_len(w, nrow(simple)), rep(0.2, nrow(simple)), case$par)$ll
  constant <- sum(case$log_f(0.2) - kernel)
  negative <- function(q) {
    v <- exp(2 * q[2])
    each <- vapply(seq_along(case$y), function(i) {
      stats::optimize(function(t) {
        bound_of[[label]](case$y[i], rep_len(w, i)[i], q[1], v, case$par, exp(t))
      }, c(-12, 6), maximum = TRUE, tol = 1e-8)$objective
    }, 0)
    prior <- stats::dnorm(q[1], 0, 2, log = TRUE) - v / 8
    -(sum(each) + constant + prior + 0.5 * (1 + log(2 * pi)) + q[2])
  }
  best <- stats::optim(c(0.5, -1), negative, method = "BFGS", control = list(reltol = 1e-13))
  expect_equal(elbo(fit), -best$value, tolerance = 1e-6)
  expect_equal(unname(fixef(fit)), best$par[1], tolerance = 1e-3)
  expect_equal(sqrt(vcov(fit)[1]), exp(best$par[2]), tolerance = 1e-3)

  joint <- Vectorize(function(x) sum(case$log_f(x)) + stats::dnorm(x, 0, 2, log = TRUE))
  top <- stats::optimize(joint, c(-5, 5), maximum = TRUE)
  evidence <- top$objective + log(stats::integrate(function(x) exp(joint(x) - top$objective),
                                                   top$maximum - 8, top$maximum + 8,
                                                   subdivisions = 1000L, rel.tol = 1e-8)$value)
  exact <- simple_fit(case, "exact")
  expect_lt(elbo(fit), elbo(exact) - 0.01)
  expect_lt(elbo(exact), evidence)
  expect_equal(elbo(exact), evidence, tolerance = 0.005)
  expect_lt(vcov(fit)[1], vcov(exact)[1])
})

test_that("a bound has no corrections, works with random effects and is named in print", {
  fit <- vb(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, family = binomial(),
            bound = "jj", control = vb_control(rq = TRUE, lr = TRUE))
  exact <- fit_of("binomial")
  expect_true(fit$converged)
  expect_identical(fit$bound, "jj")
  expect_identical(fit$log_evidence, fit$elbo)
  expect_null(fit$engine$lr)
  expect_lt(elbo(fit), elbo(exact) - 1)
  expect_true(all(diag(vcov(fit)) < diag(vcov(exact))))
  expect_output(print(fit), "jj bound")
  expect_output(print(summary(fit)), "jj bound")
  expect_no_match(capture.output(print(exact)), "bound:")
  near <- predict(fit, newdata = cbpp[1:3, ]) / predict(exact, newdata = cbpp[1:3, ])
  expect_true(all(abs(near - 1) < 0.5))
})
