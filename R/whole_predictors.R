# Of a whole fit (whole_fit.R): its predictors, where it has several.

is_predictor <- function(x, size, n_predictor, fit) {
  if (!has_several(fit)) return(is.null(x))
  int(x, size, lower = 1, upper = n_predictor)
}

are_predictors <- function(x, fit) {
  record(x) && length(x) > 0L && text(names(x), distinct = TRUE) &&
    identical(names(x), fit$design$predicted) &&
    all(vapply(x, function(part) {
      record(part) && text(part$dpar, 1) && text(part$link, 1) &&
        int(part$columns, lower = 1, upper = length(fit$fixed$names)) &&
        text(part$bare, length(part$columns)) &&
        int(part$intercept, 1, lower = 0, upper = length(fit$fixed$names)) &&
        inherits(part$terms, "terms") && all(term_variables(part$terms) %in% names(fit$frame)) &&
        inherits(part$formula, "formula") && maybe(part$xlevels, record) &&
        maybe(part$contrasts, record)
    }, NA))
}

are_parts <- function(x, fit, d) {
  record(x) && length(x) > 0L && all(vapply(x, function(part) {
    record(part) && is.call(part$bar) && inherits(part$terms, "terms") &&
      all(term_variables(part$terms) %in% names(fit$frame)) && int(part$at, lower = 1, upper = d) &&
      maybe(part$xlevels, record) && maybe(part$contrasts, record)
  }, NA)) && setequal(unlist(lapply(x, function(part) part$at)), seq_len(d))
}
