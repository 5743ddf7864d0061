# One part of a formula as columns: its terms, and the model matrix that they make of a frame.

# As model.frame() calls the variables of terms; the rows of their `factors` have backticks around
# names that are not syntactic.
term_variables <- function(terms) {
  vapply(as.list(attr(terms, "variables"))[-1L], variable_name, "")
}

# The terms of one part of the model with what prediction needs, taken from the whole frame's.
part_terms <- function(formula, frame_terms) {
  tt <- stats::terms(formula)
  k <- match(term_variables(tt), term_variables(frame_terms))
  attr(tt, "predvars") <- as.call(c(quote(list), as.list(attr(frame_terms, "predvars"))[-1L][k]))
  attr(tt, "dataClasses") <- attr(frame_terms, "dataClasses")[k]
  tt
}

# One model matrix -> list(x, names, xlevels, contrasts). With `shared`, x is a data frame where its
# columns are variables of the frame, so that it takes no memory of its own.
part_matrix <- function(terms, frame, contrasts = NULL, shared = FALSE) {
  x <- plain_columns(terms, frame)
  if (!is.null(x)) {
    return(list(x = if (shared) x else column_matrix(x), names = names(x), xlevels = NULL,
                contrasts = NULL))
  }
  check_levels(terms, frame)
  coding <- contrasts[names(contrasts) %in% term_variables(terms)]
  x <- tryCatch(
    stats::model.matrix(terms, frame, contrasts.arg = if (length(coding)) coding),
    error = function(e) {
      message <- conditionMessage(e)
      vb_abort(c("formula", "contrasts"), c("The model matrix could not be built.",
                                            x = "{message}"))
    })
  # its attributes stay: taking them off would copy the matrix
  list(x = x, names = colnames(x), xlevels = stats::.getXlevels(terms, frame),
       contrasts = attr(x, "contrasts"))
}

# Numeric variables and nothing else need no model.matrix(), whose row names alone cost more.
plain_columns <- function(terms, frame) {
  if (any(attr(terms, "order") > 1L)) return(NULL)
  factors <- attr(terms, "factors")
  variables <- term_variables(terms)
  columns <- lapply(seq_along(attr(terms, "term.labels")), function(k) {
    x <- frame[[variables[factors[, k] > 0L]]]
    if (is.numeric(x) && is.null(dim(x))) as.double(x)
  })
  if (any(vapply(columns, is.null, NA))) return(NULL)
  names(columns) <- attr(terms, "term.labels")
  if (attr(terms, "intercept") == 1L) {
    columns <- c(list("(Intercept)" = rep(1, nrow(frame))), columns)
  }
  column_frame(columns, nrow(frame))
}

# ---- the columns of a design: a matrix, or a data frame of doubles -------------------------------

column_frame <- function(columns, n) {
  if (is.null(names(columns))) names(columns) <- character(length(columns))
  structure(columns, row.names = .set_row_names(n), class = "data.frame")
}

column_matrix <- function(x) {
  if (!is.data.frame(x)) return(x)
  size <- dim(x)
  x <- as.double(unlist(x, use.names = FALSE))
  dim(x) <- size
  x
}

# A data frame shares its columns with the list
column_list <- function(x) {
  if (is.data.frame(x)) as.list(x) else lapply(seq_len(ncol(x)), function(j) as.vector(x[, j]))
}

centred <- function(design) column_matrix(design$x) - rep(design$center, each = nrow(design$x))

column_rows <- function(x, i) {
  if (!is.data.frame(x)) return(x[i, , drop = FALSE])
  columns <- lapply(x, `[`, i)
  column_frame(columns, if (length(columns)) length(columns[[1L]]) else length(seq_len(nrow(x))[i]))
}

# Rows of a vector or a matrix; NULL: all
row_part <- function(x, rows) {
  if (is.null(rows)) x else if (is.matrix(x)) x[rows, , drop = FALSE] else x[rows]
}

check_levels <- function(terms, frame) {
  for (name in intersect(term_variables(terms), names(frame))) {
    x <- frame[[name]]
    if (identical(attr(terms, "response"), 1L) && name == names(frame)[1L]) next
    single <- if (is.factor(x)) nlevels(x) < 2L
      else (is.character(x) || is.logical(x)) && length(unique(x)) < 2L
    if (single) {
      vb_abort(c("formula", "data"), c("{.code {name}} has one level only in the rows used.",
                                       i = "Leave it out of {.arg formula}."))
    }
  }
}
