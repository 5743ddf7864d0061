# Structured terms whose precisions are sparse: maps, known precisions, long series.

path_precision <- function(n) {
  q <- diag(2.5, n)
  q[cbind(seq_len(n - 1L), seq_len(n)[-1L])] <- q[cbind(seq_len(n)[-1L], seq_len(n - 1L))] <- -1
  rownames(q) <- paste0("l", seq_len(n))
  q
}

# three parts, one of them a single area
path_map <- function(n) {
  w <- 1 * (abs(path_precision(n)) == 1)
  w[1L, 2L] <- w[2L, 1L] <- w[10L, 11L] <- w[11L, 10L] <- 0
  dimnames(w) <- list(rownames(path_precision(n)), NULL)
  w
}

rows_on_path <- function(n = 30L, rows = 100L) {
  set.seed(11)
  q <- path_precision(n)
  u <- backsolve(chol(q), rnorm(n))
  d <- data.frame(g = sample(rownames(q), rows, TRUE), x = rnorm(rows), h = gl(10, rows / 10),
                  t = rep(seq_len(rows / 2), 2), s = gl(2, rows / 2))
  d$g[d$g == "l7"] <- "l8"                                  # an area without rows
  effect <- u[match(d$g, rownames(q))]
  d$y <- d$x + effect + rnorm(rows)
  d$count <- rpois(rows, exp(0.5 * d$x + effect))
  d
}

# with sparse precisions from five levels on
sparsely <- function(expr) {
  old <- options(varbayes.sparse_from = 5L)
  on.exit(options(old))
  expr
}

matrices <- list(Q = path_precision(30L), W = path_map(30L))

test_that("with hyperparameters held they are dense algebra, alone and beside others", {
  d <- rows_on_path()
  z <- function(f) outer(as.character(f), levels(factor(f)), `==`) + 0
  on_path <- outer(d$g, rownames(matrices$Q), `==`) + 0
  x <- cbind(1, d$x)
  known <- on_path %*% solve(matrices$Q) %*% t(on_path)
  groups <- tcrossprod(z(d$h))
  series <- 0.6^abs(outer(d$t, d$t, "-")) * outer(d$s, d$s, "==")
  w <- matrices$W
  laplacian <- diag(rowSums(w)) - w
  structured <- diag(30)
  for (i in list(2:10, 11:30)) {
    e <- eigen(laplacian[i, i], symmetric = TRUE)
    n <- length(i)
    structured[i, i] <- e$vectors[, -n] %*% (t(e$vectors[, -n]) / e$values[-n])
    scaled <- structured[i, i] / exp(mean(log(diag(structured[i, i]))))
    structured[i, i] <- scaled
  }
  map <- on_path %*% (0.6 * structured + 0.4 * diag(30)) %*% t(on_path)
  # the intercept's prior is that at the columns' means
  x[, 2L] <- x[, 2L] - mean(d$x)
  fit <- function(formula, sd, aux = list()) {
    sparsely(held(formula, d, sd, lapply(aux, constant), data2 = matrices))
  }
  check <- function(fit, k) expect_dense(fit, dense(d$y, x, c(3, 2), k, 0.7), d)
  check(fit(y ~ x + (1 | gr(g, precision = Q)), list(g = 0.8)), 0.64 * known)
  check(fit(y ~ x + (0 + x | gr(g, precision = Q)), list(g = 0.8)),
        0.64 * known * outer(d$x, d$x))
  check(fit(y ~ x + (1 | gr(g, precision = Q)) + (1 | h), list(g = 0.8, h = 0.6)),
        0.64 * known + 0.36 * groups)
  check(fit(y ~ x + ar1(t | s), list(t = 0.8), list(rho_t = 0.6)), 0.64 * series)
  check(fit(y ~ x + car(W, gr = g, type = "bym2"), list(car = 0.8), list(rhocar = 0.6)),
        0.64 * map)
  check(fit(y ~ x + ar1(t | s) + car(W, gr = g, type = "bym2") + (1 | h),
            list(t = 0.8, car = 0.8, h = 0.6), list(rho_t = 0.6, rhocar = 0.6)),
        0.64 * (series + map) + 0.36 * groups)
})

test_that("a long series is what a short one is", {
  d <- rows_on_path()
  few <- vb(count ~ x + ar1(t | s), d, family = poisson(), prior_aux = list(rho_t = constant(0.6)))
  many <- sparsely(update(few))
  expect_false(is_sparse_field(few$fields[[1L]]))
  expect_true(is_sparse_field(many$fields[[1L]]))
  a <- posterior_summary(few)
  b <- posterior_summary(many)
  expect_identical(rownames(a), rownames(b))
  # the long one's levels have residual quadrature
  free <- rownames(a) != "rho_t"
  a <- a[free, ]
  b <- b[free, ]
  expect_lt(max(abs(a[, 1] - b[, 1]) / a[, 2]), 0.1)
  expect_lt(max(abs(log(a[, 2] / b[, 2]))), 0.1)
})

test_that("counts have the means and sds of a Metropolis chain", {
  # a random walk in the effects and the intercept, hyperparameters held
  d <- rows_on_path(12L, 40L)
  w <- matrix(0, 12, 12, dimnames = list(paste0("l", 1:12), NULL))
  w[cbind(1:11, 2:12)] <- w[cbind(2:12, 1:11)] <- 1
  fit <- sparsely(vb(count ~ 1 + car(W, gr = g, type = "icar"), d, family = poisson(),
                     data2 = list(W = w), prior_sd = list(car = constant(0.8)),
                     prior_intercept = normal(0, 2)))
  q <- (diag(rowSums(w)) - w) / 0.64
  area <- match(d$g, rownames(w))
  sums <- tapply(d$count, factor(area, 1:12), sum, default = 0)
  n <- tabulate(area, 12)
  # on what sums to zero: u = B z, in coordinates in which the prior is standard
  e <- eigen(q, symmetric = TRUE)
  basis <- e$vectors[, -12] %*% diag(1 / sqrt(e$values[-12]))
  value <- function(p) {
    eta <- p[1] * 2 + drop(basis %*% p[-1])
    sum(sums * eta - n * exp(eta)) - sum(p^2) / 2
  }
  set.seed(4)
  p <- numeric(12)
  here <- value(p)
  kept <- matrix(0, 40000, 13)
  for (i in seq_len(nrow(kept))) {
    to <- p + 0.28 * rnorm(12)
    there <- value(to)
    if (log(runif(1)) < there - here) {
      p <- to
      here <- there
    }
    kept[i, ] <- c(2 * p[1], basis %*% p[-1])
  }
  kept <- kept[-(1:2000), ]
  s <- posterior_summary(fit)[c("b_Intercept", paste0("rcar[l", 1:12, "]")), ]
  expect_lt(max(abs(s[, 1] - colMeans(kept)) / s[, 2]), 0.15)
  expect_lt(max(abs(log(s[, 2] / apply(kept, 2, sd)))), 0.12)
  expect_equal(sum(s[-1, 1]), 0, tolerance = 0.02)
})

test_that("what is asked of a fit works", {
  skip_if_not_installed("loo")
  d <- rows_on_path()
  fit <- sparsely(vb(count ~ x + (1 | h) + car(W, gr = g, type = "bym2"), d, family = poisson(),
                     data2 = matrices))
  expect_output(print(summary(fit)), "sdcar")
  s <- posterior_summary(fit)
  set.seed(1)
  draws <- as.matrix(fit, ndraws = 2000)
  expect_setequal(colnames(draws), rownames(s))
  s <- s[colnames(draws), ]
  expect_lt(max(abs(colMeans(draws) - s[, 1]) / s[, 2]), 0.1)
  expect_lt(max(abs(log(apply(draws, 2, sd) / s[, 2]))), 0.12)
  structured <- draws[, paste0("scar[l", 11:30, "]")]
  expect_lt(max(abs(rowSums(structured))), 1e-8)
  epred <- posterior_epred(fit, ndraws = 2000)
  expect_lt(max(abs(colMeans(epred) / fitted(fit) - 1)), 0.05)
  # an area without rows has its neighbours': the interval is wider, and there is one
  new <- data.frame(x = 0, h = "1", g = c("l7", "l8"))
  se <- predict(fit, new, se.fit = TRUE)$se.fit
  expect_gt(se[1], se[2])
  expect_error(predict(fit, transform(new, g = "none")), "none", class = "vb_error_newdata")
  expect_equal(nrow(ranef(fit)$car), 30)
  expect_equal(unname(predict(fit, new, re.form = NA, type = "link")),
               s["b_Intercept", 1] + s[c("rcar[l7]", "rcar[l8]"), 1], tolerance = 1e-6,
               ignore_attr = TRUE)
  cavity <- suppressWarnings(loo::loo(fit, method = "cavity"))$estimates["elpd_loo", 1]
  set.seed(2)
  fold <- suppressWarnings(loo::kfold(fit, K = 10))$estimates["elpd_kfold", 1]
  expect_lt(abs(cavity - fold), 4)
  expect_length(simulate(fit, 2, seed = 1), 2L)
  file <- tempfile()
  on.exit(unlink(file))
  saveRDS(fit, file)
  expect_identical(predict(readRDS(file)), predict(fit))
  shorter <- sparsely(update(fit, . ~ . - x))
  expect_true(is_sparse_field(shorter$fields[[1L]]))
  expect_false("b_x" %in% rownames(posterior_summary(shorter)))
  expect_error(sparsely(update(fit, algorithm = "advi")), class = "vb_error_approximation")
  broken <- fit
  broken$design$fields[[1L]]$row[3L] <- 400L
  expect_error(predict(broken), "design\\$fields", class = "vb_error_fit")
  broken <- fit
  broken$design$fields[[1L]]$row[2:3] <- broken$design$fields[[1L]]$row[3:2]
  expect_error(as.matrix(broken), class = "vb_error_fit")
})

test_that("a map of 2,000 areas and a precision of 5,000 relatives are fitted", {
  n <- 2000L
  id <- matrix(seq_len(n), 40L)
  edge <- rbind(cbind(c(id[-40L, ]), c(id[-1L, ])), cbind(c(id[, -50L]), c(id[, -1L])))
  w <- Matrix::sparseMatrix(i = c(edge), j = c(edge[, 2:1]), x = 1, dims = c(n, n),
                            dimnames = rep(list(paste0("a", seq_len(n))), 2L))
  q <- Matrix::Diagonal(n, Matrix::rowSums(w) + 0.01) - w
  set.seed(3)
  u <- as.numeric(scale(as.numeric(Matrix::solve(Matrix::chol(q), rnorm(n)))))
  d <- data.frame(area = rownames(w), x = rnorm(n), e = rexp(n, 0.1) + 2)
  d$y <- rpois(n, d$e * exp(-0.2 + 0.3 * d$x + 0.4 * u + rnorm(n, 0, 0.15)))
  fit <- vb(y ~ x + offset(log(e)) + car(W, gr = area, type = "bym2"), d, family = poisson(),
            data2 = list(W = w))
  expect_identical(fit$engine$solver, "sparse")
  expect_true(fit$converged)
  s <- posterior_summary(fit, variable = c("b_x", "rhocar"))
  expect_lt(abs(s["b_x", 1] - 0.3) / s["b_x", 2], 4)
  expect_gt(s["rhocar", 1], 0.6)

  # a chain of parents: independent steps, whose precision is known
  n <- 5000L
  parent <- c(NA, vapply(2:n, function(i) sample.int(i - 1L, 1L), 0L))
  step <- Matrix::sparseMatrix(i = c(seq_len(n), 2:n), j = c(seq_len(n), parent[-1L]),
                               x = rep(c(1, -0.5), c(n, n - 1L)), dims = c(n, n))
  q <- Matrix::crossprod(step)
  dimnames(q) <- rep(list(paste0("i", seq_len(n))), 2L)
  d <- data.frame(id = rownames(q), y = as.numeric(Matrix::solve(step, rnorm(n))) + rnorm(n))
  fit <- vb(y ~ 1 + (1 | gr(id, precision = Q)), d, data2 = list(Q = q))
  s <- posterior_summary(fit, variable = c("sd_id__Intercept", "sigma"))
  expect_lt(max(abs(s[, 1] - 1) / s[, 2]), 4)
  q[5L, 9L] <- 3
  expect_error(vb(y ~ 1 + (1 | gr(id, precision = Q)), d, data2 = list(Q = q)), "symmetric",
               class = "vb_error_formula")
  q[9L, 5L] <- 3
  expect_error(vb(y ~ 1 + (1 | gr(id, precision = Q)), d, data2 = list(Q = q)), "definite",
               class = "vb_error_formula")
})
