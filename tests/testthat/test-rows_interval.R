# Intervals of predictions, against exact answers, coefficients' own intervals and many draws.

interval_of <- function(fit, ..., interval = "credible") {
  predict(fit, ..., interval = interval, allow.new.levels = TRUE)
}

# shares of draws (a column per row) up to the bounds, which are to be those of a 95% interval
expect_shares <- function(bounds, draws, tolerance = 0.012) {
  for (i in seq_len(nrow(bounds))) {
    expect_lt(abs(mean(draws[, i] <= bounds[i, "lwr"]) - 0.025), tolerance)
    expect_lt(abs(mean(draws[, i] <= bounds[i, "upr"]) - 0.975), tolerance)
  }
}

# the same of whole numbers: less than the probability below, no less with the bound
expect_reached <- function(bounds, draws, tolerance = 0.008) {
  for (i in seq_len(nrow(bounds))) for (p in list(c("lwr", 0.025), c("upr", 0.975))) {
    at <- bounds[i, p[1]]
    expect_lt(mean(draws[, i] < at - 1e-8), as.double(p[2]) + tolerance)
    expect_gt(mean(draws[, i] < at + 1e-8), as.double(p[2]) - tolerance)
  }
}

test_that("intervals of a regression with known errors are closed forms", {
  fit <- fit_of("known")
  new <- data.frame(speed = c(3, 12, 40), row.names = c("a", "b", "c"))
  eta <- predict(fit, new, se.fit = TRUE)
  for (level in c(0.5, 0.95)) {
    z <- qnorm((1 + level) / 2)
    exact <- function(sd) cbind(fit = eta$fit, lwr = eta$fit - z * sd, upr = eta$fit + z * sd)
    expect_equal(predict(fit, new, interval = "credible", level = level), exact(eta$se.fit),
                 tolerance = 1e-7)
    expect_equal(predict(fit, new, interval = "prediction", level = level),
                 exact(sqrt(eta$se.fit^2 + 15^2)), tolerance = 1e-7)
  }
  weighted <- vb(dist ~ speed, cars, weights = speed, prior = NULL, prior_intercept = NULL,
                 prior_aux = constant(15))
  eta <- predict(weighted, new, se.fit = TRUE)
  half <- qnorm(0.975) * sqrt(eta$se.fit^2 + 15^2 / new$speed)
  got <- predict(weighted, new, interval = "prediction")
  expect_equal(got[, "upr"] - got[, "fit"], half, tolerance = 1e-7, ignore_attr = TRUE)
  expect_equal(predict(weighted, cars[1:4, ], interval = "prediction"),
               predict(weighted, interval = "prediction")[1:4, ], tolerance = 1e-10)
})

test_that("with an unknown error they are those of least squares and their t distribution", {
  fit <- vb(dist ~ speed, cars, prior = NULL, prior_intercept = NULL, prior_aux = NULL)
  for (interval in c("confidence", "prediction")) {
    exact <- predict(lm(dist ~ speed, cars), cars, interval = interval)
    mine <- if (interval == "confidence") "credible" else interval
    got <- predict(fit, interval = mine)
    expect_lt(max(abs(got - exact)) / sigma(fit), 0.03)
  }
})

test_that("a row with one coefficient has that coefficient's interval", {
  fit <- vb(cbind(incidence, size - incidence) ~ 0 + period + (1 | herd), cbpp, family = binomial())
  new <- data.frame(period = levels(cbpp$period))
  summary <- posterior_summary(fit)[1:4, ]
  got <- predict(fit, new, re.form = NA, interval = "credible")
  expect_equal(unname(got), unname(summary[, c("Estimate", "Q2.5", "Q97.5")]), tolerance = 1e-8)
  response <- predict(fit, new, re.form = NA, interval = "credible", type = "response")
  expect_equal(response[, -1], plogis(got[, -1]))
  expect_equal(response[, 1], predict(fit, new, re.form = NA, type = "response"))
  set.seed(1)
  rare <- data.frame(y = rbinom(400, 1, 0.01), x = rnorm(400))
  rare$y[1:2] <- 1
  fit <- vb(y ~ x, rare, family = binomial())
  expect_lt(mean(fit$engine$node$fixed_skew[1, ]), -0.1)
  got <- predict(fit, data.frame(x = 0), interval = "credible")
  expect_equal(got[1, -1], confint(fit)[1, ], tolerance = 1e-8, ignore_attr = TRUE)
})

test_that("bounds hold the share of many draws that they say", {
  cases <- list(
    binomial = data.frame(period = c("1", "4", "2"), herd = c("1", "7", "unseen")),
    nested = data.frame(tension = c("L", "H", "M"), wool = c("A", "B", "A"),
                        loom = c("1", "9", "unseen")),
    negbinomial = warpbreaks[c(1, 30), ]
  )
  for (case in names(cases)) {
    fit <- fit_of(case)
    new <- cases[[case]]
    draws <- function(f, ...) f(fit, new, ndraws = 20000, allow_new_levels = TRUE, seed = 1, ...)
    link <- interval_of(fit, new)
    expect_shares(link, draws(posterior_linpred, transform = FALSE))
    response <- interval_of(fit, new, type = "response")
    expect_shares(response, draws(posterior_epred))
    expect_equal(response[, "fit"], interval_of(fit, new, type = "response", interval = "none"))
  }
})

test_that("predicted counts hold the share of many draws that they say", {
  new <- data.frame(tension = c("L", "H", "M"), wool = c("A", "B", "A"),
                    loom = c("1", "9", "unseen"))
  draws <- posterior_predict(fit_of("nested"), new, ndraws = 20000, allow_new_levels = TRUE,
                             seed = 1)
  expect_reached(interval_of(fit_of("nested"), new, interval = "prediction"), draws)
  fit <- fit_of("binomial")
  new <- transform(cbpp[c(1, 20, 50), ], herd = c("1", "7", "unseen"))
  draws <- posterior_predict(fit, new, ndraws = 20000, allow_new_levels = TRUE, seed = 1)
  got <- interval_of(fit, new, interval = "prediction")
  expect_reached(got, draws / rep(new$size, each = nrow(draws)))
  expect_error(interval_of(fit, new[c("period", "herd")], interval = "prediction"),
               class = "vb_error_response")
  fit <- fit_of("negbinomial")
  draws <- posterior_predict(fit, warpbreaks[1:2, ], ndraws = 20000, seed = 1)
  expect_reached(predict(fit, warpbreaks[1:2, ], interval = "prediction"), draws)
})

test_that("the draws of a fit by ADVI are the mixture", {
  fit <- vb(count ~ spray, InsectSprays, family = poisson(), algorithm = "advi")
  rows <- InsectSprays[c(1, 40), ]
  got <- predict(fit, rows, interval = "credible")
  draws <- posterior_linpred(fit, newdata = rows)
  sorted <- apply(draws, 2, sort)
  n <- nrow(draws)
  expect_true(all(got[, "lwr"] >= sorted[floor(0.025 * n), ] - 1e-6))
  expect_true(all(got[, "lwr"] <= sorted[floor(0.025 * n) + 1, ] + 1e-6))
  expect_true(all(got[, "upr"] >= sorted[floor(0.975 * n), ] - 1e-6))
  expect_true(all(got[, "upr"] <= sorted[floor(0.975 * n) + 1, ] + 1e-6))
  mixture <- function(y) rowMeans(vapply(seq_len(nrow(draws)), function(s) {
    ppois(y, exp(draws[s, ]))
  }, numeric(2)))
  got <- predict(fit, rows, interval = "prediction")
  for (bound in c(lwr = 0.025, upr = 0.975)) {
    side <- names(which(c(lwr = 0.025, upr = 0.975) == bound))
    expect_true(all(mixture(got[, side]) >= bound & mixture(got[, side] - 1) < bound))
  }
})

test_that("one Gaussian for all of theta still has the dispersion's uncertainty", {
  fit <- vb(dist ~ speed, cars, approximation = "meanfield")
  got <- predict(fit, interval = "prediction")
  exact <- predict(fit_of("line"), interval = "prediction")
  expect_lt(max(abs(got - exact)) / sigma(fit), 0.05)
})

test_that("offsets move both intervals", {
  data <- transform(InsectSprays, exposure = rep(1:2, 36))
  fit <- vb(count ~ spray + offset(log(exposure)), data, family = poisson())
  new <- transform(data[1:2, ], exposure = 1)
  at <- predict(fit, new, interval = "credible")
  far <- predict(fit, transform(new, exposure = 50), interval = "credible")
  expect_equal(far, at + log(50), tolerance = 1e-8)
  draws <- posterior_predict(fit, transform(new, exposure = 50), ndraws = 20000, seed = 1)
  expect_reached(predict(fit, transform(new, exposure = 50), interval = "prediction"), draws)
})

test_that("rows that lack a value are NA, whatever the shape", {
  new <- rbind(warpbreaks[1:2, ], data.frame(breaks = NA, wool = NA, tension = "L"))
  fit <- fit_of("negbinomial")
  got <- predict(fit, new, interval = "prediction")
  expect_identical(rowSums(is.na(got)), c("1" = 0, "2" = 0, "3" = 3))
  expect_identical(rownames(predict(fit, new, interval = "credible", na.action = na.omit)),
                   c("1", "2"))
  expect_identical(dim(predict(fit, new[0, ], interval = "credible")), c(0L, 3L))
  both <- predict(fit, new[1:2, ], interval = "credible", se.fit = TRUE)
  expect_identical(both$fit, predict(fit, new[1:2, ], interval = "credible"))
  expect_identical(both$se.fit, predict(fit, new[1:2, ], se.fit = TRUE)$se.fit)
  air <- datasets::airquality
  air$high <- cut(air$Ozone, c(0, 40, 200), ordered_result = TRUE)
  out <- is.na(air$Ozone)
  left <- vb(Ozone ~ Wind, air, na.action = na.exclude)
  expect_identical(unname(is.na(predict(left, interval = "prediction")[, 2])), out)
  left <- vb(high ~ Wind, air, family = cumulative(), na.action = na.exclude)
  p <- predict(left, type = "response", interval = "credible")
  expect_identical(dim(p), c(153L, 3L, 2L))
  expect_identical(unname(is.na(p[, "upr", 2])), out)
})

ordinal <- vb(tension ~ breaks, family = cumulative(),
              transform(warpbreaks, tension = factor(tension, ordered = TRUE)))

test_that("categories have intervals of their probabilities and of their number", {
  new <- data.frame(breaks = c(20, 50, NA))
  got <- predict(ordinal, new, type = "response", interval = "credible")
  expect_identical(dimnames(got), list(c("1", "2", "3"), c("fit", "lwr", "upr"), c("L", "M", "H")))
  expect_true(all(is.na(got[3, , ])))
  expect_equal(got[, "fit", ], predict(ordinal, new, type = "response"))
  draws <- posterior_epred(ordinal, newdata = new[1:2, , drop = FALSE], ndraws = 20000, seed = 1)
  for (k in 1:3) expect_shares(got[1:2, , k], draws[, , k])
  expect_identical(dim(predict(ordinal, new, type = "response", interval = "credible",
                               na.action = na.omit)), c(2L, 3L, 3L))
  named <- predict(ordinal, new, interval = "prediction", level = 0.5)
  expect_equal(named$fit, unname(drop(got[, "fit", ] %*% 1:3)))
  below <- t(apply(got[1:2, "fit", ], 1, cumsum))
  expect_identical(as.integer(named$lwr), c(1L + as.integer(rowSums(below < 0.25)), NA))
  expect_identical(as.integer(named$upr), c(1L + as.integer(rowSums(below < 0.75)), NA))
  expect_identical(levels(named$upr), c("L", "M", "H"))
  expect_s3_class(named$lwr, "ordered")
  drawn <- predictive_interval(ordinal, prob = 0.5, newdata = new, ndraws = 4000, seed = 1)
  expect_identical(names(drawn), c("25%", "75%"))
  expect_identical(unname(as.list(drawn)), unname(as.list(named[c("lwr", "upr")])))
})

test_that("an ordinal model's predictor is about zero in all that is said of it", {
  new <- data.frame(breaks = c(0, 20, 60))
  b <- posterior_summary(ordinal)["b_breaks", ]
  got <- predict(ordinal, new, interval = "credible", se.fit = TRUE)
  expect_equal(unname(got$fit), outer(new$breaks, unname(b[c(1, 3, 4)])), tolerance = 1e-7)
  expect_equal(unname(got$se.fit), new$breaks * b[["Est.Error"]], tolerance = 1e-7)
})

test_that("a family of the user's predicts by its simulate", {
  simulate <- function(eta, par) stats::rnbinom(length(eta), size = par$shape, mu = exp(eta))
  family <- do.call(vb_family, c(
    list(name = "own", simulate = simulate), own$negbinomial[c("log_lik", "par", "link")]))
  fit <- vb(breaks ~ wool, warpbreaks, family = family)
  peer <- vb(breaks ~ wool, warpbreaks, family = negbinomial())
  new <- warpbreaks[c(1, 30), ]
  got <- predict(fit, new, interval = "prediction")
  expect_identical(got, predict(fit, new, interval = "prediction"))
  expect_lte(max(abs(got - predict(peer, new, interval = "prediction"))), 2)
  mute <- vb(breaks ~ wool, warpbreaks, family = own$negbinomial)
  expect_error(predict(mute, interval = "prediction"), "simulate", class = "vb_error_simulate")
  expect_equal(predict(mute, new, interval = "credible"),
               predict(peer, new, interval = "credible"), tolerance = 1e-3)
})

test_that("intervals that do not exist are named", {
  fit <- fit_of("line")
  expect_error(predict(fit, interval = "confidence"), "credible", class = "vb_error_interval")
  expect_error(predict(fit, interval = "credible", level = 95), class = "vb_error_level")
})

test_that("responses in a new level vary independently of the level", {
  normal <- vb_family("normal", function(y, eta, par) dnorm(y, eta, par$sigma, log = TRUE),
                      par = c(sigma = "positive"),
                      simulate = function(eta, par) rnorm(length(eta), eta, par$sigma))
  new <- data.frame(Subject = c("new", "other"))
  width <- function(family) {
    fit <- vb(Reaction ~ 1 + (1 | Subject), sleepstudy, family = family)
    unname(apply(interval_of(fit, new, interval = "prediction")[, -1L], 1L, diff))
  }
  expect_equal(width(normal), width(gaussian()), tolerance = 0.05)
  shown <- vb(Reaction ~ 1 + (1 | Subject), sleepstudy, family = normal)
  one <- diff(interval_of(shown, new[1L, , drop = FALSE], interval = "prediction")[1L, 2:3])
  expect_equal(unname(one), width(gaussian())[1L], tolerance = 0.05)
})
