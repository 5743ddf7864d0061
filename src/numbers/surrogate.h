/* Interpolation of a function of a few variables through scattered points (surrogate.c). */
#ifndef VB_SURROGATE_H
#define VB_SURROGATE_H
#include "numbers/numbers.h"

typedef struct { /* cubic radial basis plus linear trend through values at nodes */
  int K, n, cap;
  double *z;             /* K x cap */
  double *value;         /* cap */
  double *coef, *matrix; /* cap + K + 1; squared */
} vb_surrogate;
void vb_surrogate_alloc(const vb_host *host, int K, int cap, vb_surrogate *s);
vb_status vb_surrogate_fit(vb_surrogate *s);
double vb_surrogate_at(const vb_surrogate *s, const double *z);
/* weights W of the nodes with sum_s W_s f(z_s) = sum_t w_t interpolant of f at z_t */
vb_status vb_surrogate_weights(const vb_surrogate *s, int T, const double *z, const double *w,
                               double *weight);
/* the same of each point by itself: (n + K + 1) x T, the first n rows of column t being the weights
 * of the nodes in the interpolant at z_t */
vb_status vb_surrogate_spread(const vb_surrogate *s, int T, const double *z, double *weight);
#endif
