printed <- function(x, ...) capture.output(print(x, ...))

test_that("print shows the model, the estimates and nothing wider than 80", {
  for (case in all_cases) {
    fit <- fit_of(case)
    text <- printed(fit)
    expect_true(all(nchar(text) <= 80), info = case)
    expect_identical(text[1], "vb", info = case)
    for (name in names(fixef(fit))) {
      expect_true(any(startsWith(text, name)), info = paste(case, name))
    }
    expect_true(any(grepl(paste0("observations: ", nobs(fit)), text)), info = case)
    expect_identical(any(grepl("^Error terms:", text)), case %in% mixed_cases, info = case)
  }
  expect_true(any(grepl("^Num. levels: wool 2, wool:loom 18", printed(fit_of("nested")))))
  expect_invisible(print(fit_of("line")))
})

test_that("numbers printed are those of the summary", {
  text <- printed(fit_of("slope"), digits = 3)
  line <- strsplit(trimws(grep("^Days", text, value = TRUE)), " +")[[1]]
  summary <- posterior_summary(fit_of("slope"))
  expect_equal(as.numeric(line[2:3]), unname(round(summary["b_Days", 1:2], 3)))
})

test_that("small effects do not print as zero", {
  fit <- vb(mpg ~ I(1e4 * disp), mtcars)
  line <- grep("^I\\(", printed(fit), value = TRUE)
  slope <- as.numeric(strsplit(sub(".*\\)", "", line), " +")[[1]][-1])
  summary <- posterior_summary(fit)[2, 1:2]
  expect_lt(max(abs(slope / summary - 1)), 0.05)
})

test_that("a fit made by do.call() prints no data", {
  fit <- do.call(vb, list(dist ~ speed, cars))
  for (text in list(printed(fit), printed(summary(fit)))) {
    expect_lt(length(text), 30)
    expect_false(any(grepl("c(4, 4, 7", text, fixed = TRUE)))
  }
})

test_that("rows that were left out are counted", {
  air <- datasets::airquality
  n_missing <- sum(!stats::complete.cases(air[c("Ozone", "Wind")]))
  fit <- vb(Ozone ~ Wind, air)
  expect_output(print(fit), paste0("observations: ", nrow(air) - n_missing, " (left out: ",
                                   n_missing, " with missing values)"), fixed = TRUE)
  weight <- rep(c(0, 1), c(10, 40))
  fit <- vb(dist ~ speed, cars, weights = weight)
  expect_output(print(fit), "40 (left out: 10 of weight zero)", fixed = TRUE)
  expect_output(print(summary(fit)), "40 (left out: 10 of weight zero)", fixed = TRUE)
})

test_that("long formulas are wrapped", {
  fit <- vb(mpg ~ cyl + disp + hp + drat + wt + qsec + factor(vs) + factor(am) + factor(gear),
            mtcars)
  text <- printed(fit)
  expect_true(all(nchar(text) <= 80))
  expect_match(text[3], "^ {15}[^ ]")
})

test_that("a parameter that is held prints its value", {
  fit <- vb(stack.loss ~ Air.Flow, stackloss, family = asym_laplace(tau = 0.025))
  expect_true(any(grepl("^tau +0[.]025 +0 *$", capture.output(print(fit)))))
  expect_true(any(grepl("^tau +0[.]025 +0 +0[.]025 +0[.]025 *$", capture.output(summary(fit)))))
})

test_that("printouts look as they did", {
  timeless <- function(lines) sub("in [0-9.e-]+ s[.]", "in a moment.", lines)
  ordered <- transform(warpbreaks, tension = factor(tension, ordered = TRUE))
  ordinal <- vb(tension ~ breaks + (1 | wool), ordered, family = cumulative(),
                control = vb_control(nodes = 500))
  advi <- vb(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, family = binomial(),
             algorithm = "advi")
  fits <- list(fit_of("line"), fit_of("slope"), fit_of("binomial"), fit_of("student"), ordinal,
               advi)
  for (fit in fits) {
    expect_snapshot(print(fit))
    expect_snapshot(print(summary(fit)), transform = timeless)
    expect_snapshot(print(prior_summary(fit)))
  }
  expect_snapshot(print(VarCorr(fit_of("slope")), comp = c("Variance", "Std.Dev.")))
  expect_snapshot(print(VarCorr(fit_of("nested"))))
  expect_snapshot(print(ranef(fit_of("binomial"))))
})

test_that("digits are checked", {
  fit <- fit_of("line")
  for (digits in list(NA, "a", NULL, -1)) {
    expect_error(print(fit, digits = digits), class = "vb_error_digits")
    expect_error(print(summary(fit), digits = digits), class = "vb_error_digits")
  }
})

test_that("numbers of any size are printed within 80 columns", {
  set.seed(4)
  table <- cbind(Estimate = c(3.05e21, 1, 1e12, -2e-300, 5),
                 Est.Error = c(4e9, 3e-16, 1e-3, 1e-302, 0),
                 "l-95% CI" = c(-3.05e21, 1, 1e12, -3e-300, 5), "u-95% CI" = c(4e21, 1, 1e12, 0, 5))
  rownames(table) <- c("(Intercept)", "b", "c", "d", "held")
  shown <- format_estimates(table, 2)
  expect_lte(max(nchar(shown)), 16)
  expect_equal(as.numeric(shown[1:4, 1]), unname(table[1:4, 1]), tolerance = 1e-9)
  expect_equal(as.numeric(shown[1:4, 2]), unname(table[1:4, 2]), tolerance = 0.05)
  expect_lte(max(nchar(capture.output(print_estimates(table, 2)))), 80)
  d <- data.frame(x = rnorm(20), g = rep(1:4, 5))
  d$y <- 1 + 2 * d$x + d$g
  perfect <- suppressWarnings(vb(y ~ x + (1 | g), d))
  expect_lte(max(nchar(capture.output(print(perfect), print(summary(perfect))))), 80)
})
