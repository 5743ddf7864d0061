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
  result$coef_sd_q <- sd_q_at_zero(result, spec)
  result$coef <- at_zero(result$coef, spec$terms, ncol(spec$x))
  own <- c("trace", "draws", "converged", "status", "elbo", "log_lik")
  list(
    node = result$node, point = result$point, n_cell = result$n_cell, design = spec,
    trace = advi$trace, elbo = advi$elbo, log_lik = advi$log_lik, log_evidence = advi$elbo,
    converged = advi$converged, status = advi$status, rule = "advi", solver = "", coupling = 0L,
    advi = c(advi[setdiff(names(advi), own)],
             result[c("coef", "hyper", "coef_sd_q", "hyper_sd_q")])
  )
}

# Which random term's levels mini-batches are made of; 0: they are made of rows
batch_term <- function(by, random) {
  if (is.null(by)) return(0L)
  group <- vapply(random, function(term) term$group, "")
  if (by %in% group) return(match(by, group))
  vb_abort("batch", c(
    "{.arg batch} is named by what is no grouping factor of the model: {.val {by}}.",
    i = if (length(group)) "It may be {.or {.val {unique(group)}}}, or have no name and count rows."
      else "Leave the name out."))
}

# Of intercepts that were those of centred columns: as much less than the draws' as those are that
# they are made of
sd_q_at_zero <- function(result, spec) {
  if (!any(has_shift(list(terms = spec$terms)))) return(result$coef_sd_q)
  sd <- function(coef) sqrt(rowMeans((coef - rowMeans(coef))^2))
  square <- lapply(spec$terms, function(term) {
    if (!is.null(term$shift)) term$shift <- -term$shift^2   # variances of independent parts add
    term
  })
  total <- function(sd) drop(at_zero(as.matrix(sd^2), square, ncol(spec$x)))
  ratio <- sqrt(total(result$coef_sd_q) / total(sd(result$coef)))
  sd(at_zero(result$coef, spec$terms, ncol(spec$x))) * ratio
}
