/* .Call(vb_r_open): a finished fit, opened for as long as one call of R lasts.
 *
 * Its model is laid out, its solver analysed and its nodes are found once; then R's function `use`
 * is called with a handle, through which the doors of r_posterior.c answer as often as it likes.
 * All memory belongs to this call of vb_r_open, so there is nothing to keep and nothing to free:
 * whichever way `use` ends, by a value, an error or an interrupt, the handle is made invalid and
 * CHOLMOD's memory given back.  No handle outlives the call and none is ever in a fit. */
#include <string.h>
#include "gauss/pin.h"
#include "r/r.h"
#include "r/r_open.h"

#define INTERNAL(...) Rf_error("internal: " __VA_ARGS__)

/* the coordinates that the fit chose, into the table that the spec makes */
static void read_axes(SEXP axes, vb_hyper *hyper) {
  SEXP coordinate = vb_get_strings(axes, "coordinate", hyper->n_axis);
  const double *s0 = vb_get_reals(axes, "s0", hyper->n_axis);
  for (int kind = VB_POLAR; kind <= VB_SHEARED; kind++) {
    const int *two = vb_get_ints(axes, vb_turn_name[kind], -1);
    if (Rf_xlength(vb_list_need(axes, vb_turn_name[kind])) == 2)
      hyper->turn = (vb_turn){kind, two[0] - 1, two[1] - 1};
  }
  for (int i = 0; i < hyper->n_natural; i++) {
    vb_natural *n = hyper->natural + i;
    if (n->axis < 0) continue;
    n->coord = vb_coordinate_find(CHAR(STRING_ELT(coordinate, n->axis)));
    if (!n->coord) INTERNAL("no such coordinate");
    n->s0 = s0[n->axis];
  }
}

/* combinations of beta that the fit pinned; their axes come with the others */
static void read_pins(SEXP pin, vb_model *m, vb_hyper *hyper) {
  if (pin == R_NilValue) return;
  R_xlen_t n = Rf_xlength(vb_list_need(pin, "origin"));
  const double *a = vb_get_reals(pin, "a", n * m->p), *origin = vb_get_reals(pin, "origin", n);
  const double *precision = vb_get_reals(pin, "precision", n);
  if (n > VB_MAX_PIN) INTERNAL("too many pins");
  for (R_xlen_t j = 0; j < n; j++) {
    vb_pin at = {a + j * m->p, origin[j], precision[j]};
    vb_pin_add(m, hyper, &at, 1);
  }
}

static vb_posterior read_posterior(SEXP engine, const vb_model *m, const vb_hyper *hyper) {
  SEXP node = vb_get_list(engine, "node", -1), point = vb_get_list(engine, "point", -1);
  SEXP axes = vb_get_list(engine, "axes", -1);
  R_xlen_t n = Rf_xlength(vb_list_need(node, "weight")), K = hyper->n_axis, p = m->p;
  R_xlen_t n_point = Rf_xlength(vb_list_need(point, "weight")), n_coef = m->n_coef;
  return (vb_posterior){
      .model = m,
      .hyper = hyper,
      .n = (int)n,
      .n_point = (int)n_point,
      .weight = vb_get_reals(node, "weight", n),
      .x = vb_get_reals(node, "x", K * n),
      .mean = vb_get_reals(node, "mean", n_coef * n),
      .var = vb_get_reals(node, "var", n_coef * n),
      .skew = vb_may_reals(node, "skew", n_coef * n),
      .fixed_skew = vb_may_reals(node, "fixed_skew", p * n),
      .h = m->quadratic ? NULL : vb_get_reals(node, "h", m->n * n),
      .site_h = vb_get_reals(node, "site_h", m->n_site * n),
      .site_b = m->ep ? vb_get_reals(node, "site_b", m->n_site * n) : NULL,
      .fixed_cov = vb_get_reals(node, "fixed_cov", p * p * n),
      .point_x = vb_get_reals(point, "x", K * n_point),
      .point_weight = vb_get_reals(point, "weight", n_point),
      .point_log_density = vb_may_reals(point, "log_density", n_point),
      .mode = vb_get_reals(axes, "mode", K),
      .root = vb_get_reals(axes, "root", K * K),
      .congruence = vb_may_reals(engine, "lr", p * p),
      .effective = vb_may_reals(engine, "effective", vb_theta_effective_size(hyper)),
      .spread = m->n_pin ? vb_get_reals(node, "spread", m->n_pin * n) : NULL};
}

/* there is nothing to keep of half an answer: the interrupt goes on to whoever waits for it,
 * through the core, which owns nothing */
static int interrupt(void) {
  R_CheckUserInterrupt();
  return 0;
}

typedef struct {
  SEXP spec, engine, use, handle;
  vb_core *core;
  vb_r_bar bar;
} job;

static void open_fit(job *j, vb_opened *o) {
  o->host = vb_r_host(&j->bar, 0);
  o->host.poll = interrupt;
  vb_r_read(j->spec, &o->host, &o->request);
  o->request.scheme = vb_r_scheme(j->engine);
  o->cell = o->host.alloc(o->request.input.n + 1, sizeof(int));
  vb_r_model(&o->request, &o->host, 1, vb_get_int(j->engine, "solver"), j->core, &o->model,
             o->cell);
  read_pins(vb_list_get(j->engine, "pin"), &o->model, &o->request.hyper);
  read_axes(vb_get_list(j->engine, "axes", -1), &o->request.hyper);
  o->post = read_posterior(j->engine, &o->model, &o->request.hyper);
}

static SEXP tag(void) { return Rf_install("vb_opened"); }

vb_opened *vb_r_opened(SEXP handle) {
  int ours = TYPEOF(handle) == EXTPTRSXP && R_ExternalPtrTag(handle) == tag();
  vb_opened *o = ours ? R_ExternalPtrAddr(handle) : NULL;
  if (!o) INTERNAL("the fit is not open");
  return o;
}

static SEXP call_use(void *data) {
  job *j = data;
  SEXP call = PROTECT(Rf_lang2(j->use, j->handle));
  SEXP out = Rf_eval(call, R_BaseEnv);
  UNPROTECT(1);
  return out;
}
static void close_fit(void *data) { R_ClearExternalPtr(((job *)data)->handle); }

static SEXP body(void *data) {
  job *j = data;
  vb_opened opened;
  memset(&opened, 0, sizeof opened);
  open_fit(j, &opened);
  j->handle = PROTECT(R_MakeExternalPtr(&opened, tag(), R_NilValue));
  SEXP out = R_ExecWithCleanup(call_use, j, close_fit, j);
  UNPROTECT(1);
  return out;
}

SEXP vb_r_open(SEXP spec, SEXP engine, SEXP use) {
  vb_core core = {0};
  job j = {.spec = spec, .engine = engine, .use = use, .core = &core};
  return vb_r_guard(body, &j, &core, &j.bar);
}
