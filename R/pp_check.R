# Posterior predictive checks: 'bayesplot' where it is installed, base graphics elsewhere.

#' Posterior predictive checks
#'
#' Compares the response with data sets drawn from the posterior predictive distribution, by the
#' `ppc_` functions of 'bayesplot', as in 'rstanarm' and 'brms'. Without 'bayesplot' the types
#' `"dens_overlay"`, `"ecdf_overlay"`, `"hist"`, `"stat"`, `"bars"` and `"intervals"` are drawn in
#' base graphics.
#'
#' A generic of this package, as 'bayesplot' may be missing. Objects that are not ours are handed to
#' `bayesplot::pp_check()`, whichever package was attached last.
#'
#' @param object A fit of class `vbfit`; anything else is passed on to 'bayesplot'.
#' @param type The check: the end of the name of a `ppc_` function of 'bayesplot', such as
#'   `"dens_overlay"`, `"stat_grouped"` or `"bars"`. By default `"bars"` for ordinal and binary
#'   responses, `"ecdf_overlay"` for counts and `"dens_overlay"` for others. 'rstanarm' calls it
#'   `plotfun`.
#' @param ndraws The number of data sets: by default 10 for overlays and histograms, 1000 for
#'   others. 'rstanarm' calls it `nreps`.
#' @param group,x Names of variables of the data, for the types that have groups or an x axis.
#' @param newdata A data frame with the variables of the formula, its response included; the data of
#'   the fit by default.
#' @param re.form,seed As for [posterior_predict()].
#' @param ... `draws` and `re_formula`, other names of `ndraws` and `re.form`, and
#'   `allow_new_levels`, as for [posterior_predict()]. Anything else is passed on to the function of
#'   'bayesplot', such as `stat = "mean"`.
#' @return A ggplot object; without 'bayesplot' the matrix of draws, invisibly.
#' @references
#' Gabry, J., Simpson, D., Vehtari, A., Betancourt, M. and Gelman, A. (2019). Visualization in
#' Bayesian workflow. *Journal of the Royal Statistical Society A*, 182, 389-402.
#' @examples
#' fit <- vb(count ~ spray, InsectSprays, family = poisson())
#' pp_check(fit)
#' pp_check(fit, type = "stat", stat = "sd")
#' @export
pp_check <- function(object, ...) UseMethod("pp_check")

#' @rdname pp_check
#' @export
pp_check.vbfit <- function(object, type = NULL, ndraws = NULL, group = NULL, x = NULL,
                           newdata = NULL, re.form = NULL, seed = NULL, ...) {
  object <- whole_fit(object)
  dots <- list(...)
  allow_new_levels <- dots$allow_new_levels
  dots$allow_new_levels <- NULL
  own <- names(dots) %in% names(check_synonyms)
  take_synonyms(dots[own], check_synonyms, "pp_check")
  dots <- if (any(own)) dots[!own] else dots
  if (is.null(type)) type <- default_check(object)
  if (!is.character(type) || length(type) != 1L) {
    vb_abort("type", c("{.arg type} must be one string.", x = "It is {describe(type)}."))
  }
  type <- sub("^ppc_", "", type)
  check_number(ndraws, "ndraws", lower = 1, upper = .Machine$integer.max, whole = TRUE, null = TRUE)
  if (is.null(ndraws)) ndraws <- if (type %in% few_draws) 10L else 1000L
  data <- check_data_of(object, newdata, list(group = group, x = x))
  request <- draws_request(object, newdata, ndraws, re.form, allow_new_levels, "gaussian", NULL,
                           seed, list())
  keep <- if (is.null(newdata)) object$rows else seq_along(data$y)
  yrep <- predict_draws(object, request)[, keep, drop = FALSE]
  draw_check(type, data$y[keep], yrep, lapply(data$other, `[`, keep), dots, object$levels)
}

#' @rawNamespace S3method(pp_check, default, forward_pp_check)
#' @rawNamespace S3method(bayesplot::pp_check, vbfit, pp_check.vbfit)
forward_pp_check <- function(object, ...) forward("bayesplot", "pp_check", object, ...)

# other packages' names of our arguments
check_synonyms <- c(plotfun = "type", nreps = "ndraws", draws = "ndraws", nsamples = "ndraws",
                    re_formula = "re.form", allow.new.levels = "allow_new_levels")

few_draws <- c("dens_overlay", "ecdf_overlay", "hist", "freqpoly", "boxplot", "dens",
               "dens_overlay_grouped", "ecdf_overlay_grouped", "freqpoly_grouped")

default_check <- function(fit) {
  kind <- trials_kind(fit)
  if (length(threshold_rows(fit)) || kind == "binary") "bars"
  else if (kind == "pairs" || whole(fit$y)) "ecdf_overlay"
  else "dens_overlay"
}

# -> list(y, other: the variables named by `group` and `x`, those that are given)
check_data_of <- function(fit, newdata, named) {
  data <- if (is.null(newdata)) fit$frame else as_newdata(newdata)
  named <- Filter(Negate(is.null), named)
  other <- lapply(stats::setNames(nm = names(named)), function(arg) {
    name <- named[[arg]]
    fits <- is.character(name) && length(name) == 1L && name %in% names(data)
    if (!fits) {
      vb_abort(arg, c("{.arg {arg}} must name a variable of the data.",
                      x = "It is {describe(name)}.",
                      i = "It may be {.or {.val {names(data)}}}."))
    }
    data[[name]]
  })
  list(y = observed_response(fit, if (!is.null(newdata)) data), other = other)
}

# `levels`: the names of categories
draw_check <- function(type, y, yrep, other, dots, levels = NULL,
                       bayesplot = rlang::is_installed("bayesplot")) {
  if (!bayesplot) return(base_check(type, y, yrep, dots, levels))
  name <- paste0("ppc_", type)
  known <- grep("^ppc_(?!.*data$)", getNamespaceExports("bayesplot"), perl = TRUE, value = TRUE)
  check_choice(type, "type", offered(sort(sub("^ppc_", "", known))))
  fun <- getExportedValue("bayesplot", name)
  wants <- names(formals(fun))
  check_wanted(fun, type, c(names(other), names(dots)))
  unused <- setdiff(names(other), wants)
  if (length(unused)) warn_unused(other[unused], "pp_check")
  data <- c(list(y = as.double(y), yrep = unname(yrep)), other[names(other) %in% wants])
  out <- tryCatch(do.call(fun, c(data, dots)), error = function(e) {
    vb_abort("type", c("{.code type = {.val {type}}} was refused by {.fn bayesplot::{name}}.",
                       x = "{conditionMessage(e)}", i = "See {.code ?bayesplot::{name}}."))
  })
  if (is.null(levels) || !type %in% c("bars", "bars_grouped")) return(out)
  axis <- getExportedValue("ggplot2", "scale_x_continuous")
  suppressMessages(out + axis(breaks = seq_along(levels), labels = levels))   # it replaces another
}

# Refuses a check that lacks an argument without a default. Some of bayesplot's need importance
# weights that leave each row out, which pp_check() does not make.
check_wanted <- function(fun, type, given) {
  wants <- names(formals(fun))[vapply(formals(fun), is_missing_arg, NA)]
  lacking <- setdiff(intersect(c("group", "x"), wants), given)
  if (length(lacking)) {
    vb_abort(lacking, "{.code type = {.val {type}}} needs {.arg {lacking}}, a variable's name.")
  }
  lacking <- setdiff(intersect(c("lw", "psis_object", "status_y"), wants), given)
  if (!length(lacking) || "pit" %in% given) return(invisible())
  vb_abort(c("type", lacking), c(
    "{.code type = {.val {type}}} needs {.arg {lacking}}, which a check of {.fn pp_check} has not.",
    i = "Give it, as {.code ?bayesplot::ppc_{type}} says, or choose another {.arg type}."))
}

is_missing_arg <- function(x) is.symbol(x) && !nzchar(as.character(x))

# ---- base graphics -------------------------------------------------------------------------------

base_check <- function(type, y, yrep, dots, levels = NULL) {
  check_choice(type, "type", stats::setNames(rep(TRUE, length(base_checks)), names(base_checks)))
  old <- graphics::par(mar = c(3.6, 4, 1.6, 1), mgp = c(2.3, 0.6, 0), las = 1, tcl = -0.25)
  on.exit(graphics::par(old))
  if (type == "bars") dots$levels <- levels
  do.call(base_checks[[type]], c(list(y, yrep), dots))
  invisible(yrep)
}

dark <- "#0B3C5D"
light <- "#9DC3DD"

empty_check <- function(x, y, xlab, ylab, ...) {
  graphics::plot.default(range(x), range(y), type = "n", bty = "l", xlab = xlab, ylab = ylab, ...)
}

check_legend <- function(place = "topright") {
  graphics::legend(place, c("y", "drawn"), col = c(dark, light), lwd = c(2.5, 1), bty = "n")
}

check_dens_overlay <- function(y, yrep, ...) {
  of <- function(v) stats::density(v[is.finite(v)])
  lines <- apply(yrep, 1L, of, simplify = FALSE)
  own <- of(y)
  height <- unlist(lapply(lines, function(d) d$y))
  empty_check(c(own$x, y), c(0, own$y, height), "response", "density")
  for (line in lines) graphics::lines(line, col = light)
  graphics::lines(own, col = dark, lwd = 2.5)
  check_legend()
}

check_ecdf_overlay <- function(y, yrep, ...) {
  empty_check(c(y, yrep), c(0, 1), "response", "distribution function")
  steps <- function(v, ...) {
    v <- sort(v)
    graphics::lines(v, seq_along(v) / length(v), type = "s", ...)
  }
  for (s in seq_len(nrow(yrep))) steps(yrep[s, ], col = light)
  steps(y, col = dark, lwd = 2.5)
  check_legend("bottomright")
}

check_hist <- function(y, yrep, ...) {
  shown <- rbind(y, yrep[seq_len(min(nrow(yrep), 8L)), , drop = FALSE])
  breaks <- pretty(range(shown), 20)
  graphics::par(mfrow = grDevices::n2mfrow(nrow(shown)), mar = c(2, 3, 1.6, 0.6))
  for (k in seq_len(nrow(shown))) {
    graphics::hist(shown[k, ], breaks, col = if (k == 1L) dark else light, border = "white",
                   xlab = "", ylab = "", main = if (k == 1L) "y" else paste("drawn", k - 1L),
                   cex.main = 1)
  }
}

check_stat <- function(y, yrep, stat = "mean", ...) {
  of <- match.fun(stat)
  value <- apply(yrep, 1L, of)
  own <- of(y)
  h <- graphics::hist(value, 30, plot = FALSE)
  empty_check(c(h$breaks, own), c(0, h$counts), if (is.character(stat)) stat else "statistic",
              "draws")
  graphics::rect(h$breaks[-length(h$breaks)], 0, h$breaks[-1L], h$counts, col = light,
                 border = "white")
  graphics::abline(v = own, col = dark, lwd = 2.5)
  check_legend()
}

check_bars <- function(y, yrep, levels = NULL, ...) {
  value <- if (is.null(levels)) sort(unique(c(y, yrep))) else seq_along(levels)
  count <- function(v) tabulate(match(v, value), length(value))
  own <- count(y)
  drawn <- apply(apply(yrep, 1L, count), 1L, stats::quantile, c(0.05, 0.5, 0.95))
  empty_check(c(value - 0.5, value + 0.5), c(0, own, drawn), "response", "rows", xaxt = "n")
  ticks <- bar_ticks(value, levels)
  graphics::axis(1L, ticks$at, ticks$label)
  graphics::rect(value - 0.4, 0, value + 0.4, own, col = light, border = NA)
  graphics::segments(value, drawn[1L, ], y1 = drawn[3L, ], col = dark, lwd = 2)
  graphics::points(value, drawn[2L, ], pch = 16L, col = dark)
  graphics::legend("topright", c("y", "drawn, 90 %"), fill = c(light, NA), border = NA,
                   pch = c(NA, 16L), col = c(NA, dark), bty = "n")
}

bar_ticks <- function(value, levels) {
  if (!is.null(levels)) return(list(at = value, label = levels))
  at <- intersect(pretty(value), value)
  list(at = at, label = at)
}

check_intervals <- function(y, yrep, ...) {
  range <- apply(yrep, 2L, stats::quantile, c(0.05, 0.5, 0.95), na.rm = TRUE)
  at <- seq_along(y)
  empty_check(at, c(y, range), "row", "response")
  graphics::segments(at, range[1L, ], y1 = range[3L, ], col = light, lwd = 2)
  graphics::points(at, range[2L, ], pch = 1L, col = light)
  graphics::points(at, y, pch = 16L, cex = 0.7, col = dark)
}

base_checks <- list(
  dens_overlay = check_dens_overlay, ecdf_overlay = check_ecdf_overlay, hist = check_hist,
  stat = check_stat, bars = check_bars, intervals = check_intervals
)
