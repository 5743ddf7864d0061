estimate <- function(fit, pattern) {
  summary <- posterior_summary(fit, probs = numeric())
  summary[grepl(pattern, rownames(summary)), "Estimate"]
}

test_that("fixef, sigma and confint are the summary", {
  for (case in all_cases) {
    fit <- fit_of(case)
    name <- colnames(model.matrix(fit))
    expect_identical(names(fixef(fit)), name, info = case)
    expect_equal(unname(fixef(fit)), unname(estimate(fit, "^b_")), tolerance = 1e-12, info = case)
    sigma <- unname(estimate(fit, "^sigma$"))
    expect_equal(sigma(fit), if (length(sigma)) sigma else 1, tolerance = 1e-12, info = case)
    summary <- posterior_summary(fit, probs = c(1 - 0.9, 1 + 0.9) / 2)
    interval <- confint(fit, level = 0.9)
    expect_identical(dimnames(interval), list(name, c("5 %", "95 %")), info = case)
    expect_identical(unname(interval), unname(summary[grepl("^b_", rownames(summary)), 3:4]),
                     info = case)
  }
  fit <- fit_of("slope")
  expect_identical(colnames(confint(fit)), c("2.5 %", "97.5 %"))
  expect_identical(confint(fit, "Days"), confint(fit)["Days", , drop = FALSE])
  expect_identical(confint(fit, 2), confint(fit)[2, , drop = FALSE])
  expect_error(confint(fit, "day"), class = "vb_error_parm")
  expect_error(confint(fit, level = 95), class = "vb_error_level")
})

test_that("vcov is symmetric, positive definite and has the summary's variances", {
  for (case in all_cases) {
    fit <- fit_of(case)
    v <- vcov(fit)
    expect_identical(v, t(v), info = case)
    expect_gt(min(eigen(cov2cor(v), symmetric = TRUE, only.values = TRUE)$values), 0)
    error <- posterior_summary(fit)[seq_len(nrow(v)), "Est.Error"]
    expect_equal(unname(diag(v)), unname(error)^2, tolerance = 1e-10, info = case)
    expect_equal(vcov(fit, correlation = TRUE), cov2cor(v), info = case)
  }
})

test_that("ranef has a frame per group with the summary's means and variances", {
  for (case in mixed_cases) {
    fit <- fit_of(case)
    effects <- ranef(fit)
    expect_s3_class(effects, "ranef.mer")
    summary <- posterior_summary(fit, probs = numeric())
    for (g in names(effects)) {
      rows <- startsWith(rownames(summary), paste0("r_", g, "["))
      expect_equal(unlist(effects[[g]], use.names = FALSE), unname(summary[rows, "Estimate"]),
                   tolerance = 1e-12, info = case)
      var <- attr(effects[[g]], "postVar")
      q <- ncol(effects[[g]])
      expect_identical(dim(var), c(q, q, nrow(effects[[g]])), info = case)
      sd <- sqrt(vapply(seq_len(q), function(k) var[k, k, ], numeric(nrow(effects[[g]]))))
      expect_equal(as.vector(sd), unname(summary[rows, "Est.Error"]), tolerance = 1e-10)
      for (level in seq_len(nrow(effects[[g]]))) {
        v <- matrix(var[, , level], q)
        expect_identical(v, t(v))
        expect_gt(min(eigen(v, symmetric = TRUE, only.values = TRUE)$values), 0)
      }
    }
    bare <- ranef(fit, condVar = FALSE)
    expect_null(attr(bare[[1]], "postVar"))
  }
})

test_that("the correlations of a level's effects are those of their draws", {
  for (case in c("slope", "apart")) {
    fit <- fit_of(case)
    set.seed(1)
    draws <- as.matrix(fit, 20000, paste0("r_Subject[308,", c("Intercept", "Days"), "]"))
    cor <- stats::cov2cor(attr(ranef(fit)$Subject, "postVar")[, , 1])[1, 2]
    expect_lt(abs(cor - cor(draws)[1, 2]), 0.03)
  }
})

test_that("ranef prints and becomes a data frame with lme4's columns", {
  fit <- fit_of("slope")
  effects <- ranef(fit)
  expect_output(print(effects), "with conditional variances for \"Subject\"", fixed = TRUE)
  long <- as.data.frame(effects)
  expect_identical(names(long), c("grpvar", "term", "grp", "condval", "condsd"))
  expect_identical(nrow(long), 36L)
  expect_identical(long$condval, unlist(effects$Subject, use.names = FALSE))
  expect_null(as.data.frame(ranef(fit, condVar = FALSE))$condsd)
})

test_that("two terms of one group share a frame, as in lme4", {
  fit <- fit_of("apart")
  expect_identical(names(ranef(fit)), "Subject")
  expect_identical(names(ranef(fit)$Subject), c("(Intercept)", "Days"))
  expect_identical(names(VarCorr(fit)), c("Subject", "Subject.1"))
})

test_that("coef is fixed plus random, or the fixed effects where there are no groups", {
  fit <- fit_of("slope")
  total <- coef(fit)$Subject
  expect_equal(total$Days, fixef(fit)[["Days"]] + ranef(fit)$Subject$Days)
  expect_identical(rownames(total), levels(sleepstudy$Subject))
  nested <- coef(fit_of("nested"))
  expect_identical(names(nested), c("wool", "wool:loom"))
  expect_identical(names(nested$wool), names(fixef(fit_of("nested"))))
  expect_identical(coef(fit_of("line")), fixef(fit_of("line")))
})

test_that("a random effect without its fixed effect has a column of its own", {
  fit <- vb(Reaction ~ 1 + (Days | Subject), sleepstudy)
  total <- coef(fit)$Subject
  expect_identical(names(total), c("Days", "(Intercept)"))             # as in lme4
  expect_equal(total$Days, ranef(fit)$Subject$Days)
})

test_that("VarCorr holds the posterior means of sds and correlations", {
  for (case in mixed_cases) {
    fit <- fit_of(case)
    components <- VarCorr(fit)
    sd <- unlist(lapply(components, attr, "stddev"), use.names = FALSE)
    expect_equal(sd, unname(estimate(fit, "^sd_")), tolerance = 1e-12, info = case)
    cor <- unlist(lapply(components, function(v) {
      r <- attr(v, "correlation")
      r[lower.tri(r)]
    }), use.names = FALSE)
    expect_equal(as.numeric(cor), unname(estimate(fit, "^cor_")), tolerance = 1e-12, info = case)
    for (v in components) expect_equal(c(sqrt(diag(v))), attr(v, "stddev"), info = case)
    expect_identical(attr(components, "useSc"), "sigma" %in% fit$hyper$name, info = case)
    expect_identical(attr(components, "sc"), sigma(fit), info = case)
  }
})

test_that("VarCorr as a data frame and in print is lme4's", {
  frame <- as.data.frame(VarCorr(fit_of("slope")))
  expect_identical(names(frame), c("grp", "var1", "var2", "vcov", "sdcor"))
  expect_identical(frame$grp, c("Subject", "Subject", "Subject", "Residual"))
  expect_identical(frame$var1, c("(Intercept)", "Days", "(Intercept)", NA))
  expect_identical(frame$var2, c(NA, NA, "Days", NA))
  expect_equal(frame$vcov[1], frame$sdcor[1]^2)
  expect_equal(frame$vcov[3], prod(frame$sdcor[1:3]))
  printed <- capture.output(print(VarCorr(fit_of("slope")), comp = c("Variance", "Std.Dev.")))
  expect_match(printed[1], "Groups +Name +Variance +Std.Dev. +Corr")
  expect_length(printed, 4)
  expect_output(print(VarCorr(fit_of("poisson"))), "No random effects")
  expect_identical(nrow(as.data.frame(VarCorr(fit_of("poisson")))), 0L)
  expect_identical(as.data.frame(VarCorr(fit_of("line")))$grp, "Residual")
})

test_that("a model without fixed effects has empty ones", {
  fit <- vb(breaks ~ 0 + (1 | tension), warpbreaks, family = poisson())
  expect_length(fixef(fit), 0)
  expect_identical(dim(vcov(fit)), c(0L, 0L))
  expect_identical(dim(confint(fit)), c(0L, 2L))
  expect_identical(nrow(summary(fit)$fixed), 0L)
  expect_output(print(fit), "No fixed effects")
  expect_identical(names(coef(fit)$tension), "(Intercept)")
  expect_length(predict(fit), nrow(warpbreaks))
})

test_that("lme4 reads what we return", {
  skip_if_not_installed("lme4")
  expect_identical(lme4::ngrps(fit_of("nested")), c(wool = 2L, "wool:loom" = 18L))
  expect_identical(lme4::ngrps(fit_of("apart")), c(Subject = 18L))
  reference <- lme4::lmer(Reaction ~ Days + (Days | Subject), sleepstudy)
  ours <- VarCorr(fit_of("slope"))
  theirs <- lme4::VarCorr(reference)
  expect_identical(dimnames(ours$Subject), dimnames(theirs$Subject))
  expect_identical(dimnames(as.data.frame(ours)), dimnames(as.data.frame(theirs)))
  expect_identical(lapply(coef(fit_of("slope")), dimnames),
                   lapply(unclass(coef(reference)), dimnames), ignore_attr = TRUE)
})

test_that("the generics are those of nlme", {
  expect_identical(varbayes::fixef, nlme::fixef)
  expect_identical(nlme::ranef(fit_of("slope")), ranef(fit_of("slope")))
})

test_that("coef() has the columns of lme4 where random effects have no fixed ones", {
  skip_if_not_installed("lme4")
  formula <- Reaction ~ 1 + (0 + Days | Subject) + (1 | g)
  data <- transform(lme4::sleepstudy, g = rep(1:6, 30))
  reference <- suppressMessages(lme4::lmer(formula, data))
  expect_identical(lapply(coef(vb(formula, data)), dimnames),
                   lapply(unclass(coef(reference)), dimnames)[c("Subject", "g")],
                   ignore_attr = TRUE)
})

test_that("the full covariance has the summary's sds and the draws' correlations", {
  fit <- fit_of("slope")
  full <- vcov(fit, full = TRUE)
  summary <- posterior_summary(fit)
  expect_identical(dimnames(full), list(rownames(summary), rownames(summary)))
  expect_equal(sqrt(diag(full)), summary[, "Est.Error"])
  expect_identical(vcov(fit, full = TRUE), full)
  # of its 4000 draws
  fixed <- cov2cor(full)[1:2, 1:2]
  expect_lt(max(abs(fixed - cov2cor(vcov(fit)))), 4 / sqrt(4000))
  student <- vcov(fit_of("student"), full = TRUE)
  expect_identical(unname(student["nu", "sigma"]), 0)
  expect_equal(unname(diag(vcov(fit, correlation = TRUE, full = TRUE))), rep(1, nrow(summary)))
  expect_error(vcov(fit, full = 1), class = "vb_error_full")
})
