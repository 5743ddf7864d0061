# Is there a posterior? Flat priors, and responses without spread, may leave none.

# Flat priors leave a proper posterior only where the data determine their coefficients.
check_proper <- function(design, prior, data = "the data") {
  all_flat <- which(is_flat(prior$dist[seq_along(design$names)]))
  for (part in predictor_parts(design)) {
    check_proper_part(design, intersect(all_flat, part$columns), data)
  }
}

# Coefficients of one predictor
check_proper_part <- function(design, flat, data) {
  if (!length(flat)) return(invisible())
  x <- centred(list(x = design$x[, flat, drop = FALSE], center = design$center[flat]))
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
  flat_coef <- design$names[is_flat(priors$coef$dist[seq_along(design$names)])]
  for (k in seq_along(design$random)) {
    term <- design$random[[k]]
    taken <- term$coef %in% flat_coef
    left <- if (covariance_row(term)$one_sd) sum(length(term$levels) - taken)
      else length(term$levels) - taken
    few <- left < 2L & is_flat(priors$sd[[k]]$dist)
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

# Where a category is empty the data do not hold its thresholds in place: that takes a prior.
check_flat_thresholds <- function(family, y, priors) {
  if (!family$thresholds || !any(is_flat(priors$par$dist))) return(invisible())
  empty <- setdiff(seq_along(family$levels), y)
  if (!length(empty)) return(invisible())
  vb_abort(c("prior_intercept", "prior", "response"), c(
    "With flat priors on the thresholds and no response {.val {family$levels[empty]}} there is no
     proper posterior.",
    i = "Use a proper {.arg prior_intercept}, such as the default, or {.fn droplevels}."))
}

# Where the coefficients fit the response exactly the density grows without bound as sigma falls.
check_spread <- function(family, y, design, priors) {
  sigma <- match("sigma", family$par)
  varies <- if (is.na(sigma)) "sigma" %in% family$predicted
    else priors$par$dist[sigma] != "constant"
  if (!varies || NROW(y) < 2L || !is.null(dim(y))) return(invisible())
  if (any(y != y[1L]) || (!design$intercept[1L] && y[1L] != 0)) return(invisible())
  vb_abort(c("response", "data"), c(
    "The response has one value only: {.arg sigma} has no proper posterior.",
    i = "Hold it at a value by {.code prior_aux = constant(1)}, or look at the data."))
}
