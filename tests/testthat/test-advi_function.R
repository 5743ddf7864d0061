plain <- function(x) -sum(x^2) / 2

slope_of <- function(x) -x

test_that("the function gets what init looks like", {
  seen <- NULL
  f <- function(theta) {
    seen <<- theta
    plain(theta)
  }
  advi(f, c(a = 1, b = 2), slope_of, control = vb_control(draws = 100))
  expect_identical(names(seen), c("a", "b"))
  expect_null(dim(seen))
  advi(f, 1:2, slope_of, control = vb_control(draws = 100))
  expect_null(names(seen))
  advi(function(theta) {
    seen <<- theta
    -rowSums(theta^2) / 2
  }, c(a = 1, b = 2), slope_of, vectorised = TRUE, control = vb_control(draws = 100))
  expect_identical(colnames(seen), c("a", "b"))
})

test_that("vectorised functions are called once an iteration and give the same fit", {
  target <- gaussian_target(3)
  root <- chol(solve(target$cov))
  calls <- 0
  f <- function(theta) {
    calls <<- calls + 1
    -rowSums((sweep(theta, 2, target$mean) %*% t(root))^2) / 2
  }
  g <- function(theta) -sweep(theta, 2, target$mean) %*% crossprod(root)
  at_once <- advi(f, target$init, g, vectorised = TRUE, n_noise = 200)
  expect_lt(calls, at_once$n_grad / 4)
  one_by_one <- advi(target$log_density, target$init, target$gradient, n_noise = 200)
  expect_equal(coef(at_once), coef(one_by_one), tolerance = 1e-8)
  expect_equal(at_once$draws, one_by_one$draws, tolerance = 1e-6)
  wrong <- function(theta) rep(sum(f(theta)), nrow(theta))
  expect_error(advi(wrong, target$init, g, vectorised = TRUE), "not vectorised",
               class = "vb_error_vectorised")
  expect_error(advi(f, target$init, function(theta) matrix(t(g(theta)), nrow(theta)),
                    vectorised = TRUE), class = "vb_error_vectorised")
  expect_error(advi(plain, target$init, g, vectorised = TRUE), class = "vb_error_vectorised")
  # a failure in one row is a failure of that row
  patchy <- function(theta) {
    if (any(theta[, 1] > target$mean[1] + 2.5 * sqrt(target$cov[1, 1]))) stop("too far")
    f(theta)
  }
  expect_true(advi(patchy, target$mean, g, vectorised = TRUE)$converged)
})

test_that("functions and lists with a class are taken, others are told what is", {
  traced <- structure(plain, class = "memoised")
  expect_true(advi(traced, 1, slope_of)$converged)
  for (target in list(stats::lm(dist ~ speed, cars), "normal(0, 1)", dist ~ speed, NULL, 1)) {
    expect_error(advi(target, 1), "MakeADFun", class = "vb_error_target")
  }
  expect_error(advi(dist ~ speed), "algorithm", class = "vb_error_target")
  expect_error(advi(structure(list(), class = "CmdStanModel")), "sample", class = "vb_error_target")
})

test_that("rows are chosen evenly and without repetition", {
  rows <- row_chooser(function(theta, rows) 0, 100, 10)
  expect_identical(rows$now(), 1:100)
  set.seed(1)
  count <- integer(100)
  twice <- 0
  for (i in 1:2000) {
    rows$choose(10L, stats::runif(10))
    chosen <- rows$now()
    twice <- twice + anyDuplicated(chosen)
    count[chosen] <- count[chosen] + 1L
  }
  expect_identical(twice, 0)
  expect_gt(stats::chisq.test(count)$p.value, 1e-4)
  rows$choose(0L, numeric())
  expect_identical(rows$now(), 1:100)
  rows$choose(7L, rep(1 - 1e-16, 7))
  expect_true(all(rows$now() %in% 1:100))
  expect_error(row_chooser(function(theta, rows) 0, NULL, NULL), class = "vb_error_n_rows")
  expect_error(row_chooser(plain, 100, NULL), class = "vb_error_n_rows")
  # without mini-batches such a function gets all rows
  fit <- advi(function(theta, rows) -sum((theta - rows)^2) / 2, 0,
              function(theta, rows) sum(rows - theta), n_rows = 3)
  expect_equal(unname(coef(fit)), 2, tolerance = 1e-8)
})
