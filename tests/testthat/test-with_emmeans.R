skip_if_not_installed("emmeans")

# The posterior mean and sd of each row agree with the exact moments of x'beta, up to the noise of
# 4000 draws.
expect_moments <- function(object, fit) {
  x <- object@linfct
  mean <- drop(x %*% fixef(fit))
  sd <- sqrt(diag(x %*% vcov(fit) %*% t(x)))
  draws <- object@post.beta %*% t(x)
  expect_lt(max(abs(colMeans(draws) - mean) / sd), 5 / sqrt(nrow(draws)))
  expect_lt(max(abs(apply(draws, 2, sd) / sd - 1)), 0.06)
}

test_that("means are linear in the fixed effects, and their draws have the right moments", {
  fits <- list(
    vb(breaks ~ wool * tension, warpbreaks),
    vb(breaks ~ wool + poly(as.numeric(tension), 2), warpbreaks, family = poisson()),
    fit_of("binomial"), fit_of("slope"), fit_of("negbinomial"),
    vb(dist ~ speed, cars, algorithm = "advi")
  )
  for (fit in fits) {
    specs <- all.vars(formula(fit, fixed.only = TRUE)[[3]])[1]
    means <- suppressMessages(emmeans::emmeans(fit, specs))
    expect_moments(means, fit)
    expect_moments(emmeans::ref_grid(fit), fit)
  }
})

test_that("weights and levels are emmeans' own for lm and glm", {
  peers <- list(
    list(quote(vb(breaks ~ wool * tension, warpbreaks)),
         quote(lm(breaks ~ wool * tension, warpbreaks)), ~ tension | wool),
    list(quote(vb(Ozone ~ Temp + poly(Wind, 2) + factor(Month), airquality)),
         quote(lm(Ozone ~ Temp + poly(Wind, 2) + factor(Month), airquality)), ~ Month),
    list(quote(vb(count ~ spray + offset(log(seq_along(count))), InsectSprays,
                  family = poisson())),
         quote(glm(count ~ spray + offset(log(seq_along(count))), InsectSprays,
                   family = poisson())), ~ spray),
    list(quote(vb(count ~ spray, InsectSprays, family = poisson(),
                  offset = rep(0.3, 72))),
         quote(glm(count ~ spray, family = poisson(), InsectSprays, offset = rep(0.3, 72))),
         ~ spray)
  )
  for (peer in peers) {
    mine <- suppressMessages(emmeans::emmeans(eval(peer[[1]]), peer[[3]]))
    theirs <- suppressMessages(emmeans::emmeans(eval(peer[[2]]), peer[[3]]))
    expect_equal(unname(mine@linfct), unname(theirs@linfct))
    expect_identical(mine@levels, theirs@levels)
    expect_equal(mine@grid$.offset., theirs@grid$.offset.)
  }
})

test_that("contrasts, trends and back-transformation take the draws along", {
  fit <- vb(breaks ~ wool * tension, warpbreaks, family = poisson())
  means <- suppressMessages(emmeans::emmeans(fit, ~ tension | wool))
  link <- as.data.frame(summary(means))
  response <- as.data.frame(summary(means, type = "response"))
  expect_equal(response$rate, exp(link$emmean), tolerance = 1e-3)
  expect_true(all(c("lower.HPD", "upper.HPD") %in% names(response)))
  expect_moments(pairs(means), fit)
  slope <- fit_of("slope")
  trend <- as.data.frame(emmeans::emtrends(slope, ~ 1, var = "Days"))
  expect_lt(abs(trend$Days.trend - fixef(slope)[["Days"]]), 0.2)
  log_fit <- vb(log(breaks) ~ wool, warpbreaks)
  back <- as.data.frame(summary(emmeans::emmeans(log_fit, ~ wool), type = "response"))
  expect_equal(back$response, exp(unname(fixef(log_fit)[1] + c(0, fixef(log_fit)[2]))),
               tolerance = 0.02)
})

test_that("two calls give the same draws and leave R's random numbers alone", {
  fit <- fit_of("poisson")
  set.seed(1)
  first <- emmeans::emmeans(fit, ~ spray)
  after <- runif(1)
  set.seed(1)
  expect_identical(runif(1), after)
  expect_identical(summary(emmeans::emmeans(fit, ~ spray)), summary(first))
})

test_that("means of an ordinal model are those of its probabilities", {
  set.seed(1)
  data <- data.frame(x = rnorm(200), f = gl(2, 100))
  score <- data$x + (data$f == "2") + rlogis(200)
  data$y <- cut(score, c(-Inf, -1, 1, Inf), c("lo", "mid", "hi"), ordered_result = TRUE)
  fit <- vb(y ~ x + f, data, family = cumulative())
  new <- data.frame(x = mean(data$x), f = c("1", "2"))
  prob <- predict(fit, new, type = "response")
  by_class <- as.data.frame(emmeans::emmeans(fit, ~ f | y, mode = "prob"))
  expect_equal(by_class$prob, as.vector(prob), tolerance = 0.02)
  expect_identical(as.character(unique(by_class$y)), fit$levels)
  below <- as.data.frame(emmeans::emmeans(fit, ~ f | cut, mode = "cum.prob"))
  expect_equal(below$cumprob, c(prob[, 1], prob[, 1] + prob[, 2]), tolerance = 0.02,
               ignore_attr = TRUE)
  above <- as.data.frame(emmeans::emmeans(fit, ~ f | cut, mode = "exc.prob"))
  expect_equal(above$exc.prob, 1 - below$cumprob, tolerance = 1e-8)
  class <- as.data.frame(emmeans::emmeans(fit, ~ f, mode = "mean.class"))
  expect_equal(class$mean.class, as.vector(prob %*% 1:3), tolerance = 0.02)
  latent <- emmeans::emmeans(fit, ~ f)
  expect_moments(latent, fit)
  centre <- mean(fixef(fit)[1:2])
  expect_equal(drop(latent@linfct %*% fixef(fit)), unname(predict(fit, new)) - centre,
               ignore_attr = TRUE)
  expect_error(emmeans::emmeans(fit, ~ f, mode = "median"), class = "vb_error_mode")
})

test_that("families of a user's own are back-transformed by their links", {
  family <- vb_family("cauchit", link = "cauchit", log_lik = function(y, eta, par) {
    dbinom(y, 1, pcauchy(eta), log = TRUE)
  })
  fit <- vb(am ~ 1, mtcars, family = family)
  mean <- as.data.frame(emmeans::emmeans(fit, ~ 1, type = "response"))
  expect_equal(mean$response, pcauchy(fixef(fit)[[1]]), tolerance = 0.02)
})
