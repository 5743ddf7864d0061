/* Interpolation of a function of a few variables through scattered points (surrogate.c). */
#ifndef VB_SURROGATE_H
#define VB_SURROGATE_H
#include "numbers/numbers.h"

typedef struct { /* cubic radial basis plus linear trend through nodes */
  int K, n;
  double *z;      /* K x cap */
  double *matrix; /* (cap + K + 1) squared */
} vb_surrogate;
void vb_surrogate_alloc(const vb_host *host, int K, int cap, vb_surrogate *s);
/* Weights W of the nodes with sum_s W_s f(z_s) = the interpolant of f at z_t, for T points z:
 * (n + K + 1) x T, the first n rows of column t */
vb_status vb_surrogate_spread(const vb_surrogate *s, int T, const double *z, double *weight);
#endif
