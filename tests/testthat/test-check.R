test_that("conditions carry their argument's class and the user's call", {
  error <- tryCatch(vb(y ~ te(x), toy), error = identity)
  expect_s3_class(error, c("vb_error_formula", "vb_error", "rlang_error"), exact = FALSE)
  expect_identical(error$call, quote(vb()))
  expect_identical(tryCatch(normal(0, -1), error = identity)$call, quote(normal()))
  # under do.call() the call holds the function and the data themselves
  error <- tryCatch(do.call(vb, list(y ~ te(x), data = toy)), error = identity)
  expect_identical(error$call, quote(vb()))
})

test_that("arguments carried along from other packages are named in one message", {
  expect_silent(check_dots(NULL))
  expect_message(check_dots(list(iter = 1, chains = 2, QR = TRUE)), "iter.*chains.*QR",
                 class = "vb_message")
  expect_message(check_dots(alist(seed = , refresh = , adapt_delta = , REML = )),
                 class = "vb_message")
  expect_error(check_dots(list(nonsense = 1)), "nonsense", class = "vb_error_dots")
  expect_error(check_dots(list(iter = 1, wieghts = 2)), "wieghts", class = "vb_error_dots")
  expect_error(check_dots(list(3)), "named", class = "vb_error_dots")
})

test_that("choices: unknown ones list what there is, later ones say not yet", {
  known <- c(a = TRUE, b = FALSE, c = TRUE)
  expect_error(check_choice("no", "arg", known), "one of \"a\" or \"c\"", class = "vb_error_arg")
  later <- expect_error(check_choice("b", "arg", known), "not available yet",
                        class = "vb_error_arg")
  expect_match(conditionMessage(later), "may be \"a\" or \"c\"")
  expect_error(check_choice(1, "arg", c(a = TRUE)), class = "vb_error_arg")
  expect_silent(check_choice("a", "arg", c(a = TRUE)))
})

test_that("numbers and flags", {
  expect_error(check_number(1.5, "n", whole = TRUE), class = "vb_error_n")
  expect_error(check_number(NA, "n"), class = "vb_error_n")
  expect_error(check_number(1:2, "n"), class = "vb_error_n")
  expect_error(check_number(Inf, "n"), "finite", class = "vb_error_n")
  expect_error(check_number(0, "n", lower = 1e-300), "above 0", class = "vb_error_n")
  expect_error(check_number(1, "n", lower = 2, upper = 3), "between 2 and 3", class = "vb_error_n")
  expect_silent(check_number(NULL, "n", null = TRUE))
  expect_error(check_flag("yes", "f"), class = "vb_error_f")
})

test_that("NA alone is not a bad number", {
  expect_false(has_bad_number(c(1, NA)))
  expect_true(has_bad_number(c(1, NaN)))
  expect_true(has_bad_number(c(-Inf, NA)))
  expect_false(has_bad_number(c("a", NA)))
  expect_false(has_bad_number(c(1e308, 1e308)))
})
