/* Stationary first-order autoregression with a marginal sd: x_t given x_s, g = t - s > 0, is
 * N(r x_s, sd^2 (1 - r^2)), r = rho^g.  `at` is each time's distance g from the one before it, 0
 * where a series begins. */
#include <math.h>
#include <string.h>
#include "rows/rows.h"

#define LEAST 1e-8 /* of the variance that a step leaves: below, doubles have no factor of Q */

static vb_status set(int n, const double *at, const double *par, double *q, double *log_det) {
  double precision = 1 / (par[0] * par[0]);
  if (!isfinite(precision) || !(precision > 0)) return VB_NOT_FINITE;
  memset(q, 0, sizeof(double) * n * n);
  *log_det = -2 * n * log(par[0]);
  for (int i = 0; i < n; i++) {
    size_t own = i * (size_t)(n + 1), last = own - n - 1;
    if (at[i] == 0) {
      q[own] += precision;
      continue;
    }
    double r = pow(par[1], at[i]), left = 1 - r * r, p = precision / left;
    if (!(left > LEAST) || !isfinite(p)) return VB_NOT_FINITE;
    q[own] += p;
    q[last] += r * r * p;
    q[own - 1] = q[own - n] = -r * p;
    *log_det -= log(left);
  }
  return VB_OK;
}

static void contract(int n, const double *at, const double *par, const double *u, double *grad) {
  double precision = 1 / (par[0] * par[0]), square = 0;
  for (int i = 0; i < n; i++) {
    size_t own = i * (size_t)(n + 1), last = own - n - 1;
    if (at[i] == 0) {
      square += u[own];
      continue;
    }
    double r = pow(par[1], at[i]), left = 1 - r * r, cross = u[own - 1];
    double step = u[own] - 2 * r * cross + r * r * u[last]; /* E (x_t - r x_s)^2 */
    double by_r = r / left - precision * ((r * u[last] - cross) / left + r * step / (left * left));
    square += step / left;
    grad[1] += by_r * at[i] * pow(par[1], at[i] - 1);
  }
  grad[0] += (precision * square - n) / par[0];
}

const vb_precision vb_precision_ar1 = {.name = "ar1",
                                       .n_par = 2,
                                       .domain = {VB_POSITIVE, VB_CORRELATION},
                                       .per_level = 1,
                                       .set = set,
                                       .contract = contract};
