# ADVI of a density of the user's own: the generic, and the way from a target to a fit. as_target()
# in advi_target.R, advi_tmb.R and advi_stan.R reads what the user has.

#' ADVI for your own model
#'
#' Automatic differentiation variational inference: finds the Gaussian, on the scale of real
#' numbers, that is closest to a posterior known by its log density. Draws are fixed by default, so
#' that the bound is a function that is climbed to its top and the same target gives the same
#' numbers on every run; standard deviations are corrected by linear response; and Pareto k tells
#' how far to trust what is reported.
#'
#' The bound is maximised by L-BFGS and Newton steps from the best of some Pathfinder paths. The
#' fixed draws are antithetic and whitened, which makes the answer exact for Gaussian targets; their
#' number is doubled until the sampling error of the optimum is small (`noise_tol` of
#' [vb_control()]). A fit has converged when a further Newton step promises less than `tol` nats per
#' parameter.
#'
#' Where the density errs or is not finite the step that led there is shortened. What cannot be
#' mended is an error that says where; a wrong gradient is an error before anything is fitted.
#'
#' @section Targets:
#' \describe{
#'   \item{A function}{`target(theta)` returns the log density, up to a constant, of the parameters
#'     in the form of `init`. The gradient is `gradient(theta)`, or an attribute `"gradient"` of the
#'     value (as [stats::deriv()] makes); without either the function is taped by RTMB where that is
#'     installed, which is automatic differentiation, else differenced with a message.
#'     With `vectorised = TRUE`, `target` gets a matrix with a row per point and a column per
#'     parameter and returns a value per row, and `gradient` a matrix of that shape: one call for
#'     all draws of an iteration.}
#'   \item{An object of `TMB::MakeADFun()` or `RTMB::MakeADFun()`}{Its `fn` is the negative log
#'     density. With random effects the target is the joint density of all parameters, without
#'     the Laplace approximation, which is only where it starts; `joint = FALSE` is the density from
#'     which they are integrated out by it. Parameters are those of the template; they have no
#'     priors but the template's.}
#'   \item{A `glmmTMB` fit}{Its TMB object, with the model's names. Unless the model has priors the
#'     posterior is that under flat ones on the scale that glmmTMB works on, that of the logarithms
#'     of standard deviations; what is found is the part of it around the estimates.}
#'   \item{A `stanfit` of rstan, a `CmdStanFit` of cmdstanr (after `$init_model_methods()`), a
#'     `StanModel` of bridgestan}{The model with its data; `sampling(model, data, chains = 0)`
#'     suffices. `init` may be a list of values of the parameters.}
#'   \item{A list of functions `fn` and `gr`}{`sign = 1` says that `fn` is the log density, `-1`
#'     that it is its negative.}
#' }
#'
#' @section Bounds and transforms:
#' The density is that of the parameters themselves: where they are bounded, `advi()` works with
#' their logarithms and logits and adds the log Jacobians. `transform` is a list of `"positive"`,
#' `"unit"` (between 0 and 1), `"simplex"`, `"ordered"` (increasing) or `"identity"`, named by
#' parameters. A vector's name stands for its elements, which are called `p[1]`, `p[2]` or, as
#' `c(p = c(...))` names them, `p1`, `p2`; the density of a simplex is that of all but one of its
#' elements. Estimates, intervals and draws are reported for the parameters themselves.
#'
#' @section Mini-batches:
#' For data too large to be passed over often, `noise = "fresh"` and `control = vb_control(batch =
#' m)` give `target(theta, rows)`, and `gradient(theta, rows)`, `m` rows out of `n_rows` in each
#' iteration. `target` returns the log prior plus the log-likelihood of these rows times
#' `n_rows / length(rows)`.
#'
#' @param target What has the log density: see Targets.
#' @param init Where to start: a vector of the parameters, whose names name the results. Objects
#'   that know a start of their own need none.
#' @param gradient For a function, the gradient of the log density: a function of the same
#'   arguments.
#' @param approximation `"fullrank"`: any Gaussian, the default for up to 100 parameters;
#'   `"meanfield"`: independent ones, whose standard deviations and covariances are then corrected
#'   by linear response; `"lowrank"`: in between; `"pathfinder"`: the best Gaussian on the way to a
#'   mode.
#' @param noise `"fixed"`: the same draws throughout, independent of the session's random numbers,
#'   which they leave alone. `"fresh"`: new ones in each iteration, governed by [set.seed()];
#'   iterates are averaged.
#' @param n_noise The number of draws; `NULL` chooses.
#' @param lower,upper Bounds of the parameters: one number, one for each, or named by parameters.
#' @param transform A list of transforms named by parameters: see Bounds and transforms.
#' @param control Further settings, from [vb_control()].
#' @param verbose Show the progress of a slow fit? By default `getOption("varbayes.verbose", TRUE)`.
#' @param ... For functions `vectorised` and `n_rows`, for TMB and glmmTMB `joint`, for lists
#'   `sign`.
#' @return A fit of class [advifit].
#' @references
#' Giordano, R., Broderick, T. and Jordan, M. I. (2018). Covariances, robustness, and variational
#' Bayes. *Journal of Machine Learning Research*, 19(51), 1-49.
#'
#' Giordano, R., Ingram, M. and Broderick, T. (2024). Black box variational inference with a
#' deterministic objective: faster, more accurate, and even more black box. *Journal of Machine
#' Learning Research*, 25(18), 1-39.
#'
#' Kucukelbir, A., Tran, D., Ranganath, R., Gelman, A. and Blei, D. M. (2017). Automatic
#' differentiation variational inference. *Journal of Machine Learning Research*, 18(14), 1-45.
#'
#' Vehtari, A., Simpson, D., Gelman, A., Yao, Y. and Gabry, J. (2024). Pareto smoothed importance
#' sampling. *Journal of Machine Learning Research*, 25(72), 1-58.
#'
#' Zhang, L., Carpenter, B., Gelman, A. and Vehtari, A. (2022). Pathfinder: parallel quasi-Newton
#' variational inference. *Journal of Machine Learning Research*, 23(306), 1-49.
#' @examples
#' # a robust regression: the density of (a, b, sigma) and its gradient
#' log_density <- function(theta) {
#'   z <- (cars$dist - theta[["a"]] - theta[["b"]] * cars$speed) / theta[["sigma"]]
#'   sum(dt(z, 4, log = TRUE)) - nrow(cars) * log(theta[["sigma"]])
#' }
#' gradient <- function(theta) {
#'   z <- (cars$dist - theta[["a"]] - theta[["b"]] * cars$speed) / theta[["sigma"]]
#'   slope <- 5 * z / (4 + z^2)
#'   c(sum(slope), sum(slope * cars$speed), sum(slope * z) - nrow(cars)) / theta[["sigma"]]
#' }
#' fit <- advi(log_density, c(a = 0, b = 1, sigma = 10), gradient, lower = c(sigma = 0))
#' summary(fit)
#' @export
advi <- function(target, init, gradient = NULL, approximation = NULL,
                 noise = c("fixed", "fresh"), n_noise = NULL, lower, upper, transform,
                 control = vb_control(), verbose, ...) {
  if (missing(target)) {
    vb_abort("target", c("{.arg target} is missing.",
                         i = "It is a log density, or an object that has one: see {.fun advi}."))
  }
  UseMethod("advi")
}

#' @rdname advi
#' @export
advi.default <- function(target, init, gradient = NULL, approximation = NULL,
                         noise = c("fixed", "fresh"), n_noise = NULL, lower, upper, transform,
                         control = vb_control(), verbose, ...) {
  stop_loop()
  started <- fit_clock()
  env <- parent.frame()
  call <- match.call()
  call[[1L]] <- quote(advi)
  control <- full_control(control, 1L, if (missing(verbose)) verbose_default() else verbose)
  if (!missing(noise)) control$noise <- pick_choice(noise, "noise", c("fixed", "fresh"))
  if (!is.null(n_noise)) control$n_noise <- vb_control(n_noise = n_noise)$n_noise
  check_no_name(control$batch)
  density <- as_target(target, if (!missing(init)) init, gradient, batch = control$batch, ...)
  if (!is.null(density$restore)) on.exit(density$restore())
  map <- target_map(density, if (!missing(lower)) lower, if (!missing(upper)) upper,
                    if (!missing(transform)) transform)
  approximation <- advi_choice(approximation, map$dim)
  check_advi_control(control, approximation, map$dim)
  seen <- new_seen()
  result <- with_noise_stream(control$noise, climb(density, map, approximation, control, seen))
  check_result(result, density, seen)
  fit <- new_advifit(tidy_call(call, env, NULL), density, map, result, control,
                     fit_clock() - started)
  report_stop(fit, env, hint = where_not_finite(density, seen))
  fit
}

# Bounds and transforms are for densities of the parameters themselves. A target that reports other
# parameters than it is a density of, as a Stan model does, has transforms of its own.
target_map <- function(target, lower, upper, transform) {
  asked <- c("lower", "upper", "transform")[!c(is.null(lower), is.null(upper), is.null(transform))]
  if (length(asked) && !is.null(target$report)) {
    vb_abort(asked, c("A {target$kind} has bounds of its own: {.arg {asked}} {?does/do} not apply.",
                      i = "They are those of the parameters as the model declares them."))
  }
  constrained_map(target$name, lower, upper, transform)
}

# Checks the density at the start and climbs the bound -> the result of the C core
climb <- function(target, map, approximation, control, seen) {
  x <- map_inverse(map, target$init)
  check_inside(target, map, x)
  check_start(target)
  probe <- guarded_density(target, map, new_seen())
  value <- function(x) probe(x, FALSE)$value
  check_falls(value, x)
  eval <- guarded <- guarded_density(target, map, seen)
  if (target$gradient == "differences") {
    unit <- vapply(seq_along(x), function(k) unit_length(value, x, 1 * (seq_along(x) == k)), 0)
    with_gradient <- differenced(function(x) guarded(x, FALSE)$value, unit)
    eval <- function(x, gradient) if (gradient) with_gradient(x) else guarded(x, FALSE)
  } else {
    check_gradient(target, map, x)
  }
  stay <- isTRUE(target$settled) && approximation != "pathfinder"
  settings <- advi_settings(control, approximation, n_path = if (stay) 0L else 4L)
  fit_advi(list(dim = map$dim, eval = eval, start = x, subsample = target$subsample), settings)
}

check_inside <- function(target, map, x) {
  if (all(is.finite(x))) return(invisible())
  outside <- Filter(function(block) !all(is.finite(x[block$axis])), map$blocks)[[1L]]
  at <- outside$at
  if (length(outside$axis) == length(at)) at <- at[!is.finite(x[outside$axis])]
  vb_abort("init", c(
    "{.arg init} must be inside the bounds.",
    x = "Outside: {describe_theta(target$name[at], target$init[at])}.",
    i = "Elements of a simplex are positive and add up to 1, those of an ordered vector increase."))
}

# A result without finite numbers is an error, which says what was wrong with the density
check_result <- function(result, target, seen) {
  if (all(is.finite(result$mean), is.finite(result$sd), result$sd > 0)) return(invisible())
  reason <- stop_reason(result$status, "advi")
  if (identical(reason, "interrupt")) rlang::interrupt()
  where <- where_not_finite(target, seen)
  vb_abort(c("target", "fit"), c(
    "{.fun advi} failed before there was anything to return.",
    x = stop_warnings[[if (nzchar(reason)) reason else "not finite"]][[1L]],
    i = if (length(where)) "{where}",
    i = "Does the posterior end in every direction? A parameter that nothing holds needs a prior."))
}

# Text, not a template; NULL where every value was finite
where_not_finite <- function(target, seen) {
  if (is.null(seen$theta)) return(NULL)
  paste0("The log density was not finite at ", counted(seen$n, "point"), "; the first was ",
         describe_theta(target$name, seen$theta), ": ", seen$what)
}
