/* The nodes along the axes: where they are laid. */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "theta/surface.h"

#define FIRST 1.5           /* the inner nodes, in scales */
#define APART 0.5           /* least distance of two nodes */
#define PRECISE 0.05        /* error of a main effect, times the root of the density */
#define HEAVY_PRECISE 0.01  /* the same of an axis whose tails are heavy, */
#define ALONE_PRECISE 0.002 /* and of one that is alone */
#define LEAST_CURVED 0.05
#define STRETCHED 10 /* units to the far end of an axis's mass */
#define UNIT 1.7     /* factor by which a scale may be wrong */
#define WIDEST 2     /* marginal over conditional sd */

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

/* -second derivatives of the log density at zero, along axis i and each of the axes */
static void curvature_along(vb_surface *s, int i, double *out) {
  double at[VB_MAX_AXIS] = {0}, up[VB_MAX_AXIS], down[VB_MAX_AXIS], h = 1e-2;
  at[i] = h;
  vb_known_gradient(s, at, up);
  at[i] = -h;
  vb_known_gradient(s, at, down);
  for (int j = 0; j < s->K; j++) out[j] = -slope_at_zero(s, i, j) - (up[j] - down[j]) / (2 * h);
}

/* -Hessian of the log density at zero, made positive, with what its inverse says of the axes */
static vb_status curvature(vb_surface *s) {
  int K = s->K;
  double row[VB_MAX_AXIS], value[VB_MAX_AXIS], *hess = s->hess, *v = s->correlation;
  for (int i = 0; i < K; i++) {
    curvature_along(s, i, row);
    for (int j = 0; j < K; j++) hess[i + (size_t)j * K] = row[j];
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

/* The inner nodes of an axis.  Its scale is the optimiser's guess, which may be far off where the
 * climb was short: where the nodes say so, others in a better one, which leave the first as they
 * are if they are far enough from zero. */
static vb_status inner_nodes(vb_surface *s, int k) {
  vb_scan_axis *a = s->axis + k;
  for (int round = 0;; round++) {
    vb_status st = vb_scan_near(s, k, -FIRST);
    if (st == VB_OK) st = vb_scan_near(s, k, FIRST);
    if (st != VB_OK || round == 2) return st;
    double curved[VB_MAX_AXIS], most = s->most_scale[k] / s->scale[k];
    curvature_along(s, k, curved);
    double ratio = fmin(fmin(1 / sqrt(fmax(curved[k], 0.06)), 4), most);
    if (ratio < UNIT && ratio > 1 / UNIT) return VB_OK;
    change_scale(s, k, ratio);
    if (ratio < 1) return VB_OK; /* what is too far in is found by the scan */
    if (FIRST / ratio > APART) continue;
    a->n = 1; /* too near zero */
    a->z[0] = 0;
    a->node[0] = 0;
  }
}

/* Units of an axis in which its mass as far as `away` is on the line, and nodes on the way there.
 */
static vb_status stretch(vb_surface *s, int k, double away) {
  double near = FIRST * s->scale[k];
  change_scale(s, k, fmax(fabs(away) / STRETCHED / s->scale[k], 1));
  near = fmax(near / s->scale[k], APART);
  double far = away / s->scale[k], at[] = {-near, near, far, far * 2 / 3, far / 3};
  vb_status st = VB_OK;
  for (int i = 0; i < 5 && st != VB_INTERRUPTED; i++) st = vb_scan_add(s, k, at[i]);
  return st == VB_INTERRUPTED || s->axis[k].n < 3 ? st : VB_OK;
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

/* Where the cubic through values and slopes and the integral of the spline through the slopes
 * differ most, weighted by the root of the density; returns by how much. */
static double doubt(const vb_surface *s, int axis, const double *density, double *where) {
  const vb_scan_axis *a = s->axis + axis;
  double y[VB_SCAN_MOST], y2[VB_SCAN_MOST], main[VB_LINE], other[VB_LINE], worst = 0;
  int zero = (int)lround(-VB_LINE_FROM / VB_LINE_STEP), k = 0;
  for (int q = 0; q < a->n; q++) y[q] = s->grad[axis + (size_t)a->node[q] * s->K];
  vb_spline(a->n, a->z, y, y2);
  vb_main_effect(s, axis, main);
  double sum = 0, apart = a->heavy ? APART / 2 : APART;
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
    double gap =
        fabs(main[g] - (other[g] - other[zero])) * exp(fmin(density[g], 0) / (a->heavy ? 4 : 2));
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
    vb_scan_keep(s->axis + i, 0, 0);
    double away = s->axis[i].decay > 0 ? vb_out_of_reach(s, i) : 0;
    st = away != 0 ? stretch(s, i, away) : inner_nodes(s, i);
    lay_known(s, i);
  }
  if (st == VB_OK) st = curvature(s);
  for (int i = 0; i < s->K && st == VB_OK; i++) {
    line_density(s, i, density);
    st = vb_scan_ends(s, i, density);
    double precise = s->K == 1 ? ALONE_PRECISE : s->axis[i].heavy ? HEAVY_PRECISE : PRECISE;
    while (st == VB_OK && s->axis[i].n < vb_scan_most(s, i)) {
      line_density(s, i, density);
      if (doubt(s, i, density, &where) < precise) break;
      st = vb_scan_add(s, i, where);
    }
    if (st != VB_INTERRUPTED) st = VB_OK; /* a node that cannot be had is done without */
  }
  return st;
}
