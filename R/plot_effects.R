# The picture of conditional effects.

#' @rdname conditional_effects
#' @param points Whether to draw the observations too.
#' @param col Colours of the lines, one for each level of a second predictor.
#' @export
plot.conditional_effects.vbfit <- function(x, points = FALSE, col = effect_colours, ...) {
  check_flag(points, "points")
  panels <- effect_panels(x)
  check_panels(length(panels))
  old <- open_panels(panel_grid(length(panels)), c(3.4, 4.9, 2.6, 1))
  on.exit(graphics::par(old))
  with_class(with_room({
    for (panel in panels) draw_effect(panel, attr(x, "response"), points, col, list(...))
  }), "vb_warning_plot", "In the plot")
  invisible(x)
}

# Colours that are told apart by the colour-blind too (Okabe & Ito 2008)
effect_colours <- c("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

# A panel per effect and condition; in it a line per level of the second predictor or category. Of
# categories that interact a panel per level.
effect_panels <- function(x) {
  out <- list()
  for (name in names(x)) {
    frame <- x[[name]]
    by_category <- !is.null(frame$cats__)
    frame$line <- if (by_category) frame$cats__ else if (is.null(frame$effect2__)) factor(1)
      else frame$effect2__
    conditions <- if (nlevels(frame$cond__) > 1L) list(as.character(frame$cond__))
    pair <- attr(x, "effects")[[match(name, names(x))]]
    if (by_category && length(pair) > 1L) {
      conditions <- c(conditions, list(paste(pair[2L], "=", frame$effect2__)))
    }
    what <- if (length(conditions)) do.call(paste, c(conditions, sep = ", ")) else ""
    for (condition in unique(what)) {
      own <- frame[rep_len(what == condition, nrow(frame)), ]
      out <- c(out, list(list(
        frame = own, along = pair[1L],
        by = if (by_category) attr(x, "category") else if (length(pair) > 1L) pair[2L],
        title = paste(c(name, if (nzchar(condition)) condition), collapse = " | "),
        rug = attr(x, "rug")[[name]],
        points = matching_points(attr(x, "points"), own, attr(x, "conditions")))))
    }
  }
  out
}

# Those of the levels that the conditions name
matching_points <- function(points, frame, conditions) {
  keep <- rep(TRUE, NROW(points))
  for (name in intersect(conditions, names(points))) {
    if (!is_measured(points[[name]])) keep <- keep & points[[name]] == as.character(frame[1L, name])
  }
  points[keep, ]
}

draw_effect <- function(panel, response, points, col, dots) {
  frame <- panel$frame
  numeric <- is_measured(frame$effect1__)
  level <- if (!numeric) as.character(unique(frame$effect1__))
  place <- function(v) if (numeric) as.numeric(v) else match(as.character(v), level)
  seen <- if (points) panel$points
  range <- range(frame$lower__, frame$upper__, seen$response__, finite = TRUE)
  xlim <- if (numeric) range(place(frame$effect1__)) else c(0.5, length(level) + 0.5)
  draw_frame(xlim, range, dots, xaxt = "n", xlab = panel$along)
  # clear of tick labels such as 0.25, whose width the line of axis titles leaves no room for
  graphics::mtext(response, side = 2L, line = 3.3, las = 0L, cex = graphics::par("cex"))
  graphics::abline(h = graphics::axTicks(2L), col = "grey92")
  effect_axis(frame$effect1__, level)
  lines <- split(frame, frame$line, drop = TRUE)
  col <- rep_len(col, length(lines))
  if (length(seen)) draw_points(seen, panel, place, names(lines), col)
  for (k in seq_along(lines)) {
    if (numeric) effect_band_area(lines[[k]], place, col[k])
    else effect_bars(lines[[k]], place, (k - (length(lines) + 1) / 2) * 0.5 / length(lines), col[k])
  }
  if (numeric && length(panel$rug)) {
    graphics::rug(place(unique(panel$rug)), ticksize = 0.025, col = "grey50", quiet = TRUE)
  }
  for (k in seq_along(lines)[numeric]) {
    graphics::lines(place(lines[[k]]$effect1__), lines[[k]]$estimate__, col = col[k], lwd = 1.8)
  }
  panel_title(panel$title, 1.3)
  if (length(lines) > 1L) effect_legend(panel$by, names(lines), col)
}

# In the colours of the levels of the second predictor, if it has levels; those of one value of a
# factor side by side
draw_points <- function(seen, panel, place, line, col) {
  level <- if (!is.null(panel$by)) match(as.character(seen[[panel$by]]), line)
  col <- if (is.null(level) || all(is.na(level))) "grey40" else col[level]
  shift <- if (is_measured(panel$frame$effect1__)) 0
    else ((seq_len(nrow(seen)) * 0.618) %% 1 - 0.5) * 0.3
  graphics::points(place(seen[[panel$along]]) + shift, seen$response__, pch = 16L, cex = 0.6,
                   col = grDevices::adjustcolor(col, 0.5))
}

effect_axis <- function(x, level) {
  if (!is.null(level)) return(graphics::axis(1L, at = seq_along(level), labels = level))
  if (is.numeric(x)) return(graphics::axis(1L))
  axis <- if (inherits(x, "Date")) graphics::axis.Date else graphics::axis.POSIXct
  axis(1L, x)
}

effect_band_area <- function(frame, place, col) {
  x <- place(frame$effect1__)
  graphics::polygon(c(x, rev(x)), c(frame$lower__, rev(frame$upper__)), col = pale(col),
                    border = NA)
}

effect_bars <- function(frame, place, shift, col) {
  x <- place(frame$effect1__) + shift
  graphics::segments(x, frame$lower__, y1 = frame$upper__, col = col, lwd = 1.6)
  graphics::points(x, frame$estimate__, pch = 21L, bg = "white", col = col, lwd = 1.6)
}

# In the margin above, where it hides nothing
effect_legend <- function(title, label, col) {
  text <- c(if (length(title)) paste0(title, ":"), label)
  room <- graphics::par("pin")[1L] / (char_width() * sum(nchar(text) + 6))
  usr <- graphics::par("usr")
  graphics::legend(usr[1L], usr[4L], text, yjust = 0, col = c(if (length(title)) NA, col), lty = 1L,
                   lwd = 1.8, bty = "n", horiz = TRUE, xpd = NA, seg.len = 1, x.intersp = 0.4,
                   y.intersp = 0.4, cex = min(0.85, max(0.5, room)), text.col = "grey25")
}
