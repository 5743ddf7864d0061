# Formulas of a response's distributional parameters, in our own spelling and those of brms, glmmTMB
# and mgcv.

#' Formulas for distributional parameters
#'
#' `bf()` collects the formula of the mean and those of further parameters of the response's
#' distribution, such as `sigma`, `shape`, `phi` or `zi`: `bf(y ~ x, sigma ~ x + (1 | g))`. All may
#' have random effects, smooths and other [structured] terms, and offsets. [vb()] also takes what
#' `brms::bf()` returns, the arguments `ziformula` and `dispformula` of 'glmmTMB', and the list of
#' formulas that 'mgcv' has for `gaulss()`; whichever is used, parameters have the links and names
#' of [families].
#'
#' A parameter without a formula is one number with a prior, `prior_aux`. A number in place of a
#' formula, `sigma = 2`, holds it at this value.
#'
#' Random terms `(x |p| g)`, with the same name `p` between the bars, are correlated with each
#' other, in all formulas in which they stand. Others are independent.
#'
#' @section Names:
#' Coefficients of `sigma` are `b_sigma_Intercept`, `b_sigma_x`; standard deviations of groups
#' `sd_g__sigma_Intercept`; random effects `r_g__sigma[1,Intercept]`; smooths `sds_sigma_sx_1`; and
#' so on for others, as in 'brms'. The mean, `mu`, is not named, but in models of categories, whose
#' predictors are `mub`, `muc`: `b_mub_x`.
#'
#' @param formula The formula of the mean, with the response on its left side.
#' @param ... Formulas whose left side is a parameter, such as `sigma ~ x`, or of several,
#'   `sigma + nu ~ x`; or named numbers.
#' @param family A family, which [vb()] takes where it has none of its own.
#' @return An object of class `vb_formulas`: a list of `formula`, `pforms` (a list of formulas named
#'   by parameters), `pfix` (numbers) and `family`.
#' @examples
#' bf(dist ~ speed, sigma ~ speed)
#' fit <- vb(bf(dist ~ speed, sigma ~ speed), cars)
#' fixef(fit)
#' @export
bf <- function(formula, ..., family = NULL) {
  formula <- as_formula(formula, parent.frame())
  parts <- list(...)
  names <- if (is.null(names(parts))) character(length(parts)) else names(parts)
  out <- list(formula = formula, pforms = list(), pfix = list(), family = family)
  for (k in seq_along(parts)) out <- add_part(out, names[k], parts[[k]])
  structure(out, class = "vb_formulas")
}

# A further argument of bf(): a formula, or a number under its parameter's name
add_part <- function(formulas, name, part) {
  if (inherits(part, "formula")) {
    dpar <- if (nzchar(name)) name else left_parameters(part)
    if (length(part) == 3L) part[[2L]] <- NULL
    new <- stats::setNames(rep(list(part), length(dpar)), dpar)
    formulas$pforms <- c(formulas$pforms, new)
  } else if (nzchar(name)) {
    formulas$pfix[name] <- list(part)
  } else {
    vb_abort("formula", c("A further part of {.fun bf} must be a formula or a named number.",
                          x = "It is {describe(part)}.",
                          i = "Write {.code bf(y ~ x, sigma ~ x)} or {.code sigma = 2}."))
  }
  formulas
}

# sigma + nu ~ x
left_parameters <- function(formula) {
  left <- if (length(formula) == 3L) formula[[2L]]
  names <- all.vars(left)
  if (!length(names) || !all(all.names(left) %in% c(names, "+"))) {
    vb_abort("formula", c("{.code {deparse1(formula)}} does not say of which parameter it is.",
                          i = "Write {.code sigma ~ x}."))
  }
  names
}

#' @export
print.vb_formulas <- function(x, ...) {
  cat(formula_lines(x), sep = "\n")
  invisible(x)
}

# One line for each part
formula_lines <- function(formulas) {
  fixed <- vapply(formulas$pfix, describe, "")
  c(deparse1(formulas$formula), vapply(named_formulas(formulas), deparse1, ""),
    paste(names(formulas$pfix), "=", fixed, recycle0 = TRUE))
}

# ---- spellings -----------------------------------------------------------------------------------

# What the user gave as `formula` -> list(formula, pforms, pfix, family), of a plain formula without
# further parts. Parts of a list by 'mgcv' have their places as names, "2", until the family is
# known.
as_formulas <- function(x, env) {
  if (inherits(x, "vb_formulas")) return(x)
  if (inherits(x, c("brmsformula", "mvbrmsformula"))) return(brms_formulas(x))
  if (is.list(x) && length(x) && all(vapply(x, inherits, NA, "formula"))) return(list_formulas(x))
  structure(list(formula = as_formula(x, env), pforms = list(), pfix = list(), family = NULL),
            class = "vb_formulas")
}

brms_formulas <- function(x) {
  centred <- attr(x$formula, "center")
  unknown <- c("several responses" = inherits(x, "mvbrmsformula"),
               "nonlinear formulas" = isTRUE(attr(x$formula, "nl")),
               "`center = FALSE`" = identical(centred, FALSE),
               "`autocor`" = length(attr(x$formula, "autocor")) > 0L,
               "mixtures" = inherits(x$family, "mixfamily"))
  if (any(unknown)) {
    what <- names(unknown)[unknown][1L]
    vb_abort("formula", "Formulas of 'brms' with {what} are not supported.")
  }
  out <- list(formula = strip_attributes(x$formula), pforms = list(), pfix = x$pfix,
              family = x$family)
  for (dpar in names(x$pforms)) out <- add_part(out, dpar, strip_attributes(x$pforms[[dpar]]))
  structure(out, class = "vb_formulas")
}

# brms keeps settings with its formulas
strip_attributes <- function(formula) {
  attributes(formula) <- attributes(formula)[c("class", ".Environment")]
  formula
}

list_formulas <- function(x) {
  out <- structure(list(formula = x[[1L]], pforms = list(), pfix = list(), family = NULL),
                   class = "vb_formulas")
  names <- if (is.null(names(x))) character(length(x)) else names(x)
  for (k in seq_along(x)[-1L]) {
    place <- if (length(x[[k]]) == 2L && !nzchar(names[k])) as.character(k) else names[k]
    out <- add_part(out, place, x[[k]])
  }
  out
}

# glmmTMB's arguments as parts; `~ 0` of zero inflation and `~ 1` of the dispersion are none
with_spelled <- function(formulas, family, ziformula, dispformula) {
  given <- list(ziformula = ziformula, dispformula = dispformula)
  for (arg in names(given)) {
    formula <- given[[arg]]
    if (is.null(formula)) next
    if (!inherits(formula, "formula") || length(formula) != 2L) {
      vb_abort(arg, c("{.arg {arg}} must be a formula with one side, such as {.code ~ x}.",
                      x = "It is {describe(formula)}."))
    }
    if (identical(formula[[2L]], c(ziformula = 0, dispformula = 1)[[arg]])) next
    dpar <- spelled_parameter(family, arg)
    if (dpar %in% names(formulas$pforms)) {
      vb_abort(c(arg, "formula"), "{.arg {arg}} and {.arg formula} both have a formula of
                                   {.code {dpar}}.")
    }
    formulas$pforms[[dpar]] <- formula
  }
  formulas
}

# The formulas without those that `given` arguments are to replace
without_spelled <- function(formulas, given) {
  gone <- unlist(spelled_dpars[intersect(given, names(spelled_dpars))])
  formulas$pforms <- formulas$pforms[setdiff(names(formulas$pforms), gone)]
  formulas
}

# The call of a fit in our own spelling, where another's is in it
spelled_call <- function(call, formulas, family) {
  spelled <- c("ziformula", "dispformula") %in% names(call)
  if (any(spelled)) call[c("ziformula", "dispformula")[spelled]] <- NULL
  if (any(spelled) || is.list(call$formula)) call$formula <- formulas_call(formulas)
  of_formula <- is.null(call$family) && length(formulas$family)
  if (any(spelled) || of_formula) call$family <- family_call(family)
  call
}

# Does the model have parts beside its formula?
has_parts <- function(formulas) length(formulas$pforms) + length(formulas$pfix) > 0L

# What stands for the formula in a call: it, or a call of bf()
formulas_call <- function(formulas) {
  if (!has_parts(formulas)) return(formulas$formula)
  as.call(c(quote(bf), as.call(as.list(formulas$formula)), named_formulas(formulas),
            formulas$pfix))
}

# sigma ~ x
named_formulas <- function(formulas) {
  unname(Map(function(dpar, formula) call("~", as.name(dpar), formula[[2L]]),
             names(formulas$pforms), formulas$pforms))
}

# The formulas of a fit, as bf() returns them
model_formulas <- function(fit) {
  mean <- fit$formula[[3L]]
  pforms <- lapply(fit$predictors, function(part) {
    own <- part$formula
    own[[2L]] <- NULL
    own
  })
  same <- vapply(fit$predictors, function(part) {
    is_main(part) && identical(part$formula[[3L]], mean)
  }, NA)
  structure(list(formula = fit$formula, pforms = pforms[!same], pfix = as.list(fit$held),
                 family = NULL), class = "vb_formulas")
}
