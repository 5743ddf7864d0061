# Marginal means and contrasts by 'emmeans'.

#' Marginal means by 'emmeans'
#'
#' With these methods `emmeans::emmeans()`, `pairs()`, `contrast()`, `emtrends()` and
#' `ref_grid()` take a fit. As of samplers' fits they report medians and highest posterior density
#' intervals, made from 4000 draws of the fixed effects (of a fit by ADVI from those it keeps). The
#' draws are the same at each call, so that two calls agree. Random effects are left out: the means
#' are those of the linear predictor at random effects of zero, or with `type = "response"` its
#' inverse link.
#'
#' @param object A fit of class `vbfit`.
#' @param trms,xlev,grid As 'emmeans' gives them: terms, factor levels and reference grid.
#' @param data Other data than those of the fit, for the grid.
#' @param params Names in the formula that are no variables; constants are found without.
#' @param mode For [cumulative()] models, what the means are of: the `"latent"` variable, with the
#'   average of the thresholds at zero; the `"linear.predictor"` of each cut; the cumulative
#'   probability `"cum.prob"` there, or what exceeds it, `"exc.prob"`; the `"prob"`ability of each
#'   category; or the mean of their numbers, `"mean.class"`.
#' @param ... Passed on to methods of 'emmeans'.
#' @return What 'emmeans' asks of `recover_data()` and `emm_basis()`.
#' @references
#' Searle, S. R., Speed, F. M. and Milliken, G. A. (1980). Population marginal means in the linear
#' model: an alternative to least squares means. *The American Statistician*, 34(4), 216-221.
#' @examplesIf requireNamespace("emmeans", quietly = TRUE)
#' fit <- vb(breaks ~ wool * tension, data = warpbreaks, family = poisson())
#' means <- emmeans::emmeans(fit, ~ tension | wool, type = "response")
#' means
#' pairs(means)
#' @name emmeans
NULL

#' @rdname emmeans
#' @exportS3Method emmeans::recover_data
recover_data.vbfit <- function(object, data = NULL, params = "pi", ...) {
  object <- whole_fit(object)
  check_no_fields(object, "'emmeans'")
  call <- object$call
  call$formula <- object$formula            # a name may mean something else by now
  terms <- stats::delete.response(object$terms)
  formula <- stats::formula(terms)
  constant <- setdiff(all.vars(formula), row_variables(object, formula))
  emmeans::recover_data(call, terms, object$na.action, frame = object$frame,
                        data = if (is.null(data)) fit_columns(object) else data,
                        params = union(params, constant), ...)
}

#' @rdname emmeans
#' @exportS3Method emmeans::emm_basis
emm_basis.vbfit <- function(object, trms, xlev, grid,
                            mode = c("latent", "linear.predictor", "cum.prob", "exc.prob", "prob",
                                     "mean.class"), ...) {
  object <- whole_fit(object)
  mode <- pick_choice(mode, "mode", eval(formals()$mode))
  frame <- stats::model.frame(trms, grid, na.action = stats::na.pass, xlev = xlev)
  x <- stats::model.matrix(trms, frame, contrasts.arg = object$contrasts)
  if (object$fixed$implicit) x <- x[, -1L, drop = FALSE]
  basis <- if (length(threshold_rows(object))) ordinal_basis(object, x, mode)
    else list(x = x, misc = emmeans::.std.link.labels(object$family, list()))
  draws <- fixed_draws(object)
  dimnames(basis$x) <- list(NULL, colnames(draws))
  list(X = basis$x, bhat = fixef(object), nbasis = estimability::all.estble, V = vcov(object),
       dffun = function(k, dfargs) Inf, dfargs = list(), misc = basis$misc,
       post.beta = structure(draws, n.chains = 1L))
}

# Draws of thresholds and fixed effects, the same at each call
fixed_draws <- function(fit, n_draw = ndraws.vbfit(fit)) {
  table <- parameter_table(fit)
  table <- table[table$class %in% c("threshold", "b"), ]
  draws <- with_noise_stream("fixed", draw_parameters(fit, table, as.integer(n_draw)))
  dimnames(draws) <- list(NULL, fixed_names(fit))
  draws
}

# Columns for thresholds, then for fixed effects: the linear predictor of threshold k is
# tau_k - x'beta, and the latent variable is x'beta less the average of the thresholds.
ordinal_basis <- function(fit, x, mode) {
  cut <- length(threshold_rows(fit))
  if (mode == "latent") {
    return(list(x = cbind(matrix(-1 / cut, nrow(x), cut), x), misc = list()))
  }
  misc <- emmeans::.std.link.labels(fit$family, list())
  misc$ylevs <- list(cut = paste(fit$levels[-(cut + 1L)], fit$levels[-1L], sep = "|"))
  misc$inv.lbl <- "cumprob"
  misc$offset.mult <- -1
  if (mode != "linear.predictor") {
    misc$mode <- mode
    misc$postGridHook <- ".clm.postGrid"
    misc$respName <- deparse1(fit$formula[[2L]])
  }
  each <- matrix(1, nrow(x), 1L)
  list(x = cbind(kronecker(diag(cut), each), kronecker(matrix(-1, cut, 1L), x)), misc = misc)
}
