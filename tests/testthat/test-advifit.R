fit <- advi(schools_density, schools_init, schools_gradient, lower = c(tau = 0))

test_that("every field is documented in ?advifit and holds plain data", {
  page <- file.path(source_root(), "man", "advifit.Rd")
  skip_if_not(file.exists(page), "no man/ here")
  text <- paste(readLines(page, warn = FALSE), collapse = "\n")
  described <- vapply(names(fit), function(field) {
    grepl(paste0("\\\\code\\{", field, "\\}"), text)
  }, NA)
  expect_identical(names(fit)[!described], character())
  for (class in c("externalptr", "environment", "function")) {
    expect_length(rapply(unclass(fit), function(x) TRUE, classes = class, how = "unlist"), 0)
  }
})

test_that("fields are named and of their sizes", {
  d <- length(schools_init)
  axes <- sub("tau", "log(tau)", names(schools_init), fixed = TRUE)
  for (field in c("mean", "sd", "sd_q", "noise_sd")) {
    expect_identical(sort(names(fit[[field]])), sort(axes), info = field)
  }
  expect_identical(dimnames(fit$cov), list(names(fit$mean), names(fit$mean)))
  expect_equal(unname(diag(fit$cov)), unname(fit$sd^2))
  expect_identical(colnames(fit$draws), names(schools_init))
  expect_identical(fit$margin$name, names(schools_init))
  n <- nrow(fit$draws)
  expect_identical(lengths(fit[c("lp", "lp_approx", "log_weight")], use.names = FALSE), rep(n, 3))
  expect_equal(sum(exp(fit$log_weight)), 1)
  expect_named(fit$trace, c("step", "phase", "elbo", "log_density", "entropy", "seconds", "se",
                            "n_grad"))
  expect_identical(fit$trace, elbo(fit, trace = TRUE))
  expect_identical(elbo(fit), fit$elbo)
  # lp is the density of the real numbers: with the Jacobian of log(tau)
  by_hand <- apply(fit$draws[1:5, ], 1, schools_density) + log(fit$draws[1:5, "tau"])
  expect_equal(fit$lp[1:5], unname(by_hand), tolerance = 1e-8)
})

test_that("draws are from the Gaussian, or weighed against it", {
  x <- fit$draws
  x[, "tau"] <- log(x[, "tau"])
  mean <- fit$mean[match(sub("tau", "log(tau)", colnames(x), fixed = TRUE), names(fit$mean))]
  cov <- fit$cov[names(mean), names(mean)]
  by_hand <- apply(x[1:5, ], 1, log_normal_density, mean = mean, cov = cov)
  expect_equal(fit$lp_gaussian[1:5], unname(by_hand), tolerance = 1e-6)
  weight <- exp(gaussian_weight(fit))
  z <- (colSums(weight * x) - mean) / sqrt(diag(cov) * sum(weight^2))
  expect_lt(max(abs(z)), 4)
  near <- advi(function(theta) stats::dgamma(theta, 1e4, log = TRUE), c(a = 9e3),
               function(theta) (1e4 - 1) / theta - 1, lower = 0)
  expect_identical(near$lp_gaussian, near$lp_approx)
  expect_false(near$margin$weighted)
})

test_that("a fit says what it is, within 80 columns, and draws its bound", {
  text <- capture.output(print(fit))
  expect_true(all(nchar(text) <= 80))
  expect_identical(text[1], "advi")
  expect_match(text[2], "R function of 10 parameters")
  for (name in names(schools_init)) expect_true(any(startsWith(text, name)), info = name)
  many <- advi(function(x) -sum(x^2) / 2, numeric(60), function(x) -x)
  expect_match(capture.output(print(many)), "and 20 more", all = FALSE)
  file <- tempfile(fileext = ".pdf")
  grDevices::pdf(file)
  on.exit({
    grDevices::dev.off()
    unlink(file)
  })
  expect_identical(plot(fit), elbo(fit, trace = TRUE))
  expect_error(plot(fit, type = "dens"), class = "vb_error_type")
})

test_that("methods work on a saved fit in a new session", {
  there <- in_new_session(fit, c(
    "out <- list(posterior_summary(fit), vcov(fit), confint(fit), coef(fit), elbo(fit))",
    "out <- c(out, list(capture.output(print(fit), print(summary(fit)))))"))
  expect_identical(there[1:5], list(posterior_summary(fit), vcov(fit), confint(fit), coef(fit),
                                    elbo(fit)))
  expect_identical(there[[6]], capture.output(print(fit), print(summary(fit))))
})

test_that("standard deviations under q are its own, on the scale of the parameters", {
  target <- gaussian_target(3)
  own <- 1 / sqrt(diag(solve(target$cov)))
  fit <- advi(target$log_density, target$init, target$gradient, approximation = "meanfield")
  expect_equal(fit$margin$error_q, own, tolerance = 1e-6)
  # of what depends on several: independent under mean field
  x <- c(0, 0, 0)
  stan_like <- structure(list2env(list(
    param_unc_num = function() 3L, param_unc_names = function() c("x.1", "x.2", "x.3"),
    param_names = function(...) c("x.1", "x.2", "x.3", "total"),
    param_constrain = function(u, ...) c(u, sum(u)),
    log_density = function(u, ...) target$log_density(u),
    log_density_gradient = function(u, ...) {
      list(val = target$log_density(u), gradient = target$gradient(u))
    })), class = "StanModel")
  fit <- advi(stan_like, approximation = "meanfield")
  expect_equal(fit$margin$error_q[4], sqrt(sum(own^2)), tolerance = 0.1)
  expect_equal(posterior_summary(fit)["total", 2], sqrt(sum(target$cov)), tolerance = 0.1)
})

test_that("Pathfinder's draws are resampled, and summarised as such", {
  fit <- advi(schools_density, schools_init, schools_gradient, lower = c(tau = 0),
              approximation = "pathfinder")
  expect_true(all(is.na(fit$margin$axis)))
  expect_equal(unname(coef(fit)), unname(colMeans(fit$draws)))
  expect_identical(unique(fit$margin$khat), fit$khat)
  expect_false(any(grepl("draws", summary(fit)$report)))
  target <- gaussian_target(3)
  fit <- advi(target$log_density, target$init, target$gradient, approximation = "pathfinder")
  expect_lt(max(abs(coef(fit) - target$mean) / sqrt(diag(target$cov))), 0.1)
})
