# The parts of the linear predictor that smooths are.

#' Conditional smooths
#'
#' The posterior of each smooth of a fit, `s()` or `t2()`, by itself: the part of the linear
#' predictor that is its function of its variables, with all other terms left out. A smooth sums to
#' zero over the data, so that its level says nothing; its shape does.
#'
#' Of a smooth of two variables the first is drawn along the axis, at three values of the second; of
#' one with `by = g` there is a curve for each level. `plot(fit, type = "smooth")` draws all of
#' them, with the data's values as marks along the axis.
#'
#' @param x A fit of class `vbfit` with smooths; anything else is passed on to 'brms'.
#' @param smooths Labels of smooths as in the formula, such as `"s(x)"`; all by default.
#' @param resolution The number of points along a numeric variable.
#' @param prob The probability inside the credible band.
#' @param ... Not used.
#' @return A list with a data frame per smooth, named by it, of class `conditional_effects.vbfit`,
#'   with the columns of [conditional_effects()], on the scale of the linear predictor. There are
#'   `plot()` and `print()` methods.
#' @references
#' Wood, S. N. (2017). *Generalized additive models: an introduction with R*, second edition,
#' chapter 6. CRC.
#' @seealso [conditional_effects()] for expected responses.
#' @examples
#' fit <- vb(Ozone ~ s(Temp) + s(Wind), airquality)
#' head(conditional_smooths(fit)[["s(Temp)"]])
#' plot(fit, type = "smooth")
#' @export
conditional_smooths <- function(x, ...) UseMethod("conditional_smooths")

#' @rdname conditional_smooths
#' @export
conditional_smooths.vbfit <- function(x, smooths = NULL, resolution = 100, prob = 0.95, ...) {
  x <- whole_fit(x)
  warn_unused(list(...), "conditional_smooths")
  check_number(resolution, "resolution", lower = 2, upper = 1e5, whole = TRUE)
  check_probs(prob, "prob", single = TRUE)
  label <- vapply(x$fields, function(field) if (length(field$parts)) field$label else "", "")
  picked <- pick_smooths(smooths, label)
  out <- with_open(x, function(x) lapply(picked, smooth_frame, x, resolution, prob))
  names(out) <- label[picked]
  structure(lapply(out, function(o) o$frame), class = "conditional_effects.vbfit",
            effects = lapply(out, function(o) o$pair), response = "smooth",
            points = NULL, category = NULL, conditions = NULL,
            rug = lapply(out, function(o) o$rug))
}

#' @rawNamespace S3method(conditional_smooths, default, forward_conditional_smooths)
#' @rawNamespace S3method(brms::conditional_smooths, vbfit, conditional_smooths.vbfit)
forward_conditional_smooths <- function(x, ...) forward("brms", "conditional_smooths", x, ...)

pick_smooths <- function(smooths, label) {
  known <- which(nzchar(label))
  if (!length(known)) vb_abort(c("smooths", "formula"), "The model has no smooths.")
  if (is.null(smooths)) return(known)
  k <- match(plain_label(smooths), plain_label(label))
  if (anyNA(k)) {
    vb_abort("smooths", c("{.arg smooths} names what is no smooth of the fit:
                           {.val {smooths[is.na(k)]}}.", i = "They are {.val {label[known]}}."))
  }
  k
}

# One smooth over a grid of its variables, as they enter it
smooth_frame <- function(k, fit, resolution, prob) {
  field <- fit$fields[[k]]
  seen <- field_values(field, fit$frame, environment(fit$formula), own = TRUE)
  seen <- lapply(seen, function(v) if (is.null(dim(v))) v[fit$rows] else v[fit$rows, ])
  pair <- utils::head(names(seen), 2L)
  held <- data.frame(lapply(seen, held_value), check.names = FALSE)
  grid <- effect_grid(seen, pair, cbind(held, cond__ = factor(1)), resolution)
  columns <- field_columns(field, as.list(grid$newdata[names(seen)]))
  band <- predictor_band(fit, field_places(fit, k), columns, prob)
  list(frame = effect_frame(grid, list(band), pair), pair = pair, rug = seen[[1L]])
}

# Where the coefficients of a field are among those of the design
field_places <- function(fit, k) {
  n <- field_sizes(fit$fields)
  c(match(fit$fields[[k]]$fixed, fit$fixed$names),
    length(fit$fixed$names) + sum(n[seq_len(k - 1L)]) + seq_len(n[k]))
}

# Mean, sd and interval of combinations of the design's coefficients
predictor_band <- function(fit, place, columns, prob) {
  n <- nrow(columns)
  rows <- empty_rows(fit, n)
  rows$x[, place] <- columns
  with_open(fit, function(fit) {
    got <- predict_moments(fit, rows, "link", TRUE)
    bound <- with_bounds(fit, got$fit, rows, "link", "credible", prob, numeric(n))
    unname(cbind(bound[, 1L], got$se.fit, bound[, 2L], bound[, 3L]))
  })
}

# Effective degrees of freedom of the smooths, the trace of what a coefficient's estimate follows
# the data with: with precision Q the penalised ones have n - tr(Q S), averaged over theta
field_edf <- function(fit) {
  node <- fit$engine$node
  p <- n_fixed(fit)
  cov <- matrix(node$fixed_cov, p * p, length(node$weight))
  out <- lapply(seq_along(fit$fields), function(k) {
    field <- fit$fields[[k]]
    if (!length(field$parts)) return(NULL)
    of_block <- vapply(field$blocks, function(block) {
      at <- match(block$coef, field_coefs(fit$fields)) + length(fit$fixed$names)
      sd <- node$hyper[match(block$hyper$name, fit$hyper$name), ]
      trace <- colSums(cov[at + p * (at - 1L), , drop = FALSE]) / sd^2
      length(at) - sum(node$weight * trace)
    }, 0)
    part <- rep(seq_along(field$parts), lengths(lapply(field$parts, function(part) part$n)))
    own <- vapply(seq_along(field$parts), function(j) {
      field$parts[[j]]$n_fixed + sum(of_block[part == j])
    }, 0)
    label <- vapply(field$parts, function(part) part$smooth$label, "")
    stats::setNames(own, paste0(dpar_label(field$dpar), label))
  })
  unlist(out)
}
