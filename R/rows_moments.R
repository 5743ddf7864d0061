# Posterior moments of the linear predictor and of the mean of the response in rows of data.

# -> list(fit, and with `se` se.fit). The mean of a linear predictor is linear in the coefficients
# and needs no engine. Rows that lack a value are kept from the engine and come back as NA.
predict_moments <- function(fit, rows, type, se = FALSE) {
  linear <- type == "link" || fit$family$link == "identity"
  out <- list(fit = if (linear) predictor_mean(fit, rows))
  known <- rows$complete
  moved <- linear & known & moved_by_theta(rows)
  if (linear && !se && !any(moved)) return(out)
  if (linear) rows <- rows_of_link(fit, rows)
  moments <- row_moments(fit, if (all(known)) rows else keep_rows(rows, known))
  all_rows <- function(v) {
    if (!is.matrix(v)) return(replace(rep(NA_real_, length(known)), known, v))
    out <- matrix(NA_real_, length(known), ncol(v))
    out[known, ] <- v
    out
  }
  if (!linear) out$fit <- all_rows(moments$mu)
  out$fit[moved] <- all_rows(moments$mean)[moved]
  if (se) out$se.fit <- all_rows(sqrt(if (linear) moments$var else moments$mu_var))
  if (!linear) warn_unbounded(moments$mu, if (se) moments$mu_var)
  out
}

# exp() of a predictor with heavy tails, such as that of few rows under a wide prior, may have no
# mean or variance that doubles can hold.
warn_unbounded <- function(mu, var) {
  n <- sum(rowSums(!is.finite(cbind(mu, var))) > 0)
  if (n) {
    vb_warn("vb_warning_infinite", c(
      "The mean of the response or its standard error is infinite in {n} row{?s}.",
      i = "Their quantiles are not: use {.code interval = \"credible\"}, or a tighter prior."))
  }
}

# Moments of the linear predictor and of its inverse link in new rows
row_moments <- function(fit, rows) UseMethod("row_moments", held_as(fit))

#' @export
row_moments.held_nodes <- function(fit, rows) engine_moments(fit, rows)

#' @export
row_moments.held_draws <- function(fit, rows) {
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

# Rows with a level that the fit has not seen, or without the term, have a random effect of zero
predictor_mean <- function(fit, rows) {
  eta <- rows$offset + drop(rows$x %*% slope_means(fit))
  start <- term_offset(fit)
  mean <- coef_means(fit)
  terms <- level_terms(fit)
  for (k in seq_along(terms)) {
    d <- length(terms[[k]]$coef)
    seen <- which(rows$group[[k]] > 0L)
    first <- start[k] + (rows$group[[k]][seen] - 1L) * d
    for (a in seq_len(d)) eta[seen] <- eta[seen] + rows$z[[k]][seen, a] * mean[first + a]
  }
  replace(eta, !rows$complete, NA)
}
