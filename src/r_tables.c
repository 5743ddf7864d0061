/* The tables as R sees them, and their rows one function at a time for the tests. */
#include <string.h>
#include "r.h"

SEXP vb_r_tables(void) {
  static const char *const names[] = {"family", "prior"};
  static const char *const family_names[] = {"name", "link", "n_par", "par1", "par2", "cells"};
  static const char *const prior_names[] = {"name", "n_arg", "proper"};
  int n = vb_family_count(), np = vb_prior_count();
  SEXP list = PROTECT(vb_list_new(2, names));
  SEXP f = vb_list_put(list, "family", vb_list_new(6, family_names));
  SEXP name = vb_list_put(f, "name", Rf_allocVector(STRSXP, n));
  SEXP link = vb_list_put(f, "link", Rf_allocVector(STRSXP, n));
  int *n_par = vb_list_int(f, "n_par", n);
  SEXP par1 = vb_list_put(f, "par1", Rf_allocVector(STRSXP, n));
  SEXP par2 = vb_list_put(f, "par2", Rf_allocVector(STRSXP, n));
  int *cells = vb_list_int(f, "cells", n);
  for (int i = 0; i < n; i++) {
    const vb_family *row = vb_family_row(i);
    SET_STRING_ELT(name, i, Rf_mkChar(row->name));
    SET_STRING_ELT(link, i, Rf_mkChar(row->link));
    n_par[i] = row->n_par;
    SET_STRING_ELT(par1, i, row->n_par > 0 ? Rf_mkChar(row->par_name[0]) : NA_STRING);
    SET_STRING_ELT(par2, i, row->n_par > 1 ? Rf_mkChar(row->par_name[1]) : NA_STRING);
    cells[i] = row->cells;
  }
  SEXP p = vb_list_put(list, "prior", vb_list_new(3, prior_names));
  SEXP prior = vb_list_put(p, "name", Rf_allocVector(STRSXP, np));
  int *n_arg = vb_list_int(p, "n_arg", np), *proper = vb_list_int(p, "proper", np);
  for (int i = 0; i < np; i++) {
    const vb_prior *row = vb_prior_row(i);
    SET_STRING_ELT(prior, i, Rf_mkChar(row->name));
    n_arg[i] = row->n_arg;
    proper[i] = row->proper;
  }
  UNPROTECT(1);
  return list;
}

static SEXP three(int n, double **ll, double **d1, double **d2) {
  static const char *const names[] = {"ll", "d1", "d2"};
  SEXP list = PROTECT(vb_list_new(3, names));
  *ll = vb_list_real(list, "ll", n);
  *d1 = vb_list_real(list, "d1", n);
  *d2 = vb_list_real(list, "d2", n);
  UNPROTECT(1);
  return list;
}

/* expectations by the engine's own path, quadrature of log_lik included where closed is false */
static void expectations(const vb_family *family, int n, const double *y, const double *w, const double *m,
                         const double *v, const double *par, int closed, double *ll, double *d1, double *d2) {
  vb_host host = vb_r_host();
  vb_rules *rules = host.alloc(1, sizeof(vb_rules));
  vb_rules_make(rules);
  vb_family row = *family;
  if (!closed) row.expect = NULL;
  vb_model model = {.host = &host, .family = &row, .rules = rules, .cores = 1, .n = n, .y = y, .w = w};
  vb_expect(&model, par, m, v, ll, d1, d2);
  for (int i = 0; i < n; i++) d2[i] = -d2[i];
}

SEXP vb_r_family(SEXP name, SEXP link, SEXP what, SEXP y, SEXP w, SEXP m, SEXP par, SEXP v, SEXP k) {
  const vb_family *f = vb_family_find(CHAR(Rf_asChar(name)), CHAR(Rf_asChar(link)));
  if (!f) Rf_error("internal: no such family");
  const char *which = CHAR(Rf_asChar(what));
  int n = (int)Rf_xlength(m);
  const double *ry = REAL_RO(y), *rw = REAL_RO(w), *rm = REAL_RO(m), *rp = REAL_RO(par), *rv = REAL_RO(v);
  double *ll, *d1, *d2;
  SEXP out;
  if (!strcmp(which, "log_lik") || !strncmp(which, "expect", 6)) {
    out = PROTECT(three(n, &ll, &d1, &d2));
    if (which[0] == 'l') f->log_lik(n, ry, rw, rm, rp, ll, d1, d2);
    else expectations(f, n, ry, rw, rm, rv, rp, !strcmp(which, "expect"), ll, d1, d2);
    UNPROTECT(1);
    return out;
  }
  out = PROTECT(Rf_allocVector(REALSXP, n));
  memset(REAL(out), 0, sizeof(double) * n);
  if (!strcmp(which, "base") && f->base) f->base(n, ry, rw, rp, REAL(out));
  else if (!strcmp(which, "log_lik_par") && f->log_lik_par) f->log_lik_par(n, ry, rw, rm, rp, Rf_asInteger(k) - 1, REAL(out));
  else if (!strcmp(which, "mean")) f->mean(n, rm, REAL(out));
  else if (!strcmp(which, "variance")) f->variance(n, rm, rw, rp, REAL(out));
  UNPROTECT(1);
  return out;
}

SEXP vb_r_prior(SEXP name, SEXP x, SEXP arg) {
  static const char *const names[] = {"ll", "d1", "d2", "log_upper"};
  const vb_prior *p = vb_prior_find(CHAR(Rf_asChar(name)));
  if (!p) Rf_error("internal: no such prior");
  int n = (int)Rf_xlength(x);
  SEXP list = PROTECT(vb_list_new(4, names));
  double *ll = vb_list_real(list, "ll", n), *d1 = vb_list_real(list, "d1", n), *d2 = vb_list_real(list, "d2", n);
  p->log_density(n, REAL_RO(x), REAL_RO(arg), ll, d1, d2);
  for (int i = 0; i < n; i++) ll[i] += p->log_norm(REAL_RO(arg));
  *vb_list_real(list, "log_upper", 1) = p->log_upper(REAL_RO(arg));
  UNPROTECT(1);
  return list;
}
