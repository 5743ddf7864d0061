/* Student-t likelihood, identity link: y = eta + sigma / sqrt(w) T, T ~ t(nu). */
#include <Rmath.h>
#include "rows/families/lanes.h"

static void base(const vb_rows *r, const double *par, double *out) {
  double sigma = par[0], nu = par[1];
  double c = -lbeta(0.5, 0.5 * nu) - 0.5 * log(nu) - log(sigma);
  for (int i = 0; i < r->n; i++) out[i] = c + 0.5 * log(r->w[i]);
}

/* with s = w / (nu sigma^2): ll = -(nu + 1) / 2 log(1 + s e^2) with the residual e */
VB_INLINE void lanes(const vb_rows *r, const double *eta, const double *v, const double *c,
                     double *ll, double *d1, double *d2) {
  (void)v;
  for (int i = 0; i < VB_LANES; i++) {
    double e = r->y[i] - eta[i], s = r->w[i] * c[1], q = s * e * e, inv = 1 / (1 + q);
    ll[i] = -0.5 * c[0] * vb_log1p(q);
    d1[i] = c[0] * s * e * inv;
    d2[i] = c[0] * s * (q - 1) * inv * inv;
  }
}

VB_OVER_LANES(over_lanes, lanes)

static void log_lik(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                    double *ll, double *d1, double *d2) {
  (void)self;
  double c[2] = {par[1] + 1, 1 / (par[1] * par[0] * par[0])};
  over_lanes(r, eta, NULL, c, ll, d1, d2);
}

/* the logarithm's branch points lie sigma sqrt(nu) off the real line, the logit's pi */
static void bend(const vb_rows *row, const double *par, double *at, double *scale) {
  *at = row->y[0];
  *scale = par[0] * fmin(sqrt(par[1]) / M_PI, 1) / sqrt(fmax(row->w[0], 1e-300));
}

/* (digamma(x + 1/2) - digamma(x) - 1 / (2 x)) / 2 with x = nu / 2: the eta-free part of d/dnu */
static double digamma_excess(double nu) {
  double x = 0.5 * nu, z = 1 / (x * x);
  if (x < 30) return 0.5 * (digamma(x + 0.5) - digamma(x) - 0.5 / x);
  return z * (1.0 / 16 + z * (-1.0 / 128 + z * (1.0 / 256 - z * 17.0 / 4096)));
}

/* d/dpar[k] of base and -(nu + 1) / 2 log(1 + w (e^2 + v) / (nu sigma^2)), v NULL: 0 */
static void par_slope(const vb_rows *r, const double *eta, const double *v, const double *par,
                      int k, double *d) {
  double sigma = par[0], nu = par[1], excess = k == 1 ? digamma_excess(nu) : 0;
  for (int i = 0; i < r->n; i++) {
    double e = r->y[i] - eta[i], e2 = e * e + (v ? v[i] : 0);
    double q = r->w[i] * e2 / (nu * sigma * sigma), p = q / (1 + q);
    if (k == 0) {
      d[i] = ((nu + 1) * p - 1) / sigma;
    } else {
      double rest = q < 1 ? log1pmx(q) + q * p : log1p(q) - p;
      d[i] = excess + 0.5 * (p / nu - rest);
    }
  }
}

static void log_lik_par(const vb_rows *r, const double *eta, const double *par, int k, double *d) {
  par_slope(r, eta, NULL, par, k, d);
}

/* The scales of a scale mixture of normals integrated out: the log is concave, so
 * E log(1 + s e^2) is at most log(1 + s E e^2) */
static void bound(const vb_rows *r, const double *m, const double *v, const double *par, double *ll,
                  double *d1, double *d2) {
  double up = par[1] + 1, unit = 1 / (par[1] * par[0] * par[0]);
  for (int i = 0; i < r->n; i++) {
    double e = r->y[i] - m[i], s = r->w[i] * unit, q = s * (e * e + v[i]),
           weight = up * s / (1 + q);
    if (ll) ll[i] = -0.5 * up * log1p(q);
    if (d1) d1[i] = weight * e;
    if (d2) d2[i] = -weight;
  }
}

static void mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = eta[i];
}

static void variance(const vb_rows *r, const double *eta, const double *par, double *var) {
  (void)eta;
  double nu = par[1], t = nu > 2 ? nu / (nu - 2) : nu > 1 ? INFINITY : NAN;
  for (int i = 0; i < r->n; i++) var[i] = t * par[0] * par[0] / r->w[i];
}

static void cdf(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                double *out) {
  (void)self;
  for (int i = 0; i < r->n; i++)
    out[i] = pt((r->y[i] - eta[i]) * sqrt(r->w[i]) / par[0], par[1], 1, 0);
}

#define EXACT                                                                  \
  .name = "student", .link = "identity", .identity = 1, .df = 1, .n_par = 2,   \
  .par_name = {"sigma", "nu"}, .base = base, .log_lik = log_lik, .bend = bend, \
  .log_lik_par = log_lik_par, .mean = mean, .variance = variance, .cdf = cdf

const vb_family vb_family_student = {EXACT};
const vb_family vb_family_student_jj = {EXACT, .bound = "jj", .expect = bound,
                                        .expect_par = par_slope};
