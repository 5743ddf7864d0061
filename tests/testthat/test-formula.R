fixed_of <- function(formula, data = NULL) deparse1(parse_formula(formula, data)$fixed)

test_that("the fixed part is what is left, intercept and offset kept", {
  expect_identical(fixed_of(y ~ x + (1 | g) + offset(log(e))), "y ~ x + offset(log(e))")
  expect_identical(fixed_of(y ~ (1 | g)), "y ~ 1")
  expect_identical(fixed_of(y ~ (1 | g) - 1), "y ~ -1")
  expect_identical(fixed_of(y ~ 0 + x + (1 | g)), "y ~ 0 + x")
  expect_identical(fixed_of(y ~ (x + (1 | g)) - z), "y ~ x - z")
  expect_identical(environment(parse_formula(y ~ x, NULL)$fixed), environment())
})

test_that("a dot is every column but the response and the grouping variables", {
  data <- data.frame(y = 1, x = 1, z = 1, g = 1, `my var` = 1, check.names = FALSE)
  expect_identical(fixed_of(y ~ . + (1 | g), data), "y ~ x + z + `my var`")
  expect_identical(fixed_of(log(y) ~ . - x + (z | g), data), "log(y) ~ z + `my var`")
  expect_identical(fixed_of(y ~ ., data[c("y", "x")]), "y ~ x")
  expect_identical(fixed_of(y ~ . + (1 | g), data[c("y", "g")]), "y ~ 1")
  parsed <- parse_formula(y ~ . + (1 | g / z), data)
  expect_identical(deparse1(parsed$formula), "y ~ x + `my var` + (1 | g/z)")
  expect_error(parse_formula(y ~ ., NULL), class = "vb_error_formula")
})

test_that("formulas may be strings or calls, and nothing else", {
  expect_equal(as_formula("y ~ x", environment()), y ~ x)
  expect_equal(as_formula(quote(y ~ x), environment()), y ~ x)
  expect_error(as_formula("y + x", environment()), class = "vb_error_formula")
  expect_error(as_formula(mtcars, environment()), class = "vb_error_formula")
})

test_that("a Stan model is sent to rstan::vb()", {
  for (x in list(structure(list(), class = "stanmodel"), structure(list(), class = "CmdStanModel"),
                 "parameters { real x; } model { x ~ normal(0, 1); }")) {
    expect_error(as_formula(x, environment()), "rstan::vb", class = "vb_error_formula")
  }
})

test_that("a grouping variable can be taken out of a dot that it is not in", {
  d <- mtcars[c("mpg", "wt", "hp", "cyl")]
  expect_no_warning(parsed <- parse_formula(mpg ~ . - cyl + (1 | cyl), d))
  expect_identical(deparse1(parsed$fixed), "mpg ~ wt + hp")
  expect_identical(deparse1(parse_formula(mpg ~ . - hp + (1 | cyl), d)$fixed), "mpg ~ wt")
  expect_identical(deparse1(parse_formula(log(mpg) ~ .^2 + (1 | cyl), d)$fixed),
                   "log(mpg) ~ wt + hp + wt:hp")
  expect_identical(deparse1(parse_formula(mpg ~ . + cyl + (1 | cyl), d)$fixed),
                   "mpg ~ wt + hp + cyl")
  expect_identical(deparse1(parse_formula(mpg ~ . + (1 | cyl), d[c("mpg", "cyl")])$fixed),
                   "mpg ~ 1")
})
