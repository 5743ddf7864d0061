formulas <- list(
  y ~ x * a + (x | b), y ~ poly(x, 2) + (poly(x, 2) | b), y ~ splines::ns(x, 3) + (a | b),
  y ~ scale(x) + (1 | a:b), y ~ 0 + a + (0 + a | b), y ~ a:x + (1 | text), y ~ x + (a || b),
  y ~ I(x^2) + (x * z || b), y ~ log(z) + (1 | a) + (x | b), y ~ x + (1 | a / b)
)

test_that("X and Z are lme4's", {
  skip_if_not_installed("lme4")
  easy <- lme4::lmerControl(check.nobs.vs.nRE = "ignore", check.nobs.vs.nlev = "ignore")
  for (f in formulas) {
    model <- model_of(f, toy)
    peer <- suppressMessages(lme4::lFormula(f, toy, control = easy))
    expect_identical(model$design$names, colnames(peer$X), info = deparse1(f))
    expect_equal(unname(model$spec$x), unname(peer$X), ignore_attr = TRUE, info = deparse1(f))
    theirs <- as.matrix(Matrix::t(peer$reTrms$Zt))
    ours <- do.call(cbind, lapply(model$spec$terms, term_matrix))
    # the same columns, whatever the order of the terms and of the levels of a:b
    key <- function(z) sort(apply(signif(z, 8), 2, paste, collapse = " "))
    expect_identical(key(ours), key(unname(theirs)), info = deparse1(f))
  }
})

test_that("nested levels are named outer:inner, in order, without those that do not occur", {
  design <- model_of(y ~ (1 | a / b), toy, subset = a != "v" | b == 2)$design
  expect_identical(vapply(design$random, function(t) t$group, ""), c("a", "a:b"))
  expect_identical(design$random[[1]]$levels, c("u", "v", "w"))
  expect_identical(design$random[[2]]$levels, c(paste0("u:", 1:6), "v:2", paste0("w:", 1:6)))
})

test_that("groups may be text, numbers, logical, factors with unused levels, or expressions", {
  data <- transform(toy, number = rep(c(10, 9, 2), 20), truth = x > 0,
                    wide = factor(text, levels = c("r", "none", "q", "p")))
  levels_of <- function(f) model_of(f, data)$design$random[[1]]$levels
  expect_identical(levels_of(y ~ (1 | text)), c("p", "q", "r"))
  expect_identical(levels_of(y ~ (1 | number)), c("2", "9", "10"))
  expect_identical(levels_of(y ~ (1 | truth)), c("FALSE", "TRUE"))
  expect_identical(levels_of(y ~ (1 | wide)), c("r", "q", "p"))
  expect_identical(levels_of(y ~ (1 | factor(number))), c("2", "9", "10"))
  expect_identical(levels_of(y ~ (1 | paste0(text, truth)))[1], "pFALSE")
  model <- model_of(y ~ (1 | wide), data)
  expect_identical(model$design$random[[1]]$levels[model$spec$terms[[1]]$group], data$text)
})

test_that("centres are column means where there is an intercept", {
  design <- model_of(y ~ x + a, toy)$design
  expect_equal(design$center, unname(c(0, colMeans(stats::model.matrix(~ x + a, toy))[-1])))
  expect_identical(design$intercept, 1L)
  design <- model_of(y ~ 0 + x + a, toy)$design
  expect_identical(design$center, numeric(4))
  expect_identical(design$intercept, 0L)
})

test_that("rows with missing values go by na.action, wherever they are", {
  data <- toy
  data$y[1] <- data$x[2] <- data$text[3] <- data$z[4] <- NA
  model <- model_of(y ~ x + (z | text), data)
  expect_identical(c(attr(model$frame, "na.action")), c("1" = 1L, "2" = 2L, "3" = 3L, "4" = 4L),
                   ignore_attr = "class")
  expect_length(model$spec$y, 56)
  model <- model_of(y ~ x, data, weights = z, na.action = "na.exclude")
  expect_s3_class(attr(model$frame, "na.action"), "exclude")
  expect_length(model$spec$y, 57)
  for (action in list(stats::na.fail, stats::na.pass, NULL, "no.such", 3)) {
    expect_error(model_of(y ~ x, data, na.action = action), class = "vb_error_na.action")
  }
  expect_error(model_of(y ~ poly(x, 2), data), class = "vb_error_formula")
})

test_that("data may be missing, a tibble, a data.table, a list", {
  spec <- model_of(y ~ x + (1 | text), toy)$spec
  expect_equal(with(toy, model_of(y ~ x + (1 | text)))$spec, spec)
  expect_equal(model_of(y ~ x + (1 | text), as.list(toy))$spec, spec)
  skip_if_not_installed("tibble")
  expect_equal(model_of(y ~ x + (1 | text), tibble::as_tibble(toy))$spec, spec, ignore_attr = TRUE)
  skip_if_not_installed("data.table")
  expect_equal(model_of(y ~ x + (1 | text), data.table::as.data.table(toy))$spec, spec)
  for (x in list(as.matrix(toy), 3, mean, "toy")) {
    expect_error(model_of(y ~ x, x), class = "vb_error_data")
  }
})

test_that("weights, subset and offset are evaluated in the data, then where the formula was made", {
  outside <- seq_len(60)
  model <- model_of(y ~ x + offset(z), toy, weights = size * 2, offset = outside, subset = x > 0)
  keep <- toy$x > 0
  expect_equal(model$spec$w, rep(10, sum(keep)))
  expect_equal(model$spec$offset, (toy$z + outside)[keep])
  wrapper <- function(f, ...) model_of(f, toy, ...)
  expect_equal(wrapper(y ~ x, weights = z)$spec$w, toy$z)
  expect_equal(wrapper(y ~ x, weights = outside)$spec$w, outside)
})

test_that("rows without weight leave the fit but not the frame", {
  model <- model_of(y ~ x + (1 | a), toy, weights = as.numeric(a != "v"))
  expect_identical(model$rows, which(toy$a != "v"))
  expect_identical(nrow(model$frame), 60L)
  expect_identical(model$design$random[[1]]$levels, c("u", "w"))
  kept <- model_of(y ~ x + (1 | a), droplevels(toy[toy$a != "v", ]))
  expect_equal(model$spec, kept$spec, ignore_attr = TRUE)
})

test_that("contrasts are those asked for, in the fixed part and in bars", {
  model <- model_of(y ~ a + (a | b), toy, contrasts = list(a = "contr.sum"))
  expect_identical(model$design$names, c("(Intercept)", "a1", "a2"))
  expect_identical(model$design$random[[1]]$coef, c("(Intercept)", "a1", "a2"))
  expect_identical(model$design$contrasts, list(a = "contr.sum"))
  expect_error(model_of(y ~ a, toy, contrasts = list(a = "none")), class = "vb_error_contrasts")
  toy[["a b"]] <- toy$a
  model <- model_of(y ~ `a b`, toy, contrasts = list("a b" = "contr.sum"))
  expect_identical(model$design$contrasts, list("a b" = "contr.sum"))
})

test_that("numbers that are not finite are errors that name where they are", {
  bad <- transform(toy, nan = replace(x, 3, NaN), inf = replace(x, 3, Inf))
  expect_error(model_of(nan ~ x, bad), "nan", class = "vb_error_response")
  expect_error(model_of(inf ~ x, bad), class = "vb_error_response")
  expect_error(model_of(y ~ nan, bad), class = "vb_error_data")
  expect_error(model_of(y ~ x + (inf | a), bad), class = "vb_error_data")
  expect_error(model_of(y ~ x + offset(inf), bad), class = "vb_error_offset")
  expect_error(model_of(y ~ x, bad, offset = nan), class = "vb_error_offset")
  expect_error(model_of(y ~ x, bad, weights = inf), class = "vb_error_weights")
  expect_error(model_of(y ~ x:I(1e200 * z):I(1e200 * size), toy), class = "vb_error_formula")
})

test_that("what cannot be found or used is named", {
  expect_error(model_of(y ~ nowhere, toy), "nowhere", class = "vb_error_data")
  expect_error(model_of(y ~ x + (1 | nowhere), toy), "nowhere", class = "vb_error_formula")
  expect_error(model_of(y ~ x, toy, weights = nowhere), "nowhere", class = "vb_error_weights")
  expect_error(model_of(y ~ x, toy, offset = 1:3), class = "vb_error_offset")
  expect_error(model_of(y ~ x, toy, offset = text), class = "vb_error_offset")
  expect_error(model_of(y ~ x, toy, weights = 1:3), class = "vb_error_weights")
  expect_error(model_of(y ~ x, toy, weights = -z), class = "vb_error_weights")
  expect_error(model_of(y ~ x, toy, weights = text), class = "vb_error_weights")
  expect_error(model_of(y ~ x, toy, weights = 0 * z), class = "vb_error_weights")
  expect_error(model_of(y ~ x, toy, subset = z > 9), "No rows", class = "vb_error_data")
  expect_error(model_of(y ~ one, toy), "one level", class = "vb_error_formula")
  expect_error(model_of(y ~ x + (one | a), toy), class = "vb_error_formula")
  expect_error(model_of(y ~ 0, toy), class = "vb_error_formula")
  expect_error(model_of(y ~ (0 | a), toy), class = "vb_error_formula")
  expect_error(model_of(y ~ (1 | a) + (x | a), toy), "two terms", class = "vb_error_formula")
  expect_error(model_of(y ~ x + (1 | poly(x, 2)), toy), class = "vb_error_formula")
})

test_that("a grouping factor with one level fits, with a message", {
  expect_message(model <- model_of(y ~ x + (1 | one), toy), "one level", class = "vb_message")
  expect_identical(model$spec$terms[[1]]$n_level, 1L)
})

test_that("a function of a variable's name is not the variable", {
  expect_error(model_of(y ~ x + df, toy), "`df`", class = "vb_error_formula")
})

test_that("contrasts are a list named by variables", {
  expect_error(model_of(y ~ a, toy, contrasts = "contr.sum"), class = "vb_error_contrasts")
  expect_warning(model_of(y ~ a, toy, contrasts = list(none = "contr.sum")), "none",
                 class = "vb_warning_contrasts")
})

test_that("names that would stand for two parameters are errors", {
  expect_error(model_of(y ~ Intercept, transform(toy, Intercept = x)), "Intercept",
               class = "vb_error_formula")
  pair <- data.frame(a = c("x:y", "x"), b = c("z", "y:z"), y = 1:4)
  expect_error(model_of(y ~ (1 | a:b), pair), "x:y:z", class = "vb_error_formula")
})
