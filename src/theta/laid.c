/* Nodes laid along pinned combinations.  The nodes of the integral over theta are where its surface
 * bends, too far from each other for a mixture of Gaussians as narrow as a pin's window.  Others
 * are laid by the points of theta and take over the weight: each stands for a stretch of every
 * pin, whose variance is its spread. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "numbers/small.h"
#include "theta/theta.h"

#define LAID 64 /* nodes along one pin where there is nothing else to theta */
#define MORE 3  /* times as many where there is, among several pins */
#define MANY 6
#define EDGE 1e-5  /* mass beyond which no length of a tail gets nodes */
#define ROOM 1e7   /* numbers of cells times nodes that a fit may hold for these */
#define TOGETHER 6 /* nodes of a bin of an axis, among several pins */
#define KERNEL 0.7 /* spread there, in distances between the nodes of a bin */
#define ROUNDS 40

typedef struct { /* a point with weight: where it is along the one pin, its share of the nodes */
  double t, weight, share;
  int point;
} spot;

typedef struct { /* nodes to be: K axes each, weights, variances in the axis of each pin */
  int n;
  double *x, *weight, *spread;
} plan;

static int pin_axis(const vb_fit *fit, int j) {
  return fit->hyper->natural[fit->hyper->first_pin + j].axis;
}

static int pin_of(const vb_fit *fit, int axis) {
  for (int j = 0; j < fit->hyper->n_pin; j++)
    if (pin_axis(fit, j) == axis) return j;
  return -1;
}

static int spots(const vb_fit *fit, spot *out) {
  int K = fit->hyper->n_axis, axis = pin_axis(fit, 0), n = 0;
  double sum = 0;
  for (int i = 0; i < fit->n_point; i++) {
    double w = fit->point_weight[i];
    if (w > 0) out[n++] = (spot){fit->point_x[(size_t)i * K + axis], w, 0, i};
    sum += fmax(w, 0);
  }
  for (int i = 0; i < n; i++) out[i].weight /= sum;
  return n;
}

/* ---- One pin ---- */

/* half of the nodes by mass, half by length, so that tails have some */
static void share_along(int n, spot *p) {
  double mass = 0, sum = 0, lo = p[0].t, hi = p[n - 1].t;
  for (int i = 0; i < n; i++) {
    if (mass < EDGE) lo = p[i].t;
    if (mass < 1 - EDGE) hi = p[i].t;
    mass += p[i].weight;
  }
  for (int i = 0; i < n; i++) {
    double left = fmax(i ? (p[i - 1].t + p[i].t) / 2 : p[i].t, lo);
    double right = fmin(i < n - 1 ? (p[i].t + p[i + 1].t) / 2 : p[i].t, hi);
    p[i].share = p[i].weight + (hi > lo ? fmax(right - left, 0) / (hi - lo) : p[i].weight);
    sum += p[i].share;
  }
  for (int i = 0; i < n; i++) p[i].share /= sum;
}

/* A node that stands for spots from .. to - 1: at their mean along the pin, and all else as in the
 * spot up to which a share u of them lies, along one of the other axes after the other. */
static void stand_for(const vb_fit *fit, spot *p, int from, int to, double u, plan *out) {
  int K = fit->hyper->n_axis, pin = pin_axis(fit, 0), take = from;
  int other = K > 1 ? (pin + 1 + out->n % (K - 1)) % K : pin;
  double weight = 0, t = 0, t2 = 0, sum = 0, *x = out->x + (size_t)out->n * K;
  for (int i = from; i < to; i++) {
    weight += p[i].weight;
    t += p[i].weight * p[i].t;
  }
  t /= weight;
  for (int i = from; i < to; i++) {
    t2 += p[i].weight * (p[i].t - t) * (p[i].t - t);
    p[i].t = fit->point_x[(size_t)p[i].point * K + other];
  }
  qsort(p + from, to - from, sizeof *p, vb_ascending);
  while (take < to - 1 && (sum += p[take].weight) < u * weight) take++;
  memcpy(x, fit->point_x + (size_t)p[take].point * K, sizeof(double) * K);
  x[pin] = t;
  out->spread[out->n] = t2 / weight;
  out->weight[out->n++] = weight;
}

static void plan_along(const vb_fit *fit, int laid, int n, spot *p, plan *out) {
  double step = vb_low_discrepancy_step(0, 1), upto = 0;
  qsort(p, n, sizeof *p, vb_ascending);
  share_along(n, p);
  for (int j = 0, from = 0; j < laid && from < n; j++) {
    int to = from;
    while (to < n && (upto + p[to].share <= (j + 1.0) / laid || j == laid - 1))
      upto += p[to++].share;
    if (to > from) stand_for(fit, p, from, to, vb_low_discrepancy(j, step), out);
    from = to;
  }
}

/* ---- Several ---- */

/* In strips of the first pin's axis of equal mass, in each along the second's, there and back. */
static void string_together(const vb_fit *fit, int strips, int n, spot *p) {
  int K = fit->hyper->n_axis, axis = pin_axis(fit, 1);
  double upto = 0;
  qsort(p, n, sizeof *p, vb_ascending);
  for (int from = 0, k = 1; from < n; k++) {
    int to = from;
    for (; to < n && (upto <= (double)k / strips || k == strips); to++) {
      upto += p[to].weight;
      p[to].t = (k % 2 ? 1 : -1) * fit->point_x[(size_t)p[to].point * K + axis];
    }
    qsort(p + from, to - from, sizeof *p, vb_ascending);
    from = to;
  }
}

/* Systematic sampling of the points, half by mass, half by its root, of which tails have more */
static void plan_among(const vb_fit *fit, int laid, int n, spot *p, plan *out) {
  int K = fit->hyper->n_axis, j = 0;
  double upto = 0, roots = 0;
  string_together(fit, (int)sqrt(laid), n, p);
  for (int i = 0; i < n; i++) roots += sqrt(p[i].weight);
  for (int i = 0; i < n && j < laid; i++) {
    double share = (p[i].weight + sqrt(p[i].weight) / roots) / 2;
    int copies = 0;
    upto += share;
    for (; j < laid && (j + 0.5) / laid <= upto; j++) copies++;
    if (!copies) continue;
    memcpy(out->x + (size_t)out->n * K, fit->point_x + (size_t)p[i].point * K, sizeof(double) * K);
    out->weight[out->n++] = copies * p[i].weight / share;
  }
}

typedef struct {                   /* an axis cut into bins of equal numbers of nodes */
  int n_bin, *of;                  /* bin of each node */
  double *end, *mass, *mean, *var; /* of the points in each bin */
} bins;

typedef struct {
  double x;
  int node;
} place;

static void cut(const vb_fit *fit, const plan *at, int axis, bins *b) {
  const vb_host *host = fit->host;
  int n = at->n, K = fit->hyper->n_axis;
  place *p = host->alloc(n, sizeof *p);
  b->n_bin = n < TOGETHER ? 1 : n / TOGETHER;
  b->of = host->alloc(n, sizeof(int));
  double **per_bin[] = {&b->end, &b->mass, &b->mean, &b->var};
  for (int k = 0; k < 4; k++) *per_bin[k] = host->alloc(b->n_bin, sizeof(double));
  for (int i = 0; i < n; i++) p[i] = (place){at->x[(size_t)i * K + axis], i};
  qsort(p, n, sizeof *p, vb_ascending);
  for (int k = 0; k < b->n_bin; k++) {
    int upto = (int)((double)n * (k + 1) / b->n_bin);
    b->end[k] = upto < n ? (p[upto - 1].x + p[upto].x) / 2 : INFINITY;
  }
  for (int i = 0; i < n; i++)
    b->of[i] = vb_first_above(b->n_bin, b->end, at->x[(size_t)i * K + axis]);
  for (int t = 0; t < fit->n_point; t++) {
    double w = fit->point_weight[t], x = fit->point_x[(size_t)t * K + axis];
    if (!(w > 0)) continue;
    int k = vb_first_above(b->n_bin, b->end, x);
    double off = x - b->mean[k], share = w / (b->mass[k] + w);
    b->var[k] += (1 - share) * w * off * off;
    b->mean[k] += share * off;
    b->mass[k] += w;
  }
  for (int k = 0; k < b->n_bin; k++) b->var[k] /= fmax(b->mass[k], 1e-300);
}

/* Raking (Deming & Stephan 1940): along every axis the nodes get the mass of the points */
static void rake(int K, const bins *axis, plan *out) {
  double *sum = axis[0].end; /* ends are needed no more */
  for (int round = 0; round < ROUNDS; round++)
    for (int k = 0; k < K; k++) {
      memset(sum, 0, sizeof(double) * axis[k].n_bin);
      for (int i = 0; i < out->n; i++) sum[axis[k].of[i]] += out->weight[i];
      for (int i = 0; i < out->n; i++)
        if (sum[axis[k].of[i]] > 0)
          out->weight[i] *= axis[k].mass[axis[k].of[i]] / sum[axis[k].of[i]];
    }
}

/* The nodes of a bin move so that it keeps the points' mean and variance: few would miss a tail, or
 * have too much of it.  Along pin j (-1: none) every node spreads over its surroundings. */
static void spread(const vb_fit *fit, const bins *b, int axis, int j, plan *out) {
  int K = fit->hyper->n_axis, F = fit->hyper->n_pin;
  for (int k = 0; k < b->n_bin; k++) {
    double w = 0, mean = 0, var = 0, lo = INFINITY, hi = -INFINITY;
    int n = 0;
    for (int i = 0; i < out->n; i++) {
      double x = out->x[(size_t)i * K + axis];
      if (b->of[i] != k) continue;
      n++;
      w += out->weight[i];
      mean += out->weight[i] * x;
      var += out->weight[i] * x * x;
      lo = fmin(lo, x);
      hi = fmax(hi, x);
    }
    if (!(w > 0)) continue;
    mean /= w;
    var = fmax(var / w - mean * mean, 0);
    double own = j < 0 ? 0 : fmin(pow(KERNEL * (hi - lo) / n, 2), b->var[k]);
    double stretch = var > 0 ? fmin(sqrt((b->var[k] - own) / var), 2) : 0;
    for (int i = 0; i < out->n; i++) {
      double *x = out->x + (size_t)i * K + axis;
      if (b->of[i] != k) continue;
      *x = b->mean[k] + stretch * (*x - mean);
      if (j >= 0) out->spread[(size_t)i * F + j] = own;
    }
  }
}

static void fit_margins(const vb_fit *fit, plan *out) {
  int K = fit->hyper->n_axis;
  bins axis[VB_MAX_AXIS];
  for (int k = 0; k < K; k++) cut(fit, out, k, axis + k);
  rake(K, axis, out);
  for (int k = 0; k < K; k++) { /* along a single pin the plan has done so */
    int j = pin_of(fit, k);
    if (j < 0 || fit->hyper->n_pin > 1) spread(fit, axis + k, k, j, out);
  }
}

/* ---- The nodes ---- */

/* at the plan's i-th place, where a node can be had */
static vb_status lay(vb_fit *fit, const plan *p, int i) {
  int F = fit->hyper->n_pin;
  vb_status st = vb_fit_node(fit, p->x + (size_t)i * fit->hyper->n_axis);
  if (st != VB_OK) return st == VB_INTERRUPTED ? st : VB_OK;
  double *of = fit->host->alloc(F, sizeof(double));
  for (int j = 0; j < F; j++)
    of[j] = p->spread[(size_t)i * F + j] * pow(fit->theta.slope[fit->hyper->first_pin + j], 2);
  vb_node_spread(fit, of);
  fit->node[fit->n_node - 1]->weight = p->weight[i];
  return VB_OK;
}

vb_status vb_flat_nodes(vb_fit *fit) {
  int F = fit->hyper->n_pin, first = fit->n_node;
  if (!F || fit->n_point < 2) return VB_OK;
  const vb_host *host = fit->host;
  double cap = ROOM / (fit->model->n + fit->model->n_coef), sum = 0, astray = 0;
  int most = LAID * (F > 1 ? MANY : fit->hyper->n_axis > 1 ? MORE : 1);
  int laid = (int)fmin(most, fmax(cap, LAID));
  spot *p = host->alloc(fit->n_point, sizeof *p);
  int n = spots(fit, p);
  if (!n) return VB_OK;
  plan out = {0, host->alloc((size_t)laid * fit->hyper->n_axis, sizeof(double)),
              host->alloc(laid, sizeof(double)), host->alloc((size_t)laid * F, sizeof(double))};
  if (F == 1)
    plan_along(fit, laid, n, p, &out);
  else
    plan_among(fit, laid, n, p, &out);
  if (fit->hyper->n_axis > 1) fit_margins(fit, &out);
  for (int s = 0; s < first; s++) fit->node[s]->weight = 0; /* to start from */
  for (int i = 0; i < out.n; i++) {
    vb_status st = lay(fit, &out, i);
    if (st != VB_OK) return st;
  }
  for (int s = first; s < fit->n_node; s++) {
    sum += fit->node[s]->weight;
    if (!fit->node[s]->converged) astray += fit->node[s]->weight;
  }
  if (!(sum > 0)) return VB_NOT_FINITE;
  if (astray > 0.01 * sum) fit->converged = 0;
  for (int s = first; s < fit->n_node; s++) fit->node[s]->weight /= sum;
  return VB_OK;
}
