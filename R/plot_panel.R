# Panels: what the pictures share.

# Lower tails first, the widest interval outside: 0.025, 0.25, 0.75, 0.975
interval_probs <- function(prob) {
  prob <- sort(unique(prob), decreasing = TRUE)
  c((1 - prob) / 2, rev((1 + prob) / 2))
}

check_some <- function(table, what, arg = "type") {
  if (nrow(table)) return(invisible())
  vb_abort(c(arg, "variable"), c("There is nothing to plot: the fit has no {what}.",
                                 i = "See {.code rownames(posterior_summary(fit))} for what it
                                      has."))
}

max_panels <- 36L

check_panels <- function(n) {
  if (n <= max_panels) return(invisible())
  vb_abort("variable", c("{n} panels are too many for one picture of at most {max_panels}.",
                         i = "Choose some by {.arg variable}."))
}

# An error of plot.new() is of a device without room for the margins
with_room <- function(expr) {
  withCallingHandlers(expr, error = function(e) {
    if (!identical(conditionCall(e)[[1L]], quote(plot.new))) return()
    vb_abort("device", c("The device is too small for the picture.",
                         i = "Choose fewer parameters by {.arg variable}, or open a larger one."))
  })
}

# Panels by rows in about the shape of the device
panel_grid <- function(n) {
  size <- graphics::par("din")
  columns <- min(n, max(1, round(sqrt(n * size[1L] / size[2L] * 0.9))))
  c(ceiling(n / columns), columns)
}

# -> the graphical parameters as they were. One panel alone leaves the layout to the user.
open_panels <- function(dim, mar, titled = FALSE) {
  many <- prod(dim) > 1L
  own <- list(mar = mar, mgp = c(2.1, 0.5, 0), las = 1, tcl = -0.25,
              cex = if (!many) graphics::par("cex") else if (max(dim) > 3L) 0.66 else 0.83)
  grid <- list(mfrow = dim, oma = c(0, 0, if (titled) 1.8 else 0, 0))
  new <- c(if (many) grid, own)
  old <- graphics::par(names(new))                  # mfrow changes cex before par() returns it
  graphics::par(new)
  old
}

draw_frame <- function(xlim, ylim, dots, ...) {
  xlim <- drawable(xlim)
  ylim <- drawable(ylim)
  frame <- list(x = xlim, y = ylim, type = "n", xlim = xlim, ylim = ylim, xlab = "", ylab = "",
                main = "", bty = "l")
  frame <- utils::modifyList(frame, list(...))
  do.call(graphics::plot.default, utils::modifyList(frame, dots))
}

# Limits that an axis can have: finite, and apart
drawable <- function(limits) {
  limits <- range(limits[is.finite(limits)], if (!any(is.finite(limits))) 0)
  size <- max(abs(limits))
  if (diff(limits) > max(1e-12 * size, 1e-290)) return(limits)
  mean(limits) + c(-0.5, 0.5) * if (size > 1e-280) size else 1
}

panel_title <- function(text, line = 0.4) {
  room <- graphics::par("pin")[1L] + 0.8 * graphics::par("mai")[4L]
  graphics::mtext(fit_text(text, room, cex = 0.95, font = 2L), side = 3L, line = line, adj = 0,
                  font = 2L, cex = graphics::par("cex") * 0.95)
}

# Text that is wider than so many inches of the open plot loses its middle
fit_text <- function(text, inches, ...) {
  too_wide <- function(text) graphics::strwidth(text, units = "inches", ...) > inches
  for (i in which(too_wide(text))) {
    keep <- nchar(text[i]) - 4L
    while (keep > 6L && too_wide(cut_middle(text[i], keep))) keep <- keep - 1L
    text[i] <- cut_middle(text[i], keep)
  }
  text
}

cut_middle <- function(text, keep) {
  head <- ceiling(keep / 2)
  paste0(substr(text, 1L, head), "...", substring(text, nchar(text) - (keep - head) + 1L))
}

# of a character on average, in inches
char_width <- function() 0.55 * graphics::par("cin")[1L] * graphics::par("cex")

# Labels of rows at 1, 2, ... on the left: smaller, and then fewer, where there is no room for all
row_labels <- function(label, at = seq_along(label)) {
  each <- graphics::par("pin")[2L] / diff(graphics::par("usr")[3:4])
  line <- graphics::par("cin")[2L] * graphics::par("cex") * 0.85
  cex <- min(max(each / line, 0.55), 0.9)
  every <- ceiling(line * cex / each - 1e-8)
  shown <- seq.int(1L, length(label), by = every)
  label <- fit_text(label, graphics::par("mai")[2L] * 0.92, cex = cex)
  for (i in shown) {                                     # axis() would leave some out
    graphics::axis(2L, at = at[i], labels = label[i], tick = FALSE, line = -0.4, cex.axis = cex)
  }
}

# A left margin in lines for these labels, not more than `share` of the device
label_margin <- function(label, share = 0.4) {
  inches <- max(nchar(label), 3L) * char_width() * 0.95 + 0.25
  min(inches, share * graphics::par("din")[1L]) / graphics::par("csi")
}

# Intervals as lines, the narrow one thick, and a point: one row per entry
draw_intervals <- function(mean, bound, at, col) {
  k <- ncol(bound)
  row <- graphics::par("pin")[2L] / diff(graphics::par("usr")[3:4]) * 96    # in units of lwd
  width <- pmin(if (k > 2L) c(1.2, 4) else 1.6, row * if (k > 2L) c(0.25, 0.7) else 0.4)
  for (i in seq_len(k / 2)) {
    graphics::segments(bound[, i], at, bound[, k + 1L - i], at, lwd = width[i], col = col,
                       lend = 1L)
  }
  graphics::points(mean, at, pch = 21L, bg = "white", col = col,
                   cex = min(0.9, max(0.08 * row, 0.15)), lwd = min(1, row / 8))
}

pale <- function(col) grDevices::adjustcolor(col, 0.22)
