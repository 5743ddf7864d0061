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
  check_digits(digits)
  cat("vb\n")
  cat(labelled_formula(" formula:      ", x$formula), sep = "\n")
  cat(" family:       ", x$family$family, " [", x$family$link, "]\n", sep = "")
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
  if (length(x$random)) {
    cat("\nError terms:\n")
    print(VarCorr(x), digits = digits + 1)
    cat("Num. levels:", paste(names(ngrps.vbfit(x)), ngrps.vbfit(x), collapse = ", "), "\n")
  }
  cat("------\n")
  if (!isTRUE(x$converged)) cat("* Not converged: see summary() for how far the fit came\n")
  if (is_bound(x)) {
    cat("* Fitted to the ", x$bound, " bound: standard deviations tend to be too small\n", sep = "")
  }
  cat("* Estimate and Est.Error are posterior mean and standard deviation\n")
  if (!is.null(x$advi)) {
    verdict <- advi_verdict(advi_view(x, without_ranef(x)))
    cat(strwrap(verdict, 80, initial = "* ", exdent = 2), sep = "\n")
  } else if (x$approximation != "structured") {
    cat("* Est.Error is that of the ", x$approximation, " approximation: see summary()\n", sep = "")
  }
  cat("* For intervals see summary(), for the priors used prior_summary()\n")
  invisible(x)
}

check_digits <- function(digits) check_number(digits, "digits", lower = 0, upper = 15, whole = TRUE)

is_bound <- function(fit) !identical(fit$bound, "exact")

without_ranef <- function(fit) {
  fit$random <- list()
  parameter_table(fit)
}

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

labelled_formula <- function(label, formula, width = 80) {
  text <- paste(deparse(formula, width.cutoff = 500L), collapse = " ")
  strwrap(text, width = width, initial = label, exdent = nchar(label))
}

# Two significant digits of the smallest standard error, within two more decimals than asked for;
# rows that need more than that are written on their own, so that small effects do not print as
# 0.00, and so are parameters held at a value
print_estimates <- function(table, digits) {
  table <- as.data.frame(table, optional = TRUE)
  text <- format_estimates(table[names(table) != "Pareto.k"], digits)
  if ("Pareto.k" %in% colnames(table)) {
    k <- table[["Pareto.k"]]
    text <- cbind(text, Pareto.k = ifelse(is.na(k), "", two_places(k)))
  }
  print_table(text)
}

# A label too long to stand beside its numbers has lines of its own above them
print_table <- function(text, width = 80L) {
  label <- rownames(text)
  cells <- apply(rbind(colnames(text), text), 2L, format, justify = "right")
  values <- apply(cells, 1L, paste, collapse = " ")
  room <- width - nchar(values[1L]) - 1L
  beside <- nchar(label) <= room
  if (all(beside) || room < 10L) return(print(text, quote = FALSE, right = TRUE))
  pad <- max(nchar(label[beside]), 4L)
  lines <- Map(function(label, value, beside) {
    if (beside) return(paste(formatC(label, width = -pad), value))
    c(broken(label, width), paste(strrep(" ", pad), value))
  }, label, values[-1L], beside)
  cat(c(paste(strrep(" ", pad), values[1L]), unlist(lines, use.names = FALSE)), sep = "\n")
}

# In pieces of at most `width` characters
broken <- function(x, width) {
  start <- seq(1L, max(nchar(x), 1L), width)
  substring(x, start, start + width - 1L)
}

format_estimates <- function(table, digits) {
  table <- as.matrix(table)
  error <- table[, "Est.Error"]
  need <- ifelse(is.finite(error) & error > 0, 1 - floor(log10(error)), 0)
  tiny <- need > digits + 2
  held <- which(error %in% 0)
  text <- formatC(table, format = "f", digits = max(digits, need[!tiny]))
  for (k in which(tiny)) {
    size <- pmin(ceiling(log10(pmax(abs(table[k, ]) / error[k], 1))), 13)
    text[k, ] <- vapply(seq_along(size), function(j) format(table[k, j], digits = 2 + size[j]), "")
  }
  for (k in held) text[k, ] <- ifelse(colnames(table) == "Est.Error", "0", format(table[k, 1L]))
  dimnames(text) <- dimnames(table)
  text
}
