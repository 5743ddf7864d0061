/* Doors to a finished fit: quantiles of its mixtures and of responses, moments of new rows, draws.
 */
#include <string.h>
#include "gauss/ep.h"
#include "posterior/cavity.h"
#include "r/r.h"

SEXP vb_r_quantiles(SEXP mean, SEXP var, SEXP skew, SEXP weight, SEXP probs) {
  int n_row = Rf_nrows(mean), n = Rf_ncols(mean), n_prob = (int)Rf_xlength(probs);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, n_row, n_prob));
  double *row = (double *)R_alloc(3 * (size_t)n, sizeof(double));
  for (int i = 0; i < n_row; i++) {
    for (int s = 0; s < n; s++) {
      row[s] = REAL_RO(mean)[i + (size_t)s * n_row];
      row[n + s] = REAL_RO(var)[i + (size_t)s * n_row];
      row[2 * n + s] = skew == R_NilValue ? 0 : REAL_RO(skew)[i + (size_t)s * n_row];
    }
    for (int k = 0; k < n_prob; k++) REAL(out)
    [i + (size_t)k * n_row] =
        vb_mixture_quantile(n, row, row + n, row + 2 * n, REAL_RO(weight), REAL_RO(probs)[k]);
    if ((i & 255) == 255) R_CheckUserInterrupt();
  }
  UNPROTECT(1);
  return out;
}

/* Quantiles of coefficients under a mixture prior: at every node cavity times prior.  q: mean and
 * variance of the Gaussian, precision and linear term of the site, each coefficient x node. */
SEXP vb_r_tilted(SEXP q, SEXP shrink, SEXP weight, SEXP probs) {
  const double *mean = REAL_RO(vb_list_need(q, "mean")), *var = REAL_RO(vb_list_need(q, "var"));
  const double *h = REAL_RO(vb_list_need(q, "h")), *b = REAL_RO(vb_list_need(q, "b"));
  int n_row = Rf_nrows(vb_list_need(q, "mean")), n = Rf_ncols(vb_list_need(q, "mean"));
  int n_prob = (int)Rf_xlength(probs);
  size_t cap = (size_t)n * VB_MIX_MAX + 1;
  double *part = (double *)R_alloc(4 * cap, sizeof(double));
  SEXP skew = vb_list_get(q, "skew");
  vb_parts parts = {0, part, part + cap, part + 2 * cap, part + 3 * cap};
  vb_mix *mix = (vb_mix *)R_alloc(n + 1, sizeof(vb_mix));
  vb_mixture_fn fn = vb_prior_find(CHAR(Rf_asChar(vb_list_need(q, "prior"))))->mix;
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, n_row, n_prob));
  for (int s = 0; s < n; s++) vb_mix_make(fn, REAL_RO(shrink) + 3 * s, mix + s);
  for (int i = 0; i < n_row; i++) {
    parts.n = 0;
    for (int s = 0; s < n; s++) {
      size_t at = i + (size_t)s * n_row;
      if (REAL_RO(weight)[s] == 0) continue;
      vb_tilted_parts(mix + s, mean[at], var[at], skew == R_NilValue ? 0 : REAL_RO(skew)[at], h[at],
                      b[at], REAL_RO(weight)[s], &parts);
    }
    for (int k = 0; k < n_prob; k++) {
      REAL(out)
      [i + (size_t)k * n_row] = vb_mixture_quantile(parts.n, parts.mean, parts.var, parts.skew,
                                                    parts.weight, REAL_RO(probs)[k]);
    }
    R_CheckUserInterrupt();
  }
  UNPROTECT(1);
  return out;
}

/* Quantiles of responses with weights w; nodes: mean, var, skew, rows x components, par,
 * parameters x components, and weight; row: the family's name, link, bound */
SEXP vb_r_predictive(SEXP row, SEXP nodes, SEXP w, SEXP probs) {
  static const char *const part[] = {"mean", "var", "skew"};
  vb_r_bar bar;
  vb_host host = vb_r_host(&bar, 0);
  const vb_family *f = vb_r_family_row(row);
  SEXP par = vb_list_need(nodes, "par"), weight = vb_list_need(nodes, "weight");
  int n_row = (int)Rf_xlength(w), n = (int)Rf_xlength(weight), n_prob = (int)Rf_xlength(probs);
  int n_par = Rf_nrows(par);
  double *of_row = host.alloc(3 * (size_t)n + 1, sizeof(double)), *quantile;
  double *ended = host.alloc((size_t)n * (n_par + 1) + 1, sizeof(double));
  for (int s = 0; s < n; s++) { /* infinity behind the thresholds */
    for (int k = 0; k < n_par; k++)
      ended[k + (size_t)s * (n_par + 1)] = REAL_RO(par)[k + (size_t)s * n_par];
    ended[n_par + (size_t)s * (n_par + 1)] = INFINITY;
  }
  vb_predictive *predictive = vb_predictive_make(&host, f, n, n_par + 1);
  vb_mixture mix = {.n = n,
                    .n_par = n_par + 1,
                    .mean = of_row,
                    .var = of_row + n,
                    .skew = of_row + 2 * n,
                    .weight = REAL_RO(weight),
                    .par = ended};
  quantile = host.alloc(n_prob + 1, sizeof(double));
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, n_row, n_prob));
  for (int i = 0; i < n_row; i++) {
    for (int k = 0; k < 3; k++)
      for (int s = 0; s < n; s++)
        of_row[s + (size_t)k * n] = REAL_RO(vb_list_need(nodes, part[k]))[i + (size_t)s * n_row];
    vb_predictive_quantiles(predictive, &mix, REAL_RO(w)[i], n_prob, REAL_RO(probs), quantile);
    for (int j = 0; j < n_prob; j++) REAL(out)[i + (size_t)j * n_row] = quantile[j];
    if ((i & 15) == 15) R_CheckUserInterrupt();
  }
  UNPROTECT(1);
  return out;
}

static const double *optional(SEXP list, const char *name) {
  SEXP x = vb_list_get(list, name);
  return x == R_NilValue ? NULL : REAL_RO(x);
}

/* the coordinates that the fit chose, into the table that the spec makes */
static void read_axes(SEXP engine, vb_hyper *hyper) {
  SEXP axes = vb_list_need(engine, "axes"), coordinate = vb_list_need(axes, "coordinate");
  const double *s0 = REAL_RO(vb_list_need(axes, "s0"));
  for (int i = 0; i < hyper->n_natural; i++) {
    vb_natural *n = hyper->natural + i;
    if (n->axis < 0) continue;
    n->coord = vb_coordinate_find(CHAR(STRING_ELT(coordinate, n->axis)));
    if (!n->coord) Rf_error("internal: no such coordinate");
    n->s0 = s0[n->axis];
  }
}

typedef struct {
  SEXP spec, engine, rows, uniform, normal, theta, unit;
  int corrected, *cell;
  vb_core *core;
  vb_r_bar bar;
  vb_host host;
  vb_request request;
  vb_model model;
  vb_posterior post;
} job;

/* there is nothing to keep of half an answer: the interrupt goes on to whoever waits for it,
 * through the core, which owns nothing */
static int interrupt(void) {
  R_CheckUserInterrupt();
  return 0;
}

static void open_posterior(job *j) {
  j->host = vb_r_host(&j->bar, 0);
  j->host.poll = interrupt;
  vb_r_read(j->spec, &j->host, &j->request);
  j->request.input.coupling = vb_get_int(j->engine, "coupling");
  j->cell = j->host.alloc(j->request.input.n + 1, sizeof(int));
  vb_r_model(&j->request, &j->host, 1, vb_get_int(j->engine, "solver"), j->core, &j->model,
             j->cell);
  read_axes(j->engine, &j->request.hyper);
  SEXP node = vb_list_need(j->engine, "node"), point = vb_list_need(j->engine, "point");
  SEXP axes = vb_list_need(j->engine, "axes");
  j->post = (vb_posterior){.n = (int)Rf_xlength(vb_list_need(node, "weight")),
                           .n_point = (int)Rf_xlength(vb_list_need(point, "weight")),
                           .weight = optional(node, "weight"),
                           .x = optional(node, "x"),
                           .mean = optional(node, "mean"),
                           .var = optional(node, "var"),
                           .skew = optional(node, "skew"),
                           .fixed_skew = optional(node, "fixed_skew"),
                           .h = optional(node, "h"),
                           .site_h = optional(node, "site_h"),
                           .site_b = optional(node, "site_b"),
                           .fixed_cov = optional(node, "fixed_cov"),
                           .point_x = optional(point, "x"),
                           .point_weight = optional(point, "weight"),
                           .mode = optional(axes, "mode"),
                           .root = optional(axes, "root"),
                           .congruence = optional(j->engine, "lr"),
                           .effective = optional(j->engine, "effective"),
                           .elbo = optional(node, "elbo"),
                           .rq = optional(node, "rq")};
}

static SEXP stop_on(vb_status st) {
  if (st != VB_OK)
    Rf_error("internal: the fit's factor could not be made again (status %d)", (int)st);
  return R_NilValue;
}

static vb_new_rows read_rows(const job *j) {
  SEXP x = vb_list_need(j->rows, "x"), group = vb_list_need(j->rows, "group"),
       z = vb_list_need(j->rows, "z");
  int n_term = j->model.n_term;
  const int **g = j->host.alloc(n_term + 1, sizeof *g);
  const double **zt = j->host.alloc(n_term + 1, sizeof *zt);
  for (int t = 0; t < n_term; t++) { /* NA_INTEGER is negative: the term is left out */
    g[t] = INTEGER_RO(VECTOR_ELT(group, t));
    zt[t] = REAL_RO(VECTOR_ELT(z, t));
  }
  return (vb_new_rows){.n = Rf_nrows(x),
                       .x = REAL_RO(x),
                       .offset = REAL_RO(vb_list_need(j->rows, "offset")),
                       .group = g,
                       .z = zt};
}

static double *zeros(SEXP list, const char *name, int nrow, int ncol) {
  double *x = vb_list_matrix(list, name, nrow, ncol);
  memset(x, 0, sizeof(double) * nrow * ncol);
  return x;
}

static SEXP moments_body(void *data) {
  static const char *const names[] = {"mean", "var", "mu", "mu_var"};
  job *j = data;
  open_posterior(j);
  vb_new_rows rows = read_rows(j);
  SEXP list = PROTECT(vb_list_new(4, names));
  double *out[4];
  for (int k = 0; k < 4; k++) {
    int columns = k < 2 ? 1 : vb_mean_columns(&j->model);
    out[k] = columns > 1 ? vb_list_matrix(list, names[k], rows.n, columns)
                         : vb_list_real(list, names[k], rows.n);
    memset(out[k], 0, sizeof(double) * rows.n * columns);
  }
  stop_on(
      vb_moments(&j->model, &j->request.hyper, &j->post, &rows, out[0], out[1], out[2], out[3]));
  UNPROTECT(1);
  return list;
}

static SEXP node_moments_body(void *data) {
  static const char *const names[] = {"mean", "var", "skew", "par"};
  job *j = data;
  open_posterior(j);
  vb_new_rows rows = read_rows(j);
  SEXP list = PROTECT(vb_list_new(4, names));
  double *out[4];
  for (int k = 0; k < 4; k++)
    out[k] = zeros(list, names[k], k < 3 ? rows.n : j->model.n_par, j->post.n);
  stop_on(vb_node_moments(&j->model, &j->request.hyper, &j->post, &rows, j->corrected, out[0],
                          out[1], out[2], out[3]));
  UNPROTECT(1);
  return list;
}

/* theta: the log evidence and what the density of theta is; NULL: no log densities are wanted */
static SEXP draw_body(void *data) {
  static const char *const names[] = {"coef", "hyper", "log_density"};
  job *j = data;
  open_posterior(j);
  int n = (int)Rf_xlength(j->uniform);
  SEXP list = PROTECT(vb_list_new(3, names));
  int only_hyper = Rf_nrows(j->normal) == j->request.hyper.n_natural && j->model.n_coef;
  double *coef = only_hyper ? NULL : vb_list_matrix(list, "coef", j->model.n_coef, n);
  double *hyper = vb_list_matrix(list, "hyper", j->request.hyper.n_natural, n);
  double *log_density = NULL;
  if (j->theta != R_NilValue) {
    log_density = vb_list_matrix(list, "log_density", 2, n);
    j->post.log_evidence = vb_get_double(j->theta, "log_evidence");
    j->post.density = vb_get_int(j->theta, "density");
  }
  stop_on(vb_draw(&j->model, &j->request.hyper, &j->post, n, REAL_RO(j->uniform),
                  REAL_RO(j->normal), coef, hyper, log_density));
  UNPROTECT(1);
  return list;
}

SEXP vb_r_moments(SEXP spec, SEXP engine, SEXP rows) {
  vb_core core = {0};
  job j = {.spec = spec, .engine = engine, .rows = rows, .core = &core};
  return vb_r_guard(moments_body, &j, &core, &j.bar);
}

SEXP vb_r_node_moments(SEXP spec, SEXP engine, SEXP rows, SEXP corrected) {
  vb_core core = {0};
  job j = {.spec = spec,
           .engine = engine,
           .rows = rows,
           .corrected = Rf_asLogical(corrected),
           .core = &core};
  return vb_r_guard(node_moments_body, &j, &core, &j.bar);
}

SEXP vb_r_draw(SEXP spec, SEXP engine, SEXP uniform, SEXP normal, SEXP theta) {
  vb_core core = {0};
  job j = {.spec = spec,
           .engine = engine,
           .uniform = uniform,
           .normal = normal,
           .theta = theta,
           .core = &core};
  return vb_r_guard(draw_body, &j, &core, &j.bar);
}

/* unit: its rows, from 0, and where each unit starts among them; is each node wanted? */
static SEXP cavity_body(void *data) {
  static const char *const names[] = {"log_out", "log_in", "lambda", "share", "node"};
  job *j = data;
  open_posterior(j);
  SEXP start = vb_list_need(j->unit, "start");
  vb_units_out units = {.n = (int)Rf_xlength(start) - 1,
                        .start = INTEGER_RO(start),
                        .row = INTEGER_RO(vb_list_need(j->unit, "row")),
                        .cell = j->cell,
                        .y = j->request.input.y,
                        .w = j->request.input.w,
                        .by_row = vb_get_int(j->unit, "by_row")};
  int n = units.by_row ? units.start[units.n] : units.n;
  SEXP list = PROTECT(vb_list_new(5, names));
  double *out[4], *node = NULL;
  for (int k = 0; k < 4; k++) out[k] = zeros(list, names[k], n, 1);
  if (vb_get_int(j->unit, "nodes")) node = zeros(list, "node", n, j->post.n);
  vb_cavity_result result = {out[0], out[1], out[2], out[3], node};
  stop_on(vb_cavity(&j->model, &j->request.hyper, &j->post, &units, &result));
  UNPROTECT(1);
  return list;
}

SEXP vb_r_cavity(SEXP spec, SEXP engine, SEXP unit) {
  vb_core core = {0};
  job j = {.spec = spec, .engine = engine, .unit = unit, .core = &core};
  return vb_r_guard(cavity_body, &j, &core, &j.bar);
}
