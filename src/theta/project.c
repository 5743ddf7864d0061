/* Where the nodes of the budget leave the surface wrong: exact values at points of the posterior,
 * and the surface's errors there projected on 1, w_i, (w_i^2 - 1) / 2 and w_i w_j, by ridge, the
 * penalty and the error that is left by leaving one out. */
#include <math.h>
#include "numbers/ridge.h"
#include "numbers/small.h"
#include "theta/surface.h"

#define CLAMP 3
#define PENALTIES 7 /* 10^-2 ... 10^4 */

int vb_projection_size(int K) { return 1 + 2 * K + K * (K - 1) / 2; }

static void features(int K, const double *w, double *row) {
  double c[VB_MAX_AXIS];
  int at = 1 + 2 * K;
  row[0] = 1;
  for (int i = 0; i < K; i++) {
    c[i] = fmin(fmax(w[i], -CLAMP), CLAMP);
    row[1 + i] = c[i];
    row[1 + K + i] = (c[i] * c[i] - 1) / 2;
    for (int j = 0; j < i; j++) row[at++] = c[i] * c[j];
  }
}

double vb_projection_at(const vb_surface *s, const double *w) {
  double row[1 + 2 * VB_MAX_AXIS + VB_MAX_AXIS * (VB_MAX_AXIS - 1) / 2];
  if (!s->projection) return 0;
  features(s->K, w, row);
  return vb_dot(vb_projection_size(s->K), row, s->projection);
}

vb_status vb_project(vb_surface *s, int n, const double *z, const double *error, double *left) {
  const vb_host *h = s->fit->host;
  int K = s->K, P = vb_projection_size(K), used = 0;
  double w[VB_MAX_AXIS], slope, mean = 0, plain = 0;
  vb_ridge r;
  vb_ridge_alloc(h, n, 1, P, &r);
  for (int i = 0; i < n; i++) {
    if (!isfinite(error[i])) continue;
    for (int k = 0; k < K; k++) w[k] = vb_warp_at(&s->axis[k].warp, z[k + (size_t)i * K], &slope);
    features(K, w, r.row + (size_t)used * P);
    r.y[used++] = error[i];
  }
  for (int i = 0; i < used; i++) mean += r.y[i] / used;
  for (int i = 0; i < used; i++) plain += pow(r.y[i] - mean, 2);
  *left = sqrt(plain / used);
  if (used < n / 2) return VB_NOT_FINITE;
  r.M = used;
  double *b = h->alloc(P, sizeof(double)), best = vb_ridge_fit(h, &r, -2, 1, PENALTIES, b);
  if (!(best < plain)) return VB_OK;
  s->projection = b;
  *left = sqrt(best / used);
  return VB_OK;
}
