# Simulated residuals by 'DHARMa'.

#' Simulated residuals by 'DHARMa'
#'
#' `DHARMa::simulateResiduals()` takes a fit: it works through [simulate()][simulate.vbfit],
#' [predict()][predict.vbfit], [residuals()][residuals.vbfit] and these two methods, and warns that
#' it does not know the class. Each simulated data set comes from its own draw of the parameters, so
#' that residuals are those of posterior predictive checks.
#'
#' With `simulateREs = "conditional"` random effects are those of the posterior, with
#' `"unconditional"` those of new levels, one for each that the data have. `refit = TRUE` is not
#' available, nor are [cumulative()] models.
#'
#' @param object A fit of class `vbfit`.
#' @param nsim The number of data sets.
#' @param simulateREs,type As 'DHARMa' gives them.
#' @param ... Passed on to [simulate()][simulate.vbfit].
#' @return What 'DHARMa' asks of these functions.
#' @examplesIf requireNamespace("DHARMa", quietly = TRUE)
#' fit <- vb(count ~ spray, InsectSprays, family = poisson())
#' residuals <- suppressWarnings(DHARMa::simulateResiduals(fit, n = 100))
#' DHARMa::testDispersion(residuals, plot = FALSE)
#' @name dharma
NULL

#' @rdname dharma
#' @exportS3Method DHARMa::getFixedEffects
getFixedEffects.vbfit <- function(object, ...) fixef.vbfit(object)

#' @rdname dharma
#' @exportS3Method DHARMa::getSimulations
getSimulations.vbfit <- function(object, nsim = 1,
                                 simulateREs = c("conditional", "unconditional", "user-specified"),
                                 type = c("normal", "refit"), ...) {
  known <- c("conditional", "unconditional", "user-specified")
  simulateREs <- pick_choice(simulateREs, "simulateREs", known)
  if (simulateREs == "conditional") return(NextMethod(re.form = NULL))
  if (simulateREs == "user-specified") return(NextMethod())
  request <- draws_request(object, NULL, nsim, NA, NULL, "gaussian", NULL, NULL, list(...))
  request$anew <- drawn_anew(object, NULL, NA)
  out <- t(predict_draws(object, request))
  if (trials_kind(object) == "proportion") out * row_weights(object, NULL) else out
}
