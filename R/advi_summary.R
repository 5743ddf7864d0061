# Summaries of a fit by advi(), long and short: of its Gaussian, which takes no draws where a
# parameter is a function of one real number, or of its weighted draws.

#' Summarise the posterior of a fit by advi()
#'
#' One row per parameter. Two calls give the same numbers.
#'
#' Where Pareto smoothed importance weights of the draws that the fit keeps (`draws` of
#' [vb_control()]) are of use, they are what is reported: they correct what the Gaussian misses of
#' the parameters' own shape, such as the skewness of a scale. If their noise would exceed what they
#' correct, or Pareto k is too large, it is the Gaussian. `fit$margin$weighted` tells which.
#'
#' Under the approximation, which `method = "approximation"` asks for, a parameter that is a linear
#' function of one of the real numbers the fit works on has the exact mean, standard deviation and
#' quantiles of the Gaussian. One that is an exponential or logistic function of one (all with
#' bounds of their own) has the mean that q gives it, the standard deviation that linear response
#' gives the parameter itself, not its logarithm, and quantiles of the skewness that goes with it
#' (up to 200 real numbers; else those of the transformed Gaussian). One that depends on several,
#' such as an element of a simplex, has those of the draws.
#'
#' `method = "psis"` asks for the weights: if Pareto k of a parameter asked for is 0.7 or more (with
#' fewer than 2000 draws: see [summary.advifit()]), or the weighted draws are worth fewer than 100
#' of equal weight, it is an error.
#'
#' @param x A fit of class `advifit`.
#' @param probs Probabilities of the quantiles, one column `Q<100 * prob>` each.
#' @param variable Names of the parameters wanted, `NULL` for all. The name of a vector such as
#'   `beta` stands for its elements `beta[1]` ...
#' @param method `"auto"`: importance weighted draws where they are of use, else the Gaussian;
#'   `"psis"` or `"approximation"`: one of these.
#' @param regex Whether `variable` holds regular expressions, or such expressions themselves.
#' @param ... Not used.
#' @return A numeric matrix with the columns `Estimate` (posterior mean), `Est.Error` (posterior
#'   standard deviation) and one per quantile.
#' @references
#' Vehtari, A., Simpson, D., Gelman, A., Yao, Y. and Gabry, J. (2024). Pareto smoothed importance
#' sampling. *Journal of Machine Learning Research*, 25(72), 1-58.
#' @examples
#' fit <- advi(function(theta) sum(dgamma(theta, c(9, 20), log = TRUE)), c(a = 5, b = 9),
#'             function(theta) c(8, 19) / theta - 1, lower = 0)
#' posterior_summary(fit)
#' posterior_summary(fit, probs = c(.05, .95), variable = "a", method = "psis")
#' @export
posterior_summary.advifit <- function(x, probs = c(0.025, 0.975), variable = NULL,
                                      method = c("auto", "approximation", "psis"), regex = FALSE,
                                      ...) {
  method <- pick_choice(method, "method", c("auto", "approximation", "psis"))
  if (method == "approximation") x$margin$weighted[] <- FALSE
  named_summary(x, probs, variable, method, regex, list(...), "posterior_summary.advifit")
}

# ---- summary -------------------------------------------------------------------------------------

#' Summarise a fit by advi()
#'
#' Posterior means, standard deviations and equal-tailed intervals of all parameters, what linear
#' response changed, and how far to trust it all.
#'
#' Estimates are those of [posterior_summary()][posterior_summary.advifit]: of importance weighted
#' draws where these are of use, else of the Gaussian, corrected by linear response; `q.Error` is
#' the standard deviation of the optimal Gaussian without either. `Pareto.k` is that of each
#' parameter's mean and standard deviation under importance weights (Vehtari et al. 2024). Below 0.7
#' (with `S` < 2000 draws `1 - 1 / log10(S)`)
#' the weights are of use: what they change is then known and reported, and if it is next to nothing
#' the summary says that the approximation is close. Above, neither it nor they are to be trusted;
#' `Inf` is said of a moment that rests on a handful of draws, such as one that does not exist. Two
#' reservations: Pareto k speaks of the shape of the tail of the weights, which may be bad where
#' they hardly vary at all; the summary then says so. And in many dimensions it may be large because
#' of all of them together where each marginal is fine: it is no proof of an error, but there is
#' none of its absence.
#'
#' @param object,x A fit of class `advifit`, or for `print()` its summary.
#' @param prob The probability inside the intervals.
#' @param digits Decimals of the estimates; more are shown where the smallest standard error needs
#'   them.
#' @param ... Not used.
#' @return An object of class `summary.advifit`: a list with the data frame `parameters`, the
#'   sentences `verdict` and `report`, and `kind`, `approximation`, `khat` and `prob`.
#' @references
#' Vehtari, A., Simpson, D., Gelman, A., Yao, Y. and Gabry, J. (2024). Pareto smoothed importance
#' sampling. *Journal of Machine Learning Research*, 25(72), 1-58.
#'
#' Yao, Y., Vehtari, A., Simpson, D. and Gelman, A. (2018). Yes, but did it work? Evaluating
#' variational inference. *Proceedings of Machine Learning Research*, 80, 5581-5590.
#' @examples
#' fit <- advi(function(theta) -sum(theta^2) / 2, c(a = 1, b = 2), function(theta) -theta)
#' fit
#' summary(fit)
#' @export
summary.advifit <- function(object, prob = 0.95, ...) {
  check_probs(prob, "prob", single = TRUE)
  warn_unused(list(...), "summary.advifit")
  probs <- c((1 - prob) / 2, (1 + prob) / 2)
  table <- summarise_parameters(object, parameter_table(object), probs)
  colnames(table)[3:4] <- paste0(c("l-", "u-"), format(100 * prob), "% CI")
  parameters <- data.frame(table, q.Error = object$margin$error_q, Pareto.k = object$margin$khat,
                           row.names = rownames(table), check.names = FALSE)
  structure(list(kind = object$kind, approximation = object$approximation, parameters = parameters,
                 khat = object$khat, verdict = advi_verdict(object), report = advi_report(object),
                 prob = prob), class = "summary.advifit")
}

#' @rdname summary.advifit
#' @export
print.summary.advifit <- function(x, digits = 2, ...) {
  check_digits(digits)
  cat(" Target:", x$kind, "of", counted(nrow(x$parameters), "parameter"), "\n\n")
  print_estimates(x$parameters, digits)
  cat("\n", paste0(strwrap(c(x$report, x$verdict), width = 80, exdent = 2), "\n"), sep = "")
  invisible(x)
}

#' @rdname summary.advifit
#' @export
print.advifit <- function(x, digits = 2, ...) {
  check_digits(digits)
  cat("advi\n")
  cat(" target:        ", x$kind, " of ", counted(nrow(x$margin), "parameter"), "\n", sep = "")
  cat(" approximation: ", x$approximation, "\n", sep = "")
  cat("------\n")
  table <- parameter_table(x)
  more <- nrow(table) - 40L
  print_estimates(summarise_parameters(x, utils::head(table, 40L), numeric()), digits)
  if (more > 0L) cat("... and", more, "more: see posterior_summary()\n")
  cat("------\n")
  if (!isTRUE(x$converged)) cat("* Not converged: see summary() for how far the fit came\n")
  cat(strwrap(advi_verdict(x), 80, initial = "* ", exdent = 2), sep = "\n")
  cat("* For intervals and diagnostics see summary()\n")
  invisible(x)
}
