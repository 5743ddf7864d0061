# K-fold cross-validation, by fits of the same model to parts of its rows.

#' K-fold cross-validation
#'
#' Fits the model `K` times, each time without a part of the rows, and evaluates the log predictive
#' density of each row left out: by quadrature over the fitted mixture, without draws (of fits by
#' ADVI over their draws). Levels that a fold leaves no rows of are new ones there.
#'
#' The parts are fitted with the priors, the settings and the coding of the fit; default priors that
#' were scaled by the data stay what they are. Neither the formula nor the data are evaluated again.
#' Rows of a group are left out together but predicted one by one; for their joint density see
#' [loo()][loo] with `group`.
#'
#' @param x A fit of class `vbfit`.
#' @param K The number of folds.
#' @param folds `NULL`: rows are assigned at random, by R's random numbers. Else a vector with the
#'   fold of each row of the model frame, such as `loo::kfold_split_stratified()` makes.
#' @param group Groups that are not to be torn apart, as in [loo()][loo]: each goes into one fold.
#' @param save_fits Whether to return the fits too.
#' @param ... Not used, with a warning.
#' @return An object of class `c("kfold", "loo")` for `loo::loo_compare()`: `estimates`
#'   (`elpd_kfold`, `p_kfold`, `kfoldic`), `pointwise` with a row per observation, and with
#'   `save_fits = TRUE` `fits`, a matrix of lists with the columns `fit` and `omitted`, the rows of
#'   the model frame left out.
#' @references
#' Vehtari, A., Gelman, A. and Gabry, J. (2017). Practical Bayesian model evaluation using
#' leave-one-out cross-validation and WAIC. *Statistics and Computing*, 27, 1413-1432.
#' @seealso [loo()][loo], for which the model need not be fitted again.
#' @examplesIf requireNamespace("loo", quietly = TRUE)
#' fit <- vb(breaks ~ tension + (1 | wool:tension), warpbreaks, family = poisson())
#' set.seed(1)
#' loo::kfold(fit, K = 5)
#' @exportS3Method loo::kfold
kfold.vbfit <- function(x, K = 10, folds = NULL, group = NULL, save_fits = FALSE, ...) {
  x <- whole_fit(x)
  check_one_predictor(x)
  check_flag(save_fits, "save_fits")
  warn_unused(list(...), "kfold.vbfit")
  fold <- as_folds(x, K, folds, group)
  n_fold <- max(fold)
  inside <- log_predictive(x, x$design)
  outside <- inside
  fits <- array(list(), c(n_fold, 2L), list(NULL, c("fit", "omitted")))
  for (k in seq_len(n_fold)) {
    out <- which(fold == k)
    part <- refit(x, which(fold != k))
    warn_part(part, k)
    outside[out] <- log_predictive(part, keep_design(x$design, out))
    if (save_fits) fits[k, ] <- list(part, x$rows[out])
  }
  pointwise <- cbind(elpd_kfold = outside, p_kfold = inside - outside, kfoldic = -2 * outside)
  structure(with_response(list(estimates = pointwise_estimates(pointwise), pointwise = pointwise,
                               fits = if (save_fits) fits), x),
            K = n_fold, class = c("kfold", "loo"))
}

warn_part <- function(part, k) {
  if (part$converged) return(invisible())
  vb_warn("vb_not_converged", "The fit without fold {k} did not converge.")
}

# The fold of each row that entered the fit, 1 to as many as there are
as_folds <- function(fit, K, folds, group) {
  if (!is.null(folds)) {
    if (!is.null(group)) {
      vb_abort(c("folds", "group"), "{.arg folds} and {.arg group} exclude each other.")
    }
    return(given_folds(fit, folds))
  }
  unit <- left_out(fit, group)
  check_number(K, "K", lower = 2, upper = length(unit), whole = TRUE)
  fold <- integer(fit$nobs)
  of_unit <- sample(rep_len(seq_len(K), length(unit)))
  fold[unlist(unit)] <- rep(of_unit, lengths(unit))
  fold
}

given_folds <- function(fit, folds) {
  n <- nrow(fit$frame)
  if (!is.null(dim(folds)) || length(folds) != n || anyNA(folds)) {
    vb_abort("folds", c("{.arg folds} must give the fold of each of the {n} row{?s} of the model
                         frame.", x = "It is {describe(folds)}."))
  }
  fold <- as.integer(factor(folds[fit$rows]))
  if (max(fold) < 2L) vb_abort("folds", "{.arg folds} must have at least two different values.")
  fold
}
