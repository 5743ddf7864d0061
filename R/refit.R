# Fits of a fit's own model to some of its rows, for cross-validation. They start from the numbers
# that the engine was given: priors that were scaled by the data, the centring of predictors and the
# levels of factors stay what they are, and neither formula nor data are evaluated again.

# `keep`: positions among the rows that entered the fit. The others have weight zero in what is
# returned.
refit <- function(fit, keep) {
  fit$opened <- NULL
  check_one_predictor(fit)
  check_known(fit$design)
  design <- keep_design(fit$design, keep)
  check_proper(list(x = design$x, center = design$center, names = fit$fixed$names),
               design$prior_coef, "the rows that are not left out")
  par <- as.character(fit$hyper$name[fit$hyper$class %in% c("aux", "threshold")])
  check_separation(design, c(par, fit$fixed$names), "the rows that are not left out")
  random <- Map(function(term, now) list(group = term$group, levels = term$levels,
                                         code = now$group, z = now$z), fit$random,
                design$terms[seq_along(fit$random)])
  check_sd_separation(design, random, "the rows that are not left out")
  started <- fit_clock()
  control <- replace(fit$control, "verbose", FALSE)
  density <- own_density(fit)
  engine <- algorithms[[fit$algorithm]]$run(design, fit$random, control, fit$approximation,
                                            density, automatic = FALSE)
  check_engine(engine)
  part <- engine_fields(engine, design, fit$algorithm)
  fit[names(part)] <- part
  fit$weights[fit$rows[-keep]] <- 0
  fit$rows <- fit$rows[keep]
  fit$nobs <- length(keep)
  fit$seconds <- fit_clock() - started
  fit
}

keep_design <- function(design, i) {
  for (field in c("y", "w", "offset")) design[[field]] <- design[[field]][i]
  design$x <- column_rows(design$x, i)
  design$bins <- lapply(design$bins, bins_rows, i)
  if (!is.null(design$row_constant)) {
    design$row_constant <- design$row_constant[i]
    design$constant <- sum(design$row_constant)
  }
  design$terms <- lapply(design$terms, function(term) {
    term$group <- term$group[i]
    term$z <- term$z[i, , drop = FALSE]
    term
  })
  design
}

# Rows of a design as the engine takes new ones; levels that `known`, another design of the same
# model, has no rows of are new.
design_rows <- function(design, known = design) {
  of_field <- unlist(lapply(known$fields, function(field) field$term))
  group <- Map(function(term, seen, k) {
    if (k %in% of_field) return(term$group)          # neighbours tell of it
    replace(term$group, !term$group %in% seen$group, 0L)
  }, design$terms, known$terms, seq_along(design$terms))
  label <- Map(function(term, code) ifelse(code == 0L, term$group, 0L), design$terms, group)
  list(x = whole_columns(design), offset = design$offset, group = unname(group),
       label = unname(label), z = lapply(design$terms, function(term) term$z))
}

# The log predictive density of each row of a design, its responses given each on its own: over the
# nodes, without draws, or over the kept draws of a fit by ADVI.
log_predictive <- function(fit, design) {
  check_one_predictor(fit)
  n <- length(design$y)
  with_open(fit, function(fit) {
    value <- lapply(row_blocks(seq_len(n), n_component(fit)), function(i) {
      block_predictive(fit, keep_design(design, i))
    })
    unlist(value, use.names = FALSE)
  })
}

block_predictive <- function(fit, design) UseMethod("block_predictive", held_as(fit))

#' @export
block_predictive.held_nodes <- function(fit, design) {
  moments <- engine_node_moments(fit, design_rows(design, fit$design))
  score <- engine_log_score(with_density(fit), design, moments)
  value <- log_average(score, moments$weight, moments$new)
  value + observations_in(design)$constant
}

#' @export
block_predictive.held_draws <- function(fit, design) {
  rows <- design_rows(design, fit$design)
  # new levels are drawn from the same stream, whatever the rows
  eta <- with_noise_stream("fixed", predictor_draws(fit, rows, fit$advi))
  value <- row_log_lik(fit, observations_in(design), eta, fit$advi)
  log_average(value, rep(1 / ncol(value), ncol(value)))
}

# log sum_k weight_k exp(x[, k]). Weights of an interpolation may be negative; where the terms vary
# so much that their sum is no average, and in rows that are `new`, those that are not.
log_average <- function(x, weight, new = logical(nrow(x))) {
  positive <- weight > 0
  top <- apply(x[, positive, drop = FALSE], 1L, max)
  top[!is.finite(top)] <- 0
  scaled <- exp(x - top)
  above <- drop(scaled[, positive, drop = FALSE] %*% weight[positive]) / sum(weight[positive])
  all <- drop(scaled %*% weight)
  top + log(ifelse(new | is.na(all) | all < above / 4, above, all))
}
