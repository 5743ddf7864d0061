/* Low rank plus diagonal (Ong, Nott & Smith 2018): S z = B z_1 + d o z_2, so that S S' = B B' +
 * diag(d)^2; B is dim x rank, by columns, d follows it.  B is zero above its diagonal, or it could
 * turn and be the same.  Determinant and inverse by K = I + B' D^-2 B.  The bound is smooth where
 * an entry of d goes through zero, which it may want to (a Heywood case): it is kept off zero only
 * by as much as K needs. */
#include <math.h>
#include <string.h>
#include "rows/approximations/approximation.h"

static int n_scale(int dim, int rank) { return dim * (rank + 1); }
static int n_noise(int dim, int rank) { return dim + rank; }

/* B must not start at 0, a stationary point; its size here is a few percent of the variance */
static void start(const vb_q *q, double *scale) {
  for (int b = 0; b < q->rank; b++) {
    double step = vb_low_discrepancy_step(b, q->rank);
    for (int k = b; k < q->dim; k++)
      scale[k + (size_t)b * q->dim] = 0.4 / sqrt(q->rank) * (vb_low_discrepancy(k, step) - 0.5);
  }
  for (int k = 0; k < q->dim; k++) scale[k + (size_t)q->rank * q->dim] = 1;
}
static void spread(const vb_q *q, const double *scale, int n, const double *z, double *out) {
  int d = q->dim, r = q->rank;
  const double *own = scale + (size_t)r * d;
  for (int i = 0; i < n; i++) {
    const double *zi = z + (size_t)i * (d + r);
    double *o = out + (size_t)i * d;
    for (int k = 0; k < d; k++) o[k] = own[k] * zi[r + k];
    for (int b = 0; b < r; b++)
      for (int k = b; k < d; k++) o[k] += scale[k + (size_t)b * d] * zi[b];
  }
}
static void collect(const vb_q *q, int n, const double *g, const double *z, double *d_scale) {
  int d = q->dim, r = q->rank;
  double *own = d_scale + (size_t)r * d;
  memset(d_scale, 0, sizeof(double) * q->n_scale);
  for (int i = 0; i < n; i++) {
    const double *zi = z + (size_t)i * (d + r), *gi = g + (size_t)i * d;
    for (int b = 0; b < r; b++)
      for (int k = b; k < d; k++) d_scale[k + (size_t)b * d] += gi[k] * zi[b];
    for (int k = 0; k < d; k++) own[k] += gi[k] * zi[r + k];
  }
}

#define LEAST 1e-7
static double off_zero(double d) { return fabs(d) < LEAST ? copysign(LEAST, d) : d; }

/* w <- D^-1 B (dim x rank) and the Cholesky factor of K */
static vb_status factor(const vb_q *q, const double *scale, double *w, double *k) {
  int d = q->dim, r = q->rank;
  const double *own = scale + (size_t)r * d;
  for (int b = 0; b < r; b++)
    for (int a = 0; a < d; a++)
      w[a + (size_t)b * d] = a < b ? 0 : scale[a + (size_t)b * d] / off_zero(own[a]);
  if (!r) return VB_OK;
  vb_gemm_tn(r, r, d, 1, w, d, w, d, 0, k, r);
  for (int b = 0; b < r; b++) k[b * (size_t)(r + 1)] += 1;
  return vb_chol(r, k, r);
}

static vb_status log_det(const vb_q *q, const double *scale, double *value, double *d_scale) {
  int d = q->dim, r = q->rank;
  const double *own = scale + (size_t)r * d;
  double *w = q->work, *k = w + (size_t)d * r, *row = k + (size_t)r * r;
  *value = 0;
  for (int a = 0; a < d; a++) {
    if (!isfinite(own[a])) return VB_NOT_POS_DEF;
    *value += log(fabs(off_zero(own[a])));
  }
  vb_status st = factor(q, scale, w, k);
  if (st != VB_OK) return st;
  *value += r ? vb_chol_log_det(r, k, r) / 2 : 0;
  for (int a = 0; a < d && d_scale; a++) {
    double fit = 0; /* w_a' K^-1 w_a */
    for (int b = 0; b < r; b++) row[b] = w[a + (size_t)b * d];
    if (r) vb_chol_solve(r, k, r, 1, row, r);
    for (int b = 0; b < r; b++) {
      fit += row[b] * w[a + (size_t)b * d];
      d_scale[a + (size_t)b * d] = a < b ? 0 : row[b] / off_zero(own[a]);
    }
    d_scale[a + (size_t)r * d] = (1 - fit) / off_zero(own[a]);
  }
  return VB_OK;
}

/* -(D^-1 (I - W K^-1 W') D^-1) S z */
static void score(const vb_q *q, const double *scale, int n, const double *z, double *out) {
  int d = q->dim, r = q->rank;
  const double *own = scale + (size_t)r * d;
  double *w = q->work, *k = w + (size_t)d * r, *t = k + (size_t)r * r;
  spread(q, scale, n, z, out);
  if (factor(q, scale, w, k) != VB_OK) return;
  for (int i = 0; i < n; i++) {
    double *o = out + (size_t)i * d;
    for (int a = 0; a < d; a++) o[a] /= off_zero(own[a]);
    for (int b = 0; b < r; b++) {
      t[b] = 0;
      for (int a = 0; a < d; a++) t[b] += w[a + (size_t)b * d] * o[a];
    }
    if (r) vb_chol_solve(r, k, r, 1, t, r);
    for (int b = 0; b < r; b++)
      for (int a = 0; a < d; a++) o[a] -= w[a + (size_t)b * d] * t[b];
    for (int a = 0; a < d; a++) o[a] /= -off_zero(own[a]);
  }
}
const vb_approximation vb_approximation_lowrank = {"lowrank", 0,       n_scale, n_noise, start,
                                                   spread,    collect, log_det, score,   NULL};
