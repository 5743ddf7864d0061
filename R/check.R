# The user's mistakes: classed conditions, each naming the argument and the fix.

# Classes are c("vb_error_<argument>", ..., "vb_error"); `arg` may name several arguments.
vb_abort <- function(arg, message, call = user_call(), .envir = parent.frame()) {
  class <- unique(c(paste0("vb_error_", arg), "vb_error"))
  cli::cli_abort(message, class = class, call = call, .envir = .envir)
}

vb_warn <- function(class, message, call = user_call(), .envir = parent.frame()) {
  cli::cli_warn(message, class = c(class, "vb_warning"), call = call, .envir = .envir)
}

# What R code of others warns of, such as the functions of a formula, once it has come to its end:
# `what` says where, and the class is ours.
with_class <- function(expr, class, what) {
  seen <- character()
  value <- withCallingHandlers(expr, warning = function(w) {
    if (inherits(w, "vb_warning")) return(invisible())
    seen <<- c(seen, conditionMessage(w))
    invokeRestart("muffleWarning")
  })
  for (text in unique(seen)) vb_warn(class, "{what}: {text}.")
  value
}

vb_inform <- function(message, .envir = parent.frame(), class = NULL) {
  cli::cli_inform(message, class = c(class, "vb_message"), .envir = .envir)
}

# The outermost call into this package, without its arguments: under do.call() they are the data.
user_call <- function() {
  home <- topenv(environment())
  for (i in seq_len(sys.nframe())) {
    fun <- sys.function(i)
    if (!is.primitive(fun) && identical(topenv(environment(fun)), home)) {
      return(call_head(sys.call(i)[[1L]]))
    }
  }
  NULL
}

call_head <- function(head) {
  # the name of a method gives way to that of its generic
  if (is.symbol(head)) head <- as.name(sub("[.](vbfit|advifit)$", "", as.character(head)))
  named <- is.symbol(head) || (is.call(head) && is.symbol(head[[1L]]))
  as.call(list(if (named) head else quote(vb)))
}

check_number <- function(x, arg, lower = -Inf, upper = Inf, whole = FALSE, null = FALSE) {
  if (null && is.null(x)) return(invisible())
  fits <- is.numeric(x) && length(x) == 1L && is.finite(x) && x >= lower && x <= upper &&
    (!whole || x == round(x))
  if (!fits) {
    kind <- if (whole) "a whole number" else if (is.finite(upper)) "a number" else "a finite number"
    range <- if (is.finite(upper)) sprintf("between %s and %s", format(lower), format(upper))
      else if (lower < 1e-10) "above 0" else paste("of at least", format(lower))
    vb_abort(arg, c("{.arg {arg}} must be {kind} {range}.", x = "It is {describe(x)}."))
  }
}

check_flag <- function(x, arg, na = FALSE) {
  if (!is.logical(x) || length(x) != 1L || (is.na(x) && !na)) {
    vb_abort(arg, c("{.arg {arg}} must be {.val {TRUE}} or {.val {FALSE}}.",
                    x = "It is {describe(x)}."))
  }
}

# `choices`: a logical vector named by the values; FALSE marks what a later version brings.
check_choice <- function(x, arg, choices) {
  now <- names(choices)[choices]
  if (!is.character(x) || length(x) != 1L || !x %in% names(choices)) {
    must <- if (length(now) == 1L) "{.arg {arg}} must be {.val {now}}."
      else "{.arg {arg}} must be one of {.or {.val {now}}}."
    vb_abort(arg, c(must, x = "It is {describe(x)}."))
  }
  if (!choices[[x]]) {
    vb_abort(arg, c("{.code {arg} = {.val {x}}} is not available yet.",
                    i = "{.arg {arg}} may be {.or {.val {now}}}."))
  }
}

# A function, or the name of one; else NULL. match.fun() would look for the argument's own name.
as_function <- function(x) {
  if (is.character(x) && length(x) == 1L) x <- get0(x, globalenv(), mode = "function")
  if (is.function(x)) x
}

# Finds the first value that is NaN or infinite; NA alone is na.action's business.
has_bad_number <- function(x) {
  if (!is.numeric(x) || is.integer(x) || is.finite(sum(x))) return(FALSE)
  any(is.nan(x)) || any(is.infinite(x))
}

# Scripts written for samplers and for 'lme4' carry these; they mean nothing here.
carried_arguments <- c("iter", "warmup", "chains", "thin", "init", "inits", "init_r", "seed",
                       "refresh", "silent", "backend", "threads", "future", "adapt_delta", "QR",
                       "sparse", "mean_PPD", "show_messages", "open_progress", "diagnostic_file",
                       "file", "file_refit", "save_pars", "save_warmup", "save_model",
                       "REML", "nAGQ", "start")

# `ignored`: what else is of no use among the arguments
check_dots <- function(dots, ignored = NULL) {
  if (!length(dots) && is.null(ignored)) return(invisible())
  given <- names(dots)
  if (is.null(given)) given <- character(length(dots))
  unknown <- setdiff(given, carried_arguments)
  if ("" %in% unknown) {
    vb_abort("dots", c("Arguments after {.arg family} must be named.",
                       i = "Did you mean {.code weights = }, {.code prior = } ...?"))
  }
  if (length(unknown)) {
    vb_abort("dots", c("{cli::qty(unknown)}Unknown argument{?s} {.arg {unknown}}.",
                       i = "See {.fun varbayes::vb} for the arguments there are."))
  }
  carried <- c(intersect(given, carried_arguments), ignored)
  vb_inform("{cli::qty(carried)}Ignored argument{?s} that {?is/are} of no use here:
             {.arg {carried}}.")
}

stan_classes <- c("stanmodel", "stanfit", "CmdStanModel", "StanModel")

check_not_stan <- function(x) {
  code <- is.character(x) && any(grepl("\\bmodel\\s*\\{", x))
  if (inherits(x, stan_classes) || code) {
    vb_abort(c("formula", "stan"), c(
      "{.fun varbayes::vb} takes a formula, not a Stan model.",
      i = "For a Stan model call {.code rstan::vb()}, or the model's {.code $variational()}."))
  }
}

check_data <- function(data) {
  if (is.list(data) || is.environment(data)) return(invisible())
  hint <- if (is.function(data)) "No data set of that name was found: {.arg data} is a function."
    else "Try {.code data = as.data.frame(data)}."
  vb_abort("data", c("{.arg data} must be a data frame.", x = "It is {describe_class(data)}.",
                     i = hint))
}

check_data2 <- function(data2) {
  if (is.null(data2) || is.list(data2) && (!length(data2) || !is.null(names(data2)))) {
    return(invisible())
  }
  vb_abort("data2", c("{.arg data2} must be a list with names, such as {.code list(A = A)}.",
                      x = "It is {describe(data2)}."))
}

check_probs <- function(x, arg, single = FALSE) {
  fits <- is.numeric(x) && !anyNA(x) && all(x > 0 & x < 1) && (!single || length(x) == 1L)
  if (fits) return(invisible())
  kind <- if (single) "a probability" else "probabilities"
  vb_abort(arg, c("{.arg {arg}} must be {kind} strictly between 0 and 1.",
                  x = "It is {describe(x)}."))
}

# As match.arg(): the first where the user chose none
pick_choice <- function(x, arg, choices) {
  if (identical(x, choices)) return(choices[1L])
  check_choice(x, arg, stats::setNames(rep(TRUE, length(choices)), choices))
  x
}

offered <- function(choices) stats::setNames(rep(TRUE, length(choices)), choices)

check_digits <- function(digits) check_number(digits, "digits", lower = 0, upper = 15, whole = TRUE)

check_positive <- function(x, arg) {
  if (!is.numeric(x) || !length(x) || !all(is.finite(x)) || any(x <= 0)) {
    vb_abort(arg, c("{.arg {arg}} must be positive.", x = "It is {describe(x)}."))
  }
}

check_finite <- function(x, arg) {
  if (!is.numeric(x) || !length(x) || !all(is.finite(x))) {
    vb_abort(arg, c("{.arg {arg}} must be finite numbers.", x = "It is {describe(x)}."))
  }
}

# Finite at the nodes that have a weight? The last dimension of x is the nodes'.
finite_used <- function(x, weight) {
  is.finite(sum(x)) || all(is.finite(matrix(x, ncol = length(weight))[, weight != 0]))
}
