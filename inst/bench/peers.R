# The peers: what each calls for a workload. A row is a package, which workloads it takes, and the
# call; `estimates` reads the fixed effects and their standard errors.

family_of <- function(w) if (w$family == "negbinomial") NULL else get(w$family, "package:stats")()

lme4_fit <- function(w, ...) {
  if (!has_groups(w$formula)) {
    if (w$family == "gaussian") return(stats::lm(w$formula, w$data))
    return(stats::glm(w$formula, family_of(w), w$data))
  }
  switch(w$family,
         gaussian = lme4::lmer(w$formula, w$data),
         negbinomial = lme4::glmer.nb(w$formula, data = w$data),
         lme4::glmer(w$formula, w$data, family_of(w), ...))
}

mixed_estimates <- function(fit) {
  beta <- if (inherits(fit, "merMod")) lme4::fixef(fit) else stats::coef(fit)
  list(beta = beta, se = sqrt(diag(as.matrix(stats::vcov(fit)))))
}

vglmer_fit <- function(w) {
  vglmer::vglmer(w$formula, w$data, family = if (w$family == "gaussian") "linear" else w$family,
                 control = vglmer::vglmer_control(factorization_method = "weak"))
}

peer_table <- list(
  varbayes = list(
    package = "varbayes", setting = "vb()", takes = function(w) TRUE,
    fit = function(w) {
      family <- if (w$family == "negbinomial") varbayes::negbinomial() else family_of(w)
      varbayes::vb(w$formula, w$data, family = family)
    },
    estimates = function(fit) {
      list(beta = nlme::fixef(fit), se = sqrt(diag(as.matrix(stats::vcov(fit)))))
    }
  ),
  lme4 = list(
    package = "lme4", setting = "lmer() / glmer(nAGQ = 1) / lm() / glm()",
    takes = function(w) TRUE, fit = lme4_fit, estimates = mixed_estimates
  ),
  lme4_nAGQ0 = list(
    package = "lme4", setting = "glmer(nAGQ = 0)",
    takes = function(w) has_groups(w$formula) && w$family %in% c("binomial", "poisson"),
    fit = function(w) lme4_fit(w, nAGQ = 0), estimates = mixed_estimates
  ),
  glmmTMB = list(
    package = "glmmTMB", setting = "ML", takes = function(w) has_groups(w$formula),
    fit = function(w) {
      family <- if (w$family == "negbinomial") glmmTMB::nbinom2() else family_of(w)
      glmmTMB::glmmTMB(w$formula, w$data, family = family)
    },
    estimates = function(fit) {
      list(beta = glmmTMB::fixef(fit)$cond, se = sqrt(diag(stats::vcov(fit)$cond)))
    }
  ),
  vglmer = list(
    package = "vglmer", setting = "factorization_method = \"weak\"",
    # its weak factorisation holds one dense block: hours and gigabytes on thousands of levels
    takes = function(w) {
      has_groups(w$formula) && w$family %in% c("gaussian", "binomial") && nrow(w$data) < 5e4
    },
    fit = vglmer_fit,
    estimates = function(fit) {
      list(beta = drop(as.matrix(fit$beta$mean)), se = sqrt(diag(as.matrix(fit$beta$var))))
    }
  )
)
