# Every row of the table of priors, against R's densities and differences.

log_prior <- list(
  normal = function(x, a) stats::dnorm(x, a[1], a[2], log = TRUE),
  student_t = function(x, a) stats::dt((x - a[2]) / a[3], a[1], log = TRUE) - log(a[3]),
  cauchy = function(x, a) stats::dcauchy(x, a[1], a[2], log = TRUE),
  exponential = function(x, a) stats::dexp(x, a[1], log = TRUE),
  gamma = function(x, a) stats::dgamma(x, a[1], a[2], log = TRUE),
  flat = function(x, a) rep(0, length(x))
)

upper_prior <- list(
  normal = function(a) stats::pnorm(0, a[1], a[2], lower.tail = FALSE, log.p = TRUE),
  student_t = function(a) stats::pt(-a[2] / a[3], a[1], lower.tail = FALSE, log.p = TRUE),
  cauchy = function(a) stats::pcauchy(0, a[1], a[2], lower.tail = FALSE, log.p = TRUE),
  exponential = function(a) 0, gamma = function(a) 0, flat = function(a) 0
)

prior_arg <- list(
  normal = list(c(0, 1, 0), c(1.5, 0.4, 0), c(-2, 10, 0)),
  student_t = list(c(3, 0, 2.5), c(7, -1, 0.3), c(1, 2, 5)),
  cauchy = list(c(0, 5, 0), c(-1, 0.7, 0)),
  exponential = list(c(1, 0, 0), c(0.2, 0, 0)),
  gamma = list(c(2, 0.1, 0), c(5, 2, 0)),
  flat = list(c(0, 0, 0))
)

table <- vb_tables()$prior

test_that("every prior of the table has a density to be checked against", {
  expect_setequal(setdiff(table$name, c(names(log_prior), "constant")), character())
})

for (name in intersect(table$name, names(log_prior))) {
  test_that(paste("log density and derivatives are right:", name), {
    x <- c(0.02, 0.3, 1.1, 4, 25)
    if (!name %in% c("exponential", "gamma")) x <- c(-rev(x), x)
    for (arg in prior_arg[[name]]) {
      got <- eval_prior(name, x, arg)
      f <- function(x) log_prior[[name]](x, arg)
      expect_equal(got$ll, f(x), tolerance = 1e-12)
      expect_equal(got$d1, slope(f, x, 1e-3 * abs(x)), tolerance = 1e-7)
      expect_equal(got$d2, curvature(f, x, 1e-2 * abs(x)), tolerance = 1e-5)
      expect_equal(got$log_upper, upper_prior[[name]](arg), tolerance = 1e-12)
    }
  })
}
