# Importance weights of a fit by ADVI: what they correct, and what they cannot.

psis_summary <- function(draws, log_weight, probs) {
  weight <- exp(log_weight)
  out <- summary_matrix(colnames(draws), probs)
  out[] <- t(apply(draws, 2L, function(value) {
    if (min(value) == max(value)) return(c(value[1L], 0, rep(value[1L], length(probs))))
    mean <- sum(weight * value)
    c(mean, sqrt(sum(weight * (value - mean)^2)), weighted_quantile(value, weight, probs))
  }))
  out
}

# Which parameters importance weights cannot correct: those with too large a Pareto k, unless the
# weights vary so little that their tail does not matter
uncorrectable <- function(fit) {
  own <- fit$margin$khat                                   # NA: held constant
  if (steady(fit)) return(logical(length(own)))
  k <- pmax(own, fit$khat, na.rm = TRUE)
  is.nan(own) | is.na(k) | k >= khat_limit(nrow(fit$draws))
}

# Pathfinder's draws have been resampled by their weights: that these vary little now says nothing
steady <- function(fit) fit$approximation != "pathfinder" && hardly_vary(exp(fit$log_weight))

check_weights <- function(fit) {
  wrong <- which(uncorrectable(fit))
  if (!length(wrong)) return(invisible())
  name <- fit$margin$name[wrong]
  worst <- max(fit$khat, fit$margin$khat[wrong])
  limit <- khat_limit(nrow(fit$draws))
  vb_abort(c("method", "khat"), c(
    "Importance weights cannot correct {.val {name}}.",
    x = "Pareto k is {two_places(worst)}: the approximation is too far from the target for weights
         of {nrow(fit$draws)} draws, which can be used below {two_places(limit)}.",
    i = "Another parametrisation, {.arg transform} or {.arg approximation} may come closer; more
         draws, {.code vb_control(draws = )}, help where Pareto k is below 0.7."))
}
