#include <Rmath.h>
#include "vb.h"

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

static double log_norm(const double *arg) {
  return -lbeta(0.5, 0.5 * arg[0]) - 0.5 * log(arg[0]) - log(arg[2]);
}

static double log_upper(const double *arg) { return pt(-arg[1] / arg[2], arg[0], 0, 1); }

const vb_prior vb_prior_student_t = {.name = "student_t",
                                     .n_arg = 3,
                                     .arg_name = {"df", "location", "scale"},
                                     .proper = 1,
                                     .log_density = log_density,
                                     .log_norm = log_norm,
                                     .log_upper = log_upper};
