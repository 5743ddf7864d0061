/* Least squares with a ridge whose penalty is found by leaving groups of equations out. */
#ifndef VB_RIDGE_H
#define VB_RIDGE_H
#include "numbers/numbers.h"

typedef struct { /* M groups of n equations each, P unknowns, of which the first is not shrunk */
  int M, n, P;
  double *row, *y; /* P x n M, n M: group by group */
} vb_ridge;
void vb_ridge_alloc(const vb_host *host, int M, int n, int P, vb_ridge *r);
/* Of the penalties 10^first, 10^(first + step), ... the one that leaves least: b gets its
 * coefficients; returns the sum of squares with each group left out, infinity where none can be
 * had and b is as it was. */
double vb_ridge_fit(const vb_host *host, const vb_ridge *r, double first, double step, int count,
                    double *b);
#endif
