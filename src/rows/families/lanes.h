/* Likelihoods over lanes.  gcc -O2 vectorises a loop only if its trip count is known and its arrays
 * cannot overlap, so a family writes its formulas over VB_LANES rows with results in local arrays,
 * and VB_OVER_LANES makes of them a function over any number of rows. */
#ifndef VB_ROW_LANES_H
#define VB_ROW_LANES_H
#include "numbers/vb_math.h"
#include "rows/rows.h"

enum { VB_LANES = 8 };
/* all results are written; v is NULL where VB_OVER_LANES' function was called so */
typedef void vb_lanes(const vb_rows *r, const double *eta, const double *v, const double *par,
                      double *ll, double *d1, double *d2);

VB_INLINE void vb_over_lanes(vb_lanes *lanes, const vb_rows *r, const double *eta, const double *v,
                             const double *par, double *const to[3]) {
  double ll[VB_LANES], d1[VB_LANES], d2[VB_LANES];
  int i = 0;
  for (; i <= r->n - VB_LANES; i += VB_LANES) {
    vb_rows at = {VB_LANES, r->y + i, r->w + i};
    lanes(&at, eta + i, v ? v + i : v, par, ll, d1, d2);
    if (to[0]) memcpy(to[0] + i, ll, sizeof ll);
    if (to[1]) memcpy(to[1] + i, d1, sizeof d1);
    if (to[2]) memcpy(to[2] + i, d2, sizeof d2);
  }
  if (i < r->n) { /* the rest, padded */
    double in[4][VB_LANES] = {{0}};
    size_t size = (size_t)(r->n - i) * sizeof(double);
    memcpy(in[0], r->y + i, size);
    memcpy(in[1], r->w + i, size);
    memcpy(in[2], eta + i, size);
    if (v) memcpy(in[3], v + i, size);
    vb_rows at = {VB_LANES, in[0], in[1]};
    lanes(&at, in[2], in[3], par, ll, d1, d2);
    if (to[0]) memcpy(to[0] + i, ll, size);
    if (to[1]) memcpy(to[1] + i, d1, size);
    if (to[2]) memcpy(to[2] + i, d2, size);
  }
}

/* The same code is compiled twice, for SSE2 and for AVX2; without fused multiply-adds both give the
 * same bits. */
#define VB_OVER_LANES_AS(attribute, name, lanes)                                      \
  attribute static void name(const vb_rows *r, const double *eta, const double *v,    \
                             const double *par, double *ll, double *d1, double *d2) { \
    vb_over_lanes(lanes, r, eta, v, par, (double *const[]){ll, d1, d2});              \
  }
#define VB_OVER_LANES(name, lanes)                                                          \
  VB_OVER_LANES_AS(, name##_plain, lanes)                                                   \
  VB_OVER_LANES_AS(VB_AVX2, name##_avx2, lanes)                                             \
  static void name(const vb_rows *r, const double *eta, const double *v, const double *par, \
                   double *ll, double *d1, double *d2) {                                    \
    if (VB_HAS_AVX2)                                                                        \
      name##_avx2(r, eta, v, par, ll, d1, d2);                                              \
    else                                                                                    \
      name##_plain(r, eta, v, par, ll, d1, d2);                                             \
  }
#endif
