# Poststratification: predictions for the cells of a table, weighted to estimates of groups.

#' Poststratify
#'
#' Predicts the expected response in each cell of a population and averages the cells, weighted by
#' their sizes, over the whole or over groups: the second half of multilevel regression and
#' poststratification (Gelman and Little 1997).
#'
#' Estimates are averages of the cells' posterior means, the same as those of
#' `predict(type = "response")`. Their standard deviations and quantiles are those of joint draws of
#' all cells, which share coefficients, random effects and hyperparameters; a level that the fit has
#' not seen is drawn once for all cells that have it. The draws are the same at each call. Cells are
#' worked through in blocks, so that memory follows groups x draws, and time cells x draws.
#'
#' @param fit A fit of class `vbfit`.
#' @param newdata A data frame with a row per cell: the predictors of the fit, the weights, and the
#'   variables of `by`. Cells of weight zero may lack the predictors.
#' @param weights The name of the column of `newdata` with the cells' sizes: numbers that are not
#'   negative, on any scale.
#' @param by A one-sided formula with the columns of `newdata` that make the groups, such as
#'   `~ state + year`; `NULL` for one estimate of the whole. A missing value is a group like others.
#' @param probs Probabilities of the quantiles.
#' @param re.form,allow.new.levels,offset As for [predict()][predict.vbfit].
#' @param ndraws The number of draws: 1000, of a fit by ADVI at most as many as it keeps.
#' @param ... `draws`, `re_formula` and `allow_new_levels`, other names of these arguments. There is
#'   a warning of anything else.
#' @return A data frame with a row per group, in the order of the values of `by`: its columns as
#'   they are in `newdata`, `Estimate`, `Est.Error` (posterior standard deviation) and a column
#'   `Q<100 * prob>` per quantile. Of [cumulative()] models a group has a row per `category`, a
#'   column before the estimates, with its probability. Groups without weight are `NA`.
#' @references
#' Gelman, A. and Little, T. C. (1997). Poststratification into many categories using hierarchical
#' logistic regression. *Survey Methodology*, 23, 127-135.
#' @seealso [predict()][predict.vbfit] for single cells, [posterior_epred()] for their draws.
#' @examples
#' cbpp <- read.csv(system.file("extdata", "cbpp.csv", package = "varbayes"))
#' cbpp$period <- factor(cbpp$period)
#' fit <- vb(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, family = binomial())
#' cells <- expand.grid(period = factor(1:4), herd = c("1", "2", "unseen"))
#' cells$cows <- rep(c(20, 10, 500), each = 4)
#' poststratify(fit, cells, "cows", allow.new.levels = TRUE)
#' poststratify(fit, cells, "cows", by = ~ period, probs = c(0.05, 0.95), allow.new.levels = TRUE)
#' @export
poststratify <- function(fit, newdata, weights, by = NULL, probs = c(0.025, 0.975), re.form = NULL,
                         allow.new.levels = FALSE, offset = NULL, ndraws = NULL, ...) {
  fit <- whole_fit(fit)
  take_synonyms(list(...), lme4_synonyms, "poststratify")
  newdata <- as_newdata(newdata)
  w <- cell_weights(newdata, weights)
  check_probs(probs, "probs")
  check_flag(allow.new.levels, "allow.new.levels")
  check_number(ndraws, "ndraws", lower = 2, upper = .Machine$integer.max, whole = TRUE, null = TRUE)
  if (is.null(ndraws)) ndraws <- min(1000L, usual_draws(fit))
  group <- cell_groups(newdata, by)
  used <- which(w > 0)
  if (length(offset) == nrow(newdata)) offset <- offset[used]
  rows <- new_rows(fit, newdata[used, , drop = FALSE], re.form, allow.new.levels, offset)
  check_cells(rows, used)
  size <- drop(group_sums(w, group$id, group$n))
  share <- w[used] / size[group$id[used]]
  estimate <- as.matrix(predict_moments(fit, rows, "response")$fit)
  draws <- group_draws(fit, rows, share, group$id[used], group$n, as.integer(ndraws))
  table <- lapply(seq_along(draws), function(k) {
    mean <- group_sums(share * estimate[, k], group$id[used], group$n)
    table <- group_summary(drop(mean), draws[[k]], probs)
    table[size == 0, ] <- NA
    table
  })
  label_groups(group$value, table, fit$levels)
}

cell_weights <- function(newdata, weights) {
  if (missing(weights)) {
    vb_abort("weights", "{.arg weights} is missing: the name of the column with the cells' sizes.")
  }
  weights <- in_quotes(weights, "weights")
  named <- is.character(weights) && length(weights) == 1L && !is.na(weights)
  if (!named || !weights %in% names(newdata)) {
    vb_abort("weights", c("{.arg weights} must be the name of a column of {.arg newdata}.",
                          x = "It is {describe(weights)}.",
                          i = "The columns are {.val {names(newdata)}}."))
  }
  w <- newdata[[weights]]
  if (!is.numeric(w) || any(!is.finite(w)) || any(w < 0)) {
    vb_abort("weights", "The weights of {.arg newdata}, its column {.val {weights}}, must be finite
                         numbers that are not negative.")
  }
  if (!any(w > 0)) vb_abort("weights", "No cell of {.arg newdata} has a weight above zero.")
  as.double(w)
}

# -> list(id: of each cell, n groups, value: a data frame with their values, or NULL)
cell_groups <- function(newdata, by) {
  if (is.null(in_quotes(by, "by"))) return(list(id = rep(1L, nrow(newdata)), n = 1L, value = NULL))
  one_sided <- inherits(by, "formula") && length(by) == 2L
  terms <- if (one_sided) attr(stats::terms(by, data = newdata), "term.labels")
  name <- sub("^`(.*)`$", "\\1", terms)
  if (!length(name)) {
    vb_abort("by", c("{.arg by} must be a one-sided formula such as {.code ~ state + year}.",
                     x = "It is {describe(by)}."))
  }
  absent <- setdiff(name, names(newdata))
  if (length(absent)) {
    vb_abort(c("by", "newdata"), c(
      "{.arg by} has what is no column of {.arg newdata}: {.code {absent}}.",
      i = "Make it a column first; terms are separated by {.code +}."))
  }
  value <- as.data.frame(newdata)[name]
  plain <- vapply(value, function(x) is.atomic(x) && is.null(dim(x)), NA)
  if (!all(plain)) {
    vb_abort("by", c("{.arg by} must be columns of numbers, strings, factors or dates.",
                     x = "{.code {name[!plain]}} {?is/are} not."))
  }
  code <- lapply(value, function(x) match(x, unique(x)))
  key <- do.call(paste, unname(code))
  first <- which(!duplicated(key))
  first <- first[do.call(order, unname(lapply(value, function(x) xtfrm(x)[first])))]
  value <- value[first, , drop = FALSE]
  list(id = match(key, key[first]), n = length(first), value = value)
}

check_cells <- function(rows, used) {
  lacking <- used[!rows$complete]
  if (!length(lacking)) return(invisible())
  vb_abort("newdata", c(
    "{length(lacking)} cell{?s} of {.arg newdata} with a weight lack{?s/} a value of a predictor,
     the first is row {lacking[1L]}.",
    i = "Fill it in, or give such cells the weight zero."))
}

# sums over the cells of each group, n x columns; 0 for a group that has none
group_sums <- function(x, id, n) {
  out <- matrix(0, n, NCOL(x))
  sums <- rowsum(x, id)
  out[as.integer(rownames(sums)), ] <- sums
  out
}

# groups x draws, for ordinal models one for each category; draws are the fixed stream's
group_draws <- function(fit, rows, share, id, n, n_draw) {
  total <- NULL
  with_noise_stream("fixed", {
    sample <- posterior_sample(fit, n_draw)
    effects <- unseen_effects(fit, rows, sample)
    of_fields <- unseen_draws(fit, rows$unseen, sample)
  })
  for (block in row_blocks(seq_along(share), n_draw)) {
    part <- keep_rows(rows, block)
    unseen <- part$unseen
    part$unseen <- NULL
    eta <- add_unseen(unseen_predictor(part, effects, fit, sample), unseen, of_fields)
    sums <- lapply(mean_draws(fit, eta, sample), function(mu) {
      group_sums(share[block] * mu, id[block], n)
    })
    total <- if (is.null(total)) sums else Map(`+`, total, sums)
  }
  total
}

# For each term, and each of its coefficients, the effects of new levels, levels x draws. They are
# drawn before rows are taken in blocks, as rows of several blocks may have the same level.
unseen_effects <- function(fit, rows, sample) {
  lapply(seq_along(fit$random), function(k) {
    n <- max(0L, rows$label[[k]])
    if (n) new_effects$gaussian(fit, k, n, sample)
  })
}

unseen_predictor <- function(rows, effects, fit, sample) {
  new <- lapply(rows$group, function(code) which(code == 0L))
  rows$group <- lapply(rows$group, function(code) replace(code, code %in% 0L, NA))
  eta <- predictor_draws(fit, rows, sample)
  for (k in seq_along(effects)) for (a in seq_along(effects[[k]])) {
    i <- new[[k]]
    u <- effects[[k]][[a]][rows$label[[k]][i], , drop = FALSE]
    eta[i, ] <- eta[i, , drop = FALSE] + rows$z[[k]][i, a] * u
  }
  eta
}

group_summary <- function(mean, draws, probs) {
  out <- summary_matrix(NULL, probs)[rep(NA_integer_, length(mean)), , drop = FALSE]
  out[, 1L] <- mean
  out[, 2L] <- apply(draws, 1L, stats::sd)
  out[, -(1:2)] <- row_quantiles(draws, probs)
  out
}

# The tables of one or of each category, group by group beside the groups' values
label_groups <- function(value, table, levels) {
  n <- nrow(table[[1L]])
  k <- length(table)
  row <- order(rep(seq_len(n), k))
  out <- data.frame(do.call(rbind, table)[row, , drop = FALSE], check.names = FALSE)
  if (k > 1L) {
    category <- factor(rep(levels, n), levels, ordered = TRUE)
    out <- data.frame(category = category, out, check.names = FALSE)
  }
  if (!is.null(value)) out <- cbind(value[rep(seq_len(n), each = k), , drop = FALSE], out)
  row.names(out) <- NULL
  out
}
