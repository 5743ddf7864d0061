# Random terms: the columns of the coefficients that vary, and the level of each row.

build_term <- function(bar, frame, whole, contrasts) {
  terms <- part_terms(bar$lhs, whole)
  z <- part_matrix(terms, frame, contrasts)
  group <- group_codes(bar$group, frame)
  label <- deparse1(bar$group)
  if (!ncol(z$x)) {
    vb_abort("formula", "The term for {.code {label}} has no coefficients.")
  }
  list(group = label, levels = group$levels, code = group$code, z = z$x, coef = z$names,
       expr = bar$group, bar = bar$lhs, terms = terms, xlevels = z$xlevels,
       contrasts = z$contrasts)
}

# -> list(code = <integer, 1-based>, levels): levels in factor() order, unused ones left out.
group_codes <- function(expr, frame) {
  if (is_call_to(expr, ":")) {
    left <- group_codes(strip_parens(expr[[2L]]), frame)
    right <- group_codes(strip_parens(expr[[3L]]), frame)
    return(cross_codes(left, right))
  }
  name <- variable_name(expr)
  x <- frame[[name]]
  if (!is.null(dim(x)) || is.list(x)) {
    vb_abort("formula", "The grouping variable {.code {name}} must be a vector.")
  }
  x <- if (is.factor(x)) x else factor(x)
  used <- tabulate(x, nlevels(x)) > 0L
  code <- as.integer(x)
  if (!all(used)) code <- cumsum(used)[code]
  list(code = code, levels = levels(x)[used])
}

cross_codes <- function(left, right) {
  n_right <- length(right$levels)
  code <- (left$code - 1) * n_right + right$code     # double: levels may multiply past integers
  used <- sort(unique(code))
  levels <- paste(left$levels[(used - 1) %/% n_right + 1], right$levels[(used - 1) %% n_right + 1],
                  sep = ":")
  list(code = match(code, used), levels = levels)
}
