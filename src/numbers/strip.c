/* Strips against dense rows, four columns at a time. */
#include <string.h>
#include "numbers/strip.h"
#include "numbers/vb_math.h"

enum { LANES = 4 };

VB_INLINE void add_scaled(int n, double t, const double *x, double *to) {
  int k = 0;
  for (; k + LANES <= n; k += LANES) {
    double sum[LANES];
    for (int a = 0; a < LANES; a++) sum[a] = to[k + a] + t * x[k + a];
    memcpy(to + k, sum, sizeof sum);
  }
  for (; k < n; k++) to[k] += t * x[k];
}

VB_INLINE double dot(int n, const double *x, const double *y) {
  double sum[LANES] = {0}, rest = 0;
  int k = 0;
  for (; k + LANES <= n; k += LANES)
    for (int a = 0; a < LANES; a++) sum[a] += x[k + a] * y[k + a];
  for (; k < n; k++) rest += x[k] * y[k];
  return ((sum[0] + sum[2]) + (sum[1] + sum[3])) + rest;
}

VB_INLINE void gather(const vb_strip *z, vb_rows_of table, double *x, ptrdiff_t stride) {
  for (int e = 0; e < z->n; e++)
    add_scaled(table.width, z->value[e], table.at + z->column[e] * table.stride,
               x + z->row[e] * stride);
}

VB_INLINE void scatter(const vb_strip *z, const double *h, vb_rows_of x, double *table,
                       ptrdiff_t stride) {
  for (int e = 0; e < z->n; e++)
    add_scaled(x.width, z->value[e] * h[z->row[e]], x.at + z->row[e] * x.stride,
               table + z->column[e] * stride);
}

VB_INLINE void dots(const vb_strip *z, vb_rows_of x, const double *table, ptrdiff_t stride,
                    double *v) {
  for (int e = 0; e < z->n; e++)
    v[z->row[e]] +=
        z->value[e] * dot(x.width, x.at + z->row[e] * x.stride, table + z->column[e] * stride);
}

static void gather_plain(const vb_strip *z, vb_rows_of table, double *x, ptrdiff_t stride) {
  gather(z, table, x, stride);
}
VB_AVX2 static void gather_avx2(const vb_strip *z, vb_rows_of table, double *x, ptrdiff_t stride) {
  gather(z, table, x, stride);
}
void vb_strip_gather(const vb_strip *z, vb_rows_of table, double *x, ptrdiff_t stride) {
  (VB_HAS_AVX2 ? gather_avx2 : gather_plain)(z, table, x, stride);
}

static void scatter_plain(const vb_strip *z, const double *h, vb_rows_of x, double *table,
                          ptrdiff_t stride) {
  scatter(z, h, x, table, stride);
}
VB_AVX2 static void scatter_avx2(const vb_strip *z, const double *h, vb_rows_of x, double *table,
                                 ptrdiff_t stride) {
  scatter(z, h, x, table, stride);
}
void vb_strip_scatter(const vb_strip *z, const double *h, vb_rows_of x, double *table,
                      ptrdiff_t stride) {
  (VB_HAS_AVX2 ? scatter_avx2 : scatter_plain)(z, h, x, table, stride);
}

static void dots_plain(const vb_strip *z, vb_rows_of x, const double *table, ptrdiff_t stride,
                       double *v) {
  dots(z, x, table, stride, v);
}
VB_AVX2 static void dots_avx2(const vb_strip *z, vb_rows_of x, const double *table,
                              ptrdiff_t stride, double *v) {
  dots(z, x, table, stride, v);
}
void vb_strip_dot(const vb_strip *z, vb_rows_of x, const double *table, ptrdiff_t stride,
                  double *v) {
  (VB_HAS_AVX2 ? dots_avx2 : dots_plain)(z, x, table, stride, v);
}
