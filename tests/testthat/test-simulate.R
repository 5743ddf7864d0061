test_that("data sets are those of the response's kind, with the state of the generator", {
  fit <- fit_of("line")
  set.seed(6)
  state <- .Random.seed
  sims <- simulate(fit, nsim = 3)
  expect_identical(attr(sims, "seed"), state)
  expect_identical(dim(sims), c(50L, 3L))
  expect_named(sims, c("sim_1", "sim_2", "sim_3"))
  .Random.seed <<- state
  expect_identical(simulate(fit, nsim = 3), sims)
  seeded <- simulate(fit, nsim = 2, seed = 1)
  expect_identical(c(attr(seeded, "seed")), 1, ignore_attr = TRUE)
  expect_identical(simulate(fit, nsim = 2, seed = 1), seeded)
  expect_identical(unname(t(as.matrix(seeded))),
                   unname(posterior_predict(fit, ndraws = 2, seed = 1)))
  expect_error(simulate(fit, nsim = 0), class = "vb_error_nsim")
})

test_that("pairs, factors and logical responses come back as they were", {
  sims <- simulate(fit_of("binomial"), nsim = 2, seed = 1)
  expect_identical(dim(sims$sim_2), c(56L, 2L))
  expect_equal(rowSums(sims$sim_2), cbpp$size, ignore_attr = TRUE)
  data <- transform(mtcars, gear = factor(am, labels = c("auto", "manual")), am = am > 0)
  sims <- simulate(vb(gear ~ wt, data, family = binomial()), seed = 1)
  expect_identical(levels(sims$sim_1), c("auto", "manual"))
  sims <- simulate(vb(am ~ wt, data, family = binomial()), seed = 1)
  expect_type(sims$sim_1, "logical")
})
