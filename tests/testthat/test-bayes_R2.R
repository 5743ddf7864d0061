test_that("R-squared is explained over explained and residual variance", {
  fit <- fit_of("line")
  r2 <- bayes_R2(fit, ndraws = 200, seed = 1)
  mu <- posterior_epred(fit, ndraws = 200, seed = 1)
  set.seed(1)
  sigma <- as.matrix(fit, ndraws = 200, pars = c("b_Intercept", "sigma"))[, "sigma"]
  explained <- apply(mu, 1, function(x) mean((x - mean(x))^2))
  expect_equal(r2, unname(explained / (explained + sigma^2)), tolerance = 1e-10)
  expect_lt(abs(mean(bayes_R2(fit)) - summary(stats::lm(dist ~ speed, cars))$r.squared), 0.03)
  table <- bayes_R2(fit, summary = TRUE, probs = c(0.1, 0.9))
  expect_identical(dimnames(table), list("R2", c("Estimate", "Est.Error", "Q10", "Q90")))
})

test_that("binary responses have p (1 - p), counts their mean", {
  fit <- vb(am ~ wt, mtcars, family = binomial())
  p <- posterior_epred(fit, ndraws = 50, seed = 1)
  explained <- apply(p, 1, function(x) mean((x - mean(x))^2))
  expect_equal(bayes_R2(fit, ndraws = 50, seed = 1),
               unname(explained / (explained + rowMeans(p * (1 - p)))), tolerance = 1e-10)
  fit <- fit_of("nested")
  expect_lt(mean(bayes_R2(fit, re.form = NA)), mean(bayes_R2(fit)))
})

test_that("it is an error where there is no variance", {
  expect_error(bayes_R2(vb(breaks ~ wool, warpbreaks, family = weibull)),
               class = "vb_error_family")
})
