# What the fit was made of: formula, frame, matrices, weights.

#' Parts of a fit
#'
#' The methods of 'stats' that return what a model was fitted with, in the forms of 'lme4'.
#' [stats::update()] works on the stored call and formula, as it does for other models.
#'
#' @param object,x,formula A fit of class `vbfit`.
#' @param fixed.only,random.only Whether to keep only the fixed or only the random part.
#' @param type For `model.matrix()`, `"fixed"` effects (a dense matrix with the attributes of
#'   [stats::model.matrix()]) or `"random"` effects (a sparse one, a column per random effect,
#'   term by term). For `weights()`, the `"prior"` weights or the `"working"` weights of the
#'   last sweep of iteratively weighted least squares, evaluated at the fitted values.
#' @param formula.,evaluate As in [stats::update()].
#' @param ... Of `update()`, arguments of [vb()] to change or to add; `newdata`, as 'brms' calls it,
#'   is `data`. Of others not used, with a warning where there is a choice of what to return.
#' @return What the generics promise: `formula()` a formula, with the bars of the random
#'   effects unless `fixed.only`; `family()` a family object; `nobs()` the number of rows used,
#'   without those of weight zero; `weights()` a value per row; `df.residual()` is infinite, as
#'   posterior intervals need no degrees of freedom.
#' @examples
#' fit <- vb(dist ~ speed, data = cars)
#' formula(fit)
#' nobs(fit)
#' head(model.matrix(fit))
#' update(fit, . ~ . + I(speed^2))
#' @importFrom stats df.residual family formula model.frame model.matrix nobs terms update weights
#' @name parts
NULL

#' @rdname parts
#' @export
formula.vbfit <- function(x, fixed.only = FALSE, random.only = FALSE, ...) {
  x <- whole_fit(x)
  warn_unused(list(...), "parts")
  check_one_part(fixed.only, random.only)
  if (fixed.only) return(stats::formula(x$terms))
  out <- x$formula
  if (random.only) out[[3L]] <- random_part(x)
  out
}

#' @rdname parts
#' @export
terms.vbfit <- function(x, fixed.only = !random.only, random.only = FALSE, ...) {
  x <- whole_fit(x)
  warn_unused(list(...), "parts")
  check_one_part(fixed.only, random.only)
  if (random.only) return(stats::terms(without_bars(formula.vbfit(x, random.only = TRUE))))
  if (fixed.only) x$terms else attr(x$frame, "terms")
}

# y ~ (x | g) with the variables of its bars added: y ~ (x + g)
without_bars <- function(term) {
  if (!is.call(term)) return(term)
  if (is_random(term)) {
    term <- without_id(bar_of(term))
    term[[1L]] <- quote(`+`)
  }
  term[-1L] <- lapply(as.list(term)[-1L], without_bars)
  term
}

check_one_part <- function(fixed.only, random.only) {
  check_flag(fixed.only, "fixed.only")
  check_flag(random.only, "random.only")
  if (fixed.only && random.only) {
    vb_abort(c("fixed.only", "random.only"), c(
      "{.arg fixed.only} and {.arg random.only} exclude each other.", i = "Set one of them."
    ))
  }
}

random_part <- function(fit) {
  bars <- split_bars(fit$formula[[3L]])$bars
  if (length(bars)) add_terms(bars) else 0
}

#' @rdname parts
#' @export
family.vbfit <- function(object, ...) whole_fit(object)$family

#' @rdname parts
#' @export
nobs.vbfit <- function(object, ...) whole_fit(object)$nobs

#' @rdname parts
#' @export
df.residual.vbfit <- function(object, ...) Inf

#' @rdname parts
#' @export
model.frame.vbfit <- function(formula, fixed.only = FALSE, ...) {
  formula <- whole_fit(formula)
  check_flag(fixed.only, "fixed.only")
  warn_unused(list(...), "parts")
  frame <- formula$frame
  if (!fixed.only) return(frame)
  variable <- vapply(as.list(attr(formula$terms, "variables"))[-1L], variable_name, "")
  frame[intersect(names(frame), variable)]
}

#' @rdname parts
#' @export
model.matrix.vbfit <- function(object, type = c("fixed", "random"), ...) {
  object <- whole_fit(object)
  type <- pick_choice(type, "type", c("fixed", "random"))
  warn_unused(list(...), "parts")
  if (type == "fixed" && has_several(object)) {
    name <- object$fixed$names
    x <- joint_rows(object, allow.new.levels = TRUE)$x[, seq_along(name), drop = FALSE]
    return(structure(x, dimnames = list(row.names(object$frame), name)))
  }
  if (type == "fixed") {
    x <- stats::model.matrix(object$terms, object$frame, contrasts.arg = object$contrasts)
    return(if (object$fixed$implicit) x[, -1L, drop = FALSE] else x)
  }
  rows <- joint_rows(object, allow.new.levels = TRUE)
  n <- nrow(object$frame)
  block <- lapply(seq_along(object$random), function(k) {
    random_matrix(object$random[[k]], rows$group[[k]], rows$z[[k]], row.names(object$frame))
  })
  empty <- Matrix::sparseMatrix(i = integer(), j = integer(), x = numeric(), dims = c(n, 0L))
  if (length(block)) do.call(cbind, block) else empty
}

# A level has as many columns as the term has coefficients. A row of weight zero may have a level
# that is not in the fit, and then has no entry.
random_matrix <- function(term, group, z, row_names) {
  d <- length(term$coef)
  known <- which(group > 0L)
  column <- outer((group[known] - 1L) * d, seq_len(d), `+`)
  Matrix::sparseMatrix(
    i = rep(known, d), j = as.vector(column), x = as.vector(z[known, ]),
    dims = c(length(group), d * length(term$levels)),
    dimnames = list(row_names, rep(term$levels, each = d))
  )
}

#' @rdname parts
#' @export
weights.vbfit <- function(object, type = c("prior", "working"), ...) {
  object <- whole_fit(object)
  type <- pick_choice(type, "type", c("prior", "working"))
  warn_unused(list(...), "parts")
  w <- object$weights
  if (type == "working") {
    check_one_predictor(object)
    check_no_thresholds(object, "working weights")
    check_variance(object, type, "prior")
    mu <- frame_mean(object)
    eta <- object$family$linkfun(mu)
    w <- w * object$family$mu.eta(eta)^2 / unit_variance(object, mu)
  }
  stats::naresid(object$na.action, w)
}
