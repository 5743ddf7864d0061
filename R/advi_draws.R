# Draws of a fit by advi(), for 'posterior' and 'loo': those that the fit keeps. There can be no
# others, as their log densities would need the target, which the fit does not keep.

#' Draws of a fit by advi()
#'
#' The draws that [advi()] keeps, on the scale of the parameters, as objects of 'posterior'. The
#' columns `lp__` and `lp_approx__` are the log densities of the target and of what was drawn from
#' (both of the real numbers that the fit works on), from which importance weights are made. Where
#' these are what is reported (see [posterior_summary()][posterior_summary.advifit]) the draws have
#' been resampled by them: they need no weights any more, and some occur more than once. `fit$draws`
#' has them as they were drawn.
#'
#' The draws are kept in the fit: they are the same at each call, and `vb_control(draws = )` of the
#' fit sets their number.
#'
#' @param x A fit of class `advifit`.
#' @param ndraws The number of draws, up to the number kept; `NULL`: all.
#' @param variable Names of the parameters wanted, `NULL` for all and the two log densities. The
#'   name of a vector such as `beta` stands for its elements `beta[1]` ...
#' @param regex Whether `variable` holds regular expressions, or such expressions themselves.
#' @param ... Not used.
#' @return `as_draws()` and `as_draws_matrix()` return a `draws_matrix`; `as_draws_df()`,
#'   `as_draws_array()`, `as_draws_list()` and `as_draws_rvars()` take the same arguments and return
#'   the format in their name. `variables()`, `nvariables()` and `ndraws()` return names and
#'   numbers.
#' @examplesIf requireNamespace("posterior", quietly = TRUE)
#' fit <- advi(function(theta) -sum(theta^2) / 2, c(a = 1, b = 2), function(theta) -theta)
#' posterior::as_draws_df(fit)
#' posterior::summarise_draws(posterior::as_draws(fit, variable = "a"))
#' @name draws.advifit
NULL

#' @rdname draws.advifit
#' @exportS3Method posterior::as_draws
as_draws.advifit <- function(x, ndraws = NULL, variable = NULL, regex = FALSE, ...) {
  warn_unused(list(...), "draws.advifit")
  check_number(ndraws, "ndraws", lower = 1, upper = nrow(x$draws), whole = TRUE, null = TRUE)
  row <- report_rows(x, if (is.null(ndraws)) nrow(x$draws) else ndraws)
  all <- cbind(x$draws, lp__ = x$lp, lp_approx__ = x$lp_approx)
  table <- data.frame(name = colnames(all), column = seq_len(ncol(all)))
  column <- select_parameters(table, variable, regex)$column
  posterior::as_draws_matrix(all[row, column, drop = FALSE])
}

# The first n draws or, where their weights are reported, n resampled by these, systematically
# (Kitagawa 1996)
report_rows <- function(fit, n) {
  if (!any(fit$margin$weighted)) return(seq_len(n))
  weight <- exp(fit$log_weight)
  at <- findInterval((seq_len(n) - 0.5) / n, cumsum(weight) / sum(weight)) + 1L
  pmin(at, length(weight))
}

#' @rdname draws.advifit
#' @exportS3Method posterior::variables
variables.advifit <- function(x, ...) c(x$margin$name, "lp__", "lp_approx__")

#' @rdname draws.advifit
#' @exportS3Method posterior::ndraws
ndraws.advifit <- function(x) nrow(x$draws)
