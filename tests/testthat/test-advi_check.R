f <- function(theta) -sum((theta - c(1, 2, 3))^2 / c(1, 1e-4, 1e4)) / 2
g <- function(theta) -(theta - c(1, 2, 3)) / c(1, 1e-4, 1e4)
init <- c(a = 0, b = 0, c = 0)

test_that("a wrong gradient is an error that says what is wrong with it", {
  fails <- function(gradient, message, ...) {
    expect_error(advi(f, init, gradient, ...), message, class = "vb_error_gradient")
  }
  fails(function(theta) -g(theta), "opposite sign")
  fails(function(theta) 2 * g(theta), "2 times")
  fails(function(theta) g(theta) * c(1, 1, 1.5), "\"c\"")
  fails(function(theta) g(theta) * c(1, 0, 1), "\"b\"")
  fails(function(theta) rev(g(theta)), "differ in")
  # on the scale of bounded parameters, too, and with the gradient of logarithms
  at <- c(a = 2, b = 1, c = 2)
  fails <- function(gradient, message) {
    expect_error(advi(f, at, gradient, lower = 0), message, class = "vb_error_gradient")
  }
  expect_true(advi(f, at, g, lower = 0, control = vb_control(draws = 100))$n_grad > 0)
  fails(function(theta) -g(theta), "opposite sign")
  fails(function(theta) g(theta) * theta, "differ in")
})

test_that("at the mode a wrong gradient is found next to it", {
  expect_error(advi(f, c(a = 1, b = 2, c = 3), function(theta) -g(theta)), "opposite",
               class = "vb_error_gradient")
})

test_that("right gradients pass: kinks, cliffs, flat and noisy densities", {
  laplace <- function(x) -sum(abs(x))
  expect_true(advi(laplace, c(1, 2), function(x) -sign(x))$n_grad > 0)
  noisy <- function(theta) f(theta) + 1e-7 * sin(1e6 * sum(theta))
  expect_true(advi(noisy, init, g)$n_grad > 0)
  half <- function(x) if (x > 0) -x^2 / 2 else -Inf
  expect_s3_class(suppressWarnings(advi(half, 1e-6, function(x) -x, upper = 10)), "advifit") |>
    tryCatch(vb_error_target = function(e) expect_s3_class(e, "vb_error"))
  huge <- function(x) -1e8 - sum(x^2) / 2
  expect_true(advi(huge, c(1, 2), function(x) -x)$converged)
})

test_that("mistakes of the density show at the start", {
  fails <- function(class, ..., message = NULL) expect_error(advi(...), message, class = class)
  fails("vb_error_init", function(x) NaN, c(a = 1), g, message = "a = 1")
  fails("vb_error_init", function(x) log(-1), c(a = 1), g)
  fails("vb_error_init", function(x) -Inf, 1, g)
  fails("vb_error_target", function(x) stop("no such data {here}"), c(a = 1), g,
        message = "no such data \\{here\\}")
  fails("vb_error_value", function(x) "a", 1, g)
  fails("vb_error_value", function(x) x, c(1, 2), g)
  fails("vb_error_value", function(x) NULL, 1, g)
  fails("vb_error_gradient", f, init, function(x) 1)
  fails("vb_error_gradient", f, init, function(x) "a")
  fails("vb_error_gradient", f, init, function(x) c(NA, 1, 1), message = "\"a\"")
  fails("vb_error_target", f, init, function(x) stop("what"), message = "what")
})

test_that("a start outside of the bounds is named", {
  expect_error(advi(f, c(a = 1, b = -1, c = 1), g, lower = 0), "b = -1", class = "vb_error_init")
  expect_error(advi(f, c(a = 1, b = 0, c = 1), g, lower = 0), class = "vb_error_init")
  expect_error(advi(f, c(a = 1, b = 5, c = 1), g, upper = c(b = 4)), class = "vb_error_init")
  expect_error(advi(f, c(p = c(0.5, 0.2, 0.2)), g, transform = list(p = "simplex")),
               class = "vb_error_init")
  expect_error(advi(f, c(p = c(1, 3, 2)), g, transform = list(p = "ordered")),
               class = "vb_error_init")
})

test_that("points are described briefly", {
  expect_identical(describe_theta(c("a", "b"), c(1, pi)), "a = 1, b = 3.1416")
  expect_match(describe_theta(paste0("x", 1:20), 1:20), "x8 = 8 ... and 12 more", fixed = TRUE)
})

test_that("a guarded density never fails, and remembers where it would have", {
  target <- new_target("R function", c("a", "b"), c(0, 0), gradient = "given",
                       density = plain_density(function(x) {
                         if (x[1] > 1) stop("too far")
                         if (x[1] > 0.5) return(c(1, 2))
                         -sum(x^2)
                       }, function(x) -2 * drop(x), FALSE))
  seen <- new_seen()
  guarded <- guarded_density(target, constrained_map(c("a", "b"), lower = c(b = 0)), seen)
  x <- rbind(c(0, 2, 0.7, -1), c(0, 0, 0, 1000))
  got <- guarded(x, TRUE)
  expect_identical(is.finite(got$value), c(TRUE, FALSE, FALSE, FALSE))
  expect_identical(got$value[-1], rep(-Inf, 3))
  expect_true(all(got$gradient[, -1] == 0))
  expect_identical(seen$theta, c(2, 1))
  expect_match(seen$message, "too far")
  expect_identical(seen$n, 3L)
  expect_null(guarded(x[, 1, drop = FALSE], FALSE)$gradient)
})
