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
