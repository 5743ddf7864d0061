# Random terms of several parts: (1 |p| g) in several formulas, or twice in one, is one term whose
# coefficients are correlated.

# What makes the columns of a term: of a term of one part itself
term_parts <- function(term) {
  if (length(term$parts)) return(term$parts)
  list(c(term[c("bar", "terms", "xlevels", "contrasts")], list(at = seq_along(term$coef))))
}

# Terms of the same `id` become one, where the first of them stands
join_terms <- function(terms) {
  id <- vapply(terms, function(term) if (is.null(term$id)) "" else term$id, "")
  first <- match(id, id)
  first[!nzchar(id)] <- which(!nzchar(id))
  lapply(unname(split(seq_along(terms), first)), function(same) {
    if (length(same) == 1L) terms[[same]] else join_same(terms[same])
  })
}

join_same <- function(terms) {
  group <- vapply(terms, function(term) term$group, "")
  if (length(unique(group)) > 1L) {
    vb_abort("formula", "Terms {.code |{terms[[1L]]$id}|} of different groups cannot be correlated:
                         {.code {unique(group)}}.")
  }
  if (any(vapply(terms, covariance_name, "") != "us")) {
    vb_abort("formula", "Terms {.code |{terms[[1L]]$id}|} have the covariance {.code us()}.")
  }
  out <- terms[[1L]]
  each <- function(field) unlist(lapply(terms, function(term) term[[field]]))
  start <- cumsum(c(0L, lengths(lapply(terms, function(term) term$coef))))
  out$parts <- unlist(Map(function(term, start) {
    lapply(term_parts(term), function(part) replace(part, "at", list(part$at + start)))
  }, terms, start[seq_along(terms)]), recursive = FALSE)
  out$z <- do.call(cbind, lapply(terms, function(term) term$z))
  for (field in c("coef", "bare", "dpar", "predictor")) out[[field]] <- each(field)
  out
}

# Names of a term's coefficients without those of their predictors, and what these are called in
# r_g__sigma[1,x]
bare_coef <- function(term) if (is.null(term$bare)) term$coef else term$bare
term_dpar <- function(term) if (is.null(term$dpar)) rep("mu", length(term$coef)) else term$dpar
