#include <Rmath.h>
#include "rows/rows.h"

/* zero density at x <= 0, where log x has no value */
static void log_density(int n, const double *x, const double *arg, double *ll, double *d1,
                        double *d2) {
  double shape = arg[0], rate = arg[1];
  for (int i = 0; i < n; i++) {
    if (ll) ll[i] = x[i] > 0 ? (shape - 1) * log(x[i]) - rate * x[i] : -INFINITY;
    if (d1) d1[i] = (shape - 1) / x[i] - rate;
    if (d2) d2[i] = -(shape - 1) / (x[i] * x[i]);
  }
}

static double log_norm(const double *arg) { return arg[0] * log(arg[1]) - lgammafn(arg[0]); }

const vb_prior vb_prior_gamma = {.name = "gamma",
                                 .n_arg = 2,
                                 .arg_name = {"shape", "rate"},
                                 .proper = 1,
                                 .log_density = log_density,
                                 .log_norm = log_norm};
