/* Logistic density: that of the logit of a number which is uniform between 0 and 1. */
#define R_NO_REMAP
#include <Rmath.h>
#include "rows/rows.h"

#define MOST 512 /* nodes: 16 sds of N(m, v) */

static void log_density(int n, const double *x, const double *arg, double *ll, double *d1,
                        double *d2) {
  for (int i = 0; i < n; i++) {
    double z = fabs(x[i] - arg[0]) / arg[1], t = tanh(z / 2);
    if (ll) ll[i] = -z - 2 * log1p(exp(-z));
    if (d1) d1[i] = (x[i] < arg[0] ? t : -t) / arg[1];
    if (d2) d2[i] = -(1 - t * t) / (2 * arg[1] * arg[1]);
  }
}

/* By the trapezoid rule.  Poles of the slope lie at a distance of pi scales from the real line, and
 * a step h makes an error of exp(-2 pi^2 scale / h) there (Trefethen & Weideman 2014); where
 * N(m, v) is much wider than that, what remains is |z| with a smooth corner. */
static void expect(int n, const double *m, const double *v, const double *arg, double *ll,
                   double *d1, double *d2) {
  double x[MOST], weight[MOST], f[3][MOST];
  for (int i = 0; i < n; i++) {
    double s = sqrt(fmax(v[i], 0)), sum[3] = {0}, total = 0;
    double step = fmax(fmin(0.5 * s, 0.6 * arg[1]), 16 * s / (MOST - 2));
    int k = s > 0 ? (int)ceil(16 * s / step) + 1 : 1;
    for (int q = 0; q < k; q++) {
      double e = (q - 0.5 * (k - 1)) * step;
      x[q] = m[i] + e;
      total += weight[q] = s > 0 ? exp(-0.5 * e * e / (s * s)) : 1;
    }
    log_density(k, x, arg, f[0], f[1], f[2]);
    for (int j = 0; j < 3; j++)
      for (int q = 0; q < k; q++) sum[j] += weight[q] * f[j][q] / total;
    if (ll) ll[i] = sum[0];
    if (d1) d1[i] = sum[1];
    if (d2) d2[i] = sum[2];
  }
}

static double log_norm(const double *arg) { return -log(arg[1]); }

static double log_upper(const double *arg) { return plogis(0, arg[0], arg[1], 0, 1); }

const vb_prior vb_prior_logistic = {.name = "logistic",
                                    .n_arg = 2,
                                    .arg_name = {"location", "scale"},
                                    .proper = 1,
                                    .log_density = log_density,
                                    .expect = expect,
                                    .log_norm = log_norm,
                                    .log_upper = log_upper};
