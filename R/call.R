# The call of a fit as it is stored.

missing_formula <- function(dots) {
  vb_abort("formula", c("{.arg formula} is missing.",
                        i = if ("object" %in% dots) "For a Stan model call {.code rstan::vb()}."))
}

# do.call() puts values into the call. Long ones give way to calls that make them, or to names: that
# of the same object where the caller has one, else the argument's own. So do the expressions of
# `args` that mean something else `where` the formula was written, which is where update() looks.
tidy_call <- function(call, env, family, where = env, args = names(call)[-1L]) {
  call[[1L]] <- call_head(call[[1L]])[[1L]]
  for (arg in args) {
    value <- call[[arg]]
    if (is_dot(value)) {
      value <- dot_expression(value, env)
      call[arg] <- list(value)
    }
    if (is.language(value) && !arg %in% c("formula", "data", data_arguments) &&
        !same_meaning(value, env, where)) {
      # what came by the `...` of a function around vb() may have a meaning `where` alone
      value <- tryCatch(eval(value, env), error = function(e) value)
    }
    if (is.language(value) || is.null(value) || is_short(value)) next
    call[[arg]] <- if (arg == "family") family_call(family) else value_call(value, arg, env, where)
  }
  call
}

# What makes a value: itself where it is short, a call, or the name that it has in both places
value_call <- function(value, arg, env, where) {
  if (is_short(value)) return(value)
  if (inherits(value, "vb_prior")) return(prior_call(value))
  if (inherits(value, "vb_control")) return(control_call(value))
  if (is.list(value) && !is.object(value) && length(value)) {
    return(as.call(c(quote(list), lapply(value, value_call, arg, env, where))))
  }
  name <- as.name(name_of(value, env, arg))
  if (arg %in% c("data", data_arguments) || in_reach(name, value, env, where)) name else value
}

is_short <- function(x) is.atomic(x) && is.null(attributes(x)) && length(x) <= 8L

name_of <- function(value, env, otherwise) {
  places <- c(env, if (is.function(value)) asNamespace("stats"))
  for (place in places) {
    for (name in ls(place, sorted = FALSE)) {
      lazy <- rlang::env_binding_are_lazy(place, name) || rlang::env_binding_are_active(place, name)
      if (!lazy && rlang::is_reference(get(name, place), value)) return(name)
    }
  }
  otherwise
}
