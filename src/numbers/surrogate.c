/* Interpolation of a smooth function of theta: cubic radial basis with a linear trend (Wendland
 * 2005, chapter 8; the natural cubic spline in one dimension).  Polynomials diverge in the tails;
 * this does not. */
#include <math.h>
#include <string.h>
#include "numbers/surrogate.h"

void vb_surrogate_alloc(const vb_host *host, int K, int cap, vb_surrogate *s) {
  size_t all = (size_t)cap + K + 1;
  s->K = K;
  s->n = 0;
  s->cap = cap;
  s->z = host->alloc((size_t)K * cap, sizeof(double));
  s->value = host->alloc(cap, sizeof(double));
  s->coef = host->alloc(all, sizeof(double));
  s->matrix = host->alloc(all * all, sizeof(double));
}

static double basis(int K, const double *a, const double *b) {
  double r2 = 0;
  for (int k = 0; k < K; k++) r2 += (a[k] - b[k]) * (a[k] - b[k]);
  return r2 * sqrt(r2);
}

static void build(const vb_surrogate *s) {
  int n = s->n, K = s->K, all = n + K + 1;
  memset(s->matrix, 0, sizeof(double) * (size_t)all * all);
  for (int i = 0; i < n; i++) {
    double *col = s->matrix + (size_t)i * all;
    for (int j = 0; j < n; j++) col[j] = basis(K, s->z + (size_t)i * K, s->z + (size_t)j * K);
    col[n] = 1;
    s->matrix[i + (size_t)n * all] = 1;
    for (int k = 0; k < K; k++)
      col[n + 1 + k] = s->matrix[i + (size_t)(n + 1 + k) * all] = s->z[(size_t)i * K + k];
  }
}

vb_status vb_surrogate_fit(vb_surrogate *s) {
  int n = s->n, all = n + s->K + 1;
  build(s);
  memcpy(s->coef, s->value, sizeof(double) * n);
  memset(s->coef + n, 0, sizeof(double) * (s->K + 1));
  return vb_solve_symmetric(all, s->matrix, all, 1, s->coef, all);
}

double vb_surrogate_at(const vb_surrogate *s, const double *z) {
  double out = s->coef[s->n];
  for (int k = 0; k < s->K; k++) out += s->coef[s->n + 1 + k] * z[k];
  for (int i = 0; i < s->n; i++) out += s->coef[i] * basis(s->K, z, s->z + (size_t)i * s->K);
  return out;
}

vb_status vb_surrogate_weights(const vb_surrogate *s, int T, const double *z, const double *w,
                               double *weight) {
  int n = s->n, K = s->K, all = n + K + 1;
  double *b = s->coef; /* the system is symmetric: its transpose is itself */
  memset(b, 0, sizeof(double) * all);
  for (int t = 0; t < T; t++) {
    const double *zt = z + (size_t)t * K;
    if (w[t] < 1e-12 / T) continue;
    for (int i = 0; i < n; i++) b[i] += w[t] * basis(K, zt, s->z + (size_t)i * K);
    b[n] += w[t];
    for (int k = 0; k < K; k++) b[n + 1 + k] += w[t] * zt[k];
  }
  build(s);
  vb_status st = vb_solve_symmetric(all, s->matrix, all, 1, b, all);
  memcpy(weight, b, sizeof(double) * n);
  return st;
}

vb_status vb_surrogate_spread(const vb_surrogate *s, int T, const double *z, double *weight) {
  int n = s->n, K = s->K, all = n + K + 1;
  for (int t = 0; t < T; t++) {
    const double *zt = z + (size_t)t * K;
    double *b = weight + (size_t)t * all;
    for (int i = 0; i < n; i++) b[i] = basis(K, zt, s->z + (size_t)i * K);
    b[n] = 1;
    memcpy(b + n + 1, zt, sizeof(double) * K);
  }
  build(s);
  return vb_solve_symmetric(all, s->matrix, all, T, weight, all);
}
