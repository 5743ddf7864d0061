# Structured terms against dense algebra: with hyperparameters held the posterior of a gaussian
# model is a Gaussian that solve() knows.

set.seed(5)
n <- 60
d <- data.frame(x = rnorm(n), t = sample(1:12, n, TRUE), g = gl(3, 20),
                a = factor(sample(8, n, TRUE)), b = factor(sample(8, n, TRUE)),
                w1 = runif(n), w2 = runif(n))
d$x <- d$x - mean(d$x)
d$y <- sin(d$t / 2) + d$x + rnorm(n)
x <- cbind(1, d$x)
sb <- c(3, 2)
one_hot <- function(f) outer(as.character(f), levels(factor(f)), `==`) + 0

test_that("known covariances and precisions are those of dense algebra", {
  a <- crossprod(matrix(rnorm(100), 10)) + diag(10)
  dimnames(a) <- list(1:10, 1:10)
  seen <- levels(d$a)
  exact <- dense(d$y, x, sb, one_hot(d$a) %*% a[seen, seen] %*% t(one_hot(d$a)) * 0.8^2, 0.7)
  fit <- held(y ~ x + (1 | gr(a, cov = A)), d, 0.8, data2 = list(A = a))
  expect_dense(fit, exact, d)
  q <- solve(a)
  dimnames(q) <- dimnames(a)
  expect_dense(held(y ~ x + (1 | gr(a, precision = q)), d, 0.8), exact, d, 1e-7)
  # diag(J) is (1 | g)
  one <- diag(8)
  dimnames(one) <- list(1:8, 1:8)
  plain <- held(y ~ x + (1 | a), d, 0.8)
  known <- held(y ~ x + (1 | gr(a, cov = one)), d, 0.8)
  expect_equal(known$log_evidence, plain$log_evidence, tolerance = 1e-10)
  both <- posterior_summary(plain)
  expect_equal(posterior_summary(known)[rownames(both), ], both, tolerance = 1e-9)
  slope <- exact
  z <- one_hot(d$a) * d$x
  slope <- dense(d$y, x, sb, z %*% a[seen, seen] %*% t(z) * 0.8^2, 0.7)
  expect_dense(held(y ~ x + (0 + x | gr(a, cov = a)), d, 0.8), slope, d)
})

test_that("several memberships are those of dense algebra", {
  weight <- cbind(d$w1, d$w2) / (d$w1 + d$w2)
  z <- weight[, 1] * one_hot(d$a) + weight[, 2] * one_hot(d$b)
  exact <- dense(d$y, x, sb, tcrossprod(z) * 0.8^2, 0.7)
  fit <- held(y ~ x + (1 | mm(a, b, weights = cbind(w1, w2))), d, 0.8)
  expect_dense(fit, exact, d)
  expect_true(all(c("sd_mmab__Intercept", "r_mmab[1,Intercept]") %in% parameter_table(fit)$name))
  even <- held(y ~ x + (1 | mm(a, b)), d, 0.8)
  expect_dense(even, dense(d$y, x, sb, tcrossprod(one_hot(d$a) + one_hot(d$b)) * 0.2^2 * 4, 0.7), d)
})

test_that("autoregressions are those of dense algebra, over gaps and by group", {
  cov <- function(t, s, rho) rho^abs(outer(t, s, `-`))
  for (rho in c(0.6, -0.4, 0)) {
    exact <- dense(d$y, x, sb, cov(d$t, d$t, rho) * 0.8^2, 0.7)
    gaps <- d$t != 5
    fit <- held(y ~ x + ar1(t), d, 0.8, list(rho_t = constant(rho)))
    expect_dense(fit, exact, d)
    few <- dense(d$y[gaps], x[gaps, ], sb, cov(d$t, d$t, rho)[gaps, gaps] * 0.8^2, 0.7)
    d2 <- d[gaps, ]
    got <- vb(y ~ 0 + one + x + ar1(t), cbind(d2, one = 1), prior = normal(0, c(one = 3, x = 2)),
              prior_sd = constant(0.8),
              prior_aux = list(sigma = constant(0.7), rho_t = constant(rho)))
    expect_dense(got, few, cbind(d2, one = 1))
  }
  by <- cov(d$t, d$t, 0.6) * outer(d$g, d$g, `==`)
  fit <- held(y ~ x + ar1(t | g), d, 0.8, list(rho_t = constant(0.6)))
  expect_dense(fit, dense(d$y, x, sb, by * 0.8^2, 0.7), d)
  tagged <- held(y ~ x + ar1(0 + t | g), d, 0.8, list(rho_t = constant(0.6)))
  expect_identical(tagged$log_evidence, fit$log_evidence)
  # without correlation the times are independent levels
  plain <- held(y ~ x + (1 | t), d, 0.8)
  expect_equal(held(y ~ x + ar1(t), d, 0.8, list(rho_t = constant(0)))$log_evidence,
               plain$log_evidence, tolerance = 1e-10)
})

# covariance of effects with this precision, orthogonal to what it does not see
generalised <- function(q) {
  e <- eigen(q, symmetric = TRUE)
  keep <- e$values > 1e-9 * max(e$values)
  e$vectors[, keep] %*% (t(e$vectors[, keep]) / e$values[keep])
}

test_that("random walks are those of dense algebra", {
  time <- sort(unique(d$t))
  z <- one_hot(factor(d$t, time))
  d1 <- diff(diag(length(time)))
  exact <- dense(d$y, x, sb, z %*% generalised(crossprod(d1)) %*% t(z) * 0.8^2, 0.7)
  expect_dense(held(y ~ x + rw1(t), d, 0.8), exact, d)
  d2 <- diff(d1)
  slope <- z %*% (time - mean(time))
  exact <- dense(d$y, cbind(x, slope), c(sb, 2),
                 z %*% generalised(crossprod(d2)) %*% t(z) * 0.8^2, 0.7)
  expect_dense(held(y ~ x + rw2(t), d, 0.8), exact, d)
  # a walk seen at other times only is the same walk: one in steps of a half with every second seen
  late <- d[d$t %in% c(1, 2, 4, 7, 8, 12), ]
  seen <- sort(unique(late$t))
  z <- one_hot(factor(late$t, seen))
  path <- outer(seen, seen, pmin)                      # of a walk from 0
  centre <- diag(length(seen)) - 1 / length(seen)
  exact <- dense(late$y, cbind(1, late$x), sb,
                 z %*% centre %*% path %*% centre %*% t(z) * 0.8^2, 0.7)
  got <- vb(y ~ 0 + one + x + rw1(t), cbind(late, one = 1), prior = normal(0, c(one = 3, x = 2)),
            prior_sd = constant(0.8), prior_aux = constant(0.7))
  expect_dense(got, exact, cbind(late, one = 1))
})

map <- function() {
  w <- matrix(0, 9, 9, dimnames = list(1:9, 1:9))
  edge <- rbind(c(1, 2), c(2, 3), c(3, 1), c(3, 4), c(4, 5), c(6, 7), c(7, 8))
  w[rbind(edge, edge[, 2:1])] <- 1
  w
}

test_that("maps are those of dense algebra, with islands", {
  w <- map()
  d$area <- factor(sample(9, n, TRUE), 1:9)
  z <- one_hot(d$area)
  q <- diag(rowSums(w)) - w
  part <- list(1:5, 6:8, 9)
  structured <- matrix(0, 9, 9)
  scaled <- structured
  for (i in part[1:2]) {
    structured[i, i] <- generalised(q[i, i])
    scaled[i, i] <- structured[i, i] / exp(mean(log(diag(structured[i, i]))))
  }
  structured[9, 9] <- scaled[9, 9] <- 1
  exact <- dense(d$y, x, sb, z %*% structured %*% t(z) * 0.8^2, 0.7)
  fit <- held(y ~ x + car(W, gr = area, type = "icar"), d, 0.8, data2 = list(W = w))
  expect_dense(fit, exact, d)
  for (rho in c(0.3, 0.9)) {
    k <- rho * scaled + (1 - rho) * diag(9)
    exact <- dense(d$y, x, sb, z %*% k %*% t(z) * 0.8^2, 0.7)
    fit <- held(y ~ x + car(w, gr = area, type = "bym2"), d, 0.8, list(rhocar = constant(rho)))
    expect_dense(fit, exact, d)
  }
  w[9, 1] <- w[1, 9] <- 1
  k <- solve(diag(rowSums(w)) - 0.6 * w)
  exact <- dense(d$y, x, sb, z %*% k %*% t(z) * 0.8^2, 0.7)
  expect_dense(held(y ~ x + car(w, gr = area), d, 0.8, list(car = constant(0.6))), exact, d)
})

test_that("smooths are those of dense algebra, and brms's in name", {
  skip_if_not_installed("mgcv")
  smooth <- mgcv::smoothCon(mgcv::s(t, k = 6), d, absorb.cons = TRUE, diagonal.penalty = TRUE)[[1]]
  mixed <- mgcv::smooth2random(smooth, "t", type = 2)
  exact <- dense(d$y, cbind(x, mixed$Xf), c(sb, 2), tcrossprod(mixed$rand[[1]]) * 0.8^2, 0.7)
  fit <- held(y ~ x + s(t, k = 6), d, 0.8)
  expect_dense(fit, exact, d)
  name <- rownames(posterior_summary(fit))
  expect_true(all(c("bs_st_1", "sds_st_1", "s_st_1[4]") %in% name))
  # new data in other rows, one of them missing
  new <- data.frame(t = c(2.5, NA, 7), x = 0)
  expect_identical(is.na(unname(predict(fit, new))), c(FALSE, TRUE, FALSE))
  expect_equal(predict(fit, d[7:9, ]), predict(fit)[7:9])
})

test_that("a smooth without a penalty is a regression on its columns", {
  skip_if_not_installed("mgcv")
  smooth <- mgcv::smoothCon(mgcv::s(t, k = 5, fx = TRUE), d, absorb.cons = TRUE)[[1]]
  fit <- vb(y ~ s(t, k = 5, fx = TRUE), d)
  theirs <- lm(d$y ~ smooth$X)
  expect_equal(unname(fitted(fit)), unname(fitted(theirs)), tolerance = 0.02)
  expect_length(fit$fields[[1]]$blocks, 0L)
})

test_that("Gaussian processes are those of dense algebra in their basis, and near the exact ones", {
  close <- d[order(d$w1), ]
  cov <- function(l, kind) {
    r <- abs(outer(close$w1, close$w1, `-`)) / diff(range(close$w1)) / l
    switch(kind, exp_quad = exp(-r^2 / 2), matern32 = (1 + sqrt(3) * r) * exp(-sqrt(3) * r),
           matern52 = (1 + sqrt(5) * r + 5 * r^2 / 3) * exp(-sqrt(5) * r))
  }
  for (kind in names(gp_covariances)) {
    fit <- held(bquote(y ~ x + gp(w1, k = 60, c = 2.5, cov = .(kind))), close, 0.8,
                list(lscale_gpw1 = constant(0.35)))
    spectrum <- fit$design$x[, -(1:2)] %*% (diag(60) * drop(1 / gp_precision(fit))) %*%
      t(fit$design$x[, -(1:2)])
    exact <- dense(close$y, cbind(1, close$x), sb, spectrum, 0.7)
    expect_dense(fit, exact, close)
    expect_lt(max(abs(spectrum - cov(0.35, kind) * 0.8^2)), if (kind == "matern32") 0.02 else 0.005)
  }
  plane <- held(y ~ x + gp(w1, w2, k = 14, c = 4), close, 0.8, list(lscale_gpw1w2 = constant(0.5)))
  unit <- max(dist(close[c("w1", "w2")]))
  r <- as.matrix(dist(close[c("w1", "w2")])) / unit / 0.5
  spectrum <- plane$design$x[, -(1:2)] %*% (diag(196) / gp_precision(plane)) %*%
    t(plane$design$x[, -(1:2)])
  expect_lt(max(abs(spectrum - exp(-r^2 / 2) * 0.8^2)), 0.02)
})

test_that("options of a process are those given, and defaults else", {
  read <- function(call) read_gp(call, globalenv(), NULL)[c("k", "c", "precision")]
  expect_identical(read(quote(gp(x, cov = "matern52"))),
                   list(k = 15, c = 1.25, precision = "gp_matern52"))
  expect_identical(read(quote(gp(x, k = 8, c = 2))), list(k = 8, c = 2, precision = "gp_exp_quad"))
})

test_that("the default prior of a length scale leaves a percent to either side", {
  prior <- lscale_prior(c(0.02, 1))
  below <- function(x) stats::pgamma(1 / x, prior$shape, prior$rate, lower.tail = FALSE)
  expect_equal(below(c(0.02, 1)), c(0.01, 0.99), tolerance = 1e-6)
})

test_that("bad structured terms are told, with the fix", {
  w <- map()
  d$area <- factor(sample(9, n, TRUE), 1:9)
  a <- diag(8)
  says <- function(formula, what, ...) {
    expect_error(vb(formula, d, ...), what, class = "vb_error_formula")
  }
  says(y ~ (1 | gr(a, cov = a)), "levels as their names")
  dimnames(a) <- list(1:8, 1:8)
  says(y ~ (1 | gr(a)), "one of")
  says(y ~ (x | gr(a, cov = a)), "One coefficient")
  says(y ~ (1 | gr(a, cov = a[-1, -1])), "has not")
  bad <- a
  bad[1, 2] <- 0.4
  says(y ~ (1 | gr(a, cov = bad)), "not symmetric")
  bad[2, 1] <- 0.4
  bad[1, 1] <- 0.1
  says(y ~ (1 | gr(a, cov = bad)), "positive definite")
  says(y ~ (1 | gr(a, cov = nowhere)), "data2")
  says(y ~ car(w, gr = area), "without neighbours")
  says(y ~ car(w, gr = a, type = "sar"), "type")
  says(y ~ car(w + 2, gr = area), "1 for neighbours")
  says(y ~ car(w[-1, -1], gr = area, type = "icar"), "has not")
  says(y ~ ar1(x), "whole numbers")
  d$id <- factor(seq_len(n))
  says(y ~ rw2(t | id), "are the least")
  says(y ~ ar1(g2 | a), "not found")
  says(y ~ (1 | mm(a)), "two grouping")
  says(y ~ s(x, k = 100), "fewer basis")
  says(y ~ gp(x, k = 0), "whole number")
  says(y ~ gp(g), "must be numbers")
  says(y ~ x * s(t), "only be added")
  says(y ~ x - s(t), "cannot be subtracted")
  for (approximation in c("joint", "partial", "meanfield")) {
    says(y ~ s(t), "not supported yet", approximation = approximation)
  }
  says(y ~ s(t), "not supported yet", algorithm = "advi")
  expect_error(vb(y ~ x, d, data2 = 3), "list", class = "vb_error_data2")
  fit <- vb(y ~ ar1(t), d)
  expect_error(predict(fit, data.frame(t = 40.5)), "whole numbers apart",
               class = "vb_error_newdata")
})

test_that("what is asked of a fit works with structured terms", {
  d$yes <- as.integer(d$y > 0)
  fit <- vb(yes ~ s(t, k = 5) + x + (1 | g), d, family = binomial())
  path <- tempfile(fileext = ".rds")
  saveRDS(fit, path)
  expect_identical(predict(readRDS(path), d), predict(fit, d))
  expect_equal(predict(update(fit, . ~ . - x), d[1:3, ]),
               predict(vb(yes ~ s(t, k = 5) + (1 | g), d, family = binomial()), d[1:3, ]))
  expect_named(fixef(fit), c("(Intercept)", "x", "st_1"))
  expect_identical(dim(vcov(fit)), c(3L, 3L))
  expect_identical(rownames(confint(fit)), names(fixef(fit)))
  expect_identical(dim(posterior_epred(fit, ndraws = 7)), c(7L, 60L))
  table <- posterior_summary(fit)
  draws <- as.matrix(fit, ndraws = 4000)
  expect_identical(colnames(draws), rownames(table))
  expect_lt(max(abs(colMeans(draws) - table[, 1]) / table[, 2]), 0.15)
  effect <- conditional_effects(fit)
  expect_named(effect, c("x", "t"))
  smooth <- conditional_smooths(fit, resolution = 12)
  frame <- smooth[["s(t)"]]
  expect_identical(nrow(frame), 12L)
  # the smooth is what the predictor has of it
  at <- data.frame(t = frame$t, x = 0)
  rest <- predict(fit, at, re.form = NA) - fixef(fit)[["(Intercept)"]]
  expect_equal(unname(rest), frame$estimate__, tolerance = 1e-8)
  shown <- paste(capture.output(print(summary(fit))), collapse = " ")
  expect_match(shown, "degrees of freedom: s(t)", fixed = TRUE)
  expect_identical(dim(log_lik(fit, ndraws = 3)), c(3L, 60L))
  plotted <- plot(fit, type = "density", variable = c("sds_st_1", "s_st_1[1]"))
  expect_s3_class(plotted, "data.frame")
  damaged <- fit
  damaged$fields[[1]]$blocks[[1]]$coef <- "one"
  expect_error(predict(damaged), class = "vb_error_fit")
  damaged <- fit
  damaged$design$fields[[1]]$at <- 1
  expect_error(predict(damaged), class = "vb_error_fit")
})

test_that("priors of structured terms are stated by name, and as in brms", {
  fit <- vb(y ~ s(t, k = 5) + ar1(w), transform(d, w = as.integer(g)),
            prior_sd = list(st = normal(0, 3), w = exponential(1)),
            prior_aux = list(rho_w = normal(0, 0.5)))
  shown <- prior_summary(fit)
  of <- function(part, name) part$prior[part$parameter == name]
  expect_identical(of(shown$prior_sd, "sds_st_1"), "normal(0, 3)")
  expect_identical(of(shown$prior_aux, "rho_w"), "normal(0, 0.5)")
  expect_identical(of(shown$prior, "st_1"), "flat()")
  brms <- data.frame(prior = c("normal(0, 4)", "exponential(2)", "uniform(-1, 1)"),
                     class = c("b", "sds", "rho"), coef = c("st_1", "", ""))
  fit <- vb(y ~ s(t, k = 5) + ar1(w), transform(d, w = as.integer(g)), prior = brms)
  shown <- prior_summary(fit)
  expect_identical(of(shown$prior, "st_1"), "normal(0, 4)")
  expect_identical(of(shown$prior_sd, "sds_st_1"), "exponential(2)")
  expect_identical(of(shown$prior_aux, "rho_w"), "flat()")
})

test_that("smooths are near those of restricted maximum likelihood", {
  skip_if_not_installed("MASS")
  skip_if_not_installed("mgcv")
  fit <- vb(accel ~ s(times), MASS::mcycle, prior_sd = flat(), prior_aux = flat())
  gam <- mgcv::gam(accel ~ s(times), data = MASS::mcycle, method = "REML")
  theirs <- predict(gam, se.fit = TRUE)
  expect_lt(mean(abs(predict(fit) - theirs$fit) / theirs$se.fit), 0.15)
})

# Two values of theta far apart had the same foretold density, and the farther one none at all.
test_that("a series of binary rows, which say next to nothing, is fitted", {
  set.seed(7)
  few <- data.frame(g = gl(10, 15), t = rep(1:15, 10))
  few$y <- rbinom(150, 1, plogis(rnorm(10)[few$g]))
  fit <- vb(y ~ ar1(t | g), few, family = binomial())
  expect_true(fit$converged)
  table <- posterior_summary(fit, variable = c("sdar1_t", "rho_t"))
  expect_true(all(table[, 2] > 0.02 & table[, 2] < 10))
})

test_that("a series that residuals of any size may be without is quadrature's", {
  # the posterior has a plateau down to a residual sd of zero, where sums have no digits left
  y <- as.vector(Nile)[1:40] / 100
  fit <- vb(y ~ ar1(t), data.frame(y, t = 1:40), prior_intercept = normal(10, 5),
            prior_sd = exponential(0.5), prior_aux = list(sigma = exponential(0.5)))
  gap <- abs(outer(1:40, 1:40, "-"))
  at <- expand.grid(sd = seq(-4, 2.6, length.out = 24), sigma = seq(-7, 1.6, length.out = 24),
                    rho = seq(-0.98, 0.98, length.out = 30))
  log_joint <- mapply(function(sd, sigma, rho) {
    root <- chol(exp(2 * sd) * rho^gap + diag(exp(2 * sigma), 40) + 25)
    e <- backsolve(root, y - 10, transpose = TRUE)
    -sum(log(diag(root))) - sum(e^2) / 2 - 0.5 * (exp(sd) + exp(sigma)) + sd + sigma
  }, at$sd, at$sigma, at$rho)
  w <- exp(log_joint - max(log_joint))
  w <- w / sum(w)
  exact <- cbind(sdar1_t = exp(at$sd), rho_t = at$rho, sigma = exp(at$sigma))
  mean <- colSums(w * exact)
  sd <- sqrt(colSums(w * exact^2) - mean^2)
  s <- posterior_summary(fit, variable = colnames(exact))
  expect_true(fit$converged)
  expect_lt(max(abs(s[, "Estimate"] - mean) / sd), 0.1)
  expect_lt(max(abs(log(s[, "Est.Error"] / sd))), 0.08)
})
