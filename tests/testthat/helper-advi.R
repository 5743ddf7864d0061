# Targets whose posteriors are known.

gaussian_target <- function(d, seed = 1) {
  set.seed(seed)
  root <- matrix(stats::rnorm(d * d), d) / sqrt(d) + diag(d)
  cov <- crossprod(root)
  mean <- stats::rnorm(d)
  precision <- solve(cov)
  list(mean = mean, cov = cov, init = stats::setNames(numeric(d), paste0("x", seq_len(d))),
       log_density = function(x) -sum((x - mean) * (precision %*% (x - mean))) / 2,
       gradient = function(x) -drop(precision %*% (x - mean)))
}

# ---- eight schools (Rubin 1981), not centred -----------------------------------------------------

schools <- list(y = c(28, 8, -3, 7, -1, 1, 18, 12), sd = c(15, 10, 16, 11, 9, 11, 10, 18))
schools_init <- c(mu = 0, tau = 1, stats::setNames(numeric(8), sprintf("z[%d]", 1:8)))
schools_density <- function(theta) {
  z <- theta[-(1:2)]
  off <- (schools$y - theta[1] - theta[2] * z) / schools$sd
  -sum(off^2) / 2 - sum(z^2) / 2 - theta[1]^2 / 50 - log1p(theta[2]^2 / 25)
}
schools_gradient <- function(theta) {
  z <- theta[-(1:2)]
  pull <- (schools$y - theta[1] - theta[2] * z) / schools$sd^2
  c(sum(pull) - theta[1] / 25, sum(pull * z) - 2 * theta[2] / (25 + theta[2]^2),
    theta[2] * pull - z)
}

# Means and sds of mu and tau by quadrature over tau, given which all is Gaussian
schools_exact <- function() {
  tau <- seq(0.005, 150, by = 0.01)
  at <- vapply(tau, function(t) {
    v <- schools$sd^2 + t^2
    precision <- sum(1 / v) + 1 / 25
    mean <- sum(schools$y / v) / precision
    log_p <- -sum(log(v) + schools$y^2 / v) / 2 + mean^2 * precision / 2 - log(precision) / 2 -
      log1p(t^2 / 25)
    c(mean, 1 / precision, log_p)
  }, numeric(3))
  w <- exp(at[3, ] - max(at[3, ]))
  w <- w / sum(w)
  mu <- sum(w * at[1, ])
  rbind(mu = c(mu, sqrt(sum(w * (at[2, ] + (at[1, ] - mu)^2)))),
        tau = c(sum(w * tau), sqrt(sum(w * tau^2) - sum(w * tau)^2)))
}

# ---- what no Gaussian is like --------------------------------------------------------------------

banana <- list(
  log_density = function(x) -x[1]^2 / 8 - (x[2] - x[1]^2)^2 / 2,
  gradient = function(x) c(-x[1] / 4 + 2 * x[1] * (x[2] - x[1]^2), x[1]^2 - x[2])
)
# Neal (2003): v ~ N(0, 9), x_k | v ~ N(0, exp(v))
funnel <- list(
  log_density = function(theta) {
    v <- theta[1]
    x <- theta[-1]
    -v^2 / 18 - length(x) * v / 2 - exp(-v) * sum(x^2) / 2
  },
  gradient = function(theta) {
    v <- theta[1]
    x <- theta[-1]
    c(-v / 9 - length(x) / 2 + exp(-v) * sum(x^2) / 2, -exp(-v) * x)
  }
)

# everything but clocks
without_time <- function(fit) {
  fit$seconds <- fit$trace$seconds <- fit$call <- NULL
  fit
}
