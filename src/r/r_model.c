/* The model with its solver: leaf-core with a dense core, or CHOLMOD where the core is large and
 * sparse. */
#include "r/r.h"
#include "r/r_sparse.h"

#define DENSE_UP_TO 100 /* core coefficients that are never worth a sparse factor */
#define SPARSE_COST 1.5 /* a supernodal operation against a dense one */
#define TOO_DEAR 1e10   /* operations of a factor that no fit should make by the dozen */

/* the levels of the crossed factors independent of each other, since their Cholesky factor would
 * not fit */
static vb_status factorised(const vb_request *r, const vb_host *host, int cores, vb_model *m,
                            int *cell) {
  return vb_scheme_model(host, &vb_scheme_partial, &r->input, cores, m, cell);
}

static vb_status lay_out(const vb_request *r, const vb_host *host, int cores, int solver,
                         vb_core *core, vb_model *m, int *cell) {
  vb_status st = vb_scheme_model(host, r->scheme, &r->input, cores, m, cell);
  int forced = solver == VB_R_SPARSE;
  if (st != VB_OK || m->q < 1 || solver == VB_R_DENSE || (m->q <= DENSE_UP_TO && !forced))
    return st;
  double flops, lnz, q = m->q;
  int too_dear = r->may_factorise && solver == VB_R_AUTO && q * q * q / 3 > TOO_DEAR;
  if (!vb_core_pattern(host, m)) return too_dear ? factorised(r, host, cores, m, cell) : VB_OK;
  *core = m->core;
  st = vb_sparse_analyse(core, host, &flops, &lnz);
  if (st != VB_OK) return st;
  if (too_dear && SPARSE_COST * flops > TOO_DEAR) {
    vb_sparse_free(core);
    return factorised(r, host, cores, m, cell);
  }
  if (forced || SPARSE_COST * 3 * flops < q * q * q) {
    vb_core_pairs(host, m);
    vb_sparse_prepare(core);
    m->core = *core;
    return VB_OK;
  }
  vb_sparse_free(core);
  m->core.col_start = m->core.row_index = NULL;
  return VB_OK;
}

const vb_scheme *vb_r_scheme(SEXP list) {
  int i = vb_get_int(list, "coupling");
  if (i < 0 || i >= vb_scheme_count()) Rf_error("internal: no such scheme of coupling");
  return vb_scheme_row(i);
}

void vb_r_model(const vb_request *r, const vb_host *host, int cores, int solver, vb_core *core,
                vb_model *m, int *cell) {
  vb_status st = lay_out(r, host, cores, solver, core, m, cell);
  if (st != VB_OK) Rf_error("internal: the model could not be laid out (status %d)", (int)st);
}

typedef struct {
  SEXP (*body)(void *);
  void *data;
  vb_core *core;
  vb_r_bar *bar;
} guarded;

static SEXP guard_body(void *data) {
  guarded *g = data;
  return g->body(g->data);
}
static void guard_clean(void *data, Rboolean jump) {
  (void)jump;
  guarded *g = data;
  vb_r_host_end(g->bar);
  vb_sparse_free(g->core);
}

SEXP vb_r_guard(SEXP (*body)(void *), void *data, vb_core *core, vb_r_bar *bar) {
  guarded g = {body, data, core, bar};
  SEXP token = PROTECT(R_MakeUnwindCont());
  SEXP out = R_UnwindProtect(guard_body, &g, guard_clean, &g, token);
  UNPROTECT(1);
  return out;
}
