/* Cholesky factors of a level's block: a few coefficients, lower triangle, column-major.  Kept
 * apart from linalg.c since they are called a hundred thousand times and are inlined. */
#ifndef VB_SMALL_H
#define VB_SMALL_H
#include <math.h>
#include "numbers/numbers.h"

static inline vb_status vb_small_chol(int d, double *a) { /* lower, column-major, in place */
  for (int j = 0; j < d; j++) {
    double s = a[j + j * d];
    for (int k = 0; k < j; k++) s -= a[j + k * d] * a[j + k * d];
    if (!(s > 0) || !isfinite(s)) return VB_NOT_POS_DEF;
    a[j + j * d] = s = sqrt(s);
    for (int i = j + 1; i < d; i++) {
      double t = a[i + j * d];
      for (int k = 0; k < j; k++) t -= a[i + k * d] * a[j + k * d];
      a[i + j * d] = t / s;
    }
  }
  return VB_OK;
}
static inline void vb_small_half(int d, const double *l, double *b) {
  for (int i = 0; i < d; i++) {
    for (int k = 0; k < i; k++) b[i] -= l[i + k * d] * b[k];
    b[i] /= l[i + i * d];
  }
}
static inline void vb_small_half_t(int d, const double *l, double *b) {
  for (int i = d - 1; i >= 0; i--) {
    for (int k = i + 1; k < d; k++) b[i] -= l[k + i * d] * b[k];
    b[i] /= l[i + i * d];
  }
}

static inline double vb_dot(int d, const double *a, const double *b) {
  double s = 0;
  for (int i = 0; i < d; i++) s += a[i] * b[i];
  return s;
}

static inline double vb_squared_distance(int d, const double *a, const double *b) {
  double s = 0;
  for (int i = 0; i < d; i++) s += (a[i] - b[i]) * (a[i] - b[i]);
  return s;
}

/* at the share u of a step h: the cubic through values f and slopes g at its ends */
static inline double vb_hermite(double h, double u, double f0, double f1, double g0, double g1) {
  double v = 1 - u;
  return f0 * (1 + 2 * u) * v * v + f1 * u * u * (3 - 2 * u) + h * u * v * (g0 * v - g1 * u);
}

/* the first of n ascending values that is above x; the last where none is */
static inline int vb_first_above(int n, const double *ascending, double x) {
  int lo = 0, hi = n - 1;
  while (lo < hi) {
    int mid = (lo + hi) / 2;
    if (ascending[mid] > x)
      hi = mid;
    else
      lo = mid + 1;
  }
  return lo;
}

/* Whitened axes: x = centre + root z, the columns of root orthogonal. */
static inline void vb_whiten(int K, const double *root, const double *centre, const double *x,
                             double *z) {
  for (int k = 0; k < K; k++) {
    const double *r = root + (size_t)k * K;
    double s = 0;
    for (int i = 0; i < K; i++) s += r[i] * (x[i] - centre[i]);
    z[k] = s / vb_dot(K, r, r);
  }
}
static inline double vb_root_log_det(int K, const double *root) {
  double out = 0;
  for (int k = 0; k < K; k++) out += log(vb_dot(K, root + (size_t)k * K, root + (size_t)k * K)) / 2;
  return out;
}
#endif
