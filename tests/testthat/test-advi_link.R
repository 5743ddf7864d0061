test_that("links are what their derivatives and inverses say", {
  x <- matrix(seq(-3, 3, by = 0.75), 3)
  for (name in names(links)) {
    link <- links[[name]]
    expect_equal(link$inverse(link$value(x)), x, info = name)
    expect_equal(exp(link$log_slope(x)), slope(link$value, x), tolerance = 1e-8, info = name)
    expect_equal(link$bend(x), slope(link$log_slope, x), tolerance = 1e-8, info = name)
    expect_identical(dim(link$bend(x)), dim(x))
  }
})

test_that("moments and Hermite coefficients are those of integrals", {
  mean <- c(-1, 0.3, 2)
  sd <- c(0.2, 1.5, 0.01)
  for (name in names(links)) {
    f <- function(i, x) links[[name]]$value(x)
    first <- expected(f, mean, sd^2)
    second <- expected(function(i, x) (f(i, x) - first[i])^2, mean, sd^2)
    expect_equal(links[[name]]$moments(mean, sd), cbind(first, sqrt(second)), tolerance = 1e-7,
                 ignore_attr = TRUE, info = name)
    a <- links[[name]]$hermite(mean, sd, 60L)
    expect_equal(rowSums(a^2), second, tolerance = 1e-7, info = name)
  }
  # a third coefficient by hand: E f(z) (z^3 - 3 z) / sqrt(6)
  a <- links$plogis$hermite(0.5, 1.2, 3L)[, 3L]
  z <- seq(-10, 10, by = 0.001)
  by_hand <- sum(stats::plogis(0.5 + 1.2 * z) * (z^3 - 3 * z) * stats::dnorm(z)) * 0.001 / sqrt(6)
  expect_equal(a, by_hand, tolerance = 1e-8)
})

test_that("margins have the moments and quantiles of their parameters", {
  margin <- margin_rows(c("a", "b", "c", "d"), 1:4, c("identity", "exp", "exp", "plogis"),
                        c(1, 2, 5, -1), c(2, 1, -1, 3))
  mean <- c(0.2, -0.5, 0.1, 1)
  sd <- c(1, 0.7, 0.3, 2)
  probs <- c(0.025, 0.5, 0.9)
  got <- summarise_margins(margin, mean, sd, probs)
  set.seed(1)
  z <- stats::qnorm((seq_len(2e5) - 0.5) / 2e5)
  for (k in 1:4) {
    theta <- margin$shift[k] + margin$scale[k] * links[[margin$link[k]]]$value(mean[k] + sd[k] * z)
    expect_equal(got[k, ], c(mean(theta), stats::sd(theta), stats::quantile(theta, probs)),
                 tolerance = 1e-4, ignore_attr = TRUE)
  }
  # equal links without quantiles, and single rows
  expect_identical(dim(summarise_margins(margin[2:3, ], mean[2:3], sd[2:3])), c(2L, 2L))
  expect_equal(summarise_margins(margin[4, ], mean[4], sd[4], probs)[1, ], got[4, ])
})

test_that("covariances of margins are those of their joint distribution", {
  margin <- margin_rows(c("a", "b", "c"), 1:3, c("identity", "exp", "plogis"), 0, c(2, -1, 3))
  mean <- c(0.2, -0.5, 1)
  cov <- matrix(c(1, 0.5, -0.3, 0.5, 0.8, 0.2, -0.3, 0.2, 2), 3)
  got <- margin_cov(margin, mean, cov)
  expect_equal(got[1, 1], 4, tolerance = 1e-12)
  # Stein: cov(x, f(y)) = cov(x, y) E f'(y)
  expect_equal(got[1, 2], -2 * 0.5 * exp(-0.5 + 0.4), tolerance = 1e-10)
  expect_equal(got[2, 2], exp(2 * -0.5 + 0.8) * expm1(0.8), tolerance = 1e-10)
  set.seed(2)
  x <- mean + t(chol(cov)) %*% matrix(stats::rnorm(3e6), 3)
  theta <- cbind(2 * x[1, ], -exp(x[2, ]), 3 * stats::plogis(x[3, ]))
  expect_equal(got, stats::cov(theta), tolerance = 5e-3)
})

test_that("margins are found in draws", {
  set.seed(3)
  x <- matrix(stats::rnorm(4000), 4)
  theta <- rbind(a = 3 - 2 * x[2, ], b = 1 + exp(x[1, ]), c = -1 + 3 * stats::plogis(x[4, ]),
                 d = x[1, ] + x[2, ], e = 7, f = exp(2 * x[3, ]), g = exp(1e-3 * x[3, ]))
  found <- find_margins(theta, x)
  expect_identical(found$name, rownames(theta))
  expect_identical(found$axis, c(2L, 1L, 4L, NA, NA, NA, NA))
  expect_identical(found$link[1:3], c("identity", "exp", "plogis"))
  expect_equal(found$shift[1:3], c(3, 1, -1), tolerance = 1e-8)
  expect_equal(found$scale[1:3], c(-2, 1, 3), tolerance = 1e-8)
  expect_identical(nrow(find_margins(theta[0, ], x)), 0L)
})
