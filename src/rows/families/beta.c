/* Beta likelihood, logit link: y ~ Beta(mu phi, (1 - mu) phi) (Ferrari & Cribari-Neto 2004); w
 * multiplies the log density.  With a = mu phi, b = (1 - mu) phi the part with eta in it is
 * a logit(y) - log Gamma(a) - log Gamma(b). */
#include <Rmath.h>
#include "rows/families/lanes.h"

/* log Gamma and its first two derivatives for x > 0: Stirling's series at x + 8 (Abramowitz &
 * Stegun 6.1.41; its rest is below 1e-16 there) less log x (x + 1) ... (x + 7).  Rmath's polygammas
 * would be most of the time of a fit.  The second derivative is g2 + s^2, of which s^2 alone may
 * overflow.
 */
VB_INLINE void log_gamma(double x, double *g, double *g1, double *g2, double *s) {
  double p = x, p1 = 1, p2 = 0; /* the product and its derivatives */
  for (int k = 1; k < 8; k++) {
    double f = x + k;
    p2 = p2 * f + 2 * p1;
    p1 = p1 * f + p;
    p *= f;
  }
  double z = x + 8, r = 1 / z, q = r * r, ratio = 1 / p;
  double c =
      1.0 / 12 +
      q * (-1.0 / 360 +
           q * (1.0 / 1260 + q * (-1.0 / 1680 +
                                  q * (1.0 / 1188 + q * (-691.0 / 360360 +
                                                         q * (1.0 / 156 - q * 3617.0 / 122400))))));
  double c1 =
      1.0 / 12 +
      q * (-1.0 / 120 +
           q * (1.0 / 252 +
                q * (-1.0 / 240 +
                     q * (1.0 / 132 + q * (-691.0 / 32760 + q * (1.0 / 12 - q * 3617.0 / 8160))))));
  double c2 =
      1.0 / 6 +
      q * (-1.0 / 30 +
           q * (1.0 / 42 +
                q * (-1.0 / 30 +
                     q * (5.0 / 66 + q * (-691.0 / 2730 + q * (7.0 / 6 - q * 3617.0 / 510))))));
  double l = vb_log(z);
  *g = (z - 0.5) * l - z + M_LN_SQRT_2PI + r * c - vb_log(p);
  *s = p1 * ratio;
  *g1 = l - r * (0.5 + r * c1) - *s;
  *g2 = r * (1 + r * (0.5 + r * c2)) - p2 * ratio;
}

static void base(const vb_rows *r, const double *par, double *out) {
  double phi = par[0], c = lgammafn(phi);
  for (int i = 0; i < r->n; i++)
    out[i] = r->w[i] * (c - log(r->y[i]) + (phi - 1) * log1p(-r->y[i]));
}

/* the rarer side has probability u / (1 + u), u = exp(-|eta|), kept above zero for its logarithm */
VB_INLINE void two_sides(double eta, double *mu, double *nu) {
  double u = vb_exp_neg(-fabs(eta)) + 1e-290, big = 1 / (1 + u), small = u * big;
  uint64_t negative = vb_negative(eta);
  *mu = vb_select(negative, small, big);
  *nu = vb_select(negative, big, small);
}

VB_INLINE void lanes(const vb_rows *r, const double *eta, const double *v, const double *par,
                     double *ll, double *d1, double *d2) {
  (void)v;
  double phi = par[0], a[VB_LANES], b[VB_LANES];
  double g[2][VB_LANES], g1[2][VB_LANES], g2[2][VB_LANES], rest[2][VB_LANES];
  for (int i = 0; i < VB_LANES; i++) two_sides(eta[i], a + i, b + i);
  for (int i = 0; i < VB_LANES; i++)
    log_gamma(phi * a[i], g[0] + i, g1[0] + i, g2[0] + i, rest[0] + i);
  for (int i = 0; i < VB_LANES; i++)
    log_gamma(phi * b[i], g[1] + i, g1[1] + i, g2[1] + i, rest[1] + i);
  for (int i = 0; i < VB_LANES; i++) {
    double logit = vb_log(r->y[i] / (1 - r->y[i])), s = phi * a[i] * b[i];
    double score = logit - g1[0][i] + g1[1][i];
    ll[i] = r->w[i] * (phi * a[i] * logit - g[0][i] - g[1][i]);
    d1[i] = r->w[i] * s * score;
    double ra = s * rest[0][i], rb = s * rest[1][i]; /* bounded */
    d2[i] = r->w[i] * (s * ((b[i] - a[i]) * score - s * (g2[0][i] + g2[1][i])) - ra * ra - rb * rb);
  }
}

VB_OVER_LANES(over_lanes, lanes)

static void log_lik(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                    double *ll, double *d1, double *d2) {
  (void)self;
  over_lanes(r, eta, NULL, par, ll, d1, d2);
}

static void log_lik_par(const vb_rows *r, const double *eta, const double *par, int k, double *d) {
  (void)k;
  double phi = par[0], c = digamma(phi), g, g2, s;
  for (int i = 0; i < r->n; i++) {
    double mu, nu, ga, gb;
    two_sides(eta[i], &mu, &nu);
    log_gamma(phi * mu, &g, &ga, &g2, &s);
    log_gamma(phi * nu, &g, &gb, &g2, &s);
    d[i] = r->w[i] * (c + mu * (log(r->y[i]) - ga) + nu * (log1p(-r->y[i]) - gb));
  }
}

static void mean(int n, const double *eta, double *mu) {
  double nu;
  for (int i = 0; i < n; i++) two_sides(eta[i], mu + i, &nu);
}

static void variance(const vb_rows *r, const double *eta, const double *par, double *var) {
  for (int i = 0; i < r->n; i++) {
    double mu, nu;
    two_sides(eta[i], &mu, &nu);
    var[i] = mu * nu / (1 + par[0]) / r->w[i];
  }
}

static void cdf(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                double *out) {
  (void)self;
  for (int i = 0; i < r->n; i++) {
    double mu, nu;
    two_sides(eta[i], &mu, &nu);
    out[i] = pbeta(r->y[i], mu * par[0], nu * par[0], 1, 0);
  }
}

const vb_family vb_family_beta = {.name = "beta",
                                  .link = "logit",
                                  .n_par = 1,
                                  .par_name = {"phi"},
                                  .base = base,
                                  .log_lik = log_lik,
                                  .log_lik_par = log_lik_par,
                                  .mean = mean,
                                  .variance = variance,
                                  .cdf = cdf};
