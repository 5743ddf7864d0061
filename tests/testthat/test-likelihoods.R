# Gamma, beta and quantile regression, and the lasso prior, against glm and brute-force integrals.
# (The densities and their derivatives are in test-core-families.R.)

flat_fit <- function(...) vb(..., prior = NULL, prior_intercept = NULL)

expect_close <- function(fit, exact, z, ratio) {
  got <- posterior_summary(fit)[rownames(exact), , drop = FALSE]
  expect_lte(max(abs(got[, 1] - exact[, 1]) / exact[, 2]), z)
  expect_lte(max(abs(got[, 2] / exact[, 2] - 1)), ratio)
}

# sum over rows of log densities at every value of eta
total_over <- function(eta, y, log_density) {
  vapply(eta, function(e) sum(log_density(y, e)), 0)
}

cases <- list(
  Gamma = list(family = Gamma("log"), aux = 1.5, y = c(0.2, 1.4, 3.3, 0.7, 2.2, 0.05, 5.1, 1.9),
               density = function(y, e) stats::dgamma(y, 1.5, rate = 1.5 / exp(e), log = TRUE)),
  beta = list(family = Beta(), aux = 4, y = c(0.12, 0.43, 0.77, 0.55, 0.91, 0.3, 0.22, 0.05),
              density = function(y, e) {
                stats::dbeta(y, 4 * stats::plogis(e), 4 * stats::plogis(-e), log = TRUE)
              }),
  asym_laplace = list(family = asym_laplace(0.7), aux = 0.6,
                      y = c(-1.2, 0.3, 1.2, 0.8, 2.6, -0.4, 1.1, 3.1, 0.2),
                      density = function(y, e) {
                        log(0.7 * 0.3 / 0.6) - (y - e) * (0.7 - (y < e)) / 0.6
                      })
)

test_that("Gamma agrees with glm under flat priors", {
  fit <- flat_fit(Volume ~ log(Girth) + log(Height), datasets::trees, family = Gamma("log"),
                  prior_aux = exponential(1e-4))
  peer <- stats::glm(Volume ~ log(Girth) + log(Height), Gamma("log"), datasets::trees)
  se <- sqrt(diag(stats::vcov(peer)))
  expect_lt(max(abs(fixef(fit) - stats::coef(peer)) / se), 0.02)
  expect_lt(max(abs(sqrt(diag(vcov(fit))) / se - 1)), 0.03)
  expect_equal(residuals(fit, "deviance"), residuals(peer, "deviance"), tolerance = 0.05)
})

test_that("a Gamma weight multiplies the shape: an average of w responses", {
  size <- rep(1:3, 4)
  long <- data.frame(g = rep(seq_along(size), size), x = rep(cos(seq_along(size)), size))
  long$y <- exp(0.3 + long$x / 2 + sin(5 * seq_len(nrow(long))))
  short <- data.frame(y = as.vector(tapply(long$y, long$g, mean)), x = cos(seq_along(size)))
  one <- flat_fit(y ~ x, long, family = Gamma("log"), prior_aux = constant(2))
  other <- flat_fit(y ~ x, short, family = Gamma("log"), weights = size, prior_aux = constant(2))
  expect_equal(posterior_summary(one), posterior_summary(other), tolerance = 1e-5)
})

test_that("a beta weight repeats the row", {
  data <- data.frame(y = c(0.1, 0.35, 0.6, 0.52, 0.9, 0.71), x = 1:6, w = c(1, 2, 1, 3, 1, 2))
  fit <- flat_fit(y ~ x, data, family = Beta(), weights = w)
  long <- flat_fit(y ~ x, data[rep(1:6, data$w), ], family = Beta())
  expect_equal(posterior_summary(fit), posterior_summary(long), tolerance = 1e-3)
})

test_that("beta regression agrees with a brute-force integral, phi included", {
  y <- c(0.21, 0.33, 0.12, 0.4, 0.38, 0.61, 0.29, 0.55, 0.72, 0.5, 0.83, 0.64, 0.9, 0.77, 0.81)
  x <- seq(-1, 1, length.out = 15)
  fit <- flat_fit(y ~ x, family = Beta(), prior_aux = exponential(0.05))
  grid <- list(a = seq(-0.7, 1, length.out = 50), b = seq(0.4, 2.8, length.out = 50),
               p = seq(log(2), log(90), length.out = 50))
  all <- expand.grid(grid)
  joint <- mapply(function(a, b, p) {
    phi <- exp(p)
    mu <- stats::plogis(a + b * x)
    sum(stats::dbeta(y, mu * phi, (1 - mu) * phi, log = TRUE)) +
      stats::dexp(phi, 0.05, log = TRUE) + p
  }, all$a, all$b, all$p)
  evidence <- log_sum_exp(joint) + sum(log(vapply(grid, function(g) g[2] - g[1], 0)))
  weight <- exp(joint - log_sum_exp(joint))
  values <- cbind(b_Intercept = all$a, b_x = all$b, phi = exp(all$p))
  mean <- colSums(weight * values)
  sd <- sqrt(colSums(weight * values^2) - mean^2)
  expect_close(fit, cbind(mean, sd), 0.03, 0.03)
  expect_lte(elbo(fit), evidence + 1e-3)
  expect_gt(elbo(fit), evidence - 0.05)
})

# with a flat prior on sigma the integral over it is closed: p(a, b | y) ~ (sum rho)^(1 - n)
test_that("quantile regression has the exact posterior and evidence under flat priors", {
  x <- datasets::cars$speed - mean(datasets::cars$speed)
  n <- length(x)
  for (tau in c(0.25, 0.5)) {
    fit <- flat_fit(dist ~ speed, datasets::cars, family = asym_laplace(tau), prior_aux = NULL)
    at <- fixef(fit)
    grid <- list(a = sum(at * c(1, mean(datasets::cars$speed))) + seq(-14, 14, length.out = 151),
                 b = at[[2]] + seq(-2.6, 2.6, length.out = 151))
    all <- expand.grid(grid)
    loss <- mapply(function(a, b) {
      r <- datasets::cars$dist - a - b * x
      sum(r * (tau - (r < 0)))
    }, all$a, all$b)
    joint <- (1 - n) * log(loss)
    evidence <- n * log(tau * (1 - tau)) + lgamma(n - 1) + log_sum_exp(joint) +
      sum(log(vapply(grid, function(g) g[2] - g[1], 0)))
    weight <- exp(joint - log_sum_exp(joint))
    values <- cbind(b_Intercept = all$a - all$b * mean(datasets::cars$speed), b_speed = all$b)
    mean <- colSums(weight * values)
    expect_close(fit, cbind(mean, sqrt(colSums(weight * values^2) - mean^2)), 0.03, 0.03)
    expect_lte(elbo(fit), evidence)
    expect_gt(elbo(fit), evidence - 0.05)
  }
})

test_that("quantile regression does not depend on units, and a weight repeats the row's loss", {
  fit <- flat_fit(dist ~ speed, datasets::cars, family = asym_laplace(0.3), prior_aux = NULL)
  for (unit in c(1e-6, 1e6)) {
    scaled <- flat_fit(I(dist * unit) ~ speed, datasets::cars, family = asym_laplace(0.3),
                       prior_aux = NULL)
    expect_equal(posterior_summary(scaled)[1:3, ], posterior_summary(fit)[1:3, ] * unit,
                 tolerance = 1e-4)
  }
  w <- rep(1:2, 25)
  held <- constant(5)
  one <- flat_fit(dist ~ speed, datasets::cars, family = asym_laplace(0.3), prior_aux = held,
                  weights = w)
  long <- flat_fit(dist ~ speed, datasets::cars[rep(1:50, w), ], family = asym_laplace(0.3),
                   prior_aux = held)
  expect_equal(posterior_summary(one), posterior_summary(long), tolerance = 2e-3)
})

test_that("intercepts have their one-dimensional integral, and the ELBO stays below it", {
  b <- seq(-9, 9, length.out = 12001)
  priors <- list(
    list(prior = normal(0.5, 1.5), log = stats::dnorm(b, 0.5, 1.5, log = TRUE)),
    list(prior = student_t(3, 0, 2.5), log = stats::dt(b / 2.5, 3, log = TRUE) - log(2.5)),
    list(prior = laplace(0.2, 0.7), log = stats::dexp(abs(b - 0.2), 1 / 0.7, log = TRUE) - log(2))
  )
  for (case in cases) for (prior in priors) {
    fit <- vb(y ~ 1, data.frame(y = case$y), family = case$family, prior_intercept = prior$prior,
              prior_aux = constant(case$aux))
    joint <- total_over(b, case$y, case$density) + prior$log
    evidence <- log_sum_exp(joint) + log(b[2] - b[1])
    expect_close(fit, rbind(b_Intercept = grid_summary(b, joint)), 0.05, 0.06)
    expect_lte(elbo(fit), evidence + 1e-6)
    expect_gt(elbo(fit), evidence - 0.15)
  }
})

test_that("random intercepts agree with brute-force integration", {
  g <- factor(rep(1:12, 4))
  u <- 0.3 + c(0.9, -1.1, 0.2, 0.6, -0.4, 1.3, -0.7, 0.1, -1.4, 0.5, 0.8, -0.2)[g]
  p <- ((seq_along(g) * 0.6180339887) %% 1 + 0.01) / 1.02
  y <- list(Gamma = stats::qgamma(p, 1.5, rate = 1.5 / exp(u)),
            beta = stats::qbeta(p, 4 * stats::plogis(u), 4 * stats::plogis(-u)),
            asym_laplace = u + stats::qlogis(p) / 2)
  z <- seq(-6, 6, length.out = 201)
  weight <- stats::dnorm(z) * (z[2] - z[1])
  b <- seq(-1.5, 2.3, length.out = 31)
  tau <- exp(seq(log(0.03), log(4), length.out = 41))
  for (name in names(cases)) {
    case <- cases[[name]]
    fit <- vb(y ~ 1 + (1 | g), data.frame(y = y[[name]], g = g), family = case$family,
              prior_intercept = normal(0, 2.5), prior_sd = student_t(3, 0, 2.5),
              prior_aux = constant(case$aux))
    joint <- outer(b, tau, Vectorize(function(b, tau) {
      log_lik <- vapply(z, function(z) case$density(y[[name]], b + tau * z), y[[name]])
      sum(log(drop(exp(rowsum(log_lik, g)) %*% weight))) +
        stats::dnorm(b, 0, 2.5, log = TRUE) + log_half_t(tau, 3, 2.5) + log(tau)
    }))
    share <- exp(joint - log_sum_exp(joint))
    sd <- colSums(share)
    mean <- sum(sd * tau)
    exact <- rbind(b_Intercept = grid_summary(b, log(rowSums(share)))[1:2],
                   sd_g__Intercept = c(mean, sqrt(sum(sd * tau^2) - mean^2)))
    expect_close(fit, exact, 0.06, 0.04)
    evidence <- log_sum_exp(joint) + log(b[2] - b[1]) + log(log(tau[2] / tau[1]))
    expect_lte(elbo(fit), evidence + 1e-4)
    expect_lt(abs(fit$log_evidence - evidence), 0.1)
    free <- vb(y ~ 1 + (1 | g), data.frame(y = y[[name]], g = g), family = case$family)
    expect_true(free$converged)
  }
})

test_that("a lasso coefficient has its one-dimensional integral, evidence included", {
  x <- datasets::mtcars$qsec - mean(datasets::mtcars$qsec)
  y <- datasets::mtcars$mpg
  b <- seq(-4, 7, length.out = 20001)
  n <- length(y)
  rest <- sum((y - mean(y))^2) - sum(x * y)^2 / sum(x^2)
  for (scale in c(0.5, 2)) {
    fit <- vb(mpg ~ qsec, datasets::mtcars, prior = laplace(0, scale), prior_intercept = NULL,
              prior_aux = constant(5))
    joint <- -(rest + (b - sum(x * y) / sum(x^2))^2 * sum(x^2)) / 50 - abs(b) / scale -
      log(2 * scale) - (n - 1) / 2 * log(2 * pi * 25) - log(n) / 2
    evidence <- log_sum_exp(joint) + log(b[2] - b[1])
    expect_close(fit, rbind(b_qsec = grid_summary(b, joint)), 0.03, 0.03)
    expect_lte(elbo(fit), evidence + 1e-6)
    expect_gt(elbo(fit), evidence - 0.02)
  }
})

test_that("the lasso shrinks several coefficients, alone and beside a random intercept", {
  for (family in list(gaussian(), student(df = 4), asym_laplace())) {
    fit <- vb(stack.loss ~ ., datasets::stackloss, family = family, prior = laplace(0, 1))
    tight <- vb(stack.loss ~ ., datasets::stackloss, family = family, prior = laplace(0, 0.3))
    expect_true(fit$converged && tight$converged)
    expect_lt(sum(abs(fixef(tight)[-1])), sum(abs(fixef(fit)[-1])))
  }
  expect_true(vb(Reaction ~ Days + (1 | Subject), sleepstudy, prior = laplace(0, 5))$converged)
})

# A fit under flat priors against maximum likelihood on data sets large enough for the two to agree:
# estimates within a fifth of a standard error, standard deviations within 8 %.
near_glm <- function(fit, glm) {
  se <- sqrt(diag(vcov(glm)))[names(coef(glm))]
  expect_lt(max(abs(fixef(fit) - coef(glm)) / se), 0.2)
  expect_lt(max(abs(log(sqrt(diag(vcov(fit))) / se))), log(1.08))
}
flat_fit <- function(...) vb(..., prior = NULL, prior_intercept = NULL)

test_that("flat priors on real data give nearly glm's answers", {
  near_glm(flat_fit(Volume ~ Girth + Height, trees), lm(Volume ~ Girth + Height, trees))
  esophagus <- transform(esoph, agegp = as.numeric(agegp), alcgp = as.numeric(alcgp))
  if (any(esophagus$ncontrols < esophagus$ncases)) {        # R before 4.0.4 counts cases in both
    esophagus$ncontrols <- esophagus$ncontrols + esophagus$ncases
  }
  for (link in c("logit", "probit", "cloglog")) {
    near_glm(flat_fit(cbind(ncases, ncontrols) ~ agegp + alcgp, esophagus, family = binomial(link)),
             glm(cbind(ncases, ncontrols) ~ agegp + alcgp, binomial(link), esophagus))
  }
  near_glm(flat_fit(count ~ spray, subset(InsectSprays, spray %in% c("A", "B", "F")),
                    family = poisson()),
           glm(count ~ spray, poisson(), subset(InsectSprays, spray %in% c("A", "B", "F"))))
})

test_that("flat priors on real data give nearly MASS's negative binomial", {
  skip_if_not_installed("MASS")
  quine <- MASS::quine
  near_glm(flat_fit(Days ~ Sex + Age, quine, family = negbinomial()),
           MASS::glm.nb(Days ~ Sex + Age, quine))
})
