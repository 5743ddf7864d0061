/* Strips against dense rows, four columns at a time. */
#include <string.h>
#include "numbers/strip.h"
#include "numbers/vb_math.h"

enum { LANES = 4 };

/* to <- to + t x + u y */
VB_INLINE void add_two(int n, double t, const double *x, double u, const double *y, double *to) {
  int k = 0;
  for (; k + LANES <= n; k += LANES) {
    double sum[LANES];
    for (int a = 0; a < LANES; a++) sum[a] = to[k + a] + (t * x[k + a] + u * y[k + a]);
    memcpy(to + k, sum, sizeof sum);
  }
  for (; k < n; k++) to[k] += t * x[k] + u * y[k];
}

VB_INLINE void add_scaled(int n, double t, const double *x, double *to) {
  int k = 0;
  for (; k + LANES <= n; k += LANES) {
    double sum[LANES];
    for (int a = 0; a < LANES; a++) sum[a] = to[k + a] + t * x[k + a];
    memcpy(to + k, sum, sizeof sum);
  }
  for (; k < n; k++) to[k] += t * x[k];
}

/* x'(t y + u z) */
VB_INLINE double dot_two(int n, const double *x, double t, const double *y, double u,
                         const double *z) {
  double sum[LANES] = {0}, rest = 0;
  int k = 0;
  for (; k + LANES <= n; k += LANES)
    for (int a = 0; a < LANES; a++) sum[a] += x[k + a] * (t * y[k + a] + u * z[k + a]);
  for (; k < n; k++) rest += x[k] * (t * y[k] + u * z[k]);
  return ((sum[0] + sum[2]) + (sum[1] + sum[3])) + rest;
}

/* Entries of a row are taken two at a time; of an odd number the last meets itself at zero. */
VB_INLINE int second_of(const vb_strip *z, int e, double *value) {
  int two = e + 1 < z->n && z->row[e + 1] == z->row[e];
  *value = two ? z->value[e + 1] : 0;
  return e + two;
}

VB_INLINE void gather(const vb_strip *z, vb_rows_of table, double *x, ptrdiff_t stride) {
  for (int e = 0; e < z->n; e++) {
    double u, t = z->value[e];
    double *to = x + z->row[e] * stride;
    const double *first = table.at + z->column[e] * table.stride;
    e = second_of(z, e, &u);
    add_two(table.width, t, first, u, table.at + z->column[e] * table.stride, to);
  }
}

VB_INLINE void scatter(const vb_strip *z, const double *h, vb_rows_of x, double *table,
                       ptrdiff_t stride) {
  for (int e = 0; e < z->n; e++)
    add_scaled(x.width, z->value[e] * h[z->row[e]], x.at + z->row[e] * x.stride,
               table + z->column[e] * stride);
}

VB_INLINE void dots(const vb_strip *z, vb_rows_of x, const double *table, ptrdiff_t stride,
                    double *v) {
  for (int e = 0; e < z->n; e++) {
    double u, t = z->value[e];
    const double *first = table + z->column[e] * stride, *row = x.at + z->row[e] * x.stride;
    e = second_of(z, e, &u);
    v[z->row[e]] += dot_two(x.width, row, t, first, u, table + z->column[e] * stride);
  }
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
