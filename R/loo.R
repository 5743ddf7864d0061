# Leave-one-out cross-validation: by importance weights of draws; by cavities see cavity.R.

#' Leave-one-out cross-validation
#'
#' The expected log predictive density of each observation given all others, or of each group given
#' the other groups, without fitting the model again.
#'
#' @section Methods for fits by vb():
#' `method = "psis"` takes draws, weights them by the posterior over the approximation that they
#' come from (`loo::loo_approximate_posterior()`, Magnusson et al. 2019) and by the density of what
#' is left out, and smooths these weights (PSIS). It corrects what the approximation misses, and its
#' Pareto k tells where it failed: in models with many random effects, where the weights of the
#' joint draws vary too much however good the approximation of each parameter is, and for groups
#' with parameters of their own, which the draws know from the group's own data. There a warning of
#' class `vb_warning_pareto_k` names the other method.
#'
#' `method = "cavity"` takes no draws and gives the same numbers at each call. Given the
#' hyperparameters the posterior is a Gaussian made of the prior and a factor for each row. The
#' factors of what is left out are taken away, and the density that the rest gives to the response
#' is had by quadrature (along the one or two directions of which what is left out tells most; a row
#' together with those that share its level of the largest grouping factor). The hyperparameters
#' are averaged over with weights that leave it out too (Vehtari et al. 2016). For gaussian
#' responses this is exact but for the quadrature over the hyperparameters. It is the method for
#' hierarchical models, and the only one of the two for groups (Merkle, Furr and Rabe-Hesketh 2019):
#' what is left of a group's own random effects is their prior given the hyperparameters.
#'
#' Rows and groups without which the hyperparameters would be quite different are left out by
#' fitting the model again, up to `refit` of them; so are rows of other than gaussian models without
#' which the factors of the other rows would be others, by as much as would change the log density
#' by more than 0.1. That a row has random effects of its own (`influence`, of the posterior
#' precision of its linear predictor the share that is its own, is close to 1) is no reason.
#'
#' Both methods evaluate the observations of the fit with their weights, and leave out those of
#' weight zero. The priors stay what they are, also where their default scales came from the data.
#' Under `approximation = "joint"`, `"partial"` and `"meanfield"` the cavity method takes the
#' hyperparameters for known. Where flat priors leave no proper posterior without a unit its density
#' is `NaN` and it is flagged.
#'
#' @section WAIC:
#' `loo::waic()` takes draws of the approximation as draws of the posterior, without weights, and
#' its estimate is that of [loo::waic()]. Prefer `loo()`: it tells where it fails (Vehtari, Gelman
#' and Gabry 2017).
#'
#' @section Fits by advi():
#' [advi()] knows the log density as a whole only: the log-likelihood comes from the user. The
#' draws are those that the fit keeps.
#'
#' @param x A fit of class `vbfit`, or of class `advifit` by [advi()].
#' @param method `"psis"` or `"cavity"`; the latter for coordinate ascent.
#' @param group `NULL`: observations are left out one by one. Else whole groups: the name of a
#'   grouping factor of the model such as `"Subject"` or `"a:b"`, or of another variable in its
#'   model frame; a one-sided formula such as `~ a:b`; or a vector with an entry for each row of the
#'   model frame.
#' @param ndraws The number of draws of `method = "psis"` and `waic()`, taken from R's random
#'   numbers: use [set.seed()] to repeat them. A fit by ADVI uses those that it keeps.
#' @param refit How many rows or groups `method = "cavity"` may leave out by another fit. Where more
#'   of them ask for it, none is, with a warning of class `vb_warning_cavity`.
#' @param log_lik The log-likelihood of each observation: a matrix with a row per draw of the fit
#'   and a column per observation, or a function that returns the values of all observations for one
#'   draw, a named vector of the parameters.
#' @param ... Of `method = "psis"` `cores` and `save_psis`, passed on to
#'   `loo::loo_approximate_posterior()`. Anything else is not used, with a warning.
#' @return An object of class `"loo"`, which `loo::loo_compare()` takes: by `"psis"` the one that
#'   `loo::loo()` returns, by `"cavity"` of class `c("cavity_loo", "loo")` with `estimates`
#'   (`elpd_loo`, `p_loo`, `looic` and standard errors), `pointwise` (a row per observation or
#'   group; the columns that have no meaning without draws are `NA`) and for each row of it
#'   `influence` (of a group the largest in any direction), `flagged` and `refitted`.
#' @seealso [kfold()][kfold.vbfit] for what neither can do.
#' @references
#' Magnusson, M., Andersen, M., Jonasson, J. and Vehtari, A. (2019). Bayesian leave-one-out
#' cross-validation for large data. *Proceedings of Machine Learning Research*, 97, 4244-4253.
#'
#' Merkle, E. C., Furr, D. and Rabe-Hesketh, S. (2019). Bayesian comparison of latent variable
#' models: conditional versus marginal likelihoods. *Psychometrika*, 84, 802-829.
#'
#' Vehtari, A., Gelman, A. and Gabry, J. (2017). Practical Bayesian model evaluation using
#' leave-one-out cross-validation and WAIC. *Statistics and Computing*, 27, 1413-1432.
#'
#' Vehtari, A., Mononen, T., Tolvanen, V., Sivula, T. and Winther, O. (2016). Bayesian
#' leave-one-out cross-validation approximations for Gaussian latent variable models. *Journal of
#' Machine Learning Research*, 17(103), 1-38.
#' @examplesIf requireNamespace("loo", quietly = TRUE)
#' line <- vb(dist ~ speed, cars)
#' loo::loo(line)
#' loo::loo(line, method = "cavity")
#'
#' loom <- vb(breaks ~ tension + (1 | wool:tension), warpbreaks, family = poisson())
#' loo::loo(loom, method = "cavity", group = "wool:tension")
#'
#' log_lik <- function(theta) dnorm(cars$dist, theta["a"] + theta["b"] * cars$speed, 15, log = TRUE)
#' fit <- advi(function(theta) sum(log_lik(theta)), c(a = 0, b = 1), function(theta) {
#'   z <- (cars$dist - theta["a"] - theta["b"] * cars$speed) / 15^2
#'   c(sum(z), sum(z * cars$speed))
#' })
#' loo::loo(fit, log_lik)
#' @name loo
NULL

#' @rdname loo
#' @exportS3Method loo::loo
loo.vbfit <- function(x, method = c("psis", "cavity"), group = NULL, ndraws = ndraws.vbfit(x),
                      refit = 20, ...) {
  x <- whole_fit(x)
  method <- pick_choice(method, "method", c("psis", "cavity"))
  if (method == "cavity") check_one_predictor(x)
  psis <- method == "psis"
  other <- c(if (psis && !missing(refit)) list(refit = refit),
             if (!psis && !missing(ndraws)) list(ndraws = ndraws))
  warn_unused(c(other, list(...)), "loo", if (psis) psis_arguments)
  unit <- left_out(x, group)
  out <- if (method == "cavity") {
    cavity_loo(x, unit, refit)
  } else {
    check_number(ndraws, "ndraws", lower = 2, upper = .Machine$integer.max, whole = TRUE)
    sample <- posterior_sample(x, as.integer(ndraws), densities = TRUE)
    eta <- linear_draws(x, fit_rows(x), sample)
    log_lik <- t(row_log_lik(x, observations_in(x$design), eta, sample))
    if (!is.null(group)) log_lik <- sum_units(log_lik, unit)
    loo_of_draws(x, log_lik, sample, list(...))
  }
  with_response(out, x)
}

#' @rdname loo
#' @exportS3Method loo::loo
loo.advifit <- function(x, log_lik, ...) {
  log_lik <- given_log_lik(x, if (!missing(log_lik)) log_lik)
  warn_unused(list(...), "loo", psis_arguments)
  psis_loo(log_lik, x, x$approximation, list(...))
}

#' @rdname loo
#' @exportS3Method loo::waic
waic.vbfit <- function(x, ndraws = ndraws.vbfit(x), ...) {
  warn_unused(list(...), "loo")
  check_number(ndraws, "ndraws", lower = 2, upper = .Machine$integer.max, whole = TRUE)
  with_response(loo::waic(log_lik.vbfit(x, ndraws = ndraws)), x)
}

#' @rdname loo
#' @exportS3Method loo::waic
waic.advifit <- function(x, log_lik, ...) {
  log_lik <- given_log_lik(x, if (!missing(log_lik)) log_lik)
  warn_unused(list(...), "loo")
  loo::waic(log_lik)
}

# The user's, as a matrix with a row for each draw of a fit by advi()
given_log_lik <- function(x, log_lik) {
  if (is.null(log_lik)) {
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
  log_lik
}

psis_arguments <- c("cores", "save_psis")

psis_loo <- function(log_lik, draws, approximation, dots) {
  # Pathfinder's draws have been resampled, as if they were from the target
  drawn_from <- if (approximation == "pathfinder") draws$lp else draws$lp_approx
  # What has no density under the posterior has no weight; 'loo' takes finite numbers alone.
  possible <- is.finite(draws$lp) & is.finite(drawn_from) & is.finite(rowSums(log_lik))
  if (sum(possible) < 2L) {
    vb_abort("log_lik", c(
      "Only {sum(possible)} of {length(possible)} draws have a finite log density.",
      i = "The posterior, or the approximation of it, reaches where the likelihood is none."))
  }
  do.call(loo::loo_approximate_posterior,
          c(list(log_lik[possible, , drop = FALSE], log_p = draws$lp[possible],
                 log_g = drawn_from[possible]),
            dots[names(dots) %in% psis_arguments]))
}

# the rows that entered the fit
fit_rows <- function(fit) {
  if (!has_several(fit)) return(design_rows(fit$design))
  keep_all_rows(all_rows(fit, allow.new.levels = TRUE), fit$rows)
}

# Where weights fail what needs none is named, instead of the help page that 'loo' points to.
loo_of_draws <- function(fit, log_lik, sample, dots) UseMethod("loo_of_draws", held_as(fit))

#' @export
loo_of_draws.held_draws <- function(fit, log_lik, sample, dots) {
  psis_loo(log_lik, sample, fit$approximation, dots)
}

#' @export
loo_of_draws.held_nodes <- function(fit, log_lik, sample, dots) {
  out <- withCallingHandlers(
    psis_loo(log_lik, sample, fit$approximation, dots),
    warning = function(w) {
      if (grepl("Pareto k.*too high", conditionMessage(w))) invokeRestart("muffleWarning")
    })
  k <- out$diagnostics$pareto_k
  bad <- sum(k > 0.7)
  if (bad) {
    vb_warn("vb_warning_pareto_k", c(
      "Pareto k is above 0.7 for {bad} of {length(k)}: their weights, and with them the sums, are
       not to be trusted.",
      i = if (!has_several(fit)) "Use {.code method = \"cavity\"}, which needs no weights, or
                                  {.fun kfold}."))
  }
  out
}

# loo_compare() warns where responses differ
with_response <- function(out, fit) {
  attr(out, "yhash") <- rlang::hash(list(unname(fit$y[fit$rows]), unname(fit$weights[fit$rows])))
  out
}

# ---- What is left out together -------------------------------------------------------------------

# A list of positions among the rows that entered the fit, named by the groups
left_out <- function(fit, group) {
  if (is.null(in_quotes(group, "group"))) return(as.list(seq_len(fit$nobs)))
  code <- group_of_rows(fit, group)
  if (anyNA(code)) {
    vb_abort("group", "{.arg group} has missing values in rows that entered the fit.")
  }
  unit <- split(seq_len(fit$nobs), code, drop = TRUE)
  if (length(unit) < 2L) {
    vb_abort("group", c("{.arg group} has only {length(unit)} group{?s}.",
                        i = "There must be others from which to predict the one left out."))
  }
  unit
}

group_of_rows <- function(fit, group) {
  if (inherits(group, "formula")) {
    group <- deparse1(group[[length(group)]])
  }
  n <- nrow(fit$frame)
  if (length(group) == n && n > 1L && is.null(dim(group))) return(as.factor(group)[fit$rows])
  if (!is.character(group) || length(group) != 1L || is.na(group)) {
    vb_abort("group", c(
      "{.arg group} must be a variable's name, a one-sided formula, or a vector with an entry for
       each of the {n} row{?s} of the model frame.",
      x = "It is {describe(group)}."))
  }
  k <- match(group, group_labels(fit))
  if (!is.na(k)) {
    return(factor(fit$random[[k]]$levels[fit$design$terms[[k]]$group], fit$random[[k]]$levels))
  }
  variable <- strsplit(group, " *: *")[[1L]]
  missing <- setdiff(variable, names(fit$frame))
  if (length(missing)) {
    vb_abort("group", c(
      "{.arg group} is no variable of the model: {.val {missing}}.",
      i = "It may be {.or {.val {unique(c(group_labels(fit), names(fit$frame)))}}}, or a vector
           with an entry for each of the {n} row{?s} of the model frame."))
  }
  interaction(lapply(fit$frame[fit$rows, variable, drop = FALSE], as.factor), drop = TRUE,
              sep = ":", lex.order = TRUE)
}

sum_units <- function(log_lik, unit) {
  out <- vapply(unit, function(i) rowSums(log_lik[, i, drop = FALSE]), numeric(nrow(log_lik)))
  matrix(out, nrow(log_lik), dimnames = list(NULL, names(unit)))
}
