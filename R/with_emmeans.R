# Marginal means and contrasts by 'emmeans'.

#' Marginal means by 'emmeans'
#'
#' With these methods `emmeans::emmeans()`, `pairs()`, `contrast()`, `emtrends()` and
#' `ref_grid()` take a fit. As of samplers' fits they report medians and highest posterior density
#' intervals, made from 4000 draws of the fixed effects (of a fit by ADVI from those it keeps). The
#' draws are the same at each call, so that two calls agree. Random effects are left out: the means
#' are those of the linear predictor at random effects of zero, or with `type = "response"` its
#' inverse link. Of [structured] terms so are those that have levels, such as series and maps;
#' smooths and processes are functions of covariates, and are taken at the grid's.
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
  check_one_predictor(object)
  call <- object$call
  call$formula <- object$formula            # a name may mean something else by now
  terms <- grid_terms(object)
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
  if (length(object$fields)) {                  # `trms` has the covariates of smooths besides
    trms <- stats::delete.response(object$terms)
    xlev <- xlev[intersect(names(xlev), all.vars(trms))]
  }
  frame <- stats::model.frame(trms, grid, na.action = stats::na.pass, xlev = xlev)
  x <- stats::model.matrix(trms, frame, contrasts.arg = object$contrasts)
  if (object$fixed$implicit) x <- x[, -1L, drop = FALSE]
  x <- cbind(x, grid_columns(object, grid))
  basis <- if (length(threshold_rows(object))) ordinal_basis(object, x, mode)
    else list(x = x, misc = link_labels(object$family))
  draws <- fixed_draws(object)
  dimnames(basis$x) <- list(NULL, colnames(draws))
  law <- grid_law(object)
  list(X = basis$x, bhat = law$mean, nbasis = estimability::all.estble, V = law$cov,
       dffun = function(k, dfargs) Inf, dfargs = list(), misc = basis$misc,
       post.beta = structure(draws, n.chains = 1L))
}

# A logarithm is of no probability, though a negative binomial model is called one
link_labels <- function(family) {
  misc <- emmeans::.std.link.labels(family, list())
  if (identical(misc$inv.lbl, "prob") && family$link == "log") misc$inv.lbl <- "rate"
  misc
}

# Draws of thresholds, fixed effects and coefficients of smooths, the same at each call
fixed_draws <- function(fit, n_draw = ndraws.vbfit(fit)) {
  table <- grid_parameters(fit)
  draws <- with_noise_stream("fixed", draw_parameters(fit, table, as.integer(n_draw)))
  dimnames(draws) <- list(NULL, c(fixed_names(fit), table$name[table$class == "s"]))
  draws
}

# ---- Structured terms ----------------------------------------------------------------------------

# Those that are functions of covariates
grid_fields <- function(fit) Filter(is_function_field, fit$fields)

# The terms of the fixed part, with the covariates of smooths
grid_terms <- function(fit) {
  terms <- stats::delete.response(fit$terms)
  variables <- unlist(lapply(grid_fields(fit), function(field) field$variables))
  if (!length(variables)) return(terms)
  formula <- stats::formula(terms)
  for (variable in variables) formula[[2L]] <- call("+", formula[[2L]], variable)
  stats::terms(formula)
}

grid_parameters <- function(fit) {
  table <- parameter_table(fit)
  own <- table$class == "s" & table$name %in% field_coefs(grid_fields(fit))
  table[table$class %in% c("threshold", "b") | own, ]
}

# Their columns; those of others, which are left out, are zero
grid_columns <- function(fit, grid) {
  n_fixed <- length(field_names(fit$fields))
  if (!length(fit$fields)) return(NULL)
  fields <- grid_fields(fit)
  more <- columns_of_fields(fields, grid, environment(fit$formula), own = FALSE)
  fixed <- matrix(0, nrow(grid), n_fixed, dimnames = list(NULL, field_names(fit$fields)))
  fixed[, as.character(field_names(fields))] <- more$fixed
  cbind(fixed, more$blocks)
}

# Means and covariances of what the draws are of
grid_law <- function(fit) {
  table <- grid_parameters(fit)
  mean <- fixef(fit)
  cov <- vcov(fit)
  own <- table$class == "s"
  if (!any(own)) return(list(mean = mean, cov = cov))
  more <- summarise_parameters(fit, table[own, ], numeric())[, 1L]
  drawn <- stats::cov(fixed_draws(fit))
  drawn[seq_along(mean), seq_along(mean)] <- cov
  list(mean = c(mean, more), cov = drawn)
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
