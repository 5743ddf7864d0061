/* x^2 / scale^2 ~ inverse-gamma(df / 2, df / 2): the slab of a horseshoe */
#include <math.h>
#include <Rmath.h>
#include "rows/rows.h"

static void log_density(int n, const double *x, const double *arg, double *ll, double *d1,
                        double *d2) {
  double df = arg[0], b = df * arg[1] * arg[1];
  for (int i = 0; i < n; i++) {
    double x2 = x[i] * x[i];
    if (ll) ll[i] = x[i] > 0 ? -(df + 1) * log(x[i]) - 0.5 * b / x2 : -INFINITY;
    if (d1) d1[i] = (b / x2 - (df + 1)) / x[i];
    if (d2) d2[i] = ((df + 1) - 3 * b / x2) / x2;
  }
}

static double log_norm(const double *arg) {
  double a = arg[0] / 2;
  return a * log(a) - lgammafn(a) + 2 * a * log(arg[1]) + M_LN2;
}

const vb_prior vb_prior_inv_chi = {.name = "inv_chi",
                                   .n_arg = 2,
                                   .arg_name = {"df", "scale"},
                                   .proper = 1,
                                   .log_density = log_density,
                                   .log_norm = log_norm};
