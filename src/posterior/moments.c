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

/* First two moments of the inverse link of a (skewed) normal eta; where there are thresholds, of
 * the probability of a category (from 0). */
static void link_moments(const vb_model *m, const vb_predictor *at, int category, double *mu1,
                         double *mu2) {
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
  *mu1 = *mu2 = 0;
  for (int q = 0; q < order; q++) {
    *mu1 += weight[q] * mu[q];
    *mu2 += weight[q] * mu[q] * mu[q];
  }
}

typedef struct {
  const vb_model *m;
  int n, n_mu;
  double *mean, *var, *mu, *mu_var;
} moments;

static void add_row(void *data, int i, const vb_predictor *at) {
  moments *out = data;
  double w = at->weight;
  out->mean[i] += w * at->mean;
  out->var[i] += w * (at->var + at->mean * at->mean);
  for (int k = 0; k < out->n_mu; k++) {
    double mu1, mu2;
    link_moments(out->m, at, k, &mu1, &mu2);
    out->mu[i + (size_t)k * out->n] += w * mu1;
    out->mu_var[i + (size_t)k * out->n] += w * mu2;
  }
}

vb_status vb_moments(const vb_posterior *post, const vb_new_rows *rows, double *mean, double *var,
                     double *mu, double *mu_var) {
  const vb_model *m = post->model;
  int n_mu = vb_mean_columns(m);
  moments out = {m, rows->n, n_mu, mean, var, mu, mu_var};
  vb_status st = vb_each_row(post, rows, 1, add_row, &out);
  if (st != VB_OK) return st;
  double far[2] = {-700, 700}, range[2];
  m->family->mean(2, far, range);
  for (int i = 0; i < rows->n; i++) var[i] = fmax(var[i] - mean[i] * mean[i], 0);
  for (size_t i = 0; i < (size_t)rows->n * n_mu; i++) {
    if (isfinite(mu_var[i])) mu_var[i] = fmax(mu_var[i] - mu[i] * mu[i], 0);
    /* weights of nodes may be negative: a mean near the edge of its range is kept inside */
    if (!m->family->identity && !m->family->opaque) mu[i] = fmin(fmax(mu[i], range[0]), range[1]);
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
