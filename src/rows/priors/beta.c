/* Beta, of a number between 0 and 1. */
#include <math.h>
#define R_NO_REMAP
#include <Rmath.h>
#include "rows/rows.h"

static void log_density(int n, const double *x, const double *arg, double *ll, double *d1,
                        double *d2) {
  double a = arg[0] - 1, b = arg[1] - 1;
  for (int i = 0; i < n; i++) {
    double p = x[i], q = 1 - p;
    if (ll) ll[i] = p > 0 && q > 0 ? a * log(p) + b * log(q) : -INFINITY;
    if (d1) d1[i] = a / p - b / q;
    if (d2) d2[i] = -a / (p * p) - b / (q * q);
  }
}

static double log_norm(const double *arg) {
  return lgammafn(arg[0] + arg[1]) - lgammafn(arg[0]) - lgammafn(arg[1]);
}

const vb_prior vb_prior_beta = {.name = "beta",
                                .n_arg = 2,
                                .arg_name = {"a", "b"},
                                .proper = 1,
                                .of_range = 1,
                                .log_density = log_density,
                                .log_norm = log_norm};
