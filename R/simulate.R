# New data sets from a fit, in the form of 'stats'.

#' Simulate responses
#'
#' Data sets drawn from the posterior predictive distribution, each from one draw of the parameters,
#' in the form of [stats::simulate()].
#'
#' @inheritParams posterior_predict
#' @param nsim The number of data sets.
#' @param seed A number for [set.seed()], after which the generator is put back; `NULL` goes on with
#'   R's random numbers.
#' @param newdata A data frame with the variables of the formula; the data of the fit by default.
#' @param ... Other arguments of [posterior_predict()].
#' @return A data frame with a row per row of data and a column per data set, `sim_1` and so on, of
#'   the kind of the response: numbers, a factor, or a matrix of two columns for
#'   `cbind(success, failure)`. The attribute `"seed"` is the state of the generator before, or
#'   `seed` with the kind of generator.
#' @examples
#' fit <- vb(dist ~ speed, data = cars)
#' head(simulate(fit, nsim = 3, seed = 1))
#' @importFrom stats simulate
#' @export
simulate.vbfit <- function(object, nsim = 1, seed = NULL, re.form = NULL, newdata = NULL,
                           allow_new_levels = NULL, ...) {
  check_number(nsim, "nsim", lower = 1, upper = .Machine$integer.max, whole = TRUE)
  if (!exists(".Random.seed", globalenv(), inherits = FALSE)) stats::runif(1)
  state <- if (is.null(seed)) get(".Random.seed", globalenv())
    else structure(seed, kind = as.list(RNGkind()))
  request <- draws_request(object, newdata, nsim, re.form, allow_new_levels, "gaussian", NULL, seed,
                           list(...))
  draws <- predict_draws(object, request)
  size <- if (trials_kind(object) == "pairs") response_size(object, request$newdata)
  columns <- lapply(seq_len(nsim), function(s) like_response(object, unname(draws[s, ]), size))
  out <- structure(stats::setNames(columns, paste0("sim_", seq_len(nsim))), class = "data.frame",
                   row.names = request$name)
  attr(out, "seed") <- state
  out
}

# A drawn response as the data have theirs
like_response <- function(fit, value, size) {
  y <- fit$frame[[1L]]
  if (is.matrix(y) && ncol(y) == 2L) {
    return(matrix(c(value, size - value), ncol = 2L, dimnames = list(NULL, colnames(y))))
  }
  if (is.ordered(y)) return(factor(levels(y)[value], levels(y), ordered = TRUE))
  if (is.factor(y)) return(factor(levels(y)[value + 1], levels(y)))
  if (is.logical(y)) return(as.logical(value))
  value
}
