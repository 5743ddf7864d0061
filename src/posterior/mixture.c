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

static double mixture_cdf(int n, const double *mean, const double *var, const double *skew,
                          const double *weight, double x, double *density) {
  double p = 0, d = 0;
  for (int s = 0; s < n; s++) {
    double sd = sqrt(var[s]), slope;
    if (!(sd > 0)) {
      p += weight[s] * (x >= mean[s]);
      continue;
    }
    double z = score((x - mean[s]) / sd, skew ? skew[s] : 0, &slope);
    p += weight[s] * Rf_pnorm5(z, 0, 1, 1, 0);
    d += weight[s] * slope * exp(-z * z / 2) * M_1_SQRT_2PI / sd;
  }
  *density = d;
  return p;
}

double vb_mixture_log_density(int n, const double *mean, const double *var, const double *skew,
                              const double *weight, double x) {
  double density;
  mixture_cdf(n, mean, var, skew, weight, x, &density);
  return log(density);
}

/* The components' scales may differ by many powers of ten (a horseshoe's do), so that how near x is
 * to the quantile is judged by probability and not by the mixture's standard deviation.  Newton
 * kept within a shrinking bracket; steps that do not halve are the bracket's middle instead. */
double vb_mixture_quantile(int n, const double *mean, const double *var, const double *skew,
                           const double *weight, double prob) {
  double m1 = 0, m2 = 0, density, enough = 1e-10 * fmin(prob, 1 - prob);
  for (int s = 0; s < n; s++) {
    m1 += weight[s] * mean[s];
    m2 += weight[s] * (var[s] + mean[s] * mean[s]);
  }
  double var_all = m2 - m1 * m1;
  if (!isfinite(var_all)) return NAN;
  double sd = sqrt(fmax(var_all, 0));
  if (!(sd > 0)) return m1;
  double lo = m1 - 12 * sd, hi = m1 + 12 * sd, x = m1 + sd * Rf_qnorm5(prob, 0, 1, 1, 0);
  double step = hi - lo, before = step;
  x = fmin(fmax(x, lo), hi);
  for (int it = 0; it < 300; it++) {
    double f = mixture_cdf(n, mean, var, skew, weight, x, &density) - prob;
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
