# Thresholds of ordinal models. The engine has tau_k, where the columns are at their means c; what
# is reported holds where they are zero: Intercept[k] = tau_k + c'beta.

# c'beta at each node: its mean and variance
shift_nodes <- function(fit) {
  node <- fit$engine$node
  center <- fit$fixed$center
  both <- as.double(outer(center, center))
  cov <- matrix(node$fixed_cov, length(both), length(node$weight))
  list(mean = drop(center %*% node$fixed_mean), var = drop(both %*% cov))
}

# A reported threshold tau_k + c'beta as a mixture over the points of theta. Each point has a tau_k;
# mean and variance of c'beta, known at the nodes only, reach the points by regression on theta.
threshold_mixture <- function(fit, row) {
  point <- fit$engine$point
  node <- fit$engine$node
  shift <- shift_nodes(fit)
  weight <- pmax(node$weight, 0) / sum(pmax(node$weight, 0))
  basis <- theta_basis(ncol(node$x), nrow(node$x))
  keep <- point$weight > 1e-8 * max(point$weight)
  follow <- function(y, axes) {
    line <- stats::lm.wfit(basis(axes(node$x)), y, weight)
    slope <- replace(line$coefficients, is.na(line$coefficients), 0)
    list(at = drop(basis(axes(point$x[, keep, drop = FALSE])) %*% slope),
         rest = sum(weight * line$residuals^2))
  }
  center <- follow(shift$mean, function(x) with_pins_as_they_are(x, fit$engine$axes))
  # not beyond what the nodes have: a polynomial in the exponent goes anywhere
  seen <- range(log(pmax(shift$var[weight > 0], 1e-300)))
  log_var <- follow(log(pmax(shift$var, 1e-300)), identity)$at
  var <- exp(pmin(pmax(log_var, seen[1L]), seen[2L])) + center$rest
  k <- length(row)
  list(weight = point$weight[keep] / sum(point$weight[keep]),
       mean = point$hyper[row, keep, drop = FALSE] + rep(center$at, each = k),
       var = matrix(var, k, sum(keep), byrow = TRUE),
       skew = matrix(shift_skew(fit, weight), k, sum(keep)))
}

# A pinned combination of coefficients moves c'beta in a straight line; its axis is the arsinh
with_pins_as_they_are <- function(x, axes) {
  pinned <- axes$coordinate == "sinh"
  x[pinned, ] <- axes$s0[pinned] * sinh(x[pinned, , drop = FALSE])
  x
}

# Polynomials of theta of the second degree, or of as much of it as the nodes can tell
theta_basis <- function(n_node, n_axis) {
  spare <- n_node %/% 3L - 1L - 2L * n_axis      # three nodes for each coefficient
  square <- spare >= 0L
  cross <- which(upper.tri(diag(n_axis)), arr.ind = TRUE)
  cross <- cross[seq_len(min(nrow(cross), max(spare, 0L))), , drop = FALSE]
  function(x) {
    x <- t(x)
    if (!square) return(cbind(1, x))
    cbind(1, x, x^2, x[, cross[, 1L], drop = FALSE] * x[, cross[, 2L], drop = FALSE])
  }
}

# The skewness of c'beta that those of the coefficients make. With beta_k = m_k + s_k (z_k + g_k
# (z_k^2 - 1) / 6) its third cumulant is, to first order in g, the sum of c_k s_k g_k times
# Cov(c'beta, z_k)^2.
shift_skew <- function(fit, weight) {
  node <- fit$engine$node
  if (is.null(node$fixed_skew)) return(0)
  p <- n_fixed(fit)
  center <- fit$fixed$center
  cov <- matrix(matrix(node$fixed_cov, p * p, length(weight)) %*% weight, p)
  with_shift <- drop(cov %*% center)
  skew <- drop(node$fixed_skew %*% weight)
  sum(center * skew * with_shift^2 / sqrt(diag(cov))) / sum(center * with_shift)^1.5
}

threshold_summary <- function(fit, row, probs) {
  if (!length(row) || !any(fit$fixed$center != 0)) return(hyper_summary(fit, row, probs))
  summarise_mixture(threshold_mixture(fit, row), probs)
}

# Thresholds and fixed effects at each node, and their covariance given it
joint_nodes <- function(fit) {
  node <- fit$engine$node
  row <- threshold_rows(fit)
  p <- n_fixed(fit)
  reported <- diag(p)[seq_along(fit$fixed$names), , drop = FALSE]
  add <- rbind(outer(rep(1, length(row)), fit$fixed$center), reported)
  mean <- add %*% node$fixed_mean
  mean[seq_along(row), ] <- mean[seq_along(row), ] + node$hyper[row, ]
  cov <- matrix(matrix(node$fixed_cov, p * p, length(node$weight)) %*% node$weight, p)
  within <- add %*% cov %*% t(add)
  if (identical(fit$engine$rule, "independent") && length(row)) {   # one node for all of theta
    point <- fit$engine$point
    tau <- t(point$hyper[row, , drop = FALSE])
    within[seq_along(row), seq_along(row)] <- within[seq_along(row), seq_along(row)] +
      stats::cov.wt(tau, point$weight / sum(point$weight), method = "ML")$cov
  }
  list(mean = mean, within = within)
}

check_no_thresholds <- function(fit, what) {
  if (!length(threshold_rows(fit))) return(invisible())
  vb_abort(c("type", "family"), c(
    "There are no {what} for categories.",
    i = "The probabilities of the categories are {.code fitted(fit)}."))
}
