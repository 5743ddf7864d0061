/* The model with its solver: leaf and core with a dense core, or a sparse one where the core is
 * large and sparse; where no factor of it would fit, levels that are independent of each other. */
#include "gauss/scheme.h"

#define DENSE_UP_TO 100 /* core coefficients that are never worth a sparse factor */
#define SPARSE_COST 1.5 /* a supernodal operation against a dense one */
#define TOO_DEAR 1e10   /* operations of a factor that ADVI's start should not be made of */
#define FULL 0.4        /* share of the core's pattern from which on a factor of it will be dense */

/* the levels of the crossed factors independent of each other, since their Cholesky factor would
 * not fit */
static vb_status factorised(const vb_host *host, const vb_layout *layout, vb_model *m, int *cell) {
  return vb_scheme_model(host, &vb_scheme_partial, layout->input, layout->cores, m, cell);
}

/* can its levels be taken as independent of each other?  Those of fields are not even in the prior.
 */
static int can_part(const vb_layout *layout, const vb_model *m) {
  for (int k = 0; k < m->n_term; k++)
    if (m->term[k].is_field) return 0;
  return layout->solver == VB_SOLVER_AUTO;
}

static int too_large(const vb_layout *layout, const vb_model *m, double doubles) {
  return layout->most_bytes > 0 && can_part(layout, m) &&
         doubles * sizeof(double) > layout->most_bytes;
}

vb_status vb_model_lay_out(const vb_host *host, const vb_layout *layout, vb_core *core, vb_model *m,
                           int *cell) {
  const vb_sparse *sparse = layout->sparse;
  int solver = layout->solver, forced = solver == VB_SOLVER_SPARSE;
  vb_status st = vb_scheme_model(host, layout->scheme, layout->input, layout->cores, m, cell);
  if (st != VB_OK || m->q < 1 || solver == VB_SOLVER_DENSE || (m->q <= DENSE_UP_TO && !forced))
    return st;
  double flops, lnz, q = m->q, dense = q * q * q / 3, n_dense = 4 * q * q;
  int too_dear = layout->may_factorise && can_part(layout, m) && dense > TOO_DEAR;
  int full = !vb_core_pattern(host, m) || (!forced && m->core.col_start[m->q] > FULL * q * q / 2);
  if (full) {
    m->core.col_start = m->core.row_index = NULL;
    return too_dear || too_large(layout, m, n_dense) ? factorised(host, layout, m, cell) : VB_OK;
  }
  *core = m->core;
  core->held = NULL;
  st = sparse->analyse(core, host, &flops, &lnz);
  if (st != VB_OK) return st;
  int is_sparse = forced || SPARSE_COST * flops < dense;
  double pairs = 3.0 * core->col_start[m->q] + 2 * lnz;
  if ((too_dear && SPARSE_COST * flops > TOO_DEAR) ||
      too_large(layout, m, is_sparse ? pairs : n_dense)) {
    sparse->release(core);
    return factorised(host, layout, m, cell);
  }
  if (is_sparse) {
    vb_core_pairs(host, m);
    sparse->prepare(core);
    core->flops = flops;
    m->core = *core;
    vb_core_fields(host, m);
    return VB_OK;
  }
  sparse->release(core);
  m->core.col_start = m->core.row_index = NULL;
  return VB_OK;
}
