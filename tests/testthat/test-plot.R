local_device <- function(env = parent.frame()) {
  file <- tempfile(fileext = ".pdf")
  grDevices::pdf(file)
  withr_free <- function() {
    grDevices::dev.off()
    unlink(file)
  }
  do.call(on.exit, list(as.call(list(withr_free)), add = TRUE), envir = env)
}

test_that("the plot draws a panel per phase, restores par and returns the trace", {
  local_device()
  before <- graphics::par(no.readonly = TRUE)
  for (case in all_cases) {
    expect_invisible(plot(fit_of(case)))
    expect_identical(plot(fit_of(case)), elbo(fit_of(case), trace = TRUE), info = case)
  }
  expect_identical(graphics::par("mfrow", "mar", "oma", "las", "cex"),
                   before[c("mfrow", "mar", "oma", "las", "cex")])
})

test_that("graphical parameters pass through and other types are an error", {
  local_device()
  expect_silent(plot(fit_of("slope"), xlab = "iteration", col = "black"))
  expect_error(plot(fit_of("slope"), type = "trace"), class = "vb_error_type")
})

test_that("a constant or short trace has limits", {
  expect_true(diff(varbayes:::elbo_limits(c(-3, -3))) > 0)
  expect_true(diff(varbayes:::elbo_limits(0)) > 0)
})

test_that("many phases of sweeps share a panel, and ticks have labels of their own", {
  local_device()
  fit <- fit_of("slope")
  n <- 30L
  fit$trace <- data.frame(step = seq_len(n), phase = c("start", paste("sweeps", seq_len(n - 1L))),
                          elbo = -911.3996 + 1e-6 * seq_len(n), seconds = 0)
  expect_silent(plot(fit))
  ticks <- pretty(elbo_limits(c(-911.3996, -911.39959)))
  expect_false(anyDuplicated(format(ticks, digits = 7)) > 0L)
})
