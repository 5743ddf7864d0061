# The summary of every parameter, in the form of 'brms'.

#' Summarise the posterior of every parameter
#'
#' One row per parameter, random effects included, computed from the fitted mixture of
#' distributions and not from draws: two calls give the same numbers.
#'
#' Coefficients and random effects are mixtures over the nodes of the hyperparameters, whose
#' means and variances add up by the laws of total expectation and variance and whose quantiles
#' are found on the mixture's distribution function. Standard deviations, correlations and
#' dispersions are summarised from their own smooth posterior.
#'
#' `posterior_summary()` is a generic of this package so that neither 'brms' nor its compiler
#' is needed. Objects that are not ours are handed to `brms::posterior_summary()`, whichever
#' package was attached last.
#'
#' @param x A fit of class `vbfit`; anything else is passed on to 'brms'.
#' @param probs Probabilities of the quantiles, one column `Q<100 * prob>` each.
#' @param variable Names of the parameters wanted, `NULL` for all. The name of an array such as
#'   `r_Subject` stands for all its elements.
#' @param method `"approximation"`, or `"psis"` for the draws of a fit by ADVI with their importance
#'   weights, see [posterior_summary.advifit()].
#' @param regex Whether `variable` holds regular expressions that names are to match, as in 'brms';
#'   or such expressions themselves: `regex = "^b_"`.
#' @param ... `pars`, another name of `variable`. There is a warning of anything else.
#' @return A numeric matrix with the columns `Estimate` (posterior mean), `Est.Error`
#'   (posterior standard deviation) and one per quantile. The rows are the fixed effects `b_` (of
#'   [cumulative()] models first the thresholds `b_Intercept[1]` and so on),
#'   the standard deviations `sd_` and correlations `cor_` of the random effects, the dispersions
#'   (`sigma`, `shape`, `phi`, `nu`, those of a [vb_family()]), the scales `hs_global` and `hs_slab`
#'   of a [horseshoe()] and the random effects `r_`.
#' @seealso [summary.vbfit()] for a table to read, [fixef()], [ranef()] and [VarCorr()] for the
#'   same means in 'lme4' form.
#' @examples
#' fit <- vb(dist ~ speed, data = cars)
#' posterior_summary(fit)
#' posterior_summary(fit, probs = c(.05, .95), variable = "b_speed")
#' @export
posterior_summary <- function(x, ...) UseMethod("posterior_summary")

#' @rdname posterior_summary
#' @export
posterior_summary.vbfit <- function(x, probs = c(0.025, 0.975), variable = NULL,
                                    method = c("approximation", "psis"), regex = FALSE, ...) {
  method <- pick_choice(method, "method", c("approximation", "psis"))
  named_summary(whole_fit(x), probs, variable, method, regex, list(...), "posterior_summary")
}

# `page`: the help page that a warning of unknown arguments names
named_summary <- function(x, probs, variable, method, regex, dots, page) {
  check_probs(probs, "probs")
  take_synonyms(dots, c(pars = "variable"), page)
  table <- select_parameters(parameter_table(x), variable, regex)
  if (method != "psis") return(summarise_parameters(x, table, probs))
  view <- weighted_view(x, table)
  check_weights(view)
  psis_summary(view$draws, view$log_weight, probs)
}

#' @rawNamespace S3method(posterior_summary, default, forward_posterior_summary)
#' @rawNamespace S3method(brms::posterior_summary, vbfit, posterior_summary.vbfit)
forward_posterior_summary <- function(x, ...) forward("brms", "posterior_summary", x, ...)
