/* Penalised-complexity prior of a correlation against none (Sorbye & Rue 2017, section 3.1): the
 * distance s = sqrt(-log(1 - r^2)) is exponential, either sign equally likely, and P(|r| > u) =
 * alpha. */
#include <math.h>
#include "rows/rows.h"

#define SERIES 1e-3 /* below it what cancels is written out: log |r| / s = -r^2 / 4 - ... */

static double rate(const double *arg) { return -log(arg[1]) / sqrt(-log1p(-arg[0] * arg[0])); }

static void log_density(int n, const double *x, const double *arg, double *ll, double *d1,
                        double *d2) {
  double k = rate(arg);
  for (int i = 0; i < n; i++) {
    double r = x[i], a = fabs(r), sign = r < 0 ? -1 : 1, q = (1 - r) * (1 + r);
    if (!(q > 0)) {
      if (ll) ll[i] = -INFINITY;
      if (d1) d1[i] = 0;
      if (d2) d2[i] = 0;
      continue;
    }
    if (a < SERIES) {
      if (ll) ll[i] = -k * a * (1 + a * a / 4) + 0.75 * a * a;
      if (d1) d1[i] = -k * sign * (1 + 0.75 * a * a) + 1.5 * r;
      if (d2) d2[i] = -1.5 * k * a + 1.5;
      continue;
    }
    double s = sqrt(-log1p(-r * r)), s1 = r / (q * s);
    double s2 = (1 + 2 * r * r / q - s1 * s1 * q) / (q * s);
    if (ll) ll[i] = -k * s + log(a / (s * q));
    if (d1) d1[i] = -k * s1 + 1 / r - s1 / s + 2 * r / q;
    if (d2)
      d2[i] = -k * s2 - 1 / (r * r) - s2 / s + s1 * s1 / (s * s) + 2 / q + 4 * r * r / (q * q);
  }
}

static double log_norm(const double *arg) { return log(rate(arg) / 2); }

const vb_prior vb_prior_pc_cor = {.name = "pc_cor",
                                  .n_arg = 2,
                                  .arg_name = {"u", "alpha"},
                                  .proper = 1,
                                  .kinked = 1,
                                  .of_range = 1,
                                  .log_density = log_density,
                                  .log_norm = log_norm};
