/* Categories 0, 1, ..., K, with log odds eta against category 0. */
#include <math.h>
#include "rows/several.h"

/* log of 1 + sum exp(eta); p: probabilities of categories 1 to K */
static double log_total(int K, const vb_several_at *at, int i, double *p) {
  double top = 0, sum = 0;
  for (int a = 0; a < K; a++) top = fmax(top, at->eta[a][i]);
  for (int a = 0; a < K; a++) sum += p[a] = exp(at->eta[a][i] - top);
  sum += exp(-top);
  for (int a = 0; a < K; a++) p[a] /= sum;
  return top + log(sum);
}

static void log_lik(int K, const vb_several_at *at, double *ll, double *const *d1,
                    double *const *d2) {
  double p[VB_MAX_PREDICTORS];
  for (int i = 0; i < at->n; i++) {
    int y = (int)at->y[0][i];
    double w = at->w[i];
    ll[i] = w * ((y ? at->eta[y - 1][i] : 0) - log_total(K, at, i, p));
    for (int a = 0, pair = K; a < K && d1; a++) {
      d1[a][i] = w * ((y == a + 1) - p[a]);
      d2[a][i] = -w * p[a] * (1 - p[a]);
      for (int b = a + 1; b < K; b++, pair++) d2[pair][i] = w * p[a] * p[b];
    }
  }
}

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
