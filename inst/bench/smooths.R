# Structured terms of many rows: CPU seconds of whole calls and the largest memory of the process,
# beside 'mgcv' on the same data. Every fit is in a process of its own, its packages loaded before.
#   Rscript inst/bench/smooths.R [pattern]
# One thread is used (OMP_NUM_THREADS=1). Rows of the table whose name matches the pattern.
arguments <- commandArgs(TRUE)
self <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))

curves <- list(function(x) 2 * sin(pi * x), function(x) exp(2 * x) - 3.2,
               function(x) (x - 0.5)^2 * 8, function(x) 0 * x)
draw <- list(gaussian = function(eta) eta + rnorm(length(eta), 0, 2),
             poisson = function(eta) rpois(length(eta), exp(eta / 3)),
             binomial = function(eta) rbinom(length(eta), 1, plogis(eta / 2)))

smooths <- function(n, m, k, family) {
  set.seed(1)
  d <- as.data.frame(matrix(runif(n * m), n, m))
  names(d) <- paste0("x", seq_len(m))
  eta <- Reduce(`+`, lapply(seq_len(m), function(j) curves[[(j - 1) %% 4 + 1]](d[[j]])))
  d$y <- draw[[family]](eta - mean(eta))
  terms <- paste0("s(x", seq_len(m), ", k = ", k, ")", collapse = " + ")
  list(formula = as.formula(paste("y ~", terms)), data = d)
}

# levels and times, a few hundred of each
structures <- function(n, family, formula) {
  set.seed(2)
  size <- 300L
  at <- function() sample(size, n, TRUE)
  d <- data.frame(t = at(), day = at(), area = factor(at(), seq_len(size)), m1 = factor(at()),
                  m2 = factor(at()), v = runif(n))
  effect <- function(sd) rnorm(size, 0, sd)
  both <- effect(0.5)
  eta <- cumsum(effect(0.05))[d$t] + sin(d$day / 40) + effect(0.3)[d$area] +
    (both[d$m1] + both[d$m2]) / 2 + cos(6 * d$v)
  d$y <- draw[[family]](eta)
  ring <- matrix(0, size, size, dimnames = list(seq_len(size), seq_len(size)))
  ring[abs(row(ring) - col(ring)) %in% c(1, size - 1)] <- 1
  list(formula = formula, data = d, data2 = list(ring = ring))
}

rows <- list(
  list("4 smooths, k = 10", 1e4, "gaussian", c("vb", "gam", "bam"), c(4, 10)),
  list("4 smooths, k = 10", 1e5, "gaussian", c("vb", "bam"), c(4, 10)),
  list("4 smooths, k = 10", 1e6, "gaussian", c("vb", "bam"), c(4, 10)),
  list("4 smooths, k = 10", 1e5, "poisson", c("vb", "bam"), c(4, 10)),
  list("4 smooths, k = 10", 1e5, "binomial", c("vb", "bam"), c(4, 10)),
  list("10 smooths, k = 20", 1e4, "gaussian", c("vb", "bam"), c(10, 20)),
  list("10 smooths, k = 20", 1e5, "gaussian", c("vb", "bam"), c(10, 20)),
  list("10 smooths, k = 20", 1e6, "gaussian", c("vb", "bam"), c(10, 20)),
  list("ar1 of 300 times, gp", 1e5, "gaussian", "vb", y ~ ar1(t) + gp(v)),
  list("ar1 of 300 times, gp", 1e6, "gaussian", "vb", y ~ ar1(t) + gp(v)),
  list("bym2 of 300 areas", 1e5, "gaussian", "vb", y ~ car(ring, gr = area, type = "bym2")),
  list("bym2 of 300 areas", 1e6, "gaussian", "vb", y ~ car(ring, gr = area, type = "bym2")),
  list("bym2 of 300 areas", 1e5, "poisson", "vb", y ~ car(ring, gr = area, type = "bym2")),
  list("mm of two among 300", 1e5, "gaussian", "vb", y ~ (1 | mm(m1, m2))),
  list("mm of two among 300", 1e6, "gaussian", "vb", y ~ (1 | mm(m1, m2))),
  list("rw2 of 300 days", 1e6, "gaussian", "vb", y ~ rw2(day))
)

fits <- list(
  vb = function(m, family) {
    varbayes::vb(m$formula, m$data, family = family, data2 = m$data2, verbose = FALSE)
  },
  gam = function(m, family) mgcv::gam(m$formula, data = m$data, family = family, method = "REML"),
  bam = function(m, family) {
    mgcv::bam(m$formula, data = m$data, family = family, discrete = TRUE)
  }
)

# MB; Linux only
peak <- function() {
  line <- grep("^VmHWM", readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) / 1024
}

one <- function(row, by) {
  loadNamespace("mgcv")
  loadNamespace("varbayes")
  small <- smooths(200, 1, 5, "gaussian")                       # what is set up once
  fits[[by]](small, "gaussian")
  model <- if (is.numeric(row[[5]])) smooths(row[[2]], row[[5]][1], row[[5]][2], row[[3]])
    else structures(row[[2]], row[[3]], row[[5]])
  before <- peak()
  seconds <- sum(system.time(fits[[by]](model, row[[3]]))[1:2])
  cat("result", seconds, before, peak(), "\n")
}

if (identical(arguments[1L], "--one")) {
  one(rows[[as.integer(arguments[2L])]], arguments[3L])
} else {
  cat("| model | rows | family | by | CPU s | peak MB | of which before |\n")
  cat("| --- | --- | --- | --- | --- | --- | --- |\n")
  for (i in seq_along(rows)) {
    row <- rows[[i]]
    name <- paste(row[[1]], format(row[[2]], scientific = FALSE), row[[3]])
    if (length(arguments) && !grepl(arguments[1L], name)) next
    for (by in row[[4]]) {
      out <- system2(file.path(R.home("bin"), "Rscript"), c(shQuote(self), "--one", i, by),
                     stdout = TRUE, env = "OMP_NUM_THREADS=1")
      got <- as.numeric(strsplit(grep("^result", out, value = TRUE), " ")[[1L]][2:4])
      cat(sprintf("| %s | %s | %s | %s | %.2f | %.0f | %.0f |\n", row[[1]],
                  format(row[[2]], scientific = FALSE), row[[3]], by, got[1], got[3], got[2]))
    }
  }
}
