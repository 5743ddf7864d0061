test_that("the signature is the one documented", {
  expect_named(formals(vb), c(
    "formula", "data", "family", "...", "weights", "subset", "na.action", "offset", "contrasts",
    "prior", "prior_intercept", "prior_aux", "prior_sd", "prior_cor", "algorithm",
    "approximation", "bound", "data2", "ziformula", "dispformula", "cores", "control", "verbose"))
})

test_that("the kinds of formula fit", {
  formulas <- list(y ~ x, y ~ 1, y ~ (1 | a), y ~ x + (x | b), y ~ x + (x || b),
                   y ~ x + (0 + x | b) + (1 | a), y ~ x + (1 | a / b), y ~ x + (1 | a:b),
                   y ~ (1 | factor(text)), y ~ poly(x, 2) + (poly(x, 2) | b), y ~ 0 + a,
                   y ~ splines::ns(x, 3), y ~ scale(x), y ~ x + (a || b))
  for (f in formulas) {
    fit <- vb(f, toy)
    expect_s3_class(fit, "vbfit")
    expect_true(is.finite(fit$elbo), info = deparse1(f))
  }
})

test_that("must fit: separation, n < p, collinear columns, single rows, one level, NA", {
  separated <- data.frame(y = rep(0:1, each = 5), x = 1:10)
  fits <- list(
    vb(y ~ x, separated, family = binomial()),
    vb(y ~ x + z + I(x^2) + I(z^2) + a, toy[c(1, 25, 45, 50), ]),
    vb(y ~ x + I(2 * x), toy),
    # two variances of which the data know the sum
    suppressWarnings(vb(y ~ x + (1 | row), transform(toy, row = seq_along(y))),
                     classes = "vb_not_converged"),
    suppressMessages(vb(y ~ x + (1 | one), toy)),
    vb(count ~ x + (1 | two), transform(toy, two = rep(1:2, 30)), family = poisson()),
    vb(y ~ x, transform(toy, x = replace(x, 1:9, NA))))
  for (fit in fits) {
    expect_true(all(is.finite(unlist(fit$engine$node[c("mean", "var")]))))
    expect_true(is.finite(fit$elbo))
    expect_true(fit$converged || length(doubts_of(fit$engine)) > 0L)
  }
  expect_length(fits[[7]]$na.action, 9)
  expect_identical(fits[[7]]$nobs, 51L)
})

test_that("names, values and do.call() give the same numbers, and no data is stored in the call", {
  by_name <- vb(y ~ x + (1 | a), toy, weights = z, offset = size)
  by_value <- do.call(vb, list(y ~ x + (1 | a), data = toy, weights = toy$z, offset = toy$size))
  expect_identical(by_name$elbo, by_value$elbo)
  expect_identical(by_name$engine$node, by_value$engine$node)
  expect_lt(object.size(deparse(by_value$call)), 2000)
  mine <- toy
  fit <- do.call("vb", list(y ~ x, data = mine))
  expect_identical(fit$call$data, quote(mine))
  expect_identical(stats::update(fit, . ~ . + z)$fixed$names, c("(Intercept)", "x", "z"))
})

test_that("update() works from the stored call", {
  fit <- vb(y ~ x + (x | a), data = toy)
  less <- stats::update(fit, . ~ . - x - (x | a) + (1 | a))
  expect_identical(less$fixed$names, "(Intercept)")
  other <- suppressWarnings(stats::update(fit, family = student(df = 5)),
                            classes = "vb_not_converged")
  expect_identical(other$family$family, "student")
})

test_that("arguments of samplers are ignored with one message", {
  expect_message(fit <- vb(y ~ x, toy, iter = stop("not looked at"), chains = 4), "iter.*chains",
                 class = "vb_message")
  expect_identical(fit$elbo, vb(y ~ x, toy)$elbo)
})

test_that("all that scripts of brms, rstanarm and lme4 carry along is ignored with one message", {
  known <- vb(y ~ x, toy)
  ignored <- function(...) {
    said <- NULL
    fit <- withCallingHandlers(vb(y ~ x, toy, ...), message = function(m) {
      said <<- c(said, conditionMessage(m))
      invokeRestart("muffleMessage")
    })
    expect_identical(fit$elbo, known$elbo)
    expect_length(said, 1)
    expect_silent(again <- update(fit))
    expect_identical(again$elbo, known$elbo)
    said
  }
  said <- ignored(iter = 2000, warmup = 500, thin = 1, init = 0, silent = 2, backend = "rstan",
                  file = "fit", save_pars = stop("not looked at"),
                  control = list(adapt_delta = 0.95, max_treedepth = 12))
  for (name in c("warmup", "thin", "init", "silent", "backend", "file", "save_pars", "control")) {
    expect_match(said, paste0("`", name, "`"), fixed = TRUE)
  }
  expect_match(ignored(nAGQ = 0, start = list(theta = 1), verbose = 0L,
                       control = lmerControl(optimizer = "bobyqa")), "nAGQ.*start.*control")
  expect_match(ignored(REML = FALSE, control = lme4::glmerControl()), "REML.*control")
  expect_match(ignored(control = list()), "control")
  expect_error(vb(y ~ x, toy, control = list(tol = 1e-3)), "vb_control",
               class = "vb_error_control")
})

test_that("mistakes in arguments are classed errors", {
  expect_error(vb(y ~ x, toy, family = "gamma"), class = "vb_error_family")
  expect_error(vb(y ~ x, toy, algorithm = "meanfield"), "cavi", class = "vb_error_algorithm")
  for (q in c("lowrank", "fullrank")) {
    expect_error(vb(y ~ x, toy, approximation = q), "structured", class = "vb_error_algorithm")
  }
  expect_error(vb(y ~ x, toy, approximation = "best"), "structured",
               class = "vb_error_approximation")
  expect_error(vb(y ~ x, toy, bound = "jj"), "student", class = "vb_error_bound")
  expect_error(vb(y ~ x, toy, bound = "pg"), "exact", class = "vb_error_bound")
  expect_error(vb(y ~ x, toy, cores = 0), class = "vb_error_cores")
  expect_error(vb(y ~ x, toy, verbose = "no"), class = "vb_error_verbose")
  expect_error(vb(y ~ x, toy, wieghts = z), "wieghts", class = "vb_error_dots")
  expect_error(vb(data = toy), class = "vb_error_formula")
  expect_error(vb(object = 1, data = toy), "rstan::vb", class = "vb_error_formula")
  expect_error(vb(toy, y ~ x), class = "vb_error_formula")
})

test_that("every error is a vb_error and comes before the engine", {
  wrong <- list(
    list(y ~ te(x)), list(y ~ nowhere), list(text ~ x), list(y ~ one), list(y ~ toep(x | a)),
    list(y ~ x, weights = -toy$z), list(y ~ x, subset = toy$z > 9), list(y ~ x, foo = 1),
    list(y ~ x, prior = lkj(1)), list(y ~ x, prior = normal(0, 1:3)),
    list(replace(toy$y, 2, Inf) ~ x), list(y ~ x, offset = replace(toy$x, 2, NaN)))
  for (args in wrong) {
    expect_error(do.call(vb, c(args, list(data = toy))), class = "vb_error",
                 info = deparse1(args[[1]]))
  }
})

test_that("several threads change nothing", {
  expect_identical(vb(hit ~ x + (1 | b), toy, family = binomial(), cores = 2)$engine$node,
                   vb(hit ~ x + (1 | b), toy, family = binomial(), cores = 1)$engine$node)
})

test_that("a regression of many rows ends where it does from whichever of them it begins", {
  set.seed(3)
  n <- 36000
  d <- data.frame(x = rnorm(n), z = rnorm(n))
  d$y <- rbinom(n, 1, plogis(-1 + 0.5 * d$x - 0.3 * d$z))
  fit <- vb(y ~ x + z, d, family = binomial(), prior = flat(), prior_intercept = flat())
  peer <- stats::glm(y ~ x + z, binomial(), d)
  se <- sqrt(diag(vcov(peer)))
  expect_lt(max(abs(fixef(fit) - coef(peer)) / se), 0.02)
  expect_lt(max(abs(sqrt(diag(vcov(fit))) / se - 1)), 0.01)
  # a few events, none or all of them among the rows that say where to begin
  d$y <- 0
  event <- function(rows) replace(d$y, rows, 1)
  rare <- lapply(list(4 * (1:9) + 2, 4 * (1:9) + 1), function(rows) {
    d[rows, c("x", "z")] <- d[4 * (1:9) + 2, c("x", "z")]
    vb(y ~ x + z, transform(d, y = event(rows)), family = binomial())
  })
  expect_true(rare[[1]]$converged && rare[[2]]$converged)
  expect_equal(fixef(rare[[1]]), fixef(rare[[2]]), tolerance = 0.02)
})
