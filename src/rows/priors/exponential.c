/* The formula of the density on x > 0 is kept for x < 0, so that a quadrature rule or a Newton step
 * that strays there meets a smooth function. */
#include <math.h>
#include "rows/rows.h"

static void log_density(int n, const double *x, const double *arg, double *ll, double *d1,
                        double *d2) {
  double rate = arg[0];
  for (int i = 0; i < n; i++) {
    if (ll) ll[i] = -rate * x[i];
    if (d1) d1[i] = -rate;
    if (d2) d2[i] = 0;
  }
}

static double log_norm(const double *arg) { return log(arg[0]); }

const vb_prior vb_prior_exponential = {.name = "exponential",
                                       .n_arg = 1,
                                       .arg_name = {"rate"},
                                       .proper = 1,
                                       .log_density = log_density,
                                       .log_norm = log_norm};
