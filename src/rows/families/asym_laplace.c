/* Asymmetric Laplace likelihood, identity link: eta is the quantile tau of y, with density
 * tau (1 - tau) w / sigma exp(-rho(w (y - eta) / sigma)), rho(r) = r (tau - [r < 0]) the check loss
 * (Koenker & Bassett 1978; Yu & Moyeed 2001).  The expectations under eta ~ N(m, v) are closed, and
 * their second derivative has what log_lik's cannot have: the mass at the kink. */
#include <Rmath.h>
#include "rows/rows.h"

static void base(const vb_rows *r, const double *par, double *out) {
  double c = log(par[1]) + log1p(-par[1]) - log(par[0]);
  for (int i = 0; i < r->n; i++) out[i] = c + log(r->w[i]);
}

static void log_lik(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                    double *ll, double *d1, double *d2) {
  (void)self;
  for (int i = 0; i < r->n; i++) {
    double e = r->y[i] - eta[i], slope = r->w[i] / par[0] * (e < 0 ? par[1] - 1 : par[1]);
    if (ll) ll[i] = -slope * e;
    if (d1) d1[i] = slope;
    if (d2) d2[i] = 0;
  }
}

/* With u = (y - m) / sqrt(v): E rho = (tau - Phi(-u)) (y - m) + sqrt(v) phi(u) */
static void expect(const vb_rows *r, const double *m, const double *v, const double *par,
                   double *ll, double *d1, double *d2) {
  for (int i = 0; i < r->n; i++) {
    double e = r->y[i] - m[i], s = sqrt(fmax(v[i], 1e-300)), u = e / s, c = r->w[i] / par[0];
    double slope = par[1] - pnorm(-u, 0, 1, 1, 0), phi = dnorm(u, 0, 1, 0);
    if (ll) ll[i] = -c * (slope * e + s * phi);
    if (d1) d1[i] = c * slope;
    if (d2) d2[i] = -c * phi / s;
  }
}

/* d/dsigma is (-1 - ll) / sigma, d/dtau is 1 / tau - 1 / (1 - tau) - w (y - eta) / sigma */
static void par_slope(const vb_rows *r, const double *eta, const double *par, int k, double *d) {
  double tau = par[1], c = (1 - 2 * tau) / (tau * (1 - tau));
  for (int i = 0; i < r->n; i++)
    d[i] = k == 0 ? (-1 - d[i]) / par[0] : c - r->w[i] * (r->y[i] - eta[i]) / par[0];
}

static void log_lik_par(const vb_rows *r, const double *eta, const double *par, int k, double *d) {
  log_lik(NULL, r, eta, par, d, NULL, NULL);
  par_slope(r, eta, par, k, d);
}

static void expect_par(const vb_rows *r, const double *m, const double *v, const double *par, int k,
                       double *d) {
  expect(r, m, v, par, d, NULL, NULL);
  par_slope(r, m, par, k, d);
}

/* The scales of a scale mixture of normals integrated out (Kozumi & Kobayashi 2011): rho(r) is
 * (tau - 1/2) r + |r| / 2, and E |r| is at most c = (E r^2)^(1/2) */
static void bound(const vb_rows *r, const double *m, const double *v, const double *par, double *ll,
                  double *d1, double *d2) {
  for (int i = 0; i < r->n; i++) {
    double e = r->y[i] - m[i], v0 = fmax(v[i], 1e-300), c = sqrt(e * e + v0),
           scale = r->w[i] / par[0];
    double slope = e < 0 ? par[1] - 1 : par[1], over = v0 / (c + fabs(e)); /* c - |e| */
    if (ll) ll[i] = -scale * (slope * e + over / 2);
    if (d1) d1[i] = scale * (slope + (e < 0 ? over : -over) / (2 * c));
    if (d2) d2[i] = -scale / (2 * c);
  }
}

static void bound_par(const vb_rows *r, const double *m, const double *v, const double *par, int k,
                      double *d) {
  bound(r, m, v, par, d, NULL, NULL);
  par_slope(r, m, par, k, d);
}

static void mean(int n, const double *eta, double *mu) {
  for (int i = 0; i < n; i++) mu[i] = eta[i];
}

static void variance(const vb_rows *r, const double *eta, const double *par, double *var) {
  (void)eta;
  double tau = par[1], a = par[0] / (tau * (1 - tau));
  for (int i = 0; i < r->n; i++) var[i] = (1 - 2 * tau * (1 - tau)) * a * a / (r->w[i] * r->w[i]);
}

static void cdf(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                double *out) {
  (void)self;
  double tau = par[1];
  for (int i = 0; i < r->n; i++) {
    double e = (r->y[i] - eta[i]) * r->w[i] / par[0];
    out[i] = e < 0 ? tau * exp((1 - tau) * e) : 1 - (1 - tau) * exp(-tau * e);
  }
}

#define SHARED                                                                                \
  .name = "asym_laplace", .link = "identity", .identity = 1, .kinked = 1, .n_par = 2,         \
  .par_name = {"sigma", "tau"}, .base = base, .log_lik = log_lik, .log_lik_par = log_lik_par, \
  .mean = mean, .variance = variance, .cdf = cdf

const vb_family vb_family_asym_laplace = {SHARED, .expect = expect, .expect_par = expect_par};
const vb_family vb_family_asym_laplace_jj = {SHARED, .bound = "jj", .expect = bound,
                                             .expect_par = bound_par};
