# Posteriors as the engine gives them: mixtures over the nodes of theta, and weighted points.

# Means, variances and skewnesses of some coefficients at each node
fixed_nodes <- function(fit, row = seq_len(n_fixed(fit))) {
  node <- fit$engine$node
  p <- n_fixed(fit)
  cov <- matrix(node$fixed_cov, p * p, length(node$weight))
  var <- cov[row + p * (row - 1L), , drop = FALSE]
  list(weight = node$weight, mean = node$fixed_mean[row, , drop = FALSE], var = var,
       skew = if (!is.null(node$fixed_skew)) node$fixed_skew[row, , drop = FALSE])
}

# The engine's coefficients are those of centred columns (far_centre() of term.R): an intercept at
# zero is the linear predictor of a row that has nothing else.
ranef_nodes <- function(fit, row) {
  node <- fit$engine$node
  out <- list(weight = node$weight, mean = node$mean[row, , drop = FALSE],
              var = node$var[row, , drop = FALSE],
              skew = if (!is.null(node$skew)) node$skew[row, , drop = FALSE])
  for (k in which(has_shift(fit$design))) {
    at <- row - term_offset(fit)[k] - 1L
    d <- length(fit$random[[k]]$coef)
    mine <- which(at >= 0L & at %% d == 0L & at %/% d < length(fit$random[[k]]$levels))
    if (length(mine)) out <- put_intercepts(out, fit, mine, row[mine], k, at[mine] %/% d + 1L)
  }
  out
}

# Puts the intercepts at zero of some levels of term k, the coefficients `row`, in the places `mine`
put_intercepts <- function(out, fit, mine, row, k, level) {
  UseMethod("put_intercepts", held_as(fit))
}

#' @export
put_intercepts.held_nodes <- function(out, fit, mine, row, k, level) {
  moved <- engine_node_moments(fit, intercept_rows(fit, k, level))
  for (field in c("mean", "var", "skew")) {
    if (!is.null(out[[field]])) out[[field]][mine, moved$node] <- moved[[field]]
  }
  out
}

# Kept draws tell the variance about the nodes' means
#' @export
put_intercepts.held_draws <- function(out, fit, mine, row, k, level) {
  mean <- at_zero(fit$engine$node$mean, fit$design$terms, n_fixed(fit))[row, , drop = FALSE]
  draws <- fit$advi$coef[row, , drop = FALSE]
  total <- rowMeans((draws - rowMeans(draws))^2)
  between <- drop((mean - drop(mean %*% out$weight))^2 %*% out$weight)
  out$mean[mine, ] <- mean
  out$var[mine, ] <- pmax(total - between, total / 100)
  out
}

# Design rows of the intercept of a random term alone, for some of its levels
intercept_rows <- function(fit, k, level) {
  rows <- empty_rows(fit, length(level))
  rows$group[[k]] <- level
  rows$z[[k]][, 1L] <- 1
  rows_of_link(fit, rows)
}

# Posterior means of the engine's coefficients, random effects at zero
coef_means <- function(fit) {
  mean <- fit$engine$node$mean %*% fit$engine$node$weight
  drop(at_zero(mean, fit$design$terms, n_fixed(fit)))
}

slope_means <- function(fit) mixture_moments(fixed_nodes(fit))$mean

summarise_mixture <- function(nodes, probs) {
  moments <- mixture_moments(nodes)
  cbind(moments$mean, sqrt(moments$var), node_quantiles(nodes, probs))
}

node_quantiles <- function(nodes, probs) {
  if (!length(probs) || !nrow(nodes$mean)) {
    return(matrix(numeric(), nrow(nodes$mean), length(probs)))
  }
  in_order(mixture_quantiles(nodes$mean, nodes$var, nodes$skew, nodes$weight, probs), probs)
}

# Negative weights can make a mixture's distribution function fall, and its quantiles cross: put in
# order they are nearer to those of what it stands for (Chernozhukov, Fernandez-Val and Galichon
# 2010).
in_order <- function(q, probs) {
  order <- order(probs)
  at <- q[, order, drop = FALSE]
  falls <- at[, -1L, drop = FALSE] < at[, -ncol(at), drop = FALSE]
  for (i in which(rowSums(falls, na.rm = TRUE) > 0)) q[i, order] <- sort(at[i, ], na.last = TRUE)
  q
}

# Total expectation and total variance: E = sum_s W_s m_s, var = sum_s W_s (v_s + (m_s - E)^2)
mixture_moments <- function(nodes) {
  mean <- drop(nodes$mean %*% nodes$weight)
  var <- drop((nodes$var + (nodes$mean - mean)^2) %*% nodes$weight)
  list(mean = mean, var = pmax(var, 0))
}

hyper_summary <- function(fit, row, probs) {
  point <- fit$engine$point
  w <- point$weight / sum(point$weight)
  if (!length(row)) return(matrix(numeric(), 0L, 2L + length(probs)))
  t(apply(point$hyper[row, , drop = FALSE], 1L, function(x) {
    if (min(x) == max(x)) return(c(x[1L], 0, rep(x[1L], length(probs))))  # held constant
    mean <- sum(w * x)
    c(mean, sqrt(sum(w * (x - mean)^2)), weighted_quantile(x, w, probs))
  }))
}

hyper_mean <- function(fit) {
  point <- fit$engine$point
  if (!NROW(fit$hyper)) return(numeric())
  stats::setNames(drop(point$hyper %*% point$weight) / sum(point$weight), fit$hyper$name)
}

# Each point's mass is centred on it: the distribution function passes through the midpoints of
# its steps
weighted_quantile <- function(x, weight, probs) {
  keep <- weight > 0
  x <- x[keep]
  if (length(probs) == 0L || min(x) == max(x)) return(rep(x[1L], length(probs)))
  order <- order(x)
  w <- weight[keep][order]
  # points of next to no weight may share a midpoint
  ties <- list("ordered", mean)
  stats::approx(cumsum(w) - w / 2, x[order], probs * sum(w), rule = 2, ties = ties)$y
}

# Nodes that were solved for; the others are of the mixture alone
n_solved <- function(engine) length(engine$node$weight) - sum(engine$n_foretold)

# How many components a mixture has that stands for the posterior of a linear predictor
n_component <- function(fit) UseMethod("n_component", held_as(fit))
#' @export
n_component.held_nodes <- function(fit) length(fit$engine$node$weight)
#' @export
n_component.held_draws <- function(fit) ncol(fit$advi$coef)
