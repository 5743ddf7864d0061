# Kinds of a fit's fields (whole_fit.R): does x have the type, the size and the range?

# `size`: a length, or dimensions
has_size <- function(x, size) {
  if (is.null(size)) return(is.null(dim(x)))
  if (length(size) == 1L) return(is.null(dim(x)) && length(x) == size)
  length(dim(x)) == length(size) && all(dim(x) == size)
}

in_range <- function(x, lower, upper, finite) {
  if (!length(x)) return(TRUE)
  if (finite && !is.finite(sum(x)) && !all(is.finite(x))) return(FALSE)
  if (!finite && anyNA(x)) return(TRUE)
  (lower == -Inf || min(x) >= lower) && (upper == Inf || max(x) <= upper)
}

reals <- function(x, size = NULL, lower = -Inf, upper = Inf, finite = TRUE) {
  is.double(x) && !is.object(x) && has_size(x, size) && in_range(x, lower, upper, finite)
}

# of column_frame()
design_columns <- function(x, n, p) {
  if (!is.data.frame(x)) return(reals(x, c(n, p)))
  length(x) == p && all(vapply(x, reals, NA, n))
}

int <- function(x, size = NULL, lower = -Inf, upper = Inf) {
  is.integer(x) && !is.object(x) && has_size(x, size) && in_range(x, lower, upper, TRUE)
}

flag <- function(x, na = FALSE) is.logical(x) && length(x) == 1L && (na || !is.na(x))

text <- function(x, size = NULL, among = NULL, distinct = FALSE) {
  is.character(x) && !is.object(x) && has_size(x, size) && !anyNA(x) &&
    (is.null(among) || all(x %in% among)) && !(distinct && anyDuplicated(x))
}

record <- function(x, size = NULL) {
  is.list(x) && !is.object(x) && (is.null(size) || length(x) == size)
}

# columns: list(name = function that its values must be of)
columns <- function(x, columns, n = NULL) {
  is.data.frame(x) && all(names(columns) %in% names(x)) && (is.null(n) || nrow(x) == n) &&
    all(mapply(function(column, is) is(column), unclass(x)[names(columns)], columns))
}

maybe <- function(x, kind, ...) is.null(x) || kind(x, ...)
