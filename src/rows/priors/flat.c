/* Improper: log density 0, also on x > 0 (the degenerate quadratic, with precision 0). */
#include "rows/rows.h"

static void log_density(int n, const double *x, const double *arg, double *ll, double *d1,
                        double *d2) {
  (void)x;
  (void)arg;
  for (int i = 0; i < n; i++) {
    if (ll) ll[i] = 0;
    if (d1) d1[i] = 0;
    if (d2) d2[i] = 0;
  }
}

static double log_norm(const double *arg) {
  (void)arg;
  return 0;
}

const vb_prior vb_prior_flat = {
    .name = "flat", .gaussian = 1, .log_density = log_density, .log_norm = log_norm};
