# Which priors a fit used.

#' Priors used in a fit
#'
#' What was put on each parameter, after defaults were filled in and scales adapted to the data.
#'
#' The prior of the intercept acts on the intercept at the column means of the model matrix, as in
#' 'rstanarm' and 'brms'. Where a column of a random term with an intercept, such as a year, is more
#' than three of its standard deviations from zero and the priors of the term are the defaults,
#' these are meant at the mean of that column too; `vb()` says so in a message of class
#' `vb_message_centred`. Priors of standard deviations and dispersions are cut at zero,
#' those of the parameters of a [vb_family()] to where these live.
#'
#' `prior_summary()` is a generic of this package so that 'rstantools' and its compiler are not
#' needed. Objects that are not ours are handed to `rstantools::prior_summary()`, whichever
#' package was attached last.
#'
#' @param object A fit of class `vbfit`; anything else is passed on to 'rstantools'.
#' @param x An object of class `prior_summary.vbfit`.
#' @param ... Not used by the method for `vbfit`, with a warning of anything but `digits`, which
#'   'rstanarm' has.
#' @return A list of class `prior_summary.vbfit` with the data frames `prior` (coefficients),
#'   `prior_hs` (the scales of a horseshoe), `prior_intercept`, `prior_aux`, `prior_sd` and
#'   `prior_cor`, those that the model has: a row per parameter with its prior and whether that is
#'   the default.
#' @examples
#' fit <- vb(mpg ~ wt + hp, data = mtcars, prior = normal(0, 5))
#' prior_summary(fit)
#' @export
prior_summary <- function(object, ...) UseMethod("prior_summary")

#' @rdname prior_summary
#' @export
prior_summary.vbfit <- function(object, ...) {
  object <- whole_fit(object)
  warn_unused(list(...), "prior_summary", known = "digits")
  structure(Filter(NROW, object$priors), class = "prior_summary.vbfit",
            moved = moved_priors(object$random, object$design$terms))
}

#' @rawNamespace S3method(prior_summary, default, forward_prior_summary)
#' @rawNamespace S3method(rstantools::prior_summary, vbfit, prior_summary.vbfit)
forward_prior_summary <- function(object, ...) forward("rstantools", "prior_summary", object, ...)

# A name too long to stand beside its prior has lines of its own above it
prior_lines <- function(name, prior, width = 80L) {
  beside <- nchar(name) + 1L + max(nchar(prior)) <= width - 2L
  pad <- max(nchar(name[beside]), 2L)
  lines <- Map(function(name, prior, beside) {
    if (beside) return(paste(formatC(name, width = -pad), prior))
    c(broken(name, width - 2L), paste(strrep(" ", pad), prior))
  }, name, prior, beside)
  paste0("  ", unlist(lines, use.names = FALSE))
}

prior_headings <- c(
  prior_intercept = "Intercept (at the column means)",
  prior = "Coefficients",
  prior_hs = "Horseshoe: global scale and slab",
  prior_sd = "Standard deviations of random effects (cut at zero)",
  prior_cor = "Correlations of random effects",
  prior_aux = "Auxiliary parameters (cut to their range)"
)

#' @rdname prior_summary
#' @export
print.prior_summary.vbfit <- function(x, ...) {
  cat("Priors\n------\n")
  for (part in intersect(names(prior_headings), names(x))) {
    table <- x[[part]]
    cat(prior_headings[[part]], "\n", sep = "")
    default <- ifelse(table$default, "  (default)", "")
    cat(prior_lines(table$parameter, paste0("~ ", table$prior, default)), sep = "\n")
    asked <- setdiff(table$asked, c("", table$prior))
    if (length(asked)) cat(paste0("  from ", asked), sep = "\n")
    moved <- if (part == "prior_sd") attr(x, "moved")
    if (length(moved)) cat(broken(paste0("of intercepts at the means, ", moved), 80L), sep = "\n")
  }
  cat("------\n")
  invisible(x)
}
