# Data and reference posteriors of models with several predictors:
# Rscript dev/reference/several/run.R [case ...] from the root of the repository; several.stan says what
# is sampled. Long runs of NUTS with explicit priors, those of several_case_fit() in
# tests/testthat/helper-several.R. A case that has its data keeps them.

source(file.path("dev", "reference", "nuts.R"))

groups <- function(levels, each) rep(sprintf("g%02d", seq_len(levels)), each = each)
effects <- function(d, sd) rnorm(length(unique(d$g)), 0, sd)[as.integer(factor(d$g))]

cases <- list(
  sigma_corr = list(
    seed = 401, family = 1L, dpars = c("", "sigma_"), x = list(~ x, ~ x), location = c(1, 0),
    level = c(1L, 2L), correlated = TRUE,
    data = function() {
      d <- data.frame(g = groups(25, 10), x = round(rnorm(250), 3))
      z <- matrix(rnorm(50), 25)
      u <- cbind(0.7 * z[, 1], 0.4 * (0.6 * z[, 1] + 0.8 * z[, 2]))[as.integer(factor(d$g)), ]
      d$y <- round(1 + 0.5 * d$x + u[, 1] + exp(-0.3 + 0.3 * d$x + u[, 2]) * rnorm(250), 4)
      d
    }),
  negbin_shape = list(
    seed = 402, family = 2L, dpars = c("", "shape_"), x = list(~ x, ~ z), location = c(1, 0),
    level = 1L, correlated = FALSE,
    data = function() {
      d <- data.frame(g = groups(20, 12), x = round(rnorm(240), 3), z = round(rnorm(240), 3))
      d$y <- rnbinom(240, exp(0.6 + 0.7 * d$z), mu = exp(1 + 0.4 * d$x + effects(d, 0.5)))
      d
    }),
  categories = list(
    seed = 403, family = 3L, dpars = c("mub_", "muc_"), x = list(~ x, ~ x), location = c(0, 0),
    level = c(1L, 2L), correlated = FALSE,
    data = function() {
      d <- data.frame(g = groups(20, 15), x = round(rnorm(300), 3))
      eta <- cbind(0, 0.3 + 0.8 * d$x + effects(d, 0.8), -0.3 - 0.5 * d$x + effects(d, 0.5))
      d$y <- apply(exp(eta), 1, function(p) sample(c("a", "b", "c"), 1, prob = p))
      d
    }),
  betabin_phi = list(
    seed = 404, family = 4L, dpars = c("", "phi_"), x = list(~ x, ~ x), location = c(0, 1),
    level = 1L, correlated = FALSE,
    data = function() {
      d <- data.frame(g = groups(15, 8), x = round(rnorm(120), 3), n = sample(5:20, 120, TRUE))
      mu <- plogis(-0.3 + 0.5 * d$x + effects(d, 0.6))
      phi <- exp(1.5 + 0.5 * d$x)
      d$y <- rbinom(120, d$n, rbeta(120, mu * phi, (1 - mu) * phi))
      d
    }),
  hurdle_negbin = list(
    seed = 405, family = 5L, dpars = c("", "hu_"), x = list(~ x, ~ x), location = c(1, 0),
    level = c(1L, 2L), correlated = FALSE, shape = TRUE,
    data = function() {
      d <- data.frame(g = groups(20, 12), x = round(rnorm(240), 3))
      mu <- exp(1.2 + 0.3 * d$x + effects(d, 0.5))
      p0 <- (2 / (2 + mu))^2
      some <- qnbinom(p0 + runif(240) * (1 - p0), 2, mu = mu)
      d$y <- ifelse(runif(240) < plogis(-0.4 + 0.6 * d$x + effects(d, 0.7)), 0, some)
      d
    }))

case_data <- function(name) {
  file <- case_file(name, "data")
  if (!file.exists(file)) {
    set.seed(cases[[name]]$seed)
    utils::write.csv(cases[[name]]$data(), file, row.names = FALSE, quote = FALSE)
  }
  utils::read.csv(file)
}

stan_data <- function(case, d) {
  x <- lapply(case$x, function(f) scale(model.matrix(f, d)[, -1, drop = FALSE], scale = FALSE))
  y <- if (is.character(d$y)) as.integer(factor(d$y)) else d$y
  list(x = x, stan = list(
    n = nrow(d), K = length(x), p = sum(lengths(lapply(x, colnames))), X = do.call(cbind, x),
    of = rep(seq_along(x), vapply(x, ncol, 0L)), J = length(unique(d$g)),
    g = as.integer(factor(d$g)), d = length(case$level), of_level = array(case$level),
    Z = matrix(1, nrow(d), length(case$level)), correlated = as.integer(case$correlated),
    family = case$family, y = as.double(y), location = case$location,
    count = if (case$family == 1L) integer(nrow(d)) else as.integer(y),
    trials = if (is.null(d$n)) integer(nrow(d)) else d$n))
}

# draws by the names of posterior_summary(), with a class each
named_draws <- function(fit, case, d, x) {
  a <- function(name) as.matrix(as.array(fit, pars = name)[, , 1])
  out <- list()
  class <- character()
  add <- function(name, kind, value) {
    out[[name]] <<- value
    class[[name]] <<- kind
  }
  at <- 0
  for (k in seq_along(x)) {
    intercept <- a(sprintf("Intercept[%d]", k))
    for (j in seq_len(ncol(x[[k]]))) {
      b <- a(sprintf("b[%d]", at + j))
      intercept <- intercept - attr(x[[k]], "scaled:center")[j] * b
      add(paste0("b_", case$dpars[k], colnames(x[[k]])[j]), "fixed", b)
    }
    add(paste0("b_", case$dpars[k], "Intercept"), "fixed", intercept)
    at <- at + ncol(x[[k]])
  }
  prefix <- case$dpars[case$level]
  for (i in seq_along(prefix)) {
    add(paste0("sd_g__", prefix[i], "Intercept"), "sd", a(sprintf("sd_level[%d]", i)))
  }
  if (case$correlated) {
    add(sprintf("cor_g__%sIntercept__%sIntercept", prefix[1], prefix[2]), "cor", a("L[2,1]"))
  }
  if (isTRUE(case$shape)) add("shape", "aux", a("shape"))
  levels <- levels(factor(d$g))
  for (i in seq_along(prefix)) for (j in seq_along(levels)) {
    group <- paste0("r_g", if (nzchar(prefix[i])) paste0("__", sub("_$", "", prefix[i])))
    add(sprintf("%s[%s,Intercept]", group, levels[j]), "ranef", a(sprintf("r[%d,%d]", j, i)))
  }
  list(draws = out, class = class)
}

make <- function(name, model, iter = 3000, chains = 4) {
  case <- cases[[name]]
  d <- case_data(name)
  made <- stan_data(case, d)
  fit <- rstan::sampling(model, made$stan, chains = chains, iter = iter + 1000, warmup = 1000,
                         seed = case$seed, cores = 1, refresh = 0, init_r = 0.5,
                         pars = c("Intercept", "b", "sd_level", "L", "shape", "r"),
                         control = list(adapt_delta = 0.98, max_treedepth = 12))
  named <- named_draws(fit, case, d, made$x)
  keep_reference(name, fit, named)
}

if (!interactive()) run_cases(cases, file.path("several", "several.stan"), make)
