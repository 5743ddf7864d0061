/* Gaussian likelihood, identity link: y ~ N(eta, sigma^2 / w). */
#include <Rmath.h>
#include "rows/rows.h"

static void base(const vb_rows *r, const double *par, double *out) {
  double c = -log(par[0]) - M_LN_SQRT_2PI;
  for (int i = 0; i < r->n; i++) out[i] = c + 0.5 * log(r->w[i]);
}

static void expect(const vb_rows *r, const double *m, const double *v, const double *par,
                   double *ll, double *d1, double *d2) {
  double precision = 1 / (par[0] * par[0]);
  for (int i = 0; i < r->n; i++) {
    double e = r->y[i] - m[i], wp = r->w[i] * precision, square = e * e + (v ? v[i] : 0);
    if (ll) ll[i] = -0.5 * wp * square;
    if (d1) d1[i] = wp * e;
    if (d2) d2[i] = -wp;
  }
}

static void log_lik(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                    double *ll, double *d1, double *d2) {
  (void)self;
  expect(r, eta, NULL, par, ll, d1, d2);
}

static void log_lik_par(const vb_rows *r, const double *eta, const double *par, int k, double *d) {
  (void)k;
  double sigma = par[0], sigma3 = sigma * sigma * sigma;
  for (int i = 0; i < r->n; i++) {
    double e = r->y[i] - eta[i];
    d[i] = r->w[i] * e * e / sigma3 - 1 / sigma;
  }
}

static void mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = eta[i];
}

static void variance(const vb_rows *r, const double *eta, const double *par, double *var) {
  (void)eta;
  for (int i = 0; i < r->n; i++) var[i] = par[0] * par[0] / r->w[i];
}

static void cdf(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                double *out) {
  (void)self;
  for (int i = 0; i < r->n; i++) out[i] = pnorm(r->y[i], eta[i], par[0] / sqrt(r->w[i]), 1, 0);
}

const vb_family vb_family_gaussian = {.name = "gaussian",
                                      .link = "identity",
                                      .n_par = 1,
                                      .par_name = {"sigma"},
                                      .quadratic = 1,
                                      .identity = 1,
                                      .base = base,
                                      .log_lik = log_lik,
                                      .expect = expect,
                                      .log_lik_par = log_lik_par,
                                      .mean = mean,
                                      .variance = variance,
                                      .cdf = cdf};
