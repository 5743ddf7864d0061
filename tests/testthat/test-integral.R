# The integral over many hyperparameters: against sums over grids, and how many nodes it takes

level_a_row <- data.frame(y = rep(c(-1.5, -0.5, 0.5, 1.5), 10), o = factor(1:40))

# moments of the two sds, of which the data know the sum of the squares
known_by_sum <- function(y, prior_sd, prior_sigma) {
  at <- expand.grid(sd = seq(0.005, 4, by = 0.01), sigma = seq(0.005, 4, by = 0.01))
  v <- at$sd^2 + at$sigma^2
  # the intercept has a t prior that is flat here
  log_p <- -(length(y) - 1) / 2 * log(v) - sum((y - mean(y))^2) / (2 * v)
  w <- exp(log_p - max(log_p)) * prior_sd(at$sd) * prior_sigma(at$sigma)
  w <- w / sum(w)
  mean <- colSums(w * at)
  rbind(mean = mean, sd = sqrt(colSums(w * at^2) - mean^2))
}

test_that("two sds known by the sum of their squares have their posterior", {
  half_t <- function(x) stats::dt(x / 2.5, 3)
  priors <- list(list(half_t, half_t, student_t(3, 0, 2.5), student_t(3, 0, 2.5)),
                 list(stats::dexp, stats::dexp, exponential(1), exponential(1)),
                 list(stats::dexp, half_t, exponential(1), student_t(3, 0, 2.5)))
  for (p in priors) {
    exact <- known_by_sum(level_a_row$y, p[[1]], p[[2]])
    fit <- vb(y ~ 1 + (1 | o), level_a_row, prior_sd = p[[3]], prior_aux = p[[4]])
    got <- posterior_summary(fit)[c("sd_o__Intercept", "sigma"), ]
    expect_true(fit$converged)
    expect_lt(max(abs(got[, 1] - exact["mean", ]) / exact["sd", ]), 0.02)
    expect_equal(got[, 2], exact["sd", ], tolerance = 0.03, ignore_attr = TRUE)
  }
})

test_that("the innermost of nested factors and the residuals have one posterior under one prior", {
  set.seed(9)
  d <- expand.grid(temp = 1:6, recipe = 1:3, rep = 1:15)
  d$y <- 30 + rnorm(15, 0, 5)[d$rep] + rnorm(270, 0, 4)
  fit <- vb(y ~ 1 + (1 | rep / recipe / temp), d, prior_sd = exponential(0.2),
            prior_aux = exponential(0.2))
  got <- posterior_summary(fit)[c("sd_rep:recipe:temp__Intercept", "sigma"), ]
  expect_true(fit$converged)
  expect_lt(max(abs(got[1, ] - got[2, ])) / got[1, 2], 0.03)
})

crossed <- function(n, levels, sds) {
  set.seed(1)
  d <- data.frame(x = rnorm(n))
  eta <- 0.3 + 0.5 * d$x
  for (k in seq_along(levels)) {
    g <- sample(levels[k], n, TRUE)
    d[[paste0("g", k)]] <- factor(g)
    eta <- eta + rnorm(levels[k], 0, sds[k])[g]
  }
  d$y <- eta + rnorm(n)
  d
}

test_that("nodes grow linearly with the hyperparameters", {
  levels <- rep(c(4, 6, 16, 20, 5), 3)
  for (k in c(2, 5, 9, 15)) {
    d <- crossed(60 * k + 200, levels[1:k], rep(c(0.5, 0.3, 0.6, 0.4, 0.8), 3)[1:k])
    terms <- paste0("(1 | g", 1:k, ")", collapse = " + ")
    fit <- vb(as.formula(paste("y ~ x +", terms)), d)
    K <- nrow(fit$engine$point$x)
    expect_identical(fit$engine$rule, "surrogate")
    expect_lte(n_solved(fit$engine), max(60, 10 + 6 * K))
    expect_identical(fit$engine$n_foretold > 0, K > 4)
    expect_lt(fit$engine$node_error, 0.15)
    expect_true(all(fit$engine$node$weight >= 0))
    # an independent estimate of the evidence: importance weights of draws by the exact joint
    if (k > 5) next
    per_draw <- nrow(fit$engine$node$mean) + nrow(fit$hyper)
    normal <- matrix(stats::rnorm(2000 * per_draw), per_draw)
    draws <- engine_draws(fit, stats::runif(2000), normal, TRUE)
    log_w <- draws$lp - draws$lp_approx
    top <- max(log_w)
    expect_lt(abs(top + log(mean(exp(log_w - top))) - fit$log_evidence), 0.1)
  }
})

# By the surface alone all points are one, whose errors do not differ: that is no verification.
test_that("a posterior that the surface has in the wrong place is weighted instead", {
  ordered <- transform(warpbreaks, tension = factor(tension, ordered = TRUE))
  fit <- function(...) vb(tension ~ breaks + (1 | wool), ordered, family = cumulative(), ...)
  one <- suppressWarnings(fit())               # that its weights have a heavy tail
  expect_identical(one$engine$rule, "weighted")
  quarters <- function(fit) posterior_summary(fit, probs = c(0.25, 0.5, 0.75))[, 3:5]
  few <- quarters(one)                         # a tail like this one has no sd to speak of
  many <- quarters(suppressWarnings(fit(control = vb_control(nodes = 4096))))
  width <- many[, 3] - many[, 1]
  expect_lt(max(abs(few[, 2] - many[, 2]) / width), 0.05)
  expect_lt(max(abs(log((few[, 3] - few[, 1]) / width))), 0.1)
})
