test_that("trials and weights of new rows are read from them", {
  fit <- fit_of("binomial")
  new <- data.frame(period = "1", herd = "1", incidence = 1, size = c(5, 50))
  y <- posterior_predict(fit, new, ndraws = 500, seed = 1)
  expect_lte(max(y[, 1]), 5)
  expect_gt(max(y[, 2]), 5)
  expect_error(posterior_predict(fit, new["period"], re.form = NA), class = "vb_error_response")
  expect_identical(response_size(fit), as.double(cbpp$size))
  data <- transform(cbpp, p = incidence / size)
  fit <- vb(p ~ period, data, family = binomial(), weights = size)
  expect_identical(trials_kind(fit), "proportion")
  y <- posterior_predict(fit, ndraws = 3, seed = 1)
  expect_equal(y * rep(cbpp$size, each = 3), round(y * rep(cbpp$size, each = 3)))
  expect_error(posterior_predict(fit, new["period"]), class = "vb_error_weights")
  expect_identical(trials_kind(vb(am ~ wt, mtcars, family = binomial())), "binary")
  fit <- vb(dist ~ speed, cars, weights = rep(4, 50))
  expect_identical(response_size(fit), rep(4, 50))
  expect_warning(size <- response_size(fit, cars[1:2, ]), "no value for new rows",
                 class = "vb_warning_weights")
  expect_identical(size, c(1, 1))
})

test_that("the response of new rows is read as the fit's was", {
  data <- transform(mtcars, gear = factor(am, labels = c("auto", "manual")))
  fit <- vb(gear ~ wt, data, family = binomial())
  expect_identical(new_response(fit, data[3:5, ])$spec_y, c(1, 0, 0))
  expect_identical(new_response(fit, data.frame(wt = 1, gear = "manual"))$spec_y, 1)
  expect_error(new_response(fit, data.frame(wt = 1, gear = "none")), class = "vb_error_response")
  expect_error(new_response(fit, data.frame(wt = 1)), class = "vb_error_response")
  expect_error(new_response(fit, data.frame(wt = 1, gear = NA)), class = "vb_error_response")
})

test_that("binary responses: 0/1, logical, factor whose first level is failure", {
  spec <- model_of(hit ~ x, toy, binomial())$spec
  expect_identical(spec$y, toy$hit)
  expect_identical(spec$constant, 0)
  expect_identical(model_of(hit == 1 ~ x, toy, binomial())$spec$y, toy$hit)
  f <- factor(c("no", "yes")[toy$hit + 1], levels = c("yes", "no"))
  expect_identical(model_of(f ~ x, toy, binomial())$spec$y, 1 - toy$hit)
  # the level of failure stays failure where the rows used have none
  expect_identical(model_of(f ~ x, toy, binomial(), subset = f == "no")$spec$y, rep(1, 40))
})

test_that("cbind and proportions with weights are the same, with glm's constants", {
  w <- rep(1:2, 30)
  pairs <- model_of(cbind(count, 5 - count) ~ x, toy, binomial())
  shares <- model_of(count / 5 ~ x, toy, binomial(), weights = size)
  expect_equal(pairs$spec[c("y", "w", "constant")], shares$spec[c("y", "w", "constant")])
  expect_equal(pairs$spec$constant, sum(lchoose(5, toy$count)))
  weighted <- model_of(cbind(count, 5 - count) ~ x, toy, binomial(), weights = w)
  expect_equal(weighted$spec$y, w * toy$count)
  expect_equal(weighted$spec$w, w * 5)
  expect_equal(weighted$spec$constant, sum(w * lchoose(5, toy$count)))
  peer <- stats::glm(cbind(count, 5 - count) ~ x, binomial(), toy, weights = w)
  expect_equal(weighted$response$weights, unname(peer$prior.weights))
  expect_equal(weighted$response$y, unname(peer$y))
})

test_that("rows without trials do not count", {
  data <- transform(toy, trials = replace(size, 1:3, 0L), count = replace(count, 1:3, 0))
  model <- model_of(cbind(count, trials - count) ~ x, data, binomial())
  expect_identical(model$rows, 4:60)
  expect_false(anyNA(model$response$y))
})

test_that("counts and real numbers reach the engine as the contract says", {
  w <- rep(1:2, 30)
  spec <- model_of(count ~ x, toy, poisson(), weights = w)$spec
  expect_equal(spec$y, w * toy$count)
  expect_equal(spec$constant, -sum(w * lgamma(toy$count + 1)))
  spec <- model_of(count ~ x, toy, negbinomial(), weights = w)$spec
  expect_equal(spec$y, toy$count)
  expect_equal(spec$w, w)
  expect_identical(spec$constant, 0)
  spec <- model_of(scale(y) ~ x, toy, student(), weights = w)$spec
  expect_equal(spec$y, c(scale(toy$y)))
  expect_equal(spec$w, w)
})

test_that("responses of the wrong kind are errors that say what would do", {
  wrong <- list(
    list(text ~ x, gaussian()), list(a ~ x, gaussian()), list(hit == 1 ~ x, gaussian()),
    list(cbind(y, x) ~ z, gaussian()), list(a ~ x, student()),
    list(y ~ x, poisson()), list(-count ~ x, poisson()), list(text ~ x, poisson()),
    list(count + 0.5 ~ x, negbinomial()),
    list(count ~ x, Gamma("log")), list(y ~ x, Gamma("log")), list(text ~ x, Gamma("log")),
    list(hit ~ x, Beta()), list(y ~ x, Beta()), list(a ~ x, Beta()), list(a ~ x, asym_laplace()),
    list(y ~ x, binomial()), list(a ~ x, binomial()), list(text ~ x, binomial()),
    list(count ~ x, binomial()), list(count / 5 ~ x, binomial()),
    list(cbind(count, y) ~ x, binomial()), list(cbind(count, 1, 2) ~ x, binomial()))
  for (case in wrong) {
    expect_error(model_of(case[[1]], toy, case[[2]]), class = "vb_error_response",
                 info = deparse1(case[[1]]))
  }
  expect_warning(model_of((count + 0.3) / 6 ~ x, toy, binomial(), weights = size),
                 class = "vb_warning_response")
})

test_that("errors name the constructor, and the family of the user's own", {
  expect_error(Beta("probit"), "`Beta\\(\\)`.*Its link is", class = "vb_error_link")
  expect_error(vb(dist ~ speed, cars, family = Beta()), "Beta\\(\\)", class = "vb_error_response")
  own <- vb_family("mine", function(y, eta, par) dnorm(y, eta, log = TRUE))
  expect_error(vb(Species ~ 1, iris, family = own), "\"mine\"", class = "vb_error_response")
  expect_error(vb(dist ~ speed, cars, family = vb_family), "Call it", class = "vb_error_family")
  expect_error(weights(vb(dist ~ speed, cars, family = own), "working"), "type = \"prior\"",
               class = "vb_error_type")
  expect_error(student(df = Inf), class = "vb_error_df")
})

test_that("of a matrix with negative numbers it is said that they are negative", {
  d <- data.frame(s = c(3, 4, 5), n = c(2, 1, 0), x = 1:3)
  says <- function(expr) conditionMessage(expect_error(expr, class = "vb_error_response"))
  expect_match(says(vb(cbind(s, n - s) ~ x, d, family = binomial())),
               "second column of the response is negative, the first time in row 1")
  expect_match(says(vb(cbind(-n, s) ~ x, d, family = binomial())), "first column .* in row 1")
  expect_match(says(vb(cbind(s + 0.5, n) ~ x, d, family = binomial())), "whole numbers")
})

test_that("weights that new data do not have are warned of where they matter", {
  set.seed(3)
  d <- data.frame(x = rnorm(30), v = runif(30, 1, 2))
  d$y <- d$x + rnorm(30)
  d$n <- rpois(30, 3)
  k <- 1
  fit <- vb(y ~ x, d, weights = k / v)
  new <- data.frame(x = 1:2)
  expect_warning(unweighted <- predict(fit, new, interval = "prediction"), "Add `v`",
                 class = "vb_warning_weights")
  known <- predict(fit, transform(new, v = 1), interval = "prediction")
  expect_identical(unweighted, known)
  expect_false(identical(predict(fit, transform(new, v = 4), interval = "prediction"), known))
  expect_warning(posterior_predict(fit, new, ndraws = 2), class = "vb_warning_weights")
  expect_warning(log_lik(fit, transform(new, y = 1), ndraws = 2), class = "vb_warning_weights")
  expect_no_warning(predict(fit, new, interval = "credible"))
  expect_no_warning(posterior_epred(fit, new, ndraws = 2))
  counts <- vb(n ~ x, d, family = poisson(), weights = v)
  expect_no_warning(posterior_predict(counts, new, ndraws = 2))
})
