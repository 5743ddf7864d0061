/* The integral of the surface: importance sampling by a copula that learns from its own points. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "numbers/small.h"
#include "theta/surface.h"

#define SPREAD 1.15      /* of the first proposal, in normal scores */
#define FAR 0.25         /* of points of exact weights */
#define MOST_WEIGHT 0.02 /* of a point, when the proposal learns */

vb_status vb_cloud_make(const vb_surface *s, int cap, vb_cloud *c) {
  const vb_host *h = s->fit->host;
  int K = s->K;
  *c = (vb_cloud){.K = K, .cap = cap};
  c->w = h->alloc((size_t)K * cap, sizeof(double));
  c->z = h->alloc((size_t)K * cap, sizeof(double));
  c->weight = h->alloc(cap, sizeof(double));
  c->log_f = h->alloc(cap, sizeof(double));
  c->cum = h->alloc(cap, sizeof(double));
  c->order = h->alloc(cap, sizeof(int));
  c->scratch = h->alloc((size_t)(K + 1) * cap, sizeof(double));
  vb_halton_make(h, K, &c->halton);
  vb_copula_make(h, K, SPREAD, &c->q);
  return vb_copula_correlation(&c->q, s->correlation);
}

/* log density by the surface; -infinity where theta cannot be had */
static double of_surface(vb_surface *s, const double *z) {
  double w[VB_MAX_AXIS], known = vb_surface_known(s, z);
  return isfinite(known) ? known + vb_surface_at(s, z, 1, w) + vb_correction_at(s, w) : known;
}

typedef struct {
  double z;
  int t;
} placed;

/* Weights summed up in an order from which points can be picked: of one axis along it. */
static void accumulate(vb_cloud *c) {
  placed *p = (placed *)c->scratch; /* room for two doubles a point */
  for (int t = 0; t < c->T; t++) p[t] = (placed){c->z[(size_t)t * c->K], t};
  if (c->K == 1) qsort(p, c->T, sizeof(placed), vb_ascending);
  double sum = 0;
  for (int i = 0; i < c->T; i++) {
    c->order[i] = p[i].t;
    c->cum[i] = sum += c->weight[p[i].t];
  }
}

int vb_cloud_pick(const vb_cloud *c, double share) {
  return c->order[vb_first_above(c->T, c->cum, share)];
}

static vb_status weigh(vb_surface *s, int T, double shift, int exact, vb_cloud *c) {
  int K = s->K;
  double u[VB_MAX_AXIS], step = vb_low_discrepancy_step(0, 1);
  c->T = T;
  for (int t = 0; t < T; t++) {
    double *at = c->w + (size_t)t * K, *z = c->z + (size_t)t * K, slope;
    vb_halton_point(&c->halton, K, t, shift, u);
    int far = vb_low_discrepancy(t, step) < c->q.far;
    double log_q = vb_copula_point(&c->q, u, far, at);
    for (int k = 0; k < K; k++) {
      z[k] = vb_warp_inverse(&s->axis[k].warp, at[k]);
      vb_warp_at(&s->axis[k].warp, z[k], &slope);
      log_q += log(slope);
    }
    vb_status st = VB_OK;
    if (exact)
      st = vb_surface_exact(s, z, c->log_f + t);
    else
      c->log_f[t] = of_surface(s, z);
    if (st != VB_OK) return st;
    if (!isfinite(c->log_f[t])) c->log_f[t] = -INFINITY;
    c->weight[t] = c->log_f[t] - log_q;
    if ((t & 1023) == 1023 && s->fit->host->poll()) return VB_INTERRUPTED;
  }
  c->ess = vb_normalise(T, c->weight, &c->log_z);
  c->log_z += s->log_scale;
  if (!isfinite(c->log_z)) return VB_NOT_FINITE;
  accumulate(c);
  return VB_OK;
}

vb_status vb_cloud_integrate(vb_surface *s, int rounds, int T0, int T, vb_cloud *c) {
  for (int r = 0; r <= rounds; r++) {
    int last = r == rounds, n = last ? T : T0 * (r + 1);
    vb_status st = weigh(s, n < c->cap ? n : c->cap, last ? 0.5 : 0.5 + 0.1 * r, 0, c);
    if (st == VB_OK && !last)
      st = vb_copula_adapt(&c->q, c->T, c->w, c->weight, MOST_WEIGHT, c->scratch);
    if (st != VB_OK) return st;
  }
  return VB_OK;
}

vb_status vb_cloud_exact(vb_surface *s, int rounds, int T, vb_cloud *c) {
  /* from where the axes and the correlations at the centre put it */
  vb_copula_make(s->fit->host, s->K, SPREAD, &c->q);
  c->q.far = FAR;
  vb_status st = vb_copula_correlation(&c->q, s->correlation);
  for (int r = 0; st == VB_OK && r <= rounds; r++) {
    int last = r == rounds;
    st = weigh(s, last ? T : T / 4, last ? 0.5 : 0.6 + 0.1 * r, 1, c);
    /* the shape of few effective points would be worse than none */
    if (st == VB_OK && !last && c->ess > 2 * s->K)
      st = vb_copula_adapt(&c->q, c->T, c->w, c->weight, MOST_WEIGHT, c->scratch);
  }
  return st;
}

/* Points by the roots of their weights, between the copula and the surface: tails of this may be
 * lighter than they should be, or heavier. */
static void pick_by_roots(const vb_cloud *c, int n, int *out, double *sum) {
  int at = 0;
  *sum = 0;
  for (int t = 0; t < c->T; t++) *sum += sqrt(c->weight[t]);
  double upto = sqrt(c->weight[0]);
  for (int i = 0; i < n; i++) {
    while (at < c->T - 1 && upto < (i + 0.5) / n * *sum) upto += sqrt(c->weight[++at]);
    out[i] = at;
  }
}

/* moments of the scores along one axis at some points */
static void moments(const vb_cloud *c, int axis, int n, const int *point, const double *weight,
                    double *mean, double *sd) {
  double sum = 0, square = 0;
  *mean = 0;
  for (int i = 0; i < n; i++) {
    double w = c->w[axis + (size_t)point[i] * c->K];
    sum += weight[i];
    *mean += weight[i] * w;
    square += weight[i] * w * w;
  }
  *mean /= sum;
  *sd = sqrt(fmax(square / sum - *mean * *mean, 1e-6));
}

vb_status vb_cloud_check(vb_surface *s, int n, const vb_cloud *c, double *worst) {
  const vb_host *h = s->fit->host;
  int *point = h->alloc(n, sizeof(int));
  double *own = h->alloc(n, sizeof(double)), *is = h->alloc(n, sizeof(double)), exact, sum;
  pick_by_roots(c, n, point, &sum);
  for (int i = 0; i < n; i++) {
    vb_status st = vb_surface_exact(s, c->z + (size_t)point[i] * c->K, &exact);
    if (st != VB_OK) return st;
    own[i] = log(c->weight[point[i]]) / 2;
    is[i] = own[i] + (isfinite(exact) ? exact : -INFINITY) - c->log_f[point[i]];
  }
  vb_normalise(n, own, NULL);
  vb_normalise(n, is, NULL);
  *worst = 0;
  for (int k = 0; k < c->K; k++) {
    double m0, s0, m1, s1;
    moments(c, k, n, point, own, &m0, &s0);
    moments(c, k, n, point, is, &m1, &s1);
    *worst = fmax(*worst, fmax(fabs(m1 - m0) / s0, fabs(log(s1 / s0))));
  }
  if (isnan(*worst)) *worst = INFINITY;
  return VB_OK;
}

vb_status vb_cloud_reweigh(vb_surface *s, int n, vb_cloud *c) {
  int K = s->K, *point = s->fit->host->alloc(n, sizeof(int));
  double *z = c->w, *log_f = c->scratch, *weight = log_f + c->cap, log_mean, exact = 0, roots;
  pick_by_roots(c, n, point, &roots);
  for (int i = 0; i < n; i++) {
    int at = point[i], again = i && at == point[i - 1];
    vb_status st = again ? VB_OK : vb_surface_exact(s, c->z + (size_t)at * K, &exact);
    if (st != VB_OK) return st;
    memcpy(z + (size_t)i * K, c->z + (size_t)at * K, sizeof(double) * K);
    log_f[i] = isfinite(exact) ? exact : -INFINITY;
    weight[i] = log_f[i] - c->log_f[at] + log(c->weight[at]) / 2;
  }
  c->T = n;
  memcpy(c->z, z, sizeof(double) * n * K);
  memcpy(c->log_f, log_f, sizeof(double) * n);
  memcpy(c->weight, weight, sizeof(double) * n);
  c->ess = vb_normalise(n, c->weight, &log_mean);
  c->log_z += log_mean + log(roots);
  accumulate(c);
  return isfinite(c->log_z) ? VB_OK : VB_NOT_FINITE;
}
