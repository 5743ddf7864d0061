# The response of a family of several predictors, given all its distributional parameters: its mean
# and random values of it. `p` is a list of the parameters on their natural scale, rows x draws
# each, `size` the number of trials of each row, or its weight.

with_zeros <- function(zero, x) ifelse(stats::runif(length(x)) < zero, 0, x)

# a count that is not zero: the quantile of a uniform above the probability of zero, which may be
# one to rounding
draw_some <- function(p0, quantile) {
  pmax(quantile(pmin(p0 + stats::runif(length(p0)) * (1 - p0), 1 - 1e-12)), 1)
}

some_poisson <- function(p) p$mu / -expm1(-p$mu)
none_negbinomial <- function(p) exp(-p$shape * log1p(p$mu / p$shape))
some_negbinomial <- function(p) p$mu / -expm1(-p$shape * log1p(p$mu / p$shape))

several_rows <- list(
  gaussian = list(
    mean = function(p) p$mu,
    draw = function(p, size) stats::rnorm(length(p$mu), p$mu, p$sigma / sqrt(size))),
  lognormal = list(
    mean = function(p) exp(p$mu + p$sigma^2 / 2),
    draw = function(p, size) stats::rlnorm(length(p$mu), p$mu, p$sigma / sqrt(size))),
  student = list(
    mean = function(p) p$mu,
    draw = function(p, size) p$mu + p$sigma / sqrt(size) * stats::rt(length(p$mu), p$nu)),
  negbinomial = list(
    mean = function(p) p$mu,
    draw = function(p, size) stats::rnbinom(length(p$mu), size = p$shape, mu = p$mu)),
  Gamma = list(
    mean = function(p) p$mu,
    draw = function(p, size) {
      stats::rgamma(length(p$mu), size * p$shape, size * p$shape / p$mu)
    }),
  weibull = list(
    mean = function(p) p$mu,
    draw = function(p, size) {
      stats::rweibull(length(p$mu), p$shape, p$mu / gamma(1 + 1 / p$shape))
    }),
  beta = list(
    mean = function(p) p$mu,
    draw = function(p, size) stats::rbeta(length(p$mu), p$mu * p$phi, (1 - p$mu) * p$phi)),
  zero_inflated_poisson = list(
    mean = function(p) (1 - p$zi) * p$mu,
    draw = function(p, size) with_zeros(p$zi, stats::rpois(length(p$mu), p$mu))),
  zero_inflated_negbinomial = list(
    mean = function(p) (1 - p$zi) * p$mu,
    draw = function(p, size) {
      with_zeros(p$zi, stats::rnbinom(length(p$mu), size = p$shape, mu = p$mu))
    }),
  zero_inflated_binomial = list(
    mean = function(p) (1 - p$zi) * p$mu,
    draw = function(p, size) with_zeros(p$zi, stats::rbinom(length(p$mu), size, p$mu))),
  zero_inflated_beta = list(
    mean = function(p) (1 - p$zi) * p$mu,
    draw = function(p, size) {
      with_zeros(p$zi, stats::rbeta(length(p$mu), p$mu * p$phi, (1 - p$mu) * p$phi))
    }),
  zero_one_inflated_beta = list(
    mean = function(p) p$zoi * p$coi + (1 - p$zoi) * p$mu,
    draw = function(p, size) {
      end <- stats::runif(length(p$mu)) < p$zoi
      one <- as.double(stats::runif(length(p$mu)) < p$coi)
      ifelse(end, one, stats::rbeta(length(p$mu), p$mu * p$phi, (1 - p$mu) * p$phi))
    }),
  hurdle_poisson = list(
    mean = function(p) (1 - p$hu) * some_poisson(p),
    draw = function(p, size) {
      with_zeros(p$hu, draw_some(exp(-p$mu), function(u) stats::qpois(u, p$mu)))
    }),
  hurdle_negbinomial = list(
    mean = function(p) (1 - p$hu) * some_negbinomial(p),
    draw = function(p, size) {
      with_zeros(p$hu, draw_some(none_negbinomial(p), function(u) {
        stats::qnbinom(u, size = p$shape, mu = p$mu)
      }))
    }),
  hurdle_gamma = list(
    mean = function(p) (1 - p$hu) * p$mu,
    draw = function(p, size) {
      with_zeros(p$hu, stats::rgamma(length(p$mu), p$shape, p$shape / p$mu))
    }),
  hurdle_lognormal = list(
    mean = function(p) (1 - p$hu) * exp(p$mu + p$sigma^2 / 2),
    draw = function(p, size) with_zeros(p$hu, stats::rlnorm(length(p$mu), p$mu, p$sigma))),
  beta_binomial = list(
    mean = function(p) p$mu,
    draw = function(p, size) {
      stats::rbinom(length(p$mu), size,
                    stats::rbeta(length(p$mu), p$mu * p$phi, (1 - p$mu) * p$phi))
    })
)

# The parameters on their natural scale, rows x draws, of linear predictors `eta` by parameter
natural_parameters <- function(fit, eta, sample) {
  shape <- dim(eta[[1L]])
  out <- Map(function(eta, part) stats::make.link(part$link)$linkinv(eta), eta,
             fit$predictors[names(eta)])
  out <- lapply(out, array, shape)
  held <- which(fit$hyper$class == "aux")
  for (k in held) {
    out[[fit$hyper$name[k]]] <- matrix(sample$hyper[k, ], shape[1L], shape[2L], byrow = TRUE)
  }
  c(out, lapply(held_values(fit, names(out)), matrix, shape[1L], shape[2L]))
}

# What the user has fixed at a number
held_values <- function(fit, known) {
  fixed <- as.list(fit$family$fixed)
  fixed[setdiff(names(fixed), known)]
}

# A list of rows x draws: of categories their probabilities, one after the other
several_means <- function(fit, eta, sample) {
  if (is_categorical(fit)) return(category_probabilities(eta))
  p <- natural_parameters(fit, eta, sample)
  list(several_rows[[fit$design$family]]$mean(p))
}

category_probabilities <- function(eta) {
  eta <- c(list(0 * eta[[1L]]), unname(eta))
  top <- do.call(pmax, eta)
  odds <- lapply(eta, function(e) exp(e - top))
  total <- Reduce(`+`, odds)
  lapply(odds, `/`, total)
}

# rows x draws; of counts of categories a list of these
several_draws <- function(fit, eta, size, sample) {
  if (is_categorical(fit)) {
    p <- category_probabilities(eta)
    if (is.null(dim(fit$y))) return(list(category_draws(p)))
    return(counts_of_categories(p, size))
  }
  p <- natural_parameters(fit, eta, sample)
  out <- suppressWarnings(several_rows[[fit$design$family]]$draw(p, size))   # NA in, NA out
  list(array(out, dim(p$mu)))
}

# one category after the other, of what the ones before have left
counts_of_categories <- function(p, size) {
  left <- array(size, dim(p[[1L]]))
  share <- 1 + 0 * p[[1L]]
  out <- list()
  for (k in seq_along(p)) {
    now <- if (k == length(p)) left else {
      array(stats::rbinom(length(left), left, pmin(p[[k]] / pmax(share, 1e-300), 1)), dim(left))
    }
    out[[k]] <- now
    left <- left - now
    share <- share - p[[k]]
  }
  out
}

# rows x draws
several_log_lik <- function(fit, data, eta, sample) {
  p <- if (is_categorical(fit)) eta else all_etas(fit, eta, sample)
  y <- as.matrix(data$y)
  out <- vapply(seq_len(ncol(p[[1L]])), function(s) {
    at <- vapply(p, function(eta) eta[, s], numeric(nrow(p[[1L]])))
    at <- matrix(at, ncol = length(p))
    eval_several(fit$design$family, y, data$w, at, slopes = FALSE)
  }, numeric(nrow(p[[1L]])))
  matrix(out, nrow(p[[1L]]))
}

# The etas of all the family's parameters, in the order and on the scale of its density
all_etas <- function(fit, eta, sample) {
  links <- dpar_links(fit$design$family)
  p <- natural_parameters(fit, eta, sample)[names(links)]
  out <- Map(function(p, link) array(stats::make.link(link)$linkfun(p), dim(p)), p, links)
  replace(out, names(eta), eta)
}
