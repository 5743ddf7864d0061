# The log-likelihood of each observation at each draw.

#' Pointwise log-likelihood
#'
#' The log density of each observation at each draw from the posterior, normalising constants and
#' prior weights included.
#'
#' A generic of this package so that 'rstantools' and its compiler are not needed. Objects that are
#' not ours are handed to `rstantools::log_lik()`, whichever package was attached last.
#'
#' @inheritParams posterior_predict
#' @param newdata A data frame with the variables of the formula, its response included; the data of
#'   the fit by default.
#' @return A numeric matrix with a row per draw and a column per observation: the rows of `newdata`,
#'   or those of the data that entered the fit.
#' @seealso [loo()][loo]
#' @examples
#' fit <- vb(dist ~ speed, data = cars)
#' dim(log_lik(fit, ndraws = 100))
#' @export
log_lik <- function(object, ...) UseMethod("log_lik")

#' @rdname log_lik
#' @export
log_lik.vbfit <- function(object, newdata = NULL, ndraws = NULL, re.form = NULL,
                          allow_new_levels = NULL, sample_new_levels = "gaussian", offset = NULL,
                          seed = NULL, ...) {
  object <- whole_fit(object)
  request <- draws_request(object, newdata, ndraws, re.form, allow_new_levels, sample_new_levels,
                           offset, seed, list(...))
  if (is.null(newdata)) {
    request$rows <- keep_all_rows(request$rows, object$rows)
    request$name <- request$name[object$rows]
  }
  data <- observations_of(object, request$newdata)
  row_draws(object, request, function(eta, sample) list(row_log_lik(object, data, eta, sample)))
}

#' @rawNamespace S3method(log_lik, default, forward_log_lik)
#' @rawNamespace S3method(rstantools::log_lik, vbfit, log_lik.vbfit)
forward_log_lik <- function(object, ...) forward("rstantools", "log_lik", object, ...)

# -> list(y, w, constant): what the engine's log densities read, of the rows that entered the fit or
# of new ones
observations_of <- function(fit, newdata = NULL) {
  if (is.null(newdata)) return(observations_in(fit$design))
  response <- new_response(fit, newdata)
  list(y = response$spec_y, w = response$spec_w,
       constant = if (is.null(response$constant)) 0 else response$constant)
}

observations_in <- function(design) {
  constant <- design$row_constant
  list(y = design$y, w = design$w, constant = if (is.null(constant)) 0 else constant)
}

# Are the family and the priors rows of the tables? An open fit has been asked; one that keeps draws
# is not opened.
check_known <- function(design) {
  tables <- vb_tables()
  row <- with(tables$family, name == design$family & link == design$link & bound == design$bound)
  if (is.null(design$user) && !any(row)) damaged("design$family")
  parts <- c(design[c("prior_coef", "prior_par", "shrink")], design$prior_sd)
  dist <- unlist(lapply(parts, `[[`, "dist"))
  if (!all(dist %in% c(tables$prior$name, "constant"))) damaged("design$prior_coef")
}

# rows x draws
row_log_lik <- function(fit, data, eta, sample) {
  if (is.list(eta)) return(several_log_lik(fit, data, eta, sample))
  check_known(fit$design)
  design <- fit$design
  par <- sample$hyper[fit$hyper$class %in% c("aux", "threshold"), , drop = FALSE]
  first <- threshold_rows(fit)[1L]
  if (!is.na(first)) {                        # the engine's thresholds hold at the columns' means
    shift <- threshold_draws(fit, sample, first)[[1L]] - sample$hyper[first, ]
    eta <- eta - rep(shift, each = nrow(eta))
  }
  own <- own_density(fit)
  out <- vapply(seq_len(ncol(eta)), function(s) {
    if (!is.null(own)) return(data$w * own(data$y, eta[, s], par[, s]))
    of <- function(what) {
      eval_family(design$family, design$link, what, data$y, data$w, eta[, s], par[, s])
    }
    of("log_lik")$ll + data$constant + if (nrow(par)) of("base") else 0
  }, numeric(nrow(eta)))
  matrix(out, nrow(eta))
}
