# Parameters that are each a function of one real number, theta = shift + scale f(x): f, what its
# Jacobian needs, and its moments under x ~ N(mean, sd^2).

# `log_slope`: log f'; `bend`: the derivative of that; `moments`: a column each for mean and sd of
# f(x); `hermite`: E f(mean + sd z) He_k(z) / sqrt(k!) for k = 1, ..., a column each.
links <- list(
  identity = list(
    value = function(x) x,
    inverse = function(y) y,
    log_slope = function(x) 0 * x,
    bend = function(x) 0 * x,
    moments = function(mean, sd) cbind(mean, sd),
    hermite = function(mean, sd, order) cbind(sd, matrix(0, length(sd), order - 1L))
  ),
  exp = list(
    value = exp,
    inverse = log,
    log_slope = function(x) x,
    bend = function(x) 0 * x + 1,
    moments = function(mean, sd) {
      expected <- exp(mean + sd^2 / 2)
      cbind(expected, expected * sqrt(expm1(sd^2)))
    },
    hermite = function(mean, sd, order) {
      k <- seq_len(order)
      exp(outer(log(sd), k) + mean + sd^2 / 2 - rep(lgamma(k + 1) / 2, each = length(sd)))
    }
  ),
  plogis = list(
    value = stats::plogis,
    inverse = stats::qlogis,
    log_slope = function(x) stats::plogis(x, log.p = TRUE) + stats::plogis(-x, log.p = TRUE),
    bend = function(x) 1 - 2 * stats::plogis(x),
    moments = function(mean, sd) logit_normal(mean, sd, function(x, mean) {
      cbind(mean, sqrt(drop((x - mean)^2 %*% trapezoid$weight)))
    }),
    hermite = function(mean, sd, order) logit_normal(mean, sd, function(x, mean) {
      (x - mean) %*% (trapezoid$weight * hermite_polynomials(trapezoid$z, order))
    })
  )
)

# Nodes and weights for expectations under N(0, 1): exact to rounding for functions as smooth as
# plogis(50 z)
trapezoid <- local({
  z <- seq(-9, 9, length.out = 901L)
  list(z = z, weight = stats::dnorm(z) * (z[2L] - z[1L]))
})

# what(values at the nodes, a row per parameter, and their means)
logit_normal <- function(mean, sd, what) {
  x <- stats::plogis(mean + outer(sd, trapezoid$z))
  what(x, drop(x %*% trapezoid$weight))
}

# He_k(z) / sqrt(k!), k = 1, ..., order
hermite_polynomials <- function(z, order) {
  out <- matrix(z, length(z), order)
  for (k in seq_len(order)[-1L]) {
    before <- if (k == 2L) 1 else out[, k - 2L]
    out[, k] <- (z * out[, k - 1L] - sqrt(k - 1) * before) / sqrt(k)
  }
  out
}

# ---- margins: a data frame with a row per parameter ----------------------------------------------

# `axis`: the real number that it is a function of; NA: it depends on several
margin_rows <- function(name, axis = NA_integer_, link = "identity", shift = 0, scale = 1) {
  n <- length(name)
  data.frame(name = name, axis = rep_len(axis, n), link = rep_len(link, n),
             shift = rep_len(shift, n), scale = rep_len(scale, n))
}

by_link <- function(margin, f) {
  for (link in unique(margin$link)) f(which(margin$link == link), links[[link]])
}

# Mean, sd and quantiles of the parameters under x ~ N(mean, sd^2)
summarise_margins <- function(margin, mean, sd, probs = numeric()) {
  out <- matrix(NA_real_, nrow(margin), 2L + length(probs))
  by_link(margin, function(row, link) {
    m <- mean[row]
    s <- sd[row]
    up <- rep(margin$scale[row], length(probs)) > 0
    p <- rep(probs, each = length(row))
    x <- link$value(m + s * stats::qnorm(ifelse(up, p, 1 - p)))
    value <- margin$scale[row] * cbind(link$moments(m, s), matrix(x, length(row)))
    value[, -2L] <- value[, -2L] + margin$shift[row]
    value[, 2L] <- abs(value[, 2L])
    out[row, ] <<- value
  })
  out
}

# Covariances by Mehler's formula: sum_k a_k b_k rho^k
margin_cov <- function(margin, mean, cov, order = 50L) {
  sd <- sqrt(diag(cov))
  a <- matrix(0, nrow(margin), order)
  by_link(margin, function(row, link) {
    a[row, ] <<- margin$scale[row] * link$hermite(mean[row], sd[row], order)
  })
  rho <- cov / outer(sd, sd)
  out <- 0 * rho
  power <- out + 1
  for (k in seq_len(order)) {
    power <- power * rho
    out <- out + power * outer(a[, k], a[, k])
  }
  out
}

# Finds the parameters (rows of `theta`) that are such a function of a single real number (a row of
# `x`) from draws of both (columns). For these the moments above are exact.
find_margins <- function(theta, x) {
  margin <- margin_rows(rownames(theta))
  if (!nrow(margin)) return(margin)
  some <- seq_len(min(ncol(x), 60L))
  varies <- which(apply(theta[, some, drop = FALSE], 1L, function(v) diff(range(v)) > 0))
  for (name in rev(names(links))) {           # backwards: the first that fits stays
    f <- links[[name]]$value(x)
    cor <- suppressWarnings(abs(stats::cor(t(theta[varies, some, drop = FALSE]), t(f[, some]))))
    for (k in which(rowSums(cor > 1 - 1e-9, na.rm = TRUE) > 0)) {
      axis <- which.max(cor[k, ])
      row <- varies[k]
      scale <- stats::cov(theta[row, ], f[axis, ]) / stats::var(f[axis, ])
      shift <- mean(theta[row, ]) - scale * mean(f[axis, ])
      off <- max(abs(theta[row, ] - shift - scale * f[axis, ]))
      if (off < 1e-7 * stats::sd(theta[row, ])) {
        margin[row, ] <- margin_rows(rownames(theta)[row], axis, name, shift, scale)
      }
    }
  }
  margin
}
