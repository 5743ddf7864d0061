#' Fit a Bayesian regression or hierarchical model by variational inference
#'
#' Finds the posterior of the coefficients, random effects and hyperparameters of a model written as
#' a formula. The result is deterministic: the same data give the same numbers.
#'
#' @param formula A formula as in lme4: `y ~ x`, `y ~ x + (x | g)`, `(x || g)`, `(0 + x | g)`,
#'   `(1 | a/b)`, `(1 | a:b)`, several terms; `diag(x | g)`, `cs(0 + f | g)` and other
#'   [covariances][structured] of glmmTMB; smooths, series, maps and known covariances, such as
#'   `s(x)`, are [structured terms][structured]. Binary responses are 0/1, logical or a factor (the
#'   first level is failure), or `cbind(success, failure)`, or `y | trials(n)`, or proportions with
#'   `weights`; ordinal ones are ordered factors or whole numbers from 1 on. Formulas of further
#'   parameters, such as `sigma` or `zi`, are collected by [bf()].
#' @param data A data frame, tibble or data.table; variables not in it are looked up in the
#'   environment of `formula`.
#' @param family The likelihood: [stats::gaussian()], [stats::binomial()] (`"logit"`, `"probit"`,
#'   `"cloglog"`), [stats::poisson()], [stats::Gamma()] (`"log"`), [negbinomial()], [student()],
#'   [Beta()], [asym_laplace()] (quantile regression) or [cumulative()] (ordered categories), as an
#'   object, function or string; other packages' names for these are known. Zero inflation,
#'   hurdles, categories and others are at [families_several]. [vb_family()] makes one from a log
#'   density.
#' @param ... What scripts written for samplers and for 'lme4' carry along, such as `iter`,
#'   `warmup`, `chains`, `seed`, `backend`, `file`, `REML` and `nAGQ`, is ignored with a message.
#'   Any other argument is an error.
#' @param weights Prior weights as in [stats::glm()]: they divide the variance of gaussian, student
#'   and Gamma responses (`sigma^2 / weights`, shape `weights * shape`), multiply the check loss of
#'   quantile regression (`sigma / weights`), are the number of trials of proportions, and multiply
#'   the log-likelihood of all others. Rows of weight zero are left out of the fit. Known standard
#'   errors are weights too, see below.
#' @param subset,na.action,contrasts As in [stats::lm()].
#' @param offset Added to the linear predictor, as are `offset()` terms of the formula.
#' @param prior,prior_intercept Priors of the coefficients and of the intercept (each threshold of
#'   [cumulative()]) where the other columns are at their means: [normal()], [student_t()],
#'   [cauchy()], [laplace()] or [flat()]; `NULL` is flat; [horseshoe()] for all coefficients.
#'   Without an intercept `prior` covers all columns. `prior` may also be a list named by
#'   coefficients, or a data frame from brms's `prior()`, which then speaks of all parameters: see
#'   [priors]. Where further parameters have predictors, a single prior is of the mean's
#'   coefficients, and lists may also be named by parameters, `list(mu = , sigma = )`, and have
#'   names such as `sigma_x`.
#' @param prior_aux Prior of `sigma`, `shape`, `phi`, `nu`, `zi` and others without a formula (and
#'   of parameters of structured terms other than their sds): [normal()], [student_t()], [cauchy()],
#'   [exponential()], [pc()], [flat()] or [constant()]; `list(sigma = , nu = )` where the family has
#'   two.
#' @param prior_sd Prior of the standard deviations of random effects, for all or as a list named by
#'   grouping factors, whose entries may be lists by coefficient, or by parameters that have
#'   predictors. What is stated is meant where the
#'   columns are zero; of the defaults see [prior_summary()].
#' @param prior_cor [lkj()] prior of their correlations, for all or as a list.
#' @param algorithm `"cavi"`, coordinate ascent, or `"advi"`, gradient ascent over all unconstrained
#'   parameters at once, see ADVI.
#' @param approximation For coordinate ascent `"structured"`: a Gaussian for the coefficients given
#'   the hyperparameters, and the best distribution of these; `"joint"`, `"partial"` or
#'   `"meanfield"`: with ever less of the posterior's dependence, see Approximations. For ADVI
#'   `"fullrank"` (the default up to about 100 parameters), `"lowrank"`, `"meanfield"` or
#'   `"pathfinder"`.
#' @param bound `"exact"`: the expected log-likelihood itself. `"jj"`: the lower bound on it of
#'   textbook coordinate ascent, in which latent variables have a factor of their own:
#'   Jaakkola-Jordan or Polya-Gamma for logit links and `negbinomial()`, Albert-Chib for probit,
#'   scale mixtures of normals for `student()` and `asym_laplace()`. It is there to compare with:
#'   its standard deviations are too small, and nothing corrects them.
#' @param cores Number of threads; results do not depend on it.
#' @param control Settings of the engine, from [vb_control()]. Those of other packages,
#'   `list(adapt_delta = )` and `lmerControl()`, are ignored with a message.
#' @param data2 A list of what structured terms name that is no column of `data`, such as matrices.
#' @param ziformula,dispformula Formulas of zero inflation and of the dispersion in the spelling of
#'   'glmmTMB': with `poisson()`, [negbinomial()] and others the family becomes the zero-inflated
#'   one, and `ziformula` is of its `zi` (`hu` of hurdles), `dispformula` of `sigma`, `shape` or
#'   `phi`. See [bf()].
#' @param verbose Show the progress of a slow fit? By default
#'   `getOption("varbayes.verbose", TRUE)`; quick fits never print.
#'
#' @section Default priors:
#' With `s = max(2.5, mad(y))` (on the scale of the log for log links; 2.5 for binomial and beta):
#' the intercept has `student_t(3, median(y), s)` (binomial and beta: location 0), coefficients
#' `normal(0, 2.5 sd(y) / sd(x))` for gaussian, student and asym_laplace, `normal(0, 2.5 / sd(x))`
#' otherwise, standard deviations of groups and residuals a half-`student_t(3, 0, s)`, correlations
#' `lkj(1)`, the shape of the negative binomial and of Gamma `exponential(1)`, the precision `phi`
#' of beta a gamma(0.01, 0.01) and the degrees of freedom of student a gamma(2, 0.1); thresholds,
#' being intercepts, `student_t(3, 0, 2.5)`. Predictors of further parameters have
#' `normal(0, 2.5 / sd(x))` for coefficients, `student_t(3, 0, 2.5)` for intercepts of logarithms
#' and standard deviations, and the logistic distribution for intercepts of logits; `zi`, `hu`,
#' `zoi` and `coi` without a formula are uniform. `prior_summary()` prints what was used.
#'
#' @section Known standard errors:
#' A meta-analysis has estimates `effect` with known standard errors `se`: gaussian responses, each
#' of its own standard deviation. `weights = 1 / se^2` with `prior_aux = constant(1)` says so, as
#' `sigma` is held at one. `effect ~ 1` pools them under a common effect, `effect ~ 1 + (1 | study)`
#' under effects that vary between studies, with the standard deviation `sd_study__Intercept`
#' (often called tau); `effect ~ x + (1 | study)` is a meta-regression. With few studies the prior
#' of that standard deviation matters: give one, `prior_sd = normal(0, 1)` for instance, in the
#' units of the effects. The effects of the studies are [coef()][estimates], and where that of a new
#' one may lie says `predict(fit, data.frame(study = "new"), interval = "credible",
#' allow.new.levels = TRUE)`. Without `constant(1)` standard errors are known up to a factor, as in
#' [stats::lm()].
#'
#' @section Approximations:
#' With `c` the coefficients and random effects and `theta` the standard deviations, correlations
#' and dispersions, all four maximise the same bound over ever smaller sets of distributions `q`:
#' \describe{
#'   \item{`"structured"`}{`q(theta) q(c | theta)`, with the corrections of [vb_control()]: the
#'     accurate one, and the only one whose standard deviations are meant to be right.}
#'   \item{`"joint"`}{`q(c) q(theta)`, a factor of `theta` for each grouping term and one for the
#'     dispersions: classical coordinate ascent with one Gaussian block. The standard deviations of
#'     `theta` are too small, those of `c` leave its uncertainty out.}
#'   \item{`"partial"`}{The same with the levels of random effects independent of each other and
#'     the fixed effects given them, the mean by conjugate gradients: memory and time linear in the
#'     rows. Chosen with a message where crossed factors are so large that a Cholesky factor would
#'     not fit. The covariance of the fixed effects is corrected by linear response
#'     (`vb_control(lr = FALSE)` leaves it), other standard deviations are too small.}
#'   \item{`"meanfield"`}{Fixed effects, each term's random effects and each factor of `theta`
#'     independent: the textbook's variational Bayes, whose standard deviations can be too small by
#'     factors.}
#' }
#' Coordinate ascent is accelerated by Anderson's method, a step counting only where the bound
#' rises. In `"partial"` and `"meanfield"` the means of all blocks are solved for together, which
#' leaves nothing for an expansion of the means to improve. Where the levels of nested factors are
#' taken as independent the variance of the outer one can collapse towards zero.
#'
#' @section ADVI:
#' `algorithm = "advi"` is automatic differentiation variational inference (Kucukelbir et al. 2017)
#' with what its users miss: the draws are fixed, so that the bound is a function that is climbed to
#' its top (Giordano, Ingram and Broderick 2024) and the same data give the same numbers; standard
#' deviations are those of linear response; the Pareto k of importance weights tells how far to
#' trust them. `q` is one Gaussian over all parameters: random effects and coefficients in
#' coordinates in which they are standard normal given `theta`, as nearly as a pilot fit can tell
#' (non-centred where the data say little, centred where they say much), and `theta` on the log and
#' probit scale. The settings are those of [vb_control()]: `noise`, `n_noise`, `draws` and others;
#' `noise = "fresh"` with `batch` rows at a time is for data too large to be passed over often.
#' Coordinate ascent is faster and more accurate for these models. ADVI of a density of your own is
#' [advi()].
#'
#' @return A fit of class [vbfit].
#' @references
#' Blei, D. M., Kucukelbir, A. and McAuliffe, J. D. (2017). Variational inference: a review for
#' statisticians. *Journal of the American Statistical Association*, 112, 859-877.
#'
#' Durante, D. and Rigon, T. (2019). Conditionally conjugate mean-field variational Bayes for
#' logistic models. *Statistical Science*, 34, 472-485.
#'
#' Giordano, R., Ingram, M. and Broderick, T. (2024). Black box variational inference with a
#' deterministic objective: faster, more accurate, and even more black box. *Journal of Machine
#' Learning Research*, 25, 1-39.
#'
#' Goplerud, M., Papaspiliopoulos, O. and Zanella, G. (2025). Partially factorized variational
#' inference for high-dimensional mixed models. *Biometrika*, 112.
#'
#' Kucukelbir, A., Tran, D., Ranganath, R., Gelman, A. and Blei, D. M. (2017). Automatic
#' differentiation variational inference. *Journal of Machine Learning Research*, 18, 1-45.
#'
#' Ormerod, J. T. and Wand, M. P. (2012). Gaussian variational approximate inference for generalized
#' linear mixed models. *Journal of Computational and Graphical Statistics*, 21, 2-17.
#'
#' Rubin, D. B. (1981). Estimation in parallel randomized experiments. *Journal of Educational
#' Statistics*, 6, 377-401.
#'
#' Rue, H., Martino, S. and Chopin, N. (2009). Approximate Bayesian inference for latent Gaussian
#' models by using integrated nested Laplace approximations. *Journal of the Royal Statistical
#' Society B*, 71, 319-392.
#' @examples
#' fit <- vb(breaks ~ wool + (1 | tension), warpbreaks)
#' fit
#' vb(am ~ wt, mtcars, family = binomial(), prior = normal(0, 5))
#' vb(am ~ wt, mtcars, family = binomial(), algorithm = "advi")
#'
#' # a meta-analysis: eight estimates with their standard errors (Rubin 1981)
#' schools <- data.frame(school = LETTERS[1:8], effect = c(28, 8, -3, 7, -1, 1, 18, 12),
#'                       se = c(15, 10, 16, 11, 9, 11, 10, 18))
#' meta <- vb(effect ~ 1 + (1 | school), schools, weights = 1 / se^2, prior_aux = constant(1),
#'            prior_sd = normal(0, 10))
#' meta
#' coef(meta)$school
#' predict(meta, data.frame(school = "new"), interval = "credible", allow.new.levels = TRUE)
#' @export
vb <- function(formula, data, family = gaussian(), ..., weights, subset, na.action, offset,
               contrasts, prior, prior_intercept, prior_aux, prior_sd, prior_cor,
               algorithm = "cavi", approximation = "structured", bound = "exact",
               data2 = NULL, ziformula = NULL, dispformula = NULL,
               cores = getOption("mc.cores", 1L), control = vb_control(), verbose) {
  stop_loop()
  started <- fit_clock()
  env <- parent.frame()
  call <- match.call()
  if (!identical(call[[1L]], quote(varbayes::vb))) call[[1L]] <- quote(vb)   # lapply() says FUN
  if (missing(formula)) missing_formula(names(call))
  formulas <- as_formulas(formula, env)
  foreign <- is_foreign_control(call$control, control, env)
  if (foreign) {
    control <- vb_control()
    call$control <- NULL
  }
  check_dots(match.call(expand.dots = FALSE)$..., if (foreign) "control")
  data <- if (!missing(data)) data
  automatic <- missing(approximation) || is.null(approximation)
  if (automatic) approximation <- NULL
  choices <- list(algorithm = algorithm, approximation = approximation, bound = bound)
  check_choices(choices)
  check_data2(data2)
  control <- full_control(control, cores, if (missing(verbose)) verbose_default() else verbose)
  if (missing(family) && length(formulas$family)) family <- formulas$family
  family <- spelled_family(family, bound, ziformula)
  formulas <- with_spelled(formulas, family, ziformula, dispformula)
  family <- formula_family(family, formulas)
  call <- spelled_call(call, formulas, family)
  user <- list()
  if (!missing(prior)) user["prior"] <- list(prior)
  if (!missing(prior_intercept)) user["prior_intercept"] <- list(prior_intercept)
  if (!missing(prior_aux)) user["prior_aux"] <- list(prior_aux)
  if (!missing(prior_sd)) user["prior_sd"] <- list(prior_sd)
  if (!missing(prior_cor)) user["prior_cor"] <- list(prior_cor)

  na.action <- if (missing(na.action)) getOption("na.action") else na.action
  contrasts <- if (!missing(contrasts)) contrasts
  model <- build_model(formulas, data, family, user, call, na.action, contrasts, env, data2)
  where <- environment(formulas$formula)
  call <- tidy_call(call, env, family, where)
  model$source$reachable <- in_reach(call$data, data, env, where)
  fit_model(model, choices, automatic, control, call, env, started)
}

# May the engine choose the approximation "partial" by itself?
may_be_partial <- function(model) !length(model$spec$shrink) && !has_predictors(model$family)

# From the model to the fit, by either algorithm
fit_model <- function(model, choices, automatic, control, call, env, started) {
  family <- model$family
  probe_log_lik(family, model$spec)
  own <- callback(family)
  algorithm <- algorithms[[choices$algorithm]]
  choices$approximation <- algorithm$approximation(choices$approximation, model$spec)
  check_shrink(model$spec, choices$approximation)
  check_predictors(family, choices$algorithm, choices$approximation)
  check_structured(model$design, choices$algorithm, choices$approximation)
  engine <- algorithm$run(model$spec, model$design$random, control, choices$approximation,
                          own$density, automatic && may_be_partial(model))
  choices$approximation <- approximation_used(choices$approximation, engine)
  check_engine(engine, family$family, own$seen)
  fit <- new_vbfit(call, model, choices, control, engine, fit_clock() - started)
  report_stop(fit, env, own$seen)
  fit
}
