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
