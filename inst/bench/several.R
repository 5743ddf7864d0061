# Models with several predictors beside their peers on the same data: CPU seconds of whole calls,
# the second of two, and how far estimates lie apart under flat priors of the coefficients, in the
# peer's standard errors.
#   Rscript inst/bench/several.R [pattern]
# One thread is used (OMP_NUM_THREADS=1). Needs 'glmmTMB' and 'nnet'.
suppressMessages(library(varbayes))
suppressMessages(suppressWarnings(library(glmmTMB)))
options(varbayes.verbose = FALSE)
utils::data("Salamanders", package = "glmmTMB")

cpu <- function(f) {
  f()
  time <- system.time(value <- f())
  list(value = value, seconds = sum(time[c("user.self", "sys.self")]))
}

spread <- function(n) {
  set.seed(1)
  d <- data.frame(x = rnorm(n))
  d$y <- 1 + 0.5 * d$x + exp(-0.3 + 0.4 * d$x) * rnorm(n)
  d
}
choices <- function(n) {
  set.seed(2)
  d <- data.frame(x = rnorm(n), z = rnorm(n))
  eta <- cbind(0, 0.3 + d$x, -0.2 + 0.5 * d$z, 0.1 - d$x + d$z)
  d$y <- factor(letters[apply(eta - log(-log(matrix(runif(4 * n), n))), 1, which.max)])
  d
}

# coefficients and standard errors of a peer, in our order
of_tmb <- function(fit) {
  s <- summary(fit)$coefficients
  parts <- s[c("cond", "zi", "disp")]
  parts <- parts[!vapply(parts, is.null, NA)]
  do.call(rbind, lapply(parts, function(x) x[, 1:2, drop = FALSE]))
}
of_multinom <- function(fit) {
  s <- summary(fit)
  cbind(as.vector(t(s$coefficients)), as.vector(t(s$standard.errors)))
}

rows <- list(
  "zero-inflated Poisson, Salamanders" = list(
    ours = function(...) vb(bf(count ~ spp + mined + (1 | site), zi ~ mined), Salamanders,
                            family = zero_inflated_poisson(), ...),
    peer = function() glmmTMB(count ~ spp + mined + (1 | site), ziformula = ~ mined, Salamanders,
                              family = poisson),
    of = of_tmb),
  "zero-inflated negative binomial, Salamanders" = list(
    ours = function(...) vb(bf(count ~ spp + mined + (1 | site), zi ~ mined), Salamanders,
                            family = zero_inflated_negbinomial(), ...),
    peer = function() glmmTMB(count ~ spp + mined + (1 | site), ziformula = ~ mined, Salamanders,
                              family = nbinom2),
    of = of_tmb),
  "four categories, 1e5 rows" = local({
    d <- choices(1e5)
    list(ours = function(...) vb(y ~ x + z, d, family = categorical(), ...),
         peer = function() nnet::multinom(y ~ x + z, d, trace = FALSE), of = of_multinom)
  }),
  "location and scale, 1e5 rows" = local({
    d <- spread(1e5)
    list(ours = function(...) vb(bf(y ~ x, sigma ~ x), d, ...),
         peer = function() glmmTMB(y ~ x, d, dispformula = ~ x),
         of = function(fit) of_tmb(fit) * rep(c(1, 1, 0.5, 0.5), 2))    # of log variances
  })
)

wanted <- commandArgs(TRUE)
cat("| model | vb, s | peer, s | ratio | apart, se |\n| --- | --- | --- | --- | --- |\n")
for (name in grep(if (length(wanted)) wanted else ".", names(rows), value = TRUE)) {
  row <- rows[[name]]
  ours <- cpu(row$ours)
  peer <- cpu(function() suppressWarnings(row$peer()))
  dpar <- names(ours$value$predictors)
  # no zero inflation at all has a likelihood too: under flat priors of zi the posterior is none
  none <- lapply(stats::setNames(nm = dpar), function(d) if (d == "zi") normal(0, 5) else flat())
  flat <- suppressMessages(row$ours(prior = none, prior_intercept = none))
  theirs <- row$of(peer$value)
  apart <- max(abs(fixef(flat) - theirs[, 1]) / theirs[, 2])
  cat(sprintf("| %s | %.2f | %.2f | %.1f | %.2f |\n", name, ours$seconds, peer$seconds,
              peer$seconds / ours$seconds, apart))
}
