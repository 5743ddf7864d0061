/* The model of a request, and what is given back on every way out of it. */
#include "r/r.h"
#include "r/r_sparse.h"

const vb_scheme *vb_r_scheme(SEXP list) {
  int i = vb_get_int(list, "coupling");
  if (i < 0 || i >= vb_scheme_count()) Rf_error("internal: no such scheme of coupling");
  return vb_scheme_row(i);
}

void vb_r_model(const vb_request *r, const vb_host *host, int cores, int solver, vb_core *core,
                vb_model *m, int *cell) {
  vb_layout layout = {&r->input, r->scheme,        &vb_sparse_row, cores,
                      solver,    r->may_factorise, r->most_bytes};
  vb_status st = vb_model_lay_out(host, &layout, core, m, cell);
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
