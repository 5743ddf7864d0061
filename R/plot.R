# What plot() draws: a table of types. Base graphics only.

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
#' @param regex Whether `variable` holds regular expressions that names are to match; or such
#'   expressions themselves.
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
plot.vbfit <- function(x, type = c("elbo", "intervals", "ranef", "density", "prior", "smooth"),
                       variable = NULL, regex = FALSE, prob = c(0.5, 0.95),
                       against = c("step", "time"), parts = FALSE, col = "#0072B2", ...) {
  x <- whole_fit(x)
  options <- list(variable = in_quotes(variable, "variable"), regex = regex, prob = prob,
                  against = against, parts = parts, col = col)
  draw_plot(x, type, names(plot_types), options, list(...))
}

#' @rdname plot.vbfit
#' @export
plot.advifit <- function(x, type = c("elbo", "intervals", "density"), variable = NULL,
                         regex = FALSE, prob = c(0.5, 0.95), against = c("step", "time"),
                         parts = FALSE, col = "#0072B2", ...) {
  options <- list(variable = in_quotes(variable, "variable"), regex = regex, prob = prob,
                  against = against, parts = parts, col = col)
  draw_plot(x, type, c("elbo", "intervals", "density"), options, list(...))
}

# A row per type: what it draws, and which parameters unless the user chooses others (NULL: none)
plot_types <- list(
  elbo = list(draw = function(fit, table, o, dots) plot_elbo(fit, o, dots), default = NULL),
  intervals = list(draw = function(fit, table, o, dots) plot_intervals(fit, table, o, dots),
                   default = function(table) !table$class %in% c("r", "s")),
  ranef = list(draw = function(fit, table, o, dots) plot_ranef(fit, table, o, dots),
               default = function(table) table$class %in% c("r", "s")),
  density = list(draw = function(fit, table, o, dots) plot_density(fit, table, o, dots),
                 default = function(table) !table$class %in% c("r", "s")),
  prior = list(draw = function(fit, table, o, dots) plot_prior(fit, table, o, dots),
               default = function(table) !table$class %in% c("r", "s")),
  smooth = list(draw = function(fit, table, o, dots) {
    do.call(graphics::plot, c(list(conditional_smooths(fit)), dots))
  }, default = NULL)
)

draw_plot <- function(fit, type, types, options, dots) {
  type <- pick_choice(type, "type", types)
  if (!is.character(options$regex)) check_flag(options$regex, "regex")
  check_flag(options$parts, "parts")
  check_widths(options$prob)
  options$against <- pick_choice(options$against, "against", c("step", "time"))
  row <- plot_types[[type]]
  table <- if (!is.null(row$default)) {
    table <- parameter_table(fit)
    usual <- is.null(options$variable) && !is.character(options$regex)
    if (usual) table[row$default(table), , drop = FALSE]
    else select_parameters(table, options$variable, options$regex)
  }
  invisible(with_class(with_room(row$draw(fit, table, options, dots)), "vb_warning_plot",
                       "In the plot"))
}

check_widths <- function(prob) {
  check_probs(prob, "prob")
  if (length(prob) %in% 1:2) return(invisible())
  vb_abort("prob", c("{.arg prob} must be one or two probabilities.", x = "It has {length(prob)}."))
}

