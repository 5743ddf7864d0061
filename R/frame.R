# The model frame: the rows and variables that the user's call takes from the data.

# `call` holds the unevaluated data arguments of the user's call and is evaluated where lm() would.
build_frame <- function(parsed, call, data, na.action, env) {
  data <- plain_data(data)
  call$formula <- parsed$frame
  if (!is.null(data)) call$data <- data
  call$na.action <- checked_na_action(na.action)
  call[[1L]] <- quote(stats::model.frame)
  take <- function() with_class(eval(call, env), "vb_warning_formula", "In the model frame")
  frame <- tryCatch(take(), error = function(e) {
    if (inherits(e, "vb_error")) rlang::cnd_signal(e)
    explain_variables_error(e, parsed, call, data)
  })
  if (!nrow(frame)) {
    vb_abort("data", c("No rows are left to fit.",
                       i = "Check {.arg subset} and missing values in the variables of the model."))
  }
  drop_levels(plain_variables(frame))
}

# looked up in the data, by model.frame()
data_arguments <- c("subset", "weights", "offset")

# What model.frame() is to evaluate. `..1`, which a function around vb() leaves in the call, means
# nothing where model.frame() looks: its expression where the data have its variables, else its
# value.
frame_call <- function(call, data, env) {
  call <- call[c(1L, match(data_arguments, names(call), 0L))]
  for (arg in data_arguments[vapply(data_arguments, function(a) is_dot(call[[a]]), NA)]) {
    expr <- dot_expression(call[[arg]], env)
    known <- is.language(expr) && length(all.vars(expr)) && all(all.vars(expr) %in% names(data))
    call[arg] <- list(if (known) expr else eval(call[[arg]], env))
  }
  call
}

is_dot <- function(x) is.symbol(x) && grepl("^[.][.][0-9]+$", x)

dot_expression <- function(name, env) {
  eval(quote(substitute(list(...))), env)[[as.integer(substring(name, 3L)) + 1L]]
}

# NA is for the user's na.action; NaN and Inf are mistakes, and na.omit would hide the former.
checked_na_action <- function(na.action) {
  action <- if (is.null(na.action)) stats::na.pass else na.action
  if (is.character(action)) action <- get0(action[1L], mode = "function")
  hint <- c(i = "Use {.code na.action = na.omit} or {.code na.exclude}.")
  if (!is.function(action)) {
    vb_abort("na.action", c("{.arg na.action} must be a function or its name.", hint))
  }
  function(frame) {
    check_finite_frame(frame)
    if (!anyNA(frame, recursive = TRUE)) return(frame)
    frame <- tryCatch(action(frame), error = function(e) NULL)          # as na.fail
    if (is.null(frame) || anyNA(frame, recursive = TRUE)) {
      vb_abort("na.action", c("There are missing values in the variables of the model.", hint))
    }
    frame
  }
}

check_finite_frame <- function(frame) {
  bad <- which(vapply(frame, has_bad_number, NA))
  if (!length(bad)) return(invisible())
  column <- names(frame)[bad[1L]]
  arg <- frame_role(column, bad[1L])
  what <- column_label(arg, column)
  vb_abort(c(arg, "data"), c("{what} has values that are infinite or not a number.",
                             i = "Remove them, or set them to {.val {NA}} to drop their rows."))
}

frame_role <- function(column, position) {
  if (position == 1L) "response"
  else if (column == "(weights)") "weights"
  else if (column == "(offset)" || startsWith(column, "offset(")) "offset"
  else "formula"
}

column_label <- function(arg, column) {
  if (startsWith(column, "(")) sprintf("`%s`", arg) else sprintf("The variable `%s`", column)
}

# model.frame() says what failed in the session's language; which argument it was is worked out
# here.
explain_variables_error <- function(error, parsed, call, data) {
  message <- conditionMessage(error)
  sources <- list(formula = parsed$frame, weights = call$weights, offset = call$offset,
                  subset = call$subset)
  for (arg in names(sources)) {
    missing <- unknown_variables(sources[[arg]], data, environment(parsed$formula), message)
    if (length(missing)) {
      vb_abort(unique(c(arg, if (arg == "formula") "data")), c(
        "{cli::qty(missing)}Variable{?s} of {.arg {arg}} not found: {.code {missing}}.",
        i = if (is.null(data)) "Give the data set as {.arg data}." else "Check the spelling."))
    }
  }
  arg <- "formula"
  for (extra in c("weights", "offset")) {
    if (grepl(sprintf("(%s)", extra), message, fixed = TRUE)) arg <- extra
  }
  hint <- if (arg != "formula") "{.arg {arg}} must have one entry per row of {.arg data}."
  vb_abort(unique(c(arg, "data")), c("{.arg {arg}} could not be evaluated.", x = "{message}",
                                     i = hint))
}

unknown_variables <- function(x, data, env, message) {
  if (!is.language(x)) return(character())
  known <- if (is.environment(data)) ls(data, all.names = TRUE) else names(data)
  names <- setdiff(all.vars(x), known)
  env <- if (is.environment(env)) env else globalenv()
  names[vapply(names, function(name) {
    if (!exists(name, env)) return(TRUE)
    # q, c or df: a function where a variable was meant
    is.function(get(name, env)) && grepl(paste0("'", name, "'"), message, fixed = TRUE)
  }, NA)]
}

# As model.frame(drop.unused.levels = TRUE), but a response keeps its levels: the first is failure
# even where the subset has none. Contrasts that are a matrix have a row per level: with fewer
# levels they are lost, as in lm(); those that a function makes are made again.
drop_levels <- function(frame) {
  lost <- character()
  for (k in seq_along(frame)[-1L]) {
    x <- frame[[k]]
    if (is.factor(x) && !all(tabulate(x, nlevels(x)) > 0L)) {
      coding <- attr(x, "contrasts")
      x <- x[, drop = TRUE]
      if (is.matrix(coding)) lost <- c(lost, names(frame)[k]) else attr(x, "contrasts") <- coding
      frame[[k]] <- x
    }
  }
  if (length(lost)) {
    vb_warn("vb_warning_contrasts", c(
      "The contrasts of {.code {lost}} are dropped: levels of {cli::qty(lost)}{?it/them} have no
       rows.",
      i = "Drop the levels by {.fun droplevels} and set the contrasts again, or name a function by
           {.arg contrasts}."))
  }
  frame
}

frame_weights <- function(frame) {
  weights <- frame[["(weights)"]]
  if (is.null(weights)) return(NULL)
  if (!is.numeric(weights) || !is.null(dim(weights)) || any(weights < 0)) {
    vb_abort("weights", c("{.arg weights} must be numbers that are not negative.",
                          i = "Weights divide the variance or multiply the log-likelihood."))
  }
  as.double(weights)
}

frame_offset <- function(frame) {
  offset <- tryCatch(stats::model.offset(frame), error = function(e) "")
  if (is.null(offset)) return(numeric(nrow(frame)))
  if (!is.numeric(offset) || length(offset) != nrow(frame)) {
    vb_abort("offset", "{.arg offset} must be numeric, with one entry per row of {.arg data}.")
  }
  as.double(offset)
}

# NULL: all rows
weighted_rows <- function(weights) {
  if (all(weights > 0)) return(NULL)
  rows <- which(weights > 0)
  if (!length(rows)) {
    vb_abort(c("weights", "data"), "No rows are left to fit: all weights are zero.")
  }
  rows
}
