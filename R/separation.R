# Do the data separate? Along some directions of the coefficients a likelihood may never fall: it
# rises towards its supremum or stays where it is, and only a proper prior leaves a posterior. Such
# a direction d has, with a row of A for every predictor that may move to one side and a row of H
# for every one that may not move (Albert and Anderson 1984),
#   A d >= 0, not all zero, and H d = 0.

check_separation <- function(design, names, data = "the data") {
  design <- without_fields(design)
  if (length(design$predicted)) {
    names <- utils::tail(names, ncol(design$x))
    return(check_predictor_separation(design, names, data))
  }
  prior <- c(design$prior_par$dist, design$prior_coef$dist)
  row <- family_rows[[design$family]]
  if (is.null(row$side) || !any(is_flat(prior))) return(invisible())
  moves <- if (is.null(row$rising)) moves_of_sides(design, do.call(row$side, list(design)))
    else do.call(row$rising, list(design))
  falls <- fall_of_tail(prior, cbind(design$prior_par$arg, design$prior_coef$arg))
  d <- unheld_direction(moves, falls)
  if (is.null(d)) return(invisible())
  abort_separated(names[is_flat(prior) & abs(d) > 1e-6 * max(abs(d))], data)
}

abort_separated <- function(columns, data) {
  vb_abort(c("separation", "prior", "data"), c(
    "With {cli::qty(columns)}{?a flat prior/flat priors} on {.code {columns}} there is no proper
     posterior: {data} separate the responses, and the likelihood never falls on the way to
     infinity.",
    i = "Use a proper prior, such as the default."))
}

# The spec without the columns of fields, whose priors are proper
without_fields <- function(design) {
  first <- unlist(lapply(design$fields, function(field) field$first))
  if (!length(first)) return(design)
  free <- seq_len(min(first) - 1L)
  design$x <- design$x[, free, drop = FALSE]
  design$center <- design$center[free]
  design$predictor <- design$predictor[free]
  design$prior_coef <- list(dist = design$prior_coef$dist[free],
                            arg = design$prior_coef$arg[, free, drop = FALSE])
  design
}

# With a flat prior on their sd the J effects of a term have, once the sd is integrated over, a
# density that falls as r^-(J - 1) with their distance r from zero. Where the likelihood never falls
# along directions that span k dimensions there are r^(k - 1) dr places to be, and there is no
# posterior for k >= J - 1: all levels but one separate their responses. Several flat sds of a term,
# whose effects separate them together, add up.
check_sd_separation <- function(design, random, data = "the data") {
  flat <- lapply(design$prior_sd, function(prior) is_flat(prior$dist))
  if (!any(unlist(flat))) return(invisible())
  if (length(design$predicted)) return(check_sd_predictors(design, random, data))
  find <- family_rows[[design$family]]$side
  if (is.null(find)) return(invisible())
  side <- do.call(find, list(design))
  for (k in which(vapply(flat, any, NA))) {
    all <- which(flat[[k]])
    one <- covariance_row(random[[k]])$one_sd
    sets <- if (one) list(seq_along(random[[k]]$coef)) else unique(c(as.list(all), list(all)))
    if (any(vapply(sets, levels_separate, NA, random[[k]], side, if (one) 1L))) {
      abort_levels_separated(random[[k]]$group, data)
    }
  }
}

abort_levels_separated <- function(group, data) {
  vb_abort(c("separation", "prior_sd", "prior", "data"), c(
    "With a flat prior on the standard deviation of {.code {group}} there is no proper posterior:
     {data} separate the responses within its levels, and the likelihood never falls on the way to
     infinity.",
    i = "Use a proper {.arg prior_sd}, such as the default."))
}

# Do these effects of a term leave no integral? What a level lacks in free dimensions counts against
# it, and levels are looked at until that is too much.
levels_separate <- function(columns, term, side, n_sd = NULL) {
  if (is.null(n_sd)) n_sd <- length(columns)
  missing <- 0L
  rows <- split(seq_along(side), factor(term$code, seq_along(term$levels)))
  for (i in rows) {
    z <- term$z[i, columns, drop = FALSE]
    up <- side[i] != 0
    free <- rising_cone((side[i] * z)[up, , drop = FALSE], z[!up, , drop = FALSE])$dim
    # where nothing rises there is still what no row sees
    missing <- missing + if (free) length(columns) - free else qr(z, tol = 1e-9)$rank
    if (missing > n_sd) return(FALSE)
  }
  TRUE
}

# A direction along which priors whose densities fall like these powers leave no integral, or NULL.
# Flat priors leave none along any. Heavy tails may hold it, but not the more, the more coefficients
# go to infinity together: with k of them at the distance r there are r^(k - 1) dr places to be.
unheld_direction <- function(moves, falls) {
  among <- function(which) {
    cone <- rising_cone(moves$rise[, which, drop = FALSE], moves$hold[, which, drop = FALSE])
    if (cone$dim) cone$direction <- replace(numeric(length(falls)), which, cone$direction)
    cone
  }
  flat <- among(which(falls == 0))
  if (flat$dim || all(falls == 0 | falls == Inf)) return(flat$direction)
  heavy <- among(which(falls < Inf))
  if (!heavy$dim) return(NULL)
  moved <- abs(heavy$direction) > 1e-6 * max(abs(heavy$direction))
  if (heavy$dim >= sum(falls[moved])) heavy$direction
}

# ---- which way rows may move ---------------------------------------------------------------------
# Functions that the rows of family.R name. `side`: from the numbers that the engine is given to the
# side to which each row's predictor may move without the log density falling: 1, -1, or 0 where it
# falls both ways. `rising`, where parameters of the family move as well: to rows over (these
# parameters, coefficients), `rise`, along which the log density never falls, and `hold`, along
# which it falls both ways.

moves_of_sides <- function(design, side) {
  x <- cbind(matrix(0, nrow(design$x), length(design$prior_par$dist)), centred(design))
  list(rise = (side * x)[side != 0, , drop = FALSE], hold = x[side == 0, , drop = FALSE])
}

side_trials <- function(design) (design$y >= design$w) - (design$y <= 0)

side_count <- function(design) -(design$y == 0)

# with the thresholds where they are
side_ordered <- function(design) (design$y > length(design$prior_par$dist)) - (design$y == 1)

# A category lies between two thresholds, of which either may move away from eta.
rising_ordered <- function(design) {
  n_par <- length(design$prior_par$dist)
  x <- centred(design)
  above <- function(k, x) cbind(1 * outer(k, seq_len(n_par), `==`), -x)
  upper <- design$y <= n_par
  lower <- design$y > 1
  apart <- above(seq_len(n_par)[-1L], matrix(0, n_par - 1L, ncol(x))) -
    above(seq_len(n_par - 1L), matrix(0, n_par - 1L, ncol(x)))
  rise <- rbind(above(design$y[upper], x[upper, , drop = FALSE]),
                -above(design$y[lower] - 1, x[lower, , drop = FALSE]), apart)
  list(rise = rise, hold = rise[0L, , drop = FALSE])
}

# ---- the directions ------------------------------------------------------------------------------

# The directions d: one that moves all that any of them moves (NULL: none), and the dimensions that
# they span. By Stiemke's lemma there is none where some lambda > 0 has A' lambda = 0. With lambda =
# 1 + mu, mu >= 0, the residual r of least squares for that equation has A r >= 0 and 1' A r = r'r,
# so that it is a direction itself unless it vanishes; with 1 for some rows only it is one that
# moves some of these.
rising_cone <- function(rise, hold) {
  scale <- pmax(apply(abs(rbind(rise, hold)), 2L, max, 0), 1e-300)
  within <- null_space(sweep(hold, 2L, scale, `/`))
  a <- unique(sweep(rise, 2L, scale, `/`) %*% within)
  norm <- sqrt(rowSums(a^2))
  a <- a[norm > 1e-9, , drop = FALSE] / norm[norm > 1e-9]
  d <- numeric(ncol(within))
  still <- rep(TRUE, nrow(a))
  while (any(still)) {
    step <- least_residual(a, still)
    along <- drop(a %*% step)
    moved <- still & along > 1e-6 * max(along, 0)
    if (max(along) <= 1e-10 * sum(still) || min(along) < -1e-6 * max(along) || !any(moved)) break
    d <- d + step / max(along)
    still <- still & !moved
  }
  if (all(still)) return(list(direction = NULL, dim = 0L))
  list(direction = drop(within %*% d) / scale, dim = ncol(null_space(a[still, , drop = FALSE])))
}

null_space <- function(x) {
  decomposition <- qr(x, tol = 1e-9)
  rank <- if (nrow(x)) decomposition$rank else 0L
  if (!rank) return(diag(ncol(x)))
  spanned <- qr.R(decomposition)[seq_len(rank), order(decomposition$pivot), drop = FALSE]
  qr.Q(qr(t(spanned)), complete = TRUE)[, -seq_len(rank), drop = FALSE]
}

# The residual A' (rows + mu) at its smallest over mu >= 0, by the active sets of Lawson and Hanson
# (1974, chapter 23)
least_residual <- function(a, rows) {
  target <- colSums(a[rows, , drop = FALSE])
  mu <- numeric(nrow(a))
  active <- integer()
  residual <- target
  size <- sqrt(sum(target^2))
  for (round in seq_len(30L * ncol(a) + 100L)) {
    gain <- -drop(a %*% residual)
    gain[active] <- -Inf
    if (max(gain) <= 1e-10 * size || sum(residual^2) <= (1e-10 * size)^2) break
    active <- c(active, which.max(gain))
    repeat {
      best <- solve_active(a, active, target)
      if (all(best > 0)) break
      step <- mu[active] / (mu[active] - best)
      step <- min(step[best <= 0])
      mu[active] <- mu[active] + step * (best - mu[active])
      gone <- mu[active] <= 1e-12 * max(1, mu)
      if (!any(gone)) gone <- seq_along(active) == which.min(mu[active])
      mu[active[gone]] <- 0
      active <- active[!gone]
      if (!length(active)) break
    }
    if (length(active)) mu[active] <- best
    residual <- target + drop(mu[active] %*% a[active, , drop = FALSE])
  }
  residual
}

# Least squares A_active' mu = -target; what is not determined is 0
solve_active <- function(a, active, target) {
  mu <- qr.coef(qr(t(a[active, , drop = FALSE]), tol = 1e-11), -target)
  replace(mu, is.na(mu), 0)
}
