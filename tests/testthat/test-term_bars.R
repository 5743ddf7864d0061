bars_of <- function(formula, data = NULL) {
  vapply(parse_formula(formula, data)$bars, function(bar) {
    paste(deparse1(bar$lhs[[2]]), "|", deparse1(bar$group))
  }, "")
}

fixed_of <- function(formula, data = NULL) deparse1(parse_formula(formula, data)$fixed)

test_that("bars are split as lme4 writes them, the outer factor of a/b first", {
  expect_identical(bars_of(y ~ x + (x | g)), "x | g")
  expect_identical(bars_of(y ~ (x || g)), c("1 | g", "0 + x | g"))
  expect_identical(bars_of(y ~ (1 | a / b)), c("1 | a", "1 | a:b"))
  expect_identical(bars_of(y ~ (x | a / b / c)), c("x | a", "x | a:b", "x | a:b:c"))
  expect_identical(bars_of(y ~ (1 | (a / b)) + (0 + x | b)), c("1 | a", "1 | a:b", "0 + x | b"))
  expect_identical(bars_of(y ~ (1 | b:a)), "1 | b:a")
  expect_identical(bars_of(y ~ (1 | factor(g)) + (1 | h)), c("1 | factor(g)", "1 | h"))
  expect_identical(bars_of(y ~ (x * z || g)), c("1 | g", "0 + x | g", "0 + z | g", "0 + x:z | g"))
  expect_identical(bars_of(y ~ x), character())
})

test_that("what is not supported says so", {
  for (f in list(y ~ te(x), y ~ ti(x, z), y ~ x * s(z), y ~ mo(x), y ~ toep(0 + x | g),
                 y ~ x + rr(x | g, d = 2), y ~ cs(x || g), y ~ cs(x | g, het = TRUE),
                 y ~ us(x | g, hom = TRUE), y ~ diag(x | mm(a, b)), y ~ x * cs(x | g),
                 y ~ (1 | mm(a)), y ~ x - (1 | g), y ~ (1 | 3))) {
    expect_error(parse_formula(f, NULL), class = "vb_error_formula", info = deparse1(f))
  }
  expect_error(parse_formula(y | weights(w) ~ x, NULL), "weights", class = "vb_error_formula")
  expect_error(parse_formula(~x, NULL), "no response", class = "vb_error_formula")
})

test_that("bars where they mean nothing are named", {
  for (f in list(y ~ (1 | (g | h) | a), y ~ x * (1 | g), y ~ x:(1 | g), y ~ (1 | 1), y ~ . | g,
                 y ~ x + (. | g))) {
    expect_error(parse_formula(f, toy), class = "vb_error_formula", info = deparse1(f))
  }
  # a logical "or" is no bar
  expect_identical(fixed_of(y ~ I(x > 0 | z > 0)), "y ~ I(x > 0 | z > 0)")
  expect_identical(bars_of(y ~ (I(x > 0 | z > 0) | g)), "I(x > 0 | z > 0) | g")
})
