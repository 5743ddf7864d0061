local_device <- function(env = parent.frame()) {
  grDevices::pdf(NULL)
  withr_off <- grDevices::dev.cur()
  do.call(on.exit, list(bquote(grDevices::dev.off(.(withr_off))), add = TRUE), envir = env)
}

test_that("with bayesplot any of its checks is a ggplot", {
  skip_if_not_installed("bayesplot")
  local_device()
  fit <- fit_of("poisson")
  for (type in c("dens_overlay", "ecdf_overlay", "hist", "stat", "rootogram", "intervals")) {
    plot <- suppressMessages(pp_check(fit, type = type, ndraws = 20))
    expect_s3_class(plot, "ggplot")
  }
  expect_s3_class(pp_check(fit), "ggplot")
  expect_s3_class(suppressMessages(pp_check(fit, plotfun = "stat_grouped", group = "spray")),
                  "ggplot")
  expect_s3_class(pp_check(fit_of("line"), "error_scatter_avg_vs_x", x = "speed", nreps = 5),
                  "ggplot")
  expect_s3_class(bayesplot::pp_check(fit_of("binomial")), "ggplot")
  expect_error(pp_check(fit, type = "nothing"), class = "vb_error_type")
  expect_error(pp_check(fit, type = "stat_grouped"), class = "vb_error_group")
  expect_error(pp_check(fit, type = "stat_grouped", group = "none"), class = "vb_error_group")
  expect_error(pp_check(fit, type = 3), class = "vb_error_type")
})

test_that("base graphics draw each of their types, from data of the fit or new", {
  local_device()
  fit <- fit_of("poisson")
  y <- fit$y
  yrep <- posterior_predict(fit, ndraws = 10, seed = 1)
  for (type in names(base_checks)) {
    expect_identical(draw_check(type, y, yrep, list(), list(), bayesplot = FALSE), yrep)
  }
  expect_error(draw_check("rootogram", y, yrep, list(), list(), bayesplot = FALSE),
               class = "vb_error_type")
})

test_that("defaults suit the response", {
  expect_identical(default_check(fit_of("line")), "ecdf_overlay")
  expect_identical(default_check(fit_of("slope")), "dens_overlay")
  expect_identical(default_check(fit_of("poisson")), "ecdf_overlay")
  expect_identical(default_check(vb(am ~ wt, mtcars, family = binomial())), "bars")
})

test_that("what a check lacks, and what it does not read, is said", {
  skip_if_not_installed("bayesplot")
  fit <- fit_of("slope")
  expect_error(pp_check(fit, "error_scatter_avg_vs_x"), class = "vb_error_x")
  expect_error(pp_check(fit, "loo_intervals"), class = "vb_error_psis_object")
  expect_error(pp_check(fit, "rootogram"), class = "vb_error_type")
  expect_error(pp_check(fit, "stat", stat = "nonsense"), class = "vb_error_type")
  expect_warning(pp_check(fit, "hist", group = "Subject"), class = "vb_warning_dots")
})

test_that("the arguments of draws go by all their names", {
  fit <- fit_of("slope")
  new <- data.frame(Reaction = 300, Days = 1, Subject = "new")
  expect_error(pp_check(fit, newdata = new, allow_new_levels = FALSE),
               class = "vb_error_allow.new.levels")
  expect_error(pp_check(fit, ndraws = 3, draws = 3), class = "vb_error_ndraws")
  skip_if_not_installed("bayesplot")
  expect_no_warning(pp_check(fit, draws = 3, re_formula = NA, plotfun = "stat"))
})

test_that("bars of categories have their names", {
  expect_identical(bar_ticks(1:3, c("L", "M", "H")), list(at = 1:3, label = c("L", "M", "H")))
  expect_equal(bar_ticks(0:1, NULL), list(at = 0:1, label = 0:1))
  skip_if_not_installed("bayesplot")
  fit <- vb(factor(tension, ordered = TRUE) ~ breaks, warpbreaks, family = cumulative())
  expect_silent(picture <- pp_check(fit, type = "bars", ndraws = 20, seed = 1))
  expect_identical(picture$scales$get_scales("x")$labels, c("L", "M", "H"))
})
