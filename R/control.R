#' Settings of the engine
#'
#' The defaults choose for themselves; these are for those who want to look, compare or force.
#'
#' @param tol Relative tolerance of the inner sweeps.
#' @param max_sweep Most inner sweeps at one value of the hyperparameters.
#' @param nodes Most nodes at which the hyperparameters are integrated; `NULL` chooses. From 1024
#'   on, so many points are evaluated and weighted one by one instead of interpolated.
#' @param rq,lr,skew Residual quadrature, linear response and skewness corrections: `TRUE`,
#'   `FALSE`, or `NULL` to let the engine decide by their size.
#' @param solver `"auto"`, `"dense"` or `"sparse"`: how the coefficients that are shared between the
#'   levels of the largest grouping factor are solved for.
#' @return A list of class `vb_control` with these fields, for the `control` argument of [vb()];
#'   `NA` stands for a choice left to the engine.
#' @examples
#' vb_control(tol = 1e-8)
#' fit <- vb(breaks ~ wool + (1 | tension), warpbreaks, control = vb_control(nodes = 32))
#' @export
vb_control <- function(tol = 1e-6, max_sweep = 200L, nodes = NULL, rq = NULL, lr = NULL,
                       skew = NULL, solver = "auto") {
  check_number(tol, "tol", lower = .Machine$double.eps, upper = 0.1)
  check_number(max_sweep, "max_sweep", lower = 1, upper = 1e6, whole = TRUE)
  check_number(nodes, "nodes", lower = 1, upper = 1e5, whole = TRUE, null = TRUE)
  check_choice(solver, "solver", c(auto = TRUE, dense = TRUE, sparse = TRUE))
  structure(list(
    tol = as.double(tol), max_sweep = as.integer(max_sweep),
    nodes = if (!is.null(nodes)) as.integer(nodes),
    rq = check_auto(rq, "rq"), lr = check_auto(lr, "lr"), skew = check_auto(skew, "skew"),
    solver = solver
  ), class = "vb_control")
}

check_auto <- function(x, arg) {
  if (is.null(x)) return(NA)
  check_flag(x, arg, na = TRUE)
  x
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
