/* The one kernel under linalg.c: a product of matrices given by strides. */
#ifndef VB_LINALG_H
#define VB_LINALG_H
#include <stddef.h>

/* element (i, j) is at[i * row + j * col] */
typedef struct { const double *at; ptrdiff_t row, col; } vb_view;
typedef struct { double *at; ptrdiff_t row, col; } vb_target;

/* C <- C + alpha A diag(s) B, C m x n and A m x k; s NULL: ones; lower: only i >= j of C is touched */
void vb_product(int m, int n, int k, double alpha, vb_view a, const double *s, vb_view b, vb_target c,
                int lower);
#endif
