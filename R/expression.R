# The pieces of R expressions that formulas are made of.

is_call_to <- function(x, names) {
  is.call(x) && is.symbol(x[[1L]]) && as.character(x[[1L]]) %in% names
}

strip_parens <- function(x) {
  while (is_call_to(x, "(")) x <- x[[2L]]
  x
}

add_terms <- function(terms) Reduce(function(a, b) call("+", a, b), terms)

# model.frame()'s names of its columns
variable_name <- function(x) {
  paste(deparse(x, width.cutoff = 500L, backtick = !is.symbol(x) && is.language(x)),
        collapse = " ")
}
