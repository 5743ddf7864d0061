test_that("a refit to some rows is the fit of these rows with the same priors", {
  keep <- setdiff(1:50, c(3, 20, 49))
  given <- function(data) {
    vb(dist ~ speed, data, prior = normal(0, 3), prior_intercept = flat(),
       prior_aux = exponential(0.1))
  }
  part <- refit(given(cars), keep)
  alone <- given(cars[keep, ])
  expect_s3_class(part, "vbfit")
  expect_equal(fixef(part), fixef(alone), tolerance = 1e-5)
  expect_equal(vcov(part), vcov(alone), tolerance = 1e-4)
  expect_equal(part$log_evidence, alone$log_evidence, tolerance = 1e-5)
  expect_identical(nobs(part), 47L)
  expect_identical(which(weights(part) == 0), c(3L, 20L, 49L))
  expect_length(fitted(part), 50L)
})

test_that("it keeps priors, levels without rows, and the density of one's own family", {
  fit <- fit_of("binomial")
  out <- which(cbpp$herd == "1")
  part <- refit(fit, setdiff(seq_len(nrow(cbpp)), out))
  alone <- vb(formula(fit), droplevels(cbpp[-out, ]), family = binomial(),
              prior = list(period2 = normal(0, fit$design$prior_coef$arg[2, 2]),
                           period3 = normal(0, fit$design$prior_coef$arg[2, 3]),
                           period4 = normal(0, fit$design$prior_coef$arg[2, 4])))
  expect_equal(fixef(part)[-1], fixef(alone)[-1], tolerance = 0.01)
  expect_identical(part$random[[1]]$levels, fit$random[[1]]$levels)
  # the level without rows has its prior: mean zero, the sd of a new one
  u <- posterior_summary(part, variable = "r_herd[1,Intercept]")
  expect_lt(abs(u[, "Estimate"]), 0.01)
  own <- vb_family("count", link = "log",
                   log_lik = function(y, eta, par) dpois(y, exp(eta), log = TRUE))
  keep <- 1:60
  mine <- refit(vb(count ~ spray, InsectSprays, family = own), keep)
  theirs <- refit(fit_of("poisson"), keep)
  expect_equal(fixef(mine), fixef(theirs), tolerance = 1e-3)
})

test_that("rows that do not determine flat coefficients are an error", {
  fit <- vb(dist ~ speed, cars, prior = flat(), prior_intercept = flat())
  expect_error(refit(fit, 1:2), class = "vb_error_prior")   # both have speed 4
})

test_that("averages of few large terms keep to the weights that are positive", {
  x <- log(rbind(c(1, 2, 4), c(1, 100, 1), c(1, 100, 1)))
  weight <- c(0.6, -0.2, 0.6)
  expect_equal(log_average(x[1, , drop = FALSE], weight), log(0.6 - 0.4 + 2.4))
  expect_equal(log_average(x, weight)[2], 0)
  expect_equal(log_average(x, c(0.5, 0.25, 0.25), new = c(FALSE, FALSE, TRUE))[3],
               log(0.5 + 25 + 0.25))
})

test_that("a refit has no flat prior on an sd that only the rows left out held in place", {
  d <- data.frame(y = c(0, 1, 1, 0, 1, 1, 0, 0), g = gl(4, 2))
  fit <- vb(y ~ 1 + (1 | g), d, family = binomial(), prior_sd = flat())
  expect_s3_class(refit(fit, 1:7), "vbfit")
  expect_error(refit(fit, 2:8), "not left out separate the responses within",
               class = "vb_error_separation")
})
