# Leave-one-out cross-validation from the kept draws of ADVI.

#' Leave-one-out cross-validation of a fit by ADVI
#'
#' From the draws that the fit keeps and the log-likelihood of each observation. That the draws are
#' those of an approximation is corrected for (`loo::loo_approximate_posterior()`). A fit by
#' [advi()] knows the log density as a whole only: there the log-likelihood comes from the user.
#'
#' @param x A fit of class `advifit`, or of class `vbfit` by `algorithm = "advi"`.
#' @param log_lik The log-likelihood of each observation: a matrix with a row per draw of the fit
#'   and a column per observation, or a function that returns the values of all observations for one
#'   draw, a named vector of the parameters.
#' @param ... Passed on to `loo::loo_approximate_posterior()`.
#' @return An object of class `"loo"`.
#' @references
#' Magnusson, M., Andersen, M., Jonasson, J. and Vehtari, A. (2019). Bayesian leave-one-out
#' cross-validation for large data. *Proceedings of Machine Learning Research*, 97, 4244-4253.
#' @examplesIf requireNamespace("loo", quietly = TRUE)
#' log_lik <- function(theta) dnorm(cars$dist, theta["a"] + theta["b"] * cars$speed, 15, log = TRUE)
#' fit <- advi(function(theta) sum(log_lik(theta)), c(a = 0, b = 1), function(theta) {
#'   z <- (cars$dist - theta["a"] - theta["b"] * cars$speed) / 15^2
#'   c(sum(z), sum(z * cars$speed))
#' })
#' loo::loo(fit, log_lik)
#'
#' loo::loo(vb(dist ~ speed, cars, algorithm = "advi"))
#' @name loo
NULL

#' @rdname loo
#' @exportS3Method loo::loo
loo.advifit <- function(x, log_lik, ...) {
  if (missing(log_lik)) {
    vb_abort("log_lik", c("{.arg log_lik} is missing.",
                          i = "A fit by {.fun advi} does not know the log-likelihood of each
                               observation: give a function of a draw, or a matrix."))
  }
  if (is.function(log_lik)) {
    values <- apply(x$draws, 1L, log_lik, simplify = FALSE)
    log_lik <- do.call(rbind, values)
  }
  if (!is.matrix(log_lik) || !is.numeric(log_lik) || nrow(log_lik) != nrow(x$draws)) {
    vb_abort("log_lik", c("{.arg log_lik} must have a row for each of the {nrow(x$draws)} draws.",
                          x = "It is {describe(log_lik)}."))
  }
  approximate_loo(log_lik, x, x$approximation, ...)
}

#' @rdname loo
#' @exportS3Method loo::loo
loo.vbfit <- function(x, ...) {
  if (is.null(x$advi)) {
    vb_abort(c("x", "algorithm"), c(
      "{.fn loo} needs log densities of draws, which fits by {.code algorithm = \"advi\"} keep.",
      i = "Fit the model with {.code algorithm = \"advi\"}."))
  }
  approximate_loo(log_lik.vbfit(x), x$advi, x$approximation, ...)
}

approximate_loo <- function(log_lik, draws, approximation, ...) {
  # Pathfinder's are resampled already
  drawn_from <- if (approximation == "pathfinder") draws$lp else draws$lp_approx
  loo::loo_approximate_posterior(log_lik, log_p = draws$lp, log_g = drawn_from, ...)
}
