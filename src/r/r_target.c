/* A log density that R holds, and noise from R's generator: with r_user.c the only files that call
 * back into R.  What R raises there jumps through the core, which owns nothing, to vb_r_guard. */
#include <string.h>
#include "r/r.h"
#include "r/r_advi.h"

static SEXP call(SEXP f, SEXP a, SEXP b) { /* f(a, b) */
  SEXP form = PROTECT(b ? Rf_lang3(f, a, b) : Rf_lang2(f, a));
  SEXP value = Rf_eval(form, R_BaseEnv);
  UNPROTECT(1);
  return value;
}

static vb_status eval(void *data, int n, const double *x, double *value, double *grad) {
  const vb_r_target *t = data;
  SEXP at = PROTECT(Rf_allocMatrix(REALSXP, t->dim, n));
  memcpy(REAL(at), x, sizeof(double) * (size_t)t->dim * n);
  SEXP wanted = PROTECT(Rf_ScalarLogical(grad != NULL));
  SEXP got = PROTECT(call(t->eval, at, wanted));
  SEXP v = vb_list_need(got, "value");
  if (TYPEOF(v) != REALSXP || Rf_xlength(v) != n)
    Rf_error("internal: the target's values are not %d doubles", n);
  memcpy(value, REAL_RO(v), sizeof(double) * n);
  if (grad) {
    SEXP g = vb_list_need(got, "gradient");
    if (TYPEOF(g) != REALSXP || Rf_xlength(g) != (R_xlen_t)t->dim * n)
      Rf_error("internal: the target's gradients are not %d x %d doubles", t->dim, n);
    memcpy(grad, REAL_RO(g), sizeof(double) * (size_t)t->dim * n);
  }
  UNPROTECT(3);
  return VB_OK;
}

static vb_status subsample(void *data, int size, const double *uniform) {
  const vb_r_target *t = data;
  SEXP n = PROTECT(Rf_ScalarInteger(size)), u = PROTECT(Rf_allocVector(REALSXP, size));
  if (size) memcpy(REAL(u), uniform, sizeof(double) * size);
  call(t->subsample, n, u);
  UNPROTECT(2);
  return VB_OK;
}

vb_density vb_r_target_density(SEXP target, vb_r_target *t) {
  t->dim = vb_get_int(target, "dim");
  t->eval = vb_list_need(target, "eval");
  t->subsample = vb_list_get(target, "subsample");
  return (vb_density){.dim = t->dim,
                      .data = t,
                      .eval = eval,
                      .subsample = t->subsample == R_NilValue ? NULL : subsample};
}

/* ---- noise: stats::rnorm and stats::runif, so that set.seed() and RNGkind() govern it ---- */

static void numbers(SEXP generator, size_t n, double *out) {
  SEXP count = PROTECT(Rf_ScalarReal((double)n)), x = PROTECT(call(generator, count, NULL));
  if (TYPEOF(x) != REALSXP || Rf_xlength(x) != (R_xlen_t)n) Rf_error("internal: no noise");
  memcpy(out, REAL_RO(x), sizeof(double) * n);
  UNPROTECT(2);
}
static void normal(void *data, size_t n, double *out) {
  numbers(((vb_r_noise *)data)->normal, n, out);
}
static void uniform(void *data, size_t n, double *out) {
  numbers(((vb_r_noise *)data)->uniform, n, out);
}

vb_noise vb_r_noise_make(SEXP control, vb_r_noise *noise) {
  noise->normal = vb_list_need(control, "rnorm");
  noise->uniform = vb_list_need(control, "runif");
  return (vb_noise){noise, normal, uniform};
}
