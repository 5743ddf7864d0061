# Importance weights of a fit by ADVI: what they correct, and what they cannot.

psis_summary <- function(draws, log_weight, probs) {
  weight <- exp(log_weight)
  out <- summary_matrix(colnames(draws), probs)
  if (!ncol(draws)) return(out)
  draws <- draws[weight > 0, , drop = FALSE]                # far out others may be infinite
  weight <- weight[weight > 0]
  out[] <- t(apply(draws, 2L, function(value) {
    if (min(value) == max(value)) return(c(value[1L], 0, rep(value[1L], length(probs))))
    mean <- sum(weight * value)
    c(mean, sqrt(sum(weight * (value - mean)^2)), weighted_quantile(value, weight, probs))
  }))
  out
}

# Which parameters importance weights cannot correct: those with too large a Pareto k, unless the
# weights vary so little that their tail does not matter; all where few draws have all the weight
uncorrectable <- function(fit) {
  own <- fit$margin$khat                                   # NA: held constant
  if (steady(fit)) return(own %in% Inf)                    # what one draw alone says is wrong still
  k <- pmax(own, fit$khat, na.rm = TRUE)
  is.nan(own) | is.na(k) | k >= khat_limit(nrow(fit$draws)) | weight_worth(fit) < 100
}

# Pathfinder's draws have been resampled by their weights: that these vary little now says nothing
steady <- function(fit) fit$approximation != "pathfinder" && hardly_vary(exp(fit$log_weight))

# The number of draws of equal weight that the weighted ones are worth
weight_worth <- function(fit) exp(-log_sum(2 * fit$log_weight))

# Which parameters are reported by their weighted draws: all, where the weights are of use and worth
# many draws; where they are worth fewer, those that change by more than that noise. Weights that
# are all but equal have nothing to correct, and Pathfinder's draws have none any more.
reported_by_weights <- function(fit) {
  n <- nrow(fit$margin)
  n_draw <- nrow(fit$draws)
  useless <- is.na(fit$khat) || (fit$khat >= khat_limit(n_draw) && !steady(fit))
  worth <- weight_worth(fit)
  equal <- fit$approximation == "pathfinder" || worth > 0.9999 * n_draw
  if (useless || equal || worth < 100) return(logical(n))
  if (worth >= min(1500, n_draw / 2)) return(rep(TRUE, n))
  changes_by_weights(fit) > 3 / sqrt(worth)
}

# How much the weights change what the Gaussian says of each parameter, 0 where it is constant
changes_by_weights <- function(fit) {
  row <- seq_len(nrow(fit$margin))
  now <- psis_rows(fit, row)
  gaussian <- gaussian_rows(fit, row)
  change <- pmax(abs(now[, 1L] - gaussian[, 1L]) / now[, 2L],
                 abs(log(now[, 2L] / gaussian[, 2L])))
  replace(change, is.nan(change), 0)
}

psis_rows <- function(fit, row, probs = numeric()) {
  psis_summary(fit$draws[, row, drop = FALSE], fit$log_weight, probs)
}

# What the Gaussian implies: exactly where a parameter is a function of one real number
gaussian_rows <- function(fit, row, probs = numeric()) {
  margin <- fit$margin[row, ]
  out <- summary_matrix(margin$name, probs)
  exact <- !is.na(margin$axis)
  axis <- margin$axis[exact]
  out[exact, ] <- summarise_margins(margin[exact, ], fit$mean[axis], fit$sd[axis], probs)
  out[!exact, ] <- psis_summary(fit$draws[, row[!exact], drop = FALSE], gaussian_weight(fit), probs)
  put_laws(out, margin, probs)
}

# Log weights that make of the draws, which may have heavier tails, draws of the Gaussian reported
gaussian_weight <- function(fit) {
  weight <- if (is.null(fit$lp_gaussian)) 0 * fit$lp_approx else fit$lp_gaussian - fit$lp_approx
  weight - log_sum(weight)
}

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
