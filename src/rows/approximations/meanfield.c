/* Mean field: S = diag(s), s > 0. */
#include <math.h>
#include "rows/approximations/approximation.h"

static int n_scale(int dim, int rank) {
  (void)rank;
  return dim;
}
static int n_noise(int dim, int rank) {
  (void)rank;
  return dim;
}
static void start(const vb_q *q, double *scale) {
  for (int k = 0; k < q->dim; k++) scale[k] = 1;
}
static void spread(const vb_q *q, const double *scale, int n, const double *z, double *out) {
  int d = q->dim;
  for (int i = 0; i < n; i++)
    for (int k = 0; k < d; k++) out[(size_t)i * d + k] = scale[k] * z[(size_t)i * d + k];
}
static void collect(const vb_q *q, int n, const double *g, const double *z, double *d_scale) {
  int d = q->dim;
  for (int k = 0; k < d; k++) d_scale[k] = 0;
  for (int i = 0; i < n; i++)
    for (int k = 0; k < d; k++) d_scale[k] += g[(size_t)i * d + k] * z[(size_t)i * d + k];
}
static vb_status log_det(const vb_q *q, const double *scale, double *value, double *d_scale) {
  *value = 0;
  for (int k = 0; k < q->dim; k++) {
    if (!(scale[k] > 0)) return VB_NOT_POS_DEF;
    *value += log(scale[k]);
    if (d_scale) d_scale[k] = 1 / scale[k];
  }
  return VB_OK;
}
static void score(const vb_q *q, const double *scale, int n, const double *z, double *out) {
  int d = q->dim;
  for (int i = 0; i < n; i++)
    for (int k = 0; k < d; k++) out[(size_t)i * d + k] = -z[(size_t)i * d + k] / scale[k];
}
static void absorb(const vb_q *q, const double *scale, vb_frame *frame) {
  int d = q->dim;
  frame->log_det = 0;
  for (int k = 0; k < d; k++) {
    double *root = frame->root + (frame->dense ? k * (size_t)(d + 1) : (size_t)k);
    for (int a = 0; a < (frame->dense ? d - k : 1); a++) root[a] *= scale[k];
    frame->log_det += log(root[0]);
  }
}
const vb_approximation vb_approximation_meanfield = {
    "meanfield", 0, n_scale, n_noise, start, spread, collect, log_det, score, absorb};
