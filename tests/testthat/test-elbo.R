test_that("the trace has a row per step, never falls within a phase, and ends at the bound", {
  for (case in all_cases) {
    fit <- fit_of(case)
    trace <- elbo(fit, trace = TRUE)
    expect_identical(names(trace), c("step", "phase", "elbo", "log_lik", "kl", "seconds"),
                     info = case)
    expect_identical(as.integer(trace$step), seq_len(nrow(trace)), info = case)
    expect_true(all(trace$phase %in% c("start", "mode", "nodes")), info = case)
    for (phase in split(trace$elbo, trace$phase, drop = TRUE)) {
      expect_false(is.unsorted(phase), info = case)
    }
    expect_false(is.unsorted(trace$seconds), info = case)
    expect_identical(elbo(fit), fit$elbo, info = case)
    expect_true(is.finite(elbo(fit)), info = case)
  }
})

# KL(N(m, V) || N(m0, V0))
gaussian_kl <- function(m, V, m0, V0) {
  P <- solve(V0)
  (sum(diag(P %*% V)) + drop(t(m - m0) %*% P %*% (m - m0)) - length(m) -
     determinant(P %*% V)$modulus[1L]) / 2
}

# the coefficients at the column means, on which the priors are independent normals
centred <- function(fit, V = vcov(fit)) {
  A <- diag(length(fixef(fit)))
  A[1L, ] <- A[1L, ] + fit$fixed$center
  list(mean = drop(A %*% fixef(fit)), cov = A %*% V %*% t(A))
}

test_that("the bound is the expected log likelihood less the divergence in every phase", {
  for (case in all_cases) {
    fit <- fit_of(case)
    trace <- elbo(fit, trace = TRUE)
    expect_equal(trace$elbo, trace$log_lik - trace$kl, tolerance = 1e-8, info = case)
    expect_true(all(is.finite(trace$log_lik)), info = case)
    expect_equal(elbo(fit, parts = TRUE), unlist(trace[nrow(trace), c("elbo", "log_lik", "kl")]),
                 tolerance = 1e-10, info = case)
  }
  expect_error(elbo(fit_of("line"), parts = 2), class = "vb_error_parts")
})

test_that("both parts are those of the exact posterior where that is Gaussian", {
  fit <- vb(dist ~ speed, cars, prior = normal(0, 5), prior_intercept = normal(10, 50),
            prior_aux = constant(15))
  x <- model.matrix(~ speed, cars)
  mean <- drop(x %*% fixef(fit))
  spread <- sum(x %*% vcov(fit) * x)
  expected <- sum(dnorm(cars$dist, mean, 15, log = TRUE)) - spread / (2 * 15^2)
  at <- centred(fit)
  parts <- elbo(fit, parts = TRUE)
  expect_equal(parts[["log_lik"]], expected, tolerance = 1e-9)
  expect_equal(parts[["kl"]], gaussian_kl(at$mean, at$cov, c(10, 0), diag(c(50, 5)^2)),
               tolerance = 1e-8)
})

test_that("both parts of a binomial fit are those of its Gaussian, by quadrature", {
  fit <- vb(cbind(incidence, size - incidence) ~ period, cbpp, family = binomial(),
            prior = normal(0, 1), prior_intercept = normal(0, 2),
            control = vb_control(lr = FALSE, rq = FALSE))
  x <- model.matrix(fit)
  eta <- drop(x %*% fixef(fit))
  v <- rowSums(x %*% vcov(fit) * x)
  log_lik <- sum(expected(function(i, e) {
    dbinom(cbpp$incidence[i], cbpp$size[i], plogis(e), log = TRUE)
  }, eta, v))
  at <- centred(fit)
  parts <- elbo(fit, parts = TRUE)
  expect_equal(parts[["log_lik"]], log_lik, tolerance = 1e-7)
  expect_equal(parts[["kl"]], gaussian_kl(at$mean, at$cov, rep(0, 4), diag(c(2, 1, 1, 1)^2)),
               tolerance = 1e-6)
})

test_that("over the hyperparameters the expectation is the nodes' average", {
  fit <- vb(breaks ~ wool + tension, warpbreaks, family = negbinomial(),
            control = vb_control(lr = FALSE, rq = FALSE))
  node <- fit$engine$node
  x <- model.matrix(fit)
  at_node <- vapply(seq_along(node$weight), function(s) {
    cov <- matrix(node$fixed_cov, ncol(x)^2)[, s]
    v <- rowSums(x %*% matrix(cov, ncol(x)) * x)
    shape <- node$hyper[1L, s]
    sum(expected(function(i, e) {
      dnbinom(warpbreaks$breaks[i], size = shape, mu = exp(e), log = TRUE)
    }, drop(x %*% node$fixed_mean[, s]), v, by = 0.02))
  }, 0)
  expect_equal(elbo(fit, parts = TRUE)[["log_lik"]], sum(node$weight * at_node), tolerance = 1e-6)
})

test_that("of coordinate ascent the expectation is over q(c) and q(sigma)", {
  for (approximation in c("joint", "meanfield")) {
    fit <- vb(Reaction ~ Days + (Days | Subject), sleepstudy, approximation = approximation,
              control = vb_control(lr = FALSE))
    eta <- predict(fit, type = "link", se.fit = TRUE)
    square <- sum((sleepstudy$Reaction - eta$fit)^2 + eta$se.fit^2)
    sigma <- fit$engine$point$hyper[match("sigma", fit$hyper$name), ]
    log_lik <- -180 * log(2 * pi) / 2 - 180 * mean(log(sigma)) - square * mean(sigma^-2) / 2
    expect_equal(elbo(fit, parts = TRUE)[["log_lik"]], log_lik, tolerance = 1e-5)
    expect_gt(elbo(fit, parts = TRUE)[["kl"]], 0)
  }
})

test_that("ADVI tells both parts of a model, and entropy where there is no likelihood", {
  exact <- elbo(fit_of("line"), parts = TRUE)
  fit <- vb(dist ~ speed, cars, algorithm = "advi")
  got <- elbo(fit, parts = TRUE)
  expect_named(got, c("elbo", "log_lik", "kl"))
  expect_lt(max(abs(got - exact)), 0.2)
  trace <- elbo(fit, trace = TRUE)
  expect_equal(trace$elbo, trace$log_lik - trace$kl, tolerance = 1e-8)
  expect_true(all(is.finite(trace$log_lik[trace$phase != "path"])))

  density <- function(theta) {
    dnorm(theta[["a"]], 1, 2, log = TRUE) - exp(theta[["b"]]) + theta[["b"]]
  }
  for (approximation in c("meanfield", "pathfinder")) {
    fit <- advi(density, c(a = 0, b = 0), approximation = approximation)
    expect_named(elbo(fit, parts = TRUE), c("elbo", "log_density", "entropy"))
    entropy <- sum(log(fit$sd_q)) + 1 + log(2 * pi)
    se <- if (approximation == "pathfinder") 0.3 else 1e-6
    expect_lt(abs(elbo(fit, parts = TRUE)[["entropy"]] - entropy), se)
  }
  last <- utils::tail(elbo(fit, trace = TRUE), 1L)
  expect_equal(last$elbo, last$log_density + last$entropy, tolerance = 1e-10)
})
