test_that("every kind of parameter has its prior", {
  got <- prior_summary(fit_of("slope"))
  expect_setequal(names(got), c("prior", "prior_intercept", "prior_aux", "prior_sd", "prior_cor"))
  expect_identical(got$prior$parameter, "Days")
  expect_identical(got$prior_sd$parameter, c("Subject__(Intercept)", "Subject__Days"))
  expect_true(all(vapply(got, function(table) all(table$default), NA)))
  expect_setequal(names(prior_summary(fit_of("poisson"))), c("prior", "prior_intercept"))
})

test_that("the numbers are those that were used", {
  got <- prior_summary(fit_of("line"))
  scale <- 2.5 * sd(cars$dist) / sd(cars$speed)
  expect_match(got$prior$prior, sprintf("normal\\(0, %s", substr(format(scale), 1, 4)))
  fit <- vb(mpg ~ wt + hp, mtcars, prior = normal(0, c(wt = 5)))
  got <- prior_summary(fit)
  expect_identical(got$prior$prior[1], "normal(0, 5)")
  expect_output(print(got), "from normal(0, c(wt = 5))", fixed = TRUE)
})

test_that("it prints a line per parameter", {
  text <- capture.output(print(prior_summary(fit_of("slope"))))
  expect_true(all(nchar(text) <= 80))
  expect_true(any(grepl("^  Days +~ normal\\(0, ", text)))
  expect_true(any(grepl("^  Subject +~ lkj\\(1\\)", text)))
  expect_true(any(grepl("^  sigma +~ student_t\\(3, 0, ", text)))
  expect_invisible(print(prior_summary(fit_of("line"))))
})

test_that("what is not ours is handed on to rstantools without end", {
  if (!rlang::is_installed("rstantools")) {
    return(expect_error(prior_summary(1), "rstantools", class = "vb_error_object"))
  }
  their_generic <- getExportedValue("rstantools", "prior_summary")
  theirs <- list(prior.info = "theirs")
  expect_identical(prior_summary(theirs), their_generic(theirs))
  expect_identical(their_generic(fit_of("line")), prior_summary(fit_of("line")))
})
