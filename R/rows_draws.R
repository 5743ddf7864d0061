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
  rows <- all_rows(fit, newdata, re.form, allow, offset, missing_too = isTRUE(allow_new_levels))
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
    eta <- linear_draws(fit, rows, sample, request$new)
    if (!is.null(request$anew)) {
      eta <- add_draws(eta, linear_draws(fit, request$anew, sample, request$new))
    }
    value <- f(without_gaps(eta, rows$complete), sample)
    if (is.null(out)) {
      empty <- matrix(NA_real_, request$ndraws, nrow(value[[1L]]),
                      dimnames = list(NULL, request$name))
      out <<- rep(list(empty), length(value))
    }
    for (k in seq_along(value)) out[[k]][block, ] <<- t(value[[k]])
  }))
  if (length(out) == 1L) return(out[[1L]])
  array(unlist(out, use.names = FALSE), c(dim(out[[1L]]), length(out)),
        list(NULL, request$name, fit$levels))
}

# Linear predictors, rows x draws; of several parameters a list of these
linear_draws <- function(fit, rows, sample, new = "gaussian") {
  if (is.null(rows$parts)) return(predictor_draws(fit, rows, sample, new))
  parts <- rows$parts
  unseen <- any(lengths(lapply(parts, function(part) part$unseen)) > 0L)
  if (unseen) return(lapply(parts, function(part) predictor_draws(fit, part, sample, new)))
  # side by side, so that a new level's effects in different predictors are one draw
  eta <- predictor_draws(fit, stacked_rows(parts), sample, new)
  n <- length(rows$complete)
  lapply(stats::setNames(seq_along(parts), names(parts)), function(k) {
    eta[(k - 1L) * n + seq_len(n), , drop = FALSE]
  })
}

stacked_rows <- function(parts) {
  bind <- function(field, f) do.call(f, unname(lapply(parts, function(part) part[[field]])))
  each <- function(field, f) {
    lapply(seq_along(parts[[1L]][[field]]), function(t) {
      do.call(f, unname(lapply(parts, function(part) part[[field]][[t]])))
    })
  }
  list(x = bind("x", rbind), offset = bind("offset", c), group = each("group", c),
       z = each("z", rbind), label = each("label", c), complete = bind("complete", c))
}

add_draws <- function(a, b) if (is.list(a)) Map(`+`, a, b) else a + b

without_gaps <- function(eta, complete) {
  if (is.list(eta)) return(lapply(eta, without_gaps, complete))
  eta[!complete, ] <- NA
  eta
}

epred_draws <- function(fit, request) {
  row_draws(fit, request, function(eta, sample) {
    if (is.list(eta)) several_means(fit, eta, sample) else mean_draws(fit, eta, sample)
  })
}

predict_draws <- function(fit, request) {
  size <- response_size(fit, request$newdata)
  out <- row_draws(fit, request, function(eta, sample) {
    if (is.list(eta)) return(several_draws(fit, eta, size, sample))
    list(response_draws(fit, eta, size, sample))
  })
  if (trials_kind(fit) == "proportion") out <- out / rep(size, each = nrow(out))
  if (!is.null(fit$levels) && length(dim(out)) == 2L) attr(out, "levels") <- fit$levels
  out
}
