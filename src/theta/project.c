/* Where the nodes of the budget leave the surface wrong: exact values at points of the posterior,
 * and the surface's errors there projected on 1, w_i, (w_i^2 - 1) / 2 and w_i w_j, by ridge, the
 * penalty and the error that is left by leaving one out. */
#include <math.h>
#include <string.h>
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

/* coefficients under a penalty on all but the first; the mean square with each point left out */
static vb_status ridge(int n, int P, const double *row, const double *y, double penalty, double *b,
                       double *left_out) {
  double *a = b + P, *half = a + (size_t)P * P;
  vb_weighted_gram(n, P, row, P, NULL, 0, a, P);
  for (int i = 0; i < P; i++) {
    b[i] = 0;
    for (int e = 0; e < n; e++) b[i] += row[i + (size_t)e * P] * y[e];
    a[i * (size_t)(P + 1)] += (i ? penalty : 0) + 1e-8;
  }
  vb_status st = vb_chol(P, a, P);
  if (st != VB_OK) return st;
  vb_chol_solve(P, a, P, 1, b, P);
  *left_out = 0;
  for (int e = 0; e < n; e++) {
    const double *x = row + (size_t)e * P;
    memcpy(half, x, sizeof(double) * P);
    vb_chol_half(P, a, P, 1, half, P);
    *left_out += pow((y[e] - vb_dot(P, x, b)) / (1 - vb_dot(P, half, half)), 2) / n;
  }
  return VB_OK;
}

vb_status vb_project(vb_surface *s, int n, const double *z, const double *error, double *left) {
  const vb_host *h = s->fit->host;
  int K = s->K, P = vb_projection_size(K), used = 0;
  double w[VB_MAX_AXIS], best = INFINITY, off, slope, mean = 0, plain = 0;
  double *row = h->alloc((size_t)n * P, sizeof(double)), *y = h->alloc(n, sizeof(double));
  double *b = h->alloc((size_t)P * (P + 2), sizeof(double));
  for (int i = 0; i < n; i++) {
    if (!isfinite(error[i])) continue;
    for (int k = 0; k < K; k++) w[k] = vb_warp_at(&s->axis[k].warp, z[k + (size_t)i * K], &slope);
    features(K, w, row + (size_t)used * P);
    y[used++] = error[i];
  }
  for (int i = 0; i < used; i++) mean += y[i] / used;
  for (int i = 0; i < used; i++) plain += pow(y[i] - mean, 2) / used;
  *left = sqrt(plain);
  if (used < n / 2) return VB_NOT_FINITE;
  double *kept = h->alloc(P, sizeof(double));
  for (int k = 0; k < PENALTIES; k++) {
    if (ridge(used, P, row, y, pow(10, k - 2), b, &off) != VB_OK || !(off < best)) continue;
    best = off;
    memcpy(kept, b, sizeof(double) * P);
  }
  if (!(best < plain)) return VB_OK;
  s->projection = kept;
  *left = sqrt(best);
  return VB_OK;
}
