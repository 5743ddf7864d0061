# Draws for 'posterior' and all that build on it; made on demand, from R's generator.

#' Posterior draws
#'
#' Independent draws from the fitted posterior as objects of 'posterior', which 'bayesplot',
#' 'tidybayes' and others understand. With 'posterior' installed, `posterior::as_draws_df(fit)`
#' and its siblings work directly, as do `posterior::summarise_draws(fit)` and the like.
#'
#' Packages that know models by a list of classes, such as 'bayestestR' and 'parameters', take the
#' draws: `bayestestR::describe_posterior(posterior::as_draws_df(fit))`.
#'
#' A fit by ADVI has its draws already, as many as [vb_control()]'s `draws`. Of other fits draws are
#' taken anew at each call from R's random numbers: use [set.seed()] to repeat them.
#' As the same random numbers are used whatever is asked for, `variable` selects columns
#' without changing them. Moments and quantiles need no draws: see [posterior_summary()].
#'
#' Where all is asked for, or they are, the columns `lp__` and `lp_approx__` have the log densities
#' of each draw under the posterior, up to a constant, and under the approximation, both in the
#' coordinates in which the fit was made: importance weights are `exp(lp__ - lp_approx__)`, and the
#' difference is the log evidence, but for what q misses. They are no parameters: `variables()` and
#' [posterior_summary()] do not know them. They take a pass over the data for each draw, which
#' `variable` spares where the data are large.
#'
#' @param x,object A fit of class `vbfit`.
#' @param ndraws The number of draws; `NULL`: 4000, or of a fit by ADVI as many as it keeps.
#' @param variable Names of the parameters wanted, `NULL` for all. The name of an array such as
#'   `r_Subject` stands for all its elements.
#' @param regex Whether `variable` holds regular expressions that names are to match; or such
#'   expressions themselves.
#' @param ... Of `as.matrix()` and its siblings `draws` and `variable`, other names of `ndraws` and
#'   `pars`. There is a warning of anything else.
#' @return `as_draws()` and `as_draws_matrix()` return a `draws_matrix` with `ndraws` rows and
#'   a column for each row of [posterior_summary()]; the others the format in their name.
#'   `as.matrix()` and `as.data.frame()` return the same without 'posterior', `as.array()` as draws
#'   by one chain by parameters, for 'bayesplot'.
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
as_draws.vbfit <- function(x, ndraws = NULL, variable = NULL, regex = FALSE, ...) {
  x <- whole_fit(x)
  warn_unused(list(...), "draws")
  check_number(ndraws, "ndraws", lower = 1, upper = .Machine$integer.max, whole = TRUE, null = TRUE)
  if (is.null(ndraws)) ndraws <- usual_draws(x)
  table <- parameter_table(x)
  n <- nrow(table)
  all <- data.frame(name = c(table$name, names(log_densities)))
  all$at <- seq_len(nrow(all))
  at <- select_parameters(all, variable, regex)$at
  draws <- draw_parameters(x, table[at[at <= n], ], as.integer(ndraws), all$name[at[at > n]])
  posterior::as_draws_matrix(draws)
}

# as_draws_df() and its siblings in 'posterior' call as_draws() without passing on their
# arguments, hence a method each, for fits by vb() and advi() alike.

#' @rdname draws
#' @exportS3Method posterior::as_draws_df
#' @rawNamespace S3method(posterior::as_draws_df, advifit, as_draws_df.vbfit)
as_draws_df.vbfit <- function(x, ndraws = NULL, variable = NULL, ...) {
  posterior::as_draws_df(posterior::as_draws(x, ndraws, variable, ...))
}

#' @rdname draws
#' @exportS3Method posterior::as_draws_matrix
#' @rawNamespace S3method(posterior::as_draws_matrix, advifit, as_draws_matrix.vbfit)
as_draws_matrix.vbfit <- function(x, ndraws = NULL, variable = NULL, ...) {
  posterior::as_draws(x, ndraws, variable, ...)
}

#' @rdname draws
#' @exportS3Method posterior::as_draws_array
#' @rawNamespace S3method(posterior::as_draws_array, advifit, as_draws_array.vbfit)
as_draws_array.vbfit <- function(x, ndraws = NULL, variable = NULL, ...) {
  posterior::as_draws_array(posterior::as_draws(x, ndraws, variable, ...))
}

#' @rdname draws
#' @exportS3Method posterior::as_draws_list
#' @rawNamespace S3method(posterior::as_draws_list, advifit, as_draws_list.vbfit)
as_draws_list.vbfit <- function(x, ndraws = NULL, variable = NULL, ...) {
  posterior::as_draws_list(posterior::as_draws(x, ndraws, variable, ...))
}

#' @rdname draws
#' @exportS3Method posterior::as_draws_rvars
#' @rawNamespace S3method(posterior::as_draws_rvars, advifit, as_draws_rvars.vbfit)
as_draws_rvars.vbfit <- function(x, ndraws = NULL, variable = NULL, ...) {
  posterior::as_draws_rvars(posterior::as_draws(x, ndraws, variable, ...))
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
  x <- whole_fit(x)
  take_synonyms(list(...), c(argument_synonyms[c("draws", "nsamples")], variable = "pars"), "draws")
  check_number(ndraws, "ndraws", lower = 1, upper = .Machine$integer.max, whole = TRUE, null = TRUE)
  n <- if (is.null(ndraws)) ndraws.vbfit(x) else as.integer(ndraws)
  draw_parameters(x, parameters_like(x, pars, regex_pars), n)
}

#' @rdname draws
#' @param row.names,optional Kept for the generic; not used.
#' @export
as.data.frame.vbfit <- function(x, row.names = NULL, optional = FALSE, ndraws = NULL, pars = NULL,
                                regex_pars = NULL, ...) {
  as.data.frame(as.matrix.vbfit(x, ndraws, pars, regex_pars, ...), optional = TRUE)
}

# what bayesplot's mcmc_*() ask for
#' @rdname draws
#' @export
as.array.vbfit <- function(x, ndraws = NULL, pars = NULL, regex_pars = NULL, ...) {
  draws <- as.matrix.vbfit(x, ndraws, pars, regex_pars, ...)
  array(draws, c(nrow(draws), 1L, ncol(draws)),
        list(iterations = NULL, chains = "chain:1", parameters = colnames(draws)))
}

#' @rdname draws
#' @exportS3Method posterior::variables
variables.vbfit <- function(x, ...) parameter_table(whole_fit(x))$name

#' @rdname draws
#' @exportS3Method posterior::nvariables
#' @rawNamespace S3method(posterior::nvariables, advifit, nvariables.vbfit)
nvariables.vbfit <- function(x, ...) length(posterior::variables(x))

#' @rdname draws
#' @exportS3Method posterior::ndraws
ndraws.vbfit <- function(x) usual_draws(whole_fit(x))

log_densities <- c(lp__ = "lp", lp_approx__ = "lp_approx")    # as a sample has them

# A matrix of draws with a column per row of `table` and for each of `extra`, which are names of log
# densities
draw_parameters <- function(fit, table, n_draw, extra = character()) {
  is_coef <- table$class %in% c("b", "s", "r")
  threshold <- table$class == "threshold"
  hyper <- !is_coef & !threshold
  out <- matrix(NA_real_, n_draw, nrow(table) + length(extra),
                dimnames = list(NULL, c(table$name, extra)))
  fill <- function(sample, block) {
    put <- function(column, value) if (any(column)) out[block, which(column)] <<- t(value)
    put(is_coef, sample$coef[table$row[is_coef], , drop = FALSE])
    put(hyper, sample$hyper[table$row[hyper], , drop = FALSE])
    for (k in which(threshold)) out[block, k] <<- threshold_draws(fit, sample, table$row[k])[[1L]]
    for (name in extra) out[block, name] <<- sample[[log_densities[[name]]]]
  }
  with_coef <- any(is_coef) || any(threshold) && any(fit$fixed$center != 0) || length(extra) > 0L
  each_sample(fit, n_draw, fill, with_coef, densities = length(extra) > 0L)
  out
}
