#' Estimates of a fit by advi()
#'
#' Posterior means, covariances and intervals of the parameters, in the forms of stats. All are
#' those of [posterior_summary()][posterior_summary.advifit].
#'
#' @param object A fit of class `advifit`.
#' @param parm Names or positions of the parameters wanted; all by default.
#' @param level The probability inside the interval.
#' @param correlation Whether to return correlations instead of covariances.
#' @param unconstrained Whether to return the covariance of the real numbers that the fit works on,
#'   `object$cov`, instead of that of the parameters.
#' @param ... Not used.
#' @return `coef()` a named vector, `vcov()` a matrix, `confint()` a matrix with a row per
#'   parameter. Where weighted draws are reported, or a parameter depends on several of the real
#'   numbers, `vcov()` takes correlations from draws.
#' @examples
#' fit <- advi(function(theta) sum(dgamma(theta, c(2, 9), log = TRUE)), c(a = 1, b = 5),
#'             function(theta) c(1, 8) / theta - 1, lower = 0)
#' coef(fit)
#' confint(fit)
#' vcov(fit)
#' @name estimates.advifit
NULL

#' @rdname estimates.advifit
#' @export
coef.advifit <- function(object, ...) {
  warn_unused(list(...), "estimates.advifit", known = "complete")
  table <- summarise_parameters(object, parameter_table(object), numeric())
  stats::setNames(table[, 1L], rownames(table))
}

#' @rdname estimates.advifit
#' @export
vcov.advifit <- function(object, correlation = FALSE, unconstrained = FALSE, ...) {
  check_flag(correlation, "correlation")
  check_flag(unconstrained, "unconstrained")
  warn_unused(list(...), "estimates.advifit", known = "complete")
  if (is.null(object$cov)) {
    vb_abort("object", "The covariance of more than 1500 parameters is not kept.")
  }
  cov <- if (unconstrained) object$cov else natural_cov(object)
  if (correlation) stats::cov2cor(cov) else cov
}

natural_cov <- function(fit) {
  margin <- fit$margin
  axis <- margin$axis
  sd <- summarise_parameters(fit, parameter_table(fit), numeric())[, 2L]
  cov <- if (anyNA(axis) || any(margin$weighted)) {
    weight <- exp(if (any(margin$weighted)) fit$log_weight else gaussian_weight(fit))
    stats::cov.wt(fit$draws, weight / sum(weight), cor = TRUE)$cor * outer(sd, sd)
  } else {
    margin_cov(margin, fit$mean[axis], fit$cov[axis, axis, drop = FALSE])
  }
  diag(cov) <- sd^2
  dimnames(cov) <- list(margin$name, margin$name)
  cov
}

#' @rdname estimates.advifit
#' @export
confint.advifit <- function(object, parm, level = 0.95, ...) {
  check_probs(level, "level", single = TRUE)
  warn_unused(list(...), "estimates.advifit")
  probs <- c((1 - level) / 2, (1 + level) / 2)
  out <- summarise_parameters(object, parameter_table(object), probs)[, -(1:2), drop = FALSE]
  colnames(out) <- percent_names(probs)
  if (missing(parm)) return(out)
  check_parm(parm, rownames(out), "parameter", "coef")
  out[parm, , drop = FALSE]
}
