/* The kernels under linalg.c: a product and a small triangular system, of matrices given by
 * strides. */
#ifndef VB_LINALG_H
#define VB_LINALG_H
#include "numbers/numbers.h"

/* element (i, j) is at[i * row + j * col] */
typedef struct {
  const double *at;
  ptrdiff_t row, col;
} vb_view;
typedef struct {
  double *at;
  ptrdiff_t row, col;
} vb_target;

typedef struct { /* of a product: C is m x n, A m x k, B k x n */
  int m, n, k;
} vb_shape;
/* C <- C + alpha A diag(s) B; s NULL: ones; lower: only i >= j of C is touched */
void vb_product(vb_shape of, double alpha, vb_view a, const double *s, vb_view b, vb_target c,
                int lower);

/* C <- C + X' diag(s) X, its lower triangle (s NULL: ones); x row-major, n x p, p <= VB_NARROW */
void vb_gram_narrow(int n, int p, const double *x, ptrdiff_t ldx, const double *s, vb_target c);

/* B <- B L^-T (forward) or B L^-1, B m x n, L n x n lower triangular (unit: of unit diagonal), n <=
 * VB_LEAF */
enum { VB_LEAF = 16 };
void vb_triangular_leaf(int m, int n, vb_view l, vb_target b, int unit, int forward);
#endif
