# Do the data separate, where parameters have predictors of their own? Each predictor is looked at
# while the others stand still; those of categories are looked at together.

# Which way a row's predictor may go without the density falling to nothing: 1, -1, NA for both, 0
# for neither. A row for each family, by its parameters; `y` and `w` as the engine is given them.
still <- function(y, w) numeric(length(y))
free_at <- function(free, side = still) {
  function(y, w) replace(side(y, w), free(y, w), NA)
}
at_zero_count <- function(y, w) y == 0
at_ends <- function(y, w) y == 0 | y == 1
up_always <- function(y, w) rep(1, length(y))
down_always <- function(y, w) rep(-1, length(y))
up_where <- function(is) function(y, w) ifelse(is(y, w), 1, -1)
side_of_trials <- function(y, w) (y >= w) - (y <= 0)

several_sides <- list(
  gaussian = list(mu = still, sigma = still),
  student = list(mu = still, sigma = still, nu = up_always),
  lognormal = list(mu = still, sigma = still),
  Gamma = list(mu = still, shape = still),
  weibull = list(mu = still, shape = still),
  beta = list(mu = still, phi = still),
  # towards the Poisson and the binomial distribution as shape and phi grow
  negbinomial = list(mu = function(y, w) -(y == 0), shape = free_at(at_zero_count, up_always)),
  beta_binomial = list(
    mu = free_at(function(y, w) w == 0, side_of_trials),
    phi = free_at(function(y, w) w <= 1 | y == 0 | y == w, up_always)),
  # a zero may be an excess zero whatever the mean; nothing may be one
  zero_inflated_poisson = list(mu = free_at(at_zero_count),
                               zi = free_at(at_zero_count, down_always)),
  zero_inflated_negbinomial = list(mu = free_at(at_zero_count),
                                   shape = free_at(at_zero_count, up_always),
                                   zi = free_at(at_zero_count, down_always)),
  zero_inflated_binomial = list(mu = free_at(at_zero_count, side_of_trials),
                                zi = free_at(at_zero_count, down_always)),
  zero_inflated_beta = list(mu = free_at(at_zero_count), phi = free_at(at_zero_count),
                            zi = up_where(at_zero_count)),
  zero_one_inflated_beta = list(
    mu = free_at(at_ends), phi = free_at(at_ends), zoi = up_where(at_ends),
    coi = free_at(function(y, w) y > 0 & y < 1, up_where(function(y, w) y == 1))),
  # ones are what is left of a truncated distribution as its mean falls, whatever the shape
  hurdle_poisson = list(mu = free_at(at_zero_count, function(y, w) -(y == 1)),
                        hu = up_where(at_zero_count)),
  hurdle_negbinomial = list(mu = free_at(at_zero_count, function(y, w) -(y == 1)),
                            shape = function(y, w) rep(NA_real_, length(y)),
                            hu = up_where(at_zero_count)),
  hurdle_gamma = list(mu = free_at(at_zero_count), shape = free_at(at_zero_count),
                      hu = up_where(at_zero_count)),
  hurdle_lognormal = list(mu = free_at(at_zero_count), sigma = free_at(at_zero_count),
                          hu = up_where(at_zero_count))
)

sides_of_predictor <- function(design, k) {
  several_sides[[design$family]][[design$predicted[k]]](design$y, design$w)
}

# `names`: of the coefficients
check_predictor_separation <- function(design, names, data) {
  prior <- design$prior_coef
  if (!any(is_flat(prior$dist))) return(invisible())
  falls <- fall_of_tail(prior$dist, prior$arg)
  categories <- is.null(several_sides[[design$family]])
  sets <- if (categories) list(seq_along(design$predicted)) else seq_along(design$predicted)
  for (k in sets) {
    own <- design$predictor %in% k
    if (!any(is_flat(prior$dist[own]))) next
    moves <- if (categories) moves_of_categories(design)
      else moves_of_free(centred_columns(design, own), sides_of_predictor(design, k))
    flat <- which(is_flat(prior$dist[own]))
    d <- unseen_direction(rbind(moves$rise, moves$hold), flat)
    if (is.null(d)) d <- unheld_direction(moves, falls[own])
    if (!is.null(d)) {
      abort_separated(names[own][is_flat(prior$dist[own]) & abs(d) > 1e-6 * max(abs(d))], data)
    }
  }
}

centred_columns <- function(design, own) {
  centred(list(x = design$x[, own, drop = FALSE], center = design$center[own]))
}

moves_of_free <- function(x, side) {
  list(rise = (side * x)[which(side != 0), , drop = FALSE],
       hold = x[which(side == 0), , drop = FALSE])
}

# Log odds of a category that a row has, less those of one that it has not, may rise; those of two
# that it has may not move. The reference's are 0.
moves_of_categories <- function(design) {
  x <- centred(design)
  n <- nrow(x)
  K <- length(design$predicted)
  count <- if (is.matrix(design$y)) cbind(design$w - rowSums(design$y), design$y)
    else outer(design$y, 0:K, `==`) * design$w
  of <- lapply(0:K, function(k) x * rep(design$predictor == k, each = n))
  pair <- utils::combn(K + 1L, 2L)
  differences <- lapply(seq_len(ncol(pair)), function(j) {
    a <- count[, pair[1L, j]] > 0
    b <- count[, pair[2L, j]] > 0
    difference <- of[[pair[1L, j]]] - of[[pair[2L, j]]]
    list(rise = ((a - b) * difference)[a != b, , drop = FALSE],
         hold = difference[a & b, , drop = FALSE])
  })
  bind <- function(part) do.call(rbind, lapply(differences, function(d) d[[part]]))
  list(rise = bind("rise"), hold = bind("hold"))
}

# A direction of the flat coefficients that no row sees which is not free, or NULL
unseen_direction <- function(x, flat) {
  within <- null_space(x[, flat, drop = FALSE])
  if (!ncol(within)) return(NULL)
  replace(numeric(ncol(x)), flat, within[, 1L])
}

# Flat priors of sds, predictor by predictor. Of rows that are free nothing is seen.
check_sd_predictors <- function(design, random, data) {
  for (k in seq_along(random)) {
    flat <- is_flat(design$prior_sd[[k]]$dist)
    one <- covariance_row(random[[k]])$one_sd
    for (p in unique(random[[k]]$predictor)) {
      own <- which(random[[k]]$predictor == p & rep_len(flat, length(random[[k]]$coef)))
      if (!length(own)) next
      side <- if (is.null(several_sides[[design$family]])) side_of_category(design, p)
        else sides_of_predictor(design, p)
      seen <- which(!is.na(side))
      term <- random[[k]]
      term$code <- term$code[seen]
      term$z <- term$z[seen, , drop = FALSE]
      sets <- if (one) list(own) else unique(c(as.list(own), list(own)))
      if (any(vapply(sets, levels_separate, NA, term, side[seen], if (one) 1L))) {
        abort_levels_separated(term$group, data)
      }
    }
  }
}

# while the odds of the others stand still
side_of_category <- function(design, k) {
  if (!is.matrix(design$y)) return(ifelse(design$y == k, 1, -1))
  ifelse(design$y[, k] == design$w, 1, -(design$y[, k] == 0))
}
