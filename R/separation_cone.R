# Directions in which nothing falls (separation.R), and whether priors hold them.

abort_separated <- function(columns, data) {
  vb_abort(c("separation", "prior", "data"), c(
    "With {cli::qty(columns)}{?a flat prior/flat priors} on {.code {columns}} there is no proper
     posterior: {data} separate the responses, and the likelihood never falls on the way to
     infinity.",
    i = "Use a proper prior, such as the default."))
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
