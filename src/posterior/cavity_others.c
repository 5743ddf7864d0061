/* What a cavity takes for granted: that the factors of the other rows stay what they were when a
 * row is left out.  They are those of the posterior given all rows; where the rest moves far
 * without the row, others would take their place.  How far the answer would move with them is told
 * by one Newton step of the rest.  A row that rests on random effects of its own moves nothing that
 * other rows know, however large its influence on itself. */
#include <math.h>
#include <string.h>
#include "posterior/cavity.h"
#include "numbers/small.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)
#define LITTLE 0.05 /* of what others know: squared sds that it moves, share of its precision */
#define NOTHING 1e-10

void vb_others_alloc(const vb_model *m, const vb_units_out *units, vb_others *o) {
  const vb_host *host = m->host;
  *o = (vb_others){.m = m, .units = units, .rows = host->alloc(m->n_coef + 1, sizeof(int))};
  for (int t = 0; t < m->n_term; t++) {
    const vb_term *term = m->term + t;
    o->k += term->d;
    for (int i = 0; i < units->start[units->n]; i++)
      o->rows[term->first + term->group[units->cell[units->row[i]]] * term->d]++;
  }
  o->share = host->alloc(m->n + 1, sizeof(int));
  for (int i = 0; i < units->start[units->n]; i++) o->share[units->cell[units->row[i]]]++;
  o->own = host->alloc((size_t)o->k * o->k + 1, sizeof(double));
  o->z = host->alloc(o->k + 1, sizeof(double));
  o->is_own = host->alloc(m->n_term + 1, sizeof(int));
  o->solved = host->alloc(m->n_coef + 1, sizeof(double));
  double **per_cell[] = {&o->cov, &o->eta, &o->v, &o->ll, &o->g, &o->h};
  for (int i = 0; i < 6; i++) *per_cell[i] = host->alloc(m->n + 1, sizeof(double));
}

double vb_design_row_dot(const vb_model *m, int c, const double *from) {
  double sum = vb_x_dot(m, c, from);
  for (int t = 0; t < m->n_term; t++) {
    const vb_term *term = m->term + t;
    sum += vb_dot(term->d, term->z + (size_t)c * term->d,
                  from + term->first + (size_t)term->group[c] * term->d);
  }
  return sum;
}

void vb_design_row_put(const vb_model *m, int c, double *to) {
  memset(to, 0, sizeof(double) * m->n_coef);
  vb_x_copy(m, c, 1, to);
  for (int t = 0; t < m->n_term; t++) {
    const vb_term *term = m->term + t;
    memcpy(to + term->first + (size_t)term->group[c] * term->d, term->z + (size_t)c * term->d,
           sizeof(double) * term->d);
  }
}

/* the terms whose level in this cell has no rows outside the unit: marked; how many coefficients */
static int own_terms(const vb_others *o, const int *row, int n, int cell) {
  const vb_model *m = o->m;
  int k = 0;
  for (int t = 0; t < m->n_term; t++) {
    const vb_term *term = m->term + t;
    int level = term->group[cell], inside = 0;
    for (int j = 0; j < n; j++) inside += term->group[o->units->cell[row[j]]] == level;
    /* what neighbours say of a field's level they know from other rows */
    o->is_own[t] = !term->is_field && inside == o->rows[term->first + level * term->d];
    k += o->is_own[t] ? term->d : 0;
  }
  return k;
}

/* the entries of cell c in those levels of `cell`, into o->z */
static void own_row(const vb_others *o, int c, int cell) {
  const vb_model *m = o->m;
  int at = 0;
  for (int t = 0; t < m->n_term; t++) {
    const vb_term *term = m->term + t;
    if (!o->is_own[t]) continue;
    for (int a = 0; a < term->d; a++)
      o->z[at + a] = term->group[c] == term->group[cell] ? term->z[(size_t)c * term->d + a] : 0;
    at += term->d;
  }
}

/* variance of the predictor of the unit's row i given all that rows outside the unit know of */
static double own_variance(const vb_others *o, const vb_at_node *node, const vb_unit *u,
                           const int *row, int i) {
  const vb_model *m = o->m;
  int cell = o->units->cell[row[i]], k = own_terms(o, row, u->n, cell), at = 0;
  if (!k) return 0;
  memset(o->own, 0, sizeof(double) * k * k);
  for (int t = 0; t < m->n_term; t++) {
    int d = m->term[t].d;
    if (!o->is_own[t]) continue;
    for (int b = 0; b < d; b++)
      for (int a = 0; a < d; a++)
        o->own[at + a + (size_t)(at + b) * k] = node->theta->omega[(size_t)t * STRIDE + a + b * d];
    at += d;
  }
  for (int j = 0; j < u->n; j++) {
    own_row(o, o->units->cell[row[j]], cell);
    for (int b = 0; b < k; b++)
      for (int a = b; a < k; a++) o->own[a + (size_t)b * k] += u->h[j] * o->z[a] * o->z[b];
  }
  if (vb_small_chol(k, o->own) != VB_OK) return 0;
  own_row(o, cell, cell);
  vb_small_half(k, o->own, o->z);
  return vb_dot(k, o->z, o->z);
}

/* cells with rows of the unit alone count for nothing */
static void leave_cells_out(const vb_others *o, const vb_unit *u, const int *row) {
  for (int i = 0; i < u->n; i++) {
    int c = o->units->cell[row[i]], inside = 0;
    for (int j = 0; j < u->n; j++) inside += o->units->cell[row[j]] == c;
    if (inside == o->share[c]) o->cov[c] = 0;
  }
}

/* Under the cavity of row i: sums over the rows outside the unit of what their factors' slopes and
 * precisions would be, less what they are, times their covariance with its predictor and its square
 */
static void misfit(const vb_others *o, const vb_at_node *node, const vb_unit *u, const int *row,
                   int i, double *slope, double *precision) {
  const vb_model *m = o->m;
  double left = 1 - u->h[i] * u->v[i], by = -u->g[i] / left, wider = u->h[i] / left;
  for (int c = 0; c < m->n; c++) {
    o->eta[c] = node->in->rows.eta[c] + by * o->cov[c];
    o->v[c] = fmax(node->in->rows.v[c] + wider * o->cov[c] * o->cov[c], 0);
  }
  vb_etas moved = {o->eta, o->v, node->in->rows.stein};
  vb_expect(m, node->theta->par, &moved, o->ll, o->g, o->h);
  *slope = *precision = 0;
  leave_cells_out(o, u, row);
  for (int c = 0; c < m->n; c++) {
    *slope += o->cov[c] * (o->g[c] - node->in->rows.g[c] + node->h[c] * by * o->cov[c]);
    *precision += o->cov[c] * o->cov[c] * (o->h[c] - node->h[c]);
  }
  for (int j = 0; j < u->n; j++) {
    int c = o->units->cell[row[j]];
    double own[3];
    if (o->cov[c] == 0) continue;
    vb_rows one = vb_rows_range(&u->rows, j, 1);
    vb_expect_wide(&(vb_row_at){m->family, &one, node->theta->par, o->eta[c], o->v[c]}, 3, own);
    *slope -= o->cov[c] * (own[1] - u->g[j] + u->h[j] * by * o->cov[c]);
    *precision -= o->cov[c] * o->cov[c] * (-own[2] - u->h[j]);
  }
}

vb_status vb_cavity_change(const vb_others *o, const vb_at_node *node, const vb_family *family,
                           const vb_unit *u, const int *row, int i, double *change) {
  const vb_model *m = o->m;
  double left = 1 - u->h[i] * u->v[i], slope, precision;
  *change = 0;
  if (!(left > NOTHING)) return VB_OK;
  double shared = fmax(u->v[i] - own_variance(o, node, u, row, i), 0) / left;
  if (fabs(u->h[i]) * shared < LITTLE && u->g[i] * u->g[i] * shared / left < LITTLE) return VB_OK;
  vb_design_row_put(m, o->units->cell[row[i]], o->solved);
  vb_status st = vb_solve(m, &node->in->sol, o->solved);
  if (st != VB_OK) return st;
  for (int c = 0; c < m->n; c++) o->cov[c] = vb_design_row_dot(m, c, o->solved);
  misfit(o, node, u, row, i, &slope, &precision);
  double mean = u->eta[i] - u->g[i] * u->v[i] / left, var = u->v[i] / left;
  double more = precision / (left * left) / var;
  double factor = more > 0 ? 1 / (1 + more) : 1 - more;
  double moved = mean + fmin(factor, 1) * slope / left;
  const double *par = node->theta->par;
  vb_rows one = vb_rows_range(&u->rows, i, 1);
  *change = vb_log_score(family, &one, moved, factor * var, 0, par) -
            vb_log_score(family, &one, mean, var, 0, par);
  if (isnan(*change)) *change = INFINITY;
  return m->host->poll() ? VB_INTERRUPTED : VB_OK;
}
