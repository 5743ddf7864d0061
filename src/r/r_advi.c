/* .Call(vb_r_advi): a target and control in, ADVI's result out. */
#include <string.h>
#include "r/r_advi.h"

#define MIN_NOISE 32

static vb_advi_settings settings(SEXP control) {
  const char *name = CHAR(Rf_asChar(vb_list_need(control, "approximation")));
  int lr = Rf_asLogical(vb_list_need(control, "lr"));
  return (vb_advi_settings){.approximation = vb_approximation_find(name),
                            .fresh = vb_get_int(control, "fresh"),
                            .n_noise = vb_get_int(control, "n_noise"),
                            .min_noise = MIN_NOISE,
                            .max_noise = vb_get_int(control, "max_noise"),
                            .rank = vb_get_int(control, "rank"),
                            .n_path = vb_get_int(control, "n_path"),
                            .n_draw = vb_get_int(control, "n_draw"),
                            .max_iter = vb_get_int(control, "max_iter"),
                            .use_lr = lr == NA_LOGICAL ? -1 : lr,
                            .batch = vb_get_int(control, "batch"),
                            .tol = vb_get_double(control, "tol"),
                            .noise_tol = vb_get_double(control, "noise_tol")};
}

static void put_trace(SEXP list, const vb_advi *a) {
  static const char *const names[] = {"phase", "elbo", "se", "log_lik", "seconds", "n_grad"};
  int n = a->n_step;
  SEXP trace = vb_list_put(list, "trace", vb_list_new(6, names));
  int *phase = vb_list_int(trace, "phase", n);
  double *elbo = vb_list_real(trace, "elbo", n), *se = vb_list_real(trace, "se", n),
         *lik = vb_list_real(trace, "log_lik", n), *seconds = vb_list_real(trace, "seconds", n),
         *n_grad = vb_list_real(trace, "n_grad", n);
  for (int i = 0; i < n; i++) {
    phase[i] = a->step[i].phase;
    elbo[i] = a->step[i].elbo;
    se[i] = a->step[i].se;
    lik[i] = a->step[i].lik;
    seconds[i] = a->step[i].seconds;
    n_grad[i] = a->step[i].n_grad;
  }
}

static void put_reals(SEXP list, const char *name, const double *x, size_t n) {
  if (x) memcpy(vb_list_real(list, name, (R_xlen_t)n), x, sizeof(double) * n);
}

SEXP vb_r_advi_result(const vb_advi *a) {
  static const char *const names[] = {
      "approximation", "mean",    "sd",        "sd_q",        "cov",       "elbo",
      "elbo_se",       "trace",   "converged", "status",      "decrement", "n_noise",
      "n_grad",        "n_value", "n_iter",    "noise_sd",    "khat",      "noise_error",
      "curvature",     "lr_rule", "draws",     "lp",          "lp_approx", "log_weight",
      "bad",           "n_bad",   "log_lik",   "lp_gaussian", "bend"};
  const vb_density *density = a->density;
  int d = density->dim, S = a->set.n_draw;
  SEXP list = PROTECT(vb_list_new(29, names));
  vb_list_put(list, "approximation",
              Rf_mkString(a->set.approximation ? a->set.approximation->name : "pathfinder"));
  put_reals(list, "mean", a->mean, d);
  put_reals(list, "sd", a->sd, d);
  put_reals(list, "sd_q", a->sd_q, d);
  put_reals(list, "noise_sd", a->noise_sd, d);
  if (a->cov) memcpy(vb_list_matrix(list, "cov", d, d), a->cov, sizeof(double) * (size_t)d * d);
  const struct {
    const char *name;
    double value;
  } number[] = {
      {"elbo", a->elbo},           {"elbo_se", a->elbo_se},         {"log_lik", a->lik},
      {"decrement", a->decrement}, {"n_grad", density->n_grad},     {"n_value", density->n_value},
      {"khat", a->khat},           {"noise_error", a->noise_error}, {"curvature", a->curvature}};
  for (size_t i = 0; i < sizeof number / sizeof *number; i++)
    vb_list_put(list, number[i].name, Rf_ScalarReal(number[i].value));
  put_trace(list, a);
  vb_list_put(list, "converged", Rf_ScalarLogical(a->converged));
  vb_list_put(list, "status", Rf_ScalarInteger(a->status));
  vb_list_put(list, "n_noise", Rf_ScalarInteger(a->M));
  vb_list_put(list, "n_iter", Rf_ScalarInteger(a->n_iter));
  vb_list_put(list, "lr_rule", Rf_mkString(a->lr_rule));
  memcpy(vb_list_matrix(list, "draws", d, S), a->draw, sizeof(double) * (size_t)d * S);
  put_reals(list, "lp", a->lp, S);
  put_reals(list, "lp_approx", a->lp_approx, S);
  if (a->bend) memcpy(vb_list_matrix(list, "bend", 2, d), a->bend, sizeof(double) * 2 * d);
  put_reals(list, "lp_gaussian", a->lp_gaussian, S);
  put_reals(list, "log_weight", a->log_weight, S);
  if (density->n_bad) put_reals(list, "bad", density->bad, d);
  vb_list_put(list, "n_bad", Rf_ScalarInteger(density->n_bad));
  UNPROTECT(1);
  return list;
}

void vb_r_advi_make(SEXP control, const vb_host *host, vb_density *density, vb_r_noise *noise,
                    vb_advi *a) {
  memset(a, 0, sizeof *a);
  a->host = host;
  a->density = density;
  a->noise = vb_r_noise_make(control, noise);
  a->set = settings(control);
}

typedef struct {
  SEXP target, control;
  vb_r_bar bar;
} job;

static SEXP body(void *data) {
  job *j = data;
  vb_host host = vb_r_host(&j->bar, Rf_asLogical(vb_list_need(j->control, "verbose")) == 1);
  vb_r_target target;
  vb_r_noise noise;
  vb_density density = vb_r_target_density(j->target, &target);
  vb_advi a;
  vb_r_advi_make(j->control, &host, &density, &noise, &a);
  SEXP start = vb_list_need(j->target, "start");
  a.start = REAL_RO(start);
  a.set.rescale = 1;
  a.set.weighted = 1;
  a.n_start = (int)(Rf_xlength(start) / density.dim);
  vb_advi_run(&a);
  return vb_r_advi_result(&a);
}

SEXP vb_r_advi(SEXP target, SEXP control) {
  vb_core none = {0};
  job j = {target, control, {NULL, 0}};
  return vb_r_guard(body, &j, &none, &j.bar);
}

/* Pareto k of each column of log weights */
SEXP vb_r_tail_k(SEXP log_weight) {
  int n = Rf_nrows(log_weight), m = Rf_ncols(log_weight);
  double *column = (double *)R_alloc(n + 1, sizeof(double));
  SEXP out = PROTECT(Rf_allocVector(REALSXP, m));
  for (int k = 0; k < m; k++) {
    memcpy(column, REAL_RO(log_weight) + (size_t)n * k, sizeof(double) * n);
    REAL(out)[k] = vb_pareto_k(n, column);
    if ((k & 63) == 63) R_CheckUserInterrupt();
  }
  UNPROTECT(1);
  return out;
}
