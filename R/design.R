# From formula and data to the numbers of the design: model frame, fixed columns, random terms.

# `call` holds the unevaluated data arguments of the user's call and is evaluated where lm() would.
build_frame <- function(parsed, call, data, na.action, env) {
  call$formula <- parsed$frame
  if (!is.null(data)) call$data <- data
  call$na.action <- checked_na_action(na.action)
  call[[1L]] <- quote(stats::model.frame)
  frame <- tryCatch(eval(call, env), error = function(e) {
    if (inherits(e, "vb_error")) rlang::cnd_signal(e)
    explain_frame_error(e, parsed, call, data)
  })
  if (!nrow(frame)) {
    vb_abort("data", c("No rows are left to fit.",
                       i = "Check {.arg subset} and missing values in the variables of the model."))
  }
  drop_levels(frame)
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
explain_frame_error <- function(error, parsed, call, data) {
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
# even where the subset has none.
drop_levels <- function(frame) {
  for (k in seq_along(frame)[-1L]) {
    x <- frame[[k]]
    if (is.factor(x) && !all(tabulate(x, nlevels(x)) > 0L)) {
      coding <- attr(x, "contrasts")
      x <- x[, drop = TRUE]
      attr(x, "contrasts") <- coding
      frame[[k]] <- x
    }
  }
  frame
}

# `rows` of the frame enter the fit (NULL: all): X, its centres, the random terms. An `implicit`
# intercept codes and centres the other columns and is left out itself.
build_design <- function(parsed, frame, rows, contrasts, implicit = FALSE) {
  whole <- attr(frame, "terms")
  if (!is.null(rows)) {
    frame <- drop_levels(frame[rows, , drop = FALSE])
    attr(frame, "terms") <- whole
  }
  check_contrasts(contrasts, frame)
  terms <- part_terms(parsed$fixed, whole)
  fixed <- part_matrix(terms, frame, contrasts)
  if (has_bad_number(fixed$x)) {
    vb_abort("formula", "The model matrix has values that are infinite or not a number.")
  }
  intercept <- if (attr(terms, "intercept") == 1L) 1L else 0L
  implicit <- implicit && intercept == 1L
  if (implicit) fixed[c("x", "names")] <- list(fixed$x[, -1L, drop = FALSE], fixed$names[-1L])
  center <- if (intercept) colMeans(fixed$x) else numeric(ncol(fixed$x))
  if (implicit) intercept <- 0L
  center[intercept] <- 0
  random <- lapply(parsed$bars, build_term, frame = frame, whole = whole, contrasts = contrasts)
  check_names(random, fixed$names)
  if (!length(random) && !ncol(fixed$x) && !implicit) {
    vb_abort("formula", c("The model has no coefficients.",
                          i = "Leave out {.code 0} or {.code -1}."))
  }
  list(x = fixed$x, names = fixed$names, terms = terms, xlevels = fixed$xlevels,
       contrasts = fixed$contrasts, center = unname(center), intercept = intercept,
       implicit = implicit, random = random)
}

check_contrasts <- function(contrasts, frame) {
  if (is.null(contrasts)) return(invisible())
  hint <- c(i = "Write {.code contrasts = list(f = \"contr.sum\")}.")
  if (!is.list(contrasts) || is.null(names(contrasts))) {
    vb_abort("contrasts", c("{.arg contrasts} must be a list named by factors.", hint))
  }
  unknown <- setdiff(names(contrasts), names(frame))
  # as lm(): update() may have taken the factor out
  if (length(unknown)) {
    vb_warn("vb_warning_contrasts", "{.arg contrasts} names what is no variable of the model:
                                     {.code {unknown}}.")
  }
}

build_term <- function(bar, frame, whole, contrasts) {
  terms <- part_terms(bar$lhs, whole)
  z <- part_matrix(terms, frame, contrasts)
  group <- group_codes(bar$group, frame)
  label <- deparse1(bar$group)
  if (!ncol(z$x)) {
    vb_abort("formula", "The term for {.code {label}} has no coefficients.")
  }
  list(group = label, levels = group$levels, code = group$code, z = z$x, coef = z$names,
       expr = bar$group, bar = bar$lhs, terms = terms, xlevels = z$xlevels,
       contrasts = z$contrasts)
}

# One model matrix, its column names apart.
part_matrix <- function(terms, frame, contrasts = NULL) {
  x <- plain_columns(terms, frame)
  if (!is.null(x)) return(list(x = x$x, names = x$names, xlevels = NULL, contrasts = NULL))
  check_levels(terms, frame)
  coding <- contrasts[names(contrasts) %in% rownames(attr(terms, "factors"))]
  x <- tryCatch(
    stats::model.matrix(terms, frame, contrasts.arg = if (length(coding)) coding),
    error = function(e) {
      message <- conditionMessage(e)
      vb_abort(c("formula", "contrasts"), c("The model matrix could not be built.",
                                            x = "{message}"))
    })
  # its attributes stay: taking them off would copy the matrix
  list(x = x, names = colnames(x), xlevels = stats::.getXlevels(terms, frame),
       contrasts = attr(x, "contrasts"))
}

# Numeric variables and nothing else need no model.matrix(), whose row names alone cost more.
plain_columns <- function(terms, frame) {
  if (any(attr(terms, "order") > 1L)) return(NULL)
  factors <- attr(terms, "factors")
  variables <- vapply(as.list(attr(terms, "variables"))[-1L], variable_name, "")
  columns <- lapply(seq_along(attr(terms, "term.labels")), function(k) {
    x <- frame[[variables[factors[, k] > 0L]]]
    if (is.numeric(x) && is.null(dim(x))) as.double(x)
  })
  if (any(vapply(columns, is.null, NA))) return(NULL)
  names <- attr(terms, "term.labels")
  if (attr(terms, "intercept") == 1L) {
    columns <- c(list(rep(1, nrow(frame))), columns)
    names <- c("(Intercept)", names)
  }
  x <- as.double(unlist(columns, use.names = FALSE))
  dim(x) <- c(nrow(frame), length(columns))
  list(x = x, names = as.character(names))
}

check_levels <- function(terms, frame) {
  for (name in intersect(rownames(attr(terms, "factors")), names(frame))) {
    x <- frame[[name]]
    if (identical(attr(terms, "response"), 1L) && name == names(frame)[1L]) next
    single <- if (is.factor(x)) nlevels(x) < 2L
      else (is.character(x) || is.logical(x)) && length(unique(x)) < 2L
    if (single) {
      vb_abort(c("formula", "data"), c("{.code {name}} has one level only in the rows used.",
                                       i = "Leave it out of {.arg formula}."))
    }
  }
}

# ---- groups --------------------------------------------------------------------------------------

# -> list(code = <integer, 1-based>, levels): levels in factor() order, unused ones left out.
group_codes <- function(expr, frame) {
  if (is_call_to(expr, ":")) {
    left <- group_codes(strip_parens(expr[[2L]]), frame)
    right <- group_codes(strip_parens(expr[[3L]]), frame)
    return(cross_codes(left, right))
  }
  name <- variable_name(expr)
  x <- frame[[name]]
  if (!is.null(dim(x)) || is.list(x)) {
    vb_abort("formula", "The grouping variable {.code {name}} must be a vector.")
  }
  x <- if (is.factor(x)) x else factor(x)
  used <- tabulate(x, nlevels(x)) > 0L
  code <- as.integer(x)
  if (!all(used)) code <- cumsum(used)[code]
  list(code = code, levels = levels(x)[used])
}

cross_codes <- function(left, right) {
  n_right <- length(right$levels)
  code <- (left$code - 1) * n_right + right$code     # double: levels may multiply past integers
  used <- sort(unique(code))
  levels <- paste(left$levels[(used - 1) %/% n_right + 1], right$levels[(used - 1) %% n_right + 1],
                  sep = ":")
  list(code = match(code, used), levels = levels)
}

check_names <- function(random, fixed) {
  for (names in c(list(fixed), lapply(random, function(term) term$coef))) {
    if (all(c("Intercept", "(Intercept)") %in% names)) {
      vb_abort("formula", c("A variable called {.code Intercept} has the intercept's name.",
                            i = "Rename it."))
    }
  }
  sds <- unlist(lapply(random, function(term) paste(term$group, term$coef, sep = "__")))
  twice <- unique(sds[duplicated(sds)])
  if (length(twice)) {
    vb_abort("formula", c("{.code {sub('__.*', '', twice[1])}} has two terms with the coefficient
                           {.code {sub('.*__', '', twice[1])}}.",
                          i = "Use {.code (0 + x | g)} for a slope whose intercept is elsewhere."))
  }
  for (term in random) {
    if (anyDuplicated(term$levels)) {
      twice <- term$levels[anyDuplicated(term$levels)]
      vb_abort("formula", c("Two levels of {.code {term$group}} have the label {.val {twice}}.",
                            i = "Rename the levels, or make one factor by {.fn interaction}."))
    }
    if (length(term$levels) == 1L) {
      vb_inform("The grouping factor {.code {term$group}} has one level only: the prior decides
                 its standard deviation.")
    }
  }
}
