# Prior and posterior densities, of each parameter on the scale on which its prior acts.

plot_prior <- function(fit, table, options, dots) {
  prior <- prior_densities(fit, table)
  proper <- !vapply(prior, is.null, NA)
  table <- table[proper, , drop = FALSE]
  check_some(table, "such parameters with a proper prior")
  check_panels(nrow(table))
  posterior <- prior_side_densities(fit, table)
  old <- open_panels(panel_grid(nrow(table)), c(2.2, 1, 1.8, 1))
  on.exit(graphics::par(old))
  part <- Map(function(k, before, after) {
    curve <- both_curves(before, after)
    draw_both(shown_name(fit, table, k), curve, after$held, options$col, dots, k == 1L)
    data.frame(variable = rep(table$name[k], nrow(curve)), curve)
  }, seq_len(nrow(table)), prior[proper], posterior)
  do.call(rbind, part)
}

shown_name <- function(fit, table, k) {
  centred <- any(fit$fixed$center != 0) &&
    (table$class[k] == "threshold" || is_intercept(fit, table[k, ]))
  paste0(table$name[k], if (centred) " at the means")
}

draw_both <- function(name, curve, held, col, dots, first) {
  value <- c(curve$posterior, curve$prior)
  density_frame(range(curve$x), max(value[is.finite(value)], 0), dots)
  graphics::polygon(curve$x[c(1L, seq_len(nrow(curve)), nrow(curve))], c(0, curve$posterior, 0),
                    col = pale(col), border = NA)
  graphics::lines(curve$x, curve$prior, col = "grey30", lwd = 1.4, lty = 2L)
  graphics::lines(curve$x, curve$posterior, col = col, lwd = 1.8)
  panel_title(name)
  if (!first) return(invisible())
  peak <- curve$x[which.max(curve$posterior)]
  side <- if (peak > mean(range(curve$x))) "topleft" else "topright"
  graphics::legend(side, c("posterior", "prior"), col = c(col, "grey30"), lty = c(1L, 2L),
                   lwd = c(1.8, 1.4), bty = "n", cex = 0.85, seg.len = 1.4)
}

# On the posterior's range, widened to show where the prior has most of its mass but not so far that
# the posterior would be a spike
both_curves <- function(prior, posterior) {
  range <- posterior$range
  width <- diff(range)
  middle <- prior$central
  wide <- c(max(range[1L] - 1.5 * width, min(range[1L], middle[1L])),
            min(range[2L] + 1.5 * width, max(range[2L], middle[2L])))
  wide <- pmin(pmax(wide, prior$inside[1L]), prior$inside[2L])
  curve <- density_curve(posterior, wide)
  data.frame(x = curve$x, posterior = curve$density, prior = prior$at(curve$x))
}

# ---- Posteriors where priors act -----------------------------------------------------------------

is_intercept <- function(fit, parameter) {
  parameter$class == "b" && parameter$row %in% c(fit$fixed$intercept, fit$design$into)
}

# The engine's coefficients and thresholds are those at the column means
prior_side_densities <- function(fit, table) {
  lapply(seq_len(nrow(table)), function(k) {
    one <- table[k, ]
    if (is_intercept(fit, one)) {
      return(resolved(mixture_density(ranef_nodes(fit, one$row)), one$name))
    }
    if (one$class == "threshold") return(resolved(hyper_density(fit, one$row), one$name))
    posterior_densities(fit, one)[[1L]]
  })
}

# ---- Priors --------------------------------------------------------------------------------------

# -> a list with an entry per row of `table`: the density `at`, where the parameter can be
# (`inside`), and the `central` range of the prior; NULL: flat, held, or no closed form
prior_densities <- function(fit, table) {
  lapply(seq_len(nrow(table)), function(k) {
    find <- prior_finders[[table$class[k]]]
    if (is.null(find)) NULL else find(fit, table$row[k])
  })
}

prior_finders <- list(
  b = function(fit, row) {
    prior <- fit$design$prior_coef
    cut_prior(prior$dist[row], prior$arg[, row], c(-Inf, Inf))
  },
  sd = function(fit, row) {
    hyper <- fit$hyper[row, ]
    if (hyper$i == 1L && is_prior_moved(fit$design$terms[[hyper$term]])) return(NULL)
    prior <- fit$design$prior_sd[[hyper$term]]
    k <- max(hyper$i, 1L)
    cut_prior(prior$dist[k], prior$arg[, k], hyper_range(fit, row))
  },
  cor = function(fit, row) {
    term <- fit$hyper$term[row]
    if (is_prior_moved(fit$design$terms[[term]])) return(NULL)
    margin <- if (is_compound(fit$random[[term]])) compound_margin else lkj_margin
    margin(fit$design$prior_cor[term], length(fit$random[[term]]$coef))
  },
  aux = function(fit, row) {
    prior <- fit$design$prior_par
    k <- match(row, which(fit$hyper$class == "aux"))
    cut_prior(prior$dist[k], prior$arg[, k], hyper_range(fit, row))
  },
  hs = function(fit, row) {
    prior <- fit$design$shrink
    k <- match(row, which(fit$hyper$class == "hs"))
    if (k == 1L && prior$by_sigma) return(NULL)           # its prior is that of hs_global / sigma
    cut_prior(prior$dist[k], prior$arg[, k], hyper_range(fit, row))
  },
  threshold = function(fit, row) {
    prior <- fit$design$prior_par
    all <- threshold_rows(fit)
    k <- match(row, all)
    ordered_prior(cut_prior(prior$dist[k], prior$arg[, k], c(-Inf, Inf)), k, length(all))
  }
)

# A flat prior is proper on a bounded range only
cut_prior <- function(dist, arg, inside) {
  bounded <- all(is.finite(inside))
  if (is_held(dist) || is_shrunk(dist) || (is_flat(dist) && !bounded)) return(NULL)
  log_density <- function(x) eval_prior(dist, x, arg)$ll
  unscaled <- function(x) exp(log_density(x))
  mass <- if (bounded) bounded_mass(unscaled, inside)
    else if (inside[1L] == 0) exp(eval_prior(dist, 1, arg)$log_upper)
    else 1
  at <- function(x) {
    within <- x >= inside[1L] & x <= inside[2L]
    out <- numeric(length(x))
    out[within] <- unscaled(x[within]) / mass
    out
  }
  list(at = at, inside = inside, central = central_range(log_density, inside))
}

bounded_mass <- function(density, inside) {
  stats::integrate(density, inside[1L], inside[2L], rel.tol = 1e-8, stop.on.error = FALSE)$value
}

# Marginal of one correlation of a d x d LKJ(eta) matrix: (1 + r) / 2 ~ Beta(a, a) with
# a = eta - 1 + d / 2 (Lewandowski, Kurowicka & Joe 2009)
lkj_margin <- function(eta, d) {
  a <- eta - 1 + d / 2
  at <- function(x) stats::dbeta((x + 1) / 2, a, a) / 2
  list(at = at, inside = c(-1, 1), central = 2 * stats::qbeta(c(0.05, 0.95), a, a) - 1)
}

# The same where all correlations are one, of which |R|^(eta - 1) is left
compound_margin <- function(eta, d) {
  least <- -1 / (d - 1)
  share <- c(eta, (d - 1) * (eta - 1) + 1)
  at <- function(x) stats::dbeta((x - least) / (1 - least), share[1L], share[2L]) / (1 - least)
  central <- stats::qbeta(c(0.05, 0.95), share[1L], share[2L])
  list(at = at, inside = c(least, 1), central = least + (1 - least) * central)
}

# The k-th of n ordered values that have one prior: an order statistic
ordered_prior <- function(one, k, n) {
  if (is.null(one) || n == 1L) return(one)
  at <- function(x) {
    below <- distribution(one, x)
    exp(lgamma(n + 1) - lgamma(k) - lgamma(n - k + 1)) * below^(k - 1) * (1 - below)^(n - k) *
      one$at(x)
  }
  list(at = at, inside = one$inside, central = one$central)
}

# Distribution function of a prior on the real line: Simpson's rule in t where x = middle + width
# sinh(t), in which heavy tails end
distribution <- function(prior, x) {
  middle <- mean(prior$central)
  width <- max(diff(prior$central) / 2, 1e-12)
  mass <- function(t) {
    value <- prior$at(middle + width * sinh(t)) * cosh(t)
    replace(value, !is.finite(value), 0)
  }
  t <- seq(-40, 40, length.out = 8001L)
  left <- t[-length(t)]
  piece <- mass(left) + 4 * mass((left + t[-1L]) / 2) + mass(t[-1L])
  below <- c(0, cumsum(piece))
  stats::splinefun(t, below / max(below), method = "monoH.FC")(asinh((x - middle) / width))
}

# Where the density is above a tenth of its largest value, on a coarse grid over many scales around
# the mode. The mode is the highest point of such a grid around zero, then of one around that point,
# and so on: each is closer by the ratio of neighbours in the grid. In logarithms, because the
# density of a narrow prior is zero in floating point a few of its scales away.
central_range <- function(log_density, inside) {
  if (all(is.finite(inside))) return(inside)
  away <- 10^seq(-12, 12, length.out = 600L)
  mode <- 0
  for (round in seq_len(10L)) {
    grid <- mode + c(-rev(away), 0, away)
    grid <- grid[grid >= inside[1L] & grid <= inside[2L]]
    value <- log_density(grid)
    value[!is.finite(value)] <- -Inf
    if (grid[which.max(value)] == mode) break
    mode <- grid[which.max(value)]
  }
  range(grid[value >= max(value) - log(10)])
}
