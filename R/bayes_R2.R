# Bayesian R-squared.

#' Bayesian R-squared
#'
#' The share of variance that the model explains, a draw of it for each draw from the posterior: the
#' variance of the expected responses over that plus the mean variance of a response given its
#' expectation (Gelman et al. 2019, equation 3).
#'
#' A generic of this package so that 'rstantools' and its compiler are not needed. Objects that are
#' not ours are handed to `rstantools::bayes_R2()`, whichever package was attached last.
#'
#' @param object A fit of class `vbfit`; anything else is passed on to 'rstantools'.
#' @param re.form,ndraws,seed As for [posterior_predict()].
#' @param summary Whether to return the columns of [posterior_summary()] instead of draws.
#' @param probs Quantiles for the summary.
#' @param ... Other packages' names of these arguments.
#' @return A numeric vector with an entry per draw, or with `summary = TRUE` a matrix of one row.
#'   [cumulative()] models and families made by [vb_family()] have none.
#' @references
#' Gelman, A., Goodrich, B., Gabry, J. and Vehtari, A. (2019). R-squared for Bayesian regression
#' models. *The American Statistician*, 73, 307-309.
#' @examples
#' fit <- vb(dist ~ speed, data = cars)
#' bayes_R2(fit, summary = TRUE)
#' @export
bayes_R2 <- function(object, ...) UseMethod("bayes_R2")

#' @rdname bayes_R2
#' @export
bayes_R2.vbfit <- function(object, re.form = NULL, summary = FALSE, probs = c(0.025, 0.975),
                           ndraws = NULL, seed = NULL, ...) {
  object <- whole_fit(object)
  check_one_predictor(object)
  check_flag(summary, "summary")
  check_probs(probs, "probs")
  if (length(threshold_rows(object)) || !is.function(object$family$variance)) {
    vb_abort(c("object", "family"), "There is no R-squared without the mean and the variance of the
                                     response, which this family does not give.")
  }
  request <- draws_request(object, NULL, ndraws, re.form, NULL, "gaussian", NULL, seed, list(...))
  request$rows <- keep_rows(request$rows, object$rows)
  size <- response_size(object)[object$rows]
  out <- numeric(request$ndraws)
  with_seed(request$seed, each_sample(object, request$ndraws, function(sample, block) {
    eta <- predictor_draws(object, request$rows, sample)
    mu <- inverse_link(object$family, eta)
    explained <- colMeans(sweep(mu, 2L, colMeans(mu))^2)
    out[block] <<- explained / (explained + colMeans(variance_draws(object, eta, size, sample)))
  }))
  if (!summary) return(out)
  quantiles <- stats::quantile(out, probs, names = FALSE)
  table <- summary_matrix("R2", probs)
  table[] <- c(mean(out), stats::sd(out), quantiles)
  table
}

#' @rawNamespace S3method(bayes_R2, default, forward_bayes_R2)
#' @rawNamespace S3method(rstantools::bayes_R2, vbfit, bayes_R2.vbfit)
forward_bayes_R2 <- function(object, ...) forward("rstantools", "bayes_R2", object, ...)

# The variance of each response given its linear predictor, rows x draws
variance_draws <- function(fit, eta, size, sample) {
  design <- fit$design
  par <- sample$hyper[fit$hyper$class == "aux", , drop = FALSE]
  y <- numeric(nrow(eta))                              # variances do not depend on it
  value <- vapply(seq_len(ncol(eta)), function(s) {
    eval_family(design$family, design$link, "variance", y, size, eta[, s], par[, s])
  }, y)
  array(value, dim(eta))
}
