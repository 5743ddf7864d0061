# New data through the design of a fit: what predict() and friends ask the engine about.

# -> list(x, offset, group, z: as engine_moments() reads them, one entry per row; label: rows of one
# unseen level share a number, others have 0; complete: FALSE for rows with missing values, whose x,
# offset or z are NA; unseen: levels of structured terms, see term_new.R). `newdata = NULL`: the
# rows of the frame.
# `missing_too`: a missing level is one that was not seen, and its row complete.
new_rows <- function(fit, newdata = NULL, re.form = NULL, allow.new.levels = FALSE, offset = NULL,
                     missing_too = allow.new.levels) {
  check_one_predictor(fit)
  joint_rows(fit, newdata, re.form, allow.new.levels, offset, missing_too)
}

# The same of a model of several predictors: `x`, `z` and `complete` are of all, and `offset` has a
# column for each.
joint_rows <- function(fit, newdata = NULL, re.form = NULL, allow.new.levels = FALSE, offset = NULL,
                       missing_too = allow.new.levels) {
  check_flag(allow.new.levels, "allow.new.levels")
  own <- is.null(newdata)
  newdata <- if (own) fit$frame else as_newdata(newdata)
  used <- used_coefs(fit, re.form)
  more <- if (length(fit$fields)) {
    columns_of_fields(fit$fields, newdata, environment(fit$formula), own, used_fields(fit, re.form))
  }
  x <- new_columns(fit, newdata, own, more)
  check_new_members(fit, more$unseen, allow.new.levels)
  if (ncol(x) != n_fixed(fit)) damaged("terms")
  offset <- new_offset(fit, newdata, own, offset)
  complete <- stats::complete.cases(offset) & stats::complete.cases(x)
  group <- z <- label <- vector("list", length(used))
  for (k in seq_along(used)) {
    term <- fit$random[[k]]
    if (any(used[[k]])) {
      level <- new_labels(term$expr, newdata, own, environment(fit$formula))
      code <- match(level, term$levels, nomatch = 0L)    # 0 for a new level
      if (!missing_too) code[is.na(level)] <- NA_integer_
      check_new_levels(term, code, allow.new.levels)
      z[[k]] <- do.call(cbind, lapply(term_parts(term), function(part) {
        new_matrix(part$terms, part$xlevels, part$contrasts, newdata, own)
      }))
      if (ncol(z[[k]]) != length(term$coef)) damaged(sprintf("random$%d$terms", k))
      z[[k]][, !used[[k]]] <- 0
      z[[k]][is.na(code), ] <- NA           # unlike a term that is left out
      complete <- complete & stats::complete.cases(z[[k]])
    } else {
      code <- rep(NA_integer_, nrow(newdata))
      z[[k]] <- matrix(0, nrow(newdata), length(term$coef))
    }
    group[[k]] <- code
    label[[k]] <- integer(length(code))
    new <- which(code == 0L)
    if (length(new)) label[[k]][new] <- level_numbers(level[new])
  }
  for (term in field_terms(fit$fields, newdata, environment(fit$formula), own,
                          used_fields(fit, re.form))) {
    k <- length(group) + 1L
    complete <- complete & !term$gap
    group[[k]] <- term$group
    z[[k]] <- term$z
    label[[k]] <- integer(length(term$group))
  }
  list(x = x, offset = offset, group = group, z = z, label = label, complete = complete,
       unseen = more$unseen)
}

# The columns of the model matrices, which fields that have some `more` share
new_columns <- function(fit, newdata, own, more) {
  if (!has_several(fit)) {
    x <- new_matrix(fit$terms, fit$xlevels, fit$contrasts, newdata, own)
    if (fit$fixed$implicit) x <- x[, -1L, drop = FALSE]
    return(if (length(more)) cbind(x, more$fixed, more$blocks) else x)
  }
  of <- rep(field_predictors(fit$fields), lengths(lapply(fit$fields, function(f) f$fixed)))
  x <- lapply(seq_along(fit$predictors), function(k) {
    part <- fit$predictors[[k]]
    x <- new_matrix(part$terms, part$xlevels, part$contrasts, newdata, own)
    cbind(x, more$fixed[, of == k, drop = FALSE])
  })
  do.call(cbind, c(x, list(more$blocks)))
}

# `re.form = NA` leaves members of populations out, and what `re.form` does not name
used_fields <- function(fit, re.form) {
  is.null(re.form) | !vapply(fit$fields, is_group_field, NA)
}

check_new_members <- function(fit, unseen, allow) {
  if (allow) return(invisible())
  for (u in unseen) {
    if (!any(u$member)) next
    label <- fit$fields[[u$field]]$label
    vb_abort(c("newdata", "allow.new.levels"), c(
      "{.code {label}} has levels in {.arg newdata} that were not in the data:
       {.val {u$label[u$member]}}.",
      i = "Use {.code allow.new.levels = TRUE} to predict them as new members of the population."))
  }
}

as_newdata <- function(newdata) {
  given <- newdata
  if (is.list(newdata) && !is.data.frame(newdata)) {
    newdata <- tryCatch(as.data.frame(newdata), error = function(e) NULL)
  }
  if (!is.data.frame(newdata)) {
    vb_abort("newdata", c("{.arg newdata} must be a data frame.",
                          x = if (is.list(given)) "It is a list from which none can be made."
                            else "It is {describe_class(given)}."))
  }
  plain_data(newdata)
}

new_matrix <- function(terms, xlevels, contrasts, newdata, own) {
  terms <- stats::delete.response(terms)
  if (!own) newdata <- new_frame(terms, xlevels, newdata)
  plain <- plain_columns(terms, newdata)
  if (!is.null(plain)) return(column_matrix(plain))
  if (own) attr(newdata, "terms") <- terms
  x <- stats::model.matrix(terms, newdata, contrasts.arg = contrasts, xlev = xlevels)
  attributes(x) <- list(dim = dim(x))
  x
}

new_frame <- function(terms, xlevels, newdata) {
  take <- function() {
    frame <- stats::model.frame(terms, newdata, na.action = stats::na.pass)
    if (nrow(frame) != nrow(newdata)) {
      vb_abort("newdata", "Variables of the model are not in {.arg newdata}, and those found
                           elsewhere have {nrow(frame)} rows instead of {nrow(newdata)}.")
    }
    frame <- known_levels(frame, xlevels)
    stats::.checkMFClasses(attr(terms, "dataClasses"), frame)
    frame
  }
  tryCatch(with_class(take(), "vb_warning_newdata", "In `newdata`"), error = function(e) {
    if (inherits(e, "vb_error")) rlang::cnd_signal(e)
    message <- conditionMessage(e)
    vb_abort("newdata", c("{.arg newdata} does not fit the model.", x = "{message}"))
  })
}

# Factors with the levels that they had. model.frame(xlev = ) does this too, but warns of contrasts,
# which are the fit's whatever these factors carry.
known_levels <- function(frame, xlevels) {
  for (name in intersect(names(xlevels), names(frame))) {
    x <- frame[[name]]
    if (!is.factor(x) && !is.character(x)) next
    new <- setdiff(unique(as.character(x[!is.na(x)])), xlevels[[name]])
    if (length(new)) {
      vb_abort("newdata", c("{.code {name}} has levels in {.arg newdata} that were not in the data:
                             {.val {new}}.", i = "Those known are {.val {xlevels[[name]]}}."))
    }
    frame[[name]] <- factor(x, xlevels[[name]], ordered = is.ordered(x))
  }
  frame
}

# ---- groups --------------------------------------------------------------------------------------

new_labels <- function(expr, newdata, own, env) {
  if (is_call_to(expr, ":")) {
    left <- new_labels(strip_parens(expr[[2L]]), newdata, own, env)
    right <- new_labels(strip_parens(expr[[3L]]), newdata, own, env)
    return(ifelse(is.na(left) | is.na(right), NA_character_, paste(left, right, sep = ":")))
  }
  name <- variable_name(expr)
  x <- if (own) newdata[[name]] else tryCatch(eval(expr, newdata, env), error = function(e) NULL)
  if (length(x) != nrow(newdata) || is.function(x)) {
    vb_abort("newdata", c("The grouping variable {.code {name}} is not in {.arg newdata}.",
                          i = "Add it, or leave the random effects out by {.code re.form = NA}."))
  }
  as.character(x)
}

# Which of them are one level: missing ones are none of the others
level_numbers <- function(level) {
  number <- match(level, unique(level))
  gap <- which(is.na(level))
  replace(number, gap, length(level) + seq_along(gap))
}

check_new_levels <- function(term, code, allow) {
  new <- which(code == 0L)
  if (allow || !length(new)) return(invisible())
  vb_abort(c("newdata", "allow.new.levels"), c(
    "{.arg newdata} has {length(new)} row{?s} with levels of {.code {term$group}} that were not
     in the data, the first is row {new[1L]}.",
    i = "Use {.code allow.new.levels = TRUE} to predict them as new members of the population."))
}

# Which coefficients of each term `re.form` keeps: all (NULL), none (NA, ~0), or those of a formula
# with bars, whose terms may be parts of the fit's, as (1 | g) is of (x | g).
used_coefs <- function(fit, re.form) {
  every <- function(value) lapply(fit$random, function(term) rep(value, length(term$coef)))
  if (is.null(re.form)) return(every(TRUE))
  if (length(re.form) == 1L && is.atomic(re.form) && is.na(re.form)) return(every(FALSE))
  if (!inherits(re.form, "formula")) {
    vb_abort("re.form", "{.arg re.form} must be {.code NULL}, {.code NA} or a formula.")
  }
  parts <- split_bars(expand_slash(re.form[[length(re.form)]]))
  if (!length(parts$bars) && length(all.vars(parts$fixed))) {
    vb_abort("re.form", c("{.arg re.form} has no random terms.",
                          i = "Write {.code ~ (1 | g)}, or {.code NA} for none."))
  }
  used <- every(FALSE)
  for (bar in find_bars(parts$bars)) used <- Map(`|`, used, used_by(fit, bar))
  used
}

used_by <- function(fit, bar) {
  group <- vapply(fit$random, function(term) term$group, "") == deparse1(strip_parens(bar[[3L]]))
  have <- vapply(fit$random, function(term) bar_key(call("|", term$bar[[2L]], term$expr)), "")
  asked <- bar_key(bar)
  # a formula is of all predictors, in whose terms it may be a part
  exact <- have == asked & !has_several(fit)
  columns <- if (!any(exact) && any(group)) bar_columns(fit, bar)
  known <- unlist(lapply(fit$random[group], bare_coef))
  if (!any(exact) && (is.null(columns) || !all(columns %in% known))) {
    vb_abort("re.form", c("{.arg re.form} has a term that the fit has not: {.code {asked}}.",
                          i = "The fit has {.code {have}}."))
  }
  lapply(seq_along(fit$random), function(k) {
    coef <- bare_coef(fit$random[[k]])
    if (any(exact)) rep(exact[k], length(coef)) else group[k] & coef %in% columns
  })
}

# The coefficients of a bar in the fit's data; NULL where they need other variables
bar_columns <- function(fit, bar) {
  formula <- stats::as.formula(call("~", bar[[2L]]), environment(fit$formula))
  coding <- c(fit$contrasts, unlist(lapply(fit$random, function(term) term$contrasts),
                                    recursive = FALSE))
  tryCatch(part_matrix(part_terms(formula, attr(fit$frame, "terms")), fit$frame, coding)$names,
           error = function(e) NULL)
}

bar_key <- function(bar) {
  left <- stats::terms(stats::as.formula(call("~", bar[[2L]])))
  paste(toString(c(attr(left, "intercept"), sort(attr(left, "term.labels")))), "|",
        deparse1(strip_parens(bar[[3L]])))
}

# ---- offset --------------------------------------------------------------------------------------

# offset() terms come from newdata; the argument of vb() too where its variables are there.
# Of several predictors a column for each; the argument is the mean's.
new_offset <- function(fit, newdata, own, offset) {
  if (!has_several(fit)) return(offset_of(fit, fit$terms, fit$offset, newdata, own, offset))
  each <- lapply(seq_along(fit$predictors), function(k) {
    part <- fit$predictors[[k]]
    main <- is_main(part)
    if (!main) fit$call$offset <- NULL
    offset_of(fit, part$terms, fit$offset[, k], newdata, own, if (main) offset)
  })
  do.call(cbind, each)
}

# `had`: in the rows of the frame
offset_of <- function(fit, terms, had, newdata, own, offset) {
  n <- nrow(newdata)
  if (!is.null(offset)) {
    if (!is.numeric(offset) || !length(offset) %in% c(1L, n)) {
      vb_abort("offset", "{.arg offset} must be numeric, with one entry per row of {.arg newdata}.")
    }
  }
  if (own) return(had + if (is.null(offset)) 0 else offset)
  total <- rep_len(if (is.null(offset)) 0 else as.double(offset), n)
  env <- environment(fit$formula)
  variables <- as.list(attr(terms, "variables"))[-1L]
  calls <- lapply(variables[attr(terms, "offset")], function(x) x[[2L]])
  given <- fit$call$offset
  if (is.null(offset) && !is.null(given)) calls <- c(calls, given_offset(fit, newdata))
  for (call in calls) {
    value <- tryCatch(eval(call, newdata, env), error = function(e) NULL)
    if (!is.numeric(value) || !length(value) %in% c(1L, n)) {
      vb_abort(c("newdata", "offset"), "The offset {.code {deparse1(call)}} cannot be computed in
                                        {.arg newdata}.")
    }
    total <- total + value
  }
  total
}

given_offset <- function(fit, newdata) {
  given <- fit$call$offset
  if (is.language(given) && all(row_variables(fit, given) %in% names(newdata))) return(list(given))
  if (is.numeric(given) && length(given) == 1L) return(list(given))
  vb_abort(c("offset", "newdata"), c("The model was fitted with the argument {.arg offset}, whose
                                      variables are not in {.arg newdata}.",
                                     i = "Add them, or give {.arg offset} for the new rows."))
}

# n rows without anything, to be filled
empty_rows <- function(fit, n) {
  each <- function(make) lapply(level_terms(fit), make)
  list(x = matrix(0, n, n_fixed(fit)), offset = numeric(n),
       group = each(function(term) rep(NA_integer_, n)),
       z = each(function(term) matrix(0, n, length(term$coef))),
       label = each(function(term) integer(n)), complete = rep(TRUE, n))
}

keep_rows <- function(rows, keep) {
  list(x = rows$x[keep, , drop = FALSE], offset = rows$offset[keep],
       group = lapply(rows$group, function(group) group[keep]),
       label = lapply(rows$label, function(label) label[keep]),
       z = lapply(rows$z, function(z) z[keep, , drop = FALSE]), complete = rows$complete[keep],
       unseen = keep_unseen(rows$unseen, keep))
}

# Blocks of rows in which rows x `width` numbers are some 16 MB
row_blocks <- function(rows, width) {
  if (!length(rows)) return(list(rows))
  split(rows, (seq_along(rows) - 1L) %/% max(1L, 2e6 %/% width))
}

# The engine takes the columns' means off every row as often as the row has the intercept. Of
# ordinal models, whose thresholds hold for the columns' means, it takes them off every row, which
# here gets them back: what is reported is the predictor about zero.
rows_of_link <- function(fit, rows) UseMethod("rows_of_link", held_as(fit))

#' @export
rows_of_link.held_draws <- function(fit, rows) rows

#' @export
rows_of_link.held_nodes <- function(fit, rows) {
  if (!fit$fixed$implicit) return(rows)
  rows$x <- rows$x + rep(fit$fixed$center, each = nrow(rows$x))
  rows
}
