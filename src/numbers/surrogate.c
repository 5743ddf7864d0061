/* Interpolation of a smooth function of theta: cubic radial basis with a linear trend (Wendland
 * 2005, chapter 8; the natural cubic spline in one dimension).  Polynomials diverge in the tails;
 * this does not. */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "numbers/surrogate.h"

void vb_surrogate_alloc(const vb_host *host, int K, int cap, vb_surrogate *s) {
  size_t all = (size_t)cap + K + 1;
  s->K = K;
  s->n = 0;
  s->z = host->alloc((size_t)K * cap, sizeof(double));
  s->matrix = host->alloc(all * all, sizeof(double));
}

static double basis(int K, const double *a, const double *b) {
  double r2 = vb_squared_distance(K, a, b);
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
