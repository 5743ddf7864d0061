test_that("the parts of a summary are the posterior summary", {
  for (case in all_cases) {
    fit <- fit_of(case)
    got <- summary(fit, prob = 0.9)
    expected <- posterior_summary(fit, probs = c(1 - 0.9, 1 + 0.9) / 2)
    class <- sub("_.*", "", rownames(expected))
    column <- c("Estimate", "Est.Error", "l-90% CI", "u-90% CI")
    for (part in list(got$fixed, got$spec_pars)) expect_identical(names(part), column)
    same <- function(frame, rows) {
      expect_equal(unlist(frame, use.names = FALSE), as.vector(expected[rows, ]),
                   tolerance = 1e-12, info = case)
    }
    same(got$fixed, class == "b")
    if (nrow(got$spec_pars)) same(got$spec_pars, rownames(got$spec_pars))
    expect_identical(names(got$random), unique(vapply(fit$random, `[[`, "", "group")))
  }
})

test_that("hyperparameters are listed by group, sds first", {
  got <- summary(fit_of("slope"))$random$Subject
  expect_identical(rownames(got), c("sd(Intercept)", "sd(Days)", "cor(Intercept,Days)"))
  expected <- posterior_summary(fit_of("slope"))
  expect_equal(unname(as.matrix(got)), unname(expected[3:5, ]), tolerance = 1e-12)
  expect_identical(rownames(summary(fit_of("apart"))$random$Subject),
                   c("sd(Intercept)", "sd(Days)"))
  expect_identical(names(summary(fit_of("nested"))$random), c("wool", "wool:loom"))
})

test_that("the printout has brms's sections, says how the fit went and is no wider than 80", {
  for (case in all_cases) {
    fit <- fit_of(case)
    text <- capture.output(print(summary(fit)))
    expect_true(all(nchar(text) <= 80), info = case)
    expect_true("Regression Coefficients:" %in% text, info = case)
    expect_identical("Multilevel Hyperparameters:" %in% text, case %in% mixed_cases, info = case)
    expect_identical("Further Distributional Parameters:" %in% text,
                     any(fit$hyper$class == "aux"), info = case)
    report <- paste(text, collapse = " ")
    expect_match(report, "structured approximation, ELBO")
    expect_match(report, paste(fit$engine$solver, "solver"), fixed = TRUE)
    expect_false(grepl("Rhat", report), info = case)
  }
  expect_output(print(summary(fit_of("slope"))), "~Subject (Number of levels: 18)", fixed = TRUE)
  expect_output(print(summary(fit_of("slope"))), "Data: sleepstudy (Number of observations: 180)",
                fixed = TRUE)
})

test_that("a fit that did not converge says so", {
  fit <- fit_of("line")
  fit$converged <- FALSE
  expect_output(print(summary(fit)), "NOT converged")
  expect_output(print(fit), "Not converged")
  fit$stopped <- "interrupt"
  expect_output(print(summary(fit)), "NOT converged (interrupt)", fixed = TRUE)
})

test_that("prob is a probability", {
  expect_error(summary(fit_of("line"), prob = 95), class = "vb_error_prob")
})

test_that("a fit read back gives the same summary, here and in a fresh session", {
  fit <- fit_of("slope")
  file <- tempfile(fileext = ".rds")
  saveRDS(fit, file)
  back <- readRDS(file)
  expect_identical(posterior_summary(back), posterior_summary(fit))
  expect_identical(predict(back, type = "response"), predict(fit, type = "response"))
  skip_if_not(nzchar(system.file("Meta", package = "varbayes")), "not installed")
  code <- sprintf(paste0("fit <- readRDS('%s'); library(varbayes); ",
                         "saveRDS(list(posterior_summary(fit), predict(fit), ranef(fit)), '%s')"),
                  file, out <- tempfile())
  lib <- paste(normalizePath(.libPaths()), collapse = .Platform$path.sep)
  status <- system2(file.path(R.home("bin"), "Rscript"), c("-e", shQuote(code)),
                    env = paste0("R_LIBS=", shQuote(lib)), stdout = FALSE, stderr = FALSE)
  expect_identical(status, 0L)
  expect_identical(readRDS(out), list(posterior_summary(fit), predict(fit), ranef(fit)))
})
