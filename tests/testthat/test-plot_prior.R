both <- function(...) {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  out <- plot(..., type = "prior")
  split(out, factor(out$variable, levels = unique(out$variable)))
}

student <- function(x, df, location, scale) dt((x - location) / scale, df) / scale

test_that("priors are those of prior_summary() as R's densities have them", {
  got <- both(fit_of("slope"))
  prior <- prior_summary(fit_of("slope"))
  expect_named(got, c("b_Intercept", "b_Days", "sd_Subject__Intercept", "sd_Subject__Days",
                      "cor_Subject__Intercept__Days", "sigma"))
  at <- got$b_Days
  expect_equal(at$prior, dnorm(at$x, prior$prior$arg1, prior$prior$arg2))
  at <- got$b_Intercept
  own <- prior$prior_intercept
  expect_equal(at$prior, student(at$x, own$arg1, own$arg2, own$arg3))
  at <- got$sd_Subject__Days
  own <- prior$prior_sd[2L, ]
  expect_equal(at$prior, 2 * student(at$x, own$arg1, 0, own$arg3))
  at <- got$cor_Subject__Intercept__Days
  expect_equal(at$prior, rep(0.5, nrow(at)))
  at <- got$sigma
  expect_equal(at$prior, 2 * student(at$x, 3, 0, prior$prior_aux$arg3))
})

test_that("every distribution that can be on a positive parameter is cut at zero", {
  priors <- list(
    "normal(2, 3)" = function(x) dnorm(x, 2, 3) / pnorm(2 / 3),
    "student_t(4, 1, 2)" = function(x) student(x, 4, 1, 2) / pt(0.5, 4),
    "cauchy(0, 2)" = function(x) 2 * dcauchy(x, 0, 2),
    "exponential(0.5)" = function(x) dexp(x, 0.5),
    "pc(3, 0.05)" = function(x) dexp(x, -log(0.05) / 3)
  )
  for (text in names(priors)) {
    fit <- vb(dist ~ speed, cars, prior_aux = eval(str2lang(text)))
    got <- both(fit, variable = "sigma")$sigma
    expect_equal(got$prior, priors[[text]](got$x), tolerance = 1e-8, info = text)
  }
  fit <- vb(breaks ~ wool, warpbreaks, family = negbinomial(), prior = laplace(0, 2))
  got <- both(fit)
  expect_equal(got$b_woolB$prior, exp(-abs(got$b_woolB$x) / 2) / 4)
  expect_equal(got$shape$prior, dexp(got$shape$x))
})

test_that("a prior that the data say nothing against is the posterior, where it acts", {
  # so tight that the data do not count: both curves are the prior's, at the column means
  fit <- vb(dist ~ speed, cars, prior_intercept = normal(40, 0.01), prior = normal(3, 0.01),
            prior_aux = normal(15, 0.001))
  for (curve in both(fit)) {
    expect_lt(max(abs(curve$posterior - curve$prior)) / max(curve$prior), 0.05)
  }
  fit <- vb(Reaction ~ Days + (Days | Subject), sleepstudy, prior_sd = normal(5, 0.01))
  for (curve in both(fit, variable = "^sd_", regex = TRUE)) {
    expect_lt(max(abs(curve$posterior - curve$prior)) / max(curve$prior), 0.05)
  }
  ordered <- transform(warpbreaks, many = factor(breaks > 25, ordered = TRUE))
  fit <- vb(many ~ wool, ordered, family = cumulative(), prior_intercept = normal(0.3, 0.01))
  curve <- both(fit, variable = "b_Intercept[1]")[[1L]]
  expect_lt(max(abs(curve$posterior - curve$prior)) / max(curve$prior), 0.05)
})

test_that("a correlation's prior is the margin of LKJ", {
  r <- c(-0.6, 0, 0.3)
  expect_equal(lkj_margin(2.5, 2)$at(r),
               (1 - r^2)^1.5 / integrate(function(r) (1 - r^2)^1.5, -1, 1)$value, tolerance = 1e-6)
  # three coefficients: |R|^(eta - 1) summed over the other two
  grid <- seq(-0.99, 0.99, by = 0.02)
  over <- expand.grid(b = grid, c = grid)
  margin <- function(a) {
    det <- 1 - a^2 - over$b^2 - over$c^2 + 2 * a * over$b * over$c
    sum(pmax(det, 0)^1)
  }
  all <- vapply(grid, margin, 0)
  expect_equal(lkj_margin(2, 3)$at(r), vapply(r, margin, 0) / (sum(all) * 0.02), tolerance = 1e-3)
})

test_that("thresholds have the priors of ordered values", {
  set.seed(1)
  sorted <- apply(matrix(1 + 2 * rt(3e5, 5), 3), 2, sort)
  x <- c(-3, 0, 1, 4)
  for (k in 1:3) {
    one <- ordered_prior(cut_prior("student_t", c(5, 1, 2), c(-Inf, Inf)), k, 3)
    below <- vapply(x, function(q) integrate(function(t) one$at(sort(t))[rank(t)], -200, q,
                                             subdivisions = 1000L, rel.tol = 1e-5)$value, 0)
    expect_lt(max(abs(below - ecdf(sorted[k, ])(x))), 0.01)
  }
})

test_that("the prior of ordered values is found where it is narrow and far from zero", {
  for (scale in c(1e-8, 1e-3, 1e7)) {
    one <- ordered_prior(cut_prior("normal", c(5, scale), c(-Inf, Inf)), 2, 3)
    z <- seq(-3, 3, by = 0.5)
    # the middle one of three: density 6 F (1 - F) f
    expect_equal(one$at(5 + scale * z) * scale, 6 * pnorm(z) * pnorm(-z) * dnorm(z),
                 tolerance = 1e-5, info = format(scale))
    # where the density is a tenth of the largest: 2.146 standard deviations away
    expect_equal((one$central - 5) / scale, c(-1, 1) * sqrt(2 * log(10)), tolerance = 0.1)
  }
})

test_that("what has no proper prior of closed form is left out", {
  fit <- vb(dist ~ speed, cars, prior = NULL, prior_aux = constant(15))
  expect_named(both(fit), "b_Intercept")
  expect_error(both(fit, variable = c("b_speed", "sigma")), class = "vb_error_variable")
  set.seed(3)
  data <- data.frame(matrix(rnorm(60 * 3), 60))
  data$y <- data$X1 + rnorm(60)
  expect_named(both(vb(y ~ ., data, prior = horseshoe())), c("b_Intercept", "sigma", "hs_slab"))
  fit <- vb(y ~ ., data, prior = horseshoe(autoscale = FALSE, scale_slab = 3))
  got <- both(fit)
  expect_equal(got$hs_global$prior, 2 * dcauchy(got$hs_global$x))
  x <- got$hs_slab$x
  expect_equal(got$hs_slab$prior[x > 0],              # x^2 / 9 ~ inverse gamma(2, 2)
               (dgamma(9 / x^2, 2, 2) * 18 / x^3)[x > 0])
})

test_that("a bounded parameter's prior is cut to its range", {
  unit <- c(0, 1)
  flat <- cut_prior("flat", c(0, 0, 0), unit)
  expect_equal(flat$at(c(-0.1, 0.2, 0.9, 1.1)), c(0, 1, 1, 0))
  normal <- cut_prior("normal", c(0.5, 0.4, 0), unit)
  expect_equal(normal$at(0.3), dnorm(0.3, 0.5, 0.4) / diff(pnorm(unit, 0.5, 0.4)))
  expect_null(cut_prior("flat", c(0, 0, 0), c(0, Inf)))
})

test_that("the intercept is the one at the column means", {
  fits <- list(fit_of("slope"), fit_of("binomial"), fit_of("line"),
               vb(Reaction ~ Days + (Days | Subject), sleepstudy, algorithm = "advi"))
  for (fit in fits) {
    at <- c(1, fit$fixed$center[-1L])
    curve <- both(fit, variable = "b_Intercept")[[1L]]
    weight <- curve$posterior / sum(curve$posterior)
    mean <- sum(weight * curve$x)
    sd <- sqrt(drop(t(at) %*% vcov(fit) %*% at))
    expect_lt(abs(mean - sum(at * fixef(fit))) / sd, 0.02)
    expect_equal(sqrt(sum(weight * (curve$x - mean)^2)), sd, tolerance = 0.02)
  }
})

test_that("densities without end, and wide or far priors, are drawn", {
  fit <- vb(breaks ~ wool + (wool | tension), warpbreaks, prior_cor = lkj(0.1))
  expect_no_warning(drawn <- plot(fit, "prior"))
  expect_true(any(is.infinite(drawn$prior)))
  d <- data.frame(y = factor(rep(c("a", "b", "c"), 8), ordered = TRUE), x = sin(1:24))
  for (prior in list(normal(0, 1e8), cauchy(0, 1e-3), student_t(1.1, 50, 2))) {
    ordinal <- vb(y ~ x, d, family = cumulative(), prior_intercept = prior)
    drawn <- plot(ordinal, "prior", regex = "Intercept")
    expect_false(anyNA(drawn$prior))
  }
})

test_that("the distribution function of a prior is that of R", {
  x <- c(-1e9, -30, -2, -0.1, 0, 0.4, 3, 100, 1e7)
  one <- function(at) {
    list(at = at, central = central_range(function(x) log(at(x)), c(-Inf, Inf)))
  }
  expect_equal(distribution(one(dcauchy), x), pcauchy(x), tolerance = 1e-6)
  far <- function(x) dt((x - 50) / 2, 3) / 2
  expect_equal(distribution(one(far), x), pt((x - 50) / 2, 3), tolerance = 1e-6)
  expect_equal(distribution(one(function(x) dnorm(x, 0, 1e8)), x), pnorm(x, 0, 1e8),
               tolerance = 1e-6)
})
