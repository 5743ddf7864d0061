# Coefficients whose posterior is half a Gaussian or heavier on one side, against sums over grids

few <- data.frame(x = rep(0:1, c(196, 4)), y = c(rep(0:1, 98), 1, 1, 1, 1))
log_links <- list(
  logit = function(eta, y) plogis(if (y) eta else -eta, log.p = TRUE),
  probit = function(eta, y) pnorm(if (y) eta else -eta, log.p = TRUE),
  cloglog = function(eta, y) if (y) log(-expm1(-exp(pmin(eta, 30)))) else -exp(pmin(eta, 600))
)
log_intercept <- function(b, x, at = 0, scale = 2.5) {
  dt((b$b0 + mean(x) * b$b1 - at) / scale, 3, log = TRUE)
}
log_slope <- function(b, x) dnorm(b$b1, 0, 2.5 / sd(x), log = TRUE)

test_that("separated binary responses have the half-normal that the prior leaves", {
  for (link in names(log_links)) {
    density <- log_links[[link]]
    exact <- grid_posterior(
      list(b0 = even_grid(-1.4, 1, 121), b1 = wide_grid(1.5, 1.5, -3, 5, 801)),
      function(b) {
        log_intercept(b, few$x) + log_slope(b, few$x) + 98 * density(b$b0, 1) +
          98 * density(b$b0, 0) + 4 * density(b$b0 + b$b1, 1)
      }
    )
    fit <- vb(y ~ x, few, family = binomial(link))
    expect_true(fit$converged)
    slope <- grid_moments(exact$b1, exact$weight)
    expect_in_bars(summary_of(fit, "b_x"), slope, link)
    expect_in_bars(summary_of(fit, "b_Intercept"), grid_moments(exact$b0, exact$weight), link)
    at_one <- predict(fit, data.frame(x = 1), interval = "credible", level = 0.9)
    eta <- grid_moments(exact$b0 + exact$b1, exact$weight)
    expect_lt(max(abs(unlist(at_one) - eta[-2])), 0.08 * eta[2])
    set.seed(1)
    draws <- as.matrix(fit, ndraws = 8000)
    expect_in_bars(moments_of_draws(draws[, "b_x"]), slope, paste(link, "draws"), 3 / sqrt(8000))
  }
})

test_that("expected responses and rows left out are right where the data separate", {
  skip_if_not_installed("loo")
  exact <- grid_posterior(
    list(b0 = even_grid(-1, 1, 101), b1 = wide_grid(1.5, 1.5, -3, 5, 801)),
    function(b) {
      log_intercept(b, few$x) + log_slope(b, few$x) + 98 * plogis(b$b0, log.p = TRUE) +
        98 * plogis(-b$b0, log.p = TRUE) + 4 * plogis(b$b0 + b$b1, log.p = TRUE)
    }
  )
  fit <- vb(y ~ x, few, family = binomial())
  eta <- exact$b0 + exact$b1
  at_one <- predict(fit, data.frame(x = 1), type = "response", interval = "credible", level = 0.95)
  order <- order(eta)
  lower <- eta[order][which(cumsum(exact$weight[order]) >= 0.025)[1]]
  expect_equal(at_one[[1]], sum(exact$weight * plogis(eta)), tolerance = 0.002)
  expect_equal(at_one[[2]], plogis(lower), tolerance = 0.01)
  expect_equal(confint(fit)["x", ], c(1.77, 39.9), tolerance = 0.02, ignore_attr = TRUE)
  left_out <- function(eta) -log(sum(exact$weight / plogis(eta)))
  want <- c(left_out(exact$b0), left_out(eta))
  by_cavity <- loo::loo(fit, method = "cavity")$pointwise[c(2, 200), "elpd_loo"]
  expect_equal(by_cavity, want, tolerance = 0.01, ignore_attr = TRUE)
  set.seed(1)
  by_weights <- suppressWarnings(loo::loo(fit))    # older versions of loo warn from k = 0.5 on
  expect_equal(by_weights$pointwise[c(2, 200), "elpd_loo"], want, tolerance = 0.02,
               ignore_attr = TRUE)
})

test_that("one response only has the intercept's prior above it", {
  grid <- wide_grid(3, 1.5, -4, 11, 20001)
  weight <- grid$w * plogis(grid$x)^40 * dt(grid$x / 2.5, 3)
  fit <- vb(y ~ 1, data.frame(y = rep(1, 40)), family = binomial())
  expect_in_bars(summary_of(fit, "b_Intercept"), grid_moments(grid$x, weight))
  expect_in_bars(summary_of(fit, "b_Intercept"), c(6.83, 5.06, 3.11, 14.3))
  set.seed(1)
  draws <- as.matrix(fit, ndraws = 8000)[, "b_Intercept"]
  expect_equal(unname(quantile(draws, c(0.05, 0.5, 0.95))), c(3.11, 5.61, 14.27), tolerance = 0.05)
})

test_that("priors of any tail hold a separated coefficient", {
  for (df in c(1, 3)) {
    exact <- grid_posterior(
      list(b0 = even_grid(-0.8, 0.8, 81),
           b1 = wide_grid(1.5, 1.5, -3, if (df == 1) 14 else 8, 1201)),
      function(b) {
        log_intercept(b, few$x) + dt(b$b1 / 10, df, log = TRUE) + 98 * plogis(b$b0, log.p = TRUE) +
          98 * plogis(-b$b0, log.p = TRUE) + 4 * plogis(b$b0 + b$b1, log.p = TRUE)
      }
    )
    fit <- vb(y ~ x, few, family = binomial(), prior = student_t(df, 0, 10))
    want <- grid_moments(exact$b1, exact$weight)
    found <- summary_of(fit, "b_x")
    if (df == 1) found[1:2] <- want[1:2]    # there are none
    expect_in_bars(found, want, df)
  }
})

test_that("counts that are all zero", {
  counts <- data.frame(x = rep(0:1, c(60, 6)), y = c(rep(0:3, 15), rep(0, 6)))
  log_p <- function(b, density) {
    value <- log_intercept(b, counts$x) + log_slope(b, counts$x) + 6 * density(0, b$b0 + b$b1)
    for (k in 0:3) value <- value + 15 * density(k, b$b0)
    value
  }
  axes <- list(b0 = even_grid(-0.8, 1.4, 61), b1 = wide_grid(-1.5, 1.5, -4.5, 2.5, 401))
  exact <- grid_posterior(axes, function(b) log_p(b, function(y, eta) y * eta - exp(eta)))
  fit <- vb(y ~ x, counts, family = poisson())
  expect_in_bars(summary_of(fit, "b_x"), grid_moments(exact$b1, exact$weight))
  expect_equal(predict(fit, data.frame(x = 1), type = "response"),
               sum(exact$weight * exp(exact$b0 + exact$b1)), tolerance = 0.05, ignore_attr = TRUE)
  axes$log_shape <- even_grid(-2, 6, 61)
  exact <- grid_posterior(axes, function(b) {
    shape <- exp(b$log_shape)
    log_p(b, function(y, eta) dnbinom(y, shape, mu = exp(eta), log = TRUE)) - shape + b$log_shape
  })
  fit <- vb(y ~ x, counts, family = negbinomial())
  expect_in_bars(summary_of(fit, "b_x"), grid_moments(exact$b1, exact$weight))
  expect_equal(summary_of(fit, "shape")[1:2],
               grid_moments(exp(exact$log_shape), exact$weight)[1:2], tolerance = 0.03,
               ignore_attr = TRUE)
})

test_that("a separated column beside a random effect", {
  skip_on_cran()                     # some seconds
  set.seed(2)
  rows <- data.frame(g = gl(20, 50), x = rep(c(rep(0, 99), 1), 10))
  rows$y <- rpois(1000, exp(0.4 + rnorm(20, 0, 0.3)[rows$g]))
  rows$y[rows$x == 1] <- 0
  fit <- vb(y ~ x + (1 | g), rows, family = poisson())
  # by a sum over 41 x 41 x 201 points of intercept, sd and slope, each group's effect by quadrature
  expect_in_bars(summary_of(fit, "b_x"), c(-22.16, 14.61, -50.45, -4.50))
  expect_in_bars(summary_of(fit, "b_Intercept"), c(0.4600, 0.0788, 0.3287, 0.5887))
  expect_in_bars(summary_of(fit, "sd_g__Intercept"), c(0.3270, 0.0658, 0.2339, 0.4477))
  expect_lt(max(fitted(fit)[rows$x == 1]), 0.0055)
  expect_gt(min(fitted(fit)[rows$x == 1]), 0.002)
  expect_equal(confint(fit)["x", ], c(-57.4, -3.57), tolerance = 0.03, ignore_attr = TRUE)
})

test_that("several empty cells", {
  set.seed(3)
  cells <- data.frame(f = gl(6, 12))
  cells$y <- rbinom(72, 1, 0.4)
  cells$y[cells$f == 2] <- 0
  cells$y[cells$f == 5] <- 1
  fit <- vb(y ~ 0 + f, cells, family = binomial())
  expect_true(fit$converged)
  expect_identical(ncol(fit$engine$pin$a), 2L)
  for (k in 1:6) {
    y <- cells$y[cells$f == k]
    grid <- wide_grid(0, 1.5, -4, 4, 2001)
    weight <- grid$w * exp(sum(y) * plogis(grid$x, log.p = TRUE) +
                             sum(1 - y) * plogis(-grid$x, log.p = TRUE) +
                             dnorm(grid$x, 0, 2.5 / sd(cells$f == k), log = TRUE))
    expect_in_bars(summary_of(fit, k), grid_moments(grid$x, weight), paste("level", k))
  }
})

test_that("more flat sides than can be followed are told", {
  cells <- data.frame(f = gl(10, 12), y = 0)
  cells$y[cells$f == 1] <- rep(0:1, 6)
  expect_warning(fit <- vb(y ~ 0 + f, cells, family = binomial()), "flat on one side",
                 class = "vb_warning_flat")
  expect_false(fit$converged)
  expect_identical(fit$stopped, "flat sides")
  expect_output(print(fit), "Not converged")
})

test_that("where nothing is flat there is no pin", {
  expect_null(vb(am ~ wt, mtcars, family = binomial(), prior = normal(0, 2))$engine$pin)
  expect_null(vb(y ~ x, data.frame(x = 1:40, y = rep(0:1, 20)), family = binomial())$engine$pin)
  expect_null(vb(dist ~ speed, cars)$engine$pin)
})

test_that("a fit with pins is plain data: saved, read and looked through", {
  fit <- vb(y ~ x, few, family = binomial())
  file <- tempfile()
  saveRDS(fit, file)
  expect_identical(predict(readRDS(file)), predict(fit))
  expect_identical(dim(fit$engine$node$spread), c(1L, length(fit$engine$node$weight)))
  expect_identical(nrow(fit$hyper), 0L)
  expect_identical(colnames(as.matrix(fit, ndraws = 2)), c("b_Intercept", "b_x"))
  fit$engine$pin$origin <- NULL
  expect_error(predict(fit), class = "vb_error_fit")
})
