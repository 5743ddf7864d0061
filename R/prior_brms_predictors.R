# Priors written for brms, of models with several predictors: entries have a `dpar`, which of the
# mean's is empty.

# `user` with the data frame in `prior` replaced by what it says of each argument.
translate_brms_prior <- function(user, family, design) {
  if (!is_brms_prior(user[["prior"]])) return(user)
  entries <- brms_entries(user[["prior"]])
  user[["prior"]] <- NULL
  from <- brms_by_predictor(entries, family, design)
  twice <- intersect(names(from), names(user))
  if (length(twice)) {
    vb_abort(c(twice, "prior"), c(
      "{.arg prior} and {.arg {twice}} both have priors of the same parameters.",
      i = "Leave out {.arg {twice}}, or the entries of {.arg prior}."))
  }
  c(user, from)
}

brms_by_predictor <- function(entries, family, design) {
  parts <- predictor_parts(design)
  known <- if (has_predictors(family)) setdiff(names(parts), "mu")
  for (e in entries) {
    if (!nzchar(e$dpar) || e$dpar %in% known) next
    brms_abort(e, "There is no predictor of {.code {e$dpar}}.",
               if (length(known)) "There are those of {.code {known}}." else "Leave the entry out.")
  }
  if (!length(known)) return(brms_arguments(entries, family$par, design))
  of <- vapply(entries, function(e) e$dpar, "")
  main <- vapply(parts, is_main, NA)
  each <- lapply(parts, function(part) {
    shared <- !nzchar(of) & may_be_shared(entries, part, parts[main])
    mine <- of == part$dpar | is_main(part) & shared
    brms_arguments(entries[mine], family$par, design_of_part(design, part))
  })
  joined_arguments(each, design)
}

# Parameters that are no predictor's, and entries without a `dpar`, are of the first
may_be_shared <- function(entries, part, main) {
  class <- vapply(entries, function(e) e$class, "")
  class %in% c("b", "Intercept", "sd") | identical(part$dpar, main[[1L]]$dpar)
}

# What is one predictor's, under the names that it has there
design_of_part <- function(design, part) {
  random <- lapply(design$random, function(term) {
    own <- term_dpar(term) == part$dpar
    list(group = term$group, coef = bare_coef(term)[own])
  })
  list(names = part$bare, intercept = match(part$intercept, part$columns, nomatch = 0L),
       random = Filter(function(term) length(term$coef), random),
       fields = Filter(function(field) field$dpar == part$dpar, design$fields))
}

joined_arguments <- function(each, design) {
  out <- list()
  for (dpar in names(each)) {
    own <- each[[dpar]]
    for (arg in intersect(c("prior", "prior_intercept"), names(own))) {
      out[[arg]][dpar] <- own[arg]
    }
    for (group in names(own$prior_sd)) {
      entries <- sd_entries(own$prior_sd[group], design, dpar)
      out$prior_sd[[group]] <- c(out$prior_sd[[group]], entries)
    }
    for (arg in c("prior_aux", "prior_cor")) out[[arg]] <- c(out[[arg]], own[[arg]])
  }
  out
}

# The entry of a group, or of a field's parameter, in a list by the names of coefficients
sd_entries <- function(entry, design, dpar) {
  value <- entry[[1L]]
  terms <- Filter(function(term) term$group == names(entry), design$random)
  if (!length(terms)) return(value)
  coef <- unlist(lapply(terms, function(term) term$coef[term_dpar(term) == dpar]))
  bare <- unlist(lapply(terms, function(term) bare_coef(term)[term_dpar(term) == dpar]))
  if (is_by_name(value)) stats::setNames(value, coef[match(names(value), bare)])
    else stats::setNames(rep(entry, length(coef)), coef)
}
