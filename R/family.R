# Likelihoods as R sees them. Names, links and parameters come from the C table; a row here adds
# what R alone needs: other packages' names for it, the kind of response, and the family object.

#' Families that stats does not have
#'
#' `negbinomial()` has variance `mu + mu^2 / shape`, `student()` has t-distributed errors around the
#' mean, `Beta()` is for responses between 0 and 1, with variance `mu (1 - mu) / (1 + phi)`, and
#' `bernoulli()` is [stats::binomial()] under brms's name. `asym_laplace()` is for quantile
#' regression: the linear predictor is the quantile `tau` of the response, and so are
#' [fitted()][predict.vbfit] values. `cumulative()` is for ordered categories: with thresholds
#' `Intercept[1] < Intercept[2] < ...` in place of the intercept and
#' `P(y <= k) = F(Intercept[k] - eta)`, `F` the inverse of the link, so that a positive coefficient
#' favours high categories. [vb()] also takes [stats::gaussian()], [stats::binomial()],
#' [stats::poisson()] and [stats::Gamma()] with the log link (variance `mu^2 / shape`), and it
#' knows the negative binomials of rstanarm, brms, glmmTMB and MASS (with `theta` given, the shape
#' is held there) and mgcv, and the beta and t families of brms, glmmTMB and mgcv. What is not here
#' can be written with [vb_family()].
#'
#' The density of `asym_laplace()` is
#' `tau (1 - tau) / sigma * exp(-e (tau - (e < 0)))` with `e = (y - mu) / sigma`. Its intervals are
#' those of this likelihood, which data seldom follow: as standard errors of a quantile they are
#' only a guide (Yang, Wang and He 2016).
#'
#' @param link The link: `"log"` for `negbinomial()`, `"identity"` for `student()` and
#'   `asym_laplace()`, `"logit"` for `Beta()`, `"logit"` or `"probit"` for `cumulative()`,
#'   `"logit"`, `"probit"` or `"cloglog"` for `bernoulli()`.
#' @param df Degrees of freedom of the errors; `NULL` estimates them as `nu`, any positive number
#'   (brms has `nu` above 1).
#' @param tau The quantile, between 0 and 1.
#' @return A `family` object. The further parameters of the likelihoods have these names in prints,
#'   priors and draws: `shape` (`negbinomial()`, `Gamma()`), `sigma` and `nu` (`student()`), `phi`
#'   (`Beta()`), `sigma` (`asym_laplace()`, whose `tau` is held).
#' @references
#' Ferrari, S. and Cribari-Neto, F. (2004). Beta regression for modelling rates and proportions.
#' *Journal of Applied Statistics*, 31, 799-815.
#'
#' McCullagh, P. (1980). Regression models for ordinal data. *Journal of the Royal Statistical
#' Society B*, 42, 109-142.
#'
#' Yang, Y., Wang, H. J. and He, X. (2016). Posterior inference in Bayesian quantile regression with
#' asymmetric Laplace likelihood. *International Statistical Review*, 84, 327-344.
#'
#' Yu, K. and Moyeed, R. A. (2001). Bayesian quantile regression. *Statistics & Probability
#' Letters*, 54, 437-447.
#' @examples
#' negbinomial()
#' fit <- vb(stack.loss ~ ., stackloss, family = student(df = 4))
#' fixef(fit)
#' vb(stack.loss ~ Air.Flow, stackloss, family = asym_laplace(tau = 0.9))
#' vb(I(Acid.Conc. / 100) ~ Air.Flow, stackloss, family = Beta())
#' vb(tension ~ breaks, transform(warpbreaks, tension = factor(tension, ordered = TRUE)),
#'    family = cumulative())
#' @name families
NULL

#' @rdname families
#' @export
negbinomial <- function(link = "log") {
  new_family("negbinomial", link, variance = variance_negbinomial)
}

#' @rdname families
#' @export
student <- function(link = "identity", df = NULL) {
  check_number(df, "df", lower = 1e-3, null = TRUE)
  family <- new_family("student", link, variance = variance_student)
  if (!is.null(df)) family$fixed <- c(nu = as.double(df))
  family
}

#' @rdname families
#' @export
Beta <- function(link = "logit") new_family("beta", link, variance = variance_beta)

#' @rdname families
#' @export
asym_laplace <- function(tau = 0.5, link = "identity") {
  check_number(tau, "tau", lower = 1e-6, upper = 1 - 1e-6)
  family <- new_family("asym_laplace", link, variance = variance_asym_laplace)
  family$fixed <- c(tau = as.double(tau))
  family
}

#' @rdname families
#' @export
cumulative <- function(link = "logit") new_family("cumulative", link, variance = NULL)

#' @rdname families
#' @export
bernoulli <- function(link = "logit") {
  check_link("binomial", link)
  stats::binomial(link)
}

variance_negbinomial <- function(mu, shape) mu + mu^2 / shape
variance_student <- function(mu, sigma, nu) {
  rep(if (nu > 2) sigma^2 * nu / (nu - 2) else Inf, length(mu))
}
variance_beta <- function(mu, phi) mu * (1 - mu) / (1 + phi)
variance_asym_laplace <- function(mu, sigma, tau) {
  rep(sigma^2 * (1 - 2 * tau * (1 - tau)) / (tau * (1 - tau))^2, length(mu))
}

# `fixed`, where there is one, names parameters that are held at a value.
new_family <- function(family, link, variance) {
  check_link(family, link)
  functions <- stats::make.link(link)
  structure(c(list(family = family, link = link),
              functions[c("linkfun", "linkinv", "mu.eta", "valideta")],
              list(variance = variance)), class = "family")
}

# `constructor`: the function that makes the family, where it is not the name.
family_rows <- list(
  gaussian = list(synonyms = c("gaussian", "gaulss"), make = stats::gaussian,
                  response = "response_real", draw = "draw_gaussian"),
  binomial = list(synonyms = c("binomial", "bernoulli"), make = stats::binomial,
                  response = "response_trials", draw = "draw_binomial", side = "side_trials"),
  poisson = list(synonyms = "poisson", make = stats::poisson, response = "response_count",
                 draw = "draw_poisson", side = "side_count"),
  negbinomial = list(synonyms = c("negbinomial", "neg_binomial_2", "nbinom2", "negative.binomial",
                                  "negative binomial"),
                     make = negbinomial, response = "response_count", draw = "draw_negbinomial",
                     side = "side_count"),
  student = list(synonyms = c("student", "t", "scaled t"), make = student,
                 response = "response_real", draw = "draw_student"),
  Gamma = list(synonyms = "gamma", make = stats::Gamma, response = "response_positive",
               draw = "draw_Gamma"),
  beta = list(synonyms = c("beta", "beta_family", "betar", "beta regression"), make = Beta,
              response = "response_unit", constructor = "Beta", draw = "draw_beta"),
  asym_laplace = list(synonyms = "asym_laplace", make = asym_laplace, response = "response_real",
                      draw = "draw_asym_laplace"),
  # drawn by category_draws()
  cumulative = list(synonyms = "cumulative", make = cumulative, response = "response_ordered",
                    side = "side_ordered", rising = "rising_ordered"),
  zero_inflated_poisson = list(synonyms = "zero_inflated_poisson", response = "response_count",
                               make = "zero_inflated_poisson"),
  zero_inflated_negbinomial = list(synonyms = "zero_inflated_negbinomial",
                                   response = "response_count", make = "zero_inflated_negbinomial"),
  zero_inflated_binomial = list(synonyms = "zero_inflated_binomial", response = "response_counted",
                                make = "zero_inflated_binomial"),
  zero_inflated_beta = list(synonyms = "zero_inflated_beta", response = "response_from_zero",
                            make = "zero_inflated_beta"),
  zero_one_inflated_beta = list(synonyms = "zero_one_inflated_beta", response = "response_to_one",
                                make = "zero_one_inflated_beta"),
  hurdle_poisson = list(synonyms = "hurdle_poisson",
                        response = "response_count", make = "hurdle_poisson"),
  hurdle_negbinomial = list(synonyms = "hurdle_negbinomial",
                            response = "response_count", make = "hurdle_negbinomial"),
  hurdle_gamma = list(synonyms = "hurdle_gamma", response = "response_positive_or_zero",
                      make = "hurdle_gamma"),
  hurdle_lognormal = list(synonyms = "hurdle_lognormal", scale = "log",
                          response = "response_positive_or_zero", make = "hurdle_lognormal"),
  beta_binomial = list(synonyms = c("beta_binomial", "betabinomial"),
                       response = "response_counted", make = "beta_binomial"),
  categorical = list(synonyms = "categorical", response = "response_category",
                     make = "categorical"),
  multinomial = list(synonyms = "multinomial", response = "response_multinomial",
                     make = "multinomial")
)

# -> list(family = <family object>, name, link, par = <dispersion parameters>, fixed = <named>,
# cells, bound, thresholds: does the response decide how many there are in place of `par`?)
resolve_family <- function(family, bound = "exact") {
  family <- as_family(family)
  if (inherits(family, "vb_family")) return(resolve_user(family, bound))
  name <- family_name(family$family)
  if (is.na(name) || is.null(family$link)) {
    known <- names(family_rows)
    vb_abort("family", c("There is no family {.val {family$family}}.",
                         i = "The families are {.or {.val {known}}}, and links are given as in
                              {.code binomial(\"probit\")}.",
                         i = "{.fun vb_family} makes one from a log density."))
  }
  family <- with_one_link(family, name)
  check_link(name, family$link)
  table <- vb_tables()$family
  check_bound(bound, name, family$link, table)
  row <- table[table$name == name & table$link == family$link & table$bound == bound, ]
  object <- do.call(family_rows[[name]]$make, list(link = family$link))
  object$refcat <- family$refcat
  fixed <- fixed_parameters(family)
  if (is.null(fixed)) fixed <- object$fixed            # what a family always holds: a quantile
  object$fixed <- if (length(fixed)) fixed
  out <- list(family = object, name = name, link = family$link, fixed = fixed,
              par = c(row$par1, row$par2)[seq_len(sum(row$n_par))], cells = any(row$cells),
              bound = bound, thresholds = any(row$thresholds > 0L),
              asked_links = asked_links(family))
  if (nrow(row)) out else with_predicted(out, "mu")
}

check_bound <- function(bound, name, link, table) {
  table <- table[table$bound == bound, ]
  if (any(table$name == name & table$link == link) || identical(bound, "exact")) return(invisible())
  known <- sprintf("%s(\"%s\")", table$name, table$link)
  vb_abort(c("bound", "family"), c(
    "{.code bound = {.val {bound}}} is not for {.code {name}(\"{link}\")}.",
    i = "It is for {.or {.code {known}}}; {.code bound = \"exact\"} is for all."))
}

# -> a list with `family` and `link`, of a family, a function that returns one, or a name
as_family <- function(family) {
  if (is.character(family) && length(family) == 1L) {
    name <- family_name(family)
    # "binomial(probit)" is not read: its link would be lost
    known <- !is.na(name) && !grepl("(", family, fixed = TRUE)
    return(if (known) do.call(family_rows[[name]]$make, list()) else list(family = family))
  }
  if (is.function(family)) {
    family <- tryCatch(family(), error = function(e) {
      message <- conditionMessage(e)
      theta <- "theta" %in% names(formals(args(family)))
      vb_abort("family", c("{.arg family} is a function that could not be called.",
                           x = "{message}",
                           i = if (theta) "For an estimated shape use
                                           {.code family = negbinomial()}."
                             else "Call it: {.arg family} may be what it returns."))
    })
  }
  if (!is.list(family) || !is.character(family$family) || !is.character(family$link)) {
    vb_abort("family", c("{.arg family} must be a family such as {.code binomial()}.",
                         x = "It is {describe_class(family)}."))
  }
  family
}

# "Negative Binomial(2)" is MASS's way of writing it
family_name <- function(name) {
  name <- tolower(sub("\\(.*$", "", name[1L]))
  match <- vapply(family_rows, function(row) name %in% row$synonyms, NA)
  names(family_rows)[match][1L]
}

check_link <- function(name, link) {
  links <- family_links(name)
  if (!is.character(link) || length(link) != 1L || !link %in% links) {
    maker <- family_maker(name)
    vb_abort(c("link", "family"), c(
      "{.fun {maker}} has no link {describe(link)}.",
      i = "{cli::qty(links)}Its link{? is/s are} {.or {.val {links}}}."))
  }
}

# of the mean
family_links <- function(name) {
  table <- vb_tables()$family
  links <- unique(table$link[table$name == name])
  if (length(links)) links else unname(dpar_links(name)[1L])
}

family_maker <- function(name) {
  maker <- family_rows[[name]]$constructor
  if (is.null(maker)) name else maker
}

# Other packages' families that hold these parameters
held_makers <- list(
  negbinomial = list(held = "shape", call = function(fixed) {
    bquote(MASS::negative.binomial(.(fixed[["shape"]])))
  }),
  beta = list(held = "phi", call = function(fixed) {
    bquote(mgcv::betar(theta = .(fixed[["phi"]])))
  }),
  student = list(held = c("nu", "sigma"), call = function(fixed) {
    bquote(mgcv::scat(theta = .(unname(fixed))))
  })
)

# The call that makes a resolved family, for a stored call
family_call <- function(family) {
  if (!is.null(family$domain)) {
    parts <- c("log_lik", "par", "link", "simulate", "smooth")
    return(as.call(c(quote(vb_family), name = family$family$family, family$family[parts])))
  }
  fixed <- family$fixed
  maker <- held_makers[[family$name]]
  if (length(maker) && all(maker$held %in% names(fixed))) return(maker$call(fixed))
  usual <- do.call(family_rows[[family$name]]$make, list())$link == family$link
  held <- c(as.list(fixed), refcat = family$family$refcat)
  names(held) <- sub("^nu$", "df", names(held))
  held <- held[names(held) %in% names(formals(family_rows[[family$name]]$make))]
  as.call(c(list(as.name(family_maker(family$name))), held,
            if (!usual) list(link = family$link)))
}

fixed_parameters <- function(family) {
  if (!is.null(family$fixed)) return(family$fixed)
  # mgcv's nb(), betar() and scat() hold their parameters where none is left to estimate
  if (is.function(family$getTheta)) {
    if (!identical(as.integer(family$n.theta), 0L)) return(NULL)
    held <- list(negbinomial = "shape", beta = "phi", student = c("nu", "sigma"))
    return(stats::setNames(as.double(family$getTheta(TRUE)), held[[family_name(family$family)]]))
  }
  # MASS::negative.binomial(theta) keeps theta in the environment of its functions
  theta <- if (is.function(family$variance)) {
    get0(".Theta", environment(family$variance), inherits = FALSE)
  }
  if (is.numeric(theta) && is.finite(theta)) c(shape = as.double(theta))
}
