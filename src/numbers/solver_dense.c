/* The dense row of the core solvers: val and inv are q x q, factor the caller's q x q doubles. */
#include <math.h>
#include <string.h>
#include "numbers/solver.h"

static double dense_log_det(const vb_core *core) {
  return vb_chol_log_det(core->q, core->factor, core->q);
}

static vb_status dense_factor(vb_core *core) {
  size_t q = (size_t)core->q;
  double *l = core->factor;
  for (size_t j = 0; j < q; j++)
    memcpy(l + j * q + j, core->val + j * q + j, (q - j) * sizeof(double));
  vb_status status = vb_chol(core->q, l, core->q);
  if (status != VB_OK) return status;
  return isfinite(dense_log_det(core)) ? VB_OK : VB_NOT_POS_DEF; /* not every LAPACK minds a NaN */
}

static void dense_solve(const vb_core *core, int m, double *b, int ldb) {
  vb_chol_solve(core->q, core->factor, core->q, m, b, ldb);
}

static void dense_half_t(const vb_core *core, double *z) {
  vb_chol_half_t(core->q, core->factor, core->q, 1, z, core->q);
}

/* L stays: draws are made from it after the inverse has been taken. */
static vb_status dense_inverse(vb_core *core) {
  size_t q = (size_t)core->q;
  memcpy(core->inv, core->factor, q * q * sizeof(double));
  vb_chol_inverse(core->q, core->inv, core->q);
  return VB_OK;
}

const vb_core_solver vb_solver_dense = {"dense",     dense_factor, dense_log_det,
                                        dense_solve, dense_half_t, dense_inverse};
