# From what the user said to the spec, which is what C is told: a plain list of doubles, integers
# and strings. Every mistake of the user is found on the way.

# `call` holds the unevaluated weights, offset and subset, `user` the prior arguments that were
# given.
build_model <- function(formula, data, family, user, call, na.action, contrasts, env, data2) {
  if (!is.null(data)) check_data(data)
  formulas <- as_formulas(formula, env)
  parsed <- parse_predictors(formulas, family, data, data2)
  call <- frame_call(call, data, env)
  frame <- build_frame(parsed, call, data, na.action, env)
  response <- read_response(family, frame[[1L]], frame_weights(frame))
  rows <- weighted_rows(response$weights)
  if (isTRUE(response$pairs)) family$family$pairs <- TRUE
  family <- with_levels_of(family, response)
  inform_no_zeros(family, response)
  design <- design_of_parts(parsed, family, frame, rows, contrasts)
  offset <- if (has_predictors(family)) predictor_offsets(design, frame) else frame_offset(frame)
  used <- row_part(offset, rows)
  scales <- prior_scales(family, response, design, rows, used)
  user <- translate_brms_prior(user, family, design)
  priors <- resolve_priors(user, family, design, scales)
  source <- list(columns = source_columns(parsed, frame, call, data))
  spec <- make_spec(family, response, design, priors, used, rows)
  inform_centred(design$random, spec$terms)
  list(formula = parsed$formula, held = formulas$pfix, family = family, frame = frame, rows = rows,
       response = response, source = source, offset = offset, design = design, priors = priors,
       spec = spec)
}

# What the categories of the response decide: thresholds, or predictors
with_levels_of <- function(family, response) {
  if (family$thresholds) {
    family$levels <- response$levels
    family$par <- sprintf("Intercept[%d]", seq_len(length(response$levels) - 1L))
  }
  if (has_predictors(family) && has_categories(family)) {
    family$levels <- response$levels
    family$predicted <- paste0("mu", response$levels[-1L])
  }
  family
}

doubles <- function(x) {
  storage.mode(x) <- "double"
  if (is.matrix(x)) unname(x) else as.double(x)
}

# `rows` are the rows of the frame that enter the fit (NULL: all).
make_spec <- function(family, response, design, priors, offset, rows) {
  part <- function(x) row_part(x, rows)
  constant <- part(response$constant)
  check_size(family, design, priors)
  check_proper(design, priors$coef)
  check_flat_scales(family, design, priors)
  check_flat_thresholds(family, part(response$y), priors)
  check_spread(family, part(response$y) - offset_of_mean(offset), design, priors)
  spec <- list(
    family = family$name, link = family$link, bound = family$bound,
    y = doubles(part(response$spec_y)), w = as.double(part(response$spec_w)),
    constant = if (is.null(constant)) 0 else sum(constant), row_constant = constant,
    offset = unname(offset),
    x = design$x, bins = design$bins, center = design$center, intercept = design$intercept,
    terms = c(spec_terms(design$random, priors), design$field_terms),
    prior_coef = priors$coef, prior_sd = priors$sd, prior_cor = priors$cor,
    prior_par = priors$par, shrink = priors$shrink,
    fields = spec_fields(design$fields, length(design$names) + 1L, length(design$random),
                         priors$fields)
  )
  spec <- with_predictor_spec(spec, family, design)
  check_separation(spec, c(family$par, design$names))
  check_sd_separation(spec, design$random)
  spec$user <- user_spec(family, part(response$y))
  spec
}

spec_terms <- function(random, priors) {
  lapply(seq_along(random), function(k) {
    term <- random[[k]]
    out <- list(group = term$code, n_level = length(term$levels), z = term$z,
                covariance = covariance_name(term))
    c(out, centred_term(term, priors$sd[[k]], priors$default_sd[[k]]))
  })
}

# What C is told of several predictors
with_predictor_spec <- function(spec, family, design) {
  if (!has_predictors(family)) return(spec)
  spec$link <- "several"
  spec$intercept <- 0L
  spec$predicted <- family$predicted
  spec[c("predictor", "into")] <- design[c("predictor", "into")]
  for (k in seq_along(design$random)) spec$terms[[k]]$predictor <- design$random[[k]]$predictor
  spec
}

# What the engine has room for: VB_MAX_DIM and VB_MAX_AXIS of engine.h.
check_size <- function(family, design, priors) {
  K <- length(family$predicted)
  if (K > 8L) {
    vb_abort(c("formula", "response"), c("The model has {K} predictors; at most 8 can be fitted.",
                                         i = "Join categories."))
  }
  d <- vapply(design$random, function(term) length(term$coef), 0L)
  if (any(d > 8L)) {
    k <- which.max(d)
    vb_abort("formula", c(
      "The random term of {.code {design$random[[k]]$group}} has {d[k]} coefficients per level; at
       most 8 can be correlated.",
      i = "Write {.code (x || g)}, or a factor {.code f} as {.code (1 | g/f)}, which for one
           standard deviation is {.code (1 | g:f)}."))
  }
  dist <- c(unlist(lapply(priors$sd, function(prior) prior$dist)), priors$par$dist,
            priors$shrink$dist, unlist(lapply(priors$fields, function(prior) prior$dist)))
  free <- sum(vapply(design$random, n_cors, 0L)) + sum(dist != "constant")
  if (free > 48L) {
    vb_abort("formula", c(
      "The model has {free} standard deviations, correlations and dispersions; at most 48 can be
       fitted.",
      i = "Write {.code (x || g)} to leave out correlations."))
  }
}
