/* The nodes along the axes. */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "theta/surface.h"

#define FIRST 1.5           /* the inner nodes, in scales */
#define REACH 4.5           /* nats below the top, and sds from it, of the outer ones, */
#define FURTHER 9           /* and of axes whose tails are heavy */
#define DEEP 2.5            /* times as low as foretold is too low, */
#define NEARER 5            /* tries */
#define CLOSE 0.02          /* of knots, that would divide by next to nothing */
#define APART 0.5           /* least distance of two nodes */
#define PRECISE 0.05        /* error of a main effect, times the root of the density */
#define HEAVY_PRECISE 0.01  /* the same of an axis whose tails are heavy, */
#define ALONE_PRECISE 0.002 /* and of one that is alone */
#define MOST_FIRST 7        /* nodes of an axis before the first integral, */
#define MOST_WIDE 14        /* of one whose tails are heavy, */
#define MOST_ALONE 24       /* and of one that is alone */
#define LEAST_CURVED 0.05
#define WIDEST_SCALE 1.6 /* of an axis that is no real number's own */
#define ABOVE 20         /* nats */
#define UNIT 1.7         /* factor by which a scale may be wrong */
#define WIDEST 2         /* marginal over conditional sd */

static int is_log_sd(const vb_hyper *h, int axis) {
  if (h->polar && (axis == h->radius || axis == h->angle)) return 0;
  for (int i = 0; i < h->first_par; i++)
    if (h->natural[i].axis == axis) return h->natural[i].prior != NULL;
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
    a->reach = is_wide(fit->hyper, k) ? FURTHER : REACH;
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
static void known_gradient(vb_surface *s, const double *z, double *grad) {
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
  known_gradient(s, z, known);
  memcpy(s->z + (size_t)at * K, z, sizeof(double) * K);
  s->value[at] = n->bound - is_known;
  s->rest[at] = n->remainder;
  for (int k = 0; k < K; k++) s->grad[k + (size_t)at * K] = s->scale[k] * n->grad[k] - known[k];
  if (!isfinite(s->value[at])) return VB_NOT_FINITE;
  s->fit->n_node = ++s->n;
  return VB_OK;
}

static void keep(vb_scan_axis *a, double z, int node) {
  int i = a->n++;
  for (; i > 0 && a->z[i - 1] > z; i--) {
    a->z[i] = a->z[i - 1];
    a->node[i] = a->node[i - 1];
  }
  a->z[i] = z;
  a->node[i] = node;
}

static int is_heavy(const vb_scan_axis *a) { return a->reach > REACH; }

/* before the first integral, which may add two */
static int most_nodes(const vb_surface *s, int axis) {
  return s->K == 1 ? MOST_ALONE : is_heavy(s->axis + axis) ? MOST_WIDE : MOST_FIRST;
}

vb_status vb_scan_add(vb_surface *s, int axis, double z) {
  double at[VB_MAX_AXIS] = {0};
  if (s->axis[axis].n >= most_nodes(s, axis) + 2) return VB_MAX_ITER;
  at[axis] = z;
  vb_status st = vb_surface_node(s, at);
  if (st == VB_OK) keep(s->axis + axis, z, s->n - 1);
  return st;
}

void vb_scan_take_up(vb_surface *s) {
  vb_scan_axis *a = s->axis;
  for (int i = 0; i < s->n && a->n < VB_SCAN_MOST; i++) {
    double near = s->sampled[i] ? INFINITY : 0;
    for (int q = 0; q < a->n; q++) near = fmin(near, fabs(s->z[i] - a->z[q]));
    if (near > CLOSE) keep(a, s->z[i], i);
  }
}

/* where theta cannot be had, closer */
static vb_status add_near(vb_surface *s, int axis, double z) {
  vb_status st = vb_scan_add(s, axis, z);
  for (int i = 0; i < 2 && st != VB_OK && st != VB_INTERRUPTED; i++)
    st = vb_scan_add(s, axis, z /= 2);
  return st;
}

static void lay_known(vb_surface *s, int axis) {
  double at[VB_MAX_AXIS] = {0};
  for (int g = 0; g < VB_LINE; g++) {
    at[axis] = VB_LINE_FROM + g * VB_LINE_STEP;
    s->axis[axis].known[g] = vb_surface_known(s, at);
  }
}

/* slope at zero of the spline through an axis's slopes in direction j */
static double slope_at_zero(const vb_surface *s, int i, int j) {
  const vb_scan_axis *a = s->axis + i;
  double y[VB_SCAN_MOST], y2[VB_SCAN_MOST];
  int k = 0;
  for (int q = 0; q < a->n; q++) {
    y[q] = s->grad[j + (size_t)a->node[q] * s->K];
    if (a->z[q] == 0) k = q;
  }
  vb_spline(a->n, a->z, y, y2);
  double h = a->z[k + 1] - a->z[k];
  return (y[k + 1] - y[k]) / h - h * (2 * y2[k] + y2[k + 1]) / 6;
}

/* -Hessian of the log density at zero, made positive, with what its inverse says of the axes */
static vb_status curvature(vb_surface *s) {
  int K = s->K;
  double at[VB_MAX_AXIS] = {0}, up[VB_MAX_AXIS], down[VB_MAX_AXIS], h = 1e-2, value[VB_MAX_AXIS];
  double *hess = s->hess, *v = s->correlation;
  for (int i = 0; i < K; i++) {
    at[i] = h;
    known_gradient(s, at, up);
    at[i] = -h;
    known_gradient(s, at, down);
    at[i] = 0;
    for (int j = 0; j < K; j++)
      hess[i + (size_t)j * K] = -slope_at_zero(s, i, j) - (up[j] - down[j]) / (2 * h);
  }
  for (int i = 0; i < K; i++) {
    hess[i * (size_t)(K + 1)] = fmax(hess[i * (size_t)(K + 1)], 0.1);
    for (int j = 0; j < i; j++)
      v[i + (size_t)j * K] = v[j + (size_t)i * K] =
          (hess[i + (size_t)j * K] + hess[j + (size_t)i * K]) / 2;
    v[i * (size_t)(K + 1)] = hess[i * (size_t)(K + 1)];
  }
  vb_status st = vb_eigen(K, v, K, value);
  if (st != VB_OK) return st;
  double *root = hess; /* V diag(value) V' and its inverse, one after the other */
  double inverse[VB_MAX_AXIS * VB_MAX_AXIS];
  for (int i = 0; i < K; i++)
    for (int j = 0; j < K; j++) {
      double own = 0, other = 0;
      for (int k = 0; k < K; k++) {
        double l = fmax(value[k], LEAST_CURVED), vv = v[i + (size_t)k * K] * v[j + (size_t)k * K];
        own += l * vv;
        other += vv / l;
      }
      root[i + (size_t)j * K] = own;
      inverse[i + j * K] = other;
    }
  for (int i = 0; i < K; i++) {
    double both = sqrt(inverse[i * (K + 1)] * hess[i * (size_t)(K + 1)]);
    s->axis[i].spread = fmin(fmax(both, 1), WIDEST);
  }
  for (int i = 0; i < K; i++)
    for (int j = 0; j < K; j++)
      s->correlation[i + (size_t)j * K] =
          inverse[i + j * K] / sqrt(inverse[i * (K + 1)] * inverse[j * (K + 1)]);
  return VB_OK;
}

/* The same scan in another unit of an axis: what its nodes and gradients are by it. */
static void change_scale(vb_surface *s, int k, double ratio) {
  vb_scan_axis *a = s->axis + k;
  s->scale[k] *= ratio;
  s->log_scale += log(ratio);
  a->decay *= ratio;
  for (int q = 0; q < a->n; q++) a->z[q] /= ratio;
  for (int i = 0; i < s->n; i++) {
    s->z[k + (size_t)i * s->K] /= ratio;
    s->grad[k + (size_t)i * s->K] *= ratio;
  }
}

/* -second derivative along an axis at zero */
static double own_curvature(vb_surface *s, int k) {
  double at[VB_MAX_AXIS] = {0}, up[VB_MAX_AXIS], down[VB_MAX_AXIS], h = 1e-2;
  at[k] = h;
  known_gradient(s, at, up);
  at[k] = -h;
  known_gradient(s, at, down);
  return -slope_at_zero(s, k, k) - (up[k] - down[k]) / (2 * h);
}

/* The inner nodes of an axis.  Its scale is the optimiser's guess, which may be far off where the
 * climb was short: where the nodes say so, others in a better one, which leave the first as they
 * are if they are far enough from zero. */
static vb_status inner_nodes(vb_surface *s, int k) {
  vb_scan_axis *a = s->axis + k;
  for (int round = 0;; round++) {
    vb_status st = add_near(s, k, -FIRST);
    if (st == VB_OK) st = add_near(s, k, FIRST);
    if (st != VB_OK || round == 2) return st;
    double curved = own_curvature(s, k), most = s->most_scale[k] / s->scale[k];
    double ratio = fmin(fmin(1 / sqrt(fmax(curved, 0.06)), 4), most);
    if (ratio < UNIT && ratio > 1 / UNIT) return VB_OK;
    change_scale(s, k, ratio);
    if (ratio < 1) return VB_OK; /* what is too far in is found by the scan */
    if (FIRST / ratio > APART) continue;
    a->n = 1; /* too near zero */
    a->z[0] = 0;
    a->node[0] = 0;
  }
}

/* the remainder at z, between an axis's nodes linear, beyond as the last two say */
static double rest_at(const vb_surface *s, const vb_scan_axis *a, double z) {
  int k = 0;
  while (k < a->n - 2 && z > a->z[k + 1]) k++;
  double lo = s->rest[a->node[k]], hi = s->rest[a->node[k + 1]];
  return lo + (hi - lo) * (z - a->z[k]) / (a->z[k + 1] - a->z[k]);
}

/* log density along the axis, over spread^2, its top zero */
static void line_density(const vb_surface *s, int axis, double *out) {
  const vb_scan_axis *a = s->axis + axis;
  double top = -INFINITY;
  vb_main_effect(s, axis, out);
  for (int g = 0; g < VB_LINE; g++) {
    out[g] += a->known[g] + rest_at(s, a, VB_LINE_FROM + g * VB_LINE_STEP);
    top = fmax(top, out[g]);
  }
  for (int g = 0; g < VB_LINE; g++) out[g] = (out[g] - top) / (a->spread * a->spread);
}

static void drop(vb_scan_axis *a, int at) {
  for (a->n--; at < a->n; at++) {
    a->z[at] = a->z[at + 1];
    a->node[at] = a->node[at + 1];
  }
}

/* An outer node where the density is about as low as it was foretold: one that is far lower says
 * nothing of where the mass is, and the cubic to it bends through the roof. */
vb_status vb_scan_outer(vb_surface *s, int axis, double z) {
  vb_scan_axis *a = s->axis + axis;
  double at[VB_MAX_AXIS] = {0}, top = s->value[0] + vb_surface_known(s, at);
  double from = z < 0 ? a->z[0] : a->z[a->n - 1];
  for (int i = 0; i < NEARER; i++) {
    vb_status st = add_near(s, axis, z);
    if (st != VB_OK) return st;
    int q = z < 0 ? 0 : a->n - 1;
    at[axis] = a->z[q];
    double fall = top - s->value[a->node[q]] - vb_surface_known(s, at);
    if (fall < DEEP * a->reach || fabs(a->z[q] - from) < APART) return VB_OK;
    z = from + (a->z[q] - from) * fmax(0.4, sqrt(a->reach / fall));
    drop(a, q);
  }
  return VB_OK;
}

/* how far from zero the density is, as foretold, within reach of its top on the way */
static double end_of_reach(const vb_scan_axis *a, const double *density, int side) {
  int zero = (int)lround(-VB_LINE_FROM / VB_LINE_STEP), end = side < 0 ? -1 : VB_LINE;
  double top = -INFINITY, z = 0;
  for (int g = 0; g < VB_LINE; g++) {
    z = VB_LINE_FROM + g * VB_LINE_STEP;
    if (z >= a->z[0] && z <= a->z[a->n - 1]) top = fmax(top, density[g]);
  }
  for (int g = zero; g != end; g += side) {
    top = fmax(top, density[g]);
    if (!(density[g] > top - a->reach)) break;
    z = VB_LINE_FROM + g * VB_LINE_STEP;
  }
  return z;
}

static vb_status outer_nodes(vb_surface *s, int axis, double *density) {
  vb_scan_axis *a = s->axis + axis;
  double far = a->reach * a->spread / sqrt(fmax(s->hess[axis * (size_t)(s->K + 1)], 0.2));
  line_density(s, axis, density);
  double lo = fmax(end_of_reach(a, density, -1), -far);
  double hi = fmin(end_of_reach(a, density, 1), far);
  vb_status st = VB_OK;
  if (lo < a->z[0] - 0.4) st = vb_scan_outer(s, axis, lo);
  if (st == VB_INTERRUPTED) return st;
  if (hi > a->z[a->n - 1] + 0.4) st = vb_scan_outer(s, axis, hi);
  return st == VB_INTERRUPTED ? st : VB_OK;
}

/* Where the cubic through values and slopes and the integral of the spline through the slopes
 * differ most, weighted by the root of the density; returns by how much. */
static double doubt(const vb_surface *s, int axis, const double *density, double *where) {
  const vb_scan_axis *a = s->axis + axis;
  double y[VB_SCAN_MOST], y2[VB_SCAN_MOST], main[VB_LINE], other[VB_LINE], worst = 0;
  int zero = (int)lround(-VB_LINE_FROM / VB_LINE_STEP), k = 0;
  for (int q = 0; q < a->n; q++) y[q] = s->grad[axis + (size_t)a->node[q] * s->K];
  vb_spline(a->n, a->z, y, y2);
  vb_main_effect(s, axis, main);
  double sum = 0, apart = is_heavy(a) ? APART / 2 : APART;
  for (int g = 0; g < VB_LINE; g++) {
    double z = VB_LINE_FROM + g * VB_LINE_STEP;
    other[g] = NAN;
    if (z < a->z[0] || z > a->z[a->n - 1]) continue;
    while (k < a->n - 2 && z > a->z[k + 1]) k++;
    double h = a->z[k + 1] - a->z[k], u = (z - a->z[k]) / h, v = 1 - u;
    double slope = v * y[k] + u * y[k + 1] +
                   h * h / 6 * ((v * v * v - v) * y2[k] + (u * u * u - u) * y2[k + 1]);
    other[g] = sum + slope * VB_LINE_STEP / 2; /* midpoints: the integral up to z */
    sum += slope * VB_LINE_STEP;
  }
  for (int g = 0; g < VB_LINE; g++) {
    double z = VB_LINE_FROM + g * VB_LINE_STEP, near = INFINITY;
    if (isnan(other[g])) continue;
    for (int q = 0; q < a->n; q++) near = fmin(near, fabs(z - a->z[q]));
    if (near < apart) continue;
    double gap = fabs(main[g] - (other[g] - other[zero])) *
                 exp(fmin(density[g], 0) * REACH / (2 * a->reach));
    if (gap > worst) {
      worst = gap;
      *where = z;
    }
  }
  return worst;
}

vb_status vb_scan(vb_surface *s) {
  double zero[VB_MAX_AXIS] = {0}, density[VB_LINE], where = 0;
  vb_status st = vb_surface_node(s, zero);
  for (int i = 0; i < s->K && st == VB_OK; i++) {
    keep(s->axis + i, 0, 0);
    st = inner_nodes(s, i);
    lay_known(s, i);
  }
  if (st == VB_OK) st = curvature(s);
  for (int i = 0; i < s->K && st == VB_OK; i++) {
    st = outer_nodes(s, i, density);
    double precise = s->K == 1 ? ALONE_PRECISE : is_heavy(s->axis + i) ? HEAVY_PRECISE : PRECISE;
    while (st == VB_OK && s->axis[i].n < most_nodes(s, i)) {
      line_density(s, i, density);
      if (doubt(s, i, density, &where) < precise) break;
      st = vb_scan_add(s, i, where);
    }
    if (st != VB_INTERRUPTED) st = VB_OK; /* a node that cannot be had is done without */
  }
  return st;
}
