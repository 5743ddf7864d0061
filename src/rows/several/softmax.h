/* Counts of categories 0 to K, whose log odds against category 0 are eta, over lanes: what there is
 * of each is c, and of all together w, so that ll = sum c eta - w log(1 + sum exp(eta)). */
#ifndef VB_SEVERAL_SOFTMAX_H
#define VB_SEVERAL_SOFTMAX_H
#include <math.h>
#include "numbers/vb_math.h"
#include "rows/several.h"

enum { VB_SOFTMAX_LANES = 8 };
typedef double vb_softmax_lanes[VB_SOFTMAX_LANES];
typedef struct {
  vb_softmax_lanes c[VB_MAX_PREDICTORS], w, eta[VB_MAX_PREDICTORS];
  vb_softmax_lanes ll, p[VB_MAX_PREDICTORS], wp[VB_MAX_PREDICTORS], pair;
} vb_softmax;
/* counts of responses from .. from + n - 1, of which there are as many as lanes or fewer */
typedef void vb_softmax_counts(int K, const vb_several_at *at, int from, int n, vb_softmax *s);

VB_INLINE void vb_softmax_value(int K, vb_softmax *s) {
  vb_softmax_lanes top = {0}, sum;
  for (int a = 0; a < K; a++)
    for (int i = 0; i < VB_SOFTMAX_LANES; i++)
      top[i] = vb_select(vb_negative(top[i] - s->eta[a][i]), s->eta[a][i], top[i]);
  for (int i = 0; i < VB_SOFTMAX_LANES; i++) {
    sum[i] = vb_exp_neg(-top[i]);
    s->ll[i] = 0;
  }
  for (int a = 0; a < K; a++)
    for (int i = 0; i < VB_SOFTMAX_LANES; i++) {
      s->p[a][i] = vb_exp_neg(s->eta[a][i] - top[i]);
      sum[i] += s->p[a][i];
      s->ll[i] += s->c[a][i] * s->eta[a][i];
    }
  for (int i = 0; i < VB_SOFTMAX_LANES; i++) {
    s->ll[i] -= s->w[i] * (top[i] + vb_log(sum[i]));
    sum[i] = 1 / sum[i];
  }
  for (int a = 0; a < K; a++)
    for (int i = 0; i < VB_SOFTMAX_LANES; i++) {
      s->p[a][i] *= sum[i];
      s->wp[a][i] = s->w[i] * s->p[a][i];
    }
}

VB_INLINE void vb_over_softmax(vb_softmax_counts *counts, int K, const vb_several_at *at,
                               double *ll, double *const *d1, double *const *d2) {
  vb_softmax s;
  memset(&s, 0, sizeof s);
  for (int from = 0; from < at->n; from += VB_SOFTMAX_LANES) {
    int n = at->n - from < VB_SOFTMAX_LANES ? at->n - from : VB_SOFTMAX_LANES;
    size_t size = sizeof(double) * n;
    for (int a = 0; a < K; a++) memcpy(s.eta[a], at->eta[a] + from, size);
    memcpy(s.w, at->w + from, size);
    counts(K, at, from, n, &s);
    vb_softmax_value(K, &s);
    memcpy(ll + from, s.ll, size);
    for (int a = 0, pair = K; a < K && d1; a++) {
      for (int i = 0; i < VB_SOFTMAX_LANES; i++) s.pair[i] = s.c[a][i] - s.wp[a][i];
      memcpy(d1[a] + from, s.pair, size);
      for (int i = 0; i < VB_SOFTMAX_LANES; i++) s.pair[i] = -s.wp[a][i] * (1 - s.p[a][i]);
      memcpy(d2[a] + from, s.pair, size);
      for (int b = a + 1; b < K; b++, pair++) {
        for (int i = 0; i < VB_SOFTMAX_LANES; i++) s.pair[i] = s.wp[a][i] * s.p[b][i];
        memcpy(d2[pair] + from, s.pair, size);
      }
    }
  }
}

#define VB_SOFTMAX_AS(attribute, name, counts)                                              \
  attribute static void name(int K, const vb_several_at *at, double *ll, double *const *d1, \
                             double *const *d2) {                                           \
    vb_over_softmax(counts, K, at, ll, d1, d2);                                             \
  }
#define VB_SOFTMAX(name, counts)                                                  \
  VB_SOFTMAX_AS(, name##_plain, counts)                                           \
  VB_SOFTMAX_AS(VB_AVX2, name##_avx2, counts)                                     \
  static void name(int K, const vb_several_at *at, double *ll, double *const *d1, \
                   double *const *d2) {                                           \
    if (VB_HAS_AVX2)                                                              \
      name##_avx2(K, at, ll, d1, d2);                                             \
    else                                                                          \
      name##_plain(K, at, ll, d1, d2);                                            \
  }
#endif
