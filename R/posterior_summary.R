# Summaries of every parameter from the mixture over the nodes; no draws are taken.

#' Summarise the posterior of every parameter
#'
#' One row per parameter, random effects included, computed from the fitted mixture of
#' distributions and not from draws: two calls give the same numbers.
#'
#' Coefficients and random effects are mixtures over the nodes of the hyperparameters, whose
#' means and variances add up by the laws of total expectation and variance and whose quantiles
#' are found on the mixture's distribution function. Standard deviations, correlations and
#' dispersions are summarised from their own smooth posterior.
#'
#' `posterior_summary()` is a generic of this package so that neither 'brms' nor its compiler
#' is needed. Objects that are not ours are handed to `brms::posterior_summary()`, whichever
#' package was attached last.
#'
#' @param x A fit of class `vbfit`; anything else is passed on to 'brms'.
#' @param probs Probabilities of the quantiles, one column `Q<100 * prob>` each.
#' @param variable Names of the parameters wanted, `NULL` for all. The name of an array such as
#'   `r_Subject` stands for all its elements.
#' @param method `"approximation"`, or `"psis"` for the draws of a fit by ADVI with their importance
#'   weights, see [posterior_summary.advifit()].
#' @param ... `pars`, another name of `variable`. There is a warning of anything else.
#' @return A numeric matrix with the columns `Estimate` (posterior mean), `Est.Error`
#'   (posterior standard deviation) and one per quantile. The rows are the fixed effects `b_` (of
#'   [cumulative()] models first the thresholds `b_Intercept[1]` and so on),
#'   the standard deviations `sd_` and correlations `cor_` of the random effects, the dispersions
#'   (`sigma`, `shape`, `phi`, `nu`, those of a [vb_family()]), the scales `hs_global` and `hs_slab`
#'   of a [horseshoe()] and the random effects `r_`.
#' @seealso [summary.vbfit()] for a table to read, [fixef()], [ranef()] and [VarCorr()] for the
#'   same means in 'lme4' form.
#' @examples
#' fit <- vb(dist ~ speed, data = cars)
#' posterior_summary(fit)
#' posterior_summary(fit, probs = c(.05, .95), variable = "b_speed")
#' @export
posterior_summary <- function(x, ...) UseMethod("posterior_summary")

#' @rdname posterior_summary
#' @export
posterior_summary.vbfit <- function(x, probs = c(0.025, 0.975), variable = NULL,
                                    method = c("approximation", "psis"), ...) {
  check_probs(probs, "probs")
  method <- pick_choice(method, "method", c("approximation", "psis"))
  take_synonyms(list(...), c(pars = "variable"), "posterior_summary")
  table <- select_parameters(parameter_table(x), variable)
  if (method != "psis") return(summarise_parameters(x, table, probs))
  check_advi(x)
  view <- advi_view(x, table)
  check_weights(view, seq_len(nrow(table)))
  psis_summary(view$draws, view$log_weight, probs)
}

#' @rawNamespace S3method(posterior_summary, default, forward_posterior_summary)
#' @rawNamespace S3method(brms::posterior_summary, vbfit, posterior_summary.vbfit)
forward_posterior_summary <- function(x, ...) forward("brms", "posterior_summary", x, ...)

# The default of a generic that is ours but was someone else's first. It must not carry the
# name <generic>.default: the other package's generic, called from here, would find it before
# its own methods and recurse for ever.
forward <- function(package, generic, x, ...) {
  if (!rlang::is_installed(package)) {
    vb_abort(c("x", "object"), c(
      "{.fn {generic}} has no method for this object, {describe_class(x)}.",
      i = "Such objects are handed to the package {.pkg {package}}, which is not installed."
    ))
  }
  getExportedValue(package, generic)(x, ...)
}

check_probs <- function(x, arg, single = FALSE) {
  fits <- is.numeric(x) && !anyNA(x) && all(x > 0 & x < 1) && (!single || length(x) == 1L)
  if (fits) return(invisible())
  kind <- if (single) "a probability" else "probabilities"
  vb_abort(arg, c("{.arg {arg}} must be {kind} strictly between 0 and 1.",
                  x = "It is {describe(x)}."))
}

# ---- The parameters and where each is kept -------------------------------------------------------

# One row per parameter in the order of the summary; `row` counts within the fixed effects
# (class "b"), the hyperparameters ("sd", "cor", "aux", "hs", "threshold") or the engine's
# coefficients ("r").
parameter_table <- function(fit) {
  p <- n_fixed(fit)
  fixed <- data.frame(
    name = paste0("b_", plain_name(fit$fixed$names), recycle0 = TRUE),
    class = rep("b", p), row = seq_len(p)
  )
  row <- threshold_rows(fit)
  threshold <- data.frame(name = paste0("b_", fit$hyper$name[row], recycle0 = TRUE),
                          class = rep("threshold", length(row)), row = row)
  random <- lapply(seq_along(fit$random), ranef_table, fit = fit)
  do.call(rbind, c(list(threshold, fixed, hyper_parameters(fit)), random))
}

hyper_parameters <- function(fit) {
  hyper <- fit$hyper
  row <- order(factor(hyper$class, c("sd", "cor", "aux", "hs")), na.last = NA)
  hyper <- data.frame(name = as.character(hyper$name), class = as.character(hyper$class))[row, ]
  cbind(hyper, row = row)
}

# Names run through the levels of one coefficient first, as the columns of ranef() do; the
# engine keeps the coefficients of a level together.
ranef_table <- function(fit, k) {
  term <- fit$random[[k]]
  n_level <- length(term$levels)
  d <- length(term$coef)
  level <- rep.int(seq_len(n_level), d)
  coef <- rep(seq_len(d), each = n_level)
  data.frame(
    name = paste0("r_", term$group, "[", level_label(term)[level], ",",
                  plain_name(term$coef)[coef], "]"),
    class = rep("r", n_level * d),
    row = term_offset(fit)[k] + (level - 1L) * d + coef
  )
}

# The rows of the engine's coefficients that come before each random term
term_offset <- function(fit) {
  size <- vapply(fit$random, function(term) length(term$levels) * length(term$coef), 0)
  n_fixed(fit) + cumsum(c(0, size))[seq_along(size)]
}

n_fixed <- function(fit) length(fit$fixed$names)

# The levels of a:b are written l1_l2, as ':' parts no index; levels with '_' may then coincide
level_label <- function(term) {
  nested <- grepl(":", term$group, fixed = TRUE)
  if (nested) make.unique(gsub(":", "_", term$levels, fixed = TRUE)) else term$levels
}

select_parameters <- function(table, variable, arg = "variable") {
  if (is.null(variable)) return(table)
  if (!is.character(variable)) {
    vb_abort(arg, c("{.arg {arg}} must be a character vector of parameter names.",
                    x = "It is {describe(variable)}."))
  }
  base <- sub("\\[.*", "", table$name)
  row <- lapply(variable, function(v) {
    if (v %in% table$name) match(v, table$name) else which(base == v)
  })
  missing <- variable[lengths(row) == 0]
  if (length(missing)) {
    vb_abort(arg, c(
      "{.arg {arg}} names what is no parameter of the fit: {.val {missing}}.",
      i = "The names are those of {.code rownames(posterior_summary(fit))}."
    ))
  }
  table[unique(unlist(row)), , drop = FALSE]
}

# ---- Moments and quantiles -----------------------------------------------------------------------

summarise_parameters <- function(fit, table, probs) {
  out <- summary_matrix(table$name, probs)
  b <- table$class == "b"
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

# Means, variances and skewnesses of some coefficients at each node
fixed_nodes <- function(fit, row = seq_len(n_fixed(fit))) {
  node <- fit$engine$node
  p <- n_fixed(fit)
  cov <- matrix(node$fixed_cov, p * p, length(node$weight))
  var <- cov[row + p * (row - 1L), , drop = FALSE]
  list(weight = node$weight, mean = node$fixed_mean[row, , drop = FALSE], var = var,
       skew = if (!is.null(node$fixed_skew)) node$fixed_skew[row, , drop = FALSE])
}

ranef_nodes <- function(fit, row) {
  node <- fit$engine$node
  list(weight = node$weight, mean = node$mean[row, , drop = FALSE],
       var = node$var[row, , drop = FALSE],
       skew = if (!is.null(node$skew)) node$skew[row, , drop = FALSE])
}

summarise_mixture <- function(nodes, probs) {
  moments <- mixture_moments(nodes)
  cbind(moments$mean, sqrt(moments$var), node_quantiles(nodes, probs))
}

node_quantiles <- function(nodes, probs) {
  if (!length(probs) || !nrow(nodes$mean)) {
    return(matrix(numeric(), nrow(nodes$mean), length(probs)))
  }
  mixture_quantiles(nodes$mean, nodes$var, nodes$skew, nodes$weight, probs)
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
  tilted_quantiles(q, rbind(fit$design$shrink$df, hyper), node$weight, probs)
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
