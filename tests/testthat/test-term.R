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
