# Expected responses along one or two predictors, the others held.

#' Conditional effects of predictors
#'
#' The posterior of the expected response as one predictor changes, or two that interact, with all
#' others held at a value: with nonlinear links, transformed or interacting terms the way to see
#' what a model says. The arguments, the names of the columns and the values at which predictors are
#' held are those of 'brms'.
#'
#' Effects are variables of the formula, not its terms: of `log(x)` or `poly(x, 2)` it is `x` that
#' changes. Numbers are held at their mean, factors, strings and logicals at their first level, and
#' so is the variable of an `offset()`; `conditions` says otherwise. Of an interaction `"x:z"` the
#' first is drawn along the axis, and a numeric second has its mean and one standard deviation to
#' either side. Random effects are left out unless `re_formula` says otherwise.
#'
#' Of [cumulative()] models the probability of each category is given, of binomial ones that of a
#' success.
#'
#' `conditional_effects()` is a generic of this package so that 'brms' is not needed. Objects that
#' are not ours are handed to `brms::conditional_effects()`, whichever package was attached last.
#'
#' @param x A fit of class `vbfit`; anything else is passed on to 'brms'. For `plot()` and
#'   `print()`, what `conditional_effects()` returned.
#' @param effects Names of predictors, or pairs such as `"x:z"`; by default all predictors of the
#'   fixed part and all pairs that interact in it.
#' @param conditions A data frame with values for other predictors: each of its rows gives a curve
#'   of its own, labelled by the name of the row.
#' @param re_formula Which random effects to use, as `re.form` of [predict.vbfit()]: `NA` none,
#'   `NULL` all, with values of the grouping variables in `conditions`.
#' @param re.form Another name of `re_formula`, that of [predict.vbfit()].
#' @param resolution The number of points along a numeric predictor.
#' @param prob The probability inside the credible band.
#' @param dpar Of a model with several predictors (see [bf()]) the parameter whose effects are
#'   drawn, in place of the expected response.
#' @param ... Further arguments of [predict.vbfit()] such as `offset` and `allow.new.levels`; for
#'   `plot()` graphical parameters passed on to [graphics::plot.default()].
#' @return A list with a data frame per effect, named by it, of class `conditional_effects.vbfit`.
#'   The columns are the predictors, `cond__` (the row of `conditions`), `effect1__` and, of pairs,
#'   `effect2__` (the values along which the effect is drawn; a number that is the second is a
#'   factor), of ordinal models the category `cats__`, and `estimate__`, `se__`, `lower__` and
#'   `upper__`: posterior mean and standard deviation of the expected response, and the limits of
#'   its equal-tailed interval. `plot()` returns its argument invisibly.
#' @seealso [predict.vbfit()] for the same numbers at any `newdata`.
#' @examples
#' fit <- vb(mpg ~ log(hp) * factor(am) + wt, mtcars)
#' effects <- conditional_effects(fit, c("wt", "hp:am"))
#' head(effects$wt)
#' plot(effects, points = TRUE)
#' @export
conditional_effects <- function(x, ...) UseMethod("conditional_effects")

#' @rdname conditional_effects
#' @export
conditional_effects.vbfit <- function(x, effects = NULL, conditions = NULL, re_formula = NA,
                                      resolution = 100, prob = 0.95, dpar = NULL, ...,
                                      re.form = re_formula) {
  x <- whole_fit(x)
  check_number(resolution, "resolution", lower = 2, upper = 1e5, whole = TRUE)
  check_probs(prob, "prob", single = TRUE)
  dpar <- if (!is.null(dpar)) asked_dpar(x, dpar)
  known <- fixed_effects(x)
  pairs <- pick_effects(effects, if (is.null(dpar)) known else fixed_effects(x, dpar))
  variables <- effect_variables(x, known)
  check_conditions(conditions, c(names(variables), all.vars(x$formula), all.vars(x$call$offset)))
  settings <- effect_settings(variables, conditions)
  out <- lapply(pairs, function(pair) {
    grid <- effect_grid(variables, pair, settings, resolution)
    band <- effect_band(x, grid$newdata, re.form, prob, dpar, ...)
    effect_frame(grid, band, pair)
  })
  names(out) <- vapply(pairs, paste, "", collapse = ":")
  structure(out, class = "conditional_effects.vbfit", effects = pairs,
            response = if (is.null(dpar)) response_label(x) else dpar,
            points = if (is.null(dpar)) observed_points(x, variables),
            category = category_label(x), conditions = names(conditions))
}

#' @rawNamespace S3method(conditional_effects, default, forward_conditional_effects)
#' @rawNamespace S3method(brms::conditional_effects, vbfit, conditional_effects.vbfit)
forward_conditional_effects <- function(x, ...) forward("brms", "conditional_effects", x, ...)

#' @rdname conditional_effects
#' @export
print.conditional_effects.vbfit <- function(x, ...) {
  for (name in names(x)) {
    shown <- grep("^(effect[12]|cond|cats|estimate|se|lower|upper)__$", names(x[[name]]),
                  value = TRUE)
    if (length(unique(x[[name]]$cond__)) == 1L) shown <- setdiff(shown, "cond__")
    frame <- x[[name]][shown]
    heading <- paste0("Effect of ", name, " on ", attr(x, "response"), " (", nrow(frame), " rows)")
    cat(strwrap(heading, 80, exdent = 2), sep = "\n")
    print(utils::head(as.data.frame(frame)), digits = 3, row.names = FALSE)
    cat("\n")
  }
  invisible(x)
}

# ---- Which effects -------------------------------------------------------------------------------

# The variables of the fixed part of the formula, as a list:
#   single   those that are in a term, each of which has an effect,
#   pair     pairs of variables that a term of two factors brings together, as x and z of x:log(z),
#   all      with those that are in no term as well, as the variable of an offset().
# Names in the formula that are no columns of the data, as k of log(x + k), are constants. `dpar`:
# of one predictor; NULL: of all.
fixed_effects <- function(fit, dpar = NULL) {
  columns <- names(fit_columns(fit))
  in_term <- unlist(lapply(fixed_terms(fit, dpar), term_columns, columns), recursive = FALSE)
  pair <- unlist(lapply(in_term[lengths(in_term) == 2L], function(parts) {
    both <- expand.grid(parts[[1L]], parts[[2L]], stringsAsFactors = FALSE)
    Map(c, both[[1L]], both[[2L]], USE.NAMES = FALSE)
  }), recursive = FALSE)
  pair <- unique(Filter(function(p) p[1L] != p[2L], pair))
  fields <- Filter(function(field) is.null(dpar) || identical(field$dpar, dpar), fit$fields)
  own <- lapply(fields, function(field) {
    intersect(unlist(lapply(field$variables, all.vars)), columns)
  })
  population <- own[!vapply(fields, is_group_field, NA)]
  pair <- unique(c(pair, Filter(function(p) length(p) == 2L, population)))
  used <- unique(unlist(lapply(fixed_terms(fit, dpar), function(terms) {
    all.vars(stats::formula(terms))
  })))
  all <- union(intersect(used, columns), unlist(own))
  list(single = unique(c(unlist(in_term), unlist(population))), pair = pair, all = all)
}

fixed_terms <- function(fit, dpar = NULL) {
  if (!has_several(fit)) return(list(stats::delete.response(fit$terms)))
  parts <- if (is.null(dpar)) fit$predictors else fit$predictors[dpar]
  unname(lapply(parts, function(part) stats::delete.response(part$terms)))
}

# For each term a list of what its variables are made of
term_columns <- function(terms, columns) {
  factors <- attr(terms, "factors")
  lapply(seq_along(attr(terms, "term.labels")), function(k) {
    lapply(rownames(factors)[factors[, k] > 0L], function(text) {
      intersect(all.vars(str2lang(text)), columns)
    })
  })
}

pick_effects <- function(effects, known) {
  if (is.null(in_quotes(effects, "effects"))) {
    if (length(known$single)) return(c(as.list(known$single), known$pair))
    vb_abort("effects", "The fixed part of the model has no predictors.")
  }
  if (!is.character(effects) || !length(effects)) {
    vb_abort("effects", c("{.arg effects} must be names of predictors, such as {.code \"x\"} or
                           {.code \"x:z\"}.", x = "It is {describe(effects)}."))
  }
  pairs <- strsplit(effects, ":", fixed = TRUE)
  wrong <- effects[vapply(pairs, function(pair) {
    !length(pair) %in% 1:2 || anyDuplicated(pair) > 0L || !all(pair %in% known$single)
  }, NA)]
  if (length(wrong)) {
    vb_abort("effects", c(
      "{.arg effects} must be predictors of the fixed part, or pairs of them: not {.val {wrong}}.",
      i = "The predictors are {.val {known$single}}."))
  }
  pairs
}

# ---- The predictors' values ----------------------------------------------------------------------

# The values of the variables in the rows of the fit: of those in the fixed part, and of those in
# the argument `offset` of vb(). Numbers that the formula makes a factor of carry an attribute
# "coded".
effect_variables <- function(fit, known) {
  columns <- fit_columns(fit)
  names <- union(known$all, intersect(all.vars(fit$call$offset), names(columns)))
  level <- level_variables(fit$fields)
  coded <- unlist(lapply(fixed_terms(fit), function(terms) coded_variables(stats::formula(terms))))
  coded <- c(coded, level$coded)
  lapply(stats::setNames(nm = names), function(name) {
    value <- columns[[name]]
    if (is.null(dim(value)) && is.atomic(value)) {
      value <- value[fit$rows]
      if (name %in% coded) attr(value, "coded") <- TRUE
      if (name %in% level$seen) attr(value, "seen") <- TRUE
      return(value)
    }
    vb_abort("effects", c("{.code {name}} is a matrix, along which no effect can be drawn.",
                          i = "Give its columns to {.fn vb} as variables of their own."))
  })
}

# The names of variables inside factor() or a similar function: their numbers are labels, and
# effects are drawn at these and not between them.
coded_variables <- function(x) {
  if (is_call_to(x, c("factor", "as.factor", "ordered", "as.ordered", "as.character"))) {
    return(all.vars(x[[2L]]))
  }
  if (is.call(x)) unlist(lapply(as.list(x)[-1L], coded_variables))
}

# The variables of structured terms whose numbers are times, or names of levels
level_variables <- function(fields) {
  of <- function(field) lapply(field$variables, all.vars)
  series <- Filter(function(field) field$kind %in% field_series, fields)
  named <- Filter(function(field) !is_function_field(field), fields)
  seen <- unlist(lapply(series, function(field) of(field)[1L]))
  list(seen = seen, coded = setdiff(unlist(lapply(named, of)), seen))
}

# Is the variable a quantity, which is drawn along its range, and not a label?
is_measured <- function(x) {
  (is.numeric(x) || inherits(x, c("Date", "POSIXct"))) && is.null(attr(x, "coded"))
}

# The distinct values of a factor, string or logical, or of a number that is a label; of the same
# type, so that they can be put into new data.
effect_levels <- function(x) {
  if (is.factor(x)) return(factor(levels(x), levels = levels(x), ordered = is.ordered(x)))
  sort(unique(as.vector(x)))
}

held_value <- function(x) {
  if (!is.null(attr(x, "seen"))) return(middle_values(x, 0.5))
  if (is_measured(x)) mean(x, na.rm = TRUE) else effect_levels(x)[1L]
}

# Quantiles that are values of the data, which may be dates
middle_values <- function(x, probs) {
  x <- sort(x)
  attr(x, "seen") <- NULL
  unique(x[pmax(1L, ceiling(probs * length(x)))])
}

check_conditions <- function(conditions, known) {
  given <- tryCatch(names(as.data.frame(conditions)), error = function(e) NULL)
  unknown <- setdiff(given, known)
  if (!length(unknown)) return(invisible())
  vb_abort("conditions", c("{.arg conditions} has what is no variable of the model:
                            {.code {unknown}}.", i = "The variables are {.code {unique(known)}}."))
}

# A data frame with a row per condition and a column per variable: the values that the user gave for
# the condition, and for other variables those at which they are held. `cond__` names the condition.
effect_settings <- function(variables, conditions) {
  held <- data.frame(lapply(variables, held_value), check.names = FALSE)
  if (!length(variables)) held <- data.frame(row.names = 1L)
  if (is.null(conditions)) return(cbind(held, cond__ = factor(1)))
  conditions <- tryCatch(as.data.frame(conditions), error = function(e) NULL)
  if (is.null(conditions) || !nrow(conditions) || !length(conditions)) {
    vb_abort("conditions", "{.arg conditions} must be a data frame with a row per condition.")
  }
  out <- held[rep(1L, nrow(conditions)), , drop = FALSE]
  for (name in names(conditions)) {
    out[[name]] <- as_kind(conditions[[name]], variables[[name]], name)
  }
  label <- row.names(conditions)
  if (.row_names_info(conditions) < 0L) {            # without row names: named by the values
    label <- do.call(paste, c(Map(paste, names(conditions), lapply(conditions, format),
                                  MoreArgs = list(sep = " = ")), sep = ", "))
  }
  out$cond__ <- factor(label, levels = unique(label))
  row.names(out) <- NULL
  out
}

# A user's value as the variable has it: a factor has the levels of the fit's.
as_kind <- function(value, variable, name) {
  if (!is.factor(variable)) return(value)
  unknown <- setdiff(as.character(value), levels(variable))
  if (length(unknown)) {
    vb_abort("conditions", c("{.arg conditions} has what is no level of {.code {name}}:
                              {.val {unknown}}.", i = "The levels are {.val {levels(variable)}}."))
  }
  factor(as.character(value), levels = levels(variable), ordered = is.ordered(variable))
}

# All combinations of the values of the effect's one or two variables with the conditions. A list of
# `newdata` for predict(), and of `effect1` and `effect2`, the columns of the result that show them.
effect_grid <- function(variables, pair, settings, resolution) {
  along <- variables[[pair[1L]]]
  first <- if (!is.null(attr(along, "seen"))) {
    sort(unique(along))
  } else if (is_measured(along)) {
    seq(min(along, na.rm = TRUE), max(along, na.rm = TRUE), length.out = resolution)
  } else {
    effect_levels(along)
  }
  second <- if (length(pair) > 1L) second_values(variables[[pair[2L]]])
  index <- expand.grid(first = seq_along(first), second = seq_len(max(1L, length(second$value))),
                       condition = seq_len(nrow(settings)))
  newdata <- settings[index$condition, , drop = FALSE]
  newdata[[pair[1L]]] <- first[index$first]
  if (length(pair) > 1L) newdata[[pair[2L]]] <- second$value[index$second]
  row.names(newdata) <- NULL
  shown <- if (is_measured(along)) first else factor(first, levels = first)
  list(newdata = newdata, effect1 = shown[index$first],
       effect2 = if (length(pair) > 1L) second$label[index$second])
}

# The values at which the second variable of a pair is shown, and their labels: all of a factor's
# levels; of a number its mean and one standard deviation to either side.
second_values <- function(x) {
  if (!is_measured(x)) {
    value <- effect_levels(x)
    return(list(value = value, label = factor(as.character(value), levels = as.character(value))))
  }
  value <- mean(x, na.rm = TRUE)
  spread <- stats::sd(x, na.rm = TRUE)
  if (!is.null(attr(x, "seen"))) value <- middle_values(x, c(0.25, 0.5, 0.75))
  else if (isTRUE(spread > 0)) value <- value + c(-1, 0, 1) * spread
  text <- format(if (is.numeric(x)) signif(value, 3) else value, trim = TRUE)
  list(value = value, label = factor(text, levels = unique(text)))
}

# ---- The result ----------------------------------------------------------------------------------

# The data frame of one effect. `band` is what effect_band() returned.
effect_frame <- function(grid, band, pair) {
  frame <- grid$newdata[setdiff(names(grid$newdata), "cond__")]
  frame$cond__ <- grid$newdata$cond__
  frame$effect1__ <- grid$effect1
  if (length(pair) > 1L) frame$effect2__ <- grid$effect2
  part <- lapply(seq_along(band), function(k) {
    out <- frame
    if (length(band) > 1L) out$cats__ <- factor(names(band)[k], levels = names(band))
    cbind(out, estimate__ = band[[k]][, 1L], se__ = band[[k]][, 2L], lower__ = band[[k]][, 3L],
          upper__ = band[[k]][, 4L])
  })
  out <- do.call(rbind, part)
  row.names(out) <- NULL
  out
}

# What the vertical axis shows: the response as the formula has it, of cbind() the share of its
# first column, of ordinal models the probability of a category.
response_label <- function(fit) {
  if (length(threshold_rows(fit)) || is_categorical(fit)) {
    return(paste0("P(", category_label(fit), ")"))
  }
  lhs <- fit$formula[[2L]]
  if (is_call_to(lhs, "cbind")) paste("share of", deparse1(lhs[[2L]])) else deparse1(lhs)
}

# The name of the response of an ordinal model: `y` where the formula says factor(y, ordered =
# TRUE).
category_label <- function(fit) {
  lhs <- fit$formula[[2L]]
  variable <- row_variables(fit, lhs)
  if (length(variable) == 1L) variable else deparse1(lhs)
}

# The data, for the points of the plot: the response of each row and all variables that are vectors.
# Not of models of categories (NULL): their vertical axis shows probabilities, and a category is
# none.
observed_points <- function(fit, variables) {
  if (length(threshold_rows(fit)) || is_categorical(fit)) return(NULL)
  other <- as.list(fit$frame[fit$rows, setdiff(names(fit$frame)[-1L], names(variables)),
                             drop = FALSE])
  variables <- c(variables, other)
  plain <- lengths(variables) == length(fit$rows) & vapply(variables, is.atomic, NA)
  groups <- unlist(lapply(fit$random, function(term) all.vars(term$expr)))
  out <- data.frame(lapply(variables[plain], as.vector), response__ = fit$y[fit$rows],
                    check.names = FALSE)
  for (name in intersect(groups, names(out))) out[[name]] <- as.character(out[[name]])
  out
}

# A list of matrices with the columns estimate, se, lower and upper and a row per row of `newdata`:
# one matrix, or, of an ordinal model, one per category and named by it.
effect_band <- function(fit, newdata, re.form, prob, dpar = NULL, ...) {
  got <- predict.vbfit(fit, newdata, re.form = re.form, type = "response", se.fit = TRUE,
                       interval = "credible", level = prob, dpar = dpar, ...)
  columns <- function(fit, se) unname(cbind(fit[, 1L], se, fit[, 2L], fit[, 3L]))
  if (is.matrix(got$fit)) return(list(columns(got$fit, got$se.fit)))
  lapply(stats::setNames(seq_along(fit$levels), fit$levels), function(k) {
    columns(matrix(got$fit[, , k], ncol = 3L), got$se.fit[, k])
  })
}
