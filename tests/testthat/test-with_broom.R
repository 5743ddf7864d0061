skip_if_not_installed("generics")
tidy <- function(...) generics::tidy(...)
same_table <- function(object, expected) expect_equal(as.data.frame(object), expected)

test_that("terms, groups and levels are those of broom.mixed", {
  skip_if_not_installed("broom.mixed")
  skip_if_not_installed("lme4")
  peers <- list(
    slope = lme4::lmer(Reaction ~ Days + (Days | Subject), sleepstudy),
    binomial = lme4::glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp,
                           family = binomial())
  )
  label <- c("effect", "group", "level", "term")
  loadNamespace("broom.mixed")
  for (case in names(peers)) {
    for (effect in c("fixed", "ran_pars", "ran_vals", "ran_coefs")) {
      mine <- as.data.frame(tidy(fit_of(case), effects = effect))
      theirs <- as.data.frame(tidy(peers[[case]], effects = effect))
      key <- function(x) sort(do.call(paste, x[intersect(label, names(x))]))
      expect_identical(key(mine), key(theirs))
    }
  }
})

test_that("estimates, errors and intervals are those of posterior_summary()", {
  for (case in all_cases) {
    fit <- fit_of(case)
    table <- tidy(fit, c("fixed", "ran_pars", "ran_vals", "auxiliary"), TRUE, 0.8)
    known <- posterior_summary(fit, c(0.1, 0.9))
    where <- function(x) sort(x, method = "radix")
    column <- c(estimate = "Estimate", std.error = "Est.Error", conf.low = "Q10",
                conf.high = "Q90")
    twice <- known[rownames(known) == "sigma", , drop = FALSE]  # an sd of residuals as well
    for (k in names(column)) {
      expect_equal(where(table[[k]]),
                   where(unname(c(known[, column[[k]]], twice[, column[[k]]]))))
    }
    fixed <- tidy(fit, "fixed", conf.int = TRUE)
    expect_identical(fixed$term, names(fixef(fit)))
    expect_equal(cbind(fixed$conf.low, fixed$conf.high), unname(confint(fit)))
  }
})

test_that("standard deviations and correlations stand by their own names", {
  fit <- fit_of("slope")
  table <- tidy(fit, "ran_pars")
  varcorr <- as.data.frame(VarCorr(fit))
  term <- ifelse(is.na(varcorr$var1), "sd__Observation",
                 ifelse(is.na(varcorr$var2), paste0("sd__", varcorr$var1),
                        paste0("cor__", varcorr$var1, ".", varcorr$var2)))
  at <- match(paste(varcorr$grp, term), paste(table$group, table$term))
  expect_equal(table$estimate[at], varcorr$sdcor)
  expect_length(at, nrow(table))
})

test_that("random effects stand by their own levels", {
  for (case in mixed_cases) {
    fit <- fit_of(case)
    table <- tidy(fit, "ran_vals")
    known <- as.data.frame(ranef(fit))
    at <- match(paste(known$grpvar, known$grp, known$term),
                paste(table$group, table$level, table$term))
    expect_equal(table$estimate[at], known$condval)
    expect_equal(table$std.error[at], known$condsd, tolerance = 1e-6)
    expect_length(at, nrow(table))
  }
})

test_that("sums of fixed and random effects have the moments of their draws", {
  skip_if_not_installed("posterior")
  set.seed(5)
  data <- data.frame(x = rnorm(200, 3), g = gl(20, 10))
  score <- data$x + rnorm(20)[data$g] + rlogis(200)
  data$y <- cut(score, c(-Inf, 2, 4, Inf), ordered_result = TRUE)
  ordinal <- vb(y ~ x + (1 | g), data, family = cumulative())
  advi <- vb(Reaction ~ Days + (Days | Subject), sleepstudy, algorithm = "advi",
             control = vb_control(draws = 20000))
  for (fit in list(fit_of("slope"), fit_of("binomial"), ordinal, advi)) {
    group <- names(ranef(fit))
    set.seed(1)
    draws <- posterior::as_draws_matrix(fit, ndraws = 20000)
    table <- tidy(fit, "ran_coefs", conf.int = TRUE)
    total <- vapply(seq_len(nrow(table)), function(k) {
      name <- if (table$term[k] == "(Intercept)") "Intercept" else table$term[k]
      random <- paste0("r_", group, "[", table$level[k], ",", name, "]")
      parts <- intersect(c(random, paste0("b_", name)), colnames(draws))
      value <- rowSums(unclass(draws)[, parts, drop = FALSE])
      c(mean(value), sd(value), quantile(value, c(0.025, 0.975), names = FALSE))
    }, numeric(4))
    expect_lt(max(abs(cbind(table$conf.low, table$conf.high) - t(total[3:4, ])) / total[2, ]), 0.1)
    expect_lt(max(abs(table$estimate - total[1, ]) / total[2, ]), 0.05)
    expect_lt(max(abs(table$std.error / total[2, ] - 1)), 0.05)
    coef <- coef(fit)[[group]][unique(table$term)]
    expect_equal(table$estimate, unname(unlist(coef)))
  }
})

test_that("exponentials are of the ends of intervals, errors by the delta method", {
  fit <- fit_of("binomial")
  plain <- tidy(fit, conf.int = TRUE)
  exponential <- tidy(fit, conf.int = TRUE, exponentiate = TRUE)
  fixed <- plain$effect == "fixed"
  for (k in c("estimate", "conf.low", "conf.high")) {
    expect_equal(exponential[[k]][fixed], exp(plain[[k]][fixed]))
  }
  expect_equal(exponential$std.error[fixed], (plain$std.error * exp(plain$estimate))[fixed])
  same_table(exponential[!fixed, ], as.data.frame(plain[!fixed, ]))
})

test_that("columns are there only where an effect has them", {
  expect_named(tidy(fit_of("line"), "fixed"), c("effect", "term", "estimate", "std.error"))
  expect_named(tidy(fit_of("line")), c("effect", "group", "term", "estimate", "std.error"))
  expect_named(tidy(fit_of("slope"), "ran_vals", conf.int = TRUE),
               c("effect", "group", "level", "term", "estimate", "std.error", "conf.low",
                 "conf.high"))
  expect_identical(nrow(tidy(fit_of("poisson"), c("ran_pars", "ran_vals", "ran_coefs"))), 0L)
})

test_that("thresholds are fixed effects, and other dispersions auxiliary", {
  set.seed(3)
  d <- data.frame(x = rnorm(60), y = factor(sample(3, 60, TRUE), ordered = TRUE))
  expect_identical(tidy(vb(y ~ x, d, family = cumulative()))$term,
                   c("Intercept[1]", "Intercept[2]", "x"))
  expect_identical(tidy(fit_of("negbinomial"), "auxiliary")$term, "shape")
})

test_that("tables of fits by ADVI hold their summaries", {
  fit <- vb(dist ~ speed, cars, algorithm = "advi")
  expect_equal(tidy(fit, "fixed")$std.error, unname(posterior_summary(fit)[1:2, "Est.Error"]))
  expect_equal(generics::glance(fit)$khat, fit$advi$khat)
  fit <- advi(function(theta) -sum(theta^2) / 2, c(a = 1, b = 2), function(theta) -theta)
  table <- tidy(fit, conf.int = TRUE)
  expect_identical(table$term, c("a", "b"))
  expect_equal(table$conf.high, rep(qnorm(0.975), 2), tolerance = 1e-6)
  expect_equal(generics::glance(fit)$elbo, fit$elbo)
})

test_that("glance() has one row, and augment() one for each of the data", {
  for (case in all_cases) {
    fit <- fit_of(case)
    expect_identical(dim(generics::glance(fit)), c(1L, 9L))
    table <- generics::augment(fit, se.fit = TRUE, type.predict = "response",
                               type.residuals = "pearson")
    expect_identical(table$.fitted, unname(fitted(fit)))
    expect_identical(table$.resid, unname(residuals(fit, type = "pearson")))
    expect_identical(table$.se.fit, unname(predict(fit, type = "response", se.fit = TRUE)$se.fit))
    expect_true(all(names(model.frame(fit)) %in% names(table)))
  }
  expect_identical(generics::glance(fit_of("slope"))$nobs, 180L)
  expect_identical(generics::glance(fit_of("slope"))$elbo, elbo(fit_of("slope"))[[1]])
})

test_that("rows lost to missing values are where na.action puts them", {
  data <- transform(airquality, row = seq_along(Ozone))
  used <- which(complete.cases(data[c("Ozone", "Wind")]))
  omit <- vb(Ozone ~ Wind, data)
  expect_identical(generics::augment(omit, data)$row, used)
  expect_identical(nrow(generics::augment(omit)), length(used))
  exclude <- vb(Ozone ~ Wind, data, na.action = na.exclude)
  table <- generics::augment(exclude, data)
  expect_identical(table$row, data$row)
  expect_identical(which(!is.na(table$.resid)), used)
  expect_identical(nrow(generics::augment(exclude)), nrow(data))
  new <- data.frame(Wind = c(5, 10))
  expect_equal(generics::augment(omit, newdata = new)$.fitted, unname(predict(omit, new)))
  expect_error(generics::augment(omit, data[1:20, ]), class = "vb_error_data")
})

test_that("tidy() refuses what it does not know", {
  fit <- fit_of("line")
  expect_error(tidy(fit, "random"), class = "vb_error_effects")
  expect_error(tidy(fit, 3), class = "vb_error_effects")
  expect_error(tidy(fit, conf.level = 95), class = "vb_error_conf.level")
  expect_error(tidy(fit, conf.int = NA), class = "vb_error_conf.int")
  expect_error(generics::augment(fit, type.predict = "mean"), class = "vb_error_type.predict")
})

test_that("mice pools fits by Rubin's rules", {
  skip_if_not_installed("mice")
  imputed <- mice::mice(airquality[c("Ozone", "Wind", "Temp")], m = 3, seed = 1,
                        printFlag = FALSE)
  fits <- lapply(1:3, function(k) vb(Ozone ~ Wind + Temp, mice::complete(imputed, k)))
  pooled <- mice::pool(with(imputed, vb(Ozone ~ Wind + Temp)))$pooled
  estimate <- vapply(fits, fixef, numeric(3))
  within <- rowMeans(vapply(fits, function(fit) diag(vcov(fit)), numeric(3)))
  expect_equal(as.character(pooled$term), rownames(estimate))
  expect_equal(pooled$estimate, unname(rowMeans(estimate)))
  expect_equal(pooled$t, unname(within + 4 / 3 * apply(estimate, 1, var)))
  expect_true(all(is.finite(summary(mice::pool(fits))$p.value)))
})

test_that("the narrowest intervals hold their probability, and no other that does is narrower", {
  fit <- fit_of("binomial")
  kinds <- c("fixed", "ran_pars", "ran_coefs")
  equal <- generics::tidy(fit, kinds, conf.int = TRUE, conf.level = 0.8)
  hpd <- generics::tidy(fit, kinds, conf.int = TRUE, conf.level = 0.8, conf.method = "HPDinterval")
  expect_identical(hpd[c("term", "estimate")], equal[c("term", "estimate")])
  expect_true(all(hpd$conf.high - hpd$conf.low <= equal$conf.high - equal$conf.low + 1e-8))
  # the sd's, against the narrowest of the quantile function's
  at <- function(p) posterior_summary(fit, probs = p, variable = "sd_herd__Intercept")[, 3]
  width <- function(p) at(p + 0.8) - at(p)
  best <- stats::optimize(width, c(0.002, 0.198), tol = 1e-4)
  sd <- hpd[hpd$effect == "ran_pars", ]
  expect_equal(sd$conf.high - sd$conf.low, best$objective, tolerance = 0.01)
  draws <- as.matrix(fit, 20000, pars = "sd_herd__Intercept")
  expect_equal(mean(draws > sd$conf.low & draws < sd$conf.high), 0.8, tolerance = 0.02)
  expect_error(generics::tidy(fit, conf.method = "none"), class = "vb_error_conf.method")
})
