# Stan models that are compiled and have their data, of rstan, cmdstanr and bridgestan. They are
# densities of real numbers, by transforms of Stan's; what is reported are the parameters as the
# model declares them.

#' @export
as_target.stanfit <- function(target, init, gradient, ..., batch = NULL) {
  check_stan_arguments(list(...), gradient, batch)
  dim <- tryCatch(rstan::get_num_upars(target), error = function(e) 0L)
  if (!length(dim) || dim < 1L) {
    vb_abort("target", c("The {.cls stanfit} has no compiled model in this session.",
                         i = "Fits that were saved have lost theirs:
                              {.code rstan::sampling(model, data, chains = 0)} makes one."))
  }
  stan_target("Stan model (rstan)", dim, init,
    unconstrain = function(values) rstan::unconstrain_pars(target, values),
    default = function() rstan_init(target, dim),
    value = function(u) rstan::log_prob(target, u),
    both = function(u) {
      slope <- rstan::grad_log_prob(target, u)
      list(value = attr(slope, "log_prob"), gradient = slope)
    },
    constrain = function(u) flat_values(rstan::constrain_pars(target, u))
  )
}

# The first chain's initial values where there was sampling, else zeros
rstan_init <- function(target, dim) {
  init <- tryCatch(rstan::unconstrain_pars(target, rstan::get_inits(target)[[1L]]),
                   error = function(e) NULL)
  if (length(init) == dim && all(is.finite(init))) init else numeric(dim)
}

#' @export
as_target.CmdStanFit <- function(target, init, gradient, ..., batch = NULL) {
  check_stan_arguments(list(...), gradient, batch)
  default <- tryCatch(first_draw(target$unconstrain_draws()), error = function(e) {
    message <- conditionMessage(e)
    vb_abort("target", c("The {.cls CmdStanFit} could not be asked for its density.",
                         x = "{message}",
                         i = "Call its method {.code $init_model_methods()} first."))
  })
  stan_target("Stan model (cmdstanr)", length(default), init,
    unconstrain = function(values) target$unconstrain_variables(values),
    default = function() default,
    value = function(u) target$log_prob(u),
    both = function(u) {
      slope <- target$grad_log_prob(u)
      list(value = attr(slope, "log_prob"), gradient = slope)
    },
    constrain = function(u) flat_values(target$constrain_variables(u))
  )
}

# Of draws in any of the forms that cmdstanr gave them over time: lists of chains of draws, arrays
# or matrices
first_draw <- function(draws) {
  if (is.list(draws) && !is.data.frame(draws)) return(as.double(unlist(draws[[1L]][[1L]])))
  if (is.data.frame(draws)) {
    return(as.double(unlist(draws[1L, setdiff(names(draws), c(".chain", ".iteration", ".draw"))])))
  }
  draws <- unclass(draws)
  as.double(if (length(dim(draws)) == 3L) draws[1L, 1L, ] else draws[1L, ])
}

#' @export
as_target.StanModel <- function(target, init, gradient, ..., batch = NULL) {
  check_stan_arguments(list(...), gradient, batch)
  dim <- target$param_unc_num()
  name <- bracketed(target$param_names(include_tp = TRUE))
  stan_target("Stan model (bridgestan)", dim, init,
    unconstrain = function(values) target$param_unconstrain(unlist(values)),
    default = function() numeric(dim),
    value = function(u) target$log_density(u, propto = FALSE),
    both = function(u) {
      got <- target$log_density_gradient(u, propto = FALSE)
      list(value = got$val, gradient = got$gradient)
    },
    constrain = function(u) stats::setNames(target$param_constrain(u, include_tp = TRUE), name),
    name = bracketed(target$param_unc_names())
  )
}

check_stan_arguments <- function(dots, gradient, batch) {
  check_dots_none(dots)
  no_gradient_argument(gradient, "A Stan model")
  no_batch(batch, "A Stan model")
}

# `init`: real numbers, or a list of values as the model declares them
stan_target <- function(kind, dim, init, unconstrain, default, value, both, constrain,
                        name = sprintf("u[%d]", seq_len(dim))) {
  if (is.list(init)) {
    init <- tryCatch(unconstrain(init), error = function(e) {
      message <- conditionMessage(e)
      vb_abort("init", c("{.arg init} does not fit the model's parameters.", x = "{message}"))
    })
  }
  if (is.null(init)) init <- default()
  check_init(init)
  if (length(init) != dim) {
    vb_abort("init", c(
      "{.arg init} must have {dim} number{?s}, one for each unconstrained parameter.",
      x = "It is {describe(init)}.",
      i = "It may also be a list of values of the parameters, as the model declares them."))
  }
  density <- function(theta, gradient) {
    u <- drop(theta)
    if (!gradient) return(list(value = value(u)))
    got <- both(u)
    list(value = got$value, gradient = as.double(got$gradient))
  }
  report <- function(theta) {
    first <- constrain(theta[, 1L])
    out <- apply(theta, 2L, function(u) as.double(constrain(u)))
    matrix(out, length(first), dimnames = list(names(first), NULL))
  }
  new_target(kind, name, init, density, report = report)
}

# list(a = 1, b = c(2, 3)) -> c(a = 1, `b[1]` = 2, `b[2]` = 3)
flat_values <- function(values) {
  name <- lapply(names(values), function(name) {
    dim <- dim(values[[name]])
    if (is.null(dim)) dim <- length(values[[name]])
    if (identical(as.integer(dim), 1L) && is.null(dim(values[[name]]))) return(name)
    index <- arrayInd(seq_len(prod(dim)), dim)
    sprintf("%s[%s]", name, apply(index, 1L, paste, collapse = ","))
  })
  stats::setNames(as.double(unlist(values)), unlist(name))
}

# beta.1.2 -> beta[1,2]
bracketed <- function(name) {
  index <- grepl("[.][0-9.]+$", name)
  base <- sub("[.][0-9.]+$", "", name)
  at <- gsub(".", ",", substring(name, nchar(base) + 2L), fixed = TRUE)
  ifelse(index, sprintf("%s[%s]", base, at), name)
}
