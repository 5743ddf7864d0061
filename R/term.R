# Random terms: the columns of the coefficients that vary, and the level of each row.

build_term <- function(bar, frame, whole, contrasts) {
  terms <- part_terms(bar$lhs, whole)
  z <- part_matrix(terms, frame, contrasts)
  group <- group_codes(bar$group, frame)
  label <- deparse1(bar$group)
  if (!ncol(z$x)) {
    vb_abort("formula", "The term for {.code {label}} has no coefficients.")
  }
  list(group = label, levels = group$levels, code = group$code, z = z$x, coef = z$names,
       expr = bar$group, bar = bar$lhs, covariance = bar$covariance, terms = terms,
       xlevels = z$xlevels,
       contrasts = z$contrasts, id = bar$id)
}

# -> list(code = <integer, 1-based>, levels): levels in factor() order, unused ones left out.
group_codes <- function(expr, frame) {
  if (is_call_to(expr, ":")) {
    left <- group_codes(strip_parens(expr[[2L]]), frame)
    right <- group_codes(strip_parens(expr[[3L]]), frame)
    return(cross_codes(left, right))
  }
  name <- variable_name(expr)
  x <- frame[[name]]
  if (!is.null(dim(x)) || is.list(x)) {
    vb_abort("formula", "The grouping variable {.code {name}} must be a vector.")
  }
  x <- if (is.factor(x)) x else factor(x)
  used <- tabulate(x, nlevels(x)) > 0L
  code <- as.integer(x)
  if (!all(used)) code <- cumsum(used)[code]
  list(code = code, levels = levels(x)[used])
}

cross_codes <- function(left, right) {
  n_right <- length(right$levels)
  code <- (left$code - 1) * n_right + right$code     # double: levels may multiply past integers
  used <- sort(unique(code))
  levels <- paste(left$levels[(used - 1) %/% n_right + 1], right$levels[(used - 1) %% n_right + 1],
                  sep = ":")
  list(code = match(code, used), levels = levels)
}

# ---- columns far from zero -----------------------------------------------------------------------
# The intercept of (year | g), with years about 2000, is that of year 0: its standard deviation is
# hundreds of times that of the data, and so closely tied to the slopes' that neither a rule of
# integration nor a default prior can be had in such terms. The engine then works with the sds and
# correlations of centred columns; what is reported is of the columns as they are. Covariances that
# are structured stay as they are: those of centred columns would not have the structure.

far_from_zero <- 3                                         # in sds of the column

# The means of a term's columns that are far from zero, 0 for the others; NULL where it has none, or
# no intercept to be moved
far_centre <- function(term) {
  if (covariance_name(term) != "us") return(NULL)
  if (length(term$coef) < 2L || bare_coef(term)[1L] != "(Intercept)") return(NULL)
  mean <- colMeans(term$z)
  sd <- apply(term$z, 2L, stats::sd)
  far <- is.finite(sd) & sd > 1e-10 * abs(mean) & abs(mean) > far_from_zero * sd
  far <- far & term_dpar(term) == term_dpar(term)[1L]     # those that share the intercept
  if (any(far)) unname(ifelse(far, mean, 0))
}

# Of the spec. A prior is meant where the user states it, at zero; the defaults are meant at the
# means, as that of the fixed intercept is. An sd that is held is held at zero.
centred_term <- function(term, prior_sd, default) {
  shift <- if (!"constant" %in% prior_sd$dist) far_centre(term)
  if (!is.null(shift)) list(shift = shift, prior_at_zero = as.integer(!default))
}

# Is the prior of a term's first sd and of its correlations that of centred columns?
is_prior_moved <- function(term) !is.null(term$shift) && term$prior_at_zero == 0L

# "Subject: year at 204.5", for each term whose default priors are meant at the means
moved_priors <- function(random, terms) {
  moved <- which(vapply(terms, is_prior_moved, NA))
  vapply(moved, function(k) {
    shift <- terms[[k]]$shift
    far <- shift != 0
    at <- paste(random[[k]]$coef[far], "at", vapply(shift[far], format, "", digits = 5L))
    paste0(random[[k]]$group, ": ", toString(at))
  }, "")
}

inform_centred <- function(random, terms) {
  where <- moved_priors(random, terms)
  if (!length(where)) return(invisible())
  vb_inform(class = "vb_message_centred", c(
    "Columns of random effects are far from zero: the default prior of the intercepts' standard
     deviation is meant at their means: {where}.",
    i = "A prior that {.arg prior_sd} or {.arg prior_cor} states is meant at zero."))
}

has_shift <- function(design) {
  vapply(design$terms, function(term) !is.null(term$shift), NA)
}

# Coefficients (rows; a column each draw) of columns as they are from those of centred columns:
# u_0 = u'_0 - shift' u'
at_zero <- function(coef, terms, first) {
  if (is.null(coef)) return(NULL)
  for (term in terms) {
    d <- ncol(term$z)
    if (!is.null(term$shift)) {
      row <- first + d * (seq_len(term$n_level) - 1L) + 1L
      for (a in which(term$shift != 0)) {
        coef[row, ] <- coef[row, ] - term$shift[a] * coef[row + a - 1L, ]
      }
    }
    first <- first + d * term$n_level
  }
  coef
}
