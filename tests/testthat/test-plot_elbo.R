test_that("graphical parameters pass through", {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_silent(plot(fit_of("slope"), xlab = "iteration", col = "black"))
  expect_silent(plot(fit_of("slope"), parts = TRUE, against = "time"))
})

test_that("a constant or short trace has limits", {
  expect_true(diff(elbo_limits(c(-3, -3))) > 0)
  expect_true(diff(elbo_limits(0)) > 0)
  expect_true(diff(elbo_limits(c(NA, -Inf))) > 0)
})

test_that("only noisy bounds are cut to their last half", {
  expect_identical(shown_values(1:10, NULL), 1:10)
  expect_identical(shown_values(1:4, c(9, 9, 9, 1)), c(3, 4, 2, 6))
  trace <- elbo(fit_of("slope"), trace = TRUE)
  expect_null(trace[["se"]])
})

test_that("many phases of sweeps share a panel, and ticks have labels of their own", {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  fit <- fit_of("slope")
  n <- 30L
  value <- -911.3996 + 1e-6 * seq_len(n)
  fit$trace <- data.frame(step = seq_len(n), phase = c("start", paste("sweeps", seq_len(n - 1L))),
                          elbo = value, log_lik = value + 9, kl = 9, seconds = 0)
  expect_silent(plot(fit))
  expect_silent(plot(fit, parts = TRUE))
  ticks <- pretty(elbo_limits(c(-911.3996, -911.39959)))
  expect_false(anyDuplicated(format(ticks, digits = 7)) > 0L)
})

test_that("phases of every algorithm have a heading", {
  expect_setequal(setdiff(names(phase_quantity), sub("polish", "bound", advi_phases)),
                  c("start", "mode", "nodes", "sweeps"))
  expect_setequal(names(part_quantity), c(model_parts$names, target_parts$names))
})

test_that("a fit that had no step says so", {
  fit <- fit_of("slope")
  fit$trace <- fit$trace[0L, ]
  expect_error(plot(fit), "ended before its first step", class = "vb_error_type")
})
