three_crossed <- function() {
  set.seed(11)
  n <- 900
  d <- data.frame(g = factor(sample(120, n, TRUE)), h = factor(sample(70, n, TRUE)), x = rnorm(n))
  d$k <- factor((as.integer(d$h) * 7 + sample(3, n, TRUE)) %% 40)   # seen with few levels of h
  eta <- 0.3 * d$x + 0.5 * rnorm(120)[d$g] + 0.4 * rnorm(70)[d$h] + 0.3 * rnorm(40)[d$k]
  d$y <- eta + rnorm(n)
  d$count <- rpois(n, exp(eta))
  d
}

test_that("a sparse factor gives the posterior that a dense one gives", {
  d <- three_crossed()
  by <- function(solver, formula, family) {
    fit <- vb(formula, d, family = family, control = vb_control(solver = solver))
    expect_identical(fit$engine$solver, solver)
    fit
  }
  for (case in list(list(y ~ x + (1 | g) + (1 | h) + (1 | k), gaussian()),
                    list(count ~ x + (1 | g) + (1 + x | h) + (1 | k), poisson()))) {
    sparse <- by("sparse", case[[1L]], case[[2L]])
    dense <- by("dense", case[[1L]], case[[2L]])
    expect_equal(sparse$log_evidence, dense$log_evidence, tolerance = 1e-8)
    # how many nodes fill the mixture goes by what a factor costs
    n <- min(n_solved(sparse$engine), n_solved(dense$engine))
    for (what in c("hyper", "mean", "var")) {
      expect_equal(sparse$engine$node[[what]][, seq_len(n)],
                   dense$engine$node[[what]][, seq_len(n)], tolerance = 1e-6)
    }
    expect_equal(posterior_summary(sparse), posterior_summary(dense), tolerance = 3e-3)
  }
})

test_that("where sweeps are stopped by a bound nothing is left that matters", {
  d <- three_crossed()
  fit <- vb(count ~ x + (1 + x | g) + (1 | h), d, family = poisson())
  exact <- vb(count ~ x + (1 + x | g) + (1 | h), d, family = poisson(),
              control = vb_control(tol = 1e-10))
  ours <- posterior_summary(fit)
  theirs <- posterior_summary(exact)
  expect_lt(max(abs(ours[, "Estimate"] - theirs[, "Estimate"]) / theirs[, "Est.Error"]), 0.02)
  expect_equal(ours[, "Est.Error"], theirs[, "Est.Error"], tolerance = 0.01)
  expect_lt(abs(fit$elbo - exact$elbo), 0.02)   # nodes are laid a little elsewhere
})

# With two columns the remainders are integrated as one polynomial of the level, with three cell by
# cell, as series or tables.
test_that("a third column that does nothing leaves residual quadrature as it is", {
  set.seed(3)
  d <- data.frame(g = gl(60, 8), a = rnorm(480), none = 1e-6 * rnorm(480))
  eta <- rnorm(60)[d$g] + 0.6 * rnorm(60)[d$g] * d$a
  d$y <- cut(eta + rnorm(480), c(-Inf, -1, 0.5, Inf), labels = FALSE)
  d$seldom <- rbinom(480, 1, plogis(eta - 3))
  size <- function(formula, family) {
    vb(formula, d, family = family, prior_sd = constant(0.7), prior_cor = lkj(1e4))$engine$rq$size
  }
  for (case in list(list("y", cumulative("probit")), list("seldom", binomial()))) {
    of <- function(columns) {
      size(reformulate(c("a", sprintf("(%s | g)", columns)), case[[1L]]), case[[2L]])
    }
    two <- of("1 + a")
    expect_gt(two, 0.02)
    expect_equal(of("1 + a + none"), two, tolerance = 0.03)
  }
})
