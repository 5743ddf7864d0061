# Many hyperparameters, by importance weights: against NUTS (dev/reference/slopes). What is left of
# the rows is added where a point's Gaussian is an optimum: elsewhere it may be anything, and one
# such point had all of the weight.

test_that("twelve hyperparameters of a student model are those of NUTS", {
  skip_on_cran()                     # some seconds
  fit <- vb(y ~ x1 + x2 + x3 + (x1 + x2 + x3 | g), slopes_data(), family = student(),
            prior = normal(0, 2), verbose = FALSE)
  expect_identical(fit$engine$rule, "weighted")
  expect_true(fit$converged)
  expect_gt(fit$engine$ess, 50)
  reference <- utils::read.csv(test_path("fixtures", "student-slopes.csv"))
  got <- posterior_summary(fit, probs = c(0.05, 0.95))[reference$parameter, ]
  error <- abs(got[, 1] - reference$mean) / reference$sd
  expect_lt(max(error), 0.15)
  expect_lt(max(abs(log(got[, 2] / reference$sd))), 0.15)
})

# An exact value costs what the mean of those before did; the last of them may have been a cheap
# one.
test_that("exact values are no more than can be afforded", {
  skip_on_cran()                     # some seconds
  set.seed(3)
  d <- data.frame(g = gl(8, 5), id = 1:40)
  d$y <- stats::rbinom(40, 1, stats::plogis(stats::rnorm(8)[d$g] + stats::rnorm(40)))
  fit <- suppressWarnings(vb(y ~ (1 | g) + (1 | id), d, family = binomial("cloglog"),
                             verbose = FALSE))
  expect_identical(fit$engine$rule, "weighted")
  expect_lt(fit$engine$n_eval, 3000)
  expect_gt(fit$engine$ess, 400)
})
