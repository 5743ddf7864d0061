block_names <- c("p1", "p2", "p3", "p4")
blocks <- list(
  identity = transforms$identity(block_names), positive = transforms$positive(block_names),
  unit = transforms$unit(block_names), simplex = transforms$simplex(block_names),
  ordered = transforms$ordered(block_names),
  lower = bounded_block(block_names, c(-1, 0, 2, 3), rep(Inf, 4)),
  upper = bounded_block(block_names, rep(-Inf, 4), c(-1, 0, 2, 3)),
  both = bounded_block(block_names, c(-1, 0, 2, 3), c(0, 7, 2.5, 30))
)

# d theta / d x, a column per real number
jacobian_of <- function(block, x) {
  vapply(seq_along(x), function(k) {
    slope(function(h) block$value(matrix(replace(x, k, h))), x[k])
  }, block$value(matrix(x))[, 1L])
}

test_that("blocks invert, and their Jacobians are those of differences", {
  set.seed(1)
  for (name in names(blocks)) {
    block <- blocks[[name]]
    x <- matrix(stats::rnorm(3 * block$dim), block$dim)
    theta <- block$value(x)
    expect_identical(dim(theta), c(4L, 3L), info = name)
    for (i in 1:3) {
      expect_equal(block$inverse(theta[, i]), x[, i], info = name)
      jacobian <- jacobian_of(block, x[, i])
      # a simplex has the density of all its elements but one
      square <- jacobian[seq_len(block$dim), , drop = FALSE]
      log_det <- c(determinant(square)$modulus)
      expect_equal(block$log_jacobian(x)[i], log_det, tolerance = 1e-7, info = name)
      g <- matrix(c(0.3, -1, 2, 0.5))
      by_hand <- drop(crossprod(jacobian, g)) + vapply(seq_len(block$dim), function(k) {
        slope(function(h) block$log_jacobian(matrix(replace(x[, i], k, h))), x[k, i])
      }, 0)
      pulled <- drop(block$pull(x[, i, drop = FALSE], g))
      expect_equal(pulled, by_hand, tolerance = 1e-6, info = name)
    }
  }
})

test_that("values stay inside their bounds", {
  x <- matrix(c(-30, -3, 3, 30), 4, 1)
  expect_true(all(blocks$lower$value(x) >= c(-1, 0, 2, 3)))
  expect_true(all(blocks$upper$value(x) <= c(-1, 0, 2, 3)))
  expect_true(all(diff(blocks$ordered$value(x / 10)) > 0))
  p <- blocks$simplex$value(x[-1, , drop = FALSE])
  expect_equal(sum(p), 1)
  expect_true(all(p >= 0))
})

test_that("a map puts the blocks together", {
  name <- c("mu", "sigma", "p[1]", "p[2]", "p[3]", "r", "u")
  map <- constrained_map(name, lower = c(sigma = 0, r = -1), upper = c(r = 1, u = 2),
                         transform = list(p = "simplex"))
  expect_identical(map$dim, 6L)
  theta <- c(1, 2, 0.2, 0.3, 0.5, 0.25, -3)
  x <- map_inverse(map, theta)
  expect_equal(drop(map_value(map, matrix(x))), theta)
  log_p <- function(theta) sum(theta^2 * seq_along(theta))
  g <- 2 * theta * seq_along(theta)
  whole <- function(x) log_p(map_value(map, matrix(x))) + map_log_jacobian(map, matrix(x))
  by_hand <- vapply(seq_along(x), function(k) slope(function(h) whole(replace(x, k, h)), x[k]), 0)
  expect_equal(drop(map_pull(map, matrix(x), matrix(g))), by_hand, tolerance = 1e-7)
  expect_setequal(map$axes, c("ilr(p[2])", "ilr(p[3])", "mu", "log(sigma)",
                              "logit((r - -1) / 2)", "log(2 - u)"))
  axis <- map$margin$axis
  expect_identical(map$axes[axis[c(1, 2, 7)]], c("mu", "log(sigma)", "log(2 - u)"))
  expect_identical(which(is.na(axis)), 3:5)
  unit <- constrained_map("q", transform = c(q = "unit"))
  expect_identical(unit$axes, "logit(q)")
})

test_that("bounds are recycled or named, and names stand for vectors", {
  name <- c("a", "b1", "b2", "c[1]", "c[2]")
  links_of <- function(...) {
    map <- constrained_map(name, ...)
    map$margin$link
  }
  expect_identical(links_of(lower = 0), rep("exp", 5))
  expect_identical(links_of(lower = c(-Inf, 0, 0, -Inf, -Inf)),
                   c("identity", "exp", "exp", "identity", "identity"))
  expect_identical(links_of(lower = c(b = 0, `c[2]` = 1)),
                   c("identity", "exp", "exp", "identity", "exp"))
  expect_identical(links_of(transform = list(c = "unit")),
                   c("identity", "identity", "identity", "plogis", "plogis"))
})

test_that("what cannot be is an error that names the argument", {
  name <- c("a", "p1", "p2")
  fails <- function(class, ...) expect_error(constrained_map(name, ...), class = class)
  fails("vb_error_lower", lower = "0")
  fails("vb_error_lower", lower = c(0, 1))
  fails("vb_error_lower", lower = NA_real_)
  fails("vb_error_lower", lower = c(b = 0))
  fails("vb_error_upper", lower = 0, upper = c(p = 0))
  fails("vb_error_transform", transform = list("simplex"))
  fails("vb_error_transform", transform = list(p = "simplices"))
  fails("vb_error_transform", transform = list(p = 1))
  fails("vb_error_transform", transform = list(a = "simplex"))
  fails("vb_error_transform", transform = list(q = "positive"))
  fails("vb_error_transform", transform = list(p = "simplex", p1 = "positive"))
  fails("vb_error_transform", transform = list(p = "simplex"), lower = c(p1 = 0))
})

test_that("posteriors of transformed parameters are right", {
  # Gaussians on the scale of the real numbers, so that the answers are exact
  f <- function(theta) {
    stats::dlnorm(theta[["s"]], 0.3, 0.5, log = TRUE) + stats::dnorm(theta[["m"]], 1, 2, log = TRUE)
  }
  g <- function(theta) {
    c(-(1 + (log(theta[["s"]]) - 0.3) / 0.25) / theta[["s"]], -(theta[["m"]] - 1) / 4)
  }
  fit <- advi(f, c(s = 1, m = 0), g, lower = c(s = 0))
  mean <- exp(0.3 + 0.125)
  expect_equal(posterior_summary(fit)["s", ],
               c(mean, mean * sqrt(expm1(0.25)), stats::qlnorm(c(0.025, 0.975), 0.3, 0.5)),
               tolerance = 1e-6, ignore_attr = TRUE)
  expect_equal(elbo(fit), 0, tolerance = 1e-8)
  # beta and Dirichlet: near enough
  f <- function(p) sum(c(5, 7, 9) * log(p))
  g <- function(p) c(5, 7, 9) / p
  fit <- advi(f, c(p = c(0.2, 0.3, 0.5)), g, transform = list(p = "simplex"))
  shape <- c(6, 8, 10)
  got <- posterior_summary(fit)
  expect_identical(rownames(got), c("p1", "p2", "p3"))
  expect_lt(max(abs(got[, 1] - shape / 24)), 0.01)
  expect_lt(max(abs(got[, 2] / sqrt(shape * (24 - shape) / (24^2 * 25)) - 1)), 0.08)
  expect_equal(range(rowSums(fit$draws)), c(1, 1))
  fit <- advi(function(p) stats::dbeta(p, 6, 18, log = TRUE), c(p = 0.5),
              function(p) 5 / p - 17 / (1 - p), transform = list(p = "unit"))
  got <- posterior_summary(fit)
  expect_equal(got[1, 1], 0.25, tolerance = 0.01)
  expect_lt(max(abs(got[1, 3:4] - stats::qbeta(c(0.025, 0.975), 6, 18))), 0.02)
})

test_that("a transform may be that of a whole vector", {
  fit <- advi(function(theta) sum(stats::dgamma(theta, 30, 5, log = TRUE)),
              c(s = c(1, 2, 3)), function(theta) 29 / theta - 5, transform = list(s = "positive"))
  expect_equal(unname(coef(fit)), rep(6, 3), tolerance = 0.01)
  expect_identical(names(fit$mean), sprintf("log(s%d)", 1:3))
})
