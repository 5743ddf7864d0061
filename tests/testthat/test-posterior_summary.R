test_that("rows are in the order b, sd, cor, aux, r and columns are named by their probabilities", {
  for (case in all_cases) {
    fit <- fit_of(case)
    summary <- posterior_summary(fit)
    expect_identical(colnames(summary), c("Estimate", "Est.Error", "Q2.5", "Q97.5"), info = case)
    class <- sub("_.*", "", rownames(summary))
    class[!class %in% c("b", "sd", "cor", "r")] <- "aux"
    order <- match(class, c("b", "sd", "cor", "aux", "r"))
    expect_false(is.unsorted(order), info = case)
    expect_identical(anyDuplicated(rownames(summary)), 0L, info = case)
    expect_true(all(is.finite(summary)), info = case)
    n_ranef <- sum(vapply(fit$random, function(t) length(t$levels) * length(t$coef), 0))
    expect_identical(sum(class == "r"), as.integer(n_ranef), info = case)
  }
})

test_that("with the residual sd known and flat priors the answer is least squares, exactly", {
  fit <- fit_of("known")
  x <- model.matrix(dist ~ speed, cars)
  mean <- drop(solve(crossprod(x), crossprod(x, cars$dist)))
  sd <- 15 * sqrt(diag(solve(crossprod(x))))
  probs <- c(0.05, 0.5, 0.9)
  got <- posterior_summary(fit, probs = probs, variable = c("b_Intercept", "b_speed"))
  expect_equal(unname(got[, "Estimate"]), unname(mean), tolerance = 1e-8)
  expect_equal(unname(got[, "Est.Error"]), unname(sd), tolerance = 1e-8)
  expect_equal(unname(got[, 3:5]), unname(mean + outer(sd, qnorm(probs))), tolerance = 1e-7)
  sigma <- posterior_summary(fit, variable = "sigma")
  expect_equal(unname(sigma[1, ]), c(15, 0, 15, 15))
})

test_that("a selection is the rows of the whole", {
  fit <- fit_of("slope")
  whole <- posterior_summary(fit, probs = c(0.1, 0.9))
  pick <- c("sigma", "b_Days", "r_Subject[310,Days]", "sd_Subject__Days")
  expect_identical(posterior_summary(fit, probs = c(0.1, 0.9), variable = pick), whole[pick, ])
  array <- grep("^r_Subject", rownames(whole))
  expect_identical(posterior_summary(fit, c(0.1, 0.9), "r_Subject"), whole[array, ])
})

test_that("quantiles are monotone in their probability and no probability gives no column", {
  got <- posterior_summary(fit_of("slope"), probs = c(0.01, 0.25, 0.5, 0.75, 0.99))
  expect_true(all(apply(got[, 3:7], 1, diff) > 0))
  expect_identical(colnames(posterior_summary(fit_of("line"), probs = numeric())),
                   c("Estimate", "Est.Error"))
})

test_that("wrong arguments are named", {
  fit <- fit_of("line")
  expect_error(posterior_summary(fit, probs = c(5, 95)), class = "vb_error_probs")
  expect_error(posterior_summary(fit, probs = "a"), class = "vb_error_probs")
  expect_error(posterior_summary(fit, variable = "b_nothing"), class = "vb_error_variable")
  expect_error(posterior_summary(fit, variable = 1), class = "vb_error_variable")
})

test_that("parameters are picked by patterns too, in all verbs that pick them", {
  fit <- vb(breaks ~ wool + (1 | tension), warpbreaks)
  all <- posterior_summary(fit)
  b <- grep("^b_", rownames(all))
  expect_identical(posterior_summary(fit, regex = "^b_"), all[b, ])
  expect_identical(posterior_summary(fit, variable = "^b_", regex = TRUE), all[b, ])
  expect_identical(posterior_summary(fit, variable = "sigma", regex = "^b_"),
                   all[c("sigma", rownames(all)[b]), ])
  expect_identical(posterior_summary(fit, variable = "r_tension", regex = FALSE),
                   posterior_summary(fit, variable = "r_tension"))
  expect_error(posterior_summary(fit, regex = "^none"), class = "vb_error_regex")
  expect_error(posterior_summary(fit, regex = "("), "regular", class = "vb_error_regex")
  expect_error(posterior_summary(fit, regex = NA), class = "vb_error_regex")
  drawn <- plot(fit, "density", regex = "^b_")
  expect_setequal(drawn$variable, rownames(all)[b])
  skip_if_not_installed("posterior")
  draws <- posterior::as_draws_df(fit, ndraws = 5, regex = "^b_|^lp__")
  expect_identical(posterior::variables(draws), c(rownames(all)[b], "lp__"))
})
