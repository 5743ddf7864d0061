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

# Parameters that importance weights cannot correct: neither do the weights hardly vary, nor has
# their tail, as far as it matters to the parameter, a variance
uncorrectable <- function(fit) {
  own <- fit$margin$khat                                   # NA: held constant
  if (steady(fit)) return(logical(length(own)))
  k <- pmax(own, fit$khat, na.rm = TRUE)
  is.nan(own) | is.na(k) | k >= khat_limit(nrow(fit$draws))
}

# Pathfinder's draws have weights that are spent
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
