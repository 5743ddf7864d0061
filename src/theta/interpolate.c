/* The integral over theta by interpolation (mathematics.Rmd, section 6): nodes are added where the
 * interpolated posterior has mass and no node near, until it predicts the next ones; then some
 * thousand points are weighted at no cost to the engine.  K = 0 has one node; many hyperparameters
 * go to weights.c. */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "theta/interpolate.h"

#define MISSED \
  0.3            /* error of the last nodes' prediction beyond which many dimensions are weighted */
#define MASS 0.5 /* how much mass counts against distance when nodes are placed */
#define FEW 20   /* effective points that are no posterior */

typedef struct { /* the interpolation at work */
  int T;
  vb_profile profile;
  double *z, *log_q, *log_prior; /* points */
  double *log_p, *near, *reach; /* predicted log density in z; squared distance to the nearest node;
                                   log of the second moment's integrand over the density */
  int used;                     /* nodes taken up */
  int *owner;                   /* the node of each interpolated value */
} weave;

/* New nodes into the interpolation; near[] is every point's distance to the nearest value of it. */
static void take_up(const vb_fit *fit, weave *w) {
  int K = fit->hyper->n_axis;
  vb_surrogate *s = &w->profile.s;
  for (; w->used < fit->n_node; w->used++) {
    const vb_node *n = fit->node[w->used];
    int from = s->n;
    vb_profile_add(&w->profile, n->x, n->elbo + n->rq);
    for (int i = from; i < s->n; i++) {
      const double *z = s->z + (size_t)i * K;
      w->owner[i] = w->used;
      for (int t = 0; t < w->T; t++) {
        double d2 = 0;
        for (int k = 0; k < K; k++) d2 += pow(w->z[(size_t)t * K + k] - z[k], 2);
        w->near[t] = fmin(w->near[t], d2);
      }
    }
  }
}

static void predict(vb_fit *fit, weave *w, int T) {
  int K = fit->hyper->n_axis;
  for (int t = 0; t < T; t++)
    w->log_p[t] = vb_profile_at(&w->profile, w->z + (size_t)t * K, w->log_prior[t]);
}

static double top_of(int T, const double *x) {
  double top = -INFINITY;
  for (int t = 0; t < T; t++) top = fmax(top, x[t]);
  return top;
}

/* The next node: much mass, no node near.  The error of a cubic basis grows like the third power of
 * distance. */
static int next_point(const weave *w, int T) {
  int best = -1;
  double top = top_of(T, w->log_p), score = -INFINITY;
  for (int t = 0; t < T; t++) {
    double mass = w->log_p[t] + w->reach[t];
    if (!(mass > top - 12) || !(w->near[t] > 1e-6)) continue;
    double s = MASS * mass + 1.75 * log(w->near[t]);
    if (s > score) {
      score = s;
      best = t;
    }
  }
  return best;
}

/* evaluates a batch; error: weighted rms of what the interpolation had predicted there */
static vb_status add_batch(vb_fit *fit, weave *w, int T, int size, double *error) {
  int K = fit->hyper->n_axis, picked[64];
  double predicted[64], top = top_of(T, w->log_p), sum = 0, sum2 = 0;
  if (size > 64) size = 64;
  int n = 0;
  for (; n < size; n++) { /* choose all, then evaluate: distances count those chosen */
    int t = next_point(w, T);
    if (t < 0) break;
    picked[n] = t;
    predicted[n] = w->log_p[t];
    for (int i = 0; i < T; i++) {
      double d2 = 0;
      for (int k = 0; k < K; k++) d2 += pow(w->z[(size_t)i * K + k] - w->z[(size_t)t * K + k], 2);
      w->near[i] = fmin(w->near[i], d2);
    }
  }
  for (int i = 0; i < n; i++) {
    double x[VB_MAX_AXIS];
    vb_z_to_x(fit, w->z + (size_t)picked[i] * K, x);
    vb_status st = vb_fit_node(fit, x);
    if (st == VB_INTERRUPTED) return st;
    if (st != VB_OK) { /* theta cannot be had there: no mass */
      w->log_prior[picked[i]] = -INFINITY;
      continue;
    }
    const vb_node *v = fit->node[fit->n_node - 1];
    double e = v->elbo + v->rq - predicted[i],
           mass = exp(fmin(fmax(predicted[i], v->elbo + v->rq) + w->reach[picked[i]] - top, 0));
    sum += mass;
    sum2 += mass * e * e;
  }
  *error = sum > 0 ? sqrt(sum2 / sum) : 0;
  return n ? VB_OK : VB_MAX_ITER;
}

static void lay_points(vb_fit *fit, const vb_proposal *q, weave *w) {
  int K = fit->hyper->n_axis;
  double x[VB_MAX_AXIS], *at_mode = fit->host->alloc(fit->hyper->n_natural + 1, sizeof(double));
  vb_theta_set(fit->hyper, fit->mode, &fit->theta);
  memcpy(at_mode, fit->theta.natural, sizeof(double) * fit->hyper->n_natural);
  for (int t = 0; t < w->T; t++) {
    double *z = w->z + (size_t)t * K;
    w->log_q[t] = vb_proposal_draw(q, t, z);
    w->near[t] = INFINITY;
    w->log_prior[t] = -INFINITY;
    for (int i = 0; i < K; i++) {
      x[i] = fit->mode[i];
      for (int k = 0; k < K; k++) x[i] += fit->root[i + (size_t)k * K] * z[k];
    }
    memcpy(fit->point_x + (size_t)t * K, x, sizeof(double) * K);
    if (vb_theta_set(fit->hyper, x, &fit->theta) != VB_OK) continue;
    w->log_prior[t] = fit->theta.log_prior;
    double most = 1; /* far tails of sds carry their variance */
    for (int i = 0; i < fit->hyper->n_natural; i++)
      if (fit->hyper->natural[i].prior && !fit->hyper->natural[i].real)
        most = fmax(most, fit->theta.natural[i] / at_mode[i]);
    w->reach[t] = 2 * log(most);
  }
}

/* importance weights of the points under the interpolation; their effective number */
static double weigh_points(vb_fit *fit, weave *w, double *log_mean) {
  double sum = 0, sum2 = 0;
  predict(fit, w, w->T);
  for (int t = 0; t < w->T; t++) w->log_p[t] -= w->log_q[t];
  double top = top_of(w->T, w->log_p);
  for (int t = 0; t < w->T; t++) {
    fit->point_weight[t] = exp(w->log_p[t] - top);
    sum += fit->point_weight[t];
    sum2 += fit->point_weight[t] * fit->point_weight[t];
  }
  for (int t = 0; t < w->T; t++) fit->point_weight[t] /= sum;
  *log_mean = top + log(sum / w->T);
  return sum * sum / sum2;
}

static vb_status finish_interpolated(vb_fit *fit, weave *w) {
  int K = fit->hyper->n_axis, T = w->T;
  double log_mean;
  if (weigh_points(fit, w, &log_mean) <
      FEW) { /* a corner of theta where the corrections fail: without them */
    for (int s = 0; s < fit->n_node; s++) fit->node[s]->rq = 0;
    fit->converged = w->used = w->profile.s.n = 0;
    w->profile.top = INFINITY;
    take_up(fit, w);
    vb_status refit = vb_surrogate_fit(&w->profile.s);
    if (refit != VB_OK) return refit;
    weigh_points(fit, w, &log_mean);
  }
  if (!isfinite(log_mean)) return VB_NOT_FINITE;
  double *weight = fit->host->alloc(w->profile.s.n, sizeof(double));
  vb_status st = vb_surrogate_weights(&w->profile.s, T, w->z, fit->point_weight, weight);
  if (st != VB_OK) return st;
  for (int s = 0; s < w->used; s++) fit->node[s]->weight = 0;
  for (int s = 0; s < w->profile.s.n; s++) fit->node[w->owner[s]]->weight += weight[s];
  double log_evidence = log_mean + vb_root_log_det(K, fit->root);
  for (int t = 0; t < T; t++) fit->point_log_density[t] = w->log_p[t] + w->log_q[t] - log_evidence;
  vb_points_report(fit);
  vb_nodes_finish(fit, log_evidence);
  return VB_OK;
}

static vb_status interpolate(vb_fit *fit) {
  static const int most[VB_MAX_INTERPOLATED + 1] = {1, 40, 96, 160, 208, 256, 320};
  static const int points[VB_MAX_INTERPOLATED + 1] = {1, 1024, 4096, 12288, 16384, 16384, 16384};
  int K = fit->hyper->n_axis, cap = fit->set.max_node > 2 * K + 2 ? fit->set.max_node : most[K];
  double goal = 0.04, error = INFINITY;
  weave w = {.T = points[K]};
  int T_search = w.T < 1024 ? w.T : 1024, verifying = 0;
  if (cap > T_search) cap = T_search;
  vb_proposal q;
  vb_proposal_init(K, &q);
  vb_status st = vb_fit_node(fit, fit->mode);
  if (st == VB_OK) st = vb_proposal_axes(fit, 1.5, &q);
  if (st != VB_OK) return st;
  vb_points_alloc(fit, w.T);
  vb_profile_make(fit->host, fit->hyper, fit->mode, fit->root, &fit->theta, (cap + 128) * (K + 1),
                  &w.profile);
  w.owner = fit->host->alloc((cap + 128) * (K + 1), sizeof(int));
  double **per_point[] = {&w.log_q, &w.log_prior, &w.log_p, &w.near, &w.reach};
  for (int k = 0; k < 5; k++) *per_point[k] = fit->host->alloc(w.T, sizeof(double));
  w.z = fit->host->alloc((size_t)w.T * K, sizeof(double));
  lay_points(fit, &q, &w);
  for (int round = 0;; round++) {
    take_up(fit, &w);
    st = vb_surrogate_fit(&w.profile.s);
    if (st != VB_OK) return st;
    int settled = round > 1 && error < goal;
    if (w.used >= cap + 48 || (settled && verifying)) break;
    /* found among the first points: does it hold among all of them? */
    if (settled || w.used >= cap) verifying = 1;
    if (verifying) T_search = w.T;
    predict(fit, &w, T_search);
    int size = verifying ? 4 + 2 * K : w.used / 3 < 4 ? 4 : w.used / 3;
    st = add_batch(fit, &w, T_search, size, &error);
    if (st == VB_INTERRUPTED) return st;
    if (st != VB_OK) break;
  }
  if (K > 4 && error > MISSED) return vb_weighted_nodes(fit, vb_weighted_points(fit));
  fit->node_error = error;
  fit->rule = "interpolated";
  return finish_interpolated(fit, &w);
}

vb_status vb_interpolated_nodes(vb_fit *fit) {
  int K = fit->hyper->n_axis, T = vb_weighted_points(fit);
  return K == 1 || (K <= VB_MAX_INTERPOLATED && T < 1024 + 512 * (K > 2))
             ? interpolate(fit)
             : vb_weighted_nodes(fit, T);
}
