# The regularised horseshoe: its density against a fine sum over the local scale, one coefficient
# against a grid over everything, a hundred against NUTS (dev/reference/horseshoe).

# p(b | tau, c) by a fine sum over the log of the local scale
horseshoe_density <- function(b, df, tau, c) {
  u <- seq(-25, 40, by = 0.01)
  s <- c * tau * exp(u) / sqrt(c^2 + tau^2 * exp(2 * u))
  local <- 2 * stats::dt(exp(u), df) * exp(u)
  vapply(b, function(x) sum(stats::dnorm(x, 0, s) * local) * 0.01, 0)
}

args <- list(c(1, 0.02, 2), c(1, 1, 2), c(3, 0.3, 1), c(1, 5, 0.5), c(7, 0.01, 30))

test_that("the density is that of the mixture", {
  for (a in args) {
    x <- c(-3, -0.4, 0.03, 0.2, 1.5)
    got <- eval_prior("horseshoe", x, a)
    f <- function(x) log(horseshoe_density(x, a[1], a[2], a[3]))
    expect_equal(got$ll, f(x), tolerance = 1e-5)
    smooth <- function(x) eval_prior("horseshoe", x, a)$ll
    expect_equal(got$d1, slope(smooth, x, 1e-3 * abs(x)), tolerance = 1e-6)
    expect_equal(got$d2, curvature(smooth, x, 1e-2 * abs(x)), tolerance = 1e-4)
    expect_equal(got$log_upper, log(0.5))
  }
})

test_that("expectations reach into the peak at zero", {
  for (a in args) {
    m <- c(-0.7, 0, 0.05, 4)
    v <- c(0.04, 0.01, 0.09, 0.04)
    got <- eval_prior("horseshoe", m, a, v)
    exact <- vapply(seq_along(m), function(i) {
      f <- function(x) stats::dnorm(x, m[i], sqrt(v[i])) * eval_prior("horseshoe", x, a)$ll
      ends <- sort(c(m[i] + c(-9, 9) * sqrt(v[i]), c(-1, -1e-2, -1e-4, 0, 1e-4, 1e-2, 1)))
      sum(vapply(seq_len(length(ends) - 1L), function(k) {
        stats::integrate(f, ends[k], ends[k + 1L], rel.tol = 1e-8)$value
      }, 0))
    }, 0)
    expect_equal(got$ll, exact, tolerance = 1e-4)
  }
})

# Everything about y ~ x with sigma = 1 and a normal intercept, by sums over the logs of the local
# scale, tau and c; the coefficient given them is normal.
one_coefficient <- function(y, x, hs) {
  xc <- x - mean(x)
  n <- length(y)
  u <- seq(-10, 12, by = 0.2)
  step <- c(tau = 0.25, c = 0.25)
  lt <- seq(-13, 9, by = step[["tau"]])
  lc <- seq(log(hs$slab_scale) - 2, log(hs$slab_scale) + 5, by = step[["c"]])
  local <- 2 * stats::dt(exp(u), hs$df) * exp(u) * 0.2
  global <- 2 * stats::dt(exp(lt) / hs$global_scale, hs$global_df) / hs$global_scale * exp(lt)
  w <- (hs$slab_scale / exp(lc))^2                    # gamma(df / 2, rate = df / 2)
  slab <- stats::dgamma(w, hs$slab_df / 2, hs$slab_df / 2) * 2 * w
  grid <- expand.grid(tau = seq_along(lt), c = seq_along(lc))
  mass <- global[grid$tau] * slab[grid$c] * step[["tau"]] * step[["c"]]
  keep <- mass > 1e-12 * max(mass)
  grid <- grid[keep, ]
  s2 <- outer(exp(2 * lt[grid$tau]), exp(2 * u))
  c2 <- exp(2 * lc[grid$c])
  s2 <- c2 * s2 / (c2 + s2)
  prior <- outer(mass[keep], local)
  q <- sum(xc^2)
  b <- sum(xc * y) / q
  base <- log_normal_density(y, rep(0, n), diag(n) + 4)            # intercept ~ normal(0, 2)
  # the likelihood ratio of N(0, s2) against zero
  like <- -0.5 * log1p(s2 * q) + 0.5 * b^2 * q * (s2 * q) / (1 + s2 * q)
  weight <- prior * exp(like)
  total <- sum(weight)
  shrink <- s2 * q / (1 + s2 * q)
  parts <- list(weight = weight / total, mean = shrink * b, sd = sqrt(shrink / q))
  big <- parts$weight > 1e-12
  list(log_evidence = base + log(total),
       b = mixture_summary(parts$weight[big], parts$mean[big], parts$sd[big]))
}

test_that("one coefficient: exact, spike or slab or between", {
  x <- rep(c(-1.2, -0.3, 0.4, 1.1), 10)
  noise <- stats::qnorm(stats::ppoints(40))[(7 * seq_len(40)) %% 41]
  hs <- horseshoe(scale_global = 0.1)
  for (size in c(0, 0.35, 0.6, 2)) {
    y <- noise - mean(noise) - stats::lm.fit(cbind(x), noise)$coefficients * x + size * x
    fit <- vb(y ~ x, data.frame(y, x), prior = hs, prior_intercept = normal(0, 2),
              prior_aux = constant(1))
    exact <- one_coefficient(y, x, hs)
    got <- posterior_summary(fit, probs = c(0.05, 0.95), variable = "b_x")
    expect_lt(abs(fit$log_evidence - exact$log_evidence), 0.02)
    # a bound but for the error of the integral over the scales
    expect_lt(elbo(fit), exact$log_evidence + 0.005)
    expect_lt(max(abs(got - exact$b)) / exact$b[[2]], 0.02)
  }
})

horseshoe_fit <- function(case, ...) {
  spec <- horseshoe_cases[[case]]
  d <- horseshoe_data(case)
  vb(d$formula, d$data, family = spec$family, prior = horseshoe(par_ratio = 0.1), ...)
}

for (case in setdiff(names(horseshoe_cases), "wide_logistic")) {
  test_that(paste("a hundred coefficients are those of NUTS:", case), {
    if (case != "gaussian") skip_on_cran()             # seconds each
    fit <- horseshoe_fit(case, verbose = FALSE)
    expect_true(fit$converged)
    file <- test_path("fixtures", sprintf("horseshoe-%s.csv", case))
    reference <- utils::read.csv(file)
    real <- paste0("b_x", horseshoe_data(case)$real)
    got <- posterior_summary(fit, probs = c(0.05, 0.95))
    expect_setequal(reference$parameter, rownames(got))
    got <- got[reference$parameter, ]
    null <- grepl("^b_x", reference$parameter) & !reference$parameter %in% real
    error <- abs(got[, 1] - reference$mean) / reference$sd - 3 * reference$mcse / reference$sd
    ratio <- got[, 2] / reference$sd
    quantile <- pmax(abs(got[, 3] - reference$q05), abs(got[, 4] - reference$q95)) / reference$sd
    expect_lt(max(error), 0.05)
    expect_gt(min(ratio), if (case == "gaussian") 0.95 else 0.93)
    expect_lt(max(ratio), 1.08)
    expect_lt(max(quantile[!null]), 0.25)
    expect_lt(max(quantile[null]), 0.2)
    for (phase in split(fit$trace$elbo, fit$trace$phase)) expect_false(is.unsorted(phase))
    expect_lt(elbo(fit), fit$log_evidence)
  })
}

# Sixty binary responses nearly separate a hundred coefficients: full steps of rows and surrogates
# go to and fro, and what a Gaussian leaves of the rows decides about the scales. The global scale
# has no variance: where only the slab is left the likelihood is positive, its prior a Cauchy.
test_that("fewer binary responses than coefficients: it settles, near NUTS", {
  skip_on_cran()                                            # some seconds
  fit <- horseshoe_fit("wide_logistic", verbose = FALSE)
  expect_true(fit$converged)
  reference <- utils::read.csv(test_path("fixtures", "horseshoe-wide_logistic.csv"))
  got <- posterior_summary(fit, probs = c(0.05, 0.95))
  expect_setequal(reference$parameter, rownames(got))
  got <- got[reference$parameter, ]
  error <- abs(got[, 1] - reference$mean) / reference$sd - 3 * reference$mcse / reference$sd
  ratio <- (got[, 2] / reference$sd)[reference$parameter != "hs_global"]
  expect_lt(max(error), 0.1)
  expect_gt(min(ratio), 0.65)
  expect_lt(max(ratio), 1.1)
  for (phase in split(fit$trace$elbo, fit$trace$phase)) expect_false(is.unsorted(phase))
  expect_lt(elbo(fit), fit$log_evidence)
})

test_that("draws have the marginals of the summary, peak and all", {
  d <- horseshoe_data("gaussian")
  small <- stats::update(d$formula, y ~ x1 + x2 + x3 + x4 + x73)
  fit <- vb(small, d$data, prior = horseshoe(par_ratio = 0.1))
  set.seed(4)
  table <- parameter_table(fit)
  keep <- table[table$name %in% c("b_Intercept", "b_x1", "b_x2", "b_x73", "hs_global"), ]
  draws <- draw_parameters(fit, keep, 4000L)
  probs <- c(0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
  got <- summarise_parameters(fit, keep, probs)
  for (name in colnames(draws)) {
    x <- draws[, name]
    if (name != "hs_global") {         # whose tail is a Cauchy's: it has quantiles alone
      expect_lt(abs(mean(x) - got[name, 1]) / got[name, 2], 0.06)
      expect_lt(abs(stats::sd(x) / got[name, 2] - 1), 0.08)
    }
    below <- vapply(got[name, -(1:2)], function(q) mean(x < q), 0)
    expect_lt(max(abs(below - probs)), 0.03)
  }
  x <- draws[, "b_x2"]
  expect_gt(mean((x - mean(x))^4) / stats::var(x)^2, 4)             # no Gaussian: that has 3
})

test_that("the fit is the same again, and predicts", {
  d <- horseshoe_data("gaussian")
  small <- stats::update(d$formula, y ~ x1 + x2 + x10 + x73)
  fit <- vb(small, d$data, prior = horseshoe())
  expect_identical(without_clock(vb(small, d$data, prior = horseshoe())), without_clock(fit))
  expect_equal(unname(fitted(fit)), drop(cbind(1, d$x[, c(1, 2, 10, 73)]) %*% fixef(fit)),
               tolerance = 1e-6)
  expect_output(print(summary(fit)), "hs_global")
})

test_that("every likelihood takes it", {
  d <- horseshoe_data("gaussian")
  data <- d$data[1:150, c("x1", "x2", "x10")]
  eta <- drop(0.5 * d$x[1:150, 1] - 0.4 * d$x[1:150, 10])
  u <- stats::ppoints(150)[(37 * seq_len(150)) %% 151]
  data$g <- gl(15, 10)
  data$count <- stats::qpois(u, exp(eta))
  data$hit <- stats::qbinom(u, 1, stats::plogis(eta))
  data$time <- stats::qgamma(u, 2, 2 / exp(eta))
  data$real <- eta + stats::qt(u, 4)
  for (model in list(list(count ~ x1 + x2 + x10 + (1 | g), poisson()),
                     list(count ~ x1 + x2 + x10, negbinomial()),
                     list(hit ~ x1 + x2 + x10 + (1 | g), binomial()),
                     list(time ~ x1 + x2 + x10, Gamma("log")),
                     list(real ~ x1 + x2 + x10, student(df = 4)))) {
    fit <- vb(model[[1]], data, family = model[[2]], prior = horseshoe())
    # where the data are clear the prior is of no account
    wide <- vb(model[[1]], data, family = model[[2]], prior = normal(0, 3))
    got <- fixef(fit)[c("x1", "x10")]
    sd <- sqrt(diag(vcov(wide)))[c("x1", "x10")]
    expect_true(fit$converged)
    expect_lt(max(abs(got - fixef(wide)[c("x1", "x10")]) / sd), 0.6)
    expect_lt(abs(fixef(fit)[["x2"]]), abs(fixef(wide)[["x2"]]))
    for (phase in split(fit$trace$elbo, fit$trace$phase)) expect_false(is.unsorted(phase))
    expect_lt(elbo(fit), fit$log_evidence)
  }
})

test_that("its arguments reach the engine", {
  spec <- model_of(y ~ x + z, toy, priors = list(
    prior = horseshoe(3, 0.2, 2, 1.5, 6), prior_intercept = normal(0, 1)))$spec
  expect_identical(spec$prior_coef$dist, c("normal", "horseshoe", "horseshoe"))
  expect_equal(spec$shrink, list(dist = c("student_t", "inv_chi"),
                                 arg = cbind(c(2, 0, 0.2), c(6, 1.5, 0)), df = 3, by_sigma = 1L))
  expect_equal(model_of(y ~ x, toy, priors = list(prior = horseshoe(par_ratio = 0.3)))$spec$
                 shrink$arg[3, 1], 0.3 / sqrt(60))
  flagged <- function(prior, family = gaussian()) {
    model_of(hit ~ x, toy, family, priors = list(prior = prior))$spec$shrink$by_sigma
  }
  expect_identical(flagged(horseshoe()), 1L)
  expect_identical(flagged(horseshoe(autoscale = FALSE)), 0L)
  expect_identical(flagged(horseshoe(), binomial()), 0L)
  # as rstanarm::hs() makes it
  theirs <- list(dist = "hs", df = 1, location = 0, scale = 1, global_df = 1, global_scale = 0.01,
                 slab_df = 4, slab_scale = 2.5)
  expect_equal(model_of(y ~ x, toy, priors = list(prior = theirs))$spec$shrink,
               model_of(y ~ x, toy, priors = list(
                 prior = horseshoe(scale_global = 0.01, scale_slab = 2.5)))$spec$shrink)
  brms <- data.frame(prior = "horseshoe(3, par_ratio = 0.2, autoscale = FALSE)", class = "b")
  expect_equal(model_of(y ~ x, toy, priors = list(prior = brms))$spec$shrink,
               model_of(y ~ x, toy, priors = list(
                 prior = horseshoe(3, par_ratio = 0.2, autoscale = FALSE)))$spec$shrink)
})

test_that("it is for all coefficients and nothing else", {
  for (wrong in list(list(prior_intercept = horseshoe()), list(prior_sd = horseshoe()),
                     list(prior = list(x = horseshoe())), list(prior_aux = horseshoe()))) {
    expect_error(model_of(y ~ x + (1 | a), toy, priors = wrong),
                 class = paste0("vb_error_", names(wrong)))
  }
  both <- data.frame(prior = c("horseshoe(1)", "normal(0, 1)"), class = "b", coef = c("", "x"))
  expect_error(model_of(y ~ x + z, toy, priors = list(prior = both)), class = "vb_error_prior")
  expect_error(horseshoe(df = 0), class = "vb_error_df")
  expect_error(horseshoe(par_ratio = -1), class = "vb_error_par_ratio")
  expect_error(horseshoe(autoscale = 2), class = "vb_error_autoscale")
})

test_that("it prints as its call, and its scales are shown", {
  expect_identical(format(horseshoe()), "horseshoe()")
  expect_identical(format(horseshoe(scale_slab = 5, par_ratio = 0.1, autoscale = FALSE)),
                   "horseshoe(scale_slab = 5, par_ratio = 0.1, autoscale = FALSE)")
  expect_identical(eval(prior_call(horseshoe(par_ratio = 0.1))), horseshoe(par_ratio = 0.1))
  tables <- model_of(y ~ x, toy, priors = list(prior = horseshoe(par_ratio = 0.3)))$priors$tables
  expect_identical(tables$prior_hs$parameter, c("hs_global / sigma", "hs_slab"))
  expect_identical(tables$prior_hs$prior, c("student_t(1, 0, 0.03873)", "inv_chi(4, 2)"))
  expect_identical(tables$prior$asked, "horseshoe(par_ratio = 0.3)")
})

test_that("coordinate ascent says that it has no factors for a horseshoe's scales", {
  expect_error(vb(mpg ~ wt + hp, mtcars, prior = horseshoe(), approximation = "meanfield"),
               "structured", class = "vb_error_approximation")
})
