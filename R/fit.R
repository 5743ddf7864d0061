# Every .Call of the package is in this file, each in a function that turns R's objects into the
# types that C reads and names what comes back.

# Fits a model by coordinate ascent. `spec` is what make_spec() returned. With `automatic` the
# engine may take the approximation "partial" instead where a Cholesky factor would not fit into
# memory. `density` is the R function of a family made by vb_family(), NULL for the package's own
# families.
fit_engine <- function(spec, control, approximation = "structured", automatic = FALSE,
                       density = NULL) {
  load_callables(control$verbose)
  control$most_bytes <- if (automatic) factor_memory(control$memory) else 0
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

# ADVI of a log density of the user's own. `target` is a list of its dimension, the function that
# evaluates it and a starting point, the fields that r_target.c reads.
fit_advi <- function(target, control) {
  load_callables(control$verbose)
  .Call(C_vb_r_advi, target, with_noise(control))
}

# ADVI of a model. Besides the draws and estimates of ADVI the result has nodes, as fit_engine()
# returns them, so that what is computed from nodes works for it too.
fit_advi_model <- function(spec, control) {
  load_callables(control$verbose)
  control$cores <- threads(control$cores)
  .Call(C_vb_r_advi_model, spec, with_noise(control))
}

# C has no random numbers of its own. It calls R's generators, so that set.seed() and RNGkind()
# govern a fit.
with_noise <- function(control) c(control, list(rnorm = stats::rnorm, runif = stats::runif))

# A process that mclapply() forked has only one thread, but OpenMP in it still counts on those of
# the parent and would wait for them for ever. There the fit takes one thread.
threads <- function(cores) if (identical(Sys.getpid(), loaded_in$process)) cores else 1L

loaded_in <- new.env(parent = emptyenv())

# C calls functions of two other packages. One is the progress bar of cli, which is loaded before a
# fit that shows one. The other is CHOLMOD of Matrix, which takes a second to load: C calls
# load_sparse() when it first considers a sparse factor.
load_callables <- function(progress = FALSE) {
  if (progress) load_package("cli")
}
load_sparse <- function() load_package("Matrix")

# The seconds that a fit reports leave out the time in which packages were loaded: this clock stands
# still meanwhile.
fit_clock <- function() proc.time()[[3L]] - loaded_in$seconds

loaded_in$seconds <- 0
load_package <- function(package) {
  if (isNamespaceLoaded(package)) return(invisible())
  started <- proc.time()[[3L]]
  loadNamespace(package)
  loaded_in$seconds <- loaded_in$seconds + proc.time()[[3L]] - started
}

# C is told of a choice by its position here. The order is that of the table in gauss/scheme.c and
# that of the enum in r/r.h.
couplings <- c("joint", "partial", "meanfield")
solvers <- c("auto", "dense", "sparse")

# The stored result of a fit as C reads it again: with the number of the solver that was chosen
# then, so that the choice is not made anew.
reopened <- function(engine) {
  engine$solver <- if (identical(engine$solver, "sparse")) 2L else 1L
  engine
}

# Returns f(fit) for a finished fit. Before C can answer a question about a fit it has to lay out
# the model in memory; here that is done once for all questions that f() asks. (The functions below
# call with_open() too, so a fit that is not open is opened for the one question.) Meanwhile the
# field `opened` holds an external pointer, which is void as soon as f() returns: f() must not
# return the fit that it was given. Fits that keep draws need no model to answer, and are passed on
# as they are.
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

# whole_fit() checks what R can check of a stored fit. Lengths that only the laid-out model tells
# are checked by C as it opens the fit, and an error until then means that the fit is damaged.
# Errors after it are those of `use`, and stay what they are.
open_engine <- function(fit, use) {
  fit <- whole_fit(fit)
  open <- FALSE
  opened <- function(handle) {
    open <<- TRUE
    use(handle)
  }
  refused <- function(e) if (!open) damaged("engine", sub("^internal: ", "", conditionMessage(e)))
  withCallingHandlers(.Call(C_vb_r_open, with_density(fit)$design, reopened(fit$engine), opened),
                      simpleError = refused)
}

# Posterior means and variances in new rows, of the linear predictor and of the inverse link of it.
engine_moments <- function(fit, rows) {
  rows <- told_rows(fit, rows)
  with_open(fit, function(fit) answered(.Call(C_vb_r_moments, fit$opened, rows)))
}

# New rows as C reads them
told_rows <- function(fit, rows) {
  rows$group <- lapply(rows$group, as.integer)
  rows$unseen <- told_unseen(fit, rows)
  rows
}

# The moments of the linear predictor of new rows at each node, that is given the node's value of
# the hyperparameters theta. A list of
#   mean, var, skew   a row per row of the data and a column per node,
#   par               the dispersion parameters at the nodes, a column per node,
#   weight, node      the nodes' weights and their numbers in the fit; nodes of weight zero are
#                     left out,
#   new               TRUE for rows with a level that the fit does not know.
# The interpolation between nodes makes some weights negative. In rows that are `new` the moments
# are computed for nodes of positive weight only; the caller uses these, scaled to sum to one. With
# `corrected = FALSE` variances are those of the Gaussian q(c | theta), without what linear response
# and residual quadrature add; means are the same. The matrices can be large: callers pass a block
# of rows at a time.
engine_node_moments <- function(fit, rows, corrected = TRUE) {
  told <- told_rows(fit, rows)
  out <- with_open(fit, function(fit) {
    answered(.Call(C_vb_r_node_moments, fit$opened, told, corrected))
  })
  node <- which(fit$engine$node$weight != 0)
  out <- lapply(out, function(x) x[, node, drop = FALSE])
  new <- Reduce(`|`, lapply(rows$group, function(g) !is.na(g) & g == 0L), has_unseen(rows))
  c(out, list(weight = fit$engine$node$weight[node], node = node, new = new))
}

# Leave-one-out by cavities. `unit` is a list: each element has the positions, among the rows of the
# design, of rows that are left out together. With `by_row` the rows of a unit are left out one at a
# time instead, and values are in the order of unlist(unit); that the rows come as units then says
# which of them share random effects. The values are
#   log_out   log density of what is left out, given the rest,
#   log_in    the same given all data,
#   lambda    the influence on the Gaussian, averaged over nodes: near 0 it hardly changes, near 1
#             it rests on what is left out; infinite where at some node nothing is left of it,
#   share     how much of the nodes' weight stands for the posterior given the rest, at most 1,
#   change    by how much log_out would change if the other rows' factors followed the rest.
# With `nodes` the field `node` has log_out at each node, a column per node.
engine_cavity <- function(fit, unit, by_row = FALSE, nodes = FALSE) {
  unit <- list(start = c(0L, cumsum(lengths(unit))), row = unlist(unit, use.names = FALSE) - 1L,
               by_row = as.integer(by_row), nodes = as.integer(nodes))
  out <- with_open(fit, function(fit) answered(.Call(C_vb_r_cavity, fit$opened, unit)))
  c(lapply(out[cavity_values], drop), out["node"])
}

cavity_values <- c("log_out", "log_in", "lambda", "share", "change")

# Where a unit moves theta so far that few nodes are left to average over, the log densities at the
# nodes are interpolated to the many points that represent the posterior of theta, and averaged over
# these: log_out and share of engine_cavity(), whose `node` is the argument.
engine_over_points <- function(fit, node) {
  with_open(fit, function(fit) answered(.Call(C_vb_r_over_points, fit$opened, node)))
}

# C returns a list, or an integer status where it has no answer. The fit was made from these
# numbers, so that they must have changed since.
answered <- function(out) {
  if (!is.integer(out)) return(out)
  damaged("engine", sprintf("The Gaussian of a node could not be made again (status %d).", out))
}

# Log densities of responses at each node, a row per response and a column per node. `data` has the
# fields y and w of a design, `moments` are those of engine_node_moments().
engine_log_score <- function(fit, data, moments) {
  data <- lapply(data[c("y", "w")], as.double)
  .Call(C_vb_r_log_score, fit$design, data, moments, moments$par)
}

# Draws from the posterior, a column each, made from the random numbers that are passed: `uniform`,
# one per draw, and `normal`, which has a column per draw and a row for each coefficient and each
# hyperparameter. If it has rows for the hyperparameters only, only they are drawn. With `densities`
# there are also `lp` and `lp_approx`, the log densities of posterior and approximation at the
# draws.
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

# Quantiles of new responses, a row per row of the data and a column per probability, for the family
# called `name`. `nodes` is what engine_node_moments() returned, `w` the prior weights of the rows.
predictive_quantiles <- function(name, link, nodes, w, probs) {
  .Call(C_vb_r_predictive, c(name, link, "exact"), nodes, as.double(w), as.double(probs))
}

# The rows of the tables in C, which are what they are as long as the package is loaded
vb_tables <- function() {
  if (is.null(loaded_in$tables)) loaded_in$tables <- lapply(.Call(C_vb_r_tables), as.data.frame)
  loaded_in$tables
}

family_functions <- c("log_lik", "expect", "expect_quadrature", "base", "log_lik_par", "expect_par",
                      "mean", "variance", "cdf")    # in the order of the table in r_tables.c

# One function of a family, by its name in `family_functions`: for residuals, and for tests.
eval_family <- function(name, link, what, y, w, eta, par = numeric(), v = numeric(), k = 1L,
                        n_quad = 0L, bound = "exact") {
  if (n_quad > 0L) what <- paste0(what, "_quadrature")
  data <- lapply(list(y = y, w = w, m = eta, v = v), as.double)
  which <- match(what, family_functions) - 1L
  value <- .Call(C_vb_r_family, c(name, link, bound), which, data, as.double(par), as.integer(k))
  if (ncol(value) == 1L) return(drop(value))
  list(ll = value[, 1L], d1 = value[, 2L], d2 = value[, 3L])
}

# The log density of a family of several predictors at the rows of `eta`, a column for each of its
# parameters, with derivatives `d1` and `d2`, whose columns are the pairs (1, 1), (2, 2), ...,
# (1, 2), (1, 3), ... With covariances `v` in the same order they are expectations.
eval_several <- function(name, y, w, eta, v = NULL, slopes = TRUE) {
  data <- list(y = as.matrix(y) + 0, w = rep_len(as.double(w), nrow(eta)), eta = eta + 0, v = v)
  value <- .Call(C_vb_r_several, name, data, slopes)
  if (!slopes) return(drop(value))
  K <- ncol(eta)
  list(ll = value[, 1L], d1 = value[, 1L + seq_len(K), drop = FALSE],
       d2 = value[, -seq_len(1L + K), drop = FALSE])
}

# A prior's log density `ll`, its derivatives `d1` and `d2` and `log_upper`, the log probability of
# being positive. With variances `v` the first three are expectations under N(x, v).
eval_prior <- function(name, x, arg, v = numeric()) {
  .Call(C_vb_r_prior, name, as.double(x), as.double(c(arg, 0, 0, 0)[1:3]), as.double(v))
}

# The log joint density of a model as ADVI sees it, for tests: at the columns of `xi`, or, without
# them, its dimension and starting point. With `batch` it is estimated from that many rows, chosen
# by the random numbers `uniform`. `at`, `var` and `cov` ask for the moments of the model's
# coefficients where the parameters have these.
eval_joint <- function(spec, xi = NULL, axes = NULL, density = NULL, dense_up_to = 300L,
                       batch = 0L, uniform = NULL, only_value = FALSE, at = NULL, var = NULL,
                       cov = NULL) {
  spec$user$log_lik <- density
  settings <- list(dense_up_to = as.integer(dense_up_to), batch = as.integer(batch),
                   uniform = uniform, only_value = as.integer(only_value), at = at, var = var,
                   cov = cov)
  if (!is.null(xi)) xi <- as.matrix(xi)
  .Call(C_vb_r_joint, spec, axes, xi, settings)
}

# Expectations of a user's log density and of its first six derivatives under N(eta, v), a column
# per row of the data. `user` is what user_spec() returns, with the density as its field `log_lik`.
eval_stein <- function(user, y, eta, v, par = numeric(), w = rep(1, length(y))) {
  data <- lapply(list(y = y, w = w, m = eta, v = v), as.double)
  .Call(C_vb_r_stein, user, data, as.double(par))
}

# Means and standard deviations (rows) of the columns of a matrix or data frame, as colMeans() and
# sd() have them
column_means_sds <- function(x) .Call(C_vb_r_columns, x)

# The Pareto k of the right tail of each column of log weights; -Inf where there is no tail.
tail_k <- function(log_weight) .Call(C_vb_r_tail_k, log_weight)
