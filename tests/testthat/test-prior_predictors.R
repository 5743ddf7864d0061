# Priors by distributional parameter.

d <- several_data
tables <- function(formula, priors, family = gaussian()) {
  several_model(formula, d, family, priors)$priors$tables
}
said <- function(table) stats::setNames(table$prior, table$parameter)
both <- bf(y ~ x + z + (1 | p | g) + (1 | h), sigma ~ x + s(o) + (1 | p | g))

test_that("defaults: the mean's are the data's, others those of their links", {
  t <- tables(both, list())
  unit <- signif(2.5 / c(sd(d$x)), 5)
  expect_identical(said(t$prior)[["sigma_x"]], sprintf("normal(0, %s)", unit))
  expect_identical(said(t$prior)[["x"]],
                   sprintf("normal(0, %s)", signif(2.5 * sd(d$y) / sd(d$x), 5)))
  expect_identical(said(t$prior)[["sigma_so_1"]], "flat()")
  expect_identical(said(t$prior_intercept)[["sigma_Intercept"]], "student_t(3, 0, 2.5)")
  expect_true(all(unlist(lapply(t, function(x) x$default))))
  wide <- several_model(bf(I(100 * y) ~ x + (1 | g), sigma ~ x + (1 | g) + s(o)), d)$priors$tables
  scale <- round(mad(100 * d$y), 1)
  expect_identical(said(wide$prior_sd)[["g__(Intercept)"]], sprintf("student_t(3, 0, %s)", scale))
  expect_identical(said(wide$prior_sd)[["g__sigma_Intercept"]], "student_t(3, 0, 2.5)")
  expect_identical(said(wide$prior_sd)[["sds_sigma_so_1"]], "student_t(3, 0, 2.5)")
  zi <- tables(bf(count ~ x, zi ~ z), list(), zero_inflated_poisson())
  expect_identical(said(zi$prior_intercept)[["zi_Intercept"]], "logistic(0, 1)")
  held <- tables(count ~ x, list(), zero_inflated_negbinomial())
  expect_identical(said(held$prior_aux), c(shape = "exponential(1)", zi = "flat()"))
  cat <- tables(cat ~ x, list(), categorical())
  expect_identical(unname(said(cat$prior_intercept)), rep("student_t(3, 0, 2.5)", 2))
  log <- tables(bf(positive ~ x, hu ~ z), list(), hurdle_lognormal())
  y <- log(replace(d$positive, d$positive == 0, 0.1))
  expect_identical(said(log$prior_intercept)[["(Intercept)"]],
                   sprintf("student_t(3, %s, 2.5)", round(median(y), 1)))
  expect_identical(said(log$prior)[["x"]], sprintf("normal(0, %s)", unit))
})

test_that("one prior is the mean's, a list is by parameter or coefficient", {
  t <- tables(both, list(prior = normal(0, 7), prior_intercept = normal(1, 2)))
  expect_identical(unname(said(t$prior)[c("x", "z")]), rep("normal(0, 7)", 2))
  expect_true(t$prior$default[t$prior$parameter == "sigma_x"])
  expect_identical(t$prior_intercept$default, c(FALSE, TRUE))
  t <- tables(both, list(prior = list(sigma = normal(0, 3), x = normal(0, 5))))
  expect_identical(said(t$prior)[c("x", "sigma_x", "sigma_so_1")],
                   c(x = "normal(0, 5)", sigma_x = "normal(0, 3)", sigma_so_1 = "normal(0, 3)"))
  expect_true(t$prior$default[t$prior$parameter == "z"])
  t <- tables(both, list(prior = list(mu = normal(0, 4), sigma = list(x = normal(0, 3))),
                         prior_intercept = list(sigma = normal(1, 1))))
  expect_identical(said(t$prior)[c("x", "z", "sigma_x", "sigma_so_1")],
                   c(x = "normal(0, 4)", z = "normal(0, 4)", sigma_x = "normal(0, 3)",
                     sigma_so_1 = "flat()"))
  expect_identical(said(t$prior_intercept)[["sigma_Intercept"]], "normal(1, 1)")
  t <- tables(both, list(prior = list(sigma_x = normal(0, 3), sigma_Intercept = normal(2, 1))))
  expect_identical(said(t$prior)[["sigma_x"]], "normal(0, 3)")
  expect_identical(said(t$prior_intercept)[["sigma_Intercept"]], "normal(2, 1)")
  t <- tables(cat ~ x, list(prior = list(x = normal(0, 3), mutop_x = normal(0, 2))), categorical())
  expect_identical(said(t$prior), c(mumid_x = "normal(0, 3)", mutop_x = "normal(0, 2)"))
  t <- tables(cat ~ x, list(prior = normal(0, 1), prior_intercept = normal(0, 2)), categorical())
  expect_identical(unname(said(t$prior)), rep("normal(0, 1)", 2))
  expect_identical(unname(said(t$prior_intercept)), rep("normal(0, 2)", 2))
})

test_that("standard deviations have priors by group, coefficient or parameter", {
  t <- tables(both, list(prior_sd = list(sigma = normal(0, 1))))
  expect_identical(said(t$prior_sd)[c("g__sigma_Intercept", "sds_sigma_so_1")],
                   c("g__sigma_Intercept" = "normal(0, 1)", sds_sigma_so_1 = "normal(0, 1)"))
  expect_identical(unname(t$prior_sd$default), c(TRUE, FALSE, TRUE, FALSE))
  t <- tables(both, list(prior_sd = list(g = list(sigma_Intercept = normal(0, 2)),
                                         sigma = normal(0, 1))))
  expect_identical(said(t$prior_sd)[["g__sigma_Intercept"]], "normal(0, 2)")
  expect_identical(said(t$prior_sd)[["sds_sigma_so_1"]], "normal(0, 1)")
  t <- tables(both, list(prior_sd = normal(0, 3)))
  expect_identical(unique(t$prior_sd$prior), "normal(0, 3)")
})

test_that("what is no parameter is an error with the names", {
  for (priors in list(list(prior = list(zi = normal())), list(prior = list(normal())),
                      list(prior = list(sigma_z = normal())),
                      list(prior_intercept = list(x = flat())),
                      list(prior_sd = list(nu = normal())), list(prior = list(sigma = lkj(1))),
                      list(prior_aux = exponential()))) {
    expect_true(refusal(several_model(both, d, gaussian(), priors)) %in%
                  c("vb_error_prior", paste0("vb_error_", names(priors)), "fine"))
  }
  expect_error(tables(both, list(prior = list(zi = normal()))), "sigma_x",
               class = "vb_error_prior")
  expect_message(tables(both, list(prior_aux = exponential())), "not used")
})

test_that("data frames of brms speak of parameters by dpar", {
  frame <- data.frame(
    prior = c("normal(0, 9)", "normal(0, 8)", "normal(0, 7)", "student_t(3, 1, 2)", "normal(0, 6)",
              "normal(0, 5)", "normal(0, 4)", "lkj(2)", "normal(0, 3)"),
    class = c("b", "b", "b", "Intercept", "Intercept", "sd", "sd", "cor", "sds"),
    coef = c("", "x", "", "", "", "", "Intercept", "", ""),
    group = c("", "", "", "", "", "", "g", "", ""),
    dpar = c("", "", "sigma", "sigma", "", "", "sigma", "", "sigma"))
  t <- tables(both, list(prior = frame))
  expect_identical(said(t$prior)[c("x", "z", "sigma_x")],
                   c(x = "normal(0, 8)", z = "normal(0, 9)", sigma_x = "normal(0, 7)"))
  expect_identical(said(t$prior_intercept), c("(Intercept)" = "normal(0, 6)",
                                              sigma_Intercept = "student_t(3, 1, 2)"))
  expect_identical(said(t$prior_sd)[c("g__(Intercept)", "h__(Intercept)", "g__sigma_Intercept",
                                      "sds_sigma_so_1")],
                   c("g__(Intercept)" = "normal(0, 5)", "h__(Intercept)" = "normal(0, 5)",
                     "g__sigma_Intercept" = "normal(0, 4)", sds_sigma_so_1 = "normal(0, 3)"))
  expect_identical(t$prior_cor$prior, "lkj(2)")
  zi <- data.frame(prior = c("beta(2, 3)", "gamma(2, 1)"), class = c("zi", "shape"))
  t <- tables(count ~ x, list(prior = zi), zero_inflated_negbinomial())
  expect_identical(said(t$prior_aux), c(shape = "gamma(2, 1)", zi = "beta(2, 3)"))
  logit <- data.frame(prior = "logistic(0, 2)", class = "Intercept", dpar = "zi")
  t <- tables(bf(count ~ x, zi ~ z), list(prior = logit), zero_inflated_poisson())
  expect_identical(said(t$prior_intercept)[["zi_Intercept"]], "logistic(0, 2)")
  for (wrong in list(data.frame(prior = "normal(0, 1)", class = "b", dpar = "nu"),
                     data.frame(prior = "normal(0, 1)", class = "b", coef = "z", dpar = "sigma"),
                     data.frame(prior = "normal(0, 1)", class = "sigma"),
                     data.frame(prior = "normal(0, 1)", class = "sd", group = "h",
                                dpar = "sigma"))) {
    expect_error(tables(both, list(prior = wrong)), class = "vb_error_prior")
  }
})
