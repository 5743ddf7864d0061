# Predictions, fitted values and residuals, in the form of stats.

#' Predictions
#'
#' Posterior means, and on request standard deviations, of the linear predictor or of the
#' expected response, for the rows of the data or for new ones. They come from the fitted
#' mixture and include the posterior covariances between fixed and random effects.
#'
#' With `type = "response"` the value is the posterior mean of the inverse link of the linear
#' predictor, which is not the inverse link of the predictor's mean. A level that the fit has
#' not seen is given the distribution that the fitted standard deviations imply: its expected
#' effect is zero, and its standard deviation is larger than that of a level with data. With a log
#' link and few levels the posterior of their standard deviation has so long a tail that the
#' expected response of a new one is huge: look at `type = "link"` then.
#'
#' @section Intervals:
#' `interval = "credible"` gives equal-tailed quantiles of the linear predictor or of the expected
#' response, `interval = "prediction"` those of a response that is yet to be seen, given by the
#' family's distribution around it, so that it implies `type = "response"`. Both are quantiles of
#' the fitted mixture over the nodes of the hyperparameters (of a fit by ADVI over its draws), with
#' the skewness that the coefficients have: rows are worked through in blocks, no matrix of draws is
#' made, and a row of the intercept alone has the interval of [confint()][vbfit]. Fixed and random
#' effects, standard deviations and dispersions are uncertain jointly; in the row of a new level the
#' uncertainty of the standard deviations is that of the whole mixture. Coefficients under a
#' [horseshoe()] enter by their moments.
#'
#' A quantile of a count is the least number whose probability not to be exceeded reaches it.
#' Proportions are those of the row's trials, which `newdata` must have, other responses have the
#' row's prior weight (see `weights` of [vb()]): in `newdata` it is computed as in the fit where its
#' variables are there, else it is one, as for rows of weight zero. Of
#' [cumulative()] models a credible interval is that of each category's probability, and a
#' prediction interval that of the category. The former, and prediction intervals for a
#' [vb_family()], which must know how to `simulate`, are quantiles of 4000 draws that are the same
#' each time.
#'
#' @param object A fit of class `vbfit`.
#' @param newdata A data frame with the variables of the formula; the data of the fit by default.
#' @param re.form Which random effects to use: `NULL` all, `NA` or `~0` none, or a formula with
#'   those to keep, such as `~ (1 | g)`, which of a term `(x | g)` keeps the intercepts.
#' @param type For `predict()`, `"link"` for the linear predictor or `"response"` for the mean
#'   of the response (a probability for binomial data). For `residuals()`, as for [stats::glm()].
#' @param se.fit Whether to return posterior standard deviations too.
#' @param allow.new.levels Whether levels of a grouping factor that the fit has not seen, are
#'   allowed in `newdata`; else they are an error. Where it is `TRUE` missing levels count as such.
#' @param na.action What to do with rows of `newdata` that have missing values; by default they
#'   are predicted as `NA`.
#' @param dpar Of models with predictors of several parameters: the one that is predicted, such as
#'   `"sigma"` or `"zi"`; with `type = "response"` on its natural scale. `NULL` is the mean's (all
#'   categories'), or, with `type = "response"`, the mean of the response. Moments of the response
#'   and on natural scales are those of draws, the same for the same fit.
#' @param offset An offset for `newdata`, if one was given as an argument of [vb()]. An
#'   `offset()` of the formula is evaluated in `newdata`.
#' @param interval `"none"`, `"credible"` or `"prediction"`, see below.
#' @param level The probability of the interval.
#' @param ... `re_formula` and `allow_new_levels`, as 'brms' calls them; of `fitted()`, passed on to
#'   `predict()`. There is a warning of anything else.
#' @return `predict()`: a vector named by the rows (for the response of [cumulative()] models a
#'   matrix, the probabilities of the categories), or with `se.fit = TRUE` a list with the
#'   vectors `fit` and `se.fit`. With an `interval` it is, in place of the vector, a matrix with a
#'   row each and the columns `fit` (the posterior mean, as without), `lwr` and `upr`; for the
#'   probabilities of categories an array, rows by these columns by categories; for a predicted
#'   category a data frame, `fit` its mean number, `lwr` and `upr` ordered factors. `fitted()` is
#'   `predict(object, type = "response")`, and `residuals()` are those of the fitted values. There
#'   is one value per row of the data; rows left out by `na.exclude()` are `NA`.
#' @examples
#' cbpp <- read.csv(system.file("extdata", "cbpp.csv", package = "varbayes"))
#' cbpp$period <- factor(cbpp$period)
#' fit <- vb(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, family = binomial())
#' new <- data.frame(period = "1", herd = c("1", "unseen"))
#' predict(fit, new, type = "response", se.fit = TRUE, allow.new.levels = TRUE)
#' predict(fit, new, type = "response", interval = "credible", allow.new.levels = TRUE)
#' predict(fit, new, re.form = NA)
#' head(predict(fit, interval = "prediction"))
#' head(residuals(fit, type = "pearson"))
#' @importFrom stats fitted predict residuals
#' @export
predict.vbfit <- function(object, newdata = NULL, re.form = NULL, type = c("link", "response"),
                          se.fit = FALSE, allow.new.levels = FALSE, na.action = stats::na.pass,
                          offset = NULL, interval = c("none", "credible", "prediction"),
                          level = 0.95, dpar = NULL, ...) {
  object <- whole_fit(object)
  type <- pick_choice(type, "type", c("link", "response"))
  interval <- pick_choice(interval, "interval", c("none", "credible", "prediction"))
  na.action <- as_na_action(na.action)
  if (interval == "prediction") {
    check_not_nominal(object, "prediction intervals")
    type <- "response"
  }
  check_probs(level, "level", single = TRUE)
  check_flag(se.fit, "se.fit")
  check_flag(allow.new.levels, "allow.new.levels")
  take_synonyms(list(...), lme4_synonyms[c("re_formula", "allow_new_levels")], "predict.vbfit")
  own <- is.null(newdata)
  if (!own) newdata <- as_newdata(newdata)
  # a level may be new to the fit in the data's own rows: where all its rows have weight zero
  rows <- all_rows(object, newdata, re.form, allow.new.levels || own, offset)
  size <- if (interval == "prediction") interval_size(object, newdata, own)
    else numeric(length(rows$complete))
  asked <- asked_dpar(object, dpar)
  out <- if (has_several(object)) {
    predict_several(object, rows, if (type == "link") asked else dpar, type, se.fit, interval,
                    level, size)
  } else if (interval == "none") predict_moments(object, rows, type, se.fit) else {
    with_open(object, function(object) {
      out <- predict_moments(object, rows, type, se.fit)
      out$fit <- with_bounds(object, out$fit, rows, type, interval, level, size)
      out
    })
  }
  name <- row.names(if (own) object$frame else newdata)
  out <- lapply(out, function(v) {
    v <- name_rows(v, name, object$levels)
    by_rows(v, function(v) {
      if (own) stats::napredict(object$na.action, v) else apply_na_action(v, na.action)
    })
  })
  if (interval == "prediction" && !has_several(object)) {
    out$fit <- name_categories(object, out$fit, c("lwr", "upr"))
  }
  if (se.fit) out else out$fit
}

# Bounds of a category by its name. Between two the outer one, which leaves no less inside.
name_categories <- function(fit, bounds, columns) {
  if (is.null(fit$levels)) return(bounds)
  out <- as.data.frame(bounds)
  outer <- list(floor, ceiling)
  for (k in 1:2) {
    code <- outer[[k]](out[[columns[k]]])
    out[[columns[k]]] <- factor(fit$levels[code], fit$levels, ordered = TRUE)
  }
  out
}

name_rows <- function(v, name, levels) {
  if (is.null(dim(v))) return(stats::setNames(v, name))
  if (is.null(colnames(v))) colnames(v) <- levels
  dimnames(v)[[1L]] <- name
  v
}

# f() of a vector or matrix that keeps, drops or adds rows, of an array too
by_rows <- function(v, f) {
  d <- dim(v)
  if (length(d) < 3L) return(f(v))
  flat <- f(matrix(v, d[1L], prod(d[-1L]), dimnames = list(rownames(v), NULL)))
  array(flat, c(nrow(flat), d[-1L]), c(list(rownames(flat)), dimnames(v)[-1L]))
}

as_na_action <- function(na.action) {
  f <- as_function(na.action)
  if (!is.null(f)) return(f)
  vb_abort("na.action", c("{.arg na.action} must be a function such as {.code na.pass}.",
                          x = "It is {describe(na.action)}."))
}

# na.pass leaves the NAs, na.omit drops them, na.exclude puts them back, na.fail stops
apply_na_action <- function(value, na.action) {
  flat <- is.matrix(value)
  name <- if (flat) rownames(value) else names(value)
  column <- unname(if (flat && ncol(value)) value[, 1L] else value)
  kept <- tryCatch(na.action(data.frame(value = column, row.names = name)), error = function(e) {
    vb_abort(c("na.action", "newdata"), c(
      "{.arg na.action} stopped at the rows of {.arg newdata}: {conditionMessage(e)}.",
      i = "{.code na.action = na.pass} predicts {.val {NA}} for rows with missing values."))
  })
  out <- match(rownames(kept), name)
  stats::napredict(attr(kept, "na.action"), if (flat) value[out, , drop = FALSE] else value[out])
}

#' @rdname predict.vbfit
#' @export
fitted.vbfit <- function(object, ...) predict.vbfit(object, type = "response", ...)

#' @rdname predict.vbfit
#' @export
residuals.vbfit <- function(object, type = c("response", "pearson", "working", "deviance"), ...) {
  object <- whole_fit(object)
  type <- pick_choice(type, "type", c("response", "pearson", "working", "deviance"))
  warn_unused(list(...))
  check_no_thresholds(object, "residuals")
  if (type %in% c("pearson", "deviance")) check_variance(object, type)
  if (has_several(object)) check_residual_several(object, type)
  mu <- frame_mean(object)
  y <- object$y
  w <- object$weights
  value <- switch(type,
    response = y - mu,
    pearson = (y - mu) * sqrt(w / unit_variance(object, mu)),
    working = (y - mu) / object$family$mu.eta(object$family$linkfun(mu)),
    deviance = sign(y - mu) * sqrt(unit_deviance(object, y, mu, w))
  )
  stats::naresid(object$na.action, stats::setNames(value, rownames(object$frame)))
}

check_variance <- function(fit, type, instead = "response") {
  if (is.function(fit$family$variance)) return(invisible())
  vb_abort("type", c(
    "{.code type = {.val {type}}} needs the variance of the response, which the family
     {.val {fit$family$family}} does not give.",
    i = "Use {.code type = {.val {instead}}}."))
}

# A dispersion of each row is not in glm's variance function, and the mean of the response is not
# the inverse link of one predictor.
check_residual_several <- function(fit, type) {
  check_not_nominal(fit, "residuals")
  if (type == "response") return(invisible())
  vb_abort("type", c(
    "Models with predictors of several parameters, or of a family of several, have no residuals of
     {.code type = {.val {type}}}.",
    i = "Use {.code type = \"response\"}, or {.fun predictive_error}."))
}

# glm's variance function, in which the residual scale does not count; NA where there is no
# variance
unit_variance <- function(fit, mu) {
  variance <- fit$family$variance
  par <- intersect(names(formals(variance)), fit$hyper$name)
  value <- do.call(variance, c(list(mu), as.list(hyper_mean(fit)[par])))
  value <- value / if ("sigma" %in% par) sigma(fit)^2 else 1
  replace(value, is.infinite(value), NA)
}

# Twice the log likelihood that is lost by the fitted mean against the response itself, on the
# scale of glm's: the family's own where it has one, else from the engine's log likelihood
unit_deviance <- function(fit, y, mu, w) {
  family <- fit$family
  if (is.function(family$dev.resids)) return(pmax(family$dev.resids(y, mu, w), 0))
  par <- unname(hyper_mean(fit)[fit$hyper$class == "aux"])
  log_lik <- function(mean) {
    eta <- family$linkfun(mean)
    eval_family(family$family, family$link, "log_lik", y = y, w = w, eta = eta, par = par)$ll
  }
  # a count of zero has its best mean at zero, where a log link has no value
  saturated <- if (is.finite(family$linkfun(0))) y else pmax(y, 1e-12)
  pmax(2 * sigma(fit)^2 * (log_lik(saturated) - log_lik(mu)), 0)
}
