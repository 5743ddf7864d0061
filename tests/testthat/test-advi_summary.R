schools_fit <- advi(schools_density, schools_init, schools_gradient, lower = c(tau = 0))

test_that("summaries are those of the Gaussian, two calls alike", {
  got <- posterior_summary(schools_fit, probs = c(0.1, 0.5))
  expect_identical(got, posterior_summary(schools_fit, probs = c(0.1, 0.5)))
  expect_identical(colnames(got), c("Estimate", "Est.Error", "Q10", "Q50"))
  expect_identical(rownames(got), names(schools_init))
  mean <- schools_fit$mean[["mu"]]
  sd <- schools_fit$sd[["mu"]]
  expect_equal(got["mu", ], c(mean, sd, mean + sd * stats::qnorm(c(0.1, 0.5))),
               ignore_attr = TRUE)
  expect_equal(got["tau", "Q50"], exp(schools_fit$mean[["log(tau)"]]))
  expect_identical(posterior_summary(schools_fit, variable = "z"),
                   posterior_summary(schools_fit)[paste0("z[", 1:8, "]"), ])
  expect_identical(dim(posterior_summary(schools_fit, probs = numeric(), variable = "tau")),
                   c(1L, 2L))
  expect_error(posterior_summary(schools_fit, variable = "sigma"), class = "vb_error_variable")
  expect_error(posterior_summary(schools_fit, probs = 2), class = "vb_error_probs")
  expect_error(posterior_summary(schools_fit, method = "lr"), class = "vb_error_method")
})

test_that("importance weights correct what they can", {
  exact <- schools_exact()
  got <- posterior_summary(schools_fit, method = "psis", variable = c("mu", "tau"))
  expect_lt(max(abs(got[, 1] - exact[, 1]) / exact[, 2]), 0.1)
  expect_lt(max(abs(got[, 2] / exact[, 2] - 1)), 0.15)
  expect_gt(abs(posterior_summary(schools_fit)["tau", 2] / exact["tau", 2] - 1), 0.2)
})

test_that("a good approximation is said to be one", {
  # its weights hardly vary, but have a cubic tail
  fit <- advi(function(theta) sum(stats::dgamma(theta, c(60, 90), log = TRUE)), c(a = 50, b = 50),
              function(theta) c(59, 89) / theta - 1, lower = 0)
  expect_match(summary(fit)$verdict, "close to the target")
  got <- posterior_summary(fit, method = "psis")
  expect_lt(max(abs(got[, 1] - c(60, 90)) / sqrt(c(60, 90))), 0.05)
  # one that is close enough to be corrected
  expect_match(summary(schools_fit)$verdict, "corrects what is left, most of all in tau")
})

test_that("weights that cannot are an error that says so", {
  fit <- advi(banana$log_density, c(a = 1, b = 1), banana$gradient)
  expect_error(posterior_summary(fit, method = "psis"), "Pareto k", class = "vb_error_method")
  fit$khat <- 0.3
  fit$margin$khat <- c(0.2, 0.9)
  expect_error(posterior_summary(fit, method = "psis"), "\"b\"", class = "vb_error_khat")
  expect_identical(rownames(posterior_summary(fit, method = "psis", variable = "a")), "a")
  fit$margin$khat <- c(NaN, NaN)
  expect_error(posterior_summary(fit, method = "psis"), class = "vb_error_khat")
})

test_that("summary() has a column for what was not corrected and for Pareto k", {
  s <- summary(schools_fit, prob = 0.9)
  expect_s3_class(s, "summary.advifit")
  expect_named(s$parameters, c("Estimate", "Est.Error", "l-90% CI", "u-90% CI", "q.Error",
                               "Pareto.k"))
  expect_identical(s$parameters$Pareto.k, schools_fit$margin$khat)
  expect_true(all(s$parameters$q.Error > 0))
  text <- capture.output(print(s))
  expect_true(all(nchar(text) <= 80))
  expect_match(text, "q.Error Pareto.k", all = FALSE)
  whole <- paste(text, collapse = " ")
  expect_match(whole, "fullrank approximation, ELBO")
  expect_match(whole, "sampling error")
  expect_match(whole, "gradients, +converged in")
  expect_match(whole, "Pareto k")
  expect_error(summary(schools_fit, prob = 1), class = "vb_error_prob")
})
