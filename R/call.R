# The call of a fit as it is stored.

missing_formula <- function(dots) {
  vb_abort("formula", c("{.arg formula} is missing.",
                        i = if ("object" %in% dots) "For a Stan model call {.code rstan::vb()}."))
}

# do.call() puts values into the call. Long ones give way to calls that make them, or to names: that
# of the same object where the caller has one, else the argument's own.
tidy_call <- function(call, env, family) {
  call[[1L]] <- call_head(call[[1L]])[[1L]]
  for (arg in names(call)[-1L]) {
    value <- call[[arg]]
    if (is_dot(value)) {
      value <- dot_expression(value, env)
      call[arg] <- list(value)
    }
    if (is.language(value) || is.null(value)) next
    if (is.atomic(value) && is.null(attributes(value)) && length(value) <= 8L) next
    call[[arg]] <- if (arg == "family") family_call(family)
      else if (inherits(value, "vb_prior")) prior_call(value)
      else if (inherits(value, "vb_control")) control_call(value)
      else as.name(name_of(value, env, arg))
  }
  call
}

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
