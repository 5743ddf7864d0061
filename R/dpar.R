# Distributional parameters: the numbers that the density of a response is a function of. One of a
# model is predicted, by terms of its own, or it is held: one number, with a prior.

# The parameters of a family and their links, in its order; NULL: it has one predictor only. To C
# the predictors of categories are log odds, whatever these are made of.
dpar_links <- function(name) {
  table <- vb_tables()$several
  at <- match(name, table$name)
  if (is.na(at)) return(NULL)
  apart <- function(x) strsplit(x, ",", fixed = TRUE)[[1L]]
  links <- stats::setNames(apart(table$links[at]), apart(table$dpars[at]))
  if (identical(names(links), "mu")) c(mu = "logit") else links
}

# Names that other packages have for them
dpar_synonyms <- c(quantile = "tau")

# Has the model predictors of its own for parameters other than the mean, or a family without a
# path for one predictor?
has_predictors <- function(family) length(family$predicted) > 0L

# The resolved family with these of its parameters predicted
with_predicted <- function(family, predicted) {
  links <- dpar_links(family$name)
  family$predicted <- intersect(names(links), predicted)
  family$par <- setdiff(names(links), family$predicted)
  family$cells <- FALSE
  family
}

# Families of categories have a predictor for each but the reference
has_categories <- function(family) identical(names(dpar_links(family$name)), "mu")

# Links that an object of 'brms' has for them
asked_links <- function(family) {
  at <- grep("^link_", names(family))
  links <- unclass(family)[at]
  names(links) <- sub("^link_", "", names(family)[at])
  # degrees of freedom are above 1 there
  links[!links %in% "logm1"]
}

# Others than those that the family has are errors
check_further_links <- function(name, links) {
  has <- dpar_links(name)
  for (dpar in intersect(names(links), names(has))) {
    if (identical(links[[dpar]], has[[dpar]])) next
    vb_abort(c("link", "family"), c(
      "The link of {.code {dpar}} cannot be {describe(links[[dpar]])}.",
      i = "It is {.val {has[[dpar]]}}."))
  }
}

# mgcv's families have a link for each parameter
with_one_link <- function(family, name) {
  if (length(family$link) > 1L) family$link <- unname(dpar_links(name)[1L])
  family
}

# Where parameters that are no mean can be
dpar_domains <- c(sigma = "positive", shape = "positive", nu = "positive", phi = "positive",
                  tau = "unit", zi = "unit", hu = "unit", zoi = "unit", coi = "unit")

# The mean is the first of the predictors
offset_of_mean <- function(offset) if (is.matrix(offset)) offset[, 1L] else offset

# "sigma: " before the label of a term of sigma
dpar_label <- function(dpar) if (is.null(dpar) || dpar == "mu") "" else paste0(dpar, ": ")

# "sigma_" before the names of what belongs to sigma, and nothing before those of the mean's
dpar_prefix <- function(dpar) ifelse(dpar == "mu", "", paste0(dpar, "_"))
