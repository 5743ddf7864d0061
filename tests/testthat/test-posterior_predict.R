test_that("draws have the moments of predict()", {
  for (case in c("binomial", "poisson", "student", "nested")) {
    fit <- fit_of(case)
    n <- 20000
    link <- predict(fit, se.fit = TRUE)
    eta <- posterior_linpred(fit, ndraws = n, seed = 1)
    expect_identical(dim(eta), c(as.integer(n), nobs(fit)))
    expect_identical(colnames(eta), row.names(model.frame(fit)))
    expect_lt(max(abs(colMeans(eta) - link$fit) / link$se.fit), 5 / sqrt(n) + 0.03)
    expect_lt(max(abs(apply(eta, 2, sd) / link$se.fit - 1)), 0.06)
    mu <- posterior_epred(fit, ndraws = n, seed = 1)
    expect_equal(mu, family(fit)$linkinv(eta), ignore_attr = TRUE)
    expect_identical(posterior_linpred(fit, transform = TRUE, ndraws = n, seed = 1), mu)
    y <- posterior_predict(fit, ndraws = n, seed = 1)
    expect_lt(max(abs(colMeans(y) / response_mean_scale(fit) - colMeans(mu)) /
                    (apply(y, 2, sd) / response_mean_scale(fit))), 6 / sqrt(n))
  }
})

test_that("both dialects say the same", {
  fit <- fit_of("binomial")
  new <- data.frame(period = c("1", "2"), herd = c("1", "x"), incidence = 0, size = 9)
  ours <- posterior_predict(fit, new, ndraws = 20, re.form = NA, seed = 1)
  expect_identical(posterior_predict(fit, new, draws = 20, re_formula = NA, seed = 1), ours)
  expect_identical(posterior_predict(fit, new, nsamples = 20, re_formula = NA, seed = 1), ours)
  ours <- posterior_linpred(fit, newdata = new, ndraws = 20, allow_new_levels = TRUE, seed = 1)
  expect_identical(posterior_linpred(fit, newdata = new, ndraws = 20, allow.new.levels = TRUE,
                                     seed = 1), ours)
  expect_message(posterior_linpred(fit, newdata = new, ndraws = 2), class = "vb_message")
  expect_error(posterior_linpred(fit, newdata = new, ndraws = 2, allow_new_levels = FALSE),
               class = "vb_error_allow.new.levels")
  expect_warning(posterior_epred(fit, ndraws = 2, nonsense = 1), class = "vb_warning_dots")
  expect_error(posterior_epred(fit, ndraws = 0), class = "vb_error_ndraws")
  expect_error(posterior_epred(fit, ndraws = 2, sample_new_levels = "none"),
               class = "vb_error_sample_new_levels")
  expect_error(posterior_epred(fit, newdata = 3), class = "vb_error_newdata")
})

test_that("seed repeats, and leaves R's generator alone", {
  fit <- fit_of("line")
  set.seed(9)
  before <- .Random.seed
  first <- posterior_predict(fit, ndraws = 5, seed = 3)
  expect_identical(.Random.seed, before)
  expect_identical(posterior_predict(fit, ndraws = 5, seed = 3), first)
  expect_false(identical(posterior_predict(fit, ndraws = 5), posterior_predict(fit, ndraws = 5)))
  expect_equal(posterior_predict(fit, ndraws = 5, seed = 3, fun = exp), exp(first))
})

test_that("rows that lack a value have no draws", {
  fit <- fit_of("slope")
  new <- data.frame(Days = c(1, NA, 1), Subject = c("308", "308", NA))
  eta <- posterior_linpred(fit, newdata = new, ndraws = 3)
  expect_identical(unname(is.na(eta)), matrix(c(FALSE, TRUE, TRUE), 3, 3, byrow = TRUE))
})

test_that("of no rows there are draws without columns", {
  data <- list(binomial = cbpp, poisson = InsectSprays, known = cars)
  for (case in names(data)) {
    for (draws in list(posterior_linpred, posterior_epred, posterior_predict)) {
      none <- draws(fit_of(case), newdata = data[[case]][0L, ], ndraws = 3)
      expect_identical(dim(none), c(3L, 0L))
    }
  }
})

test_that("what is no fit is handed on, or an error that says so", {
  if (rlang::is_installed("rstantools")) {
    expect_error(posterior_predict(3), "no applicable method")
  } else {
    expect_error(posterior_predict(3), class = "vb_error_object")
  }
})

test_that("fits by ADVI give their own draws", {
  fit <- vb(breaks ~ wool + (1 | tension), warpbreaks, family = poisson(), algorithm = "advi")
  kept <- as.matrix(fit, pars = c("b_Intercept", "b_woolB"))
  eta <- posterior_linpred(fit, newdata = data.frame(wool = "B"), re.form = NA)
  expect_equal(drop(eta), rowSums(kept), ignore_attr = TRUE)
  expect_error(posterior_linpred(fit, ndraws = 1e5), class = "vb_error_ndraws")
  new <- data.frame(wool = "B", tension = c("new", "newer"))
  eta <- posterior_linpred(fit, newdata = new, allow_new_levels = TRUE, seed = 1)
  expect_lt(stats::cor(eta)[1, 2], 0.9)
})

test_that("fun and allow_new_levels are checked first", {
  fit <- fit_of("slope")
  new <- data.frame(Days = 1, Subject = "new")
  expect_error(posterior_predict(fit, fun = 1), class = "vb_error_fun")
  expect_error(posterior_predict(fit, fun = "no such function"), class = "vb_error_fun")
  expect_error(posterior_predict(fit, new, allow_new_levels = "yes"),
               class = "vb_error_allow_new_levels")
})
