# Intervals of predictions: quantiles of the linear predictor's mixture over the nodes, or of a
# response given it, block by block of rows. Nothing is of the size of draws x rows.

# `mean` with its bounds beside it: rows x 3, of probabilities of categories rows x 3 x categories
with_bounds <- function(fit, mean, rows, type, interval, level, size) {
  bounds <- interval_bounds(fit, rows, type, interval, (1 + c(-1, 1) * level) / 2, size)
  columns <- c("fit", "lwr", "upr")
  if (is.matrix(mean) && interval == "prediction") mean <- drop(mean %*% seq_len(ncol(mean)))
  if (!is.matrix(mean)) {
    out <- cbind(mean, bounds, deparse.level = 0L)
    colnames(out) <- columns
    return(out)
  }
  k <- ncol(mean)
  out <- array(NA_real_, c(nrow(mean), 3L, k), list(NULL, columns, fit$levels))
  out[, 1L, ] <- mean
  out[, 2L, ] <- bounds[, seq_len(k)]
  out[, 3L, ] <- bounds[, k + seq_len(k)]
  out
}

# rows x probs; of categories' probabilities all categories for one of probs after the other
interval_bounds <- function(fit, rows, type, interval, probs, size) {
  ordinal <- length(threshold_rows(fit)) > 0L
  credible <- interval == "credible"
  own <- inherits(fit$family, "vb_family")
  if (own && !credible) check_simulate(fit$family)
  by_draws <- if (credible) ordinal && type == "response" else own
  sample <- if (by_draws) with_noise_stream("fixed", posterior_sample(fit, quantile_draws(fit)))
  if (credible && type == "link") rows <- rows_of_link(fit, rows)
  quantiles <- function(rows, size) {
    if (by_draws && own) return(simulated_quantiles(fit, rows, sample, probs, size))
    if (by_draws) return(category_quantiles(fit, rows, sample, probs))
    nodes <- row_nodes(fit, rows)
    if (!credible) return(response_quantiles(fit, nodes, size, probs))
    eta <- eta_quantiles(nodes, probs)
    if (type == "link") eta else mean_bounds(fit$family, eta)
  }
  known <- which(rows$complete & !is.na(size))
  width <- if (by_draws) ncol(sample$coef) else n_component(fit)
  columns <- length(probs) * if (by_draws && ordinal) length(fit$levels) else 1L
  out <- matrix(NA_real_, length(rows$complete), columns)
  for (block in row_blocks(known, width)) {
    out[block, ] <- quantiles(keep_rows(rows, block), size[block])
  }
  out
}

# ---- the linear predictor as a mixture -----------------------------------------------------------

# As engine_node_moments(); of a fit by ADVI each of its draws is a component without variance
row_nodes <- function(fit, rows) UseMethod("row_nodes", held_as(fit))

#' @export
row_nodes.held_nodes <- function(fit, rows) engine_node_moments(fit, rows)

#' @export
row_nodes.held_draws <- function(fit, rows) {
  sample <- fit$advi[c("coef", "hyper")]
  eta <- marginal_draws(fit, rows, sample)
  n <- ncol(eta)
  thresholds <- threshold_draws(fit, sample)
  par <- if (length(thresholds)) do.call(rbind, thresholds)
    else sample$hyper[fit$hyper$class == "aux", , drop = FALSE]
  list(mean = eta, var = 0 * eta, skew = 0 * eta, weight = rep(1 / n, n), par = par,
       new = logical(nrow(eta)))
}

# f(nodes, rows), where rows with a new level have nodes of positive weight alone
by_weights <- function(nodes, probs, f) {
  out <- matrix(NA_real_, length(nodes$new), length(probs))
  for (new in unique(nodes$new)) {
    row <- which(nodes$new == new)
    node <- if (new) which(nodes$weight > 0) else seq_along(nodes$weight)
    part <- lapply(nodes[c("mean", "var", "skew")], function(x) x[row, node, drop = FALSE])
    weight <- nodes$weight[node] / sum(nodes$weight[node])
    out[row, ] <- f(c(part, list(weight = weight, par = nodes$par[, node, drop = FALSE])), row)
  }
  in_order(out, probs)
}

eta_quantiles <- function(nodes, probs) {
  by_weights(nodes, probs, function(part, row) node_quantiles(part, probs))
}

# A link's inverse takes quantiles to quantiles; one that falls swaps them
mean_bounds <- function(family, eta) {
  mu <- inverse_link(family, eta)
  cbind(pmin(mu[, 1L], mu[, 2L]), pmax(mu[, 1L], mu[, 2L]))
}

# ---- responses -----------------------------------------------------------------------------------

# On the scale of the response: proportions of trials
response_quantiles <- function(fit, nodes, size, probs) {
  nodes <- spread_dispersions(fit, nodes)
  trials <- trials_kind(fit) != "none"
  if (trials) size <- round(size)
  out <- by_weights(nodes, probs, function(part, row) {
    predictive_quantiles(fit$design$family, fit$design$link, part, size[row], probs)
  })
  if (trials) out / size else out
}

# Approximations in which coefficients do not depend on the hyperparameters have one node, at a
# typical value of theta. A prediction interval needs the spread of the dispersions, too: the node
# is repeated with those of n points of theta, of equal weight in the order of the first of them.
spread_dispersions <- function(fit, nodes, n = 50L) {
  own <- which(fit$hyper$class %in% c("aux", "threshold"))
  if (!identical(fit$engine$rule, "independent") || !length(own)) return(nodes)
  point <- fit$engine$point
  order <- order(point$hyper[own[1L], ])
  weight <- cumsum(point$weight[order]) / sum(point$weight)
  at <- order[pmin(findInterval((seq_len(n) - 0.5) / n, weight) + 1L, length(order))]
  node <- rep(seq_along(nodes$weight), each = n)
  list(mean = nodes$mean[, node, drop = FALSE], var = nodes$var[, node, drop = FALSE],
       skew = nodes$skew[, node, drop = FALSE], weight = nodes$weight[node] / n,
       par = point$hyper[own, rep(at, length(nodes$weight)), drop = FALSE], new = nodes$new)
}

# Trials or prior weights of rows; a row of no trials, whose proportion is not defined, gets one
interval_size <- function(fit, newdata, own) {
  size <- as.double(response_size(fit, if (!own) newdata))
  replace(size, size %in% 0, 1)
}

# ---- where there is no distribution function: quantiles of draws ---------------------------------

# As many as there are by default, but for fits with so many coefficients that draws of them all
# would not fit
quantile_draws <- function(fit) UseMethod("quantile_draws", held_as(fit))

#' @export
quantile_draws.held_nodes <- function(fit) {
  max(200L, min(usual_draws(fit), 4e7 %/% nrow(fit$engine$node$mean)))
}

#' @export
quantile_draws.held_draws <- function(fit) usual_draws(fit)

category_quantiles <- function(fit, rows, sample, probs) {
  probability <- mean_draws(fit, marginal_draws(fit, rows, sample), sample)
  part <- lapply(probability, row_quantiles, probs)
  do.call(cbind, lapply(seq_along(probs), function(j) {
    do.call(cbind, lapply(part, function(q) q[, j]))
  }))
}

# The least response that reaches the probability, as for counts
simulated_quantiles <- function(fit, rows, sample, probs, size) {
  y <- marginal_draws(fit, rows, sample, function(eta) response_draws(fit, eta, size, sample))
  out <- row_quantiles(y, probs, type = 1L)
  if (trials_kind(fit) == "pairs") out / size else out
}

row_quantiles <- function(x, probs, type = 7L) {
  out <- apply(x, 1L, stats::quantile, probs, names = FALSE, type = type, na.rm = TRUE)
  matrix(out, nrow(x), length(probs), byrow = TRUE)
}

check_simulate <- function(family) {
  if (!is.null(family$simulate)) return(invisible())
  vb_abort(c("interval", "family", "simulate"), c(
    "{.code interval = \"prediction\"} needs responses of the family {.val {family$family}}.",
    i = "Give {.fun vb_family} the argument {.arg simulate}, or use
         {.code interval = \"credible\"}."))
}
