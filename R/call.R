# The pieces of vb() that concern the call itself: its choices, and what of it is stored.

choices_known <- list(
  algorithm = c("cavi", "advi"),
  bound = c("exact", "jj")
)

# of each algorithm; the first is its default, but for ADVI (advi_approximation())
approximations <- list(
  cavi = c("structured", "joint", "partial", "meanfield"),
  advi = c("fullrank", "lowrank", "meanfield", "pathfinder")
)

check_choices <- function(choices) {
  for (arg in names(choices_known)) check_choice(choices[[arg]], arg, offered(choices_known[[arg]]))
  advi <- choices$algorithm == "advi"
  known <- approximations[[choices$algorithm]]
  others <- setdiff(unlist(approximations), known)
  if (isTRUE(choices$approximation %in% others)) {
    vb_abort(c("approximation", "algorithm"), c(
      "{.code algorithm = {.val {choices$algorithm}}} has no {.code approximation =
       {.val {choices$approximation}}}.",
      i = "It may be {.or {.val {known}}}."))
  }
  if (!is.null(choices$approximation)) {
    check_choice(choices$approximation, "approximation", offered(known))
  }
  if (advi && choices$bound != "exact") {
    vb_abort(c("bound", "algorithm"), c(
      "{.code bound = {.val {choices$bound}}} is a bound of coordinate ascent.",
      i = "Leave {.arg bound} out, or use {.code algorithm = \"cavi\"}."))
  }
}

offered <- function(choices) stats::setNames(rep(TRUE, length(choices)), choices)

# What the engine took: where crossed factors are too large for a Cholesky factor, and nothing else
# was asked for, the partially factorised approximation.
approximation_used <- function(approximation, engine) {
  if (approximation != "structured" || engine$coupling == 0L) return(approximation)
  vb_inform(c("The crossed grouping factors are too large for a Cholesky factor: using
               {.code approximation = \"partial\"}.",
              i = "Standard deviations of random effects and hyperparameters may be too small.
                   {.code approximation = \"structured\"} takes the time it takes."))
  "partial"
}

# A horseshoe's coefficients are no Gaussian: coordinate ascent would have to have factors for their
# scales, which lose most of what the prior is for.
check_shrink <- function(spec, approximation) {
  if (!length(spec$shrink) || approximation == "structured") return(invisible())
  vb_abort(c("approximation", "prior"), c(
    "{.fun horseshoe} needs {.code approximation = \"structured\"}, coordinate ascent's.",
    i = "{.fun laplace} and {.fun cauchy} shrink under {.code approximation =
         \"{approximation}\"}."))
}

verbose_default <- function() getOption("varbayes.verbose", TRUE)

full_control <- function(control, cores, verbose) {
  check_control(control)
  check_number(cores, "cores", lower = 1, upper = 1024, whole = TRUE)
  check_flag(verbose, "verbose")
  c(unclass(control), list(cores = as.integer(cores), verbose = verbose))
}

missing_formula <- function(dots) {
  vb_abort("formula", c("{.arg formula} is missing.",
                        i = if ("object" %in% dots) "For a Stan model call {.code rstan::vb()}."))
}

# What model.frame() is to evaluate. `..1`, which a function around vb() leaves in the call, means
# nothing where model.frame() looks: its expression where the data have its variables, else its
# value.
frame_call <- function(call, data, env) {
  args <- c("subset", "weights", "offset")
  call <- call[c(1L, match(args, names(call), 0L))]
  for (arg in args[vapply(args, function(a) is_dot(call[[a]]), NA)]) {
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

# ---- the stored call -----------------------------------------------------------------------------

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

# ---- how the fit ended ---------------------------------------------------------------------------

stop_warnings <- list(
  interrupt = c("The fit was interrupted: this is what was found so far."),
  max_sweep = c("The fit did not converge in the sweeps allowed.",
                i = "Raise {.code vb_control(max_sweep = )}, rescale predictors of very different
                     size, or use tighter priors."),
  max_iter = c("The fit did not converge in the iterations allowed.",
               i = "Raise {.code vb_control(max_iter = )}, rescale predictors of very different
                    size, or use tighter priors."),
  "not finite" = c("The fit did not converge: the bound became infinite.",
                   i = "Look for extreme values in the data, and rescale predictors."),
  "not positive definite" = c("The fit did not converge: the curvature was lost.",
                              i = "Rescale predictors, or use proper and tighter priors.")
)

# Ctrl-C must stop more than this fit. Inside a function the interrupt is signalled again. A loop at
# top level cannot be told from a single call until the next fit begins at once: then it stops.
report_stop <- function(fit, env, seen = NULL, hint = not_finite_hint(seen)) {
  if (fit$converged) return(invisible())
  message <- stop_warnings[[if (nzchar(fit$stopped)) fit$stopped else "max_sweep"]]
  interrupted <- identical(fit$stopped, "interrupt")
  if (!interrupted) message <- c(message, hint)
  vb_warn(if (interrupted) "vb_interrupted" else "vb_not_converged", message)
  if (!interrupted) return(invisible())
  if (!identical(env, globalenv())) rlang::interrupt()
  last_interrupt$at <- proc.time()[[3L]]
}

last_interrupt <- new.env(parent = emptyenv())
last_interrupt$at <- -Inf

stop_loop <- function() {
  at_once <- proc.time()[[3L]] - last_interrupt$at < 0.3
  last_interrupt$at <- -Inf
  if (at_once) rlang::interrupt()
}

# No node at all, or none that is a number: there is nothing to return.
check_engine <- function(engine, family = NULL, seen = NULL) {
  if (length(engine$node$weight) && is.finite(sum(engine$node$mean, engine$point$hyper))) {
    return(invisible())
  }
  if (!is.null(seen)) check_finite_start(family, seen)
  reason <- stop_reasons[[engine$status + 1L]]
  reason <- stop_warnings[[if (nzchar(reason)) reason else "not finite"]]
  vb_abort("fit", c("The fit failed before there was any posterior to return.",
                    x = reason[[1L]], reason[-1L]))
}
