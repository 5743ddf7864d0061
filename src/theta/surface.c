/* The surface: values and gradients on the axes, reproduced and continued (Gordon 1971, boolean
 * sums).
 *   l(z) ~ l(0) + sum_i f_i(z_i)
 *          + sum_{i<j} [a_ij(z_i) phi_j(z_j) + phi_i(z_i) a_ji(z_j) - h_ij phi_i(z_i) phi_j(z_j)]
 * f_i is the cubic through values and slopes along axis i, a_ij(z_i) the slope in direction j there
 * less that at zero, h_ij its own slope at zero, and phi_i = z_i to first order.  a and phi are
 * functions of the normal score w_i of the axis's one-dimensional density, in which the tails of
 * weak sds are no longer than others'. */
#include <math.h>
#include <string.h>
#define R_NO_REMAP
#include <Rmath.h>
#include "numbers/small.h"
#include "theta/surface.h"

#define TABLED 1e-5 /* a density's mass beyond which its scores are linear */
#define CROSS_END                                                                                  \
  0.7                  /* scores beyond the last node where cross slopes are linear, then constant \
                        */
#define REST_END 1     /* the same of the remainder */
#define PHI_END 1      /* and of phi */
#define CORNER_END 1.4 /* corners' distances from zero beyond which theirs is constant */
#define SHARP 4        /* ratio of slopes' distances from the chord that the cubic overshoots */

void vb_spline(int n, const double *t, const double *y, double *y2) {
  double c[VB_SCAN_MOST], d[VB_SCAN_MOST];
  y2[0] = y2[n - 1] = c[0] = d[0] = 0;
  for (int i = 1; i < n - 1; i++) {
    double lo = t[i] - t[i - 1], hi = t[i + 1] - t[i], own = 2 * (lo + hi) - lo * c[i - 1];
    c[i] = hi / own;
    d[i] = (6 * ((y[i + 1] - y[i]) / hi - (y[i] - y[i - 1]) / lo) - lo * d[i - 1]) / own;
  }
  for (int i = n - 2; i > 0; i--) y2[i] = d[i] - c[i] * y2[i + 1];
}

typedef struct { /* a spline's value at one place: of its values and second derivatives there */
  int k;
  double lo, hi, lo2, hi2;
} spline_at;

static spline_at spline_find(int n, const double *t, double at, double beyond) {
  spline_at s = {.k = 0};
  at = fmin(fmax(at, t[0] - beyond), t[n - 1] + beyond);
  while (s.k < n - 2 && at > t[s.k + 1]) s.k++;
  double h = t[s.k + 1] - t[s.k], u = (at - t[s.k]) / h, v = 1 - u;
  s.lo = v;
  s.hi = u;
  if (u < 0 || u > 1) { /* linear: the second derivative at the end is zero, that inside is not */
    s.lo2 = u > 1 ? (u - 1) * h * h / 6 : 0;
    s.hi2 = u < 0 ? -u * h * h / 6 : 0;
    return s;
  }
  s.lo2 = h * h / 6 * (v * v * v - v);
  s.hi2 = h * h / 6 * (u * u * u - u);
  return s;
}

static double spline_value(const spline_at *s, const double *y, const double *y2, int stride) {
  return s->lo * y[s->k * stride] + s->hi * y[(s->k + 1) * stride] + s->lo2 * y2[s->k * stride] +
         s->hi2 * y2[(s->k + 1) * stride];
}

/* Through values and slopes at both ends of h: the chord and a bump, whose size falls from that of
 * the one end to that of the other, by the arithmetic mean (the cubic) or, where a sharp bend lies
 * between, which the cubic overshoots, the harmonic one, which is concave where the ends say so. */
static double between(double h, double u, const double f[2], const double g[2]) {
  double v = 1 - u, chord = (f[1] - f[0]) / h, a = g[0] - chord, b = chord - g[1];
  int sharp = a * b > 0 && (a / b > SHARP || b / a > SHARP);
  return v * f[0] + u * f[1] + h * u * v * (sharp ? a * b / (v * b + u * a) : v * a + u * b);
}

static double known_on_line(const vb_scan_axis *a, double z) {
  double at = fmin(fmax((z - VB_LINE_FROM) / VB_LINE_STEP, 0), VB_LINE - 1.000001);
  int g = (int)at;
  return a->known[g] + (at - g) * (a->known[g + 1] - a->known[g]);
}

/* Linear beyond the nodes, but left of a log sd's last one the slope dies; and nowhere out there is
 * the density above that at the last, however steeply what is known falls before it. */
static double main_at(const vb_surface *s, int axis, double z) {
  const vb_scan_axis *a = s->axis + axis;
  int n = a->n, k = 0;
  double at = fmin(fmax(z, a->z[0]), a->z[n - 1]), f[2], g[2];
  while (k < n - 2 && at > a->z[k + 1]) k++;
  for (int end = 0; end < 2; end++) {
    int node = a->node[k + end];
    f[end] = s->value[node] - s->value[0];
    g[end] = s->grad[axis + (size_t)node * s->K];
  }
  double h = a->z[k + 1] - a->z[k], out = between(h, (at - a->z[k]) / h, f, g), left = z - a->z[0];
  if (z == at) return out;
  double slope =
      left < 0 ? g[0] * (a->decay > 0 ? expm1(a->decay * left) / a->decay : left) : g[1] * (z - at);
  return out + fmin(slope, known_on_line(a, at) - known_on_line(a, z));
}

void vb_main_effect(const vb_surface *s, int axis, double *out) {
  for (int i = 0; i < VB_LINE; i++) out[i] = main_at(s, axis, VB_LINE_FROM + i * VB_LINE_STEP);
}

/* the density's scores where it has mass; slopes w' = p / phi(w) */
static vb_status make_warp(const double *log_p, vb_warp *warp) {
  double top = -INFINITY, below = 0, above = 0, p[VB_LINE], all = 0;
  for (int g = 0; g < VB_LINE; g++) top = fmax(top, log_p[g]);
  for (int g = 0; g < VB_LINE; g++) p[g] = exp(log_p[g] - top);
  for (int g = 1; g < VB_LINE; g++) all += (p[g] + p[g - 1]) / 2;
  warp->first = VB_LINE;
  warp->last = -1;
  for (int g = 0; g < VB_LINE; g++) {
    if (g) below += (p[g] + p[g - 1]) / 2;
    above = all - below;
    if (below > TABLED * all && above > TABLED * all) {
      if (g < warp->first) warp->first = g;
      warp->last = g;
    }
    double share = below < above ? below / all : above / all;
    double w = Rf_qnorm5(fmin(fmax(share, 1e-300), 0.5), 0, 1, 1, 0);
    warp->w[g] = below < above ? w : -w;
    warp->slope[g] = p[g] / (all * VB_LINE_STEP) / fmax(Rf_dnorm4(w, 0, 1, 0), 1e-300);
  }
  if (warp->last - warp->first < 8) return VB_NOT_FINITE;
  for (int g = warp->first; g <= warp->last; g++) warp->slope[g] = fmax(warp->slope[g], 1e-6);
  warp->at_zero = vb_warp_at(warp, 0, &warp->slope_at_zero);
  return VB_OK;
}

double vb_warp_at(const vb_warp *warp, double z, double *slope) {
  double at = (z - VB_LINE_FROM) / VB_LINE_STEP, h = VB_LINE_STEP;
  const double *w = warp->w, *d = warp->slope;
  if (at <= warp->first) {
    *slope = d[warp->first];
    return w[warp->first] + (at - warp->first) * h * *slope;
  }
  if (at >= warp->last) {
    *slope = d[warp->last];
    return w[warp->last] + (at - warp->last) * h * *slope;
  }
  int k = (int)at;
  double u = at - k, v = 1 - u;
  *slope = 6 * u * v * (w[k + 1] - w[k]) / h + d[k] * v * (1 - 3 * u) + d[k + 1] * u * (3 * u - 2);
  *slope = fmax(*slope, 1e-6);
  return vb_hermite(h, u, w[k], w[k + 1], d[k], d[k + 1]);
}

double vb_warp_inverse(const vb_warp *warp, double w) {
  int lo = warp->first, hi = warp->last;
  if (w <= warp->w[lo])
    return VB_LINE_FROM + lo * VB_LINE_STEP + (w - warp->w[lo]) / warp->slope[lo];
  if (w >= warp->w[hi])
    return VB_LINE_FROM + hi * VB_LINE_STEP + (w - warp->w[hi]) / warp->slope[hi];
  while (hi - lo > 1) {
    int mid = (lo + hi) / 2;
    if (warp->w[mid] <= w)
      lo = mid;
    else
      hi = mid;
  }
  double left = VB_LINE_FROM + lo * VB_LINE_STEP, right = left + VB_LINE_STEP, slope;
  double z = left + VB_LINE_STEP * (w - warp->w[lo]) / (warp->w[hi] - warp->w[lo]);
  for (int it = 0; it < 3; it++) {
    double off = vb_warp_at(warp, z, &slope) - w;
    z = fmin(fmax(z - off / slope, left), right);
  }
  return z;
}

static vb_status fit_axis(vb_surface *s, int i) {
  vb_scan_axis *a = s->axis + i;
  int K = s->K;
  double density[VB_LINE], y[VB_SCAN_MOST], y2[VB_SCAN_MOST], slope;
  vb_main_effect(s, i, a->main);
  for (int g = 0; g < VB_LINE; g++)
    density[g] = (a->main[g] + a->known[g]) / (a->spread * a->spread);
  vb_status st = make_warp(density, &a->warp);
  if (st != VB_OK) return st;
  for (int q = 0; q < a->n; q++) a->w[q] = vb_warp_at(&a->warp, a->z[q], &slope);
  spline_at zero = spline_find(a->n, a->w, a->warp.at_zero, 0);
  double h = a->w[zero.k + 1] - a->w[zero.k], u = (a->warp.at_zero - a->w[zero.k]) / h, v = 1 - u;
  for (int j = 0; j <= K; j++) { /* across in every direction; last the remainder */
    for (int q = 0; q < a->n; q++) {
      int node = a->node[q];
      y[q] = j == i  ? 0
             : j < K ? s->grad[j + (size_t)node * K] - s->grad[j]
                     : s->rest[node] - s->rest[0];
    }
    vb_spline(a->n, a->w, y, y2);
    double *to = j < K ? a->cross + j : a->rest, *to2 = j < K ? a->cross2 + j : a->rest2;
    for (int q = 0; q < a->n; q++) {
      to[q * (j < K ? K : 1)] = y[q];
      to2[q * (j < K ? K : 1)] = y2[q];
    }
    if (j < K)
      s->curve[i + (size_t)j * K] =
          a->warp.slope_at_zero *
          ((y[zero.k + 1] - y[zero.k]) / h +
           h / 6 * ((1 - 3 * v * v) * y2[zero.k] + (3 * u * u - 1) * y2[zero.k + 1]));
  }
  return VB_OK;
}

vb_status vb_surface_fit(vb_surface *s) {
  int K = s->K;
  vb_status st = VB_OK;
  for (int i = 0; i < K && st == VB_OK; i++) st = fit_axis(s, i);
  for (int i = 0; i < K; i++)
    for (int j = 0; j < i; j++)
      s->curve[i + (size_t)j * K] = s->curve[j + (size_t)i * K] =
          (s->curve[i + (size_t)j * K] + s->curve[j + (size_t)i * K]) / 2;
  return st;
}

/* the corners' quadrants (corner.c) */
static double corners_at(const vb_surface *s, const double *w) {
  double out = 0;
  for (int c = 0; c < s->n_corner; c++) {
    const vb_corner *at = s->corner + c;
    double ti = (w[at->i] - s->axis[at->i].warp.at_zero) / at->wi;
    double tj = (w[at->j] - s->axis[at->j].warp.at_zero) / at->wj;
    if (!(ti > 0 && tj > 0)) continue;
    out += at->value * pow(fmin(ti, CORNER_END), at->pi) * pow(fmin(tj, CORNER_END), at->pj);
  }
  return out;
}

double vb_surface_at(const vb_surface *s, const double *z, int with_rest, double *w) {
  int K = s->K;
  double phi[VB_MAX_AXIS], out = s->value[0] + (with_rest ? s->rest[0] : 0), slope;
  spline_at at[VB_MAX_AXIS];
  for (int i = 0; i < K; i++) {
    const vb_scan_axis *a = s->axis + i;
    w[i] = vb_warp_at(&a->warp, z[i], &slope);
    out += main_at(s, i, z[i]);
    at[i] = spline_find(a->n, a->w, w[i], CROSS_END);
    double kept = fmin(fmax(w[i], a->w[0] - PHI_END), a->w[a->n - 1] + PHI_END);
    phi[i] = (kept - a->warp.at_zero) / a->warp.slope_at_zero;
    if (!with_rest) continue;
    spline_at rest = spline_find(a->n, a->w, w[i], REST_END);
    out += spline_value(&rest, a->rest, a->rest2, 1);
  }
  for (int i = 0; i < K; i++) {
    const vb_scan_axis *a = s->axis + i;
    double across = 0;
    for (int j = 0; j < K; j++) {
      if (j == i) continue;
      across += phi[j] * spline_value(at + i, a->cross + j, a->cross2 + j, K);
      if (j < i) across -= s->curve[i + (size_t)j * K] * phi[i] * phi[j];
    }
    out += across;
  }
  return out + corners_at(s, w);
}

void vb_surface_gradient(const vb_surface *s, const double *z, double *grad) {
  double at[VB_MAX_AXIS], w[VB_MAX_AXIS], h = 1e-4;
  memcpy(at, z, sizeof(double) * s->K);
  for (int k = 0; k < s->K; k++) {
    at[k] = z[k] + h;
    double up = vb_surface_at(s, at, 0, w);
    at[k] = z[k] - h;
    grad[k] = (up - vb_surface_at(s, at, 0, w)) / (2 * h);
    at[k] = z[k];
  }
}
