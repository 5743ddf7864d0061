# Predictions of models with several predictors.

# Of which parameters something is asked: names of predictors. NULL: the mean's, or of categories
# all.
asked_dpar <- function(fit, dpar, call = user_call()) {
  if (!has_several(fit)) {
    if (is.null(dpar) || identical(dpar, "mu")) return("mu")
    vb_abort("dpar", c("The model has no predictor of {describe(dpar)}.",
                       i = "It has one predictor, that of {.val mu}."), call = call)
  }
  known <- names(fit$predictors)
  if (is.null(dpar)) return(if (is_categorical(fit)) known else "mu")
  if (is.character(dpar) && length(dpar) == 1L && dpar %in% known) return(dpar)
  vb_abort("dpar", c("{.arg dpar} must be one of {.or {.val {known}}}.",
                     x = "It is {describe(dpar)}."), call = call)
}

# draws x rows; of several parameters an array of these
dpar_draws <- function(fit, request, dpar, transform) {
  out <- row_draws(fit, request, function(eta, sample) {
    if (!transform) return(unname(eta[dpar]))
    unname(natural_parameters(fit, eta, sample)[dpar])
  })
  if (length(dpar) > 1L) dimnames(out)[[3L]] <- dpar
  out
}

# -> as predict_moments() and with_bounds(): of the linear predictors of `dpar`, each by the engine,
# or of the response by draws, the same for the same fit
predict_several <- function(fit, asked, dpar, type, se, interval, level, size) {
  if (type == "link") return(predict_links(fit, asked, dpar, se, interval, level))
  if (!is.null(dpar)) return(predict_parameter(fit, asked, dpar, se, interval, level))
  predict_responses(fit, asked, se, interval, level, size)
}

predict_links <- function(fit, rows, dpar, se, interval, level) {
  each <- with_open(fit, function(fit) lapply(rows$parts[dpar], function(part) {
    out <- predict_moments(fit, part, "link", se)
    if (interval != "none") {
      out$fit <- with_bounds(fit, out$fit, part, "link", "credible", level,
                             numeric(length(part$complete)))
    }
    out
  }))
  together(each, dpar)
}

# Lists of fit and se.fit, by parameter or category -> with these as the last dimension
together <- function(each, names) {
  if (length(each) == 1L) return(each[[1L]])
  lapply(stats::setNames(nm = names(each[[1L]])), function(field) {
    value <- lapply(each, `[[`, field)
    if (is.null(dim(value[[1L]]))) return(matrix(unlist(value), ncol = length(each),
                                                 dimnames = list(NULL, names)))
    array(unlist(value), c(dim(value[[1L]]), length(each)),
          list(NULL, colnames(value[[1L]]), names))
  })
}

# of draws, rows x draws
summary_of_draws <- function(x, se, interval, level, around = x) {
  out <- list(fit = rowMeans(x))
  if (se) out$se.fit <- apply(x, 1L, stats::sd)
  if (interval != "none") {
    probs <- (1 + c(-1, 1) * level) / 2
    bounds <- t(apply(around, 1L, function(v) {
      if (anyNA(v)) c(NA_real_, NA_real_) else stats::quantile(v, probs, names = FALSE)
    }))
    out$fit <- cbind(fit = out$fit, lwr = bounds[, 1L], upr = bounds[, 2L])
  }
  out
}

same_draws <- function(fit, rows, f) {
  request <- list(rows = rows, ndraws = quantile_draws(fit), new = "gaussian", seed = NULL,
                  name = NULL)
  out <- with_noise_stream("fixed", row_draws(fit, request, f))
  if (length(dim(out)) == 2L) return(list(t(out)))
  lapply(seq_len(dim(out)[3L]), function(k) t(out[, , k]))
}

predict_parameter <- function(fit, rows, dpar, se, interval, level) {
  draws <- same_draws(fit, rows, function(eta, sample) {
    unname(natural_parameters(fit, eta, sample)[dpar])
  })
  together(lapply(draws, summary_of_draws, se, interval, level), dpar)
}

predict_responses <- function(fit, rows, se, interval, level, size) {
  new <- NULL
  if (interval == "prediction") {
    new <- same_draws(fit, rows, function(eta, sample) {
      several_draws(fit, eta, size, sample)
    })
  }
  means <- same_draws(fit, rows, function(eta, sample) several_means(fit, eta, sample))
  each <- lapply(seq_along(means), function(k) {
    summary_of_draws(means[[k]], se, interval, level, if (is.null(new)) means[[k]] else new[[k]])
  })
  together(each, if (length(means) > 1L) fit$levels)
}

# Posterior mean of the mean of each row of the model frame; of categories a column for each
frame_mean <- function(fit) {
  rows <- all_rows(fit, allow.new.levels = TRUE)
  if (!has_several(fit)) return(predict_moments(fit, rows, "response")$fit)
  predict_responses(fit, rows, FALSE, "none", 0.95, NULL)$fit
}
