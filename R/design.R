# From the model frame to the numbers of the design: fixed columns and random terms.

# The fixed columns with their centres, and the random terms, of the `rows` of the frame that enter
# the fit (NULL: all). An `implicit` intercept is that of ordinal models, where thresholds stand for
# it: factors are coded and columns centred as if it were there, but it is no column.
build_design <- function(parsed, frame, rows, contrasts, implicit = FALSE, binned = TRUE) {
  whole <- attr(frame, "terms")
  env <- environment(parsed$formula)
  if (!is.null(rows)) {
    frame <- drop_levels(frame[rows, , drop = FALSE])
    attr(frame, "terms") <- whole
  }
  check_contrasts(contrasts, frame)
  terms <- part_terms(parsed$fixed, whole)
  fixed <- part_matrix(terms, frame, contrasts, shared = TRUE)
  moments <- column_moments(fixed$x)
  if (!all(is.finite(moments$mean))) {
    vb_abort("formula", "The model matrix has values that are infinite or not a number.")
  }
  intercept <- if (attr(terms, "intercept") == 1L) 1L else 0L
  implicit <- implicit && intercept == 1L
  if (implicit) {
    fixed[c("x", "names")] <- list(fixed$x[, -1L, drop = FALSE], fixed$names[-1L])
    moments <- lapply(moments, `[`, -1L)
  }
  center <- if (intercept) moments$mean else numeric(ncol(fixed$x))
  if (implicit) intercept <- 0L
  center[intercept] <- 0
  fields <- lapply(parsed$fields, make_field, frame = frame, env = env)
  if (length(fields)) fixed[c("x", "bins")] <- design_pieces(fixed$x, fields, frame, env, binned)
  fixed$names <- c(fixed$names, field_names(fields))
  center <- c(center, numeric(length(field_names(fields)) + length(field_coefs(fields))))
  moments$sd <- c(moments$sd, rep(1, length(field_names(fields))))
  random <- join_terms(lapply(parsed$bars, build_term, frame = frame, whole = whole,
                              contrasts = contrasts))
  check_names(random, fixed$names)
  inform_one_level(random)
  check_field_names(fields, random)
  if (!length(random) && !ncol(fixed$x) && !implicit) {
    vb_abort("formula", c("The model has no coefficients.",
                          i = "Leave out {.code 0} or {.code -1}."))
  }
  list(formula = parsed$formula, x = fixed$x, bins = fixed$bins, names = fixed$names,
       terms = terms, xlevels = fixed$xlevels, contrasts = fixed$contrasts, center = center,
       sd = moments$sd,
       intercept = intercept, implicit = implicit, random = random, fields = fields,
       field_terms = lapply(field_terms(fields, frame, env, TRUE), `[`, c("group", "n_level", "z")))
}

# Means, and standard deviations, one where the column is constant
column_moments <- function(x) {
  moments <- column_means_sds(x)
  first <- if (is.data.frame(x)) vapply(x, `[`, 0, 1L, USE.NAMES = FALSE) else unname(x[1L, ])
  sd <- moments[2L, ]
  # a constant column's sd may be rounding noise
  list(mean = moments[1L, ], sd = ifelse(is.na(sd) | sd <= 1e-12 * abs(first), 1, sd))
}

check_contrasts <- function(contrasts, frame) {
  if (is.null(contrasts)) return(invisible())
  hint <- c(i = "Write {.code contrasts = list(f = \"contr.sum\")}.")
  if (!is.list(contrasts) || is.null(names(contrasts))) {
    vb_abort("contrasts", c("{.arg contrasts} must be a list named by factors.", hint))
  }
  unknown <- setdiff(names(contrasts), names(frame))
  # a warning, as from lm(): update() may have taken the factor out
  if (length(unknown)) {
    vb_warn("vb_warning_contrasts", "{.arg contrasts} names what is no variable of the model:
                                     {.code {unknown}}.")
  }
}

# Parameters are known by their names
check_field_names <- function(fields, random) {
  other <- unlist(lapply(random, function(term) {
    paste0("sd_", term$group, "__", plain_name(term$coef))
  }))
  name <- c(other, field_hyper(fields)$name)
  twice <- unique(name[duplicated(name)])
  if (!length(twice)) return(invisible())
  vb_abort("formula", c("Two terms would have parameters of the same name: {.code {twice}}.",
                        i = "Give one of them a copy of the variable that has another name."))
}

check_names <- function(random, fixed) {
  for (names in c(list(fixed), lapply(random, function(term) term$coef))) {
    if (all(c("Intercept", "(Intercept)") %in% names)) {
      vb_abort("formula", c("A variable called {.code Intercept} has the intercept's name.",
                            i = "Rename it."))
    }
  }
  sds <- unlist(lapply(random, function(term) paste(term$group, term$coef, sep = "__")))
  twice <- unique(sds[duplicated(sds)])
  if (length(twice)) {
    vb_abort("formula", c("{.code {sub('__.*', '', twice[1])}} has two terms with the coefficient
                           {.code {sub('.*__', '', twice[1])}}.",
                          i = "Use {.code (0 + x | g)} for a slope whose intercept is elsewhere."))
  }
  for (term in random) {
    if (anyDuplicated(term$levels)) {
      twice <- term$levels[anyDuplicated(term$levels)]
      vb_abort("formula", c("Two levels of {.code {term$group}} have the label {.val {twice}}.",
                            i = "Rename the levels, or make one factor by {.fn interaction}."))
    }
  }
}

inform_one_level <- function(random) {
  for (term in random) {
    if (length(term$levels) == 1L) {
      vb_inform("The grouping factor {.code {term$group}} has one level only: the prior decides
                 its standard deviation.")
    }
  }
}
