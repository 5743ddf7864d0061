/* varbayes: the glue.  R objects end here; the core is described in vb.h. */
#ifndef VB_R_H
#define VB_R_H
#define R_NO_REMAP
#include <R.h>
#include <Rinternals.h>
#include "design/design.h"
#include "gauss/scheme.h"
#include "posterior/posterior.h"

SEXP vb_r_fit(SEXP spec, SEXP control);
SEXP vb_r_advi(SEXP target, SEXP control);
SEXP vb_r_advi_model(SEXP spec, SEXP control);
SEXP vb_r_tail_k(SEXP log_weight);
SEXP vb_r_open(SEXP spec, SEXP engine, SEXP use);
SEXP vb_r_moments(SEXP handle, SEXP rows);
SEXP vb_r_node_moments(SEXP handle, SEXP rows, SEXP corrected);
SEXP vb_r_draw(SEXP handle, SEXP uniform, SEXP normal, SEXP theta);
SEXP vb_r_cavity(SEXP handle, SEXP unit);
SEXP vb_r_over_points(SEXP handle, SEXP node);
SEXP vb_r_log_score(SEXP spec, SEXP data, SEXP moments, SEXP par);
SEXP vb_r_quantiles(SEXP mean, SEXP var, SEXP skew, SEXP weight, SEXP probs);
SEXP vb_r_tilted(SEXP q, SEXP shrink, SEXP weight, SEXP probs);
SEXP vb_r_predictive(SEXP row, SEXP nodes, SEXP w, SEXP probs);
SEXP vb_r_joint(SEXP spec, SEXP axes, SEXP xi, SEXP settings);
SEXP vb_r_tables(void);
SEXP vb_r_several(SEXP name, SEXP data, SEXP slopes);
SEXP vb_r_columns(SEXP x);
SEXP vb_r_family(SEXP row, SEXP what, SEXP data, SEXP par, SEXP k);
SEXP vb_r_stein(SEXP user, SEXP data, SEXP par);
SEXP vb_r_prior(SEXP name, SEXP x, SEXP arg, SEXP v);

/* by name, link and bound */
const vb_family *vb_r_family_row(SEXP row);

/* lists by name; an absent element is NULL where it may be, else an internal error */
SEXP vb_list_get(SEXP list, const char *name);
SEXP vb_list_need(SEXP list, const char *name);
double vb_get_double(SEXP list, const char *name);
int vb_get_int(SEXP list, const char *name);
/* elements of one type and n entries, any number where n < 0; may: NULL where there is none */
const double *vb_get_reals(SEXP list, const char *name, R_xlen_t n);
const double *vb_may_reals(SEXP list, const char *name, R_xlen_t n);
/* columns of n numbers each, of a matrix or a list: how many, and where they are */
int vb_ncols(SEXP x);
const double *const *vb_columns(SEXP x, R_xlen_t n, const vb_host *host);
const int *vb_get_ints(SEXP list, const char *name, R_xlen_t n);
SEXP vb_get_strings(SEXP list, const char *name, R_xlen_t n);
SEXP vb_get_list(SEXP list, const char *name, R_xlen_t n);
vb_rows vb_get_rows(SEXP list,
                    R_xlen_t n); /* its columns of a response, n < 0: as many as there are */
/* a named list; everything hangs from it, so it is the one object to protect */
SEXP vb_list_new(int n, const char *const *name);
SEXP vb_list_put(SEXP list, const char *name, SEXP value);
double *vb_list_real(SEXP list, const char *name, R_xlen_t n);
double *vb_list_matrix(SEXP list, const char *name, int nrow, int ncol);
int *vb_list_int(SEXP list, const char *name, R_xlen_t n);

typedef struct { /* a family that R wrote (r_user.c), and where its parameters start; NULL: none */
  vb_family *family;
  const double *start;
} vb_r_own;
typedef struct {
  vb_input input;
  vb_r_own own;
  vb_hyper hyper;
  const vb_scheme *scheme; /* full, unless the caller says otherwise */
  int may_factorise;       /* where a Cholesky factor would be dear */
  double most_bytes;       /* that it may have; 0: all there is */
  double *start;           /* first axes of theta */
} vb_request;
typedef struct { /* of one call: its clock and its progress bar */
  SEXP bar;      /* NULL: none */
  double begun;
} vb_r_bar;
/* host with R's allocator and interrupts; the clock starts and, if show, the progress bar */
vb_host vb_r_host(vb_r_bar *bar, int show);
void vb_r_host_end(vb_r_bar *bar);
/* a function of the package, for what only R can do; argument NULL: it has none */
void vb_r_call(const char *name, SEXP argument);
void vb_r_read(SEXP spec, const vb_host *host, vb_request *request);
/* r_user.c: the row of a family that R wrote; its scale of eta */
vb_r_own vb_r_user_family(SEXP user, const vb_host *host);
void vb_r_user_unit(vb_family *family, double residual_scale);
const vb_scheme *vb_r_scheme(SEXP list); /* of the list's `coupling` */
void vb_r_model(const vb_request *request, const vb_host *host, int cores, int solver,
                vb_core *core, vb_model *model, int *cell);
void vb_r_start(const vb_model *model, vb_request *request);
/* r_joint.c: both, for a vb_joint whose map couples up to so many coefficients */
void vb_r_joint_model(vb_request *request, const vb_host *host, int cores, int dense_up_to,
                      vb_core *core, vb_model *model, int *cell);
/* run body(data); the sparse solver's memory and the progress bar are given back on every way out
 */
SEXP vb_r_guard(SEXP (*body)(void *), void *data, vb_core *core, vb_r_bar *bar);
#endif
