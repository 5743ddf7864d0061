# Leave-one-out by cavities (posterior/cavity.c): the factor of the left-out rows is taken out of
# the Gaussian at each node, and what remains predicts them. It needs no draws, and is exact where
# the likelihood is Gaussian.

# `unit` is a list with the positions, among the rows that entered the fit, of rows that are left
# out together. Up to `most` of the units whose cavity cannot be trusted are left out by another
# fit.
cavity_loo <- function(fit, unit, most) {
  check_number(most, "refit", lower = 0, upper = .Machine$integer.max, whole = TRUE)
  out <- with_open(fit, function(fit) cavities(fit, unit))
  constant <- observations_in(fit$design)$constant
  if (length(constant) > 1L) {
    constant <- vapply(unit, function(i) sum(constant[i]), 0)
    out$log_out <- out$log_out + constant
    out$log_in <- out$log_in + constant
  }
  flagged <- is_flagged(out)
  can <- is.finite(fit$log_evidence) || all(lengths(unit) == 1L)
  again <- if (can && sum(flagged) <= most) which(flagged) else integer()
  for (j in again) out$log_out[j] <- refitted_density(fit, unit[[j]])
  left <- sum(flagged) - length(again)
  if (left) warn_flagged(left, any(lengths(unit) > 1L))
  new_cavity_loo(out, unit, flagged, seq_along(unit) %in% again)
}

# If rows are left out one by one, C is given them by levels of the largest term all the same. Where
# a level has few rows, what the others tell of its random effects is far from Gaussian, and C
# integrates over these effects with the rows of the level at hand.
cavities <- function(fit, unit) UseMethod("cavities", held_as(fit))

#' @export
cavities.held_nodes <- function(fit, unit) {
  block <- if (all(lengths(unit) == 1L)) row_blocks_of_levels(fit)
  if (is.null(block)) return(moved_cavities(fit, unit, unit, FALSE))
  row <- unlist(block, use.names = FALSE)
  out <- moved_cavities(fit, block, as.list(row), TRUE)
  lapply(out, function(x) x[order(row)])
}

#' @export
cavities.held_draws <- function(fit, unit) {
  vb_abort(c("method", "algorithm"), c(
    "{.code method = \"cavity\"} needs the Gaussians of coordinate ascent, given the
     hyperparameters.",
    i = "Use {.code method = \"psis\"}, or fit the model with {.code algorithm = \"cavi\"}."))
}

# Where less than half of the nodes' weight is left, the average over nodes is replaced by one over
# the points that represent the posterior of theta. The nodes' log densities are large, so they are
# asked for in a second call and for these units only.
moved_cavities <- function(fit, block, unit, by_row) {
  out <- engine_cavity(fit, block, by_row)
  moved <- which(out$share < 0.5)
  if (!length(moved)) return(out[cavity_values])
  again <- if (by_row) Filter(function(i) any(i %in% unlist(unit[moved])), block) else unit[moved]
  node <- engine_cavity(fit, again, by_row, nodes = TRUE)$node
  if (by_row) node <- node[match(unlist(unit[moved]), unlist(again)), , drop = FALSE]
  at <- engine_over_points(fit, node)
  out$log_out[moved] <- at$log_out
  out$share[moved] <- at$share
  out[cavity_values]
}

# The rows of each level of the term with the most levels. With more rows than `most` the effects of
# a level are Gaussian enough, and its rows come one by one, as all rows do (NULL) where the log
# density is quadratic or there are no random effects.
row_blocks_of_levels <- function(fit, most = 200L) {
  terms <- fit$design$terms[seq_along(fit$random)]
  if (!length(terms) || is_quadratic(fit)) return(NULL)
  term <- terms[[which.max(vapply(terms, function(term) as.double(term$n_level), 0))]]
  block <- unname(split(seq_along(term$group), term$group))
  large <- lengths(block) > most
  c(block[!large], as.list(unlist(block[large])))
}

# Is the log density quadratic in the linear predictor? Then the Gaussian factors of rows are exact.
is_quadratic <- function(fit) {
  family <- vb_tables()$family
  fit$design$family %in% family$name[family$quadratic > 0L]
}

# Which cavities may differ from what a fit without the rows would say? Those for which
#   there is no Gaussian left at some of the nodes (an infinite or missing lambda),
#   the nodes lie elsewhere than theta does given the rest (a share below a tenth), or
#   the factors of the other rows, which a cavity leaves as they are, would follow the rest and
#   change the answer by more than a tenth (change).
is_flagged <- function(out) {
  sound <- is.finite(out$log_out) & is.finite(out$lambda) & out$share >= 0.1 &
    abs(out$change) <= 0.1
  !(sound %in% TRUE)
}

# The answer by another fit: the log density of a row given the others. The rows of a group are not
# independent given the hyperparameters; of them the joint density is p(y) / p(y without the group).
refitted_density <- function(fit, i) {
  without <- suppressWarnings(refit(fit, setdiff(seq_len(fit$nobs), i)),
                              classes = "vb_not_converged")
  if (length(i) == 1L) return(log_predictive(without, keep_design(fit$design, i)))
  fit$log_evidence - without$log_evidence
}

warn_flagged <- function(n, grouped) {
  what <- if (grouped) "group" else "row"
  vb_warn("vb_warning_cavity", c(
    "Leaving out {n} {what}{cli::qty(n)}{?s} changes the posterior so much that the cavity may be
     far from it.",
    i = "Raise {.arg refit} to fit the model again without each, or use {.fun kfold}."))
}

new_cavity_loo <- function(out, unit, flagged, refitted) {
  elpd <- unname(out$log_out)
  pointwise <- cbind(elpd_loo = elpd, mcse_elpd_loo = NA_real_, p_loo = unname(out$log_in) - elpd,
                     looic = -2 * elpd, influence_pareto_k = NA_real_)
  rownames(pointwise) <- names(unit)
  estimates <- pointwise_estimates(pointwise[, c("elpd_loo", "p_loo", "looic"), drop = FALSE])
  structure(
    list(estimates = estimates, pointwise = pointwise, influence = unname(out$lambda),
         flagged = flagged, refitted = refitted),
    grouped = any(lengths(unit) > 1L), class = c("cavity_loo", "loo"))
}

# Sums over units and their standard errors, with the names and the formula of package 'loo'.
pointwise_estimates <- function(x) {
  cbind(Estimate = colSums(x), SE = sqrt(nrow(x) * apply(x, 2L, stats::var)))
}

#' @export
print.cavity_loo <- function(x, digits = 1, ...) {
  n <- nrow(x$pointwise)
  what <- if (attr(x, "grouped")) "groups" else "observations"
  cat("\nComputed by cavities of", n, what, "\n\n")
  print(format(round(x$estimates, digits), nsmall = digits), quote = FALSE)
  cat("------\n")
  count <- sum(x$flagged)
  if (!count) cat("None of the", what, "changes the posterior too much for that.\n")
  if (sum(x$refitted)) cat(sum(x$refitted), "left out by another fit.\n")
  if (count > sum(x$refitted)) {
    cat("Not to be trusted for", count - sum(x$refitted), "of the", what, "(see 'flagged').\n")
  }
  invisible(x)
}
