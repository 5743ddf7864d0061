/* log y ~ N(mu, sigma^2 / w), log sigma = s predicted. */
#include "rows/several/location_scale.h"
#include "rows/several/shares.h"

static void expect(int K, const vb_several_at *at, const double *const *v, double *ll,
                   double *const *d1, double *const *d2) {
  (void)K;
  vb_location_scale(at, log, v, ll, d1, d2);
  for (int i = 0; i < at->n; i++) ll[i] -= log(at->y[0][i]);
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
