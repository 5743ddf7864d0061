test_that("nested levels are named outer:inner, in order, without those that do not occur", {
  design <- model_of(y ~ (1 | a / b), toy, subset = a != "v" | b == 2)$design
  expect_identical(vapply(design$random, function(t) t$group, ""), c("a", "a:b"))
  expect_identical(design$random[[1]]$levels, c("u", "v", "w"))
  expect_identical(design$random[[2]]$levels, c(paste0("u:", 1:6), "v:2", paste0("w:", 1:6)))
})

test_that("groups may be text, numbers, logical, factors with unused levels, or expressions", {
  data <- transform(toy, number = rep(c(10, 9, 2), 20), truth = x > 0,
                    wide = factor(text, levels = c("r", "none", "q", "p")))
  levels_of <- function(f) model_of(f, data)$design$random[[1]]$levels
  expect_identical(levels_of(y ~ (1 | text)), c("p", "q", "r"))
  expect_identical(levels_of(y ~ (1 | number)), c("2", "9", "10"))
  expect_identical(levels_of(y ~ (1 | truth)), c("FALSE", "TRUE"))
  expect_identical(levels_of(y ~ (1 | wide)), c("r", "q", "p"))
  expect_identical(levels_of(y ~ (1 | factor(number))), c("2", "9", "10"))
  expect_identical(levels_of(y ~ (1 | paste0(text, truth)))[1], "pFALSE")
  model <- model_of(y ~ (1 | wide), data)
  expect_identical(model$design$random[[1]]$levels[model$spec$terms[[1]]$group], data$text)
})

# ---- columns far from zero -----------------------------------------------------------------------

far_data <- function(family = stats::gaussian()) {
  set.seed(4)
  d <- data.frame(g = gl(12, 15), near = rep(stats::rnorm(15), 12), x = rep(-7:7, 12))
  u <- matrix(stats::rnorm(36), 12) %*% diag(c(0.6, 0.1, 0.3))
  eta <- 1 + 0.05 * d$x + rowSums(cbind(1, d$x, d$near) * u[d$g, ])
  d$y <- if (family$family == "poisson") stats::rpois(180, exp(eta)) else eta + stats::rnorm(180)
  transform(d, year = x + 2000)
}
# coefficients at year = 0 from those of x = year - 2000
to_zero <- function(u) {
  u[[1L]] <- u[[1L]] - 2000 * u[["year"]]
  u
}

covariance_of <- function(h) {
  r <- diag(3)
  r[rbind(c(1, 2), c(1, 3), c(2, 3))] <- h[4:6]
  r[lower.tri(r)] <- t(r)[lower.tri(r)]
  r * outer(h[1:3], h[1:3])
}
uncentred <- function(sigma, at) {
  back <- diag(3)
  back[1, 2] <- -at
  back %*% sigma %*% t(back)
}

test_that("where a term's columns are does not matter to what is not said at zero", {
  for (family in list(stats::gaussian(), stats::poisson())) {
    data <- far_data(family)
    at_mean <- vb(y ~ x + (x + near | g), data, family = family)
    expect_message(fit <- vb(y ~ year + (year + near | g), data, family = family),
                   "g: year at 2000", class = "vb_message_centred")
    expect_equal(fit$elbo, at_mean$elbo, tolerance = 1e-6)
    expect_true(fit$converged)
    expect_equal(predict(fit, se.fit = TRUE), predict(at_mean, se.fit = TRUE), tolerance = 1e-4)
    new <- data.frame(g = c("1", "13"), near = 1, x = c(9, -9), year = c(2009, 1991))
    expect_equal(predict(fit, new, interval = "prediction", allow.new.levels = TRUE),
                 predict(at_mean, new, interval = "prediction", allow.new.levels = TRUE),
                 tolerance = 1e-3)
    expect_equal(as.matrix(ranef(fit)$g), as.matrix(to_zero(stats::setNames(
      ranef(at_mean)$g, c("(Intercept)", "year", "near")))), tolerance = 1e-4)
    expect_equal(as.matrix(posterior_summary(fit, variable = "sd_g__year")),
                 as.matrix(posterior_summary(at_mean, variable = "sd_g__x")),
                 tolerance = 1e-4, ignore_attr = TRUE)
    # of each point: Sigma = T^-1 Sigma' T^-T
    hyper <- fit$engine$point$hyper[1:6, 1:5]
    own <- at_mean$engine$point$hyper[1:6, 1:5]
    for (k in 1:5) {
      expect_equal(covariance_of(hyper[, k]), uncentred(covariance_of(own[, k]), 2000),
                   tolerance = 5e-4)
    }
    shown <- VarCorr(fit)$g
    expect_gt(attr(shown, "stddev")[[1L]], 100 * attr(shown, "stddev")[["year"]])
  }
})

test_that("by every algorithm, and after updates, leaving out and drawing", {
  data <- far_data()
  for (by in list(list(approximation = "joint"), list(approximation = "meanfield"),
                  list(algorithm = "advi"))) {
    at_mean <- do.call(vb, c(list(y ~ x + (x | g), data), by))
    fit <- suppressMessages(do.call(vb, c(list(y ~ year + (year | g), data), by)))
    expect_equal(predict(fit, se.fit = TRUE), predict(at_mean, se.fit = TRUE), tolerance = 1e-4)
  }
  at_mean <- vb(y ~ x + (x | g), data)
  fit <- suppressMessages(vb(y ~ year + (year | g), data))
  loo <- function(fit) suppressWarnings(loo::loo(fit, method = "cavity"))$pointwise
  skip_if_not_installed("loo")
  expect_equal(loo(fit), loo(at_mean), tolerance = 1e-4)
  expect_no_message(without <- refit(fit, 16:180), class = "vb_message_centred")
  expect_equal(without$elbo, refit(at_mean, 16:180)$elbo, tolerance = 1e-6)
  half <- suppressMessages(update(fit, data = data[data$x < 0, ]))
  expect_equal(half$design$terms[[1L]]$shift, c(0, 1996))
  set.seed(1)
  draws <- as.matrix(fit, ndraws = 2000)
  expect_equal(mean(draws[, "sd_g__Intercept"]),
               posterior_summary(fit, variable = "sd_g__Intercept")[[1L]], tolerance = 0.03)
  line <- draws[, "r_g[3,Intercept]"] + 2000 * draws[, "r_g[3,year]"]
  expect_equal(c(mean(line), stats::sd(line)),
               posterior_summary(at_mean, variable = "r_g[3,Intercept]")[1:2], tolerance = 0.1)
})

test_that("a prior that is stated is meant at zero", {
  data <- transform(sleepstudy, year = Days + 200)
  expect_no_message(
    fit <- vb(Reaction ~ year + (year | Subject), data, prior_sd = student_t(3, 0, 59.3),
              prior_intercept = normal(288.7, 59.3), prior = normal(0, 48.892),
              prior_aux = student_t(3, 0, 59.3)), class = "vb_message_centred")
  expect_true(fit$converged)
  # exact to 0.01 sd: the likelihood without coefficients is a bivariate normal's of the subjects'
  # least-squares lines times a chi-square, and theta was integrated over by importance sampling
  # (100,000 effective draws) in other coordinates, with a Jacobian by differences
  exact <- rbind(sd_Subject__Intercept = c(969.3, 232.4, 625.8, 1373.7),
                 sd_Subject__year = c(4.867, 1.149, 3.175, 6.868),
                 sigma = c(26.126, 1.628, 23.63, 28.93))
  got <- posterior_summary(fit, c(0.05, 0.95), rownames(exact))
  expect_lt(max(abs(got[, -2L] - exact[, -2L]) / exact[, 2L]), 0.13)
  expect_lt(max(abs(got[, 2L] / exact[, 2L] - 1)), 0.08)
  expect_no_match(capture.output(print(prior_summary(fit))), "at the means, ")
  default <- suppressMessages(vb(Reaction ~ year + (year | Subject), data))
  got <- posterior_summary(default, variable = "sd_Subject__year")
  expect_lt(max(abs(got - c(6.33, 1.43, 3.99, 9.71))), 0.1)
  expect_match(capture.output(print(prior_summary(default))), "Subject: year at 204.5", all = FALSE)
  # lkj() or one sd's prior suffices; columns that are near, and sds that are held, stay as they are
  shift <- function(...) {
    model_of(Reaction ~ year + (year | Subject), data, priors = list(...))$spec$terms[[1L]]
  }
  expect_identical(shift(prior_cor = lkj(2))$prior_at_zero, 1L)
  expect_identical(shift(prior_sd = list(Subject = list(year = normal(0, 9))))$prior_at_zero, 1L)
  expect_null(shift(prior_sd = list(Subject = list(year = constant(6))))$shift)
  near <- vb(Reaction ~ Days + (Days | Subject), data)
  expect_null(near$design$terms[[1L]]$shift)
})

test_that("a mode that the climb passed by is found, and a second one is said", {
  data <- transform(sleepstudy, year = Days + 2000)
  # such priors flatten the slopes: exact by quadrature over the four hyperparameters of the
  # subjects' least-squares lines; .003 of the mass is at slopes of 5
  expect_warning(
    fit <- vb(Reaction ~ year + (year | Subject), data, prior_sd = student_t(3, 0, 59.3),
              verbose = FALSE), class = "vb_integral_modes")
  expect_false(fit$converged)
  got <- posterior_summary(fit, c(0.05, 0.5, 0.95), "sd_Subject__year")
  expect_equal(got[, -(1:2)], c(0.00231, 0.01748, 0.04259), tolerance = 0.1, ignore_attr = TRUE)
  expect_match(capture.output(print(fit)), "more than one mode", all = FALSE)
})

test_that("a prior at zero is a density of the sds and correlations at zero", {
  data <- transform(far_data(), month = 300 + 10 * near)
  own <- model_of(y ~ year + (year + month | g), data,
                  priors = list(prior_sd = list(g = exponential(0.1)), prior_cor = lkj(1.7)))$spec
  expect_equal(own$terms[[1L]]$shift, c(0, 2000, mean(data$month)))
  expect_identical(own$terms[[1L]]$prior_at_zero, 1L)
  own$terms[[1L]]$shift <- c(0, 3, -2)               # where differences have digits left
  there <- own
  there$terms[[1L]]$prior_at_zero <- 0L
  size <- length(eval_joint(own)$start)
  at <- c(0.5, -0.4, -1, 0.3, -0.2, 0.4)             # log sds, partial correlations 2 Phi(x) - 1
  xi <- function(x) c(numeric(size - 7L), x, 0.1)
  # sds and correlations, of the centred columns and at zero
  both <- function(x) {
    r <- 2 * stats::pnorm(x[4:6]) - 1
    centred <- c(exp(x[1:3]), r[1:2], r[1] * r[2] + r[3] * sqrt((1 - r[1]^2) * (1 - r[2]^2)))
    back <- diag(3)
    back[1, 2:3] <- c(-3, 2)
    sigma <- back %*% covariance_of(centred) %*% t(back)
    cor <- stats::cov2cor(sigma)
    list(centred = centred, zero = c(sqrt(diag(sigma)), cor[rbind(c(1, 2), c(1, 3), c(2, 3))]))
  }
  density <- function(h) {
    sum(stats::dexp(h[1:3], 0.1, log = TRUE)) + 0.7 * log(det(covariance_of(c(1, 1, 1, h[4:6]))))
  }
  log_det <- function(which) {
    slope <- vapply(1:6, function(k) {
      step <- replace(numeric(6), k, 1e-5)
      (both(at + step)[[which]] - both(at - step)[[which]]) / 2e-5
    }, numeric(6))
    log(abs(det(slope)))
  }
  expected <- density(both(at)$zero) + log_det("zero") - density(both(at)$centred) -
    log_det("centred")
  value <- function(spec, x) drop(eval_joint(spec, xi(x))$value)
  expect_equal(value(own, at) - value(there, at), expected, tolerance = 1e-6)
  # and its gradient, for both meanings
  for (spec in list(own, there)) {
    gradient <- eval_joint(spec, xi(at))$gradient[size - 6:1]
    differences <- vapply(1:6, function(k) {
      step <- replace(numeric(6), k, 1e-4)
      (value(spec, at + step) - value(spec, at - step)) / 2e-4
    }, 0)
    expect_equal(gradient, differences, tolerance = 1e-5)
  }
})
