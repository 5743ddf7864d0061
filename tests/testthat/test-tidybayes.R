skip_if_not_installed("tidybayes")
skip_if_not_installed("rstantools")
skip_if_not_installed("posterior")

# the table's draws of a value, a column per row of newdata
as_columns <- function(table, value) {
  unname(vapply(split(table[[value]], table$.row), identity, numeric(max(table$.draw))))
}
new <- data.frame(Days = c(0, 5, 9), Subject = "308")

test_that("variables and draws are those of as_draws()", {
  fit <- fit_of("slope")
  known <- posterior::variables(posterior::as_draws(fit, ndraws = 10))
  expect_identical(tidybayes::get_variables(fit), known)
  set.seed(1)
  draws <- tidybayes::tidy_draws(fit)
  set.seed(1)
  known <- posterior::as_draws_df(fit)
  expect_identical(draws$b_Days, known$b_Days)
  expect_identical(nrow(draws), 4000L)
})

test_that("random effects are spread over levels and terms", {
  fit <- fit_of("slope")
  set.seed(1)
  # the names are columns of what comes back
  wide <- tidybayes::spread_draws(fit, r_Subject[level, term])
  expect_setequal(wide$level, as.integer(levels(sleepstudy$Subject)))
  expect_setequal(wide$term, c("Intercept", "Days"))
  mean <- tapply(wide$r_Subject, list(wide$level, wide$term), mean)
  sd <- tapply(wide$r_Subject, list(wide$level, wide$term), sd)
  known <- as.matrix(ranef(fit)$Subject)
  known <- known[rownames(mean), c("Days", "(Intercept)")]
  expect_lt(max(abs(mean[, c("Days", "Intercept")] - known) / sd[, c("Days", "Intercept")]), 0.08)
  long <- tidybayes::gather_draws(fit, b_Days, sigma)
  expect_identical(unique(long$.variable), c("b_Days", "sigma"))
  interval <- tidybayes::median_qi(long)
  expect_equal(interval$.lower, unname(posterior_summary(fit, variable = c("b_Days", "sigma"))
                                       [, "Q2.5"]), tolerance = 0.05)
})

test_that("predictions are added as the draws generics make them", {
  fit <- fit_of("slope")
  linear <- tidybayes::add_linpred_draws(new, fit, seed = 3)
  expect_equal(as_columns(linear, ".linpred"), posterior_linpred(fit, newdata = new, seed = 3),
               ignore_attr = TRUE)
  mean <- tidybayes::add_epred_draws(new, fit, ndraws = 500, re_formula = NA, seed = 3)
  expect_equal(as_columns(mean, ".epred"),
               posterior_epred(fit, new, ndraws = 500, re.form = NA, seed = 3),
               ignore_attr = TRUE)
  response <- tidybayes::add_predicted_draws(new, fit, ndraws = 500, seed = 3)
  expect_equal(as_columns(response, ".prediction"),
               posterior_predict(fit, new, ndraws = 500, seed = 3), ignore_attr = TRUE)
  unseen <- transform(new, Subject = "none")
  many <- tidybayes::add_epred_draws(unseen, fit, allow_new_levels = TRUE, seed = 3)
  expect_gt(sd(many$.epred[many$.row == 1]), sd(linear$.linpred[linear$.row == 1]))
})

test_that("categories of an ordinal response are tidied", {
  set.seed(1)
  data <- data.frame(x = rnorm(60), y = factor(sample(c("a", "b", "c"), 60, TRUE), ordered = TRUE))
  fit <- vb(y ~ x, data, family = cumulative())
  mean <- tidybayes::add_epred_draws(data.frame(x = c(-1, 1)), fit)
  expect_identical(levels(mean$.category), fit$levels)
  known <- predict(fit, data.frame(x = c(-1, 1)), type = "response")
  expect_equal(tapply(mean$.epred, list(mean$.row, mean$.category), base::mean), known,
               tolerance = 0.02, ignore_attr = TRUE)
})
