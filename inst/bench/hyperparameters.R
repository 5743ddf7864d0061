# The integral over theta by the number of hyperparameters: nodes, CPU seconds, the error that the
# fit itself reports (nats); and eight crossed factors of 20,000 binary rows beside glmmTMB.
#   Rscript inst/bench/hyperparameters.R
# One thread is used (OMP_NUM_THREADS=1).
library(varbayes)

crossed <- function(n, levels, sds, binary) {
  set.seed(1)
  d <- data.frame(x = rnorm(n))
  eta <- 0.3 + 0.5 * d$x
  for (k in seq_along(levels)) {
    g <- sample(levels[k], n, TRUE)
    d[[paste0("g", k)]] <- factor(g)
    eta <- eta + rnorm(levels[k], 0, sds[k])[g]
  }
  d$y <- if (binary) rbinom(n, 1, plogis(eta)) else eta + rnorm(n)
  d
}
formula_of <- function(k) {
  as.formula(paste("y ~ x +", paste0("(1 | g", seq_len(k), ")", collapse = " + ")))
}
cpu <- function(expr) sum(system.time(expr)[1:2])

levels <- rep(c(4, 6, 16, 40, 5, 8, 12, 20, 30, 10), 3)
sds <- rep(c(0.5, 0.3, 0.6, 0.4, 0.8), 6)
cat("| model | K | nodes | foretold | evaluations | CPU s | node error |\n")
cat("| --- | --- | --- | --- | --- | --- | --- |\n")
row <- function(name, fit, seconds) {
  e <- fit$engine
  cat(sprintf("| %s | %d | %d | %d | %d | %.2f | %.3f |\n", name, nrow(e$point$x),
              length(e$node$weight) - e$n_foretold, e$n_foretold, e$n_eval, seconds,
              e$node_error))
}
for (k in c(1, 2, 3, 5, 8, 11, 15, 25)) {
  for (binary in c(FALSE, TRUE)) {
    d <- crossed(max(800, 100 * k), levels[seq_len(k)], sds[seq_len(k)], binary)
    family <- if (binary) binomial() else gaussian()
    seconds <- cpu(fit <- vb(formula_of(k), d, family = family, verbose = FALSE))
    row(paste(if (binary) "binary," else "gaussian,", k, "crossed factors,", nrow(d), "rows"), fit,
        seconds)
  }
}
five <- crossed(2000, c(4, 6, 16, 40, 5), sds, TRUE)
seconds <- cpu(fit <- vb(formula_of(5), five, family = binomial(), verbose = FALSE))
row("binary, five of 4 to 40 levels, 2,000 rows", fit, seconds)
eight <- crossed(20000, c(3, 5, 8, 12, 20, 30, 45, 60), c(sds[1:5], 0.3, 0.2, 0.5), TRUE)
seconds <- cpu(fit <- vb(formula_of(8), eight, family = binomial(), verbose = FALSE))
row("binary, eight of 3 to 60 levels, 20,000 rows", fit, seconds)
if (requireNamespace("glmmTMB", quietly = TRUE)) {
  seconds <- cpu(glmmTMB::glmmTMB(formula_of(8), eight, family = binomial()))
  cat(sprintf("\nglmmTMB on the last: %.2f CPU s\n", seconds))
}
