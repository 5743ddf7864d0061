#' The evidence lower bound of a fit
#'
#' Variational inference maximises a lower bound on the log marginal likelihood, the ELBO.
#' `elbo()` returns the bound reached, or the whole way to it.
#'
#' The trace of a structured fit has three phases, which follow different quantities: `start`, the
#' ELBO of the current approximation; `mode`, the ELBO of the best Gaussian at the current
#' hyperparameters; and
#' `nodes`, the log of the partial sum over the nodes of the hyperparameters. Each never falls
#' within its phase; they are not comparable across phases. `fit$log_evidence` is the marginal
#' likelihood with the corrections of the approximation, which is closer to the truth but not a
#' bound. The other approximations have the phases `start`, at the first hyperparameters, and
#' `sweeps`, the whole bound after each sweep of coordinate ascent; a further phase, `sweeps 2` and
#' so on, begins where three or more thresholds or dispersions are given new quadrature points.
#' Their bounds and those of a structured fit have all constants and can be compared.
#'
#' Of a fit by [advi()] the bound lacks the constant that the log density lacks. Its trace has the
#' phases `path`, Pathfinder's; `bound`, at fixed draws, which begins anew where their number is
#' doubled; `polish`, Newton steps; and with fresh draws `average`, of the averaged iterates. `se`
#' is the Monte Carlo error.
#'
#' @param object A fit of class `vbfit` or `advifit`.
#' @param trace Whether to return the trace instead of the final value.
#' @param ... Not used.
#' @return A number, or with `trace = TRUE` a data frame with a row per accepted step and the
#'   columns `step`, `phase`, `elbo` and `seconds`; of a fit by [advi()] also `se` and `n_grad`, the
#'   number of gradients so far.
#' @seealso [plot.vbfit()] draws the trace.
#' @references
#' Blei, D. M., Kucukelbir, A. and McAuliffe, J. D. (2017) Variational inference: a review for
#' statisticians. *Journal of the American Statistical Association* 112, 859-877.
#' \doi{10.1080/01621459.2017.1285773}
#' @examples
#' fit <- vb(dist ~ speed, data = cars)
#' elbo(fit)
#' elbo(fit, trace = TRUE)
#' @export
elbo <- function(object, ...) UseMethod("elbo")

#' @rdname elbo
#' @export
elbo.vbfit <- function(object, trace = FALSE, ...) {
  check_flag(trace, "trace")
  if (trace) object$trace else object$elbo
}

#' @rdname elbo
#' @export
elbo.advifit <- elbo.vbfit
