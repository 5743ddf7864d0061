# Priors written for brms: a data frame with a row per entry, turned into the prior arguments of
# vb(). Nothing of brms is needed.

is_brms_prior <- function(x) is.data.frame(x) && all(c("prior", "class") %in% names(x))

# -> a list per entry: prior (NULL: as the class has it), class, coef, group, text
brms_entries <- function(frame) {
  column <- function(name, none = "") {
    x <- if (name %in% names(frame)) as.character(frame[[name]]) else rep(none, nrow(frame))
    replace(x, is.na(x), none)
  }
  columns <- lapply(c(prior = "prior", class = "class", coef = "coef", group = "group",
                      resp = "resp", dpar = "dpar", nlpar = "nlpar", lb = "lb", ub = "ub",
                      source = "source"), column)
  entries <- lapply(seq_len(nrow(frame)), function(i) {
    entry <- lapply(columns, `[[`, i)
    entry$text <- entry_text(entry)
    entry
  })
  # brms::default_prior() lists every parameter; an empty entry of one of a class adds nothing to it
  inherited <- vapply(entries, function(e) {
    e$prior %in% c("", "(flat)") && (nzchar(e$coef) || nzchar(e$group))
  }, NA)
  lapply(entries[!inherited], function(entry) {
    check_brms_entry(entry)
    entry$prior <- brms_distribution(entry)
    entry
  })
}

# The entry as one would write it.
entry_text <- function(entry) {
  where <- unlist(entry[c("class", "coef", "group", "resp", "dpar", "nlpar", "lb", "ub")])
  where <- where[nzchar(where)]
  sprintf("prior(%s)", toString(c(dQuote(entry$prior, FALSE), paste(names(where), "=", where))))
}

aux_classes <- c("sigma", "shape", "nu", "phi", "zi", "hu", "zoi", "coi")
field_classes <- c("sds", "sdcar", "car", "rhocar", "sdgp", "lscale", "rho", "ar")
# the bounds that brms lets one write for parameters that are not just positive
class_ranges <- list(rho = c(-1, 1), ar = c(-1, 1), cor = c(-1, 1), car = c(0, 1),
                     rhocar = c(0, 1), zi = c(0, 1), hu = c(0, 1), zoi = c(0, 1), coi = c(0, 1))
brms_classes <- c("b", "Intercept", "sd", "cor", "L", aux_classes, field_classes)

check_brms_entry <- function(entry) {
  if (!entry$class %in% brms_classes) {
    brms_abort(entry, "There is no class {.val {entry$class}} here.",
               "The classes are {.val {brms_classes}}.")
  }
  other <- unlist(entry[c("resp", "nlpar")])
  other <- names(other)[nzchar(other)]
  if (length(other)) {
    brms_abort(entry, "Models here have no {.code {other}}.", "Leave the entry out.")
  }
  asked <- entry$source %in% c("", "user")             # brms's own bounds are not the user's
  bounded <- unlist(entry[c("lb", "ub")])
  range <- class_ranges[[entry$class]]
  if (is.null(range)) range <- c(if (entry$class %in% c("b", "Intercept", "L")) "" else 0, "")
  if (asked && any(nzchar(bounded) & bounded != range)) {
    brms_abort(entry, "A parameter cannot be bounded.",
               "Parameters are real, or positive where the density is cut at zero.")
  }
}

brms_abort <- function(entry, problem, hint, .envir = parent.frame()) {
  wrong <- cli::format_inline(problem, .envir = .envir)
  right <- cli::format_inline(hint, .envir = .envir)
  vb_abort("prior", c("{.arg prior} has an entry that is not known here: {.code {entry$text}}.",
                      x = "{wrong}", i = "{right}"))
}

# Names in brms -> our functions, and the rows of prior_rows they make
brms_menu <- c(normal = "normal", student_t = "student_t", cauchy = "cauchy",
               double_exponential = "laplace", exponential = "exponential",
               gamma = "gamma_prior", inv_gamma = "inv_gamma_prior",
               logistic = "logistic_prior",
               lkj = "lkj", lkj_corr_cholesky = "lkj", constant = "constant",
               horseshoe = "horseshoe", uniform = "uniform_prior", beta = "beta_prior")
brms_rows <- replace(brms_menu, c("student_t", "cauchy", "gamma", "inv_gamma", "horseshoe",
                                  "uniform", "beta", "logistic"),
                     c("t", "t", "gamma", "inv_gamma", "hs", "flat", "beta", "logistic"))

gamma_prior <- function(shape, rate) {
  check_positive(shape, "shape")
  check_positive(rate, "rate")
  structure(list(dist = "gamma", shape = shape, rate = rate), class = "vb_prior")
}

# On parameters whose range they are, which a flat prior is cut to
uniform_prior <- function(lower, upper) {
  if (!identical(c(lower, upper), c(-1, 1)) && !identical(c(lower, upper), c(0, 1))) {
    vb_abort("prior", "Uniform priors are those of a parameter's range, (0, 1) or (-1, 1).")
  }
  structure(flat(), range = c(lower, upper))
}

beta_prior <- function(a, b) {
  if (a == 1 && b == 1) return(structure(flat(), range = c(0, 1)))
  check_positive(a, "a")
  check_positive(b, "b")
  structure(list(dist = "beta", shape = a, rate = b), class = "vb_prior", range = c(0, 1))
}

logistic_prior <- function(location, scale) {
  check_finite(location, "location")
  check_positive(scale, "scale")
  structure(list(dist = "logistic", location = location, scale = scale), class = "vb_prior")
}

inv_gamma_prior <- function(alpha, beta) {
  check_positive(alpha, "alpha")
  check_positive(beta, "beta")
  structure(list(dist = "inv_gamma", shape = alpha, rate = beta), class = "vb_prior")
}

brms_distribution <- function(entry) {
  if (entry$prior %in% c("", "(flat)")) return(flat())
  menu <- names(brms_menu)
  call <- tryCatch(str2lang(entry$prior), error = function(e) NULL)
  name <- if (is.call(call) && is.symbol(call[[1L]])) as.character(call[[1L]])
  if (is.null(name) || !name %in% menu) {
    brms_abort(entry, "It is none of the distributions known.", "These are {.fun {menu}}.")
  }
  args <- tryCatch(lapply(as.list(call)[-1L], eval, arithmetic, emptyenv()),
                   error = function(e) NULL)
  if (is.null(args) || !all(vapply(args, function(a) is.numeric(a) || is.logical(a), NA))) {
    brms_abort(entry, "Its arguments must be numbers.", "Write them out: nothing is looked up.")
  }
  prior <- tryCatch(do.call(brms_menu[[name]], args), error = function(e) {
    message <- conditionMessage(e)
    brms_abort(entry, "{message}", "The distribution is {.fun {name}}.")
  })
  on <- switch(entry$class, Intercept = "coef", cor = , L = "cor", rho = , ar = "real",
               car = , rhocar = , zi = , hu = , zoi = , coi = "unit", "positive")
  if (entry$class == "b") on <- c("coef", if (!nzchar(entry$coef)) "coefs")
  suits <- vapply(menu, function(m) any(on %in% prior_rows[[brms_rows[[m]]]]$on), NA)
  if (!any(on %in% prior_rows[[prior$dist]]$on)) {
    brms_abort(entry, "It suits no parameter of the class.",
               "The class takes {.fun {menu[suits]}}.")
  }
  prior
}

# All that may stand in the arguments of a distribution.
arithmetic <- mget(c("+", "-", "*", "/", "^", "(", "sqrt", "exp", "log"), baseenv())

# ---- entries -> arguments ------------------------------------------------------------------------

brms_arguments <- function(entries, par, design) {
  class <- vapply(entries, function(e) sub("^L$", "cor", e$class), "")
  of <- function(name) entries[class == name]
  slopes <- design$names[setdiff(seq_along(design$names), design$intercept)]
  aux <- intersect(unique(class), aux_classes)
  unknown <- entries[class %in% setdiff(aux, par)]
  if (length(unknown)) {
    brms_abort(unknown[[1L]], "The family has no such parameter.", "Leave the entry out.")
  }
  for (e in entries[class %in% c("Intercept", aux)]) brms_place(e, "coef", character())
  for (e in entries[!class %in% c("sd", "cor", field_classes)]) brms_place(e, "group", character())
  own <- field_hyper(design$fields)
  groups <- vapply(design$random, function(term) term$group, "")
  groups <- unique(c(groups, own$group[own$class == "sd"]))
  priors <- list(
    prior = brms_coefficients(of("b"), slopes),
    prior_intercept = if (length(of("Intercept"))) brms_last(of("Intercept"))$prior,
    prior_aux = if (length(aux)) sapply(aux, function(a) brms_last(of(a))$prior, simplify = FALSE),
    prior_sd = brms_groups(of("sd"), groups, function(mine, g) {
      coef <- lapply(design$random, function(term) if (term$group == g) term$coef)
      brms_coefficients(mine, unlist(coef))
    }),
    prior_cor = brms_groups(of("cor"), groups, function(mine, g) {
      for (e in mine) brms_place(e, "coef", character())
      if (length(mine)) brms_last(mine)$prior
    })
  )
  Filter(Negate(is.null), with_field_entries(priors, entries[class %in% field_classes], own))
}

# The priors with those of structured terms: by the name of each parameter, from the entries of its
# class that name its group, or none
with_field_entries <- function(priors, entries, hyper) {
  for (e in entries) {
    # the autocorrelation of ar1() is what brms's ar() calls ar
    at <- which(hyper$class == sub("^ar$", "rho", e$class))
    if (!length(at)) brms_abort(e, "The model has no parameter of the class.", "Leave it out.")
    for (place in c("group", "coef")) {
      if (nzchar(e[[place]])) at <- at[plain_label(hyper$group[at]) == plain_label(e[[place]])]
    }
    if (!length(at)) {
      brms_abort(e, "There is no such group.", "It may be {.val {unique(hyper$group)}}.")
    }
    for (k in at) {
      range <- attr(e$prior, "range")
      if (length(range) && !identical(range, field_ranges[[hyper$domain[k]]])) {
        brms_abort(e, "It is not the range of the parameter.", "Leave it out.")
      }
      arg <- if (startsWith(e$class, "sd")) "prior_sd" else "prior_aux"
      if (is_prior(priors[[arg]])) priors[[arg]] <- list()
      if (!nzchar(e$group) && !nzchar(e$coef) && hyper$name[k] %in% names(priors[[arg]])) next
      priors[[arg]][[hyper$name[k]]] <- e$prior
    }
  }
  priors
}


# The one entry among those of the same parameters: brms allows no more
brms_last <- function(entries) {
  if (length(entries) > 1L) {
    brms_abort(entries[[2L]], "Another entry is of the same parameters.", "Leave one of them out.")
  }
  entries[[1L]]
}

# A list by coefficient, the class's own prior standing in for what has none; NULL: nothing is said.
brms_coefficients <- function(entries, names) {
  at <- vapply(entries, brms_place, "", place = "coef", names = names)
  general <- if (any(!nzchar(at))) brms_last(entries[!nzchar(at)])$prior
  own <- lapply(split(entries[nzchar(at)], at[nzchar(at)]), function(e) brms_last(e)$prior)
  if (!length(own)) return(general)
  if (!is.null(general)) own[setdiff(names, names(own))] <- list(general)
  own
}

# A list by group: entries of the group go before those of the class, coefficient by coefficient.
brms_groups <- function(entries, groups, resolve) {
  at <- vapply(entries, brms_place, "", place = "group", names = groups)
  if (!length(entries)) return(NULL)
  if (!length(groups)) brms_abort(entries[[1L]], "The model has no groups.", "Leave the entry out.")
  for (e in entries[!nzchar(at)]) {
    if (nzchar(e$coef)) brms_abort(e, "A {.arg coef} here needs its {.arg group}.", "Add it.")
  }
  out <- sapply(groups, function(g) {
    mine <- entries[at == g]
    wide <- Filter(function(e) !nzchar(e$coef), mine)
    if (!length(wide)) mine <- c(mine, entries[!nzchar(at)])
    resolve(mine, g)
  }, simplify = FALSE)
  Filter(Negate(is.null), out)
}

# The name among `names` that the entry's coef or group means; "": it has none.
brms_place <- function(entry, place, names) {
  asked <- entry[[place]]
  if (!nzchar(asked)) return("")
  hit <- match(asked, names)
  if (is.na(hit)) hit <- match(asked, brms_name(names))
  if (is.na(hit)) {
    known <- if (length(names)) "It may be {.val {names}}." else "Leave {.arg {place}} out."
    brms_abort(entry, "There is no such {.arg {place}}.", known)
  }
  names[hit]
}

# As brms writes the names of coefficients.
brms_name <- function(x) {
  signs <- c("+" = "P", "-" = "M", "*" = "MU", "/" = "D", "^" = "E", "=" = "EQ")
  x <- gsub("[][ (),\"'?]", "", x)
  for (s in names(signs)) x <- gsub(s, signs[[s]], x, fixed = TRUE)
  x
}
