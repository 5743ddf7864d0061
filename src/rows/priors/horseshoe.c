/* Regularised horseshoe (Piironen & Vehtari 2017, equation 2.8) with the local scale integrated
 * out: b | l ~ N(0, s2),  s2 = c^2 tau^2 l^2 / (c^2 + tau^2 l^2),  l ~ half-t(df). In u = log l the
 * integrand is analytic and falls exponentially on both sides, so that the trapezoid rule converges
 * exponentially (Trefethen & Weideman 2014); what lies beyond its ends has s2 next to zero or next
 * to c^2 and is given to the end nodes. */
#include <math.h>
#define R_NO_REMAP
#include <Rmath.h>
#include "rows/rows.h"

#define STEP 0.3
#define FIRST (-9)

static int mix(const double *arg, double *weight, double *var, double *by_global, double *by_slab) {
  double df = arg[0], tau = arg[1], c2 = arg[2] * arg[2], sum = 0;
  double last = fmin(fmax(log(arg[2] / tau) + 4.5, 4.5), FIRST + STEP * (VB_MIX_MAX - 1));
  int n = (int)((last - FIRST) / STEP) + 1;
  for (int k = 0; k < n; k++) {
    double u = FIRST + STEP * k, l = exp(u), t2 = tau * tau * l * l;
    weight[k] = 2 * STEP * l * Rf_dt(l, df, 0);
    var[k] = c2 * t2 / (c2 + t2);
    if (by_global) by_global[k] = 2 * var[k] * c2 / (c2 + t2);
    if (by_slab) by_slab[k] = 2 * var[k] * t2 / (c2 + t2);
  }
  weight[0] /= 1 - exp(-STEP); /* the sums of the geometric tails */
  weight[n - 1] /= 1 - exp(-df * STEP);
  for (int k = 0; k < n; k++) sum += weight[k];
  for (int k = 0; k < n; k++) weight[k] /= sum;
  return n;
}

static void density_at(const vb_mix *p, double x, double *ll, double *d1, double *d2) {
  double top = -INFINITY, lw[VB_MIX_MAX], m0 = 0, m1 = 0, m2 = 0;
  for (int k = 0; k < p->n; k++) {
    lw[k] = p->log_weight[k] - 0.5 * (p->log_var[k] + x * x / p->var[k]);
    top = fmax(top, lw[k]);
  }
  for (int k = 0; k < p->n; k++) {
    double w = exp(lw[k] - top), r = x / p->var[k];
    m0 += w;
    m1 -= w * r;
    m2 += w * (r * r - 1 / p->var[k]);
  }
  m1 /= m0;
  if (ll) *ll = top + log(m0) - VB_LOG_2PI / 2;
  if (d1) *d1 = m1;
  if (d2) *d2 = m2 / m0 - m1 * m1;
}

static void log_density(int n, const double *x, const double *arg, double *ll, double *d1,
                        double *d2) {
  vb_mix p;
  vb_mix_make(mix, arg, &p);
  for (int i = 0; i < n; i++)
    density_at(&p, x[i], ll ? ll + i : NULL, d1 ? d1 + i : NULL, d2 ? d2 + i : NULL);
}

/* By the trapezoid rule in t, x = e sinh t, which is as fine near zero, where the density has its
 * peak, as the expectation needs; derivatives by Stein's identity, from the log density alone. */
static void expect(int n, const double *m, const double *v, const double *arg, double *ll,
                   double *d1, double *d2) {
  enum { HALF = 80 };
  vb_mix p;
  vb_mix_make(mix, arg, &p);
  for (int i = 0; i < n; i++) {
    double s = sqrt(fmax(v[i], 1e-300)), e = 1e-3 * s, far = fabs(m[i]) / s > 8, sum[4] = {0};
    double reach = far ? 7.5 : asinh((fabs(m[i]) + 7.5 * s) / e), step = reach / HALF;
    for (int q = -HALF; q <= HALF; q++) {
      double t = step * q, x = far ? m[i] + s * t : e * sinh(t), z = (x - m[i]) / s, l;
      double w = exp(-z * z / 2) * (far ? 1 : e / s * cosh(t));
      if (w < 1e-14) continue;
      density_at(&p, x, &l, NULL, NULL);
      sum[0] += w;
      sum[1] += w * l;
      sum[2] += w * l * z;
      sum[3] += w * l * (z * z - 1);
    }
    if (ll) ll[i] = sum[1] / sum[0];
    if (d1) d1[i] = sum[2] / (sum[0] * s);
    if (d2) d2[i] = sum[3] / (sum[0] * s * s);
  }
}

static double log_norm(const double *arg) {
  (void)arg;
  return 0;
}

static double log_upper(const double *arg) {
  (void)arg;
  return -M_LN2;
}

const vb_prior vb_prior_horseshoe = {.name = "horseshoe",
                                     .n_arg = 3,
                                     .arg_name = {"df", "global", "slab"},
                                     .proper = 1,
                                     .log_density = log_density,
                                     .expect = expect,
                                     .mix = mix,
                                     .log_norm = log_norm,
                                     .log_upper = log_upper};
