# Families of the user's own as R sees them; their numbers are in test-stein.R.

test_that("predictions are means of the inverse link, for every link", {
  normal_with <- function(sd, link) {
    vb_family("any", function(y, eta, par) stats::dnorm(y, eta, sd, log = TRUE), link = link)
  }
  # under q a regression's predictor is normal: the mean of the inverse link is one integral
  for (link in setdiff(user_links, c("inverse", "sqrt"))) {
    family <- normal_with(1, link)
    fit <- vb(I(speed / 10) ~ dist, cars, family = family, prior = NULL, prior_intercept = NULL)
    eta <- predict(fit, se.fit = TRUE)
    exact <- expected(function(i, e) family$linkinv(e), eta$fit, eta$se.fit^2)
    expect_equal(unname(fitted(fit)), exact, tolerance = 1e-5, info = link)
  }
  for (link in c("inverse", "sqrt")) {
    family <- normal_with(1e-3, link)
    fit <- vb(I(speed / 10) ~ dist, cars, family = family, prior = NULL, prior_intercept = NULL)
    expect_equal(unname(fitted(fit)), family$linkinv(unname(predict(fit))), tolerance = 1e-5,
                 info = link)
  }
})

test_that("methods work in a new session on a fit that was saved", {
  fit <- vb(breaks ~ wool + (1 | loom), looms, family = weibull)
  there <- in_new_session(fit, c(
    "out <- list(predict(fit, type = 'response', se.fit = TRUE), residuals(fit), fixef(fit))",
    "out <- c(out, list(capture.output(print(summary(fit)), print(fit), print(family(fit)))))",
    "draws <- requireNamespace('posterior', quietly = TRUE)",
    "if (draws) { set.seed(1); out <- c(out, list(posterior::as_draws_matrix(fit, ndraws = 50))) }",
    "again <- update(fit, . ~ 1 + (1 | loom), data = fit$frame, family = family(fit))",
    "out <- c(out, list(elbo(again)))"))
  expect_equal(there[[1]], predict(fit, type = "response", se.fit = TRUE))
  expect_equal(there[[2]], residuals(fit))
  expect_equal(there[[3]], fixef(fit))
  expect_match(there[[4]], "weibull", all = FALSE)
  expect_match(there[[4]], "shape \\(positive\\)", all = FALSE)
  expect_equal(there[[length(there)]],
               elbo(vb(breaks ~ 1 + (1 | loom), looms, family = weibull)))
  skip_if_not_installed("posterior")
  set.seed(1)
  expect_equal(there[[5]], posterior::as_draws_matrix(fit, ndraws = 50))
})

test_that("draws have the moments of the summary where parameters are not positive", {
  skip_if_not_installed("posterior")
  data <- data.frame(y = c(0, 0, 0, 2, 0, 5, 3, 0, 0, 1, 4, 0, 2, 0, 0, 6, 3, 0, 0, 2))
  fit <- vb(y ~ 1, data, family = zip)
  set.seed(2)
  zi <- as.vector(posterior::as_draws_matrix(fit, variable = "zi", ndraws = 4000))
  at <- posterior_summary(fit)["zi", ]
  expect_true(all(zi > 0 & zi < 1))
  expect_lt(abs(mean(zi) - at[1]) / at[2], 0.05)
  expect_lt(abs(stats::sd(zi) / at[2] - 1), 0.05)
})

test_that("update and the stored call keep the family", {
  fit <- vb(breaks ~ wool, warpbreaks, family = weibull)
  expect_identical(fit$call$family, quote(weibull))
  more <- update(fit, . ~ . + tension)
  expect_identical(rownames(posterior_summary(more))[1:4],
                   c("b_Intercept", "b_woolB", "b_tensionM", "b_tensionH"))
  inlined <- do.call(vb, list(breaks ~ wool, quote(warpbreaks), family = weibull))
  expect_equal(elbo(update(inlined)), elbo(fit))
  expect_identical(prior_summary(fit)$prior_aux$parameter, "shape")
})

test_that("defaults of the parameters are those documented", {
  prior_of <- function(kind, name = "a") {
    family <- vb_family("f", function(y, eta, par) stats::dnorm(y, eta, log = TRUE),
                        par = stats::setNames(kind, name))
    build_model(y ~ x, toy, resolve_family(family), list(), quote(vb()), stats::na.omit, NULL,
                globalenv())$priors$tables$prior_aux$prior
  }
  expect_identical(prior_of("positive"), "student_t(3, 0, 2.5)")
  expect_identical(prior_of("real"), "student_t(3, 0, 2.5)")
  expect_identical(prior_of("real", "shape"), "student_t(3, 0, 2.5)")
  expect_identical(prior_of("unit"), "flat()")
  expect_identical(prior_of("positive", "shape"), "exponential(1)")
  expect_identical(prior_of("positive", "nu"), "gamma(2, 0.1)")
})

test_that("parameters take the priors of their domain only", {
  fit <- function(prior, family = skew) {
    model_of(y ~ x, toy, family, priors = list(prior_aux = prior))
  }
  expect_error(fit(list(alpha = exponential(1))), class = "vb_error_prior_aux")
  expect_error(fit(list(alpha = flat())), "normal", class = "vb_error_prior_aux")
  expect_error(fit(list(sigma = constant(-1))), class = "vb_error_prior_aux")
  expect_error(fit(list(beta = normal())), class = "vb_error_prior_aux")
  expect_error(fit(constant(1.5), zip), class = "vb_error_prior_aux")
  expect_error(vb(y ~ x, toy, prior_aux = constant(0)), class = "vb_error_prior_aux")
  expect_identical(fit(constant(0.5), zip)$priors$par$dist, "constant")
})

test_that("what is wrong with a family is said where it is made", {
  f <- function(y, eta, par) y
  expect_error(vb_family(1, f), class = "vb_error_name")
  expect_error(vb_family("a", "f"), class = "vb_error_log_lik")
  expect_error(vb_family("a", function(y) y), class = "vb_error_log_lik")
  expect_error(vb_family("a", f, simulate = 1), class = "vb_error_simulate")
  expect_error(vb_family("a", f, link = "loglog"), "cloglog", class = "vb_error_link")
  for (par in list("positive", c(a = "plus"), c(a = "real", a = "unit"), c(`a b` = "real"),
                   c(a = 1), stats::setNames(rep("real", 9), letters[1:9]))) {
    expect_error(vb_family("a", f, par = par), class = "vb_error_par")
  }
  expect_error(vb_family("a", f, smooth = NA), class = "vb_error_smooth")
  expect_s3_class(vb_family("a", f, simulate = function(eta, par) eta), "family")
})

test_that("what is wrong with a log density is an error that names the family", {
  fit <- function(log_lik, ...) vb(y ~ x, toy, family = vb_family("mine", log_lik, ...))
  fails <- function(...) expect_error(..., "mine", class = "vb_error_log_lik")
  fails(fit(function(y, eta, par) sum(y)))
  fails(fit(function(y, eta, par) as.character(y)))
  fails(fit(function(y, eta, par) rep(sum(stats::dnorm(y, eta, log = TRUE)), length(y))))
  expect_error(fit(function(y, eta, par) log(no_such)), "no_such", class = "vb_error_log_lik")
  # later than the probe, inside the engine
  calls <- 0
  late <- function(y, eta, par) {
    calls <<- calls + 1
    if (calls > 20) stop("too late")
    stats::dnorm(y, eta, log = TRUE)
  }
  expect_error(fit(late), "too late", class = "vb_error_log_lik")
  short <- function(y, eta, par) {
    calls <<- calls + 1
    stats::dnorm(y, eta, log = TRUE)[-(calls > 20)]
  }
  calls <- 0
  expect_error(fit(short), class = "vb_error_log_lik")
  # the engine is as it was
  expect_true(vb(y ~ x, toy)$converged)
  expect_error(fit(function(y, eta, par) log(eta - 1e6)), "eta = ", class = "vb_error_log_lik")
  expect_error(vb(a ~ x, toy, family = own$gaussian), class = "vb_error_response")
  expect_error(residuals(vb(y ~ x, toy, family = own$gaussian), "pearson"), class = "vb_error_type")
})

test_that("a step to where there is no density is shortened, and none goes unnoticed", {
  calls <- 0
  bad <- 0
  gaps <- vb_family("gaps", link = "log", log_lik = function(y, eta, par) {
    calls <<- calls + 1
    value <- stats::dpois(y, exp(eta), log = TRUE)
    if (calls == bad) value[1] <- log(-1)
    value
  })
  fit <- function() {
    calls <<- 0
    vb(count ~ spray, InsectSprays, family = gaps, control = vb_control(lr = FALSE))
  }
  whole <- fit()
  n <- calls
  shortened <- 0
  for (at in seq_len(n)) {
    bad <- at
    broken <- tryCatch(fit(), vb_not_converged = function(w) NULL,
                       vb_error_log_lik = function(e) NULL)
    if (is.null(broken)) next                       # said so
    expect_true(broken$converged)
    expect_equal(posterior_summary(broken), posterior_summary(whole), tolerance = 1e-4)
    shortened <- shortened + (calls > n)
  }
  expect_gt(shortened, 3)
})

test_that("a fit says where a density stood in its way", {
  fit <- list(converged = FALSE, stopped = "max_sweep")
  seen <- list(bad = list(y = 1, eta = 3.9, par = c(zi = 0.25), value = NaN))
  expect_warning(report_stop(fit, globalenv(), seen), "y = 1, eta = 3.9, zi = 0.25 it is NaN",
                 class = "vb_not_converged")
})

test_that("an interrupt leaves what was found so far", {
  skip_on_os("windows")                                     # it has no SIGINT to send
  calls <- 0
  slow <- vb_family("slow", par = c(sigma = "positive"), function(y, eta, par) {
    calls <<- calls + 1
    if (calls == 40) tools::pskill(Sys.getpid(), tools::SIGINT)
    stats::dt((y - eta) / par$sigma, 4, log = TRUE) - log(par$sigma)
  })
  # inside a function the interrupt is signalled again, after the warning
  seen <- character()
  tryCatch(
    withCallingHandlers(vb(y ~ x + (1 | b), toy, family = slow), vb_interrupted = function(w) {
      seen <<- "vb_interrupted"
      invokeRestart("muffleWarning")
    }),
    interrupt = function(e) seen <<- c(seen, "interrupt"))
  expect_identical(seen, c("vb_interrupted", "interrupt"))
})

test_that("no interrupt is lost, wherever it comes", {
  skip_on_os("windows")                                     # it has no SIGINT to send
  calls <- 0
  stop_at <- Inf
  slow <- vb_family("slow", function(y, eta, par) {
    calls <<- calls + 1
    if (calls == stop_at) tools::pskill(Sys.getpid(), tools::SIGINT)
    stats::dpois(y, exp(eta), log = TRUE)
  }, link = "log")
  set.seed(3)
  few <- data.frame(x = stats::rnorm(40), g = rep(1:5, 8))
  few$y <- stats::rpois(40, exp(0.3 * few$x + 0.5 * stats::rnorm(5)[few$g]))
  one <- function() suppressWarnings(vb(y ~ x + (1 | g), few, family = slow))
  one()
  last <- calls
  lost <- Filter(function(k) {
    calls <<- 0
    stop_at <<- k
    tryCatch(is.list(one()), interrupt = function(e) FALSE)
  }, seq(7, last - 20, 3))                      # the first are not the engine's
  expect_identical(lost, numeric())
})

test_that("a time limit is an error, which the caller may catch", {
  calls <- 0
  slow <- vb_family("slow", function(y, eta, par) {
    calls <<- calls + 1
    if (calls == 20) setTimeLimit(elapsed = 1e-6, transient = TRUE)
    stats::dnorm(y, eta, 1, log = TRUE)
  })
  on.exit(setTimeLimit())
  expect_error(vb(y ~ x + (1 | b), toy, family = slow), "time limit")
})

test_that("a family of the user's own takes successes and failures", {
  cbpp <- utils::read.csv(system.file("extdata", "cbpp.csv", package = "varbayes"))
  own <- vb_family("own", function(y, eta, par) {
    dbinom(y[, "success"], rowSums(y), plogis(eta), log = TRUE)
  }, link = "logit", simulate = function(eta, par, trials) {
    rbinom(length(eta), trials, plogis(eta))
  })
  f <- cbind(incidence, size - incidence) ~ size + (1 | herd)
  fit <- vb(f, cbpp, family = own)
  same <- vb(f, cbpp, family = binomial())
  ours <- posterior_summary(fit)
  theirs <- posterior_summary(same)
  expect_lt(max(abs(ours[, 1] - theirs[, 1]) / theirs[, 2]), 0.02)
  expect_lt(max(abs(log(ours[, 2] / theirs[, 2]))), 0.02)
  eta <- posterior_linpred(fit, ndraws = 3, seed = 1)
  success <- rep(cbpp$incidence, each = 3)
  expected <- dbinom(success, rep(cbpp$size, each = 3), plogis(eta), log = TRUE)
  value <- log_lik(fit, ndraws = 3, seed = 1)
  expect_equal(as.vector(value), expected)
  few <- log_lik(fit, cbpp[1:4, ], ndraws = 3, seed = 1)
  expect_equal(few, value[, 1:4], ignore_attr = TRUE)
  draws <- posterior_predict(fit, ndraws = 50, seed = 1)
  expect_true(all(draws <= rep(cbpp$size, each = 50)))
  expect_lt(mean(abs(colMeans(draws) - cbpp$incidence)), 1.5)
  bounds <- predict(fit, interval = "prediction")
  expect_true(all(bounds >= 0 & bounds <= 1))
  expect_lt(max(abs(predict(same, interval = "prediction") - bounds)), 0.35)
  expect_error(vb(cbind(incidence, -size) ~ 1, cbpp, family = own), "negative",
               class = "vb_error_response")
  expect_error(vb(cbind(incidence, 2^27) ~ 1, cbpp, family = own), class = "vb_error_response")
  two <- vb_family("two", own$log_lik, link = "logit", simulate = function(eta, par) eta)
  expect_error(posterior_predict(vb(f, cbpp, family = two), ndraws = 2), "trials",
               class = "vb_error_simulate")
  skip_if_not_installed("loo")
  expect_s3_class(loo::loo(fit, method = "cavity"), "cavity_loo")
})
