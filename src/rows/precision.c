/* A precision by its row.  Many are diagonal: in the eigenvectors of a matrix, or in frequencies,
 * the coefficients are independent, and their variances functions of few parameters. */
#include <math.h>
#include <string.h>
#include "rows/rows.h"

vb_status vb_precision_set(const vb_precision *row, int n, const double *at, const double *par,
                           double *q, double *log_det) {
  if (row->set) return row->set(n, at, par, q, log_det);
  double by_par[VB_PRECISION_PAR];
  memset(q, 0, sizeof(double) * n * n);
  *log_det = -2 * n * log(par[0]);
  for (int i = 0; i < n; i++) {
    double v = row->variance(at[i], at + n, par, by_par), precision = 1 / (v * par[0] * par[0]);
    if (!(v > 0) || !isfinite(precision) || !(precision > 0)) return VB_NOT_FINITE;
    q[i * (size_t)(n + 1)] = precision;
    *log_det -= log(v);
  }
  return VB_OK;
}

void vb_precision_contract(const vb_precision *row, int n, const double *at, const double *par,
                           const double *u, double *grad) {
  if (row->contract) {
    row->contract(n, at, par, u, grad);
    return;
  }
  double by_par[VB_PRECISION_PAR];
  for (int i = 0; i < n; i++) {
    double v = row->variance(at[i], at + n, par, by_par);
    double excess = (u[i * (size_t)(n + 1)] / (v * par[0] * par[0]) - 1) / 2; /* d / d log v */
    grad[0] += 2 * excess / par[0];
    for (int k = 1; k < row->n_par; k++) grad[k] += excess * by_par[k];
  }
}
