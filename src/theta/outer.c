/* The outer nodes of an axis, where its density is low. */
#include <math.h>
#include <stdlib.h>
#include "theta/surface.h"

#define LONGER 0.35 /* scales beyond a scan's end at which mass makes it longer */
#define REACH 4.5   /* nats below the top, and sds from it, of the outer nodes, */
#define FURTHER 9   /* and of axes whose tails are heavy */
#define DEEP 2.5    /* times as low as foretold is too low, */
#define TRIES 6
#define BESIDE 0.4 /* what is so near to the last node needs none of its own */
#define APART 0.5  /* nor is there a nearer try */

static void drop(vb_scan_axis *a, int at) {
  for (a->n--; at < a->n; at++) {
    a->z[at] = a->z[at + 1];
    a->node[at] = a->node[at + 1];
  }
}

/* Of a heavy tail: an outer node where the density is about as low as it was foretold: one that is
 * far lower says nothing of where the mass is, and the cubic to it bends through the roof; one that
 * is not low leaves the tail to its slope. */
vb_status vb_scan_outer(vb_surface *s, int axis, double z) {
  vb_scan_axis *a = s->axis + axis;
  if (!a->heavy) return vb_scan_near(s, axis, z);
  double at[VB_MAX_AXIS] = {0}, top = s->value[0] + vb_surface_known(s, at);
  double from = z < 0 ? a->z[0] : a->z[a->n - 1], beyond = NAN;
  for (int i = 0; i < TRIES; i++) {
    vb_status st = vb_scan_near(s, axis, z);
    if (st != VB_OK) return st;
    int q = z < 0 ? 0 : a->n - 1;
    at[axis] = z = a->z[q];
    double fall = top - s->value[a->node[q]] - vb_surface_known(s, at);
    if (fall > DEEP * FURTHER) {
      beyond = z;
      drop(a, q);
      z = from + (z - from) * fmax(0.4, sqrt(FURTHER / fall));
    } else {
      if (isnan(beyond) || fall > FURTHER / 2.0) return VB_OK;
      from = z;
      z = (z + beyond) / 2;
    }
    if (fabs(z - from) < APART / 2) return VB_OK;
  }
  return VB_OK;
}

/* how far from zero the density is, as foretold, within reach of its top on the way */
static double end_of_reach(const vb_scan_axis *a, const double *density, double reach, int side) {
  int zero = (int)lround(-VB_LINE_FROM / VB_LINE_STEP), end = side < 0 ? -1 : VB_LINE;
  double top = -INFINITY, z = 0;
  for (int g = 0; g < VB_LINE; g++) {
    z = VB_LINE_FROM + g * VB_LINE_STEP;
    if (z >= a->z[0] && z <= a->z[a->n - 1]) top = fmax(top, density[g]);
  }
  for (int g = zero; g != end; g += side) {
    top = fmax(top, density[g]);
    if (!(density[g] > top - reach)) break;
    z = VB_LINE_FROM + g * VB_LINE_STEP;
  }
  return z;
}

vb_status vb_scan_ends(vb_surface *s, int axis, const double *density) {
  vb_scan_axis *a = s->axis + axis;
  double reach = a->heavy ? FURTHER : REACH;
  double far = reach * a->spread / sqrt(fmax(s->hess[axis * (size_t)(s->K + 1)], 0.2));
  double lo = fmax(end_of_reach(a, density, reach, -1), -far);
  double hi = fmin(end_of_reach(a, density, reach, 1), far);
  vb_status st = VB_OK;
  if (lo < a->z[0] - BESIDE) st = vb_scan_outer(s, axis, lo);
  if (st == VB_INTERRUPTED) return st;
  if (hi > a->z[a->n - 1] + BESIDE) st = vb_scan_outer(s, axis, hi);
  return st == VB_INTERRUPTED ? st : VB_OK;
}

typedef struct {
  double z, weight;
} weighted;

/* weighted quantiles of one coordinate, at prob and 1 - prob */
static void tails(const vb_cloud *c, int axis, double prob, double *lo, double *hi) {
  weighted *p = (weighted *)c->scratch; /* K + 1 >= 2 columns */
  double sum = 0;
  for (int t = 0; t < c->T; t++) p[t] = (weighted){c->z[axis + (size_t)t * c->K], c->weight[t]};
  qsort(p, c->T, sizeof(weighted), vb_ascending);
  *lo = p[0].z;
  *hi = p[c->T - 1].z;
  for (int t = 0; t < c->T; t++) {
    double before = sum;
    sum += p[t].weight;
    if (before < prob && sum >= prob) *lo = p[t].z;
    if (before < 1 - prob && sum >= 1 - prob) *hi = p[t].z;
  }
}

/* Confounded parameters have mass where the scan, which holds all others, does not go. */
vb_status vb_scan_lengthen(vb_surface *s, const vb_cloud *c, int *longer) {
  *longer = 0;
  for (int k = 0; k < s->K; k++) {
    const vb_scan_axis *a = s->axis + k;
    double lo, hi, from = a->z[0], to = a->z[a->n - 1], more = LONGER * a->spread;
    tails(c, k, 0.01, &lo, &hi);
    int below = from - lo > (a->decay > 0 ? 4 : 1) * more, above = hi - to > more;
    vb_status st = below ? vb_scan_outer(s, k, fmax(lo, 2.5 * from)) : VB_OK;
    if (st == VB_INTERRUPTED) return st;
    *longer |= below && st == VB_OK;
    st = above ? vb_scan_outer(s, k, fmin(hi, 2 * to)) : VB_OK;
    if (st == VB_INTERRUPTED) return st;
    *longer |= above && st == VB_OK;
  }
  return VB_OK;
}
