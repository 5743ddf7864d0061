# Draws in rows of data: what is asked for, and the draws themselves, block after block.

# -> list(rows, ndraws, new: how new levels are drawn, size, newdata, name, seed); simulate() adds
# `anew`, rows whose linear predictors are added to those of `rows`
draws_request <- function(fit, newdata, ndraws, re.form, allow_new_levels, sample_new_levels,
                          offset, seed, dots) {
  take_synonyms(dots, argument_synonyms, "posterior_predict")
  check_number(ndraws, "ndraws", lower = 1, upper = .Machine$integer.max, whole = TRUE, null = TRUE)
  check_number(seed, "seed", upper = .Machine$integer.max, whole = TRUE, null = TRUE)
  check_choice(sample_new_levels, "sample_new_levels", offered(names(new_effects)))
  own <- is.null(newdata)
  if (!own) newdata <- as_newdata(newdata)
  if (!is.null(allow_new_levels)) check_flag(allow_new_levels, "allow_new_levels")
  allow <- own || is.null(allow_new_levels) || allow_new_levels
  rows <- new_rows(fit, newdata, re.form, allow, offset, missing_too = isTRUE(allow_new_levels))
  if (!own && is.null(allow_new_levels)) inform_new_levels(fit, rows)
  list(rows = rows, ndraws = if (is.null(ndraws)) ndraws.vbfit(fit) else as.integer(ndraws),
       new = sample_new_levels, newdata = newdata, seed = seed,
       name = row.names(if (own) fit$frame else newdata))
}

inform_new_levels <- function(fit, rows) {
  new <- vapply(rows$group, function(code) any(code == 0L, na.rm = TRUE), NA)
  fields <- vapply(Filter(function(u) any(u$member), rows$unseen), function(u) {
    fit$fields[[u$field]]$label
  }, "")
  group <- unique(c(group_labels(fit)[new], fields))
  if (!length(group)) return(invisible())
  vb_inform(c("{.arg newdata} has levels of {.code {group}} that were not in the data: they are
               drawn as new members of the population.",
              i = "{.code allow_new_levels = TRUE} says that this is meant."))
}

# The draws x rows matrices that f(eta, sample) makes, rows x draws, of block after block of draws
row_draws <- function(fit, request, f) {
  out <- NULL
  rows <- request$rows
  with_seed(request$seed, each_sample(fit, request$ndraws, function(sample, block) {
    eta <- predictor_draws(fit, rows, sample, request$new)
    if (!is.null(request$anew)) {
      eta <- eta + predictor_draws(fit, request$anew, sample, request$new)
    }
    eta[!rows$complete, ] <- NA
    value <- f(eta, sample)
    if (is.null(out)) {
      empty <- matrix(NA_real_, request$ndraws, nrow(eta), dimnames = list(NULL, request$name))
      out <<- rep(list(empty), length(value))
    }
    for (k in seq_along(value)) out[[k]][block, ] <<- t(value[[k]])
  }))
  if (length(out) == 1L) return(out[[1L]])
  array(unlist(out, use.names = FALSE), c(dim(out[[1L]]), length(out)),
        list(NULL, request$name, fit$levels))
}

epred_draws <- function(fit, request) {
  row_draws(fit, request, function(eta, sample) mean_draws(fit, eta, sample))
}

predict_draws <- function(fit, request) {
  size <- response_size(fit, request$newdata)
  out <- row_draws(fit, request, function(eta, sample) {
    list(response_draws(fit, eta, size, sample))
  })
  if (trials_kind(fit) == "proportion") out <- out / rep(size, each = nrow(out))
  if (!is.null(fit$levels)) attr(out, "levels") <- fit$levels
  out
}
