/* A proper conditional autoregression, Q = (D - alpha W) / sd^2, of the neighbours W and their
 * numbers D.  Times D^1/2, and in the eigenvectors of D^-1/2 W D^-1/2, whose values are `at`, it is
 * diagonal. */
#include "rows/rows.h"

static double variance(double at, const double *more, const double *par, double *by_par) {
  (void)more;
  double v = 1 / (1 - par[1] * at);
  by_par[1] = at * v;
  return v;
}

const vb_precision vb_precision_car = {.name = "car",
                                       .n_par = 2,
                                       .domain = {VB_POSITIVE, VB_UNIT_INTERVAL},
                                       .per_level = 1,
                                       .variance = variance};
