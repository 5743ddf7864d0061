/* What the precisions have in common that are diagonal: in the eigenvectors of a matrix, or in
 * frequencies, the coefficients are independent, and their variances functions of few parameters.
 */
#include <math.h>
#include <string.h>
#include "rows/rows.h"

vb_status vb_diagonal_set(vb_variance_fn variance, int n, const double *at, const double *par,
                          double *q, double *log_det) {
  double by_par[VB_PRECISION_PAR];
  memset(q, 0, sizeof(double) * n * n);
  *log_det = -2 * n * log(par[0]);
  for (int i = 0; i < n; i++) {
    double v = variance(at[i], at + n, par, by_par), precision = 1 / (v * par[0] * par[0]);
    if (!(v > 0) || !isfinite(precision) || !(precision > 0)) return VB_NOT_FINITE;
    q[i * (size_t)(n + 1)] = precision;
    *log_det -= log(v);
  }
  return VB_OK;
}

void vb_diagonal_contract(vb_variance_fn variance, int n_par, int n, const double *at,
                          const double *par, const double *u, double *grad) {
  double by_par[VB_PRECISION_PAR];
  for (int i = 0; i < n; i++) {
    double v = variance(at[i], at + n, par, by_par);
    double excess = (u[i * (size_t)(n + 1)] / (v * par[0] * par[0]) - 1) / 2; /* d / d log v */
    grad[0] += 2 * excess / par[0];
    for (int k = 1; k < n_par; k++) grad[k] += excess * by_par[k];
  }
}
