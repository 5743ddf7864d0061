# ADVI of a model of vb(): the C core's result in the form that a fit's methods read.

# The number of unconstrained parameters of a model
n_unconstrained <- function(spec) {
  d <- vapply(spec$terms, function(term) ncol(term$z), 0)
  n_level <- vapply(spec$terms, function(term) as.double(term$n_level), 0)
  ncol(spec$x) + sum(n_level * d) + sum(d * (d + 1) / 2) +
    sum(spec$prior_par$dist != "constant")
}

fit_advi_engine <- function(spec, random, control, approximation, density = NULL) {
  check_advi_control(control, approximation, n_unconstrained(spec))
  settings <- advi_settings(control, approximation, n_path = 1L, n_draw = 1000L)
  settings$batch_by <- batch_term(names(control$batch), random)
  told <- spec
  told$user$log_lik <- density
  result <- with_noise_stream(control$noise, fit_advi_model(told, settings))
  advi <- result$advi
  advi$log_weight <- advi$log_weight - log_sum(advi$log_weight)
  own <- c("trace", "draws", "converged", "status", "elbo", "log_lik")
  list(
    node = result$node, point = result$point, n_cell = result$n_cell, design = spec,
    trace = advi$trace, elbo = advi$elbo, log_lik = advi$log_lik, log_evidence = advi$elbo,
    converged = advi$converged, status = advi$status, rule = "advi", solver = "", coupling = 0L,
    advi = c(advi[setdiff(names(advi), own)],
             result[c("coef", "hyper", "coef_sd_q", "hyper_sd_q")])
  )
}

# The random term whose levels mini-batches are made of; 0: of rows
batch_term <- function(by, random) {
  if (is.null(by)) return(0L)
  group <- vapply(random, function(term) term$group, "")
  if (by %in% group) return(match(by, group))
  vb_abort("batch", c(
    "{.arg batch} is named by what is no grouping factor of the model: {.val {by}}.",
    i = if (length(group)) "It may be {.or {.val {unique(group)}}}, or have no name and count rows."
      else "Leave the name out."))
}

# ---- What the kept draws tell --------------------------------------------------------------------

check_kept <- function(n_draw, n_kept) {
  if (n_draw <= n_kept) return(invisible())
  vb_abort("ndraws", c("The fit has kept {n_kept} draws, fewer than {n_draw}.",
                       i = "Fit again with {.code control = vb_control(draws = {n_draw})}."))
}

# Moments of the linear predictor and of its inverse link in new rows, over the kept draws
draw_moments <- function(fit, rows) {
  block <- row_blocks(seq_along(rows$offset), ncol(fit$advi$coef))
  part <- lapply(block, function(i) block_moments(fit, keep_rows(rows, i)))
  lapply(stats::setNames(nm = c("mean", "var", "mu", "mu_var")), function(field) {
    value <- lapply(part, `[[`, field)
    if (is.matrix(value[[1L]])) do.call(rbind, unname(value))
    else unlist(value, use.names = FALSE)
  })
}

block_moments <- function(fit, rows) {
  sample <- fit$advi[c("coef", "hyper")]
  eta <- marginal_draws(fit, rows, sample)
  mean <- rowMeans(eta)
  mu <- mean_draws(fit, eta, sample)
  mu_mean <- lapply(mu, rowMeans)
  mu_var <- Map(function(m, centre) rowMeans((m - centre)^2), mu, mu_mean)
  list(mean = mean, var = rowMeans((eta - mean)^2), mu = bind(mu_mean), mu_var = bind(mu_var))
}

bind <- function(columns) if (length(columns) == 1L) columns[[1L]] else do.call(cbind, columns)

# ---- What linear response corrected, and how far to trust it -------------------------------------

# Standard deviations of q itself
q_error <- function(fit, table) {
  advi <- fit$advi
  out <- advi$hyper_sd_q[table$row]
  is_coef <- table$class %in% c("b", "r")
  replace(out, is_coef, advi$coef_sd_q[table$row[is_coef]])
}

# Columns that the summary of a fit by ADVI has more
advi_columns <- function(fit, table) {
  cbind(q.Error = q_error(fit, table), Pareto.k = advi_view(fit, table)$margin$khat)
}

# A fit of a model as the functions for fits by advi() see one: some of its parameters
advi_view <- function(fit, table) {
  advi <- fit$advi
  draws <- draw_parameters(fit, table, ncol(advi$coef))
  khat <- expectand_k(draws, advi$lp - advi$lp_approx)
  own <- list(draws = draws, margin = data.frame(name = table$name, khat = khat),
              approximation = fit$approximation, noise = fit$control$noise, gradient = "given",
              elbo = fit$elbo, converged = fit$converged, stopped = fit$stopped,
              seconds = fit$seconds)
  c(own, advi[setdiff(names(advi), names(own))])
}

check_advi <- function(fit) {
  if (!is.null(fit$advi)) return(invisible())
  vb_abort(c("method", "algorithm"), c(
    "Importance weights are those of a fit by {.code algorithm = \"advi\"}.",
    i = "The nodes of other fits carry their corrections already: leave {.arg method} out."))
}
