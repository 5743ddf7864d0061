# Of a whole fit (whole_fit.R): its structured terms.

# Structured terms, as make_field() makes them
are_fields <- function(x) {
  is.null(x) || record(x) && all(vapply(x, function(field) {
    record(field) && text(field$kind, 1, among = c(field_calls, field_bars)) &&
      text(field$label, 1) && length(field$variables) > 0L &&
      maybe(field$fixed, text) && maybe(field$levels, text) && maybe(field$basis, is.matrix) &&
      maybe(field$time, reals, length(field$levels)) &&
      maybe(field$series, is.character) && maybe(field$relatives, record) &&
      record(field$variables) && record(field$blocks) && all(vapply(field$blocks, is_block, NA)) &&
      all(vapply(field$factors, is.factor, NA)) &&
      (is.null(field$parts) || all(vapply(field$parts, is_smooth_part, NA)))
  }, NA))
}

is_block <- function(x) {
  record(x) && text(x$coef, distinct = TRUE) && record(x$hyper) && text(x$hyper$name) &&
    text(x$precision, 1, among = names(precision_sizes))
}

# The package that predicts smooths reads these in C
is_smooth_part <- function(x) {
  smooth <- if (is.list(x)) x$smooth
  record(x) && inherits(smooth, "mgcv.smooth") && int(x$n_fixed, 1, lower = 0) &&
    (!inherits(smooth, "tprs.smooth") || is.matrix(smooth$UZ) && is.matrix(smooth$Xu) &&
       nrow(smooth$UZ) %in% (nrow(smooth$Xu) + 1:40))
}

are_field_specs <- function(x, fit) {
  blocks <- field_blocks(fit$fields)
  first <- length(fit$fixed$names) + 1L
  term <- length(fit$random)
  if (length(x) != length(blocks) || !maybe(x, record)) return(FALSE)
  for (k in seq_along(blocks)) {
    field <- x[[k]]
    n <- length(blocks[[k]]$coef)
    size <- precision_sizes[[blocks[[k]]$precision]]
    sparse <- is.list(field) && !is.null(field$term)
    if (sparse) term <- term + 1L
    place <- record(field) && int(field$n, 1, n, n) &&
      if (sparse) int(field$term, 1, term, term) && is_pattern(field, n)
      else int(field$first, 1, first, first)
    each <- if (sparse) length(field$row) else n
    whole <- place && identical(field$precision, blocks[[k]]$precision) &&
      reals(field$at, size[["each"]] * each + size[["square"]] * n^2 + size[["more"]]) &&
      is.double(field$start) && length(field$start) == size[["par"]] && record(field$prior) &&
      text(field$prior$dist, size[["par"]]) && reals(field$prior$arg, c(3, size[["par"]]))
    if (!whole) return(FALSE)
    if (!sparse) first <- first + n
  }
  TRUE
}

# Bins of a design (term_bins.R)
n_binned <- function(fit) {
  bins <- Filter(is.list, as.list(fit$design$bins))          # it may be damaged
  sum(as.double(unlist(lapply(bins, function(b) if (is.numeric(b$k)) b$k[1L]))))
}

whole_bins <- function(x, n, p) {
  record(x) && all(vapply(x, function(b) {
    record(b) && int(b$first, 1L, lower = 1, upper = p) && int(b$k, 1L, lower = 1, upper = p) &&
      int(b$n_node, 1L, lower = 1) && int(b$each, 1L, lower = 1, upper = most_nodes) &&
      maybe(b$node, int, n * b$each, upper = b$n_node - 1L) &&
      maybe(b$at, reals, n, upper = b$n_node - 1) && xor(is.null(b$node), is.null(b$at)) &&
      maybe(b$weight, reals, n * b$each) && maybe(b$table, reals, c(b$k, b$n_node))
  }, NA))
}

# that the entries are those of a lower triangle C sees for itself
is_pattern <- function(field, n) {
  int(field$col, n + 1, lower = 0) && int(field$row, lower = 0, upper = n - 1) &&
    length(field$row) == field$col[n + 1L] &&
    maybe(field$held, function(held) is.matrix(held) && reals(held, c(n, ncol(held))))
}
