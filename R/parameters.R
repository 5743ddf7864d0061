# The parameters of a fit: their names, their order, and where the engine keeps each.

# One row per parameter in the order of the summary; `row` counts within the fixed effects
# (class "b"), the hyperparameters ("sd", "cor", "field", "aux", "hs", "threshold") or the engine's
# coefficients ("s" of structured terms, "r").
parameter_table <- function(fit) UseMethod("parameter_table")

#' @export
parameter_table.vbfit <- function(fit) {
  name <- fit$fixed$names
  p <- length(name)
  prefix <- ifelse(name %in% field_names(fit$fields), "bs_", "b_")
  fixed <- data.frame(name = paste0(prefix, plain_name(name), recycle0 = TRUE),
                      class = rep("b", p), row = seq_len(p))
  coef <- field_coefs(fit$fields)
  own <- data.frame(name = as.character(coef), class = rep("s", length(coef)),
                    row = p + seq_along(coef))
  row <- threshold_rows(fit)
  threshold <- data.frame(name = paste0("b_", fit$hyper$name[row], recycle0 = TRUE),
                          class = rep("threshold", length(row)), row = row)
  random <- lapply(seq_along(fit$random), ranef_table, fit = fit)
  sparse <- lapply(length(random) + seq_along(sparse_fields(fit$fields)), level_table, fit = fit)
  do.call(rbind, c(list(threshold, fixed, hyper_parameters(fit), own), sparse, random))
}

hyper_parameters <- function(fit) {
  hyper <- fit$hyper
  row <- order(factor(hyper$class, c("sd", "cor", "field", "aux", "hs")), na.last = NA)
  hyper <- data.frame(name = as.character(hyper$name), class = as.character(hyper$class))[row, ]
  cbind(hyper, row = row)
}

# Names run through the levels of one coefficient first, as the columns of ranef() do; the
# engine keeps the coefficients of a level together.
ranef_table <- function(fit, k) {
  term <- fit$random[[k]]
  n_level <- length(term$levels)
  d <- length(term$coef)
  level <- rep.int(seq_len(n_level), d)
  coef <- rep(seq_len(d), each = n_level)
  data.frame(
    name = paste0("r_", term$group, dpar_suffix(term)[coef], "[", level_label(term)[level], ",",
                  plain_name(bare_coef(term))[coef], "]"),
    class = rep("r", n_level * d),
    row = term_offset(fit)[k] + (level - 1L) * d + coef
  )
}

# r_g__sigma[1,x]
dpar_suffix <- function(term) {
  dpar <- term_dpar(term)
  ifelse(dpar == "mu", "", paste0("__", dpar))
}

# The effects of a field's levels
level_table <- function(fit, k) {
  name <- level_terms(fit)[[k]]$levels
  data.frame(name = name, class = rep("r", length(name)),
             row = term_offset(fit)[k] + seq_along(name))
}

# The rows of the engine's coefficients that come before each term that has levels
term_offset <- function(fit) {
  size <- vapply(level_terms(fit), function(term) length(term$levels) * length(term$coef), 0)
  n_fixed(fit) + cumsum(c(0, size))[seq_along(size)]
}

# All columns of the design, those of structured terms too
n_fixed <- function(fit) length(fit$fixed$names) + length(field_coefs(fit$fields))

threshold_rows <- function(fit) which(fit$hyper$class == "threshold")

# Names of all population-level effects: thresholds come before the columns of the model matrix.
fixed_names <- function(fit) c(as.character(fit$hyper$name[threshold_rows(fit)]), fit$fixed$names)

group_labels <- function(fit) vapply(fit$random, function(term) term$group, "")

plain_name <- function(coef) replace(coef, coef == "(Intercept)", "Intercept")

# The levels of a:b are written l1_l2, as ':' parts no index; levels with '_' may then coincide
level_label <- function(term) {
  nested <- grepl(":", term$group, fixed = TRUE)
  if (nested) make.unique(gsub(":", "_", term$levels, fixed = TRUE)) else term$levels
}

# One row per hyperparameter in the engine's order: sds and correlations term by term, then the
# family's parameters, those of structured terms, `own`, and a horseshoe's; i and j are the
# positions of the coefficients in their term, 0 where it is of all of them.
hyper_table <- function(random, par, class = "aux", shrunk = FALSE, own = character()) {
  terms <- lapply(seq_along(random), function(k) {
    own <- term_hyper(random[[k]])
    c(own, list(term = rep(k, length(own$i))))
  })
  class <- rep(c(class, "field", "hs"), c(length(par), length(own), 2L * shrunk))
  par <- c(par, own, if (shrunk) c("hs_global", "hs_slab"))
  column <- function(field, aux) c(unlist(lapply(terms, function(t) t[[field]])), aux)
  zero <- integer(length(par))
  structure(list(name = make.unique(as.character(column("name", par))),
                 class = as.character(column("class", class)),
                 term = as.integer(column("term", zero)), i = as.integer(column("i", zero)),
                 j = as.integer(column("j", zero))),
            class = "data.frame",
            row.names = seq_len(length(par) + length(unlist(lapply(terms, function(t) t$i)))))
}

# The rows of one term: names, and the coefficients i and j that they are of, 0 for all
term_hyper <- function(term) {
  coef <- plain_name(sd_coefs(term))
  i <- if (identical(coef, "")) 0L else seq_along(coef)
  pairs <- which(lower.tri(diag(length(term$coef))), arr.ind = TRUE)
  if (covariance_name(term) != "us") pairs <- matrix(0L, n_cors(term), 2L)
  pair <- paste(plain_name(term$coef)[pairs[, 2L]], plain_name(term$coef)[pairs[, 1L]], sep = "__")
  if (!length(pair)) pair <- character(nrow(pairs))
  of <- function(class, coef) {
    paste0(class, "_", term$group, ifelse(nzchar(coef), "__", ""), coef, recycle0 = TRUE)
  }
  list(name = c(of("sd", coef), of("cor", pair)),
       class = rep(c("sd", "cor"), c(length(i), nrow(pairs))),
       i = c(i, pairs[, 2L]), j = c(integer(length(i)), pairs[, 1L]))
}

# "sd(Intercept)" and "sd__(Intercept)" for rows of a fit's `hyper` that belong to terms
hyper_labels_of <- function(fit, hyper, open, close, between, plain = identity) {
  vapply(seq_len(nrow(hyper)), function(k) {
    coef <- plain(fit$random[[hyper$term[k]]]$coef)
    of <- if (hyper$class[k] == "cor") c(hyper$i[k], hyper$j[k]) else hyper$i[k]
    if (all(of == 0L)) return(hyper$class[k])
    paste0(hyper$class[k], open, paste(coef[of], collapse = between), close)
  }, "")
}

without_ranef <- function(fit) {
  fit$random <- list()
  table <- parameter_table(fit)
  table[!table$class %in% c("s", "r"), ]
}

# `regex`: whether `variable` holds regular expressions, or such expressions, beside `variable`
select_parameters <- function(table, variable, regex = FALSE, arg = "variable") {
  patterns <- in_quotes(regex, "regex")
  if (!is.character(patterns)) {
    check_flag(regex, "regex")
    patterns <- NULL
  }
  if (is.null(in_quotes(variable, arg)) && is.null(patterns)) return(table)
  if (!is.null(variable) && !is.character(variable)) {
    vb_abort(arg, c("{.arg {arg}} must be a character vector of parameter names.",
                    x = "It is {describe(variable)}."))
  }
  row <- if (isTRUE(regex)) matching_rows(table, variable, arg)
    else c(named_rows(table, variable, arg), matching_rows(table, patterns, "regex"))
  table[unique(row), , drop = FALSE]
}

named_rows <- function(table, variable, arg) {
  base <- sub("\\[.*", "", table$name)
  row <- lapply(variable, function(v) {
    if (v %in% table$name) match(v, table$name) else which(base == v)
  })
  missing <- variable[lengths(row) == 0]
  if (length(missing)) {
    vb_abort(arg, c(
      "{.arg {arg}} names what is no parameter of the fit: {.val {missing}}.",
      i = "The names are those of {.code rownames(posterior_summary(fit))}."
    ))
  }
  unlist(row)
}

matching_rows <- function(table, patterns, arg) {
  if (!length(patterns)) return(NULL)
  row <- unlist(lapply(patterns, matching, table$name, arg))
  if (length(row)) return(row)
  vb_abort(arg, c("No parameter of the fit matches {.arg {arg}}: {.val {patterns}}.",
                  i = "The names are those of {.code rownames(posterior_summary(fit))}."))
}

# The rows of parameter_table() for `pars`, names of posterior_summary() or of fixef(), and
# `regex_pars`; all where neither is given
parameters_like <- function(fit, pars = NULL, regex_pars = NULL) {
  table <- parameter_table(fit)
  patterns <- in_quotes(regex_pars, "regex_pars")
  if (is.null(in_quotes(pars, "pars")) && is.null(patterns)) return(table)
  fixed <- fixed_names(fit)
  alias <- pars %in% fixed & !pars %in% table$name
  if (is.character(pars)) pars[alias] <- paste0("b_", plain_name(pars[alias]))
  if (!is.null(regex_pars) && !is.character(regex_pars)) {
    vb_abort("regex_pars", c("{.arg regex_pars} must be a character vector of regular expressions.",
                             x = "It is {describe(regex_pars)}."))
  }
  found <- table$name[matching_rows(table, regex_pars, "regex_pars")]
  select_parameters(table, unique(c(pars, found)), arg = "pars")
}

matching <- function(pattern, name, arg = "variable") {
  tryCatch(suppressWarnings(grep(pattern, name)), error = function(e) {
    vb_abort(arg, c("{.val {pattern}} in {.arg {arg}} is no regular expression.",
                    i = "A bracket that is meant as one is written {.val [(]}."))
  })
}
