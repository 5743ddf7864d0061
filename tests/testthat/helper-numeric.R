# Exact answers and numerical derivatives that the tests hold the package against.

# central differences of a vectorised function, one Richardson step: error of order h^4
slope <- function(f, x, h = 1e-3) {
  d <- function(h) (f(x + h) - f(x - h)) / (2 * h)
  (4 * d(h / 2) - d(h)) / 3
}

curvature <- function(f, x, h = 1e-2) {
  d <- function(h) (f(x + h) - 2 * f(x) + f(x - h)) / h^2
  (4 * d(h / 2) - d(h)) / 3
}

# E f(eta), eta ~ N(m, v), by a fine trapezoid: independent of the package's own quadrature
expected <- function(f, m, v, half_width = 10, by = 0.005) {
  z <- seq(-half_width, half_width, by = by)
  weight <- stats::dnorm(z) * by
  vapply(seq_along(m), function(i) sum(weight * f(i, m[i] + sqrt(v[i]) * z)), 0)
}

log_sum_exp <- function(x) max(x) + log(sum(exp(x - max(x))))

# mean, sd, quantiles of a density given by its log on an even grid
grid_summary <- function(x, log_density, probs = c(0.05, 0.95)) {
  weight <- exp(log_density - max(log_density))
  weight <- weight / sum(weight)
  mean <- sum(weight * x)
  cdf <- cumsum(weight) - weight / 2
  inside <- !duplicated(cdf)
  c(Estimate = mean, Est.Error = sqrt(sum(weight * (x - mean)^2)),
    stats::approx(cdf[inside], x[inside], probs)$y)
}

# moments and quantiles of a finite mixture of normals
mixture_summary <- function(weight, mean, sd, probs = c(0.05, 0.95)) {
  centre <- sum(weight * mean)
  spread <- sqrt(sum(weight * (sd^2 + (mean - centre)^2)))
  quantile <- vapply(probs, function(p) {
    stats::uniroot(function(x) sum(weight * stats::pnorm(x, mean, sd)) - p,
                   centre + c(-12, 12) * spread, tol = 1e-10 * spread)$root
  }, 0)
  c(Estimate = centre, Est.Error = spread, quantile)
}

# log density of N(mean, cov)
log_normal_density <- function(y, mean, cov) {
  half <- chol(cov)
  z <- backsolve(half, y - mean, transpose = TRUE)
  -0.5 * length(y) * log(2 * pi) - sum(log(diag(half))) - 0.5 * sum(z^2)
}

log_half_t <- function(x, df, scale) log(2) + stats::dt(x / scale, df, log = TRUE) - log(scale)

# everything in a fit that may not differ between two runs: all but clocks and what was asked for
without_clock <- function(fit) {
  fit$seconds <- NULL
  fit$call <- NULL
  fit$control <- NULL
  fit$trace$seconds <- NULL
  fit$engine$trace$seconds <- NULL
  fit
}
