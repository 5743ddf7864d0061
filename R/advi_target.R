# What advi() makes of what the user has: a list
#   kind      "R function" ..., for printing
#   name      of the parameters that the density is given in
#   init      their values at the start
#   density   function(theta, gradient): the log density at the columns of theta, as
#             list(value, gradient); it may fail, and its values need not be finite
#   at_once   does it take many columns as fast as one?
#   gradient  how that is had: "given", "RTMB", "differences"
#   report    NULL, or function(theta): the parameters to report, a named row each
#   subsample NULL, or function(size, uniform), which chooses rows for a mini-batch

as_target <- function(target, init, gradient, ...) UseMethod("as_target")

new_target <- function(kind, name, init, density, gradient = "given", at_once = FALSE,
                       report = NULL, subsample = NULL) {
  list(kind = kind, name = parameter_names(name, length(init)), init = as.double(init),
       density = density, gradient = gradient, at_once = at_once, report = report,
       subsample = subsample)
}

# Names of their own for all: theta[1] ... where there are none, beta[1] ... where one is repeated
parameter_names <- function(name, n) {
  if (is.null(name)) name <- rep("theta", n)
  name[is.na(name) | name == ""] <- "theta"
  many <- name %in% name[duplicated(name)]
  count <- stats::ave(seq_along(name), name, FUN = seq_along)
  name[many] <- sprintf("%s[%d]", name, count)[many]
  make.unique(name)
}

no_gradient_argument <- function(gradient, what) {
  if (is.null(gradient)) return(invisible())
  vb_abort("gradient", c("{.arg gradient} is for a {.arg target} that is a function.",
                         i = "{what} has its own."))
}

# ---- what functions return -----------------------------------------------------------------------

# The `density` of a target from a function f and its gradient: g, or an attribute of f's values
plain_density <- function(f, g, vectorised) {
  function(theta, gradient) {
    value <- f(theta)
    slope <- if (gradient) if (is.null(g)) attr(value, "gradient") else g(theta)
    n <- ncol(theta)
    check_value(value, n)
    if (!gradient) return(list(value = as.double(value)))
    check_slope(slope, nrow(theta), n)
    list(value = as.double(value), gradient = if (vectorised) t(matrix(slope, n)) else slope)
  }
}

check_value <- function(value, n) {
  if ((is.numeric(value) || is.logical(value)) && length(value) == n) return(invisible())
  must <- if (n == 1L) "The log density must be one number."
    else "The log density must be {n} numbers, one for each row."
  vb_abort(c("target", "value"), c(must, x = "It is {describe(value)}."))
}

check_slope <- function(slope, dim, n) {
  if (is.numeric(slope) && length(slope) == dim * n) return(invisible())
  must <- if (n == 1L) "The gradient must be {dim} number{?s}, one for each parameter."
    else "The gradient must be a matrix of {n} rows and {cli::qty(dim)}{dim} column{?s}."
  vb_abort("gradient", c(must, x = "It is {describe(slope)}."))
}

check_init <- function(init) {
  if (is.null(init)) {
    vb_abort("init", c("{.arg init} is missing.",
                       i = "It tells the number of parameters and where to start: for example
                            {.code init = c(mu = 0, sigma = 1)}."))
  }
  if (!is.numeric(init) || !length(init) || !all(is.finite(init))) {
    vb_abort("init", c("{.arg init} must be finite numbers, one for each parameter.",
                       x = "It is {describe(init)}."))
  }
}

check_dots_none <- function(dots, known = NULL) {
  if (!length(dots)) return(invisible())
  given <- if (is.null(names(dots))) "" else names(dots)
  given <- ifelse(given == "", "one without a name", given)
  vb_abort("dots", c("{cli::qty(given)}Unknown argument{?s}: {.arg {given}}.",
                     i = if (length(known)) "Besides those of {.fun varbayes::advi} there {?is/are}
                       {.arg {known}}."
                     else "See {.fun varbayes::advi} for the arguments there are."))
}

no_batch <- function(batch, what) {
  if (is.null(batch)) return(invisible())
  vb_abort("batch", c("Mini-batches are for a {.arg target} that is a function of {.arg rows}.",
                      x = "{what} has all rows in it."))
}
