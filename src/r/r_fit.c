/* .Call(vb_r_fit): spec and control in, the engine's result out. */
#include <string.h>
#include "r/r.h"

typedef struct {
  SEXP spec, control;
  vb_core *core;
  vb_r_bar bar;
} job;

static int three_way(SEXP control, const char *name) { /* TRUE, FALSE, NA: automatic */
  int x = Rf_asLogical(vb_list_need(control, name));
  return x == NA_LOGICAL ? -1 : x;
}

static void put_nodes(SEXP list, const vb_fit *fit) {
  const vb_model *m = fit->model;
  int N = fit->n_node, D = m->n_coef, p = m->p, H = fit->n_hyper, K = fit->hyper->n_axis;
  int with_h = !m->quadratic;
  static const char *const names[] = {"weight",     "elbo", "rq",     "hyper",      "x",
                                      "mean",       "var",  "skew",   "fixed_mean", "fixed_cov",
                                      "fixed_skew", "h",    "site_h", "site_b",     "spread"};
  SEXP node = vb_list_put(list, "node", vb_list_new(15, names));
  double *weight = vb_list_real(node, "weight", N), *elbo = vb_list_real(node, "elbo", N);
  double *rq = vb_list_real(node, "rq", N), *hyper = vb_list_matrix(node, "hyper", H, N);
  double *x = vb_list_matrix(node, "x", K, N), *mean = vb_list_matrix(node, "mean", D, N);
  double *var = vb_list_matrix(node, "var", D, N),
         *skew = fit->rq_on & VB_RQ_ROWS ? vb_list_matrix(node, "skew", D, N) : NULL;
  double *fixed_mean = vb_list_matrix(node, "fixed_mean", p, N);
  SEXP cov = vb_list_put(node, "fixed_cov", Rf_alloc3DArray(REALSXP, p, p, N));
  double *fixed_skew = fit->response.active ? vb_list_matrix(node, "fixed_skew", p, N) : NULL;
  double *h = with_h ? vb_list_matrix(node, "h", m->n, N) : NULL;
  double *site = vb_list_matrix(node, "site_h", m->n_site, N);
  double *site_b = m->ep ? vb_list_matrix(node, "site_b", m->n_site, N) : NULL;
  int F = fit->hyper->n_pin;
  double *spread = F ? vb_list_matrix(node, "spread", F, N) : NULL;
  if (F) memset(spread, 0, sizeof(double) * F * N);
  for (int s = 0; s < N; s++) {
    const vb_node *v = fit->node[s];
    weight[s] = v->weight;
    elbo[s] = v->elbo;
    rq[s] = v->rq;
    memcpy(hyper + (size_t)s * H, v->hyper, sizeof(double) * H);
    memcpy(x + (size_t)s * K, v->x, sizeof(double) * K);
    memcpy(mean + (size_t)s * D, v->mean, sizeof(double) * D);
    memcpy(var + (size_t)s * D, v->var, sizeof(double) * D);
    if (skew) memcpy(skew + (size_t)s * D, v->skew, sizeof(double) * D);
    memcpy(fixed_mean + (size_t)s * p, v->fixed_mean, sizeof(double) * p);
    memcpy(REAL(cov) + (size_t)s * p * p, v->fixed_cov, sizeof(double) * p * p);
    if (fixed_skew) memcpy(fixed_skew + (size_t)s * p, v->fixed_skew, sizeof(double) * p);
    if (h) memcpy(h + (size_t)s * m->n, v->block.h, sizeof(double) * m->n);
    memcpy(site + (size_t)s * m->n_site, v->block.site_h, sizeof(double) * m->n_site);
    if (v->spread) memcpy(spread + (size_t)s * F, v->spread, sizeof(double) * F);
    if (site_b) memcpy(site_b + (size_t)s * m->n_site, v->block.site_b, sizeof(double) * m->n_site);
  }
}

static void put_points(SEXP list, const vb_fit *fit) {
  static const char *const names[] = {"hyper", "weight", "x", "log_density"};
  int T = fit->n_point, K = fit->hyper->n_axis;
  SEXP point = vb_list_put(list, "point", vb_list_new(4, names));
  if (!T) return;
  memcpy(vb_list_matrix(point, "hyper", fit->n_hyper, T), fit->point_hyper,
         sizeof(double) * (size_t)T * fit->n_hyper);
  memcpy(vb_list_real(point, "weight", T), fit->point_weight, sizeof(double) * T);
  memcpy(vb_list_matrix(point, "x", K, T), fit->point_x, sizeof(double) * (size_t)T * K);
  if (!fit->set.independent) /* whose points are those of each factor */
    memcpy(vb_list_real(point, "log_density", T), fit->point_log_density, sizeof(double) * T);
}

static void put_trace(SEXP list, const vb_fit *fit) {
  static const char *const names[] = {"phase", "elbo", "log_lik", "seconds"};
  SEXP trace = vb_list_put(list, "trace", vb_list_new(4, names));
  int *phase = vb_list_int(trace, "phase", fit->n_step);
  double *elbo = vb_list_real(trace, "elbo", fit->n_step),
         *lik = vb_list_real(trace, "log_lik", fit->n_step),
         *seconds = vb_list_real(trace, "seconds", fit->n_step);
  for (int i = 0; i < fit->n_step; i++) {
    phase[i] = fit->step[i].phase;
    elbo[i] = fit->step[i].elbo;
    lik[i] = fit->step[i].lik;
    seconds[i] = fit->step[i].seconds;
  }
}

/* the coordinates of the axes, so that draws and predictions can come back to any theta */
static void put_axes(SEXP list, const vb_fit *fit) {
  static const char *const names[] = {"coordinate", "s0", "mode", "root", "polar", "sheared"};
  const vb_turn *turn = &fit->hyper->turn;
  int K = fit->hyper->n_axis;
  SEXP axes = vb_list_put(list, "axes", vb_list_new(6, names));
  SEXP coordinate = vb_list_put(axes, "coordinate", Rf_allocVector(STRSXP, K));
  double *s0 = vb_list_real(axes, "s0", K), *mode = vb_list_real(axes, "mode", K);
  double *root = vb_list_matrix(axes, "root", K, K);
  for (int i = 0; i < fit->hyper->n_natural; i++) {
    const vb_natural *n = fit->hyper->natural + i;
    if (n->axis < 0) continue;
    SET_STRING_ELT(coordinate, n->axis, Rf_mkChar(n->coord->name));
    s0[n->axis] = n->s0;
  }
  for (int kind = VB_POLAR; kind <= VB_SHEARED; kind++) {
    int *two = vb_list_int(axes, vb_turn_name[kind], turn->kind == kind ? 2 : 0);
    if (turn->kind == kind) {
      two[0] = turn->a + 1;
      two[1] = turn->b + 1;
    }
  }
  if (K) memcpy(mode, fit->mode, sizeof(double) * K);
  if (K) memcpy(root, fit->root, sizeof(double) * K * K);
}

/* pinned combinations of beta; NULL: none */
static void put_pins(SEXP list, const vb_model *m) {
  static const char *const names[] = {"a", "origin", "precision"};
  if (!m->n_pin) return;
  SEXP pin = vb_list_put(list, "pin", vb_list_new(3, names));
  double *a = vb_list_matrix(pin, "a", m->p, m->n_pin);
  double *origin = vb_list_real(pin, "origin", m->n_pin);
  double *precision = vb_list_real(pin, "precision", m->n_pin);
  for (int j = 0; j < m->n_pin; j++) {
    memcpy(a + (size_t)j * m->p, m->pin[j].a, sizeof(double) * m->p);
    origin[j] = m->pin[j].origin;
    precision[j] = m->pin[j].precision;
  }
}

static int n_foretold(const vb_fit *fit) {
  int n = 0;
  for (int s = 0; s < fit->n_node; s++) n += fit->node[s]->foretold;
  return n;
}

static SEXP result(const vb_fit *fit, const int *cell, int n_row) {
  static const char *const names[] = {
      "node",       "point",   "trace", "axes",         "elbo",      "log_evidence", "converged",
      "status",     "solver",  "rule",  "n_eval",       "n_sweep",   "ess",          "khat",
      "node_error", "rq",      "lr",    "lr_inflation", "n_cell",    "cell",         "effective",
      "coupling",   "log_lik", "lost",  "pin",          "flat_left", "second_mode",  "n_foretold"};
  static const char *const rq_names[] = {"size", "max_level"};
  const vb_model *m = fit->model;
  SEXP list = PROTECT(vb_list_new(28, names));
  put_nodes(list, fit);
  put_points(list, fit);
  put_trace(list, fit);
  put_axes(list, fit);
  put_pins(list, fit->model);
  vb_list_put(list, "flat_left", Rf_ScalarLogical(fit->flat_left));
  vb_list_put(list, "second_mode", Rf_ScalarReal(fit->second_mode));
  vb_list_put(list, "elbo", Rf_ScalarReal(fit->elbo));
  vb_list_put(list, "log_lik", Rf_ScalarReal(fit->lik));
  vb_list_put(list, "log_evidence", Rf_ScalarReal(fit->log_evidence));
  vb_list_put(list, "converged", Rf_ScalarLogical(fit->converged));
  vb_list_put(list, "status",
              Rf_ScalarInteger(fit->status != VB_OK       ? fit->status
                               : fit->lost > VB_MOST_LOST ? VB_ROUNDED
                               : fit->converged           ? VB_OK
                                                          : VB_MAX_ITER));
  vb_list_put(list, "solver", Rf_mkString(m->scheme->solver(m)));
  vb_list_put(list, "coupling", Rf_ScalarInteger(vb_scheme_index(m->scheme)));
  if (fit->effective && fit->n_node && fit->set.independent && fit->status == VB_OK)
    memcpy(vb_list_real(list, "effective", fit->n_effective), fit->effective,
           sizeof(double) * fit->n_effective);
  vb_list_put(list, "lost", Rf_ScalarReal(fit->lost));
  vb_list_put(list, "rule", Rf_mkString(fit->rule));
  vb_list_put(list, "n_foretold", Rf_ScalarInteger(n_foretold(fit)));
  vb_list_put(list, "n_eval", Rf_ScalarInteger(fit->n_eval));
  vb_list_put(list, "n_sweep", Rf_ScalarInteger(fit->inner.trace.n_sweep));
  vb_list_put(list, "ess", Rf_ScalarReal(fit->ess));
  vb_list_put(list, "khat", Rf_ScalarReal(fit->khat));
  vb_list_put(list, "node_error", Rf_ScalarReal(fit->node_error));
  SEXP rq = vb_list_put(list, "rq", vb_list_new(2, rq_names));
  *vb_list_real(rq, "size", 1) = fit->rq_size;
  *vb_list_real(rq, "max_level", 1) = fit->rq_level;
  if (fit->response.active)
    memcpy(vb_list_matrix(list, "lr", m->p, m->p), fit->response.congruence,
           sizeof(double) * m->p * m->p);
  vb_list_put(list, "lr_inflation", Rf_ScalarReal(fit->response.inflation));
  int width = vb_family_width(m->family), *out = vb_list_int(list, "cell", n_row / width);
  vb_list_put(list, "n_cell", Rf_ScalarInteger(m->n / width));
  for (int i = 0; i < n_row / width; i++) out[i] = cell[(size_t)i * width] / width + 1;
  UNPROTECT(1);
  return list;
}

#define LONG 30.0       /* seconds that a user should know of beforehand */
#define OPERATIONS 2e10 /* a second */

static void announce(const vb_model *m, int K) {
  double seconds = vb_fit_cost(m, K) / OPERATIONS;
  if (m->scheme->independent || seconds < LONG) return;
  vb_r_call("announce_time", PROTECT(Rf_ScalarReal(seconds)));
  UNPROTECT(1);
}

static SEXP body(void *data) {
  job *j = data;
  vb_host host = vb_r_host(&j->bar, Rf_asLogical(vb_list_need(j->control, "verbose")) == 1);
  vb_request request;
  vb_model model;
  vb_fit fit;
  memset(&fit, 0, sizeof fit);
  vb_r_read(j->spec, &host, &request);
  int *cell = host.alloc(request.input.n + 1, sizeof(int));
  SEXP nodes = vb_list_get(j->control, "nodes");
  request.scheme = vb_r_scheme(j->control);
  request.most_bytes = vb_get_double(j->control, "most_bytes");
  vb_r_model(&request, &host, vb_get_int(j->control, "cores"), vb_get_int(j->control, "solver"),
             j->core, &model, cell);
  int independent = vb_get_int(j->control, "independent") || model.scheme->independent;
  if (!independent) vb_endless_axes(&request.hyper);
  vb_r_start(&model, &request);
  int K = request.hyper.n_axis, room = K + VB_MAX_PIN;
  announce(&model, K);
  fit.host = &host;
  fit.model = &model;
  fit.hyper = &request.hyper;
  fit.set = (vb_settings){.tol = vb_get_double(j->control, "tol"),
                          .max_sweep = vb_get_int(j->control, "max_sweep"),
                          .max_node = nodes == R_NilValue ? 0 : Rf_asInteger(nodes),
                          .use_rq = three_way(j->control, "rq"),
                          .use_lr = three_way(j->control, "lr"),
                          .use_skew = three_way(j->control, "skew"),
                          .independent = independent};
  fit.mode = host.alloc(room + 1, sizeof(double));
  memcpy(fit.mode, request.start, sizeof(double) * K);
  fit.root = host.alloc((size_t)room * room + 1, sizeof(double));
  fit.n_hyper = request.hyper.n_natural;
  vb_inner_alloc(&model, &fit.inner);
  vb_theta_alloc(&host, &request.hyper, &fit.theta);
  vb_block_alloc(&model, &fit.block);
  vb_block_alloc(&model, &fit.spare);
  vb_fit_run(&fit);
  return result(&fit, cell, request.input.n);
}

SEXP vb_r_fit(SEXP spec, SEXP control) {
  vb_core core = {0};
  job j = {spec, control, &core, {NULL, 0}};
  return vb_r_guard(body, &j, &core, &j.bar);
}
