# The short printout, in the layout of 'rstanarm'. Nothing here prints data, however vb() was
# called.

#' Print a fit
#'
#' The model, the posterior mean and standard deviation of each coefficient and dispersion, and
#' the standard deviations and correlations of the random effects, in the layout that
#' 'rstanarm' made familiar.
#'
#' @param x A fit of class `vbfit`.
#' @param digits Decimals of the estimates; more are shown where the smallest standard error
#'   needs them.
#' @param ... Not used.
#' @return `x`, invisibly.
#' @seealso [summary.vbfit()] for intervals and how the fit went.
#' @examples
#' fit <- vb(dist ~ speed, data = cars)
#' print(fit)
#' @export
print.vbfit <- function(x, digits = 1, ...) {
  x <- whole_fit(x)
  check_digits(digits)
  cat("vb\n")
  cat(labelled_formulas(" formula:      ", model_formulas(x)), sep = "\n")
  cat(" family:       ", x$family$family, " [", links_text(x), "]\n", sep = "")
  cat(" observations: ", observations(x), "\n", sep = "")
  cat("------\n")
  parameters <- without_ranef(x)
  table <- summarise_parameters(x, parameters, numeric())
  class <- parameters$class
  fixed <- table[class %in% c("threshold", "b"), , drop = FALSE]
  rownames(fixed) <- fixed_names(x)
  if (nrow(fixed)) print_estimates(fixed, digits) else cat("No fixed effects\n")
  if (any(class == "aux")) {
    cat("\nAuxiliary parameters:\n")
    print_estimates(table[class == "aux", , drop = FALSE], digits)
  }
  if (any(class == "field")) {
    cat("\nStructured terms:\n")
    print_estimates(table[class == "field", , drop = FALSE], digits)
  }
  if (length(x$random)) {
    cat("\nError terms:\n")
    print(VarCorr(x), digits = digits + 1)
    cat("Num. levels:", paste(names(ngrps.vbfit(x)), ngrps.vbfit(x), collapse = ", "), "\n")
  }
  cat("------\n")
  doubt <- doubt_sentence(x$engine)
  if (length(doubt)) writeLines(strwrap(doubt, 80, initial = "* ", exdent = 2))
  if (!isTRUE(x$converged) && (nzchar(x$stopped) || !length(doubt))) {
    cat("* Not converged: see summary() for how far the fit came\n")
  }
  if (is_bound(x)) {
    cat("* Fitted to the ", x$bound, " bound: standard deviations tend to be too small\n", sep = "")
  }
  cat("* Estimate and Est.Error are posterior mean and standard deviation\n")
  writeLines(estimate_notes(x))
  cat("* For intervals see summary(), for the priors used prior_summary()\n")
  invisible(x)
}

# What is to be known of the estimates, in lines
estimate_notes <- function(fit) UseMethod("estimate_notes", held_as(fit))

#' @export
estimate_notes.held_nodes <- function(fit) {
  if (fit$approximation == "structured") return(character())
  paste0("* Est.Error is that of the ", fit$approximation, " approximation: see summary()")
}

is_bound <- function(fit) !identical(fit$bound, "exact")

# "180", and what was left out of it
observations <- function(fit) {
  n_missing <- length(fit$na.action)
  n_zero <- NROW(fit$frame) - fit$nobs
  dropped <- c(
    if (n_missing) paste(n_missing, "with missing values"),
    if (n_zero > 0) paste(n_zero, "of weight zero")
  )
  if (length(dropped) == 0L) return(format(fit$nobs))
  paste0(fit$nobs, " (left out: ", paste(dropped, collapse = ", "), ")")
}
