# Responses of new rows, and their prior weights and trials, read as those of the fit were.

# The weights of rows: of the fit's own data as it keeps them, else what the call's `weights` is in
# `newdata`; 1 where nothing can be said. Rows of weight zero were left out of the fit only.
row_weights <- function(fit, newdata) {
  n <- NROW(if (is.null(newdata)) fit$frame else newdata)
  if (is.null(newdata)) {
    given <- fit$frame[["(weights)"]]
  } else {
    call <- fit$call$weights
    there <- all(all.vars(call) %in% names(newdata))
    given <- if (there) eval(call, newdata, environment(fit$formula))
    if (!length(given) %in% c(1L, n)) given <- NULL
  }
  weights <- rep_len(if (is.null(given)) 1 else as.double(given), n)
  replace(weights, weights %in% 0, 1)
}

# How a binomial response was given: "pairs", "proportion", or "binary", which is one trial whatever
# the weights
trials_kind <- function(fit) {
  reader <- family_rows[[fit$design$family]]$response
  if (!identical(reader, "response_trials")) return("none")
  y <- fit$frame[[1L]]
  if (is.matrix(y) && ncol(y) == 2L) return("pairs")
  if (is.numeric(y) && any(y > 0 & y < 1)) "proportion" else "binary"
}

# What the response's distribution needs beside its mean and the dispersions: the number of trials
# of binomial rows, prior weights of others
response_size <- function(fit, newdata = NULL) {
  kind <- trials_kind(fit)
  if (kind == "binary") return(rep(1, NROW(if (is.null(newdata)) fit$frame else newdata)))
  if (kind == "pairs") {
    return(rowSums(if (is.null(newdata)) fit$frame[[1L]] else new_lhs(fit, newdata)))
  }
  if (kind == "proportion" && !is.null(newdata)) {
    need <- all.vars(fit$call$weights)
    if (!all(need %in% names(newdata))) {
      vb_abort(c("newdata", "weights"), c(
        "The number of trials is not in {.arg newdata}.",
        i = "Add {.code {need}}, which {.arg weights} is made of."))
    }
  }
  row_weights(fit, newdata)
}

# The response's expression in new data, where a vector of that name elsewhere is not meant
new_lhs <- function(fit, newdata) {
  lhs <- fit$formula[[2L]]
  env <- environment(fit$formula)
  elsewhere <- setdiff(all.vars(lhs), names(newdata))
  constant <- vapply(elsewhere, function(name) {
    value <- get0(name, env)
    is.atomic(value) && length(value) == 1L
  }, NA)
  value <- if (all(constant)) tryCatch(eval(lhs, newdata, env), error = function(e) NULL)
  if (NROW(value) != nrow(newdata)) {
    vb_abort(c("newdata", "response"), c("The response {.code {deparse1(lhs)}} cannot be computed in
                                          {.arg newdata}.",
                                         i = "Add {.code {elsewhere[!constant]}}."))
  }
  value
}

# -> as read_response(), of new rows
new_response <- function(fit, newdata) {
  y <- new_lhs(fit, newdata)
  seen <- fit$frame[[1L]]
  if (is.factor(seen)) {
    unknown <- setdiff(unique(as.character(y[!is.na(y)])), levels(seen))
    if (length(unknown)) {
      vb_abort(c("newdata", "response"), "The response has values in {.arg newdata} that the fit
                                          does not know: {.val {unknown}}.")
    }
    y <- factor(as.character(y), levels(seen), ordered = is.ordered(seen))
  }
  if (anyNA(y)) {
    vb_abort(c("newdata", "response"), c("The response has missing values in {.arg newdata}.",
                                         i = "Leave their rows out."))
  }
  read_response(resolve_family(fit$family, fit$bound), y, row_weights(fit, newdata))
}

# The response as it is compared with draws: successes of pairs, proportions, category numbers, ...
observed_response <- function(fit, newdata = NULL) {
  y <- if (is.null(newdata)) fit$frame[[1L]] else new_lhs(fit, newdata)
  if (is.matrix(y) && ncol(y) == 2L) return(unname(y[, 1L]))
  if (is.null(newdata)) fit$y else new_response(fit, newdata)$y
}

# ---- draws of the response -----------------------------------------------------------------------

# rows x draws, from R's generator, given the linear predictor
response_draws <- function(fit, eta, size, sample) {
  family <- fit$family
  aux <- fit$hyper$class == "aux"
  par <- split(sample$hyper[aux, , drop = FALSE], factor(which(aux)))
  names(par) <- fit$hyper$name[aux]
  if (inherits(family, "vb_family")) return(user_draws(family, eta, par))
  if (length(threshold_rows(fit))) return(category_draws(mean_draws(fit, eta, sample)))
  par <- lapply(par, rep, each = nrow(eta))
  mu <- inverse_link(family, eta)
  draw <- family_rows[[fit$design$family]]$draw
  out <- suppressWarnings(do.call(draw, list(as.vector(mu), size, par)))    # NA in, NA out
  array(out, dim(eta))
}

user_draws <- function(family, eta, par) {
  if (is.null(family$simulate)) {
    vb_abort(c("family", "simulate"), c(
      "The family {.val {family$family}} does not know how to draw responses.",
      i = "Give {.fun vb_family} the argument {.arg simulate}."))
  }
  out <- vapply(seq_len(ncol(eta)), function(s) {
    value <- family$simulate(eta[, s], lapply(par, `[`, s))
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
