# Formulas: a fixed part and bars.

# -> list(formula, fixed, bars, frame, response): `formula` as given with `.` written out, `fixed`
# without bars and structured terms, `fields` these, `bars` a list of list(lhs = <one-sided
# formula>, group = <expression>, covariance), `frame` the formula of all variables for
# model.frame().
parse_formula <- function(formula, data = NULL, data2 = NULL) {
  env <- environment(formula)
  formula <- with_trials(formula)
  check_sides(formula)
  parts <- split_bars(expand_slash(formula[[3L]]))
  bars <- find_bars(parts$bars)
  joint <- vapply(bars, is_field_bar, NA)
  split <- split_fields(parts$fixed)
  parts$fixed <- split$fixed
  fields <- read_fields(split$fields, bars[joint], env, data2)
  bars <- bars[!joint]
  fixed <- stats::as.formula(call("~", formula[[2L]], parts$fixed), env)
  if ("." %in% all.names(parts$fixed)) {
    fixed <- expand_dot(fixed, data, bars)
    original <- split_bars(formula[[3L]])$bars
    original <- c(fixed[[3L]], split$fields, original)
    formula <- stats::as.formula(call("~", formula[[2L]], add_terms(original)), env)
  }
  bars <- lapply(seq_along(bars), function(k) {
    bar <- bars[[k]]
    check_group(bar[[3L]])
    list(lhs = stats::as.formula(call("~", bar[[2L]]), env), group = strip_parens(bar[[3L]]),
         covariance = names(bars)[k], id = attr(bar, "id"))
  })
  variables <- unlist(lapply(fields, function(field) field$variables), recursive = FALSE)
  frame <- add_terms(c(fixed[[3L]], unlist(lapply(bars, bar_variables), recursive = FALSE),
                       variables))
  list(formula = formula, fixed = fixed, bars = bars, fields = fields,
       frame = stats::as.formula(call("~", formula[[2L]], frame), env))
}

as_formula <- function(formula, env) {
  check_not_stan(formula)
  if (is.character(formula) && length(formula) == 1L) {
    formula <- tryCatch(stats::as.formula(formula, env), error = function(e) NULL)
  } else if (is.call(formula) && identical(formula[[1L]], quote(`~`))) {
    formula <- stats::as.formula(formula, env)
  }
  if (!inherits(formula, "formula")) {
    vb_abort("formula", c("{.arg formula} must be a formula such as {.code y ~ x + (1 | g)}.",
                          x = "It is {describe_class(formula)}."))
  }
  formula
}

# `y | trials(n)`, as brms has it, is `cbind(y, n - y)`
with_trials <- function(formula) {
  left <- if (length(formula) == 3L) formula[[2L]]
  term <- if (is_bar(left)) strip_parens(left[[3L]])
  if (!is.call(term) || !identical(term[[1L]], quote(trials))) return(formula)
  if (length(term) != 2L) {
    vb_abort("formula", "{.fn trials} takes the number of trials, as in {.code y | trials(n)}.")
  }
  y <- strip_parens(left[[2L]])
  formula[[2L]] <- call("cbind", y, call("-", term[[2L]], y))
  formula
}

check_sides <- function(formula) {
  if (length(formula) != 3L) {
    vb_abort("formula", c("{.arg formula} has no response.",
                          i = "Write {.code y ~ ...} with the response on the left."))
  }
  if (is_bar(formula[[2L]])) {
    vb_abort("formula", c("The response cannot have a bar: {.code {deparse1(formula[[2L]])}}.",
                          i = "Use {.arg weights} for weights and {.code cbind(success, failure)}
                               or proportions with {.arg weights} for trials."))
  }
  check_terms(formula[[3L]])
}

# `.` is every column that is neither in the response nor a grouping variable.
expand_dot <- function(fixed, data, bars) {
  if (!is.list(data)) {
    vb_abort(c("formula", "data"), c("A {.code .} in {.arg formula} needs {.arg data}.",
                                     i = "Give {.arg data}, or write the variables out."))
  }
  groups <- unlist(lapply(bars, function(bar) all.vars(bar[[3L]])))
  columns <- setdiff(names(data), c(groups, all.vars(fixed[[2L]])))
  all <- if (length(columns)) call("(", add_terms(lapply(columns, as.name))) else 1
  fixed[[3L]] <- replace_name(fixed[[3L]], quote(.), all)
  expanded <- stats::formula(stats::terms(fixed, simplify = TRUE))
  environment(expanded) <- environment(fixed)
  expanded
}

replace_name <- function(x, name, by) {
  if (identical(x, name)) return(by)
  if (is.call(x)) x[-1L] <- lapply(as.list(x)[-1L], replace_name, name, by)
  x
}
