# Estimates as tidy data frames, in the vocabulary of 'broom.mixed', and what is built on them.

#' Tidy tables of a fit
#'
#' Methods for the generics of 'generics', which 'broom' and 'broom.mixed' export, so that
#' 'modelsummary', [mice::pool()] and others take a fit. Terms are named as 'broom.mixed' names
#' them.
#'
#' @param x A fit of class `vbfit` or `advifit`.
#' @param effects What to return: the `"fixed"` effects (of [cumulative()] models with the
#'   thresholds), the standard deviations and correlations `"ran_pars"` of random effects and
#'   residuals, the random effects themselves `"ran_vals"`, the sums `"ran_coefs"` of fixed and
#'   random effects of each level, or the dispersions `"auxiliary"`, with `sigma` among them.
#' @param conf.int Whether to add posterior intervals.
#' @param conf.level The probability inside the intervals.
#' @param conf.method `"quantile"`, equal-tailed intervals, or `"HPDinterval"`, the narrowest ones.
#' @param exponentiate Whether to return exponentials of the fixed effects: of the estimate and of
#'   the ends of the interval; the standard error is multiplied by the exponential.
#' @param data For `augment()`, the data of the fit, if other columns are wanted than those of the
#'   model frame: with all its rows or with those that were used.
#' @param newdata New data to predict instead.
#' @param se.fit Whether to add posterior standard deviations of what is predicted.
#' @param type.predict,type.residuals The `type` of [predict()][predict.vbfit] and of
#'   [residuals()][residuals.vbfit].
#' @param ... Not used by `tidy()` and `glance()`, with a warning; of `augment()`, passed on to
#'   [predict()][predict.vbfit], as `re.form` and `allow.new.levels`.
#' @return Tibbles where 'tibble' is installed, else data frames.
#' - `tidy()`: a row per parameter with `effect`, `group`, `level`, `term`, `estimate` (posterior
#'   mean), `std.error` (posterior standard deviation) and, with `conf.int`, `conf.low` and
#'   `conf.high`; `group` and `level` only where effects have them, and `component` only of models
#'   with several predictors (see [bf()]), `"cond"` or the parameter that the predictor is of. Of
#'   an `advifit` there are only `term` and what follows.
#' - `glance()`: one row with `algorithm`, `approximation`, `nobs`, `sigma`, `elbo`, `khat` (of the
#'   draws of ADVI, or of the weights of the nodes where these are weighted), `converged`,
#'   `iterations` (accepted steps) and `df.residual`; of an `advifit` without `nobs`, `sigma` and
#'   `df.residual`.
#' - `augment()`: the data with `.fitted`, on request `.se.fit`, and, without `newdata`, `.resid`.
#'   For [cumulative()] models `.fitted` may be a matrix, and there is no `.resid`.
#' @seealso [posterior_summary()] for the same numbers under the names of 'brms'.
#' @examplesIf requireNamespace("generics", quietly = TRUE)
#' sleepstudy <- read.csv(system.file("extdata", "sleepstudy.csv", package = "varbayes"))
#' fit <- vb(Reaction ~ Days + (Days | Subject), data = sleepstudy)
#' generics::tidy(fit, conf.int = TRUE)
#' generics::tidy(fit, effects = "ran_vals")
#' generics::glance(fit)
#' generics::augment(fit, se.fit = TRUE)
#' @exportS3Method generics::tidy
tidy.vbfit <- function(x, effects = c("fixed", "ran_pars"), conf.int = FALSE, conf.level = 0.95,
                       conf.method = c("quantile", "HPDinterval"), exponentiate = FALSE, ...) {
  x <- whole_fit(x)
  check_tidy(effects, conf.int, conf.level, exponentiate)
  method <- pick_choice(conf.method, "conf.method", c("quantile", "HPDinterval"))
  warn_unused(list(...), "tidy.vbfit", known = "parametric")       # which 'mice' hands to all
  lower <- (1 - conf.level) * if (method == "quantile") 0.5 else seq_len(99) / 100
  probs <- if (conf.int) c(lower, lower + conf.level) else numeric()
  table <- parameter_table(x)
  parts <- lapply(unique(effects), function(effect) {
    if (effect == "ran_coefs") return(tidy_coefs(x, probs))
    row <- effect_rows(x, table, effect)
    label <- effect_labels(x, table[row, ], effect)
    out <- data.frame(effect = rep(effect, length(row)), label)
    out <- cbind(out, estimate_columns(summarise_parameters(x, table[row, ], probs)))
    if (effect == "ran_vals") rbind(out, tidy_field_effects(x, probs)) else out
  })
  out <- do.call(rbind, parts)
  if (exponentiate) out <- exponentiated(out, out$effect == "fixed")
  grouped <- grepl("^ran_", effects)
  levelled <- effects %in% c("ran_vals", "ran_coefs")
  out <- out[c(TRUE, any(grouped), any(levelled), rep(TRUE, ncol(out) - 3L))]
  as_tidy(if (has_several(x)) with_component(x, out) else out)
}

# Of several predictors the one that a term is of, the mean's being "cond"; terms without its name
with_component <- function(fit, out) {
  dpar <- setdiff(names(fit$predictors), "mu")
  component <- ifelse(startsWith(out$term, "cor__"), NA, "cond")
  for (d in dpar) {
    at <- grepl(paste0("^(sd__)?", d, "_"), out$term)
    component[at] <- d
    out$term[at] <- sub(paste0(d, "_Intercept"), "(Intercept)", out$term[at], fixed = TRUE)
    out$term[at] <- sub(paste0(d, "_"), "", out$term[at], fixed = TRUE)
  }
  data.frame(out["effect"], component = component, out[-1L], check.names = FALSE)
}

#' @rdname tidy.vbfit
#' @exportS3Method generics::tidy
tidy.advifit <- function(x, conf.int = FALSE, conf.level = 0.95, ...) {
  check_tidy("fixed", conf.int, conf.level, FALSE)
  warn_unused(list(...), "tidy.vbfit", known = c("parametric", "effects"))
  probs <- if (conf.int) c((1 - conf.level) / 2, (1 + conf.level) / 2) else numeric()
  summary <- posterior_summary(x, probs)
  as_tidy(data.frame(term = rownames(summary), estimate_columns(summary)))
}

check_tidy <- function(effects, conf.int, conf.level, exponentiate) {
  check_flag(conf.int, "conf.int")
  check_flag(exponentiate, "exponentiate")
  check_probs(conf.level, "conf.level", single = TRUE)
  wrong <- setdiff(if (is.character(effects)) effects else describe(effects), names(tidy_effects))
  if (!length(wrong) && length(effects)) return(invisible())
  vb_abort("effects", c("{.arg effects} may be {.or {.val {names(tidy_effects)}}}.",
                        x = "It is {.val {wrong}}."))
}

# The classes of parameter_table() that belong to each kind of effect
tidy_effects <- list(fixed = c("threshold", "b"), ran_pars = c("sd", "cor"), ran_vals = "r",
                     ran_coefs = character(), auxiliary = c("field", "aux", "hs"))

# Residual standard deviations count among the random effects' too, as in 'broom.mixed'; those of
# gr() and mm() do and are no auxiliary parameters
effect_rows <- function(fit, table, effect) {
  member <- table$name %in% member_sds(fit)$name
  pars <- effect == "ran_pars" & (is_residual(table) | member)
  which(table$class %in% tidy_effects[[effect]] & !member | pars)
}

# The standard deviations of gr() and mm()
member_sds <- function(fit) {
  k <- levelled_fields(fit, members = TRUE)
  data.frame(name = vapply(fit$fields[k], function(f) f$blocks[[1L]]$hyper$name[1L], ""),
             group = as.character(names(k)), coef = vapply(fit$fields[k], effect_coef, ""))
}

tidy_field_effects <- function(fit, probs) {
  k <- levelled_fields(fit)
  do.call(rbind, lapply(seq_along(k), function(j) {
    value <- field_effects(fit, k[[j]], probs)
    data.frame(effect = "ran_vals", group = names(k)[j], level = rownames(value),
               term = effect_coef(fit$fields[[k[[j]]]]), estimate_columns(value))
  }))
}

is_residual <- function(table) table$class == "aux" & table$name == "sigma"

# group, level and term of each row of the table
effect_labels <- function(fit, table, effect) {
  none <- rep(NA_character_, nrow(table))
  label <- data.frame(group = none, level = none, term = table$name)
  if (effect == "fixed") label$term <- fixed_names(fit)
  if (effect == "ran_pars") label[c("group", "term")] <- hyper_labels(fit, table)
  if (effect == "ran_vals" && nrow(label)) label[] <- level_labels(fit)
  label
}

hyper_labels <- function(fit, table) {
  hyper <- fit$hyper[table$row, , drop = FALSE]
  own <- member_sds(fit)
  field <- match(hyper$name, own$name)
  term <- rep("sd__Observation", nrow(hyper))
  term[!is.na(field)] <- paste0("sd__", own$coef[field[!is.na(field)]], recycle0 = TRUE)
  random <- hyper$term > 0L
  term[random] <- hyper_labels_of(fit, hyper[random, , drop = FALSE], "__", "", ".")
  group <- as.character(c("Residual", group_labels(fit))[hyper$term + 1L])
  group[!is.na(field)] <- own$group[field[!is.na(field)]]
  data.frame(group = group, term = term)
}

# In the order of ranef_table()
level_labels <- function(fit) {
  do.call(rbind, lapply(fit$random, function(term) {
    n <- length(term$levels)
    data.frame(group = term$group, level = rep(term$levels, length(term$coef)),
               term = rep(term$coef, each = n))
  }))
}

# Of several intervals in the columns from the third on, lower ends before upper ones, the narrowest
narrowest <- function(summary) {
  n <- (ncol(summary) - 2L) / 2L
  lower <- summary[, 2L + seq_len(n), drop = FALSE]
  upper <- summary[, 2L + n + seq_len(n), drop = FALSE]
  at <- cbind(seq_len(nrow(summary)), apply(upper - lower, 1L, which.min))
  cbind(summary[, 1:2, drop = FALSE], lower[at], upper[at])
}

estimate_columns <- function(summary) {
  if (ncol(summary) > 4L && nrow(summary)) summary <- narrowest(summary)
  summary <- summary[, seq_len(min(4L, ncol(summary))), drop = FALSE]
  colnames(summary) <- c("estimate", "std.error", "conf.low", "conf.high")[seq_len(ncol(summary))]
  rownames(summary) <- NULL
  as.data.frame(summary)
}

exponentiated <- function(table, row) {
  location <- intersect(c("estimate", "conf.low", "conf.high"), names(table))
  table[row, location] <- exp(table[row, location])
  table$std.error[row] <- table$std.error[row] * table$estimate[row]
  table
}

as_tidy <- function(table) {
  rownames(table) <- NULL
  if (rlang::is_installed("tibble")) tibble::as_tibble(table) else table
}

# ---- Sums of fixed and random effects ------------------------------------------------------------

tidy_coefs <- function(fit, probs) {
  parts <- lapply(unique(group_labels(fit)), level_sums, fit = fit, probs = probs)
  empty <- data.frame(effect = character(), group = character(), level = character(),
                      term = character(),
                      estimate_columns(matrix(0, 0L, 2L + length(probs))))
  if (length(parts)) do.call(rbind, parts) else empty
}

# Each sum is the linear predictor of a design row: one at a fixed effect and at its random ones
level_sums <- function(fit, group, probs) {
  terms <- which(group_labels(fit) == group)
  level <- fit$random[[terms[1L]]]$levels
  name <- union(unlist(lapply(fit$random[terms], function(term) term$coef)), fit$fixed$names)
  n <- length(level)
  label <- data.frame(effect = "ran_coefs", group = group, level = rep(level, length(name)),
                      term = rep(name, each = n))
  rows <- level_sum_rows(fit, terms, name, n)
  sd <- sqrt(row_moments(fit, rows_of_link(fit, rows))$var)
  bounds <- if (length(probs)) {
    interval_bounds(fit, rows, "link", "credible", probs, numeric(nrow(label)))
  }
  cbind(label, estimate_columns(cbind(predictor_mean(fit, rows), sd, bounds, deparse.level = 0)))
}

level_sum_rows <- function(fit, terms, name, n) {
  size <- n * length(name)
  own <- function(names) 1 * (outer(rep(name, each = n), names, `==`))
  rows <- empty_rows(fit, size)
  rows$x[, seq_along(fit$fixed$names)] <- own(fit$fixed$names)
  rows$group[terms] <- list(rep(seq_len(n), length(name)))
  rows$z[terms] <- lapply(fit$random[terms], function(term) own(term$coef))
  rows
}

# ---- One row for the fit, one for each observation -----------------------------------------------

#' @rdname tidy.vbfit
#' @exportS3Method generics::glance
glance.vbfit <- function(x, ...) {
  x <- whole_fit(x)
  warn_unused(list(...), "tidy.vbfit")
  khat <- fit_khat(x)
  as_tidy(data.frame(
    algorithm = x$algorithm, approximation = x$approximation, nobs = nobs(x),
    sigma = if ("sigma" %in% names(x$predictors)) NA_real_ else sigma(x),
    elbo = x$elbo, khat = if (length(khat) == 1L && is.finite(khat)) khat else NA_real_,
    converged = isTRUE(x$converged), iterations = nrow(x$trace), df.residual = df.residual(x)
  ))
}

#' @rdname tidy.vbfit
#' @exportS3Method generics::glance
glance.advifit <- function(x, ...) {
  warn_unused(list(...), "tidy.vbfit")
  as_tidy(data.frame(algorithm = "advi", approximation = x$approximation, elbo = x$elbo,
                     khat = x$khat, converged = isTRUE(x$converged), iterations = nrow(x$trace)))
}

#' @rdname tidy.vbfit
#' @exportS3Method generics::augment
augment.vbfit <- function(x, data = NULL, newdata = NULL, se.fit = FALSE,
                          type.predict = c("link", "response"),
                          type.residuals = c("response", "pearson", "working", "deviance"), ...) {
  x <- whole_fit(x)
  check_flag(se.fit, "se.fit")
  type.predict <- pick_choice(type.predict, "type.predict", c("link", "response"))
  type.residuals <- pick_choice(type.residuals, "type.residuals",
                                c("response", "pearson", "working", "deviance"))
  own <- is.null(newdata)
  value <- predict.vbfit(x, newdata, type = type.predict, se.fit = TRUE, ...)
  out <- list(.fitted = value$fit, .se.fit = if (se.fit) value$se.fit)
  categories <- length(threshold_rows(x)) > 0L || is_categorical(x)
  if (own && !categories) out$.resid <- residuals(x, type = type.residuals)
  table <- if (own) augmented_data(x, data, NROW(value$fit)) else as_newdata(newdata)
  for (column in names(Filter(Negate(is.null), out))) {
    table[[column]] <- if (is.matrix(out[[column]])) out[[column]] else unname(out[[column]])
  }
  as_tidy(table)
}

# As many rows as there are predictions: those of the model frame, or also those that na.exclude()
# puts back
augmented_data <- function(fit, data, n) {
  if (is.null(data)) {
    data <- fit$frame[stats::naresid(fit$na.action, seq_len(nrow(fit$frame))), , drop = FALSE]
  }
  if (!is.data.frame(data)) {
    vb_abort("data", c("{.arg data} must be a data frame.", x = "It is {describe_class(data)}."))
  }
  attr(data, "terms") <- NULL
  lost <- length(fit$na.action)
  if (lost && nrow(data) == n + lost) data <- data[-fit$na.action, , drop = FALSE]
  if (nrow(data) == n) return(data)
  vb_abort("data", c("{.arg data} must be the data of the fit, which have {n} rows.",
                     x = "It has {nrow(data)} rows.",
                     i = "Predict other data by {.code augment(fit, newdata = )}."))
}
