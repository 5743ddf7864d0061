/* Inverse gamma: x^-(shape + 1) exp(-rate / x). */
#include <math.h>
#define R_NO_REMAP
#include <Rmath.h>
#include "rows/rows.h"

static void log_density(int n, const double *x, const double *arg, double *ll, double *d1,
                        double *d2) {
  double a = arg[0] + 1, b = arg[1];
  for (int i = 0; i < n; i++) {
    double r = 1 / x[i];
    if (ll) ll[i] = x[i] > 0 ? a * log(r) - b * r : -INFINITY;
    if (d1) d1[i] = (b * r - a) * r;
    if (d2) d2[i] = (a - 2 * b * r) * r * r;
  }
}

static double log_norm(const double *arg) { return arg[0] * log(arg[1]) - lgammafn(arg[0]); }

const vb_prior vb_prior_inv_gamma = {.name = "inv_gamma",
                                     .n_arg = 2,
                                     .arg_name = {"shape", "rate"},
                                     .proper = 1,
                                     .log_density = log_density,
                                     .log_norm = log_norm};
