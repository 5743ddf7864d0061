# The one door to C: every .Call of the package is in this file.

# `automatic`: the engine may turn to the partially factorised approximation where a Cholesky factor
# would not fit; `density`: of a family of the user's own.
fit_engine <- function(spec, control, approximation = "structured", automatic = FALSE,
                       density = NULL) {
  load_callables(may_be_sparse(spec, control$solver), control$verbose)
  control$automatic <- as.integer(automatic)
  control$coupling <- match(approximation, couplings, nomatch = 1L) - 1L
  control$independent <- as.integer(approximation != "structured")
  control$solver <- match(control$solver, solvers) - 1L
  control$cores <- threads(control$cores)
  told <- spec
  told$user$log_lik <- density
  engine <- .Call(C_vb_r_fit, told, unclass(control))
  engine$design <- spec
  engine
}

# ADVI of a target: list(dim, eval, start) as r_target.c reads it
fit_advi <- function(target, control) {
  load_callables(sparse = FALSE, control$verbose)
  .Call(C_vb_r_advi, target, with_noise(control))
}

# ADVI of a model: its own result and the nodes that it stands for
fit_advi_model <- function(spec, control) {
  load_callables(may_be_sparse(spec), control$verbose)
  control$cores <- threads(control$cores)
  .Call(C_vb_r_advi_model, spec, with_noise(control))
}

# The core draws nothing: its noise is R's, so set.seed() and RNGkind() govern it.
with_noise <- function(control) c(control, list(rnorm = stats::rnorm, runif = stats::runif))

# A forked child (mclapply) has none of its parent's threads; OpenMP would wait for them.
threads <- function(cores) if (identical(Sys.getpid(), loaded_in$process)) cores else 1L

loaded_in <- new.env(parent = emptyenv())

# C functions of these packages are looked up on first use: CHOLMOD of Matrix, which takes a second
# to load, and the progress bar of cli.
load_callables <- function(sparse = TRUE, progress = FALSE) {
  if (sparse) load_package("Matrix")
  if (progress) load_package("cli")
}

# Whether a sparse factor will be thought of: DENSE_UP_TO of r_model.c
may_be_sparse <- function(spec, solver = "auto") {
  solver == "sparse" || (solver == "auto" && core_size(spec) > 100L)
}

# Coefficients but those of the term with the most levels, which is the leaf (model.c)
core_size <- function(spec) {
  n_level <- vapply(spec$terms, function(term) as.double(term$n_level), 0)
  size <- n_level * vapply(spec$terms, function(term) ncol(term$z), 0L)
  ncol(spec$x) + sum(size[-which.max(n_level)])
}

# Seconds, on a clock that stands still while packages are loaded: that is not time of a fit.
fit_clock <- function() proc.time()[[3L]] - loaded_in$seconds

loaded_in$seconds <- 0
load_package <- function(package) {
  if (isNamespaceLoaded(package)) return(invisible())
  started <- proc.time()[[3L]]
  loadNamespace(package)
  loaded_in$seconds <- loaded_in$seconds + proc.time()[[3L]] - started
}

couplings <- c("joint", "partial", "meanfield")   # in the order of gauss/scheme.c

solvers <- c("auto", "dense", "sparse")      # in the order of the enum in r.h

# The engine's result as C takes it back: the solver it had.
reopened <- function(engine) {
  engine$solver <- if (identical(engine$solver, "sparse")) 2L else 1L
  engine
}

# f(fit), of a finished fit that is open meanwhile: its model is laid out once for all that f() asks
# of it by the doors below, which open a fit that is not, for one answer. `opened` is an external
# pointer that is void as soon as f() is done, so f() must not return the fit that it is given. Kept
# draws answer by themselves.
with_open <- function(fit, f) UseMethod("with_open", held_as(fit))

#' @export
with_open.held_draws <- function(fit, f) f(fit)

#' @export
with_open.held_nodes <- function(fit, f) {
  if (!is.null(fit$opened)) return(f(fit))
  open_engine(fit, function(handle) {
    fit$opened <- handle
    f(fit)
  })
}

# What C refuses while it opens a fit is what R could not see: lengths that follow from the model
open_engine <- function(fit, use) {
  fit <- whole_fit(fit)
  load_callables(identical(fit$engine$solver, "sparse"))
  open <- FALSE
  opened <- function(handle) {
    open <<- TRUE
    use(handle)
  }
  refused <- function(e) if (!open) damaged("engine", sub("^internal: ", "", conditionMessage(e)))
  withCallingHandlers(.Call(C_vb_r_open, with_density(fit)$design, reopened(fit$engine), opened),
                      simpleError = refused)
}

# Posterior mean and variance of the linear predictor and of its inverse link in new rows.
engine_moments <- function(fit, rows) {
  rows$group <- lapply(rows$group, as.integer)
  with_open(fit, function(fit) answered(.Call(C_vb_r_moments, fit$opened, rows)))
}

# The linear predictor of new rows given the theta of each node: mean, var and skew, rows x nodes;
# the nodes' weights, and their dispersions `par`, parameters x nodes. `node` tells which of the
# fit's nodes they are: those of weight zero are left out. Interpolation makes some weights
# negative; rows with a level that is `new` are to have the positive ones alone, scaled to sum to
# one, and nodes of the others have no moments there. Uncorrected variances are those of the
# Gaussian q given theta, before linear response and residual quadrature; means are the same.
# Results are rows x nodes in size: callers go block by block.
engine_node_moments <- function(fit, rows, corrected = TRUE) {
  rows$group <- lapply(rows$group, as.integer)
  out <- with_open(fit, function(fit) {
    answered(.Call(C_vb_r_node_moments, fit$opened, rows, corrected))
  })
  node <- which(fit$engine$node$weight != 0)
  out <- lapply(out, function(x) x[, node, drop = FALSE])
  new <- Reduce(`|`, lapply(rows$group, function(g) !is.na(g) & g == 0L), logical(nrow(rows$x)))
  c(out, list(weight = fit$engine$node$weight[node], node = node, new = new))
}

# Leave-one-out over the nodes, of units of rows of the design: a list of their positions. `by_row`:
# not of whole units but of their rows, the values being in the order of unlist(unit). With `nodes`
# also `node`, units (or rows) x nodes, the log densities at each.
engine_cavity <- function(fit, unit, by_row = FALSE, nodes = FALSE) {
  unit <- list(start = c(0L, cumsum(lengths(unit))), row = unlist(unit, use.names = FALSE) - 1L,
               by_row = as.integer(by_row), nodes = as.integer(nodes))
  out <- with_open(fit, function(fit) answered(.Call(C_vb_r_cavity, fit$opened, unit)))
  c(lapply(out[cavity_values], drop), out["node"])
}

cavity_values <- c("log_out", "log_in", "lambda", "share", "change")

# Without some units theta lies between few of its nodes: their log densities, and how much weight
# is left, over the many points that stand for its posterior. `node` as engine_cavity() has it.
engine_over_points <- function(fit, node) {
  with_open(fit, function(fit) answered(.Call(C_vb_r_over_points, fit$opened, node)))
}

# The core's answer, or the status by which it said that it had none
answered <- function(out) {
  if (!is.integer(out)) return(out)
  damaged("engine", sprintf("The Gaussian of a node could not be made again (status %d).", out))
}

# Log densities of responses (y and w as in a design) at each node, rows x nodes, from the moments
# of engine_node_moments()
engine_log_score <- function(fit, data, moments) {
  data <- lapply(data[c("y", "w")], as.double)
  .Call(C_vb_r_log_score, fit$design, data, moments, moments$par)
}

# Columns are draws; `normal` has a row per coefficient and per hyperparameter, or per
# hyperparameter where these alone are wanted. With `densities` also `lp` and `lp_approx`, the log
# densities of the posterior and of the approximation.
engine_draws <- function(fit, uniform, normal, densities = FALSE) {
  draws <- with_open(fit, function(fit) {
    answered(.Call(C_vb_r_draw, fit$opened, uniform, normal, densities))
  })
  draws$coef <- at_zero(draws$coef, fit$design$terms, n_fixed(fit))
  if (!densities) return(draws[1:2])
  c(draws[1:2], list(lp = draws$log_density[1L, ], lp_approx = draws$log_density[2L, ]))
}

mixture_quantiles <- function(mean, var, skew, weight, probs) {
  .Call(C_vb_r_quantiles, mean, var, skew, weight, as.double(probs))
}

tilted_quantiles <- function(q, shrink, weight, probs) {
  .Call(C_vb_r_tilted, q, shrink, weight, as.double(probs))
}

# Quantiles of responses, rows x probs, of a family's `name` and `link`; `nodes` as
# engine_node_moments() has them, `w` the prior weights of the rows.
predictive_quantiles <- function(name, link, nodes, w, probs) {
  .Call(C_vb_r_predictive, c(name, link, "exact"), nodes, as.double(w), as.double(probs))
}

vb_tables <- function() {
  tables <- .Call(C_vb_r_tables)
  lapply(tables, as.data.frame)
}

family_functions <- c("log_lik", "expect", "expect_quadrature", "base", "log_lik_par", "expect_par",
                      "mean", "variance", "cdf")    # in the order of the table in r_tables.c

# A family's functions one at a time, for tests and residuals.
eval_family <- function(name, link, what, y, w, eta, par = numeric(), v = numeric(), k = 1L,
                        n_quad = 0L, bound = "exact") {
  if (n_quad > 0L) what <- paste0(what, "_quadrature")
  data <- lapply(list(y = y, w = w, m = eta, v = v), as.double)
  which <- match(what, family_functions) - 1L
  value <- .Call(C_vb_r_family, c(name, link, bound), which, data, as.double(par), as.integer(k))
  if (ncol(value) == 1L) return(drop(value))
  list(ll = value[, 1L], d1 = value[, 2L], d2 = value[, 3L])
}

# With variances `v` the expectations around the means `x`, as the engine has them.
eval_prior <- function(name, x, arg, v = numeric()) {
  .Call(C_vb_r_prior, name, as.double(x), as.double(c(arg, 0, 0, 0)[1:3]), as.double(v))
}

# The log joint density that ADVI climbs, at the columns of `xi`; without them its dimension and
# start. `batch` rows, chosen by `uniform`, stand for all; `at`, `var` and `cov`: moments of the
# coefficients there.
eval_joint <- function(spec, xi = NULL, axes = NULL, density = NULL, dense_up_to = 300L,
                       batch = 0L, uniform = NULL, only_value = FALSE, at = NULL, var = NULL,
                       cov = NULL) {
  load_callables(may_be_sparse(spec))
  spec$user$log_lik <- density
  settings <- list(dense_up_to = as.integer(dense_up_to), batch = as.integer(batch),
                   uniform = uniform, only_value = as.integer(only_value), at = at, var = var,
                   cov = cov)
  if (!is.null(xi)) xi <- as.matrix(xi)
  .Call(C_vb_r_joint, spec, axes, xi, settings)
}

# Expectations of a user's log density and of its first six derivatives, a column per row; `user` as
# user_spec() has it, with the density as `log_lik`.
eval_stein <- function(user, y, eta, v, par = numeric(), w = rep(1, length(y))) {
  data <- lapply(list(y = y, w = w, m = eta, v = v), as.double)
  .Call(C_vb_r_stein, user, data, as.double(par))
}

# Pareto k of the right tail of each column of log weights; -Inf: none
tail_k <- function(log_weight) .Call(C_vb_r_tail_k, log_weight)
