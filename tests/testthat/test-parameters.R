test_that("hyperparameters are in the engine's order", {
  table <- hyper_table(list(list(group = "g", coef = c("(Intercept)", "x", "z")),
                            list(group = "a:b", coef = "x")), c("sigma", "nu"))
  expect_identical(table$name, c(
    "sd_g__Intercept", "sd_g__x", "sd_g__z", "cor_g__Intercept__x", "cor_g__Intercept__z",
    "cor_g__x__z", "sd_a:b__x", "sigma", "nu"))
  expect_identical(table$class, rep(c("sd", "cor", "sd", "aux"), c(3, 3, 1, 2)))
  expect_identical(table$term, c(rep(1L, 6), 2L, 0L, 0L))
  expect_identical(table$i, c(1:3, 1L, 1L, 2L, 1L, 0L, 0L))
  expect_identical(table$j, c(0L, 0L, 0L, 2L, 3L, 3L, 0L, 0L, 0L))
  expect_identical(nrow(hyper_table(list(), character())), 0L)
})

test_that("parameters are named as in the formula", {
  expect_identical(rownames(posterior_summary(fit_of("slope")))[1:8], c(
    "b_Intercept", "b_Days", "sd_Subject__Intercept", "sd_Subject__Days",
    "cor_Subject__Intercept__Days", "sigma", "r_Subject[308,Intercept]", "r_Subject[309,Intercept]"
  ))
  nested <- rownames(posterior_summary(fit_of("nested")))
  expect_true(all(c("sd_wool__Intercept", "sd_wool:loom__Intercept", "r_wool[A,Intercept]",
                    "r_wool:loom[A_1,Intercept]") %in% nested))
})

test_that("levels that coincide once ':' is '_' stay apart", {
  pair <- data.frame(a = c("1_2", "1"), b = c("3", "2_3"), y = sin(1:20))
  fit <- vb(y ~ (1 | a:b), pair)
  expect_identical(anyDuplicated(rownames(posterior_summary(fit))), 0L)
})
