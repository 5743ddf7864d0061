# Same data, same numbers, to the last bit: on every run and whatever the number of threads.

models <- list(
  sleepstudy = function(...) {
    data <- utils::read.csv(system.file("extdata", "sleepstudy.csv", package = "varbayes"))
    vb(Reaction ~ Days + (Days | Subject), data, ...)
  },
  cbpp = function(...) {
    data <- utils::read.csv(system.file("extdata", "cbpp.csv", package = "varbayes"))
    vb(cbind(incidence, size - incidence) ~ factor(period) + (1 | herd), data,
       family = binomial(), ...)
  },
  # enough rows for several blocks, no two alike, so that threads have something to share
  rows = function(...) {
    n <- 6000
    i <- seq_len(n)
    x <- sin(i * 1.7) + cos(i * i)
    chance <- (sin(i * 12.9898) * 43758.5453) %% 1
    data <- data.frame(g = factor(i %% 60), x = x,
                       y = as.numeric(chance < stats::plogis(x / 2 - 0.5)))
    vb(y ~ x + (1 | g), data, family = binomial(), ...)
  },
  counts = function(...) {
    n <- 5000
    i <- seq_len(n)
    x <- cos(i * 0.37) + sin(i * i)
    data <- data.frame(g = factor(i %% 40), x = x,
                       y = floor(exp(0.4 * x + sin(i %% 40)) * (i %% 3)))
    vb(y ~ x + (1 | g), data, family = negbinomial(), ...)
  },
  partial = function(...) {
    n <- 5000
    i <- seq_len(n)
    data <- data.frame(g = factor(i %% 40), h = factor((i * i) %% 31), x = cos(i * 0.37))
    data$y <- floor(exp(0.4 * data$x + sin(i %% 40)) * (i %% 3))
    vb(y ~ x + (1 | g) + (1 | h), data, family = negbinomial(), approximation = "partial", ...)
  }
)

for (name in names(models)) {
  test_that(paste("two runs and one or two threads give identical fits:", name), {
    if (name %in% c("rows", "counts", "partial")) skip_on_cran()   # three fits of thousands of rows
    one <- models[[name]](cores = 1)
    again <- models[[name]](cores = 1)
    two <- models[[name]](cores = 2)
    expect_identical(posterior_summary(again), posterior_summary(one))
    expect_identical(posterior_summary(two), posterior_summary(one))
    expect_identical(without_clock(again)$engine, without_clock(one)$engine)
    expect_identical(without_clock(two)$engine, without_clock(one)$engine)
    expect_identical(elbo(two), elbo(one))
  })
}

test_that("draws follow R's generator and nothing else", {
  skip_if_not_installed("posterior")
  fit <- models$cbpp()
  set.seed(1)
  a <- posterior::as_draws_matrix(fit, ndraws = 20)
  set.seed(1)
  b <- posterior::as_draws_matrix(fit, ndraws = 20)
  expect_identical(a, b)
})
