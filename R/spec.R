# From what the user said to the spec, which is what C is told: a plain list of doubles, integers
# and strings. Every mistake of the user is found on the way.

# `call` holds the unevaluated weights, offset and subset, `user` the prior arguments that were
# given.
build_model <- function(formula, data, family, user, call, na.action, contrasts, env) {
  if (!is.null(data)) check_data(data)
  parsed <- parse_formula(formula, data)
  frame <- build_frame(parsed, frame_call(call, data, env), data, na.action, env)
  response <- read_response(family, frame[[1L]], frame_weights(frame))
  rows <- weighted_rows(response$weights)
  if (family$thresholds) {
    family$levels <- response$levels
    family$par <- sprintf("Intercept[%d]", seq_len(length(response$levels) - 1L))
  }
  design <- build_design(parsed, frame, rows, contrasts, implicit = family$thresholds)
  offset <- frame_offset(frame)
  used <- if (is.null(rows)) offset else offset[rows]
  scales <- prior_scales(family, response, design, rows, used)
  user <- translate_brms_prior(user, family, design)
  priors <- resolve_priors(user, family, design, scales)
  list(formula = parsed$formula, family = family, frame = frame, rows = rows, response = response,
       offset = offset, design = design, priors = priors,
       spec = make_spec(family, response, design, priors, used, rows))
}

# `rows` are the rows of the frame that enter the fit (NULL: all).
make_spec <- function(family, response, design, priors, offset, rows) {
  part <- function(x) if (is.null(rows)) x else x[rows]
  constant <- part(response$constant)
  check_size(family, design, priors)
  check_proper(design, priors$coef)
  check_flat_scales(family, design, priors)
  check_flat_thresholds(family, part(response$y), priors)
  check_spread(family, part(response$y) - offset, design, priors)
  spec <- list(
    family = family$name, link = family$link, bound = family$bound,
    y = as.double(part(response$spec_y)), w = as.double(part(response$spec_w)),
    constant = if (is.null(constant)) 0 else sum(constant), row_constant = constant,
    offset = offset,
    x = design$x, center = design$center, intercept = design$intercept,
    terms = lapply(design$random, function(term) {
      list(group = term$code, n_level = length(term$levels), z = term$z)
    }),
    prior_coef = priors$coef, prior_sd = priors$sd, prior_cor = priors$cor,
    prior_par = priors$par, shrink = priors$shrink
  )
  spec$user <- user_spec(family, part(response$y))
  spec
}

# What the engine has room for: VB_MAX_DIM and VB_MAX_AXIS of engine.h.
check_size <- function(family, design, priors) {
  d <- vapply(design$random, function(term) length(term$coef), 0L)
  if (any(d > 8L)) {
    k <- which.max(d)
    vb_abort("formula", c(
      "The random term of {.code {design$random[[k]]$group}} has {d[k]} coefficients per level; at
       most 8 can be correlated.",
      i = "Write {.code (x || g)}, or a factor {.code f} as {.code (1 | g/f)}."))
  }
  dist <- c(unlist(lapply(priors$sd, function(prior) prior$dist)), priors$par$dist,
            priors$shrink$dist)
  free <- sum(d * (d - 1L) / 2L) + sum(dist != "constant")
  if (free > 48L) {
    vb_abort("formula", c(
      "The model has {free} standard deviations, correlations and dispersions; at most 48 can be
       fitted.",
      i = "Write {.code (x || g)} to leave out correlations."))
  }
}

# Flat priors leave a proper posterior only where the data determine their coefficients.
check_proper <- function(design, prior, data = "the data") {
  flat <- which(is_flat(prior$dist))
  if (!length(flat)) return(invisible())
  x <- design$x[, flat, drop = FALSE]
  x <- x - rep(design$center[flat], each = nrow(x))
  decomposition <- qr(x, tol = 1e-9)
  if (decomposition$rank == length(flat)) return(invisible())
  free <- flat[decomposition$pivot[-seq_len(decomposition$rank)]]
  columns <- design$names[free]
  vb_abort(c("prior", "formula"), c(
    "With a flat prior {data} do not determine {cli::qty(columns)}the coefficient{?s} of
     {.code {columns}}.",
    i = "Leave {cli::qty(columns)}{?it/them} out, or use a proper prior such as the default."))
}

# A flat prior on a standard deviation needs data in its tail: with k normal terms that no flat
# coefficient takes up, the likelihood falls as sd^-k, and its integral exists for k > 1.
check_flat_scales <- function(family, design, priors) {
  flat_coef <- design$names[is_flat(priors$coef$dist)]
  for (k in seq_along(design$random)) {
    term <- design$random[[k]]
    few <- length(term$levels) - (term$coef %in% flat_coef) < 2L & is_flat(priors$sd[[k]]$dist)
    if (any(few)) {
      vb_abort(c("prior_sd", "prior"), c(
        "With a flat prior on the standard deviation of {.code {term$group}} and only
         {length(term$levels)} level{?s} there is no proper posterior.",
        i = "Use a proper {.arg prior_sd}, such as the default."))
    }
  }
  sigma <- match("sigma", family$par)
  if (!is.na(sigma) && is_flat(priors$par$dist[sigma]) && nrow(design$x) - length(flat_coef) < 2L) {
    vb_abort(c("prior_aux", "prior"), c(
      "With a flat prior on {.arg sigma} and so few rows there is no proper posterior.",
      i = "Use a proper {.arg prior_aux}, such as the default."))
  }
}

# The threshold between two categories, one of them empty, is known from its prior alone.
check_flat_thresholds <- function(family, y, priors) {
  if (!family$thresholds || !any(is_flat(priors$par$dist))) return(invisible())
  empty <- setdiff(seq_along(family$levels), y)
  if (!length(empty)) return(invisible())
  vb_abort(c("prior_intercept", "prior", "response"), c(
    "With flat priors on the thresholds and no response {.val {family$levels[empty]}} there is no
     proper posterior.",
    i = "Use a proper {.arg prior_intercept}, such as the default, or {.fn droplevels}."))
}

# A response that the coefficients fit exactly: the density grows without bound as sigma falls.
check_spread <- function(family, y, design, priors) {
  sigma <- match("sigma", family$par)
  if (is.na(sigma) || priors$par$dist[sigma] == "constant" || length(y) < 2L) return(invisible())
  if (any(y != y[1L]) || (!design$intercept && y[1L] != 0)) return(invisible())
  vb_abort(c("response", "data"), c(
    "The response has one value only: {.arg sigma} has no proper posterior.",
    i = "Hold it at a value by {.code prior_aux = constant(1)}, or look at the data."))
}

# One row per hyperparameter in the engine's order: sds and correlations term by term, then the
# family's parameters and a horseshoe's; i and j are the positions of the coefficients in their
# term.
hyper_table <- function(random, par, class = "aux", shrunk = FALSE) {
  terms <- lapply(seq_along(random), function(k) {
    term <- random[[k]]
    d <- length(term$coef)
    coef <- plain_name(term$coef)
    pairs <- which(lower.tri(diag(d)), arr.ind = TRUE)
    i <- c(seq_len(d), pairs[, 2L])
    j <- c(integer(d), pairs[, 1L])
    class <- rep(c("sd", "cor"), c(d, nrow(pairs)))
    name <- paste0(class, "_", term$group, "__", coef[i])
    name[j > 0L] <- paste0(name[j > 0L], "__", coef[j])
    list(name = name, class = class, term = rep(k, length(i)), i = i, j = j)
  })
  class <- rep(c(class, "hs"), c(length(par), 2L * shrunk))
  if (shrunk) par <- c(par, "hs_global", "hs_slab")
  column <- function(field, aux) c(unlist(lapply(terms, function(t) t[[field]])), aux)
  zero <- integer(length(par))
  structure(list(name = as.character(column("name", par)),
                 class = as.character(column("class", class)),
                 term = as.integer(column("term", zero)), i = as.integer(column("i", zero)),
                 j = as.integer(column("j", zero))),
            class = "data.frame",
            row.names = seq_len(length(par) + length(unlist(lapply(terms, function(t) t$i)))))
}

plain_name <- function(coef) replace(coef, coef == "(Intercept)", "Intercept")
