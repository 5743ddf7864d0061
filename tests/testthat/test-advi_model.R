# ADVI of the models of vb(): against exact answers, NUTS, and coordinate ascent.

advi_of <- function(case, ...) {
  call <- fit_calls[[case]]
  more <- list(algorithm = "advi", ...)
  eval(as.call(c(as.list(call), more)), environment(fit_of))
}

test_that("a Gaussian posterior is found exactly, by every approximation", {
  exact <- fit_of("known")
  for (approximation in c("fullrank", "meanfield", "lowrank")) {
    fit <- advi_of("known", approximation = approximation)
    expect_true(fit$converged)
    expect_equal(fixef(fit), fixef(exact), tolerance = 1e-8)
    expect_equal(vcov(fit), vcov(exact), tolerance = 1e-8)
    expect_lt(abs(fit$elbo - exact$elbo), 1e-8)
  }
})

test_that("2 D draws are enough for it", {
  exact <- fit_of("known")
  fit <- advi_of("known", approximation = "fullrank", control = vb_control(n_noise = 4))
  expect_equal(fixef(fit), fixef(exact), tolerance = 1e-8)
  expect_equal(vcov(fit), vcov(exact), tolerance = 1e-8)
})

# fixed effects to twice the bars, whatever the approximation
double_bars <- lapply(bars, function(b) c(0, 1, 1, 0) + 2 * (b - c(0, 1, 1, 0)))
# no Gaussian has their shape: two binary rows per group, priors with kinks
far_from_gaussian <- c("binary_pairs", "binary_sparse", "lasso_gaussian", "lasso_logit")
# thresholds move with the effects, which mean field cannot
correlated <- c("cumulative_logit", "cumulative_probit")

for (case in setdiff(c(reference_cases, sparse_cases), far_from_gaussian)) {
  test_that(paste("fixed effects agree with NUTS:", case), {
    for (approximation in c("fullrank", if (!case %in% correlated) "meanfield")) {
      fit <- reference_fit(case, algorithm = "advi", approximation = approximation)
      expect_true(fit$converged, info = approximation)
      score <- score_reference(case, fit, double_bars)
      missed <- score[!score$met & startsWith(score$parameter, "b_"), ]
      expect_identical(nrow(missed), 0L, info = paste(
        c(approximation, utils::capture.output(print(missed, digits = 3))), collapse = "\n"))
    }
  })
}

test_that("the bound is below the evidence, and full rank's above mean field's", {
  for (case in c("line", "slope", "apart")) {   # whose evidence coordinate ascent integrates
    evidence <- fit_of(case)$log_evidence
    full <- advi_of(case, approximation = "fullrank")
    mean <- advi_of(case, approximation = "meanfield")
    expect_lt(full$elbo, evidence + 3 * full$advi$elbo_se)
    expect_lt(mean$elbo, full$elbo + 3 * (mean$advi$elbo_se + full$advi$elbo_se))
    expect_lt(evidence - full$elbo, 0.2)
  }
})

test_that("every likelihood is fitted, and the trace of the bound ends where the fit does", {
  for (case in all_cases) {
    for (approximation in approximations$advi) {
      fit <- advi_of(case, approximation = approximation)
      expect_true(fit$converged, info = paste(case, approximation))
      expect_s3_class(fit, "vbfit")
      expect_true(all(is.finite(posterior_summary(fit))))
    }
  }
})

test_that("the same data give the same numbers, and the user's stream is left alone", {
  set.seed(1)
  before <- .Random.seed
  first <- advi_of("binomial")
  expect_identical(.Random.seed, before)
  set.seed(2)
  second <- advi_of("binomial")
  expect_identical(first$advi, second$advi)
  expect_identical(posterior_summary(first), posterior_summary(second))
})

test_that("fresh noise is the user's, and comes to the same answer", {
  fresh <- function(seed) {
    set.seed(seed)
    advi_of("line", approximation = "meanfield", control = vb_control(noise = "fresh"))
  }
  first <- fresh(1)
  expect_identical(first$advi$mean, fresh(1)$advi$mean)
  expect_false(identical(first$advi$mean, fresh(2)$advi$mean))
  fixed <- advi_of("line", approximation = "meanfield")
  expect_lt(max(abs(first$advi$mean - fixed$advi$mean) / fixed$advi$sd), 0.1)
  expect_equal(first$advi$sd, fixed$advi$sd, tolerance = 0.05)
})

test_that("mini-batches of rows come to the same answer", {
  n <- 2000
  x <- stats::qnorm(seq_len(n) / (n + 1))
  data <- data.frame(x = x, y = as.integer(stats::plogis(0.5 * x) > rep_len(c(.2, .5, .8), n)))
  fixed <- vb(y ~ x, data, binomial(), algorithm = "advi", approximation = "meanfield")
  set.seed(1)
  batch <- vb(y ~ x, data, binomial(), algorithm = "advi", approximation = "meanfield",
              control = vb_control(noise = "fresh", batch = 200))
  expect_lt(max(abs(batch$advi$mean - fixed$advi$mean) / fixed$advi$sd), 0.3)
  expect_equal(batch$advi$sd_q, fixed$advi$sd_q, tolerance = 0.1)
})

test_that("mini-batches of groups come to the same answer", {
  n <- 1500
  data <- data.frame(g = gl(150, 10), x = stats::qnorm(((seq_len(n) * sqrt(2)) %% 1) * 0.98 + 0.01))
  data$y <- data$x + stats::qnorm(((1:150 * sqrt(3)) %% 1))[data$g] +
    stats::qnorm((seq_len(n) * sqrt(5)) %% 1)
  of <- function(control) {
    vb(y ~ x + (1 | g), data, algorithm = "advi", approximation = "meanfield", control = control)
  }
  fixed <- of(vb_control())
  set.seed(1)
  batch <- of(vb_control(noise = "fresh", batch = c(g = 50)))
  expect_lt(max(abs(fixef(batch) - fixef(fixed)) / sqrt(diag(vcov(fixed)))), 0.5)
  expect_equal(sigma(batch), sigma(fixed), tolerance = 0.03)
  expect_error(of(vb_control(noise = "fresh", batch = c(h = 50))), class = "vb_error_batch")
  expect_error(of(vb_control(batch = 50)), class = "vb_error_batch")
})

test_that("loo takes the log-likelihood of the draws, constants included", {
  skip_if_not_installed("loo")
  skip_if_not_installed("posterior")
  fit <- advi_of("poisson")
  draws <- posterior::as_draws_matrix(fit)
  eta <- draws[, seq_len(6)] %*% t(model.matrix(fit))
  by_hand <- t(apply(exp(eta), 1, function(mu) stats::dpois(InsectSprays$count, mu, log = TRUE)))
  expect_equal(unname(log_lik(fit)), unname(by_hand), tolerance = 1e-10)
  fit <- advi_of("negbinomial")
  draws <- posterior::as_draws_matrix(fit)
  eta <- draws[, seq_len(4)] %*% t(model.matrix(fit))
  by_hand <- t(vapply(seq_len(nrow(eta)), function(s) {
    stats::dnbinom(warpbreaks$breaks, draws[s, "shape"], mu = exp(eta[s, ]), log = TRUE)
  }, numeric(54)))
  expect_equal(unname(log_lik(fit)), unname(by_hand), tolerance = 1e-10)
  expect_s3_class(suppressWarnings(loo::loo(fit)), "loo")
})

test_that("kept draws have the summary's moments, and their log densities", {
  skip_if_not_installed("posterior")
  fit <- advi_of("slope", control = vb_control(draws = 4000))
  draws <- posterior::as_draws_matrix(fit)
  expect_identical(nrow(draws), 4000L)
  expect_identical(colnames(draws), c(variables.vbfit(fit), "lp__", "lp_approx__"))
  summary <- posterior_summary(fit)
  mean <- colMeans(draws)[rownames(summary)]
  expect_lt(max(abs(mean - summary[, 1]) / summary[, 2]), 0.08)
  sd <- apply(draws, 2, stats::sd)[rownames(summary)]
  expect_lt(max(abs(sd / summary[, 2] - 1)), 0.08)
  expect_error(posterior::as_draws_df(fit, ndraws = 5000), class = "vb_error_ndraws")
  expect_identical(dim(posterior::as_draws_matrix(fit, 10, "sigma")), c(10L, 1L))
  expect_identical(posterior::variables(posterior::as_draws(fit, variable = "lp__")), "lp__")
})

test_that("predictions agree with those of the structured approximation", {
  for (case in c("binomial", "slope", "negbinomial")) {
    structured <- predict(fit_of(case), type = "response", se.fit = TRUE)
    advi <- predict(advi_of(case), type = "response", se.fit = TRUE)
    expect_lt(max(abs(advi$fit - structured$fit) / structured$se.fit), 0.15)
    expect_lt(max(abs(advi$se.fit / structured$se.fit - 1)), 0.15)
  }
  new <- data.frame(period = "1", herd = "unseen")
  structured <- predict(fit_of("binomial"), new, type = "link", se.fit = TRUE,
                        allow.new.levels = TRUE)
  advi <- predict(advi_of("binomial"), new, type = "link", se.fit = TRUE, allow.new.levels = TRUE)
  expect_equal(advi$fit, structured$fit, tolerance = 0.02)
  expect_equal(advi$se.fit, structured$se.fit, tolerance = 0.1)
})

test_that("new levels of two factors are independent", {
  fit <- vb(breaks ~ 1 + (1 | wool) + (1 | tension), warpbreaks, algorithm = "advi")
  structured <- vb(breaks ~ 1 + (1 | wool) + (1 | tension), warpbreaks)
  of <- function(fit, ...) {
    predict(fit, data.frame(...), se.fit = TRUE, allow.new.levels = TRUE)$se.fit[[1L]]
  }
  expect_equal(of(fit, wool = "C", tension = "X"), of(structured, wool = "C", tension = "X"),
               tolerance = 0.15)
})

test_that("the probabilities of categories are predicted", {
  fit <- vb(y ~ x, data.frame(y = ordered(rep(1:3, 20)), x = rep(c(-1, 0, 1, 0.5), 15)),
            family = cumulative(), algorithm = "advi")
  structured <- update(fit, algorithm = "cavi", approximation = "structured")
  p <- fitted(fit)
  expect_equal(unname(rowSums(p)), rep(1, 60), tolerance = 1e-8)
  expect_lt(max(abs(p - fitted(structured))), 0.01)
})

test_that("the summary shows what linear response corrected, and Pareto k", {
  fit <- advi_of("slope", approximation = "meanfield")
  fixed <- summary(fit)$fixed
  expect_identical(names(fixed)[5:6], c("q.Error", "Pareto.k"))
  expect_true(all(fixed$q.Error <= 1.02 * fixed$Est.Error))
  expect_output(print(summary(fit)), "meanfield approximation")
})

test_that("importance weights correct the summary where they can", {
  fit <- advi_of("line", approximation = "meanfield", control = vb_control(draws = 4000))
  exact <- posterior_summary(fit_of("line"))
  corrected <- posterior_summary(fit, method = "psis")
  expect_lt(max(abs(corrected[, 1] - exact[, 1]) / exact[, 2]), 0.06)
  expect_equal(corrected[, 2], exact[, 2], tolerance = 0.05)
  expect_error(posterior_summary(fit_of("line"), method = "psis"), class = "vb_error_method")
})

test_that("what cannot be is refused", {
  expect_error(advi_of("line", approximation = "structured"), class = "vb_error_approximation")
  expect_error(vb(dist ~ speed, cars, approximation = "fullrank"),
               class = "vb_error_approximation")
  expect_error(advi_of("line", bound = "jj"), class = "vb_error_bound")
  expect_error(advi_of("line", prior = horseshoe()), class = "vb_error_approximation")
  expect_error(advi_of("line", control = vb_control(noise = "fresher")), class = "vb_error_noise")
  expect_error(vb_control(draws = 10), class = "vb_error_draws")
})

test_that("a fit that is not done says so", {
  few <- vb_control(noise = "fresh", max_iter = 3)
  expect_warning(fit <- advi_of("slope", control = few), class = "vb_not_converged")
  expect_false(fit$converged)
  expect_identical(fit$stopped, "max_iter")
})
