# What MakeADFun() returns, by hand: a random intercept model y_ij = mu + b_j + e_ij with known
# variances, whose joint and marginal densities are Gaussian, so that Laplace is exact.
hand_made <- function(random = TRUE) {
  set.seed(1)
  group <- rep(1:4, each = 5)
  y <- stats::rnorm(20, 1 + c(-1, 0, 1, 2)[group])
  joint <- function(u) sum((y - u[1] - u[1 + group])^2) / 2 + sum(u[-1]^2) / 2
  slope <- function(u) {
    off <- y - u[1] - u[1 + group]
    c(-sum(off), u[-1] - vapply(1:4, function(j) sum(off[group == j]), 0))
  }
  env <- new.env()
  env$last.par <- env$last.par.best <- env$par <- c(mu = 0, b = 0, b = 0, b = 0, b = 0)
  env$random <- if (random) 2:5
  env$tracemgc <- TRUE
  env$f <- function(theta, order = 0) {
    env$last.par <- theta
    if (order == 0) joint(theta) else matrix(slope(theta), 1)
  }
  env$lfixed <- function() !seq_along(env$par) %in% env$random
  modes <- function(mu) vapply(1:4, function(j) sum((y - mu)[group == j]) / 6, 0)
  fn <- function(x) {
    u <- c(x, modes(x))
    env$last.par[] <- u
    env$last.par.best[] <- u
    joint(u)
  }
  gr <- function(x) matrix(slope(c(x, modes(x)))[1], 1)
  if (!random) {
    fn <- function(x) joint(x)
    gr <- function(x) matrix(slope(x), 1)
  }
  list(par = env$par[env$lfixed()], fn = fn, gr = gr, env = env, y = y, group = group)
}

# posterior of (mu, b) under a flat prior on mu
exact_intercepts <- function(object) {
  x <- cbind(1, outer(object$group, 1:4, "==") * 1)
  precision <- crossprod(x) + diag(c(0, 1, 1, 1, 1))
  cov <- solve(precision)
  list(mean = drop(cov %*% crossprod(x, object$y)), cov = cov)
}

test_that("objects of TMB have the sign, the names and the random effects of TMB", {
  object <- hand_made()
  exact <- exact_intercepts(object)
  fit <- advi(object)
  expect_identical(fit$kind, "TMB object")
  expect_identical(names(coef(fit)), c("mu", "b[1]", "b[2]", "b[3]", "b[4]"))
  expect_equal(unname(coef(fit)), exact$mean, tolerance = 1e-7)
  expect_equal(unname(vcov(fit)), exact$cov, tolerance = 1e-7)
  marginal <- advi(object, joint = FALSE)
  expect_identical(names(coef(marginal)), "mu")
  expect_equal(unname(coef(marginal)), exact$mean[1], tolerance = 1e-7)
  expect_equal(unname(vcov(marginal)[1, 1]), exact$cov[1, 1], tolerance = 1e-7)
  expect_equal(unname(coef(advi(hand_made(FALSE)))), exact$mean, tolerance = 1e-7)
})

test_that("the object is left as it was", {
  for (joint in c(TRUE, FALSE)) {
    object <- hand_made()
    object$fn(0.5)
    before <- as.list(object$env)
    advi(object, joint = joint)
    expect_identical(as.list(object$env)[names(before)], before)
  }
})

test_that("what does not fit is named", {
  object <- hand_made()
  expect_error(advi(object, init = 0), "joint", class = "vb_error_init")
  expect_error(advi(object, gradient = identity), class = "vb_error_gradient")
  expect_error(advi(object, joint = 1), class = "vb_error_joint")
  expect_error(advi(object, sing = -1), class = "vb_error_dots")
  expect_error(advi(object, noise = "fresh", control = vb_control(batch = 5)),
               class = "vb_error_batch")
  fit <- advi(object, lower = c(mu = -10), joint = FALSE)
  expect_identical(fit$margin$link, "exp")
})

test_that("models of RTMB are fitted", {
  skip_if_not_installed("RTMB")
  data <- list(y = cars$dist, x = cars$speed)
  f <- function(par) {
    getAll <- RTMB::getAll
    getAll(par)
    -sum(RTMB::dnorm(data$y, a + b * data$x, exp(log_sigma), log = TRUE))
  }
  object <- RTMB::MakeADFun(f, list(a = 0, b = 0, log_sigma = 3), silent = TRUE)
  fit <- advi(object)
  expect_true(fit$converged)
  exact <- stats::lm(dist ~ speed, cars)
  expect_identical(names(coef(fit)), c("a", "b", "log_sigma"))
  expect_equal(unname(coef(fit)[1:2]), unname(stats::coef(exact)), tolerance = 1e-3)
  # flat in log(sigma): a t with 48 degrees of freedom
  expect_equal(unname(sqrt(diag(vcov(fit)))[1:2]),
               unname(sqrt(diag(stats::vcov(exact)) * 48 / 46)), tolerance = 0.01)
})

test_that("fits of glmmTMB have its names, and agree with it", {
  suppressWarnings(skip_if_not_installed("glmmTMB"))        # built under another TMB
  fit <- suppressWarnings(glmmTMB::glmmTMB(
    cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, family = stats::binomial()))
  before <- fit$obj$env$last.par.best
  got <- advi(fit)
  expect_identical(fit$obj$env$last.par.best, before)
  expect_identical(got$kind, "glmmTMB fit")
  names <- rownames(stats::vcov(fit, full = TRUE))
  expect_true(all(names %in% names(coef(got))))
  expect_identical(sum(grepl("^r_herd\\[.*,Intercept\\]$", names(coef(got)))), nlevels(cbpp$herd))
  fixed <- glmmTMB::fixef(fit)$cond
  sd <- sqrt(diag(stats::vcov(fit)$cond))
  expect_lt(max(abs(coef(got)[names(fixed)] - fixed) / sd), 0.3)
  expect_lt(max(abs(sqrt(diag(vcov(got))[names(fixed)]) / sd - 1)), 0.25)
  marginal <- advi(fit, joint = FALSE)
  expect_setequal(names(coef(marginal)), unname(names))
})
