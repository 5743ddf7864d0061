# Levels and times of structured terms that were not in the data, given those that were.
#
# Of a field's new levels, `n` of them, `unseen` is a list of
#   label    their names, in an order of the field's kind; member: which are new members of a
#            population, that need allowing; exchangeable: are they as any that the data have?
#   level    rows x members, the level of each from 1, or 0 where it was in the data; weight,
#   mean     n x coefficients of the field, those among the fixed columns first: what the new levels
#            have of these whatever the hyperparameters; it goes into the rows' columns,
#   law      a row of `unseen_laws`: what else they have, and what it reads,
#   field, first, hyper    the field, the coefficients before its first, and its hyperparameters.

# ---- laws ----------------------------------------------------------------------------------------
# Each row has functions of the law's fields `u` and of hyperparameters, a column each of a node or
# of a draw:
#   column    coefficients of the field that levels have multiples of, n x columns; 0: none
#   mean      (u, hyper) the multiples, a list of n x hyper for each column
#   var       (u, hyper) n x hyper, the variance that is the levels' own
#   draw      (u, hyper, coef) n x hyper, all that is not in the rows' columns, jointly

# Covariance sd^2 root root', whatever else; `root` NULL: the identity
scaled_law <- list(
  column = function(u) matrix(0L, u$n, 0L),
  mean = function(u, hyper) list(),
  var = function(u, hyper) {
    outer(if (is.null(u$root)) rep(1, u$n) else rowSums(u$root^2), hyper[1L, ]^2)
  },
  draw = function(u, hyper, coef) {
    n <- if (is.null(u$root)) u$n else ncol(u$root)
    z <- matrix(stats::rnorm(n * ncol(hyper)), n)
    if (!is.null(u$root)) z <- u$root %*% z
    z * rep(hyper[1L, ], each = u$n)
  }
)

# Of a stationary autoregression a time is known by its neighbours: `before` and `after` those in
# the data, `gap` the distances, infinite where there is none. For joint draws `last` is the new
# time before it, if that is nearer, and levels are in the order of time.
ar1_law <- list(
  column = function(u) cbind(u$before, u$after),
  mean = function(u, hyper) {
    between(hyper[2L, ], u$gap_before, u$gap_after)[c("before", "after")]
  },
  var = function(u, hyper) {
    between(hyper[2L, ], u$gap_before, u$gap_after)$var * rep(hyper[1L, ]^2, each = u$n)
  },
  draw = function(u, hyper, coef) {
    out <- matrix(0, u$n, ncol(hyper))
    gap <- ifelse(u$last > 0L, u$gap_last, u$gap_before)
    at <- between(hyper[2L, ], gap, u$gap_after)
    sd <- sqrt(at$var) * rep(hyper[1L, ], each = u$n)
    z <- matrix(stats::rnorm(length(out)), u$n)
    for (k in seq_len(u$n)) {
      before <- if (u$last[k]) out[u$last[k], ] else if (u$before[k]) coef[u$before[k], ] else 0
      after <- if (u$after[k]) coef[u$after[k], ] else 0
      out[k, ] <- at$before[k, ] * before + at$after[k, ] * after + sd[k, ] * z[k, ]
    }
    out
  }
)

unseen_laws <- list(scaled = scaled_law, ar1 = ar1_law)

# x_t given x_s and x_v, s < t < v, of unit variance: the multiples and the variance, times x rho.
# With a = rho^(2 (t - s)) and b = rho^(2 (v - t)) they are
#   rho^(t - s) (1 - b) / (1 - a b), rho^(v - t) (1 - a) / (1 - a b), (1 - a) (1 - b) / (1 - a b).
between <- function(rho, before, after) {
  left <- function(gap) -expm1(2 * outer(gap, log(abs(rho))))          # 1 - rho^(2 gap)
  power <- function(gap) {
    near <- is.finite(gap)
    near * outer(ifelse(near, gap, 0), rho, function(g, r) r^g)
  }
  by <- left(before + after)
  list(before = power(before) * left(after) / by, after = power(after) * left(before) / by,
       var = left(before) * left(after) / by)
}

# ---- what a field has of its levels --------------------------------------------------------------

# A matrix with the columns of a field whose rows have levels, one or several: `members` is a list
# of `level`, a list of vectors, and their `weight`. Its attribute "unseen" has what is known of
# those that were not in the data, by what the function `unseen`, (field, values, level), says of
# them.
level_columns <- function(field, values, members, unseen) {
  code <- lapply(members$level, match, field$levels)
  new <- unique(unlist(Map(function(level, code) level[is.na(code)], members$level, code)))
  unseen <- if (length(new)) unseen(field, values, new)
  if (length(unseen$order)) new <- unseen$order
  x <- 0
  for (j in seq_along(code)) {
    at <- match(members$level[[j]], new)
    x <- x + members$weight[[j]] * rows_of_levels(field, code[[j]], at, unseen$mean)
  }
  if (length(new)) {
    level <- vapply(members$level, match, integer(nrow(x)), new, nomatch = 0L)
    dim(level) <- c(nrow(x), length(code))
    weight <- matrix(as.double(unlist(members$weight)), nrow(x))
    unseen[c("mean", "order")] <- NULL
    attr(x, "unseen") <- c(unseen, list(n = length(new), label = new), once_each(level, weight))
  }
  x
}

# Rows of the basis, or of the identity; `mean` has those of new levels, NULL: they have none
rows_of_levels <- function(field, code, new, mean) {
  seen <- which(!is.na(code))
  if (is.null(field$basis)) {
    x <- matrix(0, length(code), length(field$levels))
    x[cbind(seen, code[seen])] <- 1
  } else {
    x <- matrix(0, length(code), ncol(field$basis))
    x[seen, ] <- field$basis[code[seen], , drop = FALSE]
  }
  rest <- which(is.na(code))
  if (!is.null(mean)) x[rest, ] <- mean[new[rest], , drop = FALSE]
  x
}

# A row may have one level twice
once_each <- function(level, weight) {
  for (j in seq_len(ncol(level))[-1L]) for (i in seq_len(j - 1L)) {
    same <- which(level[, i] == level[, j] & level[, j] > 0L)
    weight[same, i] <- weight[same, i] + weight[same, j]
    level[same, j] <- 0L
  }
  list(level = level, weight = weight)
}

# root root' = cov, of any rank
covariance_root <- function(cov) {
  scale <- max(diag(cov), 0)
  if (scale == 0) return(matrix(0, nrow(cov), 1L))
  root <- suppressWarnings(chol(cov / scale, pivot = TRUE, tol = 1e-14))
  rank <- attr(root, "rank")
  order <- order(attr(root, "pivot"))
  sqrt(scale) * t(root[seq_len(rank), order, drop = FALSE])
}

# Those of columns of fields, each with the place and the names that it has in a fit
unseen_of <- function(fields, columns) {
  first <- cumsum(c(0L, field_sizes(fields)))
  out <- lapply(seq_along(fields), function(k) {
    u <- attr(columns[[k]], "unseen")
    if (is.null(u)) return(NULL)
    c(u, list(field = k, first = first[k], hyper = field_hyper(fields[k])$name))
  })
  Filter(length, out)
}

# Of rows of which some are `known`
all_rows_of <- function(unseen, known) {
  if (is.null(unseen)) return(NULL)
  fill <- function(x) {
    out <- matrix(x[0L], length(known), ncol(x))
    out[] <- 0L
    out[known, ] <- x
    out
  }
  unseen[c("level", "weight")] <- lapply(unseen[c("level", "weight")], fill)
  unseen
}

# ---- rows that have them -------------------------------------------------------------------------

keep_unseen <- function(unseen, keep) {
  lapply(unseen, function(u) {
    u[c("level", "weight")] <- lapply(u[c("level", "weight")], function(x) x[keep, , drop = FALSE])
    u
  })
}

has_unseen <- function(rows) {
  Reduce(`|`, lapply(rows$unseen, function(u) rowSums(u$level > 0L) > 0), logical(nrow(rows$x)))
}

# Is the mean of unseen levels no combination of the coefficients' means?
moved_by_theta <- function(rows) {
  moved <- Filter(function(u) ncol(unseen_laws[[u$law]]$column(u)) > 0L, rows$unseen)
  has_unseen(list(x = rows$x, unseen = moved))
}

# As C's vb_unseen
told_unseen <- function(fit, rows) {
  lapply(rows$unseen, function(u) {
    law <- unseen_laws[[u$law]]
    hyper <- fit$engine$node$hyper[match(u$hyper, fit$hyper$name), , drop = FALSE]
    column <- law$column(u)
    mean <- law$mean(u, hyper)
    first <- length(fit$fixed$names) + u$first
    list(level = u$level, weight = u$weight,
         column = array(as.integer((column > 0L) * (first + column)), dim(column)),
         mean = as.double(aperm(array(as.double(unlist(mean)),
                                      c(u$n, ncol(hyper), length(mean))), c(1L, 3L, 2L))),
         var = as.double(law$var(u, hyper)))
  })
}

# The field's coefficients and hyperparameters, a column each draw
of_field <- function(fit, u, sample) {
  own <- length(fit$fixed$names) + u$first + seq_len(field_sizes(fit$fields[u$field]))
  list(coef = sample$coef[own, , drop = FALSE],
       hyper = sample$hyper[match(u$hyper, fit$hyper$name), , drop = FALSE])
}

# What unseen levels have beyond the rows' columns, n x draws for each field that has them
unseen_draws <- function(fit, unseen, sample, new = "gaussian") {
  lapply(unseen, function(u) new_field_effects[[new]](u, of_field(fit, u, sample)))
}

law_effects <- function(u, own) unseen_laws[[u$law]]$draw(u, own$hyper, own$coef)

# New members as those in the data are, as seen_effects() has them of groups
member_effects <- function(u, own) {
  if (!u$exchangeable) return(law_effects(u, own))
  n_draw <- ncol(own$coef)
  level <- sample.int(nrow(own$coef), u$n * n_draw, replace = TRUE)
  matrix(own$coef[cbind(level, rep(seq_len(n_draw), each = u$n))], u$n)
}

new_field_effects <- list(gaussian = law_effects, uncertainty = member_effects)

# Rows by themselves: their levels have random numbers that do not depend on other rows
add_alone <- function(eta, fit, unseen, sample) {
  for (u in unseen) {
    law <- unseen_laws[[u$law]]
    own <- of_field(fit, u, sample)
    mean <- 0
    column <- law$column(u)
    part <- law$mean(u, own$hyper)
    for (k in seq_along(part)) {
      at <- pmax(column[, k], 1L)                       # multiples of none are zero
      mean <- mean + part[[k]] * own$coef[at, , drop = FALSE]
    }
    sd <- sqrt(law$var(u, own$hyper))
    for (j in seq_len(ncol(u$level))) {
      z <- rep(stats::rnorm(ncol(eta)), each = u$n)
      only <- u
      only[c("level", "weight")] <- list(u$level[, j, drop = FALSE], u$weight[, j, drop = FALSE])
      eta <- add_unseen(eta, list(only), list(mean + sd * z))
    }
  }
  eta
}

# rows x draws, of effects as unseen_draws() has them
add_unseen <- function(eta, unseen, effects) {
  for (k in seq_along(unseen)) for (j in seq_len(ncol(unseen[[k]]$level))) {
    level <- unseen[[k]]$level[, j]
    i <- which(level > 0L)
    eta[i, ] <- eta[i, , drop = FALSE] +
      unseen[[k]]$weight[i, j] * effects[[k]][level[i], , drop = FALSE]
  }
  eta
}
