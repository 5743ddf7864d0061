measured <- data.frame(y = c(3, 1, 4, 1, 5, 9, 2, 6, 5, 8), x = 1:10, f = gl(2, 5), n = rep(1:2, 5))

test_that("columns of the data are told from constants of the formula", {
  shift <- 3
  knots <- c(3, 6)
  fit <- vb(log(y) ~ log(x + shift) + poly(n, 1, raw = T) + C(f, contr.sum) +
              splines::ns(x, knots = knots), measured, prior_aux = exponential(1))
  expect_setequal(names(fit_columns(fit)), c("y", "x", "n", "f"))
  expect_identical(as.list(fit_columns(fit))[c("x", "f")], as.list(measured)[c("x", "f")])
  outside <- measured$n
  weighted <- vb(y ~ x, measured, weights = outside * shift, subset = x > 2)
  expect_identical(fit_columns(weighted)$outside, outside[3:10])
  expect_setequal(row_variables(weighted, quote(outside * shift + unheard_of)),
                  c("outside", "unheard_of"))
  expect_identical(names(fit_columns(vb(y ~ x, measured))), c("y", "x"))
})

test_that("constants of weights, offsets and responses need not be in new data", {
  shift <- 2
  fit <- vb(log(y + shift) ~ x, measured, weights = n * shift, offset = log(n + shift))
  new <- measured[3:5, ]
  expect_equal(predict(fit, new), predict(fit)[3:5])
  expect_identical(row_weights(fit, new), c(2, 4, 2))
  expect_equal(log_lik(fit, new, ndraws = 5, seed = 1), log_lik(fit, ndraws = 5, seed = 1)[, 3:5],
               ignore_attr = TRUE)
})

test_that("emmeans takes the columns of the fit for its grid", {
  skip_if_not_installed("emmeans")
  peers <- (function(sheet, shift) list(vb(y ~ log(x + shift) + f, sheet),
                                        stats::lm(y ~ log(x + shift) + f, sheet)))(measured, 3)
  sheet <- measured[1:6, ]
  theirs <- emmeans::emmeans(peers[[2L]], ~ f, params = "shift")
  expect_identical(emmeans::emmeans(peers[[1L]], ~ f)@linfct, theirs@linfct)
  passed <- (function(form, sheet) vb(form, sheet))(y ~ log(x) + f, measured)
  theirs <- emmeans::emmeans(stats::lm(y ~ log(x) + f, measured), ~ f)
  expect_identical(emmeans::emmeans(passed, ~ f)@linfct, theirs@linfct)
})

test_that("insight finds the columns of the fit, and others where the data are still the same", {
  skip_if_not_installed("insight")
  fit <- (function(sheet) vb(y ~ log(x) + (1 | f), sheet, subset = x > 2))(measured)
  sheet <- measured[1:3, ]
  got <- insight::get_data(fit)
  expect_identical(got[c("y", "x")], measured[3:10, c("y", "x")])
  expect_named(insight::get_data(fit, effects = "random"), "f")
  expect_named(insight::get_data(fit, effects = "fixed"), c("y", "x"))
  expect_identical(insight::get_data(fit, additional_variables = TRUE)$n, measured$n[3:10])
  passed <- (function(form, sheet) vb(form, sheet))(y ~ log(x) + f, measured)
  expect_setequal(names(insight::get_data(passed, additional_variables = TRUE)), c("y", "x", "f"))
})

test_that("columns that the fit keeps are plain, as those that it was made from", {
  data <- data.frame(x = c(1, 2, 4, 8), y = c(1, 3, 2, 5))
  class(data$x) <- c("haven_labelled", "double")
  fit <- vb(y ~ log(x), data, prior = normal(0, 1))
  expect_identical(fit_columns(fit)$x, c(1, 2, 4, 8))
})
