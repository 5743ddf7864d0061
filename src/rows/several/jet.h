/* Numbers with their first and second derivatives in up to VB_MOST_JET variables, by forward
 * differentiation (Griewank & Walther 2008, chapters 3 and 13): a log density that is written in
 * them has its derivatives without a formula more.  With n = 0 variables they are plain numbers. */
#ifndef VB_JET_H
#define VB_JET_H
#include <math.h>
#include <Rmath.h>
#include "rows/several.h"

#define VB_MOST_JET 4
typedef struct {
  int n;
  double v, d[VB_MOST_JET],
      dd[VB_MOST_JET * (VB_MOST_JET + 1) / 2]; /* dd: rows of the lower half */
} jet;

static inline jet jet_variable(int n, int k, double v) {
  jet x = {.n = n, .v = v};
  if (n) x.d[k] = 1;
  return x;
}

/* f(x), of which value and derivatives at x are given */
static inline jet jet_of(jet x, double f, double f1, double f2) {
  jet out = {.n = x.n, .v = f};
  for (int a = 0, at = 0; a < x.n; a++) {
    out.d[a] = f1 * x.d[a];
    for (int b = 0; b <= a; b++, at++) out.dd[at] = f1 * x.dd[at] + f2 * x.d[a] * x.d[b];
  }
  return out;
}

/* p x + q y + c */
static inline jet jet_sum(double p, jet x, double q, jet y, double c) {
  jet out = {.n = x.n, .v = p * x.v + q * y.v + c};
  for (int a = 0, at = 0; a < x.n; a++) {
    out.d[a] = p * x.d[a] + q * y.d[a];
    for (int b = 0; b <= a; b++, at++) out.dd[at] = p * x.dd[at] + q * y.dd[at];
  }
  return out;
}
static inline jet jet_add(jet x, jet y) { return jet_sum(1, x, 1, y, 0); }
static inline jet jet_less(jet x, jet y) { return jet_sum(1, x, -1, y, 0); }
/* p x + c */
static inline jet jet_line(double p, jet x, double c) { return jet_of(x, p * x.v + c, p, 0); }

static inline jet jet_times(jet x, jet y) {
  jet out = {.n = x.n, .v = x.v * y.v};
  for (int a = 0, at = 0; a < x.n; a++) {
    out.d[a] = x.v * y.d[a] + y.v * x.d[a];
    for (int b = 0; b <= a; b++, at++)
      out.dd[at] = x.v * y.dd[at] + y.v * x.dd[at] + x.d[a] * y.d[b] + y.d[a] * x.d[b];
  }
  return out;
}

static inline jet jet_exp(jet x) {
  double e = exp(x.v);
  return jet_of(x, e, e, e);
}
static inline jet jet_log(jet x) { return jet_of(x, log(x.v), 1 / x.v, -1 / (x.v * x.v)); }
static inline jet jet_log1p(jet x) {
  double r = 1 / (1 + x.v);
  return jet_of(x, log1p(x.v), r, -r * r);
}
/* log of 1 / (1 + exp(-x)) */
static inline jet jet_log_sigmoid(jet x) {
  double e = exp(-fabs(x.v)), other = x.v > 0 ? e / (1 + e) : 1 / (1 + e);
  return jet_of(x, fmin(x.v, 0) - log1p(e), other, -e / ((1 + e) * (1 + e)));
}
/* log(1 - exp(x)), x < 0 */
static inline jet jet_log1m_exp(jet x) {
  double m = expm1(-x.v), f = x.v > -M_LN2 ? log(-expm1(x.v)) : log1p(-exp(x.v));
  return jet_of(x, f, -1 / m, -(1 / m + 1 / (m * m)));
}
/* log(exp(x) + exp(y)) */
static inline jet jet_log_add(jet x, jet y) {
  double e = exp(-fabs(x.v - y.v)), p = (x.v > y.v ? 1 : e) / (1 + e), q = 1 - p;
  jet out = jet_sum(p, x, q, y, 0), off = jet_less(x, y);
  if (q < 0.5) q = e / (1 + e);
  for (int a = 0, at = 0; a < x.n; a++)
    for (int b = 0; b <= a; b++, at++) out.dd[at] += p * q * off.d[a] * off.d[b];
  out.v = fmax(x.v, y.v) + log1p(e);
  return out;
}
static inline jet jet_lgamma(jet x) {
  return jet_of(x, lgammafn(x.v), x.n ? digamma(x.v) : 0, x.n ? trigamma(x.v) : 0);
}

/* log gamma(x + k) - log gamma(x): for whole k that is not large a sum, in which nothing cancels */
static inline jet jet_log_rising(jet x, double k) {
  double f = 0, f1 = 0, f2 = 0, product = 1;
  if (k > 250) return jet_less(jet_lgamma(jet_line(1, x, k)), jet_lgamma(x));
  for (int j = 0; j < (int)k; j++) {
    double r = 1 / (x.v + j);
    product *= x.v + j;
    if (product > 1e100 || product < 1e-100) {
      f += log(product);
      product = 1;
    }
    f1 += r;
    f2 -= r * r;
  }
  return jet_of(x, f + log(product), f1, f2);
}

/* ---- Densities that several families are made of, without what is free of their etas ---- */
static inline jet jet_poisson(jet log_mu, double y) {
  return jet_sum(y, log_mu, -1, jet_exp(log_mu), 0);
}
static inline jet jet_negbinomial(jet log_mu, jet log_shape, double y) {
  jet shape = jet_exp(log_shape), off = jet_less(log_mu, log_shape);
  jet f =
      jet_add(jet_log_rising(shape, y), jet_times(shape, jet_log_sigmoid(jet_line(-1, off, 0))));
  return jet_sum(1, f, y, jet_log_sigmoid(off), 0);
}
static inline jet jet_binomial(jet logit, double y, double n) {
  return jet_sum(y, jet_log_sigmoid(logit), n - y, jet_log_sigmoid(jet_line(-1, logit, 0)), 0);
}
static inline jet jet_beta(jet logit, jet log_phi, double y) {
  jet phi = jet_exp(log_phi), a = jet_exp(jet_add(jet_log_sigmoid(logit), log_phi));
  jet b = jet_exp(jet_add(jet_log_sigmoid(jet_line(-1, logit, 0)), log_phi));
  jet f = jet_less(jet_lgamma(phi), jet_add(jet_lgamma(a), jet_lgamma(b)));
  return jet_add(f, jet_sum(log(y), a, log1p(-y), b, -log(y) - log1p(-y)));
}
static inline double vb_log_factorial(double y, double w) { return -w * lgammafn(y + 1); }
static inline double vb_log_choose(double y, double n) { return lchoose(n, y); }

/* mean mu, shape times w */
static inline jet jet_gamma(jet log_mu, jet log_shape, double y, double w) {
  jet a = jet_line(w, jet_exp(log_shape), 0), u = jet_line(-1, log_mu, log(y));
  jet f = jet_times(a, jet_less(jet_add(jet_line(1, log_shape, log(w)), u), jet_exp(u)));
  return jet_sum(1, f, -1, jet_lgamma(a), -log(y));
}
/* log y ~ N(mu, sigma^2 / w) */
static inline jet jet_lognormal(jet mu, jet log_sigma, double y, double w) {
  jet z = jet_times(jet_line(-1, mu, log(y)), jet_exp(jet_line(-1, log_sigma, 0)));
  return jet_sum(-w / 2, jet_times(z, z), -1, log_sigma, log(w) / 2 - M_LN_SQRT_2PI - log(y));
}

/* ---- From a density of one row to log_lik ---- */
typedef jet vb_jet_density(const jet *eta, double y, double w);
static inline void vb_over_jets(vb_jet_density *f, int K, const vb_several_at *at, double *ll,
                                double *const *d1, double *const *d2) {
  for (int i = 0; i < at->n; i++) {
    jet eta[VB_MOST_JET];
    for (int k = 0; k < K; k++) eta[k] = jet_variable(d1 ? K : 0, k, at->eta[k][i]);
    jet out = f(eta, at->y[0][i], at->w[i]);
    ll[i] = out.v;
    for (int a = 0, h = 0; a < K && d1; a++) {
      d1[a][i] = out.d[a];
      for (int b = 0; b <= a; b++, h++) d2[vb_pair_place(K, b, a)][i] = out.dd[h];
    }
  }
}
#define VB_JET_LOG_LIK(density)                                                      \
  static void log_lik(int K, const vb_several_at *at, double *ll, double *const *d1, \
                      double *const *d2) {                                           \
    vb_over_jets(density, K, at, ll, d1, d2);                                        \
  }

/* ---- Where responses without predictors lie ---- */
static inline double vb_clamp_logit(double p) {
  p = fmin(fmax(p, 0.02), 0.98);
  return log(p / (1 - p));
}
typedef struct { /* of responses: weighted shares of zeros, ones, and mean and sd of the others'
                    f(y) */
  double zeros, ones, mean, sd;
} vb_shares;
static inline vb_shares vb_shares_of(const vb_several_at *at, int with_ones, double (*f)(double)) {
  vb_shares s = {0, 0, 0, 0};
  double all = 0, rest = 0, square = 0;
  for (int i = 0; i < at->n; i++) {
    double y = at->y[0][i];
    all += 1;
    if (y == 0 || (with_ones && y == 1)) {
      s.zeros += y == 0;
      s.ones += y == 1;
      continue;
    }
    double x = f ? f(y) : y;
    rest += 1;
    s.mean += x;
    square += x * x;
  }
  s.mean = rest > 0 ? s.mean / rest : 1;
  s.sd = rest > 1 ? sqrt(fmax(square / rest - s.mean * s.mean, 1e-12)) : 1;
  s.zeros /= fmax(all, 1);
  s.ones /= fmax(all, 1);
  return s;
}
#endif
