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
