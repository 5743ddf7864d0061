# Poststratified estimates, against closed forms and many draws of all cells.

herds <- data.frame(period = factor(c(1, 2, 1, 2, 3)), herd = c("1", "7", "new", "new", "other"),
                    size = c(10, 20, 5, 5, 10),
                    region = factor(c("n", "s", "n", "s", "s"), c("s", "n")))
strata <- function(fit, cells = herds, ..., ndraws = 4000) {
  poststratify(fit, cells, "size", ..., allow.new.levels = TRUE, ndraws = ndraws)
}

test_that("averages of a regression with known errors are closed forms", {
  fit <- fit_of("known")
  cells <- data.frame(speed = c(4, 10, 25), n = c(1, 2, 5))
  a <- c(1, sum(cells$speed * cells$n) / 8)
  got <- poststratify(fit, cells, "n", ndraws = 4000, probs = c(0.1, 0.9))
  sd <- sqrt(drop(a %*% vcov(fit) %*% a))
  expect_named(got, c("Estimate", "Est.Error", "Q10", "Q90"))
  expect_equal(got$Estimate, sum(a * fixef(fit)), tolerance = 1e-10)
  expect_lt(abs(got$Est.Error / sd - 1), 0.05)
  expect_lt(max(abs(unlist(got[3:4]) - qnorm(c(0.1, 0.9), sum(a * fixef(fit)), sd))) / sd, 0.1)
  alone <- poststratify(fit, cells, "n", by = ~ speed)
  expect_equal(alone$Estimate, unname(predict(fit, cells, type = "response")), tolerance = 1e-10)
  expect_lt(max(abs(alone$Est.Error / predict(fit, cells, se.fit = TRUE)$se.fit - 1)), 0.1)
})

test_that("cells are uncertain jointly, new levels among them", {
  fit <- fit_of("binomial")
  got <- strata(fit, by = ~ region)
  draws <- posterior_epred(fit, newdata = herds, ndraws = 20000, allow_new_levels = TRUE, seed = 1)
  share <- function(in_group) (herds$size * in_group) / sum(herds$size * in_group)
  each <- draws %*% cbind(share(herds$region == "s"), share(herds$region == "n"))
  expect_lt(max(abs(got$Est.Error / apply(each, 2, sd) - 1)), 0.06)
  for (i in 1:2) {
    expect_lt(abs(mean(each[, i] <= got$Q2.5[i]) - 0.025), 0.012)
    expect_lt(abs(mean(each[, i] <= got$Q97.5[i]) - 0.975), 0.012)
  }
  mean <- predict(fit, herds, type = "response", allow.new.levels = TRUE)
  expect_equal(got$Estimate, unname(c(sum(mean * share(herds$region == "s")),
                                      sum(mean * share(herds$region == "n")))), tolerance = 1e-10)
  expect_identical(got, strata(fit, by = ~ region))
  # one new herd varies more than the average of two
  shared <- data.frame(period = "1", herd = c("a", "a"), size = 1)
  apart <- transform(shared, herd = c("a", "b"))
  expect_gt(strata(fit, shared)$Est.Error, 1.1 * strata(fit, apart)$Est.Error)
})

test_that("estimates do not depend on how cells are split or on the scale of weights", {
  fit <- fit_of("binomial")
  one <- strata(fit, by = ~ region, ndraws = 1000)
  many <- herds[rep(seq_len(5), 600), ]                # two blocks
  many$size <- many$size / 600
  expect_equal(strata(fit, many, by = ~ region, ndraws = 1000), one, tolerance = 1e-10)
  expect_equal(strata(fit, transform(herds, size = 7 * size), by = ~ region, ndraws = 1000), one)
  expect_equal(strata(fit, herds, re.form = NA)$Estimate,
               weighted.mean(predict(fit, herds, re.form = NA, type = "response"), herds$size))
})

test_that("groups have the values and types of their columns, in order", {
  fit <- fit_of("poisson")
  cells <- data.frame(spray = c("C", "A", "B", "A"), n = c(1, 2, 0, 1), year = c(2L, 1L, 1L, 2L),
                      set = factor(c("x", "y", "y", NA), c("y", "x"), ordered = TRUE))
  got <- poststratify(fit, cells, "n", by = ~ year + set)
  expect_identical(got$year, c(1L, 2L, 2L))
  expect_identical(got$set, factor(c("y", "x", NA), c("y", "x"), ordered = TRUE))
  mean <- predict(fit, cells, type = "response")
  expect_equal(got$Estimate, unname(mean[c(2, 1, 4)]), tolerance = 1e-10)
  # cells without weight may lack anything; groups without weight have no estimate
  cells$spray[3] <- NA
  expect_equal(poststratify(fit, cells, "n", by = ~ year + set), got)
  empty <- poststratify(fit, transform(cells, n = c(1, 0, 0, 1)), "n", by = ~ year)
  expect_true(all(is.na(empty[1, -1])))
  expect_false(anyNA(empty[2, ]))
})

test_that("offsets are those of the cells", {
  data <- transform(InsectSprays, exposure = rep(1:2, 36))
  fit <- vb(count ~ spray, data, family = poisson(), offset = log(exposure))
  cells <- data.frame(spray = c("A", "B", "C"), n = c(1, 0, 3))
  got <- poststratify(fit, cells, "n", by = ~ spray, offset = log(c(2, 1, 5)))
  each <- predict(fit, cells, offset = log(c(2, 1, 5)), type = "response")
  expect_equal(got$Estimate, unname(replace(each, 2, NA)), tolerance = 1e-10)
  expect_error(poststratify(fit, cells, "n", offset = 1:5), class = "vb_error_offset")
})

test_that("ordinal models have a row per category", {
  data <- transform(warpbreaks, tension = factor(tension, ordered = TRUE))
  fit <- vb(tension ~ breaks, data, family = cumulative())
  cells <- data.frame(breaks = c(10, 30, 50), n = 1:3, set = c("a", "b", "b"))
  got <- poststratify(fit, cells, "n", by = ~ set)
  expect_identical(got$set, rep(c("a", "b"), each = 3))
  expect_identical(got$category, factor(rep(c("L", "M", "H"), 2), c("L", "M", "H"), ordered = TRUE))
  p <- predict(fit, cells, type = "response")
  expect_equal(got$Estimate, unname(c(p[1, ], (2 * p[2, ] + 3 * p[3, ]) / 5)), tolerance = 1e-10)
})

test_that("fits by ADVI use the draws that they keep", {
  fit <- vb(count ~ spray, InsectSprays, family = poisson(), algorithm = "advi",
            control = vb_control(draws = 500))
  cells <- data.frame(spray = c("A", "C"), n = c(1, 3))
  draws <- posterior_epred(fit, newdata = cells) %*% c(1, 3) / 4
  got <- poststratify(fit, cells, "n", probs = 0.5)
  expect_equal(unname(unlist(got)), c(mean(draws), sd(draws), median(draws)), tolerance = 1e-10)
  expect_error(poststratify(fit, cells, "n", ndraws = 600), class = "vb_error_ndraws")
})

test_that("what cannot be is named", {
  fit <- fit_of("binomial")
  expect_error(poststratify(lm(dist ~ speed, cars), cars, "speed"), class = "vb_error_fit")
  expect_error(poststratify(fit, herds, "size"), class = "vb_error_allow.new.levels")
  expect_error(poststratify(fit, herds, "n"), "period", class = "vb_error_weights")
  expect_error(poststratify(fit, herds, herds$size), class = "vb_error_weights")
  expect_error(strata(fit, transform(herds, size = -size)), class = "vb_error_weights")
  expect_error(strata(fit, transform(herds, size = 0)), class = "vb_error_weights")
  expect_error(strata(fit, by = "region"), class = "vb_error_by")
  expect_error(strata(fit, by = ~ log(size)), class = "vb_error_by")
  lacking <- transform(herds, period = replace(period, 2, NA))
  expect_error(strata(fit, lacking), "row 2", class = "vb_error_newdata")
  expect_error(strata(fit, ndraws = 1), class = "vb_error_ndraws")
})

test_that("columns that make no groups, and no weights, are errors", {
  fit <- fit_of("line")
  cells <- data.frame(speed = 1:3, n = 1)
  cells$list <- I(list(1, 2, 3))
  cells$matrix <- matrix(1:6, 3)
  expect_error(poststratify(fit, cells, "n", ~list), class = "vb_error_by")
  expect_error(poststratify(fit, cells, "n", ~matrix), class = "vb_error_by")
  expect_error(poststratify(fit, cells), class = "vb_error_weights")
})

test_that("names without quotes are mistakes that are explained", {
  fit <- vb(breaks ~ wool + (1 | tension), warpbreaks)
  cells <- data.frame(wool = c("A", "B"), tension = "L", N = 3:4)
  says <- function(expr, arg) {
    error <- tryCatch(expr, error = identity)
    expect_s3_class(error, paste0("vb_error_", arg))
    expect_match(conditionMessage(error), "in quotes")
  }
  says(poststratify(fit, cells, weights = N), "weights")
  says(poststratify(fit, cells, "N", by = wool), "by")
  says(posterior_summary(fit, variable = b_wool), "variable")
  says(posterior_interval(fit, pars = b_wool), "pars")
  says(conditional_effects(fit, effects = wool), "effects")
  says(plot(fit, "density", variable = b_wool), "variable")
  skip_if_not_installed("loo")
  says(loo::loo(fit, group = Subject), "group")
})
