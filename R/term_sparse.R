# Sparse fields: maps, known precisions, long series. Their precision is sparse, and their
# coefficients are no columns of the design but the levels of a term of their own, which comes after
# random terms. Such a field has no basis and one block, whose first coefficients are the effects of
# field$levels.

# Series of so many times and more are sparse; shorter ones can be predicted at new times. The
# option is for tests.
sparse_from <- function() getOption("varbayes.sparse_from", 400L)

is_sparse_block <- function(block) !is.null(block$col)
is_sparse_field <- function(field) any(vapply(field$blocks, is_sparse_block, NA))
dense_fields <- function(fields) fields[!vapply(fields, is_sparse_field, NA)]
sparse_fields <- function(fields) fields[vapply(fields, is_sparse_field, NA)]

# All terms whose levels the engine has coefficients of: random ones, then those of fields
level_terms <- function(fit) {
  c(fit$random, lapply(sparse_fields(fit$fields), function(field) {
    list(group = field$group, levels = field$blocks[[1L]]$coef, coef = "Intercept")
  }))
}

# ---- what C is told of a precision ---------------------------------------------------------------

# A block whose precision is a sum of `matrices` on one pattern, as the row `precision` weighs them;
# `logs`: the counts and the constant of its log determinant; `held`: combinations that are zero
sparse_block <- function(coef, precision, matrices, logs, hyper, held = NULL) {
  n <- length(coef)
  parts <- lapply(matrices, lower_entries)
  keys <- lapply(parts, function(part) (part$column - 1) * n + part$row)
  key <- sort(unique(c((seq_len(n) - 1) * n + seq_len(n), unlist(keys))))
  at <- matrix(0, length(matrices), length(key))
  for (k in seq_along(parts)) at[k, match(keys[[k]], key)] <- parts[[k]]$value
  column <- as.integer((key - 1) %/% n)
  list(coef = coef, precision = precision, at = c(at, logs), hyper = hyper,
       col = c(0L, cumsum(tabulate(column + 1L, n))), row = as.integer((key - 1) %% n), held = held)
}

# Row, column and value of what is on and below the diagonal
lower_entries <- function(x) {
  if (is.matrix(x)) {
    at <- which(x != 0 & row(x) >= col(x), arr.ind = TRUE)
    return(list(row = at[, 1L], column = at[, 2L], value = x[at]))
  }
  x <- methods::as(methods::as(x, "generalMatrix"), "TsparseMatrix")
  low <- x@i >= x@j & x@x != 0
  list(row = x@i[low] + 1L, column = x@j[low] + 1L, value = x@x[low])
}

sparse_matrix <- function(row, column, value, n) {
  Matrix::sparseMatrix(i = row, j = column, x = value, dims = c(n, n))
}

# Log determinant of a sparse matrix that is positive definite; NA of others
sparse_log_det <- function(x) {
  x <- Matrix::forceSymmetric(methods::as(x, "CsparseMatrix"), "L")
  root <- tryCatch(Matrix::chol(x, pivot = TRUE), error = function(e) NULL,
                   warning = function(w) NULL)
  if (is.null(root) || min(Matrix::diag(root)) <= 0) return(NA_real_)
  2 * sum(log(Matrix::diag(root)))
}
