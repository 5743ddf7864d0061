/* A level's cells over a grid of several dimensions.  Given the level's z a cell's expectation
 * depends on it through one number, the shift of its mean: a polynomial where the remainder's
 * series serves, and else smooth, so that it is interpolated between Chebyshev's points (Trefethen
 * 2013, Approximation Theory and Approximation Practice, chapters 3 and 8), at the cost of as many
 * expectations as there are points whatever the grid's dimension. */
#include <math.h>
#include <string.h>
#include "correct/rq.h"
#include "numbers/vb_math.h"

#define ENOUGH 1e-6  /* what the last coefficients may be, for a table to stand for its function */
#define NOTHING 1e-9 /* and from where on they are left out */
#define WORTH 4      /* nodes of a grid, per point of a table that pays */
enum { LANES = 8 };

/* rows of a table are padded, so that lanes never run over its end */
static int stride_of(int n) { return (n + LANES - 1) / LANES * LANES; }

void vb_rq_table_alloc(const vb_model *m, vb_rq *rq) {
  size_t rows = stride_of(rq->cap_level < VB_RQ_TABLE_ROWS ? rq->cap_level : VB_RQ_TABLE_ROWS);
  rq->line = m->host->alloc(1, sizeof *rq->line);
  rq->line->value = m->host->alloc(rows * VB_RQ_TABLE + 1, sizeof(double));
  rq->line->coef = m->host->alloc(rows * VB_RQ_TABLE + 1, sizeof(double));
  rq->line->widest = m->host->alloc(rows + 1, sizeof(double));
}

void vb_rq_conditional(const vb_model *m, const double *par, const vb_rq *rq, const vb_level *v,
                       const double *shift) {
  int n = v->n;
  if (m->family->opaque) {
    vb_stein_conditional(m, par, rq->table, v, shift);
    return;
  }
  if (m->family->expect) {
    for (int r = 0; r < n; r++) v->eta[r] = v->m[r] + shift[r];
    m->family->expect(&v->rows, v->eta, v->rest, par, v->e, NULL, NULL);
    return;
  }
  double widest = 0;
  for (int r = 0; r < n; r++) widest = fmax(widest, v->rest[r]);
  int k = vb_rule_index(widest);
  if (k == VB_N_ORDER - 1) {
    for (int r = 0; r < n; r++) {
      double out[3];
      vb_rows row = vb_rows_range(&v->rows, r, 1);
      vb_expect_wide(m->family, &row, v->m[r] + shift[r], fmax(v->rest[r], 1e-6), par, out);
      v->e[r] = out[0];
    }
    return;
  }
  const double *node = m->rules->node + m->rules->first[k],
               *weight = m->rules->weight + m->rules->first[k];
  memset(v->e, 0, sizeof(double) * n);
  for (int q = 0; q < m->rules->order[k]; q++) {
    for (int r = 0; r < n; r++) v->eta[r] = v->m[r] + shift[r] + sqrt(v->rest[r]) * node[q];
    m->family->log_lik(m->family, &v->rows, v->eta, par, v->ll, NULL, NULL);
    for (int r = 0; r < n; r++) v->e[r] += weight[q] * v->ll[r];
  }
}

void vb_rq_shift(const vb_level *v, const double *z, double *shift) {
  for (int r = 0; r < v->n; r++) {
    shift[r] = 0;
    for (int a = 0; a < v->d; a++) shift[r] += v->a[(size_t)r * v->d + a] * z[a];
  }
}

/* coefficients of the interpolant from values at cos(pi (k + 1/2) / n); of the last that are all
 * nothing none is kept */
static int to_coefficients(int n, int stride, const double *value, double *coef) {
  int last = 0;
  for (int j = 0; j < n; j++) {
    double *c = coef + (size_t)j * stride, largest = 0;
    memset(c, 0, sizeof(double) * stride);
    for (int k = 0; k < n; k++) {
      double w = (j ? 2.0 : 1.0) / n * cos(M_PI * (j * (2 * k + 1) % (4 * n)) / (2.0 * n));
      const double *v = value + (size_t)k * stride;
      for (int r = 0; r < stride; r++) c[r] += w * v[r];
    }
    for (int r = 0; r < stride; r++) largest = fmax(largest, fabs(c[r]));
    if (largest > NOTHING) last = j;
  }
  return last + 1;
}

int vb_rq_table_make(const vb_model *m, const double *par, const vb_rq *rq, const vb_level *v,
                     const vb_grid *g, double *shift) {
  vb_rq_table *t = rq->line;
  int n = v->n;
  double most = 0, left = 0;
  if (n > VB_RQ_TABLE_ROWS || m->family->kinked || m->family->opaque) return 0;
  memset(t->widest, 0, sizeof(double) * n);
  for (int q = 0; q < g->n; q++) {
    vb_rq_shift(v, g->z[q], shift);
    for (int r = 0; r < n; r++) t->widest[r] = fmax(t->widest[r], fabs(shift[r]));
  }
  for (int r = 0; r < n; r++) most = fmax(most, t->widest[r]);
  int points = 8 + (int)ceil(fmin(4 * most, VB_RQ_TABLE)), stride = stride_of(n);
  if (points > VB_RQ_TABLE || g->n < WORTH * points) return 0;
  t->stride = stride;
  for (int k = 0; k < points; k++) {
    double x = cos(M_PI * (k + 0.5) / points), *value = t->value + (size_t)k * stride;
    for (int r = 0; r < n; r++) shift[r] = x * t->widest[r];
    vb_rq_conditional(m, par, rq, v, shift);
    memcpy(value, v->e, sizeof(double) * n);
    for (int r = n; r < stride; r++) value[r] = 0;
  }
  t->points = to_coefficients(points, stride, t->value, t->coef);
  for (size_t k = (size_t)(points - 2) * stride; k < (size_t)points * stride; k++)
    left = fmax(left, fabs(t->coef[k]));
  for (int r = 0; r < n; r++) t->widest[r] = t->widest[r] > 0 ? 2 / t->widest[r] : 0;
  return left < ENOUGH;
}

/* Clenshaw's recurrence */
VB_INLINE void clenshaw(const vb_rq_table *t, int from, const double *shift, double *out) {
  double x[LANES], b1[LANES] = {0}, b2[LANES] = {0};
  for (int r = 0; r < LANES; r++) x[r] = shift[r] * t->widest[from + r];
  for (int k = t->points - 1; k > 0; k--) {
    const double *c = t->coef + (size_t)k * t->stride + from;
    double b[LANES];
    for (int r = 0; r < LANES; r++) b[r] = c[r] + x[r] * b1[r] - b2[r];
    memcpy(b2, b1, sizeof b1);
    memcpy(b1, b, sizeof b);
  }
  const double *c = t->coef + from;
  for (int r = 0; r < LANES; r++) out[r] = c[r] + x[r] / 2 * b1[r] - b2[r];
}

VB_INLINE void table_at(const vb_rq_table *t, int n, const double *shift, double *out) {
  int from = 0;
  for (; from <= n - LANES; from += LANES) clenshaw(t, from, shift + from, out + from);
  if (from == n) return;
  double in[LANES] = {0}, rest[LANES];
  memcpy(in, shift + from, sizeof(double) * (n - from));
  clenshaw(t, from, in, rest);
  memcpy(out + from, rest, sizeof(double) * (n - from));
}

static void table_plain(const vb_rq_table *t, int n, const double *shift, double *out) {
  table_at(t, n, shift, out);
}

VB_AVX2 static void table_avx2(const vb_rq_table *t, int n, const double *shift, double *out) {
  table_at(t, n, shift, out);
}

void vb_rq_table_at(const vb_rq_table *t, int n, const double *shift, double *out) {
  (VB_HAS_AVX2 ? table_avx2 : table_plain)(t, n, shift, out);
}

/* the cells' series at every node: as polynomials of the shift s, whose variance is a,
 * H_k = a^(k/2) He_k(s / a^(1/2)) */
void vb_rq_series(const vb_rq *rq, const vb_level *v, const vb_grid *g, double *shift,
                  double *total) {
  memset(total, 0, sizeof(double) * g->n);
  for (int q = 0; q < g->n; q++) {
    vb_rq_shift(v, g->z[q], shift);
    for (int r = 0; r < v->n; r++) {
      const double *c = rq->series + 4 * (size_t)v->row[r];
      double s = shift[r], a = v->na[r], s2 = s * s;
      double h3 = s * (s2 - 3 * a), h4 = s2 * (s2 - 6 * a) + 3 * a * a;
      double h5 = s * h4 - 4 * a * h3, h6 = s * h5 - 5 * a * h4;
      total[q] += c[0] * h3 + c[1] * h4 + c[2] * h5 + c[3] * h6;
    }
  }
}

void vb_rq_add_exp(int n, double log_w, const double *x, double *sum) {
  for (int i = 0; i < n; i += LANES) {
    int some = n - i < LANES ? n - i : LANES;
    double t[LANES] = {0};
    memcpy(t, x + i, sizeof(double) * some);
    for (int k = 0; k < LANES; k++) t[k] = vb_exp(log_w + t[k]);
    for (int k = 0; k < some; k++) sum[i + k] += t[k];
  }
}
