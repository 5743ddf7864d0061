/* Laplace (double exponential) density, the Bayesian lasso of Park & Casella (2008) without their
 * augmentation: the expectations under N(m, v) are closed and see the kink, as quadrature cannot.
 */
#include <Rmath.h>
#include "rows/rows.h"

static void log_density(int n, const double *x, const double *arg, double *ll, double *d1,
                        double *d2) {
  for (int i = 0; i < n; i++) {
    double z = (x[i] - arg[0]) / arg[1];
    if (ll) ll[i] = -fabs(z);
    if (d1) d1[i] = (z < 0 ? 1 : -1) / arg[1]; /* at the kink the slope to its right */
    if (d2) d2[i] = 0;
  }
}

/* |x - location| is a folded normal */
static void expect(int n, const double *m, const double *v, const double *arg, double *ll,
                   double *d1, double *d2) {
  for (int i = 0; i < n; i++) {
    double r = m[i] - arg[0], s = sqrt(fmax(v[i], 1e-300)), u = r / s;
    double sign = 1 - 2 * pnorm(-u, 0, 1, 1, 0), phi = dnorm(u, 0, 1, 0);
    if (ll) ll[i] = -(r * sign + 2 * s * phi) / arg[1];
    if (d1) d1[i] = -sign / arg[1];
    if (d2) d2[i] = -2 * phi / (s * arg[1]);
  }
}

static double log_norm(const double *arg) { return -log(2 * arg[1]); }

static double log_upper(const double *arg) {
  double tail = 0.5 * exp(-fabs(arg[0]) / arg[1]);
  return arg[0] < 0 ? log(tail) : log1p(-tail);
}

const vb_prior vb_prior_laplace = {.name = "laplace",
                                   .n_arg = 2,
                                   .arg_name = {"location", "scale"},
                                   .proper = 1,
                                   .kinked = 1,
                                   .log_density = log_density,
                                   .expect = expect,
                                   .log_norm = log_norm,
                                   .log_upper = log_upper};
