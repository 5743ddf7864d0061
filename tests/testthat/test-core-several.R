# Every row of the table of likelihoods of several predictors, against R's densities, differences,
# families that it has in a limit, and quadrature. A new row needs its density and responses here.

log_sum <- function(a, b) {
  top <- pmax(a, b)
  ifelse(top == -Inf, -Inf, top + log1p(exp(-abs(a - b))))
}
inside <- function(eta) stats::plogis(eta, log.p = TRUE)
outside <- function(eta) stats::plogis(-eta, log.p = TRUE)

# zero with probability plogis(eta) on top of a density, or instead of its zeros
inflated <- function(y, eta, log_density) {
  ifelse(y == 0, log_sum(inside(eta), outside(eta) + log_density), outside(eta) + log_density)
}
hurdle <- function(y, eta, log_density) {
  ifelse(y == 0, inside(eta), outside(eta) + log_density)
}
log_beta <- function(y, e) {
  stats::dbeta(y, stats::plogis(e[, 1]) * exp(e[, 2]), stats::plogis(-e[, 1]) * exp(e[, 2]),
               log = TRUE)
}
log_negbinomial <- function(y, e) stats::dnbinom(y, size = exp(e[, 2]), mu = exp(e[, 1]), log = TRUE)
log_gamma <- function(y, w, e) {
  stats::dgamma(y, w * exp(e[, 2]), rate = w * exp(e[, 2] - e[, 1]), log = TRUE)
}

several_density <- list(
  gaussian = function(y, w, e) stats::dnorm(y, e[, 1], exp(e[, 2]) / sqrt(w), log = TRUE),
  lognormal = function(y, w, e) stats::dlnorm(y, e[, 1], exp(e[, 2]) / sqrt(w), log = TRUE),
  student = function(y, w, e) {
    scale <- exp(e[, 2]) / sqrt(w)
    stats::dt((y - e[, 1]) / scale, exp(e[, 3]), log = TRUE) - log(scale)
  },
  negbinomial = function(y, w, e) w * log_negbinomial(y, e),
  Gamma = log_gamma,
  weibull = function(y, w, e) {
    scale <- exp(e[, 1] - lgamma(1 + exp(-e[, 2])))
    w * stats::dweibull(y, exp(e[, 2]), scale, log = TRUE)
  },
  beta = function(y, w, e) w * log_beta(y, e),
  beta_binomial = function(y, w, e) {
    rising <- function(x, y) vapply(seq_along(y), function(i) sum(log(x[i] + (seq_len(y[i]) - 1))), 0)
    a <- stats::plogis(e[, 1]) * exp(e[, 2])
    b <- stats::plogis(-e[, 1]) * exp(e[, 2])
    lchoose(w, y) + rising(a, y) + rising(b, w - y) - rising(exp(e[, 2]), w)
  },
  zero_inflated_poisson = function(y, w, e) {
    w * inflated(y, e[, 2], stats::dpois(y, exp(e[, 1]), log = TRUE))
  },
  zero_inflated_negbinomial = function(y, w, e) w * inflated(y, e[, 3], log_negbinomial(y, e)),
  zero_inflated_binomial = function(y, w, e) {
    log_choose <- lchoose(w, y) + y * inside(e[, 1]) + (w - y) * outside(e[, 1])
    inflated(y, e[, 2], log_choose)
  },
  zero_inflated_beta = function(y, w, e) w * hurdle(y, e[, 3], log_beta(y, e)),
  zero_one_inflated_beta = function(y, w, e) {
    end <- ifelse(y == 1, inside(e[, 4]), outside(e[, 4]))
    w * ifelse(y %in% 0:1, inside(e[, 3]) + end, outside(e[, 3]) + log_beta(y, e))
  },
  hurdle_poisson = function(y, w, e) {
    some <- stats::ppois(0, exp(e[, 1]), lower.tail = FALSE, log.p = TRUE)
    w * hurdle(y, e[, 2], stats::dpois(y, exp(e[, 1]), log = TRUE) - some)
  },
  hurdle_negbinomial = function(y, w, e) {
    some <- log(-expm1(log_negbinomial(0, e)))
    w * hurdle(y, e[, 3], log_negbinomial(y, e) - some)
  },
  hurdle_gamma = function(y, w, e) w * hurdle(y, e[, 3], log_gamma(y, 1, e)),
  hurdle_lognormal = function(y, w, e) {
    w * hurdle(y, e[, 3], stats::dlnorm(y, e[, 1], exp(e[, 2]), log = TRUE))
  },
  categorical = function(y, w, e) {
    all <- cbind(0, e)
    top <- apply(all, 1L, max)
    w * (all[cbind(seq_along(y), y + 1)] - top - log(rowSums(exp(all - top))))
  },
  multinomial = function(y, w, e) {
    vapply(seq_along(w), function(i) {
      log_p <- c(0, e[i, ])
      log_p <- log_p - max(log_p)
      log_p <- log_p - log(sum(exp(log_p)))
      counts <- c(w[i] - sum(y[i, ]), y[i, ])
      lgamma(w[i] + 1) + sum(counts * log_p - lgamma(counts + 1))
    }, 0)
  }
)

several_y <- list(
  gaussian = c(-2, 0.3, 4), student = c(-2, 0.3, 40), lognormal = c(0.01, 0.7, 2, 30),
  Gamma = c(0.01, 0.7, 2, 30), weibull = c(0.2, 0.9, 3), beta = c(0.003, 0.2, 0.5, 0.98),
  zero_inflated_beta = c(0, 0.003, 0.4, 0.98), zero_one_inflated_beta = c(0, 0.003, 0.4, 1),
  hurdle_gamma = c(0, 0.3, 4), hurdle_lognormal = c(0, 0.3, 4), categorical = 0:3
)
counts <- c(0, 1, 2, 7, 16, 17, 60, 1000)
of_trials <- c("beta_binomial", "zero_inflated_binomial")

several_table <- vb_tables()$several
dpars_of <- function(name) {
  if (name %in% c("categorical", "multinomial")) return(c("mu1", "mu2", "mu3"))
  strsplit(several_table$dpars[several_table$name == name], ",")[[1L]]
}

# responses in turn, weights, and etas: random ones, then one of them at a time far out
several_rows <- function(name, n = 48L, far = c(-30, -6, 6, 30)) {
  K <- length(dpars_of(name))
  set.seed(7)
  eta <- matrix(stats::rnorm(n * K, 0, 1.5), n)
  for (a in seq_len(K)) for (at in far) {
    out <- eta[seq_len(8L), , drop = FALSE]
    out[, a] <- at
    eta <- rbind(eta, out)
  }
  n <- nrow(eta)
  y <- rep_len(if (is.null(several_y[[name]])) counts else several_y[[name]], n)
  w <- rep_len(c(1, 1, 0.5, 2, 1), n)
  if (name %in% of_trials) w <- pmax(y + rep_len(c(0, 1, 5, 300), n), 1)
  if (name == "multinomial") {
    y <- cbind(y, rep_len(0:4, n), rep_len(c(3, 0), n))
    w <- rowSums(y) + rep_len(c(0, 1, 12), n)
  }
  list(y = as.matrix(y), w = w, eta = eta)
}

pairs_of <- function(K) rbind(cbind(seq_len(K), seq_len(K)), if (K > 1L) t(utils::combn(K, 2L)))

# the derivative of f in column k by differences of sixth order, with the step that agrees best
differences <- function(f, eta, k, target) {
  best <- NULL
  for (h in c(0.05, 0.01, 1e-3, 1e-4)) {
    at <- function(s) {
      eta[, k] <- eta[, k] + s * h
      f(eta)
    }
    d <- (45 * (at(1) - at(-1)) - 9 * (at(2) - at(-2)) + (at(3) - at(-3))) / (60 * h)
    d[!is.finite(d)] <- Inf
    best <- if (is.null(best)) d else ifelse(abs(d - target) < abs(best - target), d, best)
  }
  best
}

test_that("the table has its parameters and links", {
  expect_setequal(several_table$name, names(several_density))
  expect_identical(lengths(strsplit(several_table$dpars, ",")),
                   lengths(strsplit(several_table$links, ",")))
  at <- match(c("zero_one_inflated_beta", "student"), several_table$name)
  expect_identical(several_table$dpars[at], c("mu,phi,zoi,coi", "mu,sigma,nu"))
  expect_identical(several_table$links[at], c("logit,log,logit,logit", "identity,log,log"))
})

for (name in several_table$name) {
  test_that(paste("log densities and their derivatives:", name), {
    d <- several_rows(name)
    y <- if (ncol(d$y) == 1L) drop(d$y) else d$y
    K <- ncol(d$eta)
    evaluate <- function(eta, ...) eval_several(name, d$y, d$w, eta, ...)
    value <- function(eta) evaluate(eta, slopes = FALSE)
    got <- evaluate(d$eta)
    want <- suppressWarnings(several_density[[name]](y, d$w, d$eta))
    finite <- is.finite(want) & abs(want) < 1e15
    expect_gt(mean(finite), 0.6)    # a Weibull response may be impossible
    expect_lt(max(abs(got$ll - want)[finite] / (1 + abs(want[finite]))), 1e-11)
    expect_identical(value(d$eta), got$ll)
    expect_true(all(is.finite(got$d1)[finite, ], is.finite(got$d2)[finite, ]))

    # rounding of a difference is in proportion to what is differenced
    close <- function(got, f, k, size) {
      error <- abs(differences(f, d$eta, k, got) - got) / (1 + abs(got) + size)
      expect_lt(max(error[finite]), 1e-9)
    }
    pairs <- pairs_of(K)
    for (k in seq_len(K)) close(got$d1[, k], value, k, 1e-3 * abs(got$ll))
    for (p in seq_len(nrow(pairs))) {
      a <- pairs[p, 1L]
      b <- pairs[p, 2L]
      slope <- function(eta) evaluate(eta)$d1[, b]
      close(got$d2[, p], slope, a, abs(got$d1[, b]))
    }
  })
}

test_that("far out values are no NaN", {
  for (name in several_table$name) {
    d <- several_rows(name, far = c(-400, 400))
    expect_false(anyNA(eval_several(name, d$y, d$w, d$eta, slopes = FALSE)), info = name)
  }
})

# A log density of one predictor, which a family of several has where its `others` are far out
expect_limit <- function(name, y, w, eta, others, ll, d1, d2) {
  got <- eval_several(name, y, w, cbind(eta, matrix(others, length(y), length(others), byrow = TRUE)))
  expect_equal(got$ll, ll, tolerance = 1e-11, info = name)
  expect_equal(got$d1[, 1L], d1, tolerance = 1e-11, info = name)
  expect_equal(got$d2[, 1L], d2, tolerance = 1e-11, info = name)
}

test_that("huge shapes and inflation that is none leave the plain families", {
  d <- expand.grid(y = counts, eta = c(-3, 0.2, 2, 7))
  w <- rep_len(c(1, 0.5), nrow(d))
  mu <- exp(d$eta)
  poisson <- list(ll = w * stats::dpois(d$y, mu, log = TRUE), d1 = w * (d$y - mu), d2 = -w * mu)
  for (case in list(list("negbinomial", 45), list("zero_inflated_poisson", -5000),
                    list("zero_inflated_negbinomial", c(45, -5000)))) {
    do.call(expect_limit, c(list(case[[1L]], d$y, w, d$eta, case[[2L]]), poisson))
  }
  trials <- d$y + rep_len(c(0, 4, 100), nrow(d)) + 1
  p <- stats::plogis(d$eta)
  binomial <- list(ll = stats::dbinom(d$y, trials, p, log = TRUE), d1 = d$y - trials * p,
                   d2 = -trials * p * (1 - p))
  for (case in list(list("beta_binomial", 48), list("zero_inflated_binomial", -5000))) {
    do.call(expect_limit, c(list(case[[1L]], d$y, trials, d$eta, case[[2L]]), binomial))
  }
  z <- c(-3, -0.2, 0, 1, 12)
  expect_limit("student", 1 + 0.7 * z, c(1, 2, 1, 0.5, 1), rep(1, 5L), c(log(0.7), 45),
               stats::dnorm(1 + 0.7 * z, 1, 0.7 / sqrt(c(1, 2, 1, 0.5, 1)), log = TRUE),
               z * c(1, 2, 1, 0.5, 1) / 0.7, -c(1, 2, 1, 0.5, 1) / 0.49)
})

test_that("what a huge shape no longer matters to has no slope in it", {
  y <- c(0, 1, 5, 17, 1000)
  for (log_shape in c(20, 25, 30, 35)) {
    shape <- eval_several("negbinomial", y, 1, cbind(2, rep(log_shape, 5L)))
    expect_lt(max(abs(shape$d1[, 2L]), abs(shape$d2[, 2:3])), 1e6 * exp(-log_shape) + 1e-12)
    phi <- eval_several("beta_binomial", y, y + 7, cbind(0.3, rep(log_shape, 5L)))
    expect_lt(max(abs(phi$d1[, 2L]), abs(phi$d2[, 2:3])), 2e6 * exp(-log_shape) + 1e-12)
    nu <- eval_several("student", y[1:4], 1, cbind(2, 0.5, rep(log_shape, 4L)))
    expect_lt(max(abs(nu$d1[, 3L]), abs(nu$d2[, c(3, 5, 6)])), 1e4 * exp(-log_shape) + 1e-12)
  }
})

test_that("two categories are a logistic regression, and a multinomial of one draw its category", {
  eta <- cbind(c(-30, -2, 0.1, 3, 30, -2, 0.1, 3))
  y <- c(0, 0, 0, 0, 1, 1, 1, 1)
  w <- rep_len(c(1, 0.5), 8L)
  two <- eval_several("categorical", y, w, eta)
  p <- stats::plogis(eta[, 1L])
  expect_equal(two$ll, w * stats::dbinom(y, 1, p, log = TRUE), tolerance = 1e-13)
  expect_equal(two$d1[, 1L], w * (y - p), tolerance = 1e-13)
  expect_equal(two$d2[, 1L], -w * p * (1 - p), tolerance = 1e-13)
  d <- several_rows("categorical")
  one <- vapply(1:3, function(a) as.numeric(d$y == a), numeric(nrow(d$eta)))
  expect_equal(eval_several("multinomial", one, 1, d$eta), eval_several("categorical", d$y, 1, d$eta),
               tolerance = 1e-14)
})

test_that("expectations in closed form are those of a fine rule in both predictors", {
  jacobi <- matrix(0, 60L, 60L)    # of Hermite polynomials (Golub & Welsch 1969)
  jacobi[cbind(1:59, 2:60)] <- jacobi[cbind(2:60, 1:59)] <- sqrt(1:59)
  rule <- eigen(jacobi, symmetric = TRUE)
  z <- as.matrix(expand.grid(rule$values, rule$values))
  weight <- as.vector(outer(rule$vectors[1L, ]^2, rule$vectors[1L, ]^2))
  for (name in c("gaussian", "lognormal")) {
    y <- rep_len(several_y[[name]], 12L)
    w <- rep_len(c(1, 0.5, 2), 12L)
    m <- cbind(seq(-1, 2, length.out = 12L), rep_len(c(-0.7, 0, 0.9), 12L))
    sd <- cbind(rep_len(c(0.05, 0.6), 12L), rep_len(c(0.1, 0.3, 0.5, 0.02), 12L))
    rho <- rep_len(c(-0.8, 0, 0.5, 0.95, -0.3), 12L)
    got <- eval_several(name, y, w, m, cbind(sd^2, rho * sd[, 1L] * sd[, 2L]))
    for (i in 1:12) {
      eta <- cbind(m[i, 1L] + sd[i, 1L] * z[, 1L],
                   m[i, 2L] + sd[i, 2L] * (rho[i] * z[, 1L] + sqrt(1 - rho[i]^2) * z[, 2L]))
      at <- eval_several(name, rep(y[i], nrow(z)), w[i], eta)
      expect_equal(got$ll[i], sum(weight * at$ll), tolerance = 1e-10)
      expect_equal(got$d1[i, ], colSums(weight * at$d1), tolerance = 1e-10)
      expect_equal(got$d2[i, ], colSums(weight * at$d2), tolerance = 1e-10)
    }
    expect_identical(eval_several(name, y, w, m, matrix(0, 12L, 3L)), eval_several(name, y, w, m))
  }
})
