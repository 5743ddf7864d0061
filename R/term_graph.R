# Intrinsic maps: sparse precisions, whose effects sum to zero in every connected part.

# The areas of each connected part of a map
map_parts <- function(w) {
  part <- integer(nrow(w))
  pairs <- lower_entries(w)
  near <- split(c(pairs$column, pairs$row), factor(c(pairs$row, pairs$column), seq_len(nrow(w))))
  for (i in seq_len(nrow(w))) {
    if (part[i]) next
    reached <- i
    while (length(reached)) {
      part[reached] <- i
      reached <- unique(unlist(near[reached], use.names = FALSE))
      reached <- reached[part[reached] == 0L]
    }
  }
  split(seq_len(nrow(w)), part)
}

# Degrees less neighbours: the precision of an intrinsic autoregression, one where there are no
# neighbours; the connected `parts` of several areas; and of each the log of its determinant on
# effects that sum to zero, which is the part's size times a minor (the matrix-tree theorem)
map_precision <- function(w) {
  e <- lower_entries(w)
  n <- nrow(w)
  degree <- tabulate(c(e$row, e$column), n)
  degree[degree == 0] <- 1
  q <- sparse_matrix(c(e$row, e$column, seq_len(n)), c(e$column, e$row, seq_len(n)),
                     c(-e$value, -e$value, degree), n)
  parts <- map_parts(w)
  parts <- parts[lengths(parts) > 1L]
  log_det <- vapply(parts, function(i) {
    log(length(i)) + sparse_log_det(q[i[-1L], i[-1L], drop = FALSE])
  }, 0)
  list(q = q, parts = parts, log_det = log_det)
}

# What makes the effects of each part sum to zero, of n coefficients of which a map's come `after`
sums_of_parts <- function(parts, n, after = 0L) {
  held <- matrix(0, n, length(parts))
  for (k in seq_along(parts)) held[after + parts[[k]], k] <- 1 / sqrt(length(parts[[k]]))
  held
}

# so little more precision that all parts have a factor whatever their data
lifted <- function(q, n) q + sparse_matrix(seq_len(n), seq_len(n), 1e-10 * Matrix::diag(q), n)

# As Freni-Sterrantino, Ventrucci and Rue (2018): areas by themselves are independent
icar <- function(field, sd) {
  n <- nrow(field$w)
  map <- map_precision(field$w)
  list(block = sparse_block(
    paste0("rcar[", field$levels, "]"), "known_sparse", list(lifted(map$q, n)),
    c(n - length(map$parts), sum(map$log_det)), sd, sums_of_parts(map$parts, n)))
}

# The areas' effects, then their structured parts, which no row has; these are scaled part by part
# to a typical variance of one
bym2 <- function(field, hyper) {
  n <- nrow(field$w)
  map <- map_precision(field$w)
  typical <- vapply(map$parts, function(i) typical_variance(map$q[i, i]), 0)
  scale <- rep(1, n)
  scale[unlist(map$parts)] <- rep(typical, lengths(map$parts))
  log_det <- sum(map$log_det) + sum((lengths(map$parts) - 1) * log(typical))
  i <- seq_len(n)
  e <- lower_entries(lifted(map$q * scale, n))
  list(block = sparse_block(
    c(paste0("rcar[", field$levels, "]"), paste0("scar[", field$levels, "]")), "bym2",
    list(sparse_matrix(i, i, 1, 2L * n), sparse_matrix(n + i, i, 1, 2L * n),
         sparse_matrix(n + i, n + i, 1, 2L * n),
         sparse_matrix(n + e$row, n + e$column, e$value, 2L * n)),
    c(n, log_det), hyper, sums_of_parts(map$parts, 2L * n, n)))
}

# The geometric mean of the variances of effects that sum to zero. With area 1 held at zero they
# have the inverse G of what is left of the precision; less their mean, G's rows and columns less
# theirs.
typical_variance <- function(q) {
  n <- nrow(q)
  factor <- Matrix::Cholesky(Matrix::forceSymmetric(q[-1L, -1L, drop = FALSE], "L"))
  variance <- means <- numeric(n)
  for (block in split(seq_len(n - 1L), (seq_len(n - 1L) - 1L) %/% 500L)) {
    unit <- sparse_matrix(block, seq_along(block), 1, n - 1L)[, seq_along(block), drop = FALSE]
    g <- as.matrix(Matrix::solve(factor, unit))
    variance[block + 1L] <- g[cbind(block, seq_along(block))]
    means[block + 1L] <- colSums(g) / n
  }
  exp(mean(log(variance - 2 * means + mean(means))))
}
