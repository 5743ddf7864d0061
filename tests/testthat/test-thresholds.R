# Thresholds of ordinal models beside categories that nobody has

test_that("categories that nobody has, at either end and between, leave what the prior says", {
  rows <- data.frame(y = rep(1:3, each = 30))
  fits <- lapply(list(first = 0:3, last = 1:4), function(levels) {
    vb(factor(y, levels, ordered = TRUE) ~ 1, rows, family = cumulative())
  })
  # the empty category's threshold, the two others: the last is the first in the mirror
  far <- wide_grid(-0.01, 0.7, -8, -0.3, 301)
  exact <- grid_posterior(
    list(u = far, t = even_grid(-1.6, 0.2, 41), d = even_grid(0.6, 2.4, 41)), function(b) {
      other <- b$t + b$d
      inside <- pmax(plogis(b$t) - plogis(b$u), 1e-300)
      value <- dt(b$u / 2.5, 3, log = TRUE) + dt(b$t / 2.5, 3, log = TRUE) +
        dt(other / 2.5, 3, log = TRUE) +
        30 * (log(inside) + log(plogis(other) - plogis(b$t)) + plogis(-other, log.p = TRUE))
      replace(value, b$u >= b$t, -Inf)
    })
  mirrored <- function(x) c(-x[1L], x[2L], -x[4:3])
  found <- list(summary_of(fits$first, "b_Intercept[1]"),
                mirrored(summary_of(fits$last, "b_Intercept[3]")))
  want <- grid_moments(exact$u, exact$weight)
  for (one in found) {
    one[2L] <- want[2L]            # of a tail like that of t with 3 degrees of freedom
    expect_in_bars(one, want, bars = c(0.08, 0.07, 0.12))
  }
  expect_in_bars(summary_of(fits$first, "b_Intercept[2]"), grid_moments(exact$t, exact$weight))
  expect_in_bars(mirrored(summary_of(fits$last, "b_Intercept[2]")),
                 grid_moments(exact$t, exact$weight))
})

test_that("thresholds below the base have the gradient of the density", {
  rows <- data.frame(y = rep(1:3, each = 10), x = sin(1:30), g = gl(5, 6))
  for (levels in list(0:3, -1:3, 1:5, -1:5)) {
    rows$o <- factor(rows$y, levels, ordered = TRUE)
    spec <- model_of(o ~ x + (1 | g), rows, cumulative())$spec
    start <- as.numeric(eval_joint(spec)$start)
    at <- start + 0.1 * cos(seq_along(start))
    step <- 1e-5 * diag(length(at))
    value <- eval_joint(spec, cbind(at + step, at - step))$value
    slope <- (value[seq_along(at)] - value[-seq_along(at)]) / 2e-5
    got <- eval_joint(spec, at)
    expect_equal(drop(got$gradient), slope, tolerance = 1e-6)
    thresholds <- utils::tail(drop(got$natural), length(levels) - 1L)
    expect_false(is.unsorted(thresholds))
  }
})

test_that("a mixture of one point has its thresholds", {
  basis <- theta_basis(60L, 3L)
  expect_identical(dim(basis(matrix(1:3, 3L))), c(1L, 10L))
  expect_identical(basis(matrix(1:6, 3L))[2L, , drop = FALSE], basis(matrix(4:6, 3L)))
})
