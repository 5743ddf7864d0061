# A family as the formulas of a model want it: which parameters they predict, and which they hold at
# a value.

formula_family <- function(family, formulas) {
  formulas <- named_parts(formulas, family)
  asked <- c(names(formulas$pforms), names(formulas$pfix))
  check_dpars(asked, family, formulas)
  for (dpar in names(formulas$pfix)) {
    family$fixed[[dpar]] <- fixed_value(formulas$pfix[[dpar]], dpar, family)
  }
  if (length(formulas$pfix)) family$family$fixed <- family$fixed <- unlist(family$fixed)
  if (!length(formulas$pforms)) return(family)
  check_predictable(family, names(formulas$pforms))
  with_predicted(family, c("mu", names(formulas$pforms)))
}

# The parts under the names that the family has for its parameters
named_parts <- function(formulas, family) {
  links <- names(dpar_links(family$name))
  name_of <- function(name) {
    place <- suppressWarnings(as.integer(name))
    name[!is.na(place)] <- links[place[!is.na(place)]]
    synonym <- name %in% names(dpar_synonyms)
    replace(name, synonym, dpar_synonyms[name[synonym]])
  }
  for (part in c("pforms", "pfix")) {
    if (length(formulas[[part]])) names(formulas[[part]]) <- name_of(names(formulas[[part]]))
  }
  formulas
}

check_dpars <- function(asked, family, formulas) {
  known <- setdiff(union(names(dpar_links(family$name)), family$par), "mu")
  if (has_categories(family)) known <- c(known, asked[startsWith(as.character(asked), "mu")])
  maker <- family_maker(family$name)
  if (anyNA(asked)) {
    vb_abort(c("formula", "family"), "{.arg formula} has more parts than {.fun {maker}} has
                                      parameters.")
  }
  unknown <- setdiff(asked, known)
  if (length(unknown)) {
    has <- if (length(known)) "Its parameters beside the mean are {.code {known}}."
      else "It has none beside the mean."
    vb_abort(c("formula", "family"), c(
      "{.fun {maker}} has no parameter {.code {unknown}}.", i = has))
  }
  twice <- unique(asked[duplicated(asked)])
  if (length(twice)) {
    vb_abort("formula", "{.arg formula} has two parts for {.code {twice}}.")
  }
}

# Is there a likelihood in which these parameters are predicted?
check_predictable <- function(family, dpars) {
  maker <- family_maker(family$name)
  links <- dpar_links(family$name)
  what <- if (!is.null(family$domain)) "Families of {.fun vb_family} have one predictor."
    else if (is.null(links)) "Parameters of {.fun {maker}} cannot have a formula."
    else if (!identical(links[["mu"]], family$link)) {
      "With a formula of {.code {dpars}} the link of {.fun {maker}} is {.val {links[['mu']]}}."
    } else if (!identical(family$bound, "exact")) {
      "With a formula of {.code {dpars}} {.arg bound} is {.val exact}."
    }
  if (!is.null(what)) vb_abort(c("formula", "family"), what)
  held <- intersect(dpars, names(family$fixed))
  if (length(held)) {
    vb_abort(c("formula", "family"), "{.code {held}} is held at a value, and has a formula.")
  }
  check_further_links(family$name, family$asked_links[dpars])
}

fixed_value <- function(value, dpar, family) {
  range <- field_ranges[[dpar_domains[[dpar]]]]
  if (!is.numeric(value) || length(value) != 1L || !is.finite(value) || value <= range[1L] ||
      value >= range[2L]) {
    vb_abort("formula", c("{.code {dpar}} is held at a value that it cannot have.",
                          x = "It is {describe(value)}.",
                          i = "It must be a number between {range[1L]} and {range[2L]}."))
  }
  as.double(value)
}

# ---- glmmTMB's spelling --------------------------------------------------------------------------

# Families with zeros of their own, by what glmmTMB has beside `ziformula`
zero_families <- c(poisson = "zero_inflated_poisson", nbinom2 = "zero_inflated_negbinomial",
                   negbinomial = "zero_inflated_negbinomial",
                   binomial = "zero_inflated_binomial", bernoulli = "zero_inflated_binomial",
                   beta = "zero_inflated_beta", gamma = "hurdle_gamma", zigamma = "hurdle_gamma",
                   truncated_poisson = "hurdle_poisson", truncated_nbinom2 = "hurdle_negbinomial")

# The resolved family, with zeros where there is a `ziformula`
spelled_family <- function(family, bound, ziformula) {
  none <- is.null(ziformula) || identical(ziformula[[length(ziformula)]], 0)
  asked <- if (!none) as_family(family)
  to <- if (!none) unname(zero_families[tolower(asked$family)])
  if (none || is.na(to)) return(resolve_family(family, bound))
  held <- names(fixed_parameters(asked))
  if (length(held)) {
    vb_abort(c("ziformula", "family"), "With {.arg ziformula} {.arg family} cannot hold
                                        {.code {held}}.")
  }
  resolve_family(list(family = to, link = asked$link), bound)
}

# What `ziformula` and `dispformula` are of
spelled_dpars <- list(ziformula = c("zi", "hu", "zoi"), dispformula = c("sigma", "shape", "phi"))

spelled_parameter <- function(family, arg) {
  of <- intersect(spelled_dpars[[arg]], names(dpar_links(family$name)))
  if (length(of)) return(of[1L])
  maker <- family_maker(family$name)
  vb_abort(c(arg, "family"), "{.fun {maker}} has no parameter for {.arg {arg}}.")
}
