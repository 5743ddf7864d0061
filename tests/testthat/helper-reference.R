# The reference posteriors of fixtures/ and the bars they are held to: |z| of the mean, ratio of the
# sds (low, high) and error of the 5 % and 95 % quantiles, the last in reference sds. Three Monte
# Carlo standard errors of the reference are allowed on top of each.
bars <- list(fixed = c(0.05, 0.95, 1.05, 0.08), sd = c(0.10, 0.92, 1.08, 0.12),
             cor = c(0.10, 0.92, 1.08, 0.12), aux = c(0.08, 0.93, 1.07, 0.12),
             ranef = c(0.08, 0.93, 1.07, 0.12), eta = c(0.08, 0.93, 1.07, 0.12))
# for groups that say little of themselves the quantiles are the point
sparse_bars <- utils::modifyList(bars, list(ranef = c(0.08, 0.93, 1.07, 0.10)))

reference_cases <- c("cbpp", "sleepstudy", "epil_negbin", "stackloss_student", "eight_schools",
                     "logit_slope", "gauss_three", "poisson_obs", "gamma_groups", "beta_groups",
                     "quantile_plain", "quantile_groups", "lasso_gaussian", "lasso_logit",
                     "cumulative_logit", "cumulative_probit", "weibull_groups", "gauss_eight",
                     "binary_twelve")
sparse_cases <- c("binary_pairs", "logit_crossed", "binary_sparse")

reference_data <- function(case) {
  data <- utils::read.csv(testthat::test_path("fixtures", paste0(case, "-data.csv")),
                          stringsAsFactors = TRUE)
  groups <- c("g", "obs", "a", "b", "e", "f", "k", "m")
  for (k in intersect(groups, names(data))) data[[k]] <- factor(data[[k]])
  data
}

# The simulated cases of dev/reference/make.R have these priors.
simulated_fit <- function(formula, data, family, coef = normal(0, 2.5), location = 0, ...) {
  vb(formula, data, family = family, prior = coef, prior_intercept = student_t(3, location, 2.5),
     ...)
}
own_weibull <- vb_family("weibull", par = c(shape = "positive"), link = "log",
                         log_lik = function(y, eta, par) {
                           stats::dweibull(y, par[["shape"]], exp(eta), log = TRUE)
                         })
ten_columns <- y ~ x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8 + x9 + x10

reference_fit <- function(case, ...) {
  data <- reference_data(case)
  positive_t <- student_t(3, 0, 2.5)
  switch(
    case,
    cbpp = vb(
      cbind(incidence, size - incidence) ~ period + (1 | herd), data, family = binomial(),
      prior = normal(0, c(periodp2 = 5.72172, periodp3 = 5.72172, periodp4 = 5.86826)),
      prior_intercept = student_t(3, 0, 2.5), prior_sd = student_t(3, 0, 2.5), ...
    ),
    sleepstudy = vb(
      Reaction ~ Days + (Days | Subject), data, prior = normal(0, c(Days = 48.8915)),
      prior_intercept = student_t(3, 288.7, 59.3), prior_sd = student_t(3, 0, 59.3),
      prior_cor = lkj(1), prior_aux = student_t(3, 0, 59.3), ...
    ),
    epil_negbin = vb(
      y ~ lbase * trt + lage + V4 + (1 | subject), data, family = negbinomial(),
      prior = normal(0, c(lbase = 3.35064, trtprogabide = 4.99586, lage = 11.2381, V4 = 5.76126,
                          "lbase:trtprogabide" = 4.90932)),
      prior_intercept = student_t(3, 1.4, 2.5), prior_sd = student_t(3, 0, 2.5),
      prior_aux = exponential(1), ...
    ),
    stackloss_student = vb(
      loss ~ air + temp + acid, data, family = student(df = 4),
      prior = normal(0, c(air = 2.77359, temp = 8.04521, acid = 4.74549)),
      prior_intercept = student_t(3, 15, 5.9), prior_aux = student_t(3, 0, 5.9), ...
    ),
    eight_schools = vb(
      y ~ 1 + (1 | school), data, weights = 1 / data$se^2, prior_aux = constant(1),
      prior_intercept = normal(0, 5), prior_sd = cauchy(0, 5), ...
    ),
    logit_slope = simulated_fit(y ~ x + (x | g), data, binomial(), prior_sd = positive_t, ...),
    binary_pairs = , binary_sparse =
      simulated_fit(y ~ x + (1 | g), data, binomial(), prior_sd = positive_t, ...),
    gauss_three = simulated_fit(y ~ x + z + (x + z | g), data, gaussian(), normal(0, 5), 1,
                                prior_sd = positive_t, prior_aux = positive_t, ...),
    gauss_eight = simulated_fit(y ~ x + z + (x + z | g) + (1 | a), data, gaussian(), normal(0, 5),
                                1, prior_sd = positive_t, prior_aux = positive_t, ...),
    binary_twelve = simulated_fit(
      y ~ x + z + (x + z | g) + (1 | a) + (1 | b) + (1 | e) + (1 | f) + (1 | k) + (1 | m), data,
      binomial(), prior_sd = positive_t, ...
    ),
    poisson_obs = simulated_fit(y ~ x + (1 | g) + (1 | obs), data, poisson(), location = 0.5,
                                prior_sd = positive_t, ...),
    logit_crossed = simulated_fit(y ~ x + (1 | a) + (1 | b), data, binomial(),
                                  prior_sd = positive_t, ...),
    gamma_groups = simulated_fit(y ~ x + (1 | g), data, Gamma("log"), location = 0.5,
                                 prior_sd = positive_t, prior_aux = exponential(1), ...),
    beta_groups = simulated_fit(y ~ x + (1 | g), data, Beta(), prior_sd = positive_t,
                                prior_aux = exponential(0.2), ...),
    quantile_plain = simulated_fit(y ~ x + z, data, asym_laplace(tau = 0.25), location = 1,
                                   prior_aux = positive_t, ...),
    quantile_groups = simulated_fit(y ~ x + (1 | g), data, asym_laplace(tau = 0.25), location = 1,
                                    prior_sd = positive_t, prior_aux = positive_t, ...),
    lasso_gaussian = simulated_fit(ten_columns, data, gaussian(), laplace(0, 0.3), 1,
                                   prior_aux = positive_t, ...),
    lasso_logit = simulated_fit(ten_columns, data, binomial(), laplace(0, 0.4), ...),
    cumulative_logit = simulated_fit(y ~ x + (1 | g), data, cumulative(), prior_sd = positive_t,
                                     ...),
    cumulative_probit = simulated_fit(y ~ x + (1 | g), data, cumulative("probit"),
                                      prior_sd = positive_t, ...),
    weibull_groups = simulated_fit(y ~ x + (1 | g), data, own_weibull, location = 0,
                                   prior_sd = positive_t, prior_aux = exponential(1), ...)
  )
}

# a row per quantity: what was measured, what is allowed, and whether it holds
score_reference <- function(case, fit, bars) {
  reference <- utils::read.csv(testthat::test_path("fixtures", paste0(case, "-reference.csv")))
  summary <- posterior_summary(fit, probs = c(0.05, 0.95))
  summary <- rbind(summary, predictor_summary(fit, reference$parameter))
  missing <- setdiff(reference$parameter, rownames(summary))
  if (length(missing)) stop("not in posterior_summary(): ", toString(missing))
  got <- summary[reference$parameter, , drop = FALSE]
  bar <- do.call(rbind, bars[reference$class])
  noise <- 3 * reference[c("mcse_mean", "mcse_sd", "mcse_q05", "mcse_q95")] / reference$sd
  z <- (got[, "Estimate"] - reference$mean) / reference$sd
  ratio <- got[, "Est.Error"] / reference$sd
  quantile <- pmax(abs(got[, 3] - reference$q05), abs(got[, 4] - reference$q95)) / reference$sd
  data.frame(
    parameter = reference$parameter, z = z, ratio = ratio, quantile = quantile,
    met = abs(z) <= bar[, 1] + noise$mcse_mean &
      ratio >= bar[, 2] - noise$mcse_sd & ratio <= bar[, 3] + noise$mcse_sd &
      quantile <= bar[, 4] + pmax(noise$mcse_q05, noise$mcse_q95),
    row.names = NULL
  )
}

# eta[i], the linear predictor in the i-th row of the data
predictor_summary <- function(fit, parameter) {
  row <- as.integer(sub("eta\\[(.*)\\]", "\\1", grep("^eta\\[", parameter, value = TRUE)))
  if (!length(row)) return(NULL)
  got <- predict(fit, type = "link", se.fit = TRUE, interval = "credible", level = 0.9)
  out <- cbind(got$fit[, 1], got$se.fit, got$fit[, 2:3])[row, , drop = FALSE]
  rownames(out) <- sprintf("eta[%d]", row)
  out
}
