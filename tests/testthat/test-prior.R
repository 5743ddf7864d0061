test_that("constructors have rstanarm's fields", {
  expect_identical(unclass(normal(0, 2, autoscale = TRUE)),
                   list(dist = "normal", df = NA_real_, location = 0, scale = 2, autoscale = TRUE))
  expect_identical(unclass(student_t(4, 1, 2))[c("dist", "df")], list(dist = "t", df = 4))
  expect_identical(cauchy(0, 5), student_t(1, 0, 5))
  expect_identical(exponential(2)$scale, 0.5)
  expect_identical(unclass(laplace(1, 2))[c("dist", "location", "scale")],
                   list(dist = "laplace", location = 1, scale = 2))
})

test_that("priors print as the call that makes them", {
  expect_output(print(normal(0, 2.5)), "normal(0, 2.5)", fixed = TRUE)
  expect_identical(format(student_t(3, 0, 1, autoscale = TRUE)),
                   "student_t(3, 0, 1, autoscale = TRUE)")
  expect_identical(format(cauchy(0, 5)), "cauchy(0, 5)")
  expect_identical(format(exponential(3)), "exponential(3)")
  expect_identical(format(laplace(0, 3)), "laplace(0, 3)")
  expect_identical(format(normal(0, c(x = 1 / 3))), "normal(0, c(x = 0.33333))")
  expect_identical(format(flat()), "flat()")
  expect_identical(format(constant(1)), "constant(1)")
  expect_identical(format(lkj(2)), "lkj(2)")
  expect_identical(format(pc(1, 0.05)), "pc(1, 0.05)")
  expect_identical(eval(prior_call(normal(1, 2, TRUE))), normal(1, 2, TRUE))
})

test_that("impossible arguments are errors", {
  expect_error(normal(0, -1), class = "vb_error_scale")
  expect_error(normal(NA), class = "vb_error_location")
  expect_error(normal("a"), class = "vb_error_location")
  expect_error(student_t(0), class = "vb_error_df")
  expect_error(exponential(0), class = "vb_error_rate")
  expect_error(constant(NA), class = "vb_error_value")
  expect_error(lkj(0), class = "vb_error_eta")
  expect_error(lkj(1e-10), class = "vb_error_eta")           # correlations of -1 and 1 alone
  expect_error(normal(autoscale = NA), class = "vb_error_autoscale")
  expect_error(pc(0), class = "vb_error_u")
  expect_error(pc(1, 1), class = "vb_error_alpha")
})

test_that("pc() leaves the probability alpha above u", {
  density <- function(x) exp(eval_prior("pc", x, c(2, 0.05))$ll)
  expect_equal(stats::integrate(density, 2, Inf)$value, 0.05, tolerance = 1e-6)
  expect_equal(stats::integrate(density, 0, 2)$value, 0.95, tolerance = 1e-6)
})

test_that("pc() of a correlation leaves alpha beyond u, either way, and is smooth at zero", {
  density <- function(x) exp(eval_prior("pc_cor", x, c(0.4, 0.2))$ll)
  expect_equal(stats::integrate(density, 0.4, 1, rel.tol = 1e-8)$value, 0.1, tolerance = 1e-6)
  expect_equal(stats::integrate(density, -1, 1, rel.tol = 1e-8)$value, 1, tolerance = 1e-6)
  near <- eval_prior("pc_cor", 1e-3 * c(1 - 1e-9, 1 + 1e-9), c(0.4, 0.2))
  expect_equal(near$ll[1], near$ll[2], tolerance = 1e-9)
  expect_equal(near$d1[1], near$d1[2], tolerance = 1e-7)
})

test_that("every distribution of the table is known to C, with as many arguments", {
  table <- vb_tables()$prior
  for (row in prior_rows[names(prior_rows) != "lkj"]) {
    if (row$row %in% table$name) {
      expect_equal(table$n_arg[table$name == row$row], row$n_arg, info = row$row)
    } else {
      expect_identical(row$row, "constant")
    }
  }
})

test_that("what is no prior, or one of the wrong kind, says what would do", {
  wrong <- list(list(prior_sd = laplace()), list(prior_sd = lkj(1)), list(prior_cor = normal()),
                list(prior = exponential()),
                list(prior = pc(1)), list(prior_cor = pc(1)), list(prior = list(normal())),
                list(prior = list(nobody = normal())), list(prior = list(x = lkj())),
                list(prior_sd = list(a = list(z = normal()))),
                list(prior_sd = list(a = list(normal()))),
                list(prior_sd = list(a = list(x = laplace()))),
                list(prior = constant(1)), list(prior_intercept = lkj()), list(prior = 3),
                list(prior = "normal(0, 1)"), list(prior = list(1)), list(prior_aux = lkj()),
                list(prior = list(dist = "hs", df = 1)), list(prior_cor = list(dist = "decov")))
  for (priors in wrong) {
    expect_error(model_of(y ~ x + (x | a), toy, priors = priors),
                 class = paste0("vb_error_", names(priors)), info = names(priors))
  }
  expect_error(model_of(y ~ x, toy, priors = list(prior = Gamma())), "family",
               class = "vb_error_prior")
})

test_that("a menu of priors is complete, and a list without names is said to have none", {
  expect_error(as_prior(3, "prior", "coef"), "cauchy\\(\\)", class = "vb_error_prior")
  no_cauchy <- expect_error(as_prior(3, "prior_cor", "cor"), class = "vb_error_prior_cor")
  expect_no_match(conditionMessage(no_cauchy), "cauchy")
  expect_error(vb(dist ~ speed, cars, prior = list(normal())), "no names", class = "vb_error_prior")
  expect_error(vb(dist ~ speed, cars, prior_aux = constant(1:2)), "`value`",
               class = "vb_error_prior_aux")
})
