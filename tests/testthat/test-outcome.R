test_that("an engine that ends without numbers is an error", {
  engine <- list(status = 0L, node = list(weight = 1, mean = matrix(1)),
                 point = list(hyper = matrix(2)))
  expect_silent(check_engine(engine))
  engine$point$hyper[1] <- NaN
  expect_error(check_engine(engine), class = "vb_error_fit")
  engine$node$weight <- numeric()
  expect_error(check_engine(engine), class = "vb_error_fit")
})

test_that("how a fit ended becomes a classed warning that says what to do", {
  fit <- list(converged = FALSE, stopped = "max_sweep")
  expect_warning(report_stop(fit, globalenv()), "vb_control", class = "vb_not_converged")
  for (why in setdiff(stop_reasons, c("", "interrupt"))) {
    fit$stopped <- why
    expect_warning(report_stop(fit, globalenv()), class = "vb_not_converged")
  }
  fit$stopped <- "interrupt"
  expect_warning(report_stop(fit, globalenv()), class = "vb_interrupted")
  # a loop at top level: the next fit comes at once and is not begun; the one after it is
  expect_identical(tryCatch(stop_loop(), interrupt = function(i) "again"), "again")
  expect_silent(stop_loop())
  inside <- function() suppressWarnings(report_stop(fit, environment()))
  expect_identical(tryCatch(inside(), interrupt = function(i) "again"), "again")
  expect_silent(report_stop(list(converged = TRUE), globalenv()))
})

test_that("every status of the engine but success has its reason", {
  expect_length(stop_reasons, 6)
  model <- model_of(y ~ x, toy)
  for (status in 1:4) {
    engine <- list(converged = FALSE, status = status, trace = NULL)
    fit <- new_vbfit(quote(vb()), model, list(algorithm = "cavi"), list(), engine, 0)
    expect_identical(fit$stopped, stop_reasons[status + 1])
    expect_identical(nrow(fit$trace), 0L)
  }
})

test_that("a posterior that doubles cannot hold counts as not converged", {
  data <- data.frame(g = gl(3, 4), x = c(1, 2, 4, 3), y = sin(1:12 * 7))
  fit <- function(sd, approximation) {
    vb(y ~ x + (1 | g), data, prior_aux = constant(sd), approximation = approximation)
  }
  for (approximation in c("structured", "joint", "partial", "meanfield")) {
    expect_warning(lost <- fit(1e-8, approximation), class = "vb_not_converged")
    expect_false(lost$converged)
    expect_true(suppressMessages(sound <- fit(0.5, approximation))$converged)
    expect_lt(sound$engine$lost, 1e-6)
  }
  for (case in list(
    list(1e-7, "meanfield"), list(1e-7, "partial"), list(1e-8, "structured")
  )) {
    expect_warning(lost <- do.call(fit, case), "rounding", class = "vb_not_converged")
    expect_identical(lost$stopped, "rounding")
    expect_gt(lost$engine$lost, 0.01)
  }
  # data that fix the parts and not only their sums leave nothing to round
  expect_true(vb(y ~ x, data, prior_aux = constant(1e-8))$converged)
  twins <- transform(data, z = x + 1e-7 * cos(1:12))
  expect_warning(vb(y ~ x + z, twins, prior = normal(0, 1e12)), "rounding",
                 class = "vb_not_converged")
  expect_true(vb(y ~ x + z, twins)$converged)
})

test_that("an ill-conditioned partial fit does not depend on the order of rows", {
  set.seed(1)
  data <- data.frame(g = gl(2, 12), h = gl(4, 1, 24), x = rnorm(24))
  data$y <- rpois(24, 1e6 * exp(0.2 * data$x + 0.3 * (data$h == 2)))
  fit <- function(data) {
    quietly <- suppressWarnings(vb(y ~ x + (1 | h) + (x | g), data, family = poisson(),
                                   approximation = "partial"))
    posterior_summary(quietly, variable = "^[br]_", regex = TRUE)
  }
  one <- fit(data)
  other <- fit(data[24:1, ])
  expect_lt(max(abs(one[, 1] - other[, 1]) / one[, 2]), 0.01)
})

test_that("an integral over theta that is not to be relied on is said in every place", {
  sound <- list(rule = "weighted", ess = 400, khat = 0.3, node_error = NaN)
  expect_null(doubt_sentence(sound))
  expect_null(doubt_sentence(list(rule = "surrogate", ess = NaN, khat = NaN, node_error = 0.2)))
  expect_null(doubt_sentence(NULL))
  even <- list(rule = "weighted", ess = 800, khat = 0.9, point = list(weight = rep(0.001, 1000)))
  expect_null(doubt_sentence(even))
  even$point$weight[7] <- 0.006
  expect_match(doubt_sentence(even), "Pareto k 0.90")
  bad <- list(vb_integral_ess = list(ess = 40),
              vb_integral_khat = list(khat = 0.9),
              vb_integral_error = list(rule = "surrogate", ess = NaN, khat = NaN, node_error = 0.6))
  says <- c("40 points", "Pareto k 0.90", "off by 0.1 standard")
  fit <- vb(mpg ~ wt + (1 | cyl), mtcars)
  fit$engine$point$weight[1] <- 0.02
  for (k in seq_along(bad)) {
    engine <- utils::modifyList(sound, bad[[k]])
    doubted <- fit
    doubted$engine[names(engine)] <- engine
    whole <- c(doubted$engine, fit[c("elbo", "log_evidence")], list(converged = TRUE))
    part <- engine_fields(whole, fit$design, "cavi")
    expect_false(part$converged)
    expect_identical(part$stopped, "")
    doubted$converged <- FALSE
    warned <- expect_warning(report_stop(doubted, globalenv()), says[k], class = names(bad)[k])
    expect_s3_class(warned, "vb_not_converged")
    flat <- function(x) paste(trimws(capture.output(print(x))), collapse = " ")
    expect_match(flat(doubted), says[k])
    expect_match(flat(summary(doubted)), says[k])
    expect_match(flat(summary(doubted)), "NOT converged")
  }
})
