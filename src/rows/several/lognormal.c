/* log y ~ N(mu, sigma^2 / w), log sigma = s predicted: the expectations are those of gaussian.c. */
#include <Rmath.h>
#include "rows/several/shares.h"

static void expect(int K, const vb_several_at *at, const double *const *v, double *ll,
                   double *const *d1, double *const *d2) {
  (void)K;
  for (int i = 0; i < at->n; i++) {
    double s = at->eta[1][i], v_mu = v ? v[0][i] : 0, v_s = v ? v[1][i] : 0, cov = v ? v[2][i] : 0;
    double log_y = log(at->y[0][i]), a = at->w[i] * exp(-2 * s + 2 * v_s);
    double e = log_y - at->eta[0][i] + 2 * cov, square = a * (e * e + v_mu);
    ll[i] = -log_y - s - M_LN_SQRT_2PI - (square - log(at->w[i])) / 2;
    if (!d1) continue;
    d1[0][i] = a * e;
    d1[1][i] = square - 1;
    d2[0][i] = -a;
    d2[1][i] = -2 * square;
    d2[2][i] = -2 * a * e;
  }
}

static void log_lik(int K, const vb_several_at *at, double *ll, double *const *d1,
                    double *const *d2) {
  expect(K, at, NULL, ll, d1, d2);
}

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  vb_shares s = vb_shares_of(at, 0, log);
  eta[0] = s.mean;
  eta[1] = log(s.sd);
}

const vb_several vb_several_lognormal = {.name = "lognormal",
                                         .n_par = 2,
                                         .par_name = {"mu", "sigma"},
                                         .link = {VB_LINK_IDENTITY, VB_LINK_LOG},
                                         .n_y = 1,
                                         .log_lik = log_lik,
                                         .expect = expect,
                                         .start = start};
