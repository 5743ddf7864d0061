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
  design <- build_design(parsed, frame, rows, contrasts)
  offset <- frame_offset(frame)
  used <- if (is.null(rows)) offset else offset[rows]
  scales <- prior_scales(family, response, design, rows, used)
  priors <- resolve_priors(user, family, design, scales)
  list(formula = parsed$formula, family = family, frame = frame, rows = rows, response = response,
       offset = offset, design = design, priors = priors,
       spec = make_spec(family, response, design, priors, used, rows))
}

# `rows` are the rows of the frame that enter the fit (NULL: all).
make_spec <- function(family, response, design, priors, offset, rows) {
  part <- function(x) if (is.null(rows)) x else x[rows]
  constant <- part(response$constant)
  check_proper(design, priors$coef)
  list(
    family = family$name, link = family$link,
    y = as.double(part(response$spec_y)), w = as.double(part(response$spec_w)),
    constant = if (is.null(constant)) 0 else sum(constant),
    offset = offset,
    x = design$x, center = design$center, intercept = design$intercept,
    terms = lapply(design$random, function(term) {
      list(group = term$code, n_level = length(term$levels), z = term$z)
    }),
    prior_coef = priors$coef, prior_sd = priors$sd, prior_cor = priors$cor,
    prior_par = priors$par
  )
}

# Flat priors leave a proper posterior only where the data determine their coefficients.
check_proper <- function(design, prior) {
  flat <- which(is_flat(prior$dist))
  if (!length(flat)) return(invisible())
  x <- design$x[, flat, drop = FALSE]
  x <- x - rep(design$center[flat], each = nrow(x))
  decomposition <- qr(x, tol = 1e-9)
  if (decomposition$rank == length(flat)) return(invisible())
  free <- flat[decomposition$pivot[-seq_len(decomposition$rank)]]
  columns <- design$names[free]
  vb_abort(c("prior", "formula"), c(
    "With a flat prior the data do not determine {cli::qty(columns)}the coefficient{?s} of
     {.code {columns}}.",
    i = "Leave {cli::qty(columns)}{?it/them} out, or use a proper prior such as the default."))
}

# One row per hyperparameter in the engine's order: sds and correlations term by term, then the
# family's parameters; i and j are the positions of the coefficients in their term.
hyper_table <- function(random, par) {
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
  column <- function(field, aux) c(unlist(lapply(terms, function(t) t[[field]])), aux)
  zero <- integer(length(par))
  structure(list(name = as.character(column("name", par)),
                 class = as.character(column("class", rep("aux", length(par)))),
                 term = as.integer(column("term", zero)), i = as.integer(column("i", zero)),
                 j = as.integer(column("j", zero))),
            class = "data.frame",
            row.names = seq_len(length(par) + length(unlist(lapply(terms, function(t) t$i)))))
}

plain_name <- function(coef) replace(coef, coef == "(Intercept)", "Intercept")
