target <- gaussian_target(3)
fit <- advi(target$log_density, target$init, target$gradient, control = vb_control(draws = 500))

test_that("draws are those that the fit keeps, with their log densities", {
  skip_if_not_installed("posterior")
  draws <- posterior::as_draws(fit)
  expect_s3_class(draws, "draws_matrix")
  expect_identical(posterior::variables(draws), c("x1", "x2", "x3", "lp__", "lp_approx__"))
  expect_identical(posterior::variables(fit), posterior::variables(draws))
  expect_identical(posterior::nvariables(fit), 5L)
  expect_identical(posterior::ndraws(fit), 500L)
  expect_equal(unclass(draws)[, 1:3], fit$draws, ignore_attr = TRUE)
  expect_equal(as.vector(draws[, "lp__"]), fit$lp)
  expect_equal(as.vector(draws[, "lp_approx__"]), fit$lp_approx)
  for (format in c("df", "matrix", "array", "list", "rvars")) {
    got <- getExportedValue("posterior", paste0("as_draws_", format))(fit, ndraws = 20,
                                                                      variable = c("x2", "lp__"))
    expect_s3_class(got, paste0("draws_", format))
    expect_identical(posterior::ndraws(got), 20L, info = format)
    expect_identical(posterior::variables(got), c("x2", "lp__"), info = format)
  }
  expect_error(posterior::as_draws(fit, ndraws = 501), class = "vb_error_ndraws")
  expect_error(posterior::as_draws(fit, variable = "y"), class = "vb_error_variable")
  table <- posterior::summarise_draws(fit, "mean")
  expect_identical(table$variable, posterior::variables(fit))
})

test_that("loo corrects for the approximation", {
  skip_if_not_installed("loo")
  y <- cars$dist
  x <- cars$speed
  log_lik <- function(theta) stats::dnorm(y, theta[["a"]] + theta[["b"]] * x, 15, log = TRUE)
  slope <- function(theta) {
    off <- (y - theta[["a"]] - theta[["b"]] * x) / 225
    c(sum(off), sum(off * x))
  }
  fit <- advi(function(theta) sum(log_lik(theta)), c(a = 0, b = 0), slope)
  got <- suppressWarnings(loo::loo(fit, log_lik))
  expect_s3_class(got, "loo")
  matrix <- t(apply(fit$draws, 1, log_lik))
  expect_equal(suppressWarnings(loo::loo(fit, matrix))$estimates, got$estimates)
  # exact: the predictive density of each observation given the others, all Gaussian
  design <- cbind(1, x)
  exact <- sum(vapply(seq_along(y), function(i) {
    cov <- solve(crossprod(design[-i, ]) / 225)
    mean <- cov %*% crossprod(design[-i, ], y[-i]) / 225
    stats::dnorm(y[i], sum(design[i, ] * mean),
                 sqrt(225 + drop(design[i, ] %*% cov %*% design[i, ])), log = TRUE)
  }, 0))
  expect_lt(abs(got$estimates["elpd_loo", "Estimate"] - exact), 0.5)
  expect_error(loo::loo(fit), class = "vb_error_log_lik")
  expect_error(loo::loo(fit, matrix[1:10, ]), class = "vb_error_log_lik")
})
