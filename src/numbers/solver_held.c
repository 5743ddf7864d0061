/* The core given that some combinations of its coefficients are zero: a map's effects sum to zero,
 * say.  With B of another row, A the combinations and W = B^-1 A, the inverse is
 * B^-1 - W (A'W)^-1 W', and the determinant on what is left is |B| |A'W| where A is orthonormal
 * (Rue & Held 2005, section 2.3.3). */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "numbers/solver.h"

static vb_status held_factor(vb_core *core) {
  vb_core_held *h = core->held;
  int q = core->q, k = h->n;
  vb_status st = h->solver->factor(core);
  if (st != VB_OK) return st;
  memcpy(h->solved, h->a, sizeof(double) * q * k);
  h->solver->solve(core, k, h->solved, q);
  vb_gemm_tn(k, k, q, 1, h->a, q, h->solved, q, 0, h->chol, k);
  return vb_chol(k, h->chol, k);
}

static double held_log_det(const vb_core *core) {
  const vb_core_held *h = core->held;
  return h->solver->log_det(core) + vb_chol_log_det(h->n, h->chol, h->n);
}

/* x <- x - W (A'W)^-1 A'x, x = B^-1 b; what that takes from x'B x */
static double project(const vb_core_held *h, int q, double *x) {
  int k = h->n;
  double *t = h->work, lost;
  for (int i = 0; i < k; i++) t[i] = vb_dot(q, h->a + (size_t)i * q, x);
  vb_chol_half(k, h->chol, k, 1, t, k);
  lost = vb_dot(k, t, t);
  vb_chol_half_t(k, h->chol, k, 1, t, k);
  for (int i = 0; i < k; i++)
    for (int o = 0; o < q; o++) x[o] -= h->solved[o + (size_t)i * q] * t[i];
  return lost;
}

static void held_solve(const vb_core *core, int m, double *b, int ldb) {
  core->held->solver->solve(core, m, b, ldb);
  for (int c = 0; c < m; c++) project(core->held, core->q, b + (size_t)c * ldb);
}

static void held_half_t(const vb_core *core, double *z) {
  core->held->solver->half_t(core, z);
  core->held->lost = project(core->held, core->q, z);
}

/* a column of the inverse less that of W (A'W)^-1 W' */
static void subtract(const vb_core *core, int c, int n, const int *row, double *inv) {
  const vb_core_held *h = core->held;
  int q = core->q;
  double *t = h->work;
  for (int i = 0; i < h->n; i++) t[i] = h->solved[c + (size_t)i * q];
  vb_chol_solve(h->n, h->chol, h->n, 1, t, h->n);
  for (int i = 0; i < h->n; i++)
    for (int e = 0; e < n; e++) inv[e] -= h->solved[(row ? row[e] : e) + (size_t)i * q] * t[i];
}

static vb_status held_inverse(vb_core *core) {
  vb_status st = core->held->solver->inverse(core);
  for (int c = 0; c < core->q && st == VB_OK; c++) {
    const int *col = core->col_start;
    if (col)
      subtract(core, c, col[c + 1] - col[c], core->row_index + col[c], core->inv + col[c]);
    else
      subtract(core, c, core->q, NULL, core->inv + (size_t)c * core->q);
  }
  return st;
}

static const vb_core_solver solver_held = {.name = "held",
                                           .factor = held_factor,
                                           .log_det = held_log_det,
                                           .solve = held_solve,
                                           .half_t = held_half_t,
                                           .inverse = held_inverse};

void vb_core_hold(const vb_host *host, int n, const double *a, vb_core *core) {
  vb_core_held *h = host->alloc(1, sizeof(vb_core_held));
  *h = (vb_core_held){.solver = core->solver, .n = n, .a = a};
  h->solved = host->alloc((size_t)core->q * n + 1, sizeof(double));
  h->chol = host->alloc((size_t)n * n + 1, sizeof(double));
  h->work = host->alloc(n + 1, sizeof(double));
  core->held = h;
  core->solver = &solver_held;
}
