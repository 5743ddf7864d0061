# The tutorials run on our fits, and those of lme4 and rstanarm on the other package's too: what
# they make has the same shape, and nearly the same numbers.

skip_on_cran()                       # lme4 and rstan fit, too

# what the script leaves of these names, in a session of its own as it attaches packages
run_tutorial <- function(name, results, engine = NULL) {
  path <- system.file("scripts", paste0(name, ".R"), package = "varbayes")
  in_new_session(NULL, c("grDevices::pdf(NULL)", engine, sprintf("source('%s')", path),
                         sprintf("out <- mget(%s)", deparse1(results))))
}

# loading rstan warns of what ggplot2 has deprecated
need <- function(packages) suppressWarnings(for (p in packages) skip_if_not_installed(p))

expect_close <- function(object, expected, within) {
  expect_lt(max(abs(as.numeric(object) - as.numeric(expected)) / within), 1)
}

test_that("the tasks of lme4's users run on our fits and on theirs", {
  need(c("lme4", "emmeans", "broom.mixed"))
  results <- c("fixed", "error", "random", "interval", "comparison", "known_and_new", "population",
               "share", "contrasts", "parameters", "odds", "rows", "left_out", "zeros")
  ours <- run_tutorial("lme4", results)
  theirs <- run_tutorial("lme4", results, "fit_lmm <- lme4::lmer; fit_glmm <- lme4::glmer")
  for (k in c("fixed", "error", "comparison", "known_and_new", "population", "left_out", "share")) {
    expect_identical(names(ours[[k]]), names(theirs[[k]]))
  }
  expect_close(ours$fixed, theirs$fixed, theirs$error / 5)
  expect_close(ours$error, theirs$error, theirs$error / 4)
  label <- function(x) paste(x$grpvar, x$term, x$grp)
  expect_identical(label(ours$random), label(theirs$random))
  expect_close(ours$random$condval, theirs$random$condval, theirs$random$condsd / 2)
  expect_identical(dimnames(ours$interval), dimnames(theirs$interval))
  expect_close(ours$comparison, theirs$comparison, 1)
  expect_close(ours$known_and_new, theirs$known_and_new, 5)
  expect_close(ours$population, theirs$population, 5)
  expect_close(ours$share, theirs$share, 0.05)
  expect_identical(ours$contrasts$contrast, theirs$contrasts$contrast)
  expect_close(ours$contrasts$estimate, theirs$contrasts$estimate, theirs$contrasts$SE / 4)
  expect_setequal(ours$parameters$term, theirs$parameters$term)
  expect_identical(ours$odds$term, theirs$odds$term)
  expect_close(ours$odds$estimate, theirs$odds$estimate, 0.03)
  expect_close(ours$rows$.fitted, theirs$rows$.fitted, 5)
  expect_close(sum(ours$left_out), sum(theirs$left_out), 5)
  expect_close(mean(ours$zeros), mean(theirs$zeros), 0.1)
})

test_that("the tasks of rstanarm's users run on our fits and on theirs", {
  need(c("rstanarm", "lme4", "loo", "emmeans", "broom.mixed", "bayesplot"))
  results <- c("fixed", "interval", "draws", "probability", "comparison", "expected", "cases",
               "population", "bounds", "contrasts", "parameters", "validated", "zeros")
  ours <- run_tutorial("rstanarm", results)
  theirs <- run_tutorial("rstanarm", results, "fit_model <- rstanarm::stan_glmer")
  error <- theirs$parameters$std.error
  expect_identical(names(ours$fixed), names(theirs$fixed))
  expect_close(ours$fixed, theirs$fixed, error)                 # of 500 draws of a chain
  expect_identical(dim(ours$interval), dim(theirs$interval))
  expect_close(ours$interval, theirs$interval, error[-1])
  expect_identical(ncol(ours$draws), ncol(theirs$draws))
  expect_close(ours$probability, theirs$probability, 0.05)
  expect_identical(dimnames(ours$comparison)[[1]], dimnames(theirs$comparison)[[1]])
  for (k in c("expected", "cases", "population")) {
    expect_identical(ncol(ours[[k]]), ncol(theirs[[k]]))
    expect_close(colMeans(ours[[k]]), colMeans(theirs[[k]]), apply(theirs[[k]], 2, sd))
  }
  expect_identical(dim(ours$bounds), dim(theirs$bounds))
  expect_identical(ours$contrasts$contrast, theirs$contrasts$contrast)
  expect_close(ours$contrasts$estimate, theirs$contrasts$estimate, 0.3)
  expect_identical(ours$parameters$term, theirs$parameters$term)
  expect_identical(class(ours$validated), class(theirs$validated))
  expect_close(ours$validated$estimates[1, 1], theirs$validated$estimates[1, 1], 6)
  expect_length(ours$zeros, 100)
})

test_that("the tasks of brms' users run on our fits", {
  need(c("brms", "posterior", "loo", "emmeans", "broom.mixed", "tidybayes", "bayesplot"))
  results <- c("fixed", "every", "probability", "comparison", "expected", "counts", "population",
               "curves", "contrasts", "parameters", "patients", "along", "validated", "zeros")
  ours <- run_tutorial("brms", results)
  coef <- c("Intercept", "zAge", "zBase", "Trt1", "zBase:Trt1")
  expect_identical(rownames(ours$fixed), coef)
  expect_identical(ours$fixed$Estimate, unname(ours$every[paste0("b_", coef), "Estimate"]))
  expect_identical(colnames(ours$every), c("Estimate", "Est.Error", "Q5", "Q95"))
  expect_close(ours$probability, pnorm(0, ours$fixed["Trt1", 1], ours$fixed["Trt1", 2]), 0.05)
  expect_setequal(rownames(ours$comparison), c("model1", "model2"))
  expect_identical(dim(ours$expected), c(4000L, 2L))
  expect_identical(dim(ours$counts), c(200L, 2L))
  expect_gt(sd(ours$expected[, 2]), sd(ours$population[, 2]))       # of a new patient
  expect_true(all(c("estimate__", "lower__", "upper__") %in% names(ours$curves[[1]])))
  expect_identical(nrow(ours$contrasts), 1L)
  expect_close(ours$contrasts$estimate, -ours$fixed["Trt1", 1], 0.05)
  expect_identical(ours$parameters$estimate, ours$fixed$Estimate)
  expect_identical(nrow(ours$patients), 59L)
  expect_identical(nrow(ours$along), 200L)
  expect_s3_class(ours$validated, "kfold")
  expect_length(ours$zeros, 100)
})
