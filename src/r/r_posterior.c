/* Doors to a finished fit that is open (r_open.c): moments of new rows, draws, cavities.  Each
 * gives its answer or, where the core could not, the core's status as an integer. */
#include <string.h>
#include "posterior/cavity.h"
#include "r/r.h"
#include "r/r_open.h"

static SEXP answer(vb_status st, SEXP list) {
  return st == VB_OK ? list : Rf_ScalarInteger((int)st);
}

static const int *read_group(const vb_opened *o, SEXP group, int t, int n) {
  SEXP x = VECTOR_ELT(group, t);
  if (TYPEOF(x) != INTSXP || Rf_xlength(x) != n) Rf_error("internal: levels of the rows");
  const int *g = INTEGER_RO(x); /* NA_INTEGER is negative: the term is left out */
  for (int i = 0; i < n; i++)
    if (g[i] > o->model.term[t].n_level) Rf_error("internal: levels that the fit has not");
  return g;
}

/* columns of new rows as the model has them */
static const double *centred(const vb_opened *o, int t, int n, const double *z) {
  const double *shift = o->request.hyper.shift[t];
  int d = o->model.term[t].d;
  if (!shift) return z;
  double *out = o->host.alloc((size_t)n * d + 1, sizeof(double));
  for (int a = 0; a < d; a++)
    for (int i = 0; i < n; i++) out[i + (size_t)a * n] = z[i + (size_t)a * n] - shift[a] * z[i];
  return out;
}

/* levels of a field that were not in the data: rows x members, the levels' columns and variances */
static vb_unseen read_unseen(const vb_opened *o, SEXP unseen, int n) {
  SEXP level = vb_list_need(unseen, "level"), column = vb_list_need(unseen, "column");
  R_xlen_t members = Rf_ncols(level), levels = Rf_nrows(column), columns = Rf_ncols(column);
  vb_unseen u = {.n = (int)levels,
                 .n_member = (int)members,
                 .n_column = (int)columns,
                 .level = vb_get_ints(unseen, "level", n * members),
                 .weight = vb_get_reals(unseen, "weight", n * members),
                 .column = vb_get_ints(unseen, "column", levels * columns),
                 .mean = vb_get_reals(unseen, "mean", levels * columns * o->post.n),
                 .var = vb_get_reals(unseen, "var", levels * o->post.n)};
  for (R_xlen_t i = 0; i < n * members; i++)
    if (u.level[i] < 0 || u.level[i] > levels) Rf_error("internal: unseen levels of the rows");
  for (R_xlen_t i = 0; i < levels * columns; i++)
    if (u.column[i] < 0 || u.column[i] > o->model.p) Rf_error("internal: columns of levels");
  if (columns && members != 1) Rf_error("internal: columns of members");
  return u;
}

static void read_unseens(const vb_opened *o, SEXP list, vb_new_rows *rows) {
  int columns = 0;
  rows->n_unseen = (int)Rf_xlength(list);
  vb_unseen *unseen = o->host.alloc(rows->n_unseen + 1, sizeof *unseen);
  for (int k = 0; k < rows->n_unseen; k++) {
    unseen[k] = read_unseen(o, VECTOR_ELT(list, k), rows->n);
    columns += unseen[k].n_column;
  }
  rows->unseen = unseen;
  if (!columns) return;
  size_t size = (size_t)rows->n * o->model.p;
  rows->at_node = o->host.alloc(size + 1, sizeof(double));
  memcpy(rows->at_node, rows->x, sizeof(double) * size);
  rows->x = rows->at_node;
}

static vb_new_rows read_rows(const vb_opened *o, SEXP rows) {
  const vb_model *m = &o->model;
  SEXP x = vb_list_need(rows, "x");
  SEXP group = vb_get_list(rows, "group", m->n_term), z = vb_get_list(rows, "z", m->n_term);
  int n = Rf_nrows(x);
  const int **g = o->host.alloc(m->n_term + 1, sizeof *g);
  const double **zt = o->host.alloc(m->n_term + 1, sizeof *zt);
  for (int t = 0; t < m->n_term; t++) {
    SEXP columns = VECTOR_ELT(z, t);
    if (TYPEOF(columns) != REALSXP || Rf_xlength(columns) != (R_xlen_t)n * m->term[t].d)
      Rf_error("internal: columns of a random term");
    g[t] = read_group(o, group, t, n);
    zt[t] = centred(o, t, n, REAL_RO(columns));
  }
  vb_new_rows out = {.n = n,
                     .x = vb_get_reals(rows, "x", (R_xlen_t)n * m->p),
                     .offset = vb_get_reals(rows, "offset", n),
                     .group = g,
                     .z = zt};
  SEXP unseen = vb_list_get(rows, "unseen");
  if (unseen != R_NilValue) read_unseens(o, unseen, &out);
  return out;
}

static double *zeros(SEXP list, const char *name, int nrow, int ncol) {
  double *x = vb_list_matrix(list, name, nrow, ncol);
  memset(x, 0, sizeof(double) * nrow * ncol);
  return x;
}

SEXP vb_r_moments(SEXP handle, SEXP new_rows) {
  static const char *const names[] = {"mean", "var", "mu", "mu_var"};
  const vb_opened *o = vb_r_opened(handle);
  vb_new_rows rows = read_rows(o, new_rows);
  SEXP list = PROTECT(vb_list_new(4, names));
  double *out[4];
  for (int k = 0; k < 4; k++) {
    int columns = k < 2 ? 1 : vb_mean_columns(&o->model);
    out[k] = columns > 1 ? vb_list_matrix(list, names[k], rows.n, columns)
                         : vb_list_real(list, names[k], rows.n);
    memset(out[k], 0, sizeof(double) * rows.n * columns);
  }
  SEXP got = answer(vb_moments(&o->post, &rows, out[0], out[1], out[2], out[3]), list);
  UNPROTECT(1);
  return got;
}

SEXP vb_r_node_moments(SEXP handle, SEXP new_rows, SEXP corrected) {
  static const char *const names[] = {"mean", "var", "skew", "par"};
  const vb_opened *o = vb_r_opened(handle);
  vb_new_rows rows = read_rows(o, new_rows);
  SEXP list = PROTECT(vb_list_new(4, names));
  double *out[4];
  for (int k = 0; k < 4; k++)
    out[k] = zeros(list, names[k], k < 3 ? rows.n : o->model.n_par, o->post.n);
  SEXP got = answer(
      vb_node_moments(&o->post, &rows, Rf_asLogical(corrected), out[0], out[1], out[2], out[3]),
      list);
  UNPROTECT(1);
  return got;
}

/* densities: are log densities wanted? */
SEXP vb_r_draw(SEXP handle, SEXP uniform, SEXP normal, SEXP densities) {
  static const char *const names[] = {"coef", "hyper", "log_density"};
  const vb_opened *o = vb_r_opened(handle);
  const vb_posterior post = o->post;
  int n = (int)Rf_xlength(uniform), n_coef = o->model.n_coef, H = post.hyper->first_pin;
  int only_hyper = Rf_nrows(normal) == H && n_coef;
  if (Rf_xlength(normal) != (R_xlen_t)n * (H + (only_hyper ? 0 : n_coef)))
    Rf_error("internal: normals of draws");
  SEXP list = PROTECT(vb_list_new(3, names));
  double *coef = only_hyper ? NULL : vb_list_matrix(list, "coef", n_coef, n);
  double *hyper = vb_list_matrix(list, "hyper", H, n), *log_density = NULL;
  if (Rf_asLogical(densities) == 1) log_density = vb_list_matrix(list, "log_density", 2, n);
  SEXP got =
      answer(vb_draw(&post, n, REAL_RO(uniform), REAL_RO(normal), coef, hyper, log_density), list);
  UNPROTECT(1);
  return got;
}

/* unit: its rows, from 0, and where each unit starts among them; is each node wanted? */
static vb_units_out read_units(const vb_opened *o, SEXP unit) {
  SEXP start = vb_list_need(unit, "start"), row = vb_list_need(unit, "row");
  const vb_input *in = &o->request.input;
  vb_units_out units = {.n = (int)Rf_xlength(start) - 1,
                        .start = vb_get_ints(unit, "start", -1),
                        .row = vb_get_ints(unit, "row", -1),
                        .cell = o->cell,
                        .rows = in->rows,
                        .by_row = vb_get_int(unit, "by_row")};
  if (units.n < 0 || units.start[units.n] != Rf_xlength(row)) Rf_error("internal: units of rows");
  for (R_xlen_t i = 0; i < Rf_xlength(row); i++)
    if (units.row[i] < 0 || units.row[i] >= in->n) Rf_error("internal: rows of units");
  return units;
}

SEXP vb_r_cavity(SEXP handle, SEXP unit) {
  static const char *const names[] = {"log_out", "log_in", "lambda", "share", "change", "node"};
  const vb_opened *o = vb_r_opened(handle);
  vb_units_out units = read_units(o, unit);
  int n = units.by_row ? units.start[units.n] : units.n;
  SEXP list = PROTECT(vb_list_new(6, names));
  double *out[5], *node = NULL;
  for (int k = 0; k < 5; k++) out[k] = zeros(list, names[k], n, 1);
  if (vb_get_int(unit, "nodes")) node = zeros(list, "node", n, o->post.n);
  vb_cavity_result result = {out[0], out[1], out[2], out[3], out[4], node};
  SEXP got = answer(vb_cavity(&o->post, &units, &result), list);
  UNPROTECT(1);
  return got;
}

/* node: units x nodes, their log densities given the rest */
SEXP vb_r_over_points(SEXP handle, SEXP node) {
  static const char *const names[] = {"log_out", "share"};
  const vb_opened *o = vb_r_opened(handle);
  int n = Rf_nrows(node);
  if (TYPEOF(node) != REALSXP || Rf_ncols(node) != o->post.n) Rf_error("internal: units x nodes");
  SEXP list = PROTECT(vb_list_new(2, names));
  double *log_out = vb_list_real(list, names[0], n), *share = vb_list_real(list, names[1], n);
  SEXP got = answer(vb_over_points(&o->post, n, REAL_RO(node), log_out, share), list);
  UNPROTECT(1);
  return got;
}
