test_that("means and variances of a mixture add up by total expectation and variance", {
  nodes <- list(weight = c(0.2, 0.5, 0.3), mean = rbind(c(-1, 0, 4), 2), var = rbind(1:3, 0.25))
  moments <- varbayes:::mixture_moments(nodes)
  second <- drop((nodes$var + nodes$mean^2) %*% nodes$weight)
  expect_equal(moments$mean, drop(nodes$mean %*% nodes$weight))
  expect_equal(moments$var, second - moments$mean^2)
})

test_that("the quantiles of equal points are the midpoint quantiles of stats", {
  x <- datasets::precip
  p <- c(0.02, 0.3, 0.5, 0.95)
  expect_equal(varbayes:::weighted_quantile(x, rep(1, length(x)), p),
               unname(quantile(x, p, type = 5)))
  expect_identical(varbayes:::weighted_quantile(c(2, 2, 2), 1:3 / 6, p), rep(2, 4))
})
