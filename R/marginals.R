# Means, standard deviations and quantiles of parameters of any kind.

summary_matrix <- function(name, probs) {
  column <- c("Estimate", "Est.Error", paste0("Q", 100 * probs, recycle0 = TRUE))
  matrix(NA_real_, length(name), length(column), dimnames = list(name, column))
}

# The columns of summary_matrix() for the parameters of `table`, rows of parameter_table()
summarise_parameters <- function(fit, table, probs) UseMethod("summarise_parameters")

#' @export
summarise_parameters.vbfit <- function(fit, table, probs) {
  out <- summary_matrix(table$name, probs)
  b <- table$class %in% c("b", "s")
  r <- table$class == "r"
  threshold <- table$class == "threshold"
  theta <- !b & !r & !threshold
  if (any(b)) out[b, ] <- summarise_mixture(fixed_nodes(fit, table$row[b]), probs)
  shrunk <- which(b)[is_shrunk(fit$design$prior_coef$dist[table$row[b]])]
  if (length(shrunk) && length(probs)) {
    out[shrunk, -(1:2)] <- shrunk_quantiles(fit, table$row[shrunk], probs)
  }
  if (any(r)) out[r, ] <- summarise_mixture(ranef_nodes(fit, table$row[r]), probs)
  if (any(threshold)) out[threshold, ] <- threshold_summary(fit, table$row[threshold], probs)
  if (any(theta)) out[theta, ] <- hyper_summary(fit, table$row[theta], probs)
  out
}

# Quantiles of coefficients with a horseshoe: at each node its prior times the rest, not a Gaussian
shrunk_quantiles <- function(fit, row, probs) {
  nodes <- fixed_nodes(fit, row)
  node <- fit$engine$node
  dist <- fit$design$prior_coef$dist
  site <- cumsum(is_site(dist))[row]
  hyper <- node$hyper[fit$hyper$class == "hs", , drop = FALSE]
  q <- list(mean = nodes$mean, var = nodes$var, h = node$site_h[site, , drop = FALSE],
            b = node$site_b[site, , drop = FALSE], skew = nodes$skew, prior = dist[row[1L]])
  in_order(tilted_quantiles(q, rbind(fit$design$shrink$df, hyper), node$weight, probs), probs)
}
