# Levels and times that were not in the data, against dense algebra: with hyperparameters held the
# linear predictor of old and new rows is one Gaussian.

set.seed(8)
n <- 60
d <- data.frame(x = rnorm(n), t = sample(setdiff(1:12, c(3, 9)), n, TRUE), g = gl(3, 20),
                a = factor(sample(8, n, TRUE)), b = factor(sample(8, n, TRUE)),
                w1 = runif(n), w2 = runif(n))
d$x <- d$x - mean(d$x)
d$y <- sin(d$t / 2) + d$x + rnorm(n)
sb <- c(3, 2)
sigma <- 0.7

# k: prior covariance of the field's part of the old rows, then of the new ones
kriged <- function(new, k, old = d, extra = NULL, centre = mean(old$x)) {
  x <- cbind(1, c(old$x, new$x) - centre, extra)
  prior <- x %*% (c(sb, rep(2, NCOL(extra)))[seq_len(ncol(x))]^2 * t(x)) + k
  o <- seq_len(nrow(old))
  gain <- prior[-o, o] %*% solve(prior[o, o] + sigma^2 * diag(length(o)))
  list(mean = as.vector(gain %*% old$y), cov = unname(prior[-o, -o] - gain %*% prior[o, -o]))
}

# Means and variances by predict(), intervals, and joint draws
expect_kriged <- function(fit, new, exact, ...) {
  got <- predict(fit, new, se.fit = TRUE, allow.new.levels = TRUE)
  expect_equal(unname(got$fit), exact$mean, tolerance = 1e-8)
  expect_equal(unname(got$se.fit)^2, diag(exact$cov), tolerance = 1e-8)
  expect_equal(predict(fit, new, allow.new.levels = TRUE), got$fit)
  bound <- predict(fit, new, interval = "credible", level = 0.9, allow.new.levels = TRUE)
  expect_equal(unname(bound[, "upr"]), exact$mean + qnorm(0.95) * sqrt(diag(exact$cov)),
               tolerance = 1e-6)
  wide <- predict(fit, new, interval = "prediction", level = 0.9, allow.new.levels = TRUE)
  expect_equal(unname(wide[, "upr"]), exact$mean + qnorm(0.95) * sqrt(diag(exact$cov) + sigma^2),
               tolerance = 1e-6)
  draws <- posterior_linpred(fit, newdata = new, ndraws = 4000, seed = 1, allow_new_levels = TRUE)
  sd <- sqrt(diag(exact$cov))
  expect_lt(max(abs(colMeans(draws) - exact$mean) / sd), 0.06)
  expect_lt(max(abs(cov(draws) - exact$cov) / outer(sd, sd)), 0.09)
}

test_that("times between, before and beyond those of an autoregression are kriged", {
  new <- data.frame(t = c(3, 9, -4, 0, 15, 3, 5, 20, 16), x = seq(-1, 1, length.out = 9))
  time <- c(d$t, new$t)
  for (rho in c(0.6, -0.4, 0)) {
    fit <- held(y ~ x + ar1(t), d, 0.8, list(rho_t = constant(rho)))
    expect_kriged(fit, new, kriged(new, 0.64 * rho^abs(outer(time, time, `-`))))
  }
  expect_error(predict(fit, data.frame(t = 2.5, x = 0)), "whole numbers",
               class = "vb_error_newdata")
  far <- predict(fit, data.frame(t = 500, x = 0), se.fit = TRUE)
  none <- predict(held(y ~ x + ar1(t), d, 0.8, list(rho_t = constant(0))),
                  data.frame(t = 13, x = 0), se.fit = TRUE)
  expect_equal(far$se.fit, none$se.fit)
})

test_that("series without data have the prior of an autoregression", {
  new <- data.frame(t = c(3, 5, 8, 3, 14, 13), g = c("1", "9", "9", "2", "2", "1"), x = 0.2)
  time <- c(d$t, new$t)
  series <- c(as.character(d$g), new$g)
  k <- 0.64 * 0.6^abs(outer(time, time, `-`)) * outer(series, series, `==`)
  fit <- held(y ~ x + ar1(t | g), d, 0.8, list(rho_t = constant(0.6)))
  expect_kriged(fit, new, kriged(new, k))
  expect_error(predict(fit, new), "new members", class = "vb_error_allow.new.levels")
  expect_error(posterior_epred(fit, new, allow_new_levels = FALSE), class = "vb_error_newdata")
  expect_message(posterior_epred(fit, new, ndraws = 2), "not in the data")
})

test_that("walks of first order go on, and between two times", {
  new <- data.frame(t = c(3, 3.25, 9, -1, 14, 20.5, 7), x = 0.2)
  seen <- sort(unique(d$t))
  # a walk from far before all, less its mean over the times seen
  place <- c(d$t, new$t)
  all <- c(seen, new$t)
  path <- outer(all, all, pmin) + 50
  centre <- diag(length(all))
  centre[, seq_along(seen)] <- centre[, seq_along(seen)] - 1 / length(seen)
  at <- match(place, all)
  k <- 0.64 * (centre %*% path %*% t(centre))[at, at]
  fit <- held(y ~ x + rw1(t), d, 0.8)
  expect_kriged(fit, new, kriged(new, k))
})

# Covariance of a walk of second order at whole times lo to hi, without the straight line that it
# leaves free: of what D does not see of the times seen, which the fixed effects have, nothing
second_order <- function(lo, hi, seen) {
  time <- lo:hi
  m <- length(time)
  root <- solve(rbind(diag(m)[1:2, ], diff(diag(m), differences = 2)))[, -(1:2)]
  line <- cbind(1, time - mean(seen))
  o <- match(seen, time)
  hat <- solve(crossprod(line[o, ]), t(line[o, ]))
  rest <- root - line %*% hat %*% root[o, ]
  tcrossprod(rest)
}

test_that("walks of second order carry their slope on", {
  even <- d
  even$t <- rep(1:12, length.out = n)
  new <- data.frame(t = c(13, 14, 17, 0, -3, 12), x = 0.2)
  place <- c(even$t, new$t)
  at <- match(place, -3:17)
  k <- 0.64 * second_order(-3, 17, 1:12)[at, at]
  fit <- held(y ~ x + rw2(t), even, 0.8)
  expect_kriged(fit, new, kriged(new, k, even, place - 6.5))
  # a line between whole times, wherever else is asked for
  at <- function(t) unname(predict(fit, data.frame(t = t, x = 0)))
  expect_equal(at(c(14.25, 40))[1], sum(c(0.75, 0.25) * at(14:15)))
  # the last two times, and innovations of which each counts as often as there are times after it
  mean <- walk_path(1:12, 15, 2L)
  expect_equal(drop(mean$mean), c(numeric(10), -3, 4))
  expect_equal(drop(mean$cov), 1 + 4 + 9)
})

test_that("times left out of a walk of second order are between their neighbours", {
  gap <- walk_path(c(1:5, 7:12), 6, 2L)
  q <- crossprod(diff(diag(12), differences = 2))
  expect_equal(drop(gap$cov), 1 / q[6, 6])
  expect_equal(drop(gap$mean), (-q[6, -6] / q[6, 6]))
  # a straight line stays one, at irregular times too, in other units and with rounding errors
  seen <- c(0.1, 0.3, 0.4, 1, 1.7)
  new <- c(-0.2, 0.2, 0.85, 1.3, 4)
  for (unit in c(1, 1 / 7)) {
    walk <- walk_path(unit * seen, unit * new, 2L)
    expect_equal(drop(walk$mean %*% (3 + 2 * seen)), 3 + 2 * new, tolerance = 1e-6)
    expect_true(all(diag(walk$cov) >= 0))
  }
  expect_equal(common_step(c(6, 4, 10)), 2)
  expect_equal(common_step(c(0.3, 0.2, 0.5)), 0.1)
  expect_identical(walk_knots(c(0, 1, pi), c(0, pi)), c(0, 1, pi))
})

test_that("a walk has nothing to say of a series without data", {
  fit <- held(y ~ x + rw1(t | g), d, 0.8)
  new <- data.frame(t = 4, g = "9", x = 0)
  expect_error(predict(fit, new, allow.new.levels = TRUE), "no level of its own",
               class = "vb_error_newdata")
  new <- data.frame(t = c(14, 14), g = c("1", "2"), x = 0)
  expect_identical(length(unique(predict(fit, new))), 2L)
  expect_equal(predict(fit, new), predict(fit, transform(new, t = tapply(d$t, d$g, max)[1:2])))
})

test_that("levels of a known covariance without rows are predicted by their relatives", {
  a <- crossprod(matrix(rnorm(144), 12)) / 4 + diag(12)
  dimnames(a) <- list(c(1:8, "u", "v", "w", "z"), c(1:8, "u", "v", "w", "z"))
  new <- data.frame(a = c("v", "u", "3", "v", "z"), x = c(0.2, -1, 0.5, 2, 0))
  level <- c(as.character(d$a), new$a)
  exact <- kriged(new, 0.64 * a[level, level])
  expect_kriged(held(y ~ x + (1 | gr(a, cov = a)), d, 0.8), new, exact)
  q <- solve(a)
  dimnames(q) <- dimnames(a)
  expect_kriged(held(y ~ x + (1 | gr(a, precision = q)), d, 0.8), new, exact)
  x <- c(d$x, new$x)
  slope <- held(y ~ x + (0 + x | gr(a, cov = a)), d, 0.8)
  expect_kriged(slope, new, kriged(new, 0.64 * a[level, level] * outer(x, x)))
  expect_error(predict(slope, data.frame(a = "9", x = 0)), "matrix has them not",
               class = "vb_error_newdata")
  # left out, they are not asked for
  expect_equal(predict(slope, data.frame(x = 0), re.form = NA),
               predict(slope, data.frame(x = 0, a = "9"), re.form = NA))
})

test_that("new members are of the population", {
  new <- data.frame(a = c("new", "1", "new", "too"), b = c("2", "new", "new", "new"), x = 0.3,
                    w1 = c(0.3, 0.4, 0.5, 0.6), w2 = 0.6)
  level <- unique(c(levels(d$a), levels(d$b), new$a, new$b))
  z <- function(data) {
    part <- function(f) outer(as.character(f), level, `==`) + 0
    (data$w1 * part(data$a) + data$w2 * part(data$b)) / (data$w1 + data$w2)
  }
  exact <- kriged(new, 0.64 * tcrossprod(rbind(z(d), z(new))))
  fit <- held(y ~ x + (1 | mm(a, b, weights = cbind(w1, w2))), d, 0.8)
  expect_kriged(fit, new, exact)
  expect_error(predict(fit, new), "new members", class = "vb_error_allow.new.levels")
  expect_message(posterior_linpred(fit, newdata = new, ndraws = 2), "levels of `1 | mm",
                 fixed = TRUE)
  # as a member that the data have
  one <- data.frame(a = c("new", levels(d$a)), b = c("new", levels(d$a)), x = 0, w1 = 1, w2 = 1)
  draws <- posterior_linpred(fit, newdata = one, ndraws = 50, allow_new_levels = TRUE,
                             sample_new_levels = "uncertainty")
  expect_lt(max(apply(abs(draws[, -1] - draws[, 1]), 1, min)), 1e-12)
  # as (1 | g) has them
  plain <- held(y ~ x + (1 | a), d, 0.8)
  twice <- held(y ~ x + (1 | mm(a, a2)), transform(d, a2 = a), 0.8)
  expect_equal(predict(twice, transform(new, a2 = a), se.fit = TRUE, allow.new.levels = TRUE),
               predict(plain, new, se.fit = TRUE, allow.new.levels = TRUE), tolerance = 1e-8)
})

test_that("given theta new levels are what it says, and theta is integrated over", {
  d$count <- rpois(n, exp(1 + sin(d$t / 2)))
  fit <- vb(count ~ x + ar1(t), d, family = poisson())
  new <- data.frame(t = c(3, 14), x = 0)
  sample <- with_seed(3, posterior_sample(fit, 4000))
  hyper <- sample$hyper[match(c("sdar1_t", "rho_t"), fit$hyper$name), ]
  # of time 14, two steps after the last that was seen
  table <- parameter_table(fit)
  last <- sample$coef[table$row[match("rar1_t[12]", table$name)], ]
  eta <- drop(predictor_draws(fit, new_rows(fit, data.frame(t = 12, x = 0)), sample))
  exact <- eta - last + hyper[2, ]^2 * last
  var <- hyper[1, ]^2 * (1 - hyper[2, ]^4)
  got <- predict(fit, new, se.fit = TRUE)
  sd <- sqrt(var(exact) + mean(var))
  expect_lt(abs(got$fit[[2]] - mean(exact)) / sd, 0.04)
  expect_equal(got$se.fit[[2]], sd, tolerance = 0.04)
  # all doors: of the mean of the response, and of intervals
  epred <- posterior_epred(fit, new, seed = 3)
  response <- predict(fit, new, type = "response", interval = "credible", se.fit = TRUE)
  expect_lt(max(abs(colMeans(epred) - response$fit[, 1]) / apply(epred, 2, sd)), 0.06)
  link <- posterior_linpred(fit, newdata = new, seed = 3)
  q <- apply(link, 2, quantile, c(0.05, 0.95))
  bound <- predict(fit, new, interval = "credible", level = 0.9)
  expect_lt(max(abs(t(q) - bound[, -1]) / apply(link, 2, sd)), 0.1)
})

test_that("what is new does not change draws of the rest, and rows of a level share it", {
  fit <- vb(y ~ x + ar1(t) + (1 | mm(a, b)), d)
  old <- data.frame(t = c(1, 5), x = 0, a = "1", b = "2")
  more <- rbind(old, data.frame(t = c(3, 30, 30), x = 0, a = c("1", "new", "new"), b = "2"))
  few <- posterior_linpred(fit, newdata = old, ndraws = 20, seed = 2)
  all <- posterior_linpred(fit, newdata = more, ndraws = 20, seed = 2, allow_new_levels = TRUE)
  expect_identical(all[, 1:2], few)
  expect_identical(all[, "3"] == all[, "4"], logical(20))
  expect_identical(all[, "4"], all[, "5"])
  # a row does not depend on others
  alone <- predict(fit, more[4, ], allow.new.levels = TRUE, se.fit = TRUE, interval = "prediction")
  among <- predict(fit, more, allow.new.levels = TRUE, se.fit = TRUE, interval = "prediction")
  expect_equal(alone$fit[1, ], among$fit[4, ])
  cell <- cbind(more, n = c(0, 0, 1, 3, 5))
  cells <- poststratify(fit, cell, "n", allow.new.levels = TRUE, ndraws = 4000)
  mean <- predict(fit, more[3:5, ], allow.new.levels = TRUE)
  expect_equal(cells$Estimate, sum(mean * c(1, 3, 5)) / 9, tolerance = 1e-8)
  draws <- posterior_linpred(fit, newdata = more[3:5, ], allow_new_levels = TRUE, seed = 4)
  expect_equal(cells$Est.Error, sd(draws %*% c(1, 3, 5) / 9), tolerance = 0.08)
  # and missing values stay missing
  more$t[3] <- NA
  expect_identical(unname(is.na(predict(fit, more, allow.new.levels = TRUE))), 1:5 == 3)
  ordinal <- vb(cut(y, c(-Inf, 0, 1, Inf), ordered_result = TRUE) ~ x + ar1(t), d,
                family = cumulative())
  new <- data.frame(t = c(14, 30), x = 0)
  both <- predict(ordinal, new, type = "response", interval = "credible")
  one <- predict(ordinal, new[2, ], type = "response", interval = "credible")
  expect_equal(both[2, , ], one[1, , ])
})

# Areas 1 to 8 in a line, and an island
chain <- function() {
  w <- outer(1:9, 1:9, function(i, j) abs(i - j) == 1) + 0
  w[8, 9] <- w[9, 8] <- 0
  dimnames(w) <- list(1:9, 1:9)
  w
}

test_that("folds predict levels, times and areas of which they have no rows", {
  skip_if_not_installed("loo")
  fold <- ifelse(d$a == "2" | d$t == 5, 1, 2)
  out <- which(fold == 1)
  order <- c(which(fold == 2), out)
  folded <- function(k, formula, aux, ...) {
    fit <- held(formula, d, 0.8, aux, ...)
    got <- loo::kfold(fit, folds = fold)$pointwise[out, 1]
    exact <- kriged(d[out, ], k[order, order], d[-out, ], centre = 0)
    expect_equal(unname(got), dnorm(d$y[out], exact$mean, sqrt(diag(exact$cov) + sigma^2), TRUE),
                 tolerance = 1e-8)
  }
  folded(0.64 * 0.6^abs(outer(d$t, d$t, `-`)), y ~ x + ar1(t), list(rho_t = constant(0.6)))
  part <- function(f) outer(as.character(f), 1:8, `==`) / 2
  folded(0.64 * tcrossprod(part(d$a) + part(d$b)), y ~ x + (1 | mm(a, b)), list())
  w <- chain()
  q <- diag(rowSums(w)) - w
  e <- eigen(q[1:8, 1:8])
  icar <- e$vectors[, -8] %*% (t(e$vectors[, -8]) / e$values[-8])
  k <- 0.3 * icar / exp(mean(log(diag(icar)))) + 0.7 * diag(8)
  folded(0.64 * k[d$a, d$a], y ~ x + car(w, gr = a, type = "bym2"), list(rhocar = constant(0.3)))
})

test_that("areas without rows are on the map, islands have nothing but their sd", {
  seen <- d[d$a != "2", ]
  seen$a <- factor(seen$a)
  new <- data.frame(a = c("2", "9"), x = c(0.5, 0))
  level <- as.integer(c(as.character(seen$a), new$a))
  w <- chain()
  e <- eigen((diag(rowSums(w)) - w)[1:8, 1:8])
  icar <- diag(9)
  icar[1:8, 1:8] <- e$vectors[, -8] %*% (t(e$vectors[, -8]) / e$values[-8])
  fit <- held(y ~ x + car(w, gr = a, type = "icar"), seen, 0.8)
  expect_kriged(fit, new, kriged(new, 0.64 * icar[level, level], seen))
  # of an island the rows say nothing: the intercept's variance, and the prior's
  k <- 0.64 * icar[level, level]
  k[length(level), ] <- k[, length(level)] <- 0
  expect_equal(predict(fit, new, se.fit = TRUE)$se.fit[[2]]^2,
               kriged(new, k, seen)$cov[2, 2] + 0.64)
  w[9, 1] <- w[1, 9] <- 1
  proper <- solve(diag(rowSums(w)) - 0.6 * w)
  fit <- held(y ~ x + car(w, gr = a), seen, 0.8, list(car = constant(0.6)))
  expect_kriged(fit, new, kriged(new, 0.64 * proper[level, level], seen))
  expect_error(predict(fit, data.frame(a = c("2", "nowhere"), x = 0)), "nowhere",
               class = "vb_error_newdata")
})

test_that("bases of smooths and processes are evaluated anywhere, at levels that they know", {
  new <- data.frame(w1 = c(-1, 0.4, 2.5), x = 0, a = c("3", "1", "3"))
  fit <- held(y ~ x + s(w1, k = 5), d, 0.8)
  smooth <- mgcv::smoothCon(mgcv::s(w1, k = 5), d, absorb.cons = TRUE, diagonal.penalty = TRUE)[[1]]
  mixed <- mgcv::smooth2random(smooth, "w1", type = 2)
  of_new <- mgcv::PredictMat(smooth, new) %*% mixed$trans.U %*% diag(mixed$trans.D)
  basis <- rbind(mixed$rand[[1]], of_new[, 1:3])
  expect_kriged(fit, new, kriged(new, 0.64 * tcrossprod(basis), d, c(mixed$Xf, of_new[, 4])))
  # beyond the data a process is what its basis is, in its box
  fit <- held(y ~ x + gp(w1, k = 60, c = 6), d, 0.8, list(lscale_gpw1 = constant(0.35)))
  new$w1 <- c(-0.3, 0.4, 1.2)
  w <- c(d$w1, new$w1)
  k <- 0.64 * exp(-(outer(w, w, `-`) / diff(range(d$w1)) / 0.35)^2 / 2)
  got <- predict(fit, new, se.fit = TRUE)
  exact <- kriged(new, k)
  expect_equal(unname(got$fit), exact$mean, tolerance = 0.01)
  expect_equal(unname(got$se.fit), sqrt(diag(exact$cov)), tolerance = 0.01)
  # some of the levels, as strings, in any order
  for (formula in c(y ~ s(a, bs = "re"), y ~ s(w1, a, bs = "fs", k = 4),
                    y ~ s(w1, by = a, k = 4))) {
    fit <- vb(formula, d)
    at <- d[match(new$a, d$a), c("w1", "a")]
    expect_equal(unname(predict(fit, transform(at, a = as.character(a)))),
                 unname(predict(fit)[match(new$a, d$a)]), tolerance = 1e-8)
    expect_error(predict(fit, transform(at, a = "9")), "Those known are",
                 class = "vb_error_newdata")
  }
})
