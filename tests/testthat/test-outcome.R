test_that("an engine that ends without numbers is an error", {
  engine <- list(status = 0L, node = list(weight = 1, mean = matrix(1)),
                 point = list(hyper = matrix(2)))
  expect_silent(check_engine(engine))
  engine$point$hyper[1] <- NaN
  expect_error(check_engine(engine), class = "vb_error_fit")
  engine$node$weight <- numeric()
  expect_error(check_engine(engine), class = "vb_error_fit")
})

test_that("how a fit ended becomes a classed warning that says what to do", {
  fit <- list(converged = FALSE, stopped = "max_sweep")
  expect_warning(report_stop(fit, globalenv()), "vb_control", class = "vb_not_converged")
  for (why in setdiff(stop_reasons, c("", "interrupt"))) {
    fit$stopped <- why
    expect_warning(report_stop(fit, globalenv()), class = "vb_not_converged")
  }
  fit$stopped <- "interrupt"
  expect_warning(report_stop(fit, globalenv()), class = "vb_interrupted")
  # a loop at top level: the next fit comes at once and is not begun; the one after it is
  expect_identical(tryCatch(stop_loop(), interrupt = function(i) "again"), "again")
  expect_silent(stop_loop())
  inside <- function() suppressWarnings(report_stop(fit, environment()))
  expect_identical(tryCatch(inside(), interrupt = function(i) "again"), "again")
  expect_silent(report_stop(list(converged = TRUE), globalenv()))
})

test_that("every status of the engine but success has its reason", {
  expect_length(stop_reasons, 5)
  model <- model_of(y ~ x, toy)
  for (status in 1:4) {
    engine <- list(converged = FALSE, status = status, trace = NULL)
    fit <- new_vbfit(quote(vb()), model, list(algorithm = "cavi"), list(), engine, 0)
    expect_identical(fit$stopped, stop_reasons[status + 1])
    expect_identical(nrow(fit$trace), 0L)
  }
})
