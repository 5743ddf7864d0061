# Data for the horseshoe: ten coefficients of falling size among many that are zero. The columns are
# correlated, and rounded so that every platform has the same.
horseshoe_cases <- list(
  gaussian = list(n = 300, p = 100, groups = 0, family = "gaussian", size = c(2, 0.15)),
  logistic = list(n = 400, p = 100, groups = 0, family = "binomial", size = c(2, 0.4)),
  group = list(n = 300, p = 100, groups = 30, family = "gaussian", size = c(2, 0.15)),
  wide = list(n = 60, p = 100, groups = 0, family = "gaussian", size = c(3, 0.8)),
  wide_logistic = list(n = 60, p = 100, groups = 0, family = "binomial", size = c(3, 0.8))
)

horseshoe_data <- function(case) {
  spec <- horseshoe_cases[[case]]
  if (exists(".Random.seed", globalenv())) {
    seed <- get(".Random.seed", globalenv())
    on.exit(assign(".Random.seed", seed, globalenv()))
  }
  set.seed(20 + match(case, names(horseshoe_cases)), "Mersenne-Twister", "Inversion", "Rejection")
  n <- spec$n
  p <- spec$p
  x <- matrix(stats::rnorm(n * p), n)
  x <- round(0.9 * x + 0.4 * x[, c(p, seq_len(p - 1))], 1)
  real <- 9 * (0:9) + 1
  if (spec$n < p) real <- real[c(1, 3, 5, 7, 9)]
  beta <- numeric(p)
  k <- length(real)
  size <- exp(seq(log(spec$size[1]), log(spec$size[2]), length.out = k))
  beta[real] <- size * rep_len(c(1, -1), k)
  eta <- drop(0.5 + x %*% beta)
  g <- if (spec$groups) rep(seq_len(spec$groups), length.out = n)
  if (spec$groups) eta <- eta + 0.7 * stats::rnorm(spec$groups)[g]
  y <- if (spec$family == "gaussian") round(eta + stats::rnorm(n), 2)
    else (stats::runif(n) < stats::plogis(eta)) + 0
  colnames(x) <- sprintf("x%d", seq_len(p))
  data <- data.frame(y = y, x)
  if (spec$groups) data$g <- factor(g)
  list(data = data, x = x, real = real, beta = beta, formula = stats::as.formula(
    paste("y ~", paste(colnames(x), collapse = " + "), if (spec$groups) "+ (1 | g)")))
}
