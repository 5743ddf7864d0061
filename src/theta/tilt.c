/* What the surface still misses, as far as it moves what is reported: the residuals of nodes spread
 * over the posterior are regressed on 1, w_i and (w_i^2 - 1) / 2, gradients and values alike.  By
 * Stein's identity the mean gradient of the error is the shift of the mean, and its slope the error
 * of the variance.  Ridge, the penalty by leaving one node out at a time. */
#include <math.h>
#include <string.h>
#include "numbers/ridge.h"
#include "numbers/small.h"
#include "theta/surface.h"

#define CLAMP 3     /* scores beyond which the correction is constant */
#define WORTH 0.97  /* of the left-out sum of squares, for more than a shift to be used */
#define PENALTIES 9 /* 10^-1, 10^-0.5, ... 10^3 */

static double clamped(double w) { return fmin(fmax(w, -CLAMP), CLAMP); }

static void features(int K, const double *w, double *row) {
  row[0] = 1;
  for (int k = 0; k < K; k++) {
    double c = clamped(w[k]);
    row[1 + k] = c;
    row[1 + K + k] = (c * c - 1) / 2;
  }
}

double vb_tilt_at(const vb_surface *s, const double *w) {
  double row[1 + 2 * VB_MAX_AXIS];
  features(s->K, w, row);
  return vb_dot(1 + 2 * s->K, row, s->tilt);
}

/* what the surface misses at a node: the value, with the remainder, which has no gradient, and the
 * gradient in the scores w */
static void residual(const vb_surface *s, int node, double *w, double *y) {
  int K = s->K;
  const double *z = s->z + (size_t)node * K;
  double grad[VB_MAX_AXIS], slope;
  y[0] = s->value[node] + s->rest[node] - vb_surface_at(s, z, 1, w);
  vb_surface_gradient(s, z, grad);
  for (int k = 0; k < K; k++) {
    vb_warp_at(&s->axis[k].warp, z[k], &slope);
    y[1 + k] = (s->grad[k + (size_t)node * K] - grad[k]) / slope;
  }
}

static void fill(const vb_surface *s, int from, vb_ridge *r) {
  int K = s->K;
  double w[VB_MAX_AXIS];
  for (int i = 0; i < r->M; i++) {
    double *row = r->row + (size_t)i * (1 + K) * r->P;
    residual(s, from + i, w, r->y + (size_t)i * (1 + K));
    features(K, w, row);
    for (int k = 0; k < K; k++) {
      row[(size_t)(1 + k) * r->P + 1 + k] = 1;
      row[(size_t)(1 + k) * r->P + 1 + K + k] = clamped(w[k]);
    }
  }
}

vb_status vb_tilt_fit(vb_surface *s, int from) {
  int K = s->K, M = s->n - from, P = 1 + 2 * K, n = 1 + K;
  vb_ridge r;
  double mean = 0, plain = 0;
  memset(s->tilt, 0, sizeof(double) * P);
  if (M < 1) return VB_OK;
  vb_ridge_alloc(s->fit->host, M, n, P, &r);
  fill(s, from, &r);
  for (int i = 0; i < M; i++) mean += r.y[i * n] / M;
  for (int e = 0; e < n * M; e++) plain += pow(r.y[e] - (e % n ? 0 : mean), 2);
  if (vb_ridge_fit(s->fit->host, &r, -1, 0.5, PENALTIES, s->tilt) <= WORTH * plain) return VB_OK;
  memset(s->tilt, 0, sizeof(double) * P);
  s->tilt[0] = mean;
  return VB_OK;
}

#define GP_CLAMP 4
#define MOST_EQUATIONS 1000

static void gp_place(const vb_surface *s, const double *w, double *x) {
  for (int k = 0; k < s->K; k++)
    x[k] = fmin(fmax(w[k], -GP_CLAMP), GP_CLAMP) - s->axis[k].warp.at_zero;
}

vb_status vb_gp_correct(vb_surface *s) {
  int K = s->K;
  if (s->n * (K + 1) > MOST_EQUATIONS) return VB_MAX_ITER;
  double w[VB_MAX_AXIS], *y = s->fit->host->alloc((size_t)s->n * (K + 1), sizeof(double));
  s->gp.n = s->n;
  for (int i = 0; i < s->n; i++) {
    residual(s, i, w, y + (size_t)i * (K + 1));
    gp_place(s, w, s->gp.x + (size_t)i * K);
  }
  vb_status st = vb_gp_fit(&s->gp, y);
  s->has_gp = st == VB_OK;
  return st;
}

double vb_gp_correction(const vb_surface *s, const double *w) {
  double x[VB_MAX_AXIS];
  gp_place(s, w, x);
  return vb_gp_at(&s->gp, x);
}

double vb_correction_at(const vb_surface *s, const double *w) {
  return (s->by_gp ? vb_gp_correction(s, w) : vb_tilt_at(s, w)) + vb_projection_at(s, w);
}
