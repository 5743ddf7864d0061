/* Counts of categories, of w in all, with log odds eta against the first, whose counts are what is
 * left. */
#include <Rmath.h>
#include "rows/several/softmax.h"

VB_INLINE void counts(int K, const vb_several_at *at, int from, int n, vb_softmax *s) {
  for (int a = 0; a < K; a++) memcpy(s->c[a], at->y[a] + from, sizeof(double) * n);
}
VB_SOFTMAX(over_lanes, counts)

static double log_choose(int K, const vb_several_at *at, int i) {
  double rest = at->w[i], f = lgammafn(rest + 1);
  for (int a = 0; a < K; a++) {
    rest -= at->y[a][i];
    f -= lgammafn(at->y[a][i] + 1);
  }
  return f - lgammafn(rest + 1);
}
static int as_before(int K, const vb_several_at *at, int i) {
  int same = i > 0 && at->w[i] == at->w[i - 1];
  for (int a = 0; a < K && same; a++) same = at->y[a][i] == at->y[a][i - 1];
  return same;
}

static void log_lik(int K, const vb_several_at *at, double *ll, double *const *d1,
                    double *const *d2) {
  double f = 0;
  over_lanes(K, at, ll, d1, d2);
  for (int i = 0; i < at->n; i++) {
    if (!as_before(K, at, i)) f = log_choose(K, at, i); /* points of a rule share it */
    ll[i] += f;
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
