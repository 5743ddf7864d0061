# Priors of structured terms.

# Half-t on every sd as on those of groups; other parameters have their kind's. The user's
# `prior_sd` and `prior_aux` may be lists by the names of groups and of parameters.
field_priors <- function(user, fields, scales) {
  of_mean <- rep(vapply(fields, function(field) startsWith(c(field$dpar, "mu")[1L], "mu"), NA),
                 vapply(fields, function(field) length(field$blocks), 0L))
  rows <- Map(function(block, of_mean) {
    scale <- if (of_mean) scales$scale else 2.5
    default_sd <- default_prior("t", df = 3, location = 0, scale = scale)
    hyper <- block$hyper
    lapply(seq_along(hyper$name), function(k) {
      is_sd <- k == 1L
      arg <- if (is_sd) "prior_sd" else "prior_aux"
      default <- if (is_sd) default_sd else hyper$default[[k]]
      given <- field_given(user[[arg]], hyper, k, is_sd)
      prior <- if (is.null(given)) default else field_prior(given, arg, hyper, k)
      if (is.null(prior$location)) prior$location <- 0
      expand_prior(prior, hyper$name[k], default, arg,
                   if (of_mean) scales$sd_y else 1)
    })
  }, field_blocks(fields), of_mean)
  hyper <- field_hyper(fields)
  flat <- unlist(rows, recursive = FALSE)
  sd <- unlist(lapply(rows, seq_along)) == 1L
  list(rows = lapply(rows, bind_rows), sd = prior_table(hyper$name[sd], flat[sd]),
       aux = prior_table(hyper$name[!sd], flat[!sd]))
}

# what priors suit the domains of fields' parameters
field_domains <- list(positive = "positive", unit = "unit", correlation = c("real", "correlation"))

field_prior <- function(given, arg, hyper, k) {
  domain <- hyper$domain[k]
  prior <- as_prior(given, arg, field_domains[[domain]])
  row <- prior_rows[[prior$dist]]$within[[domain]]
  if (is.null(row)) return(prior)
  if (prior$u >= field_ranges[[domain]][2L]) {
    vb_abort(c(arg, "prior"), c("{.code pc({prior$u}, {prior$alpha})} says nothing of
                                 {.arg {hyper$name[k]}}, which is below {field_ranges[[domain]][2L]}
                                 at any rate.", i = "{.arg u} must be less."))
  }
  prior$asked <- format(prior)
  prior$dist <- row
  prior
}

# What `prior_sd` and `prior_aux` may name
field_groups <- function(fields) {
  hyper <- field_hyper(fields)
  unique(c(hyper$group, hyper$name))
}

# `prior_aux` without its entries of fields, which are no parameters of the family
without_field_parameters <- function(user, fields) {
  given <- user[["prior_aux"]]
  if (!is.list(given) || is_prior(given)) return(user)
  rest <- given[!names(given) %in% field_hyper(fields)$name]
  if (length(rest) || !length(given)) user$prior_aux <- rest else user$prior_aux <- NULL
  user
}

field_given <- function(given, hyper, k, is_sd) {
  if (is_prior(given)) return(if (is_sd) given)
  for (name in c(hyper$name[k], hyper$group[k])) if (!is.null(given[[name]])) return(given[[name]])
  NULL
}

