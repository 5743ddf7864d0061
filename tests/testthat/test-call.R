tidy <- function(fun, args, env = parent.frame()) {
  catch <- function(formula, data, family = gaussian(), ...) match.call()
  tidy_call(do.call(catch, args), env, resolve_family(if (is.null(args$family)) "gaussian"
                                                      else args$family))
}

test_that("a call by values holds names and short calls instead", {
  frame_here <- toy
  call <- tidy(vb, list(y ~ x, data = frame_here, family = binomial("probit"), weights = runif(60),
                        prior = normal(0, c(x = 2)), control = vb_control(tol = 1e-8),
                        na.action = stats::na.exclude, cores = 2))
  expect_identical(call$data, quote(frame_here))
  expect_identical(call$family, quote(binomial(link = "probit")))
  expect_identical(call$weights, quote(weights))
  expect_identical(deparse(call$prior), "normal(0, c(x = 2))")
  expect_identical(eval(call$control), vb_control(tol = 1e-8))
  expect_identical(call$na.action, quote(na.exclude))
  expect_identical(call$cores, 2)
  expect_lt(object.size(deparse(call)), 3000)
})

test_that("families are written with what they hold", {
  expect_identical(tidy(vb, list(y ~ x, toy, family = student(df = 4)))$family,
                   quote(student(df = 4)))
  expect_identical(tidy(vb, list(y ~ x, toy, family = "poisson"))$family, "poisson")
  expect_identical(tidy(vb, list(y ~ x, toy, family = stats::poisson))$family, quote(poisson()))
})

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

test_that("no approximation is the default one", {
  expect_identical(vb(dist ~ speed, cars, approximation = NULL)$approximation, "structured")
  expect_identical(vb(dist ~ speed, cars, algorithm = "advi", approximation = NULL)$approximation,
                   "fullrank")
})
