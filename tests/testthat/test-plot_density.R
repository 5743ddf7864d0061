curves <- function(...) {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  out <- plot(...)
  split(out, out$variable)
}

area <- function(curve, y = curve$density) {
  sum(diff(curve$x) * (y[-1L] + y[-length(y)]) / 2)
}

# the distribution function that belongs to a drawn density
below <- function(curve, x) {
  step <- diff(curve$x) * (curve$density[-1L] + curve$density[-nrow(curve)]) / 2
  approx(curve$x, c(0, cumsum(step)), x)$y
}

test_that("densities have no random numbers and an area of one", {
  for (case in all_cases) {
    set.seed(1)
    first <- curves(fit_of(case), type = "density")
    state <- .Random.seed
    set.seed(2)
    expect_identical(curves(fit_of(case), type = "density"), first)
    set.seed(1)
    expect_identical(.Random.seed, state)
    for (curve in first[vapply(first, nrow, 0L) > 1L]) {
      expect_lt(abs(area(curve) - 1), 0.01)
      expect_true(all(curve$density >= 0), info = case)
    }
  }
})

test_that("a coefficient's density is the slope of its distribution function", {
  p <- c(0.05, 0.2, 0.5, 0.9)
  h <- 1e-4
  for (case in c("line", "binomial", "poisson", "nested")) {
    fit <- fit_of(case)
    table <- parameter_table(fit)
    table <- utils::head(table[table$class %in% c("b", "r"), ], 3L)
    density <- posterior_densities(fit, table)
    quantile <- function(p) posterior_summary(fit, probs = p, variable = table$name)[, -(1:2)]
    slope <- 2 * h / (quantile(p + h) - quantile(p - h))
    at <- quantile(p)
    for (k in seq_len(nrow(table))) {
      got <- density[[k]]$at(unname(at[k, ]))
      expect_equal(got, unname(slope[k, ]), tolerance = 1e-4, info = case)
    }
  }
})

test_that("skewed densities have the moments that they are made for", {
  for (skew in c(-1.2, -0.3, 0, 5e-5, 0.7)) {
    moment <- function(k) integrate(function(y) y^k * skewed_density(y, skew), -60, 60,
                                    rel.tol = 1e-9, subdivisions = 2000L)$value
    expect_equal(moment(0), 1, tolerance = 1e-6)
    expect_equal(moment(1), 0, tolerance = 1e-6)
    expect_equal(moment(2), 1, tolerance = 1e-5)
    expect_lt(abs(moment(3) - skew), 1e-3)
  }
})

test_that("densities are those of the conjugate posterior", {
  fit <- vb(dist ~ speed, cars, prior = NULL, prior_intercept = NULL, prior_aux = NULL)
  got <- curves(fit, type = "density")
  ols <- lm(dist ~ speed, cars)
  df <- 47                                    # one fewer: flat in sigma, not in log(sigma)
  s <- sqrt(deviance(ols) / df)
  scale <- sqrt(vcov(ols)[2L, 2L]) / sigma(ols) * s
  exact <- dt((got$b_speed$x - coef(ols)[[2L]]) / scale, df) / scale
  expect_lt(max(abs(got$b_speed$density - exact)) / max(exact), 0.005)
  x <- got$sigma$x
  log_density <- -(df + 1) * log(x) - df * s^2 / (2 * x^2)
  exact <- exp(log_density - max(log_density))
  exact <- exact / area(got$sigma, exact)
  expect_lt(max(abs(got$sigma$density - exact)) / max(exact), 0.04)
})

test_that("densities of hyperparameters agree with their quantiles, also at the edge", {
  p <- c(0.05, 0.25, 0.5, 0.75, 0.95)
  for (case in c("slope", "apart", "nested", "student")) {
    fit <- fit_of(case)
    for (curve in curves(fit, type = "density", variable = as.character(fit$hyper$name))) {
      if (nrow(curve) == 1L) next
      q <- posterior_summary(fit, probs = p, variable = curve$variable[1L])[, -(1:2)]
      expect_lt(max(abs(below(curve, q) - p)), 0.02)
    }
  }
  # uniform points: nothing is lost at zero
  edge <- point_density((seq_len(2000) - 0.5) / 2000, rep(1, 2000), c(0, Inf))
  expect_equal(edge$at(c(0, 0.1, 0.5)), c(1, 1, 1), tolerance = 1e-3)
  expect_identical(edge$at(-0.01), 0)
})

test_that("a parameter held at a value has all its mass there", {
  got <- curves(fit_of("known"), type = "density")$sigma
  expect_identical(got$x, 15)
  expect_identical(got$density, Inf)
})

test_that("a horseshoe's densities have a peak at zero and the quantiles of the summary", {
  set.seed(3)
  data <- data.frame(matrix(rnorm(60 * 4), 60))
  data$y <- data$X1 + rnorm(60)
  fit <- vb(y ~ ., data, prior = horseshoe())
  got <- curves(fit, type = "density", variable = c("b_X2", "b_X1"))
  expect_lt(abs(got$b_X2$x[which.max(got$b_X2$density)]), 0.02)
  q <- posterior_summary(fit, probs = c(0.1, 0.5, 0.9), variable = "b_X1")[, -(1:2)]
  expect_lt(max(abs(below(got$b_X1, q) - c(0.1, 0.5, 0.9))), 0.01)
})

test_that("thresholds are drawn where the columns are zero", {
  fit <- vb(tension ~ breaks, transform(warpbreaks, tension = factor(tension, ordered = TRUE)),
            family = cumulative())
  got <- curves(fit, type = "density", variable = "b_Intercept")
  q <- posterior_summary(fit, probs = 0.5, variable = "b_Intercept")[, 3L]
  for (name in names(got)) expect_lt(abs(below(got[[name]], q[[name]]) - 0.5), 0.01)
})

test_that("densities of a fit by advi() are those of its transformed normals", {
  density <- function(theta) {
    dnorm(theta[["a"]], 1, 2, log = TRUE) + dexp(theta[["s"]], log = TRUE) +
      dbeta(theta[["p"]], 2, 3, log = TRUE)
  }
  fit <- advi(density, c(a = 0, s = 1, p = 0.5), lower = c(s = 0, p = 0), upper = c(p = 1))
  got <- curves(fit, type = "density")
  expect_true(all(fit$margin$weighted))
  expect_lt(max(abs(got$s$density - dexp(got$s$x))[got$s$x > 0.1]), 0.04)
  expect_lt(max(abs(got$p$density - dbeta(got$p$x, 2, 3))), 0.1)
  fit$margin$weighted[] <- FALSE
  got <- curves(fit, type = "density")
  law <- posterior_summary(fit, c(0.3, 0.8), "s", "approximation")[, 3:4]
  expect_lt(max(abs(c(below(got$s, law[1L]), below(got$s, law[2L])) - c(0.3, 0.8))), 0.01)
  fit$margin$law_at[] <- NA
  got <- curves(fit, type = "density")
  expect_equal(got$s$density, dlnorm(got$s$x, fit$mean[[2L]], fit$sd[[2L]]))
  expect_equal(got$a$density, dnorm(got$a$x, fit$mean[[1L]], fit$sd[[1L]]))
  q <- posterior_summary(fit, probs = 0.3, variable = "p", method = "approximation")[, 3L]
  expect_lt(abs(below(got$p, q) - 0.3), 0.005)
})

test_that("a posterior too narrow for a curve is drawn as held, one that is not finite is named", {
  narrow <- fit_of("line")
  at <- 0.25 + c(0, 2, 4) * .Machine$double.eps
  expect_identical(point_density(at, rep(1, 3), c(-Inf, Inf))$held, at[1L])
  expect_lt(abs(resolved(list(range = range(at)), "b")$held - 0.25), 1e-12)
  narrow$engine$node$fixed_cov[] <- 1e-40
  narrow$engine$node$fixed_mean[] <- unname(fixef(narrow))
  got <- curves(narrow, type = "density", variable = "b_speed")[["b_speed"]]
  expect_identical(got$density, Inf)
  expect_equal(got$x, unname(fixef(narrow)["speed"]))
  narrow$engine$node$fixed_cov[] <- Inf
  expect_error(curves(narrow, type = "density", variable = "b_speed"), class = "vb_error_fit")
  expect_error(resolved(point_density(c(1, Inf, 2), rep(1, 3), c(-Inf, Inf)), "b_{x}"), "b_{x}",
               fixed = TRUE, class = "vb_error_fit")
})
