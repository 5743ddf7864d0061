/* Named lists, read and made. */
#include <string.h>
#include "r/r.h"

SEXP vb_list_get(SEXP list, const char *name) {
  SEXP names = Rf_getAttrib(list, R_NamesSymbol);
  for (R_xlen_t i = 0; i < Rf_xlength(list) && names != R_NilValue; i++)
    if (!strcmp(CHAR(STRING_ELT(names, i)), name)) return VECTOR_ELT(list, i);
  return R_NilValue;
}

SEXP vb_list_need(SEXP list, const char *name) {
  SEXP x = vb_list_get(list, name);
  if (x == R_NilValue) Rf_error("internal: the list has no element '%s'", name);
  return x;
}

double vb_get_double(SEXP list, const char *name) { return Rf_asReal(vb_list_need(list, name)); }
int vb_get_int(SEXP list, const char *name) { return Rf_asInteger(vb_list_need(list, name)); }

/* R has checked what it tells us, with words for the user; that is relied on for values only */
static SEXP checked(SEXP x, const char *name, SEXPTYPE type, R_xlen_t n) {
  if (TYPEOF(x) != type || (n >= 0 && Rf_xlength(x) != n))
    Rf_error("internal: '%s' has another type or length than it should have", name);
  return x;
}

const double *vb_get_reals(SEXP list, const char *name, R_xlen_t n) {
  return REAL_RO(checked(vb_list_need(list, name), name, REALSXP, n));
}
const double *vb_may_reals(SEXP list, const char *name, R_xlen_t n) {
  SEXP x = vb_list_get(list, name);
  return x == R_NilValue ? NULL : REAL_RO(checked(x, name, REALSXP, n));
}
int vb_ncols(SEXP x) { return TYPEOF(x) == VECSXP ? (int)Rf_xlength(x) : Rf_ncols(x); }
const double *const *vb_columns(SEXP x, R_xlen_t n, const vb_host *host) {
  int p = vb_ncols(x), listed = TYPEOF(x) == VECSXP;
  const double **column = host->alloc(p + 1, sizeof *column);
  for (int k = 0; k < p; k++)
    column[k] = listed ? REAL_RO(checked(VECTOR_ELT(x, k), "x", REALSXP, n))
                       : REAL_RO(checked(x, "x", REALSXP, n * p)) + n * k;
  return column;
}
const int *vb_get_ints(SEXP list, const char *name, R_xlen_t n) {
  return INTEGER_RO(checked(vb_list_need(list, name), name, INTSXP, n));
}
vb_rows vb_get_rows(SEXP list, R_xlen_t n) {
  const double *y = vb_get_reals(list, "y", n);
  R_xlen_t had = Rf_xlength(vb_list_need(list, "y"));
  return (vb_rows){(int)had, y, vb_get_reals(list, "w", had)};
}
SEXP vb_get_strings(SEXP list, const char *name, R_xlen_t n) {
  return checked(vb_list_need(list, name), name, STRSXP, n);
}
SEXP vb_get_list(SEXP list, const char *name, R_xlen_t n) {
  return checked(vb_list_need(list, name), name, VECSXP, n);
}

SEXP vb_list_new(int n, const char *const *name) {
  SEXP list = PROTECT(Rf_allocVector(VECSXP, n)), names = PROTECT(Rf_allocVector(STRSXP, n));
  for (int i = 0; i < n; i++) SET_STRING_ELT(names, i, Rf_mkChar(name[i]));
  Rf_setAttrib(list, R_NamesSymbol, names);
  UNPROTECT(2);
  return list;
}

SEXP vb_list_put(SEXP list, const char *name, SEXP value) {
  PROTECT(value);
  SEXP names = Rf_getAttrib(list, R_NamesSymbol);
  for (R_xlen_t i = 0; i < Rf_xlength(list); i++)
    if (!strcmp(CHAR(STRING_ELT(names, i)), name)) {
      SET_VECTOR_ELT(list, i, value);
      UNPROTECT(1);
      return value;
    }
  Rf_error("internal: no place for '%s'", name);
}

double *vb_list_real(SEXP list, const char *name, R_xlen_t n) {
  return REAL(vb_list_put(list, name, Rf_allocVector(REALSXP, n)));
}
double *vb_list_matrix(SEXP list, const char *name, int nrow, int ncol) {
  return REAL(vb_list_put(list, name, Rf_allocMatrix(REALSXP, nrow, ncol)));
}
int *vb_list_int(SEXP list, const char *name, R_xlen_t n) {
  return INTEGER(vb_list_put(list, name, Rf_allocVector(INTSXP, n)));
}
