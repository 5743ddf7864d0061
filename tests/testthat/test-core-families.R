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
  negbinomial = function(y, w, mu, par) w * stats::dnbinom(y, size = par[1], mu = mu, log = TRUE)
)

inverse_link <- list(
  identity = identity, log = exp, logit = stats::plogis, probit = stats::pnorm,
  cloglog = function(eta) -expm1(-exp(eta))
)

variance_of <- list(
  gaussian = function(mu, w, par) par[1]^2 / w,
  student = function(mu, w, par) par[1]^2 / w * par[2] / (par[2] - 2),
  binomial = function(mu, w, par) mu * (1 - mu) / w,
  poisson = function(mu, w, par) mu / w,
  negbinomial = function(mu, w, par) (mu + mu^2 / par[1]) / w
)

example_rows <- function(family) {
  rows <- switch(
    family,
    binomial = expand.grid(y = c(0, 1, 3, 7), eta = c(-3, -0.7, 0, 0.4, 2)),
    expand.grid(y = if (family %in% c("gaussian", "student")) c(-2, 0.3, 4) else c(0, 1, 6, 30),
                eta = c(-2, -0.4, 0, 0.9, 2.5))
  )
  rows$w <- if (family == "binomial") rows$y + rep_len(c(0, 1, 5), nrow(rows)) else 1
  if (family == "binomial") rows$w <- pmax(rows$w, 1)
  if (family %in% c("gaussian", "student", "negbinomial")) {
    rows$w <- rep_len(c(1, 0.5, 2), nrow(rows))
  }
  rows
}

example_par <- function(row) c(sigma = 1.3, shape = 1.7, nu = 4.5)[unlist(row[c("par1", "par2")])][
  seq_len(row$n_par)]

check_rows <- function(row, check) {
  label <- paste(row$name, row$link)
  check(label, example_rows(row$name), unname(example_par(row)))
}

table <- vb_tables()$family
rows <- lapply(seq_len(nrow(table)), function(i) as.list(table[i, ]))

test_that("every likelihood of the table has a density to be checked against", {
  expect_setequal(setdiff(table$name, names(density_of)), character())
  expect_setequal(setdiff(table$link, names(inverse_link)), character())
})

for (row in rows) {
  name <- row$name
  link <- row$link
  eval <- function(what, d, par, ...) eval_family(name, link, what, d$y, d$w, ..., par = par)
  label <- paste(name, link)

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

  test_that(paste("expectations are the quadrature of the log density:", label), {
    check_rows(row, function(label, d, par) {
      v <- rep_len(c(0.02, 0.3, 1.5), nrow(d))
      got <- eval("expect", d, par, eta = d$eta, v = v)
      for (part in c("ll", "d1", "d2")) {
        exact <- expected(function(i, eta) {
          eval_family(name, link, "log_lik", rep(d$y[i], length(eta)), rep(d$w[i], length(eta)),
                      eta = eta, par = par)[[part]]
        }, d$eta, v)
        scale <- 1 + max(abs(exact))
        expect_lt(max(abs(got[[part]] - exact)) / scale, 2e-4)
      }
      fine <- eval("expect", d, par, eta = d$eta, v = v, n_quad = 40L)
      expect_equal(fine$ll, got$ll, tolerance = 1e-4)
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
      }
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
