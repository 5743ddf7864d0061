# Likelihoods of several parameters that predictors may be of: zero inflation, hurdles, categories,
# overdispersed trials.

#' Families with several parameters
#'
#' Families for counts and other responses with too many zeros, and for categories. Every parameter
#' may have a formula, see [bf()]; those without are one number. So may the further parameters of
#' [stats::gaussian()], [student()] (`sigma`, `nu`), [negbinomial()], [stats::Gamma()] (`shape`) and
#' [Beta()] (`phi`).
#'
#' \describe{
#'   \item{`zero_inflated_poisson()`, `zero_inflated_negbinomial()`}{Counts which are zero with
#'     probability `zi` and else from the Poisson or the negative binomial distribution, which may
#'     be zero too.}
#'   \item{`zero_inflated_binomial()`}{The same of successes in trials.}
#'   \item{`zero_inflated_beta()`}{A number in \[0, 1), zero with probability `zi`.}
#'   \item{`zero_one_inflated_beta()`}{A number in \[0, 1\], zero or one with probability `zoi`, and
#'     then one with probability `coi`.}
#'   \item{`hurdle_poisson()`, `hurdle_negbinomial()`}{Counts which are zero with probability `hu`
#'     and else from the distribution cut at zero.}
#'   \item{`hurdle_gamma()`, `hurdle_lognormal()`}{The same of numbers that are zero or positive.
#'     `mu` is the mean of the positive ones, of `hurdle_lognormal()` that of their logarithms.}
#'   \item{`beta_binomial()`}{Successes in trials whose probability has a beta distribution with
#'     shapes `mu phi` and `(1 - mu) phi`.}
#'   \item{`categorical()`}{A factor without order. Each category but the reference has a predictor
#'     of its own, with all terms of the formula: its log odds against the reference. They are
#'     called `mub`, `muc`, after the categories.}
#'   \item{`multinomial()`}{The same of counts of categories, a matrix with a column each:
#'     `cbind(a, b, c) ~ x`.}
#' }
#' Responses in trials are as those of [stats::binomial()]: `cbind(success, failure)`, or
#' proportions with `weights`.
#'
#' Links of further parameters are `log` for `sigma`, `shape`, `phi` and `nu`, and `logit` for
#' `zi`, `hu`, `zoi` and `coi`, whichever package's spelling is used.
#'
#' @param link The link of `mu`: `"log"` of counts and of `hurdle_gamma()`, `"identity"` of
#'   `hurdle_lognormal()`, `"logit"` of others.
#' @param link_zi,link_shape,link_phi,link_zoi,link_coi,link_hu,link_sigma Links of the others, each
#'   of which has the one that is shown.
#' @param refcat The reference, a category's name; `NULL`: the first.
#' @return A `family` object.
#' @seealso [families] for those with one predictor.
#' @examples
#' zero_inflated_poisson()
#' fit <- vb(bf(count ~ spray, hu ~ 1), InsectSprays, family = hurdle_poisson())
#' fixef(fit)
#' vb(Species ~ Sepal.Width, iris, family = categorical())
#' @name families_several
NULL

#' @rdname families_several
#' @export
zero_inflated_poisson <- function(link = "log", link_zi = "logit") {
  several_family("zero_inflated_poisson", link, zi = link_zi)
}

#' @rdname families_several
#' @export
zero_inflated_negbinomial <- function(link = "log", link_shape = "log", link_zi = "logit") {
  several_family("zero_inflated_negbinomial", link, shape = link_shape, zi = link_zi)
}

#' @rdname families_several
#' @export
zero_inflated_binomial <- function(link = "logit", link_zi = "logit") {
  several_family("zero_inflated_binomial", link, zi = link_zi)
}

#' @rdname families_several
#' @export
zero_inflated_beta <- function(link = "logit", link_phi = "log", link_zi = "logit") {
  several_family("zero_inflated_beta", link, phi = link_phi, zi = link_zi)
}

#' @rdname families_several
#' @export
zero_one_inflated_beta <- function(link = "logit", link_phi = "log", link_zoi = "logit",
                                   link_coi = "logit") {
  several_family("zero_one_inflated_beta", link, phi = link_phi, zoi = link_zoi, coi = link_coi)
}

#' @rdname families_several
#' @export
hurdle_poisson <- function(link = "log", link_hu = "logit") {
  several_family("hurdle_poisson", link, hu = link_hu)
}

#' @rdname families_several
#' @export
hurdle_negbinomial <- function(link = "log", link_shape = "log", link_hu = "logit") {
  several_family("hurdle_negbinomial", link, shape = link_shape, hu = link_hu)
}

#' @rdname families_several
#' @export
hurdle_gamma <- function(link = "log", link_shape = "log", link_hu = "logit") {
  several_family("hurdle_gamma", link, shape = link_shape, hu = link_hu)
}

#' @rdname families_several
#' @export
hurdle_lognormal <- function(link = "identity", link_sigma = "log", link_hu = "logit") {
  several_family("hurdle_lognormal", link, sigma = link_sigma, hu = link_hu)
}

#' @rdname families_several
#' @export
beta_binomial <- function(link = "logit", link_phi = "log") {
  several_family("beta_binomial", link, phi = link_phi)
}

#' @rdname families_several
#' @export
categorical <- function(link = "logit", refcat = NULL) {
  with_reference(several_family("categorical", link), refcat)
}

#' @rdname families_several
#' @export
multinomial <- function(link = "logit", refcat = NULL) {
  with_reference(several_family("multinomial", link), refcat)
}

# `...`: what was asked as links of the further parameters
several_family <- function(name, link, ...) {
  family <- new_family(name, link, variance = NULL)
  check_further_links(name, list(...))
  family
}

with_reference <- function(family, refcat) {
  if (!is.null(refcat) && !rlang::is_string(refcat)) {
    vb_abort(c("refcat", "family"), c("{.arg refcat} must be the name of a category.",
                                      x = "It is {describe(refcat)}."))
  }
  family$refcat <- refcat
  family
}
