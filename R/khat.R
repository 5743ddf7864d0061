# Pareto k: how far importance weights, and so the approximation that they correct, can be trusted.

# Of each parameter's mean and sd as importance weighting would estimate them (Vehtari et al. 2024):
# the heavier tail of the weights and of the weights times its squared deviation. `draws` has a row
# per draw, `khat` is that of the weights.
expectand_k <- function(draws, log_ratio, khat = tail_k(matrix(log_ratio))) {
  sd <- apply(draws, 2L, stats::sd)
  varies <- is.finite(sd) & sd > 0
  k <- rep(NA_real_, ncol(draws))
  weight <- exp(log_ratio - log_sum(log_ratio))
  mean <- colSums(weight * draws[, varies, drop = FALSE])
  log_term <- log_ratio + 2 * log(abs(sweep(draws[, varies, drop = FALSE], 2L, mean)))
  k[varies] <- pmax(terms_k(log_term), khat)
  k
}

# Pareto k of the terms of sums, columns of their logarithms. Where no term counts more than ten
# times their mean they have no tail, and a fit to the largest describes a hump. Where the sum rests
# on next to no terms its k, which is fitted to a thousand times as many, understates the tail.
terms_k <- function(log_term) {
  share <- apply(log_term, 2L, function(x) exp(x - log_sum(x)))
  largest <- apply(share, 2L, max) * nrow(share)
  k <- tail_k(log_term)
  k <- ifelse(largest <= 10, pmin(k, 0), k)
  ifelse(colSums(share^2) > 1 / 10, Inf, k)
}

# Up to where weights of n draws are of use (Vehtari et al. 2024, section 3.2.4)
khat_limit <- function(n) min(1 - 1 / log10(n), 0.7)

# Weights that hardly vary carry every expectation, whatever the shape of their tail, of which alone
# Pareto k speaks: in one or two dimensions it is large for the best of Gaussians
hardly_vary <- function(weight) {
  n <- length(weight)
  1 / sum(weight^2) >= 0.9 * n && max(weight) * n <= 10
}

# How much importance weights change: of each column's mean in standard deviations, and of its
# standard deviation
weight_changes <- function(draws, weight) {
  mean <- colMeans(draws)
  sd <- sqrt(colMeans(draws^2) - mean^2)
  shift <- colSums(weight * draws) - mean
  change <- sqrt(pmax(colSums(weight * sweep(draws, 2L, mean + shift)^2), 0)) / sd
  pmax(abs(shift) / sd, abs(log(change)))
}

# The verdict, in a sentence. `far`: is Pareto k of the weights itself too large? `wrong`:
# parameters that weights cannot correct, `changed`:
# those that they change; `carried`: are these what is reported?
khat_verdict <- function(khat, far, wrong, changed, n_name, steady, carried = FALSE) {
  if (is.na(khat)) {
    return("Pareto k could not be had: nothing is known about how good the approximation is.")
  }
  if (khat == -Inf) return("The importance weights are all equal: the approximation is the target.")
  said <- paste0("Pareto k ", two_places(khat),
                 if (steady && far) " of weights that hardly vary", ": ")
  if (length(wrong)) {
    whose <- if (length(wrong) == n_name) "all parameters" else listed(wrong)
    where <- if (far) "the approximation is far from the target somewhere" else "usable in part"
    return(paste0(said, where, "; means and standard deviations of ", whose,
                  " are not to be trusted."))
  }
  if (!length(changed)) return(paste0(said, "the approximation is close to the target."))
  if (carried) {
    return(paste0(said, "usable; importance weights have corrected the approximation, most of all ",
                  "in ", listed(changed), "."))
  }
  paste0(said, "usable; posterior_summary(method = \"psis\") corrects what is left, most of all ",
         "in ", listed(changed), ".")
}

log_sum <- function(x) {
  top <- max(x)
  top + log(sum(exp(x - top)))
}

# Pareto k of the weights that a fit rests on: of its nodes, or of its draws
fit_khat <- function(fit) UseMethod("fit_khat", held_as(fit))
#' @export
fit_khat.held_nodes <- function(fit) fit$engine$khat
#' @export
fit_khat.held_draws <- function(fit) fit$advi$khat
