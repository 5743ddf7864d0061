same_rows <- function(formula, ...) {
  fit <- vb(formula, toy, ...)
  own <- new_rows(fit)
  new <- new_rows(fit, toy)
  expect_equal(own, new, ignore_attr = TRUE, info = deparse1(formula))
  expect_equal(unname(own$x), column_matrix(fit$design$x), ignore_attr = TRUE)
  expect_equal(own$group, lapply(fit$design$terms, `[[`, "group"))
  expect_equal(lapply(own$z, unname), lapply(fit$design$terms, `[[`, "z"), ignore_attr = TRUE)
}

test_that("the data as new data are the rows of the fit", {
  same_rows(y ~ x * a + (x | b))
  same_rows(y ~ poly(x, 2) + (poly(x, 2) | b))
  same_rows(y ~ scale(x) + splines::ns(z, 3) + (1 | a / b))
  same_rows(y ~ 0 + text + (0 + a | b) + offset(z))
  same_rows(count ~ log(z) + (1 | factor(size * hit)), family = poisson(), offset = x)
})

test_that("bases are those of the fit, not of the new data", {
  fit <- vb(y ~ poly(x, 2) + scale(z) + (1 | a), toy)
  expect_equal(new_rows(fit, toy[3:4, ])$x, new_rows(fit)$x[3:4, ], ignore_attr = TRUE)
  few <- data.frame(x = 0.5, z = 0.5, a = "v")
  expect_identical(new_rows(fit, few)$group, list(2L))
})

test_that("rows with missing values keep their place", {
  fit <- vb(y ~ x + (x | a), toy)
  new <- data.frame(x = c(NA, 1, 1), a = c("u", NA, "w"))
  rows <- new_rows(fit, new)
  expect_identical(rows$complete, c(FALSE, FALSE, TRUE))
  expect_identical(dim(rows$x), c(3L, 2L))
  expect_true(all(is.na(rows$z[[1]][2, ])))
  expect_identical(nrow(new_rows(fit, new[0, ])$x), 0L)
})

test_that("levels that the fit has not seen need permission", {
  fit <- vb(y ~ x + (1 | a) + (1 | a:b), toy)
  new <- data.frame(x = 1, a = c("u", "u", "none"), b = c(1, 99, 1))
  expect_error(new_rows(fit, new), "allow.new.levels", class = "vb_error_newdata")
  rows <- new_rows(fit, new, allow.new.levels = TRUE)
  expect_identical(rows$group[[1]], c(1L, 1L, 0L))
  expect_identical(rows$group[[2]] > 0L, c(TRUE, FALSE, FALSE))
})

test_that("re.form keeps all, none or some of the random effects", {
  fit <- vb(y ~ x + (x | a) + (1 | a:b), toy)
  none <- rep(NA_integer_, 60)
  for (form in list(NA, ~0)) {
    expect_identical(new_rows(fit, toy["x"], form)$group, rep(list(none[seq_len(60)]), 2))
  }
  some <- new_rows(fit, toy, ~ (1 + x | a))
  expect_identical(some$group[[2]], none)
  expect_identical(some$group[[1]], as.integer(toy$a))
  expect_error(new_rows(fit, toy, ~ (1 | b)), class = "vb_error_re.form")
  expect_error(new_rows(fit, toy, "all"), class = "vb_error_re.form")
  expect_error(new_rows(fit, toy, ~x), "no random terms", class = "vb_error_re.form")
})

test_that("re.form keeps part of a term's coefficients", {
  fit <- vb(y ~ x + (x | a) + (1 | a:b), toy)
  whole <- new_rows(fit, toy, ~ (x | a))
  first <- new_rows(fit, toy, ~ (1 | a))
  expect_identical(first$group, whole$group)
  expect_equal(first$z[[1]], cbind(rep(1, 60), 0), ignore_attr = TRUE)
  expect_equal(new_rows(fit, toy, ~ (0 + x | a))$z[[1]], cbind(0, toy$x), ignore_attr = TRUE)
  expect_equal(new_rows(fit, toy, ~ (x || a)), whole, ignore_attr = TRUE)
  expect_error(new_rows(fit, toy, ~ (z | a)), class = "vb_error_re.form")
  expect_error(new_rows(fit, toy, ~ (0 + x | a:b)), class = "vb_error_re.form")
})

test_that("offsets: of the formula from the new data, of the argument too where it can", {
  inside <- vb(count ~ x + offset(log(size)), toy, family = poisson())
  expect_equal(new_rows(inside, data.frame(x = 1, size = 2:3))$offset, log(2:3))
  expect_error(new_rows(inside, data.frame(x = 1)), class = "vb_error_newdata")
  argument <- vb(count ~ x, toy, family = poisson(), offset = log(size))
  expect_equal(new_rows(argument, data.frame(x = 1, size = 2:3))$offset, log(2:3))
  expect_error(new_rows(argument, data.frame(x = 1)), class = "vb_error_offset")
  expect_equal(new_rows(argument, data.frame(x = 1), offset = 5)$offset, 5)
  expect_error(new_rows(argument, data.frame(x = 1), offset = 1:2), class = "vb_error_offset")
})

test_that("new data that do not suit are errors that name what is missing", {
  fit <- vb(y ~ x + a + (1 | b), toy)
  expect_error(new_rows(fit, data.frame(x = 1, b = 1)), class = "vb_error_newdata")
  expect_error(new_rows(fit, data.frame(x = 1, a = "u")), "b", class = "vb_error_newdata")
  expect_error(new_rows(fit, data.frame(x = 1, a = "none", b = 1)), class = "vb_error_newdata")
  expect_error(new_rows(fit, data.frame(x = "1", a = "u", b = 1)), class = "vb_error_newdata")
  expect_error(new_rows(fit, 3), class = "vb_error_newdata")
})

test_that("a list is taken for a data frame where it can be one", {
  fit <- fit_of("slope")
  expect_equal(predict(fit, list(Days = 1:2, Subject = c("308", "309"))),
               predict(fit, data.frame(Days = 1:2, Subject = c("308", "309"))))
  expect_error(predict(fit, list(Days = 1:3, Subject = c("308", "309"))),
               class = "vb_error_newdata")
})

test_that("new data may be a tibble, a data.table, have other levels, or no rows", {
  fit <- fit_of("slope")
  plain <- sleepstudy[1:4, c("Days", "Subject")]
  expected <- predict(fit, plain, interval = "prediction")
  same <- function(new) {
    expect_equal(predict(fit, new, interval = "prediction"), expected, ignore_attr = TRUE)
  }
  same(transform(plain, Subject = as.character(Subject)))
  same(transform(plain, Subject = factor(Subject, levels = c("unused", "308"))))
  if (rlang::is_installed("tibble")) same(tibble::as_tibble(plain))
  if (rlang::is_installed("data.table")) same(data.table::as.data.table(plain))
  none <- plain[0L, ]
  expect_equal(dim(predict(fit, none, interval = "prediction")), c(0L, 3L))
  expect_equal(dim(posterior_predict(fit, none, ndraws = 2)), c(2L, 0L))
  expect_equal(dim(predictive_interval(fit, newdata = none, ndraws = 2)), c(0L, 2L))
  expect_equal(dim(simulate(fit, 2, newdata = none)), c(0L, 2L))
})

test_that("blocks have all rows, in order", {
  expect_identical(unlist(row_blocks(3:9, 1e6), use.names = FALSE), 3:9)
  expect_identical(lengths(row_blocks(3:9, 1e6), use.names = FALSE), c(2L, 2L, 2L, 1L))
  expect_length(row_blocks(3:9, 1e7), 7)
})

test_that("what a formula makes of new data is warned of with a class", {
  d <- data.frame(y = c(1, 3, 2, 5, 4, 6), x = 1:6, f = factor(rep(c("u", "v"), 3)))
  fit <- vb(y ~ log(x) + C(f, contr.sum), d)
  new <- d[2:3, ]
  contrasts(new$f) <- contr.treatment(2)
  new$f <- factor(new$f, c("u", "v", "w"))
  expect_no_warning(p <- predict(fit, new))
  expect_identical(p, predict(fit, d[2:3, ]))
  expect_warning(p <- predict(fit, transform(d, x = x - 2)), "newdata.*NaN",
                 class = "vb_warning_newdata")
  expect_identical(unname(is.na(p)), d$x < 2)
  plain <- vb(y ~ f, d)
  expect_error(predict(plain, data.frame(f = "w")), "\"w\"", class = "vb_error_newdata")
  expect_identical(unname(predict(plain, data.frame(f = "v"))), unname(predict(plain, d[2, ])))
  noisy <- function(x) {
    warning("mine {x}")
    x
  }
  expect_warning(vb(y ~ noisy(x), d), "In the model frame: mine {x}", fixed = TRUE,
                 class = "vb_warning_formula")
})

test_that("a variable that is not in new data is an error alone", {
  d <- data.frame(y = c(1, 3, 2, 5), x = 1:4)
  z <- c(2, 1, 4, 3)
  fit <- vb(y ~ z, d)
  expect_no_warning(error <- tryCatch(predict(fit, data.frame(x = 1)), error = identity))
  expect_s3_class(error, "vb_error_newdata")
})

test_that("rows of which none can be predicted are no error, of draws neither", {
  data <- data.frame(x = c(1, 2, 4, 3), y = c(0, 3, 2, 2))
  for (algorithm in c("cavi", "advi")) {
    fit <- vb(y ~ x, data, family = poisson(), algorithm = algorithm,
              control = vb_control(draws = 100))
    for (interval in c("none", "credible", "prediction")) {
      none <- predict(fit, data[0, ], type = "response", interval = interval)
      expect_identical(NROW(none), 0L)
      gone <- predict(fit, transform(data, x = NA_real_), type = "response", interval = interval)
      expect_identical(NROW(gone), 4L)
      expect_true(all(is.na(gone)))
    }
  }
})
