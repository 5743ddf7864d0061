local_device <- function(env = parent.frame(), ...) {
  grDevices::pdf(NULL, ...)
  do.call(on.exit, list(quote(grDevices::dev.off()), add = TRUE), envir = env)
}

watched <- c("mfrow", "mar", "oma", "las", "cex", "mgp", "tcl")

test_that("every type draws every fit, restores par and returns its data", {
  local_device()
  before <- graphics::par(watched)
  for (case in all_cases) {
    fit <- fit_of(case)
    expect_identical(plot(fit), elbo(fit, trace = TRUE), info = case)
    types <- c("intervals", "density", if (case != "known") "prior",
               if (case %in% mixed_cases) "ranef")
    for (type in types) {
      expect_invisible(out <- plot(fit, type = type))
      expect_s3_class(out, "data.frame")
      expect_identical(graphics::par(watched), before, info = paste(case, type))
    }
  }
})

test_that("one panel leaves the layout to the user, and small devices are enough", {
  local_device(width = 3, height = 2.5)
  graphics::par(mfrow = c(1L, 2L))
  plot(fit_of("slope"), type = "density", variable = "b_Days")
  expect_identical(graphics::par("mfg"), c(1L, 1L, 1L, 2L))
  plot(fit_of("slope"), type = "intervals", variable = "b_Days")
  expect_identical(graphics::par("mfg"), c(1L, 2L, 1L, 2L))
  graphics::par(mfrow = c(1L, 1L))
  expect_silent(plot(fit_of("slope"), type = "ranef"))
})

test_that("what cannot be plotted is a classed error", {
  local_device()
  fit <- fit_of("slope")
  expect_error(plot(fit, type = "trace"), class = "vb_error_type")
  expect_error(plot(fit, type = "density", variable = "b_days"), class = "vb_error_variable")
  expect_error(plot(fit, type = "density", variable = "^x", regex = TRUE),
               class = "vb_error_variable")
  expect_error(plot(fit, type = "density", variable = "(", regex = TRUE),
               class = "vb_error_variable")
  expect_error(plot(fit, type = "density", regex = NA), class = "vb_error_regex")
  expect_error(plot(fit, type = "density", variable = "r_Subject"), NA)
  expect_error(plot(fit, type = "intervals", prob = 1), class = "vb_error_prob")
  expect_error(plot(fit, type = "intervals", prob = c(0.1, 0.5, 0.9)), class = "vb_error_prob")
  expect_error(plot(fit, against = "sweep"), class = "vb_error_against")
  expect_error(plot(fit, parts = "both"), class = "vb_error_parts")
  expect_error(plot(fit_of("line"), type = "ranef"), class = "vb_error_type")
  expect_error(plot(fit_of("nested"), type = "density", variable = "r_g"),
               class = "vb_error_variable")
  expect_error(plot(fit_of("slope"), type = "prior", variable = "r_Subject"),
               class = "vb_error_type")
})

test_that("regular expressions pick parameters in the order asked for", {
  local_device()
  out <- plot(fit_of("slope"), type = "density", variable = c("^sd_", "Days$"), regex = TRUE)
  expect_identical(unique(out$variable),
                   c("sd_Subject__Intercept", "sd_Subject__Days", "b_Days",
                     "cor_Subject__Intercept__Days"))
})

test_that("a fit by advi() has the types that need no model", {
  local_device()
  fit <- advi(function(theta) sum(dnorm(theta, log = TRUE)), c(a = 0, b = 1))
  expect_identical(plot(fit), elbo(fit, trace = TRUE))
  expect_identical(plot(fit, parts = TRUE, against = "time"), elbo(fit, trace = TRUE))
  expect_equal(plot(fit, type = "intervals")$Q2.5, unname(posterior_summary(fit)[, "Q2.5"]))
  expect_named(plot(fit, type = "density"), c("variable", "x", "density"))
  expect_error(plot(fit, type = "ranef"), class = "vb_error_type")
})
