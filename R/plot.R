# The way of the evidence lower bound, in base graphics.

#' Plot the convergence of a fit
#'
#' Draws the trace of the evidence lower bound, a panel for each phase of a structured fit and one
#' for all sweeps of coordinate ascent (see [elbo()]): they follow different quantities, so each
#' panel has its own scale. The last value of each is marked. The line of the sweeps is broken where
#' a further phase begins.
#'
#' Of a fit by ADVI bars are Monte Carlo errors of the bound, and each panel is as high as the last
#' half of its steps needs: the first may be millions below.
#'
#' @param x A fit of class `vbfit` or `advifit`.
#' @param type What to plot; `"elbo"` is the only type so far.
#' @param col Colour of the line and of the final value.
#' @param ... Graphical parameters passed on to [graphics::plot.default()].
#' @return The trace, invisibly: the data frame of `elbo(x, trace = TRUE)`.
#' @seealso [elbo()]
#' @examples
#' sleepstudy <- read.csv(system.file("extdata", "sleepstudy.csv", package = "varbayes"))
#' fit <- vb(Reaction ~ Days + (Days | Subject), data = sleepstudy)
#' plot(fit)
#' @export
plot.vbfit <- function(x, type = "elbo", col = "#0072B2", ...) {
  check_choice(type, "type", c(elbo = TRUE))
  plot_trace(x$trace, labelled_formula("", x$formula, 90)[1L], col, ...)
}

#' @rdname plot.vbfit
#' @export
plot.advifit <- function(x, type = "elbo", col = "#0072B2", ...) {
  check_choice(type, "type", c(elbo = TRUE))
  plot_trace(x$trace, paste(x$kind, "of", counted(nrow(x$margin), "parameter")), col, ...)
}

# ADVI's last Newton steps belong to the bound that they polish
plot_trace <- function(trace, title, col, ...) {
  joined <- trace
  joined$phase <- sub("polish", "bound", trace$phase, fixed = TRUE)
  panel <- sub(" .*", "", joined$phase)
  phase <- split(joined, factor(panel, levels = unique(panel)))
  old <- graphics::par(mfrow = c(1L, length(phase)), mar = c(3.6, 4.8, 3.2, 1.4),
                       oma = c(0, 0, 1.6, 0), mgp = c(2.3, 0.6, 0), las = 1, tcl = -0.25)
  on.exit(graphics::par(old))
  graphics::par(cex = 0.9)
  for (name in names(phase)) plot_phase(phase[[name]], name, col, ...)
  graphics::title(main = title, outer = TRUE, line = 0.3, cex.main = 1)
  invisible(trace)
}

# What each phase climbs
phase_quantity <- c(start = "ELBO of q", mode = "ELBO given theta",
                    nodes = "log of the partial sum", sweeps = "ELBO of q(c) q(theta)",
                    path = "ELBO of Pathfinder", bound = "ELBO at fixed draws",
                    average = "ELBO of averages")

plot_phase <- function(trace, name, col, ...) {
  n <- nrow(trace)
  last <- trace[n, ]
  shown <- if (is.null(trace$se)) trace$elbo
    else c(utils::tail(trace$elbo, ceiling(n / 2)), last$elbo + c(-2, 2) * last$se)
  frame <- list(
    x = trace$step, y = trace$elbo, type = "n", xlab = "step", ylab = "", main = "", bty = "l",
    xaxt = "n", xlim = trace$step[c(1L, n)], ylim = elbo_limits(shown)
  )
  do.call(graphics::plot.default, utils::modifyList(frame, list(...)))
  graphics::abline(h = graphics::axTicks(2L), col = "grey92")
  graphics::abline(h = last$elbo, col = "grey45", lty = 3L)
  ticks <- pretty(trace$step, 5)
  for (k in which(trace$elbo > frame$ylim[1L] & is.finite(trace$se))) {
    graphics::segments(trace$step[k], trace$elbo[k] - trace$se[k], y1 = trace$elbo[k] + trace$se[k],
                       col = "grey70")
  }
  graphics::axis(1L, at = ticks[ticks == round(ticks)])
  for (part in split(trace, trace$phase)) {
    graphics::lines(part$step, part$elbo, col = col, lwd = 1.8)
    alone <- nrow(part) == 1L
    if (n <= 40L || alone) graphics::points(part$step, part$elbo, pch = 16L, cex = 0.7, col = col)
  }
  graphics::points(last$step, last$elbo, pch = 21L, bg = col, col = "white", cex = 1.6, xpd = NA)
  graphics::text(last$step, last$elbo, format(round(last$elbo, 2), nsmall = 2), pos = 3L,
                 offset = 0.6, xpd = NA)
  graphics::mtext(name, side = 3L, line = 1.3, adj = 0, font = 2L)
  graphics::mtext(phase_quantity[[name]], side = 3L, line = 0.3, adj = 0, cex = 0.75,
                  col = "grey35")
}

# Room for the label above the last value, and for ticks whose labels differ
elbo_limits <- function(elbo) {
  range <- range(elbo[is.finite(elbo)])
  least <- max(0.01, 1e-5 * abs(range))
  if (diff(range) < least) range <- mean(range) + c(-0.5, 0.5) * if (diff(range)) least else 1
  grDevices::extendrange(r = range, f = c(0.04, 0.12))
}
