# A fit of a model by ADVI: what linear response corrected, and how far to trust the fit.

# Standard deviations of q itself
q_error <- function(fit, table) {
  advi <- fit$advi
  out <- advi$hyper_sd_q[table$row]
  is_coef <- table$class %in% c("b", "r")
  replace(out, is_coef, advi$coef_sd_q[table$row[is_coef]])
}

#' @export
further_columns.held_draws <- function(fit, table) {
  cbind(q.Error = q_error(fit, table), Pareto.k = weighted_view(fit, table)$margin$khat)
}

# Some parameters of a fit with their weighted draws, in the fields that advi_report() and the
# functions of advi_weights.R read: those of a fit by advi()
weighted_view <- function(fit, table) UseMethod("weighted_view")

#' @rawNamespace S3method(weighted_view, vbfit)
weighted_view.vbfit <- function(fit, table) UseMethod("weighted_view", held_as(fit))

#' @export
weighted_view.held_draws <- function(fit, table) {
  advi <- fit$advi
  draws <- draw_parameters(fit, table, ncol(advi$coef))
  khat <- expectand_k(draws, advi$lp - advi$lp_approx)
  own <- list(draws = draws, margin = data.frame(name = table$name, khat = khat),
              approximation = fit$approximation, noise = fit$control$noise, gradient = "given",
              elbo = fit$elbo, converged = fit$converged, stopped = fit$stopped,
              seconds = fit$seconds)
  c(own, advi[setdiff(names(advi), names(own))])
}

#' @export
weighted_view.held_nodes <- function(fit, table) {
  vb_abort(c("method", "algorithm"), c(
    "Importance weights are those of a fit by {.code algorithm = \"advi\"}.",
    i = "The nodes of other fits carry their corrections already: leave {.arg method} out."))
}

#' @export
estimate_notes.held_draws <- function(fit) {
  strwrap(advi_verdict(weighted_view(fit, without_ranef(fit))), 80, initial = "* ", exdent = 2)
}

#' @export
fit_report.held_draws <- function(fit) {
  view <- weighted_view(fit, without_ranef(fit))
  paste0(advi_report(view), "\n", advi_verdict(view))
}
