# Predictions, comparisons and slopes by 'marginaleffects'.

#' Marginal effects by 'marginaleffects'
#'
#' With these methods `marginaleffects::predictions()`, `comparisons()`, `slopes()`, their averages
#' and `hypotheses()` take a fit. As of samplers' fits they are made from draws, whose medians and
#' equal-tailed intervals are reported, and `marginaleffects::get_draws()` returns them. The draws
#' are the same at each call, so that two calls agree and differences are not of noise.
#'
#' Arguments that 'marginaleffects' does not know are passed on: `re.form` (or `re_formula`),
#' `ndraws`, `allow_new_levels` and `sample_new_levels` are those of [posterior_epred()]. It warns
#' that it does not know them for this class; they work all the same.
#'
#' `hypotheses()` of a fit itself uses the posterior means and covariances of the fixed effects, as
#' for a Gaussian posterior.
#'
#' For averages of draws 'marginaleffects' asks for 'collapse' 2.0.18 or later. Its version 1.0.0
#' needs the operator `%||%`, which R before 4.4 has not: there call `library(rlang)` first.
#'
#' 'marginaleffects' takes models of known classes only. This package adds its own to the option
#' `marginaleffects_model_classes` when 'marginaleffects' is loaded.
#'
#' @param model,x A fit of class `vbfit`.
#' @param newdata A data frame.
#' @param type `"response"` for [posterior_epred()], `"link"` for [posterior_linpred()] or
#'   `"prediction"` for [posterior_predict()].
#' @param vcov `FALSE` for none; anything else stands for [vcov()][vcov.vbfit].
#' @param coefs Fixed effects, named.
#' @param effects,additional_variables Which columns of the data 'insight' asks for: all that the
#'   model is made from, or those of one part; and others of the data, by name or `TRUE`.
#' @param ... See above.
#' @return What 'marginaleffects' asks of these functions.
#' @examplesIf rlang::is_installed(c("marginaleffects", "collapse (>= 2.0.18)")) && exists("%||%")
#' fit <- vb(am ~ wt + hp, data = mtcars, family = binomial())
#' marginaleffects::avg_slopes(fit)
#' marginaleffects::avg_comparisons(fit, variables = list(hp = 50))
#' marginaleffects::hypotheses(fit, "wt = hp")
#' @name marginaleffects
NULL

#' @rdname marginaleffects
#' @exportS3Method marginaleffects::get_predict
get_predict.vbfit <- function(model, newdata = model.frame(model), type = "response", ...) {
  model <- whole_fit(model)
  type <- if (is.null(type)) "response" else type
  check_choice(type, "type", offered(names(effect_draws)))
  dots <- list(...)
  known <- c("re.form", "ndraws", "allow_new_levels", "sample_new_levels", "offset",
             names(argument_synonyms))
  arguments <- c(list(model, newdata = newdata), dots[names(dots) %in% known])
  draws <- with_noise_stream("fixed", do.call(effect_draws[[type]], arguments))
  out <- data.frame(estimate = as.vector(colMeans(draws)))
  if (length(dim(draws)) == 3L) {                     # a layer per category
    category <- dimnames(draws)[[3L]]
    out$group <- rep(factor(category, category), each = nrow(newdata))
    dim(draws) <- c(nrow(draws), nrow(out))
  }
  if ("rowid" %in% names(newdata)) out$rowid <- rep_len(newdata$rowid, nrow(out))
  structure(out, posterior_draws = t(unname(unclass(draws))))
}

effect_draws <- list(
  response = function(...) posterior_epred.vbfit(...),
  link = function(...) posterior_linpred.vbfit(...),
  prediction = function(...) posterior_predict.vbfit(...)
)

#' @rdname marginaleffects
#' @exportS3Method marginaleffects::get_vcov
get_vcov.vbfit <- function(model, vcov = NULL, ...) if (!isFALSE(vcov)) vcov.vbfit(model)

#' @rdname marginaleffects
#' @exportS3Method marginaleffects::get_coef
get_coef.vbfit <- function(model, ...) {
  model <- whole_fit(model)
  moved <- attr(model, "moved_fixef")
  if (is.null(moved)) fixef.vbfit(model) else moved
}

#' @rdname marginaleffects
#' @exportS3Method marginaleffects::set_coef
set_coef.vbfit <- function(model, coefs, ...) structure(model, moved_fixef = coefs)

# What 'marginaleffects' asks of 'insight': by default that finds neither the grouping factors nor
# the fixed effects of a fit that has both

#' @rdname marginaleffects
#' @exportS3Method insight::find_formula
find_formula.vbfit <- function(x, ...) {
  x <- whole_fit(x)
  env <- environment(x$formula)
  random <- lapply(x$random, function(term) {
    stats::as.formula(call("~", call("|", term$bar[[2L]], term$expr)), env)
  })
  if (length(random) == 1L) random <- random[[1L]]
  smooth <- unlist(lapply(Filter(is_function_field, x$fields), function(f) f$variables))
  out <- list(conditional = Reduce(function(formula, variable) {
    formula[[length(formula)]] <- call("+", formula[[length(formula)]], variable)
    formula
  }, smooth, formula.vbfit(x, fixed.only = TRUE)))
  if (length(random)) out$random <- random
  structure(out, class = c("insight_formula", "list"))
}

#' @rdname marginaleffects
#' @exportS3Method insight::get_parameters
get_parameters.vbfit <- function(x, ...) {
  x <- whole_fit(x)
  coef <- get_coef.vbfit(x)
  data.frame(Parameter = names(coef), Estimate = unname(coef))
}

#' @rdname marginaleffects
#' @exportS3Method insight::get_data
get_data.vbfit <- function(x, effects = "all", additional_variables = NULL, ...) {
  check_choice(effects, "effects", offered(c("all", "fixed", "random")))
  out <- fit_columns(x)
  groups <- unlist(lapply(x$random, function(term) all.vars(term$expr)))
  kept <- list(all = names(out), random = groups,
               fixed = all.vars(find_formula.vbfit(x)$conditional))
  out <- out[intersect(names(out), kept[[effects]])]
  if (is.null(additional_variables) || isFALSE(additional_variables)) return(out)
  data <- named_data(x)
  if (!is.data.frame(data) || !is_data_of(x, data)) return(out)
  more <- if (isTRUE(additional_variables)) names(data) else additional_variables
  more <- setdiff(intersect(more, names(data)), names(out))
  out[more] <- as.data.frame(data)[frame_rows(x$frame, data, nrow(data)), more, drop = FALSE]
  out
}

# Now if 'marginaleffects' is there already, and whenever it comes
allow_marginaleffects <- function() {
  allow <- function(...) {
    known <- getOption("marginaleffects_model_classes")
    options(marginaleffects_model_classes = union(known, "vbfit"))
  }
  if (isNamespaceLoaded("marginaleffects")) allow()
  setHook(packageEvent("marginaleffects", "onLoad"), allow)
}
