#!/usr/bin/env Rscript
# Makes advi-reference.csv, the posteriors that advi.R measures errors by:
#   Rscript advi-reference.R [--only=wells,cbpp] [--boost=DIR]
# Models without groups: importance sampling from a multivariate t that is moved and scaled in
# three rounds, antithetic and whitened. Models with groups: NUTS, of advi-mixed.stan under the
# priors stated in advi-models.R and of rstanarm under its own prior of covariances (decov()).

here <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE),
                                                       value = TRUE))))
for (name in c("arguments.R", "workloads.R", "advi-models.R", "advi-peers.R")) {
  source(file.path(here, name))
}

# ---- Importance sampling -------------------------------------------------------------------------

# log density at the columns of theta: intercept at the means, coefficients, log(shape)
log_posterior <- function(model, arrays, theta) {
  p <- ncol(arrays$X)
  eta <- arrays$X %*% theta[1 + seq_len(p), , drop = FALSE] + arrays$offset
  eta <- eta + rep(theta[1, ], each = nrow(eta))
  y <- as.numeric(arrays$y)
  prior <- stats::dt((theta[1, ] - model$intercept[1]) / model$intercept[2], 3, log = TRUE) +
    colSums(stats::dnorm(theta[1 + seq_len(p), , drop = FALSE], 0, model$coef, log = TRUE))
  if (model$family == "bernoulli") {
    # y eta - log(1 + exp(eta))
    return(prior + colSums(y * eta) - colSums(pmax(eta, 0) + log1p(exp(-abs(eta)))))
  }
  if (model$family == "poisson") return(prior + colSums(y * eta - exp(eta)))
  shape <- exp(theta[p + 2, ])
  size <- rep(shape, each = length(y))
  prior + stats::dexp(shape, model$shape, log = TRUE) + log(shape) +
    colSums(matrix(stats::dnbinom(y, size = size, mu = exp(eta), log = TRUE), length(y)))
}

log_posterior_blocks <- function(model, arrays, theta) {
  size <- max(1, floor(2e7 / nrow(arrays$X)))
  blocks <- split(seq_len(ncol(theta)), ceiling(seq_len(ncol(theta)) / size))
  unlist(lapply(blocks, function(i) log_posterior(model, arrays, theta[, i, drop = FALSE])))
}

weighted_draws <- function(model, arrays, center, cov, n) {
  d <- length(center)
  df <- max(5 * d, nrow(arrays$X) / 50)
  z <- matrix(stats::rnorm(d * n / 2), d) / rep(sqrt(stats::rchisq(n / 2, df) / df), each = d)
  # second moments as they should be
  z <- sqrt(df / (df - 2)) * solve(t(chol(tcrossprod(z) / ncol(z))), z)
  t <- t(chol(cov)) %*% z
  theta <- center + cbind(t, -t)
  log_q <- -(df + d) / 2 * log1p(colSums(t * solve(cov, t)) / df)
  log_w <- log_posterior_blocks(model, arrays, theta) - c(log_q, log_q)
  w <- exp(log_w - max(log_w))
  list(theta = theta, w = w / sum(w))
}

# Monte Carlo error of a weighted mean of f, antithetic pairs together
mcse_pairs <- function(f, mean, w) {
  n <- length(w) / 2
  term <- w * (f - mean)
  sqrt(sum((term[seq_len(n)] + term[n + seq_len(n)])^2))
}

importance_reference <- function(model, n = if (nrow(model$data) > 1e4) 20000 else 200000) {
  set.seed(1)
  arrays <- model_arrays(model)
  stopifnot(identical(colnames(arrays$X), names(model$coef)))
  data <- list(y = arrays$y, X = arrays$X, offset = arrays$offset)
  family <- if (model$family == "bernoulli") stats::binomial() else stats::poisson()
  glm <- if (model$family == "negbinomial") {
    MASS::glm.nb(y ~ X + offset(offset), data)
  } else {
    stats::glm(y ~ X, family, data, offset = arrays$offset)
  }
  center <- unname(stats::coef(glm))
  cov <- unname(stats::vcov(glm))
  if (!is.null(model$shape)) {
    center <- c(center, log(glm$theta))
    cov <- rbind(cbind(cov, 0), 0)
    cov[length(center), length(center)] <- (glm$SE.theta / glm$theta)^2
  }
  for (size in c(n / 20, n / 10, n)) {
    draws <- weighted_draws(model, arrays, center, cov, size)
    center <- drop(draws$theta %*% draws$w)
    cov <- stats::cov.wt(t(draws$theta), draws$w, method = "ML")$cov
  }
  cat(sprintf("%s: effective size %.0f of %d\n", model$name, 1 / sum(draws$w^2), size))
  values <- t(draws$theta)
  values[, 1] <- values[, 1] - drop(values[, 1 + seq_along(model$coef)] %*% arrays$means)
  if (!is.null(model$shape)) values[, ncol(values)] <- exp(values[, ncol(values)])
  mean <- drop(draws$w %*% values)
  data.frame(
    model = model$name, prior = "stated",
    parameter = c(paste0("b_", c("Intercept", names(model$coef))),
                  if (!is.null(model$shape)) "shape"),
    mean = mean, sd = sqrt(drop(draws$w %*% sweep(values, 2, mean)^2)),
    mcse = vapply(seq_along(mean), function(j) mcse_pairs(values[, j], mean[j], draws$w), 0)
  )
}

# ---- NUTS ----------------------------------------------------------------------------------------

# per chain
nuts_warmup <- 1000
nuts_draws <- 10000

nuts_reference <- function(model, prior) {
  control <- list(adapt_delta = 0.95)
  if (prior == "stated") {
    fit <- rstan::sampling(stan_program(model), stan_data(model), chains = 4, seed = 1, refresh = 0,
                           iter = nuts_warmup + nuts_draws, warmup = nuts_warmup, cores = 1,
                           control = control)
    draws <- stan_draws(model, as.matrix(fit))
  } else {
    fit <- rstanarm_call(model, "sampling", 1, chains = 4, refresh = 0, cores = 1,
                         iter = nuts_warmup + nuts_draws, warmup = nuts_warmup,
                         adapt_delta = control$adapt_delta)
    draws <- rstanarm_draws(model, fit)
  }
  by_chain <- function(x) matrix(x, ncol = 4)
  ess <- apply(draws, 2, function(x) posterior::ess_mean(by_chain(x)))
  rhat <- apply(draws, 2, function(x) posterior::rhat(by_chain(x)))
  cat(sprintf("%s, %s: R-hat at most %.4f, effective size at least %.0f, %d divergences\n",
              model$name, prior, max(rhat), min(ess),
              rstan::get_num_divergent(if (prior == "stated") fit else fit$stanfit)))
  sd <- apply(draws, 2, stats::sd)
  data.frame(model = model$name, prior = prior, parameter = colnames(draws), mean = colMeans(draws),
             sd = sd, mcse = sd / sqrt(ess))
}

reference_of <- function(name) {
  model <- advi_model(name)
  if (is.null(model$group)) return(importance_reference(model))
  do.call(rbind, lapply(c("stated", "rstanarm"), function(prior) nuts_reference(model, prior)))
}

chosen <- strsplit(option("only", toString(names(advi_models))), ", *")[[1]]
grouped <- vapply(chosen, function(name) !is.null(advi_model(name)$group), NA)
if (any(grouped)) compile_stan(here, file.path(here, "report"), option("boost"))
rows <- do.call(rbind, lapply(chosen, reference_of))
file <- file.path(here, "advi-reference.csv")
if (file.exists(file)) {
  old <- utils::read.csv(file)
  rows <- rbind(old[!old$model %in% chosen, ], rows)
}
rows <- rows[order(match(rows$model, names(advi_models)), rows$prior != "stated"), ]
rows[c("mean", "sd")] <- signif(rows[c("mean", "sd")], 8)
rows$mcse <- signif(rows$mcse, 3)
utils::write.csv(rows, file, row.names = FALSE, quote = 3)
