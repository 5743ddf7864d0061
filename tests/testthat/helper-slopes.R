# Twelve groups of six with an intercept and three slopes each, and heavy-tailed errors: twelve
# hyperparameters, far more than the data say much about.
slopes_data <- function() {
  if (exists(".Random.seed", globalenv())) {
    seed <- get(".Random.seed", globalenv())
    on.exit(assign(".Random.seed", seed, globalenv()))
  }
  set.seed(1, "Mersenne-Twister", "Inversion", "Rejection")
  n_group <- 12
  g <- gl(n_group, 6)
  x <- round(matrix(stats::rnorm(length(g) * 3), length(g)), 2)
  u <- matrix(stats::rnorm(n_group * 4), n_group) %*% diag(c(0.7, 0.4, 0.3, 0.2))
  eta <- 1 + drop(x %*% c(0.5, -0.3, 0.2)) + rowSums(cbind(1, x) * u[g, ])
  y <- round(eta + stats::rt(length(g), 4), 2)
  data.frame(y = y, x1 = x[, 1], x2 = x[, 2], x3 = x[, 3], g = g)
}
