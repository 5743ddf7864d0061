/* A proper conditional autoregression, Q = (D - alpha W) / sd^2, of the neighbours W and their
 * numbers D.  Times D^1/2, and in the eigenvectors of D^-1/2 W D^-1/2, whose values are `at`, it is
 * diagonal. */
#include <math.h>
#include "rows/rows.h"

static double variance(double at, const double *more, const double *par, double *by_par) {
  (void)more;
  double v = 1 / (1 - par[1] * at);
  by_par[1] = at * v;
  return v;
}

static vb_status set(int n, const double *at, const double *par, double *q, double *log_det) {
  return vb_diagonal_set(variance, n, at, par, q, log_det);
}

static void contract(int n, const double *at, const double *par, const double *u, double *grad) {
  vb_diagonal_contract(variance, 2, n, at, par, u, grad);
}

const vb_precision vb_precision_car = {.name = "car",
                                       .n_par = 2,
                                       .domain = {VB_POSITIVE, VB_UNIT_INTERVAL},
                                       .per_level = 1,
                                       .set = set,
                                       .contract = contract};
