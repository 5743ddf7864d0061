# Which predictors a design or a fit has.

# The predictors of a design, or of a fit: of ordinary models one
predictor_parts <- function(design) {
  if (length(design$predictors)) return(design$predictors)
  list(mu = list(dpar = "mu", columns = seq_along(design$names), bare = design$names,
                 intercept = design$intercept))
}

# Of a fit: are there predictors of several parameters, or of one in a family that may have several?
has_several <- function(fit) length(fit$predictors) > 0L

# Has the family a predictor for each category?
is_categorical <- function(fit) length(fit$predictors) > 0L && length(fit$levels) > 0L

# What nominal categories have none of
check_not_nominal <- function(fit, what) {
  if (!is_categorical(fit)) return(invisible())
  vb_abort(c("type", "family"), c(
    "There are no {what} for categories.",
    i = "Their probabilities are {.code predict(fit, type = \"response\")}, draws of them
         {.fun posterior_epred} and {.fun posterior_predict}."))
}

field_predictors <- function(fields) {
  vapply(fields, function(field) c(field$predictor, 1L)[1L], 0L)
}

n_predictors <- function(fit) max(1L, length(fit$predictors))

# "log", or "log; zi = logit"
links_text <- function(fit) {
  others <- Filter(Negate(is_main), fit$predictors)
  links <- vapply(others, function(part) part$link, "")
  paste(c(fit$family$link, paste(names(links), "=", links, recycle0 = TRUE)), collapse = "; ")
}

# Is a part of the mean, or of a category's odds? What is said without a parameter's name is of
# these.
is_main <- function(part) startsWith(part$dpar, "mu")

# Methods that know one predictor only
check_one_predictor <- function(fit, call = user_call()) {
  if (!has_several(fit)) return(invisible())
  vb_abort(c("dpar", "fit"), c(
    "Models with predictors of several parameters, or of a family of several, are not supported here
     yet.",
    i = "{.fun predict}, {.fun posterior_epred}, {.fun posterior_predict}, {.fun log_lik},
         {.fun pp_check} and {.code loo(method = \"psis\")} are."), call = call)
}
