# Priors: constructors with rstanarm's fields, and how they print. prior_resolve.R turns them into
# numbers.

#' Priors
#'
#' Constructors for the prior arguments of [vb()], with the fields of rstanarm's, whose own objects
#' are accepted too. For a standard deviation or another positive parameter the density is cut at
#' zero (half-normal, half-t, half-Cauchy).
#'
#' `laplace()` on the coefficients is the Bayesian lasso (Park and Casella 2008).
#'
#' `pc()` is the penalised-complexity prior of a standard deviation (Simpson et al. 2017): the
#' exponential distribution with `P(sd > u) = alpha`.
#'
#' With `autoscale = TRUE` the scale is multiplied by `sd(y)` for families with a residual standard
#' deviation, and for slopes divided by the `sd()` of their column.
#'
#' @section One by one:
#' `location`, `scale` and `df` may be vectors: named by the columns of `model.matrix()`, where
#' coefficients that are left out keep the default prior, or unnamed with one entry per coefficient
#' without the intercept. Priors of different kinds are given as a list named by coefficients,
#' `prior = list(x = laplace(0, 1), z = flat())`.
#'
#' `prior_sd` and `prior_cor` may be lists named by grouping factors, and an entry of `prior_sd` a
#' list by coefficient again: `prior_sd = list(g = list("(Intercept)" = normal(0, 1), x = pc(1,
#' 0.01)), h = exponential(1))`. What a list leaves out keeps its default. As in 'brms', an entry is
#' for all terms of its factor together, be they `(x || g)` or `(1 | g) + (0 + x | g)`, and the
#' factors of `(1 | a/b)` are `a` and `a:b`.
#'
#' @section Flat priors:
#' With `flat()`, or `NULL`, there is a posterior only where the data hold a coefficient in place.
#' Where they separate the responses, as where a group has successes only or a cell only zeros, the
#' likelihood never falls on the way to infinity, and [vb()] stops with an error that names the
#' coefficients (class `vb_error_separation`). So it does with a flat `prior_sd` where all levels of
#' the factor, or all but one, separate their responses.
#'
#' @section Priors written for 'brms':
#' `prior` may also be what `brms::prior()`, or `c()` of several, returns. As there, a prior of the
#' class `"b"`, `"sd"` or `"cor"` holds for all parameters of the class, one with `group` for those
#' of the group and one with `coef` for that coefficient: the most specific wins. The distributions
#' known are `normal`, `student_t`, `cauchy`, `double_exponential`, `horseshoe`, `exponential`,
#' `gamma`, `constant`, `lkj` and an empty string, which is flat. Parameters that the data frame
#' does not speak of keep the defaults of [vb()], coefficients too, which would be flat in 'brms';
#' bounds other than that of a positive parameter at zero are not known.
#'
#' @param location,scale,df Location, scale and degrees of freedom.
#' @param rate Rate of the exponential distribution.
#' @param autoscale Adapt the scale to the data? For `horseshoe()`: multiply the global scale by
#'   `sigma`?
#' @section Horseshoe:
#' `horseshoe()` is the regularised horseshoe for many coefficients of which few matter (Piironen
#' and Vehtari 2017), with the arguments of brms. Each coefficient has a normal prior with a scale
#' of its own, a half-t with `df` degrees of freedom, times the global scale `hs_global`, a half-t
#' with `df_global` and `scale_global`, which is multiplied by `sigma` where the family has one and
#' `autoscale` is true; none is much wider than the slab `hs_slab`, whose square is `scale_slab^2`
#' times an inverse gamma with shape and rate `df_slab / 2`. It is for all of `prior`, and does not
#' look at the scales of the columns: standardise them first. rstanarm's `hs()` is taken too.
#'
#' The coefficients' scales are integrated over by quadrature and each coefficient's Gaussian has
#' the mean and variance of what its prior makes of the rest (expectation propagation, Minka 2001);
#' its quantiles and draws are those of that distribution, a peak at zero with tails. The global
#' scale and the slab are hyperparameters like the standard deviations of groups. [elbo()] is the
#' bound of the Gaussians, `log_evidence` that of the matched priors, which is the closer.
#'
#' @param df_global,df_slab,scale_global,scale_slab The global scale's and the slab's degrees of
#'   freedom and scales; see above.
#' @param par_ratio The ratio of coefficients expected to matter to those that do not: then
#'   `scale_global` is `par_ratio / sqrt(nobs)`.
#' @param u,alpha The standard deviation, or the correlation `rho_` of [ar1()][structured] without
#'   its sign, is above `u` with probability `alpha`.
#' @param value The value at which `constant()` holds a standard deviation or a family's parameter.
#' @param eta Shape of the LKJ distribution of a correlation matrix: 1 is uniform, larger values
#'   prefer weak correlations; at least 0.01.
#' @return An object of class `vb_prior`.
#' @references
#' Lewandowski, D., Kurowicka, D. and Joe, H. (2009). Generating random correlation matrices based
#' on vines and extended onion method. *Journal of Multivariate Analysis*, 100, 1989-2001.
#'
#' Minka, T. P. (2001). Expectation propagation for approximate Bayesian inference. *Uncertainty in
#' Artificial Intelligence*, 17, 362-369.
#'
#' Park, T. and Casella, G. (2008). The Bayesian lasso. *Journal of the American Statistical
#' Association*, 103, 681-686.
#'
#' Piironen, J. and Vehtari, A. (2017). Sparsity information and regularization in the horseshoe and
#' other shrinkage priors. *Electronic Journal of Statistics*, 11, 5018-5051.
#'
#' Simpson, D., Rue, H., Riebler, A., Martins, T. G. and Soerbye, S. H. (2017). Penalising model
#' component complexity: a principled, practical approach to constructing priors. *Statistical
#' Science*, 32, 1-28.
#' @examples
#' fit <- vb(mpg ~ wt + hp, mtcars, prior = normal(0, c(wt = 5)),
#'           prior_aux = exponential(1, autoscale = TRUE))
#' prior_summary(fit)
#' vb(breaks ~ wool + (wool || tension), warpbreaks,
#'    prior_sd = list(tension = list("(Intercept)" = pc(30, 0.01))))
#' vb(mpg ~ wt + hp + qsec + am, mtcars, prior = horseshoe(par_ratio = 0.5))
#' @name priors
NULL

#' @rdname priors
#' @export
normal <- function(location = 0, scale = 1, autoscale = FALSE) {
  new_prior("normal", NA_real_, location, scale, autoscale)
}

#' @rdname priors
#' @export
student_t <- function(df = 3, location = 0, scale = 1, autoscale = FALSE) {
  new_prior("t", df, location, scale, autoscale)
}

#' @rdname priors
#' @export
cauchy <- function(location = 0, scale = 1, autoscale = FALSE) {
  new_prior("t", 1, location, scale, autoscale)
}

#' @rdname priors
#' @export
laplace <- function(location = 0, scale = 1, autoscale = FALSE) {
  new_prior("laplace", NA_real_, location, scale, autoscale)
}

#' @rdname priors
#' @export
exponential <- function(rate = 1, autoscale = FALSE) {
  check_positive(rate, "rate")
  new_prior("exponential", NA_real_, NA_real_, 1 / rate, autoscale)
}

#' @rdname priors
#' @export
pc <- function(u, alpha = 0.01) {
  check_number(u, "u", lower = .Machine$double.xmin)
  check_probs(alpha, "alpha", single = TRUE)
  structure(list(dist = "pc", u = as.double(u), alpha = as.double(alpha)), class = "vb_prior")
}

#' @rdname priors
#' @export
horseshoe <- function(df = 1, scale_global = 1, df_global = 1, scale_slab = 2, df_slab = 4,
                      par_ratio = NULL, autoscale = TRUE) {
  given <- list(df = df, scale_global = scale_global, df_global = df_global,
                scale_slab = scale_slab, df_slab = df_slab)
  for (arg in names(given)) check_number(given[[arg]], arg, lower = 1e-6, upper = 1e6)
  check_number(par_ratio, "par_ratio", lower = 1e-12, null = TRUE)
  check_flag(autoscale, "autoscale")
  # rstanarm's names
  structure(list(dist = "hs", df = df, global_df = df_global, global_scale = scale_global,
                 slab_df = df_slab, slab_scale = scale_slab, par_ratio = par_ratio,
                 by_sigma = autoscale), class = "vb_prior")
}

#' @rdname priors
#' @export
flat <- function() new_prior("flat", NA_real_, NA_real_, NA_real_, FALSE)

#' @rdname priors
#' @export
constant <- function(value) {
  check_finite(value, "value")
  new_prior("constant", NA_real_, value, NA_real_, FALSE)
}

#' @rdname priors
#' @export
lkj <- function(eta = 1) {
  # below it most of the prior is where rounding makes correlations -1 or 1
  check_number(eta, "eta", lower = 0.01)
  structure(list(dist = "lkj", regularization = as.double(eta)), class = "vb_prior")
}

new_prior <- function(dist, df, location, scale, autoscale) {
  check_flag(autoscale, "autoscale")
  if (!identical(df, NA_real_)) check_positive(df, "df")
  if (!identical(scale, NA_real_)) check_positive(scale, "scale")
  if (!identical(location, NA_real_)) check_finite(location, "location")
  structure(list(dist = dist, df = df, location = location, scale = scale, autoscale = autoscale),
            class = "vb_prior")
}

# A row per distribution: the C table's name for it (lkj has none) and the number of its arguments
# there, what it can be put on, those arguments, and the call that makes it; `within`: the rows that
# stand for it in other domains, where `u` is a value of the parameter.
prior_rows <- list(
  normal = list(
    row = "normal", n_arg = 2, on = c("coef", "positive", "real", "unit"),
    arg = function(p) rbind(p$location, p$scale, 0),
    call = function(p) call("normal", p$location, p$scale)),
  t = list(
    row = "student_t", n_arg = 3, on = c("coef", "positive", "real", "unit"),
    arg = function(p) rbind(p$df, p$location, p$scale),
    call = function(p) {
      if (all(p$df == 1)) call("cauchy", p$location, p$scale)
      else call("student_t", p$df, p$location, p$scale)
    }),
  laplace = list(
    row = "laplace", n_arg = 2, on = "coef",
    arg = function(p) rbind(p$location, p$scale, 0),
    call = function(p) call("laplace", p$location, p$scale)),
  logistic = list(                         # no constructor: the default of logits' intercepts
    row = "logistic", n_arg = 2, on = "coef", hidden = TRUE,
    arg = function(p) rbind(p$location, p$scale, 0),
    call = function(p) call("logistic", p$location, p$scale)),
  hs = list(
    row = "horseshoe", n_arg = 3, on = "coefs",
    arg = function(p) rbind(p$df, p$global_scale, p$slab_scale),
    call = function(p) {
      args <- list(df = p$df, scale_global = p$global_scale, df_global = p$global_df,
                   scale_slab = p$slab_scale, df_slab = p$slab_df, par_ratio = p$par_ratio,
                   autoscale = p$by_sigma)
      usual <- mapply(identical, args, lapply(formals(horseshoe), eval))
      as.call(c(as.name("horseshoe"), args[!usual]))
    }),
  inv_chi = list(                                    # a horseshoe's slab
    row = "inv_chi", n_arg = 2, on = character(),
    arg = function(p) rbind(p$df, p$scale, 0),
    call = function(p) call("inv_chi", p$df, p$scale)),
  exponential = list(
    row = "exponential", n_arg = 1, on = "positive",
    arg = function(p) rbind(1 / p$scale, 0, 0),
    call = function(p) call("exponential", 1 / p$scale)),
  pc = list(
    row = "pc", n_arg = 2, on = c("positive", "correlation"),
    arg = function(p) rbind(p$u, p$alpha, 0),
    call = function(p) call("pc", p$u, p$alpha), within = list(correlation = "pc_cor")),
  pc_cor = list(                           # pc() of a correlation
    row = "pc_cor", n_arg = 2, on = character(),
    arg = function(p) rbind(p$u, p$alpha, 0),
    call = function(p) call("pc", p$u, p$alpha)),
  beta = list(                             # no constructor, as gamma
    row = "beta", n_arg = 2, on = "unit", hidden = TRUE,
    arg = function(p) rbind(p$shape, p$rate, 0),
    call = function(p) call("beta", p$shape, p$rate)),
  gamma = list(                            # no constructor, which would mask base's gamma()
    row = "gamma", n_arg = 2, on = "positive", hidden = TRUE,
    arg = function(p) rbind(p$shape, p$rate, 0),
    call = function(p) call("gamma", p$shape, p$rate)),
  inv_gamma = list(                        # of length scales
    row = "inv_gamma", n_arg = 2, on = "positive", hidden = TRUE,
    arg = function(p) rbind(p$shape, p$rate, 0),
    call = function(p) call("inv_gamma", p$shape, p$rate)),
  flat = list(
    row = "flat", n_arg = 0, on = c("coef", "positive", "real", "unit"),
    arg = function(p) rbind(0, 0, 0),
    call = function(p) call("flat")),
  constant = list(
    row = "constant", n_arg = 1, on = c("positive", "real", "unit"),
    arg = function(p) rbind(p$location, 0, 0),
    call = function(p) call("constant", p$location)),
  lkj = list(
    row = "lkj", n_arg = 1, on = "cor",
    arg = function(p) rbind(p$regularization, 0, 0),
    call = function(p) call("lkj", p$regularization))
)

# By the C table's names
is_flat <- function(dist) dist == "flat"
is_held <- function(dist) dist == "constant"
is_shrunk <- function(dist) dist == "horseshoe"
# The power by which the density falls far out; Inf: faster than any
fall_of_tail <- function(dist, arg) {
  ifelse(is_flat(dist), 0, ifelse(dist == "student_t", arg[1L, ] + 1, Inf))
}
# those that the engine approximates by a Gaussian
is_site <- function(dist) !dist %in% c("normal", "flat")

# The call that makes a prior: short in prints, and what a stored call holds.
prior_call <- function(prior) {
  call <- prior_rows[[prior$dist]]$call(prior)
  if (isTRUE(prior$autoscale)) call$autoscale <- TRUE
  call
}

#' @export
format.vb_prior <- function(x, digits = 5L, ...) {
  call <- prior_call(x)
  for (k in which(vapply(call, is.numeric, NA))) call[[k]] <- signif(call[[k]], digits)
  deparse1(call)
}

#' @export
print.vb_prior <- function(x, ...) {
  cat(format(x, ...), "\n", sep = "")
  invisible(x)
}

constructor_name <- function(dist) sub("^hs$", "horseshoe", sub("^t$", "student_t", dist))

is_prior <- function(x) is.list(x) && rlang::is_string(x[["dist"]])

# What the user gave, checked against the kinds an argument takes; NULL is flat.
as_prior <- function(x, arg, on) {
  if (is.null(x)) x <- flat()
  takes <- names(prior_rows)[vapply(prior_rows, function(row) {
    any(on %in% row$on) && !isTRUE(row$hidden)
  }, NA)]
  takes <- unlist(lapply(takes, function(t) c(constructor_name(t), if (t == "t") "cauchy")))
  if (inherits(x, "family")) {
    masked <- sub("^student$", "student_t", x$family)
    vb_abort(c(arg, "prior"), c(
      "{.arg {arg}} is a family ({.val {x$family}}), not a prior.",
      i = if (masked %in% c(takes, "exponential")) {
        "Another package may mask the constructor: write {.code varbayes::{masked}()}."
      } else "It takes {.or {.fun {takes}}}."))
  }
  if (!is_prior(x)) {
    vb_abort(c(arg, "prior"), c("{.arg {arg}} must be a prior: {.or {.fun {takes}}}.",
                                x = "It is {describe_class(x)}."))
  }
  row <- prior_rows[[x$dist]]
  if (is.null(row) || !any(on %in% row$on)) {
    dist <- constructor_name(x$dist)
    vb_abort(c(arg, "prior"), c("{.arg {arg}} cannot be {.fun {dist}}.",
                                i = "It takes {.or {.fun {takes}}}."))
  }
  if (!inherits(x, "vb_prior")) x <- rstanarm_prior(x, arg)
  if (x$dist == "constant") check_held(x$location, arg, on)
  x
}

check_held <- function(value, arg, on) {
  range <- list(positive = c(0, Inf), real = c(-Inf, Inf), unit = c(0, 1))[[on[1L]]]
  if (all(value > range[1L] & value < range[2L])) return(invisible())
  vb_abort(c(arg, "prior"), c("{.arg {arg}} holds a parameter at a value it cannot have.",
                              x = "{.code constant({value[1L]})} is not between {range[1L]} and
                                   {range[2L]}."))
}

# rstanarm leaves a scale, and the default intercept's location, to be filled in by the model.
rstanarm_prior <- function(x, arg) {
  if ("coefs" %in% prior_rows[[x$dist]]$on) {        # its hs(), which always scales by sigma
    fields <- c("df", "global_scale", "global_df", "slab_scale", "slab_df")
    if (!all(fields %in% names(x))) {
      vb_abort(c(arg, "prior"), c("{.arg {arg}} is a horseshoe without all of its arguments.",
                                  i = "Write {.fun varbayes::horseshoe}."))
    }
    return(do.call(horseshoe, unname(x[fields])))
  }
  fields <- if (is.null(x$regularization)) c(prior_fields, "autoscale") else "regularization"
  x <- unclass(x)[intersect(names(x), c("dist", fields))]
  if ("coef" %in% prior_rows[[x$dist]]$on && is.null(x$scale)) x$scale <- 2.5
  structure(x, class = "vb_prior")
}

prior_fields <- c("df", "location", "scale")
