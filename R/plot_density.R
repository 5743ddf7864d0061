# Marginal posterior densities, from what the fit is made of: the mixture over the nodes, and
# weighted points of the hyperparameters.

plot_density <- function(fit, table, options, dots) {
  check_some(table, "such parameters")
  check_panels(nrow(table))
  density <- posterior_densities(fit, table)
  probs <- interval_probs(options$prob)
  value <- posterior_summary(fit, probs = probs, variable = table$name)
  old <- open_panels(panel_grid(nrow(table)), c(2.2, 1, 1.8, 1))
  on.exit(graphics::par(old))
  part <- lapply(seq_len(nrow(table)), function(k) {
    curve <- density_curve(density[[k]])
    draw_density(table$name[k], curve, value[k, ], options$col, dots)
    data.frame(variable = rep(table$name[k], nrow(curve)), curve)
  })
  do.call(rbind, part)
}

draw_density <- function(name, curve, value, col, dots) {
  held <- nrow(curve) == 1L
  xlim <- if (held) curve$x + c(-0.5, 0.5) * max(abs(curve$x), 1) else range(curve$x)
  top <- if (held) 1 else max(curve$density)
  density_frame(xlim, top, dots)
  if (held) {
    graphics::segments(curve$x, 0, y1 = top, col = col, lwd = 1.8)
  } else {
    bound <- value[c(3L, length(value))]
    shade(curve, bound, pale(col))
    graphics::lines(curve$x, curve$density, col = col, lwd = 1.8)
    graphics::points(value[1L], 0, pch = 21L, bg = "white", col = col, cex = 0.9, xpd = NA)
  }
  panel_title(name)
}

density_frame <- function(xlim, top, dots) {
  draw_frame(xlim, c(0, 1.04 * top), dots, yaxt = "n", bty = "n", yaxs = "i")
  graphics::abline(v = graphics::axTicks(1L), col = "grey92")
  graphics::abline(h = 0, col = "grey70")
}

shade <- function(curve, bound, col) {
  x <- c(bound[1L], curve$x[curve$x > bound[1L] & curve$x < bound[2L]], bound[2L])
  y <- stats::approx(curve$x, curve$density, x, rule = 2)$y
  graphics::polygon(c(x, rev(x)), c(y, numeric(length(x))), col = col, border = NA)
}

# ---- Densities -----------------------------------------------------------------------------------

density_points <- 400L
shown_probs <- c(0.002, 0.998)      # heavy tails would leave no room for the rest

# -> a list with an entry per row of `table`: the function `at`, the `range` that holds next to all,
# where the parameter can be (`inside`), and the value at which it is `held`, if it is
posterior_densities <- function(fit, table) {
  lapply(seq_len(nrow(table)), function(k) {
    resolved(density_rows[[table$class[k]]](fit, table$row[k]), table$name[k])
  })
}

# A fit that went astray has posteriors that are not finite, and some that doubles cannot resolve:
# these are drawn as held.
resolved <- function(density, name) {
  if (!all(is.finite(c(density$held, density$range)))) {
    vb_abort("fit", c("The posterior of {.val {name}} is not finite: it has no density to draw.",
                      i = "See {.code summary(fit)} for how far the fit came."))
  }
  if (is_point(density$range)) list(held = mean(density$range)) else density
}

is_point <- function(range) {
  length(range) > 0L && range[2L] - range[1L] <= 1e4 * .Machine$double.eps * max(abs(range))
}

density_curve <- function(density, range = density$range) {
  if (!is.null(density$held)) return(data.frame(x = density$held, density = Inf))
  x <- seq(range[1L], range[2L], length.out = density_points)
  data.frame(x = x, density = density$at(x))
}

hyper_density <- function(fit, row) {
  point_density(fit$engine$point$hyper[row, ], fit$engine$point$weight, hyper_range(fit, row))
}

density_rows <- list(
  b = function(fit, row) {
    if (is_shrunk(fit$design$prior_coef$dist[row])) return(shrunk_density(fit, row))
    mixture_density(fixed_nodes(fit, row))
  },
  r = function(fit, row) mixture_density(ranef_nodes(fit, row)),
  threshold = function(fit, row) {
    if (!any(fit$fixed$center != 0)) return(hyper_density(fit, row))
    mixture_density(threshold_mixture(fit, row))
  },
  s = function(fit, row) mixture_density(fixed_nodes(fit, row)),
  sd = hyper_density, cor = hyper_density, aux = hyper_density, hs = hyper_density,
  field = hyper_density,
  parameter = function(fit, row) margin_density(fit, fit$margin[row, ])
)

# Where a hyperparameter can be
hyper_range <- function(fit, row) {
  hyper <- fit$hyper[row, ]
  domain <- if (hyper$class == "aux") fit$design$user$domain
  if (!is.null(domain)) {
    return(user_ranges[[domain[match(hyper$name, fit$hyper$name[fit$hyper$class == "aux"])] + 1L]])
  }
  if (hyper$class == "field") return(field_range(fit, hyper$name))
  if (hyper$class == "cor") return(correlation_range(fit$random[[hyper$term]]))
  hyper_ranges[[hyper$class]]
}

hyper_ranges <- list(sd = c(0, Inf), aux = c(0, Inf), hs = c(0, Inf),
                     threshold = c(-Inf, Inf))
user_ranges <- list(positive = c(0, Inf), real = c(-Inf, Inf), unit = c(0, 1))

# sum_s W_s times the density at node s, a shifted lognormal with its three moments; the few nodes
# of negative weight may make the sum negative where it is next to nothing
mixture_density <- function(nodes) {
  mean <- drop(nodes$mean)
  sd <- sqrt(drop(nodes$var))
  skew <- if (is.null(nodes$skew)) numeric(length(mean)) else drop(nodes$skew)
  weight <- nodes$weight
  at <- function(x) {
    total <- numeric(length(x))
    for (s in which(weight != 0)) {
      total <- total + weight[s] * skewed_density((x - mean[s]) / sd[s], skew[s]) / sd[s]
    }
    pmax(total, 0)
  }
  list(at = at, range = drop(node_quantiles(nodes, shown_probs)), inside = c(-Inf, Inf))
}

# Of mean 0, variance 1 and this skewness: y = side (exp(s side z - s^2 / 2) - 1) / sqrt(w - 1)
# with z normal, w = exp(s^2) and (w + 2)^2 (w - 1) = skew^2
skewed_density <- function(y, skew) {
  if (abs(skew) < 1e-4) return(stats::dnorm(y))
  side <- sign(skew)
  a <- (1 + skew^2 / 2 + abs(skew) * sqrt(1 + skew^2 / 4))^(1 / 3)
  w <- a + 1 / a - 1
  s <- sqrt(log(w))
  inner <- 1 + side * y * sqrt(w - 1)
  z <- side * (log(pmax(inner, 1e-300)) + s^2 / 2) / s
  ifelse(inner > 1e-300, stats::dnorm(z) * sqrt(w - 1) / (pmax(inner, 1e-300) * s), 0)
}

# Under a horseshoe the engine has quantiles q(p) only; the density at q(p) is 1 / q'(p)
shrunk_density <- function(fit, row) {
  p <- stats::pnorm(seq(-3.4, 3.4, length.out = 401L))
  x <- drop(shrunk_quantiles(fit, row, p))
  steps <- diff(x) > 0
  middle <- (x[-1L] + x[-length(x)])[steps] / 2
  slope <- (diff(p) / diff(x))[steps]
  list(at = function(at) stats::approx(middle, slope, at, yleft = 0, yright = 0)$y,
       range = drop(shrunk_quantiles(fit, row, shown_probs)), inside = c(-Inf, Inf))
}

# A kernel estimate of weighted points, with their images beyond the edges of `inside` so that no
# mass is lost there (Silverman 1986, section 2.10), with his bandwidth (3.31).
point_density <- function(x, weight, inside) {
  keep <- weight > 0
  x <- x[keep]
  weight <- weight[keep] / sum(weight[keep])
  if (!all(is.finite(x))) return(list(held = NaN))
  if (is_point(range(x))) return(list(held = x[1L]))
  mean <- sum(weight * x)
  quartile <- diff(weighted_quantile(x, weight, c(0.25, 0.75)))
  spread <- min(sqrt(sum(weight * (x - mean)^2)), if (quartile > 0) quartile / 1.34)
  bw <- 0.9 * spread * sum(weight^2)^0.2
  image <- unlist(lapply(inside[is.finite(inside)], function(edge) 2 * edge - x))
  all <- c(x, image)
  range <- weighted_quantile(x, weight, shown_probs) + c(-2, 2) * bw
  range <- pmin(pmax(range, inside[1L]), inside[2L])
  copies <- length(all) / length(x)
  estimate <- stats::density(all, bw = bw, weights = rep(weight, copies) / copies, n = 2048L,
                             from = range[1L], to = range[2L])
  y <- copies * estimate$y
  list(at = function(at) {
    out <- stats::approx(estimate$x, y, at, yleft = 0, yright = 0)$y
    replace(out, at < inside[1L] | at > inside[2L], 0)
  }, range = range, inside = inside)
}

# Of a fit by advi(): shift + scale f(x) of a normal x, or of the weighted draws' x
margin_density <- function(fit, margin) {
  draws <- fit$draws[, margin$name]
  weight <- exp(if (margin$weighted) fit$log_weight else gaussian_weight(fit))
  if (is.na(margin$axis)) return(point_density(draws, weight, c(-Inf, Inf)))
  link <- links[[margin$link]]
  if (margin$weighted) return(linked_density(draws, weight, margin, link))
  has_law <- is.finite(margin$law_at)
  mean <- if (has_law) margin$law_at else fit$mean[[margin$axis]]
  sd <- if (has_law) margin$law_by else fit$sd[[margin$axis]]
  law <- standard_law(if (has_law) margin$law_skew else 0)
  end <- margin$shift + margin$scale * link$value(mean + law$quantile(shown_probs) * sd)
  at <- function(theta) {
    x <- suppressWarnings(link$inverse((theta - margin$shift) / margin$scale))
    out <- law$density((x - mean) / sd) / sd / (abs(margin$scale) * exp(link$log_slope(x)))
    replace(out, !is.finite(out), 0)
  }
  list(at = at, range = sort(end), inside = c(-Inf, Inf))
}

# The kernel estimate is of x, which has no edges
linked_density <- function(draws, weight, margin, link) {
  to_x <- function(theta) suppressWarnings(link$inverse((theta - margin$shift) / margin$scale))
  x <- to_x(draws)
  keep <- is.finite(x) & weight > 0
  inner <- point_density(x[keep], weight[keep], c(-Inf, Inf))
  at <- function(theta) {
    x <- to_x(theta)
    out <- inner$at(x) / (abs(margin$scale) * exp(link$log_slope(x)))
    replace(out, !is.finite(out), 0)
  }
  end <- margin$shift + margin$scale * link$value(inner$range)
  list(at = at, range = sort(end), inside = c(-Inf, Inf))
}
