/* The reference's sums over levels of two coefficients (reference.c), several levels at once. */
#ifndef VB_PAIRS_H
#define VB_PAIRS_H
#include "numbers/numbers.h"

typedef struct {
  int n;               /* levels, rounded up: those that are added say nothing */
  double *p[3], *b[2]; /* precisions (1,1), (2,1), (2,2) and linear terms, a level each */
} vb_pairs;
/* of n levels' p (2 x 2 x n) and b (2 x n) */
void vb_pairs_make(const vb_host *host, int n, const double *p, const double *b, vb_pairs *out);
/* sum of -1/2 log |N| + 1/2 b' L N^-1 L' b, N = I + scale L' P L, L' = root of (1,1), (2,1), (2,2);
 * what the levels say of a fixed part is added to g (2) and gg (2 x 2, its lower triangle) */
double vb_pairs_at(const vb_pairs *pairs, const double *root, double scale, double *g, double *gg);
#endif
