/* The linear predictor of any rows at the nodes of a finished fit: its mean, variance and skewness,
 * row by row and streamed.  All that is asked of new rows comes by this loop. */
#include <math.h>
#include <string.h>
#include "gauss/arrow.h"
#include "numbers/small.h"
#include "posterior/posterior.h"

vb_status vb_node_factor(const vb_posterior *post, int s, const double *x, int new_cross,
                         vb_theta *theta, vb_inner *in) {
  const vb_model *m = post->model;
  const vb_hyper *hyper = post->hyper;
  vb_status st = vb_theta_set(hyper, x, theta);
  if (st != VB_OK) return st;
  if (post->effective) vb_theta_effective(hyper, post->effective, theta);
  double scale = 1;
  if (m->quadratic) {
    scale = vb_quadratic_precision(m, theta->par);
    if (!in->sums.ready) vb_exact_sums(m, in);
  } else if (new_cross) {
    vb_cross_products(m, post->h + (size_t)s * m->n, &in->cross);
  }
  st = vb_factor(m, theta, &in->cross, scale, &in->sol);
  return st == VB_OK ? vb_factor_beta(m, post->site_h + (size_t)s * m->n_site, &in->sol) : st;
}

typedef struct {
  int n;
  int *index;
  double *value, *cov; /* of the core: the reduced row c, and B^-1 c */
  double *x, *dense;
  double *cov_beta, *cov_report; /* Cov(eta, beta), centred and as reported */
} reduced;                       /* a row after elimination */

static void reduced_alloc(const vb_model *m, reduced *r) {
  const vb_host *h = m->host;
  r->index = h->alloc(m->q + 1, sizeof(int));
  r->value = h->alloc(m->q + 1, sizeof(double));
  r->cov = h->alloc(m->q + 1, sizeof(double));
  r->dense = h->alloc(2 * (size_t)m->q + 1, sizeof(double));
  double **beta[] = {&r->x, &r->cov_beta, &r->cov_report};
  for (int k = 0; k < 3; k++) *beta[k] = h->alloc(m->p + 1, sizeof(double));
}

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

/* c' B^-1 c, and B^-1 c where c is not zero: by the selected inverse where all pairs of levels were
 * seen together, else by a solve */
static double core_quadratic(const vb_model *m, const vb_solution *s, reduced *r) {
  int q = m->q, known = 1;
  double v = 0;
  for (int a = 0; a < r->n; a++) r->cov[a] = 0;
  for (int a = 0; a < r->n && known; a++)
    for (int b = 0; b <= a && known; b++) {
      int hi = r->index[a] > r->index[b] ? r->index[a] : r->index[b];
      const double *entry = inverse_entry(&s->arrow.core, hi, r->index[a] + r->index[b] - hi);
      known = entry != NULL;
      if (known) r->cov[a] += *entry * r->value[b];
      if (known && b < a) r->cov[b] += *entry * r->value[a];
    }
  if (!known) {
    double *solved = r->dense + q;
    memcpy(solved, r->dense, sizeof(double) * q);
    s->arrow.core.solver->solve(&s->arrow.core, 1, solved, q);
    for (int a = 0; a < r->n; a++) r->cov[a] = solved[r->index[a]];
  }
  for (int a = 0; a < r->n; a++) v += r->value[a] * r->cov[a];
  return v;
}

/* x' S_bb x, and S_bb x as the covariance of eta with beta */
static double beta_quadratic(const vb_model *m, const vb_solution *s, reduced *r) {
  int p = m->p;
  double v = 0;
  for (int k = 0; k < p; k++) {
    r->cov_beta[k] = 0;
    for (int l = 0; l < p; l++) r->cov_beta[k] += s->s_beta[k + (size_t)l * p] * r->x[l];
    v += r->x[k] * r->cov_beta[k];
  }
  return v;
}

/* the same where levels are independent of each other */
static double factorised_variance(const vb_model *m, const vb_theta *theta, const vb_solution *s,
                                  const vb_new_rows *rows, int i, reduced *r) {
  int p = m->p;
  for (int k = 0; k < p; k++) r->x[k] = rows->x[i + (size_t)k * rows->n] - m->center[k];
  double v = beta_quadratic(m, s, r);
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    int g = rows->group[k][i], d = t->d;
    double z[VB_MAX_DIM];
    for (int a = 0; a < d; a++) z[a] = rows->z[k][i + (size_t)a * rows->n];
    if (g == 0) v += new_level(theta, k, d, z);
    if (g <= 0) continue;
    const double *cov = s->levels.cov + t->edge + (size_t)(g - 1) * d * p;
    v += vb_level_variance(m, s, k, g - 1, z, r->x);
    for (int l = 0; l < p; l++) r->cov_beta[l] += vb_dot(d, cov + (size_t)l * d, z);
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
                           const vb_new_rows *rows, int i, const double *ratio, reduced *r) {
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
      const double *fr = s->arrow.front + m->block_start[j],
                   *l = s->arrow.leaf_chol + (size_t)j * d * d;
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
    for (int k = 0; k < p; k++)
      x[k] -= s->arrow.core_beta[r->index[c] + (size_t)k * q] * r->value[c];
  }
  v += core_quadratic(m, s, r);
  for (int c = 0; c < r->n; c++) r->dense[r->index[c]] = 0;
  return v + beta_quadratic(m, s, r);
}

/* Third cumulants.  A coefficient is m + s (z + g (z^2 - 1) / 6), g its skewness: to first order in
 * g that of eta is the sum over them of a s g Cov(eta, z)^2, a what eta has of the coefficient. */
static double fixed_cumulant(const vb_posterior *post, int s, const vb_new_rows *rows, int i,
                             reduced *r) {
  const vb_model *m = post->model;
  int p = m->p;
  const double *cov = post->fixed_cov + (size_t)s * p * p, *g = post->fixed_skew + (size_t)s * p;
  double sum = 0;
  vb_report_beta(m, r->cov_beta, r->cov_report);
  for (int k = 0; k < p; k++) {
    double sd = sqrt(cov[k * (size_t)(p + 1)]), with = r->cov_report[k];
    double a = rows->x[i + (size_t)k * rows->n] - (m->intercept < 0 ? m->center[k] : 0);
    if (sd > 0) sum += a * g[k] * with * with / sd;
  }
  return sum;
}

/* Cov(eta, u) of a leaf level, u = A^-1 noise - F (core, beta); dense has Cov(eta, core) */
static void leaf_covariance(const vb_model *m, const vb_solution *s, int j, const double *z,
                            const reduced *r, double *out) {
  int d = m->d_leaf, co = m->front_start[j + 1] - m->front_start[j];
  const int *f = m->front + m->front_start[j];
  const double *fr = s->arrow.front + m->block_start[j],
               *l = s->arrow.leaf_chol + (size_t)j * d * d;
  memcpy(out, z, sizeof(double) * d);
  vb_small_half(d, l, out);
  vb_small_half_t(d, l, out);
  for (int a = 0; a < d; a++) {
    for (int c = 0; c < co; c++) out[a] -= fr[(size_t)c * d + a] * r->dense[f[c]];
    for (int k = 0; k < m->p; k++) out[a] -= fr[(size_t)(co + k) * d + a] * r->cov_beta[k];
  }
}

/* after row_variance(), which leaves covariances of eta with beta and the core */
static double random_cumulant(const vb_posterior *post, const vb_solution *sol, int s,
                              const vb_new_rows *rows, int i, const double *ratio, reduced *r) {
  const vb_model *m = post->model;
  const double *var = post->var + (size_t)s * m->n_coef, *g = post->skew + (size_t)s * m->n_coef;
  double sum = 0;
  for (int c = 0; c < r->n; c++) {
    double cov = r->cov[c];
    for (int k = 0; k < m->p; k++)
      cov -= sol->arrow.core_beta[r->index[c] + (size_t)k * m->q] * r->cov_beta[k];
    r->dense[r->index[c]] = cov;
  }
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    if (rows->group[k][i] <= 0) continue;
    int level = rows->group[k][i] - 1, at = t->first + level * t->d;
    double z[VB_MAX_DIM], cov[VB_MAX_DIM];
    for (int a = 0; a < t->d; a++) z[a] = rows->z[k][i + (size_t)a * rows->n] * ratio[at + a];
    if (t->core >= 0)
      memcpy(cov, r->dense + t->core + level * t->d, sizeof(double) * t->d);
    else
      leaf_covariance(m, sol, level, z, r, cov);
    for (int a = 0; a < t->d; a++) {
      double with = ratio[at + a] * cov[a], sd = sqrt(var[at + a]);
      if (sd > 0) sum += rows->z[k][i + (size_t)a * rows->n] * g[at + a] * with * with / sd;
    }
  }
  for (int c = 0; c < r->n; c++) r->dense[r->index[c]] = 0;
  return sum;
}

static double row_mean(const vb_model *m, const double *c, const vb_new_rows *rows, int i) {
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
static int has_new_level(const vb_model *m, const vb_new_rows *rows, int i) {
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

/* what belongs to a node: its factor, S on the pattern, and the corrected sds over S's */
static vb_status enter_node(const vb_posterior *post, int s, int corrected, vb_theta *theta,
                            vb_inner *in, double *ratio) {
  const vb_model *m = post->model;
  const double *congruence = corrected ? post->congruence : NULL;
  vb_status st = vb_node_factor(post, s, post->x + (size_t)s * post->hyper->n_axis, 1, theta, in);
  if (st != VB_OK) return st;
  if (post->skew && corrected) { /* residual quadrature was at work */
    st = vb_selected_inverse(m, congruence, &in->sol);
    if (st == VB_OK) sd_ratio(m, &in->sol, post->var + (size_t)s * m->n_coef, ratio);
  }
  return st == VB_OK ? m->scheme->row_inverse(m, congruence, &in->sol) : st;
}

vb_status vb_each_row(const vb_posterior *post, const vb_new_rows *rows, int corrected,
                      vb_at_row visit, void *data) {
  const vb_model *m = post->model;
  const vb_host *h = m->host;
  vb_inner in;
  vb_theta theta;
  reduced r;
  int full = m->scheme == &vb_scheme_full;
  vb_inner_alloc(m, &in);
  vb_theta_alloc(h, post->hyper, &theta);
  reduced_alloc(m, &r);
  double *ratio = h->alloc(m->n_coef + 1, sizeof(double)), scale = mixture_scale(post);
  for (int k = 0; k < m->n_coef; k++) ratio[k] = 1;
  for (int s = 0; s < post->n; s++) {
    if (post->weight[s] == 0) continue;
    vb_status st = enter_node(post, s, corrected, &theta, &in, ratio);
    if (st != VB_OK) return st;
    for (int i = 0; i < rows->n; i++) {
      vb_predictor at = {.node = s, .weight = post->weight[s], .par = theta.par};
      if (has_new_level(m, rows, i)) at.weight = fmax(at.weight, 0) * scale;
      if (at.weight == 0) continue;
      at.mean = row_mean(m, post->mean + (size_t)s * m->n_coef, rows, i);
      at.var = full ? row_variance(m, &theta, &in.sol, rows, i, ratio, &r)
                    : factorised_variance(m, &theta, &in.sol, rows, i, &r);
      double cumulant = 0;
      if (corrected && post->fixed_skew) cumulant += fixed_cumulant(post, s, rows, i, &r);
      if (corrected && post->skew && full)
        cumulant += random_cumulant(post, &in.sol, s, rows, i, ratio, &r);
      if (cumulant != 0) at.skew = fmin(fmax(cumulant / pow(at.var, 1.5), -1.5), 1.5);
      visit(data, i, &at);
      if ((i & 4095) == 4095 && h->poll()) return VB_INTERRUPTED;
    }
    if (h->poll()) return VB_INTERRUPTED;
  }
  return VB_OK;
}
