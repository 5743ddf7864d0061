/* Moments of the linear predictor and of its inverse link in any rows, over the nodes: no draws. */
#include <math.h>
#include "posterior/posterior.h"

int vb_mean_columns(const vb_model *m) { return m->family->thresholds ? m->n_par + 1 : 1; }

static void category_means(const vb_family *family, const double *par, int k, int n,
                           const double *eta, double *mu) {
  double t[VB_GH_MAX], below[VB_GH_MAX] = {0};
  for (int i = 0; i < n && k; i++) t[i] = par[k - 1] - eta[i];
  if (k) family->mean(n, t, below);
  for (int i = 0; i < n; i++) t[i] = par[k] - eta[i];
  family->mean(n, t, mu);
  for (int i = 0; i < n; i++) mu[i] -= below[i];
}

/* Mean and variance of the inverse link of a (skewed) normal eta; where there are thresholds, of
 * the probability of a category (from 0). */
static void link_moments(const vb_model *m, const vb_predictor *at, int category, double *mean,
                         double *var) {
  int k = vb_rule_index(at->var), order;
  if (k < 3) k = 3;
  order = m->rules->order[k];
  const double *node = m->rules->node + m->rules->first[k],
               *weight = m->rules->weight + m->rules->first[k];
  double e[64], mu[64], s = sqrt(fmax(at->var, 0));
  vb_skew_transform_all(order, node, at->skew, e);
  for (int q = 0; q < order; q++) e[q] = at->mean + s * e[q];
  if (m->family->thresholds)
    category_means(m->family, at->par, category, order, e, mu);
  else
    m->family->mean(order, e, mu);
  *mean = *var = 0;
  for (int q = 0; q < order; q++) *mean += weight[q] * mu[q];
  for (int q = 0; q < order; q++) *var += weight[q] * (mu[q] - *mean) * (mu[q] - *mean);
}

typedef struct { /* weighted sums over the nodes: of one, of values and their squares about first */
  double first, w, x, xx, positive_w, positive_x, positive_xx;
} sums;

static void add(sums *s, double w, double mean, double var) {
  if (s->positive_w == 0 && s->w == 0) s->first = isfinite(mean) ? mean : 0;
  double d = mean - s->first, dd = var + d * d, positive = fmax(w, 0);
  s->w += w, s->x += w * d, s->xx += w * dd;
  s->positive_w += positive;
  if (positive > 0) s->positive_x += positive * d, s->positive_xx += positive * dd;
}

/* Weights of nodes may be negative.  Where a value grows so fast between nodes that their signed
 * sum is no average any more, but leaves no variance or takes a mean that cannot be negative most
 * of the way to zero, the positive ones are. */
static void average(const sums *s, int above_zero, double *mean, double *var) {
  double x = s->x / s->w, v = s->xx / s->w - x * x;
  double px = s->positive_x / s->positive_w, pv = s->positive_xx / s->positive_w - px * px;
  int sound = v >= pv / 16 && (!above_zero || s->first + x > (s->first + px) / 4);
  *mean = s->first + (sound ? x : px);
  *var = fmax(sound ? v : pv, 0);
  if (!isfinite(pv)) *var = isnan(*mean) ? NAN : INFINITY;
}

typedef struct {
  const vb_model *m;
  int n, n_mu;
  sums *eta, *mu;
} moments;

static void add_row(void *data, int i, const vb_predictor *at) {
  moments *out = data;
  add(out->eta + i, at->weight, at->mean, at->var);
  for (int k = 0; k < out->n_mu; k++) {
    double mean, var;
    link_moments(out->m, at, k, &mean, &var);
    add(out->mu + i + (size_t)k * out->n, at->weight, mean, var);
  }
}

vb_status vb_moments(const vb_posterior *post, const vb_new_rows *rows, double *mean, double *var,
                     double *mu, double *mu_var) {
  const vb_model *m = post->model;
  int n = rows->n, n_mu = vb_mean_columns(m),
      free = m->family->identity || m->family->opaque || m->family->several;
  moments out = {.m = m, .n = n, .n_mu = n_mu};
  out.eta = m->host->alloc((size_t)n * (n_mu + 1) + 1, sizeof(sums));
  out.mu = out.eta + n;
  vb_status st = vb_each_row(post, rows, 1, add_row, &out);
  if (st != VB_OK) return st;
  double far[2] = {-700, 700}, range[2];
  m->family->mean(2, far, range);
  for (int i = 0; i < n; i++) average(out.eta + i, 0, mean + i, var + i);
  for (size_t i = 0; i < (size_t)n * n_mu; i++) {
    average(out.mu + i, !free, mu + i, mu_var + i);
    /* a mean near the edge of its range is kept inside */
    if (!free && isfinite(mu[i])) mu[i] = fmin(fmax(mu[i], range[0]), range[1]);
  }
  return VB_OK;
}

typedef struct {
  int n, n_par;
  double *mean, *var, *skew, *par;
} node_moments;

static void keep_row(void *data, int i, const vb_predictor *at) {
  node_moments *out = data;
  size_t cell = i + (size_t)at->node * out->n;
  out->mean[cell] = at->mean;
  out->var[cell] = at->var;
  out->skew[cell] = at->skew;
  for (int k = 0; k < out->n_par; k++) out->par[k + (size_t)at->node * out->n_par] = at->par[k];
}

vb_status vb_node_moments(const vb_posterior *post, const vb_new_rows *rows, int corrected,
                          double *mean, double *var, double *skew, double *par) {
  node_moments out = {rows->n, post->model->n_par, mean, var, skew, par};
  return vb_each_row(post, rows, corrected, keep_row, &out);
}
