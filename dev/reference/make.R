# Data and reference posteriors of tests/testthat/fixtures: Rscript dev/reference/make.R [case ...]
# from the root of the repository. Long runs of NUTS with priors stated as numbers, the same as in
# tests/testthat/helper-reference.R. A case that has its data keeps them.

source(file.path("dev", "reference", "nuts.R"))
families <- c("gaussian", "binomial", "poisson", "Gamma", "Beta", "asym_laplace",
              "cumulative_logit", "cumulative_probit", "weibull")

# ---- the cases -----------------------------------------------------------------------------------

grouped <- function(n_group, size, x = "x") {
  g <- rep(seq_len(n_group), length.out = n_group * size)
  data <- data.frame(g = factor(sort(g)))
  for (name in x) data[[name]] <- round(rnorm(nrow(data)), 3)
  data
}

correlated <- function(n, sd, cor) {
  r <- diag(length(sd))
  r[lower.tri(r)] <- cor
  r[upper.tri(r)] <- t(r)[upper.tri(r)]
  matrix(rnorm(n * length(sd)), n) %*% chol(r) %*% diag(sd, length(sd))
}

cases <- list(
  logit_slope = list(
    seed = 101, family = "binomial", fixed = ~ x, random = ~ x,
    data = function() {
      d <- grouped(60, 8)
      u <- correlated(60, c(1, 0.25), 0.3)[d$g, ]
      d$y <- rbinom(nrow(d), 1, plogis(-0.3 + 0.6 * d$x + u[, 1] + u[, 2] * d$x))
      d
    },
    prior = list(coef = 2.5, intercept = c(0, 2.5), sd = 2.5)),
  binary_pairs = list(
    seed = 102, family = "binomial", fixed = ~ x, random = ~ 1,
    data = function() {
      d <- grouped(100, 2)
      d$y <- rbinom(nrow(d), 1, plogis(0.3 + 0.7 * d$x + rnorm(100, 0, 2)[d$g]))
      d
    },
    prior = list(coef = 2.5, intercept = c(0, 2.5), sd = 2.5)),
  gauss_three = list(
    seed = 103, family = "gaussian", fixed = ~ x + z, random = ~ x + z,
    data = function() {
      d <- grouped(6, 12, c("x", "z"))
      u <- correlated(6, c(1, 0.6, 0.4), c(0.4, -0.3, 0.2))[d$g, ]
      d$y <- round(1 + 0.5 * d$x - 0.4 * d$z + u[, 1] + u[, 2] * d$x + u[, 3] * d$z +
                     rnorm(nrow(d), 0, 0.8), 3)
      d
    },
    prior = list(coef = 5, intercept = c(1, 2.5), sd = 2.5, aux = c(1, 2.5, 0))),
  poisson_obs = list(
    seed = 104, family = "poisson", fixed = ~ x, intercepts = c("g", "obs"),
    data = function() {
      d <- grouped(15, 10)
      d$obs <- factor(seq_len(nrow(d)))
      d$y <- rpois(nrow(d), exp(0.4 + 0.4 * d$x + rnorm(15, 0, 0.6)[d$g] +
                                  rnorm(nrow(d), 0, 0.5)))
      d
    },
    prior = list(coef = 2.5, intercept = c(0.5, 2.5), sd = 2.5)),
  logit_crossed = list(
    seed = 105, family = "binomial", fixed = ~ x, intercepts = c("a", "b"),
    data = function() {
      d <- data.frame(a = factor(rep(1:60, 6)), b = factor(sample(rep(1:30, 12))),
                      x = round(rnorm(360), 3))
      d$y <- rbinom(360, 1, plogis(0.2 + 0.6 * d$x + rnorm(60, 0, 1.2)[d$a] +
                                     rnorm(30, 0, 0.8)[d$b]))
      d
    },
    prior = list(coef = 2.5, intercept = c(0, 2.5), sd = 2.5)),
  binary_sparse = list(
    seed = 106, family = "binomial", fixed = ~ x, random = ~ 1,
    data = function() {
      d <- data.frame(g = factor(rep(1:80, rep(c(1, 2, 4), c(40, 20, 20)))))
      d$x <- round(rnorm(nrow(d)), 3)
      d$y <- rbinom(nrow(d), 1, plogis(-0.2 + 0.8 * d$x + rnorm(80, 0, 1.5)[d$g]))
      d
    },
    prior = list(coef = 2.5, intercept = c(0, 2.5), sd = 2.5)),
  gamma_groups = list(
    seed = 107, family = "Gamma", fixed = ~ x, random = ~ 1,
    data = function() {
      d <- grouped(15, 5)
      d$y <- signif(rgamma(nrow(d), 1.5, 1.5 / exp(0.5 + 0.4 * d$x + rnorm(15, 0, 0.6)[d$g])), 4)
      d
    },
    prior = list(coef = 2.5, intercept = c(0.5, 2.5), sd = 2.5, aux = c(2, 1, 0))),
  beta_groups = list(
    seed = 108, family = "Beta", fixed = ~ x, random = ~ 1,
    data = function() {
      d <- grouped(15, 5)
      mu <- plogis(-0.5 + 0.5 * d$x + rnorm(15, 0, 0.7)[d$g])
      d$y <- pmin(pmax(round(rbeta(nrow(d), 5 * mu, 5 * (1 - mu)), 4), 1e-3), 1 - 1e-3)
      d
    },
    prior = list(coef = 2.5, intercept = c(0, 2.5), sd = 2.5, aux = c(2, 0.2, 0))),
  quantile_plain = list(
    seed = 109, family = "asym_laplace", fixed = ~ x + z, tau = 0.25,
    data = function() {
      d <- grouped(1, 60, c("x", "z"))[-1]
      d$y <- round(1 + 0.8 * d$x - 0.4 * d$z + rexp(60) - rnorm(60, 0, 0.5), 3)
      d
    },
    prior = list(coef = 2.5, intercept = c(1, 2.5), aux = c(1, 2.5, 0))),
  quantile_groups = list(
    seed = 110, family = "asym_laplace", fixed = ~ x, random = ~ 1, tau = 0.25,
    data = function() {
      d <- grouped(12, 8)
      d$y <- round(1 + 0.8 * d$x + rnorm(12)[d$g] + rexp(nrow(d)) - rnorm(nrow(d), 0, 0.5), 3)
      d
    },
    prior = list(coef = 2.5, intercept = c(1, 2.5), sd = 2.5, aux = c(1, 2.5, 0))),
  lasso_gaussian = list(
    seed = 111, family = "gaussian", fixed = ~ x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8 + x9 + x10,
    data = function() {
      d <- grouped(1, 40, paste0("x", 1:10))[-1]
      d$y <- round(1 + d$x1 - 0.5 * d$x2 + rnorm(40), 3)
      d
    },
    prior = list(coef = 0.3, lasso = 1, intercept = c(1, 2.5), aux = c(1, 2.5, 0))),
  lasso_logit = list(
    seed = 112, family = "binomial", fixed = ~ x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8 + x9 + x10,
    data = function() {
      d <- grouped(1, 60, paste0("x", 1:10))[-1]
      d$y <- rbinom(60, 1, plogis(0.3 + 1.2 * d$x1 - 0.7 * d$x2))
      d
    },
    prior = list(coef = 0.4, lasso = 1, intercept = c(0, 2.5))),
  cumulative_logit = list(
    seed = 113, family = "cumulative_logit", fixed = ~ x, random = ~ 1,
    data = function() {
      d <- grouped(20, 6)
      eta <- 0.7 * d$x + rnorm(20, 0, 1)[d$g] + rlogis(nrow(d))
      d$y <- as.integer(cut(eta, c(-Inf, -1, 0.3, 2, Inf)))
      d
    },
    prior = list(coef = 2.5, sd = 2.5)),
  cumulative_probit = list(
    seed = 114, family = "cumulative_probit", fixed = ~ x, random = ~ 1,
    data = function() {
      d <- grouped(20, 6)
      eta <- 0.5 * d$x + rnorm(20, 0, 0.7)[d$g] + rnorm(nrow(d))
      d$y <- as.integer(cut(eta, c(-Inf, -0.8, 0.3, 1.2, Inf)))
      d
    },
    prior = list(coef = 2.5, sd = 2.5)),
  weibull_groups = list(
    seed = 115, family = "weibull", fixed = ~ x, random = ~ 1,
    data = function() {
      d <- grouped(15, 5)
      d$y <- signif(rweibull(nrow(d), 1.5, exp(0.5 + 0.4 * d$x + rnorm(15, 0, 0.5)[d$g])), 4)
      d
    },
    prior = list(coef = 2.5, intercept = c(0, 2.5), sd = 2.5, aux = c(2, 1, 0))),
  # eight and twelve hyperparameters
  gauss_eight = list(
    seed = 116, family = "gaussian", fixed = ~ x + z, random = ~ x + z, intercepts = "a", iter = 5000,
    data = function() {
      d <- grouped(14, 15, c("x", "z"))
      d$a <- factor(sample(rep(1:7, 30)))
      u <- correlated(14, c(1, 0.6, 0.4), c(0.4, -0.3, 0.2))[d$g, ]
      d$y <- round(1 + 0.5 * d$x - 0.4 * d$z + u[, 1] + u[, 2] * d$x + u[, 3] * d$z +
                     rnorm(7, 0, 0.7)[d$a] + rnorm(nrow(d), 0, 0.8), 3)
      d
    },
    prior = list(coef = 5, intercept = c(1, 2.5), sd = 2.5, aux = c(1, 2.5, 0))),
  binary_twelve = list(
    seed = 117, family = "binomial", fixed = ~ x + z, random = ~ x + z,
    intercepts = c("a", "b", "e", "f", "k", "m"), iter = 5000,
    data = function() {
      d <- grouped(30, 25, c("x", "z"))
      n_level <- c(a = 4, b = 5, e = 6, f = 8, k = 12, m = 20)
      sd <- c(a = 0.8, b = 0.5, e = 0.3, f = 0.7, k = 0.4, m = 0.6)
      u <- correlated(30, c(1, 0.6, 0.4), c(0.4, -0.3, 0.2))[d$g, ]
      eta <- -0.3 + 0.5 * d$x - 0.4 * d$z + u[, 1] + u[, 2] * d$x + u[, 3] * d$z
      for (k in names(sd)) {
        d[[k]] <- factor(sample.int(n_level[[k]], nrow(d), replace = TRUE))
        eta <- eta + rnorm(n_level[[k]], 0, sd[[k]])[d[[k]]]
      }
      d$y <- rbinom(nrow(d), 1, plogis(eta))
      d
    },
    prior = list(coef = 2.5, intercept = c(0, 2.5), sd = 2.5))
)

grouping <- c("g", "obs", "a", "b", "e", "f", "k", "m")

# ---- the run -------------------------------------------------------------------------------------

case_data <- function(name) {
  file <- case_file(name, "data")
  if (!file.exists(file)) {
    set.seed(cases[[name]]$seed)
    utils::write.csv(cases[[name]]$data(), file, row.names = FALSE, quote = FALSE)
  }
  data <- utils::read.csv(file)
  for (k in intersect(grouping, names(data))) data[[k]] <- factor(data[[k]])
  data
}

stan_data <- function(case, data) {
  n <- nrow(data)
  x <- scale(model.matrix(case$fixed, data)[, -1, drop = FALSE], scale = FALSE)
  z <- if (is.null(case$random)) matrix(0, n, 1) else model.matrix(case$random, data)
  level <- lapply(case$intercepts, function(k) as.integer(data[[k]]))
  size <- vapply(level, max, 0L)
  h <- vapply(seq_along(level), function(t) level[[t]] + sum(size[seq_len(t - 1)]), integer(n))
  prior <- case$prior
  aux <- if (is.null(prior$aux)) c(0, 0, 0) else prior$aux
  or <- function(value, otherwise) if (is.null(value)) otherwise else value
  integer_y <- case$family %in% families[c(2, 3, 7, 8)]
  list(n = n, p = ncol(x), X = x, family = match(case$family, families), y = data$y,
       count = if (integer_y) data$y else rep(0L, n), K = max(2, if (integer_y) data$y),
       tau = or(case$tau, 0.5), d = ncol(z), J = if (is.null(case$random)) 0L else nlevels(data$g),
       g = if (is.null(case$random)) rep(1L, n) else as.integer(data$g), Z = z,
       T = length(level), L = sum(size), h = matrix(as.integer(h), n, length(level)),
       owner = array(rep(seq_along(size), size)), lasso = or(prior$lasso, 0),
       scale = array(rep(prior$coef, ncol(x))), intercept_location = or(prior$intercept, 0)[1],
       intercept_scale = or(prior$intercept, c(0, 1))[2], sd_scale = or(prior$sd, 1),
       aux_prior = aux[1], aux_a = aux[2], aux_b = aux[3])
}

# draws by the names of posterior_summary()
named_draws <- function(fit, case, data, d) {
  a <- function(name) as.matrix(as.array(fit, pars = name)[, , 1])
  out <- list()
  at_zero <- 0
  center <- attr(d$X, "scaled:center")
  for (k in seq_len(d$p)) at_zero <- at_zero + center[k] * a(sprintf("beta[%d]", k))
  if (startsWith(case$family, "cumulative")) {
    for (k in seq_len(d$K - 1))
      out[[sprintf("b_Intercept[%d]", k)]] <- a(sprintf("threshold[%d]", k)) + at_zero
  } else out$b_Intercept <- a("alpha[1]") - at_zero
  for (k in seq_len(d$p)) out[[paste0("b_", colnames(d$X)[k])]] <- a(sprintf("beta[%d]", k))
  coef <- sub("(Intercept)", "Intercept", colnames(d$Z), fixed = TRUE)
  if (d$J) {
    for (k in seq_len(d$d)) out[[paste0("sd_g__", coef[k])]] <- a(sprintf("s[%d]", k))
    r <- lapply(seq_len(d$d), function(i) {
      lapply(seq_len(i), function(j) a(sprintf("R[%d,%d]", i, j)))
    })
    for (i in seq_len(d$d)[-1]) for (j in seq_len(i - 1))
      out[[paste("cor_g", coef[j], coef[i], sep = "__")]] <-
        Reduce(`+`, lapply(seq_len(j), function(k) r[[i]][[k]] * r[[j]][[k]]))
    for (l in sparsest(data$g, 12 %/% d$d)) for (k in seq_len(d$d))
      out[[sprintf("r_g[%s,%s]", levels(data$g)[l], coef[k])]] <- a(sprintf("u[%d,%d]", k, l))
  }
  first <- 0
  for (t in seq_along(case$intercepts)) {
    f <- case$intercepts[t]
    out[[sprintf("sd_%s__Intercept", f)]] <- a(sprintf("s1[%d]", t))
    for (l in sparsest(data[[f]], 6))
      out[[sprintf("r_%s[%s,Intercept]", f, levels(data[[f]])[l])]] <-
        a(sprintf("u1[%d]", first + l))
    first <- first + nlevels(data[[f]])
  }
  aux <- c(gaussian = "sigma", Gamma = "shape", Beta = "phi", asym_laplace = "sigma",
           weibull = "shape")
  if (case$family %in% names(aux)) out[[aux[[case$family]]]] <- a("aux[1]")
  out
}

# the levels with fewest rows, spread over those of equal size
sparsest <- function(g, n) {
  size <- table(g)
  spread <- (seq_along(size) * 0.618) %% 1
  sort(utils::head(order(size, spread), n))
}

class_of <- function(name) {
  kind <- c(b_ = "fixed", sd = "sd", co = "cor", r_ = "ranef")[substr(name, 1, 2)]
  unname(ifelse(is.na(kind), "aux", kind))
}

make <- function(name, model, chains = 4) {
  iter <- cases[[name]]$iter
  if (is.null(iter)) iter <- 20000
  data <- case_data(name)
  d <- stan_data(cases[[name]], data)
  keep <- c("alpha", "threshold", "beta", "s", "R", "u", "s1", "u1", "aux")
  fit <- rstan::sampling(model, d, chains = chains, iter = iter + 1000, warmup = 1000,
                         seed = cases[[name]]$seed, pars = keep, cores = 1, refresh = 0,
                         init_r = 0.5, control = list(adapt_delta = 0.99, max_treedepth = 12))
  draws <- named_draws(fit, cases[[name]], data, d)
  keep_reference(name, fit, list(draws = draws, class = class_of(names(draws))))
}

if (!interactive()) run_cases(cases, "glmm.stan", make)
