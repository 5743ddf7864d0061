/* .Call(vb_r_log_score): densities of responses in any rows, node by node, without R's constant.
 * moments: mean, var and skew, rows x nodes; par: parameters x nodes. */
#include "posterior/cavity.h"
#include "r/r.h"

typedef struct {
  SEXP spec, data, moments, par;
  vb_r_bar bar;
} job;

static SEXP body(void *data) {
  job *j = data;
  vb_host host = vb_r_host(&j->bar, 0);
  SEXP user = vb_list_get(j->spec, "user"), mean = vb_list_need(j->moments, "mean");
  const vb_family *f =
      user != R_NilValue ? vb_r_user_family(user, &host).family
                         : vb_family_find(CHAR(Rf_asChar(vb_list_need(j->spec, "family"))),
                                          CHAR(Rf_asChar(vb_list_need(j->spec, "link"))), "exact");
  if (!f) Rf_error("internal: no such family");
  int n = Rf_nrows(mean), n_node = Rf_ncols(mean), n_par = Rf_nrows(j->par);
  R_xlen_t all = (R_xlen_t)n * n_node;
  vb_rows rows = vb_get_rows(j->data, n);
  const double *v = vb_get_reals(j->moments, "var", all);
  const double *skew = vb_get_reals(j->moments, "skew", all);
  if (n_par > VB_MAX_PAR || Rf_ncols(j->par) != n_node) Rf_error("internal: dispersions of nodes");
  double par[VB_MAX_PAR + 1];
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, n, n_node));
  for (int s = 0; s < n_node; s++) {
    for (int k = 0; k < n_par; k++) par[k] = REAL_RO(j->par)[k + (size_t)s * n_par];
    par[n_par] = R_PosInf;
    for (int i = 0; i < n; i++) {
      size_t at = i + (size_t)s * n;
      double base = 0;
      vb_rows row = vb_rows_range(&rows, i, 1);
      if (f->base) f->base(&row, par, &base);
      REAL(out)[at] = base + vb_log_score(f, &row, REAL_RO(mean)[at], v[at], skew[at], par);
      if ((i & 1023) == 1023) R_CheckUserInterrupt();
    }
    R_CheckUserInterrupt();
  }
  UNPROTECT(1);
  return out;
}

SEXP vb_r_log_score(SEXP spec, SEXP data, SEXP moments, SEXP par) {
  vb_core core = {0};
  job j = {.spec = spec, .data = data, .moments = moments, .par = par};
  return vb_r_guard(body, &j, &core, &j.bar);
}
