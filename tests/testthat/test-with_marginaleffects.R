skip_if_not_installed("marginaleffects")
skip_if_not_installed("collapse", "2.0.18")    # its averages of draws ask for that
# marginaleffects 1.0.0 takes %||% from base R, which has it since 4.4
if (!exists("%||%")) assign("%||%", rlang::`%||%`, globalenv())

draws_of <- function(x) marginaleffects::get_draws(x, "DxP")
# the mean of 4000 draws against an exact one
expect_mean <- function(draws, mean) {
  expect_lt(max(abs(colMeans(draws) - mean) / apply(draws, 2, sd)), 5 / sqrt(nrow(draws)))
}
set.seed(4)
sales <- data.frame(price = rnorm(200), size = rnorm(200, 100, 20))
sales$sold <- rbinom(200, 1, plogis(sales$price + (sales$size - 100) / 30))
logistic <- function() vb(sold ~ price + size, data = sales, family = binomial())

test_that("predictions have the moments of predict()", {
  for (fit in list(logistic(), fit_of("slope"), fit_of("binomial"), fit_of("poisson"))) {
    for (type in c("response", "link")) {
      draws <- draws_of(marginaleffects::predictions(fit, type = type))
      known <- predict(fit, type = type, se.fit = TRUE)
      expect_mean(draws, known$fit)
      expect_lt(max(abs(apply(draws, 2, sd) / known$se.fit - 1)), 0.1)
    }
  }
  fit <- logistic()
  expect_setequal(draws_of(marginaleffects::predictions(fit, type = "prediction")), 0:1)
  expect_error(marginaleffects::predictions(fit, type = "terms"), "type")
  expect_error(get_predict.vbfit(fit, type = "terms"), class = "vb_error_type")
})

test_that("average slopes and comparisons are differences of average predictions", {
  fit <- logistic()
  average <- function(data) mean(predict(fit, data, type = "response"))
  h <- 1e-4
  slope <- function(name) {
    up <- down <- sales
    up[[name]] <- up[[name]] + h
    down[[name]] <- down[[name]] - h
    (average(up) - average(down)) / (2 * h)
  }
  effects <- marginaleffects::avg_slopes(fit)
  expect_mean(draws_of(effects), vapply(effects$term, slope, 0))
  step <- marginaleffects::avg_comparisons(fit, variables = list(size = 50))
  known <- average(transform(sales, size = size + 50)) - average(sales)
  expect_mean(draws_of(step), known)
})

test_that("slopes of a linear model are its coefficients, draw by draw", {
  fit <- fit_of("slope")
  effects <- marginaleffects::avg_slopes(fit)
  expect_identical(effects$term, "Days")          # and no contrasts between levels of Subject
  name <- c("b_Days", paste0("r_Subject[", levels(sleepstudy$Subject), ",Days]"))
  draws <- with_noise_stream("fixed", as.matrix(fit, pars = name))
  expect_equal(drop(draws_of(effects)), draws[, 1] + rowMeans(draws[, -1]), ignore_attr = TRUE,
               tolerance = 1e-6)
  fixed <- suppressWarnings(marginaleffects::avg_slopes(fit, re.form = NA))
  expect_equal(drop(draws_of(fixed)), draws[, 1], ignore_attr = TRUE, tolerance = 1e-6)
  brms <- suppressWarnings(marginaleffects::avg_slopes(fit, re_formula = NA))
  expect_identical(draws_of(brms), draws_of(fixed))
})

test_that("new levels are members of the population, the same for both sides of a comparison", {
  fit <- fit_of("slope")
  new <- data.frame(Subject = "none", Days = c(0, 5))
  expect_message(value <- marginaleffects::predictions(fit, newdata = new),
                 class = "vb_message")
  known <- predict(fit, new, se.fit = TRUE, allow.new.levels = TRUE)
  draws <- draws_of(value)
  expect_mean(draws, known$fit)
  expect_lt(max(abs(apply(draws, 2, sd) / known$se.fit - 1)), 0.1)
  step <- suppressMessages(marginaleffects::comparisons(fit, variables = list(Days = 2),
                                                        newdata = new))
  slope <- suppressMessages(marginaleffects::slopes(fit, newdata = new))
  expect_equal(draws_of(step)[, 1], 2 * draws_of(slope)[, 2], tolerance = 1e-4)
  expect_error(suppressWarnings(marginaleffects::predictions(fit, newdata = new,
                                                             allow_new_levels = FALSE)),
               "levels of")
})

test_that("effects on an ordinal response are differences of its probabilities", {
  set.seed(1)
  data <- data.frame(x = rnorm(150), f = gl(2, 75))
  data$y <- cut(data$x + (data$f == "2") + rlogis(150), c(-Inf, -1, 1, Inf),
                c("lo", "mid", "hi"), ordered_result = TRUE)
  fit <- vb(y ~ x + f, data, family = cumulative())
  effects <- marginaleffects::avg_comparisons(fit, variables = "f")
  expect_identical(as.character(effects$group), fit$levels)
  average <- function(level) {
    data$f[] <- level
    colMeans(predict(fit, data, type = "response"))
  }
  expect_mean(draws_of(effects), average("2") - average("1"))
  expect_equal(sum(effects$estimate), 0, tolerance = 0.01)
})

test_that("two calls agree and leave R's random numbers alone", {
  fit <- logistic()
  set.seed(1)
  first <- marginaleffects::avg_slopes(fit)
  after <- runif(1)
  set.seed(1)
  expect_identical(runif(1), after)
  expect_identical(draws_of(marginaleffects::avg_slopes(fit)), draws_of(first))
  advi <- vb(sold ~ price, sales, family = binomial(), algorithm = "advi")
  expect_identical(dim(draws_of(marginaleffects::avg_slopes(advi))), c(ncol(advi$advi$coef), 1L))
  few <- suppressWarnings(marginaleffects::avg_slopes(fit, ndraws = 100))
  expect_identical(nrow(draws_of(few)), 100L)
})

test_that("hypotheses about coefficients have their posterior means and covariances", {
  for (fit in list(logistic(), fit_of("slope"))) {
    own <- marginaleffects::hypotheses(fit)
    expect_equal(as.numeric(own$estimate), unname(fixef(fit)))
    expect_equal(as.numeric(own$std.error), unname(sqrt(diag(vcov(fit)))), tolerance = 1e-4)
    expect_identical(own$term, names(fixef(fit)))
  }
  fit <- logistic()
  pair <- marginaleffects::hypotheses(fit, "price = 100 * size")
  weight <- c(0, 1, -100)
  expect_equal(as.numeric(pair$estimate), sum(weight * fixef(fit)))
  expect_equal(as.numeric(pair$std.error), sqrt(drop(weight %*% vcov(fit) %*% weight)),
               tolerance = 1e-4)
})

test_that("insight tells grouping factors from predictors", {
  skip_if_not_installed("insight")
  skip_if_not_installed("reformulas")      # what insight reads bars with
  expect_identical(insight::find_predictors(fit_of("slope"), flatten = TRUE), "Days")
  expect_setequal(insight::find_random(fit_of("nested"), flatten = TRUE),
                  c("wool:loom", "wool"))
  expect_null(insight::find_random(fit_of("line")))
  expect_identical(names(insight::find_formula(fit_of("line"))), "conditional")
})

test_that("the class is allowed beside those that are", {
  old <- options(marginaleffects_model_classes = "other")
  on.exit(options(old))
  allow_marginaleffects()
  expect_identical(getOption("marginaleffects_model_classes"), c("other", "vbfit"))
  allow_marginaleffects()
  expect_identical(getOption("marginaleffects_model_classes"), c("other", "vbfit"))
})
