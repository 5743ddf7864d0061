test_that("the log-likelihood is R's density at the draw's parameters", {
  draws_of <- function(fit) as.matrix(fit, ndraws = 20)
  with_draws <- function(fit, code) {
    set.seed(5)
    draws <- draws_of(fit)
    set.seed(5)
    list(draws = draws, log_lik = unname(log_lik(fit, ndraws = 20)))
  }
  it <- with_draws(fit_of("binomial"))
  u <- it$draws[, paste0("r_herd[", cbpp$herd, ",Intercept]")]
  eta <- it$draws[, 1:4] %*% t(model.matrix(fit_of("binomial"))) + u
  exact <- stats::dbinom(rep(cbpp$incidence, each = 20), rep(cbpp$size, each = 20),
                         stats::plogis(eta), log = TRUE)
  expect_equal(it$log_lik, matrix(exact, 20), tolerance = 1e-10)

  fit <- vb(dist ~ speed, cars, weights = rep(c(1, 2), 25))
  it <- with_draws(fit)
  eta <- it$draws[, 1:2] %*% t(model.matrix(fit))
  sd <- it$draws[, "sigma"] / rep(sqrt(rep(c(1, 2), 25)), each = 20)
  exact <- stats::dnorm(rep(cars$dist, each = 20), eta, sd, log = TRUE)
  expect_equal(it$log_lik, matrix(exact, 20), tolerance = 1e-10)
})

test_that("ordinal models and families of one's own have it too", {
  data <- transform(warpbreaks, tension = factor(tension, ordered = TRUE))
  fit <- vb(tension ~ breaks, data, family = cumulative())
  p <- posterior_epred(fit, ndraws = 20, seed = 1)
  exact <- vapply(seq_len(54), function(i) log(p[, i, data$tension[i]]), numeric(20))
  expect_equal(log_lik(fit, ndraws = 20, seed = 1), exact, ignore_attr = TRUE, tolerance = 1e-10)

  fit <- vb(breaks ~ wool, warpbreaks, family = own$poisson)
  mu <- posterior_epred(fit, ndraws = 20, seed = 1)
  exact <- stats::dpois(rep(warpbreaks$breaks, each = 20), mu, log = TRUE)
  expect_equal(log_lik(fit, ndraws = 20, seed = 1), exact, ignore_attr = TRUE)
})

test_that("new data have theirs, and rows of weight zero have none", {
  fit <- vb(dist ~ speed, cars, weights = rep(c(0, 1), 25))
  expect_identical(dim(log_lik(fit, ndraws = 3)), c(3L, 25L))
  fit <- fit_of("line")
  all <- log_lik(fit, ndraws = 3, seed = 1)
  expect_equal(log_lik(fit, cars[7:9, ], ndraws = 3, seed = 1), all[, 7:9], ignore_attr = TRUE)
  expect_error(log_lik(fit, cars["speed"]), class = "vb_error_response")
})

test_that("categories by their number are those of the fit in new data too", {
  set.seed(4)
  d <- data.frame(x = stats::rnorm(60), o = sample(1:3, 60, TRUE))
  fit <- vb(o ~ x, d, family = cumulative(), verbose = FALSE)
  all <- log_lik(fit, d, ndraws = 3, seed = 1)
  one <- which(d$o == 1)[1:2]                     # not all of them occur
  expect_equal(log_lik(fit, d[one, ], ndraws = 3, seed = 1), all[, one], ignore_attr = TRUE)
  for (wrong in c(4, 0, 1.5)) {
    new <- replace(d[1:2, ], "o", wrong)
    expect_error(log_lik(fit, new, ndraws = 3), class = "vb_error_response")
  }
})
