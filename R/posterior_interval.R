# Intervals in the form of 'rstantools'.

#' Posterior and predictive intervals
#'
#' `posterior_interval()` gives intervals of parameters from the fitted mixture, without draws;
#' `predictive_interval()` and `predictive_error()` are made of the draws of [posterior_predict()].
#' [predict()][predict.vbfit] has predictive intervals without draws.
#'
#' These are generics of this package so that 'rstantools' and its compiler are not needed. Objects
#' that are not ours, such as matrices of draws, are handed to 'rstantools', whichever package was
#' attached last.
#'
#' @param object A fit of class `vbfit`; anything else is passed on to 'rstantools'.
#' @param prob The probability inside the interval.
#' @param pars Names of the parameters wanted: those of [posterior_summary()] or of [fixef()]. All
#'   by default.
#' @param regex_pars Regular expressions; parameters whose names match one are added to `pars`.
#' @param newdata,ndraws,re.form As for [posterior_predict()]; for `predictive_error()` `newdata`
#'   has the response, too.
#' @param ... Passed on to [posterior_predict()]; of `posterior_interval()` `variable`, another name
#'   of `pars`, and a warning of anything else.
#' @return `posterior_interval()` and `predictive_interval()`: a numeric matrix with a row per
#'   parameter or row of data and two columns, the ends of the equal-tailed interval, named as in
#'   `"5%"`; of [cumulative()] models a data frame, its columns ordered factors.
#'   `predictive_error()`: a matrix of draws by rows of data, response minus
#'   [posterior_predict()].
#' @examples
#' fit <- vb(dist ~ speed, data = cars)
#' posterior_interval(fit, prob = 0.9, pars = c("(Intercept)", "speed"))
#' predictive_interval(fit, newdata = data.frame(speed = c(10, 20)), prob = 0.5, seed = 1)
#' @name posterior_interval
NULL

#' @rdname posterior_interval
#' @export
posterior_interval <- function(object, ...) UseMethod("posterior_interval")

#' @rdname posterior_interval
#' @export
predictive_interval <- function(object, ...) UseMethod("predictive_interval")

#' @rdname posterior_interval
#' @export
predictive_error <- function(object, ...) UseMethod("predictive_error")

#' @rdname posterior_interval
#' @export
posterior_interval.vbfit <- function(object, prob = 0.9, pars = NULL, regex_pars = NULL, ...) {
  object <- whole_fit(object)
  take_synonyms(list(...), c(variable = "pars"), "posterior_interval")
  check_probs(prob, "prob", single = TRUE)
  probs <- c((1 - prob) / 2, (1 + prob) / 2)
  table <- parameters_like(object, pars, regex_pars)
  out <- summarise_parameters(object, table, probs)[, -(1:2), drop = FALSE]
  dimnames(out) <- list(table$name, interval_names(probs))
  out
}

#' @rdname posterior_interval
#' @export
predictive_interval.vbfit <- function(object, prob = 0.9, newdata = NULL, ndraws = NULL,
                                      re.form = NULL, ...) {
  object <- whole_fit(object)
  check_not_nominal(object, "predictive intervals")
  check_probs(prob, "prob", single = TRUE)
  probs <- c((1 - prob) / 2, (1 + prob) / 2)
  draws <- posterior_predict.vbfit(object, newdata, ndraws, re.form, ...)
  out <- row_quantiles(t(draws), probs)
  out[is.na(draws[1L, ]), ] <- NA
  dimnames(out) <- list(colnames(draws), interval_names(probs))
  name_categories(object, out, colnames(out))
}

#' @rdname posterior_interval
#' @export
predictive_error.vbfit <- function(object, newdata = NULL, ndraws = NULL, re.form = NULL, ...) {
  object <- whole_fit(object)
  draws <- posterior_predict.vbfit(object, newdata, ndraws, re.form, ...)
  check_no_thresholds(object, "errors")
  check_not_nominal(object, "errors")
  y <- observed_response(object, if (!is.null(newdata)) as_newdata(newdata))
  rep(y, each = nrow(draws)) - draws
}

#' @rawNamespace S3method(posterior_interval, default, forward_posterior_interval)
#' @rawNamespace S3method(rstantools::posterior_interval, vbfit, posterior_interval.vbfit)
forward_posterior_interval <- function(object, ...) {
  forward("rstantools", "posterior_interval", object, ...)
}

#' @rawNamespace S3method(predictive_interval, default, forward_predictive_interval)
#' @rawNamespace S3method(rstantools::predictive_interval, vbfit, predictive_interval.vbfit)
forward_predictive_interval <- function(object, ...) {
  forward("rstantools", "predictive_interval", object, ...)
}

#' @rawNamespace S3method(predictive_error, default, forward_predictive_error)
#' @rawNamespace S3method(rstantools::predictive_error, vbfit, predictive_error.vbfit)
forward_predictive_error <- function(object, ...) {
  forward("rstantools", "predictive_error", object, ...)
}

interval_names <- function(probs) paste0(format(100 * probs, trim = TRUE, digits = 3), "%")
