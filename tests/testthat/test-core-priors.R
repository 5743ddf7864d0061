# Every row of the table of priors, against R's densities and differences.

log_prior <- list(
  normal = function(x, a) stats::dnorm(x, a[1], a[2], log = TRUE),
  student_t = function(x, a) stats::dt((x - a[2]) / a[3], a[1], log = TRUE) - log(a[3]),
  cauchy = function(x, a) stats::dcauchy(x, a[1], a[2], log = TRUE),
  exponential = function(x, a) stats::dexp(x, a[1], log = TRUE),
  gamma = function(x, a) stats::dgamma(x, a[1], a[2], log = TRUE),
  flat = function(x, a) rep(0, length(x)),
  laplace = function(x, a) stats::dexp(abs(x - a[1]), 1 / a[2], log = TRUE) - log(2),
  logistic = function(x, a) stats::dlogis(x, a[1], a[2], log = TRUE),
  pc = function(x, a) stats::dexp(x, -log(a[2]) / a[1], log = TRUE),
  inv_chi = function(x, a) {
    stats::dgamma((a[2] / x)^2, a[1] / 2, a[1] / 2, log = TRUE) + log(2 * a[2]^2 / x^3)
  },
  inv_gamma = function(x, a) stats::dgamma(1 / x, a[1], a[2], log = TRUE) - 2 * log(x),
  beta = function(x, a) stats::dbeta(x, a[1], a[2], log = TRUE),
  pc_cor = function(x, a) {
    s <- sqrt(-log1p(-x^2))
    stats::dexp(s, -log(a[2]) / sqrt(-log1p(-a[1]^2)), log = TRUE) - log(2) +
      log(abs(x) / (s * (1 - x^2)))
  }
)

upper_prior <- list(
  normal = function(a) stats::pnorm(0, a[1], a[2], lower.tail = FALSE, log.p = TRUE),
  student_t = function(a) stats::pt(-a[2] / a[3], a[1], lower.tail = FALSE, log.p = TRUE),
  cauchy = function(a) stats::pcauchy(0, a[1], a[2], lower.tail = FALSE, log.p = TRUE),
  logistic = function(a) stats::plogis(0, a[1], a[2], lower.tail = FALSE, log.p = TRUE),
  exponential = function(a) 0, gamma = function(a) 0, flat = function(a) 0,
  pc = function(a) 0, inv_chi = function(a) 0, inv_gamma = function(a) 0,
  beta = function(a) 0, pc_cor = function(a) 0,
  laplace = function(a) {
    below <- stats::pexp(abs(a[1]), 1 / a[2], lower.tail = FALSE) / 2
    log(if (a[1] < 0) below else 1 - below)
  }
)

prior_arg <- list(
  normal = list(c(0, 1, 0), c(1.5, 0.4, 0), c(-2, 10, 0)),
  student_t = list(c(3, 0, 2.5), c(7, -1, 0.3), c(1, 2, 5)),
  cauchy = list(c(0, 5, 0), c(-1, 0.7, 0)),
  exponential = list(c(1, 0, 0), c(0.2, 0, 0)),
  gamma = list(c(2, 0.1, 0), c(5, 2, 0)),
  flat = list(c(0, 0, 0)),
  laplace = list(c(0, 1, 0), c(2, 0.4, 0), c(-0.7, 5, 0)),
  logistic = list(c(0, 1, 0), c(-1.5, 0.3, 0)),
  pc = list(c(1, 0.01, 0), c(0.3, 0.5, 0)),
  inv_chi = list(c(4, 2, 0), c(1, 0.3, 0)),
  inv_gamma = list(c(3, 2, 0), c(0.8, 0.1, 0)),
  beta = list(c(1, 1, 0), c(2.5, 0.7, 0)),
  pc_cor = list(c(0.5, 0.1, 0), c(0.9, 0.8, 0))
)

positive <- c("exponential", "gamma", "inv_chi", "inv_gamma", "pc")
bounded <- list(beta = c(0.02, 0.3, 0.5, 0.97), pc_cor = c(-0.97, -0.4, -0.02, 0.02, 0.3, 0.95))

table <- vb_tables()$prior

test_that("every prior of the table has a density to be checked against", {
  elsewhere <- "horseshoe"                            # test-horseshoe.R
  expect_setequal(setdiff(table$name, c(names(log_prior), elsewhere)), character())
})

for (name in intersect(table$name, names(log_prior))) {
  test_that(paste("log density and derivatives are right:", name), {
    x <- c(0.02, 0.3, 1.1, 4, 25)
    if (!name %in% positive) x <- c(-rev(x), x)
    if (name %in% names(bounded)) x <- bounded[[name]]
    for (arg in prior_arg[[name]]) {
      got <- eval_prior(name, x, arg)
      f <- function(x) log_prior[[name]](x, arg)
      expect_equal(got$ll, f(x), tolerance = 1e-12)
      h <- if (name %in% names(bounded)) pmin(abs(x), 1 - abs(x)) else abs(x)
      expect_equal(got$d1, slope(f, x, 1e-3 * h), tolerance = 1e-7)
      expect_equal(got$d2, curvature(f, x, 1e-2 * h), tolerance = 1e-5)
      expect_equal(got$log_upper, upper_prior[[name]](arg), tolerance = 1e-12)
    }
  })

  if (!name %in% c(positive, names(bounded))) {
    test_that(paste("expectations over a coefficient are those of the log density:", name), {
      m <- rep(c(-1.3, 0, 0.2, 2.5, 30), each = 5)
      for (arg in prior_arg[[name]]) {
        scale <- max(utils::tail(arg[arg != 0], 1), 0)  # the last argument; flat has none
        v <- rep_len(c(0.01, 0.1, 0.3, 9, 400), length(m)) * scale^2 + 1e-3
        got <- eval_prior(name, m, arg, v)
        # Stein's identity: the derivatives' expectations from the log density alone, kinks and all
        hermite <- list(ll = function(z, s) 1, d1 = function(z, s) z / s,
                        d2 = function(z, s) (z^2 - 1) / s^2)
        for (part in names(hermite)) {
          exact <- expected(function(i, x) {
            s <- sqrt(v[i])
            log_prior[[name]](x, arg) * hermite[[part]]((x - m[i]) / s, s)
          }, m, v)
          expect_lt(max(abs(got[[part]] - exact)) / (1 + max(abs(exact))), 1e-3)
        }
      }
    })
  }
}
