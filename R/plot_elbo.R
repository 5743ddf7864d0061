# The way of the evidence lower bound and of its parts.

plot_elbo <- function(fit, options, dots) {
  trace <- fit$trace
  if (!nrow(trace)) {
    vb_abort("type", c("{.code plot(type = \"elbo\")} needs a trace, and this fit has none.",
                       i = "It ended before its first step: see {.code print()} for why."))
  }
  title <- plot_title(fit)
  # ADVI's last Newton steps belong to the bound that they polish
  joined <- trace
  joined$phase <- sub("polish", "bound", trace$phase, fixed = TRUE)
  panel <- sub(" .*", "", joined$phase)
  phase <- split(joined, factor(panel, levels = unique(panel)))
  brief <- max(trace$seconds) < 1
  columns <- c("elbo", if (options$parts) intersect(names(trace), names(part_quantity)))
  many <- length(columns) * length(phase) > 1L
  old <- open_panels(c(length(columns), length(phase)),
                     c(3.4, 4.8, if (many) 2.6 else 4.2, 1.4), titled = TRUE)
  on.exit(graphics::par(old))
  for (column in columns) {
    for (name in names(phase)) plot_phase(phase[[name]], name, column, brief, options, dots)
  }
  if (many) graphics::title(main = title, outer = TRUE, line = 0.3, cex.main = 1)
  else graphics::mtext(title, line = 2.6, font = 2L)
  trace
}

plot_title <- function(fit) UseMethod("plot_title")

#' @export
plot_title.vbfit <- function(fit) labelled_formula("", fit$formula, 90)[1L]

#' @export
plot_title.advifit <- function(fit) {
  paste(fit$kind, "of", counted(nrow(fit$margin), "parameter"))
}

# What each phase climbs
phase_quantity <- c(start = "ELBO of q", mode = "ELBO given theta",
                    nodes = "log of the partial sum", sweeps = "ELBO of q(c) q(theta)",
                    path = "ELBO of Pathfinder", bound = "ELBO at fixed draws",
                    average = "ELBO of averages")

part_quantity <- c(log_lik = "expected log likelihood", kl = "divergence from the prior",
                   log_density = "expected log density", entropy = "entropy")

# `brief`: a fit of less than a second
trace_axes <- list(
  step = function(trace, brief) {
    ticks <- pretty(trace$step, 5)
    list(x = trace$step, label = "step", ticks = ticks[ticks == round(ticks)])
  },
  time = function(trace, brief) {
    x <- trace$seconds * if (brief) 1000 else 1
    list(x = x, label = if (brief) "milliseconds" else "seconds",
         ticks = if (length(x) > 1L) pretty(x, 4) else signif(x, 2))
  }
)

plot_phase <- function(trace, name, column, brief, options, dots) {
  whole <- column == "elbo"
  axis <- trace_axes[[options$against]](trace, brief)
  x <- axis$x
  y <- trace[[column]]
  se <- if (whole) trace[["se"]]                        # `$` would take seconds
  col <- if (whole) options$col else "grey25"
  ylim <- elbo_limits(shown_values(y, se))
  draw_frame(range(x), ylim, dots, xaxt = "n", xlab = axis$label)
  graphics::abline(h = graphics::axTicks(2L), col = "grey92")
  graphics::axis(1L, at = axis$ticks)
  for (k in which(y > ylim[1L] & is.finite(se))) {
    graphics::segments(x[k], y[k] - se[k], y1 = y[k] + se[k], col = "grey70")
  }
  for (part in split(seq_along(x), trace$phase)) {
    graphics::lines(x[part], y[part], col = col, lwd = 1.8)
    few <- length(x) <= 40L || length(part) == 1L
    if (few) graphics::points(x[part], y[part], pch = 16L, cex = 0.7, col = col)
  }
  mark_last(x[length(x)], y[length(y)], col)
  if (whole) panel_title(name, 1.3)
  graphics::mtext(if (whole) phase_quantity[[name]] else part_quantity[[column]], side = 3L,
                  line = 0.3, adj = 0, cex = 0.8 * graphics::par("cex"), col = "grey35")
}

mark_last <- function(x, y, col) {
  if (!is.finite(y)) return(invisible())
  graphics::abline(h = y, col = "grey45", lty = 3L)
  graphics::points(x, y, pch = 21L, bg = col, col = "white", cex = 1.6, xpd = NA)
  graphics::text(x, y, format(round(y, 2), nsmall = 2), pos = 3L, offset = 0.6, xpd = NA)
}

# Of a noisy bound the last half, and its last error
shown_values <- function(y, se) {
  if (is.null(se)) return(y)
  c(utils::tail(y, ceiling(length(y) / 2)), y[length(y)] + c(-2, 2) * se[length(se)])
}

# Room for the label above the last value, and for ticks whose labels differ
elbo_limits <- function(elbo) {
  if (!any(is.finite(elbo))) return(c(0, 1))
  range <- range(elbo[is.finite(elbo)])
  least <- max(0.01, 1e-5 * abs(range))
  if (diff(range) < least) range <- mean(range) + c(-0.5, 0.5) * if (diff(range)) least else 1
  grDevices::extendrange(r = range, f = c(0.04, 0.14))
}
