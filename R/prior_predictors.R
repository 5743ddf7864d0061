# What is said of priors by predictor: `prior = list(sigma = normal(0, 1))`, `list(sigma_x = )`, and
# the same of `prior_intercept` and `prior_sd`.

# What the user said of one predictor, as of the only one of a model
part_user <- function(user, part, parts) {
  if (length(parts) == 1L && part$dpar == "mu") return(user)
  out <- user[setdiff(names(user), c("prior", "prior_intercept"))]
  if ("prior" %in% names(user)) out <- c(out, coefs_of_part(user["prior"], part, parts))
  if ("prior_intercept" %in% names(user)) {
    out <- c(out, intercept_of_part(user["prior_intercept"], part, parts))
  }
  out
}

intercept_of_part <- function(given, part, parts) {
  x <- given[[1L]]
  if (!is_by_name(x)) return(if (is_main(part)) given)
  check_part_names(x, names(parts), "prior_intercept")
  if (part$dpar %in% names(x)) stats::setNames(x[part$dpar], "prior_intercept")
}

is_by_name <- function(x) is.list(x) && !is_prior(x) && !inherits(x, "family")

# `prior` of one predictor: a prior of all its coefficients, or a list by coefficient, and what the
# list says of its intercept
coefs_of_part <- function(given, part, parts) {
  x <- given[[1L]]
  if (!is_by_name(x)) return(if (is_main(part)) given)
  check_part_names(x, prior_names(parts), "prior")
  slopes <- part$bare[setdiff(seq_along(part$bare), match(part$intercept, part$columns))]
  own <- list()
  whole <- x[part$dpar]
  if (part$dpar %in% names(x) && !part$dpar %in% mean_coefs(parts)) {
    if (!is_by_name(whole[[1L]])) own[slopes] <- rep(unname(whole), length(slopes))
      else own <- whole[[1L]]
  }
  prefix <- dpar_prefix(part$dpar)
  shared <- is_main(part) && nzchar(prefix)                   # of all categories
  for (coef in slopes) {
    called <- c(if (shared) coef, paste0(prefix, coef))
    for (name in intersect(called, names(x))) own[coef] <- x[name]
  }
  out <- if (length(own)) list(prior = own)
  name <- paste0(prefix, "Intercept")
  if (nzchar(prefix) && name %in% names(x)) out["prior_intercept"] <- x[name]
  out
}

mean_coefs <- function(parts) {
  unlist(lapply(parts, function(part) if (is_main(part)) part$bare))
}

# All names that a list of priors may have
prior_names <- function(parts) {
  unique(unlist(lapply(parts, function(part) {
    prefix <- dpar_prefix(part$dpar)
    c(if (is_main(part)) setdiff(part$bare, "(Intercept)"), part$dpar,
      if (nzchar(prefix)) paste0(prefix, plain_name(part$bare)))
  })))
}

check_part_names <- function(x, known, arg) {
  wrong <- wrong_names(names(x), known)
  if (length(names(x)) && !length(wrong)) return(invisible())
  vb_abort(c(arg, "prior"), c(
    "A list of priors in {.arg {arg}} must be named by parameters or coefficients:
     {.val {known}}.",
    x = if (length(names(x))) "None of these, or twice: {.val {wrong}}." else "It has no names."))
}

# `prior_sd` with the entries that are named by parameters under the names of groups and fields
sd_by_group <- function(user, design) {
  given <- user[["prior_sd"]]
  dpar <- intersect(names(given), setdiff(names(design$predictors), field_groups(design$fields)))
  dpar <- setdiff(dpar, vapply(design$random, function(term) term$group, ""))
  if (!is_by_name(given) || !length(dpar)) return(user)
  rest <- given[!names(given) %in% dpar]
  for (d in dpar) {
    for (term in design$random) {
      coef <- term$coef[term_dpar(term) == d]
      own <- rest[[term$group]]
      if (!length(coef) || is_prior(own)) next
      coef <- setdiff(coef, names(own))
      rest[[term$group]] <- c(own, stats::setNames(rep(given[d], length(coef)), coef))
    }
    for (name in field_hyper(Filter(function(f) f$dpar == d, design$fields))$name) {
      if (startsWith(name, "sd") && !name %in% names(rest)) rest[name] <- given[d]
    }
  }
  user["prior_sd"] <- list(rest)
  user
}

# ---- defaults ------------------------------------------------------------------------------------

# What the defaults of a predictor need to know: of the mean's the data, of others their links
scales_of_part <- function(scales, part, family) {
  scales$sd_x <- scales$sd_x[part$columns]
  if (is_main(part)) return(scales)
  scales[c("location", "scale", "sd_y", "mean_y")] <- list(0, 2.5, 1, 0)
  scales$residual <- FALSE
  scales$intercept <- if (dpar_links(family$name)[[part$dpar]] == "logit") {
    default_prior("logistic", location = 0, scale = 1)
  }
  scales
}
