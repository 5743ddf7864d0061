/* Counts of categories, of w in all, with log odds eta against the first, whose counts are what is
 * left. */
#include <math.h>
#include <Rmath.h>
#include "rows/several.h"

static void log_lik(int K, const vb_several_at *at, double *ll, double *const *d1,
                    double *const *d2) {
  double p[VB_MAX_PREDICTORS];
  for (int i = 0; i < at->n; i++) {
    double top = 0, sum = 0, w = at->w[i], rest = w, f = lgammafn(w + 1);
    for (int a = 0; a < K; a++) top = fmax(top, at->eta[a][i]);
    for (int a = 0; a < K; a++) sum += p[a] = exp(at->eta[a][i] - top);
    sum += exp(-top);
    for (int a = 0; a < K; a++) {
      double y = at->y[a][i];
      p[a] /= sum;
      rest -= y;
      f += y * at->eta[a][i] - lgammafn(y + 1);
    }
    ll[i] = f - lgammafn(rest + 1) - w * (top + log(sum));
    for (int a = 0, pair = K; a < K && d1; a++) {
      d1[a][i] = at->y[a][i] - w * p[a];
      d2[a][i] = -w * p[a] * (1 - p[a]);
      for (int b = a + 1; b < K; b++, pair++) d2[pair][i] = w * p[a] * p[b];
    }
  }
}

static void start(int K, const vb_several_at *at, double *eta) {
  double count[VB_MAX_PREDICTORS + 1] = {0};
  for (int i = 0; i < at->n; i++) {
    count[0] += at->w[i];
    for (int a = 0; a < K; a++) {
      count[a + 1] += at->y[a][i];
      count[0] -= at->y[a][i];
    }
  }
  for (int a = 0; a < K; a++) eta[a] = log((count[a + 1] + 0.5) / (count[0] + 0.5));
}

const vb_several vb_several_multinomial = {
    .name = "multinomial", .link = {VB_LINK_IDENTITY}, .log_lik = log_lik, .start = start};
