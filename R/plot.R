# What plot() draws: a table of types, and what all of them share. Base graphics only.

#' Plot a fit
#'
#' Pictures of a fit in base graphics. They are made from the approximation itself and not from
#' random draws: the same fit gives the same picture each time.
#'
#' - `"elbo"`: the trace of the evidence lower bound, a panel for each phase of a structured fit and
#'   one for all sweeps of coordinate ascent (see [elbo()]): they follow different quantities, so
#'   each panel has its own scale. The last value of each is marked. The line of the sweeps is
#'   broken where a further phase begins. With `parts = TRUE` the two parts of the bound are drawn
#'   below it. Of a fit by ADVI bars are Monte Carlo errors of the bound, and each panel is as high
#'   as the last half of its steps needs: the first may be millions below.
#' - `"intervals"`: posterior means and equal-tailed intervals, a panel with its own scale for each
#'   kind of parameter; the intercept has its own.
#' - `"ranef"`: the same of the random effects, a panel for each term and coefficient, its levels
#'   sorted by their means (a caterpillar plot). All levels have a name where there is room.
#' - `"density"`: marginal posterior densities, the widest of the intervals shaded, a point at the
#'   mean. Those of coefficients are the densities of the mixture over the nodes; those of standard
#'   deviations, correlations and dispersions are smoothed weighted points, reflected at the edges
#'   of their range. A parameter that is held at a value is a line.
#' - `"prior"`: posterior densities with the prior (dashed) of each parameter that has a proper one.
#'   The prior of the intercept acts on the intercept at the column means of the model matrix, and
#'   that is what is drawn; so it is with thresholds, whose priors are those of ordered values.
#'   Priors of positive parameters are cut at zero. That of a correlation is the marginal of the LKJ
#'   distribution. Coefficients under a horseshoe are left out: their prior has no closed form.
#'
#' For pictures by 'ggplot2' use draws, for instance
#' `bayesplot::mcmc_intervals(posterior::as_draws(fit, variable = "b_Days"))`.
#'
#' @param x A fit of class `vbfit` or `advifit` (which has no types `"ranef"` and `"prior"`).
#' @param type What to plot.
#' @param variable Names of the parameters to draw, as in [posterior_summary()]; by default all but
#'   the random effects, and for `type = "ranef"` all of these.
#' @param regex Whether `variable` holds regular expressions that names are to match.
#' @param prob Probabilities inside the intervals: one, or a smaller and a larger one.
#' @param against What is on the horizontal axis of the trace: `"step"`, or `"time"` in seconds.
#' @param parts Whether to draw the parts of the bound as well.
#' @param col Colour of lines and points.
#' @param ... Graphical parameters passed on to [graphics::plot.default()].
#' @return What is drawn, invisibly. `"elbo"`: the data frame of `elbo(x, trace = TRUE)`.
#'   `"intervals"`: a data frame with the `variable`, its `panel` and the columns of
#'   [posterior_summary()]. `"ranef"`: a data frame `grpvar`, `term`, `grp`, `condval`, `condsd` as
#'   lme4's, with the quantiles. `"density"` and `"prior"`: a data frame with the `variable`, `x`
#'   and the densities `density`, or `posterior` and `prior`.
#' @seealso [elbo()], [posterior_summary()], [conditional_effects()]
#' @examples
#' sleepstudy <- read.csv(system.file("extdata", "sleepstudy.csv", package = "varbayes"))
#' fit <- vb(Reaction ~ Days + (Days | Subject), data = sleepstudy)
#' plot(fit)
#' plot(fit, type = "intervals")
#' plot(fit, type = "ranef")
#' plot(fit, type = "density", variable = c("b_Days", "sigma"))
#' plot(fit, type = "prior", variable = "^sd_", regex = TRUE)
#' @export
plot.vbfit <- function(x, type = c("elbo", "intervals", "ranef", "density", "prior"),
                       variable = NULL, regex = FALSE, prob = c(0.5, 0.95),
                       against = c("step", "time"), parts = FALSE, col = "#0072B2", ...) {
  options <- list(variable = variable, regex = regex, prob = prob, against = against,
                  parts = parts, col = col)
  draw_plot(x, type, names(plot_types), options, list(...))
}

#' @rdname plot.vbfit
#' @export
plot.advifit <- function(x, type = c("elbo", "intervals", "density"), variable = NULL,
                         regex = FALSE, prob = c(0.5, 0.95), against = c("step", "time"),
                         parts = FALSE, col = "#0072B2", ...) {
  options <- list(variable = variable, regex = regex, prob = prob, against = against,
                  parts = parts, col = col)
  draw_plot(x, type, c("elbo", "intervals", "density"), options, list(...))
}

# A row per type: what it draws, and which parameters unless the user chooses others (NULL: none)
plot_types <- list(
  elbo = list(draw = function(fit, table, o, dots) plot_elbo(fit, o, dots), default = NULL),
  intervals = list(draw = function(fit, table, o, dots) plot_intervals(fit, table, o, dots),
                   default = function(table) table$class != "r"),
  ranef = list(draw = function(fit, table, o, dots) plot_ranef(fit, table, o, dots),
               default = function(table) table$class == "r"),
  density = list(draw = function(fit, table, o, dots) plot_density(fit, table, o, dots),
                 default = function(table) table$class != "r"),
  prior = list(draw = function(fit, table, o, dots) plot_prior(fit, table, o, dots),
               default = function(table) table$class != "r")
)

draw_plot <- function(fit, type, types, options, dots) {
  type <- pick_choice(type, "type", types)
  check_flag(options$regex, "regex")
  check_flag(options$parts, "parts")
  check_widths(options$prob)
  options$against <- pick_choice(options$against, "against", c("step", "time"))
  row <- plot_types[[type]]
  table <- if (!is.null(row$default)) {
    pick_parameters(plotted_table(fit), options$variable, options$regex, row$default)
  }
  invisible(row$draw(fit, table, options, dots))
}

check_widths <- function(prob) {
  check_probs(prob, "prob")
  if (length(prob) %in% 1:2) return(invisible())
  vb_abort("prob", c("{.arg prob} must be one or two probabilities.", x = "It has {length(prob)}."))
}

# Lower tails first, the widest interval outside: 0.025, 0.25, 0.75, 0.975
interval_probs <- function(prob) {
  prob <- sort(unique(prob), decreasing = TRUE)
  c((1 - prob) / 2, rev((1 + prob) / 2))
}

plotted_table <- function(fit) {
  if (!inherits(fit, "advifit")) return(parameter_table(fit))
  data.frame(name = fit$margin$name, class = "parameter", row = seq_len(nrow(fit$margin)))
}

pick_parameters <- function(table, variable, regex, default) {
  if (is.null(variable)) return(table[default(table), , drop = FALSE])
  if (!regex || !is.character(variable)) return(select_parameters(table, variable))
  row <- unlist(lapply(variable, function(pattern) matching(pattern, table$name)))
  if (!length(row)) {
    vb_abort("variable", c("No parameter of the fit matches {.arg variable}: {.val {variable}}.",
                           i = "The names are those of {.code rownames(posterior_summary(fit))}."))
  }
  table[unique(row), , drop = FALSE]
}

matching <- function(pattern, name, arg = "variable") {
  tryCatch(suppressWarnings(grep(pattern, name)), error = function(e) {
    vb_abort(arg, c("{.val {pattern}} in {.arg {arg}} is no regular expression.",
                    i = "A bracket that is meant as one is written {.val [(]}."))
  })
}

check_some <- function(table, what, arg = "type") {
  if (nrow(table)) return(invisible())
  vb_abort(c(arg, "variable"), c("There is nothing to plot: the fit has no {what}.",
                                 i = "See {.code rownames(posterior_summary(fit))} for what it
                                      has."))
}

# ---- What the pictures share ---------------------------------------------------------------------

max_panels <- 36L

check_panels <- function(n) {
  if (n <= max_panels) return(invisible())
  vb_abort("variable", c("{n} panels are too many for one picture of at most {max_panels}.",
                         i = "Choose some by {.arg variable}."))
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
  frame <- list(x = xlim, y = ylim, type = "n", xlim = xlim, ylim = ylim, xlab = "", ylab = "",
                main = "", bty = "l")
  frame <- utils::modifyList(frame, list(...))
  do.call(graphics::plot.default, utils::modifyList(frame, dots))
}

panel_title <- function(text, line = 0.4) {
  room <- graphics::par("pin")[1L] + 0.8 * graphics::par("mai")[4L]
  graphics::mtext(fit_text(text, room, cex = 0.95, font = 2L), side = 3L, line = line, adj = 0,
                  font = 2L, cex = graphics::par("cex") * 0.95)
}

# Too long for so many inches of the open plot: the middle gives way
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
