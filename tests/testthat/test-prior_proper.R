test_that("collinear columns need a proper prior", {
  f <- y ~ x + I(2 * x) + z
  expect_length(model_of(f, toy)$spec$center, 4)
  expect_error(model_of(f, toy, priors = list(prior = flat())), "I(2 * x)", fixed = TRUE,
               class = "vb_error_prior")
  expect_error(model_of(y ~ 0 + size + I(size + 0 * x), toy, priors = list(prior = NULL)),
               class = "vb_error_prior")
  one_proper <- list(prior = NULL, prior_intercept = normal())
  expect_length(model_of(y ~ x + z, toy, priors = one_proper)$spec$center, 3)
})

test_that("more coefficients than rows need a proper prior", {
  f <- y ~ x + z + I(x^2) + I(z^2)
  expect_length(model_of(f, toy[1:4, ])$spec$y, 4)
  expect_error(model_of(f, toy[1:4, ], priors = list(prior = NULL, prior_intercept = NULL)),
               class = "vb_error_formula")
})

test_that("flat priors on standard deviations need levels and rows", {
  flat_sd <- list(prior_sd = flat())
  expect_message(expect_error(model_of(y ~ (1 | one), toy, priors = flat_sd), "`one`",
                              class = "vb_error_prior_sd"))
  two <- transform(toy, half = gl(2, 30))
  expect_silent(model_of(y ~ (1 | half), two, priors = flat_sd))
  both <- c(flat_sd, list(prior_intercept = flat()))
  expect_error(model_of(y ~ (1 | half), two, priors = both), class = "vb_error_prior_sd")
  expect_silent(model_of(y ~ (1 | a), toy, priors = both))
  few <- list(prior_aux = flat(), prior_intercept = flat())
  expect_error(model_of(y ~ 1, toy[1:2, ], priors = few), class = "vb_error_prior_aux")
  expect_silent(model_of(y ~ 1, toy[1:3, ], priors = few))
})

test_that("a response with one value leaves no proper posterior of sigma", {
  same <- transform(toy, y = 3, zero = 0)
  for (family in list(gaussian(), student())) {
    expect_error(model_of(y ~ x, same, resolve_family(family)$family), "one value",
                 class = "vb_error_response")
  }
  expect_error(model_of(zero ~ 0 + x, same), class = "vb_error_response")
  expect_error(model_of(I(y + x) ~ z + offset(x), same), class = "vb_error_response")
  expect_silent(model_of(y ~ x, same, priors = list(prior_aux = constant(1))))
  expect_silent(model_of(y ~ 0 + x, same))
  expect_silent(model_of(y ~ x, same[1, ]))
  expect_silent(model_of(count ~ x, transform(toy, count = 3), poisson()))
})
