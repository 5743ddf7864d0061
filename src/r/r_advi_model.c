/* .Call(vb_r_advi_model): ADVI of a model of vb().  The result has the nodes and points of the
 * engine's, so that the methods of a fit need not know which algorithm found them. */
#include <string.h>
#include "joint/advi_nodes.h"
#include "r/r_advi.h"

typedef struct {
  SEXP spec, control;
  vb_core *core;
  vb_r_bar bar;
} job;

static void put(SEXP list, const char *name, const double *x, int nrow, int ncol) {
  memcpy(vb_list_matrix(list, name, nrow, ncol), x, sizeof(double) * (size_t)nrow * ncol);
}

static void put_nodes(SEXP list, const vb_joint *joint, const vb_advi_nodes *v) {
  static const char *const names[] = {"weight", "hyper",      "x",        "mean",
                                      "var",    "fixed_mean", "fixed_cov"};
  int n = joint->model->n_coef, p = joint->model->p, K = joint->hyper->n_axis;
  SEXP node = vb_list_put(list, "node", vb_list_new(7, names));
  double *weight = vb_list_real(node, "weight", v->n);
  for (int s = 0; s < v->n; s++) weight[s] = 1.0 / v->n;
  put(node, "hyper", v->hyper, joint->hyper->n_natural, v->n);
  put(node, "x", v->x, K, v->n);
  put(node, "mean", v->mean, n, v->n);
  put(node, "var", v->var, n, v->n);
  put(node, "fixed_mean", v->fixed_mean, p, v->n);
  SEXP cov = vb_list_put(node, "fixed_cov", Rf_alloc3DArray(REALSXP, p, p, v->n));
  memcpy(REAL(cov), v->fixed_cov, sizeof(double) * (size_t)p * p * v->n);
}

static void put_points(SEXP list, const vb_joint *joint, const vb_advi_nodes *v) {
  static const char *const names[] = {"hyper", "weight", "x"};
  SEXP point = vb_list_put(list, "point", vb_list_new(3, names));
  put(point, "hyper", v->point_hyper, joint->hyper->n_natural, v->n_point);
  put(point, "x", v->point_x, joint->hyper->n_axis, v->n_point);
  double *weight = vb_list_real(point, "weight", v->n_point);
  for (int s = 0; s < v->n_point; s++) weight[s] = 1.0 / v->n_point;
}

static SEXP result(const vb_advi *a, vb_joint *joint) {
  static const char *const names[] = {"advi",  "node",      "point",      "coef",
                                      "hyper", "coef_sd_q", "hyper_sd_q", "n_cell"};
  int n = joint->model->n_coef, p = joint->model->p, H = joint->hyper->n_natural;
  int S = a->set.n_draw;
  vb_advi_nodes reported, own;
  SEXP list = PROTECT(vb_list_new(8, names));
  vb_list_put(list, "advi", vb_r_advi_result(a));
  vb_list_put(list, "n_cell", Rf_ScalarInteger(joint->model->n));
  int done = a->status == VB_OK || a->status == VB_MAX_ITER;
  vb_status st =
      done ? vb_advi_nodes_make(a, joint, a->cov, a->sd, VB_ADVI_NODES, VB_ADVI_POINTS, &reported)
           : VB_NOT_FINITE;
  if (st == VB_OK) {
    put_nodes(list, joint, &reported);
    put_points(list, joint, &reported);
    st = vb_advi_draws(a, joint, vb_list_matrix(list, "coef", n, S),
                       vb_list_matrix(list, "hyper", H, S));
    if (st == VB_OK)
      st = vb_advi_nodes_make(a, joint, a->q_cov, a->sd_q, VB_ADVI_FEW_NODES, VB_ADVI_FEW_POINTS,
                              &own);
    if (st == VB_OK)
      vb_advi_nodes_sd(&own, n, p, H, vb_list_real(list, "coef_sd_q", n),
                       vb_list_real(list, "hyper_sd_q", H));
  }
  if (st != VB_OK && done) /* the optimum is there and its report is not: no fit */
    vb_list_put(VECTOR_ELT(list, 0), "status", Rf_ScalarInteger(st));
  UNPROTECT(1);
  return list;
}

static SEXP body(void *data) {
  job *j = data;
  vb_host host = vb_r_host(&j->bar, Rf_asLogical(vb_list_need(j->control, "verbose")) == 1);
  vb_request request;
  vb_model model;
  vb_joint joint;
  vb_r_noise noise;
  vb_advi a;
  vb_r_read(j->spec, &host, &request);
  int *cell = host.alloc(request.input.n + 1, sizeof(int));
  vb_r_joint_model(&request, &host, vb_get_int(j->control, "cores"), VB_ADVI_COUPLED, j->core,
                   &model, cell);
  vb_status st =
      vb_joint_make(&host, &model, &request.hyper, request.start, VB_ADVI_COUPLED, &joint);
  vb_r_advi_make(j->control, &host, &joint.density, &noise, &a);
  double *start = host.alloc(joint.density.dim + 1, sizeof(double));
  memcpy(start + model.n_coef, request.start, sizeof(double) * request.hyper.n_axis);
  if (st == VB_OK) st = vb_joint_settle(&joint, &request.hyper, start);
  vb_advi_of_joint(&joint, &a);
  joint.likelihood.by = vb_get_int(j->control, "batch_by");
  a.start = start;
  a.n_start = 1;
  if (st == VB_OK)
    vb_advi_run(&a);
  else
    vb_advi_fail(&a, st);
  return result(&a, &joint);
}

SEXP vb_r_advi_model(SEXP spec, SEXP control) {
  vb_core core = {0};
  job j = {spec, control, &core, {NULL, 0}};
  return vb_r_guard(body, &j, &core, &j.bar);
}
