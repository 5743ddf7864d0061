test_that("Gaussian targets are exact, whatever their scale", {
  for (d in c(1, 2, 7)) {
    target <- gaussian_target(d)
    fit <- advi(target$log_density, target$init, target$gradient, n_noise = 2 * d)
    expect_true(fit$converged)
    expect_equal(unname(coef(fit)), target$mean, tolerance = 1e-8)
    expect_equal(unname(vcov(fit)), target$cov, tolerance = 1e-8)
    expect_identical(rownames(posterior_summary(fit)), names(target$init))
    evidence <- d / 2 * log(2 * pi) + c(determinant(target$cov)$modulus) / 2
    expect_equal(elbo(fit), evidence, tolerance = 1e-8)
  }
  # linear response makes up for independence
  fit <- advi(target$log_density, target$init, target$gradient, approximation = "meanfield")
  expect_equal(unname(vcov(fit)), target$cov, tolerance = 1e-6)
  expect_equal(unname(fit$sd_q), 1 / sqrt(diag(solve(target$cov))), tolerance = 1e-6)
  wide <- c(1e-4, 1, 1e4)
  fit <- advi(function(x) -sum((x / wide)^2) / 2, wide, function(x) -x / wide^2)
  expect_equal(unname(fit$sd), wide, tolerance = 1e-6)
})

test_that("full rank is the default up to 100 parameters", {
  of_dim <- function(d) {
    advi(function(x) -sum(x^2) / 2, numeric(d), function(x) -x, control = vb_control(draws = 100))
  }
  expect_identical(of_dim(100)$approximation, "fullrank")
  expect_identical(of_dim(101)$approximation, "meanfield")
})

test_that("eight schools agree with quadrature", {
  exact <- schools_exact()
  fit <- advi(schools_density, schools_init, schools_gradient, lower = c(tau = 0))
  expect_true(fit$converged)
  got <- posterior_summary(fit, variable = c("mu", "tau"))
  expect_lt(abs(got["mu", 1] - exact["mu", 1]) / exact["mu", 2], 0.05)
  expect_lt(abs(got["mu", 2] / exact["mu", 2] - 1), 0.05)
  # tau piles up at zero, where a Gaussian in log(tau) cannot follow: k says how well it does
  expect_lt(abs(got["tau", 1] - exact["tau", 1]) / exact["tau", 2], 0.3)
  expect_gt(min(fit$draws[, "tau"]), 0)
})

test_that("what no Gaussian is like is flagged", {
  fit <- advi(banana$log_density, c(a = 1, b = 1), banana$gradient)
  expect_true(all(fit$margin$khat > 0.7))
  expect_match(summary(fit)$verdict, "not to be trusted")
  init <- stats::setNames(numeric(4), c("v", paste0("x", 1:3)))
  fit <- advi(funnel$log_density, init, funnel$gradient)
  expect_true(all(fit$margin$khat > 0.7))
})

test_that("fixed noise is the same on every run and leaves the session's alone", {
  fit <- function() advi(schools_density, schools_init, schools_gradient, lower = c(tau = 0))
  set.seed(1)
  first <- fit()
  state <- .Random.seed
  set.seed(2, kind = "Wichmann-Hill")
  expect_identical(without_time(fit()), without_time(first))
  expect_identical(RNGkind()[1], "Wichmann-Hill")
  set.seed(1, kind = "default")
  expect_identical(.Random.seed, state)
  # on errors, too, and where there was no state
  expect_error(advi(function(x) NA, 1), class = "vb_error_init")
  expect_identical(.Random.seed, state)
  rm(.Random.seed, envir = globalenv())
  fit()
  expect_false(exists(".Random.seed", globalenv(), inherits = FALSE))
})

test_that("set.seed() governs fresh noise", {
  target <- gaussian_target(3)
  fit <- function(seed) {
    set.seed(seed)
    advi(target$log_density, target$init, target$gradient, noise = "fresh")
  }
  expect_identical(without_time(fit(1)), without_time(fit(1)))
  expect_false(identical(fit(1)$mean, fit(2)$mean))
  got <- fit(1)
  expect_identical(got$noise, "fresh")
  expect_lt(max(abs(got$mean - target$mean) / sqrt(diag(target$cov))), 0.1)
  expect_identical(advi(target$log_density, target$init, target$gradient,
                        control = vb_control(noise = "fresh"))$noise, "fresh")
})

test_that("mini-batches are unbiased estimates of the whole", {
  set.seed(3)
  x <- stats::rnorm(400)
  y <- 1 + 2 * x + stats::rnorm(400)
  sizes <- integer()
  density <- function(theta, rows) {
    sizes <<- c(sizes, length(rows))
    off <- y[rows] - theta[1] - theta[2] * x[rows]
    -length(y) / length(rows) * sum(off^2) / 2
  }
  slope <- function(theta, rows) {
    off <- y[rows] - theta[1] - theta[2] * x[rows]
    length(y) / length(rows) * c(sum(off), sum(off * x[rows]))
  }
  fit <- advi(density, c(a = 0, b = 0), slope, noise = "fresh", n_rows = 400,
              control = vb_control(batch = 40, max_iter = 20000))
  expect_setequal(unique(sizes), c(40, 400))
  exact <- stats::lm(y ~ x)
  expect_lt(max(abs(fit$mean - stats::coef(exact)) * sqrt(400)), 0.3)
})

test_that("a density that fails here and there is fitted all the same", {
  patchy <- function(kind) {
    function(x) {
      if (x[1] > 3) return(kind(x))
      -sum(x^2) / 2
    }
  }
  slope <- function(x) -x
  for (kind in list(function(x) NaN, function(x) NA, function(x) Inf, function(x) stop("no"))) {
    fit <- advi(patchy(kind), c(a = 2.5, b = 2), slope)
    expect_true(fit$converged)
    expect_lt(max(abs(coef(fit))), 0.05)
    expect_gt(fit$n_bad, 0)
  }
  # warnings are dropped, prints are not
  expect_silent(advi(function(x) -sum(x^2) / 2 + 0 * sqrt(x[1]^2 - 2 * abs(x[1])), 2.5,
                     function(x) -x, control = vb_control(draws = 100)) |>
                  tryCatch(vb_warning = function(w) NULL, vb_error = function(e) NULL))
})

test_that("a failure that cannot be mended says where", {
  calls <- 0
  broken <- function(x) {
    calls <<- calls + 1
    if (calls > 60) stop("the data base is gone")
    -sum(x^2) / 2
  }
  expect_error(advi(broken, c(a = 1, b = 2), function(x) -x), "data base is gone",
               class = "vb_error_target")
  calls <- 0
  expect_error(advi(broken, c(a = 1, b = 2), function(x) -x), "a = ", class = "vb_error_target")
})

test_that("a fit that did not converge warns", {
  target <- gaussian_target(3)
  fit <- NULL
  expect_warning(fit <- advi(target$log_density, target$init, target$gradient, noise = "fresh",
                             control = vb_control(max_iter = 10)),
                 "max_iter", class = "vb_not_converged")
  expect_false(fit$converged)
  expect_identical(fit$stopped, "max_iter")
  expect_output(print(fit), "Not converged")
  expect_match(summary(fit)$report, "NOT converged (max_iter)", fixed = TRUE)
})

test_that("an interrupt is an interrupt", {
  skip_on_os("windows")                                     # it has no SIGINT to send
  calls <- 0
  slow <- function(x) {
    calls <<- calls + 1
    if (calls == 100) tools::pskill(Sys.getpid(), tools::SIGINT)
    schools_density(x)
  }
  seen <- character()
  tryCatch(
    withCallingHandlers(
      advi(slow, schools_init, schools_gradient, lower = c(tau = 0)),
      vb_interrupted = function(w) seen <<- c(seen, "vb_interrupted")),
    interrupt = function(e) seen <<- c(seen, "interrupt"))
  expect_true("interrupt" %in% seen)
})

test_that("arguments are checked and named", {
  f <- function(x) -sum(x^2) / 2
  g <- function(x) -x
  expect_error(advi(f), class = "vb_error_init")
  expect_error(advi(f, c(1, NA), g), class = "vb_error_init")
  expect_error(advi(f, "a", g), class = "vb_error_init")
  expect_error(advi(f, 1, "g"), class = "vb_error_gradient")
  expect_error(advi(f, 1, g, approximation = "structured"), class = "vb_error_approximation")
  expect_error(advi(f, 1, g, approximation = "pathfinder", control = vb_control(paths = 0)),
               class = "vb_error_paths")
  expect_error(advi(f, 1, g, noise = "none"), class = "vb_error_noise")
  expect_error(advi(f, 1, g, n_noise = 0), class = "vb_error_n_noise")
  expect_error(advi(f, 1, g, control = list()), class = "vb_error_control")
  expect_error(advi(f, 1, g, verbose = NA), class = "vb_error_verbose")
  expect_error(advi(f, 1, g, seeds = 1), "seeds", class = "vb_error_dots")
  expect_error(advi(f, 1, g, control = vb_control(batch = 10)), class = "vb_error_batch")
  expect_error(advi(f, 1, g, noise = "fresh", control = vb_control(batch = 10)),
               class = "vb_error_batch")
})

test_that("the call is kept without its data", {
  target <- gaussian_target(2)
  f <- target$log_density
  fit <- do.call(advi, list(f, target$init, target$gradient, control = vb_control(draws = 100)))
  expect_identical(fit$call$target, quote(f))
  expect_identical(fit$call$control, quote(vb_control(draws = 100L)))
})

test_that("a fit can be updated", {
  target <- gaussian_target(3)
  fit <- advi(target$log_density, target$init, target$gradient)
  narrow <- stats::update(fit, approximation = "meanfield")
  expect_identical(narrow$approximation, "meanfield")
  expect_equal(narrow$cov, fit$cov, tolerance = 1e-6)
})

test_that("too few draws for a full rank are refused, and too many to keep", {
  target <- gaussian_target(5)
  of <- function(...) advi(target$log_density, target$init, target$gradient, ...)
  expect_error(of(n_noise = 8), "10 or more", class = "vb_error_n_noise")
  expect_error(of(control = vb_control(draws = 1e8)), "too many", class = "vb_error_draws")
  expect_no_error(of(n_noise = 8, approximation = "meanfield"))
  expect_error(advi(), class = "vb_error_target")
})

test_that("a density without an end is no fit", {
  rising <- function(theta) sum(theta) - 1e3
  expect_error(advi(rising, c(a = 0, b = 0), function(theta) c(1, 1)), "prior",
               class = "vb_error_target")
})
