# A fit is opened once for each call of R, whatever the number of its blocks, and closed after it.

opens <- function(code) {
  count <- 0L
  real <- stand_in(open_engine = function(fit, use) {
    count <<- count + 1L
    real$open_engine(fit, use)
  })
  force(code)
  count
}

crossed <- function() {
  set.seed(3)
  d <- data.frame(x = stats::rnorm(120), g = gl(6, 20), h = gl(5, 1, 120))
  d$y <- stats::rbinom(120, 1, stats::plogis(d$x + stats::rnorm(6)[d$g]))
  vb(y ~ x + (1 | g) + (1 | h), d, family = stats::binomial(), verbose = FALSE)
}

test_that("a fit is opened once per call", {
  skip_if_not_installed("loo")
  skip_if_not_installed("posterior")
  fit <- crossed()
  stand_in(                                  # many blocks
    row_blocks = function(rows, width) split(rows, seq_along(rows) %/% 10L),
    draw_blocks = function(n_draw, n_coef) split(seq_len(n_draw), seq_len(n_draw) %/% 10L)
  )
  expect_identical(opens(predict(fit, interval = "prediction")), 1L)
  expect_identical(opens(predict(fit, interval = "credible", se.fit = TRUE)), 1L)
  expect_identical(opens(fitted(fit)), 1L)
  expect_identical(opens(predict(fit)), 0L)
  expect_identical(opens(as.matrix(fit, ndraws = 50)), 1L)
  expect_identical(opens(posterior::as_draws_matrix(fit, ndraws = 50)), 1L)
  expect_identical(opens(posterior_predict(fit, ndraws = 50)), 1L)
  expect_identical(opens(log_lik(fit, ndraws = 50)), 1L)
  expect_identical(opens(suppressWarnings(loo::loo(fit, ndraws = 50))), 1L)
  expect_identical(opens(loo::loo(fit, method = "cavity", refit = 0)), 1L)
  expect_identical(opens(loo::kfold(fit, K = 3)), 4L)      # the fit, and each without a fold
})

test_that("blocks give what the whole gives", {
  fit <- crossed()
  rows <- new_rows(fit)
  whole <- engine_node_moments(fit, rows)
  parts <- with_open(fit, function(fit) {
    lapply(split(1:120, rep(1:4, 30)), function(i) engine_node_moments(fit, keep_rows(rows, i)))
  })
  mean <- matrix(NA_real_, 120, length(whole$weight))
  for (k in 1:4) mean[seq(k, 120, 4), ] <- parts[[k]]$mean
  expect_identical(mean, whole$mean)
})

test_that("a handle is void when the call is over, however that ended", {
  fit <- crossed()
  kept <- with_open(fit, function(fit) list(fit))[[1L]]
  expect_error(engine_moments(kept, new_rows(fit)), "the fit is not open")
  expect_error(with_open(fit, function(fit) {
    kept <<- fit
    stop("enough")
  }), "enough")
  expect_error(engine_moments(kept, new_rows(fit)), "the fit is not open")
  fit$opened <- 1
  expect_error(engine_moments(fit, new_rows(fit)), "the fit is not open")
})

test_that("a fit made again of an open one is not open", {
  fit <- crossed()
  again <- with_open(fit, function(fit) refit(fit, 1:100))
  expect_null(again$opened)
  expect_length(fitted(again), 120L)
})

test_that("the sparse solver's tables live as long as the fit is open", {
  set.seed(5)
  d <- data.frame(y = stats::rpois(90, 3), g = gl(9, 10), h = gl(10, 1, 90))
  fit <- vb(y ~ 1 + (1 | g) + (1 | h), d, family = stats::poisson(), verbose = FALSE,
            control = vb_control(solver = "sparse"))
  rows <- new_rows(fit)
  once <- engine_moments(fit, rows)
  with_open(fit, function(fit) {
    for (i in 1:3) {
      expect_identical(engine_moments(fit, rows), once)
      gc()
    }
  })
})
