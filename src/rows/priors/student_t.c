#include <Rmath.h>
#include "rows/rows.h"

#define MOST 512 /* nodes: 200 where N(m, v) is 1e6 times as wide */

static void log_density(int n, const double *x, const double *arg, double *ll, double *d1,
                        double *d2) {
  double df = arg[0], s = 1 / (df * arg[2] * arg[2]);
  for (int i = 0; i < n; i++) {
    double r = x[i] - arg[1], q = s * r * r, inv = 1 / (1 + q);
    if (ll) ll[i] = -0.5 * (df + 1) * log1p(q);
    if (d1) d1[i] = -(df + 1) * s * r * inv;
    if (d2) d2[i] = (df + 1) * s * (q - 1) * inv * inv;
  }
}

/* By the trapezoid rule in t, x = location + root sinh(t), root = sqrt(df) scale: the branch points
 * of the logarithm lie at distance pi / 2 whatever v is, so that few nodes serve a prior far
 * narrower than N(m, v) (Trefethen & Weideman 2014).  Wide priors are nearly quadratic there. */
static void expect(int n, const double *m, const double *v, const double *arg, double *ll,
                   double *d1, double *d2) {
  static const double node[5] = {-2.856970013872806, -1.355626179974266, 0, 1.355626179974266,
                                 2.856970013872806};
  static const double hermite[5] = {0.01125741132772069, 0.2220759220056126, 0.5333333333333333,
                                    0.2220759220056126, 0.01125741132772069};
  double root = sqrt(arg[0]) * arg[2], x[MOST], weight[MOST], f[3][MOST];
  for (int i = 0; i < n; i++) {
    double s = sqrt(fmax(v[i], 0)), r = m[i] - arg[1], sum[3] = {0};
    int k = 5;
    if (s < 0.2 * root) {
      for (int q = 0; q < 5; q++) {
        x[q] = m[i] + s * node[q];
        weight[q] = hermite[q];
      }
    } else {
      double step = fmin(0.2, 0.6 * s / sqrt(root * root + r * r));
      double first = floor(asinh((r - 8 * s) / root) / step),
             last = ceil(asinh((r + 8 * s) / root) / step);
      k = (int)fmin(last - first + 1, MOST);
      for (int q = 0; q < k; q++) {
        double t = step * (first + q), e = root * sinh(t), z = (e - r) / s;
        x[q] = arg[1] + e;
        weight[q] = step * sqrt(root * root + e * e) / s * M_1_SQRT_2PI * exp(-z * z / 2);
      }
    }
    log_density(k, x, arg, f[0], f[1], f[2]);
    for (int j = 0; j < 3; j++)
      for (int q = 0; q < k; q++) sum[j] += weight[q] * f[j][q];
    if (ll) ll[i] = sum[0];
    if (d1) d1[i] = sum[1];
    if (d2) d2[i] = sum[2];
  }
}

static double log_norm(const double *arg) {
  return -lbeta(0.5, 0.5 * arg[0]) - 0.5 * log(arg[0]) - log(arg[2]);
}

static double log_upper(const double *arg) { return pt(-arg[1] / arg[2], arg[0], 0, 1); }

const vb_prior vb_prior_student_t = {.name = "student_t",
                                     .n_arg = 3,
                                     .arg_name = {"df", "location", "scale"},
                                     .proper = 1,
                                     .log_density = log_density,
                                     .expect = expect,
                                     .log_norm = log_norm,
                                     .log_upper = log_upper};
