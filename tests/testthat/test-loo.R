skip_if_not_installed("loo")

elpd <- function(fit, ...) {
  set.seed(1)
  suppressWarnings(loo::loo(fit, ...))$pointwise[, "elpd_loo"]
}
left_one_out <- function(fit, rows) vapply(rows, refitted_density, 0, fit = fit)

test_that("importance weights of draws find what refits find", {
  # the errors are Monte Carlo's, of some thousand draws
  rows <- c(1, 20, 23, 49)
  expect_lt(max(abs(elpd(fit_of("line"))[rows] - left_one_out(fit_of("line"), rows))), 0.05)
  rows <- c(1, 5, 20, 54)
  fit <- fit_of("negbinomial")
  expect_lt(max(abs(elpd(fit)[rows] - left_one_out(fit, rows))), 0.03)
})

test_that("the result is loo's own, with its diagnostics and arguments", {
  fit <- fit_of("poisson")
  set.seed(4)
  out <- suppressWarnings(loo::loo(fit, ndraws = 500, save_psis = TRUE))
  expect_s3_class(out, "psis_loo_ap")
  expect_identical(dim(out), c(500L, 72L))
  expect_s3_class(out$psis_object, "psis")
  expect_lt(max(out$diagnostics$pareto_k), 0.7)
  expect_output(print(out), "approximation correction")
})

test_that("weights that fail name the method without weights", {
  set.seed(1)
  data <- data.frame(id = 1:30, y = rpois(30, exp(3 + rnorm(30))))
  fit <- vb(y ~ 1 + (1 | id), data, family = poisson())
  set.seed(4)
  said <- capture_warnings(loo::loo(fit, ndraws = 500))
  expect_match(said, "method = \"cavity\"", fixed = TRUE)
  expect_length(said, 1L)
  expect_warning(loo::loo(fit, ndraws = 500), class = "vb_warning_pareto_k")
})

test_that("draws without a density have no weight, and without any that is told", {
  fit <- fit_of("line")
  set.seed(3)
  sample <- posterior_sample(fit, 200L, densities = TRUE)
  sample <- list(lp = sample$lp, lp_approx = sample$lp_approx)
  log_lik <- matrix(rnorm(200 * 3, -2, 0.1), 200)
  without <- function(k) {
    list(lp = sample$lp[-k], lp_approx = sample$lp_approx[-k])
  }
  loo_of <- function(...) {
    suppressWarnings(psis_loo(..., approximation = "structured", dots = list()))
  }
  want <- loo_of(log_lik[-(1:3), ], without(1:3))
  sample$lp[1] <- -Inf
  sample$lp_approx[2] <- NaN
  log_lik[3, 2] <- -Inf
  expect_equal(loo_of(log_lik, sample)$pointwise, want$pointwise)
  log_lik[, 2] <- NaN
  expect_error(loo_of(log_lik, sample), class = "vb_error_log_lik")
})

test_that("groups are the sums of their rows at each draw", {
  fit <- fit_of("binomial")
  set.seed(4)
  out <- suppressWarnings(loo::loo(fit, group = "herd", save_psis = TRUE))
  expect_identical(nrow(out$pointwise), nlevels(cbpp$herd))
  # their weights are those of the approximation and of the group's rows alone
  set.seed(4)
  draws <- posterior_sample(fit, 4000L, densities = TRUE)
  u <- draws$coef[4 + 1, ]
  eta <- cbind(1, model.matrix(fit)[cbpp$herd == "1", -1]) %*% draws$coef[1:4, ] + rep(u, each = 4)
  y <- cbpp[cbpp$herd == "1", ]
  log_lik <- colSums(matrix(dbinom(y$incidence, y$size, plogis(eta), log = TRUE), 4))
  ratio <- draws$lp - draws$lp_approx - log_lik
  raw <- out$psis_object$log_weights[, 1]
  small <- order(ratio)[1:3000]                              # the tail is smoothed
  expect_equal(raw[small] - raw[small[1]], ratio[small] - ratio[small[1]], tolerance = 1e-6)
})

test_that("groups are named in several ways, and wrong ones are told", {
  fit <- fit_of("nested")
  unit <- left_out(fit, "loom:wool")
  expect_setequal(unlist(unit), 1:54)
  expect_length(unit, 18L)
  expect_setequal(unname(left_out(fit, ~ wool:loom)), unname(unit))
  expect_identical(left_out(fit, "wool"), left_out(fit, looms$wool))
  expect_identical(names(left_out(fit, ~ wool)), c("A", "B"))
  expect_error(loo::loo(fit, group = "shift"), class = "vb_error_group")
  expect_error(loo::loo(fit, group = 1:3), class = "vb_error_group")
  expect_error(loo::loo(fit, group = rep("a", 54)), class = "vb_error_group")
  expect_error(loo::loo(fit, group = c(NA, rep(1:2, c(20, 33)))), class = "vb_error_group")
})

test_that("rows of weight zero are left out of groups and of the result", {
  data <- transform(looms, use = as.numeric(seq_along(breaks) > 6))
  fit <- vb(breaks ~ tension + (1 | loom), data, family = poisson(), weights = use)
  expect_length(elpd(fit, method = "cavity"), 48L)
  expect_length(elpd(fit, ndraws = 100), 48L)
  of_rows <- left_out(fit, data$loom)
  expect_identical(lapply(of_rows, function(i) unique(data$loom[-(1:6)][i])),
                   lapply(stats::setNames(nm = names(of_rows)), factor, levels = levels(data$loom)))
})

test_that("fits by ADVI use the draws that they keep", {
  fit <- vb(count ~ spray, InsectSprays, family = poisson(), algorithm = "advi")
  expect_lt(max(abs(elpd(fit) - elpd(fit_of("poisson")))), 0.1)
  expect_error(loo::loo(fit, ndraws = 1e5), class = "vb_error_ndraws")
  expect_error(loo::loo(fit, method = "cavity"), class = "vb_error_method")
})

test_that("models are compared across methods, and different responses noticed", {
  with <- fit_of("poisson")
  without <- vb(count ~ 1, InsectSprays, family = poisson())
  set.seed(1)
  drawn <- suppressWarnings(loo::loo(with))
  table <- loo::loo_compare(list(with = drawn, without = loo::loo(without, "cavity")))
  expect_identical(rownames(table), c("with", "without"))
  expect_lt(table["without", "elpd_diff"], -50)
  other <- vb(rev(count) ~ spray, InsectSprays, family = poisson())
  expect_warning(loo::loo_compare(loo::loo(with, "cavity"), loo::loo(other, "cavity")), "yhash")
})

test_that("waic is that of the log-likelihood's draws, near to loo where both are good", {
  fit <- fit_of("poisson")
  waic <- function(...) suppressWarnings(loo::waic(...))
  set.seed(3)
  got <- waic(fit)
  set.seed(3)
  expect_equal(got$estimates, waic(log_lik(fit))$estimates)
  expect_lt(abs(got$estimates["elpd_waic", 1] - sum(elpd(fit))), 1)
  expect_s3_class(loo::loo_compare(got, waic(update(fit, . ~ 1))), "compare.loo")
  expect_error(loo::waic(advi(function(x) -x^2 / 2, c(x = 0), function(x) -x)),
               class = "vb_error_log_lik")
  ll <- matrix(rnorm(4000 * 20, -3, 0.1), 4000)
  own <- advi(function(x) -x^2 / 2, c(x = 0), function(x) -x)
  expect_equal(waic(own, ll)$estimates, waic(ll)$estimates)
  expect_warning(loo::waic(own, ll, nonsense = 1), class = "vb_warning_dots")
})
