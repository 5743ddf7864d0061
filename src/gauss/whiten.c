/* The map zeta -> c = L^-T (zeta + L^-1 b), Lambda = s H + P(theta) + fixed = L L'.  Lambda is an
 * arrow, eliminated as in solve.c: A_j = L_j L_j', F_j = L_j^-1 E_j, S = B - sum F_j' F_j = L_S
 * L_S', so that L = [L_j, 0; F_j', L_S].  Edges are row-major: a row of F_j is what one coefficient
 * of the level says to the dense part. */
#include <string.h>
#include "gauss/whiten.h"
#include "numbers/small.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)
#define TINY 1e-100 /* logs are dear: one of many pivots' product, while that is no smaller */

/* ---- Layout ---- */

/* which coefficient each entry of the dense part is */
static void dense_places(vb_whitening *map) {
  const vb_model *m = map->model;
  int *coef = m->host->alloc(map->n_dense + 1, sizeof(int));
  for (int k = 0; k < m->n_term && map->n_core; k++) {
    const vb_term *t = m->term + k;
    for (int i = 0; i < t->n_level * t->d && t->core >= 0; i++) coef[t->core + i] = t->first + i;
  }
  for (int k = 0; k < m->p; k++) coef[map->n_core + k] = k;
  map->coef = coef;
}

void vb_whitening_alloc(const vb_model *m, int scaled, int dense_up_to, vb_whitening *map) {
  const vb_host *host = m->host;
  memset(map, 0, sizeof *map);
  map->model = m;
  map->scaled = scaled;
  map->moves = scaled || m->n_term > 0;
  map->coupled = m->front_start && !m->core.col_start && m->q + m->p <= dense_up_to;
  map->n_core = map->coupled ? m->q : 0;
  map->n_dense = map->n_core + m->p;
  int *term = host->alloc(m->n_term + 1, sizeof(int));
  for (int k = 0; k < m->n_term; k++)
    if (!map->coupled || k == m->leaf) term[map->n_term++] = k;
  map->term = term;
  vb_whitening_level at;
  for (int on = vb_whitening_first(map, &at); on; on = vb_whitening_next(map, &at)) {
    if (at.width > map->widest) map->widest = at.width;
    map->n_row += at.d;
    map->n_block = at.block + (size_t)at.d * at.d;
    map->n_edge = at.edge + (size_t)at.d * at.width;
  }
  dense_places(map);
  size_t r2 = (size_t)map->n_dense * map->n_dense + 1;
  map->block = host->alloc(map->n_block + 1, sizeof(double));
  map->edge = host->alloc(map->n_edge + 1, sizeof(double));
  map->fixed = host->alloc(m->p + 1, sizeof(double));
  map->rows = host->alloc(m->n_coef + 1, sizeof(double));
  map->prior = host->alloc(m->p + 1, sizeof(double));
  double **square[] = {&map->dense, &map->inverse, &map->half, &map->form, &map->work};
  for (int k = 0; k < 5; k++) *square[k] = host->alloc(r2, sizeof(double));
  for (int k = 0; k < 4; k++) map->vec[k] = host->alloc(m->n_coef + 1, sizeof(double));
  map->local = host->alloc((VB_MAX_DIM + 1) * (size_t)map->widest + 1, sizeof(double));
}

void vb_whitening_factor_alloc(const vb_whitening *map, vb_whitening_factor *f) {
  const vb_host *host = map->model->host;
  f->block = host->alloc(map->n_block + 1, sizeof(double));
  f->edge = host->alloc(map->n_edge + 1, sizeof(double));
  f->dense = host->alloc((size_t)map->n_dense * map->n_dense + 1, sizeof(double));
  f->mean = host->alloc(map->model->n_coef + 1, sizeof(double));
}

/* ---- Factor ---- */

/* s H + P + fixed, without the blocks and edges */
static void dense_part(const vb_whitening *map, const vb_theta *theta, vb_whitening_factor *f) {
  const vb_model *m = map->model;
  size_t r = map->n_dense;
  for (size_t i = 0; i < r * r; i++) f->dense[i] = f->s * map->dense[i];
  for (int k = 0; k < m->p; k++) f->dense[(map->n_core + k) * (r + 1)] += map->fixed[k];
  for (int k = 0; k < m->n_term && map->n_core; k++) {
    const vb_term *t = m->term + k;
    const double *omega = theta->omega + (size_t)k * STRIDE;
    for (int l = 0; l < t->n_level && t->core >= 0; l++) {
      double *at = f->dense + (size_t)(t->core + l * t->d) * (r + 1);
      for (int b = 0; b < t->d; b++)
        for (int a = b; a < t->d; a++) at[a + b * r] += omega[a + b * t->d];
    }
  }
}

/* F <- L^-1 F, row by row */
static void edge_half(int d, int width, const double *l, double *f) {
  for (int i = 0; i < d; i++) {
    double *to = f + (size_t)i * width, inverse = 1 / l[i + i * d];
    for (int k = 0; k < i; k++) {
      const double *from = f + (size_t)k * width;
      for (int c = 0; c < width; c++) to[c] -= l[i + k * d] * from[c];
    }
    for (int c = 0; c < width; c++) to[c] *= inverse;
  }
}

/* S <- S - F'F, lower triangle */
static void take_edge(const vb_whitening *map, const vb_whitening_level *at, const double *f,
                      double *s) {
  int r = map->n_dense, co = at->n_core, p = at->width - co;
  for (int i = 0; i < at->d; i++, f += at->width) {
    for (int b = 0; b < co; b++) {
      double *to = s + (size_t)at->front[b] * r, t = f[b];
      for (int a = b; a < co; a++) to[at->front[a]] -= t * f[a];
      for (int k = 0; k < p; k++) to[map->n_core + k] -= t * f[co + k];
    }
    for (int b = 0; b < p; b++) {
      double *to = s + (size_t)(map->n_core + b) * r + map->n_core, t = f[co + b];
      for (int a = b; a < p; a++) to[a] -= t * f[co + a];
    }
  }
}

vb_status vb_whitening_at(const vb_whitening *map, const vb_theta *theta, vb_whitening_factor *f) {
  const vb_model *m = map->model;
  int r = map->n_dense, gram = map->coupled && !map->n_core;
  double ratio = map->scaled ? map->sigma / theta->par[0] : 1, pivots = 1;
  f->s = ratio * ratio;
  f->log_det = 0;
  dense_part(map, theta, f);
  for (size_t i = 0; i < map->n_edge; i++) f->edge[i] = f->s * map->edge[i];
  vb_whitening_level at;
  for (int on = vb_whitening_first(map, &at); on; on = vb_whitening_next(map, &at)) {
    const double *omega = theta->omega + (size_t)at.term * STRIDE, *h = map->block + at.block;
    double *l = f->block + at.block;
    for (int i = 0; i < at.d * at.d; i++) l[i] = f->s * h[i] + omega[i];
    if (vb_small_chol(at.d, l) != VB_OK) return VB_NOT_POS_DEF;
    for (int i = 0; i < at.d; i++) pivots *= l[i + i * at.d];
    if (!(pivots > TINY && pivots < 1 / TINY)) {
      f->log_det += log(pivots);
      pivots = 1;
    }
    edge_half(at.d, at.width, l, f->edge + at.edge);
    if (!gram) take_edge(map, &at, f->edge + at.edge, f->dense);
  }
  if (gram && map->n_row) { /* every edge ends in all of beta: one product */
    vb_weighted_gram((int)map->n_row, r, f->edge, r, NULL, 0, map->work, r);
    for (int b = 0; b < r; b++)
      for (int a = b; a < r; a++) f->dense[a + (size_t)b * r] -= map->work[a + (size_t)b * r];
  }
  if (r && vb_chol(r, f->dense, r) != VB_OK) return VB_NOT_POS_DEF;
  f->log_det += log(pivots) + vb_chol_log_det(r, f->dense, r) / 2;
  if (!isfinite(f->log_det)) return VB_NOT_FINITE;
  for (int i = 0; i < m->n_coef; i++) f->mean[i] = f->s * map->rows[i];
  for (int k = 0; k < m->p; k++) f->mean[k] += map->prior[k];
  vb_whitening_half(map, f, f->mean);
  vb_whitening_half_t(map, f, f->mean);
  return VB_OK;
}

/* ---- Triangular systems ---- */

static void gather_dense(const vb_whitening *map, const double *c, double *out) {
  for (int k = 0; k < map->n_dense; k++) out[k] = c[map->coef[k]];
}
static void scatter_dense(const vb_whitening *map, const double *in, double *c) {
  for (int k = 0; k < map->n_dense; k++) c[map->coef[k]] = in[k];
}

/* y_j = L_j^-1 b_j;  y_S = L_S^-1 (b_S - sum F_j' y_j) */
void vb_whitening_half(const vb_whitening *map, const vb_whitening_factor *f, double *b) {
  double *dense = map->work;
  gather_dense(map, b, dense);
  vb_whitening_level at;
  for (int on = vb_whitening_first(map, &at); on; on = vb_whitening_next(map, &at)) {
    double *y = b + at.coef, *beta = dense + map->n_core;
    const double *edge = f->edge + at.edge;
    vb_small_half(at.d, f->block + at.block, y);
    for (int i = 0; i < at.d && at.width; i++, edge += at.width) {
      for (int a = 0; a < at.n_core; a++) dense[at.front[a]] -= edge[a] * y[i];
      for (int k = at.n_core; k < at.width; k++) beta[k - at.n_core] -= edge[k] * y[i];
    }
  }
  if (map->n_dense) vb_chol_half(map->n_dense, f->dense, map->n_dense, 1, dense, map->n_dense);
  scatter_dense(map, dense, b);
}

/* c_S = L_S^-T b_S;  c_j = L_j^-T (b_j - F_j c_S) */
void vb_whitening_half_t(const vb_whitening *map, const vb_whitening_factor *f, double *b) {
  double *dense = map->work;
  gather_dense(map, b, dense);
  if (map->n_dense) vb_chol_half_t(map->n_dense, f->dense, map->n_dense, 1, dense, map->n_dense);
  scatter_dense(map, dense, b);
  vb_whitening_level at;
  for (int on = vb_whitening_first(map, &at); on; on = vb_whitening_next(map, &at)) {
    double *c = b + at.coef;
    const double *edge = f->edge + at.edge, *beta = dense + map->n_core;
    for (int i = 0; i < at.d && at.width; i++, edge += at.width) {
      for (int a = 0; a < at.n_core; a++) c[i] -= edge[a] * dense[at.front[a]];
      for (int k = at.n_core; k < at.width; k++) c[i] -= edge[k] * beta[k - at.n_core];
    }
    vb_small_half_t(at.d, f->block + at.block, c);
  }
}

/* ---- Product ---- */

/* out <- H c */
void vb_whitening_multiply(const vb_whitening *map, const double *c, double *out) {
  int r = map->n_dense, co = map->n_core;
  double *x = map->vec[0], *y = map->vec[1];
  gather_dense(map, c, x);
  for (int b = 0; b < r; b++) y[b] = 0;
  for (int b = 0; b < r; b++) {
    const double *h = map->dense + (size_t)b * r;
    double below = 0;
    for (int a = b + 1; a < r; a++) {
      y[a] += h[a] * x[b];
      below += h[a] * x[a];
    }
    y[b] += h[b] * x[b] + below;
  }
  vb_whitening_level at;
  for (int on = vb_whitening_first(map, &at); on; on = vb_whitening_next(map, &at)) {
    const double *h = map->block + at.block, *edge = map->edge + at.edge, *u = c + at.coef;
    for (int i = 0; i < at.d; i++, edge += at.width) {
      double sum = 0;
      for (int k = 0; k < at.d; k++) sum += h[i + k * at.d] * u[k];
      for (int k = 0; k < at.width; k++) {
        int j = k < at.n_core ? at.front[k] : co + k - at.n_core;
        sum += edge[k] * x[j];
        y[j] += edge[k] * u[i];
      }
      out[at.coef + i] = sum;
    }
  }
  scatter_dense(map, y, out);
}
