# The map from real numbers x to the parameters theta that a density is given in, made of blocks:
# values, log Jacobians and their gradients. Each column of a matrix is a point.

# ---- blocks --------------------------------------------------------------------------------------

# `dim`: reals it takes; `pull`: the gradient in x of g(theta) + log Jacobian, given that of g in
# theta; `inverse` gives what is not finite outside the domain; `axes`: names of the reals.
scalar_block <- function(name, link, shift = 0, scale = 1) {
  f <- links[[link]]
  shift <- rep_len(shift, length(name))
  scale <- rep_len(scale, length(name))
  list(
    dim = length(name),
    value = function(x) shift + scale * f$value(x),
    inverse = function(theta) f$inverse((theta - shift) / scale),
    log_jacobian = function(x) colSums(log(abs(scale)) + f$log_slope(x)),
    pull = function(x, g) g * scale * exp(f$log_slope(x)) + f$bend(x),
    axes = scalar_axes(name, link, shift, scale),
    margin = margin_rows(name, seq_along(name), link, shift, scale)
  )
}

scalar_axes <- function(name, link, shift, scale) {
  from <- ifelse(shift == 0, name, paste(name, "-", format_each(shift)))
  switch_side <- scale < 0
  from[switch_side] <- paste(format_each(shift), "-", name)[switch_side]
  axes <- list(
    identity = name,
    exp = sprintf("log(%s)", from),
    plogis = sprintf("logit(%s)", ifelse(scale == 1, from,
                                         sprintf("(%s) / %s", from, format_each(scale))))
  )
  axes[[link]]
}

format_each <- function(x) vapply(x, format, "", digits = 6L)

# theta = softmax(V x), V orthonormal and orthogonal to 1 (the isometric log ratio): no component is
# singled out, so that a Gaussian x suits all alike
simplex_block <- function(name) {
  k <- length(name)
  v <- stats::contr.helmert(k)
  v <- v %*% diag(1 / sqrt(colSums(v^2)), k - 1L)
  softmax <- function(x) {
    y <- v %*% x
    y <- exp(y - rep(apply(y, 2L, max), each = k))
    y / rep(colSums(y), each = k)
  }
  list(
    dim = k - 1L,
    value = softmax,
    inverse = function(theta) {
      if (any(theta <= 0) || abs(sum(theta) - 1) > 1e-6) rep(NA_real_, k - 1L)
      else drop(crossprod(v, log(theta)))
    },
    log_jacobian = function(x) log(k) / 2 + colSums(log(softmax(x))),
    pull = function(x, g) {
      p <- softmax(x)
      crossprod(v, p * (g - rep(colSums(p * g), each = k)) - k * p)
    },
    axes = sprintf("ilr(%s)", name[-1L]),
    margin = margin_rows(name)
  )
}

# theta_k = x_1 + exp(x_2) + ... + exp(x_k)
ordered_block <- function(name) {
  k <- length(name)
  steps <- function(x) rbind(x[1L, ], exp(x[-1L, , drop = FALSE]))
  below <- 1 * lower.tri(diag(k), diag = TRUE)
  list(
    dim = k,
    value = function(x) below %*% steps(x),
    inverse = function(theta) c(theta[1L], log(diff(theta))),
    log_jacobian = function(x) colSums(x[-1L, , drop = FALSE]),
    pull = function(x, g) {
      slope <- steps(x)
      slope[1L, ] <- 1
      slope * crossprod(below, g) + rep(c(0, rep(1, k - 1L)), ncol(x))
    },
    axes = c(name[1L], sprintf("log(%s - %s)", name[-1L], name[-k])),
    margin = margin_rows(name, c(1L, rep(NA_integer_, k - 1L)))
  )
}

transforms <- list(
  identity = function(name) scalar_block(name, "identity"),
  positive = function(name) scalar_block(name, "exp"),
  unit = function(name) scalar_block(name, "plogis"),
  simplex = simplex_block,
  ordered = ordered_block
)
of_vectors <- c("simplex", "ordered")

# ---- the map: all blocks -------------------------------------------------------------------------

# `at`: the parameters of each block
parameter_map <- function(name, at, blocks) {
  dims <- vapply(blocks, function(block) as.integer(block$dim), 0L)
  end <- cumsum(dims)
  margin <- margin_rows(name)
  for (k in seq_along(blocks)) {
    blocks[[k]]$at <- at[[k]]
    blocks[[k]]$axis <- seq(end[k] - dims[k] + 1L, length.out = dims[k])
    margin[at[[k]], ] <- blocks[[k]]$margin
    margin$axis[at[[k]]] <- blocks[[k]]$axis[blocks[[k]]$margin$axis]
  }
  list(blocks = blocks, name = name, dim = sum(dims), margin = margin,
       axes = unlist(lapply(blocks, function(block) block$axes)))
}

map_value <- function(map, x) {
  theta <- matrix(0, length(map$name), ncol(x))
  for (block in map$blocks) theta[block$at, ] <- block$value(x[block$axis, , drop = FALSE])
  theta
}

map_inverse <- function(map, theta) {
  x <- numeric(map$dim)
  for (block in map$blocks) x[block$axis] <- suppressWarnings(block$inverse(theta[block$at]))
  x
}

map_log_jacobian <- function(map, x) {
  total <- numeric(ncol(x))
  for (block in map$blocks) total <- total + block$log_jacobian(x[block$axis, , drop = FALSE])
  total
}

map_pull <- function(map, x, g) {
  out <- matrix(0, map$dim, ncol(x))
  for (block in map$blocks) {
    out[block$axis, ] <- block$pull(x[block$axis, , drop = FALSE], g[block$at, , drop = FALSE])
  }
  out
}

# ---- what the user asked for ---------------------------------------------------------------------

# Bounds and transforms of parameters called `name`
constrained_map <- function(name, lower = NULL, upper = NULL, transform = NULL) {
  lower <- bound_of(name, lower, "lower", -Inf)
  upper <- bound_of(name, upper, "upper", Inf)
  if (any(lower >= upper)) {
    at <- which(lower >= upper)[1L]
    vb_abort(c("lower", "upper"), c(
      "{.arg lower} must be below {.arg upper}.",
      x = "Of {.val {name[at]}} they are {lower[at]} and {upper[at]}."))
  }
  at <- transformed_at(name, transform)
  taken <- unlist(at)
  both <- taken[is.finite(lower[taken]) | is.finite(upper[taken])]
  if (length(both)) {
    vb_abort(c("transform", "lower", "upper"), c(
      "{.val {name[both]}} {?has/have} both a transform and a bound.",
      i = "Give one of them: a transform has bounds of its own."))
  }
  blocks <- Map(function(kind, row) transforms[[kind]](name[row]), as.character(transform), at)
  free <- setdiff(seq_along(name), taken)
  side <- is.finite(lower) + 2L * is.finite(upper)           # 0 none, 1 lower, 2 upper, 3 both
  for (k in unique(side[free])) {
    row <- free[side[free] == k]
    at <- c(at, list(row))
    blocks <- c(blocks, list(bounded_block(name[row], lower[row], upper[row])))
  }
  parameter_map(name, unname(at), unname(blocks))
}

# Parameters with the same kind of bounds
bounded_block <- function(name, lower, upper) {
  below <- is.finite(lower[1L])
  above <- is.finite(upper[1L])
  if (below && above) scalar_block(name, "plogis", lower, upper - lower)
  else if (below) scalar_block(name, "exp", lower, 1)
  else if (above) scalar_block(name, "exp", upper, -1)
  else scalar_block(name, "identity")
}

bound_of <- function(name, bound, arg, none) {
  if (is.null(bound)) return(rep(none, length(name)))
  bad <- !is.numeric(bound) || anyNA(bound)
  if (!bad && !is.null(names(bound))) {
    out <- rep(none, length(name))
    for (k in seq_along(bound)) out[named_parameters(name, names(bound)[k], arg)] <- bound[[k]]
    return(out)
  }
  if (bad || !length(bound) %in% c(1L, length(name))) {
    vb_abort(arg, c(
      "{.arg {arg}} must be numbers: one, one for each parameter, or named by parameters.",
      x = "It is {describe(bound)}; there {cli::qty(length(name))}{?is/are} {length(name)}
           parameter{?s}."))
  }
  rep_len(as.double(bound), length(name))
}

transformed_at <- function(name, transform) {
  if (is.null(transform)) return(list())
  known <- names(transforms)
  is_known <- vapply(transform, function(kind) is.character(kind) && all(kind %in% known), NA)
  if (is.null(names(transform)) || !all(lengths(transform) == 1L) || !all(is_known)) {
    vb_abort("transform", c(
      "{.arg transform} must be {.or {.val {known}}}, named by parameters.",
      i = "For example {.code transform = list(sigma = \"positive\", p = \"simplex\")}."))
  }
  at <- lapply(names(transform), named_parameters, name = name, arg = "transform")
  twice <- unlist(at)[duplicated(unlist(at))]
  if (length(twice)) {
    vb_abort("transform", "{.arg transform} speaks of {.val {name[twice]}} more than once.")
  }
  alone <- names(transform)[transform %in% of_vectors & lengths(at) < 2L]
  if (length(alone)) {
    vb_abort("transform", c(
      "A simplex or ordered vector has two or more elements: {.val {alone[1L]}} has one.",
      i = "The elements of {.val p} are called {.val p[1]}, {.val p[2]} ... or {.val p1},
           {.val p2} ..."))
  }
  at
}

# The parameter of that name, or the elements of the vector of that name: `p[1]`, `p[2]` or `p1`,
# `p2`
named_parameters <- function(name, wanted, arg) {
  if (wanted %in% name) return(which(name == wanted))
  base <- sub("(\\[[^]]*\\]|[0-9]+)$", "", name)
  at <- which(base == wanted & base != name)
  if (!length(at)) {
    vb_abort(arg, c("{.arg {arg}} names what is no parameter: {.val {wanted}}.",
                    i = "The parameters are {.val {name}}."))
  }
  at
}
