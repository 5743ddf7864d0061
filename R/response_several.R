# Readers of responses of families with several predictors (response.R says what they return; the
# constants are in these log densities, so that `constant` is NULL).

# Successes in trials, whose weights are the trials
response_counted <- function(y, weights, family) {
  if (is.matrix(y) && any(weights != 1 & weights != 0)) {
    wrong_response(family, "With {.code cbind(success, failure)} {.arg weights} have no meaning.",
                   "Leave them out.")
  }
  out <- response_trials(y, weights, family)
  if (any(abs(out$spec_y - round(out$spec_y)) > 1e-3)) {
    wrong_response(family, "Its proportions times {.arg weights} are not whole numbers.",
                   "{.arg weights} must be the number of trials.")
  }
  out["constant"] <- list(NULL)
  out
}

response_from_zero <- function(y, weights, family) {
  response_within(y, weights, family, function(y) y >= 0 & y < 1,
                  "It must be numbers from 0 on and below 1.")
}

response_to_one <- function(y, weights, family) {
  response_within(y, weights, family, function(y) y >= 0 & y <= 1,
                  "It must be numbers from 0 to 1.")
}

response_positive_or_zero <- function(y, weights, family) {
  response_within(y, weights, family, function(y) y >= 0,
                  "It must be numbers that are not negative.")
}

response_within <- function(y, weights, family, suits, problem) {
  if (!is.numeric(y) || !is.null(dim(y)) || !all(suits(y))) {
    wrong_response(family, problem, "Rescale it, or use another family.")
  }
  response_real(y, weights, family)
}

# ---- categories ----------------------------------------------------------------------------------

# A factor, or what factor() makes one of; C counts categories from the reference, which is 0
response_category <- function(y, weights, family) {
  if (is.list(y) || !is.null(dim(y)) || is.numeric(y) && !whole(y)) {
    wrong_response(family, "It must be a factor, text or whole numbers.",
                   "Counts of categories have {.code family = multinomial()}.")
  }
  y <- if (is.factor(y)) y else factor(y)
  count <- outer(as.integer(y), seq_len(nlevels(y)), `==`) + 0
  colnames(count) <- levels(y)
  out <- response_categories(count, rep(1, length(y)), weights, family)
  out$y <- match(as.character(y), out$levels) + 0
  out$spec_y <- out$y - 1
  out$counts <- NULL
  out
}

response_multinomial <- function(y, weights, family) {
  if (!is.matrix(y) || !is.numeric(y) || !whole(y) || any(y < 0)) {
    wrong_response(family, "It must be a matrix of counts, a column for each category.",
                   "Write {.code cbind(a, b, c) ~ x}.")
  }
  if (is.null(colnames(y))) colnames(y) <- seq_len(ncol(y))
  storage.mode(y) <- "double"
  if (any(weights != 1 & weights != 0)) {
    wrong_response(family, "With counts of categories {.arg weights} have no meaning.",
                   "Leave them out.")
  }
  out <- response_categories(y, rowSums(y), weights, family)
  out$y <- out$counts
  out
}

# The reference comes first among the `levels`
response_categories <- function(count, total, weights, family) {
  levels <- colnames(count)
  if (length(levels) < 2L || anyDuplicated(levels)) {
    wrong_response(family, "It must have two categories or more, each with a name.",
                   "Give the columns names, or look at {.fun levels}.")
  }
  reference <- family$family$refcat
  if (is.null(reference)) reference <- levels[1L]
  if (!reference %in% levels) {
    vb_abort(c("refcat", "family"), c("{.arg refcat} is {.val {reference}}, which is no category.",
                                      i = "The categories are {.val {levels}}."))
  }
  levels <- c(reference, setdiff(levels, reference))
  count <- count[, levels, drop = FALSE]
  empty <- levels[colSums(count * (weights > 0)) == 0]
  if (length(empty)) {
    wrong_response(family, "It has {cli::qty(empty)}{?a category/categories} that no row has:
                            {.val {empty}}.", "Use {.fun droplevels}.")
  }
  list(weights = weights, counts = unname(count),
       spec_y = unname(count[, -1L, drop = FALSE]), spec_w = total * weights, constant = NULL,
       levels = levels)
}

# ---- zeros ---------------------------------------------------------------------------------------

# Parameters of zeros, and which responses they are of
zero_dpars <- list(
  zi = function(y) y == 0, hu = function(y) y == 0, zoi = function(y) y == 0 | y == 1
)

inform_no_zeros <- function(family, response) {
  if (!has_predictors(family)) return(invisible())
  for (dpar in intersect(names(zero_dpars), names(dpar_links(family$name)))) {
    if (any(zero_dpars[[dpar]](response$y) & response$weights > 0)) next
    maker <- family_maker(family$name)
    vb_inform(class = "vb_message_zeros", c(
      "No response is one that {.code {dpar}} of {.fun {maker}} would explain: the prior decides it
       along with how few it allows.",
      i = "Is the family the one that was meant?"))
  }
}
