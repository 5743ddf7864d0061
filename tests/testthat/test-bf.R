# The language: formulas of parameters, however they are spelled.

parts_of <- function(formulas) {
  list(mean = deparse1(formulas$formula),
       pforms = vapply(formulas$pforms, function(f) deparse1(f[[2L]]), ""),
       pfix = unlist(formulas$pfix))
}

test_that("bf() collects formulas and numbers", {
  f <- bf(y ~ x + (1 | g), sigma ~ z, nu = 4)
  expect_identical(parts_of(f), list(mean = "y ~ x + (1 | g)", pforms = c(sigma = "z"),
                                     pfix = c(nu = 4)))
  expect_identical(parts_of(bf(y ~ x, sigma + nu ~ z))$pforms, c(sigma = "z", nu = "z"))
  expect_identical(parts_of(bf(y ~ x, sigma = ~z))$pforms, c(sigma = "z"))
  expect_identical(parts_of(bf("y ~ x"))$mean, "y ~ x")
  expect_output(print(f), "y ~ x + (1 | g)\nsigma ~ z\nnu = 4", fixed = TRUE)
  expect_error(bf(y ~ x, 3), class = "vb_error_formula")
  expect_error(bf(y ~ x, ~z), "which parameter", class = "vb_error_formula")
  expect_error(bf(y ~ x, log(sigma) ~ z), "which parameter", class = "vb_error_formula")
})

test_that("formulas of parameters are found where they were written", {
  scale <- function(x) 2 * x
  made <- (function() {
    own <- 1:120 / 10
    bf(y ~ x, sigma ~ own)
  })()
  expect_error(several_model(made, several_data), NA)
  m <- several_model(made, several_data)
  expect_equal(m$spec$x[[4]], 1:120 / 10)
})

test_that("objects of brms are read as ours", {
  skip_if_not_installed("brms")
  brms <- function(name) getExportedValue("brms", name)
  theirs <- brms("bf")(y ~ x + (1 | p | g), sigma ~ z, nu = 3)
  expect_identical(parts_of(as_formulas(theirs, globalenv())),
                   parts_of(bf(y ~ x + (1 | p | g), sigma ~ z, nu = 3)))
  added <- brms("bf")(y ~ x) + brms("lf")(sigma ~ z)
  expect_identical(parts_of(as_formulas(added, globalenv())), parts_of(bf(y ~ x, sigma ~ z)))
  with_family <- brms("bf")(count ~ x, zi ~ z, family = brms("zero_inflated_poisson")())
  a <- several_model(with_family, several_data, brms("zero_inflated_poisson")())
  b <- several_model(bf(count ~ x, zi ~ z), several_data, zero_inflated_poisson())
  expect_identical(a$spec, b$spec)
  expect_error(as_formulas(brms("bf")(y ~ a * x, a ~ 1, nl = TRUE), globalenv()), "nonlinear",
               class = "vb_error_formula")
  expect_error(as_formulas(brms("bf")(y ~ x, center = FALSE), globalenv()), "center",
               class = "vb_error_formula")
  many <- brms("mvbf")(brms("bf")(y ~ x), brms("bf")(x ~ y))
  expect_error(as_formulas(many, globalenv()), "several responses", class = "vb_error_formula")
})

test_that("a family in the formula is the model's where it has no other", {
  f <- bf(count ~ x, zi ~ z, family = zero_inflated_poisson())
  fit <- vb(f, several_data)
  expect_identical(fit$family$family, "zero_inflated_poisson")
  expect_equal(fixef(update(fit, data = several_data)), fixef(fit))
})

test_that("glmmTMB's and mgcv's spellings are the same models", {
  ours <- several_model(bf(count ~ x + (1 | g), zi ~ z), several_data, zero_inflated_poisson())
  theirs <- several_model(count ~ x + (1 | g), several_data, poisson(), ziformula = ~z)
  expect_identical(theirs$spec, ours$spec)
  ours <- several_model(bf(count ~ x, zi ~ z, shape ~ o), several_data,
                        zero_inflated_negbinomial())
  theirs <- several_model(count ~ x, several_data, negbinomial(), ziformula = ~z,
                          dispformula = ~o)
  expect_identical(theirs$spec[names(theirs$spec) != "x"], ours$spec[names(ours$spec) != "x"])
  none <- several_model(count ~ x, several_data, poisson(), ziformula = ~0, dispformula = ~1)
  expect_identical(none$spec, several_model(count ~ x, several_data, poisson())$spec)
  list_of <- several_model(list(y ~ s(x), ~z), several_data)
  expect_identical(list_of$spec, several_model(bf(y ~ s(x), sigma ~ z), several_data)$spec)
  hurdle <- several_model(count ~ x, several_data,
                          list(family = "truncated_poisson", link = "log"), ziformula = ~z)
  expect_identical(hurdle$spec, several_model(bf(count ~ x, hu ~ z), several_data,
                                              hurdle_poisson())$spec)
  expect_identical(refusal(several_model(y ~ x, several_data, ziformula = ~z)),
                   "vb_error_ziformula")
  expect_identical(refusal(several_model(count ~ x, several_data, poisson(), dispformula = ~z)),
                   "vb_error_dispformula")
  expect_identical(refusal(several_model(bf(count ~ x, zi ~ z), several_data, poisson(),
                                         ziformula = ~z)), "vb_error_ziformula")
  expect_identical(refusal(several_model(count ~ x, several_data, poisson(), ziformula = "z")),
                   "vb_error_ziformula")
  expect_identical(refusal(several_model(list(y ~ x, ~z, ~z), several_data)), "vb_error_formula")
})

test_that("gaulss() is the gaussian family with sigma's predictor", {
  skip_if_not_installed("mgcv")
  theirs <- several_model(list(y ~ x, ~z), several_data, mgcv::gaulss())
  expect_identical(theirs$spec, several_model(bf(y ~ x, sigma ~ z), several_data)$spec)
})

test_that("what the family does not have is said, with what it has", {
  expect_error(several_model(bf(y ~ x, zi ~ z), several_data), "sigma", class = "vb_error_formula")
  expect_error(several_model(bf(count ~ x, sigma ~ z), several_data, poisson()), "none beside",
               class = "vb_error_formula")
  for (f in list(bf(y ~ x, mu ~ z), bf(y ~ x, sigma ~ x, sigma ~ z), bf(y ~ x, sigma = -1),
                 bf(y ~ x, sigma = "one"), bf(y ~ x, sigma = 1, sigma ~ z), bf(y ~ x, sigma ~ 0))) {
    expect_identical(refusal(several_model(f, several_data)), "vb_error_formula")
  }
  expect_identical(refusal(several_model(bf(count ~ x, zi = 1.5), several_data,
                                         zero_inflated_poisson())), "vb_error_formula")
  expect_identical(refusal(several_model(bf(y ~ x, sigma ~ z), several_data, gaussian("log"))),
                   "vb_error_link")
  expect_identical(refusal(several_model(bf(y ~ x, tau ~ z), several_data, asym_laplace())),
                   "vb_error_formula")
  expect_identical(refusal(several_model(bf(hit ~ x, nu ~ z), several_data, student(df = 4))),
                   "vb_error_formula")
})

test_that("held parameters are held, and others keep the path of one predictor", {
  held <- several_model(bf(y ~ x, sigma = 2), several_data)
  expect_identical(held$spec$prior_par$dist, "constant")
  expect_identical(held$spec$prior_par$arg[1], 2)
  expect_null(held$spec$predicted)
  tau <- several_model(bf(y ~ x, quantile = 0.9), several_data, asym_laplace())
  expect_identical(tau$spec, several_model(y ~ x, several_data, asym_laplace(0.9))$spec)
  plain <- several_model(bf(y ~ x + (1 | g)), several_data)
  expect_identical(plain$spec, several_model(y ~ x + (1 | g), several_data)$spec)
})
