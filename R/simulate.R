# New data sets from a fit, in the form of 'stats'.

#' Simulate responses
#'
#' Data sets drawn from the posterior predictive distribution, each from one draw of the parameters,
#' in the form of [stats::simulate()]. As in 'lme4' they are of new members of the population unless
#' `re.form` says otherwise: the levels of the grouping factors get new random effects, which the
#' rows of a level share. Those of [posterior_predict()] are of the levels that the data have, as in
#' 'rstanarm' and 'brms'.
#'
#' @inheritParams posterior_predict
#' @param nsim The number of data sets.
#' @param seed A number for [set.seed()], after which the generator is put back; `NULL` goes on with
#'   R's random numbers.
#' @param use.u Whether to keep the random effects of the posterior: `TRUE` is `re.form = NULL`.
#' @param re.form Which random effects are those of the posterior: none (`NA` or `~ 0`), all
#'   (`NULL`) or those of a formula such as `~ (1 | g)`. All others are drawn anew for each level.
#' @param newdata A data frame with the variables of the formula; the data of the fit by default.
#' @param re_formula Another name of `re.form`.
#' @param ... Other arguments of [posterior_predict()].
#' @return A data frame with a row per row of data and a column per data set, `sim_1` and so on, of
#'   the kind of the response: numbers, a factor, or a matrix of two columns for
#'   `cbind(success, failure)`. The attribute `"seed"` is the state of the generator before, or
#'   `seed` with the kind of generator.
#' @examples
#' fit <- vb(breaks ~ wool + (1 | tension), data = warpbreaks)
#' head(simulate(fit, nsim = 3, seed = 1))
#' head(simulate(fit, nsim = 3, seed = 1, re.form = NULL))
#' @importFrom stats simulate
#' @export
simulate.vbfit <- function(object, nsim = 1, seed = NULL, use.u = FALSE, re.form = re_formula,
                           newdata = NULL, allow_new_levels = NULL, ...,
                           re_formula = if (use.u) NULL else NA) {
  object <- whole_fit(object)
  check_number(nsim, "nsim", lower = 1, upper = .Machine$integer.max, whole = TRUE)
  check_flag(use.u, "use.u")
  if (!missing(use.u) && !(missing(re.form) && missing(re_formula))) {
    vb_abort(c("use.u", "re.form"), c("{.arg use.u} and {.arg re.form} are one argument.",
                                      i = "Give it once, as {.arg re.form}."))
  }
  if (!exists(".Random.seed", globalenv(), inherits = FALSE)) stats::runif(1)
  state <- if (is.null(seed)) get(".Random.seed", globalenv())
    else structure(seed, kind = as.list(RNGkind()))
  check_groups(object, newdata)
  request <- draws_request(object, newdata, nsim, re.form, allow_new_levels, "gaussian", NULL, seed,
                           list(...))
  request$anew <- drawn_anew(object, request$newdata, re.form)
  draws <- predict_draws(object, request)
  size <- if (trials_kind(object) == "pairs") response_size(object, request$newdata)
  columns <- lapply(seq_len(nsim), function(s) {
    value <- if (length(dim(draws)) == 3L) array(draws[s, , ], dim(draws)[-1L]) else draws[s, ]
    like_response(object, unname(value), size)
  })
  out <- structure(stats::setNames(columns, paste0("sim_", seq_len(nsim))), class = "data.frame",
                   row.names = request$name)
  attr(out, "seed") <- state
  out
}

# Without a column of its levels a term has no new effects to draw either
check_groups <- function(fit, newdata) {
  if (!is.list(newdata)) return(invisible())
  env <- environment(fit$formula)
  for (name in unique(unlist(lapply(fit$random, function(term) all.vars(term$expr))))) {
    if (name %in% names(newdata) || !is.null(get0(name, env))) next
    vb_abort("newdata", c("The grouping variable {.code {name}} is not in {.arg newdata}.",
                          i = "Add it: rows of one level share the random effects drawn for it, and
                               the level may be a new one."))
  }
}

# The random effects that `re.form` does not keep, as of levels that the fit has not seen: rows
# whose linear predictor is that of new members alone. NULL: it keeps all.
drawn_anew <- function(fit, newdata, re.form) {
  used <- used_coefs(fit, re.form)
  if (all(unlist(used))) return(NULL)
  rows <- all_rows(fit, newdata, allow.new.levels = TRUE, offset = 0)
  if (is.null(rows$parts)) return(members_alone(rows, used))
  parts_together(lapply(rows$parts, members_alone, used))
}

members_alone <- function(rows, used) {
  rows$x[] <- 0
  rows$offset[] <- 0
  fields <- setdiff(seq_along(rows$group), seq_along(used))
  rows$group[fields] <- lapply(rows$group[fields], function(code) code + NA)
  for (k in seq_along(used)) {
    code <- rows$group[[k]]
    seen <- which(code > 0L)
    rows$label[[k]][seen] <- code[seen] + max(0L, rows$label[[k]])
    rows$group[[k]][seen] <- 0L
    rows$z[[k]][, used[[k]]] <- 0
  }
  rows
}

# A drawn response as the data have theirs
like_response <- function(fit, value, size) {
  y <- fit$frame[[1L]]
  if (is_categorical(fit)) {
    if (is.matrix(value)) return(structure(value, dimnames = list(NULL, fit$levels)))
    value <- fit$levels[value]
    return(if (is.factor(y)) factor(value, levels(y)) else utils::type.convert(value, as.is = TRUE))
  }
  if (is.matrix(y) && ncol(y) == 2L) {
    return(matrix(c(value, size - value), ncol = 2L, dimnames = list(NULL, colnames(y))))
  }
  if (is.ordered(y)) return(factor(levels(y)[value], levels(y), ordered = TRUE))
  if (is.factor(y)) return(factor(levels(y)[value + 1], levels(y)))
  if (is.logical(y)) return(as.logical(value))
  value
}
