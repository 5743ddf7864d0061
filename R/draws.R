# Draws for 'posterior' and all that build on it; made on demand, from R's generator.

#' Posterior draws
#'
#' Independent draws from the fitted posterior as objects of 'posterior', which 'bayesplot',
#' 'tidybayes' and others understand. With 'posterior' installed, `posterior::as_draws_df(fit)`
#' and its siblings work directly, as do `posterior::summarise_draws(fit)` and the like.
#'
#' A fit by ADVI has its draws already, as many as [vb_control()]'s `draws`, with their log
#' densities `lp__` (of the posterior on the unconstrained scale, up to a constant) and
#' `lp_approx__` (of the approximation). Of other fits draws are taken anew at each call from R's
#' random numbers: use [set.seed()] to repeat them.
#' As the same random numbers are used whatever is asked for, `variable` selects columns
#' without changing them. Moments and quantiles need no draws: see [posterior_summary()].
#'
#' @param x,object A fit of class `vbfit`.
#' @param ndraws The number of draws: 4000, or of a fit by ADVI as many as it keeps.
#' @param variable Names of the parameters wanted, `NULL` for all. The name of an array such as
#'   `r_Subject` stands for all its elements.
#' @param ... Not used.
#' @return `as_draws()` and `as_draws_matrix()` return a `draws_matrix` with `ndraws` rows and
#'   a column for each row of [posterior_summary()]; the others the format in their name.
#'   `as.matrix()` and `as.data.frame()` return the same without 'posterior'.
#'   `variables()` returns the names of the parameters, `nvariables()` their number and
#'   `ndraws()`, `niterations()` and `nsamples()` the number of draws made by default; `nchains()`
#'   is 1.
#' @examplesIf requireNamespace("posterior", quietly = TRUE)
#' fit <- vb(dist ~ speed, data = cars)
#' set.seed(1)
#' posterior::as_draws_df(fit, ndraws = 1000)
#' posterior::summarise_draws(posterior::as_draws(fit, variable = c("b_speed", "sigma")))
#' @name draws
NULL

#' @rdname draws
#' @exportS3Method posterior::as_draws
as_draws.vbfit <- function(x, ndraws = ndraws.vbfit(x), variable = NULL, ...) {
  check_number(ndraws, "ndraws", lower = 1, upper = .Machine$integer.max, whole = TRUE)
  densities <- if (!is.null(x$advi)) c("lp__", "lp_approx__")
  extra <- if (is.null(variable)) densities else intersect(variable, densities)
  wanted <- if (!is.null(variable)) setdiff(variable, densities)
  table <- select_parameters(parameter_table(x), wanted)
  draws <- draw_parameters(x, table, as.integer(ndraws))
  if (length(extra)) draws <- cbind(draws, draw_densities(x$advi, ndraws)[, extra, drop = FALSE])
  posterior::as_draws_matrix(draws)
}

# as_draws_df() and its siblings in 'posterior' call as_draws() without passing on their
# arguments, hence a method each.

#' @rdname draws
#' @exportS3Method posterior::as_draws_df
as_draws_df.vbfit <- function(x, ndraws = ndraws.vbfit(x), variable = NULL, ...) {
  posterior::as_draws_df(as_draws.vbfit(x, ndraws, variable))
}

#' @rdname draws
#' @exportS3Method posterior::as_draws_matrix
as_draws_matrix.vbfit <- function(x, ndraws = ndraws.vbfit(x), variable = NULL, ...) {
  as_draws.vbfit(x, ndraws, variable)
}

#' @rdname draws
#' @exportS3Method posterior::as_draws_array
as_draws_array.vbfit <- function(x, ndraws = ndraws.vbfit(x), variable = NULL, ...) {
  posterior::as_draws_array(as_draws.vbfit(x, ndraws, variable))
}

#' @rdname draws
#' @exportS3Method posterior::as_draws_list
as_draws_list.vbfit <- function(x, ndraws = ndraws.vbfit(x), variable = NULL, ...) {
  posterior::as_draws_list(as_draws.vbfit(x, ndraws, variable))
}

#' @rdname draws
#' @exportS3Method posterior::as_draws_rvars
as_draws_rvars.vbfit <- function(x, ndraws = ndraws.vbfit(x), variable = NULL, ...) {
  posterior::as_draws_rvars(as_draws.vbfit(x, ndraws, variable))
}

#' @rdname draws
#' @exportS3Method posterior::niterations
niterations.vbfit <- function(x) ndraws.vbfit(x)

#' @rdname draws
#' @exportS3Method posterior::nchains
nchains.vbfit <- function(x) 1L

#' @rdname draws
#' @exportS3Method rstantools::nsamples
nsamples.vbfit <- function(object, ...) ndraws.vbfit(object)

#' @rdname draws
#' @param pars,regex_pars Names of the parameters wanted, as for [posterior_interval()].
#' @export
as.matrix.vbfit <- function(x, ndraws = NULL, pars = NULL, regex_pars = NULL, ...) {
  check_number(ndraws, "ndraws", lower = 1, upper = .Machine$integer.max, whole = TRUE, null = TRUE)
  n <- if (is.null(ndraws)) ndraws.vbfit(x) else as.integer(ndraws)
  draw_parameters(x, parameters_like(x, pars, regex_pars), n)
}

#' @rdname draws
#' @param row.names,optional Kept for the generic; not used.
#' @export
as.data.frame.vbfit <- function(x, row.names = NULL, optional = FALSE, ndraws = NULL, pars = NULL,
                                regex_pars = NULL, ...) {
  as.data.frame(as.matrix.vbfit(x, ndraws, pars, regex_pars), optional = TRUE)
}

#' @rdname draws
#' @exportS3Method posterior::variables
variables.vbfit <- function(x, ...) parameter_table(x)$name

#' @rdname draws
#' @exportS3Method posterior::nvariables
nvariables.vbfit <- function(x, ...) length(variables.vbfit(x))

#' @rdname draws
#' @exportS3Method posterior::ndraws
ndraws.vbfit <- function(x) if (is.null(x$advi)) 4000L else ncol(x$advi$coef)

# A matrix of draws with a column per row of `table`
draw_parameters <- function(fit, table, n_draw) {
  is_coef <- table$class %in% c("b", "r")
  threshold <- table$class == "threshold"
  hyper <- !is_coef & !threshold
  out <- matrix(NA_real_, n_draw, nrow(table), dimnames = list(NULL, table$name))
  fill <- function(sample, block) {
    if (any(is_coef)) out[block, is_coef] <<- t(sample$coef[table$row[is_coef], , drop = FALSE])
    if (any(hyper)) out[block, hyper] <<- t(sample$hyper[table$row[hyper], , drop = FALSE])
    for (k in which(threshold)) out[block, k] <<- threshold_draws(fit, sample, table$row[k])[[1L]]
  }
  each_sample(fit, n_draw, fill, any(is_coef) || any(threshold) && any(fit$fixed$center != 0))
  out
}
