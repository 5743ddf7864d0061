# Joint draws of coefficients and hyperparameters, and what they make of rows of data: the one place
# between the engine's draws and all that is reported by the draw.

# -> list(coef, hyper), a column per draw, as reported: rows as in `engine$node$mean` and `hyper`.
# Of a fit by ADVI the draws are the first that it keeps. With `densities` also `lp` and
# `lp_approx`, the log densities of the posterior, up to a constant, and of the approximation.
posterior_sample <- function(fit, n_draw, densities = FALSE) {
  out <- list(coef = matrix(0, nrow(fit$engine$node$mean), n_draw),
              hyper = matrix(0, NROW(fit$hyper), n_draw))
  if (densities) out[c("lp", "lp_approx")] <- list(numeric(n_draw))
  each_sample(fit, n_draw, densities = densities, f = function(sample, block) {
    out$coef[, block] <<- sample$coef
    out$hyper[, block] <<- sample$hyper
    for (name in names(out)[-(1:2)]) out[[name]][block] <<- sample[[name]]
  })
  out
}

# f(sample, block) for one block of draws after another, so that memory follows what is kept of
# them. Uniforms choose the point of theta, normals the rest; the coefficients' come last, so that
# hyperparameters alone (`with_coef = FALSE`) are the same and cost none.
each_sample <- function(fit, n_draw, f, with_coef = TRUE, densities = FALSE) {
  UseMethod("each_sample", held_as(fit))
}

#' @export
each_sample.held_draws <- function(fit, n_draw, f, with_coef = TRUE, densities = FALSE) {
  check_kept(n_draw, ncol(fit$advi$coef))
  for (block in draw_blocks(n_draw, nrow(fit$engine$node$mean))) {
    draws <- lapply(fit$advi[c("coef", "hyper")], function(x) x[, block, drop = FALSE])
    f(c(draws, lapply(fit$advi[c("lp", "lp_approx")], function(x) x[block])), block)
  }
}

#' @export
each_sample.held_nodes <- function(fit, n_draw, f, with_coef = TRUE, densities = FALSE) {
  n_coef <- nrow(fit$engine$node$mean)
  n_hyper <- NROW(fit$hyper)
  # one draw from each of n_draw strata, in random order: theta's marginals come out evenly
  uniform <- (sample.int(n_draw) - stats::runif(n_draw)) / n_draw
  theta <- matrix(stats::rnorm(n_hyper * n_draw), n_hyper, n_draw)
  with_open(fit, function(fit) for (block in draw_blocks(n_draw, n_coef)) {
    n <- length(block)
    normal <- theta[, block, drop = FALSE]
    if (with_coef) normal <- rbind(matrix(stats::rnorm(n_coef * n), n_coef, n), normal)
    f(engine_draws(fit, uniform[block], normal, densities), block)
  })
}

# At most about 32 MB of normals at a time
draw_blocks <- function(n_draw, n_coef) {
  size <- max(1L, 4e6 %/% max(n_coef, 1L))
  split(seq_len(n_draw), (seq_len(n_draw) - 1L) %/% size)
}

# ---- linear predictors ---------------------------------------------------------------------------

# rows x draws. A level that the fit has not seen is drawn once for all rows that have it, by `new`:
# a row of new_effects.
predictor_draws <- function(fit, rows, sample, new = "gaussian") {
  coef <- sample$coef
  eta <- rows$offset + rows$x %*% coef[seq_len(n_fixed(fit)), , drop = FALSE]
  start <- term_offset(fit)
  terms <- level_terms(fit)
  for (k in seq_along(terms)) {
    term <- terms[[k]]
    d <- length(term$coef)
    group <- rows$group[[k]]
    z <- rows$z[[k]]
    seen <- group %in% seq_along(term$levels)
    if (any(seen)) {
      # rows without a level of the term have zeros: that copies less than leaving them out
      row <- start[k] + (ifelse(seen, group, 1L) - 1L) * d
      for (a in seq_len(d)) {
        eta <- eta + ifelse(seen, z[, a], 0) * coef[row + a, , drop = FALSE]
      }
    }
    unseen <- which(group == 0L)
    if (!length(unseen)) next
    label <- rows$label[[k]][unseen]
    u <- new_effects[[new]](fit, k, length(unique(label)), sample)
    at <- match(label, unique(label))
    for (a in seq_len(d)) {
      eta[unseen, ] <- eta[unseen, , drop = FALSE] + z[unseen, a] * u[[a]][at, , drop = FALSE]
    }
  }
  add_unseen(eta, rows$unseen, unseen_draws(fit, rows$unseen, sample, new))
}

# As effects of levels that the fit has seen, of another one for each draw
seen_effects <- function(fit, k, n, sample) {
  d <- length(fit$random[[k]]$coef)
  n_draw <- ncol(sample$coef)
  level <- sample.int(length(fit$random[[k]]$levels), n * n_draw, replace = TRUE)
  draw <- rep(seq_len(n_draw), each = n)
  lapply(seq_len(d), function(a) {
    matrix(sample$coef[cbind(term_offset(fit)[k] + (level - 1L) * d + a, draw)], n)
  })
}

# u = diag(sd) L z, L the Cholesky factor of each draw's correlations, draws side by side
gaussian_effects <- function(fit, k, n, sample) {
  hyper <- sample$hyper
  own <- fit$hyper$term == k
  d <- length(fit$random[[k]]$coef)
  n_draw <- ncol(hyper)
  sd <- hyper[which(own & fit$hyper$class == "sd"), , drop = FALSE]
  z <- lapply(seq_len(d), function(a) matrix(stats::rnorm(n * n_draw), n))
  factor <- correlation_factors(fit$hyper, which(own & fit$hyper$class == "cor"), d, hyper)
  lapply(seq_len(d), function(a) {
    u <- 0
    for (b in seq_len(a)) u <- u + rep(factor[[a]][[b]], each = n) * z[[b]]
    rep(sd[min(a, nrow(sd)), ], each = n) * u
  })
}

# Where levels that the fit has not seen come from, as brms names it: functions of the fit, a term,
# their number n and a sample that return for each coefficient n x draws
new_effects <- list(gaussian = gaussian_effects, uncertainty = seen_effects)

# Lower triangles by rows: factor[[a]][[b]] has an entry per draw
correlation_factors <- function(table, pairs, d, hyper) {
  n_draw <- ncol(hyper)
  cor <- function(a, b) {
    row <- correlation_rows(table, pairs, a, b)
    if (length(row)) hyper[row, ] else numeric(n_draw)
  }
  factor <- vector("list", d)
  for (a in seq_len(d)) {
    row <- vector("list", a)
    rest <- rep(1, n_draw)
    for (b in seq_len(a - 1L)) {
      value <- cor(a, b)
      for (m in seq_len(b - 1L)) value <- value - row[[m]] * factor[[b]][[m]]
      row[[b]] <- value / factor[[b]][[b]]
      rest <- rest - row[[b]]^2
    }
    row[[a]] <- sqrt(pmax(rest, 1e-12))
    factor[[a]] <- row
  }
  factor
}

# ---- expected responses --------------------------------------------------------------------------

# The inverse link of each draw, rows x draws in a list of one; of ordinal models the probability of
# each category
mean_draws <- function(fit, eta, sample) {
  if (!length(threshold_rows(fit))) return(list(inverse_link(fit$family, eta)))
  below <- lapply(threshold_draws(fit, sample), function(t) {
    inverse_link(fit$family, rep(t, each = nrow(eta)) - eta)
  })
  below <- c(list(0 * eta), below, list(0 * eta + 1))
  Map(`-`, below[-1L], below[-length(below)])
}

# Links of 'stats' take no empty vector
inverse_link <- function(family, eta) {
  if (length(eta)) array(family$linkinv(eta), dim(eta)) else eta
}

# The thresholds as reported, a vector of draws each
threshold_draws <- function(fit, sample, row = threshold_rows(fit)) {
  center <- fit$fixed$center
  moved <- any(center != 0)
  shift <- if (moved) drop(center %*% sample$coef[seq_along(center), , drop = FALSE]) else 0
  lapply(row, function(r) sample$hyper[r, ] + shift)
}

# How many draws are taken where the user does not say
usual_draws <- function(fit) UseMethod("usual_draws", held_as(fit))
#' @export
usual_draws.held_nodes <- function(fit) 4000L
#' @export
usual_draws.held_draws <- function(fit) ncol(fit$advi$coef)

check_kept <- function(n_draw, n_kept) {
  if (n_draw <= n_kept) return(invisible())
  vb_abort("ndraws", c("The fit has kept {n_kept} draws, fewer than {n_draw}.",
                       i = "Fit again with {.code control = vb_control(draws = {n_draw})}."))
}

# Rows by themselves: all new levels of a group are one, so that a row does not depend on others.
# f(eta) goes on in the stream from which new levels were drawn: begun anew, it would give their
# effects and the responses the same noise.
marginal_draws <- function(fit, rows, sample, f = identity) {
  rows$label <- lapply(rows$label, function(label) pmin(label, 1L))
  unseen <- rows$unseen
  rows$unseen <- NULL
  with_noise_stream("fixed", {
    f(add_alone(predictor_draws(fit, rows, sample), fit, unseen, sample))
  })
}
