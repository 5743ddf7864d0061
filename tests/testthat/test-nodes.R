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

test_that("quantiles are in order, also where weights are negative", {
  nodes <- list(mean = rbind(c(-0.0135, 0.0006, -0.1762, 0.0142), 0), skew = NULL,
                var = rbind(c(3.636, 8.354, 0.469, 0.402), c(1, 2, 3, 4)),
                weight = c(1.0548, 2.5995, -1.6599, -0.9944))
  nodes$weight <- nodes$weight / sum(nodes$weight)
  probs <- c(0.975, 0.025, 0.5, 0.25, 0.75)
  crossing <- mixture_quantiles(nodes$mean, nodes$var, NULL, nodes$weight, probs)
  q <- node_quantiles(nodes, probs)
  expect_false(is.unsorted(q[1, order(probs)]))
  expect_setequal(q[1, ], crossing[1, ])
  plain <- rbind(1:5, c(1, NA, 3, 4, 5))
  expect_identical(in_order(plain, 1:5 / 6), plain)
  expect_identical(in_order(plain[, 5:1], 5:1 / 6), plain[, 5:1])
  expect_identical(in_order(rbind(c(2, 1)), c(0.1, 0.9)), rbind(c(1, 2)))
})

test_that("the ends of intervals are in order", {
  nodes <- list(mean = rbind(c(-0.6835, -0.2646, -0.4658, 2.3733)),
                var = rbind(c(0.6998, 0.0131, 6.6564, 4.2441)),
                skew = rbind(c(-1.0811, -0.2378, -1.5485, -1.2725)),
                weight = c(1.0541, -2.7498, 0.8725, 1.8232), new = FALSE)
  ends <- eta_quantiles(nodes, c(0.75, 0.975))
  expect_lt(ends[1], ends[2])
})

test_that("quantiles of a mixture are right at every scale of its components", {
  sd <- 10^c(1, -2, -13, -25)
  weight <- c(0.1, 0.2, 0.3, 0.4)
  probs <- c(0.001, 0.04, 0.1, 0.25, 0.4, 0.65, 0.85, 0.975)
  for (mean in list(rep(0, 4), c(-1, 3, 0, 0), c(5, 0, 0, 1e-24))) {
    q <- drop(mixture_quantiles(rbind(mean), rbind(sd^2), NULL, weight, probs))
    p <- vapply(q, function(x) sum(weight * pnorm(x, mean, sd)), 0)
    expect_equal(p, probs, tolerance = 1e-8)
  }
  for (var in c(Inf, NaN)) {
    q <- mixture_quantiles(rbind(c(1, 2)), rbind(c(1, var)), NULL, c(0.5, 0.5), 0.1)
    expect_identical(c(q), NaN)
  }
})

test_that("signed weights that leave a mixture no variance give way to the positive ones", {
  mean <- rbind(c(-1, 0, 50, 1))
  weight <- c(0.5, 0.3, -0.2, 0.4)
  probs <- c(0.05, 0.5, 0.9)
  got <- mixture_quantiles(mean, mean * 0 + 1, NULL, weight, probs)
  kept <- c(1, 2, 4)
  expect_equal(got, mixture_quantiles(mean[, kept, drop = FALSE], rbind(c(1, 1, 1)), NULL,
                                      weight[kept] / sum(weight[kept]), probs))
})

test_that("quantiles are right where the mean is many standard deviations from zero", {
  got <- mixture_quantiles(rbind(c(5, 5)), rbind(c(1e-20, 1e-20)), NULL, c(0.5, 0.5),
                           pnorm(c(-1, 1)))
  expect_equal(drop(got) - 5, c(-1e-10, 1e-10), tolerance = 1e-4)
})
