/* Structured and unstructured effects of areas with one sd, rho the share of the structured
 * variance (Riebler, Sorbye, Simpson & Rue 2016).  In the eigenvectors of the structure's
 * precision, scaled so that its typical variance is one, `at` is the structured variance, zero
 * where it has none. */
#include "rows/rows.h"

static double variance(double at, const double *more, const double *par, double *by_par) {
  (void)more;
  double v = par[1] * at + 1 - par[1];
  by_par[1] = (at - 1) / v;
  return v;
}

const vb_precision vb_precision_bym2 = {.name = "bym2",
                                        .n_par = 2,
                                        .domain = {VB_POSITIVE, VB_UNIT_INTERVAL},
                                        .per_level = 1,
                                        .variance = variance};
