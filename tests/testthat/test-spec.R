test_that("the spec is the contract's, in the types C reads", {
  spec <- model_of(y ~ x + (x | a) + (1 | b), toy, offset = z)$spec
  expect_named(spec, c("family", "link", "bound", "y", "w", "constant", "row_constant", "offset",
                       "x", "center", "intercept", "terms", "prior_coef", "prior_sd",
                       "prior_cor", "prior_par", "shrink"))
  for (field in c("y", "w", "constant", "offset", "x", "center", "prior_cor")) {
    expect_type(spec[[field]], "double")
  }
  expect_type(spec$intercept, "integer")
  expect_identical(dim(spec$x), c(60L, 2L))
  for (term in spec$terms) {
    expect_named(term, c("group", "n_level", "z"))
    expect_type(term$group, "integer")
    expect_type(term$z, "double")
    expect_identical(sort(unique(term$group)), seq_len(term$n_level))
  }
  expect_identical(dim(spec$prior_coef$arg), c(3L, 2L))
  expect_identical(lapply(spec$prior_sd, function(p) dim(p$arg)), list(c(3L, 2L), c(3L, 1L)))
  expect_identical(spec$offset, toy$z)
})

test_that("models without fixed or without random part have empty ones", {
  spec <- model_of(y ~ 0 + (1 | a), toy)$spec
  expect_identical(dim(spec$x), c(60L, 0L))
  expect_identical(spec$prior_coef, list(dist = character(), arg = matrix(0, 3, 0)))
  spec <- model_of(hit ~ x, toy, binomial())$spec
  expect_identical(spec$terms, list())
  expect_identical(spec$prior_par, list(dist = character(), arg = matrix(0, 3, 0)))
  expect_identical(spec$prior_cor, numeric())
})

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

test_that("hyperparameters are in the engine's order", {
  table <- hyper_table(list(list(group = "g", coef = c("(Intercept)", "x", "z")),
                            list(group = "a:b", coef = "x")), c("sigma", "nu"))
  expect_identical(table$name, c(
    "sd_g__Intercept", "sd_g__x", "sd_g__z", "cor_g__Intercept__x", "cor_g__Intercept__z",
    "cor_g__x__z", "sd_a:b__x", "sigma", "nu"))
  expect_identical(table$class, rep(c("sd", "cor", "sd", "aux"), c(3, 3, 1, 2)))
  expect_identical(table$term, c(rep(1L, 6), 2L, 0L, 0L))
  expect_identical(table$i, c(1:3, 1L, 1L, 2L, 1L, 0L, 0L))
  expect_identical(table$j, c(0L, 0L, 0L, 2L, 3L, 3L, 0L, 0L, 0L))
  expect_identical(nrow(hyper_table(list(), character())), 0L)
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
