test_that("every method warns of arguments that it does not read", {
  fit <- fit_of("slope")
  calls <- expression(
    fixef(fit, summary = FALSE), ranef(fit, condvar = FALSE), coef(fit, summary = FALSE),
    vcov(fit, x = 1), confint(fit, lvl = 0.9), sigma(fit, x = 1), VarCorr(fit, rdig = 3),
    VarCorr(fit, sigma = 2), weights(fit, x = 1), model.frame(fit, data = sleepstudy),
    model.matrix(fit, data = sleepstudy), formula(fit, fixed_only = TRUE),
    terms(fit, fixed_only = TRUE), summary(fit, probs = 0.9), elbo(fit, tracing = TRUE),
    prior_summary(fit, all = FALSE), posterior_summary(fit, robust = TRUE),
    posterior_interval(fit, type = "central"), as.matrix(fit, ndraws = 2, chains = 1),
    as.data.frame(fit, ndraws = 2, chains = 1), as.array(fit, ndraws = 2, chains = 1),
    residuals(fit, scaled = TRUE), fitted(fit, scale = "linear"), predict(fit, tpye = "link"),
    posterior_epred(fit, ndraws = 2, sort = TRUE), bayes_R2(fit, ndraws = 2, robust = TRUE),
    poststratify(fit, transform(sleepstudy, w = 1), "w", ndraws = 2, group = "Subject")
  )
  for (call in calls) expect_warning(eval(call), class = "vb_warning_dots", label = deparse1(call))
})

test_that("methods of other packages' generics warn, too, but not of what these packages give", {
  fit <- fit_of("line")
  skip_if_not_installed("generics")
  expect_warning(generics::tidy(fit, conf.levle = 0.9), class = "vb_warning_dots")
  expect_warning(generics::glance(fit, nonsense = 1), class = "vb_warning_dots")
  expect_no_warning(generics::tidy(fit, effects = "fixed", parametric = TRUE))
  expect_no_warning(vcov(fit, complete = FALSE))
  skip_if_not_installed("posterior")
  expect_warning(posterior::as_draws_df(fit, draws = 5), class = "vb_warning_dots")
  skip_if_not_installed("loo")
  expect_warning(loo::kfold(fit, K = 2, chains = 1), class = "vb_warning_dots")
  expect_warning(loo::loo(fit, method = "cavity", ndraws = 5), class = "vb_warning_dots")
  expect_warning(suppressWarnings(loo::loo(fit, draws = 50), classes = "simpleWarning"),
                 class = "vb_warning_dots")
})

test_that("other packages' names are ours", {
  fit <- fit_of("slope")
  new <- data.frame(Days = 1:2, Subject = "new")
  known <- sleepstudy[1:3, ]
  expect_identical(predict(fit, known, re_formula = NA), predict(fit, known, re.form = NA))
  expect_identical(predict(fit, new, allow_new_levels = TRUE),
                   predict(fit, new, allow.new.levels = TRUE))
  expect_identical(fitted(fit, known, re_formula = NA),
                   predict(fit, known, type = "response", re.form = NA))
  expect_identical(posterior_interval(fit, variable = "sigma"),
                   posterior_interval(fit, pars = "sigma"))
  expect_identical(posterior_summary(fit, pars = "sigma"),
                   posterior_summary(fit, variable = "sigma"))
  drawn <- function(...) {
    set.seed(1)
    as.matrix(fit, ...)
  }
  expect_identical(drawn(draws = 3, variable = "sigma"), drawn(ndraws = 3, pars = "sigma"))
  cells <- transform(known, w = 1:3)
  expect_identical(poststratify(fit, cells, "w", re_formula = NA, draws = 20),
                   poststratify(fit, cells, "w", re.form = NA, ndraws = 20))
})

test_that("an argument that is given by both of its names is an error", {
  fit <- fit_of("line")
  expect_error(posterior_epred(fit, ndraws = 2, draws = 3), class = "vb_error_ndraws")
  expect_error(as.matrix(fit, pars = "sigma", variable = "b_speed"), class = "vb_error_pars")
  expect_error(predict(fit, re.form = NA, re_formula = ~0), class = "vb_error_re.form")
})
