/* A precision known but for the sd of all: `at` is the matrix for an sd of one, and the log of its
 * determinant. */
#include <math.h>
#include "rows/rows.h"

static vb_status set(int n, const double *at, const double *par, double *q, double *log_det) {
  double precision = 1 / (par[0] * par[0]);
  size_t size = (size_t)n * n;
  if (!isfinite(precision) || !(precision > 0)) return VB_NOT_FINITE;
  for (size_t i = 0; i < size; i++) q[i] = precision * at[i];
  *log_det = at[size] - 2 * n * log(par[0]);
  return VB_OK;
}

static void contract(int n, const double *at, const double *par, const double *u, double *grad) {
  double square = 0;
  for (size_t i = 0; i < (size_t)n * n; i++) square += at[i] * u[i];
  grad[0] += (square / (par[0] * par[0]) - n) / par[0];
}

const vb_precision vb_precision_known = {.name = "known",
                                         .n_par = 1,
                                         .domain = {VB_POSITIVE},
                                         .square = 1,
                                         .more = 1,
                                         .set = set,
                                         .contract = contract};
