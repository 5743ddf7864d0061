/* Strips: some rows of a sparse matrix, row by row, against the rows of dense ones.  The same bits
 * whatever the vector width. */
#ifndef VB_STRIP_H
#define VB_STRIP_H
#include "numbers/numbers.h"

enum { VB_STRIP = 64, VB_STRIP_ENTRIES = 16 * VB_STRIP }; /* its rows, and its entries at most */
typedef struct {
  int n; /* entries */
  int row[VB_STRIP_ENTRIES], column[VB_STRIP_ENTRIES];
  double value[VB_STRIP_ENTRIES];
} vb_strip;
typedef struct { /* a dense matrix, row-major, of which `width` columns are meant */
  const double *at;
  ptrdiff_t stride;
  int width;
} vb_rows_of;

/* x <- x + Z T */
void vb_strip_gather(const vb_strip *z, vb_rows_of table, double *x, ptrdiff_t stride);
/* T <- T + Z' diag(h) X */
void vb_strip_scatter(const vb_strip *z, const double *h, vb_rows_of x, double *table,
                      ptrdiff_t stride);
/* v <- v + diag(Z T X') */
void vb_strip_dot(const vb_strip *z, vb_rows_of x, const double *table, ptrdiff_t stride,
                  double *v);
#endif
