/* Counts of categories, of w in all, with log odds eta against the first, whose counts are what is
 * left. */
#include <Rmath.h>
#include "rows/several/softmax.h"

VB_INLINE void counts(int K, const vb_several_at *at, int from, int n, vb_softmax *s) {
  for (int a = 0; a < K; a++) memcpy(s->c[a], at->y[a] + from, sizeof(double) * n);
}
VB_SOFTMAX(log_lik, counts)

static double log_choose(int K, const vb_several_at *one) {
  double rest = one->w[0], f = lgammafn(rest + 1);
  for (int a = 0; a < K; a++) {
    rest -= one->y[a][0];
    f -= lgammafn(one->y[a][0] + 1);
  }
  return f - lgammafn(rest + 1);
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

const vb_several vb_several_multinomial = {.name = "multinomial",
                                           .link = {VB_LINK_IDENTITY},
                                           .constant = log_choose,
                                           .log_lik = log_lik,
                                           .start = start};
