#include <Rmath.h>
#include "rows/rows.h"

static void log_density(int n, const double *x, const double *arg, double *ll, double *d1,
                        double *d2) {
  double precision = 1 / (arg[1] * arg[1]);
  for (int i = 0; i < n; i++) {
    double r = x[i] - arg[0];
    if (ll) ll[i] = -0.5 * precision * r * r;
    if (d1) d1[i] = -precision * r;
    if (d2) d2[i] = -precision;
  }
}

static double log_norm(const double *arg) { return -log(arg[1]) - M_LN_SQRT_2PI; }

static double log_upper(const double *arg) { return pnorm(0, arg[0], arg[1], 0, 1); }

const vb_prior vb_prior_normal = {.name = "normal",
                                  .n_arg = 2,
                                  .arg_name = {"location", "scale"},
                                  .proper = 1,
                                  .gaussian = 1,
                                  .log_density = log_density,
                                  .log_norm = log_norm,
                                  .log_upper = log_upper};
