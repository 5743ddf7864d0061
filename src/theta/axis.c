/* The axes of the surface, and nodes on them: from the engine's value and gradient at a z to what
 * the surface keeps of it. */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "theta/surface.h"

#define CLOSE 0.02       /* of knots, that would divide by next to nothing */
#define MOST_FIRST 7     /* nodes of an axis before the first integral, */
#define MOST_WIDE 14     /* of one whose tails are heavy, */
#define MOST_ALONE 24    /* and of one that is alone */
#define WIDEST_SCALE 1.6 /* of an axis that is no real number's own */
#define ABOVE 20         /* nats */

static int is_log_sd(const vb_hyper *h, int axis) {
  if (h->turn.kind && (axis == h->turn.a || axis == h->turn.b)) return 0;
  for (int i = 0; i < h->first_par; i++)
    if (h->natural[i].axis == axis) return h->natural[i].prior != NULL;
  for (int i = 0; i < h->n_field; i++)
    if (vb_field_axis(h, i) == axis) return 1;
  return 0;
}

/* of real numbers, of which either tail may be wide, and of the horseshoe's scales, whose are */
static int is_wide(const vb_hyper *h, int axis) {
  for (int k = 0; k < h->n_shrink; k++)
    if (h->natural[h->first_shrink + k].axis == axis) return 1;
  for (int i = 0; i < h->n_natural; i++)
    if (h->natural[i].axis == axis) return h->natural[i].coord == &vb_coord_sinh;
  return 0;
}

vb_status vb_surface_make(vb_fit *fit, const double *scale, int cap, vb_surface *s) {
  const vb_host *h = fit->host;
  int K = fit->hyper->n_axis;
  *s = (vb_surface){.fit = fit, .K = K, .cap = cap, .centre = fit->mode};
  vb_theta_alloc(h, fit->hyper, &s->theta);
  s->theta.q = NULL; /* of thousands of points, priors alone are wanted */
  double **per_axis[] = {&s->scale, &s->tilt};
  for (int k = 0; k < 2; k++) *per_axis[k] = h->alloc(2 * (size_t)K + 1, sizeof(double));
  double **square[] = {&s->hess, &s->correlation, &s->curve};
  for (int k = 0; k < 3; k++) *square[k] = h->alloc((size_t)K * K, sizeof(double));
  memcpy(s->scale, scale, sizeof(double) * K);
  s->most_scale = s->scale + K;
  for (int i = 0; i < fit->hyper->n_natural; i++) {
    const vb_natural *n = fit->hyper->natural + i;
    if (n->axis < 0) continue;
    int real = n->coord == &vb_coord_identity || n->coord == &vb_coord_sinh;
    s->most_scale[n->axis] = real ? INFINITY : WIDEST_SCALE;
    s->scale[n->axis] = fmin(s->scale[n->axis], s->most_scale[n->axis]);
    s->log_scale += log(s->scale[n->axis]);
  }
  s->z = h->alloc((size_t)K * cap, sizeof(double));
  s->grad = h->alloc((size_t)K * cap, sizeof(double));
  s->value = h->alloc(cap, sizeof(double));
  s->sampled = h->alloc(cap, sizeof(int));
  s->rest = h->alloc(cap, sizeof(double));
  s->axis = h->alloc(K, sizeof(vb_scan_axis));
  for (int k = 0; k < K; k++) {
    vb_scan_axis *a = s->axis + k;
    double **line[] = {&a->known, &a->main, &a->warp.w, &a->warp.slope};
    for (int i = 0; i < 4; i++) *line[i] = h->alloc(VB_LINE, sizeof(double));
    a->cross = h->alloc(2 * (size_t)VB_SCAN_MOST * (K + 1), sizeof(double));
    a->cross2 = a->cross + (size_t)VB_SCAN_MOST * K;
    a->rest = a->cross2 + (size_t)VB_SCAN_MOST * K;
    a->rest2 = a->rest + VB_SCAN_MOST;
    a->decay = is_log_sd(fit->hyper, k) ? 2 * s->scale[k] : 0;
    a->spread = 1;
    a->heavy = is_wide(fit->hyper, k);
  }
  return VB_OK;
}

void vb_surface_x(const vb_surface *s, const double *z, double *x) {
  for (int k = 0; k < s->K; k++) x[k] = s->centre[k] + s->scale[k] * z[k];
}

vb_status vb_surface_exact(const vb_surface *s, const double *z, double *out) {
  vb_fit *fit = s->fit;
  double x[VB_MAX_AXIS], level;
  vb_surface_x(s, z, x);
  vb_status st = vb_fit_eval(fit, x, fit->set.tol * 100, 1, out);
  *out = st == VB_OK ? *out + vb_fit_remainder(fit, NULL, &level) : -INFINITY;
  return st == VB_INTERRUPTED ? st : VB_OK;
}

double vb_surface_known(vb_surface *s, const double *z) {
  double x[VB_MAX_AXIS];
  vb_surface_x(s, z, x);
  if (vb_theta_set(s->fit->hyper, x, &s->theta) != VB_OK) return -INFINITY;
  double out = s->theta.log_prior + vb_reference_at(&s->reference, &s->theta);
  return isfinite(out) ? out : -INFINITY;
}

/* in z, by central differences */
void vb_known_gradient(vb_surface *s, const double *z, double *grad) {
  double at[VB_MAX_AXIS], h = 1e-4;
  memcpy(at, z, sizeof(double) * s->K);
  for (int k = 0; k < s->K; k++) {
    at[k] = z[k] + h;
    double up = vb_surface_known(s, at);
    at[k] = z[k] - h;
    grad[k] = (up - vb_surface_known(s, at)) / (2 * h);
    at[k] = z[k];
  }
}

vb_status vb_surface_node(vb_surface *s, const double *z) {
  double x[VB_MAX_AXIS], known[VB_MAX_AXIS];
  int K = s->K, at = s->n;
  if (at == s->cap) return VB_MAX_ITER;
  vb_surface_x(s, z, x);
  vb_status st = vb_fit_node(s->fit, x);
  if (st != VB_OK) return st;
  const vb_node *n = s->fit->node[--s->fit->n_node]; /* until nothing speaks against it */
  /* far above the mode there is nothing but rounding */
  if (at > 0 && n->bound > s->fit->node[0]->bound + ABOVE) return VB_NOT_FINITE;
  if (at == 0) /* the reference is that of the first node, whose Gaussian is at hand */
    st = vb_reference_make(s->fit, s->scale, &s->reference);
  if (st != VB_OK) return st;
  double is_known = vb_surface_known(s, z);
  vb_known_gradient(s, z, known);
  memcpy(s->z + (size_t)at * K, z, sizeof(double) * K);
  s->value[at] = n->bound - is_known;
  s->rest[at] = n->remainder;
  for (int k = 0; k < K; k++) s->grad[k + (size_t)at * K] = s->scale[k] * n->grad[k] - known[k];
  if (!isfinite(s->value[at])) return VB_NOT_FINITE;
  s->fit->n_node = ++s->n;
  return VB_OK;
}

vb_status vb_surface_component(vb_surface *s, const double *z) {
  double x[VB_MAX_AXIS];
  int at = s->n;
  if (at == s->cap) return VB_MAX_ITER;
  vb_surface_x(s, z, x);
  vb_status st = vb_fit_component(s->fit, x);
  if (st != VB_OK) return st;
  memcpy(s->z + (size_t)at * s->K, z, sizeof(double) * s->K);
  s->sampled[at] = 1;
  s->n++;
  return VB_OK;
}

void vb_scan_keep(vb_scan_axis *a, double z, int node) {
  int i = a->n++;
  for (; i > 0 && a->z[i - 1] > z; i--) {
    a->z[i] = a->z[i - 1];
    a->node[i] = a->node[i - 1];
  }
  a->z[i] = z;
  a->node[i] = node;
}

/* before the first integral, which may add two */
int vb_scan_most(const vb_surface *s, int axis) {
  return s->K == 1 ? MOST_ALONE : s->axis[axis].heavy ? MOST_WIDE : MOST_FIRST;
}

vb_status vb_scan_add(vb_surface *s, int axis, double z) {
  double at[VB_MAX_AXIS] = {0};
  if (s->axis[axis].n >= vb_scan_most(s, axis) + 2) return VB_MAX_ITER;
  at[axis] = z;
  vb_status st = vb_surface_node(s, at);
  if (st == VB_OK) vb_scan_keep(s->axis + axis, z, s->n - 1);
  return st;
}

void vb_scan_take_up(vb_surface *s) {
  vb_scan_axis *a = s->axis;
  for (int i = 0; i < s->n && a->n < VB_SCAN_MOST; i++) {
    double near = s->sampled[i] ? INFINITY : 0;
    for (int q = 0; q < a->n; q++) near = fmin(near, fabs(s->z[i] - a->z[q]));
    if (near > CLOSE) vb_scan_keep(a, s->z[i], i);
  }
}

vb_status vb_scan_near(vb_surface *s, int axis, double z) {
  vb_status st = vb_scan_add(s, axis, z);
  for (int i = 0; i < 2 && st != VB_OK && st != VB_INTERRUPTED; i++)
    st = vb_scan_add(s, axis, z /= 2);
  return st;
}
