# The linear predictor of new rows at each node, against what the fit reports of coefficients.

# rows as the engine reads them, with some random effects of one term and no others
bare_rows <- function(fit, x, term = 0L, group = NULL, coef = 1L) {
  n <- nrow(x)
  one <- lapply(seq_along(fit$random), function(k) {
    z <- matrix(0, n, length(fit$random[[k]]$coef))
    if (k == term) z[, coef] <- 1
    list(z = z, group = if (k == term) group else rep(NA_integer_, n))
  })
  list(x = x, offset = numeric(n), group = lapply(one, `[[`, "group"), z = lapply(one, `[[`, "z"))
}

expect_nodes <- function(fit, rows, nodes) {
  got <- engine_node_moments(fit, rows)
  for (what in c("mean", "var", "skew")) {
    expect_equal(got[[what]], nodes[[what]][, got$node, drop = FALSE], tolerance = 1e-8,
                 ignore_attr = TRUE)
  }
}

test_that("a row with one coefficient has that coefficient's mean, variance and skewness", {
  set.seed(1)
  data <- data.frame(g = factor(sample(20, 200, TRUE)), h = factor(sample(6, 200, TRUE)),
                     x = rnorm(200))
  data$y <- rpois(200, exp(-1 + data$x / 2 + rnorm(20, 0, 0.6)[data$g] + rnorm(6)[data$h]))
  for (formula in list(y ~ 0 + x + (x | g) + (1 | h), y ~ 0 + x + (1 | g / h))) {
    fit <- vb(formula, data, family = poisson())
    p <- n_fixed(fit)
    expect_nodes(fit, bare_rows(fit, diag(p)), fixed_nodes(fit))
    for (k in seq_along(fit$random)) {
      level <- seq_along(fit$random[[k]]$levels)
      d <- length(fit$random[[k]]$coef)
      for (a in seq_len(d)) {
        rows <- bare_rows(fit, matrix(0, length(level), p), k, level, a)
        nodes <- ranef_nodes(fit, term_offset(fit)[k] + (level - 1L) * d + a)
        expect_gt(max(abs(nodes$skew)), 0.05)
        expect_nodes(fit, rows, nodes)
      }
    }
  }
})

test_that("the nodes add up to the moments of all", {
  for (case in c("line", "slope", "binomial", "nested", "negbinomial")) {
    fit <- fit_of(case)
    rows <- new_rows(fit)
    node <- engine_node_moments(fit, rows)
    all <- engine_moments(fit, rows)
    mean <- drop(node$mean %*% node$weight)
    expect_equal(mean, all$mean, tolerance = 1e-10, info = case)
    expect_equal(drop((node$var + (node$mean - mean)^2) %*% node$weight), all$var,
                 tolerance = 1e-8, info = case)
    aux <- fit$hyper$class == "aux"
    expect_equal(node$par, fit$engine$node$hyper[aux, node$node, drop = FALSE], tolerance = 1e-8,
                 ignore_attr = TRUE)
    plain <- engine_node_moments(fit, rows, corrected = FALSE)
    expect_identical(plain$mean, node$mean)
    expect_true(all(plain$skew == 0))
  }
})

test_that("variances of a quadratic family need no correction, others' grow by it", {
  rows <- new_rows(fit_of("slope"))
  expect_equal(engine_node_moments(fit_of("slope"), rows, corrected = FALSE)$var,
               engine_node_moments(fit_of("slope"), rows)$var, tolerance = 1e-10)
  fit <- fit_of("binomial")
  plain <- engine_node_moments(fit, new_rows(fit), corrected = FALSE)
  expect_gt(mean(engine_node_moments(fit, new_rows(fit))$var / plain$var), 1.01)
})

test_that("a new level adds the variance of its node and takes no negative weights", {
  fit <- fit_of("binomial")
  new <- data.frame(period = "1", herd = c("1", "new"))
  rows <- new_rows(fit, new, allow.new.levels = TRUE)
  node <- engine_node_moments(fit, rows)
  expect_identical(node$new, c(FALSE, TRUE))
  without <- engine_node_moments(fit, new_rows(fit, new, re.form = NA))
  sd <- fit$engine$node$hyper[fit$hyper$class == "sd", node$node]
  positive <- node$weight > 0
  expect_equal(node$var[2, positive], (without$var[2, ] + sd^2)[positive], tolerance = 1e-8)
  expect_true(all(node$var[2, !positive] == 0))
})

test_that("signed weights under which a mean is no average give way to the positive ones", {
  fit <- fit_of("nested")
  rows <- keep_rows(new_rows(fit), 1:3)
  fit$engine$node$weight <- c(1.2, -0.2, numeric(length(fit$engine$node$weight) - 2L))
  fit$engine$node$fixed_mean[1, 2] <- fit$engine$node$fixed_mean[1, 2] + 30
  fit$engine$node$mean[1, 2] <- fit$engine$node$mean[1, 2] + 30
  got <- engine_moments(fit, rows)
  first <- fit
  first$engine$node$weight <- c(1, 0 * fit$engine$node$weight[-1])
  expect_equal(got[c("mu", "mu_var")], engine_moments(first, rows)[c("mu", "mu_var")])
})

test_that("a standard error far from zero is what it is near zero", {
  set.seed(1)
  data <- data.frame(x = rnorm(30))
  data$y <- 0.3 * data$x + rnorm(30, 0, 0.01)
  error <- function(shift) predict(vb(y + shift ~ x, data), data, se.fit = TRUE)$se.fit
  expect_equal(error(1e9), error(0), tolerance = 1e-3)
})

test_that("a mean that doubles cannot hold is said to be infinite", {
  fit <- fit_of("nested")
  rows <- keep_rows(new_rows(fit), 1:2)
  rows$offset[2] <- 1000
  expect_warning(got <- predict_moments(fit, rows, "response", se = TRUE), "1 row",
                 class = "vb_warning_infinite")
  expect_identical(c(got$fit[2], got$se.fit[2]), c(Inf, Inf), ignore_attr = TRUE)
  expect_no_warning(predict_moments(fit, rows, "link", se = TRUE))
})
