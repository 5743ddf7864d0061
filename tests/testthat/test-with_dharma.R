test_that("unconditional simulations vary as new members of the population do", {
  fit <- fit_of("slope")
  set.seed(1)
  y <- getSimulations.vbfit(fit, nsim = 2000, simulateREs = "unconditional")
  first <- which(sleepstudy$Subject == "308")
  known <- predict(fit, transform(sleepstudy[first, ], Subject = "new"), se.fit = TRUE,
                   allow.new.levels = TRUE)
  error <- sqrt(known$se.fit^2 + sigma(fit)^2)
  expect_lt(max(abs(rowMeans(y[first, ]) - known$fit) / error), 5 / sqrt(2000))
  expect_lt(max(abs(apply(y[first, ], 1, sd) / error - 1)), 0.15)
  # rows of one level share its effects
  between <- cor(t(y[c(9, 10, 20), ]))
  expect_gt(between[1, 2], 0.5)
  expect_lt(abs(between[1, 3]), 0.3)
})

residuals_of <- function(fit, ...) suppressWarnings(DHARMa::simulateResiduals(fit, ...))

test_that("simulated residuals are uniform under the model, and not under another", {
  skip_if_not_installed("DHARMa")
  set.seed(2)
  data <- data.frame(x = rnorm(300), g = gl(30, 10))
  data$y <- rpois(300, exp(1 + 0.5 * data$x + rnorm(30, 0, 0.5)[data$g]))
  data$z <- rnbinom(300, size = 1, mu = exp(1 + 0.5 * data$x))
  right <- vb(y ~ x + (1 | g), data, family = poisson())
  wrong <- vb(z ~ x, data, family = poisson())
  for (random in c("conditional", "unconditional")) {
    value <- residuals_of(right, simulateREs = random)
    expect_gt(suppressWarnings(ks.test(residuals(value), "punif"))$p.value, 0.001)
  }
  expect_gt(DHARMa::testDispersion(residuals_of(right), plot = FALSE)$p.value, 0.001)
  expect_lt(DHARMa::testDispersion(residuals_of(wrong), plot = FALSE)$p.value, 0.01)
  expect_lt(DHARMa::testZeroInflation(residuals_of(wrong), plot = FALSE)$p.value, 0.01)
})

test_that("every kind of response is simulated as it was observed", {
  skip_if_not_installed("DHARMa")
  proportion <- transform(cbpp, share = incidence / size)
  fits <- list(
    fit_of("slope"), fit_of("binomial"), fit_of("poisson"), fit_of("negbinomial"),
    vb(am ~ wt, mtcars, family = binomial()),
    vb(factor(am) ~ wt, mtcars, family = binomial()),
    vb(share ~ period, proportion, family = binomial(), weights = size)
  )
  for (fit in fits) {
    for (random in c("conditional", "unconditional")) {
      value <- residuals_of(fit, n = 50, simulateREs = random)
      expect_identical(dim(value$simulatedResponse), c(nobs(fit), 50L))
      mean <- rowMeans(value$simulatedResponse)
      expect_gt(cor(mean, value$observedResponse), 0.1)
      expect_lt(abs(mean(mean) / mean(value$observedResponse) - 1), 0.5)
      expect_true(all(residuals(value) >= 0 & residuals(value) <= 1))
      expect_identical(value$fittedFixedEffects, fixef(fit))
    }
  }
})

test_that("residuals are plotted and grouped", {
  skip_if_not_installed("DHARMa")
  value <- residuals_of(fit_of("slope"), n = 50)
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_no_error(suppressWarnings(plot(value)))
  grouped <- DHARMa::recalculateResiduals(value, group = sleepstudy$Subject)
  expect_length(residuals(grouped), 18)
})
