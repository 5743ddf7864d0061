#include <math.h>
#include <string.h>
#include "numbers/vb_math.h"
#include "theta/pairs.h"

enum { LANES = 8 };

void vb_pairs_make(const vb_host *host, int n, const double *p, const double *b, vb_pairs *out) {
  int room = (n + LANES - 1) / LANES * LANES;
  out->n = room;
  for (int k = 0; k < 3; k++) out->p[k] = host->alloc(room, sizeof(double));
  for (int k = 0; k < 2; k++) out->b[k] = host->alloc(room, sizeof(double));
  for (int i = 0; i < n; i++) {
    out->p[0][i] = p[4 * i];
    out->p[1][i] = p[4 * i + 1];
    out->p[2][i] = p[4 * i + 3];
    out->b[0][i] = b[2 * i];
    out->b[1][i] = b[2 * i + 1];
  }
}

typedef struct { /* sums over levels, by lane; det: products */
  double det[LANES], square[LANES], g[2][LANES], gg[3][LANES];
} sums;

/* The 2 x 2 algebra written out: y = L'P, N = I + scale y L, v = N^-1 scale L'b. */
VB_INLINE void add_lanes(const vb_pairs *q, int first, const double *l, double s, sums *to) {
  const double *p0 = q->p[0] + first, *p1 = q->p[1] + first, *p2 = q->p[2] + first;
  const double *b0 = q->b[0] + first, *b1 = q->b[1] + first;
  double l0 = l[0], l1 = l[1], l2 = l[2];
  for (int i = 0; i < LANES; i++) {
    double y00 = l0 * p0[i] + l1 * p1[i], y01 = l0 * p1[i] + l1 * p2[i];
    double y10 = l2 * p1[i], y11 = l2 * p2[i];
    double n0 = 1 + s * (y00 * l0 + y01 * l1), n1 = s * (y10 * l0 + y11 * l1),
           n2 = 1 + s * y11 * l2;
    double c0 = s * (l0 * b0[i] + l1 * b1[i]), c1 = s * l2 * b1[i];
    double k = n1 / n0, rest = n2 - k * n1; /* N = (1 0; k 1) diag(n0, rest) (1 k; 0 1) */
    double v1 = (c1 - k * c0) / rest, v0 = c0 / n0 - k * v1;
    /* N^-1 y, column by column */
    double w10 = (y10 - k * y00) / rest, w00 = y00 / n0 - k * w10;
    double w11 = (y11 - k * y01) / rest, w01 = y01 / n0 - k * w11;
    to->det[i] *= n0 * rest;
    to->square[i] += c0 * v0 + c1 * v1;
    to->g[0][i] += b0[i] - (y00 * v0 + y10 * v1);
    to->g[1][i] += b1[i] - (y01 * v0 + y11 * v1);
    to->gg[0][i] += p0[i] - s * (y00 * w00 + y10 * w10);
    to->gg[1][i] += p1[i] - s * (y01 * w00 + y11 * w10);
    to->gg[2][i] += p2[i] - s * (y01 * w01 + y11 * w11);
  }
}

#define ADD_ALL(attribute, name)                                                       \
  attribute static void name(const vb_pairs *q, const double *l, double s, sums *to) { \
    sums own;                                                                          \
    memset(&own, 0, sizeof own);                                                       \
    for (int i = 0; i < LANES; i++) own.det[i] = 1;                                    \
    for (int first = 0; first < q->n; first += LANES) add_lanes(q, first, l, s, &own); \
    *to = own;                                                                         \
  }
ADD_ALL(, add_plain)
ADD_ALL(VB_AVX2, add_avx2)

double vb_pairs_at(const vb_pairs *pairs, const double *root, double scale, double *g, double *gg) {
  sums all;
  double out = 0;
  (VB_HAS_AVX2 ? add_avx2 : add_plain)(pairs, root, scale, &all);
  for (int i = 0; i < LANES; i++) {
    out += (all.square[i] - log(all.det[i])) / 2;
    for (int a = 0; a < 2; a++) g[a] += scale * all.g[a][i];
    gg[0] += scale * all.gg[0][i];
    gg[1] += scale * all.gg[1][i];
    gg[3] += scale * all.gg[2][i];
  }
  return out;
}
