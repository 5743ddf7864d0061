# The long printout, in the layout of 'brms', and the object behind it.

#' Summarise a fit
#'
#' Posterior means, standard deviations and equal-tailed intervals of everything but the random
#' effects (for those see [posterior_summary()]), and how the fit went.
#'
#' The last lines of the printout tell the approximation, the evidence lower bound, the number
#' of nodes over the hyperparameters and how they were weighted, the solver, and whether and
#' when the fit converged. Interpolated nodes report the interpolation's error, weighted ones
#' the effective sample size (ESS) and the Pareto k of their weights: above 0.7, unless
#' the largest weight is less than five times their mean, the summary of the hyperparameters is
#' not to be trusted. There is no Rhat: nothing was sampled.
#'
#' @param object A fit of class `vbfit`.
#' @param prob The probability inside the intervals.
#' @param x An object of class `summary.vbfit`.
#' @param digits Decimals of the estimates; more are shown where the smallest standard error
#'   needs them.
#' @param ... Not used; `summary()` warns of what is there.
#' @return An object of class `summary.vbfit`: a list with the data frames `fixed`, `random` (a
#'   list with one per grouping factor) and `spec_pars` (the dispersions), each with the columns
#'   `Estimate`, `Est.Error` and the limits of the interval (of a fit by ADVI also `q.Error`, the
#'   standard deviation of the approximation before linear response corrected it, and `Pareto.k`,
#'   see [summary.advifit()]); and with `formula`, `family`,
#'   `link`, `data_name`, `nobs`, `observations`, `ngrps`, `prior` (see [prior_summary()]) and
#'   `report`.
#' @references
#' Yao, Y., Vehtari, A., Simpson, D. and Gelman, A. (2018) Yes, but did it work? Evaluating
#' variational inference. *Proceedings of Machine Learning Research* 80, 5581-5590.
#' @examples
#' sleepstudy <- read.csv(system.file("extdata", "sleepstudy.csv", package = "varbayes"))
#' fit <- vb(Reaction ~ Days + (Days | Subject), data = sleepstudy)
#' summary(fit)
#' summary(fit, prob = 0.9)$fixed
#' @export
summary.vbfit <- function(object, prob = 0.95, ...) {
  object <- whole_fit(object)
  check_probs(prob, "prob", single = TRUE)
  warn_unused(list(...), "summary.vbfit")
  parameters <- without_ranef(object)
  table <- summarise_parameters(object, parameters, c((1 - prob) / 2, (1 + prob) / 2))
  colnames(table)[3:4] <- paste0(c("l-", "u-"), format(100 * prob), "% CI")
  table <- cbind(table, further_columns(object, parameters))
  pick <- function(which, name) {
    frame <- as.data.frame(table[which, , drop = FALSE], optional = TRUE)
    rownames(frame) <- name
    frame
  }
  fixed <- parameters$class %in% c("threshold", "b")
  aux <- parameters$class %in% c("aux", "hs")
  own <- parameters$class == "field"
  structure(list(
    formula = object$formula, formulas = model_formulas(object), family = object$family$family,
    link = links_text(object),
    data_name = data_name(object), nobs = object$nobs, observations = observations(object),
    ngrps = ngrps.vbfit(object), fixed = pick(fixed, plain_name(fixed_names(object))),
    structured = pick(own, parameters$name[own]), edf = field_edf(object),
    random = random_summaries(object, table), spec_pars = pick(aux, parameters$name[aux]),
    prior = prior_summary.vbfit(object), report = fit_report(object), prob = prob
  ), class = "summary.vbfit")
}

# Columns that the summary has besides estimates, errors and intervals
further_columns <- function(fit, table) UseMethod("further_columns", held_as(fit))

#' @export
further_columns.held_nodes <- function(fit, table) NULL

# One data frame per grouping factor: its sds, then its correlations
random_summaries <- function(fit, table) {
  group <- group_labels(fit)
  lapply(stats::setNames(nm = unique(group)), function(g) {
    hyper <- fit$hyper[fit$hyper$term %in% which(group == g), , drop = FALSE]
    hyper <- hyper[order(hyper$class == "cor"), , drop = FALSE]
    frame <- as.data.frame(table[as.character(hyper$name), , drop = FALSE], optional = TRUE)
    rownames(frame) <- make.unique(hyper_labels_of(fit, hyper, "(", ")", ",", plain_name))
    frame
  })
}

# The name of the data as the user wrote it; nothing where data itself sits in the call, as
# after do.call()
data_name <- function(fit) {
  data <- fit$call$data
  if (!is.symbol(data) && !is.call(data)) return(NULL)
  text <- deparse(data)
  if (length(text) == 1L && nchar(text) <= 40L) text
}

#' @rdname summary.vbfit
#' @export
print.summary.vbfit <- function(x, digits = 2, ...) {
  check_digits(digits)
  cat(" Family:", x$family, "\n")
  cat("   Link:", x$link, "\n")
  cat(labelled_formulas("Formula: ", x$formulas), sep = "\n")
  cat("   Data: ", x$data_name, if (!is.null(x$data_name)) " ",
      "(Number of observations: ", x$observations, ")\n", sep = "")
  if (length(x$random)) cat("\nMultilevel Hyperparameters:\n")
  for (g in names(x$random)) {
    cat("~", g, " (Number of levels: ", x$ngrps[[g]], ")\n", sep = "")
    print_estimates(x$random[[g]], digits)
  }
  if (NROW(x$structured)) {
    cat("\nStructured Terms:\n")
    print_estimates(x$structured, digits)
    if (length(x$edf)) {
      text <- paste(names(x$edf), format(round(x$edf, 1L), nsmall = 1L, trim = TRUE))
      text <- paste("Effective degrees of freedom:", toString(text))
      cat(strwrap(text, 80, exdent = 2), sep = "\n")
    }
  }
  if (nrow(x$fixed)) {
    cat("\nRegression Coefficients:\n")
    print_estimates(x$fixed, digits)
  }
  if (nrow(x$spec_pars)) {
    cat("\nFurther Distributional Parameters:\n")
    print_estimates(x$spec_pars, digits)
  }
  lines <- strsplit(x$report, "\n", fixed = TRUE)[[1L]]
  cat("\n", paste0(strwrap(lines, width = 80, exdent = 2), "\n"), sep = "")
  invisible(x)
}

# How the fit went, in a line or two
fit_report <- function(fit) UseMethod("fit_report", held_as(fit))

#' @export
fit_report.held_nodes <- function(fit) {
  engine <- fit$engine
  outcome <- if (isTRUE(fit$converged)) "converged" else if (nzchar(fit$stopped)) {
    paste0("NOT converged (", fit$stopped, ")")
  } else {
    "NOT converged"
  }
  elbo <- format(round(fit$elbo, 2), nsmall = 2)
  seconds <- format(signif(fit$seconds, 2), scientific = FALSE)
  bound <- if (is_bound(fit)) paste0(fit$bound, " bound in place of the likelihood, ")
  paste0("Fit: ", fit$approximation, " approximation, ", bound, "ELBO ", elbo, ", ",
         node_report(engine), engine$solver, " solver, ", outcome, " in ", seconds, " s.",
         paste0("\n", doubt_sentence(engine), recycle0 = TRUE),
         approximation_note(fit$approximation))
}

# What the standard deviations of an approximation are worth
approximation_note <- function(approximation) {
  notes <- c(
    joint = "Coordinate ascent with q(c) q(theta): Est.Error of the hyperparameters is too small,
      and that of the coefficients leaves their uncertainty out.",
    partial = "Levels of random effects taken as independent: Est.Error of the regression
      coefficients is corrected by linear response, all others are too small.",
    meanfield = "Mean field, all blocks independent: Est.Error is too small, for intercepts and
      other coefficients of grouped data often by factors."
  )
  if (!approximation %in% names(notes)) return("")
  paste0("\n", gsub("\\s+", " ", notes[[approximation]]),
         " For calibrated ones use approximation = \"structured\".")
}

node_report <- function(engine) {
  n <- n_solved(engine)
  detail <- c(
    if (is_known(engine$node_error)) paste("error", format(signif(engine$node_error, 2))),
    if (is_known(engine$ess)) paste("ESS", round(engine$ess)),
    if (is_known(engine$khat)) paste("Pareto k", format(round(engine$khat, 2), nsmall = 2))
  )
  if (engine$rule %in% c("none", "independent")) return("")
  rule <- if (identical(engine$rule, "surrogate")) "interpolated" else engine$rule
  paste0(n, if (n == 1L) " node " else " nodes ", rule,
         if (length(detail)) paste0(" (", paste(detail, collapse = ", "), ")"), ", ")
}
