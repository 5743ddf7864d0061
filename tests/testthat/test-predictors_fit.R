# Fits of several predictors: what a fit has, and that it is right where that can be known.

d <- several_data
both <- bf(y ~ x + (1 + z | p | g), sigma ~ z + s(o) + (1 | p | g))
fit <- suppressWarnings(vb(both, d))
zip <- vb(bf(count ~ x + (1 | g), zi ~ z + offset(o)), d, family = zero_inflated_poisson())

test_that("names are brms's, in the order of the predictors", {
  name <- rownames(posterior_summary(fit))
  expect_identical(name[!grepl("^(r|s)_", name)], c(
    "b_Intercept", "b_x", "b_sigma_Intercept", "b_sigma_z", "bs_sigma_so_1", "sd_g__Intercept",
    "sd_g__z", "sd_g__sigma_Intercept", "cor_g__Intercept__z",
    "cor_g__Intercept__sigma_Intercept", "cor_g__z__sigma_Intercept", "sds_sigma_so_1"))
  expect_true(all(c("r_g[3,z]", "r_g__sigma[3,Intercept]", "s_sigma_so_1[1]") %in% name))
  expect_identical(names(fixef(fit)),
                   c("(Intercept)", "x", "sigma_Intercept", "sigma_z", "sigma_so_1"))
  expect_identical(names(ranef(fit)$g), c("(Intercept)", "z", "sigma_Intercept"))
  expect_identical(dim(VarCorr(fit)$g), c(3L, 3L))
  expect_identical(colnames(coef(fit)$g), c("(Intercept)", "x", "z", "sigma_Intercept", "sigma_z",
                                            "sigma_so_1")[c(3, 1, 2, 4, 5, 6)])
  expect_identical(dim(vcov(fit)), c(5L, 5L))
})

test_that("draws, summaries and the parts agree", {
  set.seed(1)
  draws <- as.matrix(zip, ndraws = 4000)
  s <- posterior_summary(zip)
  expect_identical(colnames(draws), rownames(s))
  expect_lt(max(abs(colMeans(draws) - s[, 1]) / s[, 2]), 0.1)
  expect_equal(s[c("b_Intercept", "b_zi_z"), 1], fixef(zip)[c("(Intercept)", "zi_z")],
               ignore_attr = TRUE)
  total <- coef(zip)$g[["(Intercept)"]] - ranef(zip)$g[["(Intercept)"]]
  expect_equal(total, rep(fixef(zip)[["(Intercept)"]], 10))
  expect_equal(sqrt(diag(vcov(zip))), s[1:4, 2], ignore_attr = TRUE, tolerance = 1e-6)
})

test_that("draws have the summary's spread where rows weigh less than nothing", {
  many <- vb(bf(log(weight) ~ Time + (Time | p | Chick), sigma ~ Time + (1 | p | Chick)),
             as.data.frame(ChickWeight))
  set.seed(1)
  draws <- as.matrix(many, pars = names(fixef(many)), ndraws = 4000)
  expect_lt(max(abs(log(apply(draws, 2, sd) / posterior_summary(many)[1:4, 2]))), 0.05)
})

test_that("prints have all formulas and links", {
  expect_output(print(fit), "sigma ~ z + s(o) + (1 | p | g)", fixed = TRUE)
  expect_output(print(zip), "zero_inflated_poisson [log; zi = logit]", fixed = TRUE)
  expect_output(print(summary(zip)), "zi ~ z + offset(o)", fixed = TRUE)
  expect_identical(rownames(summary(zip)$fixed), c("Intercept", "x", "zi_Intercept", "zi_z"))
  expect_output(print(prior_summary(zip)), "zi_Intercept ~ logistic(0, 1)", fixed = TRUE)
  expect_identical(names(summary(fit)$edf), "sigma: s(o)")
})

test_that("a fit is plain data that comes back whole", {
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  saveRDS(zip, file)
  again <- readRDS(file)
  expect_identical(posterior_summary(again), posterior_summary(zip))
  for (damage in list(
    function(f) replace(f, "predictors", list(f$predictors[1L])),
    function(f) { f$predictors$zi$columns <- 9L; f },
    function(f) { f$design$predictor[1L] <- 3L; f },
    function(f) { f$design$into <- NULL; f },
    function(f) { f$design$terms[[1L]]$predictor <- 2:3; f },
    function(f) { f$offset <- f$offset[, 1L]; f },
    function(f) { f$design$predicted <- c("mu", "hu"); f })) {
    expect_error(posterior_summary(damage(zip)), class = "vb_error_fit")
  }
})

test_that("update() keeps the formulas of all parameters", {
  again <- update(zip, . ~ . + z)
  expect_identical(names(fixef(again)), c("(Intercept)", "x", "z", "zi_Intercept", "zi_z"))
  other <- update(zip, bf(count ~ 1, zi ~ x))
  expect_identical(names(fixef(other)), c("(Intercept)", "zi_Intercept", "zi_x"))
  spelled <- vb(count ~ x, d, family = poisson(), ziformula = ~z)
  expect_identical(deparse1(spelled$call$formula), "bf(count ~ x, zi ~ z)")
  expect_identical(deparse1(spelled$call$family), "zero_inflated_poisson()")
  expect_equal(fixef(update(spelled, data = d)), fixef(spelled))
  expect_identical(names(fixef(update(spelled, ziformula = ~ x + z))),
                   c("(Intercept)", "x", "zi_Intercept", "zi_x", "zi_z"))
  held <- vb(bf(y ~ x, sigma = 2), d)
  expect_identical(posterior_summary(update(held, . ~ 1))["sigma", 1], c(Estimate = 2)[[1]])
})

test_that("rows of each predictor are what its linear predictor is made of", {
  rows <- predictor_rows(zip)
  expect_named(rows, c("mu", "zi"))
  mean <- posterior_summary(zip)[, 1]
  eta <- mean[["b_Intercept"]] + mean[["b_x"]] * d$x +
    mean[paste0("r_g[", d$g, ",Intercept]")]
  expect_equal(engine_moments(zip, rows$mu)$mean, unname(eta), tolerance = 1e-8)
  eta <- mean[["b_zi_Intercept"]] + mean[["b_zi_z"]] * d$z + d$o
  expect_equal(engine_moments(zip, rows$zi)$mean, eta, tolerance = 1e-8)
  expect_equal(predictor_rows(zip, d), rows)
  set.seed(2)
  sample <- posterior_sample(zip, 50L)
  drawn <- predictor_draws(zip, rows$zi, sample)
  at <- c(match("zi_Intercept", names(fixef(zip))), match("zi_z", names(fixef(zip))))
  expect_equal(drawn, cbind(1, d$z) %*% sample$coef[at, ] + d$o, ignore_attr = TRUE)
  # an ordinary model has one
  plain <- vb(y ~ x + (1 | g), d)
  expect_identical(predictor_rows(plain), list(mu = new_rows(plain)))
})

test_that("rows of smooths, of new levels and of correlated terms go to their predictors", {
  new <- transform(d[c(1, 50), ], g = c("3", "new"))
  rows <- predictor_rows(fit, new, allow.new.levels = TRUE)
  expect_true(all(rows$mu$x[, fit$design$predictor == 2L] == 0))
  expect_equal(rows$mu$z[[1L]], cbind(1, new$z, 0), ignore_attr = TRUE)
  expect_equal(rows$sigma$z[[1L]], cbind(c(0, 0), 0, 1), ignore_attr = TRUE)
  expect_identical(rows$sigma$group[[1L]], c(3L, 0L))
  x <- as.matrix(as.data.frame(fit$design$x))[c(1, 50), fit$design$predictor == 2L]
  expect_equal(rows$sigma$x[, fit$design$predictor == 2L], x, ignore_attr = TRUE)
  expect_error(predictor_rows(fit, new), class = "vb_error_newdata")
  none <- predictor_rows(fit, re.form = NA)
  expect_true(all(is.na(none$sigma$group[[1L]])) && all(none$sigma$z[[1L]] == 0))
  part <- predictor_rows(fit, re.form = ~ (1 | g))
  expect_true(all(part$sigma$z[[1L]][, 3L] == 1) && all(part$mu$z[[1L]][, 1L] == 1))
  expect_true(all(part$mu$z[[1L]][, 2L] == 0))
  expect_error(predictor_rows(fit, re.form = ~ (1 | h)), class = "vb_error_re.form")
  # a missing value of one predictor's variable leaves the other's row complete
  gap <- transform(d[1:2, ], o = c(NA, 1))
  rows <- predictor_rows(fit, gap)
  expect_identical(rows$mu$complete, c(TRUE, TRUE))
  expect_identical(rows$sigma$complete, c(FALSE, TRUE))
})

test_that("what knows one predictor only says so", {
  for (verb in list(bayes_R2, function(f) weights(f, "working"),
                    function(f) loo.vbfit(f, method = "cavity"),
                    function(f) kfold.vbfit(f, K = 2))) {
    expect_error(verb(zip), class = "vb_error_dpar")
  }
  expect_error(sigma(fit), "differs", class = "vb_error_sigma")
  expect_equal(dim(model.matrix(zip)), c(120L, 4L))
  expect_identical(colnames(model.matrix(zip)), names(fixef(zip)))
})

test_that("effects are drawn along the variables of all predictors, or of one", {
  set.seed(4)
  effects <- conditional_effects(zip, resolution = 5)
  expect_named(effects, c("x", "z"))
  rows <- data.frame(x = mean(d$x), z = effects$z$effect1__, o = mean(d$o))
  by_draws <- colMeans(posterior_epred(zip, rows, re.form = NA))
  expect_lt(max(abs(effects$z$estimate__ - by_draws) / effects$z$se__), 0.15)
  own <- conditional_effects(zip, dpar = "zi", resolution = 5)
  expect_named(own, "z")
  eta <- fixef(zip)[["zi_Intercept"]] + fixef(zip)[["zi_z"]] * rows$z + mean(d$o)
  expect_lt(max(abs(own$z$estimate__ - stats::plogis(eta)) / own$z$se__), 0.3)
  expect_output(print(own), "Effect of z on zi", fixed = TRUE)
  expect_error(conditional_effects(zip, dpar = "sigma"), class = "vb_error_dpar")
  cat <- vb(cat ~ x, d, family = categorical())
  shares <- conditional_effects(cat, resolution = 3)$x
  expect_identical(levels(shares$cats__), levels(d$cat))
  expect_equal(as.vector(tapply(shares$estimate__, shares$effect1__, sum)), rep(1, 3),
               tolerance = 1e-6)
})

test_that("tidy() has components", {
  skip_if_not_installed("generics")
  t <- as.data.frame(generics::tidy(zip))
  expect_identical(t$component, c("cond", "cond", "zi", "zi", "cond"))
  expect_identical(t$term[1:4], c("(Intercept)", "x", "(Intercept)", "z"))
})

test_that("a hurdle is its two fits", {
  hurdle <- vb(bf(count ~ x, hu ~ z), d, family = hurdle_poisson(), prior = NULL,
               prior_intercept = NULL)
  logistic <- vb(I(count == 0) ~ z, d, family = binomial(),
                 prior_intercept = student_t(3, 0, 2.5))
  own <- vb(bf(count ~ x, hu ~ z), d, family = hurdle_poisson(),
            prior_intercept = list(hu = student_t(3, 0, 2.5)))
  a <- posterior_summary(own)[c("b_hu_Intercept", "b_hu_z"), 1:2]
  b <- posterior_summary(logistic)[, 1:2]
  expect_lt(max(abs(a[, 1] - b[, 1]) / b[, 2]), 0.01)
  expect_lt(max(abs(a[, 2] / b[, 2] - 1)), 0.01)
  positive <- d[d$count > 0, ]
  loss <- function(p) {
    lambda <- exp(p[1] + p[2] * positive$x)
    -sum(stats::dpois(positive$count, lambda, log = TRUE) - log1p(-exp(-lambda)))
  }
  best <- stats::optim(c(0, 0), loss, method = "BFGS", hessian = TRUE)
  sd <- sqrt(diag(solve(best$hessian)))
  expect_lt(max(abs(fixef(hurdle)[1:2] - best$par) / sd), 0.1)
})

test_that("two categories are the logistic regression", {
  two <- transform(d, cat = factor(hit > 4), up = hit > 4)
  a <- vb(cat ~ x + (1 | g), two, family = categorical())
  b <- vb(up ~ x + (1 | g), two, family = binomial())
  expect_equal(posterior_summary(a)[1:3, 1], posterior_summary(b)[1:3, 1], tolerance = 0.02,
               ignore_attr = TRUE)
  expect_equal(posterior_summary(a)[1:3, 2], posterior_summary(b)[1:3, 2], tolerance = 0.02,
               ignore_attr = TRUE)
})

test_that("sigma of an intercept alone is the gaussian model in another prior", {
  # the prior of log sigma that has the density of sigma's: a constant one of log sigma each
  a <- vb(bf(y ~ x, sigma ~ 1), d, prior_intercept = list(sigma = normal(0, 100)))
  b <- vb(y ~ x, d, prior_aux = student_t(1, 0, 1e-3))    # next to 1 / sigma where sigma is
  expect_equal(fixef(a)[1:2], fixef(b), tolerance = 1e-2)
  draws <- exp(as.matrix(a, pars = "b_sigma_Intercept", ndraws = 4000))
  expect_lt(abs(mean(draws) / posterior_summary(b)["sigma", 1] - 1), 0.02)
})
