# Gradients that were not given: an attribute of the value, a tape of RTMB, or differences.

# -> list(density, gradient, at_once), as new_target() takes them, for a function without a
# gradient. at_shape(target) is the target as a function of a column of numbers, `density` what
# plain_density() made of it.
find_gradient <- function(target, at_shape, density, init, vectorised, taped) {
  init <- matrix(init)
  value <- tryCatch(suppressWarnings(at_shape(target)(init)), error = function(e) NULL)
  if (!is.null(attr(value, "gradient"))) {
    return(list(density = density, gradient = "given", at_once = vectorised))
  }
  problem <- if (!taped) "{.pkg RTMB} cannot differentiate mini-batches."
    else if (!rlang::is_installed("RTMB")) "With {.pkg RTMB} installed it would be differentiated."
  if (is.null(problem) && is.numeric(value) && length(value) == 1L) {
    tape <- tryCatch(suppressWarnings(tape_density(target, at_shape, init)),
                     error = conditionMessage)
    if (is.function(tape)) return(list(density = tape, gradient = "RTMB", at_once = FALSE))
    problem <- "{.pkg RTMB} could not differentiate it: {tape}"
  }
  vb_inform(c("{.arg target} has no gradient: it is differenced, {2 * length(init)} values for each
               gradient.", i = problem, i = "{.arg gradient} may give it."))
  list(density = density, gradient = "differences", at_once = vectorised)
}

# The function as a tape of RTMB. A tape holds the branches that were taken where it was recorded,
# so it is compared with the function at another point, too.
tape_density <- function(target, at_shape, init) {
  tape <- RTMB::MakeTape(function(x) {
    dim(x) <- dim(init)
    at_shape(overloaded(target))(x)
  }, drop(init))
  there <- init + 0.01 * (1 + abs(init)) * cos(seq_along(init))
  for (x in list(init, there)) {
    value <- as.double(suppressWarnings(at_shape(target)(x)))
    if (is.finite(value) && !isTRUE(all.equal(tape(x), value, tolerance = 1e-8))) {
      vb_abort("target", "The tape has other values than the function.")
    }
  }
  function(theta, gradient) {
    list(value = as.double(tape(theta)), gradient = if (gradient) as.double(tape$jacobian(theta)))
  }
}

# The function with RTMB's own dnorm(), dgamma() ... and assignments in place of those that it would
# find: a user who never heard of RTMB means those of stats, and a function in a package would not
# find RTMB's assignments
overloaded <- function(f) {
  name <- intersect(all.names(body(f)), getNamespaceExports("RTMB"))
  from_stats <- vapply(name, function(n) {
    own <- get0(n, environment(f), mode = "function")
    identical(own, get0(n, asNamespace("stats"), inherits = FALSE))
  }, NA)
  assign <- stats::setNames(nm = c("[<-", "c", "diag<-"))
  env <- c(mget(name[from_stats], envir = asNamespace("RTMB")), lapply(assign, RTMB::ADoverload))
  environment(f) <- list2env(env, parent = environment(f))
  f
}

# ---- differences ---------------------------------------------------------------------------------

# function(x) of values at columns -> function(x) of list(value, gradient), by central differences.
# `unit`: the distance along each axis over which the log density changes by about one.
differenced <- function(value, unit) {
  step <- 5e-4 * unit
  n <- length(step)
  size <- max(1L, 4e6 %/% (n * (2L * n + 1L)))               # columns at a time: bounds the memory
  function(x) {
    out <- list(value = numeric(ncol(x)), gradient = matrix(0, n, ncol(x)))
    for (block in split(seq_len(ncol(x)), (seq_len(ncol(x)) - 1L) %/% size)) {
      at <- x[, rep(block, each = 2L * n + 1L), drop = FALSE]
      moved <- cbind(0, diag(step, n), diag(-step, n))
      v <- matrix(value(at + as.vector(moved)), 2L * n + 1L)
      out$value[block] <- v[1L, ]
      out$gradient[, block] <- (v[1L + seq_len(n), ] - v[1L + n + seq_len(n), ]) / (2 * step)
    }
    bad <- !is.finite(out$value + colSums(out$gradient))
    out$value[bad] <- -Inf
    out$gradient[, bad] <- 0
    out
  }
}

# The distance from x in a direction over which a log density changes by a nat, within a factor of
# four or so: near a mode that is about one posterior sd
unit_length <- function(value, x, direction, start = 0.1) {
  here <- value(matrix(x))
  change <- function(h) {
    range <- range(value(x + outer(direction, c(0, -h, h))))
    diff(range)
  }
  h <- start
  for (k in 1:40) {
    size <- change(h)
    if (!is.finite(size) || size > 4) h <- h / 4
    else if (size < 0.25 && h < 1e8) h <- h * 4
    else break
  }
  h
}
