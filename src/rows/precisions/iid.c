/* Independent coefficients of one sd: the wiggles of a smooth, members of several groups, and, in
 * the basis that makes it so, whatever has a covariance known but for its scale. */
#include <math.h>
#include "rows/rows.h"

static double variance(double at, const double *more, const double *par, double *by_par) {
  (void)at;
  (void)more;
  (void)par;
  (void)by_par;
  return 1;
}

static vb_status set(int n, const double *at, const double *par, double *q, double *log_det) {
  return vb_diagonal_set(variance, n, at, par, q, log_det);
}

static void contract(int n, const double *at, const double *par, const double *u, double *grad) {
  vb_diagonal_contract(variance, 1, n, at, par, u, grad);
}

const vb_precision vb_precision_iid = {.name = "iid",
                                       .n_par = 1,
                                       .domain = {VB_POSITIVE},
                                       .per_level = 1,
                                       .set = set,
                                       .contract = contract};
