/* Gamma likelihood, log link: y ~ Gamma(w shape, mean exp(eta)).  The expectation under eta ~
 * N(m, v) is closed: E exp(-eta) = exp(-m + v / 2) (Ormerod & Wand 2012). */
#include <Rmath.h>
#include "rows/families/lanes.h"

static void base(const vb_rows *r, const double *par, double *out) {
  for (int i = 0; i < r->n; i++) {
    double a = r->w[i] * par[0];
    out[i] = a * log(a * r->y[i]) - lgammafn(a) - log(r->y[i]);
  }
}

VB_INLINE void expect_lanes(const vb_rows *r, const double *m, const double *v, const double *par,
                            double *ll, double *d1, double *d2) {
  for (int i = 0; i < VB_LANES; i++) {
    double a = r->w[i] * par[0], e = a * r->y[i] * vb_exp(0.5 * v[i] - m[i]);
    ll[i] = -a * m[i] - e;
    d1[i] = e - a;
    d2[i] = -e;
  }
}

VB_INLINE void log_lik_lanes(const vb_rows *r, const double *eta, const double *v,
                             const double *par, double *ll, double *d1, double *d2) {
  (void)v;
  const double zero[VB_LANES] = {0};
  expect_lanes(r, eta, zero, par, ll, d1, d2);
}

VB_OVER_LANES(log_lik_over_lanes, log_lik_lanes)
VB_OVER_LANES(expect, expect_lanes)

static void log_lik(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                    double *ll, double *d1, double *d2) {
  (void)self;
  log_lik_over_lanes(r, eta, NULL, par, ll, d1, d2);
}

/* log(a) - digamma(a), of order 1 / (2 a): by its series where the difference would cancel */
static double log_excess(double a) {
  double z = 1 / (a * a);
  if (a < 30) return log(a) - digamma(a);
  return 0.5 / a + z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z / 240)));
}

static void expect_par(const vb_rows *r, const double *m, const double *v, const double *par, int k,
                       double *d) {
  (void)k;
  for (int i = 0; i < r->n; i++) {
    double t = log(r->y[i]) - m[i]; /* 1 + t - exp(t) is of order t^2 */
    double s = v ? v[i] : 0, rest = t - expm1(t) - (s > 0 ? exp(t) * expm1(0.5 * s) : 0);
    d[i] = r->w[i] * (log_excess(r->w[i] * par[0]) + rest);
  }
}

static void log_lik_par(const vb_rows *r, const double *eta, const double *par, int k, double *d) {
  expect_par(r, eta, NULL, par, k, d);
}

static void mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = vb_exp(eta[i]);
}

static void variance(const vb_rows *r, const double *eta, const double *par, double *var) {
  for (int i = 0; i < r->n; i++) var[i] = vb_exp(2 * eta[i]) / (r->w[i] * par[0]);
}

static void cdf(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                double *out) {
  (void)self;
  for (int i = 0; i < r->n; i++) {
    double a = r->w[i] * par[0];
    out[i] = pgamma(r->y[i], a, vb_exp(eta[i]) / a, 1, 0);
  }
}

const vb_family vb_family_Gamma = {.name = "Gamma",
                                   .link = "log",
                                   .n_par = 1,
                                   .par_name = {"shape"},
                                   .base = base,
                                   .log_lik = log_lik,
                                   .expect = expect,
                                   .log_lik_par = log_lik_par,
                                   .expect_par = expect_par,
                                   .mean = mean,
                                   .variance = variance,
                                   .cdf = cdf};
