# Draws of linear predictors, expected and new responses in rows of data, in the form of
# 'rstantools': a row per draw, a column per row of data.

#' Draws from the posterior predictive distribution
#'
#' Draws of the linear predictor, of its inverse link and of new responses, as matrices with a row
#' per draw and a column per row of data. Both the arguments of 'rstanarm' and those of 'brms' are
#' known.
#'
#' Moments and intervals need no draws: [predict()][predict.vbfit] computes them without a matrix of
#' this size. Draws are taken anew at each call from R's random numbers; [set.seed()] or `seed`
#' repeats them. Those of a fit by ADVI are the ones it keeps.
#'
#' These are generics of this package so that 'rstantools' and its compiler are not needed. Objects
#' that are not ours are handed to 'rstantools', whichever package was attached last.
#'
#' @param object A fit of class `vbfit`; anything else is passed on to 'rstantools'.
#' @param newdata A data frame with the variables of the formula; the data of the fit by default.
#' @param ndraws The number of draws: 4000, or of a fit by ADVI as many as it keeps. 'rstanarm'
#'   calls it `draws`.
#' @param re.form Which random effects to use, as for [predict()][predict.vbfit]; 'brms' calls it
#'   `re_formula`.
#' @param allow_new_levels Whether `newdata` may have levels of a grouping factor that the fit has
#'   not seen. They are drawn, once for all rows that share them. `NULL` says so in a message,
#'   `FALSE` makes an error of it. Where it is `TRUE` missing levels count as such, each a level of
#'   its own. 'lme4' calls it `allow.new.levels`.
#' @param sample_new_levels Where such levels are drawn from: `"gaussian"`, the distribution that
#'   the drawn standard deviations and correlations imply, or `"uncertainty"`, for each draw the
#'   effects of a level that the fit has seen.
#' @param transform Whether to return the inverse link of the linear predictor.
#' @param dpar Of models with predictors of several parameters: the one whose draws are returned,
#'   such as `"sigma"`; of `posterior_epred()` on its natural scale. `NULL`: the mean's, of
#'   categories an array of all; of `posterior_epred()` the mean of the response.
#' @param offset As for [predict()][predict.vbfit].
#' @param fun A function to apply to the responses, such as `exp` for a response that was logged.
#' @param seed A number for [set.seed()]; the state of the generator is put back afterwards.
#' @param ... The other packages' names of these arguments; anything else is not used, with a
#'   warning.
#' @return A numeric matrix with `ndraws` rows and a column per row of data, named by them:
#' - `posterior_linpred()`: the linear predictor, of [cumulative()] models without thresholds.
#' - `posterior_epred()`: its inverse link, the expected response (a probability for binomial
#'   data). Of [cumulative()] models an array, draws by rows by categories.
#' - `posterior_predict()`: new responses. Of `cbind(success, failure)` the successes, with the
#'   trials of the row, which `newdata` must have; of proportions with `weights` proportions; of
#'   [cumulative()] models the number of the category, with the attribute `levels`. Rows have the
#'   prior weight that `weights` gives them in `newdata`, else 1.
#'
#'   Columns of rows with missing values are `NA`.
#' @examples
#' fit <- vb(breaks ~ wool + (1 | tension), warpbreaks, family = poisson())
#' dim(posterior_epred(fit, ndraws = 100))
#' new <- data.frame(wool = "A", tension = "unseen")
#' quantile(posterior_predict(fit, new, allow_new_levels = TRUE, seed = 1))
#' @name posterior_predict
NULL

#' @rdname posterior_predict
#' @export
posterior_linpred <- function(object, ...) UseMethod("posterior_linpred")

#' @rdname posterior_predict
#' @export
posterior_epred <- function(object, ...) UseMethod("posterior_epred")

#' @rdname posterior_predict
#' @export
posterior_predict <- function(object, ...) UseMethod("posterior_predict")

#' @rdname posterior_predict
#' @export
posterior_linpred.vbfit <- function(object, transform = FALSE, newdata = NULL, ndraws = NULL,
                                    re.form = NULL, allow_new_levels = NULL,
                                    sample_new_levels = "gaussian", offset = NULL, seed = NULL,
                                    dpar = NULL, ...) {
  object <- whole_fit(object)
  check_flag(transform, "transform")
  dpar <- asked_dpar(object, dpar)
  request <- draws_request(object, newdata, ndraws, re.form, allow_new_levels, sample_new_levels,
                           offset, seed, list(...))
  if (has_several(object)) return(dpar_draws(object, request, dpar, transform))
  if (transform) return(epred_draws(object, request))
  row_draws(object, request, function(eta, sample) list(eta))
}

#' @rdname posterior_predict
#' @export
posterior_epred.vbfit <- function(object, newdata = NULL, ndraws = NULL, re.form = NULL,
                                  allow_new_levels = NULL, sample_new_levels = "gaussian",
                                  offset = NULL, seed = NULL, dpar = NULL, ...) {
  object <- whole_fit(object)
  named <- !is.null(dpar)
  dpar <- asked_dpar(object, dpar)
  request <- draws_request(object, newdata, ndraws, re.form, allow_new_levels, sample_new_levels,
                           offset, seed, list(...))
  if (named && has_several(object)) return(dpar_draws(object, request, dpar, TRUE))
  epred_draws(object, request)
}

#' @rdname posterior_predict
#' @export
posterior_predict.vbfit <- function(object, newdata = NULL, ndraws = NULL, re.form = NULL,
                                    allow_new_levels = NULL, sample_new_levels = "gaussian",
                                    offset = NULL, fun = NULL, seed = NULL, ...) {
  object <- whole_fit(object)
  fun <- as_transform(fun)
  request <- draws_request(object, newdata, ndraws, re.form, allow_new_levels, sample_new_levels,
                           offset, seed, list(...))
  out <- predict_draws(object, request)
  if (is.null(fun)) out else fun(out)
}

as_transform <- function(fun) {
  f <- as_function(fun)
  if (!is.null(f) || is.null(fun)) return(f)
  vb_abort("fun", c("{.arg fun} must be a function, or the name of one.",
                    x = "It is {describe(fun)}."))
}

#' @rawNamespace S3method(posterior_linpred, default, forward_posterior_linpred)
#' @rawNamespace S3method(rstantools::posterior_linpred, vbfit, posterior_linpred.vbfit)
forward_posterior_linpred <- function(object, ...) {
  forward("rstantools", "posterior_linpred", object, ...)
}

#' @rawNamespace S3method(posterior_epred, default, forward_posterior_epred)
#' @rawNamespace S3method(rstantools::posterior_epred, vbfit, posterior_epred.vbfit)
forward_posterior_epred <- function(object, ...) {
  forward("rstantools", "posterior_epred", object, ...)
}

#' @rawNamespace S3method(posterior_predict, default, forward_posterior_predict)
#' @rawNamespace S3method(rstantools::posterior_predict, vbfit, posterior_predict.vbfit)
forward_posterior_predict <- function(object, ...) {
  forward("rstantools", "posterior_predict", object, ...)
}
