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

# ---- bam(discrete = TRUE): each random term a smooth, correlations left out ----------------------

bars_of <- function(formula) {
  parts <- strsplit(deparse1(formula[[3L]]), "[()]")[[1L]]
  lapply(grep("|", parts, fixed = TRUE, value = TRUE), function(bar) {
    side <- trimws(strsplit(bar, "|", fixed = TRUE)[[1L]])
    list(group = side[2L], slopes = setdiff(trimws(strsplit(side[1L], "+", fixed = TRUE)[[1L]]),
                                            c("0", "1")))
  })
}

fixed_part <- function(formula) gsub("[+ ]*[(][^()]*[|][^()]*[)]", "", deparse1(formula))

bam_formula <- function(formula) {
  smooths <- unlist(lapply(bars_of(formula), function(bar) {
    paste0("s(", c("", paste0(bar$slopes, ", ")[length(bar$slopes) > 0L]), bar$group,
           ", bs = \"re\")")
  }))
  stats::as.formula(paste(c(fixed_part(formula), smooths), collapse = " + "))
}

n_levels <- function(w) {
  sum(vapply(bars_of(w$formula), function(bar) nlevels(as.factor(w$data[[bar$group]])), 0L))
}

# ---- GPBoost: of one column of responses ---------------------------------------------------------

gpboost_fit <- function(w) {
  bars <- bars_of(w$formula)
  group <- do.call(cbind, lapply(bars, function(bar) as.character(w$data[[bar$group]])))
  slopes <- lapply(bars, function(bar) bar$slopes)
  of <- rep(seq_along(bars), lengths(slopes))
  fixed <- stats::model.matrix(stats::as.formula(fixed_part(w$formula)), w$data)
  likelihood <- c(gaussian = "gaussian", binomial = "bernoulli_logit", poisson = "poisson",
                  negbinomial = "negative_binomial")
  fit <- gpboost::fitGPModel(
    group_data = group, likelihood = likelihood[[w$family]], y = as.double(w$data$y), X = fixed,
    group_rand_coef_data = if (length(of)) as.matrix(w$data[unlist(slopes)]),
    ind_effect_group_rand_coef = if (length(of)) of, params = list(std_dev = TRUE))
  list(fit = fit, names = colnames(fixed))
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
  bam = list(
    package = "mgcv", setting = "bam(discrete = TRUE), random effects as smooths",
    # a dense p x p matrix, and factors only
    takes = function(w) has_groups(w$formula) && n_levels(w) < 2500 && !is.matrix(w$data[[1L]]),
    fit = function(w) {
      family <- if (w$family == "negbinomial") mgcv::nb() else family_of(w)
      mgcv::bam(bam_formula(w$formula), family, w$data, discrete = TRUE)
    },
    estimates = function(fit) {
      first <- seq_len(fit$nsdf)
      beta <- stats::coef(fit)[first]
      list(beta = beta, se = stats::setNames(sqrt(diag(fit$Vp))[first], names(beta)))
    }
  ),
  GPBoost = list(
    package = "gpboost", setting = "fitGPModel()",
    takes = function(w) has_groups(w$formula) && is.numeric(w$data$y),
    fit = gpboost_fit,
    estimates = function(fit) {
      coef <- fit$fit$get_coef(std_dev = TRUE)
      list(beta = stats::setNames(coef[1L, ], fit$names),
           se = stats::setNames(coef[2L, ], fit$names))
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
