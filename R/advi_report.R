# How a fit by ADVI went, in sentences.

advi_verdict <- function(fit) {
  name <- fit$margin$name
  n <- length(fit$log_weight)
  carried <- any(fit$margin$weighted)
  own <- !is.null(fit$margin$weighted)                      # by advi()
  change <- if (own) changes_by_weights(fit) else weight_changes(fit$draws, exp(fit$log_weight))
  most <- order(change, decreasing = TRUE)
  changed <- name[most[which(change[most] > max(0.1, 3 / sqrt(n)))]]
  far <- fit$khat >= khat_limit(n)
  khat_verdict(fit$khat, far, name[uncorrectable(fit)], changed, length(name), steady(fit), carried)
}

# Approximation, bound, gradients, outcome and time in a sentence
advi_report <- function(fit) {
  number <- function(x) format(signif(x, 2))
  noted <- function(x, before, after) {
    if (is.finite(x)) paste0(" (", before, number(x), after, ")")
  }
  draws <- c(fit$n_noise, " ", fit$noise, " draws",
             noted(fit$noise_error, "sampling error ", " sd"), ", ")
  bad <- c(" The log density was not finite at ", counted(fit$n_bad, "point"), ".")
  paste(c(
    "Fit: ", fit$approximation, " approximation, ELBO ", two_places(fit$elbo),
    noted(fit$elbo_se, "MC error ", ""), ", ", if (fit$approximation != "pathfinder") draws,
    counted(fit$n_grad, "gradient"), gradient_notes[[fit$gradient]], ", ",
    if (fit$converged) "converged" else c("NOT converged (", fit$stopped, ")"),
    " in ", number(fit$seconds), " s.", if (fit$n_bad > 0) bad
  ), collapse = "")
}

gradient_notes <- c(given = "", RTMB = " by RTMB", differences = " by differences")
