# Quantiles of a response, against its distribution function by R's p-functions and integrate().

# eta = mean + sd * T(z): T is z, or a lognormal of mean 0 and sd 1 for a skewness that is not 0
predictor_at <- function(nodes, s, z) {
  shape <- nodes$shape[s]
  t <- if (shape == 0) z else (exp(shape * z - shape^2 / 2) - 1) / sqrt(exp(shape^2) - 1)
  nodes$mean[s] + sqrt(nodes$var[s]) * t
}
make_nodes <- function(mean, sd, shape = 0 * mean, weight = rep(1 / length(mean), length(mean)),
                       par = matrix(numeric(), 0, length(mean))) {
  w <- exp(shape^2)
  row <- function(x) matrix(x, 1)
  list(mean = row(mean), var = row(sd^2), skew = row((w + 2) * sqrt(w - 1)), shape = shape,
       weight = weight, par = par)
}

# P(Y <= y), the range of z cut finely enough for steps
exact_cdf <- function(name, link, nodes, w, y) {
  at <- function(s) {
    f <- function(z) {
      mu <- inverse_link[[link]](predictor_at(nodes, s, z))
      cdf_of[[name]](rep(y, length(z)), rep(w, length(z)), mu, nodes$par[, s]) * dnorm(z)
    }
    z <- seq(-9, 9, length.out = 18001)
    sum(f(z) * c(1, rep(c(4, 2), length.out = 17999), 1)) * (z[2] - z[1]) / 3
  }
  sum(nodes$weight * vapply(seq_along(nodes$weight), at, 0))
}

probs <- c(0.025, 0.3, 0.5, 0.9, 0.975)
continuous <- list(
  list("gaussian", "identity", make_nodes(c(0, 1, 3), c(0.3, 2, 0), par = matrix(c(1, 0.2, 2), 1))),
  list("student", "identity", make_nodes(c(0, 1), c(0.3, 4), par = rbind(c(1, 0.5), c(1.5, 8)))),
  list("Gamma", "log", make_nodes(c(-1, 2, 1), c(0.2, 0.5, 2), par = matrix(c(0.7, 4, 30), 1))),
  list("beta", "logit", make_nodes(c(-2, 0, 1), c(0.3, 1, 3), par = matrix(c(2, 10, 80), 1))),
  list("asym_laplace", "identity",
       make_nodes(c(0, 1), c(0.5, 3), par = rbind(c(1, 0.4), c(0.2, 0.2)))),
  list("Gamma", "log", make_nodes(c(0, 1), c(0.5, 1), c(0.3, 0.4), par = matrix(c(2, 5), 1)))
)

for (case in continuous) {
  test_that(paste("quantiles of a continuous response:", case[[1]]), {
    for (w in c(1, 2.5)) {
      nodes <- case[[3]]
      got <- predictive_quantiles(case[[1]], case[[2]], nodes, w, probs)
      back <- vapply(got, function(y) exact_cdf(case[[1]], case[[2]], nodes, w, y), 0)
      expect_lt(max(abs(back - probs)), if (case[[1]] == "asym_laplace") 1e-3 else 1e-4)
    }
  })
}

discrete <- list(
  list("poisson", "log", make_nodes(c(0, 1.5, 7), c(0.3, 1, 0.4))),
  list("poisson", "log", make_nodes(c(12, 12.5), c(0.5, 1.5), c(0, 0.3))),
  list("negbinomial", "log", make_nodes(c(0, 3), c(0.3, 1), par = matrix(c(0.6, 9), 1))),
  list("binomial", "logit", make_nodes(c(-3, 0.2), c(0.5, 2))),
  list("binomial", "cloglog", make_nodes(c(-1, 0.2), c(0.5, 1)))
)

for (case in discrete) {
  test_that(paste("quantiles of counts are the least that reach the probability:", case[[1]]), {
    for (w in c(1, 7, 5000)) {
      nodes <- case[[3]]
      got <- predictive_quantiles(case[[1]], case[[2]], nodes, w, probs)
      expect_identical(got, round(got))
      cdf <- function(y) vapply(y, exact_cdf, 0, name = case[[1]], link = case[[2]],
                                nodes = nodes, w = w)
      expect_true(all(cdf(got) >= probs - 2e-4))
      expect_true(all(cdf(got - 1) < probs + 2e-4))
    }
  })
}

test_that("a component without variance is a point, weights may be negative", {
  point <- make_nodes(c(log(3), log(20)), c(0, 0))
  mix <- (ppois(0:60, 3) + ppois(0:60, 20)) / 2
  got <- predictive_quantiles("poisson", "log", point, 1, probs)
  expect_identical(drop(got), as.double(findInterval(probs, mix, left.open = TRUE)))
  nodes <- make_nodes(c(0, 1, 2), c(1, 1, 1), weight = c(0.6, 0.6, -0.2),
                      par = matrix(1, 1, 3))
  got <- predictive_quantiles("gaussian", "identity", nodes, 1, probs)
  mix <- 0.6 * pnorm(got, 0, sqrt(2)) + 0.6 * pnorm(got, 1, sqrt(2)) - 0.2 * pnorm(got, 2, sqrt(2))
  expect_equal(drop(mix), probs, tolerance = 1e-8)
})

test_that("a category's quantile is the least that reaches the probability", {
  tau <- c(-1, 0.5, 2)
  nodes <- make_nodes(c(-0.5, 1), c(0.4, 1.3), par = cbind(tau, tau + 0.2))
  p <- vapply(1:3, function(k) {
    mean(vapply(1:2, function(s) {
      integrate(function(z) plogis(nodes$par[k, s] - predictor_at(nodes, s, z)) * dnorm(z),
                -Inf, Inf)$value
    }, 0))
  }, 0)
  expect_identical(drop(predictive_quantiles("cumulative", "logit", nodes, 1, probs)),
                   1 + findInterval(probs, p, left.open = TRUE))
})
