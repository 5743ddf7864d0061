# What fits of several predictors say of rows of data

# parameters on their natural scale, one row and one draw
example_of <- function(family) {
  dpars <- strsplit(with(vb_tables()$several, dpars[name == family]), ",", fixed = TRUE)[[1]]
  unit <- family %in% c("beta", "zero_inflated_beta", "zero_one_inflated_beta",
                        "zero_inflated_binomial", "beta_binomial")
  value <- list(mu = if (unit) 0.3 else 1.4, sigma = 0.5, shape = 2.2, phi = 4, nu = 5, zi = 0.2,
                hu = 0.3, zoi = 0.25, coi = 0.6)
  value[dpars]
}

# log density of `y` by the engine, at these parameters
density_at <- function(family, p, y, w) {
  table <- vb_tables()$several
  links <- strsplit(table$links[table$name == family], ",", fixed = TRUE)[[1]]
  eta <- mapply(function(value, link) stats::make.link(link)$linkfun(value), p, links)
  exp(eval_several(family, y, rep(w, length(y)), matrix(eta, length(y), length(p), byrow = TRUE),
                   slopes = FALSE))
}

counts <- c("negbinomial", "zero_inflated_poisson", "zero_inflated_negbinomial", "hurdle_poisson",
            "hurdle_negbinomial")
trials <- c("zero_inflated_binomial", "beta_binomial")
lines <- c("gaussian", "student")

test_that("means and random responses are those of the densities", {
  for (family in names(several_rows)) {
    p <- example_of(family)
    size <- if (family %in% trials) 8 else 1
    if (family %in% c(counts, trials)) {
      y <- seq(0, if (family %in% trials) 8 else 400)
      f <- density_at(family, p, y, size)
      expect_equal(sum(f), 1, tolerance = 1e-10, info = family)
      mean <- sum(f * y) / size
      square <- sum(f * y^2)
    } else {
      ends <- c(if (grepl("^(zero|hurdle)", family)) 0,
                if (family == "zero_one_inflated_beta") 1)
      from <- if (family %in% lines) -Inf else 0
      to <- if (grepl("beta", family)) 1 else Inf
      at <- function(g) {
        mass <- if (length(ends)) sum(g(ends) * density_at(family, p, ends, 1)) else 0
        mass + integrate(function(y) g(y) * density_at(family, p, y, 1), from, to,
                         rel.tol = 1e-9)$value
      }
      expect_equal(at(function(y) 1 + 0 * y), 1, tolerance = 1e-6, info = family)
      mean <- at(function(y) y)
      square <- at(function(y) y^2)
    }
    m <- lapply(p, matrix, 1, 1)
    expect_equal(several_rows[[family]]$mean(m)[1], mean, tolerance = 1e-6, info = family)
    n <- 4e4
    set.seed(11)
    y <- several_rows[[family]]$draw(lapply(p, matrix, n, 1), rep(size, n))
    sd <- sqrt(square - (size * mean)^2)
    expect_lt(abs(mean(y) - size * mean) / (sd / sqrt(n)), 4)
    expect_equal(sd(y) / sd, 1, tolerance = if (family == "student") 0.1 else 0.05, info = family)
  }
})

test_that("the positive part of a hurdle is one where its mean before truncation vanishes", {
  for (mu in c(1e-8, 1e-13, 1e-18)) {
    p <- lapply(list(mu = mu, shape = 2.2, hu = 0), matrix, 200, 1)
    for (family in c("hurdle_poisson", "hurdle_negbinomial")) {
      expect_equal(several_rows[[family]]$mean(p)[1], 1, tolerance = 1e-7, info = family)
      expect_true(all(several_rows[[family]]$draw(p, 1) == 1), info = family)
    }
  }
})

inflated <- local({
  fit <- NULL
  function() {
    if (!is.null(fit)) return(fit)
    set.seed(12)
    d <- data.frame(x = rnorm(160), g = gl(16, 10))
    d$y <- ifelse(runif(160) < plogis(-0.5 + d$x), 0,
                  rpois(160, exp(1 + 0.5 * d$x + rnorm(16, 0, 0.4)[d$g])))
    fit <<- vb(bf(y ~ x + (1 |p| g), zi ~ x + (1 |p| g)), d, family = zero_inflated_poisson())
    fit
  }
})

test_that("each parameter has its linear predictor, and the response its mean", {
  fit <- inflated()
  new <- data.frame(x = c(-1, 0, 2), g = c("3", "7", "16"))
  set.seed(1)
  for (dpar in c("mu", "zi")) {
    eta <- posterior_linpred(fit, newdata = new, dpar = dpar)
    link <- predict(fit, new, dpar = dpar, type = "link", se.fit = TRUE, interval = "credible")
    expect_lt(max(abs(colMeans(eta) - link$fit[, "fit"]) / link$se.fit), 0.08)
    expect_equal(apply(eta, 2, sd) / unname(link$se.fit), rep(1, 3), tolerance = 0.08,
                 ignore_attr = TRUE)
    expect_lt(max(abs(apply(eta, 2, quantile, 0.025) - link$fit[, "lwr"]) / link$se.fit), 0.2)
  }
  set.seed(2)
  mu <- exp(posterior_linpred(fit, newdata = new, dpar = "mu"))
  set.seed(2)
  zi <- posterior_epred(fit, new, dpar = "zi")
  set.seed(2)
  mean <- posterior_epred(fit, new)
  expect_equal(mean, (1 - zi) * mu)
  response <- predict(fit, new, type = "response", se.fit = TRUE)
  expect_lt(max(abs(colMeans(mean) - response$fit) / response$se.fit), 0.08)
  expect_identical(predict(fit, new, type = "response"), predict(fit, new, type = "response"))
  y <- posterior_predict(fit, new, seed = 3)
  expect_lt(max(abs(colMeans(y) - response$fit) / apply(y, 2, sd)), 0.08)
  expect_equal(colMeans(y == 0), colMeans(zi + (1 - zi) * exp(-mu)), tolerance = 0.1,
               ignore_attr = TRUE)
  bounds <- predict(fit, new, interval = "prediction")
  expect_true(all(bounds[, "lwr"] <= bounds[, "fit"] & bounds[, "fit"] <= bounds[, "upr"]))
})

test_that("log densities of the rows are those of R", {
  fit <- inflated()
  set.seed(4)
  mu <- exp(posterior_linpred(fit, ndraws = 20, dpar = "mu"))
  set.seed(4)
  zi <- plogis(posterior_linpred(fit, ndraws = 20, dpar = "zi"))
  set.seed(4)
  value <- log_lik(fit, ndraws = 20)
  y <- rep(fit$y, each = 20)
  expect_equal(as.vector(value), log(zi * (y == 0) + (1 - zi) * dpois(y, mu)) |> as.vector())
})

test_that("leave-one-out sums are those of refits", {
  skip_if_not_installed("loo")
  set.seed(13)
  d <- data.frame(x = rnorm(40))
  d$y <- 1 + d$x + exp(-0.5 + 0.5 * d$x) * rnorm(40)
  make <- function(d) vb(bf(y ~ x, sigma ~ x), d, prior = list(x = normal(0, 2),
                                                               sigma = normal(0, 2)),
                         prior_intercept = list(mu = normal(0, 2), sigma = normal(0, 2)))
  fit <- make(d)
  set.seed(1)
  sums <- suppressWarnings(loo::loo(fit))
  rows <- 1:8
  refit <- vapply(rows, function(i) {
    ll <- log_lik(make(d[-i, ]), newdata = d[i, , drop = FALSE], seed = 1)
    log(mean(exp(ll)))
  }, 0)
  expect_lt(max(abs(sums$pointwise[rows, "elpd_loo"] - refit)), 0.15)
  expect_error(loo::loo(fit, method = "cavity"), class = "vb_error_fit")
})

test_that("a new level has correlated effects in the predictors that share it", {
  set.seed(14)
  d <- data.frame(g = gl(60, 20))
  z <- matrix(rnorm(120), 60)
  d$y <- 2 * z[d$g, 1] + exp(0.8 * drop(z %*% c(0.9, 0.44))[d$g]) * rnorm(1200)
  fit <- vb(bf(y ~ 1 + (1 |p| g), sigma ~ 1 + (1 |p| g)), d)
  rows <- all_rows(fit, data.frame(g = "new"), NULL, TRUE)
  set.seed(1)
  eta <- linear_draws(fit, rows, posterior_sample(fit, 2000L))
  expect_gt(cor(eta$mu[1, ], eta$sigma[1, ]), 0.7)
})

test_that("categories have their probabilities", {
  set.seed(15)
  d <- data.frame(x = rnorm(200))
  eta <- cbind(0, 0.5 + d$x, -0.5 - d$x)
  d$y <- factor(apply(exp(eta), 1, function(p) sample(c("a", "b", "c"), 1, prob = p)))
  fit <- vb(y ~ x, d, family = categorical())
  new <- data.frame(x = c(-1, 1))
  p <- predict(fit, new, type = "response", se.fit = TRUE, interval = "credible")
  expect_identical(dim(p$fit), c(2L, 3L, 3L))
  expect_identical(dimnames(p$fit)[[3]], c("a", "b", "c"))
  expect_equal(rowSums(p$fit[, "fit", ]), c(1, 1), ignore_attr = TRUE)
  draws <- posterior_epred(fit, new, seed = 1)
  expect_identical(dim(draws), c(4000L, 2L, 3L))
  expect_equal(apply(draws, 2:3, mean), p$fit[, "fit", ], tolerance = 0.01, ignore_attr = TRUE)
  y <- posterior_predict(fit, new, seed = 1)
  expect_equal(mean(y[, 1] == 3), p$fit[1, "fit", 3], tolerance = 0.05, ignore_attr = TRUE)
  for (verb in list(residuals, predictive_error, predictive_interval,
                    function(fit) predict(fit, interval = "prediction"))) {
    expect_error(verb(fit), "no .* for categories", class = "vb_error_type")
  }
  link <- predict(fit, new, type = "link")
  expect_identical(colnames(link), c("mub", "muc"))
})

test_that("new data sets have new members' effects, in all predictors, and the response's form", {
  fit <- inflated()
  y <- simulate(fit, nsim = 400, seed = 5)
  means <- t(as.matrix(y)) %*% (outer(fit$frame$g, levels(fit$frame$g), `==`) + 0) / 10
  again <- simulate(fit, nsim = 400, seed = 5, use.u = TRUE)
  kept <- t(as.matrix(again)) %*% (outer(fit$frame$g, levels(fit$frame$g), `==`) + 0) / 10
  expect_gt(mean(apply(means, 2, var)), mean(apply(kept, 2, var)))
  set.seed(16)
  d <- data.frame(x = rnorm(60), y = factor(sample(c("u", "v", "w"), 60, TRUE)))
  several <- vb(y ~ x, d, family = categorical(refcat = "v"))
  new <- simulate(several, seed = 1)[[1]]
  expect_identical(levels(new), levels(d$y))
  expect_equal(mean(new == "w"), mean(predict(several, type = "response")[, "w"]),
               tolerance = 0.5)
})

test_that("what is no predictor is said", {
  fit <- inflated()
  expect_error(predict(fit, dpar = "sigma"), class = "vb_error_dpar")
  expect_error(posterior_linpred(fit, dpar = 2), class = "vb_error_dpar")
  plain <- vb(dist ~ speed, cars)
  expect_error(predict(plain, dpar = "sigma"), class = "vb_error_dpar")
  expect_identical(predict(plain, dpar = "mu"), predict(plain))
})

test_that("residuals that know one dispersion, or one mean, are no numbers", {
  set.seed(17)
  d <- data.frame(x = rnorm(60), k = factor(sample(c("a", "b", "c"), 60, TRUE)))
  d$y <- rnorm(60, d$x, exp(d$x / 2))
  fit <- vb(bf(y ~ x, sigma ~ x), d)
  expect_equal(residuals(fit), d$y - fitted(fit), ignore_attr = TRUE)
  for (type in c("pearson", "working", "deviance")) {
    expect_error(residuals(fit, type), class = "vb_error_type")
    expect_error(residuals(inflated(), type), class = "vb_error_type")
  }
  categories <- vb(k ~ x, d, family = categorical())
  expect_error(residuals(categories), class = "vb_error_type")
})
