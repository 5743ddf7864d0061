# Is a fit whole? Fits are plain data that users save, load, edit and pass on; what comes back may
# have lost a field, have another type in it or another length. The types, lengths and ranges that
# the engine and the methods rely on are rows of the tables here and are checked before a method
# starts, so that C meets no list that R has not looked through.

# Functions that make of a fit of one layout (fit_layout) one of the next; layouts without a row can
# be read no more. Fits without a version are of layout 0.
older_layouts <- list()

# The fit, as of this version, or an error that says what is wrong with it
whole_fit <- function(fit) {
  if (!inherits(fit, "vbfit")) {
    vb_abort("fit", c("{.arg fit} must be a fit made by {.fun vb}.",
                      x = "It is {describe_class(fit)}."))
  }
  fit <- as_of_now(fit)
  found <- first_damage(fit, measuring_fields, list())
  if (is.null(found)) {
    found <- first_damage(fit, c(common_fields, held_fields(fit)), fit_sizes(fit))
  }
  if (!is.null(found)) damaged(found)
  fit
}

damaged <- function(field, why = NULL) {
  vb_abort("fit", c("This fit is damaged: {.code {field}}.", x = if (length(why)) "{why}",
                    i = "Fit the model again, or load the fit from where it was saved."))
}

as_of_now <- function(fit) {
  version <- fit$version
  if (is.null(version)) version <- 0L
  if (!is.integer(version) || length(version) != 1L || is.na(version) || version < 0L) {
    damaged("version")
  }
  while (version < fit_layout) {
    next_layout <- older_layouts[[as.character(version)]]
    if (is.null(next_layout)) {
      vb_abort("fit", c("This fit was made by a version of varbayes that can be read no more.",
                        i = "Fit the model again."))
    }
    fit <- next_layout(fit)
    version <- version + 1L
  }
  if (version > fit_layout) {
    vb_abort("fit", c("This fit was made by a later version of varbayes.",
                      i = "Update the package to read it."))
  }
  fit
}

# ---- the walk ------------------------------------------------------------------------------------

# The first row of a table whose field is not what it says, by its name; NULL: all are. Fields of
# `random$*` and `design$terms$*` are those of every term: `k` is its number.
first_damage <- function(fit, fields, sizes) {
  here <- list2env(sizes, parent = topenv())
  here$fit <- fit
  path <- strsplit(names(fields), "$", fixed = TRUE)
  for (i in seq_along(fields)) {
    all <- match("*", path[[i]])
    each <- if (is.na(all)) 0L else seq_along(field_at(fit, path[[i]][seq_len(all - 1L)], 0L))
    for (k in each) {
      here$k <- k
      here$x <- field_at(fit, path[[i]], k)
      if (!isTRUE(eval(fields[[i]], here))) return(sub("*", k, names(fields)[i], fixed = TRUE))
    }
  }
  NULL
}

field_at <- function(x, path, k) {
  for (step in path) {
    if (!is.list(x)) return(NULL)
    if (step != "*") x <- .subset2(x, step) else x <- if (k <= length(x)) .subset2(x, k)
  }
  x
}

fit_sizes <- function(fit) {
  engine <- fit$engine
  d <- vapply(level_terms(fit), function(term) length(term$coef), 0L)
  level <- vapply(level_terms(fit), function(term) length(term$levels), 0L)
  held <- c(fit$design$prior_par$dist, unlist(lapply(fit$design$prior_sd, `[[`, "dist")),
            fit$design$shrink$dist,
            unlist(lapply(fit$design$fields, function(f) f$prior$dist))) == "constant"
  n_site <- if (is.character(dist <- fit$design$prior_coef$dist)) sum(is_site(dist)) else 0L
  n_pin <- length(engine$pin$origin)
  n_par <- sum(fit$hyper$class %in% c("aux", "threshold"))
  list(n = fit$nobs, n_frame = nrow(fit$frame), p = n_fixed(fit), n_par = n_par,
       n_predictor = n_predictors(fit), width = n_predictors(fit) * (n_predictors(fit) + 1L) / 2L,
       n_level = if (has_several(fit)) length(fit$predictors) + 1L else n_par + 1L,
       n_term = length(d), n_random = length(fit$random), d = d, level = level,
       n_sd = vapply(fit$random, n_sds, 0L),
       n_coef = n_fixed(fit) + sum(d * level), n_hyper = nrow(fit$hyper),
       n_site = n_site,
       n_axis = sum(!held) + sum(vapply(fit$random, n_cors, 0L)) + n_pin, n_pin = n_pin,
       n_node = length(engine$node$weight),
       n_point = length(engine$point$weight), n_draw = NCOL(fit$advi$coef))
}

# ---- the fields ----------------------------------------------------------------------------------

# What the sizes of the others are counted by
measuring_fields <- alist(
  "nobs" = int(x, 1, lower = 1),
  "frame" = is.data.frame(x),
  "fixed" = record(x),
  "fixed$names" = text(x, distinct = TRUE),
  "random" = record(x),
  "random$*" = record(x),
  "random$*$coef" = text(x, distinct = TRUE) && length(x) > 0L,
  "random$*$covariance" = maybe(x, text, 1, among = names(covariance_rows)),
  "random$*$levels" = text(x, distinct = TRUE) && length(x) > 0L,
  "hyper" = columns(x, list(name = text, class = text, term = int, i = int, j = int)),
  "fields" = are_fields(x),
  "design" = record(x),
  "design$fields" = are_field_specs(x, fit),
  "design$prior_coef" = record(x),
  "design$prior_coef$dist" = text(x),
  "design$prior_par" = record(x),
  "design$prior_par$dist" = text(x),
  "design$prior_sd" = maybe(x, record, length(fit$random)),
  "design$prior_sd$*" = record(x),
  "design$prior_sd$*$dist" = text(x),
  "design$shrink" = maybe(x, record),
  "design$shrink$dist" = maybe(x, text),
  "engine" = record(x),
  "engine$node" = record(x),
  "engine$node$weight" = reals(x),
  "engine$point" = record(x),
  "engine$point$weight" = reals(x, lower = 0) && (!length(x) || sum(x) > 0),
  "engine$pin" = maybe(x, record),
  "advi" = maybe(x, record),
  "advi$coef" = is.null(x) || is.matrix(x)
)

common_fields <- alist(
  # what was asked
  "call" = is.call(x),
  "formula" = inherits(x, "formula") && length(x) == 3L,
  "source" = maybe(x, record),
  "source$columns" = maybe(x, is.data.frame),
  "family" = inherits(x, "family") && text(x$family, 1) && text(x$link, 1) &&
    is.function(x$linkfun) && is.function(x$linkinv) && is.function(x$mu.eta),
  "algorithm" = text(x, 1, among = names(phases)),
  "approximation" = text(x, 1),
  "bound" = text(x, 1),
  "control" = is_control(x),
  "priors" = record(x) && all(vapply(x, maybe, NA, columns, prior_columns)),
  # the data
  "rows" = int(x, n, lower = 1, upper = n_frame),
  "y" = is.numeric(x) && NROW(x) == n_frame,
  "weights" = is.numeric(x) && length(x) == n_frame,
  "offset" = is.numeric(x) && length(x) == n_frame * n_predictor,
  "predictors" = maybe(x, are_predictors, fit),
  "terms" = inherits(x, "terms"),
  "frame" = inherits(attr(x, "terms"), "terms") && all(term_variables(fit$terms) %in% names(x)),
  "xlevels" = maybe(x, record),
  "contrasts" = maybe(x, record),
  "na.action" = maybe(x, is.numeric),
  "levels" = maybe(x, text, n_level, distinct = TRUE),
  "fixed$center" = reals(x, p),
  "fixed$intercept" = int(x, 1, lower = 0, upper = p),
  "fixed$implicit" = flag(x),
  "random$*$group" = text(x, 1),
  "random$*$expr" = is.symbol(x) || is.call(x),
  "random$*$bar" = is.call(x),
  "random$*$terms" = inherits(x, "terms") && all(term_variables(x) %in% names(fit$frame)),
  "random$*$xlevels" = maybe(x, record),
  "random$*$contrasts" = maybe(x, record),
  "random$*$bare" = maybe(x, text, d[k]),
  "random$*$dpar" = maybe(x, text, d[k], among = names(fit$predictors)),
  "random$*$parts" = maybe(x, are_parts, fit, d[k]),
  "hyper$class" = text(x, n_hyper, among = hyper_classes),
  "hyper$term" = int(x, n_hyper, lower = 0, upper = n_term),
  "hyper$i" = int(x, n_hyper, lower = 0, upper = max(d, 0L)),
  "hyper$j" = int(x, n_hyper, lower = 0, upper = max(d, 0L)),
  # what the engine was given
  "design$family" = text(x, 1),
  "design$link" = text(x, 1),
  "design$bound" = text(x, 1),
  "design$y" = reals(x, if (is.matrix(x)) c(n, n_predictor) else n) &&
    in_categories(x, fit$hyper$class, n_par),
  "design$w" = reals(x, n, lower = 0),
  "design$constant" = reals(x, 1),
  "design$row_constant" = maybe(x, reals, n),
  "design$offset" = reals(x, if (has_several(fit)) c(n, n_predictor) else n),
  "design$predicted" = maybe(x, text, n_predictor, distinct = TRUE) &&
    is.null(x) == !has_several(fit),
  "design$predictor" = is_predictor(x, p, n_predictor, fit),
  "design$into" = maybe(x, int, p, lower = 0, upper = p) && is.null(x) == !has_several(fit),
  "design$bins" = maybe(x, whole_bins, n, p),
  "design$x" = design_columns(x, n, p - n_binned(fit)),
  "design$center" = reals(x, p),
  "design$intercept" = int(x, 1, lower = 0, upper = p),
  "design$terms" = record(x, n_term),
  "design$terms$*" = record(x),
  "design$terms$*$group" = int(x, n, lower = 1, upper = level[k]),
  "design$terms$*$n_level" = int(x, 1, lower = level[k], upper = level[k]),
  "design$terms$*$z" = reals(x, c(n, d[k])),
  "design$terms$*$predictor" = is_predictor(x, d[k], n_predictor, fit),
  "design$terms$*$covariance" = identical(x, level_terms(fit)[[k]]$covariance),
  "design$terms$*$shift" = maybe(x, reals, d[k]),
  "design$terms$*$prior_at_zero" = maybe(x, int, 1, lower = 0, upper = 1),
  "design$prior_coef$dist" = text(x, p),
  "design$prior_coef$arg" = reals(x, c(3, p)),
  "design$prior_sd$*$dist" = text(x, n_sd[k]),
  "design$prior_sd$*$arg" = reals(x, c(3, n_sd[k])),
  "design$prior_cor" = maybe(x, reals, n_random) && (n_random == 0 || !is.null(x)),
  "design$prior_par$dist" = text(x, n_par),
  "design$prior_par$arg" = reals(x, c(3, n_par)),
  "design$shrink$dist" = maybe(x, text, 2),
  "design$shrink$arg" = maybe(x, reals, c(3, 2)),
  "design$shrink$df" = maybe(x, reals, 1),
  "design$shrink$by_sigma" = maybe(x, int, 1),
  "design$user" = maybe(x, record),
  # what came of it
  "engine$status" = int(x, 1),
  "engine$rule" = text(x, 1),
  "engine$solver" = text(x, 1),
  "engine$coupling" = int(x, 1, lower = 0, upper = 2),
  "engine$n_cell" = int(x, 1, lower = 1, upper = n),
  "engine$log_lik" = reals(x, 1, finite = FALSE),
  "engine$node$hyper" = reals(x, c(n_hyper, n_node), finite = FALSE) &&
    finite_used(x, fit$engine$node$weight),
  "engine$node$x" = reals(x, c(n_axis, n_node), finite = FALSE),
  "engine$node$mean" = reals(x, c(n_coef, n_node), finite = FALSE) &&
    finite_used(x, fit$engine$node$weight),
  "engine$node$var" = reals(x, c(n_coef, n_node), finite = FALSE) &&
    finite_used(x, fit$engine$node$weight),
  "engine$node$fixed_mean" = reals(x, c(p, n_node), finite = FALSE) &&
    finite_used(x, fit$engine$node$weight),
  "engine$node$fixed_cov" = reals(x, c(p, p, n_node), finite = FALSE) &&
    finite_used(x, fit$engine$node$weight),
  "engine$point$hyper" = reals(x, c(n_hyper, n_point), finite = FALSE),
  "engine$point$x" = reals(x, c(n_axis, n_point), finite = FALSE),
  "engine$point$log_density" = maybe(x, reals, n_point, finite = FALSE),
  "elbo" = reals(x, 1, finite = FALSE),
  "log_evidence" = reals(x, 1, finite = FALSE),
  "trace" = columns(x, trace_columns),
  "converged" = flag(x),
  "stopped" = text(x, 1),
  "seconds" = reals(x, 1, lower = 0)
)

trace_columns <- list(step = is.numeric, phase = text, elbo = is.numeric, log_lik = is.numeric,
                      kl = is.numeric, seconds = is.numeric)
prior_columns <- list(parameter = text, prior = text, dist = text, arg1 = is.numeric,
                      arg2 = is.numeric, arg3 = is.numeric, default = is.logical, asked = text)
hyper_classes <- c("sd", "cor", "field", "aux", "hs", "threshold")

held_fields <- function(fit) UseMethod("held_fields", held_as(fit))

#' @export
held_fields.held_nodes <- function(fit) node_fields

#' @export
held_fields.held_draws <- function(fit) draw_fields

node_fields <- alist(
  "engine$node$elbo" = reals(x, n_node, finite = FALSE),
  "engine$node$rq" = reals(x, n_node, finite = FALSE),
  "engine$node$skew" = maybe(x, reals, c(n_coef, n_node), finite = FALSE),
  "engine$node$fixed_skew" = maybe(x, reals, c(p, n_node), finite = FALSE),
  "engine$node$h" = maybe(x, reals, c(fit$engine$n_cell * width, n_node), finite = FALSE),
  "engine$node$site_h" = reals(x, c(n_site, n_node), finite = FALSE),
  "engine$node$site_b" = maybe(x, reals, c(n_site, n_node), finite = FALSE),
  "engine$node$spread" = maybe(x, reals, c(n_pin, n_node), lower = 0),
  "engine$flat_left" = maybe(x, flag),
  "engine$n_foretold" = maybe(x, int, 1, 0),
  "engine$second_mode" = maybe(x, reals, 1L, finite = FALSE),
  "engine$pin$a" = maybe(x, reals, c(p, n_pin)),
  "engine$pin$origin" = maybe(x, reals, n_pin),
  "engine$pin$precision" = maybe(x, reals, n_pin, lower = 0),
  "engine$axes" = record(x),
  "engine$axes$coordinate" = text(x, n_axis),
  "engine$axes$s0" = reals(x, n_axis),
  "engine$axes$mode" = reals(x, n_axis),
  "engine$axes$root" = reals(x, c(n_axis, n_axis)),
  "engine$axes$polar" = int(x, if (length(x)) 2 else 0, lower = 1, upper = n_axis),
  "engine$axes$sheared" = int(x, if (length(x)) 2 else 0, lower = 1, upper = n_axis),
  "engine$n_eval" = int(x, 1),
  "engine$n_sweep" = int(x, 1),
  "engine$ess" = reals(x, 1, finite = FALSE),
  "engine$khat" = reals(x, 1, finite = FALSE),
  "engine$node_error" = reals(x, 1, finite = FALSE),
  "engine$lost" = maybe(x, reals, 1, finite = FALSE),
  "engine$rq" = record(x),
  "engine$rq$size" = reals(x, 1, finite = FALSE),
  "engine$rq$max_level" = reals(x, 1, finite = FALSE),
  "engine$lr" = maybe(x, reals, c(p, p)),
  "engine$lr_inflation" = reals(x, 1, finite = FALSE),
  "engine$cell" = int(x, n, lower = 1, upper = fit$engine$n_cell),
  "engine$effective" = maybe(x, reals)
)

draw_numbers <- paste0("advi$", c("elbo_se", "decrement", "khat", "noise_error"))
draw_counts <- paste0("advi$", c("n_noise", "n_grad", "n_value", "n_iter", "n_bad"))
draw_fields <- c(
  alist(
    "advi$approximation" = text(x, 1),
    "advi$mean" = reals(x),
    "advi$coef" = reals(x, c(n_coef, n_draw), finite = FALSE),
    "advi$hyper" = reals(x, c(n_hyper, n_draw), finite = FALSE),
    "advi$lp" = reals(x, n_draw, finite = FALSE),
    "advi$lp_approx" = reals(x, n_draw, finite = FALSE),
    "advi$log_weight" = reals(x, n_draw, finite = FALSE),
    "advi$coef_sd_q" = reals(x, n_coef, finite = FALSE),
    "advi$hyper_sd_q" = reals(x, n_hyper, finite = FALSE),
    "advi$lr_rule" = text(x, 1)
  ),
  stats::setNames(rep(alist(reals(x, 1, finite = FALSE)), 4L), draw_numbers),
  stats::setNames(rep(alist(is.numeric(x) && length(x) == 1L), 5L), draw_counts)
)

# Categories are what C looks thresholds up by
in_categories <- function(y, class, n_par) {
  !"threshold" %in% class || in_range(y, 1, n_par + 1, TRUE) && all(y == round(y))
}

# Settings that vb_control() would take, and as it returns them: it fills in what is not given
is_control <- function(x) {
  setting <- names(formals(vb_control))
  if (!record(x) || !setequal(names(x), c(setting, "cores", "verbose"))) return(FALSE)
  made <- tryCatch(do.call(vb_control, x[setting]), error = function(e) NULL)
  flag(x$verbose) && int(x$cores, 1, lower = 1) && identical(lapply(made, is.null)[setting],
                                                             lapply(x[setting], is.null))
}
