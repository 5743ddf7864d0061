# Gaussian processes, gp(x, z, k =, c =, cov =), in the basis of the Laplacian's eigenfunctions on a
# box (Riutort-Mayol et al. 2023): coefficients are independent, with the spectral density at the
# frequency of each as their variance.

gp_covariances <- c(exp_quad = "gp_exp_quad", matern32 = "gp_matern32", matern52 = "gp_matern52")

read_gp <- function(call, env, data2) {
  args <- field_variables(call, c("k", "c", "cov"))
  variables <- args$variables
  options <- lapply(args[-1L], eval_field, call = call, env = env, data2 = data2)
  k <- if (is.null(options[["k"]])) 15 else options[["k"]]
  wide <- if (is.null(options[["c"]])) 1.25 else options[["c"]]
  cov <- if (is.null(options[["cov"]])) "exp_quad" else options[["cov"]]
  if (!is.numeric(k) || length(k) != 1L || !is.finite(k) || k < 1 || k != round(k)) {
    field_abort(call, "{.arg k} must be a whole number of basis functions.")
  }
  if (!is.numeric(wide) || length(wide) != 1L || !is.finite(wide) || wide <= 1) {
    field_abort(call, "{.arg c} must be a number above 1.")
  }
  if (!is.character(cov) || length(cov) != 1L || !cov %in% names(gp_covariances)) {
    field_abort(call, "{.arg cov} must be one of {.or {.val {names(gp_covariances)}}}.")
  }
  if (!length(variables)) field_abort(call, "It needs a variable.")
  text <- vapply(variables, deparse1, "")
  list(label = sprintf("gp(%s)", paste(text, collapse = ",")), variables = variables,
       group = plain_label(sprintf("gp(%s)", paste(text, collapse = ""))), k = k, c = wide,
       precision = gp_covariances[[cov]])
}

make_gp <- function(field, values) {
  if (!all(vapply(values, function(x) is.numeric(x) && is.null(dim(x)), NA))) {
    field_abort(field$call, "Its variables must be numbers.")
  }
  x <- do.call(cbind, values)
  span <- apply(x, 2L, function(v) diff(range(v)))
  if (any(span == 0)) field_abort(field$call, "One of its variables is constant.")
  seen <- unique(x)
  distance <- range(nearest_and_farthest(seen))
  field$centre <- apply(x, 2L, function(v) mean(range(v)))
  field$unit <- distance[2L]
  field$half <- field$c * span / 2 / field$unit                       # of the box
  index <- as.matrix(expand.grid(rep(list(seq_len(field$k)), ncol(x))))
  field$frequency <- unname(index) * rep(pi / (2 * field$half), each = nrow(index))
  n <- nrow(index)
  hyper <- and_hyper(sd_hyper(paste0("sdgp_", field$group), field$group, "sdgp"),
                     paste0("lscale_", field$group), "lscale", "positive", 0.3,
                     lscale_prior(distance / field$unit))
  field$blocks <- list(list(coef = paste0("zgp_", field$group, "[", seq_len(n), "]"),
                            precision = field$precision,
                            at = c(rowSums(field$frequency^2), ncol(x)), hyper = hyper))
  field
}

# The distance to the nearest other, of some hundred rows, and the largest
nearest_and_farthest <- function(x) {
  some <- x[unique(round(seq(1, nrow(x), length.out = min(nrow(x), 500L)))), , drop = FALSE]
  d <- as.matrix(stats::dist(some))
  span <- apply(x, 2L, function(v) diff(range(v)))
  c(min(d[d > 0]), max(d, span))
}

# Inverse gamma with 1 % below the smallest and above the largest distance, as in brms
lscale_prior <- function(distance) {
  lower <- max(distance[1L], 0.01)
  upper <- max(distance[2L], 2 * lower)
  # X < q where 1 / X > 1 / q, 1 / X ~ Gamma(shape, rate)
  rate_of <- function(shape) stats::qgamma(0.99, shape) * lower        # 1 % below lower
  miss <- function(log_shape) {
    shape <- exp(log_shape)
    stats::pgamma(rate_of(shape) / upper, shape) - 0.01
  }
  shape <- exp(stats::uniroot(miss, c(-3, 6), extendInt = "yes", tol = 1e-8)$root)
  default_prior("inv_gamma", shape = shape, rate = rate_of(shape))
}

gp_pieces <- function(field, values) {
  covariate_pieces(values, 0L, function(values) gp_columns(field, values))
}

gp_columns <- function(field, values) {
  x <- (do.call(cbind, values) - rep(field$centre, each = length(values[[1L]]))) / field$unit
  out <- 1
  for (j in seq_along(values)) {
    phase <- outer(x[, j] + field$half[j], field$frequency[, j])
    out <- out * sin(phase) / sqrt(field$half[j])
  }
  out
}
