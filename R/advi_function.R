# Log densities that are functions of R; and what is no target at all.

# A function or list with a class attribute is not dispatched as one, and is sent on from here
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

check_gradient_function <- function(gradient) {
  if (is.function(gradient)) return(invisible())
  vb_abort("gradient", c("{.arg gradient} must be a function of the parameters.",
                         x = "It is {describe_class(gradient)}."))
}

# A density with an argument `rows` is told which rows to use: all, or the mini-batch of this
# iteration. A batch of m has one row from each of m stretches of equal length.
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
