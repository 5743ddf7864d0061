/* A precision by its row.  Many are diagonal: in the eigenvectors of a matrix, or in frequencies,
 * the coefficients are independent, and their variances functions of few parameters. */
#include <math.h>
#include <string.h>
#include "rows/rows.h"

static vb_status set_sparse(const vb_precision *row, int n, const double *at, const double *par,
                            double *q, double *log_det) {
  int k = row->n_matrix;
  double weight[VB_PRECISION_WEIGHTS], by_par[VB_PRECISION_WEIGHTS * VB_PRECISION_PAR];
  const double *count = at + (size_t)n * k;
  row->weigh(par, weight, by_par);
  *log_det = count[row->n_log];
  for (int j = 0; j < row->n_log; j++) *log_det += count[j] * weight[k + j];
  if (!isfinite(*log_det)) return VB_NOT_FINITE;
  for (int e = 0; e < n; e++) {
    q[e] = 0;
    for (int j = 0; j < k; j++) q[e] += weight[j] * at[(size_t)e * k + j];
  }
  return VB_OK;
}

static void contract_sparse(const vb_precision *row, int n, const double *at, const double *par,
                            const double *u, double *grad) {
  int k = row->n_matrix, all = k + row->n_log, n_par = row->n_par;
  double weight[VB_PRECISION_WEIGHTS], by_par[VB_PRECISION_WEIGHTS * VB_PRECISION_PAR];
  double sum[VB_PRECISION_WEIGHTS] = {0};
  row->weigh(par, weight, by_par);
  for (int e = 0; e < n; e++)
    for (int j = 0; j < k; j++) sum[j] -= at[(size_t)e * k + j] * u[e];
  for (int j = k; j < all; j++) sum[j] = at[(size_t)n * k + j - k];
  for (int j = 0; j < all; j++)
    for (int i = 0; i < n_par; i++) grad[i] += sum[j] * by_par[j * n_par + i] / 2;
}

vb_status vb_precision_set(const vb_precision *row, int n, const double *at, const double *par,
                           double *q, double *log_det) {
  if (row->set) return row->set(n, at, par, q, log_det);
  if (row->weigh) return set_sparse(row, n, at, par, q, log_det);
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
  if (row->weigh) {
    contract_sparse(row, n, at, par, u, grad);
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
