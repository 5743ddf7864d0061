/* Negative binomial likelihood (variance mu + mu^2 / shape), log link; w multiplies the log
 * density. With t = eta - log(shape) and p = mu / (mu + shape) = 1 / (1 + exp(-t)) the part with
 * eta in it is y t - (y + shape) log(1 + exp(t)), written below so that neither tail cancels. */
#include <Rmath.h>
#include "numbers/polya_gamma.h"
#include "rows/families/lanes.h"

/* log(Gamma(y + s) / (Gamma(s) y!)).  A difference of lgammas would lose 1e-9 at s = 1e6. */
static double log_choose(double y, double s) {
  if (y <= 0) return 0;
  if (y <= 16 && y == floor(y) && s < 1e15) { /* no overflow: 1e15^16 */
    double product = 1;
    for (int k = 0; k < y; k++) product *= (s + k) / (k + 1);
    return log(product);
  }
  return -lbeta(y, s) - log(y);
}

static void base(const vb_rows *r, const double *par, double *out) {
  for (int i = 0; i < r->n; i++) out[i] = r->w[i] * log_choose(r->y[i], par[0]);
}

VB_INLINE void lanes(const vb_rows *r, const double *eta, const double *v, const double *c,
                     double *ll, double *d1, double *d2) {
  (void)v;
  double shape = c[0], log_shape = c[1];
  for (int i = 0; i < VB_LANES; i++) {
    double t = eta[i] - log_shape, u = vb_exp_neg(-fabs(t)), l = vb_log1p_unit(u);
    double big = 1 / (1 + u), small = u * big;
    uint64_t negative = vb_negative(t);
    double p = vb_select(negative, small, big), q = vb_select(negative, big, small);
    ll[i] = r->w[i] * (vb_select(negative, r->y[i], -shape) * t - (r->y[i] + shape) * l);
    d1[i] = r->w[i] * (r->y[i] * q - shape * p);
    d2[i] = -r->w[i] * (r->y[i] + shape) * (small * big);
  }
}

VB_OVER_LANES(over_lanes, lanes)

static void log_lik(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                    double *ll, double *d1, double *d2) {
  (void)self;
  double c[2] = {par[0], log(par[0])};
  over_lanes(r, eta, NULL, c, ll, d1, d2);
}

static void bend(const vb_rows *row, const double *par, double *at, double *scale) {
  (void)row;
  *at = log(par[0]);
  *scale = 1;
}

/* digamma(s + y) - digamma(s) - y / s, of order y^2 / s^2 for large s */
static double digamma_excess(double y, double s) {
  if (y <= 16 && y == floor(y)) {
    double sum = 0;
    for (int k = 1; k < y; k++) sum -= k / (s + k);
    return sum / s;
  }
  if (s < 32) return digamma(s + y) - digamma(s) - y / s;
  /* log x - 1/(2x) - 1/(12x^2) + 1/(120x^4) - 1/(252x^6), differenced term by term */
  double a = 1 / (s * s), b = 1 / ((s + y) * (s + y));
  return log1pmx(y / s) + y / (2 * s * (s + y)) + (a - b) / 12 - (a * a - b * b) / 120 +
         (a * a * a - b * b * b) / 252;
}

/* d/dshape: the terms of order 1 / shape cancel, so they are taken out of each part by hand; here
 * those with eta in them, and what is left of log(1 + odds) - odds / (1 + odds) is of order odds^2
 */
VB_INLINE void shape_lanes(const vb_rows *r, const double *eta, const double *v, const double *par,
                           double *ll, double *d1, double *d2) {
  (void)v;
  double s = par[0];
  for (int i = 0; i < VB_LANES; i++) {
    double odds = vb_exp(eta[i]) / s;
    odds = vb_select(vb_negative(odds - 1e300), odds, 1e300); /* they may be infinite */
    double p = odds / (1 + odds);
    ll[i] = r->w[i] * (r->y[i] / s * p - (vb_log1p(odds) - p));
    d1[i] = d2[i] = 0;
  }
}

VB_OVER_LANES(shape_over_lanes, shape_lanes)

static void log_lik_par(const vb_rows *r, const double *eta, const double *par, int k, double *d) {
  (void)k;
  shape_over_lanes(r, eta, NULL, par, d, NULL, NULL);
  for (int i = 0; i < r->n; i++) d[i] += r->w[i] * digamma_excess(r->y[i], par[0]);
}

static void bound(const vb_rows *r, const double *m, const double *v, const double *par, double *ll,
                  double *d1, double *d2) {
  double log_shape = log(par[0]);
  for (int i = 0; i < r->n; i++) {
    vb_polya_gamma e = vb_polya_gamma_expect(r->y[i], r->y[i] + par[0], m[i] - log_shape, v[i]);
    if (ll) ll[i] = r->w[i] * e.ll;
    if (d1) d1[i] = r->w[i] * e.d1;
    if (d2) d2[i] = r->w[i] * e.d2;
  }
}

/* d/dshape of base + y m' - (y + shape) loss at m' = m - log(shape), terms in 1 / shape together */
static void bound_par(const vb_rows *r, const double *m, const double *v, const double *par, int k,
                      double *d) {
  (void)k;
  double s = par[0], log_shape = log(s);
  for (int i = 0; i < r->n; i++) {
    vb_polya_gamma e = vb_polya_gamma_expect(r->y[i], r->y[i] + s, m[i] - log_shape, v[i]);
    d[i] = r->w[i] * (digamma_excess(r->y[i], s) + r->y[i] / s * e.p - (e.loss - e.p));
  }
}

static void mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = vb_exp(eta[i]);
}

static void variance(const vb_rows *r, const double *eta, const double *par, double *var) {
  for (int i = 0; i < r->n; i++) {
    double mu = vb_exp(eta[i]);
    var[i] = (mu + mu * mu / par[0]) / r->w[i];
  }
}

/* R's incomplete beta function does not converge where the shape or the count is huge, and warns at
 * each attempt. Of a huge shape counts are Poisson, or normal where their mean is huge too; a huge
 * count is as its gamma distributed mean. */
static double up_to(double y, double shape, double mu) {
  const double huge = 1e15, apart = 1e8;
  if (shape > huge && mu < shape / apart) return ppois(y, mu, 1, 0);
  if (shape > huge)
    return y < 0 || isinf(mu) ? 0 : pnorm(y + 0.5, mu, mu * sqrt(1 / mu + 1 / shape), 1, 0);
  return y > huge ? pgamma(y, shape, mu / shape, 1, 0) : pnbinom_mu(y, shape, mu, 1, 0);
}

static void cdf(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                double *out) {
  (void)self;
  for (int i = 0; i < r->n; i++) out[i] = up_to(r->y[i], par[0], vb_exp(eta[i]));
}

#define EXACT                                                                            \
  .name = "negbinomial", .link = "log", .n_par = 1, .par_name = {"shape"}, .base = base, \
  .log_lik = log_lik, .bend = bend, .log_lik_par = log_lik_par, .mean = mean,            \
  .variance = variance, .cdf = cdf, .discrete = 1

const vb_family vb_family_negbinomial = {EXACT};
const vb_family vb_family_negbinomial_jj = {EXACT, .bound = "jj", .expect = bound,
                                            .expect_par = bound_par};
