# The covariance of a level's coefficients: diag(), homdiag(), cs() and us().

tag_data <- local({
  set.seed(7, "Mersenne-Twister", "Inversion", "Rejection")
  n <- 240
  h <- factor(paste0("h", (seq_len(n) - 1) %% 20 + 1))
  f <- factor(c("a", "b", "c")[(seq_len(n) - 1) %/% 20 %% 3 + 1])
  u <- matrix(rnorm(60), 20) %*% chol(diag(0.7, 3) + 0.3)
  x <- rnorm(n)
  at <- u[cbind(as.integer(h), as.integer(f))]
  data.frame(y = 0.5 * x + at + rnorm(n, sd = 0.8), x, f, h,
             k = rpois(n, exp(0.3 + 0.2 * x + 0.5 * at)), a = factor(as.integer(h) %% 4))
})

held <- function(formula, sd, ..., data = tag_data) {
  vb(formula, data, prior = normal(0, 2), prior_aux = constant(0.8), prior_sd = sd, ...)
}

# log p(y), and the posterior of (slope, effects level by level), where all hyperparameters are held
dense <- function(sigma_u, data = tag_data) {
  z <- model.matrix(~ 0 + f, data)
  level <- as.integer(factor(data$h))
  d <- ncol(z)
  Z <- matrix(0, nrow(data), d * max(level))
  for (a in seq_len(d)) Z[cbind(seq_len(nrow(data)), (level - 1) * d + a)] <- z[, a]
  A <- cbind(data$x, Z)
  S <- matrix(0, ncol(A), ncol(A))
  S[1, 1] <- 4
  S[-1, -1] <- kronecker(diag(max(level)), sigma_u)
  V <- A %*% S %*% t(A) + diag(0.64, nrow(data))
  root <- chol(V)
  w <- backsolve(root, data$y, transpose = TRUE)
  half <- backsolve(root, A %*% S, transpose = TRUE)
  list(evidence = -sum(w^2) / 2 - sum(log(diag(root))) - nrow(data) / 2 * log(2 * pi),
       mean = drop(crossprod(half, w)), cov = S - crossprod(half))
}

engine_order <- function(fit) {
  table <- posterior_summary(fit)
  level <- fit$random[[1]]$levels
  coef <- fit$random[[1]]$coef
  table[c("b_x", paste0("r_h[", rep(level, each = length(coef)), ",", coef, "]")), ]
}

compound <- function(rho, sd) {
  outer(sd, sd) * (diag(1 - rho, length(sd)) + rho)
}

sds <- list(h = list(fa = constant(0.6), fb = constant(1.1), fc = constant(0.9)))

test_that("held standard deviations: means, sds and evidence are those of dense algebra", {
  cases <- list(list(y ~ 0 + x + diag(0 + f | h), sds, diag(c(0.6, 1.1, 0.9)^2)),
                list(y ~ 0 + x + homdiag(0 + f | h), constant(0.7), diag(0.49, 3)),
                list(y ~ 0 + x + diag(0 + f | h, hom = TRUE), constant(0.7), diag(0.49, 3)))
  for (case in cases) {
    fit <- held(case[[1]], case[[2]])
    exact <- dense(case[[3]])
    found <- engine_order(fit)
    expect_equal(fit$log_evidence, exact$evidence, tolerance = 1e-10)
    expect_equal(unname(found[, "Estimate"]), exact$mean, tolerance = 1e-8)
    expect_equal(unname(found[, "Est.Error"]), sqrt(diag(exact$cov)), tolerance = 1e-8)
  }
})

test_that("one correlation: the posterior is that of quadrature over it", {
  rho <- seq(-0.5, 1, length.out = 1201)
  weight <- c(1, rep(c(4, 2), length.out = 1199), 1) * (rho[2] - rho[1]) / 3
  for (case in list(list(y ~ 0 + x + cs(0 + f | h), sds, c(0.6, 1.1, 0.9), 1),
                    list(y ~ 0 + x + cs(0 + f | h, hom = TRUE), constant(0.7), rep(0.7, 3), 1),
                    list(y ~ 0 + x + cs(0 + f | h), sds, c(0.6, 1.1, 0.9), 3))) {
    fit <- held(case[[1]], case[[2]], prior_cor = lkj(case[[4]]))
    log_prior <- log(weight) + (case[[4]] - 1) * pmax(2 * log(1 - rho) + log(1 + 2 * rho), -1e3)
    log_prior <- log_prior - log(sum(exp(log_prior)))
    each <- lapply(rho, function(r) dense(compound(r, case[[3]])))
    log_p <- log_prior + vapply(each, `[[`, 0, "evidence")
    evidence <- max(log_p) + log(sum(exp(log_p - max(log_p))))
    p <- exp(log_p - evidence)
    expect_equal(fit$log_evidence, evidence, tolerance = 1e-6)
    cor <- posterior_summary(fit)["cor_h", ]
    mean <- sum(p * rho)
    expect_equal(cor[["Estimate"]], mean, tolerance = 2e-3)
    expect_equal(cor[["Est.Error"]], sqrt(sum(p * (rho - mean)^2)), tolerance = 5e-3)
    means <- vapply(each, `[[`, numeric(61), "mean")
    expect_equal(unname(engine_order(fit)[, "Estimate"]), drop(means %*% p), tolerance = 1e-4)
  }
})

test_that("diag() is (1 | g) + (0 + x | g), which is (x || g)", {
  fits <- lapply(c(y ~ x + diag(1 + x | h), y ~ x + (1 | h) + (0 + x | h), y ~ x + (x || h)), vb,
                 data = tag_data)
  tables <- lapply(fits, posterior_summary)
  for (k in 2:3) {
    expect_identical(rownames(tables[[1]]), rownames(tables[[k]]))
    expect_equal(tables[[1]], tables[[k]], tolerance = 1e-9)
    expect_equal(fits[[1]]$log_evidence, fits[[k]]$log_evidence, tolerance = 1e-10)
    expect_equal(elbo(fits[[1]]), elbo(fits[[k]]), tolerance = 1e-10)
  }
  fits <- lapply(c(k ~ x + diag(1 + x | h), k ~ x + (x || h)), vb, data = tag_data,
                 family = poisson(), prior_sd = constant(0.4))
  expect_equal(elbo(fits[[1]]), elbo(fits[[2]]), tolerance = 1e-10)
})

test_that("two coefficients of compound symmetry are unstructured, one sd is that of all cells", {
  two <- lapply(c(y ~ x + cs(1 + x | h), y ~ x + us(1 + x | h), y ~ x + (1 + x | h)), vb,
                data = tag_data, prior_cor = lkj(2))
  tables <- lapply(two, function(fit) unname(posterior_summary(fit)))
  expect_equal(tables[[1]], tables[[2]], tolerance = 1e-6)
  expect_identical(tables[[2]], tables[[3]])
  expect_equal(two[[1]]$log_evidence, two[[2]]$log_evidence, tolerance = 1e-8)
  cells <- held(y ~ 0 + x + (1 | h:f), constant(0.7))
  expect_equal(elbo(held(y ~ 0 + x + homdiag(0 + f | h), constant(0.7))), elbo(cells),
               tolerance = 1e-10)
})

test_that("estimates are those of glmmTMB where the prior says little", {
  skip_on_cran()
  suppressWarnings(skip_if_not_installed("glmmTMB"))
  n <- 3600
  set.seed(3, "Mersenne-Twister", "Inversion", "Rejection")
  h <- factor(rep(1:300, each = 12))
  f <- factor(rep(c("a", "b", "c"), n / 3))
  u <- matrix(rnorm(900), 300) %*% chol(compound(0.5, c(0.8, 1.2, 1)))
  d <- data.frame(h, f, x = rnorm(n), y = u[cbind(as.integer(h), as.integer(f))] + rnorm(n))
  for (formula in c(y ~ x + cs(0 + f | h), y ~ x + diag(0 + f | h))) {
    theirs <- glmmTMB::glmmTMB(formula, d, REML = TRUE)
    theirs <- glmmTMB::VarCorr(theirs)$cond$h
    fit <- vb(formula, d, prior_sd = normal(0, 100))
    ours <- posterior_summary(fit)
    sd <- ours[paste0("sd_h__f", c("a", "b", "c")), ]
    expect_lte(max(abs(sd[, 1] - attr(theirs, "stddev")) / sd[, 2]), 0.15)
    if ("cor_h" %in% rownames(ours)) {
      cor <- ours["cor_h", ]
      expect_lte(abs(cor[[1]] - attr(theirs, "correlation")[2, 1]) / cor[[2]], 0.15)
    }
    expect_equal(dimnames(VarCorr(fit)$h), dimnames(theirs)[1:2])
  }
})

test_that("the verbs know every covariance", {
  skip_if_not_installed("loo")
  skip_if_not_installed("generics")
  skip_on_cran()
  formulas <- list(diag = k ~ x + diag(1 + x | h), homdiag = k ~ x + homdiag(0 + f | h),
                   cs = k ~ x + cs(0 + f | h), homcs = k ~ x + cs(0 + f | h, hom = TRUE),
                   us = k ~ x + us(x | h))
  own <- list(diag = c("sd_h__Intercept", "sd_h__x"), homdiag = "sd_h",
              cs = c("sd_h__fa", "sd_h__fb", "sd_h__fc", "cor_h"), homcs = c("sd_h", "cor_h"),
              us = c("sd_h__Intercept", "sd_h__x", "cor_h__Intercept__x"))
  new <- data.frame(x = 0.3, f = factor("b", levels(tag_data$f)), h = "new")
  for (tag in names(formulas)) {
    fit <- vb(formulas[[tag]], tag_data, family = poisson())
    table <- parameter_table(fit)
    expect_identical(table$name[table$class %in% c("sd", "cor")], own[[tag]])
    v <- VarCorr(fit)$h
    expect_equal(diag(v), attr(v, "stddev")^2)
    expect_output(print(VarCorr(fit)), "Std.Dev")
    expect_output(print(summary(fit)), "Number of levels: 20")
    expect_output(print(prior_summary(fit)), "student_t")
    expect_identical(dim(ranef(fit)$h), c(20L, nrow(v)))
    draws <- as.matrix(fit, ndraws = 50)
    expect_identical(dim(draws), c(50L, nrow(table)))
    expect_true(all(own[[tag]] %in% colnames(draws)))
    expect_length(simulate(fit, 2, seed = 1), 2L)
    elpd <- suppressWarnings(loo::loo(fit))$estimates["elpd_loo", "Estimate"]
    expect_true(is.finite(elpd))
    seen <- predict(fit, newdata = tag_data[1:3, ], re.form = NA)
    expect_length(seen, 3L)
    p <- posterior_epred(fit, newdata = new, allow.new.levels = TRUE, ndraws = 30)
    expect_identical(dim(p), c(30L, 1L))
    tidied <- generics::tidy(fit, effects = "ran_pars")
    expect_identical(names(tidied)[1:3], c("effect", "group", "term"))
    expect_false(anyDuplicated(tidied$term) > 0)
    more <- update(fit, . ~ . - x)
    expect_identical(more$random[[1]]$covariance, tag)
    file <- tempfile()
    saveRDS(fit, file)
    expect_equal(summary(readRDS(file))$fixed, summary(fit)$fixed)
    unlink(file)
    damaged <- fit
    damaged$random[[1]]$covariance <- "toep"
    expect_error(summary(damaged), class = "vb_error_fit")
    damaged$random[[1]]$covariance <- if (tag == "diag") "homdiag" else "diag"
    expect_error(summary(damaged), class = "vb_error_fit")
    damaged$design$terms[[1]]$covariance <- damaged$random[[1]]$covariance
    expect_error(summary(damaged), class = "vb_error_fit")
  }
})

test_that("a new level has the covariance of the term", {
  new <- data.frame(x = 0.5, f = factor(c("b", "c"), levels(tag_data$f)), h = "new")
  fit <- held(y ~ 0 + x + diag(0 + f | h), sds)
  var_x <- posterior_summary(fit)["b_x", 2]^2
  eta <- posterior_linpred(fit, newdata = new, allow.new.levels = TRUE, ndraws = 4000)
  expect_equal(unname(apply(eta, 2, var)), 0.25 * var_x + c(1.21, 0.81), tolerance = 0.1)
  expect_lt(abs(cor(eta)[1, 2]), 0.06)
  fit <- held(y ~ 0 + x + homdiag(0 + f | h), constant(0.7))
  eta <- posterior_linpred(fit, newdata = new, allow.new.levels = TRUE, ndraws = 4000)
  expect_equal(unname(apply(eta, 2, var)), 0.25 * var_x + c(0.49, 0.49), tolerance = 0.1)
  fit <- held(y ~ 0 + x + cs(0 + f | h), sds)
  eta <- posterior_linpred(fit, newdata = new, allow.new.levels = TRUE, ndraws = 4000)
  expect_equal(cor(eta)[1, 2], posterior_summary(fit)["cor_h", 1], tolerance = 0.15)
})

test_that("other algorithms and approximations have them", {
  skip_on_cran()
  for (formula in c(y ~ x + diag(1 + x | h), y ~ x + homdiag(0 + f | h), y ~ x + cs(0 + f | h))) {
    best <- vb(formula, tag_data)
    slope <- posterior_summary(best)["b_x", ]
    for (approximation in c("joint", "partial", "meanfield")) {
      fit <- vb(formula, tag_data, approximation = approximation)
      expect_lt(abs(posterior_summary(fit)["b_x", 1] - slope[[1]]), 0.1 * slope[[2]])
      expect_lte(elbo(fit), elbo(best) + 1e-6)
    }
    advi <- vb(formula, tag_data, algorithm = "advi")
    expect_lt(abs(posterior_summary(advi)["b_x", 1] - slope[[1]]), 0.2 * slope[[2]])
    found <- posterior_summary(advi)
    own <- grep("^(sd|cor)_", rownames(found), value = TRUE)
    exact <- posterior_summary(best)[own, , drop = FALSE]
    expect_lt(max(abs(found[own, 1] - exact[, 1]) / exact[, 2]), 0.4)
  }
})

test_that("priors of one sd and one correlation", {
  fit <- vb(y ~ x + cs(0 + f | h, hom = TRUE), tag_data, prior_sd = list(h = exponential(1)),
            prior_cor = lkj(2))
  priors <- prior_summary(fit)
  expect_identical(priors$prior_sd$parameter, "h")
  expect_match(priors$prior_sd$prior, "exponential(1)", fixed = TRUE)
  expect_identical(priors$prior_cor$prior, "lkj(2) of one in (-0.5, 1)")
  density <- prior_densities(fit, parameter_table(fit))
  named <- stats::setNames(density, parameter_table(fit)$name)
  expect_identical(named$cor_h$inside, c(-0.5, 1))
  expect_equal(integrate(named$cor_h$at, -0.5, 1)$value, 1, tolerance = 1e-6)
  many <- vb(y ~ x + homdiag(0 + f | h) + homdiag(0 + x | h), tag_data)
  expect_identical(sort(many$hyper$name), c("sd_h", "sd_h.1", "sigma"))
  expect_error(vb(y ~ x + homdiag(0 + h | f), tag_data), "at most 8", class = "vb_error_formula")
})

test_that("columns far from zero stay where they are", {
  d <- transform(tag_data, year = 2000 + x)
  expect_silent(fit <- vb(y ~ year + diag(1 + year | h), d))
  expect_null(fit$design$terms[[1]]$shift)
  expect_message(vb(y ~ year + us(1 + year | h), d), class = "vb_message_centred")
})

test_that("grouping factors nest, and formulas are taken apart", {
  fit <- vb(y ~ x + cs(0 + f | a / h), tag_data)
  expect_identical(names(VarCorr(fit)), c("a", "a:h"))
  expect_true(all(c("cor_a", "cor_a:h") %in% rownames(posterior_summary(fit))))
  expect_identical(predict(fit, re.form = ~ (0 + f | a)),
                   predict(fit, re.form = ~ cs(0 + f | a)))
  expect_identical(sort(all.vars(terms(fit, random.only = TRUE))), c("a", "f", "h", "y"))
  expect_identical(deparse1(formula(fit)), "y ~ x + cs(0 + f | a/h)")
})
