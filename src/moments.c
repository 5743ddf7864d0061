/* Moments of the linear predictor and of its inverse link in any rows, node by node: streamed, no
 * draws. */
#include <math.h>
#include <string.h>
#include "outer.h"
#include "small.h"

vb_status vb_node_factor(const vb_model *m, const vb_hyper *hyper, const vb_posterior *post, int s,
                         const double *x, int new_cross, vb_theta *theta, vb_inner *in) {
  vb_status st = vb_theta_set(hyper, x, theta);
  if (st != VB_OK) return st;
  if (post->effective) vb_theta_effective(hyper, post->effective, theta);
  double scale = 1;
  if (m->quadratic) {
    scale = vb_quadratic_precision(m, theta->par);
    if (!in->fixed_cross) vb_quadratic_setup(m, in);
  } else if (new_cross) {
    vb_cross_products(m, post->h + (size_t)s * m->n, &in->cross);
  }
  st = vb_factor(m, theta, &in->cross, scale, &in->sol);
  return st == VB_OK ? vb_factor_beta(m, post->site_h + (size_t)s * m->n_site, &in->sol) : st;
}

typedef struct {
  int n;
  int *index;
  double *value;
  double *x, *dense;
} reduced; /* a row after elimination */

/* z' Sigma z: a level that was not in the data */
static double new_level(const vb_theta *theta, int term, int d, const double *z) {
  const double *sigma = theta->sigma + (size_t)term * VB_MAX_DIM * VB_MAX_DIM;
  double v = 0;
  for (int a = 0; a < d; a++)
    for (int b = 0; b < d; b++) v += z[a] * sigma[a + b * d] * z[b];
  return v;
}

static void core_add(reduced *r, double *mark, int o, double value) {
  if (mark[o] == 0) r->index[r->n++] = o;
  mark[o] += value != 0 ? value : 1e-300;
}

/* entry (hi, lo) of B^-1 on the core's pattern; NULL where the pattern has none */
static const double *inverse_entry(const vb_core *core, int hi, int lo) {
  if (!core->col_start) return core->inv + hi + (size_t)lo * core->q;
  int from = core->col_start[lo], to = core->col_start[lo + 1];
  while (from < to) {
    int mid = from + (to - from) / 2;
    if (core->row_index[mid] < hi)
      from = mid + 1;
    else
      to = mid;
  }
  return from < core->col_start[lo + 1] && core->row_index[from] == hi ? core->inv + from : NULL;
}

/* c' B^-1 c: by the selected inverse where all pairs of levels were seen together, else by a solve
 */
static double core_quadratic(const vb_model *m, const vb_solution *s, reduced *r) {
  int q = m->q;
  double v = 0;
  for (int a = 0; a < r->n; a++)
    for (int b = 0; b <= a; b++) {
      int hi = r->index[a] > r->index[b] ? r->index[a] : r->index[b];
      const double *entry = inverse_entry(&s->core, hi, r->index[a] + r->index[b] - hi);
      if (!entry) {
        memcpy(r->dense + q, r->dense, sizeof(double) * q);
        vb_core *core = (vb_core *)&s->core; /* solve only reads the factor */
        core->solver->solve(core, 1, r->dense + q, q);
        v = 0;
        for (int c = 0; c < r->n; c++) v += r->value[c] * r->dense[q + r->index[c]];
        return v;
      }
      v += (a == b ? 1 : 2) * r->value[a] * r->value[b] * *entry;
    }
  return v;
}

/* the same where levels are independent of each other */
static double factorised_variance(const vb_model *m, const vb_theta *theta, const vb_solution *s,
                                  const vb_rows *rows, int i, double *x) {
  int p = m->p;
  double v = 0;
  for (int k = 0; k < p; k++) x[k] = rows->x[i + (size_t)k * rows->n] - m->center[k];
  for (int k = 0; k < p; k++)
    for (int l = 0; l < p; l++) v += x[k] * s->s_beta[k + (size_t)l * p] * x[l];
  for (int k = 0; k < m->n_term; k++) {
    int g = rows->group[k][i], d = m->term[k].d;
    double z[VB_MAX_DIM];
    for (int a = 0; a < d; a++) z[a] = rows->z[k][i + (size_t)a * rows->n];
    v += g > 0 ? vb_level_variance(m, s, k, g - 1, z, x) : g == 0 ? new_level(theta, k, d, z) : 0;
  }
  return v;
}

/* Corrected sds of the random effects over S's: what residual quadrature found at this node. */
static void sd_ratio(const vb_model *m, const vb_solution *s, const double *var, double *ratio) {
  vb_coef_variance(m, s, ratio);
  for (int k = m->p; k < m->n_coef; k++) ratio[k] = sqrt(var[k] / ratio[k]);
}

/* variance of one row's eta under S, the random effects' sds times ratio; x is reduced in place */
static double row_variance(const vb_model *m, const vb_theta *theta, const vb_solution *s,
                           const vb_rows *rows, int i, const double *ratio, reduced *r) {
  int p = m->p, q = m->q, d = m->d_leaf;
  double v = 0, *x = r->x;
  r->n = 0;
  for (int k = 0; k < p; k++) x[k] = rows->x[i + (size_t)k * rows->n] - m->center[k];
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    int g = rows->group[k][i];
    double z[VB_MAX_DIM];
    for (int a = 0; a < t->d; a++) {
      z[a] = rows->z[k][i + (size_t)a * rows->n];
      if (g > 0) z[a] *= ratio[t->first + (g - 1) * t->d + a];
    }
    if (g == 0) {
      v += new_level(theta, k, t->d, z);
    } else if (g > 0 && t->core >= 0) {
      for (int a = 0; a < t->d; a++) core_add(r, r->dense, t->core + (g - 1) * t->d + a, z[a]);
    } else if (g > 0) {
      int j = g - 1, co = m->front_start[j + 1] - m->front_start[j];
      const int *f = m->front + m->front_start[j];
      const double *fr = s->front + m->block_start[j], *l = s->leaf_chol + (size_t)j * d * d;
      for (int c = 0; c < co + p; c++) {
        double e = 0;
        for (int a = 0; a < d; a++) e += fr[(size_t)c * d + a] * z[a];
        if (c < co)
          core_add(r, r->dense, f[c], -e);
        else
          x[c - co] -= e;
      }
      vb_small_half(d, l, z);
      v += vb_dot(d, z, z);
    }
  }
  for (int c = 0; c < r->n; c++) { /* x <- x - T'c */
    r->value[c] = r->dense[r->index[c]];
    for (int k = 0; k < p; k++) x[k] -= s->core_beta[r->index[c] + (size_t)k * q] * r->value[c];
  }
  v += core_quadratic(m, s, r);
  for (int c = 0; c < r->n; c++) r->dense[r->index[c]] = 0;
  for (int k = 0; k < p; k++)
    for (int l = 0; l < p; l++) v += x[k] * s->s_beta[k + (size_t)l * p] * x[l];
  return v;
}

static double row_mean(const vb_model *m, const double *c, const vb_rows *rows, int i) {
  double eta = rows->offset[i];
  for (int k = 0; k < m->p; k++) eta += (rows->x[i + (size_t)k * rows->n] - m->center[k]) * c[k];
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    int g = rows->group[k][i];
    for (int a = 0; a < t->d && g > 0; a++)
      eta += rows->z[k][i + (size_t)a * rows->n] * c[t->first + (g - 1) * t->d + a];
  }
  return eta;
}

/* Does a row have a level that was not in the data? */
static int has_new_level(const vb_model *m, const vb_rows *rows, int i) {
  for (int k = 0; k < m->n_term; k++)
    if (rows->group[k][i] == 0) return 1;
  return 0;
}

/* Interpolation gives some nodes negative weights.  A new level's variance is a standard
 * deviation's square, which far nodes have by orders of magnitude: there only a mixture will do. */
static double mixture_scale(const vb_posterior *post) {
  double sum = 0;
  for (int s = 0; s < post->n; s++) sum += fmax(post->weight[s], 0);
  return 1 / sum;
}

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

/* First two moments of the inverse link under eta ~ N(m, v); where there are thresholds, of the
 * probability of a category (from 0). */
static void link_moments(const vb_model *m, const double *par, int category, double eta, double v,
                         double *mu1, double *mu2) {
  int k = vb_rule_index(v), order;
  if (k < 3) k = 3;
  order = m->rules->order[k];
  const double *node = m->rules->node + m->rules->first[k],
               *weight = m->rules->weight + m->rules->first[k];
  double e[64], mu[64], s = sqrt(fmax(v, 0));
  for (int q = 0; q < order; q++) e[q] = eta + s * node[q];
  if (m->family->thresholds)
    category_means(m->family, par, category, order, e, mu);
  else
    m->family->mean(order, e, mu);
  *mu1 = *mu2 = 0;
  for (int q = 0; q < order; q++) {
    *mu1 += weight[q] * mu[q];
    *mu2 += weight[q] * mu[q] * mu[q];
  }
}

vb_status vb_moments(const vb_model *m, const vb_hyper *hyper, const vb_posterior *post,
                     const vb_rows *rows, double *mean, double *var, double *mu, double *mu_var) {
  const vb_host *h = m->host;
  vb_inner in;
  vb_theta theta;
  int n_mu = vb_mean_columns(m);
  vb_inner_alloc(m, &in);
  vb_theta_alloc(h, hyper, &theta);
  reduced r = {.index = h->alloc(m->q + 1, sizeof(int)),
               .value = h->alloc(m->q + 1, sizeof(double)),
               .x = h->alloc(m->p + 1, sizeof(double)),
               .dense = h->alloc(2 * (size_t)m->q + 1, sizeof(double))};
  double *ratio = h->alloc(m->n_coef + 1, sizeof(double));
  for (int k = 0; k < m->n_coef; k++) ratio[k] = 1;
  double scale = mixture_scale(post);
  for (int s = 0; s < post->n; s++) {
    if (post->weight[s] == 0) continue;
    const double *c = post->mean + (size_t)s * m->n_coef;
    vb_status st =
        vb_node_factor(m, hyper, post, s, post->x + (size_t)s * hyper->n_axis, 1, &theta, &in);
    if (st != VB_OK) return st;
    if (post->skew) { /* residual quadrature was at work */
      st = vb_selected_inverse(m, post->congruence, &in.sol);
      if (st == VB_OK) sd_ratio(m, &in.sol, post->var + (size_t)s * m->n_coef, ratio);
    }
    if (st == VB_OK && m->q) st = in.sol.core.solver->inverse(&in.sol.core);
    if (st != VB_OK) return st;
    if (m->coupling == VB_FULL)
      vb_beta_inverse(m, post->congruence, &in.sol);
    else
      vb_factorised_inverse(m, post->congruence, &in.sol);
    for (int i = 0; i < rows->n; i++) {
      double w = post->weight[s], eta = row_mean(m, c, rows, i);
      if (has_new_level(m, rows, i)) w = fmax(w, 0) * scale;
      if (w == 0) continue;
      double v = m->coupling == VB_FULL ? row_variance(m, &theta, &in.sol, rows, i, ratio, &r)
                                        : factorised_variance(m, &theta, &in.sol, rows, i, r.x);
      mean[i] += w * eta;
      var[i] += w * (v + eta * eta);
      for (int k = 0; k < n_mu; k++) {
        double mu1, mu2;
        link_moments(m, theta.par, k, eta, v, &mu1, &mu2);
        mu[i + (size_t)k * rows->n] += w * mu1;
        mu_var[i + (size_t)k * rows->n] += w * mu2;
      }
      if ((i & 4095) == 4095 && h->poll()) return VB_INTERRUPTED;
    }
    if (h->poll()) return VB_INTERRUPTED;
  }
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
