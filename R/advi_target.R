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

# Functions and lists that have a class, too
#' @export
as_target.default <- function(target, init, gradient, ...) {
  if (is.function(target)) return(as_target.function(target, init, gradient, ...))
  if (is.list(target) && is.function(target$fn)) return(as_target.list(target, init, gradient, ...))
  hint <- if (inherits(target, c("stanmodel", "CmdStanModel"))) {
    "A Stan model needs its data: give the fit, such as {.code rstan::sampling(model, data, chains =
     0)}, {.code model$sample(data)} or a {.cls StanModel} of bridgestan."
  } else if (inherits(target, "formula")) {
    "For a formula there is {.code vb(formula, data, algorithm = \"advi\")}."
  }
  vb_abort("target", c(
    "{.arg target} must be a log density, or an object that has one.",
    x = "It is {describe_class(target)}.",
    i = "A function of the parameters, an object of {.fn MakeADFun} (TMB, RTMB), a {.pkg glmmTMB}
         fit, a {.cls stanfit}, a {.cls CmdStanFit}, a {.cls StanModel} of bridgestan, or a list of
         {.code fn} and {.code gr}.", i = hint))
}

no_gradient_argument <- function(gradient, what) {
  if (is.null(gradient)) return(invisible())
  vb_abort("gradient", c("{.arg gradient} is for a {.arg target} that is a function.",
                         i = "{what} has its own."))
}

# ---- functions -----------------------------------------------------------------------------------

#' @export
as_target.function <- function(target, init, gradient, ..., vectorised = FALSE, n_rows = NULL,
                               batch = NULL) {
  check_dots_none(list(...), c("vectorised", "n_rows"))
  check_init(init)
  check_flag(vectorised, "vectorised")
  rows <- row_chooser(target, n_rows, batch)
  name <- names(init)
  shape <- if (vectorised) {
    function(theta) {
      theta <- t(theta)
      colnames(theta) <- name
      theta
    }
  } else {
    function(theta) {
      theta <- drop(theta)
      names(theta) <- name
      theta
    }
  }
  at_shape <- function(f) {
    if (is.null(rows)) function(theta) f(shape(theta))
    else function(theta) f(shape(theta), rows$now())
  }
  f <- at_shape(target)
  if (!is.null(gradient)) check_gradient_function(gradient)
  g <- if (!is.null(gradient)) at_shape(gradient)
  density <- plain_density(f, g, vectorised)
  source <- if (!is.null(g)) list(density = density, gradient = "given", at_once = vectorised)
    else find_gradient(target, at_shape, density, as.double(init), vectorised, is.null(batch))
  new_target("R function", name, init, source$density, source$gradient, source$at_once,
             subsample = rows$choose)
}

# f, and g or the attribute that f's values have
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
  wanted <- if (n == 1L) "one number" else "{n} numbers, one for each row"
  vb_abort(c("target", "value"), c(paste0("The log density must be ", wanted, "."),
                                   x = "It is {describe(value)}."))
}

check_slope <- function(slope, dim, n) {
  if (is.numeric(slope) && length(slope) == dim * n) return(invisible())
  wanted <- if (n == 1L) "{dim} number{?s}, one for each parameter"
    else "a matrix of {n} rows and {dim} column{?s}"
  vb_abort("gradient", c(paste0("The gradient must be {cli::qty(dim)}", wanted, "."),
                         x = "It is {describe(slope)}."))
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

check_gradient_function <- function(gradient) {
  if (is.function(gradient)) return(invisible())
  vb_abort("gradient", c("{.arg gradient} must be a function of the parameters.",
                         x = "It is {describe_class(gradient)}."))
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

# A density that takes `rows` is told which: all, or those of the mini-batch of this iteration, one
# from each of as many stretches of rows.
row_chooser <- function(target, n_rows, batch) {
  takes <- "rows" %in% names(formals(args(target)))
  if (!takes && (!is.null(batch) || !is.null(n_rows))) {
    vb_abort(c("n_rows", "batch", "target"), c(
      "Mini-batches need a {.arg target} with an argument {.arg rows}.",
      i = "{.code function(theta, rows)} returns the log prior plus the log-likelihood of these rows
           times {.code n_rows / length(rows)}."))
  }
  if (!takes) return(NULL)
  check_number(n_rows, "n_rows", lower = 1, upper = .Machine$integer.max, whole = TRUE)
  all <- seq_len(n_rows)
  rows <- all
  list(
    now = function() rows,
    choose = function(size, uniform) {
      rows <<- if (size <= 0L || size >= n_rows) all
        else pmin(as.integer((seq_len(size) - 1 + uniform) * (n_rows / size)) + 1L, n_rows)
      NULL
    }
  )
}
