test_that("rows with missing values go by na.action, wherever they are", {
  data <- toy
  data$y[1] <- data$x[2] <- data$text[3] <- data$z[4] <- NA
  model <- model_of(y ~ x + (z | text), data)
  expect_identical(c(attr(model$frame, "na.action")), c("1" = 1L, "2" = 2L, "3" = 3L, "4" = 4L),
                   ignore_attr = "class")
  expect_length(model$spec$y, 56)
  model <- model_of(y ~ x, data, weights = z, na.action = "na.exclude")
  expect_s3_class(attr(model$frame, "na.action"), "exclude")
  expect_length(model$spec$y, 57)
  for (action in list(stats::na.fail, stats::na.pass, NULL, "no.such", 3)) {
    expect_error(model_of(y ~ x, data, na.action = action), class = "vb_error_na.action")
  }
  expect_error(model_of(y ~ poly(x, 2), data), class = "vb_error_formula")
})

test_that("data may be missing, a tibble, a data.table, a list", {
  spec <- model_of(y ~ x + (1 | text), toy)$spec
  expect_equal(with(toy, model_of(y ~ x + (1 | text)))$spec, spec)
  expect_equal(model_of(y ~ x + (1 | text), as.list(toy))$spec, spec)
  skip_if_not_installed("tibble")
  expect_equal(model_of(y ~ x + (1 | text), tibble::as_tibble(toy))$spec, spec, ignore_attr = TRUE)
  skip_if_not_installed("data.table")
  expect_equal(model_of(y ~ x + (1 | text), data.table::as.data.table(toy))$spec, spec)
  for (x in list(as.matrix(toy), 3, mean, "toy")) {
    expect_error(model_of(y ~ x, x), class = "vb_error_data")
  }
})

test_that("weights, subset and offset are evaluated in the data, then where the formula was made", {
  outside <- seq_len(60)
  model <- model_of(y ~ x + offset(z), toy, weights = size * 2, offset = outside, subset = x > 0)
  keep <- toy$x > 0
  expect_equal(model$spec$w, rep(10, sum(keep)))
  expect_equal(model$spec$offset, (toy$z + outside)[keep])
  wrapper <- function(f, ...) model_of(f, toy, ...)
  expect_equal(wrapper(y ~ x, weights = z)$spec$w, toy$z)
  expect_equal(wrapper(y ~ x, weights = outside)$spec$w, outside)
})

test_that("rows without weight leave the fit but not the frame", {
  model <- model_of(y ~ x + (1 | a), toy, weights = as.numeric(a != "v"))
  expect_identical(model$rows, which(toy$a != "v"))
  expect_identical(nrow(model$frame), 60L)
  expect_identical(model$design$random[[1]]$levels, c("u", "w"))
  kept <- model_of(y ~ x + (1 | a), droplevels(toy[toy$a != "v", ]))
  expect_equal(model$spec, kept$spec, ignore_attr = TRUE)
})

test_that("numbers that are not finite are errors that name where they are", {
  bad <- transform(toy, nan = replace(x, 3, NaN), inf = replace(x, 3, Inf))
  expect_error(model_of(nan ~ x, bad), "nan", class = "vb_error_response")
  expect_error(model_of(inf ~ x, bad), class = "vb_error_response")
  expect_error(model_of(y ~ nan, bad), class = "vb_error_data")
  expect_error(model_of(y ~ x + (inf | a), bad), class = "vb_error_data")
  expect_error(model_of(y ~ x + offset(inf), bad), class = "vb_error_offset")
  expect_error(model_of(y ~ x, bad, offset = nan), class = "vb_error_offset")
  expect_error(model_of(y ~ x, bad, weights = inf), class = "vb_error_weights")
  expect_error(model_of(y ~ x:I(1e200 * z):I(1e200 * size), toy), class = "vb_error_formula")
})

test_that("what cannot be found or used is named", {
  expect_error(model_of(y ~ nowhere, toy), "nowhere", class = "vb_error_data")
  expect_error(model_of(y ~ x + (1 | nowhere), toy), "nowhere", class = "vb_error_formula")
  expect_error(model_of(y ~ x, toy, weights = nowhere), "nowhere", class = "vb_error_weights")
  expect_error(model_of(y ~ x, toy, offset = 1:3), class = "vb_error_offset")
  expect_error(model_of(y ~ x, toy, offset = text), class = "vb_error_offset")
  expect_error(model_of(y ~ x, toy, weights = 1:3), class = "vb_error_weights")
  expect_error(model_of(y ~ x, toy, weights = -z), class = "vb_error_weights")
  expect_error(model_of(y ~ x, toy, weights = text), class = "vb_error_weights")
  expect_error(model_of(y ~ x, toy, weights = 0 * z), class = "vb_error_weights")
  expect_error(model_of(y ~ x, toy, subset = z > 9), "No rows", class = "vb_error_data")
  expect_error(model_of(y ~ one, toy), "one level", class = "vb_error_formula")
  expect_error(model_of(y ~ x + (one | a), toy), class = "vb_error_formula")
  expect_error(model_of(y ~ 0, toy), class = "vb_error_formula")
  expect_error(model_of(y ~ (0 | a), toy), class = "vb_error_formula")
  expect_error(model_of(y ~ (1 | a) + (x | a), toy), "two terms", class = "vb_error_formula")
  expect_error(model_of(y ~ x + (1 | poly(x, 2)), toy), class = "vb_error_formula")
})

test_that("a function of a variable's name is not the variable", {
  expect_error(model_of(y ~ x + df, toy), "`df`", class = "vb_error_formula")
})
