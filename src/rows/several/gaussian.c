/* Gaussian responses whose standard deviation is predicted: y ~ N(mu, sigma^2 / w), log sigma = s.
 */
#include <Rmath.h>
#include "rows/several.h"

/* The expectation under normal (mu, s): weighing by e^(-2 s) moves the mean of mu by -2 Cov(mu, s)
 * and is worth exp(-2 E s + 2 Var s).  Without v the log density itself. */
static void expect(int K, const vb_several_at *at, const double *const *v, double *ll,
                   double *const *d1, double *const *d2) {
  (void)K;
  for (int i = 0; i < at->n; i++) {
    double s = at->eta[1][i], v_mu = v ? v[0][i] : 0, v_s = v ? v[1][i] : 0, cov = v ? v[2][i] : 0;
    double a = at->w[i] * exp(-2 * s + 2 * v_s), e = at->y[0][i] - at->eta[0][i] + 2 * cov;
    double square = a * (e * e + v_mu);
    ll[i] = -s - M_LN_SQRT_2PI - (square - log(at->w[i])) / 2;
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
