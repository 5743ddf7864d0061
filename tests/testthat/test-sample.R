test_that("a sample is what as.matrix() reports, block by block", {
  fit <- fit_of("slope")
  set.seed(4)
  sample <- posterior_sample(fit, 300L)
  set.seed(4)
  draws <- as.matrix(fit, ndraws = 300)
  expect_identical(dim(sample$coef), c(38L, 300L))
  expect_equal(t(sample$coef[1:2, ]), draws[, 1:2], ignore_attr = TRUE)
  expect_identical(sample$hyper[match("sigma", fit$hyper$name), ], unname(draws[, "sigma"]))
  expect_identical(length(draw_blocks(10L, 1e6)), 3L)
  expect_identical(unlist(draw_blocks(10L, 1e6), use.names = FALSE), 1:10)
})

test_that("linear predictors are X b + Z u of the same draw", {
  fit <- fit_of("slope")
  set.seed(4)
  eta <- posterior_linpred(fit, ndraws = 50)
  set.seed(4)
  sample <- posterior_sample(fit, 50L)
  z <- model.matrix(fit, type = "random")
  by_hand <- model.matrix(fit) %*% sample$coef[1:2, ] + as.matrix(z %*% sample$coef[-(1:2), ])
  expect_equal(unname(t(eta)), unname(by_hand), tolerance = 1e-12)
})

test_that("Cholesky factors of correlations, draws side by side, are chol()'s", {
  table <- data.frame(i = c(2, 3, 3), j = c(1, 1, 2))
  hyper <- cbind(c(0.5, -0.3, 0.2), c(-0.8, 0.1, 0.3))
  factor <- correlation_factors(table, 1:3, 3L, hyper)
  for (s in 1:2) {
    cor <- diag(3)
    cor[cbind(table$i, table$j)] <- cor[cbind(table$j, table$i)] <- hyper[, s]
    l <- t(chol(cor))
    mine <- matrix(0, 3, 3)
    for (a in 1:3) for (b in seq_len(a)) mine[a, b] <- rep_len(factor[[a]][[b]], 2)[s]
    expect_equal(mine, l, tolerance = 1e-12)
  }
  alone <- correlation_factors(table, integer(), 2L, hyper)
  expect_identical(alone[[2]][[1]], c(0, 0))
})

test_that("new levels have the fitted covariance, share a draw among rows, not with others", {
  fit <- fit_of("slope")
  new <- data.frame(Days = c(0, 4, 0), Subject = c("a", "a", "b"))
  set.seed(2)
  eta <- posterior_linpred(fit, newdata = new, ndraws = 20000, allow_new_levels = TRUE)
  exact <- predict(fit, new, se.fit = TRUE, allow.new.levels = TRUE)
  # few subjects: the tail of the sds is long, and so is that of their squares
  expect_lt(max(abs(apply(eta, 2, sd) / exact$se.fit - 1)), 0.05)
  expect_lt(max(abs(colMeans(eta) - exact$fit) / exact$se.fit), 5 / sqrt(20000) + 0.01)
  set.seed(2)
  sample <- posterior_sample(fit, 20000L)
  hyper <- stats::setNames(split(sample$hyper, row(sample$hyper)), fit$hyper$name)
  sd <- hyper[c("sd_Subject__Intercept", "sd_Subject__Days")]
  within <- mean(sd[[1]]^2 + 4 * hyper[["cor_Subject__Intercept__Days"]] * sd[[1]] * sd[[2]])
  fixed <- rbind(c(1, 0), c(1, 4)) %*% stats::cov(t(sample$coef[1:2, ])) %*%
    t(rbind(c(1, 0), c(1, 4)))
  expect_equal(stats::cov(eta[, 1], eta[, 2]), within + fixed[1, 2], tolerance = 0.05)
  expect_equal(stats::cov(eta[, 1], eta[, 3]), fixed[1, 1], tolerance = 0.3)
  set.seed(3)
  seen <- posterior_linpred(fit, newdata = new, ndraws = 20000, allow_new_levels = TRUE,
                            sample_new_levels = "uncertainty")
  u <- ranef(fit)$Subject[["(Intercept)"]]
  expect_equal(mean(seen[, 1]), unname(fixef(fit)[1] + mean(u)), tolerance = 0.01)
})
