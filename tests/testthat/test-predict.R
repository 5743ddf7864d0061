test_that("prediction for the data is the fit", {
  for (case in all_cases) {
    fit <- fit_of(case)
    data <- eval(fit$call$data, environment(fit_of))
    for (type in c("link", "response")) {
      here <- predict(fit, type = type, se.fit = TRUE)
      there <- predict(fit, data, type = type, se.fit = TRUE)
      expect_equal(there, here, tolerance = 1e-10, info = case)
      expect_true(all(here$se.fit > 0), info = case)
      expect_identical(names(here$fit), rownames(data), info = case)
      expect_equal(predict(fit, type = type), here$fit, tolerance = 1e-8, info = case)
    }
    expect_identical(fitted(fit), predict(fit, type = "response"), info = case)
  }
})

test_that("for the identity link both types agree, and moments are those of the coefficients", {
  fit <- fit_of("line")
  new <- data.frame(speed = c(5, 12.5))
  x <- cbind(1, new$speed)
  got <- predict(fit, new, se.fit = TRUE)
  expect_equal(unname(got$fit), drop(x %*% fixef(fit)), tolerance = 1e-10)
  expect_equal(unname(got$se.fit), sqrt(diag(x %*% vcov(fit) %*% t(x))), tolerance = 1e-8)
  expect_equal(predict(fit, new, type = "response", se.fit = TRUE), got, tolerance = 1e-10)
})

test_that("with the residual sd known the prediction is least squares", {
  fit <- fit_of("known")
  reference <- predict(lm(dist ~ speed, cars), cars[1:5, ], se.fit = TRUE)
  got <- predict(fit, cars[1:5, ], se.fit = TRUE)
  expect_equal(got$fit, reference$fit, tolerance = 1e-8)
  expect_equal(unname(got$se.fit), unname(reference$se.fit * 15 / reference$residual.scale),
               tolerance = 1e-8)
})

test_that("the mean of the response is the expectation, not the inverse link of the mean", {
  fit <- fit_of("poisson")
  link <- predict(fit, se.fit = TRUE)
  response <- predict(fit, type = "response", se.fit = TRUE)
  expect_equal(response$fit, exp(link$fit + link$se.fit^2 / 2), tolerance = 1e-3)
  fit <- fit_of("binomial")
  p <- predict(fit, type = "response")
  expect_true(all(p > 0 & p < 1))
})

test_that("re.form chooses the random effects", {
  fit <- fit_of("slope")
  fixed <- predict(fit, re.form = NA, se.fit = TRUE)
  expect_identical(predict(fit, re.form = ~0, se.fit = TRUE), fixed)
  x <- model.matrix(fit)
  expect_equal(fixed$fit, drop(x %*% fixef(fit)), tolerance = 1e-10)
  expect_equal(unname(fixed$se.fit), sqrt(rowSums((x %*% vcov(fit)) * x)), tolerance = 1e-8,
               ignore_attr = TRUE)
  expect_equal(predict(fit, re.form = ~ (Days | Subject)), predict(fit))
  no_subject <- data.frame(Days = 0:2)
  expect_equal(predict(fit, no_subject, re.form = NA), fixed$fit[1:3])
  nested <- fit_of("nested")
  wool <- predict(nested, re.form = ~ (1 | wool))
  effect <- ranef(nested)$wool[as.character(looms$wool), 1]
  expect_equal(wool, predict(nested, re.form = NA) + effect, tolerance = 1e-8)
})

test_that("a new level is an error unless allowed, and then less certain than a seen one", {
  fit <- fit_of("slope")
  new <- data.frame(Days = c(0, 5, 0, 5), Subject = c("308", "308", "new", "new"))
  expect_error(predict(fit, new), class = "vb_error_newdata")
  got <- predict(fit, new, allow.new.levels = TRUE, se.fit = TRUE)
  expect_equal(unname(got$fit[3:4]), unname(predict(fit, new, re.form = NA)[3:4]),
               tolerance = 1e-8)
  expect_gt(got$se.fit[[3]], got$se.fit[[1]])
  expect_gt(got$se.fit[[4]], got$se.fit[[2]])
  binomial <- data.frame(period = "1", herd = c(levels(cbpp$herd), "new"))
  sd <- predict(fit_of("binomial"), binomial, allow.new.levels = TRUE, se.fit = TRUE)$se.fit
  expect_true(all(sd[[16]] > sd[1:15]))
})

test_that("rows in are rows out", {
  air <- datasets::airquality
  used <- complete.cases(air[c("Ozone", "Wind", "Month")])
  fit <- vb(Ozone ~ Wind + (1 | Month), air, na.action = na.exclude)
  expect_identical(unname(is.na(fitted(fit))), !used)
  expect_identical(unname(is.na(residuals(fit))), !used)
  expect_length(predict(fit), nrow(air))
  expect_length(weights(fit), nrow(air))
  expect_length(fitted(vb(Ozone ~ Wind + (1 | Month), air)), sum(used))
  new <- data.frame(Wind = c(8, NA, 10, 9), Month = c(5, 5, NA, 6))
  got <- predict(fit, new, se.fit = TRUE)
  expect_identical(unname(is.na(got$fit)), c(FALSE, TRUE, TRUE, FALSE))
  expect_identical(is.na(got$se.fit), is.na(got$fit))
  expect_identical(names(got$fit), as.character(1:4))
  expect_identical(names(predict(fit, new, na.action = na.omit)), c("1", "4"))
  expect_identical(predict(fit, new, na.action = na.exclude), got$fit)
  expect_error(predict(fit, new, na.action = na.fail))
  expect_identical(unname(is.na(predict(fit, new, re.form = NA))), c(FALSE, TRUE, FALSE, FALSE))
  expect_length(predict(fit, new[0, ]), 0)
})

test_that("transformations of the formula are those of the data of the fit", {
  fit <- vb(dist ~ poly(speed, 2) + scale(speed), cars, prior = normal(0, 10))
  expect_equal(predict(fit, cars[3:5, ]), predict(fit)[3:5], tolerance = 1e-8)
  expect_equal(predict(fit, cars[7, ]), predict(fit)[7], tolerance = 1e-8)
})

test_that("offsets move the predictor", {
  quine <- transform(datasets::InsectSprays, exposure = rep(1:2, 36))
  inside <- vb(count ~ spray + offset(log(exposure)), quine, family = poisson())
  outside <- vb(count ~ spray, quine, family = poisson(), offset = log(exposure))
  expect_equal(fixef(inside), fixef(outside), tolerance = 1e-10)
  new <- transform(quine[1:2, ], exposure = 10)
  expected <- drop(model.matrix(inside)[1:2, ] %*% fixef(inside)) + log(10)
  expect_equal(predict(inside, new), expected, tolerance = 1e-8)
  expect_equal(predict(outside, new, offset = log(c(10, 10))), expected, tolerance = 1e-8)
})

test_that("residuals are glm's at the fitted means", {
  for (case in c("line", "binomial", "poisson")) {
    fit <- fit_of(case)
    family <- family(fit)
    mu <- fitted(fit)
    y <- model.response(model.frame(fit))
    if (is.matrix(y)) y <- y[, 1] / rowSums(y)
    w <- weights(fit)
    residual <- function(type) unname(residuals(fit, type = type))
    expect_equal(residual("response"), unname(y - mu), info = case)
    expect_equal(residual("pearson"), unname((y - mu) * sqrt(w / family$variance(mu))))
    expect_equal(residual("working"), unname((y - mu) / family$mu.eta(family$linkfun(mu))))
    expect_equal(residual("deviance"), unname(sign(y - mu) * sqrt(family$dev.resids(y, mu, w))))
  }
  expect_identical(residuals(fit_of("line")), residuals(fit_of("line"), "response"))
})

test_that("deviance residuals of a negative binomial are MASS's", {
  skip_if_not_installed("MASS")
  fit <- fit_of("negbinomial")
  shape <- posterior_summary(fit)["shape", "Estimate"]
  mu <- fitted(fit)
  y <- warpbreaks$breaks
  expected <- MASS::negative.binomial(shape)$dev.resids(y, mu, rep(1, length(y)))
  expect_equal(residuals(fit, "deviance"), sign(y - mu) * sqrt(expected), tolerance = 1e-6)
  expect_equal(residuals(fit, "pearson"), (y - mu) / sqrt(mu + mu^2 / shape), tolerance = 1e-10)
})

test_that("a type that does not exist is named", {
  expect_error(predict(fit_of("line"), type = "terms"), class = "vb_error_type")
  expect_error(residuals(fit_of("line"), type = "partial"), class = "vb_error_type")
  expect_error(weights(fit_of("line"), type = "posterior"), class = "vb_error_type")
  expect_error(predict(fit_of("line"), se.fit = "yes"), class = "vb_error_se.fit")
})

test_that("residuals of the student family exist in every type", {
  fit <- fit_of("student")
  response <- residuals(fit)
  expect_equal(residuals(fit, "working"), response)
  expect_equal(residuals(fit, "pearson"), response / sqrt(2), tolerance = 1e-10)
  deviance <- residuals(fit, "deviance")
  sigma <- sigma(fit)
  expected <- sign(response) * sigma * sqrt(5 * log1p((response / sigma)^2 / 4))
  expect_equal(deviance, expected, tolerance = 1e-8)
})

test_that("arguments that predict() does not have are warned of", {
  fit <- fit_of("line")
  expect_warning(got <- predict(fit, cars[1:2, ], terms = "speed"), "terms",
                 class = "vb_warning_dots")
  expect_identical(got, predict(fit, cars[1:2, ]))
  expect_error(predict(fit, cars, allow.new.levels = "yes"), class = "vb_error_allow.new.levels")
})

test_that("the variance of a new level is that of the standard deviation's whole posterior", {
  weibull <- vb_family("weibull", par = c(shape = "positive"), link = "log",
                       log_lik = function(y, eta, par) dweibull(y, par$shape, exp(eta), log = TRUE))
  for (family in list(weibull, poisson())) {           # three levels: a tail of large sds
    fit <- vb(breaks ~ wool + (1 | tension), warpbreaks, family = family)
    new <- data.frame(wool = "A", tension = "new")
    link <- predict(fit, new, se.fit = TRUE, allow.new.levels = TRUE)
    sd <- posterior_summary(fit, variable = c("sd_tension__Intercept", "b_Intercept"))
    expect_equal(link$se.fit[[1]]^2, sum(sd[1, 1:2]^2) + sd[2, 2]^2, tolerance = 0.02)
    # Jensen's inequality; with so heavy a tail the mean of exp() may overflow
    mean <- predict(fit, new, type = "response", se.fit = TRUE, allow.new.levels = TRUE)
    expect_gt(mean$fit[[1]], exp(link$fit[[1]]))
    expect_gt(mean$se.fit[[1]], 0)
  }
})

test_that("expected responses are those of skewed predictors, by quadrature of the posterior", {
  fit <- vb(am ~ wt, mtcars, family = binomial(), prior = normal(0, 5),
            prior_intercept = normal(0, 5))
  x <- mtcars$wt - mean(mtcars$wt)
  grid <- expand.grid(a = seq(-9, 5, length.out = 201), b = seq(-16, 2, length.out = 201))
  eta <- outer(grid$a, rep(1, 32)) + outer(grid$b, x)
  log_p <- drop(stats::plogis(eta * rep(2 * mtcars$am - 1, each = nrow(grid)), log.p = TRUE) %*%
                  rep(1, 32)) + stats::dnorm(grid$a, 0, 5, TRUE) + stats::dnorm(grid$b, 0, 5, TRUE)
  w <- exp(log_p - max(log_p))
  w <- w / sum(w)
  mu <- stats::plogis(eta)
  mean <- colSums(w * mu)
  sd <- sqrt(colSums(w * mu^2) - mean^2)
  got <- predict(fit, type = "response", se.fit = TRUE)
  expect_lt(max(abs(got$fit - mean) / sd), 0.03)
  expect_lt(max(abs(log(got$se.fit / sd))), 0.1)
})

test_that("na.action is a function, and its refusal an error of ours", {
  fit <- fit_of("line")
  new <- data.frame(speed = c(10, NA))
  expect_error(predict(fit, new, na.action = "nonsense"), class = "vb_error_na.action")
  expect_error(predict(fit, new, na.action = NULL), class = "vb_error_na.action")
  expect_error(predict(fit, new, na.action = na.fail), class = "vb_error_na.action")
  expect_length(predict(fit, new, na.action = "na.omit"), 1L)
})
