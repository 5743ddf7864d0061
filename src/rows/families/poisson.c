/* Poisson likelihood, log link: ll = y eta - w exp(eta), y the weighted (sum of) counts.
 * The expectation under eta ~ N(m, v) is closed: E exp(eta) = exp(m + v / 2). */
#include <Rmath.h>
#include "rows/families/lanes.h"

VB_INLINE void log_lik_lanes(const vb_rows *r, const double *eta, const double *v,
                             const double *par, double *ll, double *d1, double *d2) {
  (void)v;
  (void)par;
  for (int i = 0; i < VB_LANES; i++) {
    double e = r->w[i] * vb_exp(eta[i]);
    ll[i] = r->y[i] * eta[i] - e;
    d1[i] = r->y[i] - e;
    d2[i] = -e;
  }
}

VB_INLINE void expect_lanes(const vb_rows *r, const double *m, const double *v, const double *par,
                            double *ll, double *d1, double *d2) {
  (void)par;
  for (int i = 0; i < VB_LANES; i++) {
    double e = r->w[i] * vb_exp(m[i] + 0.5 * v[i]);
    ll[i] = r->y[i] * m[i] - e;
    d1[i] = r->y[i] - e;
    d2[i] = -e;
  }
}

VB_OVER_LANES(log_lik_over_lanes, log_lik_lanes)
VB_OVER_LANES(expect, expect_lanes)

static void log_lik(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                    double *ll, double *d1, double *d2) {
  (void)self;
  log_lik_over_lanes(r, eta, NULL, par, ll, d1, d2);
}

static void mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = vb_exp(eta[i]);
}

static void variance(const vb_rows *r, const double *eta, const double *par, double *var) {
  (void)par;
  for (int i = 0; i < r->n; i++) var[i] = vb_exp(eta[i]) / r->w[i];
}

static void cdf(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                double *out) {
  (void)self;
  (void)par;
  for (int i = 0; i < r->n; i++) out[i] = ppois(r->y[i], vb_exp(eta[i]), 1, 0);
}

const vb_family vb_family_poisson = {.name = "poisson",
                                     .link = "log",
                                     .cells = 1,
                                     .log_lik = log_lik,
                                     .expect = expect,
                                     .mean = mean,
                                     .variance = variance,
                                     .cdf = cdf,
                                     .discrete = 1};
