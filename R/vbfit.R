#' What a fit holds
#'
#' [vb()] returns a list of class `vbfit`: plain data without pointers, so that `saveRDS()`,
#' parallel workers and `identical()` work on it. These are its fields.
#'
#' @section What was asked:
#' \describe{
#'   \item{`version`}{Of the layout of these fields: a method refuses fits of one that it cannot
#'     read. Before it uses a fit a method checks types, lengths and ranges of its fields.}
#'   \item{`call`}{The call, with long values replaced by names.}
#'   \item{`formula`}{The formula with its bars, `.` written out.}
#'   \item{`family`}{The family object; `family$fixed` holds parameters that it keeps at a value.}
#'   \item{`algorithm`, `approximation`, `bound`}{As given to [vb()].}
#'   \item{`control`}{The settings of [vb_control()], with `cores` and `verbose`.}
#'   \item{`priors`}{A list `prior`, `prior_hs` (the scales of a horseshoe), `prior_intercept`,
#'     `prior_aux`, `prior_sd`, `prior_cor` of data frames (without rows or `NULL` where
#'     the model has no such parameter) with a row per
#'     parameter: `parameter`, the prior used as text in `prior` and as `dist`, `arg1`, `arg2`,
#'     `arg3` in the order of the constructors' arguments (of a horseshoe `df`, `scale_global` and
#'     `scale_slab`), whether it is the `default`, and what was `asked` for.}
#' }
#'
#' @section The data:
#' \describe{
#'   \item{`frame`}{The model frame: all variables, weights and offset, after `subset` and
#'     `na.action`.}
#'   \item{`source`}{A list: `columns`, a data frame, in the rows of `frame`, of the variables that
#'     it holds in a transformed form only, such as `x` of `log(x)`; and `reachable`: does the
#'     `data` of `call` mean the data where the formula was written?}
#'   \item{`rows`}{The rows of `frame` that entered the fit: those with weight.}
#'   \item{`nobs`}{Their number.}
#'   \item{`y`}{The response, one entry per row of `frame`; proportions for binomial families,
#'     numbers of categories for ordinal ones.}
#'   \item{`levels`}{The names of the categories of an ordinal response, else `NULL`.}
#'   \item{`weights`}{Prior weights as [stats::glm()] keeps them (binomial: times the number of
#'     trials), one per row of `frame`.}
#'   \item{`offset`}{The sum of all offsets, one per row of `frame`.}
#'   \item{`terms`, `xlevels`, `contrasts`}{Of the fixed part, as [stats::lm()] keeps them, for
#'     prediction.}
#'   \item{`na.action`}{The rows left out for missing values, or `NULL`.}
#'   \item{`predictors`}{Of a model with several predictors (see [bf()]; others do not have it) a
#'     list by parameter: its name `dpar`, the positions of its `columns` and of its `intercept`
#'     among those of `fixed`, their `bare` names, its `formula`, `link`, `terms`, `xlevels` and
#'     `contrasts`. `offset` then has a column for each.}
#'   \item{`held`}{Parameters that [bf()] holds at a value; others do not have it.}
#'   \item{`fixed`}{A list: `names` of the columns of the model matrix, the `center` subtracted from
#'     each while fitting, the position of the `intercept` (0: none), and `implicit`: does the
#'     formula have one whose place thresholds take?}
#'   \item{`random`}{A list with one entry per term: its `group` (`"a:b"` for nested factors), the
#'     `levels`, the names `coef` of its coefficients, the expressions `expr` and `bar` of both
#'     sides of the bar, and the `terms`, `xlevels` and `contrasts` of its left side.}
#' }
#'
#' @section The result:
#' \describe{
#'   \item{`fields`}{The structured terms, a list each: its `kind`, `label` and `variables`, the
#'     `levels` or the `parts` that make columns of data, names of `fixed` columns, and `blocks` of
#'     coefficients with one precision. Their columns are the last of `design$x`.}
#'   \item{`hyper`}{A data frame with a row per hyperparameter: its `name`, its `class` (`"sd"`,
#'     `"cor"`, `"aux"`, `"hs"` or `"threshold"`), its `term` (0: none) and the coefficients `i`
#'     and `j` of that term it belongs to, 0 where it is of all.}
#'   \item{`engine`}{The posterior, as a mixture over the nodes of the integral over the
#'     hyperparameters, and how it was had; see the next section.}
#'   \item{`advi`}{Of a fit by ADVI, else `NULL`: the Gaussian over all unconstrained parameters,
#'     its draws and diagnostics. `mean`, `sd`, `cov` (with linear response) and `sd_q` (without) of
#'     the Gaussian; of its draws the coefficients `coef` and the hyperparameters `hyper`, a column
#'     per draw, with their log densities `lp` and `lp_approx`, smoothed importance weights
#'     `log_weight` and Pareto `khat`; `coef_sd_q` and `hyper_sd_q`, the sds of these parameters
#'     without linear response; and as in [advifit] `elbo_se`, `decrement`, `n_noise`,
#'     `noise_error`, `noise_sd`, `n_grad`, `n_value`, `n_iter`, `n_bad`, `curvature`, `lr_rule`,
#'     `approximation`; `bad` is a point at which the log density was not finite.}
#'   \item{`design`}{The numbers the engine was given, for draws and predictions.}
#'   \item{`elbo`}{The evidence lower bound; see [elbo()].}
#'   \item{`log_evidence`}{The log evidence corrected by residual quadrature.}
#'   \item{`trace`}{A data frame `step`, `phase`, `elbo`, `log_lik`, `kl`, `seconds` (of ADVI also
#'     `se` and `n_grad`), a row per accepted step; see [elbo()].}
#'   \item{`converged`}{Did it converge, and can the integral over the standard deviations,
#'     correlations and dispersions be relied on? If not there was a warning of class
#'     `vb_not_converged`, and of `vb_integral_ess` (worth fewer than 100 points),
#'     `vb_integral_khat` (Pareto k above 0.7, and a weight of more than five times their mean) or
#'     `vb_integral_error` (interpolated with too large an error).}
#'   \item{`stopped`}{Empty, or why it stopped early: `"interrupt"`, `"max_sweep"`, `"not finite"`,
#'     `"not positive definite"`, `"rounding"` (doubles have too few digits for this posterior),
#'     `"flat sides"` (see `pin` below), of ADVI `"max_iter"`.}
#'   \item{`seconds`}{Elapsed time of the whole call.}
#' }
#'
#' @section The engine's part:
#' With `n_coef` coefficients (fixed effects, then random effects term by term and level by level),
#' `p` fixed effects, `H` hyperparameters in the rows of `fit$hyper` and `N` nodes, `fit$engine` has
#' \describe{
#'   \item{`node`}{`weight` (sum one, none negative), `elbo` and residual quadrature `rq`, `N`
#'     each; `hyper` (`H x N`); `mean`, `var` and `skew` of all coefficients given them (`n_coef x
#'     N`; columns of the model matrix centred); `fixed_mean`, `fixed_skew` (`p x N`) and
#'     `fixed_cov` (`p x p x N`) of the fixed effects as reported. `x` are the nodes on the engine's
#'     axes; `h`, `site_h` and `site_b` what its Gaussians are made of. `spread`: where there is a
#'     `pin`, the variance along it of what a node stands for.}
#'   \item{`point`}{The marginal distribution of the hyperparameters as weighted points: `hyper`, a
#'     column each, and `weight`; `x` the same on the axes and `log_density`, the log density
#'     there.}
#'   \item{`axes`}{How the axes become hyperparameters: `coordinate`, its scale `s0`, the `mode`,
#'     and `root`, whose diagonal has the units that they are measured in. `polar`: two sds that are
#'     known by the sum of their squares are polar coordinates on these axes, the log of the radius
#'     and an angle. `sheared`: the scale \eqn{\sigma} and degrees of freedom \eqn{\nu} of
#'     [student()] are \eqn{\log\sigma - \log(\nu / (\nu + 1))} and \eqn{\log\nu}.}
#'   \item{`pin`}{Of coefficients whose posterior is flat on one side, as where the data separate
#'     the responses, else `NULL`: combinations of the fixed effects (columns of the model matrix
#'     centred) that are axes of the integral as hyperparameters are, a column of `a` each, the
#'     `origin` of the axis, and the `precision` with which a point of it holds the combination.
#'     `flat_left`: are there more of them than could be axes?}
#'   \item{`log_lik`}{The expected log likelihood in `fit$elbo`; see [elbo()].}
#'   \item{`solver`, `rule`}{How coefficients were solved for and hyperparameters integrated.}
#'   \item{`n_foretold`}{How many of the nodes are of the mixture alone: Gaussians that the others
#'     foretell, with the corrections of the nearest.}
#'   \item{`n_cell`, `n_eval`, `n_sweep`}{The number of cells (different rows of predictors), of
#'     values of the hyperparameters met, and of sweeps over the cells. `cell` is the cell of each
#'     row.}
#'   \item{`node_error`, `ess`, `khat`}{Interpolated nodes: the error of the interpolation. Weighted
#'     ones: the effective number of points and the Pareto k of their weights. `NaN` where it does
#'     not apply.}
#'   \item{`second_mode`}{Where another mode of the hyperparameters was met than the highest, the
#'     log density there less that at the highest, else `NaN`.}
#'   \item{`lost`}{How far rounding errors may move a coefficient, in its standard deviations, at
#'     the mode of the hyperparameters. Above 0.01 the fit counts as not converged.}
#'   \item{`rq`}{Residual quadrature at the mode: its `size`, and the `max_level` of one level.}
#'   \item{`lr`, `lr_inflation`}{The matrix by which linear response corrects the covariance of the
#'     fixed effects, and the largest ratio of standard deviations with and without; 1: none.}
#'   \item{`effective`, `coupling`, `status`}{The expected precisions of a factorised approximation,
#'     what of the coefficients it couples, and the engine's code for `stopped`.}
#' }
#' The words are explained in the [glossary].
#'
#' @section Methods:
#' \describe{
#'   \item{Looking}{[print()][print.vbfit], [summary()][summary.vbfit], [plot()][plot.vbfit],
#'     [prior_summary()], [elbo()].}
#'   \item{Estimates}{[posterior_summary()] and [posterior_interval()] of any parameter; in lme4's
#'     meaning [fixef(), ranef(), coef(), VarCorr(), vcov(), confint(), sigma()][estimates].}
#'   \item{Predictions}{[predict(), fitted(), residuals()][predict.vbfit], without draws;
#'     averages of them by [poststratify()], curves along predictors by [conditional_effects()].}
#'   \item{Draws}{Of the parameters [as_draws() and its kin, as.matrix(), as.data.frame()][draws];
#'     of predictors and responses [posterior_linpred()], [posterior_epred()],
#'     [posterior_predict()], [predictive_interval()], [predictive_error()], [log_lik()],
#'     [simulate()][simulate.vbfit].}
#'   \item{Checking and comparing}{[pp_check()], [bayes_R2()], [loo()][loo],
#'     [kfold()][kfold.vbfit].}
#'   \item{Other packages}{[tidy(), glance(), augment()][tidy.vbfit] of 'broom', and what
#'     ['emmeans'][emmeans], ['marginaleffects'][marginaleffects] and ['DHARMa'][dharma] ask for.}
#'   \item{Parts}{[model.frame(), model.matrix(), formula(), terms(), family(), nobs(),
#'     weights(), df.residual()][parts], lme4's [ngrps()][estimates], and `update()`.}
#' }
#' @seealso [vb()] makes fits, [vb_control()] has the engine's settings; [advifit] for fits by
#'   [advi()].
#' @name vbfit
#' @examples
#' fit <- vb(breaks ~ wool + (1 | tension), warpbreaks)
#' names(fit)
#' fit$hyper
#' # the posterior mean of the hyperparameters, from their marginal
#' drop(fit$engine$point$hyper %*% fit$engine$point$weight)
NULL

# The layout of a fit. It goes up by one when a field changes its meaning, with a row of
# `older_layouts`.
fit_layout <- 2L

new_vbfit <- function(call, model, choices, control, engine, seconds) {
  design <- model$design
  random <- lapply(design$random, function(term) {
    term[intersect(c("group", "levels", "coef", "expr", "bar", "covariance", "terms", "xlevels",
                     "contrasts", "bare", "dpar", "parts"), names(term))]
  })
  frame <- model$frame
  fit <- list(
    version = fit_layout, call = call, formula = model$formula, family = model$family$family,
    algorithm = choices$algorithm, approximation = choices$approximation, bound = choices$bound,
    control = control, priors = model$priors$tables,
    frame = frame, rows = if (is.null(model$rows)) seq_len(nrow(frame)) else model$rows,
    nobs = length(model$spec$w), y = model$response$y, weights = model$response$weights,
    offset = model$offset, source = model$source,
    terms = design$terms, xlevels = design$xlevels, contrasts = design$contrasts,
    na.action = attr(frame, "na.action"),
    levels = model$family$levels,
    fixed = c(design[c("names", "center")], intercept = model$spec$intercept,
              design["implicit"]), random = random,
    hyper = hyper_table(random, model$family$par,
                        if (model$family$thresholds) "threshold" else "aux",
                        length(model$priors$shrink) > 0L, field_hyper(design$fields)$name),
    fields = design$fields
  )
  if (length(model$held)) fit$held <- model$held
  if (length(design$predictors)) fit$predictors <- design$predictors
  fit <- c(fit, engine_fields(engine, model$spec, choices$algorithm), list(seconds = seconds))
  structure(fit, class = "vbfit")
}

# The fields that hold what the engine found
engine_fields <- function(engine, spec, algorithm) {
  # kept beside `engine`
  own <- c("trace", "elbo", "log_evidence", "converged", "design", "advi")
  list(
    engine = engine[setdiff(names(engine), own)], advi = engine$advi,
    design = if (is.null(engine$design)) spec else engine$design,
    elbo = engine$elbo, log_evidence = engine$log_evidence,
    trace = trace_table(engine$trace, algorithm),
    converged = isTRUE(engine$converged) && !length(doubts_of(engine)),
    stopped = if (isTRUE(engine$converged)) ""
      else if (isTRUE(engine$flat_left)) "flat sides"
      else stop_reason(engine$status, algorithm)
  )
}

# How a fit by vb() holds its posterior, as a class: by nodes of the hyperparameters with a Gaussian
# at each (coordinate ascent), or by draws that it keeps (ADVI). What depends on it is an internal
# generic, UseMethod("name", held_as(fit)), with a method for either.
held_as <- function(fit) {
  structure(list(), class = if (is.null(fit$advi)) "held_nodes" else "held_draws")
}
