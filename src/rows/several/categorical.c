/* Categories 0, 1, ..., K, with log odds eta against category 0. */
#include "rows/several/softmax.h"

VB_INLINE void counts(int K, const vb_several_at *at, int from, int n, vb_softmax *s) {
  const double *y = at->y[0] + from;
  for (int a = 0; a < K; a++)
    for (int i = 0; i < n; i++) s->c[a][i] = y[i] == a + 1 ? s->w[i] : 0;
}
VB_SOFTMAX(log_lik, counts)

static void start(int K, const vb_several_at *at, double *eta) {
  double count[VB_MAX_PREDICTORS + 1] = {0};
  for (int i = 0; i < at->n; i++) count[(int)at->y[0][i]] += at->w[i];
  for (int a = 0; a < K; a++) eta[a] = log((count[a + 1] + 0.5) / (count[0] + 0.5));
}

const vb_several vb_several_categorical = {.name = "categorical",
                                           .link = {VB_LINK_IDENTITY},
                                           .n_y = 1,
                                           .log_lik = log_lik,
                                           .start = start};
