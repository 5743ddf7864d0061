# Columns of structured terms in many rows. There are few levels, bins or nodes of a grid, and a
# row's columns are those of one of them, or a combination of some: the engine is told which, and a
# table of what columns they have, and stores no n x k matrix (Li and Wood 2020).
#
# A piece of a field's columns is a matrix, or bins, vb_bins in C: list(
#   k        columns
#   n_node   rows of the table
#   each     nodes of a row
#   node     their numbers from 0, each x n; -1 is none
#   at       instead of node: places between nodes, n; -1 is none
#   weight   each x n; NULL: one
#   table    k x n_node; NULL: the identity)

fixed_and_rest <- function(x, n_fixed) {
  is_fixed <- seq_len(ncol(x)) <= n_fixed
  list(fixed = x[, is_fixed, drop = FALSE], pieces = list(x[, !is_fixed, drop = FALSE]))
}

is_bins <- function(piece) !is.matrix(piece)
piece_size <- function(piece) if (is_bins(piece)) piece$k else ncol(piece)

most_nodes <- 16L                     # VB_MOST_NODES and VB_TABLE_ROWS of design.h
most_table_rows <- 4096L

# Of rows of a table, the first columns of which are not penalised: the table's rows `node`, or
# places `at` between them, times `weight`
table_pieces <- function(table, n_fixed, node = NULL, at = NULL, weight = NULL) {
  part <- fixed_and_rest(table, n_fixed)
  fixed <- if (is.null(at)) part$fixed[node + 1L, , drop = FALSE] else at_places(part$fixed, at)
  fixed[if (is.null(at)) node < 0L else at < 0, ] <- 0
  if (!is.null(weight)) fixed <- fixed * weight
  rest <- part$pieces[[1L]]
  bins <- list(k = ncol(rest), n_node = nrow(rest), each = 1L, node = node, at = at,
               weight = weight, table = t(rest))
  list(fixed = fixed, pieces = if (ncol(rest)) list(bins) else list())
}

at_places <- function(table, at) {
  below <- pmin(pmax(floor(at), 0), nrow(table) - 2)
  share <- at - below
  (1 - share) * table[below + 1, , drop = FALSE] + share * table[below + 2, , drop = FALSE]
}

# ---- levels --------------------------------------------------------------------------------------

# `members`, list(level, weight): of each row its levels, all of the data
level_pieces <- function(field, members) {
  node <- lapply(members$level, function(level) match(level, field$levels) - 1L)
  weight <- if (!all(unlist(members$weight) == 1)) members$weight
  if (!is.null(field$basis)) {
    if (nrow(field$basis) > most_table_rows || length(node) > 1L) return(NULL)
    return(table_pieces(field$basis, length(field$fixed), node = node[[1L]],
                        weight = weight[[1L]]))
  }
  n <- length(field$levels)
  if (length(node) > most_nodes) return(NULL)
  bins <- list(k = n, n_node = n, each = length(node), node = row_by_row(node),
               weight = if (!is.null(weight)) row_by_row(weight))
  list(fixed = matrix(0, length(node[[1L]]), 0L), pieces = list(bins))
}

row_by_row <- function(columns) as.vector(do.call(rbind, columns))

# ---- functions of covariates ---------------------------------------------------------------------

grid_size <- 1000L

# Columns that a function of the values makes: where few distinct values are seen, each is a node;
# those of one variable are interpolated on a grid, half of whose nodes are spread evenly and half
# as the data. NULL: neither.
covariate_pieces <- function(values, n_fixed, columns) {
  few <- few_rows(values)
  if (!is.null(few)) {
    table <- columns(lapply(values, `[`, few$first))
    return(table_pieces(table, n_fixed, node = few$code - 1L))
  }
  x <- values[[1L]]
  if (length(values) > 1L || !is.numeric(x)) return(NULL)
  grid <- grid_of(x)
  table <- columns(stats::setNames(list(grid), names(values)))
  table_pieces(table, n_fixed, at = places(grid, x))
}

grid_of <- function(x) {
  half <- grid_size %/% 2L
  spread <- sort(x[unique(round(seq(1, length(x), length.out = min(length(x), 1e5))))])
  unique(sort(c(seq(min(x), max(x), length.out = half),
                spread[unique(round(seq(1, length(spread), length.out = half)))])))
}

places <- function(grid, x) stats::approx(grid, seq_along(grid) - 1, x, rule = 2L)$y

# The distinct rows of some variables and which each is, where they are few
few_rows <- function(values) {
  if (!all(vapply(values, function(x) is.null(dim(x)), NA))) return(NULL)
  code <- 1
  for (x in values) {
    some <- x[seq_len(min(length(x), 2L * grid_size))]
    if (length(unique(some)) > grid_size) return(NULL)
    seen <- unique(x)
    if (length(seen) > grid_size) return(NULL)
    code <- (code - 1) * length(seen) + match(x, seen)
    first <- which(!duplicated(code))
    if (length(first) > grid_size) return(NULL)
    code <- match(code, code[first])
  }
  list(code = code, first = first)
}

# ---- of a design ---------------------------------------------------------------------------------

bins_rows <- function(bins, i) {
  keep <- function(x) {
    if (is.null(x) || bins$each == 1L) return(x[i])
    as.vector(matrix(x, bins$each)[, i])
  }
  for (name in intersect(c("node", "at", "weight"), names(bins))) {
    if (!is.null(bins[[name]])) bins[[name]] <- keep(bins[[name]])
  }
  bins
}

# All columns of a design
whole_columns <- function(design) {
  x <- column_matrix(design$x)
  if (!length(design$bins)) return(x)
  out <- matrix(0, nrow(x), length(design$center))
  binned <- unlist(lapply(design$bins, function(b) b$first - 1L + seq_len(b$k)))
  out[, -binned] <- x
  for (b in design$bins) out[, b$first - 1L + seq_len(b$k)] <- bins_columns(b, nrow(x))
  out
}

bins_columns <- function(bins, n) {
  table <- if (is.null(bins$table)) diag(bins$k) else t(bins$table)
  if (!is.null(bins$at)) {
    x <- at_places(table, bins$at)
    x[bins$at < 0, ] <- 0
    return(if (is.null(bins$weight)) x else x * bins$weight)
  }
  node <- matrix(bins$node, bins$each)
  weight <- if (is.null(bins$weight)) matrix(1, bins$each, n) else matrix(bins$weight, bins$each)
  out <- 0
  for (r in seq_len(bins$each)) {
    x <- table[pmax(node[r, ], 0L) + 1L, , drop = FALSE] * weight[r, ]
    x[node[r, ] < 0L, ] <- 0
    out <- out + x
  }
  out
}
