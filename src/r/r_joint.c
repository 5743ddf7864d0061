/* .Call(vb_r_joint): the log joint density at given points, for the tests. */
#include <string.h>
#include "joint/joint.h"
#include "r/r.h"

typedef struct {
  SEXP spec, axes, xi, settings;
  vb_core *core;
  vb_r_bar bar;
} job;

void vb_r_joint_model(vb_request *request, const vb_host *host, int cores, int dense_up_to,
                      vb_core *core, vb_model *model, int *cell) {
  int solver = vb_joint_solver(&request->input, dense_up_to, &request->may_factorise);
  vb_r_model(request, host, cores, solver, core, model, cell);
  vb_endless_axes(&request->hyper);
  vb_r_start(model, request);
}

static void put_moments(SEXP list, vb_joint *joint, SEXP settings) {
  static const char *const names[] = {"mean", "var", "beta_cov"};
  SEXP x = vb_list_get(settings, "at"), cov = vb_list_get(settings, "cov");
  if (x == R_NilValue) return;
  int n = joint->model->n_coef, p = joint->model->p;
  SEXP out = vb_list_put(list, "moments", vb_list_new(3, names));
  const vb_zeta zeta = {REAL_RO(x), cov == R_NilValue ? NULL : REAL_RO(cov),
                        REAL_RO(vb_list_need(settings, "var"))};
  vb_joint_conditional(joint, REAL_RO(x) + n, &zeta, vb_list_real(out, "mean", n),
                       vb_list_real(out, "var", n), vb_list_matrix(out, "beta_cov", p, p));
}

static SEXP body(void *data) {
  static const char *const names[] = {"value", "gradient", "coef",    "natural",
                                      "start", "dim",      "seconds", "moments"};
  job *j = data;
  vb_host host = vb_r_host(&j->bar, 0);
  vb_request request;
  vb_model model;
  vb_joint joint;
  vb_r_read(j->spec, &host, &request);
  int dense = vb_get_int(j->settings, "dense_up_to"), batch = vb_get_int(j->settings, "batch");
  int *cell = host.alloc(request.input.n + 1, sizeof(int));
  vb_r_joint_model(&request, &host, 1, dense, j->core, &model, cell);
  const double *axes = j->axes == R_NilValue ? request.start : REAL_RO(j->axes);
  vb_status st = vb_joint_make(&host, &model, &request.hyper, request.start, dense, &joint);
  if (st == VB_OK && axes != request.start) st = vb_joint_repilot(&joint, axes);
  if (st != VB_OK) Rf_error("internal: no pilot fit (status %d)", (int)st);
  vb_density *density = &joint.density;
  if (batch)
    density->subsample(density->data, batch, REAL_RO(vb_list_need(j->settings, "uniform")));
  int dim = density->dim, n_natural = request.hyper.n_natural;
  SEXP list = PROTECT(vb_list_new(8, names));
  vb_list_put(list, "dim", Rf_ScalarInteger(dim));
  double *start = vb_list_real(list, "start", dim);
  memset(start, 0, sizeof(double) * dim);
  memcpy(start + model.n_coef, axes, sizeof(double) * request.hyper.n_axis);
  if (j->xi == R_NilValue) {
    UNPROTECT(1);
    return list;
  }
  int n = Rf_ncols(j->xi);
  const double *xi = REAL_RO(j->xi);
  double *value = vb_list_real(list, "value", n),
         *gradient = vb_list_matrix(list, "gradient", dim, n);
  double *coef = vb_list_matrix(list, "coef", model.n_coef, n);
  double *natural = vb_list_matrix(list, "natural", n_natural, n), before = host.seconds(&j->bar);
  int only_value = vb_get_int(j->settings, "only_value");
  density->eval(density->data, n, xi, value, only_value ? NULL : gradient);
  *vb_list_real(list, "seconds", 1) = host.seconds(&j->bar) - before;
  for (int k = 0; k < n; k++)
    vb_joint_coef(&joint, xi + (size_t)k * dim, coef + (size_t)k * model.n_coef,
                  natural + (size_t)k * n_natural);
  put_moments(list, &joint, j->settings);
  UNPROTECT(1);
  return list;
}

SEXP vb_r_joint(SEXP spec, SEXP axes, SEXP xi, SEXP settings) {
  vb_core core = {0};
  job j = {.spec = spec, .axes = axes, .xi = xi, .settings = settings, .core = &core};
  return vb_r_guard(body, &j, &core, &j.bar);
}
