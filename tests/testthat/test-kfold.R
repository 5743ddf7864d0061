skip_if_not_installed("loo")

test_that("with everything conjugate it is the formula", {
  fit <- fit_of("known")
  folds <- rep(1:5, 10)
  out <- loo::kfold(fit, folds = folds)
  want <- numeric(50)
  for (k in 1:5) {
    part <- lm(dist ~ speed, cars[folds != k, ])
    x <- cbind(1, cars$speed[folds == k])
    v <- 15^2 * (1 + rowSums(x %*% summary(part)$cov.unscaled * x))
    want[folds == k] <- dnorm(cars$dist[folds == k], x %*% coef(part), sqrt(v), log = TRUE)
  }
  expect_equal(unname(out$pointwise[, "elpd_kfold"]), want, tolerance = 1e-7)
  expect_s3_class(out, c("kfold", "loo"), exact = TRUE)
  expect_identical(attr(out, "K"), 5L)
  expect_equal(out$estimates["kfoldic", "Estimate"], -2 * sum(want))
  expect_output(print(out), "Based on 5-fold cross-validation")
})

test_that("as many folds as rows are leave-one-out", {
  fit <- fit_of("student")
  out <- loo::kfold(fit, K = 21)
  expect_lt(abs(sum(out$pointwise[, 1] - loo::loo(fit, "cavity")$pointwise[, 1])), 0.3)
})

test_that("groups stay whole, and their levels are new to the fit without them", {
  fit <- fit_of("binomial")
  set.seed(2)
  out <- loo::kfold(fit, K = 3, group = "herd", save_fits = TRUE)
  expect_identical(dim(out$fits), c(3L, 2L))
  omitted <- out$fits[, "omitted"]
  expect_setequal(unlist(omitted), 1:56)
  herds <- lapply(omitted, function(i) unique(cbpp$herd[i]))
  expect_identical(anyDuplicated(unlist(herds)), 0L)
  # mixture over draws of a new herd's effect, in R
  part <- out$fits[[1, "fit"]]
  i <- omitted[[1]][1]
  set.seed(3)
  draws <- posterior_sample(part, 20000L)
  eta <- drop(model.matrix(fit)[i, ] %*% draws$coef[1:4, ]) + draws$hyper[1, ] * rnorm(20000)
  want <- log(mean(dbinom(cbpp$incidence[i], cbpp$size[i], plogis(eta))))
  expect_equal(unname(out$pointwise[i, 1]), want, tolerance = 0.02)
})

test_that("folds are drawn by R's generator, or taken from loo's helpers", {
  fit <- fit_of("poisson")
  draw <- function() {
    set.seed(9)
    loo::kfold(fit, K = 4)$pointwise
  }
  expect_identical(draw(), draw())
  set.seed(1)
  folds <- loo::kfold_split_stratified(K = 3, x = InsectSprays$spray)
  expect_identical(attr(loo::kfold(fit, folds = folds), "K"), 3L)
  expect_error(loo::kfold(fit, K = 1), class = "vb_error_K")
  expect_error(loo::kfold(fit, K = 100), class = "vb_error_K")
  expect_error(loo::kfold(fit, folds = 1:3), class = "vb_error_folds")
  expect_error(loo::kfold(fit, folds = rep(1, 72)), class = "vb_error_folds")
  expect_error(loo::kfold(fit, folds = rep(1:2, 36), group = "spray"), class = "vb_error_folds")
})

test_that("the fit needs neither its data nor its formula's variables", {
  make <- function() {
    local_data <- transform(cars, w = rep(1:2, 25), o = speed / 10)
    vb(dist ~ speed + offset(o), local_data, weights = w, subset = speed > 5)
  }
  fit <- make()
  set.seed(1)
  out <- loo::kfold(fit, K = 4)
  expect_identical(nrow(out$pointwise), nobs(fit))
  expect_true(all(is.finite(out$pointwise)))
})

test_that("fits by ADVI and of one's own family are fitted again as they were", {
  folds <- rep(1:3, 24)
  want <- loo::kfold(fit_of("poisson"), folds = folds)$estimates[1, 1]
  advi <- vb(count ~ spray, InsectSprays, family = poisson(), algorithm = "advi")
  expect_lt(abs(loo::kfold(advi, folds = folds)$estimates[1, 1] - want), 0.5)
  own <- vb_family("count", link = "log",
                   log_lik = function(y, eta, par) dpois(y, exp(eta), log = TRUE))
  mine <- vb(count ~ spray, InsectSprays, family = own)
  expect_lt(abs(loo::kfold(mine, folds = folds)$estimates[1, 1] - want), 0.05)
})
