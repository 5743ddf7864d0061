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
  check(fit_of("slope"), c(1, 31, 49, 157), 0.03)         # between some sixty nodes
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

test_that("one row per level: what rests on its own level is not flagged, and is right", {
  set.seed(1)
  data <- data.frame(id = 1:60, y = rpois(60, exp(3 + rnorm(60))))
  fit <- vb(y ~ 1 + (1 | id), data, family = poisson())
  expect_silent(out <- cavity(fit))
  expect_gt(sum(out$influence > 0.9), 40)
  expect_false(any(out$flagged))
  # given intercept and sd the rows are independent: p(y_i | rest) = 1 / E 1 / p(y_i | b, s)
  b <- seq(2.5, 3.8, length.out = 60)
  log_s <- seq(log(0.45), log(1.5), length.out = 60)
  z <- seq(-9, 9, length.out = 601)
  row <- array(0, c(60, 60, 60))                             # intercept, sd, row
  for (i in 1:60) for (j in 1:60) {
    eta <- outer(b[i] + exp(log_s[j]) * z, data$y, function(eta, y) dpois(y, exp(eta), log = TRUE))
    row[i, j, ] <- log(colSums(exp(eta) * dnorm(z)) * (z[2] - z[1]))
  }
  t3 <- function(x, at, scale) dt((x - at) / scale, 3, log = TRUE)
  prior <- outer(t3(b, fit$design$prior_coef$arg[2, 1], 2.5), t3(exp(log_s), 0, 2.5) + log_s, `+`)
  post <- apply(row, 1:2, sum) + prior
  post <- exp(post - max(post)) / sum(exp(post - max(post)))
  exact <- apply(row, 3L, function(l) -log(sum(post * exp(-l))))
  expect_lt(max(abs(elpd_of(out) - exact)), 0.005)
})

# rows x 2: the answer's error against other fits, and whether it is flagged
against_refits <- function(fit, rows = seq_len(nobs(fit))) {
  out <- suppressWarnings(cavity(fit, refit = 0), classes = "vb_warning_cavity")
  want <- vapply(rows, refitted_density, 0, fit = fit)
  data.frame(off = abs(elpd_of(out)[rows] - want), flagged = out$flagged[rows],
             influence = out$influence[rows])
}

test_that("what is flagged is off, and what is off is flagged", {
  skip_if_not_installed("MASS")
  set.seed(2)
  own <- data.frame(id = 1:40, x = rnorm(40))
  own$successes <- rbinom(40, 20, plogis(rnorm(40, 0, 1.5)))
  own$count <- rnbinom(40, mu = exp(1 + own$x / 2), size = 3)
  # rows of their own level or coefficient, a lever, and data in which nothing is amiss
  sound <- list(
    vb(cbind(successes, 20 - successes) ~ x + (1 | id), own, family = binomial()),
    vb(count ~ factor(id), own[own$count > 0, ][1:12, ], family = poisson(), prior = normal(0, 5)),
    vb(c(rpois(20, 5), 60) ~ x, data.frame(x = c(rep(0:1, 10), 9)), family = poisson(),
       prior = normal(0, 5)),
    vb(count ~ x + (1 | id), own, family = negbinomial()))
  for (fit in sound) {
    check <- against_refits(fit)
    expect_false(any(check$flagged))
    expect_lt(max(check$off), 0.1)
  }
  expect_gt(max(against_refits(sound[[2]])$influence), 0.95)
  # a car without which its kind would be told apart from the others, and a girl alone in her cell
  separated <- against_refits(vb(am ~ wt + hp, mtcars, family = binomial("probit")))
  expect_identical(which(separated$flagged), which(separated$off > 0.2))
  quine <- vb(Days ~ Sex * Age * Eth * Lrn, MASS::quine, family = negbinomial())
  rows <- c(72, 36, 1, 20, 50, 100, 146)
  alone <- against_refits(quine, rows)
  expect_true(alone$flagged[1] && alone$off[1] > 0.4)
  expect_true(all(alone$off[!alone$flagged] < 0.1))
})

test_that("rows that change what others say are refitted, up to as many as is said", {
  fit <- vb(am ~ wt + hp, mtcars, family = binomial("probit"))
  out <- cavity(fit)
  row <- which(out$refitted)
  expect_length(row, 1L)
  expect_equal(elpd_of(out)[row], refitted_density(fit, row))
  expect_warning(again <- cavity(fit, refit = 0), class = "vb_warning_cavity")
  expect_identical(which(again$flagged), row)
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

test_that("where all the weight goes to a point of next to none, that is told", {
  fit <- fit_of("binomial")
  engine <- fit$engine
  x <- function(of) drop(engine[[of]]$x)
  far <- which.max(x("point"))
  fit$engine$point$weight[far] <- 1e-200                     # its square is zero
  node <- rbind(-1e3 * (x("node") - min(x("point"))) / diff(range(x("point"))))
  out <- engine_over_points(fit, node)
  expect_equal(out$share, 1 / length(x("point")), tolerance = 1)
  expect_true(is_flagged(c(out, list(lambda = 0, change = 0))))
  expect_true(is_flagged(list(log_out = -1, lambda = NaN, share = NaN, change = NaN)))
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

test_that("log densities at the nodes are interpolated to the points of theta", {
  # the interpolant written down again: cubic radial basis and a linear trend
  spread <- function(fit, node) {
    engine <- fit$engine
    used <- seq_along(engine$node$weight)
    whiten <- function(x) {
      crossprod(engine$axes$root, x - engine$axes$mode) / colSums(engine$axes$root^2)
    }
    basis <- function(a, b) {
      outer(seq_len(ncol(a)), seq_len(ncol(b)), Vectorize(function(i, j) {
        sqrt(sum((a[, i] - b[, j])^2))^3
      }))
    }
    at <- whiten(engine$node$x[, used, drop = FALSE])
    point <- whiten(engine$point$x)
    trend <- rbind(1, at)
    system <- rbind(cbind(basis(at, at), t(trend)),
                    cbind(trend, matrix(0, nrow(trend), nrow(trend))))
    weight <- solve(system, rbind(basis(at, point), 1, point), tol = 0)[seq_along(used), ]
    value <- exp(-node[, used] %*% weight)
    total <- drop(value %*% engine$point$weight)
    n <- sum(engine$point$weight)^2 / sum(engine$point$weight^2)
    left <- total^2 / drop(value^2 %*% engine$point$weight^2)
    list(log_out = -log(total), share = left / n)
  }
  set.seed(2)
  d <- data.frame(g = gl(6, 5))
  d$y <- stats::rnorm(30) + stats::rnorm(6)[d$g]
  fit <- vb(y ~ 1 + (1 | g), d, verbose = FALSE)
  node <- engine_cavity(fit, as.list(1:4), nodes = TRUE)$node
  expect_equal(engine_over_points(fit, node), spread(fit, node), tolerance = 1e-9)
})
