# Responses: read from a frame as the family takes them; and those of new rows, with their prior
# weights and trials, read as those of the fit were.

# The weights of rows: of the fit's own data as it keeps them, else what the call's `weights` is in
# `newdata`, or 1 where it cannot be had. A weight of zero left a row out of the fit; as a row to
# predict it counts as 1. `quiet`: where nothing depends on them.
row_weights <- function(fit, newdata, quiet = FALSE) {
  n <- NROW(if (is.null(newdata)) fit$frame else newdata)
  if (is.null(newdata)) {
    given <- fit$frame[["(weights)"]]
  } else {
    call <- fit$call$weights
    absent <- setdiff(row_variables(fit, call), names(newdata))
    given <- if (!length(absent)) eval(call, newdata, environment(fit$formula))
    if (!length(given) %in% c(1L, n)) given <- NULL
    if (is.null(given) && !is.null(call) && !quiet) warn_weights(absent)
  }
  weights <- rep_len(if (is.null(given)) 1 else as.double(given), n)
  replace(weights, weights %in% 0, 1)
}

warn_weights <- function(absent) {
  vb_warn("vb_warning_weights", c(
    "The weights of {.arg newdata} are not known: they are taken to be 1.",
    i = if (length(absent)) "Add {.code {absent}}, which {.arg weights} of the fit is made of."
      else "{.arg weights} of the fit has no value for new rows."))
}

# How trials were given: "pairs" of successes and failures, or of a binomial response "proportion"
# or "binary", which is one trial whatever the weights
trials_kind <- function(fit) {
  y <- fit$frame[[1L]]
  if (is.matrix(y) && ncol(y) == 2L) return("pairs")
  reader <- family_rows[[fit$design$family]]$response
  if (!identical(reader, "response_trials")) return("none")
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
    need <- row_variables(fit, fit$call$weights)
    if (!all(need %in% names(newdata))) {
      vb_abort(c("newdata", "weights"), c(
        "The number of trials is not in {.arg newdata}.",
        i = "Add {.code {need}}, which {.arg weights} is made of."))
    }
  }
  draw <- family_rows[[fit$design$family]]$draw
  drawn <- if (length(draw)) all.names(body(get(draw, mode = "function")))
  row_weights(fit, newdata, quiet = !"size" %in% drawn)
}

# The response's expression evaluated in new data. Elsewhere only constants are looked for: a vector
# that happens to have the response's name is not meant.
new_lhs <- function(fit, newdata) {
  lhs <- fit$formula[[2L]]
  missing <- setdiff(row_variables(fit, lhs), names(newdata))
  value <- if (!length(missing)) {
    tryCatch(eval(lhs, newdata, environment(fit$formula)), error = function(e) NULL)
  }
  if (NROW(value) != nrow(newdata)) {
    vb_abort(c("newdata", "response"), c("The response {.code {deparse1(lhs)}} cannot be computed in
                                          {.arg newdata}.",
                                         i = if (length(missing)) "Add {.code {missing}}."))
  }
  value
}

# -> as read_response(), of new rows
new_response <- function(fit, newdata) {
  y <- new_lhs(fit, newdata)
  seen <- fit$frame[[1L]]
  known <- if (is.factor(seen)) levels(seen) else fit$levels    # or categories by their number
  if (!is.null(known)) {
    unknown <- setdiff(unique(as.character(y[!is.na(y)])), known)
    if (length(unknown)) {
      vb_abort(c("newdata", "response"), "The response has values in {.arg newdata} that the fit
                                          does not know: {.val {unknown}}.")
    }
    y <- factor(as.character(y), known, ordered = is.ordered(seen) || !is.null(fit$levels))
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

# ---- readers, which the rows of family.R name ----------------------------------------------------

# -> list(y, weights: as glm keeps them; spec_y, spec_w: as the engine reads them; constant: the log
# density's terms free of eta, per row, for the families without dispersion)

read_response <- function(family, y, weights) {
  if (is.matrix(y) && ncol(y) == 1L) y <- drop(y)
  if (is.null(weights)) weights <- rep(1, NROW(y))
  reader <- if (is.null(family$domain)) family_rows[[family$name]]$response else response_any
  do.call(reader, list(y, weights, family))
}

# Of a family of the user's own: what is two-valued becomes 0 and 1
response_any <- function(y, weights, family) {
  if (is.matrix(y)) return(response_coded(y, weights, family))
  if (is.logical(y) || (is.factor(y) && nlevels(y) == 2L)) y <- zero_one(y, family)
  response_real(y, weights, family)
}

wrong_response <- function(family, problem, fix) {
  unsuited <- if (is.null(family$domain))
    "The response does not suit {.code family = {family_maker(family$name)}()}."
    else "The response does not suit the family {.val {family$family$family}}."
  vb_abort(c("response", "family"), c(unsuited, x = problem, i = fix), .envir = parent.frame())
}

response_real <- function(y, weights, family) {
  if (!is.numeric(y) || !is.null(dim(y))) {
    wrong_response(family, "It must be numeric, and is {describe_class(y)}.",
                   "For a response of two values use {.code family = binomial()}.")
  }
  y <- as.double(y)
  list(y = y, weights = weights, spec_y = y, spec_w = weights, constant = NULL)
}

response_positive <- function(y, weights, family) {
  if (!is.numeric(y) || !is.null(dim(y)) || any(y <= 0)) {
    wrong_response(family, "It must be positive numbers.",
                   "Zeros need another likelihood, such as {.code negbinomial()} for counts.")
  }
  response_real(y, weights, family)
}

response_unit <- function(y, weights, family) {
  if (!is.numeric(y) || !is.null(dim(y)) || any(y <= 0 | y >= 1)) {
    wrong_response(family, "It must be numbers between 0 and 1, both excluded.",
                   "Proportions of a number of trials have {.code family = binomial()}.")
  }
  response_real(y, weights, family)
}

response_count <- function(y, weights, family) {
  if (!is.numeric(y) || !is.null(dim(y)) || !whole(y) || any(y < 0)) {
    wrong_response(family, "It must be whole numbers that are not negative.",
                   "For rates use the count as response and {.code offset(log(exposure))}.")
  }
  y <- as.double(y)
  if (!family$cells) {
    return(list(y = y, weights = weights, spec_y = y, spec_w = weights, constant = NULL))
  }
  list(y = y, weights = weights, spec_y = weights * y, spec_w = weights,
       constant = -weights * lgamma(y + 1))
}

# Categories 1 to K, as an ordered factor or as numbers; their names are `levels`.
response_ordered <- function(y, weights, family) {
  ordered <- is.ordered(y)
  integers <- is.numeric(y) && is.null(dim(y)) && whole(y) && all(y >= 1)
  if (!ordered && !integers) {
    wrong_response(family, "It must be an ordered factor, or whole numbers from 1 on.",
                   "Give the order by {.code factor(y, levels = , ordered = TRUE)}.")
  }
  levels <- if (ordered) levels(y) else as.character(seq_len(max(y)))
  if (!length(levels) %in% 2:41) {
    n <- length(levels)
    wrong_response(family, "It has {n} categor{?y/ies}, and must have 2 to 41.",
                   "Join categories, or use {.code family = gaussian()}.")
  }
  y <- as.double(y)
  list(y = y, weights = weights, spec_y = y, spec_w = weights, constant = NULL, levels = levels)
}

# Trials: of cbind(success, failure) the weight multiplies, for proportions the weight is their
# number.
response_trials <- function(y, weights, family) {
  if (is.matrix(y)) return(response_pairs(y, weights, family))
  y <- zero_one(y, family)
  success <- weights * y
  between <- y > 0 & y < 1 & weights > 0
  if (any(between & weights == 1)) {
    wrong_response(family, "Proportions need the number of trials.",
                   "Give it as {.arg weights}, or use {.code cbind(success, failure)}.")
  }
  if (any(between & abs(success - round(success)) > 1e-3)) {
    vb_warn("vb_warning_response", c("Some proportions times their weights are not whole numbers.",
                                     i = "{.arg weights} must be the number of trials."))
  }
  constant <- numeric(length(y))
  w <- weights[between]
  s <- success[between]
  constant[between] <- lgamma(w + 1) - lgamma(s + 1) - lgamma(w - s + 1)
  list(y = y, weights = weights, spec_y = success, spec_w = weights, constant = constant)
}

response_pairs <- function(y, weights, family) {
  if (!is.numeric(y) || ncol(y) != 2L || !whole(y)) {
    wrong_response(family, "A matrix response must have two columns of whole numbers.",
                   "Write {.code cbind(success, failure)}.")
  }
  if (any(y < 0)) {
    column <- if (any(y[, 1L] < 0)) "first" else "second"
    row <- which(rowSums(y < 0) > 0)[1L]
    wrong_response(family, "The {column} column of the response is negative, the first time in row
                            {row}.",
                   "Write {.code cbind(success, failure)}: not successes and trials, but successes
                    and what is left of the trials.")
  }
  success <- as.double(y[, 1L])
  trials <- success + as.double(y[, 2L])
  list(y = ifelse(trials > 0, success / trials, 0), weights = weights * trials,
       spec_y = weights * success, spec_w = weights * trials,
       constant = weights * lchoose(trials, success))
}

# For a density of the user's own, which the engine hands back what it was given: both in a number
response_coded <- function(y, weights, family) {
  pair <- response_pairs(y, rep(1, nrow(y)), family)
  if (any(y >= pair_unit)) {
    wrong_response(family, "Its numbers are too large.", "There is room for {pair_unit - 1}.")
  }
  list(y = pair$y, weights = weights, spec_y = as.double(y[, 1L]) + pair_unit * as.double(y[, 2L]),
       spec_w = weights, constant = NULL, pairs = TRUE)
}

zero_one <- function(y, family) {
  if (is.logical(y)) return(as.double(y))
  if (is.factor(y)) {
    if (nlevels(y) != 2L) {
      n <- nlevels(y)
      wrong_response(family, "It is a factor with {n} level{?s}, and must have two.",
                     "The first level is failure, the second success; use {.fn droplevels}.")
    }
    return(as.double(as.integer(y) - 1L))
  }
  if (!is.numeric(y) || any(y < 0 | y > 1)) {
    wrong_response(family, "It must be 0 and 1, logical, a factor with two levels or proportions.",
                   "For counts use {.code cbind(success, failure)}; for text {.fn factor}.")
  }
  as.double(y)
}

whole <- function(y) all(abs(y - round(y)) < 1e-8 * pmax(1, abs(y)))
