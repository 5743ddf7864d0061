test_that("Pareto k of expectands tells which of them the weights cannot carry", {
  set.seed(1)
  a <- stats::rnorm(4000)
  b <- stats::rnorm(4000)
  # the target is a t with few degrees of freedom in a alone
  log_ratio <- stats::dt(a, 3, log = TRUE) - stats::dnorm(a, log = TRUE)
  k <- expectand_k(cbind(a, b, 3), log_ratio)
  expect_gt(k[1], 0.7)
  expect_identical(k[3], NA_real_)
  alone <- tail_k(matrix(log_ratio))
  expect_gte(k[1], alone)
  expect_gte(k[2], alone)
  # weights that are all alike: the tail of squared deviations alone
  expect_lt(expectand_k(cbind(a), numeric(4000)), 0.5)
})

test_that("terms that are all alike have no tail, sums that rest on few have one", {
  hump <- stats::qnorm(stats::ppoints(190)) * 1e-6
  humps <- c(hump, seq(0.2, 1.2, length.out = 50), rep(-1, 3760))
  expect_lte(terms_k(cbind(humps)), 0)
  expect_identical(terms_k(cbind(c(10, rep(0, 999)))), Inf)
})

test_that("the limit grows with the number of draws", {
  expect_equal(khat_limit(1000), 2 / 3)
  expect_identical(khat_limit(1e6), 0.7)
})

test_that("weights that hardly vary are told from those that do", {
  expect_true(hardly_vary(rep(1e-3, 1000)))
  expect_false(hardly_vary(c(0.2, rep(0.8 / 999, 999))))
  set.seed(2)
  w <- exp(stats::rnorm(4000, sd = 0.1))
  expect_true(hardly_vary(w / sum(w)))
  w <- exp(stats::rnorm(4000, sd = 1))
  expect_false(hardly_vary(w / sum(w)))
})

test_that("what weights change is measured in standard deviations", {
  set.seed(3)
  draws <- cbind(a = stats::rnorm(1e5), b = stats::rnorm(1e5), held = 1)
  # to mean 0.3 and sd 0.8 in a
  w <- stats::dnorm(draws[, 1], 0.3, 0.8) / stats::dnorm(draws[, 1])
  change <- weight_changes(draws, w / sum(w))
  expect_equal(change[["a"]], 0.3, tolerance = 0.03)
  expect_lt(change[["b"]], 0.02)
  expect_true(is.nan(change[["held"]]))
})

test_that("the verdict names those who are not to be trusted", {
  say <- function(khat, wrong = character(), changed = character(), steady = FALSE) {
    khat_verdict(khat, khat >= 0.7, wrong, changed, 3L, steady)
  }
  expect_match(say(0.2), "Pareto k 0.20: the approximation is close")
  expect_match(say(1.2, steady = TRUE), "1.20 of weights that hardly vary: .* close")
  expect_match(say(0.2, changed = c("b", "a")), "usable; .*psis.* in b, a\\.")
  expect_match(khat_verdict(0.2, FALSE, character(), "b", 3L, FALSE, carried = TRUE),
               "usable; importance weights have corrected .* in b\\.")
  expect_match(say(0.8, c("a", "b"), "a"), "far from.* of a, b are not")
  expect_match(say(0.8, c("a", "b", "c")), "all parameters")
  expect_match(say(0.3, "b"), "usable in part; .* of b are not")
  expect_match(say(NaN), "nothing is known")
  expect_match(say(-Inf), "all equal")
  expect_identical(listed(letters[1:8]), "a, b, c, d, e, f and 2 more")
})
