# Structured terms of many rows: rows are combinations of few rows of a table.

set.seed(11)
n <- 6000L
rows <- data.frame(x = rexp(n), v = runif(n), z = rnorm(n), few = sample(30, n, TRUE) / 10,
                   g = factor(sample(letters[1:3], n, TRUE)), t = sample(50, n, TRUE),
                   a = factor(sample(12, n, TRUE)), m1 = factor(sample(20, n, TRUE)),
                   m2 = factor(sample(20, n, TRUE)), w1 = runif(n), w2 = runif(n))
eta <- sin(2 * rows$x) + 0.3 * rows$z + cos(rows$t / 8)
rows$y <- eta + rnorm(n)
rows$count <- rpois(n, exp(0.3 * eta))
ring <- 1 * (abs(outer(1:12, 1:12, "-")) %in% c(1, 11))
ring <- matrix(ring, 12, dimnames = list(1:12, 1:12))
kinship <- 0.5 + diag(0.5, 20)
dimnames(kinship) <- list(1:20, 1:20)

formulas <- list(
  y ~ z + s(x) + s(v, k = 15),
  count ~ s(x) + s(few, k = 6),
  count ~ z + s(v, by = g, k = 5) + s(x, by = z, k = 6) + (1 | g),
  y ~ ar1(t) + rw2(few) + (1 | mm(m1, m2, weights = cbind(w1, w2))),
  count ~ rw1(t | g) + car(ring, gr = a, type = "bym2") + gp(v, k = 8) + (z | a),
  y ~ 0 + gp(few, x, k = 4) + s(z, k = 8) + (0 + z | gr(m1, cov = kinship)) + t2(x, v, k = 4)
)

family_of <- function(formula) if (identical(formula[[2L]], quote(count))) poisson() else gaussian()

held <- lapply(formulas, function(formula) {
  vb(formula, rows, family = family_of(formula), prior_sd = constant(0.7), verbose = FALSE)
})

posterior_linpred_sd <- function(fit) {
  moments <- engine_moments(fit, new_rows(fit, rows))
  sqrt(drop(moments$var))
}

# the same model with its columns stored
stored <- function(design) {
  design$x <- whole_columns(design)
  design$bins <- NULL
  design
}

test_that("many rows are held as bins", {
  n_bins <- vapply(held, function(fit) length(fit$design$bins), 0L)
  expect_identical(n_bins, c(2L, 2L, 4L, 3L, 2L, 2L))
  few <- vb(y ~ s(x) + ar1(t), rows[1:500, ], verbose = FALSE)
  expect_length(few$design$bins, 0L)
})

test_that("columns are those that a formula makes of new data", {
  for (fit in held) {
    all <- whole_columns(fit$design)
    made <- new_rows(fit, rows)$x
    expect_equal(dim(all), dim(made))
    coef <- c(fit$fixed$names, field_coefs(fit$fields))
    level <- grepl("^(r|rar1)_|^zrw", coef)
    expect_identical(all[, level], made[, level])
    # a curve between the nodes of a grid, in posterior standard deviations
    mean <- fit$engine$node$mean[seq_along(coef), 1L]
    off <- drop((all - made) %*% mean)
    expect_lt(max(abs(off) / posterior_linpred_sd(fit)), 0.01)
  }
})

test_that("the engine's numbers are those of stored columns", {
  for (fit in held) {
    again <- function(design) {
      fit_engine(design, replace(fit$control, "verbose", FALSE), fit$approximation)
    }
    a <- again(fit$design)
    b <- again(stored(fit$design))
    expect_gt(length(fit$design$bins), 0L)
    expect_identical(a$n_cell, b$n_cell)
    first <- which(a$node$weight != 0)[1L]
    sd <- sqrt(b$node$var[, first])
    tol <- if (identical(fit$family$family, "gaussian")) 1e-10 else 1e-8
    expect_identical(dim(a$node$mean), dim(b$node$mean))
    expect_lt(max(abs(a$node$mean[, first] - b$node$mean[, first]) / sd), tol)
    expect_lt(max(abs(a$node$var[, first] / b$node$var[, first] - 1)), tol)
    expect_lt(abs(a$log_lik - b$log_lik), tol * n)
  }
})

test_that("verbs of a fit take them", {
  skip_if_not_installed("loo")
  fit <- vb(count ~ z + s(x) + ar1(t) + (1 | g), rows, family = poisson(), verbose = FALSE)
  expect_length(fit$design$bins, 2L)
  expect_equal(predict(fit), predict(fit, rows), tolerance = 1e-6)
  expect_equal(dim(posterior_epred(fit, rows[1:7, ], ndraws = 5)), c(5L, 7L))
  some <- predict(fit, rows[1:20, ], interval = "credible")
  expect_true(all(some[, "lwr"] < some[, "fit"] & some[, "fit"] < some[, "upr"]))
  # each row left out: about what is there with it, as rows are many
  out <- suppressWarnings(loo::loo(fit))
  inside <- log_predictive(fit, fit$design)
  expect_lt(abs(sum(out$pointwise[, "elpd_loo"]) - sum(inside)), 60)
  expect_gt(sum(inside) - sum(out$pointwise[, "elpd_loo"]), 0)
  file <- tempfile(fileext = ".rds")
  saveRDS(fit, file)
  expect_identical(predict(readRDS(file), rows[1:9, ]), predict(fit, rows[1:9, ]))
  unlink(file)
  fewer <- update(fit, . ~ . - ar1(t))
  expect_length(fewer$design$bins, 1L)
  part <- refit(fit, 1:5500)
  expect_identical(part$design$bins[[2L]]$node, fit$design$bins[[2L]]$node[1:5500])
  expect_lt(max(abs(fixef(part) - fixef(fit)) / sqrt(diag(vcov(fit)))), 1.5)
  broken <- fit
  broken$design$bins[[1L]]$at[3L] <- 1e9
  expect_error(predict(broken), class = "vb_error_fit")
})

test_that("a fit of many rows is no larger than its bins", {
  many <- rows[rep(seq_len(n), 5L), ]
  fit <- vb(y ~ s(x, k = 30) + s(v, k = 30) + ar1(t), many, verbose = FALSE)
  expect_lt(as.numeric(object.size(fit$design)), 8 * nrow(many) * 20)
})
