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

test_that("parameters are named as in the formula", {
  expect_identical(rownames(posterior_summary(fit_of("slope")))[1:8], c(
    "b_Intercept", "b_Days", "sd_Subject__Intercept", "sd_Subject__Days",
    "cor_Subject__Intercept__Days", "sigma", "r_Subject[308,Intercept]", "r_Subject[309,Intercept]"
  ))
  nested <- rownames(posterior_summary(fit_of("nested")))
  expect_true(all(c("sd_wool__Intercept", "sd_wool:loom__Intercept", "r_wool[A,Intercept]",
                    "r_wool:loom[A_1,Intercept]") %in% nested))
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

test_that("means and variances of a mixture add up by total expectation and variance", {
  nodes <- list(weight = c(0.2, 0.5, 0.3), mean = rbind(c(-1, 0, 4), 2), var = rbind(1:3, 0.25))
  moments <- varbayes:::mixture_moments(nodes)
  second <- drop((nodes$var + nodes$mean^2) %*% nodes$weight)
  expect_equal(moments$mean, drop(nodes$mean %*% nodes$weight))
  expect_equal(moments$var, second - moments$mean^2)
})

test_that("the quantiles of equal points are the midpoint quantiles of stats", {
  x <- datasets::precip
  p <- c(0.02, 0.3, 0.5, 0.95)
  expect_equal(varbayes:::weighted_quantile(x, rep(1, length(x)), p),
               unname(quantile(x, p, type = 5)))
  expect_identical(varbayes:::weighted_quantile(c(2, 2, 2), 1:3 / 6, p), rep(2, 4))
})

test_that("wrong arguments are named", {
  fit <- fit_of("line")
  expect_error(posterior_summary(fit, probs = c(5, 95)), class = "vb_error_probs")
  expect_error(posterior_summary(fit, probs = "a"), class = "vb_error_probs")
  expect_error(posterior_summary(fit, variable = "b_nothing"), class = "vb_error_variable")
  expect_error(posterior_summary(fit, variable = 1), class = "vb_error_variable")
})

test_that("what is not ours is handed on, or the package it needs is named", {
  if (!rlang::is_installed("brms")) {
    return(expect_error(posterior_summary(1), "brms", class = "vb_error_object"))
  }
  their_generic <- getExportedValue("brms", "posterior_summary")
  expect_identical(posterior_summary(matrix(1:8, 4)), their_generic(matrix(1:8, 4)))
  expect_identical(their_generic(fit_of("line")), posterior_summary(fit_of("line")))
})

test_that("levels that coincide once ':' is '_' stay apart", {
  pair <- data.frame(a = c("1_2", "1"), b = c("3", "2_3"), y = sin(1:20))
  fit <- vb(y ~ (1 | a:b), pair)
  expect_identical(anyDuplicated(rownames(posterior_summary(fit))), 0L)
})
