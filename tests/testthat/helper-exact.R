# Posteriors by sums over grids of parameters, and the bars within which a fit has to meet them.

# points x with weights: evenly, or evenly in asinh((x - at) / unit), for heavy tails
even_grid <- function(from, to, n) list(x = seq(from, to, length.out = n), w = rep(1, n))
wide_grid <- function(at, unit, from, to, n) {
  u <- seq(from, to, length.out = n)
  list(x = at + unit * sinh(u), w = cosh(u))
}

# `log_p` of a data frame with a column per grid; the result has these and their `weight`
grid_posterior <- function(grids, log_p) {
  points <- do.call(expand.grid, lapply(grids, `[[`, "x"))
  weight <- Reduce(`*`, do.call(expand.grid, lapply(grids, `[[`, "w")))
  value <- log_p(points)
  weight <- weight * exp(value - max(value))
  points$weight <- weight / sum(weight)
  points
}

# mean, sd, 5 % and 95 % quantile of x
grid_moments <- function(x, weight) {
  mass <- tapply(weight, x, sum)
  x <- as.numeric(names(mass))
  mass <- as.vector(mass) / sum(mass)
  seen <- mass > 1e-13
  x <- x[seen]
  mass <- mass[seen]
  mean <- sum(mass * x)
  quantile <- stats::approx(cumsum(mass) - mass / 2, x, c(0.05, 0.95), rule = 2)$y
  c(mean, sqrt(sum(mass * (x - mean)^2)), quantile)
}

# those of the scoreboard for fixed effects: mean in sds, ratio of sds, quantiles in sds; `more`:
# Monte Carlo error of draws
expect_in_bars <- function(found, exact, what = "", more = 0, bars = c(0.05, 0.05, 0.08)) {
  sds <- (found - exact) / exact[2L]
  expect_lte(abs(sds[[1L]]), bars[1L] + more, label = paste(what, "mean"))
  expect_lte(abs(sds[[2L]]), bars[2L] + 2 * more, label = paste(what, "sd"))
  expect_lte(max(abs(sds[3:4])), bars[3L] + 5 * more, label = paste(what, "quantiles"))
}

summary_of <- function(fit, parameter) posterior_summary(fit, probs = c(0.05, 0.95))[parameter, ]

moments_of_draws <- function(x) c(mean(x), stats::sd(x), stats::quantile(x, c(0.05, 0.95)))
