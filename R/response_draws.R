# Draws of responses from R's generator, rows x draws, given the linear predictor.

response_draws <- function(fit, eta, size, sample) {
  family <- fit$family
  aux <- fit$hyper$class == "aux"
  par <- split(sample$hyper[aux, , drop = FALSE], factor(which(aux)))
  names(par) <- fit$hyper$name[aux]
  if (inherits(family, "vb_family")) return(user_draws(family, eta, par, size))
  if (length(threshold_rows(fit))) return(category_draws(mean_draws(fit, eta, sample)))
  par <- lapply(par, rep, each = nrow(eta))
  mu <- inverse_link(family, eta)
  draw <- family_rows[[fit$design$family]]$draw
  out <- suppressWarnings(do.call(draw, list(as.vector(mu), size, par)))    # NA in, NA out
  array(out, dim(eta))
}

user_draws <- function(family, eta, par, size) {
  if (is.null(family$simulate)) {
    vb_abort(c("family", "simulate"), c(
      "The family {.val {family$family}} does not know how to draw responses.",
      i = "Give {.fun vb_family} the argument {.arg simulate}."))
  }
  trials <- if (isTRUE(family$pairs)) {
    check_callback(family$simulate, "simulate", c("eta", "par", "trials"))
    list(size)
  }
  out <- vapply(seq_len(ncol(eta)), function(s) {
    value <- do.call(family$simulate, c(list(eta[, s], lapply(par, `[`, s)), trials))
    if (length(value) != nrow(eta)) {
      vb_abort(c("family", "simulate"), "{.arg simulate} must return one response for each entry of
                                         {.arg eta}: for {nrow(eta)} it is {describe(value)}.")
    }
    as.double(value)
  }, numeric(nrow(eta)))
  array(out, dim(eta))
}

# Categories by their number: how many cumulative probabilities a uniform exceeds
category_draws <- function(probability) {
  u <- array(stats::runif(length(probability[[1L]])), dim(probability[[1L]]))
  out <- below <- 0 * u
  for (p in probability[-length(probability)]) {
    below <- below + p
    out <- out + (u > below)
  }
  out + 1
}

draw_gaussian <- function(mu, size, par) stats::rnorm(length(mu), mu, par$sigma / sqrt(size))
draw_binomial <- function(mu, size, par) stats::rbinom(length(mu), size, mu)
draw_poisson <- function(mu, size, par) stats::rpois(length(mu), mu)
draw_negbinomial <- function(mu, size, par) stats::rnbinom(length(mu), size = par$shape, mu = mu)
draw_student <- function(mu, size, par) {
  mu + par$sigma / sqrt(size) * stats::rt(length(mu), par$nu)
}
draw_Gamma <- function(mu, size, par) {
  stats::rgamma(length(mu), size * par$shape, size * par$shape / mu)
}
draw_beta <- function(mu, size, par) stats::rbeta(length(mu), mu * par$phi, (1 - mu) * par$phi)

# The inverse of the distribution function, which is tau at the quantile itself
draw_asym_laplace <- function(mu, size, par) {
  u <- stats::runif(length(mu))
  tau <- par$tau
  e <- ifelse(u < tau, log(u / tau) / (1 - tau), -log((1 - u) / (1 - tau)) / tau)
  mu + par$sigma / size * e
}
