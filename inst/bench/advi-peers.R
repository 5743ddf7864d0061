# The peers of advi.R: what each calls for a model, and how its answer is read. fit() is timed,
# read() is not; read() returns the means and sds of all parameters, the mean of q itself for the
# fixed effects (without the noise of the draws it is read from), and the evaluations.

vb_family_of <- function(model) {
  switch(model$family, bernoulli = , binomial = stats::binomial(), poisson = stats::poisson(),
         negbinomial = varbayes::negbinomial(), gaussian = stats::gaussian())
}

vb_call <- function(model, approximation) {
  t3 <- function(scale) varbayes::student_t(3, 0, scale)
  arguments <- list(
    model$formula, model$data, family = vb_family_of(model), algorithm = "advi",
    approximation = approximation, prior = varbayes::normal(0, model$coef),
    prior_intercept = varbayes::student_t(3, model$intercept[1], model$intercept[2])
  )
  if (!is.null(model$sd)) arguments$prior_sd <- t3(model$sd)
  if (!is.null(model$sigma)) arguments$prior_aux <- t3(model$sigma)
  if (!is.null(model$shape)) arguments$prior_aux <- varbayes::exponential(model$shape)
  do.call(varbayes::vb, arguments)
}

number <- function(x) if (is.null(x)) NA_real_ else as.numeric(x)[1]

vb_read <- function(model, fit, output) {
  summary <- varbayes::posterior_summary(fit)
  mean <- summary[, "Estimate"]
  list(mean = mean, sd = summary[, "Est.Error"], center = mean[grepl("^b_", names(mean))],
       n_grad = number(fit$advi$n_grad), n_value = number(fit$advi$n_value),
       khat = number(fit$advi$khat), converged = isTRUE(fit$converged))
}

rstanarm_call <- function(model, approximation, seed, ...) {
  family <- switch(model$family, bernoulli = , binomial = stats::binomial(),
                   poisson = stats::poisson(), gaussian = stats::gaussian(),
                   negbinomial = rstanarm::neg_binomial_2())
  arguments <- list(
    model$formula, data = model$data, family = family, algorithm = approximation, seed = seed,
    prior = rstanarm::normal(0, unname(model$coef), autoscale = FALSE),
    prior_intercept = rstanarm::student_t(3, model$intercept[1], model$intercept[2],
                                          autoscale = FALSE), ...
  )
  if (!is.null(model$shape)) {
    arguments$prior_aux <- rstanarm::exponential(model$shape, autoscale = FALSE)
  }
  if (!is.null(model$sigma)) {
    arguments$prior_aux <- rstanarm::student_t(3, 0, model$sigma, autoscale = FALSE)
  }
  do.call(if (is.null(model$group)) rstanarm::stan_glm else rstanarm::stan_glmer, arguments)
}

rstanarm_read <- function(model, fit, output) {
  estimate <- fit$stanfit@sim$est
  center <- stats::setNames(c(estimate$alpha, estimate$beta),
                            paste0("b_", c("Intercept", names(model$coef))))
  stan_read(rstanarm_draws(model, fit), center, fit$stanfit, output)
}

rstan_call <- function(model, approximation, seed) {
  rstan::vb(stan_program(model), data = stan_data(model), algorithm = approximation, seed = seed)
}

rstan_read <- function(model, fit, output) {
  estimate <- fit@sim$est
  center <- stats::setNames(c(estimate$intercept, estimate$beta),
                            paste0("b_", c("Intercept", names(model$coef))))
  stan_read(stan_draws(model, as.matrix(fit)), center, fit, output)
}

stan_read <- function(draws, center, stanfit, output) {
  counts <- stan_evaluations(output)
  list(mean = colMeans(draws), sd = apply(draws, 2, stats::sd), center = center,
       n_grad = counts[["gradients"]], n_value = counts[["values"]],
       khat = number(stanfit@sim$diagnostics$psis$pareto_k),
       converged = any(grepl("ELBO CONVERGED", output)))
}

# What Stan's ADVI evaluates, from what it prints and its defaults (neither peer changes them):
#   gradients = grad_samples * (adapt_iter * rounds + iterations)
#   values    = elbo_samples * (1 + rounds + iterations / eval_elbo) + output_samples
# A round tries a step size of 100, 10, 1, 0.1, 0.01; one after the best shows that it was the best.
# Draws that were rejected and drawn again are not printed and not counted.
stan_evaluations <- function(output, grad_samples = 1, elbo_samples = 100, adapt_iter = 50,
                             eval_elbo = 100, output_samples = 1000) {
  found <- grep("Found best value \\[eta = ", output, value = TRUE)
  steps <- grep("^Chain 1: +[0-9]+ +-?[0-9.]+ +[0-9.]+ +[0-9.]+", output, value = TRUE)
  if (!length(found) || !length(steps)) return(c(gradients = NA, values = NA))
  eta <- as.numeric(sub(".*eta = ([0-9.e+-]+)\\].*", "\\1", found[1]))
  rounds <- min(5, 2 - round(log10(eta)) + 2)
  iterations <- as.numeric(sub("^Chain 1: +([0-9]+) .*", "\\1", steps[length(steps)]))
  c(gradients = grad_samples * (adapt_iter * rounds + iterations),
    values = elbo_samples * (1 + rounds + floor(iterations / eval_elbo)) + output_samples)
}

# ---- The Stan programs, compiled once and kept in the output's folder ---------------------------

stan_programs <- new.env()

stan_program <- function(model) {
  stan_programs[[if (is.null(model$group)) "advi-regression" else "advi-mixed"]]
}

compile_stan <- function(from, to, boost = NULL) {
  if (!is.null(boost)) rstan::rstan_options(boost_lib = boost)
  rstan::rstan_options(auto_write = TRUE)
  dir.create(to, recursive = TRUE, showWarnings = FALSE)
  for (name in c("advi-regression", "advi-mixed")) {
    lines <- readLines(file.path(from, paste0(name, ".stan")))
    if (utils::packageVersion("rstan") >= "2.26") {
      lines <- sub("^  int (\\w+)\\[(\\w+)\\];", "  array[\\2] int \\1;", lines)
    }
    file <- file.path(to, paste0(name, ".stan"))
    if (!file.exists(file) || !identical(readLines(file), lines)) writeLines(lines, file)
    seconds <- system.time(stan_programs[[name]] <- rstan::stan_model(file))[["elapsed"]]
    cat(sprintf("%s.stan compiled or loaded in %.1f s\n", name, seconds))
  }
}

advi_peers <- list(
  varbayes = list(package = "varbayes", prior = "stated", read = vb_read,
                  fit = function(model, approximation, seed) {
                    set.seed(seed)
                    vb_call(model, approximation)
                  }),
  # stan_glmer() has no other prior of covariances than decov(): exponential(1) on a single sd
  rstanarm = list(package = "rstanarm", prior = "rstanarm", fit = rstanarm_call,
                  read = rstanarm_read),
  rstan = list(package = "rstan", prior = "stated", fit = rstan_call, read = rstan_read)
)
