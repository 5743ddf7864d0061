# Families of the user's own, from a log density alone: the constructor, the checks, and the
# function that C calls back.

#' A family of your own
#'
#' Makes a family for [vb()] from a log density. It is fitted as the families of this package are:
#' random effects, residual quadrature, linear response and draws need nothing more.
#'
#' The fit takes expectations of `log_lik` under normal distributions of `eta` by quadrature, and
#' their derivatives by Stein's identity (as 'INLA' does), so no derivatives are asked for, and the
#' density may have kinks. It should be finite in double precision wherever `eta` may come: work
#' with logarithms, as in `dpois(y, exp(eta), log = TRUE)`. Where it is not, the step that led there
#' is shortened; warnings of `log_lik` are dropped.
#'
#' All methods of a fit work but for those that need the variance of the response: `residuals()` of
#' the types `"pearson"` and `"deviance"` and `weights(type = "working")` are errors.
#'
#' @section Parameters and their priors:
#' `par` names the further parameters and says where they live: `"positive"`, `"real"` or `"unit"`
#' (between 0 and 1). `prior_aux` of [vb()] is a list of their priors by name, or one prior where
#' there is one parameter. Positive parameters take [normal()], [student_t()], [cauchy()],
#' [exponential()] and [constant()], cut at zero; real ones [normal()], [student_t()], [cauchy()]
#' and [constant()]; those of the unit interval the same, cut to it, and [flat()].
#'
#' The defaults are a `student_t(3, 0, 2.5)` for positive (cut at zero) and real parameters and the
#' uniform distribution for `"unit"`. Positive parameters called `sigma`, `shape`, `phi` or `nu`
#' have the defaults of the families that come with the package, and `sigma` is taken for the
#' residual standard deviation: its prior and start follow the scale of the response.
#'
#' @param name The name that prints show.
#' @param log_lik A function of `y`, `eta` (vectors of one length: response and linear predictor)
#'   and `par` (a list of numbers by name) that returns the vector of log densities, normalising
#'   constants included. Prior weights multiply it. Of a response `cbind(success, failure)` `y` is a
#'   matrix with these columns: `y[, "success"]`, and `rowSums(y)` trials.
#' @param par A character vector by name of the parameters, such as `c(phi = "positive")`.
#' @param link `"identity"`, `"log"`, `"logit"`, `"probit"`, `"cloglog"`, `"cauchit"`, `"inverse"`
#'   or `"sqrt"`: [fitted()][predict.vbfit] and `predict(type = "response")` give the posterior
#'   mean of its inverse, which need not be the mean of the response. It sets the default prior of
#'   the intercept, too, and otherwise does not enter the fit: `log_lik` is given `eta`.
#' @param simulate A function of `eta` and `par` that draws responses, kept with the family. Where
#'   the response is `cbind(success, failure)` it has a third argument, the numbers of trials, and
#'   draws successes.
#' @param smooth `FALSE` for a density with kinks in `eta`, such as a Laplace: finer quadrature,
#'   which takes longer.
#' @param x A family made by `vb_family()`.
#' @param ... Not used.
#' @return A `family` object.
#' @references
#' Rue, H., Martino, S. and Chopin, N. (2009). Approximate Bayesian inference for latent Gaussian
#' models by using integrated nested Laplace approximations. *Journal of the Royal Statistical
#' Society B*, 71, 319-392.
#'
#' Stein, C. M. (1981). Estimation of the mean of a multivariate normal distribution. *Annals of
#' Statistics*, 9, 1135-1151.
#' @examples
#' weibull <- vb_family(
#'   "weibull", par = c(shape = "positive"), link = "log",
#'   log_lik = function(y, eta, par) dweibull(y, par$shape, exp(eta), log = TRUE)
#' )
#' weibull
#' vb(breaks ~ wool + tension, warpbreaks, family = weibull)
#'
#' # counts with too many zeros
#' zip <- vb_family(
#'   "zero-inflated poisson", par = c(zi = "unit"), link = "log",
#'   log_lik = function(y, eta, par) {
#'     count <- log1p(-par$zi) + dpois(y, exp(eta), log = TRUE)
#'     ifelse(y == 0, log(par$zi + exp(count)), count)
#'   }
#' )
#' vb(count ~ spray, InsectSprays, family = zip)
#' @export
vb_family <- function(name, log_lik, par = character(), link = "identity", simulate = NULL,
                      smooth = TRUE) {
  if (!is.character(name) || length(name) != 1L || is.na(name) || !nzchar(name)) {
    vb_abort("name", c("{.arg name} must be one string.", x = "It is {describe(name)}."))
  }
  check_callback(log_lik, "log_lik", c("y", "eta", "par"))
  if (!is.null(simulate)) check_callback(simulate, "simulate", c("eta", "par"))
  check_domains(par)
  check_flag(smooth, "smooth")
  check_choice(link, "link", stats::setNames(rep(TRUE, length(user_links)), user_links))
  functions <- stats::make.link(link)[c("linkfun", "linkinv", "mu.eta", "valideta")]
  structure(c(list(family = name, link = link), functions,
              list(log_lik = log_lik, par = par, simulate = simulate, smooth = smooth)),
            class = c("vb_family", "family"))
}

user_links <- c("identity", "log", "logit", "probit", "cloglog", "cauchit", "inverse",
                "sqrt")                                  # in the order of mean_of in r_user.c
domains <- c("positive", "real", "unit")                 # in the order of the enum in vb.h

check_callback <- function(f, arg, what) {
  takes <- if (is.function(f)) formals(args(f))
  if (is.function(f) && ("..." %in% names(takes) || length(takes) >= length(what))) {
    return(invisible())
  }
  vb_abort(c(arg, "family"), c("{.arg {arg}} must be a function of {.arg {what}}.",
                               x = if (!is.function(f)) "It is {describe_class(f)}."))
}

check_domains <- function(par) {
  if (!length(par)) return(invisible())
  name <- names(par)
  if (!is.character(par) || is.null(name) || anyDuplicated(name) || any(name != make.names(name)) ||
        !all(par %in% domains)) {
    vb_abort(c("par", "family"), c(
      "{.arg par} must be {.or {.val {domains}}}, named by the parameters.",
      i = "For example {.code par = c(phi = \"positive\")}."))
  }
  if (length(par) > 8L) {                                # VB_MAX_PAR of vb.h
    vb_abort(c("par", "family"), "A family has at most 8 parameters, not {length(par)}.")
  }
}

#' @rdname vb_family
#' @export
print.vb_family <- function(x, ...) {
  cat("\nFamily:", x$family, "\nLink function:", x$link, "\n")
  if (length(x$par)) cat("Parameters:", toString(sprintf("%s (%s)", names(x$par), x$par)), "\n")
  cat("\n")
  invisible(x)
}

# What resolve_family() returns for one.
resolve_user <- function(family, bound) {
  if (bound != "exact") {
    vb_abort("bound", "A family from {.fun vb_family} has no {.code bound = \"{bound}\"}.")
  }
  list(family = family, name = "vb_family", link = family$link, par = names(family$par),
       fixed = NULL, cells = FALSE, domain = family$par, bound = bound, thresholds = FALSE)
}

# What C is told: the density itself comes with the call (fit_engine()), so that the numbers of a
# fit are plain data. The null model starts where the link has the mean of the response.
user_spec <- function(family, y) {
  if (is.null(family$domain)) return(NULL)
  # outside the link's range some links give NaN and some an error
  start <- tryCatch(suppressWarnings(family$family$linkfun(mean(y))), error = function(e) NaN)
  par <- stats::setNames(c(positive = 1, real = 0, unit = 0.5)[family$domain], family$par)
  positive <- family$domain == "positive"
  par[positive & names(par) == "sigma"] <- NA         # the residual scale, which C knows
  par[positive & names(par) == "nu"] <- 10
  # eta bends on the scale of the link, 1, but for the inverse, on its own
  unit <- if (family$link == "inverse" && is.finite(start)) abs(start) / 3 else 1
  list(link = match(family$link, user_links) - 1L, unit = unit,
       kinked = as.integer(!family$family$smooth),
       domain = match(family$domain, domains) - 1L, start_par = as.double(par),
       start_eta = if (is.finite(start)) max(min(start, 20), -20) else 0)
}

# ---- the function that C calls -------------------------------------------------------------------

# NULL for other families. `seen$bad` is the last point without a finite density. Interrupts wait
# for the engine to ask, as with every other family: it then returns what it has.
callback <- function(family) {
  if (is.null(family$domain)) return(NULL)
  seen <- new.env(parent = emptyenv())
  density <- function(y, eta, par) {
    names(par) <- names(family$domain)
    value <- suspendInterrupts(call_log_lik(family$family, y, eta, par))
    if (!is.finite(sum(value))) {
      at <- which(!is.finite(value))[1L]
      if (!is.na(at)) {
        seen$bad <- list(y = shown_response(family$family, y[at]), eta = eta[at], par = par,
                         value = value[at])
      }
    }
    value
  }
  list(density = density, seen = seen)
}

# Successes and failures in one number, whose square is one that doubles still have
pair_unit <- 2^26
coded_pairs <- function(y) cbind(success = y %% pair_unit, failure = y %/% pair_unit)

shown_response <- function(family, y) {
  if (!isTRUE(family$pairs)) return(format(y, digits = 5L))
  sprintf("cbind(%s)", toString(coded_pairs(y)))
}

# The density that C calls for a finished fit; NULL for other families
own_density <- function(fit) {
  if (inherits(fit$family, "vb_family")) callback(resolve_user(fit$family, fit$bound))$density
}

# A fit whose design has the density of a family of the user's own, as a fit in the making has it:
# what the engine's log densities are asked of
with_density <- function(fit) {
  if (!is.null(fit$design$user)) fit$design$user$log_lik <- own_density(fit)
  fit
}

call_log_lik <- function(family, y, eta, par) {
  names(par) <- names(family$par)
  if (isTRUE(family$pairs)) y <- coded_pairs(y)
  # called half a million times by a fit: a tryCatch() would take as long as many a density
  value <- withCallingHandlers(
    family$log_lik(y, eta, as.list(par)),
    error = function(e) {
      message <- conditionMessage(e)
      vb_abort(c("log_lik", "family"), c(
        "{.arg log_lik} of the family {.val {family$family}} failed.", x = "{message}"))
    },
    warning = function(w) invokeRestart("muffleWarning"))
  if (!is.numeric(value) || length(value) != length(eta)) {
    vb_abort(c("log_lik", "family"), c(
      "{.arg log_lik} of the family {.val {family$family}} must return one number for each entry of
       {.arg eta}.",
      x = "For {length(eta)} it is {describe(value)}."))
  }
  as.double(value)
}

# A call on a few rows before anything is fitted, where mistakes show and Ctrl-C works. A density
# that adds up its rows, or does not look at all of them, has other values for a row alone.
probe_log_lik <- function(family, spec) {
  if (is.null(family$domain)) return(invisible())
  rows <- unique(round(seq(1, length(spec$y), length.out = min(5L, length(spec$y)))))
  y <- spec$y[rows]
  eta <- rep(spec$user$start_eta, length(rows))
  par <- ifelse(is.na(spec$user$start_par), 1, spec$user$start_par)
  all <- call_log_lik(family$family, y, eta, par)
  alone <- vapply(seq_along(y), function(i) call_log_lik(family$family, y[i], eta[i], par), 0)
  same <- !is.finite(all) | !is.finite(alone) | abs(all - alone) <= 1e-8 * (1 + abs(alone))
  if (!all(same)) {
    vb_abort(c("log_lik", "family"), c(
      "{.arg log_lik} of the family {.val {family$family}} is not vectorised over {.arg y} and
       {.arg eta}.",
      x = "At {.code y = {shown_response(family$family, y[!same][1L])}} it is
           {signif(all[!same][1L], 5L)} among other rows and
           {signif(alone[!same][1L], 5L)} alone."))
  }
}

# An error that names the point without a finite density, for an engine that came to nothing
check_finite_start <- function(family, seen) {
  if (is.null(seen$bad)) return(invisible())
  vb_abort(c("log_lik", "family", "fit"), c(
    "{.arg log_lik} of the family {.val {family$family}} has no finite value where the fit starts.",
    x = "{describe_point(seen$bad)}",
    i = "It should be finite wherever {.arg eta} may come: work with logarithms, or use a link that
         keeps the mean in range."))
}

# For the warning of a fit that did not converge: the density may have been in its way
not_finite_hint <- function(seen) {
  if (is.null(seen$bad)) return(NULL)
  paste("`log_lik` was not finite everywhere, which may be why.", describe_point(seen$bad))
}

describe_point <- function(bad) {
  at <- c(eta = bad$eta, bad$par)
  at <- c(y = bad$y, vapply(at, format, "", digits = 5L))
  at <- paste(names(at), at, sep = " = ", collapse = ", ")
  sprintf("At %s it is %s.", at, bad$value)
}
