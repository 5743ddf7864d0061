#!/usr/bin/env Rscript
# Two crossed factors too large for a Cholesky factor: the partially factorised approximation with
# its conjugate-gradient mean, at sizes that grow tenfold, and against the structured one where both
# run.
#
#   Rscript crossed.R [gaussian|binomial]
#
# Prints CPU seconds, the memory the process held at most during the fit less what it held before
# (Linux only), and, at the smallest size, the ratio of the fixed effects' standard deviations.

library(varbayes)
family <- c(commandArgs(TRUE), "gaussian")[1]

held <- function(field) {
  status <- tryCatch(suppressWarnings(readLines("/proc/self/status")), error = function(e) "")
  line <- grep(paste0("^", field, ":"), status, value = TRUE)
  if (length(line)) as.numeric(gsub("[^0-9]", "", line)) / 1024 else NA_real_
}

crossed <- function(n_a, n_b, n) {
  set.seed(1)
  data <- data.frame(a = factor(sample(n_a, n, TRUE)), b = factor(sample(n_b, n, TRUE)),
                     x = rnorm(n))
  eta <- 0.5 + 0.5 * data$x + rnorm(n_a)[as.integer(data$a)] + 0.7 * rnorm(n_b)[as.integer(data$b)]
  data$y <- if (family == "gaussian") eta + rnorm(n) else rbinom(n, 1, plogis(eta))
  data
}

timed <- function(data, approximation) {
  gc()
  try(suppressWarnings(cat("5", file = "/proc/self/clear_refs")), silent = TRUE)
  before <- held("VmRSS")
  cpu <- system.time(
    fit <- vb(y ~ x + (1 | a) + (1 | b), data, family = family, approximation = approximation,
              verbose = FALSE)
  )[[1]]
  cat(sprintf("%-10s rows %7d, levels %6d x %5d: %6.1f s CPU, %5.0f MB, converged %s\n",
              approximation, nrow(data), nlevels(data$a), nlevels(data$b), cpu,
              held("VmHWM") - before, fit$converged))
  sqrt(diag(vcov(fit)))
}

small <- crossed(2000, 500, 10000)
direct <- timed(small, "structured")
partial <- timed(small, "partial")
cat("sds of the fixed effects, partial over structured:", format(partial / direct, digits = 3),
    "\n")
for (size in c(1, 10)) timed(crossed(20000 * size, 5000 * size, 100000 * size), "partial")
