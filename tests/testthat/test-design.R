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
    expect_equal(unname(column_matrix(model$spec$x)), unname(peer$X), ignore_attr = TRUE,
                 info = deparse1(f))
    theirs <- as.matrix(Matrix::t(peer$reTrms$Zt))
    ours <- do.call(cbind, lapply(model$spec$terms, term_matrix))
    # the same columns, whatever the order of the terms and of the levels of a:b
    key <- function(z) sort(apply(signif(z, 8), 2, paste, collapse = " "))
    expect_identical(key(ours), key(unname(theirs)), info = deparse1(f))
  }
})

test_that("centres are column means where there is an intercept", {
  design <- model_of(y ~ x + a, toy)$design
  expect_equal(design$center, unname(c(0, colMeans(stats::model.matrix(~ x + a, toy))[-1])))
  expect_identical(design$intercept, 1L)
  design <- model_of(y ~ 0 + x + a, toy)$design
  expect_identical(design$center, numeric(4))
  expect_identical(design$intercept, 0L)
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

test_that("a grouping factor with one level fits, with a message", {
  expect_message(model <- model_of(y ~ x + (1 | one), toy), "one level", class = "vb_message")
  expect_identical(model$spec$terms[[1]]$n_level, 1L)
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

test_that("a matrix of contrasts is dropped with levels that have no rows, as in lm()", {
  data <- data.frame(y = c(1, 3, 2, 5), f = factor(c("b", "c", "b", "c"), c("a", "b", "c")))
  stats::contrasts(data$f) <- stats::contr.sum(3)
  expect_warning(model <- model_of(y ~ f, data), "f", class = "vb_warning_contrasts")
  expect_identical(colnames(model$spec$x), c("(Intercept)", "fc"))
  expect_warning(fit <- vb(y ~ f, data), class = "vb_warning_contrasts")
  expect_equal(predict(fit, data), fitted(fit))
  stats::contrasts(data$f) <- "contr.sum"
  expect_no_warning(model <- model_of(y ~ f, data))
  expect_identical(model$design$contrasts, list(f = "contr.sum"))
  expect_equal(unname(model$spec$x[, 2]), c(1, -1, 1, -1))
})

test_that("numeric columns are those of the frame, and no matrix is made of them", {
  model <- model_of(y ~ x + z + (1 | a), toy)
  expect_s3_class(model$spec$x, "data.frame")
  expect_identical(names(model$spec$x), model$design$names)
  # one that is to be transformed, or coded, makes a matrix
  expect_true(is.matrix(model_of(y ~ x * z, toy)$spec$x))
  i <- c(3L, 1L, 7L)
  for (x in list(model$spec$x, column_matrix(model$spec$x))) {
    expect_equal(column_matrix(column_rows(x, i)), column_matrix(model$spec$x)[i, ])
    moments <- column_moments(x)
    expect_identical(moments$mean, unname(colMeans(column_matrix(x))))
    expect_identical(moments$sd, c(1, stats::sd(toy$x), stats::sd(toy$z)))
  }
  set.seed(1)
  x <- matrix(exp(stats::rnorm(700)), 100)
  expect_identical(column_means_sds(x), rbind(colMeans(x), apply(x, 2L, stats::sd)))
})
