#' Settings of the engine
#'
#' The defaults choose for themselves; these are for those who want to look, compare or force.
#'
#' @param tol Relative tolerance of the inner sweeps; of ADVI the Newton decrement (what a Newton
#'   step still promises, in nats) per parameter, below which a fit has converged.
#' @param max_sweep Most inner sweeps at one value of the hyperparameters.
#' @param nodes Most nodes at which the hyperparameters are integrated; `NULL` chooses, as does a
#'   number too small for that of the hyperparameters (up to six for each). From 1024 on, so many
#'   points are evaluated and weighted one by one instead of interpolated.
#' @param rq,lr,skew Residual quadrature, linear response and skewness corrections: `TRUE`,
#'   `FALSE`, or `NULL` to let the engine decide by their size.
#' @param solver `"auto"`, `"dense"` or `"sparse"`: how the coefficients that are shared between the
#'   levels of the largest grouping factor are solved for.
#' @param memory Gigabytes that a Cholesky factor of crossed grouping factors may take before
#'   [vb()] turns to `approximation = "partial"`; `NULL`: 60 percent of what is free.
#' @param noise,n_noise ADVI's draws: `"fixed"` ones make the bound a function that is maximised to
#'   the end, `"fresh"` ones are stochastic gradients; and their number, `NULL` to let it double
#'   until it is enough.
#' @param max_noise,noise_tol The most fixed draws, and the sampling error of the optimum, in
#'   posterior standard deviations, at which their number is doubled no more, or at which averages
#'   over fresh draws have settled; `NULL`: 0.02, and 0.1 of fresh draws.
#' @param rank The rank of `approximation = "lowrank"`; `NULL` chooses.
#' @param paths The number of Pathfinder's paths that ADVI starts from; 0: none, it starts where it
#'   is told to, which is for densities that are infinite somewhere; `NULL` chooses.
#' @param draws The number of draws that a fit by ADVI keeps, and on which its diagnostics stand;
#'   `NULL`: 1000 of [vb()], 4000 of [advi()].
#' @param max_iter The most iterations of ADVI; `NULL`: 1000, and 10000 of fresh draws.
#' @param batch With `noise = "fresh"` the number of rows in a mini-batch, or, named by a grouping
#'   factor as in `c(g = 50)`, of its levels with all their rows; `NULL`: all rows.
#' @return A list of class `vb_control` with these fields, for the `control` argument of [vb()];
#'   `NA` stands for a choice left to the engine.
#' @examples
#' vb_control(tol = 1e-8)
#' fit <- vb(breaks ~ wool + (1 | tension), warpbreaks, control = vb_control(nodes = 32))
#' @export
vb_control <- function(tol = 1e-6, max_sweep = 200L, nodes = NULL, rq = NULL, lr = NULL,
                       skew = NULL, solver = "auto", noise = c("fixed", "fresh"), n_noise = NULL,
                       max_noise = 1024L, noise_tol = NULL, rank = NULL, paths = NULL,
                       draws = NULL, max_iter = NULL, batch = NULL, memory = NULL) {
  check_number(tol, "tol", lower = .Machine$double.eps, upper = 0.1)
  check_number(max_sweep, "max_sweep", lower = 1, upper = 1e6, whole = TRUE)
  check_number(nodes, "nodes", lower = 1, upper = 1e5, whole = TRUE, null = TRUE)
  check_choice(solver, "solver", c(auto = TRUE, dense = TRUE, sparse = TRUE))
  noise <- pick_choice(noise, "noise", c("fixed", "fresh"))
  count <- list(n_noise = n_noise, max_noise = max_noise, rank = rank, paths = paths,
                draws = draws, max_iter = max_iter, batch = batch)
  least <- c(n_noise = 2, max_noise = 2, rank = 1, paths = 0, draws = 100, max_iter = 1, batch = 1)
  for (arg in names(count)) {
    check_number(count[[arg]], arg, lower = least[[arg]], upper = 1e8, whole = TRUE,
                 null = is.null(formals()[[arg]]))
  }
  check_number(noise_tol, "noise_tol", lower = 1e-8, upper = 10, null = TRUE)
  check_number(memory, "memory", lower = 0, upper = 1e6, null = TRUE)
  structure(c(list(
    tol = as.double(tol), max_sweep = as.integer(max_sweep),
    nodes = if (!is.null(nodes)) as.integer(nodes),
    rq = check_auto(rq, "rq"), lr = check_auto(lr, "lr"), skew = check_auto(skew, "skew"),
    solver = solver, noise = noise
  ), lapply(count, function(n) {
    if (is.null(n)) NULL else stats::setNames(as.integer(n), names(n))   # batch has one
  }),
  list(noise_tol = if (!is.null(noise_tol)) as.double(noise_tol),
       memory = if (!is.null(memory)) as.double(memory))), class = "vb_control")
}

check_auto <- function(x, arg) {
  if (is.null(x)) return(NA)
  check_flag(x, arg, na = TRUE)
  x
}

# Settings of another package's engine: a call of lme4's, which may not be there, or a list without
# anything of vb_control()'s.
is_foreign_control <- function(expr, control, env) {
  if (is_dot(expr)) expr <- dot_expression(expr, env)
  head <- if (is.call(expr)) deparse1(expr[[1L]]) else ""
  if (grepl("^(lme4::)?g?lmerControl$", head)) return(TRUE)
  inherits(control, "merControl") ||
    (is.list(control) && !is.object(control) && !any(names(control) %in% names(vb_control())))
}

check_control <- function(control) {
  if (!inherits(control, "vb_control")) {
    vb_abort("control", c("{.arg control} must come from {.fun vb_control}.",
                          x = "It is {describe_class(control)}."))
  }
}

# The call that makes these settings, for a stored call
control_call <- function(control) {
  changed <- !mapply(identical, unclass(control), unclass(vb_control())[names(control)])
  as.call(c(list(quote(vb_control)), unclass(control)[changed]))
}

verbose_default <- function() getOption("varbayes.verbose", TRUE)

full_control <- function(control, cores, verbose) {
  check_control(control)
  check_number(cores, "cores", lower = 1, upper = 1024, whole = TRUE)
  if (is.numeric(verbose)) verbose <- verbose > 0                      # lme4's
  check_flag(verbose, "verbose")
  c(unclass(control), list(cores = as.integer(cores), verbose = verbose))
}
