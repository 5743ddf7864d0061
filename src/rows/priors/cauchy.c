#include <Rmath.h>
#include "rows/rows.h"

extern const vb_prior vb_prior_student_t;

static void log_density(int n, const double *x, const double *arg, double *ll, double *d1,
                        double *d2) {
  for (int i = 0; i < n; i++) {
    double z = (x[i] - arg[0]) / arg[1], inv = 1 / (1 + z * z);
    if (ll) ll[i] = -log1p(z * z);
    if (d1) d1[i] = -2 * z * inv / arg[1];
    if (d2) d2[i] = 2 * (z * z - 1) * inv * inv / (arg[1] * arg[1]);
  }
}

static void expect(int n, const double *m, const double *v, const double *arg, double *ll,
                   double *d1, double *d2) {
  double as_t[3] = {1, arg[0], arg[1]};
  vb_prior_student_t.expect(n, m, v, as_t, ll, d1, d2);
}

static double log_norm(const double *arg) { return -log(M_PI * arg[1]); }

static double log_upper(const double *arg) { return pcauchy(0, arg[0], arg[1], 0, 1); }

const vb_prior vb_prior_cauchy = {.name = "cauchy",
                                  .n_arg = 2,
                                  .arg_name = {"location", "scale"},
                                  .proper = 1,
                                  .log_density = log_density,
                                  .expect = expect,
                                  .log_norm = log_norm,
                                  .log_upper = log_upper};
