skip_if_not_installed("posterior")

test_that("what is asked for is given, in every format", {
  fit <- fit_of("slope")
  names <- rownames(posterior_summary(fit))
  draws <- posterior::as_draws(fit, ndraws = 500)
  expect_s3_class(draws, "draws_matrix")
  expect_identical(posterior::ndraws(draws), 500L)
  expect_identical(posterior::variables(draws), c(names, "lp__", "lp_approx__"))
  formats <- c("df", "matrix", "array", "list", "rvars")
  for (format in formats) {
    convert <- getExportedValue("posterior", paste0("as_draws_", format))
    set.seed(7)
    got <- convert(fit, ndraws = 50, variable = c("b_Days", "sigma"))
    expect_s3_class(got, paste0("draws_", format))
    expect_identical(posterior::ndraws(got), 50L, info = format)
    expect_identical(posterior::variables(got), c("b_Days", "sigma"), info = format)
    set.seed(7)
    direct <- posterior::as_draws(fit, ndraws = 50, variable = c("b_Days", "sigma"))
    expect_equal(posterior::as_draws_matrix(got), direct, ignore_attr = TRUE, info = format)
  }
  expect_identical(posterior::variables(fit), names)
  expect_identical(posterior::nvariables(fit), length(names))
  expect_identical(posterior::ndraws(fit), nrow(posterior::as_draws(fit, variable = "sigma")))
})

test_that("the array is the matrix with one chain, as bayesplot takes it", {
  fit <- fit_of("slope")
  set.seed(2)
  array <- as.array(fit, ndraws = 30, pars = c("b_Days", "sigma"))
  set.seed(2)
  expect_equal(array[, 1, ], as.matrix(fit, ndraws = 30, pars = c("b_Days", "sigma")),
               ignore_attr = TRUE)
  expect_identical(dim(array), c(30L, 1L, 2L))
  skip_if_not_installed("bayesplot")
  data <- bayesplot::mcmc_intervals_data(fit, pars = "b_Days")
  expect_equal(data$m, fixef(fit)[["Days"]], tolerance = 0.02)
})

test_that("a selection is the columns of the whole, and set.seed() governs", {
  fit <- fit_of("slope")
  draw <- function(...) {
    set.seed(3)
    unclass(posterior::as_draws(fit, ndraws = 200, ...))
  }
  whole <- draw()
  pick <- c("sigma", "r_Subject[310,Days]", "b_Intercept", "cor_Subject__Intercept__Days")
  expect_identical(draw(variable = pick), whole[, pick], ignore_attr = TRUE)
  expect_identical(colnames(draw(variable = "r_Subject")),
                   grep("^r_Subject", colnames(whole), value = TRUE))
  expect_identical(draw(), whole)
  expect_false(identical(unclass(posterior::as_draws(fit, ndraws = 200)), whole))
})

test_that("moments and quantiles of many draws are the summary's", {
  for (case in all_cases) {
    fit <- fit_of(case)
    n <- 20000
    set.seed(11)
    draws <- unclass(posterior::as_draws(fit, ndraws = n, variable = variables.vbfit(fit)))
    summary <- posterior_summary(fit, probs = c(0.05, 0.95))
    varies <- summary[, "Est.Error"] > 0
    expect_true(all(apply(draws[, !varies, drop = FALSE], 2, function(x) diff(range(x))) == 0))
    draws <- draws[, varies, drop = FALSE]
    summary <- summary[varies, , drop = FALSE]
    z <- (colMeans(draws) - summary[, 1]) / summary[, 2]
    # five standard errors of the mean, and what the marginals' own quadrature leaves
    expect_lt(max(abs(z)), 5 / sqrt(n) + 0.02)
    expect_lt(max(abs(apply(draws, 2, sd) / summary[, 2] - 1)), 0.06)
    quantiles <- t(apply(draws, 2, quantile, c(0.05, 0.95)))
    expect_lt(max(abs(quantiles - summary[, 3:4]) / summary[, 2]), 0.08)
    expect_lt(max(abs(cov2cor(vcov(fit)) -
                        cor(draws[, seq_along(fixef(fit)), drop = FALSE]))), 0.05)
  }
})

# with the hyperparameters held there is nothing but the coefficients
held_joint <- function(fit, draws, log_lik) {
  beta <- draws[, c("b_Intercept", "b_Days")]
  u <- draws[, grep("^r_", colnames(draws))]
  eta <- beta %*% rbind(1, sleepstudy$Days) + u[, as.integer(sleepstudy$Subject)]
  rowSums(log_lik(eta)) + dnorm(beta[, 2], 3, 5, log = TRUE) + rowSums(dnorm(u, 0, 1, log = TRUE)) +
    dt((beta[, 1] + mean(sleepstudy$Days) * beta[, 2]) / 9, 4, log = TRUE) - log(9)
}

test_that("lp__ is the log joint density, constants included", {
  held <- function(formula, ...) {
    vb(formula, sleepstudy, prior = normal(3, 5), prior_intercept = student_t(4, 0, 9),
       prior_sd = constant(1), ...)
  }
  n <- nrow(sleepstudy)
  y <- sleepstudy$Reaction / 50
  fit <- held(Reaction / 50 ~ Days + (1 | Subject), prior_aux = constant(0.6))
  draws <- unclass(posterior::as_draws(fit, ndraws = 50))
  log_lik <- function(eta) matrix(dnorm(rep(y, each = 50), eta, 0.6, log = TRUE), 50)
  expect_equal(draws[, "lp__"], held_joint(fit, draws, log_lik), ignore_attr = TRUE)
  count <- round(sleepstudy$Reaction / 50)
  fit <- held(round(Reaction / 50) ~ Days + (1 | Subject), family = poisson())
  draws <- unclass(posterior::as_draws(fit, ndraws = 50))
  log_lik <- function(eta) matrix(dpois(rep(count, each = 50), exp(eta), log = TRUE), 50)
  expect_equal(draws[, "lp__"], held_joint(fit, draws, log_lik), ignore_attr = TRUE)
})

test_that("the log densities differ by the evidence where q is the posterior", {
  fit <- fit_of("known")                                    # conjugate
  ratio <- function(fit, n) {
    draws <- unclass(posterior::as_draws(fit, ndraws = n, variable = c("lp__", "lp_approx__")))
    draws[, 1] - draws[, 2]
  }
  expect_equal(ratio(fit, 20), rep(fit$log_evidence, 20), ignore_attr = TRUE, tolerance = 1e-8)
  fit <- fit_of("line")                                     # conjugate given sigma
  expect_lt(max(abs(ratio(fit, 1000) - fit$log_evidence)), 0.05)
})

test_that("their mean difference is the bound, and weights by it leave the moments", {
  ordinal <- vb(ordered(cyl) ~ wt, mtcars, family = cumulative())
  for (fit in c(lapply(all_cases, fit_of), list(ordinal))) {
    set.seed(2)
    draws <- unclass(posterior::as_draws(fit, ndraws = 2000))
    ratio <- draws[, "lp__"] - draws[, "lp_approx__"]
    # what linear response and residual quadrature add to q is not in its bound
    expect_lt(abs(mean(ratio) - fit$elbo), 5 * sd(ratio) / sqrt(2000) + 0.05)
    weight <- exp(ratio - max(ratio))
    weight <- weight / sum(weight)
    expect_gt(1 / sum(weight^2), 1000)
    draws <- draws[, apply(draws, 2, sd) > 0 & !startsWith(colnames(draws), "lp_")]
    expect_lt(max(varbayes:::weight_changes(draws, weight)), 0.15)
  }
})

test_that("log densities are had of approximations in independent factors", {
  for (approximation in c("joint", "meanfield")) {
    fit <- vb(Reaction ~ Days + (1 | Subject), sleepstudy, approximation = approximation)
    set.seed(2)
    draws <- unclass(posterior::as_draws(fit, ndraws = 2000, variable = c("lp__", "lp_approx__")))
    ratio <- draws[, 1] - draws[, 2]
    # kernels that smooth theta blur its density a little
    expect_lt(abs(mean(ratio) - fit$elbo), 5 * sd(ratio) / sqrt(2000) + 0.1)
  }
})

test_that("draws respect their bounds", {
  set.seed(5)
  draws <- unclass(posterior::as_draws(fit_of("slope"), ndraws = 4000))
  expect_gt(min(draws[, grep("^sd_|^sigma", colnames(draws))]), 0)
  expect_lt(max(abs(draws[, "cor_Subject__Intercept__Days"])), 1)
})

test_that("blocks of draws cover each draw once", {
  for (n_coef in c(0, 10, 3e6, 1e7)) {
    blocks <- varbayes:::draw_blocks(7L, n_coef)
    expect_identical(unlist(blocks, use.names = FALSE), 1:7)
  }
})

test_that("posterior's summaries work on the fit itself", {
  set.seed(1)
  table <- posterior::summarise_draws(fit_of("line"), "mean")
  expect_identical(table$variable, c("b_Intercept", "b_speed", "sigma", "lp__", "lp_approx__"))
})

test_that("wrong arguments are named", {
  fit <- fit_of("line")
  expect_error(posterior::as_draws(fit, ndraws = 0), class = "vb_error_ndraws")
  expect_error(posterior::as_draws(fit, ndraws = 1.5), class = "vb_error_ndraws")
  expect_error(posterior::as_draws(fit, variable = "speed"), class = "vb_error_variable")
})

test_that("draws stay where the posterior is when a standard deviation is drawn near zero", {
  fit <- vb(case ~ spontaneous + induced + age + (1 | education), infert, family = binomial(),
            prior = horseshoe())
  set.seed(1)
  draws <- posterior::as_draws(fit, ndraws = 4000)
  coefs <- grep("^[br]_", colnames(draws), value = TRUE)
  summary <- posterior_summary(fit, variable = coefs)
  expect_lt(max(abs(colMeans(draws[, coefs]) - summary[, 1]) / summary[, 2]), 0.08)
  # the table's mixture is of nodes, the draws' of points: tails of a horseshoe differ by so much
  expect_lt(max(abs(apply(draws[, coefs], 2, sd) / summary[, 2] - 1)), 0.17)
})

test_that("an interrupt stops draws and predictions as an interrupt", {
  skip_on_os("windows")                                     # it has no SIGINT to send
  fit <- fit_of("slope")
  size <- nrow(fit$hyper) + nrow(fit$engine$node$mean)
  pressed <- function(value) {                            # at the door to C
    force(value)
    tools::pskill(Sys.getpid(), tools::SIGINT)
    value
  }
  caught <- function(expr) tryCatch(expr, interrupt = function(i) "interrupt")
  got <- caught(engine_draws(fit, stats::runif(200), pressed(matrix(0, size, 200))))
  expect_identical(got, "interrupt")
  rows <- c(fit$design[c("x", "offset")], list(
    group = lapply(fit$design$terms, function(term) term$group),
    z = lapply(fit$design$terms, function(term) term$z)))
  expect_identical(caught(engine_moments(fit, pressed(rows))), "interrupt")
})

test_that("draws of many hyperparameters are as wide as the tables, however many are drawn", {
  skip_on_cran()                     # a second
  fit <- reference_fit("binary_twelve")
  # the nodes of twelve axes are nearer to the mode than the points: a draw by the factor of the
  # nearest is too narrow, by 20 percent
  draws <- with_seed(1, as.matrix(fit, ndraws = 8000))
  table <- posterior_summary(fit)
  coef <- grepl("^(b|r)_", rownames(table))
  ratio <- apply(draws[, rownames(table)[coef]], 2, stats::sd) / table[coef, 2L]
  expect_lt(max(abs(log(ratio))), 0.06)
})

test_that("draws of many hyperparameters have the tables' moments where few responses are 1", {
  skip_on_cran()
  set.seed(303)
  n <- 120
  draw <- function(size) factor(sample(rep(seq_len(size), length.out = n)))
  data <- data.frame(g = draw(6), a = draw(4), b = draw(3), x = stats::rnorm(n),
                     w = stats::rnorm(n))
  eta <- -3 + 0.6 * data$x + stats::rnorm(6)[data$g] + stats::rnorm(6, 0, 0.8)[data$g] * data$x +
    stats::rnorm(4, 0, 0.5)[data$a] + stats::rnorm(3)[data$b]
  data$y <- stats::rbinom(n, 1, stats::plogis(eta))
  fit <- suppressWarnings(vb(y ~ x + (x + w | g) + (1 | a) + (1 | b), data, family = binomial()))
  table <- posterior_summary(fit)
  coef <- rownames(table)[grepl("^(b|r)_", rownames(table))]
  draws <- with_seed(1, as.matrix(fit, ndraws = 8000))[, coef]
  expect_lt(max(abs(colMeans(draws) - table[coef, 1]) / table[coef, 2]), 0.06)
  expect_lt(max(abs(log(apply(draws, 2, stats::sd) / table[coef, 2]))), 0.1)
})
