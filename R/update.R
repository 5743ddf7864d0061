# Another fit from the call of a fit.

#' @rdname parts
#' @export
update.vbfit <- function(object, formula., ..., evaluate = TRUE) {
  object <- whole_fit(object)
  check_flag(evaluate, "evaluate")
  given <- as.list(match.call(expand.dots = FALSE)$...)
  if (length(given) && (is.null(names(given)) || "" %in% names(given))) {
    vb_abort("dots", c("Arguments after {.arg formula.} must be named.",
                       i = "Did you mean {.code data = }?"))
  }
  if (length(given)) names(given)[names(given) == "newdata"] <- "data"
  call <- object$call
  formulas <- model_formulas(object)
  if (!missing(formula.)) formulas <- updated_formulas(formulas, formula.)
  formulas <- without_spelled(formulas, names(given))
  call$formula <- if (has_parts(formulas)) formulas else formulas$formula
  for (name in names(given)) call[[name]] <- given[[name]]
  if (evaluate) fit_again(object, call, given, parent.frame()) else call
}

# A formula is of the mean; what bf() returns is of all
updated_formulas <- function(formulas, new) {
  if (!inherits(new, "formula")) return(as_formulas(new, environment(formulas$formula)))
  formulas$formula <- stats::update.formula(formulas$formula, new)
  formulas
}

# What was `given` to update() is evaluated where it was called, and the rest where the formula was
# written, as names of the first call may mean something else by now.
fit_again <- function(fit, call, given, env) {
  home <- environment(fit$formula)
  now <- call[c(TRUE, names(call)[-1L] %in% c(names(formals(vb)), names(given)))]
  now[[1L]] <- vb
  own <- setdiff(names(now)[-1L], c(names(given), "formula", "data", data_arguments))
  for (name in own) now[name] <- list(quoted(own_argument(fit, call[[name]], name, env)))
  for (name in setdiff(intersect(names(given), names(formals(vb))), data_arguments)) {
    if (!is.null(call[[name]])) now[name] <- list(quoted(eval(given[[name]], env)))
  }
  new_data <- "data" %in% names(given)
  found <- if (!new_data) found_data(fit) else list(data = now$data, stored = FALSE)
  now["data"] <- list(found$data)
  # those rows are what a subset left
  if (found$stored && !"subset" %in% names(given)) now$subset <- NULL
  out <- eval(now, env)
  known <- intersect(names(given), names(call))
  out$call <- tidy_call(call, env, resolve_family(out$family, out$bound), home, known)
  out$source$reachable <- if (new_data) in_reach(out$call$data, found$data, env, home)
    else !isFALSE(fit$source$reachable) && !found$stored
  if (found$stored && nrow(out$frame) == nrow(fit$frame)) {
    # what this model has no use for, the next may want
    unused <- setdiff(names(found$data), names(fit_columns(out)))
    out$source$columns[unused] <- found$data[unused]
  }
  out
}

own_argument <- function(fit, expr, name, env) {
  tryCatch(eval(expr, environment(fit$formula)), error = function(e) {
    if (name == "family") return(fit$family)
    tryCatch(eval(expr, env), error = function(e) {
      message <- conditionMessage(e)
      vb_abort(name, c("The argument {.arg {name}} of the fit's call cannot be evaluated any more.",
                       x = "{message}", i = "Give it to {.fun update}."))
    })
  })
}

quoted <- function(value) if (is.language(value)) call("quote", value) else value
