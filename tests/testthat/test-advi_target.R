plain <- function(x) -sum(x^2) / 2

slope_of <- function(x) -x

test_that("every parameter has a name of its own", {
  expect_identical(parameter_names(NULL, 1L), "theta")
  expect_identical(parameter_names(NULL, 2L), c("theta[1]", "theta[2]"))
  expect_identical(parameter_names(c("a", "b", "a"), 3L), c("a[1]", "b", "a[2]"))
  expect_identical(parameter_names(c("a", "", NA), 3L), c("a", "theta[1]", "theta[2]"))
  expect_identical(parameter_names(c("a[1]", "a", "a"), 3L), c("a[1]", "a[1].1", "a[2]"))
  fit <- advi(plain, c(1, 2), slope_of)
  expect_identical(names(coef(fit)), c("theta[1]", "theta[2]"))
})

test_that("lists of functions need their sign", {
  target <- gaussian_target(2)
  minus <- list(par = target$init, fn = function(x) -target$log_density(x),
                gr = function(x) -target$gradient(x))
  fit <- advi(minus, sign = -1)
  expect_equal(unname(coef(fit)), target$mean, tolerance = 1e-8)
  plus <- list(fn = target$log_density, gr = target$gradient)
  expect_equal(coef(advi(plus, target$init, sign = 1)), coef(fit), tolerance = 1e-8)
  expect_error(advi(plus, target$init), class = "vb_error_sign")
  expect_error(advi(plus, target$init, sign = 0), class = "vb_error_sign")
  expect_error(advi(plus, sign = 1), class = "vb_error_init")
  expect_error(advi(minus, sign = 1), "negative log density", class = "vb_error_target")
  expect_error(advi(plus, target$init, target$gradient, sign = 1), class = "vb_error_gradient")
  expect_error(advi(list(fn = plain), 1, sign = 1), class = "vb_error_target")
  expect_error(advi(plus, target$init, sign = 1, joint = NA), class = "vb_error_joint")
  expect_error(advi(plus, target$init, sing = 1), "sing", class = "vb_error_dots")
})
