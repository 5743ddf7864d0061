#' The evidence lower bound of a fit
#'
#' Variational inference maximises a lower bound on the log marginal likelihood, the ELBO.
#' `elbo()` returns the bound reached, its two parts, or the whole way to it.
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
#' @section The two parts:
#' The bound is the expected log likelihood under the approximation q, `log_lik`, less the
#' Kullback-Leibler divergence of q from the prior, `kl` (Blei et al. 2017, section 2.2): how well
#' the data are explained, and what that costs. In the phases `start` and `mode`, where the
#' hyperparameters have one value, `kl` is the divergence of the coefficients alone less the log
#' prior density of that value, and may be negative; so it may be under flat priors, which have no
#' constant. In the phase `nodes` both are those of q on the nodes so far. With `bound = "jj"` the
#' likelihood is replaced by its bound.
#' [advi()] knows of no likelihood: there the parts are the expected `log_density` and the `entropy`
#' of q, whose sum is the bound.
#'
#' @param object A fit of class `vbfit` or `advifit`.
#' @param trace Whether to return the trace instead of the final value.
#' @param parts Whether to return the final value with its two parts.
#' @param ... Not used, with a warning.
#' @return A number; with `parts = TRUE` a vector `elbo`, `log_lik`, `kl`, of a fit by [advi()]
#'   `elbo`, `log_density`, `entropy`; or with `trace = TRUE` a data frame with a row per accepted
#'   step and the columns `step`, `phase`, `elbo`, its two parts and `seconds`; of ADVI also `se`
#'   and `n_grad`, the number of gradients so far.
#' @seealso [plot.vbfit()] draws the trace.
#' @references
#' Blei, D. M., Kucukelbir, A. and McAuliffe, J. D. (2017) Variational inference: a review for
#' statisticians. *Journal of the American Statistical Association* 112, 859-877.
#' \doi{10.1080/01621459.2017.1285773}
#' @examples
#' fit <- vb(dist ~ speed, data = cars)
#' elbo(fit)
#' elbo(fit, parts = TRUE)
#' elbo(fit, trace = TRUE)
#' @export
elbo <- function(object, ...) UseMethod("elbo")

#' @rdname elbo
#' @export
elbo.vbfit <- function(object, trace = FALSE, parts = FALSE, ...) {
  object <- whole_fit(object)
  warn_unused(list(...), "elbo")
  final_elbo(object, trace, parts, object$engine$log_lik, model_parts)
}

#' @rdname elbo
#' @export
elbo.advifit <- function(object, trace = FALSE, parts = FALSE, ...) {
  warn_unused(list(...), "elbo")
  final_elbo(object, trace, parts, object$log_density, target_parts)
}

final_elbo <- function(fit, trace, parts, expected, names) {
  check_flag(trace, "trace")
  check_flag(parts, "parts")
  if (trace) return(fit$trace)
  if (parts) unlist(bound_parts(fit$elbo, expected, names)) else fit$elbo
}
