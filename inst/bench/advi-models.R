# The models of advi.R: data, formulas, families, and the priors as numbers. The intercept at the
# means of the other columns is student_t(3), coefficients are normal(0), standard deviations of
# groups and residuals half-student_t(3, 0), correlations lkj(1), the shape exponential.

roaches_model <- function(family) {
  data <- rstanarm::roaches
  data <- transform(data, sqrt_roach1 = sqrt(data$roach1), log_exposure = log(data$exposure2))
  list(data = data, family = family,
       formula = y ~ sqrt_roach1 + treatment + senior + offset(log_exposure),
       intercept = c(1.1125384877, 4.4), shape = if (family == "negbinomial") 1,
       coef = c(sqrt_roach1 = 0.524199, treatment = 5.09995, senior = 5.41789))
}

advi_models <- list(
  wells = function() {
    data <- rstanarm::wells
    list(data = transform(data, dist100 = data$dist / 100, educ4 = data$educ / 4),
         family = "bernoulli", formula = switch ~ dist100 * arsenic + educ4 + assoc,
         intercept = c(0, 2.5),
         coef = c(dist100 = 6.49711, arsenic = 2.25757, educ4 = 2.48922, assoc = 5.05977,
                  "dist100:arsenic" = 2.38778))
  },
  roaches_negbin = function() roaches_model("negbinomial"),
  roaches_poisson = function() roaches_model("poisson"),
  cbpp = function() {
    list(data = lme4::cbpp, family = "binomial",
         formula = cbind(incidence, size - incidence) ~ period + (1 | herd),
         fixed = cbind(incidence, size - incidence) ~ period, random = ~ 1, group = "herd",
         intercept = c(0, 2.5), sd = 2.5,
         coef = c(period2 = 5.72172, period3 = 5.72172, period4 = 5.86826))
  },
  sleepstudy = function() {
    list(data = lme4::sleepstudy, family = "gaussian",
         formula = Reaction ~ Days + (Days | Subject),
         fixed = Reaction ~ Days, random = ~ Days, group = "Subject",
         intercept = c(288.7, 59.3), sd = 59.3, sigma = 59.3, coef = c(Days = 48.8915))
  },
  logistic = function() {
    w <- workload("logistic")
    x <- stats::model.matrix(w$formula, w$data)[, -1]
    list(data = w$data, family = "bernoulli", formula = w$formula, intercept = c(0, 2.5),
         coef = signif(2.5 / apply(x, 2, stats::sd), 6))
  }
)

advi_model <- function(name) {
  model <- advi_models[[name]]()
  model$name <- name
  if (is.null(model$fixed)) model$fixed <- model$formula
  model
}

# response, centred columns and offset, as advi-regression.stan, advi-mixed.stan and
# advi-reference.R want them
model_arrays <- function(model) {
  frame <- stats::model.frame(model$fixed, model$data)
  x <- stats::model.matrix(model$fixed, frame)[, -1, drop = FALSE]
  offset <- stats::model.offset(frame)
  list(y = stats::model.response(frame), X = sweep(x, 2, colMeans(x)), means = colMeans(x),
       offset = if (is.null(offset)) numeric(nrow(x)) else offset)
}

# NULL elements become 1: a prior that the family does not use
or_one <- function(x) if (is.null(x)) 1 else x

stan_data <- function(model) {
  a <- model_arrays(model)
  common <- list(N = nrow(a$X), P = ncol(a$X), X = a$X, means = as.array(unname(a$means)),
                 scale = as.array(unname(model$coef)), intercept_location = model$intercept[1],
                 intercept_scale = model$intercept[2])
  if (is.null(model$group)) {
    family <- match(model$family, c("bernoulli", "poisson", "negbinomial"))
    return(c(common, list(y = as.integer(a$y), log_exposure = a$offset, family = family,
                          shape_rate = or_one(model$shape))))
  }
  z <- stats::model.matrix(model$random, model$data)
  g <- factor(model$data[[model$group]])
  count <- if (is.matrix(a$y)) a$y else cbind(0L, integer(nrow(z)))
  c(common, list(
    J = nlevels(g), K = ncol(z), Z = z, g = as.integer(g),
    y = if (is.matrix(a$y)) numeric(nrow(z)) else a$y,
    count = as.integer(count[, 1]), trials = as.integer(rowSums(count)),
    family = match(model$family, c("gaussian", "binomial")),
    sd_scale = model$sd, sigma_scale = or_one(model$sigma)
  ))
}

# the names that posterior_summary() gives
plain <- function(term) sub("(Intercept)", "Intercept", term, fixed = TRUE)
group_terms <- function(model) plain(colnames(stats::model.matrix(model$random, model$data)))
group_levels <- function(model) levels(factor(model$data[[model$group]]))
sd_names <- function(model) paste0("sd_", model$group, "__", group_terms(model))
ranef_names <- function(model, term) {
  paste0("r_", model$group, "[", group_levels(model), ",", term, "]")
}

# draws of one grouping factor's standard deviations and their correlation (two terms at most)
covariance_draws <- function(model, sd, cor = NULL) {
  colnames(sd) <- sd_names(model)
  if (ncol(sd) == 1) return(sd)
  terms <- group_terms(model)
  out <- cbind(sd, cor)
  colnames(out)[3] <- paste0("cor_", model$group, "__", terms[1], "__", terms[2])
  out
}

parameter_class <- function(name) {
  kind <- sub("_.*", "", name)
  ifelse(kind == "b", "fixed", ifelse(kind %in% c("sd", "cor"), kind,
                                      ifelse(kind == "r", "ranef", "aux")))
}

# ---- Reading draws of Stan fits ------------------------------------------------------------------

# of advi-regression.stan and advi-mixed.stan
stan_draws <- function(model, draws) {
  of <- function(name) {
    hits <- draws[, grepl(paste0("^", name, "(\\[.*)?$"), colnames(draws)), drop = FALSE]
    if (name %in% c("shape", "sigma")) colnames(hits) <- rep(name, ncol(hits))
    hits
  }
  fixed <- cbind(of("intercept"), of("beta"))
  colnames(fixed) <- paste0("b_", c("Intercept", names(model$coef)))
  if (is.null(model$group)) return(cbind(fixed, of("shape")))
  hyper <- covariance_draws(model, of("s"), if (ncol(of("s")) > 1) draws[, "cor[1,2]"])
  effects <- do.call(cbind, lapply(seq_along(group_terms(model)), function(k) {
    u <- draws[, paste0("u[", k, ",", seq_along(group_levels(model)), "]")]
    colnames(u) <- ranef_names(model, group_terms(model)[k])
    u
  }))
  cbind(fixed, hyper, of("sigma"), effects)
}

# of a stanreg
rstanarm_draws <- function(model, fit) {
  draws <- as.matrix(fit)
  fixed <- draws[, c("(Intercept)", names(model$coef)), drop = FALSE]
  colnames(fixed) <- paste0("b_", plain(colnames(fixed)))
  aux <- draws[, colnames(draws) %in% c("reciprocal_dispersion", "sigma"), drop = FALSE]
  colnames(aux) <- sub("reciprocal_dispersion", "shape", colnames(aux))
  if (is.null(model$group)) return(cbind(fixed, aux))
  terms <- colnames(stats::model.matrix(model$random, model$data))
  at <- function(a, b) draws[, paste0("Sigma[", model$group, ":", a, ",", b, "]")]
  sd <- sqrt(vapply(terms, function(term) at(term, term), numeric(nrow(draws))))
  cor <- if (length(terms) > 1) at(terms[2], terms[1]) / (sd[, 1] * sd[, 2])
  effects <- do.call(cbind, lapply(terms, function(term) {
    u <- draws[, paste0("b[", term, " ", model$group, ":", group_levels(model), "]")]
    colnames(u) <- ranef_names(model, plain(term))
    u
  }))
  cbind(fixed, covariance_draws(model, sd, cor), aux, effects)
}
