test_that("a fit keeps what was asked and the data", {
  data <- transform(toy, x = replace(x, 3, NA))
  fit <- vb(y ~ x + (x | a) + (1 | a:b), data, weights = replace(size, 1:2, 0L), offset = z,
            na.action = na.exclude)
  expect_identical(fit$rows, 3:59)
  expect_identical(fit$nobs, 57L)
  expect_identical(dim(fit$frame)[1], 59L)
  expect_equal(fit$weights, c(0, 0, rep(5, 57)))
  expect_equal(fit$offset, toy$z[-3])
  expect_equal(fit$y, toy$y[-3])
  expect_s3_class(fit$na.action, "exclude")
  expect_identical(fit$fixed$names, c("(Intercept)", "x"))
  expect_identical(vapply(fit$random, function(t) t$group, ""), c("a", "a:b"))
  expect_identical(fit$hyper$name, c("sd_a__Intercept", "sd_a__x", "cor_a__Intercept__x",
                                     "sd_a:b__Intercept", "sigma"))
  expect_named(fit$trace, c("step", "phase", "elbo", "log_lik", "kl", "seconds"))
  expect_identical(fit$stopped, "")
})

test_that("a fit survives saveRDS()", {
  fit <- vb(y ~ x + (1 | a), toy)
  file <- tempfile()
  on.exit(unlink(file))
  saveRDS(fit, file)
  again <- readRDS(file)
  expect_identical(again$engine, fit$engine)
  expect_identical(again$design, fit$design)
})

test_that("what depends on how the posterior is held has a method for either way", {
  name <- ls(asNamespace("varbayes"))
  nodes <- sub("[.]held_nodes$", "", grep("[.]held_nodes$", name, value = TRUE))
  draws <- sub("[.]held_draws$", "", grep("[.]held_draws$", name, value = TRUE))
  expect_gt(length(nodes), 0)
  expect_identical(nodes, draws)
})
