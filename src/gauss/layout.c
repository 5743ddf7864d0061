/* The model with its solver: leaf and core with a dense core, or a sparse one where the core is
 * large and sparse; where no factor of it would fit, levels that are independent of each other. */
#include "gauss/scheme.h"

#define DENSE_UP_TO 100 /* core coefficients that are never worth a sparse factor */
#define SPARSE_COST 1.5 /* a supernodal operation against a dense one */
#define TOO_DEAR 1e10   /* operations of a factor that no fit should make by the dozen */

/* the levels of the crossed factors independent of each other, since their Cholesky factor would
 * not fit */
static vb_status factorised(const vb_host *host, const vb_layout *layout, vb_model *m, int *cell) {
  return vb_scheme_model(host, &vb_scheme_partial, layout->input, layout->cores, m, cell);
}

vb_status vb_model_lay_out(const vb_host *host, const vb_layout *layout, vb_core *core, vb_model *m,
                           int *cell) {
  const vb_sparse *sparse = layout->sparse;
  int solver = layout->solver, forced = solver == VB_SOLVER_SPARSE;
  vb_status st = vb_scheme_model(host, layout->scheme, layout->input, layout->cores, m, cell);
  if (st != VB_OK || m->q < 1 || solver == VB_SOLVER_DENSE || (m->q <= DENSE_UP_TO && !forced))
    return st;
  double flops, lnz, q = m->q;
  int too_dear = layout->may_factorise && solver == VB_SOLVER_AUTO && q * q * q / 3 > TOO_DEAR;
  if (!vb_core_pattern(host, m)) return too_dear ? factorised(host, layout, m, cell) : VB_OK;
  *core = m->core;
  st = sparse->analyse(core, host, &flops, &lnz);
  if (st != VB_OK) return st;
  if (too_dear && SPARSE_COST * flops > TOO_DEAR) {
    sparse->release(core);
    return factorised(host, layout, m, cell);
  }
  if (forced || SPARSE_COST * 3 * flops < q * q * q) {
    vb_core_pairs(host, m);
    sparse->prepare(core);
    m->core = *core;
    return VB_OK;
  }
  sparse->release(core);
  m->core.col_start = m->core.row_index = NULL;
  return VB_OK;
}
