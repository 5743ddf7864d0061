# The cases of dev/reference/several, with its priors
several_cases <- c("sigma_corr", "negbin_shape", "categories", "betabin_phi", "hurdle_negbin")

several_case_fit <- function(case) {
  d <- reference_data(case)
  own <- normal(0, 2)
  fit <- function(formula, family, dpars, location, ...) {
    intercepts <- lapply(location, normal, scale = 2)
    vb(formula, d, family = family, prior = stats::setNames(rep(list(own), length(dpars)), dpars),
       prior_intercept = stats::setNames(intercepts, dpars), prior_sd = exponential(1), ...)
  }
  switch(
    case,
    sigma_corr = fit(bf(y ~ x + (1 |p| g), sigma ~ x + (1 |p| g)), gaussian(), c("mu", "sigma"),
                     c(1, 0)),
    negbin_shape = fit(bf(y ~ x + (1 | g), shape ~ z), negbinomial(), c("mu", "shape"), c(1, 0)),
    categories = fit(y ~ x + (1 | g), categorical(), c("mub", "muc"), c(0, 0)),
    betabin_phi = fit(bf(y | trials(n) ~ x + (1 | g), phi ~ x), beta_binomial(), c("mu", "phi"),
                      c(0, 1)),
    hurdle_negbin = fit(bf(y ~ x + (1 | g), hu ~ x + (1 | g)), hurdle_negbinomial(), c("mu", "hu"),
                        c(1, 0), prior_aux = exponential(1))
  )
}
