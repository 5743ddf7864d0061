# Times that a series of ar1(), rw1() or rw2() has not seen, given those that it has.

# -> the times asked for, in order of series and time: list(level, time, series), and `own`, the
# places of the series' times among the field's levels, a list by series
new_times <- function(field, values, level) {
  at <- series_levels(field, values)
  new <- at$level %in% level
  series <- at$label[new]
  list(level = at$level[new], time = at$time[new], series = series,
       own = lapply(stats::setNames(nm = unique(series)), function(s) which(field$series == s)))
}

# ---- ar1 -----------------------------------------------------------------------------------------

ar1_unseen <- function(field, values, level) {
  at <- new_times(field, values, level)
  parts <- lapply(names(at$own), function(s) {
    ar1_neighbours(field, at$own[[s]], at$time[at$series == s])
  })
  before <- cumsum(c(0L, vapply(parts, function(part) length(part$before), 0L)))
  for (k in seq_along(parts)) {
    linked <- parts[[k]]$last > 0L
    parts[[k]]$last[linked] <- parts[[k]]$last[linked] + before[k]
  }
  all <- lapply(stats::setNames(nm = names(parts[[1L]])), function(name) {
    unlist(lapply(parts, `[[`, name))
  })
  c(list(law = "ar1", mean = matrix(0, length(level), length(field$levels)), exchangeable = FALSE,
         order = at$level, member = lengths(at$own)[at$series] == 0L), all)
}

# own: the field's levels of a series, which are in order; time: new ones, in order
ar1_neighbours <- function(field, own, time) {
  seen <- field$time[own]
  after <- findInterval(time, seen) + 1L
  gap <- function(index, sign) {
    ifelse(index > 0L & index <= length(own), sign * (time - seen[pmax(index, 1L)]), Inf)
  }
  out <- list(before = c(0L, own)[after], after = c(own, 0L)[after],
              gap_before = gap(after - 1L, 1), gap_after = gap(after, -1))
  linked <- duplicated(after)
  out$last <- ifelse(linked, seq_along(time) - 1L, 0L)
  out$gap_last <- c(Inf, diff(time))
  whole <- c(out$gap_before, out$gap_after, out$gap_last)
  whole <- whole[is.finite(whole)]
  if (any(abs(whole - round(whole)) > 1e-9)) {
    unseen_abort(field, format_times(time), "Times of {.fn ar1} must be whole numbers apart.")
  }
  out
}

# ---- rw1, rw2 ------------------------------------------------------------------------------------

walk_unseen <- function(field, values, level) {
  at <- new_times(field, values, level)
  strange <- at$series[lengths(at$own)[at$series] == 0L]
  if (length(strange)) {
    unseen_abort(field, unique(strange), "A walk has no level of its own: of a series without data
                                          nothing is known. {.fn ar1} has a mean to return to.")
  }
  mean <- matrix(0, length(level), ncol(field$basis))
  cov <- matrix(0, length(level), length(level))
  for (s in names(at$own)) {
    i <- which(at$series == s)
    own <- at$own[[s]]
    path <- walk_path(field$time[own], at$time[i], field$order)
    mean[i, ] <- path$mean %*% field$basis[own, , drop = FALSE]
    cov[i, i] <- path$cov
  }
  list(law = "scaled", mean = mean, root = covariance_root(cov), member = logical(length(level)),
       exchangeable = FALSE, order = at$level)
}

# A walk at new times given those seen: multiples of these, and the covariance for innovations of
# variance one. The walk goes from knot to knot and is straight between. Its knots are the times
# seen and, of the first order, the new ones, which leaves it the walk that it was; of the second
# order, whose differences are those of a grid, further ones a step apart, so that what is foretold
# does not depend on what else is.
walk_path <- function(seen, new, order) {
  knot <- if (order == 1L) sort(unique(c(seen, new))) else walk_knots(seen, range(new))
  known <- knot %in% seen
  weight <- straight_lines(knot, new)
  at <- walk_differences(knot, order)
  q <- Matrix::crossprod(Matrix::sparseMatrix(i = at$i, j = at$j, x = at$x,
                                              dims = length(knot) - c(order, 0L)))
  rest <- q[!known, !known, drop = FALSE]
  mean <- as.matrix(weight[, known, drop = FALSE])
  if (!any(!known)) return(list(mean = mean, cov = matrix(0, length(new), length(new))))
  own <- Matrix::t(weight[, !known, drop = FALSE])
  solved <- Matrix::solve(Matrix::Cholesky(Matrix::forceSymmetric(rest), LDL = FALSE), own)
  list(mean = mean - as.matrix(Matrix::crossprod(solved, q[!known, known, drop = FALSE])),
       cov = as.matrix(Matrix::crossprod(own, solved)))
}

# Times at which all are, if they are whole steps apart and not many times as many; else the times
# seen, and in wider gaps others at about their mean distance. Beyond them it goes on as far as
# `range` needs.
walk_knots <- function(seen, range) {
  gap <- diff(seen)
  step <- common_step(gap)
  if (sum(gap) / step > 4 * length(seen) + 100) step <- mean(gap)
  inside <- unlist(lapply(seq_along(gap), function(k) {
    n <- max(1, round(gap[k] / step))
    c(seen[k], seen[k] + gap[k] * seq_len(n - 1) / n)
  }))
  last <- seen[length(seen)]
  steps <- function(distance) seq_len(max(0, ceiling(distance / step - 1e-9)))
  c(rev(seen[1L] - step * steps(seen[1L] - range[1L])), inside, last,
    last + step * steps(range[2L] - last))
}

# Euclid's, of numbers that may carry rounding errors
common_step <- function(gap) {
  least <- 1e-7 * max(gap)
  step <- gap[1L]
  for (g in gap[-1L]) {
    while (g > least) {
      rest <- step - g * floor(step / g + 1e-7)
      step <- g
      g <- rest
    }
  }
  step
}

# Each row between its two knots
straight_lines <- function(knot, time) {
  left <- pmin(findInterval(time, knot), length(knot) - 1L)
  share <- (time - knot[left]) / (knot[left + 1L] - knot[left])
  row <- seq_along(time)
  Matrix::sparseMatrix(i = c(row, row), j = c(left, left + 1L), x = c(1 - share, share),
                       dims = c(length(time), length(knot)))
}
