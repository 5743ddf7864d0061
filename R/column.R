# Columns of data as plain vectors, whatever class another package gave them.

# What is in a column of a class: its values as numbers or text
column_classes <- list(
  integer64 = function(x) from_integer64(x),
  haven_labelled = function(x) as.vector(unclass(x)),     # codes; the labels stay behind
  pillar_num = function(x) as.vector(unclass(x))
)

# A matrix of one column, such as scale() makes, is a vector: new data will have plain numbers.
plain_column <- function(x) {
  for (class in intersect(class(x), names(column_classes))) x <- column_classes[[class]](x)
  if (is.numeric(x) && is.matrix(x) && ncol(x) == 1L) x <- as.vector(unclass(x))
  x
}

plain_data <- function(data) {
  if (!is.list(data)) return(data)
  for (k in seq_along(data)) {
    x <- data[[k]]
    plain <- plain_column(x)
    if (!identical(plain, x)) data[[k]] <- plain
  }
  data
}

# Variables that stand for themselves in a model frame and came from elsewhere than the data
plain_variables <- function(frame) {
  terms <- attr(frame, "terms")
  variables <- as.list(attr(terms, "variables"))[-1L]
  for (k in which(vapply(variables, is.name, NA))) {
    x <- frame[[k]]
    plain <- plain_column(x)
    if (identical(plain, x)) next
    frame[[k]] <- plain
    attr(terms, "dataClasses")[k] <- stats::.MFclass(plain)
  }
  attr(frame, "terms") <- terms
  frame
}

# Integers of 64 bits lie in the bits of doubles (package 'bit64', which need not be there): the
# lower half is read as unsigned, and R reads -2^31 as NA.
from_integer64 <- function(x) {
  bytes <- writeBin(as.vector(unclass(x)), raw(), endian = "little")
  half <- matrix(readBin(bytes, "integer", 2L * length(x), 4L, endian = "little"), 2L)
  low <- half[1L, ] + ifelse(half[1L, ] < 0L, 2^32, 0)
  low[is.na(low)] <- 2^31
  high <- replace(half[2L, ], is.na(half[2L, ]), -2^31)
  value <- high * 2^32 + low
  replace(value, is.na(half[2L, ]) & low == 0, NA)
}
