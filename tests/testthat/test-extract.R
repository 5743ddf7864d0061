test_that("formula keeps the bars, or one of the parts", {
  fit <- fit_of("slope")
  expect_equal(formula(fit), Reaction ~ Days + (Days | Subject), ignore_attr = TRUE)
  expect_equal(formula(fit, fixed.only = TRUE), Reaction ~ Days, ignore_attr = TRUE)
  expect_equal(formula(fit, random.only = TRUE), Reaction ~ (Days | Subject), ignore_attr = TRUE)
  expect_error(formula(fit, fixed.only = TRUE, random.only = TRUE), class = "vb_error_fixed.only")
  expect_s3_class(formula(fit), "formula")
})

test_that("terms, frame and matrix are those of lm on the fixed part", {
  reference <- lm(Reaction ~ Days, sleepstudy)
  fit <- fit_of("slope")
  expect_identical(attr(terms(fit), "term.labels"), "Days")
  expect_identical(attr(terms(fit), "dataClasses"), attr(terms(reference), "dataClasses"))
  expect_equal(model.matrix(fit), model.matrix(reference), ignore_attr = "contrasts")
  expect_identical(names(model.frame(fit)), c("Reaction", "Days", "Subject"))
  expect_identical(names(model.frame(fit, fixed.only = TRUE)), c("Reaction", "Days"))
  expect_true("Subject" %in% all.vars(terms(fit, fixed.only = FALSE)))
  reference <- lm(breaks ~ wool + tension, warpbreaks)
  expect_equal(model.matrix(fit_of("negbinomial")), model.matrix(reference))
})

test_that("fixed and random matrices give the linear predictor of the means", {
  for (case in all_cases) {
    fit <- fit_of(case)
    eta <- drop(model.matrix(fit) %*% fixef(fit))
    z <- model.matrix(fit, type = "random")
    expect_identical(nrow(z), length(eta), info = case)
    if (length(fit$random)) {
      u <- unlist(lapply(fit$random, function(term) {
        t(as.matrix(ranef(fit, condVar = FALSE)[[term$group]][term$coef]))
      }))
      eta <- eta + as.vector(z %*% u)
    }
    expect_equal(eta, predict(fit), tolerance = 1e-8, info = case)
  }
})

test_that("nobs, family, weights and degrees of freedom", {
  for (case in all_cases) {
    fit <- fit_of(case)
    expect_type(nobs(fit), "integer")
    expect_identical(nobs(fit), nrow(model.frame(fit)), info = case)
    expect_s3_class(family(fit), "family")
    expect_identical(df.residual(fit), Inf)
  }
  reference <- suppressWarnings(glm(cbind(incidence, size - incidence) ~ period, binomial, cbpp))
  expect_equal(weights(fit_of("binomial")), weights(reference), ignore_attr = TRUE)
  mu <- fitted(fit_of("binomial"))
  expect_equal(weights(fit_of("binomial"), "working"), cbpp$size * mu * (1 - mu),
               ignore_attr = TRUE)
  expect_equal(weights(fit_of("line"), "working"), rep(1, 50), ignore_attr = TRUE)
})

test_that("rows of weight zero are not counted but keep their place", {
  fit <- vb(dist ~ speed, cars, weights = rep(c(0, 2), c(10, 40)))
  expect_identical(nobs(fit), 40L)
  expect_length(fitted(fit), 50)
  expect_identical(unname(weights(fit)), rep(c(0, 2), c(10, 40)))
  expect_equal(fitted(fit)[1:10], predict(fit, cars[1:10, ]))
})

test_that("update refits from call and formula", {
  fit <- update(fit_of("slope"), . ~ . - Days)
  expect_identical(names(fixef(fit)), "(Intercept)")
  expect_identical(names(ranef(fit)$Subject), c("(Intercept)", "Days"))
  short <- update(fit_of("line"), subset = speed > 10)
  expect_identical(nobs(short), sum(cars$speed > 10))
})

test_that("update() changes formula and data, which may be called newdata", {
  half <- sleepstudy[1:90, ]
  fit <- vb(Reaction ~ Days + (1 | Subject), sleepstudy)
  expect_identical(fixef(update(fit, . ~ . - Days)),
                   fixef(vb(Reaction ~ (1 | Subject), sleepstudy)))
  again <- vb(Reaction ~ Days + (1 | Subject), half)
  expect_identical(fixef(update(fit, data = half)), fixef(again))
  expect_identical(fixef(update(fit, newdata = half)), fixef(again))
  expect_identical(fixef(do.call(update, list(fit, newdata = half))), fixef(again))
  expect_identical(lapply(list(fit), update, . ~ . - Days, newdata = half)[[1L]]$nobs, 90L)
  expect_identical(update(fit, . ~ . - Days, evaluate = FALSE)$data, quote(sleepstudy))
})

test_that("flags are checked", {
  expect_error(model.frame(fit_of("line"), fixed.only = NA), class = "vb_error_fixed.only")
})
