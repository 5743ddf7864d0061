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
#' @param x A fit of class `vbfit`.
#' @param ndraws The number of draws: 4000, or of a fit by ADVI as many as it keeps.
#' @param variable Names of the parameters wanted, `NULL` for all. The name of an array such as
#'   `r_Subject` stands for all its elements.
#' @param ... Not used.
#' @return `as_draws()` and `as_draws_matrix()` return a `draws_matrix` with `ndraws` rows and
#'   a column for each row of [posterior_summary()]; the others the format in their name.
#'   `variables()` returns the names of the parameters, `nvariables()` their number and
#'   `ndraws()` the number of draws made by default.
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
#' @exportS3Method posterior::variables
variables.vbfit <- function(x, ...) parameter_table(x)$name

#' @rdname draws
#' @exportS3Method posterior::nvariables
nvariables.vbfit <- function(x, ...) length(variables.vbfit(x))

#' @rdname draws
#' @exportS3Method posterior::ndraws
ndraws.vbfit <- function(x) if (is.null(x$advi)) 4000L else ncol(x$advi$coef)

# A matrix of draws with a column per row of `table`. Uniforms choose the point of theta,
# normals the rest. The coefficients' normals are drawn in blocks of columns, so that memory
# follows what is asked, not what exists, and come last, so that hyperparameters alone cost
# none.
draw_parameters <- function(fit, table, n_draw) {
  if (!is.null(fit$advi)) return(kept_draws(fit, table, n_draw))
  n_hyper <- NROW(fit$hyper)
  n_coef <- nrow(fit$engine$node$mean)
  # one draw from each of n_draw strata, in random order: theta's marginals come out evenly
  uniform <- (sample.int(n_draw) - stats::runif(n_draw)) / n_draw
  theta <- matrix(stats::rnorm(n_hyper * n_draw), n_hyper, n_draw)
  is_coef <- table$class %in% c("b", "r")
  shifted <- table$class == "threshold" & any(fit$fixed$center != 0)
  with_coef <- any(is_coef | shifted)
  out <- matrix(NA_real_, n_draw, nrow(table), dimnames = list(NULL, table$name))
  for (block in draw_blocks(n_draw, n_coef)) {
    n <- length(block)
    normal <- theta[, block, drop = FALSE]
    if (with_coef) normal <- rbind(matrix(stats::rnorm(n_coef * n), n_coef, n), normal)
    draws <- engine_draws(fit, uniform[block], normal)
    if (any(is_coef)) out[block, is_coef] <- t(draws$coef[table$row[is_coef], , drop = FALSE])
    if (!all(is_coef)) out[block, !is_coef] <- t(draws$hyper[table$row[!is_coef], , drop = FALSE])
    if (any(shifted)) {
      shift <- fit$fixed$center %*% draws$coef[seq_len(n_fixed(fit)), , drop = FALSE]
      out[block, shifted] <- out[block, shifted] + drop(shift)
    }
  }
  out
}

# At most about 32 MB of normals at a time
draw_blocks <- function(n_draw, n_coef) {
  size <- max(1L, 4e6 %/% max(n_coef, 1L))
  split(seq_len(n_draw), (seq_len(n_draw) - 1L) %/% size)
}
