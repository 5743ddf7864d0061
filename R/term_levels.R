# Fields of levels: each coefficient is the effect of a level, or effects are fixed combinations of
# coefficients, `basis`, where the prior has no density in all directions.

sd_hyper <- function(name, group, class = "sd") {
  list(name = name, class = class, group = group, start = NaN, domain = "positive")
}

and_hyper <- function(hyper, name, class, domain, start, default) {
  list(name = c(hyper$name, name), class = c(hyper$class, class), group = rep(hyper$group, 2L),
       domain = c(hyper$domain, domain), start = c(hyper$start, start),
       default = c(list(NULL), list(default)))
}

# ---- gr(g, cov = A), gr(g, precision = Q) --------------------------------------------------------

read_gr <- function(call, env, data2) {
  args <- field_arguments(call, alist(bar = , group = , cov = , precision = ))
  if (is.null(args$cov) == is.null(args$precision)) {
    field_abort(call, "It needs one of {.arg cov} and {.arg precision}.")
  }
  given <- if (is.null(args$cov)) args$precision else args$cov
  matrix <- level_matrix(eval_field(given, call, env, data2), call, is.null(args$cov))
  list(label = bar_label(call), group = deparse1(args$group), matrix = matrix,
       inverted = is.null(args$precision),
       variables = c(list(args$group), bar_slope(args$bar, call)),
       coef = bar_coef(args$bar, call))
}

make_gr <- function(field, values) {
  field$levels <- rownames(field$matrix)
  unknown <- setdiff(unique(as.character(values[[1L]])), field$levels)
  if (length(unknown)) {
    field_abort(field$call, "Levels that its matrix has not: {.val {unknown}}.",
                "Row names of the matrix are the levels.")
  }
  if (!field$inverted) return(sparse_gr(field))
  # levels without rows are integrated out
  relative <- setdiff(field$levels, as.character(values[[1L]]))
  field$levels <- setdiff(field$levels, relative)
  root <- tryCatch(chol(field$matrix[field$levels, field$levels, drop = FALSE]),
                   error = function(e) NULL)
  if (is.null(root) || min(diag(root)) < 1e-7 * max(diag(root))) {
    field_abort(field$call, "Its matrix is not positive definite.",
                "{.code Matrix::nearPD()} gives the nearest that is.")
  }
  log_det <- 2 * sum(log(diag(root)))
  if (length(relative)) field$relatives <- relatives(field$matrix, relative, root)
  field$matrix <- NULL
  with_members(field, "known", c(chol2inv(root), -log_det))
}

# Levels of the matrix that have no rows, given those that have: multiples of their effects, and
# the covariance that is left. `root` is the Cholesky factor of the others' part.
relatives <- function(cov, level, root) {
  known <- setdiff(rownames(cov), level)
  half <- backsolve(root, cov[known, level, drop = FALSE], transpose = TRUE)
  list(levels = level, mean = t(backsolve(root, half)),
       cov = unname(cov[level, level, drop = FALSE]) - crossprod(half))
}

gr_members <- function(field, values) {
  weight <- if (length(values) > 1L) as.double(values[[2L]]) else rep(1, length(values[[1L]]))
  list(level = list(as.character(values[[1L]])), weight = list(weight))
}

gr_unseen <- function(field, values, level) {
  at <- match(level, field$relatives$levels)
  if (anyNA(at)) {
    unseen_abort(field, level[is.na(at)], "Its matrix has them not: fit again with one that has, if
                                           only for their relatives' sake.")
  }
  list(law = "scaled", mean = field$relatives$mean[at, , drop = FALSE],
       root = covariance_root(field$relatives$cov[at, at, drop = FALSE]),
       member = logical(length(at)), exchangeable = FALSE)
}

# Of levels that nothing is known of
unseen_abort <- function(field, level, hint, .envir = parent.frame()) {
  right <- cli::format_inline(hint, .envir = .envir)
  vb_abort("newdata", c("{.code {field$label}} has levels in {.arg newdata} that were not in the
                         data: {.val {level}}.", i = "{right}"))
}

sparse_gr <- function(field) {
  q <- field$matrix
  log_det <- sparse_log_det(q)
  if (is.na(log_det)) field_abort(field$call, "Its matrix is not positive definite.")
  field$matrix <- NULL
  field <- with_members(field, "known", numeric())
  block <- field$blocks[[1L]]
  field$blocks <- list(sparse_block(block$coef, "known_sparse", list(q), c(nrow(q), log_det),
                                    block$hyper))
  field
}

# ---- mm(g1, g2, weights = ) ----------------------------------------------------------------------

read_mm <- function(call, env, data2) {
  args <- field_variables(call, c("bar", "weights", "scale"))
  members <- args$variables
  if (length(members) < 2L) field_abort(call, "It needs two grouping variables or more.")
  scale <- if (is.null(args$scale)) TRUE else eval(args$scale, env)
  list(label = bar_label(call), variables = c(members, args["weights"][!is.null(args$weights)],
                                              bar_slope(args$bar, call)),
       n_member = length(members), weighted = !is.null(args$weights), scale = isTRUE(scale),
       group = paste0("mm", paste(vapply(members, deparse1, ""), collapse = "")),
       coef = bar_coef(args$bar, call))
}

make_mm <- function(field, values) {
  field$levels <- levels(factor(unlist(lapply(values[seq_len(field$n_member)], as.character))))
  with_members(field, "iid", rep(1, length(field$levels)))
}

mm_members <- function(field, values) {
  k <- field$n_member
  weight <- if (field$weighted) as.matrix(values[[k + 1L]]) else matrix(1, NROW(values[[1L]]), k)
  if (ncol(weight) != k || any(weight < 0, na.rm = TRUE)) {
    field_abort(field$call, "{.arg weights} must have {k} columns that are not negative.")
  }
  if (field$scale) weight <- weight / rowSums(weight)
  slope <- k + field$weighted + 1L
  if (length(values) >= slope) weight <- weight * as.double(values[[slope]])
  list(level = lapply(values[seq_len(k)], as.character),
       weight = lapply(seq_len(k), function(j) weight[, j]))
}

# Members that the data have not are of the same population, whatever those that they have
mm_unseen <- function(field, values, level) {
  list(law = "scaled", mean = NULL, root = NULL, member = rep(TRUE, length(level)),
       exchangeable = TRUE)
}

# The field with the effects of its levels, members of a population, named as random effects are
with_members <- function(field, precision, at) {
  hyper <- sd_hyper(paste0("sd_", field$group, "__", field$coef), field$group)
  coef <- paste0("r_", field$group, "[", field$levels, ",", field$coef, "]")
  field$blocks <- list(list(coef = coef, precision = precision, at = at, hyper = hyper))
  field
}

# ---- what stands before the bar: one coefficient -------------------------------------------------

bar_label <- function(call) deparse1(call("|", call$bar, as.call(as.list(call)[-2L])))

bar_terms <- function(bar, call) {
  terms <- stats::terms(stats::as.formula(base::call("~", bar)))
  labels <- attr(terms, "term.labels")
  if (length(labels) + attr(terms, "intercept") != 1L) {
    field_abort(call, "One coefficient can vary over such groups, as in {.code (1 | ...)} or
                       {.code (0 + x | ...)}.", "{.code (x || ...)} has two without correlation.")
  }
  labels
}
bar_coef <- function(bar, call) {
  label <- bar_terms(bar, call)
  if (length(label)) label else "Intercept"
}
bar_slope <- function(bar, call) lapply(bar_terms(bar, call), str2lang)

# ---- matrices ------------------------------------------------------------------------------------

eval_field <- function(expr, call, env, data2) {
  tryCatch(eval(expr, data2, env), error = function(e) {
    message <- conditionMessage(e)
    field_abort(call, "{message}", "Matrices may be given by {.code data2 = list(A = A)}.")
  })
}

# a symmetric matrix whose rows are named by levels; a sparse one stays so where it may
level_matrix <- function(x, call, sparse = FALSE) {
  if (!is.matrix(x) && !inherits(x, "Matrix")) {
    field_abort(call, "Its matrix is {describe_class(x)}.")
  }
  if (!sparse) x <- as.matrix(x)
  if (is.matrix(x)) {
    if (!is.numeric(x) && !is.logical(x)) field_abort(call, "Its matrix is not numeric.")
    storage.mode(x) <- "double"
  }
  if (is.null(rownames(x))) rownames(x) <- colnames(x)
  if (nrow(x) != ncol(x)) field_abort(call, "Its matrix is not square.")
  if (is.null(rownames(x)) || anyDuplicated(rownames(x))) {
    field_abort(call, "The rows of its matrix need the levels as their names, each once.")
  }
  if (!is_symmetric(x)) {
    field_abort(call, "Its matrix is not symmetric, or not finite.")
  }
  colnames(x) <- rownames(x)
  x
}

is_symmetric <- function(x) {
  if (is.matrix(x)) return(all(is.finite(x)) && max(abs(x - t(x))) <= 1e-8 * max(abs(x)))
  range <- range(x)
  all(is.finite(range)) && max(abs(range(x - Matrix::t(x)))) <= 1e-8 * max(abs(range))
}
