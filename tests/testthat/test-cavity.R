skip_if_not_installed("loo")

cavity <- function(fit, ...) loo::loo(fit, method = "cavity", ...)
elpd_of <- function(x) unname(x$pointwise[, "elpd_loo"])

test_that("with everything conjugate it is the formula", {
  fit <- fit_of("known")                                    # flat priors, sigma = 15
  x <- cbind(1, cars$speed)
  hat <- diag(x %*% solve(crossprod(x), t(x)))
  residual <- residuals(lm(dist ~ speed, cars))
  want <- dnorm(residual / (1 - hat), 0, 15 / sqrt(1 - hat), log = TRUE)
  expect_equal(elpd_of(cavity(fit)), unname(want), tolerance = 1e-8)
  inside <- dnorm(residual, 0, 15 * sqrt(1 + hat), log = TRUE)
  expect_equal(unname(cavity(fit)$pointwise[, "p_loo"]), unname(inside - want), tolerance = 1e-7)
})

test_that("an unknown residual scale is integrated over with weights that leave the row out", {
  fit <- vb(dist ~ speed, cars, prior = normal(4, 1), prior_intercept = normal(40, 10),
            prior_aux = exponential(0.1))
  x <- cbind(1, cars$speed - mean(cars$speed))
  log_evidence <- function(keep) {
    one <- function(s) {
      k <- length(keep)
      v <- s^2 * diag(k) + x[keep, ] %*% (c(100, 1) * t(x[keep, ]))
      r <- cars$dist[keep] - x[keep, ] %*% c(40, 4)
      -(k * log(2 * pi) + determinant(v)$modulus + sum(r * solve(v, r))) / 2
    }
    f <- function(s) vapply(s, function(s) exp(one(s) + 210 + dexp(s, 0.1, log = TRUE)), 0)
    log(integrate(f, 8, 30, rel.tol = 1e-8)$value)
  }
  rows <- c(1, 23, 49)                                       # 49 is the outlier
  want <- log_evidence(1:50) - vapply(rows, function(i) log_evidence(setdiff(1:50, i)), 0)
  expect_equal(elpd_of(cavity(fit))[rows], want, tolerance = 1e-3)
})

test_that("refits agree: mixed models, counts, dispersions, ordered categories", {
  refits <- function(fit, rows) vapply(rows, refitted_density, 0, fit = fit)
  slow <- ordered(cut(sleepstudy$Reaction, c(0, 250, 300, 350, Inf)))
  ordinal <- vb(slow ~ Days + (1 | Subject), transform(sleepstudy, slow = slow),
                family = cumulative())
  # nats; the largest that were seen are about half of these
  check <- function(fit, rows, most) {
    expect_lt(max(abs(elpd_of(cavity(fit))[rows] - refits(fit, rows))), most)
  }
  check(fit_of("slope"), c(1, 31, 49, 157), 0.01)
  check(fit_of("binomial"), c(1, 16, 20, 36, 49), 0.1)
  check(fit_of("negbinomial"), c(1, 5, 24), 0.01)
  check(fit_of("student"), c(2, 7, 11), 0.2)
  check(fit_of("poisson"), c(1, 27, 39), 0.12)
  check(ordinal, c(10, 60, 100), 0.02)
})

test_that("rows that were added up are left out one by one", {
  fit <- vb(am ~ factor(cyl), mtcars, family = binomial("probit"))
  expect_lt(fit$engine$n_cell, 4L)
  out <- elpd_of(cavity(fit))
  cell <- interaction(mtcars$am, mtcars$cyl, drop = TRUE)
  expect_equal(out, ave(out, cell), tolerance = 1e-8)        # equal rows, equal densities
  rows <- match(levels(cell), cell)
  refits <- vapply(rows, refitted_density, 0, fit = fit)
  expect_lt(max(abs(out[rows] - refits)), 0.1)
})

# p(y) / p(y without): exact for any group, and not by way of predictions
by_evidence <- function(fit, group) {
  vapply(left_out(fit, group), function(i) {
    fit$log_evidence - refit(fit, setdiff(seq_len(nobs(fit)), i))$log_evidence
  }, 0)
}

test_that("a group is predicted as a new one", {
  fit <- fit_of("binomial")
  want <- by_evidence(fit, "herd")
  out <- cavity(fit, group = "herd")
  expect_identical(rownames(out$pointwise), levels(cbpp$herd))
  expect_lt(max(abs(elpd_of(out) - want)), 0.1)
  slope <- fit_of("slope")
  want <- by_evidence(slope, ~ Subject)
  out <- cavity(slope, group = ~ Subject)
  expect_lt(max(abs(elpd_of(out) - want)), 0.1)
  # without the subject who is unlike all others the covariance is another: this one is refitted
  expect_identical(which(out$refitted), match("332", levels(sleepstudy$Subject)))
  expect_output(print(out), "18 groups.*1 left out by another fit")
  expect_warning(cavity(slope, group = "Subject", refit = 0), class = "vb_warning_cavity")
})

test_that("given the hyperparameters a gaussian group has its closed form", {
  fit <- vb(Reaction ~ Days + (1 | Subject), sleepstudy, prior = normal(10, 10),
            prior_intercept = normal(300, 100), prior_sd = constant(40), prior_aux = constant(30))
  x <- cbind(1, sleepstudy$Days - mean(sleepstudy$Days))
  v <- x %*% (c(100, 10)^2 * t(x)) + 40^2 * outer(sleepstudy$Subject, sleepstudy$Subject, `==`) +
    30^2 * diag(180)
  r <- sleepstudy$Reaction - x %*% c(300, 10)
  given <- function(i) {                                     # log p(y_i | y_-i)
    b <- v[i, -i] %*% solve(v[-i, -i])
    s <- v[i, i] - b %*% v[-i, i]
    e <- r[i] - b %*% r[-i]
    -(length(i) * log(2 * pi) + determinant(s)$modulus + sum(e * solve(s, e))) / 2
  }
  want <- vapply(split(1:180, sleepstudy$Subject), given, 0)
  expect_equal(elpd_of(cavity(fit, group = "Subject")), unname(want), tolerance = 1e-8)
  # rows that the model does not group: more of them than coefficients
  day <- split(1:180, sleepstudy$Days)
  expect_equal(elpd_of(cavity(fit, group = "Days")), unname(vapply(day, given, 0)),
               tolerance = 1e-8)
})

test_that("rows that carry their own prediction are refitted, up to as many as is said", {
  data <- rbind(data.frame(x = rep(0:1, each = 20), y = rpois(40, 5)), data.frame(x = 9, y = 60))
  fit <- vb(y ~ x, data, family = poisson(), prior = normal(0, 5))
  out <- cavity(fit)
  expect_gt(out$influence[41], 0.9)
  expect_identical(which(out$refitted), 41L)
  expect_equal(elpd_of(out)[41], refitted_density(fit, 41L))
  expect_warning(again <- cavity(fit, refit = 0), class = "vb_warning_cavity")
  expect_identical(which(again$flagged), 41L)
  expect_false(any(again$refitted))
})

test_that("what alone determines a coefficient cannot be left out under a flat prior", {
  data <- transform(warpbreaks, first = as.double(seq_along(breaks) == 1), a = wool == "A")
  free <- function(formula, family) {
    vb(formula, data, family = family, prior = flat(), prior_intercept = flat())
  }
  for (family in list(gaussian(), poisson())) {
    fit <- free(breaks ~ first, family)
    expect_warning(loo <- cavity(fit, refit = 0), class = "vb_warning_cavity")
    expect_identical(which(is.na(elpd_of(loo))), 1L)
    expect_identical(which(loo$flagged), 1L)
    expect_error(cavity(fit), "rows that are not left out", class = "vb_error_prior")
    by_wool <- free(breaks ~ a + (1 | tension), family)
    expect_warning(loo <- cavity(by_wool, group = "a", refit = 0), class = "vb_warning_cavity")
    expect_true(any(is.na(elpd_of(loo))))
    expect_false(any(is.finite(elpd_of(loo)[loo$flagged])))
  }
})

test_that("approximations, bounds and densities of one's own have cavities", {
  own <- vb_family("count", link = "log",
                   log_lik = function(y, eta, par) dpois(y, exp(eta), log = TRUE))
  mine <- vb(count ~ spray, InsectSprays, family = own)
  expect_equal(elpd_of(cavity(mine)), elpd_of(cavity(fit_of("poisson"))), tolerance = 1e-3)
  exact <- elpd_of(cavity(fit_of("binomial")))
  for (approximation in c("joint", "partial", "meanfield")) {
    fit <- vb(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, family = binomial(),
              approximation = approximation)
    expect_lt(abs(sum(elpd_of(cavity(fit)) - exact)), 3)
    groups <- suppressWarnings(cavity(fit, group = "herd"), classes = "vb_warning_cavity")
    expect_true(all(is.finite(elpd_of(groups))))
  }
  jj <- vb(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, family = binomial(),
           bound = "jj")
  expect_lt(abs(sum(elpd_of(suppressWarnings(cavity(jj))) - exact)), 3)
  shrunk <- vb(mpg ~ ., mtcars, prior = horseshoe())
  rows <- c(1, 20)
  refits <- vapply(rows, refitted_density, 0, fit = shrunk)
  expect_lt(max(abs(elpd_of(cavity(shrunk))[rows] - refits)), 0.1)
})

test_that("the result is the same each time, and prints", {
  fit <- fit_of("poisson")
  set.seed(1)
  out <- cavity(fit)
  expect_identical(cavity(fit), out)
  expect_s3_class(out, c("cavity_loo", "loo"), exact = TRUE)
  expect_equal(out$estimates["elpd_loo", "Estimate"], sum(elpd_of(out)))
  expect_equal(out$estimates["looic", "SE"], 2 * sqrt(72 * var(elpd_of(out))))
  expect_output(print(out), "cavities of 72 observations")
  expect_error(cavity(fit, refit = -1), class = "vb_error_refit")
  expect_error(loo::loo(fit, method = "waic"), class = "vb_error_method")
})
