# Coordinate ascent against the same ascent written densely in R, with its one-dimensional factors
# by quadrature; the bound against exact evidence; labels.

# One grouping factor or two, random intercepts, gaussian; half-normal priors on the sds.
dense_cavi <- function(y, x, groups, scheme, prior_sd = 2.5, beta_sd = 10, sweeps = 2000) {
  center <- colMeans(x)
  center[1L] <- 0
  xc <- sweep(x, 2L, center)
  z <- lapply(groups, function(g) model.matrix(~ 0 + factor(g)))
  a <- do.call(cbind, c(list(xc), z))
  p <- ncol(x)
  block <- rep(0:length(z), c(p, vapply(z, ncol, 1L)))
  grid <- seq(-12, 6, length.out = 6001)                       # of log sd
  free <- function(n, moment) {   # exp(-n log sd - moment / (2 sd^2)) prior, on the log scale
    sd <- exp(grid)
    log_q <- -n * grid - moment / (2 * sd^2) + log(2) + dnorm(sd, 0, prior_sd, log = TRUE) + grid
    top <- max(log_q)
    w <- exp(log_q - top)
    log_z <- top + log(sum(w) * diff(grid[1:2]))
    w <- w / sum(w)
    list(precision = sum(w / sd^2), mean = sum(w * sd), var = sum(w * sd^2) - sum(w * sd)^2,
         log_z = log_z)
  }
  tau <- 1 / var(y)
  omega <- rep(1 / var(y), length(z))
  bounds <- numeric()
  for (it in seq_len(sweeps)) {
    prior <- c(rep(1 / beta_sd^2, p), rep(omega, vapply(z, ncol, 1L)))
    lambda <- tau * crossprod(a) + diag(prior)
    m <- solve(lambda, tau * crossprod(a, y))
    s <- switch(scheme, joint = solve(lambda),
                meanfield = solve(lambda * outer(block, block, "==")), partial = {
                  c_ <- block == 0
                  v <- solve(lambda[c_, c_])
                  f <- v %*% lambda[c_, !c_]
                  s_u <- 1 / diag(lambda[!c_, !c_] - lambda[!c_, c_] %*% f)
                  out <- matrix(0, ncol(a), ncol(a))
                  out[!c_, !c_] <- diag(s_u)
                  out[c_, !c_] <- -f %*% diag(s_u)
                  out[!c_, c_] <- t(out[c_, !c_])
                  out[c_, c_] <- v + f %*% diag(s_u) %*% t(f)
                  out
                })
    second <- diag(s) + drop(m)^2
    rss <- sum((y - a %*% m)^2) + sum((a %*% s) * a)
    noise <- free(length(y), rss)
    u <- lapply(seq_along(z), function(k) free(ncol(z[[k]]), sum(second[block == k])))
    bounds[it] <- noise$log_z - length(y) / 2 * log(2 * pi) + sum(vapply(u, `[[`, 0, "log_z")) +
      sum(dnorm(0, 0, beta_sd, log = TRUE) - second[block == 0] / (2 * beta_sd^2)) +
      determinant(s)$modulus / 2 + ncol(a) / 2 + p / 2 * log(2 * pi)
    change <- max(abs(c(tau - noise$precision, omega - vapply(u, `[[`, 0, "precision"))))
    tau <- noise$precision
    omega <- vapply(u, `[[`, 0, "precision")
    if (change < 1e-10) break
  }
  b <- drop(m[seq_len(p)])
  to <- diag(p)
  to[1L, ] <- to[1L, ] - center
  list(beta = drop(to %*% b), cov = to %*% s[seq_len(p), seq_len(p)] %*% t(to),
       sd = vapply(u, `[[`, 0, "mean"), sd_sd = sqrt(vapply(u, `[[`, 0, "var")),
       sigma = noise$mean, elbo = bounds[length(bounds)], bounds = bounds, u = m[-seq_len(p)],
       u_var = diag(s)[-seq_len(p)])
}

crossed_data <- function() {
  set.seed(3)
  d <- data.frame(x = rnorm(60), g = factor(rep(1:8, length.out = 60)),
                  h = factor(sample(5, 60, TRUE)))
  d$y <- 1 + d$x + rnorm(8)[d$g] + 0.7 * rnorm(5)[d$h] + rnorm(60)
  d
}

approximations <- c("structured", "joint", "partial", "meanfield")

likelihoods <- list(
  gaussian = list(y = function(eta) eta + stats::rnorm(length(eta)), family = gaussian()),
  logit = list(y = function(eta) stats::rbinom(length(eta), 1, stats::plogis(eta)),
               family = binomial()),
  probit = list(y = function(eta) stats::rbinom(length(eta), 1, stats::pnorm(eta)),
                family = binomial("probit")),
  cloglog = list(y = function(eta) stats::rbinom(length(eta), 1, 1 - exp(-exp(eta))),
                 family = binomial("cloglog")),
  poisson = list(y = function(eta) stats::rpois(length(eta), exp(eta)), family = poisson()),
  negbinomial = list(y = function(eta) stats::rnbinom(length(eta), mu = exp(eta), size = 2),
                     family = negbinomial()),
  student = list(y = function(eta) eta + 0.5 * stats::rt(length(eta), 3), family = student()),
  Gamma = list(y = function(eta) stats::rgamma(length(eta), 2, 2 / exp(eta)),
               family = Gamma("log")),
  beta = list(y = function(eta) {
    stats::rbeta(length(eta), 0.2 + 5 * stats::plogis(eta), 0.2 + 5 * stats::plogis(-eta))
  }, family = Beta()),
  quantile = list(y = function(eta) eta + stats::rnorm(length(eta)), family = asym_laplace(0.3)),
  ordinal = list(y = function(eta) {
    cut(eta + stats::rlogis(length(eta)), c(-Inf, -0.7, 0.5, 2, Inf), ordered_result = TRUE)
  }, family = cumulative()),
  own = list(y = function(eta) stats::rpois(length(eta), exp(eta)),
             family = vb_family("counts", link = "log", log_lik = function(y, eta, par) {
               stats::dpois(y, exp(eta), log = TRUE)
             }))
)

for (scheme in c("joint", "partial", "meanfield")) {
  test_that(paste(scheme, "is the coordinate ascent it says"), {
    d <- crossed_data()
    fit <- vb(y ~ x + (1 | g) + (1 | h), d, approximation = scheme, prior = normal(0, 10),
              prior_intercept = normal(0, 10), prior_sd = normal(0, 2.5),
              prior_aux = normal(0, 2.5), control = vb_control(lr = FALSE))
    truth <- dense_cavi(d$y, cbind(1, d$x), list(d$g, d$h), scheme)
    expect_true(fit$converged)
    expect_equal(elbo(fit), truth$elbo, tolerance = 1e-7)
    expect_equal(unname(fixef(fit)), truth$beta, tolerance = 1e-5)
    expect_equal(unname(vcov(fit)), truth$cov, tolerance = 1e-5)
    summary <- posterior_summary(fit)
    expect_equal(unname(summary[c("sd_g__Intercept", "sd_h__Intercept"), "Estimate"]), truth$sd,
                 tolerance = 1e-3)
    expect_equal(unname(summary[c("sd_g__Intercept", "sd_h__Intercept"), "Est.Error"]),
                 truth$sd_sd, tolerance = 0.01)
    expect_equal(unname(summary["sigma", "Estimate"]), truth$sigma, tolerance = 1e-3)
    r <- unlist(lapply(ranef(fit), function(r) r[, 1L]), use.names = FALSE)
    expect_equal(r, unname(truth$u), tolerance = 1e-4)
  })
}

test_that("Anderson's method ends where plain sweeps do, in a twentieth of their number", {
  set.seed(1)
  g <- rep(1:20, each = 5)
  d <- data.frame(x = rnorm(100), g = factor(g))
  d$y <- 1 + 0.5 * d$x + 0.3 * rnorm(20)[g] + rnorm(100)
  plain <- dense_cavi(d$y, cbind(1, d$x), list(g), "joint")
  fit <- vb(y ~ x + (1 | g), d, approximation = "joint", prior = normal(0, 10),
            prior_intercept = normal(0, 10), prior_sd = normal(0, 2.5), prior_aux = normal(0, 2.5))
  expect_equal(elbo(fit), plain$elbo, tolerance = 1e-9)
  expect_lt(fit$engine$n_eval, length(plain$bounds) / 20)
})

test_that("every approximation fits every likelihood, its bound rises, less q is less bound", {
  set.seed(1)
  d <- data.frame(x = rnorm(120), g = factor(rep(1:12, 10)), h = factor(sample(4, 120, TRUE)))
  eta <- 0.3 + 0.5 * d$x + 0.7 * rnorm(12)[d$g] + 0.4 * rnorm(4)[d$h]
  for (name in names(likelihoods)) {
    d$y <- likelihoods[[name]]$y(eta)
    fits <- lapply(approximations, function(a) {
      vb(y ~ x + (x | g) + (1 | h), d, family = likelihoods[[name]]$family, approximation = a)
    })
    for (fit in fits) {
      expect_true(fit$converged, info = paste(name, fit$approximation))
      falls <- vapply(split(fit$trace$elbo, fit$trace$phase), is.unsorted, NA)
      expect_false(any(falls), info = paste(name, fit$approximation))
    }
    bounds <- vapply(fits, elbo, 0)
    expect_true(all(diff(bounds) < 1e-3), info = name)
    means <- vapply(fits[-1L], fixef, fixef(fits[[1L]]))
    expect_lt(max(abs(means - fixef(fits[[1L]]))), 0.1)
    # of coefficients of x alone: mean field has no sd for an intercept or what depends on it
    sds <- vapply(fits[1:3], function(f) sqrt(diag(vcov(f)))[["x"]], 0)
    expect_true(all(sds[-1L] / sds[1L] > 0.8 & sds[-1L] / sds[1L] < 1.15), info = name)
  }
})

test_that("covariances of three and four coefficients, whose factor is weighted points", {
  set.seed(2)
  d <- data.frame(g = factor(rep(1:30, each = 12)), x = rnorm(360), z = rnorm(360), w = rnorm(360))
  u <- matrix(rnorm(120), 30) %*% chol(0.3 * diag(4) + 0.2)
  d$y <- 1 + d$x + rowSums(u[d$g, ] * cbind(1, d$x, d$z, d$w)) + rnorm(360)
  for (formula in list(y ~ x + z + (x + z | g), y ~ x + z + w + (x + z + w | g))) {
    fits <- lapply(approximations, function(a) vb(formula, d, approximation = a))
    for (fit in fits) {
      expect_true(fit$converged)
      expect_false(any(vapply(split(fit$trace$elbo, fit$trace$phase), is.unsorted, NA)))
    }
    expect_true(all(diff(vapply(fits, elbo, 0)) < 0))
    sds <- vapply(fits, function(f) attr(VarCorr(f)$g, "stddev"),
                  attr(VarCorr(fits[[1L]])$g, "stddev"))
    expect_lt(max(abs(log(sds / sds[, 1L]))), 0.15)
  }
})

test_that("the bounds of latent variables go with every approximation, and lie below the exact", {
  set.seed(1)
  d <- data.frame(x = rnorm(120), g = factor(rep(1:12, 10)), h = factor(sample(4, 120, TRUE)))
  eta <- 0.3 + 0.5 * d$x + 0.7 * rnorm(12)[d$g] + 0.4 * rnorm(4)[d$h]
  for (name in c("logit", "probit", "negbinomial", "student", "quantile", "ordinal")) {
    d$y <- likelihoods[[name]]$y(eta)
    for (a in approximations) {
      fit <- lapply(c("exact", "jj"), function(b) {
        vb(y ~ x + (1 | g) + (1 | h), d, family = likelihoods[[name]]$family, approximation = a,
           bound = b)
      })
      expect_true(fit[[2L]]$converged, info = paste(name, a))
      expect_lt(elbo(fit[[2L]]), elbo(fit[[1L]]))
      falls <- vapply(split(fit[[2L]]$trace$elbo, fit[[2L]]$trace$phase), is.unsorted, NA)
      expect_false(any(falls), info = paste(name, a))
    }
  }
})

test_that("mean field under the logit's bound is Jaakkola and Jordan's algorithm", {
  d <- cbpp
  y <- d$incidence
  n <- d$size
  x <- model.matrix(~ period, d)
  center <- c(0, colMeans(x)[-1L])
  xc <- sweep(x, 2L, center)
  xi <- rep(1, nrow(x))
  for (it in 1:500) {
    s <- solve(crossprod(xc, n * tanh(xi / 2) / (2 * xi) * xc) + diag(1 / 9, 4L))
    m <- drop(s %*% crossprod(xc, y - n / 2))
    xi <- sqrt(drop(xc %*% m)^2 + rowSums((xc %*% s) * xc))
  }
  bound <- sum(lchoose(n, y)) + sum((y - n / 2) * xc %*% m - n * log(2 * cosh(xi / 2))) -
    sum(diag(s) + m^2) / 18 - 4 * log(3) + determinant(s)$modulus / 2 + 2
  fit <- vb(cbind(incidence, size - incidence) ~ period, d, family = binomial(),
            approximation = "meanfield", bound = "jj", prior = normal(0, 3),
            prior_intercept = normal(0, 3), control = vb_control(tol = 1e-12))
  to <- diag(4L)
  to[1L, ] <- to[1L, ] - center
  expect_equal(elbo(fit), c(bound), tolerance = 1e-8)
  expect_equal(unname(fixef(fit)), drop(to %*% m), tolerance = 1e-6)
  expect_equal(unname(vcov(fit)), unname(to %*% s %*% t(to)), tolerance = 1e-5)
})

test_that("dispersions and group sds of a joint fit have the distribution that quadrature gives", {
  # one intercept, normal likelihood with known sd: q(mu) q(sd) has one-dimensional factors
  set.seed(5)
  y <- rnorm(9, 1, 2)
  d <- data.frame(y = y, g = factor(1:9))
  fit <- vb(y ~ 0 + (1 | g), d, approximation = "joint", prior_aux = constant(1),
            prior_sd = student_t(3, 0, 2))
  omega <- 1
  sd <- exp(seq(-6, 6, length.out = 20001))
  for (it in 1:500) {                                # y_j ~ N(u_j, 1), u_j ~ N(0, 1 / omega)
    second <- sum((y / (1 + omega))^2 + 1 / (1 + omega))
    log_q <- log_half_t(sd, 3, 2) + log(sd) - 9 * log(sd) - second / (2 * sd^2)
    w <- exp(log_q - max(log_q))
    omega <- sum(w / sd^2) / sum(w)
  }
  w <- w / sum(w)
  got <- posterior_summary(fit, probs = c(0.05, 0.95))["sd_g__Intercept", ]
  want <- c(sum(w * sd), sqrt(sum(w * sd^2) - sum(w * sd)^2),
            approx(cumsum(w), sd, c(0.05, 0.95), ties = "ordered")$y)
  expect_equal(unname(got), want, tolerance = 2e-3)
})

test_that("a bound is below the evidence, and close where the approximation loses little", {
  set.seed(2)
  y <- rnbinom(40, mu = 4, size = 2)
  fit <- lapply(approximations, function(a) {
    vb(y ~ 1, data.frame(y), family = negbinomial(), approximation = a,
       prior_intercept = normal(0, 3), prior_aux = exponential(1))
  })
  grid <- expand.grid(b = seq(0.4, 2.4, length.out = 300), s = seq(-2.5, 3, length.out = 300))
  log_p <- mapply(function(b, s) {
    sum(dnbinom(y, mu = exp(b), size = exp(s), log = TRUE)) + dnorm(b, 0, 3, log = TRUE) -
      exp(s) + s
  }, grid$b, grid$s)
  evidence <- log_sum_exp(log_p) + log(2 / 299 * 5.5 / 299)
  for (f in fit) {
    expect_lt(elbo(f), evidence)
    expect_gt(elbo(f), evidence - 0.03)
  }
})

test_that("draws and predictions of a factorised fit are those of its summary", {
  d <- crossed_data()
  for (scheme in c("partial", "meanfield")) {
    fit <- vb(y ~ x + (x | g) + (1 | h), d, approximation = scheme)
    set.seed(1)
    draws <- as.matrix(fit, ndraws = 8000)
    summary <- posterior_summary(fit)
    shared <- intersect(colnames(draws), rownames(summary))
    expect_gt(length(shared), 20)
    z <- (colMeans(draws[, shared]) - summary[shared, "Estimate"]) / summary[shared, "Est.Error"]
    expect_lt(max(abs(z)), 0.06)
    ratio <- apply(draws[, shared], 2, stats::sd) / summary[shared, "Est.Error"]
    expect_lt(max(abs(log(ratio))), 0.05)
    eta <- draws[, "b_Intercept"] + 0.5 * draws[, "b_x"] + draws[, "r_g[3,Intercept]"] +
      0.5 * draws[, "r_g[3,x]"] + draws[, "r_h[2,Intercept]"]
    p <- predict(fit, data.frame(x = 0.5, g = "3", h = "2"), se.fit = TRUE)
    expect_equal(unname(p$fit), mean(eta), tolerance = 0.02)
    expect_equal(unname(p$se.fit), stats::sd(eta), tolerance = 0.04)
    apart <- predict(fit, data.frame(x = 0.5, g = "new", h = "2"), se.fit = TRUE,
                     allow.new.levels = TRUE)
    expect_gt(apart$se.fit, p$se.fit)
  }
})

test_that("linear response gives a partial fit the covariance of the full Gaussian", {
  d <- crossed_data()
  priors <- list(prior = normal(0, 10), prior_intercept = normal(0, 10), prior_sd = constant(0.8),
                 prior_aux = constant(1))
  fit <- function(...) do.call(vb, c(list(y ~ x + (1 | g) + (1 | h), d, ...), priors))
  expect_equal(vcov(fit(approximation = "partial")), vcov(fit(approximation = "joint")),
               tolerance = 1e-5)
  apart <- fit(approximation = "partial", control = vb_control(lr = FALSE))
  expect_lt(vcov(apart)[1, 1], 0.8 * vcov(fit(approximation = "joint"))[1, 1])
})

test_that("the summary says what the sds of an approximation are worth", {
  d <- crossed_data()
  said <- vapply(approximations, function(a) {
    fit <- vb(y ~ x + (1 | g), d, approximation = a)
    gsub("\\s+", " ", paste(utils::capture.output(print(summary(fit))), collapse = " "))
  }, "")
  expect_identical(grepl("too small", said), approximations != "structured",
                   ignore_attr = TRUE)
  expect_match(said[["partial"]], "linear response")
})

test_that("crossed factors whose Cholesky factor does not fit are partial, with a warning", {
  set.seed(4)
  n <- 3000
  d <- data.frame(a = factor(sample(600, n, TRUE), 1:600), b = factor(sample(400, n, TRUE)))
  d$y <- rnorm(600)[d$a] + rnorm(400)[d$b] + rnorm(n)
  small <- vb_control(memory = 1e-4)
  expect_warning(fit <- vb(y ~ (1 | a) + (1 | b), d, control = small), class = "vb_warning_partial")
  expect_identical(fit$approximation, "partial")
  expect_identical(fit$engine$solver, "gradients")
  expect_true(fit$converged)
  expect_equal(unname(sigma(fit)), 1, tolerance = 0.1)
  expect_no_warning(fit <- vb(y ~ (1 | a) + (1 | b), d))
  expect_identical(fit$approximation, "structured")
  expect_no_warning(vb(y ~ (1 | a) + (1 | b), d, control = small, approximation = "structured"))
})

test_that("memory is what is free, whoever limits it", {
  file <- tempfile()
  writeLines(c("MemTotal: 9000 kB", "MemAvailable:    2048 kB"), file)
  expect_identical(free_of_machine(file), 2048 * 1024)
  expect_null(free_of_machine(tempfile()))
  folder <- tempfile()
  dir.create(folder)
  expect_null(free_of_container(folder))
  writeLines("5000", file.path(folder, "memory.max"))
  writeLines("2000", file.path(folder, "memory.current"))
  expect_identical(free_of_container(folder), 3000)
  writeLines("max", file.path(folder, "memory.max"))
  expect_null(free_of_container(folder))
  expect_identical(factor_memory(2), 2^31)
  expect_message(announce_time(600), "10 minutes", class = "vb_message_time")
})

test_that("no approximation is the default one", {
  expect_identical(vb(dist ~ speed, cars, approximation = NULL)$approximation, "structured")
  expect_identical(vb(dist ~ speed, cars, algorithm = "advi", approximation = NULL)$approximation,
                   "fullrank")
})
