# Structured terms, or fields: columns of the design whose coefficients are not independent levels
# of a group, but the wiggles of a smooth, neighbours in time or on a map, species of a tree,
# members of several groups. The coefficients u ~ N(0, Q^-1), and Q has hyperparameters: the sd
# first, then what else the row of rows/precisions/ in C has.
#
# A kind of field is a row of `field_kinds`:
#   read      (call, env, data2) what the formula says -> list(label, group, variables, ...)
#   make      (field, values) what the data make of it -> the same with `fixed`, names of columns
#             that are not penalised, and `blocks`, a list of
#               list(coef, precision, at, hyper = list(name, class, start)), see C's vb_field
#   columns   (field, values) the columns for these values: those of `fixed`, then the blocks'
#             and, as the attribute "unseen", what is known of levels that were not in the data
#   pieces    (field, values) the same of many rows, list(fixed, pieces) as in term_bins.R; may be
#             NULL
#   members   (field, values) of kinds whose rows have levels: these and their weights; sparse
#             fields need it
# `values` is a list by the deparsed `variables`.

# The fixed part of a formula without its fields -> list(fixed, fields: calls)
split_fields <- function(fixed) {
  pieces <- signed_terms(fixed, "+")
  field <- vapply(pieces, function(p) is_field(p$term), NA)
  if (!any(field)) return(list(fixed = fixed, fields = list()))
  for (p in pieces[field]) {
    if (p$sign == "-") {
      vb_abort("formula", "A structured term cannot be subtracted: {.code {deparse1(p$term)}}.")
    }
  }
  list(fixed = unsigned_terms(pieces[!field]),
       fields = lapply(pieces[field], function(p) strip_parens(p$term)))
}

# calls: of fields; bars: (1 | mm(a, b)) and the like
read_fields <- function(calls, bars, env, data2) {
  calls <- c(calls, lapply(bars, function(bar) {
    group <- strip_parens(bar[[3L]])
    as.call(c(group[[1L]], bar = list(bar[[2L]]), as.list(group)[-1L]))
  }))
  lapply(calls, function(call) {
    kind <- as.character(call[[1L]])
    field <- field_kinds[[kind]]$read(call, env, data2)
    field$kind <- kind
    field$call <- call
    field
  })
}

field_values <- function(field, data, env, own) {
  names <- vapply(field$variables, deparse1, "")
  values <- lapply(seq_along(names), function(k) {
    x <- if (own && names[k] %in% names(data)) data[[names[k]]]
      else tryCatch(eval(field$variables[[k]], data, env), error = function(e) NULL)
    if (is.function(x) || NROW(x) != nrow(data)) {
      vb_abort(if (own) "formula" else "newdata",
               "The variable {.code {names[k]}} of {.code {field$label}} is not in the data.")
    }
    plain_column(x)
  })
  with_levels(field, stats::setNames(values, names))
}

make_field <- function(field, frame, env) {
  made <- field_kinds[[field$kind]]$make(field, field_values(field, frame, env, TRUE))
  n <- field_sizes(list(made))
  if (n > most_columns) {
    vb_abort("formula", c("{.code {field$label}} has {n} coefficients; at most {most_columns} can be
                           fitted yet.", i = "Use a smaller {.arg k}, or coarser levels."))
  }
  made
}

# of one field whose columns are in the design: a dense block of the precision
most_columns <- 1500L

# NA in rows with missing values
field_columns <- function(field, values) {
  known <- Reduce(`&`, lapply(values, function(x) stats::complete.cases(x)))
  if (is_sparse_field(field)) return(matrix(0, length(known), 0L))
  make <- field_kinds[[field$kind]]$columns
  if (all(known)) return(make(field, values))
  out <- matrix(NA_real_, length(known), length(field$fixed) + field_sizes(list(field)))
  if (any(known)) {
    part <- lapply(values, function(x) if (is.null(dim(x))) x[known] else x[known, , drop = FALSE])
    made <- make(field, part)
    out[known, ] <- made
    attr(out, "unseen") <- all_rows_of(attr(made, "unseen"), known)
  }
  out
}

# Fields of a design or a fit -> their columns in these data: those that are not penalised of all of
# them, then the blocks, which is the order of the coefficients; and what is known of `unseen`
# levels. Fields that are not `used` have columns of zeros.
columns_of_fields <- function(fields, data, env, own, used = rep(TRUE, length(fields))) {
  columns <- lapply(seq_along(fields), function(k) {
    if (used[k]) return(field_columns(fields[[k]], field_values(fields[[k]], data, env, own)))
    matrix(0, nrow(data), length(fields[[k]]$fixed) + field_sizes(fields[k]))
  })
  fixed <- lapply(seq_along(fields), function(k) {
    columns[[k]][, seq_along(fields[[k]]$fixed), drop = FALSE]
  })
  blocks <- lapply(seq_along(fields), function(k) {
    rest <- seq_len(ncol(columns[[k]])) > length(fields[[k]]$fixed)
    columns[[k]][, rest, drop = FALSE]
  })
  empty <- matrix(0, nrow(data), 0L)
  list(fixed = do.call(cbind, c(list(empty), fixed)),
       blocks = do.call(cbind, c(list(empty), blocks)), unseen = unseen_of(fields, columns))
}

# Level and size of the effect in each row of these data: of rows with gaps NA, of fields that are
# not `used` in none
field_terms <- function(fields, frame, env, own, used = rep(TRUE, length(fields))) {
  lapply(which(vapply(fields, is_sparse_field, NA)), function(k) {
    field <- fields[[k]]
    values <- field_values(field, frame, env, own)
    known <- Reduce(`&`, lapply(values, stats::complete.cases))
    fill <- function(x) replace(rep(x[NA_integer_], length(known)), known, x)
    at <- field_kinds[[field$kind]]$members(field, lapply(values, function(x) x[known]))
    code <- match(at$level[[1L]], field$levels)
    if (used[k] && anyNA(code)) {
      unseen_abort(field, unique(at$level[[1L]][is.na(code)]), "It knows the levels of its map or
                   precision, and a series of {sparse_from()} times and more those of the data.")
    }
    list(group = fill(if (used[k]) code else rep(NA_integer_, length(code))),
         n_level = length(field$blocks[[1L]]$coef), gap = !known,
         z = matrix(fill(as.double(at$weight[[1L]])) * used[k]))
  })
}

# The fields of the spec: where their columns are, or which term's levels they have, and what the
# engine is to know of them
spec_fields <- function(fields, first, n_random, priors) {
  blocks <- field_blocks(fields)
  lapply(seq_along(blocks), function(k) {
    block <- blocks[[k]]
    n <- length(block$coef)
    sparse <- is_sparse_block(block)
    place <- if (sparse) list(term = n_random <<- n_random + 1L, col = block$col, row = block$row,
                              held = if (length(block$held)) block$held)
      else list(first = as.integer(first))
    if (!sparse) first <<- first + n
    c(place, list(n = n, precision = block$precision, at = as.double(block$at),
                  start = as.double(block$hyper$start), prior = priors[[k]]))
  })
}

# ---- in many rows --------------------------------------------------------------------------------

# -> list(fixed: columns that are not penalised, pieces: of the blocks, in order)
field_pieces <- function(field, values) {
  if (NROW(values[[1L]]) > many_rows) {
    out <- field_kinds[[field$kind]]$pieces(field, values)
    if (!is.null(out)) return(out)
  }
  fixed_and_rest(field_columns(field, values), length(field$fixed))
}

# The fields' columns, after `x`, the others -> list(x, bins: with `first`, their first column);
# not `binned`: all in x
design_pieces <- function(x, fields, frame, env, binned = TRUE) {
  parts <- lapply(dense_fields(fields), function(field) {
    values <- field_values(field, frame, env, own = TRUE)
    if (binned) field_pieces(field, values)
      else fixed_and_rest(field_columns(field, values), length(field$fixed))
  })
  fixed <- lapply(parts, function(part) part$fixed)
  pieces <- unlist(lapply(parts, function(part) part$pieces), recursive = FALSE)
  for (part in c(fixed, pieces)) check_finite_piece(part, fields[[1L]])
  binned <- vapply(pieces, is_bins, NA)
  size <- vapply(pieces, piece_size, 0L)
  first <- ncol(x) + sum(vapply(fixed, ncol, 0L)) + cumsum(c(0L, size))[seq_along(size)] + 1L
  bins <- Map(function(piece, first) c(list(first = as.integer(first)), piece), pieces[binned],
              first[binned])
  if (!length(bins)) x <- column_matrix(x)
  list(x = side_by_side(x, c(fixed, pieces[!binned])), bins = unname(bins))
}

check_finite_piece <- function(piece, field) {
  whole <- if (is_bins(piece)) all(is.finite(piece$table)) && all(is.finite(piece$weight))
    else all(is.finite(piece))
  if (!whole) vb_abort("formula", "The columns of {.code {field$label}} are not finite.")
}

# A data frame shares its columns with the data
side_by_side <- function(x, more) {
  if (!is.data.frame(x)) return(unname(do.call(cbind, c(list(x), more))))
  columns <- lapply(more, function(m) lapply(seq_len(ncol(m)), function(j) m[, j]))
  column_frame(unname(c(as.list(x), unlist(columns, recursive = FALSE))), nrow(x))
}
