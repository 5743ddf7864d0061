/* Marginals as mixtures of shifted lognormals: three moments, a closed distribution function, and
 * monotone at every skewness, which a Cornish-Fisher expansion is not. */
#include <math.h>
#define R_NO_REMAP
#include <Rmath.h>
#include "posterior/posterior.h"

/* exp(sigma^2) of the lognormal with this skewness: (w + 2)^2 (w - 1) = skew^2 */
static double lognormal_w(double skew) {
  double g2 = skew * skew, root = fabs(skew) * sqrt(1 + g2 / 4), a = cbrt(1 + g2 / 2 + root);
  return a + 1 / a - 1;
}

void vb_skew_transform_all(int n, const double *z, double skew, double *out) {
  int normal = fabs(skew) < 1e-4;
  double w = normal ? 1 : lognormal_w(skew), s2 = log(w), s = sqrt(s2), r = sqrt(w - 1);
  double side = skew < 0 ? -1 : 1;
  for (int i = 0; i < n; i++)
    out[i] = normal ? z[i] : side * (exp(s * side * z[i] - s2 / 2) - 1) / r;
}

double vb_skew_transform(double z, double skew) {
  double y;
  vb_skew_transform_all(1, &z, skew, &y);
  return y;
}

double vb_skew_log_slope(double z, double skew) {
  if (fabs(skew) < 1e-4) return 0;
  double w = lognormal_w(skew), s2 = log(w), s = sqrt(s2);
  return s * (skew < 0 ? -z : z) - s2 / 2 + log(s) - log(w - 1) / 2;
}

/* normal score of standardised y, and its slope */
static double score(double y, double skew, double *slope) {
  *slope = 1;
  if (fabs(skew) < 1e-4) return y;
  double w = lognormal_w(skew), s2 = log(w), s = sqrt(s2), side = skew < 0 ? -1 : 1;
  double r = sqrt(w - 1), t = 1 + side * y * r;
  if (t <= 1e-300) {
    *slope = 0;
    return -side * 40;
  }
  *slope = r / (t * s);
  return side * (log(t) + s2 / 2) / s;
}

typedef struct {
  int n;
  const double *mean, *var, *skew, *weight;
  double positive; /* 0: weights as they are; else the sum of the positive ones, and only these */
} mixture;

static double weight_of(const mixture *m, int s) {
  return m->positive > 0 ? fmax(m->weight[s], 0) / m->positive : m->weight[s];
}

static double mixture_cdf(const mixture *m, double x, double *density) {
  double p = 0, d = 0;
  for (int s = 0; s < m->n; s++) {
    double w = weight_of(m, s), sd = sqrt(m->var[s]), slope;
    if (!(sd > 0)) {
      p += w * (x >= m->mean[s]);
      continue;
    }
    double z = score((x - m->mean[s]) / sd, m->skew ? m->skew[s] : 0, &slope);
    p += w * Rf_pnorm5(z, 0, 1, 1, 0);
    d += w * slope * exp(-z * z / 2) * M_1_SQRT_2PI / sd;
  }
  *density = d;
  return p;
}

double vb_mixture_log_density(int n, const double *mean, const double *var, const double *skew,
                              const double *weight, double x) {
  double density;
  mixture m = {n, mean, var, skew, weight, 0};
  mixture_cdf(&m, x, &density);
  return log(density);
}

/* mean and standard deviation; NaN where weights below zero leave no variance */
static double mixture_sd(const mixture *m, double *mean) {
  double m1 = 0, m2 = 0, total = 0;
  for (int s = 0; s < m->n; s++) {
    m1 += weight_of(m, s) * m->mean[s];
    total += weight_of(m, s);
  }
  *mean = m1 /= total;
  for (int s = 0; s < m->n; s++) {
    double off = m->mean[s] - m1;
    m2 += weight_of(m, s) * (m->var[s] + off * off);
  }
  return sqrt(m2);
}

/* The components' scales may differ by many powers of ten (a horseshoe's do), so that how near x is
 * to the quantile is judged by probability and not by the mixture's standard deviation.  Newton
 * kept within a shrinking bracket; steps that do not halve are the bracket's middle instead. */
static double search(const mixture *m, double prob, double m1, double sd) {
  double density, enough = 1e-10 * fmin(prob, 1 - prob);
  double lo = m1 - 12 * sd, hi = m1 + 12 * sd, x = m1 + sd * Rf_qnorm5(prob, 0, 1, 1, 0);
  double step = hi - lo, before = step;
  x = fmin(fmax(x, lo), hi);
  for (int it = 0; it < 300; it++) {
    double f = mixture_cdf(m, x, &density) - prob;
    if (f > 0)
      hi = x;
    else
      lo = x;
    double next = density > 0 ? x - f / density : lo;
    int newton = next > lo && next < hi;
    if (fabs(f) <= enough) return newton ? next : x;
    if (!newton || fabs(next - x) > before / 2) next = (lo + hi) / 2;
    if (!(next > lo && next < hi)) return next; /* neighbours: between them the probability jumps */
    before = step;
    step = fabs(next - x);
    x = next;
  }
  return x;
}

double vb_mixture_quantile(int n, const double *mean, const double *var, const double *skew,
                           const double *weight, double prob) {
  mixture m = {n, mean, var, skew, weight, 0};
  double m1, sd = mixture_sd(&m, &m1), positive = 0;
  if (isnan(sd) && isfinite(m1)) {
    for (int s = 0; s < n; s++) positive += fmax(weight[s], 0);
    m.positive = positive;
    sd = mixture_sd(&m, &m1);
  }
  if (!isfinite(sd)) return NAN;
  return sd > 0 ? search(&m, prob, m1, sd) : m1;
}
