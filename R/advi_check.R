# What is looked at before advi() starts: is there a density, and is the gradient that of it?

# The log density as a function of the real numbers x that never fails: where the user's function
# errs, or is not finite, the value is -Inf and the gradient 0. `seen` keeps the first such point
# and how many there were.
guarded_density <- function(target, map, seen) {
  value_at <- function(x, gradient) {
    theta <- map_value(map, x)
    got <- evaluate(target, theta, gradient, seen)
    value <- got$value + map_log_jacobian(map, x)
    slope <- if (gradient) map_pull(map, x, got$gradient)
    bad <- !is.finite(value)
    if (gradient) bad <- bad | !is.finite(colSums(slope))
    if (any(bad)) {
      note_bad(seen, theta[, which(bad)[1L]], got$value[which(bad)[1L]], sum(bad))
      value[bad] <- -Inf
      if (gradient) slope[, bad] <- 0
    }
    list(value = value, gradient = slope)
  }
  function(x, gradient) suspendInterrupts(value_at(x, gradient))
}

note_bad <- function(seen, theta, value, n) {
  if (is.null(seen$theta)) {
    seen$theta <- theta
    seen$what <- if (is.null(seen$message)) paste("it was", value)
      else paste("it failed:", seen$message)
  }
  seen$n <- seen$n + n
}

# Where the target errs its value is NA; the message of the first error is kept in `seen`
evaluate <- function(target, theta, gradient, seen) {
  withCallingHandlers(
    if (target$at_once) evaluate_at_once(target, theta, gradient, seen)
    else evaluate_columns(target, theta, gradient, seen),
    warning = function(w) invokeRestart("muffleWarning"))
}

evaluate_at_once <- function(target, theta, gradient, seen) {
  got <- tryCatch(target$density(theta, gradient), error = function(e) NULL)
  if (is.null(got)) evaluate_columns(target, theta, gradient, seen) else got
}

evaluate_columns <- function(target, theta, gradient, seen) {
  n <- ncol(theta)
  value <- rep(NA_real_, n)
  slope <- if (gradient) matrix(0, nrow(theta), n)
  i <- 0L
  while (i < n) tryCatch({                     # after an error with the column after
    while (i < n) {
      i <- i + 1L
      got <- target$density(theta[, i, drop = FALSE], gradient)
      value[i] <- got$value
      if (gradient) slope[, i] <- got$gradient
    }
  }, error = function(e) {
    value[i] <<- NA_real_
    if (is.null(seen$message)) seen$message <- conditionMessage(e)
  })
  list(value = value, gradient = slope)
}

# ---- the start -----------------------------------------------------------------------------------

# Asks the target itself, unguarded, so that mistakes are reported as what they are: an error, a
# value of the wrong shape, no density at `init`, columns that are mixed up
check_start <- function(target) {
  theta <- matrix(target$init)
  value <- at_start(target, theta, FALSE)$value
  if (!is.finite(value)) {
    vb_abort(c("init", "target"), c(
      "The log density is not finite at {.arg init}.",
      x = "It is {value} at {describe_theta(target$name, theta)}.",
      i = "Start where it is finite; {.arg lower}, {.arg upper} and {.arg transform} keep
           parameters inside their bounds."))
  }
  wanted <- target$gradient != "differences"
  got <- at_start(target, theta, wanted)
  if (wanted && !all(is.finite(got$gradient))) {
    at <- target$name[!is.finite(got$gradient)]
    vb_abort(c("gradient", "init"), c(
      "The gradient is not finite at {.arg init}.", x = "Not in {.val {at}}.",
      i = "{.arg init} is {describe_theta(target$name, theta)}."))
  }
  if (target$at_once) check_columns(target, theta, got, wanted)
}

at_start <- function(target, theta, gradient) {
  withCallingHandlers(
    tryCatch(target$density(theta, gradient), error = function(e) {
      if (inherits(e, "vb_error")) rlang::cnd_signal(e)
      what <- if (gradient) "gradient" else "target"
      message <- conditionMessage(e)
      vb_abort(unique(c(what, "target", "init")), c(
        "{.arg {what}} failed at {.arg init}.", x = "{message}",
        i = "{.arg init} is {describe_theta(target$name, theta)}."))
    }),
    warning = function(w) invokeRestart("muffleWarning"))
}

# A function that is not vectorised gives a point another value among several than alone
check_columns <- function(target, theta, one, wanted) {
  several <- tryCatch(
    target$density(cbind(theta, theta * (1 + 1e-4) + 1e-6, theta), wanted),
    error = conditionMessage)
  failed <- is.character(several)
  same <- function(a, b) isTRUE(all.equal(as.double(a), as.double(b), tolerance = 1e-8))
  value <- !failed && same(several$value[c(1L, 3L)], rep(one$value, 2L))
  slope <- !failed && (!wanted || same(several$gradient[, c(1L, 3L)], rep(one$gradient, 2L)))
  if (value && slope) return(invisible())
  vb_abort(c("target", "vectorised"), c(
    "{.arg {if (value) 'gradient' else 'target'}} is not vectorised over the rows of its argument.",
    x = if (failed) "{several}"
      else "At {.arg init} it has other values among further rows than alone.",
    i = "With {.code vectorised = TRUE} {.arg target} gets a matrix with a row per point and returns
         a value per row, {.arg gradient} a matrix of the same shape."))
}

# "mu = 1, sigma = 0.2 ... and 10 more"
describe_theta <- function(name, theta, most = 8L) {
  shown <- seq_len(min(length(name), most))
  text <- paste(name[shown], vapply(theta[shown], format, "", digits = 5L), sep = " = ",
                collapse = ", ")
  more <- length(name) - length(shown)
  paste0(text, if (more > 0L) sprintf(" ... and %d more", more))
}

# Far out a log density falls. One that rises at both ends of each of four random lines is most
# likely a negative log density, which is what optimisers take.
check_falls <- function(value, x) {
  far <- vapply(1:4, function(k) {
    u <- stats::rnorm(length(x))
    value(x + outer(u * 1000 * unit_length(value, x, u), c(-1, 1)))
  }, numeric(2))
  if (!all(is.finite(far)) || any(far < value(matrix(x)) + 100)) return(invisible())
  vb_abort("target", c("The log density grows in every direction: it is not that of a posterior.",
                       i = "Is it the negative log density?"))
}

# ---- the gradient --------------------------------------------------------------------------------

# Compares the gradient with differences, as slopes along two random directions at x and two near
# it. In the first of each two all parameters count alike, whatever their units; in the second,
# those count most whose gradient is largest.
check_gradient <- function(target, map, x) {
  seen <- new_seen()
  value <- function(x) evaluate(target, map_value(map, x), FALSE, seen)$value
  slopes <- function(x) {
    g <- given_gradient(target, map, x)
    size <- abs(g)
    least <- if (any(size > 0)) c(stats::median(size[size > 0]) / 100, max(size)) else 1
    lapply(least, function(least) {
      u <- sample(c(-1, 1), length(g), TRUE) * stats::runif(length(g), 0.5, 1.5)
      compare_slopes(value, x, u / pmax(size, least), g)
    })
  }
  u <- stats::rnorm(length(x))
  near <- x + u * unit_length(value, x, u) / 2
  found <- do.call(rbind, c(slopes(x), slopes(near)))
  found <- found[is.finite(found$given) & is.finite(found$expected), , drop = FALSE]
  off <- abs(found$given - found$expected) > found$tol
  if (any(off)) gradient_error(target, map, near, value, found, which(off)[1L])
}

new_seen <- function() list2env(list(n = 0L), parent = emptyenv())

# The target's gradient in x, without what the log Jacobian adds
given_gradient <- function(target, map, x) {
  x <- matrix(x)
  g <- evaluate(target, map_value(map, x), TRUE, new_seen())$gradient
  drop(map_pull(map, x, matrix(g)) - map_pull(map, x, 0 * matrix(g)))
}

# Slopes in nats per unit length of the direction. Where the two differences disagree the tolerance
# is larger by as much.
compare_slopes <- function(value, x, direction, gradient) {
  unit <- unit_length(value, x, direction)
  h <- unit * 2e-2 * c(1, -1, 1 / 2, -1 / 2)
  v <- value(x + outer(direction, h))
  rough <- (v[1L] - v[2L]) / (2 * h[1L])
  fine <- (v[3L] - v[4L]) / (2 * h[3L])
  expected <- unit * (4 * fine - rough) / 3
  given <- unit * sum(gradient * direction)
  tol <- 1e-3 * (1 + max(abs(expected), abs(given))) + 10 * unit * abs(fine - rough)
  data.frame(given = given, expected = expected, tol = tol)
}

gradient_error <- function(target, map, x, value, found, k) {
  clear <- abs(found$expected) > 3 * found$tol
  ratio <- (found$given / found$expected)[clear]
  same <- length(ratio) && diff(range(ratio)) < 0.02 * abs(ratio[1L])
  hint <- if (same && abs(ratio[1L] + 1) < 0.02) {
    "The gradient has the opposite sign: is it that of the negative log density?"
  } else if (same && abs(ratio[1L] - 1) > 0.05) {
    "The gradient is {signif(ratio[1L], 3)} times the derivative: one of the two has a factor that
     the other has not."
  } else {
    wrong <- wrong_axes(target, map, x, value)
    if (length(wrong)) "They differ in {.val {wrong}}."
  }
  given <- signif(found$given[k], 4L)
  expected <- signif(found$expected[k], 4L)
  vb_abort("gradient", c(
    "The gradient is not that of the log density.",
    x = "Along a direction from {.arg init} it gives the slope {given}, differences of the log
         density {expected}.", i = hint))
}

wrong_axes <- function(target, map, x, value) {
  axis <- seq_len(min(map$dim, 200L))
  g <- given_gradient(target, map, x)
  off <- vapply(axis, function(k) {
    found <- compare_slopes(value, x, 1 * (seq_len(map$dim) == k), g)
    abs(found$given - found$expected) - found$tol
  }, 0)
  map$axes[axis[which(off > 0)]]
}
