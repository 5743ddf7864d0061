/* Every row of the table of precisions: symmetric, its log determinant that of its Cholesky factor,
 * and its gradient that of differences. */
#include <math.h>
#include <string.h>
#include "core-test.h"
#include "numbers/small.h"

enum { N = 6 };

static const double parameter[][VB_PRECISION_PAR] = {
    [VB_POSITIVE] = {0.7, 1.9}, [VB_UNIT_INTERVAL] = {0.2, 0.85}, [VB_CORRELATION] = {-0.6, 0.4}};

/* numbers that suit any row: gaps of series, variances, eigenvalues below one */
static void set_at(const vb_precision *row, double *at) {
  int k = 0;
  for (; row->weigh && k < (int)vb_precision_size(row, N); k++) at[k] = 1 + wave(k);
  if (row->weigh) return;
  for (; k < row->per_level * N; k++) at[k] = k % 3 ? 1 : 0;
  double *q = at + k;
  for (int i = 0; i < row->square * N * N; i++, k++)
    q[i] = i % (N + 1) ? 0.1 * wave(i % N + i / N) : 2 + wave(i % N);
  if (row->square) { /* the log of its determinant */
    double l[N * N];
    memcpy(l, q, sizeof l);
    vb_chol(N, l, N);
    at[k] = vb_chol_log_det(N, l, N);
  } else if (row->more) {
    at[k] = 2; /* dimensions */
  }
}

/* (log |Q| - tr(Q U)) / 2 */
static double value(const vb_precision *row, const double *at, const double *par, const double *u) {
  double q[N * N], log_det, l[N * N], sum = 0;
  vb_precision_set(row, N, at, par, q, &log_det);
  memcpy(l, q, sizeof l);
  check(vb_chol(N, l, N) == VB_OK, "positive definite", row->name, 0, 0);
  check_near(log_det, vb_chol_log_det(N, l, N), 1e-9, "log determinant", row->name);
  for (int b = 0; b < N; b++)
    for (int a = 0; a < N; a++) {
      check_near(q[a + b * N], q[b + a * N], 1e-12, "symmetric", row->name);
      sum += q[a + b * N] * u[a + b * N];
    }
  return (log_det - sum) / 2;
}

/* the same of a sparse row, as a function of its N entries: Q need not be positive definite */
static double sparse_value(const vb_precision *row, const double *at, const double *par,
                           const double *u) {
  double q[N], log_det, sum = 0;
  check(vb_precision_set(row, N, at, par, q, &log_det) == VB_OK, "set", row->name, 0, 0);
  for (int e = 0; e < N; e++) sum += q[e] * u[e];
  return (log_det - sum) / 2;
}

void test_precision(void) {
  const double step = 1e-6;
  for (int r = 0; r < vb_precision_count(); r++) {
    const vb_precision *row = vb_precision_row(r);
    double *at = doubles(vb_precision_size(row, N)), u[N * N];
    set_at(row, at);
    check(vb_precision_find(row->name) == row, "found by its name", row->name, 0, 0);
    for (int b = 0; b < N; b++)
      for (int a = 0; a <= b; a++) u[a + b * N] = u[b + a * N] = wave(a * N + b) + (a == b ? 2 : 0);
    for (int which = 0; which < 2; which++) {
      double par[VB_PRECISION_PAR], grad[VB_PRECISION_PAR] = {0};
      for (int k = 0; k < row->n_par; k++) par[k] = parameter[row->domain[k]][which];
      vb_precision_contract(row, N, at, par, u, grad);
      for (int k = 0; k < row->n_par; k++) {
        double here = par[k];
        par[k] = here + step;
        double up = (row->weigh ? sparse_value : value)(row, at, par, u);
        par[k] = here - step;
        double down = (row->weigh ? sparse_value : value)(row, at, par, u);
        par[k] = here;
        check_near(grad[k], (up - down) / (2 * step), 1e-6 * (1 + fabs(grad[k])), "gradient",
                   row->name);
      }
    }
  }
}
