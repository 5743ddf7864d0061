# The law of a parameter that is a function of one real number, where weights do not tell it: the
# function's own linear response, and the skewness that goes with it.
#
# Under the Gaussian alone a scale would be lognormal, whose mean and standard deviation are those
# of no posterior that is skewed on the logarithmic scale. What linear response says of f(x), that
# of x and of h = (x - mean)^2 / 2 together (q_response.c), is exact for every gamma density and its
# logarithm, and no worse elsewhere than it is for x.

# Columns of fit$margin: x is `at + by * y`, y a standard variable of this `skew`; and the `mean`
# and `sd` of f(x) that follow. NA: nothing is known but the Gaussian.
margin_laws <- function(margin, result) {
  out <- matrix(NA_real_, nrow(margin), 5L, dimnames = list(NULL, law_columns))
  for (k in which(!is.na(margin$axis) & margin$link != "identity")) {
    if (is.null(result$bend)) next
    out[k, ] <- margin_law(links[[margin$link[k]]], margin$axis[k], result)
  }
  as.data.frame(out)
}
law_columns <- c("law_at", "law_by", "law_skew", "law_mean", "law_sd")

margin_law <- function(link, axis, result) {
  mean <- result$mean[[axis]]
  sd <- result$sd[[axis]]
  bend <- result$bend[, axis]
  skew <- 2 * bend[1L] / sd^3
  wanted <- responded_moments(link, mean, result$sd_q[[axis]], sd, bend, skew)
  if (!all(is.finite(wanted), is.finite(skew)) || wanted[2L] <= 0) return(rep(NA_real_, 5L))
  law <- standard_law(skew)
  found <- fit_law(link, law$quantile(stats::pnorm(law_grid$z)), wanted, c(mean, sd))
  if (is.null(found)) rep(NA_real_, 5L) else c(found, skew, wanted)
}

# Mean and sd of f(x): linear response sees E f' and E f''. What Hermite polynomials of higher order
# add to the variance is q's own, but where x is skewed against the way that f bends: there its tail
# ends before they come to say anything.
responded_moments <- function(link, mean, sd_q, sd, bend, skew) {
  hermite <- drop(link$hermite(mean, sd_q, 2L))
  slope <- hermite * c(1, sqrt(2)) / sd_q^(1:2)                          # E f', E f''
  own <- drop(link$moments(mean, sd_q))
  higher <- max(own[2L]^2 - sum(hermite^2), 0)
  share <- min(1, max(0, 1 + 2 * sign(slope[2L]) * skew))
  var <- slope[1L]^2 * sd^2 + 2 * prod(slope) * bend[1L] + slope[2L]^2 * bend[2L]
  c(own[1L], sqrt(max(var, 0) + share * higher))
}

law_grid <- local({
  z <- seq(-6, 6, length.out = 241L)
  weight <- stats::dnorm(z)
  list(z = z, weight = weight / sum(weight))
})

# Location and scale by which f(x) has the mean and standard deviation wanted: f rises, so that the
# first follows from the second. NULL: there are none
fit_law <- function(link, y, wanted, start) {
  mean_of <- function(at, by) sum(law_grid$weight * link$value(at + by * y))
  place <- function(by) {
    span <- start[1L] + c(-1, 1) * 8 * (start[2L] + by)
    stats::uniroot(function(at) mean_of(at, by) - wanted[1L], span, tol = 1e-10 * start[2L])$root
  }
  spread <- function(log_by) {
    by <- exp(log_by)
    f <- link$value(place(by) + by * y)
    log(sum(law_grid$weight * (f - wanted[1L])^2)) / 2 - log(wanted[2L])
  }
  by <- tryCatch(exp(stats::uniroot(spread, log(start[2L]) + c(-3, 2), tol = 1e-8)$root),
                 error = function(e) NULL)
  if (!is.null(by)) c(place(by), by)
}

# Mean 0, variance 1 and this skewness, up to 1.9: the logarithm of a gamma variable of some shape,
# or its negative; near none the normal
standard_law <- function(skew) {
  size <- min(abs(skew), 1.9)
  if (size < 0.01) return(list(quantile = stats::qnorm, density = stats::dnorm))
  gap <- function(log_shape) {
    shape <- exp(log_shape)
    -psigamma(shape, 2L) / trigamma(shape)^1.5 - size
  }
  shape <- exp(stats::uniroot(gap, c(-4, 12), tol = 1e-8)$root)
  centre <- digamma(shape)
  spread <- sqrt(trigamma(shape))
  side <- -sign(skew)
  list(
    quantile = function(p) {
      side * (log(stats::qgamma(if (side > 0) p else 1 - p, shape)) - centre) / spread
    },
    density = function(y) {
      log_g <- centre + side * y * spread
      exp(stats::dgamma(exp(log_g), shape, log = TRUE) + log_g) * spread
    }
  )
}

# Mean, sd and quantiles of the parameters that have a law, a row of `out` each
put_laws <- function(out, margin, probs) {
  for (k in which(is.finite(margin$law_at))) {
    p <- if (margin$scale[k] > 0) probs else 1 - probs
    x <- margin$law_at[k] + margin$law_by[k] * standard_law(margin$law_skew[k])$quantile(p)
    value <- c(margin$law_mean[k], margin$law_sd[k], links[[margin$link[k]]]$value(x))
    value <- margin$scale[k] * value
    value[-2L] <- margin$shift[k] + value[-2L]
    out[k, ] <- replace(value, 2L, abs(value[2L]))
  }
  out
}
