test_that("the numbers are those of predict()", {
  for (case in c("line", "slope", "binomial", "poisson", "negbinomial", "nested")) {
    fit <- fit_of(case)
    for (frame in conditional_effects(fit, resolution = 7)) {
      exact <- predict(fit, frame, re.form = NA, type = "response", se.fit = TRUE)
      expect_equal(frame$estimate__, unname(exact$fit), info = case)
      expect_equal(frame$se__, unname(exact$se.fit), info = case)
      exact <- predict(fit, frame, re.form = NA, type = "response", interval = "credible")
      expect_equal(frame$lower__, unname(exact[, "lwr"]), info = case)
      expect_equal(frame$upper__, unname(exact[, "upr"]), info = case)
      expect_true(all(frame$lower__ < frame$estimate__ & frame$estimate__ < frame$upper__))
    }
  }
})

test_that("bands are those of the exact posterior", {
  fit <- vb(dist ~ speed, cars, prior = NULL, prior_intercept = NULL, prior_aux = constant(15))
  frame <- conditional_effects(fit, prob = 0.9, resolution = 5)$speed
  x <- cbind(1, seq(4, 25, length.out = 5))
  expect_equal(frame$speed, x[, 2L])
  mean <- drop(x %*% coef(lm(dist ~ speed, cars)))
  sd <- 15 * sqrt(rowSums(x %*% solve(crossprod(cbind(1, cars$speed))) * x))
  expect_equal(frame$estimate__, mean, tolerance = 1e-6)
  expect_equal(frame$lower__, mean - qnorm(0.95) * sd, tolerance = 1e-6)
  expect_equal(frame$upper__, mean + qnorm(0.95) * sd, tolerance = 1e-6)
  expect_equal(frame$se__, sd, tolerance = 1e-6)
})

test_that("columns are brms's, others held at means and first levels", {
  data <- transform(warpbreaks, x = seq_len(54) / 10)
  fit <- vb(breaks ~ x * tension + wool, data, family = poisson())
  out <- conditional_effects(fit, resolution = 10)
  expect_s3_class(out, "conditional_effects.vbfit")
  expect_named(out, c("x", "tension", "wool", "x:tension"))
  expect_named(out[["x:tension"]], c("x", "tension", "wool", "cond__", "effect1__", "effect2__",
                                     "estimate__", "se__", "lower__", "upper__"),
               ignore.order = TRUE)
  expect_identical(nrow(out[["x:tension"]]), 30L)
  expect_true(all(out$x$wool == "A" & out$x$tension == "L"))
  expect_equal(out$wool$x, rep(mean(data$x), 2))
  expect_identical(out$tension$effect1__, factor(c("L", "M", "H"), levels = c("L", "M", "H")))
  swapped <- conditional_effects(fit, "tension:x")[[1L]]
  expect_equal(unique(swapped$x), mean(data$x) + c(-1, 0, 1) * sd(data$x))
  expect_s3_class(swapped$effect2__, "factor")
})

test_that("two calls give the same numbers and leave the generator alone", {
  set.seed(1)
  first <- conditional_effects(fit_of("binomial"))
  set.seed(2)
  state <- .Random.seed
  expect_identical(conditional_effects(fit_of("binomial")), first)
  expect_identical(.Random.seed, state)
})

test_that("transformed terms are drawn along their variables, found in the data", {
  cars2 <- transform(mtcars, trials = 1)
  fit <- vb(mpg ~ log(hp) * factor(am) + poly(wt, 2) + scale(qsec), cars2)
  out <- conditional_effects(fit, resolution = 5)
  expect_named(out, c("hp", "am", "wt", "qsec", "hp:am"))
  expect_equal(out$hp$hp, seq(52, 335, length.out = 5))
  expect_identical(levels(out$am$effect1__), c("0", "1"))
  exact <- predict(fit, data.frame(hp = 100, am = 0, wt = 3, qsec = 18), type = "response")
  at <- conditional_effects(fit, "am", conditions = data.frame(hp = 100, wt = 3, qsec = 18))$am
  expect_equal(at$estimate__[1L], unname(exact))
  rm(cars2)
  expect_identical(conditional_effects(fit, resolution = 5), out)
})

test_that("constants and functions of a formula are no predictors", {
  data <- data.frame(x = 1:30 / 10, f = gl(3, 10), y = sin(1:30))
  shift <- 3
  peers <- list(y ~ log(x + shift), y ~ poly(x, 2, raw = T), y ~ C(f, contr.sum),
                y ~ f * I(x^shift),
                y ~ splines::ns(x, knots = c(1, 2)) + C(f, contr.helmert, 1))
  names <- list("x", "x", "f", c("f", "x", "f:x"), c("x", "f"))
  for (k in seq_along(peers)) {
    fit <- vb(peers[[k]], data, prior = flat(), prior_intercept = flat())
    expect_silent(out <- conditional_effects(fit, resolution = 4))
    expect_named(out, names[[k]])
    theirs <- suppressWarnings(predict(lm(peers[[k]], data), out[[1L]]))
    expect_equal(out[[1L]]$estimate__, unname(theirs), tolerance = 1e-6)
  }
  passed <- (function(form, sheet) vb(form, sheet))(y ~ log(x + shift) + f, data)
  expect_named(conditional_effects(passed), c("x", "f"))
})

test_that("rows left out by subset or NA do not count", {
  data <- transform(cars, speed = replace(speed, 50, NA))
  fit <- vb(dist ~ log(speed), data, subset = speed > 5)
  expect_equal(range(conditional_effects(fit)$speed$speed), c(7, 24))
})

test_that("offsets are held at their mean, or come from the user", {
  data <- data.frame(y = c(3, 8, 4, 12, 9, 20), x = 1:6, t = c(1, 2, 1, 2, 1, 2))
  fit <- vb(y ~ x + offset(log(t)), data, family = poisson())
  out <- conditional_effects(fit, resolution = 3)
  expect_named(out, "x")
  expect_equal(out$x$t, rep(1.5, 3))
  double <- conditional_effects(fit, resolution = 3, conditions = data.frame(t = 3))
  expect_equal(double$x$estimate__, 2 * out$x$estimate__)
  fit <- vb(y ~ x, data, family = poisson(), offset = log(t))
  expect_equal(conditional_effects(fit, resolution = 3)$x$estimate__, out$x$estimate__)
  spread <- log(data$t)
  fit <- vb(y ~ x, data, family = poisson(), offset = spread)
  rm(spread)
  expect_equal(conditional_effects(fit, resolution = 3)$x$estimate__,
               exp(mean(log(data$t)) - log(1.5)) * out$x$estimate__)
})

test_that("categories have probabilities that add up to one", {
  ordered <- transform(warpbreaks, tension = factor(tension, ordered = TRUE))
  fit <- vb(tension ~ breaks * wool, ordered, family = cumulative())
  out <- conditional_effects(fit, resolution = 4)
  expect_identical(levels(out$breaks$cats__), c("L", "M", "H"))
  expect_equal(as.vector(tapply(out$breaks$estimate__, out$breaks$breaks, sum)), rep(1, 4))
  exact <- predict(fit, out$wool[1:2, ], type = "response")
  expect_equal(out$wool$estimate__, as.vector(exact))
  expect_true(all(out$breaks$lower__ > 0 & out$breaks$upper__ < 1))
  expect_identical(nrow(out[["breaks:wool"]]), 24L)
})

test_that("conditions and random effects are the user's", {
  fit <- fit_of("slope")
  conditions <- data.frame(Subject = c("308", "335"), row.names = c("fast", "slow"))
  out <- conditional_effects(fit, conditions = conditions, re_formula = NULL, resolution = 3)$Days
  expect_identical(levels(out$cond__), c("fast", "slow"))
  exact <- predict(fit, out, type = "response", se.fit = TRUE)
  expect_equal(out$estimate__, unname(exact$fit))
  expect_equal(out$se__, unname(exact$se.fit))
  expect_lt(max(abs((out$upper__ - out$lower__) / (2 * 1.96 * out$se__) - 1)), 0.1)
  labelled <- conditional_effects(fit, conditions = data.frame(Days = 1, Subject = 308:309))$Days
  expect_identical(levels(labelled$cond__), c("Days = 1, Subject = 308", "Days = 1, Subject = 309"))
  expect_error(conditional_effects(fit, re_formula = NULL), class = "vb_error_newdata")
})

test_that("a fit by ADVI has effects too", {
  fit <- vb(dist ~ speed, cars, algorithm = "advi")
  got <- conditional_effects(fit, resolution = 3)$speed
  exact <- conditional_effects(fit_of("line"), resolution = 3)$speed
  expect_lt(max(abs(got$estimate__ - exact$estimate__) / exact$se__), 0.1)
  expect_lt(max(abs(got$upper__ - exact$upper__) / exact$se__), 0.3)
})

test_that("mistakes are classed errors", {
  fit <- fit_of("binomial")
  expect_error(conditional_effects(fit, "herd"), class = "vb_error_effects")
  expect_error(conditional_effects(fit, "period:period"), class = "vb_error_effects")
  expect_error(conditional_effects(fit, 1), class = "vb_error_effects")
  expect_error(conditional_effects(fit, resolution = 1), class = "vb_error_resolution")
  expect_error(conditional_effects(fit, prob = 1), class = "vb_error_prob")
  expect_error(conditional_effects(fit, conditions = data.frame()), class = "vb_error_conditions")
  expect_error(conditional_effects(vb(dist ~ 1, cars)), class = "vb_error_effects")
  fit <- vb(breaks ~ wool + tension, warpbreaks, family = poisson())
  expect_error(conditional_effects(fit, "wool", conditions = data.frame(tension = "X")),
               class = "vb_error_conditions")
  cars$x <- cbind(cars$speed, cars$speed^2)
  expect_error(conditional_effects(vb(dist ~ x, cars)), class = "vb_error_effects")
})

test_that("strings, logicals and dates are predictors too", {
  data <- transform(cars, fast = speed > 15, kind = rep(c("b", "a"), 25),
                    day = as.Date("2020-01-01") + seq_len(50))
  out <- conditional_effects(vb(dist ~ fast + kind + day, data), resolution = 3)
  expect_identical(as.character(out$fast$effect1__), c("FALSE", "TRUE"))
  expect_identical(as.character(out$kind$effect1__), c("a", "b"))
  expect_s3_class(out$day$effect1__, "Date")
  expect_true(all(out$day$kind == "a" & !out$day$fast))
})

test_that("it prints the first rows of each effect", {
  out <- conditional_effects(fit_of("poisson"))
  text <- capture.output(print(out))
  expect_match(text[1L], "Effect of spray on count (6 rows)", fixed = TRUE)
  expect_true(all(nchar(text) <= 80))
  expect_invisible(print(out))
})

test_that("what is not ours is handed on to brms without end", {
  if (!suppressWarnings(rlang::is_installed("brms"))) {
    return(expect_error(conditional_effects(1), "brms", class = "vb_error_x"))
  }
  expect_error(conditional_effects(1), "no applicable method")
  expect_identical(getExportedValue("brms", "conditional_effects")(fit_of("line")),
                   conditional_effects(fit_of("line")))
})

test_that("conditions are on variables of the model", {
  fit <- fit_of("slope")
  expect_error(conditional_effects(fit, conditions = data.frame(nonsense = 1)),
               class = "vb_error_conditions")
  expect_error(conditional_effects(fit, conditions = list(1)), class = "vb_error_conditions")
  at <- data.frame(Subject = "308")
  expect_identical(conditional_effects(fit, conditions = at, re.form = NULL, resolution = 3),
                   conditional_effects(fit, conditions = at, re_formula = NULL, resolution = 3))
})

test_that("a second predictor with one value has one line", {
  data <- data.frame(x = c(1, 2, 4), z = 3, y = c(1, 3, 2))
  fit <- vb(y ~ x + x:z, data, prior = normal(0, 1))
  band <- conditional_effects(fit, "x:z", resolution = 3)[[1]]
  expect_identical(levels(band$effect2__), "3")
  one <- vb(y ~ x:z, data[1, ], algorithm = "advi", control = vb_control(draws = 100))
  expect_false(anyNA(conditional_effects(one, "x:z", resolution = 3)[[1]]$estimate__))
})

test_that("an effect at one value is a row", {
  d <- data.frame(y = c(0, 1, 1, 0, 2, 1), z = 1:6)
  band <- effect_band(vb(y ~ z, d, verbose = FALSE), d[1L, ], NA, 0.9)
  expect_identical(dim(band[[1L]]), c(1L, 4L))
  d$y <- factor(d$y, ordered = TRUE)
  band <- effect_band(vb(y ~ z, d, family = cumulative(), verbose = FALSE), d[1L, ], NA, 0.9)
  expect_identical(unname(vapply(band, dim, c(0L, 0L))), matrix(c(1L, 4L), 2L, 3L))
})
