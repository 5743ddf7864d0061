# The estimates in the forms of stats, nlme and lme4; all are posterior means of
# posterior_summary().

#' Estimates of a fit
#'
#' The methods of 'stats', 'nlme' and 'lme4' that extract estimates, with their names and
#' return values. All means and intervals are those of [posterior_summary()].
#'
#' @param object,x A fit of class `vbfit`, or what `VarCorr()` and `ranef()` return.
#' @param correlation Whether to return correlations instead of covariances.
#' @param full Whether to return the matrix of all parameters, with the names and variances of
#'   [posterior_summary()], and not of the fixed effects alone. Its correlations are those of 4000
#'   draws, the same at each call.
#' @param parm Names or positions of the fixed effects wanted; all by default.
#' @param level The probability inside the interval.
#' @param condVar Whether to add the posterior covariances of each level's random effects as
#'   the attribute `"postVar"`.
#' @param sigma Kept for the generic of 'nlme'; there is a warning of any value but 1.
#' @param row.names,optional Kept for the generic; not used.
#' @param digits,comp Digits and component (`"Std.Dev."`, `"Variance"` or both) to print, as in
#'   'lme4'.
#' @param ... Not used, with a warning, or passed on to `print()`.
#' @return
#' - `fixef()`: posterior means of the fixed effects, named by the columns of the model matrix;
#'   those of [cumulative()] models begin with the thresholds, as do `vcov()` and `confint()`.
#' - `ranef()`: a list with one data frame per grouping factor, rows for levels and columns for
#'   coefficients, of class `c("ranef.vbfit", "ranef.mer")`. With `condVar = TRUE` each has the
#'   attribute `"postVar"`, an array with one posterior covariance matrix per level. Those of
#'   [structured] terms that have levels are named as their standard deviations are, such as
#'   `ar1_time`, `car` or, of `gr(species, cov = A)`, `species`.
#' - `coef()`: with random effects a list of data frames that hold the sum of fixed and random
#'   effects for each level, also of `gr()` and `mm()`; otherwise the fixed effects.
#' - `VarCorr()`: a list with a covariance matrix per term, with the posterior means of the
#'   standard deviations and correlations as the attributes `"stddev"` and `"correlation"`.
#' - `vcov()`: the posterior covariance matrix of the fixed effects, or of all parameters.
#' - `confint()`: equal-tailed posterior intervals of the fixed effects.
#' - `sigma()`: posterior mean of the residual standard deviation (of the scale, for
#'   [student()]), 1 where the family has none.
#' - `ngrps()` (of 'lme4'): the number of levels of each grouping factor.
#' @examples
#' sleepstudy <- read.csv(system.file("extdata", "sleepstudy.csv", package = "varbayes"))
#' fit <- vb(Reaction ~ Days + (Days | Subject), data = sleepstudy)
#' fixef(fit)
#' confint(fit)
#' VarCorr(fit)
#' head(ranef(fit)$Subject)
#' head(coef(fit)$Subject)
#' vcov(fit)
#' sigma(fit)
#' @importFrom stats coef confint sigma vcov
#' @name estimates
NULL

#' @importFrom nlme fixef
#' @export
nlme::fixef

#' @importFrom nlme ranef
#' @export
nlme::ranef

#' @importFrom nlme VarCorr
#' @export
nlme::VarCorr

#' @rdname estimates
#' @export
fixef.vbfit <- function(object, ...) {
  object <- whole_fit(object)
  warn_unused(list(...), "estimates")
  threshold <- threshold_summary(object, threshold_rows(object), numeric())[, 1L]
  slopes <- slope_means(object)[seq_along(object$fixed$names)]
  stats::setNames(c(threshold, slopes), fixed_names(object))
}

#' @rdname estimates
#' @export
vcov.vbfit <- function(object, correlation = FALSE, full = FALSE, ...) {
  object <- whole_fit(object)
  check_flag(correlation, "correlation")
  check_flag(full, "full")
  warn_unused(list(...), "estimates", known = "complete")
  if (full) return(full_covariance(object, correlation))
  weight <- object$engine$node$weight
  name <- fixed_names(object)
  joint <- joint_nodes(object)
  deviation <- joint$mean - drop(joint$mean %*% weight)
  cov <- joint$within + deviation %*% (weight * t(deviation))
  cov <- (cov + t(cov)) / 2
  dimnames(cov) <- list(name, name)
  if (correlation) stats::cov2cor(cov) else cov
}

full_covariance <- function(fit, correlation) {
  table <- parameter_table(fit)
  draws <- with_noise_stream("fixed", draw_parameters(fit, table, ndraws.vbfit(fit)))
  sd <- summarise_parameters(fit, table, numeric())[, "Est.Error"]
  cor <- diag(length(sd))
  free <- sd > 0                                       # the others are held at a value
  cor[free, free] <- stats::cor(draws[, free])
  dimnames(cor) <- list(table$name, table$name)
  if (correlation) cor else cor * outer(sd, sd)
}

#' @rdname estimates
#' @export
confint.vbfit <- function(object, parm, level = 0.95, ...) {
  object <- whole_fit(object)
  check_probs(level, "level", single = TRUE)
  warn_unused(list(...), "estimates")
  probs <- c((1 - level) / 2, (1 + level) / 2)
  table <- parameter_table(object)
  table <- table[table$class %in% c("threshold", "b"), ]
  out <- summarise_parameters(object, table, probs)[, -(1:2), drop = FALSE]
  dimnames(out) <- list(fixed_names(object), percent_names(probs))
  if (missing(parm)) return(out)
  check_parm(parm, rownames(out), "fixed effect", "fixef")
  out[parm, , drop = FALSE]
}

check_parm <- function(parm, name, what, extractor) {
  unknown <- setdiff(parm, if (is.character(parm)) name else seq_along(name))
  if (!length(unknown)) return(invisible())
  vb_abort("parm", c("{.arg parm} asks for what is no {what} of the fit: {.val {unknown}}.",
                     i = "The names are those of {.code names({extractor}(fit))}."))
}

#' @rdname estimates
#' @export
sigma.vbfit <- function(object, ...) {
  object <- whole_fit(object)
  warn_unused(list(...), "estimates")
  if ("sigma" %in% names(object$predictors)) {
    vb_abort("sigma", c("{.code sigma} has a formula and differs between observations.",
                        i = "{.fun fixef} has the coefficients of its logarithm."))
  }
  row <- match("sigma", object$hyper$name)
  if (is.na(row)) 1 else hyper_mean(object)[[row]]
}

#' @rdname estimates
#' @exportS3Method lme4::ngrps
#' @rawNamespace S3method(brms::ngrps, vbfit, ngrps.vbfit)
ngrps.vbfit <- function(object, ...) {
  object <- whole_fit(object)
  group <- group_labels(object)
  first <- match(unique(group), group)
  n_level <- vapply(object$random[first], function(term) length(term$levels), 0L)
  fields <- levelled_fields(object, members = TRUE)
  of_field <- vapply(object$fields[fields], function(field) length(field$levels), 0L)
  n_level <- stats::setNames(c(n_level, of_field), c(group[first], names(fields)))
  n_level[!duplicated(names(n_level))]
}

# ---- Random effects ------------------------------------------------------------------------------

#' @rdname estimates
#' @export
ranef.vbfit <- function(object, condVar = TRUE, ...) {
  object <- whole_fit(object)
  check_flag(condVar, "condVar")
  warn_unused(list(...), "estimates")
  group <- group_labels(object)
  means <- coef_means(object)
  out <- lapply(unique(group), function(g) {
    frames <- lapply(which(group == g), ranef_frame, fit = object, means = means)
    frame <- do.call(cbind, frames)
    if (condVar) attr(frame, "postVar") <- post_var(object, which(group == g))
    frame
  })
  out <- with_field_effects(object, stats::setNames(out, unique(group)), condVar)
  structure(out, class = c("ranef.vbfit", "ranef.mer"))
}

ranef_frame <- function(fit, k, means) {
  term <- fit$random[[k]]
  value <- matrix(means[ranef_table(fit, k)$row], length(term$levels))
  dimnames(value) <- list(term$levels, term$coef)
  as.data.frame(value, optional = TRUE)
}

# The posterior covariance of the coefficients of each level of `terms`, which share a grouping
# factor. Variances are the mixture's; correlations come from var(a + b) - var(a) - var(b)
# = 2 cov(a, b), the variances of linear predictors that the engine gives at any design row.
post_var <- function(fit, terms) {
  table <- lapply(terms, ranef_table, fit = fit)
  n <- length(fit$random[[terms[1L]]]$levels)
  column <- do.call(rbind, lapply(seq_along(terms), function(k) {
    d <- nrow(table[[k]]) / n
    cbind(term = rep(terms[k], d), coef = seq_len(d))
  }))
  row <- unlist(lapply(table, function(part) part$row))
  var <- matrix(mixture_moments(ranef_nodes(fit, row))$var, n)
  q <- nrow(column)
  out <- array(0, c(q, q, n))
  for (a in seq_len(q)) out[a, a, ] <- var[, a]
  if (q == 1L) return(out)
  pair <- which(lower.tri(diag(q), diag = TRUE), arr.ind = TRUE)
  rows <- rows_of_link(fit, level_rows(fit, column, pair, n))
  probe <- matrix(row_moments(fit, rows)$var, n)
  single <- probe[, pair[, 1L] == pair[, 2L], drop = FALSE]
  for (k in which(pair[, 1L] != pair[, 2L])) {
    a <- pair[k, 1L]
    b <- pair[k, 2L]
    cor <- (probe[, k] - single[, a] - single[, b]) / (2 * sqrt(single[, a] * single[, b]))
    out[a, b, ] <- out[b, a, ] <- pmin(pmax(cor, -1), 1) * sqrt(var[, a] * var[, b])
  }
  out
}

# Design rows of u_a + u_b (u_a where a = b), n levels for each pair, with no fixed effects
level_rows <- function(fit, column, pair, n) {
  rows <- empty_rows(fit, n * nrow(pair))
  rows$group[unique(column[, "term"])] <- list(rep(seq_len(n), nrow(pair)))
  for (k in seq_len(nrow(pair))) {
    row <- (k - 1L) * n + seq_len(n)
    for (a in pair[k, ]) rows$z[[column[a, "term"]]][row, column[a, "coef"]] <- 1
  }
  rows
}

#' @rdname estimates
#' @export
print.ranef.vbfit <- function(x, ...) {
  for (g in names(x)) {
    frame <- x[[g]]
    attr(frame, "postVar") <- NULL
    cat("$", g, "\n", sep = "")
    print(frame, ...)
    cat("\n")
  }
  has_var <- vapply(x, function(frame) !is.null(attr(frame, "postVar")), NA)
  if (any(has_var)) {
    cat("with conditional variances for", dQuote(names(x)[has_var], FALSE), "\n")
  }
  invisible(x)
}

#' @rdname estimates
#' @export
as.data.frame.ranef.vbfit <- function(x, row.names = NULL, optional = FALSE, ...) {
  long <- function(g) {
    frame <- x[[g]]
    var <- attr(frame, "postVar")
    n <- nrow(frame)
    out <- data.frame(grpvar = rep(g, n * ncol(frame)),
                      term = factor(rep(names(frame), each = n), levels = unique(names(frame))),
                      grp = factor(rep(rownames(frame), ncol(frame)), levels = rownames(frame)),
                      condval = unlist(frame, use.names = FALSE))
    if (!is.null(var)) out$condsd <- sqrt(unlist(lapply(seq_along(frame), function(a) var[a, a, ])))
    out
  }
  do.call(rbind, lapply(names(x), long))
}

#' @rdname estimates
#' @export
coef.vbfit <- function(object, ...) {
  object <- whole_fit(object)
  warn_unused(list(...), "estimates", known = "complete")
  fixed <- fixef(object)
  group <- unique(c(group_labels(object), names(levelled_fields(object, members = TRUE))))
  if (!length(group)) return(fixed)
  effects <- unclass(ranef(object, condVar = FALSE))[group]
  # as in lme4, every group has all columns, those without a fixed effect first
  name <- union(setdiff(unlist(lapply(effects, names)), names(fixed)), names(fixed))
  lapply(effects, function(u) {
    total <- stats::setNames(numeric(length(name)), name)
    total[names(fixed)] <- fixed
    out <- matrix(total, nrow(u), length(name), byrow = TRUE, dimnames = list(rownames(u), name))
    for (k in seq_along(u)) out[, names(u)[k]] <- out[, names(u)[k]] + u[[k]]
    as.data.frame(out, optional = TRUE)
  })
}

# ---- Variance components -------------------------------------------------------------------------

#' @rdname estimates
#' @export
VarCorr.vbfit <- function(x, sigma = 1, ...) {
  x <- whole_fit(x)
  warn_unused(c(if (!identical(as.double(sigma), 1)) list(sigma = sigma), list(...)), "estimates")
  mean <- hyper_mean(x)
  hyper <- x$hyper
  out <- lapply(seq_along(x$random), function(k) {
    name <- x$random[[k]]$coef
    sd <- rep_len(mean[hyper$class == "sd" & hyper$term == k], length(name))
    names(sd) <- name
    cor <- diag(length(name))
    own <- which(hyper$class == "cor" & hyper$term == k)
    pairs <- which(lower.tri(cor), arr.ind = TRUE)
    for (p in seq_len(nrow(pairs))) {
      i <- pairs[p, 1L]
      j <- pairs[p, 2L]
      row <- correlation_rows(hyper, own, i, j)
      if (length(row)) cor[i, j] <- cor[j, i] <- mean[row]
    }
    dimnames(cor) <- list(name, name)
    structure(cor * outer(sd, sd), stddev = sd, correlation = cor)
  })
  out <- c(stats::setNames(out, group_labels(x)), field_variances(x, mean))
  names(out) <- make.unique(as.character(names(out)))
  has_sigma <- "sigma" %in% hyper$name
  structure(out, sc = if (has_sigma) sigma(x) else 1,
            useSc = has_sigma, class = c("VarCorr.vbfit", "VarCorr.merMod"))
}

#' @rdname estimates
#' @export
print.VarCorr.vbfit <- function(x, digits = max(3, getOption("digits") - 2), comp = "Std.Dev.",
                                ...) {
  check_number(digits, "digits", lower = 1, upper = 22, whole = TRUE)
  for (k in comp) check_choice(k, "comp", c(Std.Dev. = TRUE, Variance = TRUE))
  if (!length(x) && !attr(x, "useSc")) cat("No random effects\n")
  else print(format_varcorr(x, digits, comp), quote = FALSE, ...)
  invisible(x)
}

# The table of lme4: a row per standard deviation, correlations to the right of theirs
# (reformulas::formatVC() 0.4.4 makes it too, but needs R 4.4)
format_varcorr <- function(x, digits, comp) {
  sd <- lapply(x, attr, "stddev")
  size <- lengths(sd)
  name <- c(unlist(lapply(sd, names), use.names = FALSE), if (attr(x, "useSc")) "")
  group <- c(rep(names(x), size), if (attr(x, "useSc")) "Residual")
  group[duplicated(group)] <- ""
  sd <- c(unlist(sd, use.names = FALSE), if (attr(x, "useSc")) attr(x, "sc"))
  values <- lapply(comp, function(k) format(if (k == "Variance") sd^2 else sd, digits = digits))
  out <- do.call(cbind, c(list(group, name), values))
  colnames(out) <- c("Groups", "Name", comp)
  if (max(size, 1L) > 1L) {
    corr <- matrix("", nrow(out), max(size) - 1L)
    colnames(corr) <- c("Corr", rep("", max(size) - 2L))
    end <- cumsum(size)
    for (k in which(size > 1L)) {
      v <- format(round(attr(x[[k]], "correlation"), max(2, digits - 2)), nsmall = 2)
      v[!lower.tri(v)] <- ""
      corr[end[k] - size[k] + seq_len(size[k]), seq_len(size[k] - 1L)] <- v[, -size[k]]
    }
    out <- cbind(out, corr)
  }
  rownames(out) <- rep("", nrow(out))
  out
}

#' @rdname estimates
#' @export
as.data.frame.VarCorr.vbfit <- function(x, row.names = NULL, optional = FALSE, ...) {
  long <- function(g, v = x[[g]]) {
    lower <- which(lower.tri(v), arr.ind = TRUE)
    name <- rownames(v)
    data.frame(
      grp = g,
      var1 = c(name, name[lower[, 2L]]),
      var2 = c(rep(NA_character_, nrow(v)), name[lower[, 1L]]),
      vcov = c(diag(v), v[lower]),
      sdcor = c(attr(v, "stddev"), attr(v, "correlation")[lower]),
      row.names = NULL
    )
  }
  sc <- attr(x, "sc")
  residual <- if (attr(x, "useSc")) {
    data.frame(grp = "Residual", var1 = NA, var2 = NA, vcov = sc^2, sdcor = sc)
  }
  out <- do.call(rbind, c(lapply(names(x), long), list(residual)))
  if (is.null(out)) long(character(), matrix(0, 0L, 0L)) else out
}
