drawn <- function(...) {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  plot(...)
}

test_that("intervals are the quantiles of posterior_summary()", {
  for (case in all_cases) {
    out <- drawn(fit_of(case), type = "intervals")
    exact <- posterior_summary(fit_of(case), probs = c(0.025, 0.25, 0.75, 0.975))
    exact <- exact[!grepl("^r_", rownames(exact)), ]
    expect_setequal(out$variable, rownames(exact))
    expect_equal(unname(as.matrix(out[-(1:2)])), unname(exact[out$variable, ]), info = case)
  }
  out <- drawn(fit_of("line"), type = "intervals", prob = 0.8, variable = "b_speed")
  expect_named(out, c("variable", "panel", "Estimate", "Est.Error", "Q10", "Q90"))
})

test_that("kinds of parameters have panels of their own, the intercept too", {
  out <- drawn(fit_of("slope"), type = "intervals")
  expect_identical(out$panel, unname(c("Intercept", interval_headings[c("b", "sd", "sd", "cor",
                                                                        "aux")])))
  alone <- drawn(fit_of("slope"), type = "intervals", variable = c("b_Intercept", "sigma"))
  expect_identical(alone$panel, unname(interval_headings[c("b", "aux")]))
  expect_setequal(names(interval_headings),
                  c("threshold", "b", "sd", "cor", "aux", "hs", "r", "parameter"))
})

test_that("names lose what the heading says", {
  table <- data.frame(name = c("b_x", "sd_g__Intercept", "cor_g__Intercept__x", "sigma"),
                      class = c("b", "sd", "cor", "aux"))
  expect_identical(short_name(table), c("x", "g: Intercept", "g: Intercept, x", "sigma"))
})

test_that("caterpillars are sorted and agree with ranef()", {
  for (case in mixed_cases) {
    fit <- fit_of(case)
    out <- drawn(fit, type = "ranef")
    expect_named(out, c("grpvar", "term", "grp", "condval", "condsd", "Q2.5", "Q25", "Q75",
                        "Q97.5"))
    theirs <- as.data.frame(ranef(fit))
    at <- match(paste(out$grpvar, out$term, out$grp), paste(theirs$grpvar, theirs$term, theirs$grp))
    expect_identical(sort(at), seq_len(nrow(theirs)), info = case)
    expect_equal(out$condval, theirs$condval[at], info = case)
    expect_equal(out$condsd, theirs$condsd[at], info = case)
    for (panel in split(out$condval, paste(out$grpvar, out$term))) {
      expect_false(is.unsorted(panel), info = case)
    }
    probs <- c(0.025, 0.25, 0.75, 0.975)
    exact <- posterior_summary(fit, probs = probs)
    exact <- exact[grepl("^r_", rownames(exact)), -(1:2)]
    for (k in 1:4) expect_equal(sort(out[[5L + k]]), sort(unname(exact[, k])), info = case)
  }
  one <- drawn(fit_of("slope"), type = "ranef", variable = "r_Subject[308,Days]")
  expect_identical(one$grp, "308")
})

test_that("thresholds have the names of the categories that they part", {
  fit <- vb(factor(tension, ordered = TRUE) ~ breaks, warpbreaks, family = cumulative())
  expect_identical(short_name(parameter_table(fit), fit$levels), c("L | M", "M | H", "breaks"))
})

test_that("a panel of one row has room for its margins beside one of many", {
  heights <- panel_heights(c(4.6, 200, 4.6), 0.7, 7)
  expect_equal(sum(heights), 7)
  expect_equal(heights[c(1, 3)], c(0.7, 0.7))
  expect_equal(panel_heights(c(5, 10), 0.7, 7), c(7, 14) / 3)
  set.seed(1)
  data <- data.frame(f = factor(rep(1:90, 2)), y = rnorm(180))
  many <- drawn(vb(y ~ f, data, prior = normal(0, 1)), type = "intervals")
  expect_identical(nrow(many), 91L)
})

test_that("a device without room for the picture is an error with a class", {
  grDevices::pdf(NULL, width = 0.5, height = 0.5)
  on.exit(grDevices::dev.off())
  for (type in c("intervals", "density", "elbo")) {
    expect_error(plot(fit_of("slope"), type = type), class = "vb_error_device")
  }
  expect_error(plot(conditional_effects(fit_of("line"))), class = "vb_error_device")
})
