# Smooths of 'mgcv': s() and t2(), as mixed models (Wood 2017, section 5.8). The penalty's null
# space is among the fixed effects, the rest are independent coefficients of one sd for each
# penalty. Names and priors are those of 'brms'.

read_smooth <- function(call, env, data2) {
  load_package("mgcv")
  makers <- list(s = mgcv::s, t2 = mgcv::t2)
  spec <- tryCatch(eval(call, makers, env), error = function(e) {
    message <- conditionMessage(e)
    field_abort(call, "{message}")
  })
  fixed <- c("sp", "id")[c(length(spec$sp) > 0L, !is.null(spec$id))]
  if (length(fixed)) {
    field_abort(call, "{.arg {fixed}} of 'mgcv' has no counterpart here.",
                "{.code prior_sd = list(sds_... = constant(s))} holds a standard deviation.")
  }
  variables <- c(spec$term, if (spec$by != "NA") spec$by)
  list(label = spec$label, spec = spec, variables = lapply(variables, str2lang))
}

make_smooth <- function(field, values) {
  coded <- vapply(values, function(x) is.factor(x) || is.character(x), NA)
  field$factors <- lapply(values[coded], function(x) as.factor(x)[0L])
  values <- with_levels(field, values)
  some <- some_rows(values)
  built <- value_frame(lapply(values, function(x) {
    if (is.null(dim(x))) x[some] else x[some, , drop = FALSE]
  }))
  parts <- tryCatch(with_class(smooth_parts(field$spec, built), "vb_warning_formula",
                               "In the smooth"), error = function(e) {
    if (inherits(e, "vb_error")) rlang::cnd_signal(e)
    message <- trimws(conditionMessage(e))
    field_abort(field$call, "{message}", "See {.code ?mgcv::smooth.terms}; fewer basis functions,
                                          {.arg k}, may help.")
  })
  field$spec <- NULL
  field$parts <- parts
  field$fixed <- unlist(lapply(parts, function(part) {
    paste0(part$label, "_", seq_len(part$n_fixed), recycle0 = TRUE)
  }))
  field$blocks <- unlist(lapply(parts, smooth_blocks), recursive = FALSE)
  field
}

# One, or one for each level of a factor `by`
smooth_parts <- function(spec, data) {
  # modCon: t2() is to be predicted by the columns that it is fitted with
  smooths <- mgcv::smoothCon(spec, data, absorb.cons = TRUE, diagonal.penalty = TRUE, modCon = 3)
  lapply(smooths, function(smooth) {
    mixed <- mgcv::smooth2random(smooth, names(data), type = 2)
    smooth$X <- NULL
    list(smooth = smooth, label = smooth_label(smooth$label),
         mixed = mixed[intersect(names(mixed), c("trans.U", "trans.D", "pen.ind"))],
         n_fixed = NCOL(mixed$Xf), n = vapply(mixed$rand, NCOL, 0L))
  })
}

# A basis of very many rows is built on some: evenly among them by the first variable, so that its
# columns still sum to next to nothing. Not where a factor is smoothed, whose levels all count.
many_rows <- 5000L
some_rows <- function(values) {
  n <- NROW(values[[1L]])
  if (n <= many_rows || !all(vapply(values, function(x) is.null(dim(x)), NA))) return(seq_len(n))
  by <- Filter(function(x) !is.numeric(x), values)
  if (!is.numeric(values[[1L]])) return(seq_len(n))
  groups <- if (length(by)) split(seq_len(n), by, drop = TRUE) else list(seq_len(n))
  each <- ceiling(1000 / length(groups))
  unlist(lapply(groups, function(i) {
    i <- i[order(values[[1L]][i])]
    i[unique(round(seq(1, length(i), length.out = min(each, length(i)))))]
  }), use.names = FALSE)
}

# The prediction matrix, rotated and scaled as smooth2random() did: the columns of the null space,
# then those of each penalty
mixed_basis <- function(part, values) {
  x <- mgcv::PredictMat(part$smooth, value_frame(values))
  mixed <- part$mixed
  if (!is.null(mixed$trans.U)) x <- x %*% mixed$trans.U
  if (!is.null(mixed$trans.D)) x <- x * rep(mixed$trans.D, each = nrow(x))
  index <- if (is.null(mixed$pen.ind)) integer(ncol(x)) else mixed$pen.ind     # fx = TRUE
  unname(x[, order(index), drop = FALSE])
}

# The same of very many values of one variable: columns are laid out on a grid and interpolated by
# splines, to nine digits.
prediction_matrix <- function(part, values) {
  smooth <- part$smooth
  n <- NROW(values[[1L]])
  x <- values[[smooth$term[1L]]]
  single <- length(smooth$term) == 1L && is.numeric(x) && is.null(dim(x))
  if (n <= many_rows || !single) return(mixed_basis(part, values))
  grid <- list(seq(min(x), max(x), length.out = grid_size))
  names(grid) <- smooth$term
  rows <- NULL
  times <- NULL
  if (smooth$by != "NA") {
    by <- values[[smooth$by]]
    if (is.factor(by)) {
      rows <- which(by == smooth$by.level)
      grid[[smooth$by]] <- factor(rep(smooth$by.level, grid_size), levels(by))
    } else {
      grid[[smooth$by]] <- rep(1, grid_size)
      times <- by
    }
  }
  at <- if (is.null(rows)) x else x[rows]
  columns <- apply(mixed_basis(part, grid), 2L, function(basis) {
    stats::spline(grid[[1L]], basis, xout = at, method = "fmm")$y
  })
  if (!is.null(times)) return(columns * times)
  if (is.null(rows)) return(columns)
  out <- matrix(0, n, ncol(columns))
  out[rows, ] <- columns
  out
}

value_frame <- function(values) column_frame(values, NROW(values[[1L]]))

# The same as pieces: of a part, its table times `by` where that is a number, and none where it is a
# factor of another level
part_pieces <- function(part, values) {
  smooth <- part$smooth
  by <- if (smooth$by != "NA") values[[smooth$by]]
  own <- values[smooth$term]
  if (is.null(by)) {
    made <- covariate_pieces(own, part$n_fixed, function(own) mixed_basis(part, own))
  } else {
    one <- if (is.factor(by)) factor(smooth$by.level, levels(by)) else 1
    made <- covariate_pieces(own, part$n_fixed, function(own) {
      mixed_basis(part, c(own, stats::setNames(list(rep(one, NROW(own[[1L]]))), smooth$by)))
    })
    if (!is.null(made)) made <- times_by(made, by, smooth$by.level)
  }
  if (is.null(made)) fixed_and_rest(prediction_matrix(part, values), part$n_fixed) else made
}

times_by <- function(made, by, level) {
  other <- if (is.factor(by)) by != level else logical(length(by))
  weight <- if (!is.factor(by)) as.double(by)
  made$fixed <- if (is.null(weight)) made$fixed * !other else made$fixed * weight
  made$pieces <- lapply(made$pieces, function(bins) {
    for (name in c("node", "at")) if (!is.null(bins[[name]])) bins[[name]][other] <- -1L
    bins$weight <- weight
    bins
  })
  made
}

# Those of the null space of all parts first
smooth_pieces <- function(field, values) {
  parts <- lapply(field$parts, part_pieces, values = values)
  list(fixed = do.call(cbind, lapply(parts, function(part) part$fixed)),
       pieces = unlist(lapply(parts, function(part) part$pieces), recursive = FALSE))
}

# As brms: s(x, by = g) is sx:ga, sx:gb ...
smooth_label <- function(label) gsub("[(), ]", "", label)

smooth_blocks <- function(part) {
  bare <- plain_label(part$label)
  lapply(seq_along(part$n), function(j) {
    name <- paste0(bare, "_", j)
    list(coef = paste0("s_", name, "[", seq_len(part$n[j]), "]"), precision = "iid",
         at = rep(1, part$n[j]),
         hyper = sd_hyper(paste0("sds_", name), part$label, "sds"))
  })
}

# Those of the null space of all parts first
smooth_columns <- function(field, values) {
  parts <- lapply(field$parts, prediction_matrix, values = values)
  if (length(parts) == 1L) return(parts[[1L]])
  n_fixed <- vapply(field$parts, function(part) part$n_fixed, 0L)
  fixed <- unlist(Map(function(x, n) seq_len(ncol(x)) <= n, parts, n_fixed))
  x <- do.call(cbind, parts)
  cbind(x[, fixed, drop = FALSE], x[, !fixed, drop = FALSE])
}
