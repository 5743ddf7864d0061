# Structured terms against the packages whose models they are: at the same hyperparameters, with
# flat priors on the rest, a gaussian fit is the peer's to rounding.

# hyperparameters held; log_evidence is then the restricted likelihood, up to a constant
at <- function(formula, data, sd, aux = NULL, family = gaussian()) {
  vb(formula, data, family = family, prior = flat(), prior_intercept = flat(), prior_sd = sd,
     prior_aux = aux)
}

series <- local({
  set.seed(11)
  d <- data.frame(g = gl(15, 12), t = rep(1:12, 15), h = factor(rep(1:4, 45)),
                  x = round(rnorm(180), 3))
  path <- replicate(15, as.vector(arima.sim(list(ar = 0.7), 12, sd = 0.8 * sqrt(1 - 0.49))))
  d$y <- 1 + 0.5 * d$x + as.vector(path) + rnorm(15, 0, 0.6)[d$g] + rnorm(180, 0, 0.4) +
    rnorm(60, 0, 0.5)[interaction(d$g, d$h)]
  d
})

test_that("an autoregression by group is glmmTMB's", {
  suppressWarnings(skip_if_not_installed("glmmTMB"))   # of versions, as it loads
  theirs <- suppressWarnings(
    glmmTMB::glmmTMB(y ~ x + ar1(0 + factor(t) | g), series, REML = TRUE)
  )
  cov <- glmmTMB::VarCorr(theirs)$cond$g
  fit <- at(y ~ x + ar1(t | g), series, constant(attr(cov, "stddev")[[1]]),
            list(rho_t = constant(attr(cov, "correlation")[1, 2]),
                 sigma = constant(stats::sigma(theirs))))
  expect_equal(unname(predict(fit)), unname(predict(theirs)), tolerance = 1e-8)
  expect_equal(fixef(fit), glmmTMB::fixef(theirs)$cond, tolerance = 1e-8)
  expect_equal(fit$log_evidence, as.numeric(stats::logLik(theirs)), tolerance = 1e-8)
})

test_that("an autoregression with white noise is nlme's exponential correlation with a nugget", {
  skip_if_not_installed("nlme")
  theirs <- nlme::gls(y ~ x, series, method = "REML",
                      correlation = nlme::corExp(c(2, 0.2), form = ~ t | g, nugget = TRUE))
  cor <- unname(stats::coef(theirs$modelStruct$corStruct, unconstrained = FALSE))
  total <- stats::sigma(theirs)
  fit <- at(y ~ x + ar1(t | g), series, constant(total * sqrt(1 - cor[2])),
            list(rho_t = constant(exp(-1 / cor[1])), sigma = constant(total * sqrt(cor[2]))))
  expect_equal(fixef(fit), stats::coef(theirs), tolerance = 1e-8)
  expect_equal(vcov(fit), stats::vcov(theirs), tolerance = 1e-8, ignore_attr = TRUE)
  expect_equal(fit$log_evidence, as.numeric(stats::logLik(theirs)), tolerance = 1e-8)
})

test_that("without white noise it is nlme's corAR1 beside a random intercept", {
  skip_if_not_installed("nlme")
  theirs <- nlme::lme(y ~ x, random = ~ 1 | g, series,
                      correlation = nlme::corAR1(form = ~ t | g))
  sd <- list(g = constant(as.numeric(nlme::VarCorr(theirs)["(Intercept)", "StdDev"])),
             t = constant(stats::sigma(theirs)))
  rho <- unname(stats::coef(theirs$modelStruct$corStruct, unconstrained = FALSE))
  fit <- at(y ~ x + (1 | g) + ar1(t | g), series, sd,
            list(rho_t = constant(rho), sigma = constant(1e-3 * stats::sigma(theirs))))
  expect_equal(fixef(fit), nlme::fixef(theirs), tolerance = 1e-6)
  expect_equal(ranef(fit)$g[, 1], nlme::ranef(theirs)[levels(series$g), 1], tolerance = 1e-5)
  expect_equal(fit$log_evidence, as.numeric(stats::logLik(theirs)), tolerance = 1e-6)
})

test_that("nested groups are lme4's, known to be independent or not", {
  skip_if_not_installed("lme4")
  theirs <- lme4::lmer(y ~ x + (1 | g / h), series)
  cov <- as.data.frame(lme4::VarCorr(theirs))
  sd <- stats::setNames(lapply(cov$sdcor, constant), cov$grp)
  series$gh <- interaction(series$g, series$h)
  unit <- diag(nlevels(series$gh))
  dimnames(unit) <- list(levels(series$gh), levels(series$gh))
  plain <- at(y ~ x + (1 | g / h), series, list(g = sd[["g"]], `g:h` = sd[["h:g"]]),
              constant(stats::sigma(theirs)))
  known <- at(y ~ x + (1 | g) + (1 | gr(gh, cov = unit)), series,
              list(g = sd[["g"]], gh = sd[["h:g"]]), constant(stats::sigma(theirs)))
  for (fit in list(plain, known)) {
    expect_equal(predict(fit), predict(theirs), tolerance = 1e-8, ignore_attr = "names")
    expect_equal(fit$log_evidence, as.numeric(stats::logLik(theirs)), tolerance = 1e-8)
  }
})

# the precision of a cubic smoothing spline at its knots (Reinsch): the integral of its squared
# second derivative is f'Kf
spline_precision <- function(x) {
  n <- length(x)
  h <- diff(x)
  q <- matrix(0, n, n - 2)
  r <- matrix(0, n - 2, n - 2)
  for (j in seq_len(n - 2)) {
    q[j + 0:2, j] <- c(1 / h[j], -1 / h[j] - 1 / h[j + 1], 1 / h[j + 1])
    r[j, j] <- (h[j] + h[j + 1]) / 3
    if (j < n - 2) r[j, j + 1] <- r[j + 1, j] <- h[j + 1] / 6
  }
  q %*% solve(r, t(q))
}

test_that("a cubic regression spline with all knots is a smoothing spline", {
  skip_if_not_installed("mgcv")
  set.seed(12)
  d <- data.frame(x = seq(0, 1, length.out = 40) + runif(40, 0, 0.01))
  d$y <- sin(6 * d$x) + rnorm(40, 0, 0.3)
  penalty <- spline_precision(d$x)
  for (lambda in c(1e-6, 1e-3)) {
    unit <- mgcv::smoothCon(mgcv::s(x, bs = "cr", k = 40), d, absorb.cons = TRUE)[[1]]$S.scale
    fit <- at(y ~ s(x, bs = "cr", k = 40), d, constant(0.3 / sqrt(lambda * unit)), constant(0.3))
    expect_equal(unname(predict(fit)), drop(solve(diag(40) + lambda * penalty, d$y)),
                 tolerance = 1e-7)
  }
})

# A second-order walk is a discretised integrated Wiener process: it nears the smoothing spline with
# the square of the distance between times, and without innovations it is a straight line.
test_that("second-order walks near cubic smoothing splines, and end in a line", {
  away <- vapply(c(30, 60, 120), function(n) {
    d <- data.frame(t = seq(0, 1, length.out = n))
    d$y <- sin(6 * d$t) + 0.3 * sin(40 * d$t)
    lambda <- 1e-5 * (n - 1)
    spline <- solve(diag(n) + lambda * spline_precision(d$t), d$y)
    max(abs(predict(at(y ~ rw2(t), d, constant(0.3 / sqrt(lambda)), constant(0.3))) - spline))
  }, 0)
  expect_lt(away[3], 5e-4)
  expect_gt(min(away[1:2] / away[2:3]), 3.5)
  d <- data.frame(t = c(1, 2, 4, 7, 8, 11), y = c(0.2, 1, -1, 3, 2, 2.5))
  line <- at(y ~ rw2(t), d, constant(1e-6), constant(0.3))
  expect_equal(unname(predict(line)), unname(stats::fitted(stats::lm(y ~ t, d))), tolerance = 1e-7)
})

# gam() at its own smoothing parameters: penalty sp b'Sb / scale is our 1 / sd^2
at_theirs <- function(formula, data, gam, times = 1) {
  name <- lapply(gam$smooth, function(s) {
    paste0("sds_", plain_label(s$label), "_", seq_along(s$S))
  })
  sd <- stats::setNames(lapply(times * sqrt(gam$scale / gam$sp), constant), unlist(name))
  gaussian <- gam$family$family == "gaussian"
  at(formula, data, sd, if (gaussian) constant(sqrt(gam$scale)), gam$family)
}

their_edf <- function(gam) {
  vapply(gam$smooth, function(s) sum(gam$edf[s$first.para:s$last.para]), 0)
}

mean_distance <- function(fit, theirs) {
  mean(abs(predict(fit, type = "link") - theirs$fit) / theirs$se.fit)
}

# The restricted likelihood is our evidence, so that its maximum is the mode of theta under flat
# priors of the sds. There the effective degrees of freedom are theirs; averaged over theta the
# curves are still near.
test_that("smooths are gam's: at its smoothing parameters, and the evidence is its REML score", {
  skip_if_not_installed("mgcv")
  skip_if_not_installed("MASS")
  set.seed(2)
  capture.output(four <- mgcv::gamSim(1, 400, scale = 2, verbose = FALSE))
  cases <- list(list(accel ~ s(times), MASS::mcycle),
                list(y ~ s(x0) + s(x1) + s(x2) + s(x3), four),
                list(y ~ t2(x1, x2, k = 5), four))
  for (case in cases) {
    gam <- mgcv::gam(case[[1]], data = case[[2]], method = "REML")
    theirs <- predict(gam, se.fit = TRUE)
    fit <- at_theirs(case[[1]], case[[2]], gam)
    expect_equal(unname(predict(fit)), unname(as.vector(theirs$fit)), tolerance = 1e-8)
    expect_equal(unname(field_edf(fit)), their_edf(gam), tolerance = 1e-6)
    moved <- at_theirs(case[[1]], case[[2]], gam, 1.3)
    score <- mgcv::gam(case[[1]], data = case[[2]], method = "REML", sp = gam$sp / 1.3^2,
                       scale = gam$scale)$gcv.ubre
    expect_equal(moved$log_evidence - fit$log_evidence, as.numeric(gam$gcv.ubre - score),
                 tolerance = 1e-5)
    free <- at(case[[1]], case[[2]], flat(), flat())
    expect_lt(mean_distance(free, theirs), 0.15)
  }
})

test_that("smooths of every kind are gam's at its smoothing parameters", {
  skip_if_not_installed("mgcv")
  set.seed(4)
  d <- data.frame(x = runif(150), z = runif(150), v = rnorm(150), g = gl(3, 50))
  d$place <- matrix(rep(1:9, each = 150), 150)
  d$curve <- matrix(rnorm(1350), 150)
  d$y <- sin(6 * d$x) + d$z^2 * d$x + d$v * cos(3 * d$x) + as.integer(d$g) / 4 +
    drop(d$curve %*% sin(1:9 / 2)) / 3 + rnorm(150, 0, 0.4)
  for (formula in list(y ~ s(x, by = v), y ~ s(x, by = g, k = 5), y ~ s(x, bs = "cc"),
                       y ~ s(x, bs = "ps"), y ~ s(x, g, bs = "fs", k = 4), y ~ s(g, bs = "re"),
                       y ~ s(x, z, k = 12), y ~ t2(x, z, by = v, k = 4),
                       y ~ s(place, by = curve, k = 5))) {
    gam <- mgcv::gam(formula, data = d, method = "REML")
    theirs <- predict(gam, se.fit = TRUE)
    ours <- suppressMessages(predict(at_theirs(formula, d, gam), se.fit = TRUE))
    expect_equal(unname(ours$fit), unname(as.vector(theirs$fit)), tolerance = 1e-7)
    expect_equal(unname(ours$se.fit), unname(as.vector(theirs$se.fit)), tolerance = 1e-7)
  }
  for (formula in list(y ~ s(x, sp = 0.1), y ~ s(x, id = 1), y ~ s(x, bs = "ad"))) {
    expect_error(vb(formula, d), class = "vb_error_formula")
  }
})

# Of binary rows gam() reports the mode of the coefficients, and ours is their mean, which lies
# farther from zero: importance sampling around the mode says by how much.
test_that("binary smooths are gam's, but for mean and mode of the coefficients", {
  skip_if_not_installed("mgcv")
  set.seed(3)
  d <- data.frame(x = runif(300))
  d$y <- rbinom(300, 1, plogis(2 * sin(6 * d$x)))
  gam <- mgcv::gam(y ~ s(x), data = d, family = binomial(), method = "REML")
  theirs <- predict(gam, se.fit = TRUE)
  fit <- at_theirs(y ~ s(x), d, gam)
  expect_equal(unname(field_edf(fit)), their_edf(gam), tolerance = 0.05)
  expect_lt(mean_distance(fit, theirs), 0.15)
  mode <- coef(gam)
  root <- chol(gam$Vp)
  p <- length(mode)
  z <- matrix(rnorm(p * 2e4), p) / rep(sqrt(rchisq(2e4, 8) / 8), each = p)
  b <- mode + crossprod(root, z)
  eta <- predict(gam, type = "lpmatrix") %*% b
  smooth <- gam$smooth[[1]]
  wiggle <- b[smooth$first.para:smooth$last.para, ]
  log_target <- colSums(d$y * eta - log1p(exp(eta))) -
    gam$sp * colSums(wiggle * (smooth$S[[1]] %*% wiggle)) / 2
  log_weight <- log_target + (8 + p) / 2 * log1p(colSums(z^2) / 8)
  weight <- exp(log_weight - max(log_weight))
  centre <- drop(eta %*% weight) / sum(weight)
  theirs$fit <- centre
  expect_lt(mean_distance(fit, theirs), 0.03)
  free <- at(y ~ s(x), d, flat(), family = binomial())
  theirs <- predict(gam, se.fit = TRUE)
  expect_lt(mean_distance(free, theirs), 0.15)
})
