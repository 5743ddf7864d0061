/* Binomial likelihood: y successes in w trials (cells add), links logit, probit and cloglog.
 * Each kernel gives the log probability of the likelier and the rarer outcome separately, so that
 * neither tail cancels. */
#include <Rmath.h>
#include "numbers/mills.h"
#include "numbers/polya_gamma.h"
#include "rows/families/lanes.h"

/* ---- logit: with u = exp(-|eta|) the rarer outcome has probability u / (1 + u) ---- */

VB_INLINE void logit_lanes(const vb_rows *r, const double *eta, const double *v, const double *par,
                           double *ll, double *d1, double *d2) {
  (void)v;
  (void)par;
  for (int i = 0; i < VB_LANES; i++) {
    double t = eta[i], u = vb_exp_neg(-fabs(t)), inv = 1 / ((1 + u) * (2 + u));
    double s = (2 + u) * inv, q = u * s; /* 1 / (1 + u), probability of the rarer outcome */
    double a = r->y[i] - vb_select(vb_negative(t), 0, r->w[i]);
    ll[i] =
        a * t - r->w[i] * vb_two_atanh(u * (1 + u) * inv); /* log(1 + u), sharing the division */
    d1[i] = a + r->w[i] * copysign(q, t);
    d2[i] = -r->w[i] * q * s;
  }
}

VB_OVER_LANES(logit_over_lanes, logit_lanes)

static void logit_log_lik(const vb_family *self, const vb_rows *r, const double *eta,
                          const double *par, double *ll, double *d1, double *d2) {
  (void)self;
  logit_over_lanes(r, eta, NULL, par, ll, d1, d2);
}

static void logit_bound(const vb_rows *r, const double *m, const double *v, const double *par,
                        double *ll, double *d1, double *d2) {
  (void)par;
  for (int i = 0; i < r->n; i++) {
    vb_polya_gamma e = vb_polya_gamma_expect(r->y[i], r->w[i], m[i], v[i]);
    if (ll) ll[i] = e.ll;
    if (d1) d1[i] = e.d1;
    if (d2) d2[i] = e.d2;
  }
}

static void logit_mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) {
    double u = vb_exp(-fabs(eta[i]));
    mu[i] = (eta[i] < 0 ? u : 1) / (1 + u);
  }
}

static void logit_variance(const vb_rows *r, const double *eta, const double *par, double *var) {
  (void)par;
  for (int i = 0; i < r->n; i++) {
    double u = vb_exp(-fabs(eta[i]));
    var[i] = u / ((1 + u) * (1 + u)) / r->w[i];
  }
}

/* ---- probit ---- */

VB_INLINE void probit_lanes(const vb_rows *r, const double *eta, const double *v, const double *par,
                            double *ll, double *d1, double *d2) {
  (void)v;
  (void)par;
  double x[VB_LANES], excess[VB_LANES];
  for (int i = 0; i < VB_LANES; i++) x[i] = fabs(eta[i]);
  for (int i = 0; i < VB_LANES; i++) excess[i] = vb_mills_excess(x[i]);
  for (int i = 0; i < VB_LANES; i++) {
    double rare = x[i] + excess[i]; /* phi / Phi of the rarer outcome */
    double half = -0.5 * x[i] * x[i] - M_LN_SQRT_2PI;
    double q = vb_exp_neg(half) / rare; /* its probability, at most 1/2 */
    double usual = q * rare / (1 - q);  /* phi / Phi of the other */
    uint64_t negative = vb_negative(eta[i]);
    double n_rare = vb_select(negative, r->y[i], r->w[i] - r->y[i]);
    double n_usual = vb_select(negative, r->w[i] - r->y[i], r->y[i]);
    double g = n_usual * usual - n_rare * rare;
    ll[i] = n_rare * (half - vb_log(rare)) + n_usual * vb_log1p_unit(-q);
    d1[i] = copysign(1, eta[i]) * g;
    d2[i] = -(n_rare * rare * excess[i] + n_usual * usual * (usual + x[i]));
  }
}

VB_OVER_LANES(probit_over_lanes, probit_lanes)

static void probit_log_lik(const vb_family *self, const vb_rows *r, const double *eta,
                           const double *par, double *ll, double *d1, double *d2) {
  (void)self;
  probit_over_lanes(r, eta, NULL, par, ll, d1, d2);
}

/* Albert & Chib's (1993) normal variables integrated out: log Phi(t) + t^2 / 2 is convex in t, so
 * E log Phi(t) is at least log Phi(m) - v / 2 */
static void probit_bound(const vb_rows *r, const double *m, const double *v, const double *par,
                         double *ll, double *d1, double *d2) {
  probit_over_lanes(r, m, NULL, par, ll, d1, NULL);
  for (int i = 0; i < r->n; i++) {
    if (ll) ll[i] -= r->w[i] * v[i] / 2;
    if (d2) d2[i] = -r->w[i];
  }
}

static void probit_mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = pnorm(eta[i], 0, 1, 1, 0);
}

static void probit_variance(const vb_rows *r, const double *eta, const double *par, double *var) {
  (void)par;
  for (int i = 0; i < r->n; i++)
    var[i] = pnorm(eta[i], 0, 1, 1, 0) * pnorm(-eta[i], 0, 1, 1, 0) / r->w[i];
}

/* ---- cloglog: with e = exp(eta), success has log probability log(1 - exp(-e)), failure -e ---- */

/* c[0] + c[1] z + ... + c[8] z^8; the terms of the sum need not wait for each other */
VB_INLINE double polynomial8(double z, const double *c) {
  double z2 = z * z, z4 = z2 * z2;
  double low = (c[0] + c[1] * z) + (c[2] + c[3] * z) * z2;
  double high = (c[4] + c[5] * z) + (c[6] + c[7] * z) * z2;
  return low + (high + c[8] * z4) * z4;
}

/* For e <= 1, by Bernoulli numbers: log((1 - exp(-e)) / e) and 1 - e / (exp(e) - 1) */
VB_INLINE double cloglog_small(double e, double *complement) {
  const double slope[9] = {/* B_2k / (2 k)! */
                           8.333333333333333e-02,  -1.388888888888889e-03, 3.306878306878307e-05,
                           -8.267195767195768e-07, 2.087675698786810e-08,  -5.284190138687493e-10,
                           1.338253653068468e-11,  -3.389680296322583e-13, 8.586062056277845e-15};
  const double value[9] = {/* B_2k / (2 k (2 k)!) */
                           4.166666666666667e-02,  -3.472222222222222e-04, 5.511463844797179e-06,
                           -1.033399470899471e-07, 2.087675698786810e-09,  -4.403491782239578e-11,
                           9.558954664774769e-13,  -2.118550185201614e-14, 4.770034475709914e-16};
  double z = e * e;
  *complement = 0.5 * e - z * polynomial8(z, slope);
  return z * polynomial8(z, value) - 0.5 * e;
}

VB_INLINE void cloglog_lanes(const vb_rows *r, const double *eta, const double *v,
                             const double *par, double *ll, double *d1, double *d2) {
  (void)v;
  (void)par;
  for (int i = 0; i < VB_LANES; i++) {
    double t = vb_select(vb_negative(700 - eta[i]), 700, eta[i]); /* e finite: no 0 * inf below */
    double e = vb_exp(t), c;
    uint64_t small = vb_negative(e - 1);
    double low = vb_select(small, e, 1), high = vb_select(small, 1, e), q = vb_exp_neg(-high);
    double value = t + cloglog_small(low, &c);
    double slope = 1 - c, curve = slope * (c - low), far = high * q / (1 - q);
    value = vb_select(small, value, vb_log1p_unit(-q));
    curve = vb_select(small, curve, far * (1 - high - far));
    slope = vb_select(small, slope, far);
    double failure = (r->w[i] - r->y[i]) * e;
    ll[i] = r->y[i] * value - failure;
    d1[i] = r->y[i] * slope - failure;
    d2[i] = r->y[i] * curve - failure;
  }
}

VB_OVER_LANES(cloglog_over_lanes, cloglog_lanes)

static void cloglog_log_lik(const vb_family *self, const vb_rows *r, const double *eta,
                            const double *par, double *ll, double *d1, double *d2) {
  (void)self;
  cloglog_over_lanes(r, eta, NULL, par, ll, d1, d2);
}

static void cloglog_mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = -expm1(-vb_exp(eta[i]));
}

static void cloglog_variance(const vb_rows *r, const double *eta, const double *par, double *var) {
  (void)par;
  for (int i = 0; i < r->n; i++) {
    double e = vb_exp(eta[i]);
    var[i] = -expm1(-e) * exp(-e) / r->w[i];
  }
}

/* y successes of w trials */
static void cdf(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                double *out) {
  (void)par;
  for (int i = 0; i < r->n; i++) {
    double mu;
    self->mean(1, eta + i, &mu);
    out[i] = pbinom(r->y[i], r->w[i], mu, 1, 0);
  }
}

#define LOGIT                                                                                    \
  .name = "binomial", .link = "logit", .cells = 1, .log_lik = logit_log_lik, .mean = logit_mean, \
  .variance = logit_variance, .cdf = cdf, .discrete = 1
#define PROBIT                                                                 \
  .name = "binomial", .link = "probit", .cells = 1, .log_lik = probit_log_lik, \
  .mean = probit_mean, .variance = probit_variance, .cdf = cdf, .discrete = 1

const vb_family vb_family_binomial_logit = {LOGIT};
const vb_family vb_family_binomial_logit_jj = {LOGIT, .bound = "jj", .expect = logit_bound};
const vb_family vb_family_binomial_probit = {PROBIT};
const vb_family vb_family_binomial_probit_jj = {PROBIT, .bound = "jj", .expect = probit_bound};
const vb_family vb_family_binomial_cloglog = {.name = "binomial",
                                              .link = "cloglog",
                                              .cells = 1,
                                              .log_lik = cloglog_log_lik,
                                              .mean = cloglog_mean,
                                              .variance = cloglog_variance,
                                              .cdf = cdf,
                                              .discrete = 1};
