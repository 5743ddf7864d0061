/* Full rank: S lower triangular with positive diagonal, packed by columns.  In these parameters the
 * bound is concave where log p is (Challis & Barber 2013). */
#include <math.h>
#include <string.h>
#include "rows/approximations/approximation.h"

static int n_scale(int dim, int rank) {
  (void)rank;
  return dim * (dim + 1) / 2;
}
static int n_noise(int dim, int rank) {
  (void)rank;
  return dim;
}
static void start(const vb_q *q, double *scale) {
  memset(scale, 0, sizeof(double) * q->n_scale);
  for (int b = 0, at = 0; b < q->dim; at += q->dim - b++) scale[at] = 1;
}
/* the dense S in q->work */
static void spread(const vb_q *q, const double *scale, int n, const double *z, double *out) {
  int d = q->dim;
  memset(q->work, 0, sizeof(double) * (size_t)d * d);
  for (int b = 0; b < d; scale += d - b++)
    memcpy(q->work + b * (size_t)(d + 1), scale, sizeof(double) * (d - b));
  vb_gemm_nn(d, n, d, 1, q->work, d, z, d, 0, out, d);
}
static void collect(const vb_q *q, int n, const double *g, const double *z, double *d_scale) {
  int d = q->dim;
  vb_gemm_nt(d, d, n, 1, g, d, z, d, 0, q->work, d);
  for (int b = 0; b < d; d_scale += d - b++)
    memcpy(d_scale, q->work + b * (size_t)(d + 1), sizeof(double) * (d - b));
}
static vb_status log_det(const vb_q *q, const double *scale, double *value, double *d_scale) {
  *value = 0;
  if (d_scale) memset(d_scale, 0, sizeof(double) * q->n_scale);
  for (int b = 0, at = 0; b < q->dim; at += q->dim - b++) {
    if (!(scale[at] > 0)) return VB_NOT_POS_DEF;
    *value += log(scale[at]);
    if (d_scale) d_scale[at] = 1 / scale[at];
  }
  return VB_OK;
}
/* -S^-T z */
static void score(const vb_q *q, const double *scale, int n, const double *z, double *out) {
  int d = q->dim;
  for (int i = 0; i < n; i++) {
    double *o = out + (size_t)i * d;
    const double *column = scale + q->n_scale;
    for (int b = d - 1; b >= 0; b--) {
      column -= d - b;
      double s = -z[(size_t)i * d + b];
      for (int a = b + 1; a < d; a++) s -= column[a - b] * o[a];
      o[b] = s / column[0];
    }
  }
}
static void absorb(const vb_q *q, const double *scale, vb_frame *frame) {
  int d = q->dim;
  frame->log_det = 0;
  for (int b = 0; b < d; scale += d - b++) { /* column b of root L needs the later ones of root */
    double *out = frame->root + (size_t)b * d;
    for (int k = b; k < d; k++) out[k] *= scale[0];
    for (int c = b + 1; c < d; c++)
      for (int k = c; k < d; k++) out[k] += frame->root[k + (size_t)c * d] * scale[c - b];
    frame->log_det += log(out[b]);
  }
}
const vb_approximation vb_approximation_fullrank = {"fullrank", 1,       n_scale, n_noise, start,
                                                    spread,     collect, log_det, score,   absorb};
