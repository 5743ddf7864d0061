# Data through the designs of several predictors.

# What a fit's predictors have in these data (NULL: those of the fit), a list by distributional
# parameter; of an ordinary model it has one entry, `mu`. Each entry is what new_rows() returns: `x`
# and `z` have a column for every coefficient of the model, with zeros in those of the other
# predictors, so that what takes rows of one predictor, such as predictor_draws() and
# engine_moments(), takes these.
predictor_rows <- function(fit, newdata = NULL, re.form = NULL, allow.new.levels = FALSE,
                           offset = NULL, missing_too = allow.new.levels) {
  rows <- joint_rows(fit, newdata, re.form, allow.new.levels, offset, missing_too)
  if (!has_several(fit)) return(list(mu = rows))
  each <- lapply(seq_along(fit$predictors), function(k) rows_of_predictor(fit, rows, k))
  stats::setNames(each, names(fit$predictors))
}

rows_of_predictor <- function(fit, rows, k) {
  rows$x[, fit$design$predictor != k] <- 0
  rows$offset <- rows$offset[, k]
  complete <- stats::complete.cases(rows$x) & !is.na(rows$offset)
  for (t in seq_along(rows$group)) {
    own <- fit$design$terms[[t]]$predictor == k
    if (any(own)) complete <- complete & stats::complete.cases(rows$z[[t]][, own])
      else rows$group[[t]][] <- NA_integer_
    rows$z[[t]][, !own] <- 0
  }
  rows$complete <- complete
  of <- field_predictors(fit$fields)
  rows$unseen <- Filter(function(u) of[u$field] == k, rows$unseen)
  rows
}

# What new_rows() returns; of several predictors `parts`, that of each, and which rows are complete
# in all of them
all_rows <- function(fit, newdata = NULL, re.form = NULL, allow.new.levels = FALSE, offset = NULL,
                     missing_too = allow.new.levels) {
  if (!has_several(fit)) {
    return(new_rows(fit, newdata, re.form, allow.new.levels, offset, missing_too))
  }
  parts_together(predictor_rows(fit, newdata, re.form, allow.new.levels, offset, missing_too))
}

parts_together <- function(parts) {
  complete <- Reduce(`&`, lapply(parts, function(part) part$complete))
  group <- lapply(seq_along(parts[[1L]]$group), function(t) {
    do.call(pmin, c(unname(lapply(parts, function(part) part$group[[t]])), na.rm = TRUE))
  })
  unseen <- unlist(unname(lapply(parts, function(part) part$unseen)), FALSE)
  list(parts = parts, complete = complete, group = group, unseen = unseen)
}

keep_all_rows <- function(rows, keep) {
  if (is.null(rows$parts)) return(keep_rows(rows, keep))
  parts_together(lapply(rows$parts, keep_rows, keep))
}
