/* A level's cells over a grid of several dimensions.  Given the level's z a cell's expectation
 * depends on it through one number, the shift of its mean: a polynomial where the remainder's
 * series serves, and else smooth, so that it is interpolated between Chebyshev's points (Trefethen
 * 2013, Approximation Theory and Approximation Practice, chapters 3 and 8), at the cost of as many
 * expectations as there are points whatever the grid's dimension. */
#include <math.h>
#include <string.h>
#include "correct/rq.h"
#include "gauss/several.h"
#include "numbers/vb_math.h"

#define ENOUGH 1e-6  /* what the last coefficients may be, for a table to stand for its function */
#define NOTHING 1e-9 /* and from where on they are left out */
#define DIGITS 14    /* nats that the coefficients fall until they are enough */
#define WORTH 2      /* nodes of a grid, per point of a table that pays */
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

void vb_rq_conditional(const vb_model *m, const double *par, vb_rq *rq, const vb_level *v,
                       const double *shift) {
  int n = v->n;
  double usual = (double)n * m->rules->order[2]; /* likelihoods, roughly */
  if (m->family->opaque) {
    rq->spent += usual;
    vb_stein_conditional(m, par, rq->table, v, shift);
    return;
  }
  if (m->family->several) {
    rq->spent += VB_RQ_SEVERAL * n;
    for (int r = 0; r < n; r++) v->eta[r] = v->m[r] + shift[r];
    const vb_several_of by = {m, par};
    vb_several_expect(&by, &v->rows, v->eta, v->rest, (double *const[]){v->e, NULL, NULL});
    return;
  }
  if (m->family->expect) {
    rq->spent += usual;
    for (int r = 0; r < n; r++) v->eta[r] = v->m[r] + shift[r];
    m->family->expect(&v->rows, v->eta, v->rest, par, v->e, NULL, NULL);
    return;
  }
  double widest = 0;
  for (int r = 0; r < n; r++) widest = fmax(widest, v->rest[r]);
  int k = vb_rule_index(widest);
  if (k == VB_N_ORDER - 1) {
    for (int r = 0; r < n; r++) {
      vb_rows row = vb_rows_range(&v->rows, r, 1);
      const vb_row_at at = {m->family, &row, par, v->m[r] + shift[r], fmax(v->rest[r], 1e-6)};
      rq->spent += vb_expect_wide(&at, 1, v->e + r);
    }
    return;
  }
  rq->spent += usual;
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

/* cos(pi i / (2 n)), i < 4 n */
static void cosines(int n, double *out) {
  for (int i = 0; i < 4 * n; i++) out[i] = cos(M_PI * i / (2.0 * n));
}

/* coefficients of the interpolant from values at cos(pi (k + 1/2) / n); of the last that are all
 * nothing none is kept */
static int to_coefficients(int n, int stride, const double *value, double *coef) {
  int last = 0;
  double cosine[4 * VB_RQ_TABLE];
  cosines(n, cosine);
  for (int j = 0; j < n; j++) {
    double *c = coef + (size_t)j * stride, largest = 0;
    memset(c, 0, sizeof(double) * stride);
    for (int k = 0; k < n; k++) {
      double w = (j ? 2.0 : 1.0) / n * cosine[j * (2 * k + 1) % (4 * n)];
      const double *v = value + (size_t)k * stride;
      for (int r = 0; r < stride; r++) c[r] += w * v[r];
    }
    for (int r = 0; r < stride; r++) largest = fmax(largest, fabs(c[r]));
    if (largest > NOTHING) last = j;
  }
  return last + 1;
}

/* How many points: a log density that bends on a scale of one has its poles about pi from the real
 * line, and averaged over a normal of variance v, a spectrum that falls like exp(-pi k - v k^2 /
 * 2). At frequency k there are k times the half width coefficients.  Capped far above what a table
 * may have. */
static int points_for(const vb_level *v, const double *widest) {
  double most = 0;
  for (int r = 0; r < v->n; r++) { /* the root of v k^2 / 2 + pi k = DIGITS */
    double k = 2 * DIGITS / (M_PI + sqrt(M_PI * M_PI + 2 * DIGITS * v->rest[r]));
    most = fmax(most, k * widest[r]);
  }
  return 8 + (int)ceil(fmin(most, VB_RQ_TABLE));
}

int vb_rq_table_make(const vb_model *m, const double *par, vb_rq *rq, const vb_level *v,
                     const vb_grid *g, double *shift) {
  vb_rq_table *t = rq->line;
  int n = v->n;
  double left = 0;
  if (n > VB_RQ_TABLE_ROWS || m->family->kinked || m->family->opaque ||
      m->family->several)
    return 0;
  memset(t->widest, 0, sizeof(double) * n);
  for (int q = 0; q < g->n; q++) {
    vb_rq_shift(v, g->z[q], shift);
    for (int r = 0; r < n; r++) t->widest[r] = fmax(t->widest[r], fabs(shift[r]));
  }
  int points = points_for(v, t->widest), stride = stride_of(n);
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

/* b = c + x last - b: a step of Clenshaw's recurrence, in place */
VB_INLINE void step(const double *c, int next, const double *x, const double *last, double *b) {
  for (int r = 0; r < LANES; r++) b[r] = (c[next * r] - b[r]) + x[r] * last[r];
}

/* Clenshaw's recurrence for LANES shifts, of as many rows (next = 1) or of the same one (0); scale:
 * of these rows */
VB_INLINE void clenshaw(const vb_rq_table *t, const double *coef, const double *scale, int next,
                        const double *shift, double *out) {
  double x[LANES], b1[LANES] = {0}, b2[LANES] = {0};
  int k = t->points - 1;
  size_t stride = t->stride;
  for (int r = 0; r < LANES; r++) x[r] = shift[r] * scale[next * r];
  for (; k > 1; k -= 2) {
    step(coef + k * stride, next, x, b1, b2);
    step(coef + (k - 1) * stride, next, x, b2, b1);
  }
  if (k == 1) {
    step(coef + stride, next, x, b1, b2);
    for (int r = 0; r < LANES; r++) out[r] = coef[next * r] + x[r] / 2 * b2[r] - b1[r];
  } else {
    for (int r = 0; r < LANES; r++) out[r] = coef[next * r] + x[r] / 2 * b1[r] - b2[r];
  }
}

VB_INLINE void table_at(const vb_rq_table *t, int next, int n, const double *shift, double *out) {
  int from = 0;
  for (; from <= n - LANES; from += LANES)
    clenshaw(t, t->coef + next * from, t->widest + next * from, next, shift + from, out + from);
  if (from == n) return;
  double in[LANES] = {0}, rest[LANES];
  memcpy(in, shift + from, sizeof(double) * (n - from));
  clenshaw(t, t->coef + next * from, t->widest + next * from, next, in, rest);
  memcpy(out + from, rest, sizeof(double) * (n - from));
}

#define TABLE(attribute, name, next)                                                          \
  attribute static void name(const vb_rq_table *t, int n, const double *shift, double *out) { \
    table_at(t, next, n, shift, out);                                                         \
  }
TABLE(, at_plain, 1)
TABLE(VB_AVX2, at_avx2, 1)
TABLE(, along_plain, 0)
TABLE(VB_AVX2, along_avx2, 0)

void vb_rq_table_at(const vb_rq_table *t, int n, const double *shift, double *out) {
  (VB_HAS_AVX2 ? at_avx2 : at_plain)(t, n, shift, out);
}

void vb_rq_table_along(const vb_rq_table *t, int n, const double *shift, double *out) {
  (VB_HAS_AVX2 ? along_avx2 : along_plain)(t, n, shift, out);
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
