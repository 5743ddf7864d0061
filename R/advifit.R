#' What a fit by advi() holds
#'
#' [advi()] returns a list of class `advifit`: plain data, so that `saveRDS()`, parallel workers and
#' `identical()` work on it. The target is not kept. These are its fields.
#'
#' @section What was asked:
#' \describe{
#'   \item{`call`}{The call, with long values replaced by names.}
#'   \item{`kind`}{What the target was, such as `"R function"`.}
#'   \item{`gradient`}{How the gradient was had: `"given"`, `"RTMB"` or `"differences"`.}
#'   \item{`approximation`, `noise`}{As given to [advi()], or chosen.}
#'   \item{`control`}{The settings of [vb_control()], with `cores` and `verbose`.}
#' }
#'
#' @section The approximation:
#' It is a Gaussian in real numbers, which are the parameters themselves where these are not
#' bounded.
#' \describe{
#'   \item{`mean`, `sd`, `cov`}{Of the Gaussian that is reported: q's mean and the covariance that
#'     linear response gives (`NULL` above 1500 dimensions). Named by the real numbers, such as
#'     `log(sigma)`.}
#'   \item{`sd_q`}{Standard deviations of q itself, without the correction.}
#'   \item{`margin`}{A data frame with a row per reported parameter: its `name`, and for a parameter
#'     that is `shift + scale * link(x)` of a single real number the position of that number
#'     (`axis`; `NA`: it depends on several), the `link` (`"identity"`, `"exp"` or `"plogis"`),
#'     `shift` and `scale`; `error_q`, its standard deviation under q; its Pareto `khat`;
#'     whether its `weighted` draws are what is reported; and what linear response says of it where
#'     they are not: its mean and standard deviation before `shift` and `scale` (`law_mean`,
#'     `law_sd`), and the location, scale and skewness of `x` that go with these (`law_at`,
#'     `law_by`, `law_skew`).}
#' }
#'
#' @section Draws:
#' \describe{
#'   \item{`draws`}{A matrix with a row per draw and a column per reported parameter. They are from
#'     the Gaussian or, where weights over it would not do, from heavier tails around it.}
#'   \item{`lp`, `lp_approx`, `lp_gaussian`}{Log densities at the draws of the target, of what they
#'     were drawn from and of the Gaussian, all of the real numbers. Pathfinder's draws are already
#'     resampled by importance weights.}
#'   \item{`log_weight`}{Logarithms of the Pareto smoothed importance weights, which add up to 1.}
#'   \item{`khat`}{The Pareto k of these weights.}
#' }
#'
#' @section How it went:
#' \describe{
#'   \item{`elbo`, `elbo_se`}{The evidence lower bound, up to the constant of the log density, and
#'     its Monte Carlo error.}
#'   \item{`log_density`}{The expected log density in that bound; the rest is q's entropy.}
#'   \item{`trace`}{A data frame `step`, `phase`, `elbo`, `log_density`, `entropy`, `seconds`, `se`,
#'     `n_grad`, a row per accepted step; see [elbo()].}
#'   \item{`converged`}{Did it converge?}
#'   \item{`stopped`}{Empty, or why it stopped early: `"interrupt"`, `"max_iter"`, `"not finite"`,
#'     `"not positive definite"`.}
#'   \item{`decrement`}{What a further Newton step promised, in nats.}
#'   \item{`n_noise`, `noise_error`, `noise_sd`}{The number of draws of the bound, the sampling
#'     error of its optimum in posterior standard deviations, and that of each real number.}
#'   \item{`n_grad`, `n_value`, `n_iter`}{Numbers of gradients, of log densities without one, and of
#'     iterations.}
#'   \item{`n_bad`}{The number of points at which the log density was not finite.}
#'   \item{`curvature`, `lr_rule`}{How far from a Gaussian the density is under q, and how the
#'     covariance was had.}
#'   \item{`seconds`}{Elapsed time of the whole call.}
#' }
#'
#' @section Methods:
#' `print()`, [summary()][summary.advifit], [plot()][plot.vbfit], [elbo()],
#' [posterior_summary()][posterior_summary.advifit], `coef()`, `vcov()`, `confint()`, posterior's
#' [as_draws()][draws.advifit] family and [loo()][loo] of the package of that name.
#' @name advifit
#' @examples
#' fit <- advi(function(theta) -sum(theta^2) / 2, c(a = 1, b = 2), function(theta) -theta)
#' names(fit)
#' fit$margin
NULL

new_advifit <- function(call, target, map, result, control, seconds) {
  axes <- map$axes
  natural <- held_exactly(natural_draws(target, map, result$draws))
  result$log_weight <- result$log_weight - log_sum(result$log_weight)
  margin <- fit_margins(target, map, result, natural)
  keep <- c("approximation", "elbo", "elbo_se", "converged", "decrement", "n_noise", "noise_error",
            "n_grad", "n_value", "n_iter", "n_bad", "khat", "curvature", "lr_rule", "lp",
            "lp_approx", "lp_gaussian", "log_weight")
  named <- lapply(result[c("mean", "sd", "sd_q", "noise_sd")], stats::setNames, axes)
  cov <- result$cov
  if (!is.null(cov)) dimnames(cov) <- list(axes, axes)
  fit <- c(
    list(call = call, kind = target$kind, gradient = target$gradient, noise = control$noise,
         control = control),
    named, list(cov = cov, margin = margin, draws = t(natural)), result[keep],
    list(log_density = result$log_lik, seconds = seconds,
         trace = trace_table(result$trace, "advi", target_parts),
         stopped = if (isTRUE(result$converged)) "" else stop_reason(result$status, "advi"))
  )
  fit$margin$weighted <- reported_by_weights(fit)
  structure(fit, class = "advifit")
}

fit_margins <- function(target, map, result, natural) {
  resampled <- result$approximation == "pathfinder"       # draws of several Gaussians, by weight
  margin <- if (is.null(target$report) && !resampled) map$margin else margin_rows(rownames(natural))
  loose <- is.na(margin$axis)
  if (!resampled) margin[loose, ] <- find_margins(natural[loose, , drop = FALSE], result$draws)
  margin <- cbind(margin, margin_laws(margin, result))
  margin$error_q <- errors_under_q(target, map, margin, result)
  margin$khat <- if (resampled) result$khat
    else expectand_k(t(natural), result$lp - result$lp_approx, result$khat)
  margin
}

# Draws that differ by rounding only, such as the diagonal of a correlation matrix, become one value
held_exactly <- function(draws) {
  spread <- apply(draws, 1L, function(x) diff(range(x)))
  held <- which(spread <= 1e-12 * abs(draws[, 1L]))
  draws[held, ] <- draws[held, 1L]
  draws
}

natural_draws <- function(target, map, x) {
  if (!is.null(target$report)) return(target$report(x))
  theta <- map_value(map, x)
  rownames(theta) <- map$name
  theta
}

# Standard deviations under q, before linear response: exact where they can be, else those of the
# draws scaled to the standard deviations of q. Under mean field the real numbers are independent:
# the draws of each are shifted by one more than those of the number before.
errors_under_q <- function(target, map, margin, result) {
  out <- numeric(nrow(margin))
  exact <- !is.na(margin$axis)
  axis <- margin$axis[exact]
  out[exact] <- summarise_margins(margin[exact, ], result$mean[axis], result$sd_q[axis])[, 2L]
  if (all(exact)) return(out)
  x <- result$mean + (result$draws - result$mean) * (result$sd_q / result$sd)
  if (result$approximation == "meanfield") {
    n <- ncol(x)
    x[] <- x[cbind(as.vector(row(x)), as.vector(col(x) + row(x) - 1L) %% n + 1L)]
  }
  natural <- t(natural_draws(target, map, x)[!exact, , drop = FALSE])
  out[!exact] <- psis_summary(natural, gaussian_weight(result), numeric())[, 2L]
  out
}

# ---- as the methods that fits by vb() and advi() share see it ------------------------------------

#' @export
parameter_table.advifit <- function(fit) {
  data.frame(name = fit$margin$name, class = "parameter", row = seq_len(nrow(fit$margin)))
}

#' @export
summarise_parameters.advifit <- function(fit, table, probs) {
  row <- table$row
  out <- gaussian_rows(fit, row, probs)
  weighted <- fit$margin$weighted[row]
  out[weighted, ] <- psis_rows(fit, row[weighted], probs)
  out
}

#' @export
weighted_view.advifit <- function(fit, table) {
  fit$draws <- fit$draws[, table$row, drop = FALSE]
  fit$margin <- fit$margin[table$row, ]
  fit
}
