# Which variables of a model are columns of its data, and where they are found after the fit.

# -> a data frame, in the rows of the model frame, of the columns that the frame holds in a
# transformed form only, such as `x` of log(x) or `w` of `weights = w`. A variable that the data do
# not have is a column where it has a value per row: functions, knots and other constants are none.
source_columns <- function(parsed, frame, call, data) {
  used <- unique(unlist(lapply(c(parsed$frame, as.list(call[c("weights", "offset")])), all.vars)))
  lost <- setdiff(used, names(frame))
  out <- frame[integer()]
  if (!length(lost)) return(plain_frame(out))
  env <- environment(parsed$formula)
  whole <- if (is.data.frame(data)) nrow(data)
    else NROW(tryCatch(eval(parsed$formula[[2L]], data, env), error = function(e) NULL))
  row <- frame_rows(frame, data, whole)
  for (name in lost) {
    value <- plain_column(if (name %in% names(data)) data[[name]] else get0(name, env))
    if (!is.atomic(value) || is.null(value) || NROW(value) != whole) next
    out[[name]] <- if (is.matrix(value)) value[row, , drop = FALSE] else value[row]
  }
  plain_frame(out)
}

# Without the terms and the record of rows left out that a model frame carries
plain_frame <- function(frame) {
  attr(frame, "terms") <- attr(frame, "na.action") <- NULL
  frame
}

# The rows of the data that are those of the frame; without a data frame they are numbered
frame_rows <- function(frame, data, whole) {
  if (nrow(frame) == whole) return(seq_len(whole))
  if (is.data.frame(data)) match(row.names(frame), row.names(data))
    else as.integer(row.names(frame))
}

# The columns that a fit was made from, in the rows of its frame
fit_columns <- function(fit) {
  variables <- as.list(attr(attr(fit$frame, "terms"), "variables"))[-1L]
  plain <- vapply(variables[vapply(variables, is.symbol, NA)], as.character, "")
  out <- plain_frame(fit$frame)[intersect(names(fit$frame), plain)]
  out[names(fit$source$columns)] <- fit$source$columns
  out
}

# Those of an expression's variables that new data must have; the others are constants, found where
# the formula was written.
row_variables <- function(fit, expr) {
  env <- environment(fit$formula)
  columns <- names(fit_columns(fit))
  Filter(function(name) {
    if (name %in% columns) return(TRUE)
    value <- get0(name, env)
    is.null(value) || !(is.function(value) || is.atomic(value))
  }, all.vars(expr))
}

# ---- the data by their name ----------------------------------------------------------------------

# Does `expr`, the stored expression of `data`, mean the same where the formula was written?
in_reach <- function(expr, data, env, where) {
  if (is.null(expr)) return(TRUE)
  if (is.symbol(expr)) return(identical(lookup(as.character(expr), where), data))
  is.call(expr) && same_meaning(expr, env, where)
}

# Its names mean the same in both places. Nothing is evaluated but names: that could take long, or
# differ from time to time.
same_meaning <- function(expr, env, where) {
  if (identical(env, where) || !is.language(expr)) return(TRUE)
  all(vapply(all.names(expr, unique = TRUE), function(name) {
    identical(lookup(name, env), lookup(name, where))
  }, NA))
}

# NULL where there is no such name, or an argument that was not given
lookup <- function(name, env) {
  # a promise that failed once warns when it is asked again
  if (is.environment(env)) suppressWarnings(tryCatch(get0(name, env), error = function(e) NULL))
}

# What the call of a fit names as its data, if that was in reach of the formula and is still there
named_data <- function(fit) {
  if (isFALSE(fit$source$reachable)) return(NULL)
  expr <- fit$call$data
  env <- environment(fit$formula)
  data <- if (is.symbol(expr)) lookup(as.character(expr), env)
    else tryCatch(eval(expr, env), error = function(e) NULL)
  if (is.list(data) || is.environment(data)) data
}

# The data of a fit to be fitted again: those that its call names, else the columns of the fit.
# -> list(data, stored)
found_data <- function(fit) {
  stored <- list(data = fit_columns(fit), stored = TRUE)
  expr <- fit$call$data
  if (is.null(expr)) {
    there <- vapply(names(stored$data), exists, NA, envir = environment(fit$formula))
    return(if (all(there)) list(data = NULL, stored = FALSE) else stored)
  }
  data <- named_data(fit)
  if (is.null(data)) {
    inform_partial(fit)
    return(stored)
  }
  if (is.data.frame(data) && !is_data_of(fit, data)) {
    text <- deparse1(expr)
    vb_inform(c("The data have changed since the fit: {.fun update} takes {.code {text}} as it is
                 now.", i = "Give {.arg data} to say which are meant."))
  }
  list(data = data, stored = FALSE)
}

# scale(x) and its like depend on the rows that subset and missing values left out.
inform_partial <- function(fit) {
  terms <- attr(fit$frame, "terms")
  variables <- as.list(attr(terms, "variables"))[-1L]
  fixed <- as.list(attr(terms, "predvars"))[-1L]
  whole <- is.null(fit$na.action) && is.null(fit$call$subset)
  if (whole || length(fixed) != length(variables)) return(invisible())
  dependent <- vapply(variables[!mapply(identical, variables, fixed)], deparse1, "")
  if (!length(dependent)) return(invisible())
  vb_inform(c("The data of the fit have gone: {.code {dependent}} {?is/are} computed from the rows
               of the fit alone.", i = "Give {.arg data} for the same coefficients."))
}

# Do the rows of the fit have the same values in `data`?
is_data_of <- function(fit, data) {
  columns <- fit_columns(fit)
  row <- frame_rows(fit$frame, data, nrow(data))
  all(vapply(intersect(names(columns), names(data)), function(name) {
    value <- plain_column(data[[name]])
    value <- if (is.matrix(value)) value[row, , drop = FALSE] else value[row]
    identical(as.vector(value), as.vector(columns[[name]]))
  }, NA))
}
