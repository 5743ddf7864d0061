/* Independent coefficients of one sd: the wiggles of a smooth, members of several groups, and, in
 * the basis that makes it so, whatever has a covariance known but for its scale. */
#include "rows/rows.h"

static double variance(double at, const double *more, const double *par, double *by_par) {
  (void)at;
  (void)more;
  (void)par;
  (void)by_par;
  return 1;
}

const vb_precision vb_precision_iid = {
    .name = "iid", .n_par = 1, .domain = {VB_POSITIVE}, .per_level = 1, .variance = variance};
