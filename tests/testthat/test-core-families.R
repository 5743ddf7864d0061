# Every row of the table of likelihoods, against R's densities, differences and quadrature. A new
# row needs its density here and nothing else.

density_of <- list(
  gaussian = function(y, w, mu, par) stats::dnorm(y, mu, par[1] / sqrt(w), log = TRUE),
  student = function(y, w, mu, par) {
    scale <- par[1] / sqrt(w)
    stats::dt((y - mu) / scale, par[2], log = TRUE) - log(scale)
  },
  binomial = function(y, w, mu, par) stats::dbinom(y, w, mu, log = TRUE) - lchoose(w, y),
  poisson = function(y, w, mu, par) w * stats::dpois(y / w, mu, log = TRUE) + w * lgamma(y / w + 1),
  negbinomial = function(y, w, mu, par) w * stats::dnbinom(y, size = par[1], mu = mu, log = TRUE),
  Gamma = function(y, w, mu, par) {
    stats::dgamma(y, shape = w * par[1], rate = w * par[1] / mu, log = TRUE)
  },
  beta = function(y, w, mu, par) {
    w * stats::dbeta(y, mu * par[1], (1 - mu) * par[1], log = TRUE)
  },
  # two exponentials of mean scale / tau above mu and scale / (1 - tau) below, of mass 1 - tau, tau
  asym_laplace = function(y, w, mu, par) {
    tau <- par[2]
    side <- ifelse(y < mu, 1 - tau, tau)
    stats::dexp(abs(y - mu), side * w / par[1], log = TRUE) + log(1 - side)
  }
)

variance_of <- list(
  gaussian = function(mu, w, par) par[1]^2 / w,
  student = function(mu, w, par) par[1]^2 / w * par[2] / (par[2] - 2),
  binomial = function(mu, w, par) mu * (1 - mu) / w,
  poisson = function(mu, w, par) mu / w,
  negbinomial = function(mu, w, par) (mu + mu^2 / par[1]) / w,
  Gamma = function(mu, w, par) mu^2 / (w * par[1]),
  beta = function(mu, w, par) mu * (1 - mu) / (1 + par[1]) / w,
  # E x^2 = 2 mean^2 of an exponential, on both sides; the mean is mu + E x
  asym_laplace = function(mu, w, par) {
    tau <- par[2]
    above <- par[1] / w / tau
    below <- par[1] / w / (1 - tau)
    square <- 2 * ((1 - tau) * above^2 + tau * below^2)
    rep_len(square - ((1 - tau) * above - tau * below)^2, length(mu))
  }
)

example_y <- list(gaussian = c(-2, 0.3, 4), student = c(-2, 0.3, 4), Gamma = c(0.01, 0.7, 2, 30),
                  beta = c(0.003, 0.2, 0.5, 0.98), asym_laplace = c(-2.2, 0.3, 4))
unweighted <- c("binomial", "poisson")


example_rows <- function(family) {
  rows <- switch(
    family,
    binomial = expand.grid(y = c(0, 1, 3, 7), eta = c(-3, -0.7, 0, 0.4, 2)),
    expand.grid(y = if (is.null(example_y[[family]])) c(0, 1, 6, 30) else example_y[[family]],
                eta = c(-2, -0.4, 0, 0.9, 2.5))
  )
  rows$w <- if (family == "binomial") rows$y + rep_len(c(0, 1, 5), nrow(rows)) else 1
  if (family == "binomial") rows$w <- pmax(rows$w, 1)
  if (!family %in% unweighted) rows$w <- rep_len(c(1, 0.5, 2), nrow(rows))
  rows
}

example_par <- function(row) {
  value <- c(sigma = 1.3, shape = 1.7, nu = 4.5, phi = 6.5, tau = 0.3)
  value[unlist(row[c("par1", "par2")])][seq_len(row$n_par)]
}

check_rows <- function(row, check) {
  label <- paste(row$name, row$link, row$bound)
  check(label, example_rows(row$name), unname(example_par(row)))
}

table <- vb_tables()$family
table <- table[!table$thresholds, ]          # test-cumulative.R has them
rows <- lapply(seq_len(nrow(table)), function(i) as.list(table[i, ]))

test_that("every likelihood of the table has a density to be checked against", {
  expect_setequal(setdiff(table$name, names(density_of)), character())
  expect_setequal(setdiff(table$name, names(cdf_of)), character())
  expect_setequal(setdiff(table$link, names(inverse_link)), character())
})

for (row in rows) {
  name <- row$name
  link <- row$link
  bound <- row$bound
  eval <- function(what, d, par, ...) {
    eval_family(name, link, what, d$y, d$w, ..., par = par, bound = bound)
  }
  label <- paste(name, link, bound)

  test_that(paste("log density is R's:", label), {
    check_rows(row, function(label, d, par) {
      got <- eval("log_lik", d, par, eta = d$eta)$ll
      if (row$n_par > 0) got <- got + eval("base", d, par, eta = d$eta)
      exact <- density_of[[name]](d$y, d$w, inverse_link[[link]](d$eta), par)
      expect_equal(got, exact, tolerance = 1e-10)
    })
  })

  test_that(paste("derivatives are those of the log density:", label), {
    check_rows(row, function(label, d, par) {
      got <- eval("log_lik", d, par, eta = d$eta)
      ll <- function(eta) eval("log_lik", d, par, eta = eta)$ll
      expect_equal(got$d1, slope(ll, d$eta), tolerance = 1e-7)
      expect_equal(got$d2, curvature(ll, d$eta), tolerance = 1e-6)
    })
  })

  test_that(paste("nothing overflows far out:", label), {
    check_rows(row, function(label, d, par) {
      eta <- rep_len(c(-40, -15, 15, 40), nrow(d))
      if (link == "log") eta <- pmin(eta, 15)
      got <- eval("log_lik", d, par, eta = eta)
      finite <- if (link %in% c("probit", "cloglog")) got$ll > -1e10 else TRUE
      expect_true(all(is.finite(unlist(lapply(got, `[`, finite)))))
    })
  })

  if (bound == "exact") test_that(paste("expectations are by quadrature:", label), {
    check_rows(row, function(label, d, par) {
      v <- rep_len(c(0.02, 0.3, 1.5), nrow(d))
      got <- eval("expect", d, par, eta = d$eta, v = v)
      # Stein's identity: the derivatives' expectations from the log density alone, kinks and all
      hermite <- list(ll = function(z, s) 1, d1 = function(z, s) z / s,
                      d2 = function(z, s) (z^2 - 1) / s^2)
      for (part in names(hermite)) {
        exact <- expected(function(i, eta) {
          ll <- eval_family(name, link, "log_lik", rep(d$y[i], length(eta)),
                            rep(d$w[i], length(eta)), eta = eta, par = par)$ll
          s <- sqrt(v[i])
          (ll - ll[(length(ll) + 1) / 2]) * hermite[[part]]((eta - d$eta[i]) / s, s)
        }, d$eta, v)
        if (part == "ll") exact <- exact + eval("log_lik", d, par, eta = d$eta)$ll
        scale <- 1 + max(abs(exact))
        expect_lt(max(abs(got[[part]] - exact)) / scale, 2e-4)
      }
      fine <- eval("expect", d, par, eta = d$eta, v = v, n_quad = 40L)
      if (!row$kinked) expect_equal(fine$ll, got$ll, tolerance = 1e-4)
    })
  })

  if (row$n_par > 0) test_that(paste("dispersion derivatives are differences:", label), {
    check_rows(row, function(label, d, par) {
      for (k in seq_len(row$n_par)) {
        at <- function(value) {
          vapply(seq_along(value), function(i) {
            par[k] <- value[i]
            one <- lapply(d, `[`, i)
            eval("log_lik", one, par, eta = one$eta)$ll + eval("base", one, par, eta = one$eta)
          }, 0)
        }
        got <- eval("log_lik_par", d, par, eta = d$eta, k = k)
        expect_equal(got, slope(at, rep(par[k], nrow(d))), tolerance = 1e-6)
        if (bound != "exact") next
        v <- rep_len(c(0.02, 0.3, 1.5), nrow(d))
        exact <- expected(function(i, eta) {
          eval_family(name, link, "log_lik_par", rep(d$y[i], length(eta)),
                      rep(d$w[i], length(eta)), eta = eta, par = par, k = k)
        }, d$eta, v)
        got <- eval("expect_par", d, par, eta = d$eta, v = v, k = k)
        expect_lt(max(abs(got - exact)) / (1 + max(abs(exact))), 2e-4)
      }
    })
  })

  test_that(paste("the distribution function is R's:", label), {
    check_rows(row, function(label, d, par) {
      mu <- inverse_link[[link]](d$eta)
      expect_equal(eval("cdf", d, par, eta = d$eta), cdf_of[[name]](d$y, d$w, mu, par),
                   tolerance = 1e-12)
    })
  })

  test_that(paste("mean and variance are the family's:", label), {
    check_rows(row, function(label, d, par) {
      mu <- inverse_link[[link]](d$eta)
      expect_equal(eval("mean", d, par, eta = d$eta), mu, tolerance = 1e-12)
      expect_equal(eval("variance", d, par, eta = d$eta), variance_of[[name]](mu, d$w, par),
                   tolerance = 1e-12)
    })
  })
}

test_that("huge negative binomial counts and shapes have probabilities, and no warnings", {
  p <- function(y, shape, mu) {
    eval_family("negbinomial", "log", "cdf", y = y, w = rep(1, length(y)),
                eta = rep(log(mu), length(y)), par = shape)
  }
  expect_silent(far <- p(c(0, 1e232, 1e233), 0.0015, 1e230))
  expect_equal(far[2:3], stats::pgamma(c(100, 1000) * 0.0015, 0.0015), tolerance = 1e-10)
  expect_silent(near <- p(0:9, 1e154, 3))
  expect_equal(near, stats::ppois(0:9, 3), tolerance = 1e-10)
  expect_silent(both <- p(c(-1, 0, 0.99e154, 1.01e154), 1e154, 1e154))
  expect_equal(both, c(0, 0, 0, 1))
  # on either side of where the limits begin
  at <- 1e16 * c(0.5, 1, 2)
  expect_equal(p(at, 2, 1e16), stats::pgamma(at / 1e16 * 2, 2), tolerance = 1e-7)
  at <- 1e16 + 1e8 * c(-2, 0, 2)
  expect_equal(p(at, 1.1e16, 1e16), stats::pnorm(at, 1e16, 1e16 * sqrt(1e-16 + 1 / 1.1e16)),
               tolerance = 1e-6)
})

test_that("the beta density is straight in eta far out", {
  for (phi in c(0.5, 3, 200)) {
    eta <- c(-650, -400, -360, 360, 400, 650)
    got <- eval_family("beta", "logit", "log_lik", y = rep(0.3, 6), w = rep(1, 6), eta = eta,
                       par = phi)
    # log Gamma(x) is -log(x) for small x = phi exp(-|eta|), and the rest is constant
    expect_equal(got$d1, -sign(eta), tolerance = 1e-12)
    expect_lt(max(abs(got$d2)), 1e-10)
  }
})

test_that("expectations are right however wide the normal is against the density's bend", {
  cases <- list(                                # family, link, y, w, par, where it bends
    list("binomial", "logit", c(0, 1), 1, numeric(), 0),
    list("binomial", "probit", 1, 1, numeric(), 0),
    list("negbinomial", "log", c(0, 3), 1, 0.01, log(0.01)), list("beta", "logit", 0.3, 1, 5, 0),
    list("student", "identity", 2, 1, c(1, 4), 2),
    list("student", "identity", 2, 4, c(0.01, 4), 2),
    list("student", "identity", 2, 1, c(1, 1.1), 2), list("student", "identity", 2, 1, c(40, 2), 2),
    list("cumulative", "logit", 1:3, 1, c(-1, 2), 0),
    list("cumulative", "probit", 2, 1, c(-1, 2), 0)
  )
  off <- c(0, 10^seq(-4, 7, by = 0.25))
  check <- function(case, y, s, m) {
    value <- function(what, ...) {
      eval_family(case[[1L]], case[[2L]], what, y = y, w = case[[4L]], par = case[[5L]], ...)
    }
    got <- unlist(value("expect", eta = m, v = s^2))
    # piece by piece: integrate() would miss the bend
    ends <- sort(unique(c(m + s * (-9:9), case[[6L]] - off, case[[6L]] + off)))
    ends <- ends[abs(ends - m) <= 9 * s]
    exact <- vapply(1:3, function(k) {
      part <- function(eta) vapply(eta, function(e) value("log_lik", eta = e)[[k]], 0)
      piece <- function(from, to) {
        integrate(function(eta) part(eta) * dnorm(eta, m, s), from, to, rel.tol = 1e-7,
                  stop.on.error = FALSE)$value
      }
      sum(mapply(piece, ends[-length(ends)], ends[-1L]))
    }, 0)
    scale <- (1 + abs(exact[1L])) / c(1, s, s^2)
    expect_lt(max(abs(got - exact) / pmax(scale, abs(exact))), 5e-4)
  }
  for (case in cases) {
    for (y in case[[3L]]) for (s in c(0.5, 1.7, 4, 30, 1e3, 1e5)) {
      check(case, y, s, 1)
      check(case, y, s, 5 * s)
    }
  }
})
