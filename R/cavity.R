# Leave-one-out by cavities (cavity.c): without draws, and exact where the likelihood is Gaussian.

# `unit`: a list of positions among the rows that entered the fit
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

# Rows one by one, but together with those of the level that they share: what these leave of its
# random effects is no Gaussian.
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

# The rows of each level of the term with most levels, where the likelihood is not Gaussian and the
# level has no more of them than would make its effects so; NULL: each row on its own
row_blocks_of_levels <- function(fit, most = 200L) {
  terms <- fit$design$terms
  if (!length(terms) || is_quadratic(fit)) return(NULL)
  term <- terms[[which.max(vapply(terms, function(term) as.double(term$n_level), 0))]]
  block <- unname(split(seq_along(term$group), term$group))
  large <- lengths(block) > most
  c(block[!large], as.list(unlist(block[large])))
}

# Where the log density is quadratic in the linear predictor its Gaussian factors are exact
is_quadratic <- function(fit) {
  family <- vb_tables()$family
  fit$design$family %in% family$name[family$quadratic > 0L]
}

# Where the cavity is not what another fit would say: nothing is left at some of the nodes (an
# infinite influence), all the nodes of the hyperparameters lie elsewhere, or the factors of other
# rows, which are taken for what they were, would change the answer by more than a tenth.
is_flagged <- function(out) {
  sound <- is.finite(out$log_out) & is.finite(out$lambda) & out$share >= 0.1 &
    abs(out$change) <= 0.1
  !(sound %in% TRUE)
}

# The exact answers: of a row the density under a fit without it; of a group, whose rows depend on
# each other, the ratio of evidences, p(y) / p(y without the group).
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

# Sums and their standard errors, as 'loo' has them
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
