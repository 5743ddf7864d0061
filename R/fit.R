# The one door to C: every .Call of the package is in this file.

fit_engine <- function(spec, control) {
  loadNamespace("Matrix")                    # its C functions and cli's are looked up on first use
  loadNamespace("cli")
  engine <- .Call(C_vb_r_fit, spec, control)
  engine$design <- spec
  engine
}

# Posterior mean and variance of the linear predictor and of its inverse link in new rows.
engine_moments <- function(fit, rows, correct = TRUE) {
  engine <- fit$engine
  if (!correct) engine$lr <- NULL
  loadNamespace("Matrix")
  rows$group <- lapply(rows$group, as.integer)
  .Call(C_vb_r_moments, fit$design, engine, rows)
}

# Columns are draws; `normal` has a row per coefficient and per hyperparameter.
engine_draws <- function(fit, uniform, normal) {
  loadNamespace("Matrix")
  .Call(C_vb_r_draw, fit$design, fit$engine, uniform, normal)
}

mixture_quantiles <- function(mean, var, skew, weight, probs) {
  .Call(C_vb_r_quantiles, mean, var, skew, weight, as.double(probs))
}

vb_tables <- function() {
  tables <- .Call(C_vb_r_tables)
  lapply(tables, as.data.frame)
}

eval_family <- function(name, link, what, y, w, eta, par = numeric(), v = numeric(), k = 1L,
                        n_quad = 0L) {
  if (what == "expect" && n_quad > 0L) what <- "expect_quadrature"
  .Call(C_vb_r_family, name, link, what, as.double(y), as.double(w), as.double(eta),
        as.double(par), as.double(v), as.integer(k))
}

eval_prior <- function(name, x, arg) {
  .Call(C_vb_r_prior, name, as.double(x), as.double(c(arg, 0, 0, 0)[1:3]))
}
