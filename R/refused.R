# Verbs of other packages that fits by variational inference have no answer to.

#' Verbs that a fit does not have
#'
#' What 'lme4' and 'stats' do with a maximised likelihood has no meaning for a posterior. These
#' methods are errors that name what is there instead.
#'
#' @param object A fit of class `vbfit`.
#' @param ... Not used.
#' @return None: all are errors of class `vb_error`.
#' @examples
#' fit <- vb(dist ~ speed, cars)
#' try(AIC(fit))
#' try(anova(fit, update(fit, . ~ 1)))
#' @name refused
NULL

# Of each verb why it is not there, and what is
refused_verbs <- list(
  logLik = list(
    "The fit is a posterior, and no maximum of the likelihood: there is no {.fun logLik},
     {.fun AIC} or {.fun BIC}.",
    "Compare fits by {.fun loo}, {.fun waic} or their {.code log_evidence}; {.fun log_lik} has
     the log-likelihood of each observation."),
  deviance = list(
    "The fit is a posterior, and no maximum of the likelihood: there is no {.fun deviance}.",
    "See {.fun loo} for the fit to new observations, {.fun elbo} for the bound that was climbed."),
  anova = list(
    "Tests of likelihood ratios compare maxima: there is no {.fun anova}.",
    "Compare fits by {.code loo::loo_compare(loo(fit1), loo(fit2))}, or their
     {.code log_evidence}."),
  refit = list(
    "There is no {.fun refit} to another response.",
    "Put it into the data, and use {.code update(fit, data = )}.")
)

refuse <- function(verb) {
  what <- refused_verbs[[verb]]
  vb_abort(verb, c(what[[1L]], i = what[[2L]]))
}

#' @rdname refused
#' @importFrom stats logLik
#' @export
logLik.vbfit <- function(object, ...) refuse("logLik")

#' @rdname refused
#' @importFrom stats deviance
#' @export
deviance.vbfit <- function(object, ...) refuse("deviance")

#' @rdname refused
#' @importFrom stats anova
#' @export
anova.vbfit <- function(object, ...) refuse("anova")

#' @rdname refused
#' @exportS3Method lme4::refit
refit.vbfit <- function(object, ...) refuse("refit")
