/* Gaussian responses whose standard deviation is predicted: y ~ N(mu, sigma^2 / w), log sigma = s.
 */
#include "rows/several/location_scale.h"

static void expect(int K, const vb_several_at *at, const double *const *v, double *ll,
                   double *const *d1, double *const *d2) {
  (void)K;
  vb_location_scale(at, NULL, v, ll, d1, d2);
}

static void log_lik(int K, const vb_several_at *at, double *ll, double *const *d1,
                    double *const *d2) {
  expect(K, at, NULL, ll, d1, d2);
}

static void start(int K, const vb_several_at *at, double *eta) {
  (void)K;
  double sum = 0, sum_w = 0, square = 0;
  for (int i = 0; i < at->n; i++) {
    sum += at->w[i] * at->y[0][i];
    sum_w += at->w[i];
  }
  eta[0] = sum / sum_w;
  for (int i = 0; i < at->n; i++)
    square += at->w[i] * (at->y[0][i] - eta[0]) * (at->y[0][i] - eta[0]);
  eta[1] = square > 0 ? log(square / at->n) / 2 : 0;
}

const vb_several vb_several_gaussian = {.name = "gaussian",
                                        .n_par = 2,
                                        .par_name = {"mu", "sigma"},
                                        .link = {VB_LINK_IDENTITY, VB_LINK_LOG},
                                        .n_y = 1,
                                        .log_lik = log_lik,
                                        .expect = expect,
                                        .start = start};
