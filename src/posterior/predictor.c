/* The linear predictor of any rows at the nodes of a finished fit: its mean, variance and skewness,
 * row by row and streamed.  All that is asked of new rows comes by this loop. */
#include <math.h>
#include <string.h>
#include "gauss/scheme.h"
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

/* Corrected sds of the random effects over S's: what residual quadrature found at this node. */
static void sd_ratio(const vb_model *m, const vb_solution *s, const double *var, double *ratio) {
  vb_coef_variance(m, s, ratio);
  for (int k = m->p; k < m->n_coef; k++) ratio[k] = sqrt(var[k] / ratio[k]);
}

/* Third cumulants.  A coefficient is m + s (z + g (z^2 - 1) / 6), g its skewness: to first order in
 * g that of eta is the sum over them of a s g Cov(eta, z)^2, a what eta has of the coefficient. */
static double fixed_cumulant(const vb_posterior *post, int s, const vb_new_rows *rows, int i,
                             vb_new_row *r) {
  const vb_model *m = post->model;
  int p = m->p;
  const double *cov = post->fixed_cov + (size_t)s * p * p, *g = post->fixed_skew + (size_t)s * p;
  double sum = 0;
  vb_report_beta(m, r->cov_beta, r->cov_report);
  for (int k = 0; k < p; k++) {
    double sd = sqrt(cov[k * (size_t)(p + 1)]), with = r->cov_report[k];
    double a = rows->x[i + (size_t)k * rows->n] - (m->into[k] < 0 ? m->center[k] : 0);
    if (sd > 0) sum += a * g[k] * with * with / sd;
  }
  return sum;
}

/* the same of the random effects, whose covariances with eta the scheme adds to what it has in r */
static double random_cumulant(const vb_posterior *post, const vb_solution *sol, int s,
                              const vb_new_rows *rows, int i, const double *ratio, vb_new_row *r) {
  const vb_model *m = post->model;
  const double *var = post->var + (size_t)s * m->n_coef, *g = post->skew + (size_t)s * m->n_coef;
  double sum = 0;
  m->scheme->row_covariance(m, sol, rows, i, ratio, r);
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    if (rows->group[k][i] <= 0) continue;
    int at = t->first + (rows->group[k][i] - 1) * t->d;
    for (int a = 0; a < t->d; a++) {
      double with = ratio[at + a] * r->cov_level[(size_t)k * VB_MAX_DIM + a];
      double sd = sqrt(var[at + a]);
      if (sd > 0) sum += rows->z[k][i + (size_t)a * rows->n] * g[at + a] * with * with / sd;
    }
  }
  return sum;
}

static double row_mean(const vb_model *m, const double *c, const vb_new_rows *rows, int i) {
  double eta = rows->offset[i];
  for (int k = 0; k < m->p; k++) eta += vb_centred_x(m, rows, i, k) * c[k];
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    int g = rows->group[k][i];
    for (int a = 0; a < t->d && g > 0; a++)
      eta += rows->z[k][i + (size_t)a * rows->n] * c[t->first + (g - 1) * t->d + a];
  }
  return eta;
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

/* what eta has of the pins' t that the node stands for: it moves by its covariance with them */
static double spread_of(const vb_posterior *post, int s, const vb_new_row *r) {
  const vb_model *m = post->model;
  double out = 0;
  for (int j = 0; j < m->n_pin; j++) {
    double move = m->pin[j].precision * vb_dot(m->p, m->pin[j].a, r->cov_beta);
    out += move * move * post->spread[j + (size_t)s * m->n_pin];
  }
  return out;
}

vb_status vb_each_row(const vb_posterior *post, const vb_new_rows *rows, int corrected,
                      vb_at_row visit, void *data) {
  const vb_model *m = post->model;
  const vb_host *h = m->host;
  vb_inner in;
  vb_theta theta;
  vb_new_row r;
  vb_inner_alloc(m, &in);
  vb_theta_alloc(h, post->hyper, &theta);
  vb_new_row_alloc(m, &r);
  double *ratio = h->alloc(m->n_coef + 1, sizeof(double)), scale = mixture_scale(post);
  for (int k = 0; k < m->n_coef; k++) ratio[k] = 1;
  for (int s = 0; s < post->n; s++) {
    if (post->weight[s] == 0) continue;
    vb_status st = enter_node(post, s, corrected, &theta, &in, ratio);
    if (st != VB_OK) return st;
    vb_unseen_columns(rows, s);
    for (int i = 0; i < rows->n; i++) {
      vb_predictor at = {.node = s, .weight = post->weight[s], .par = theta.par};
      if (vb_has_new_level(m, rows, i)) at.weight = fmax(at.weight, 0) * scale;
      if (at.weight == 0) continue;
      at.mean = row_mean(m, post->mean + (size_t)s * m->n_coef, rows, i);
      at.var = vb_new_row_variance(m, &theta, &in.sol, rows, i, ratio, &r);
      double cumulant = 0;
      if (corrected && post->fixed_skew) cumulant += fixed_cumulant(post, s, rows, i, &r);
      if (corrected && post->skew && m->scheme->row_covariance)
        cumulant += random_cumulant(post, &in.sol, s, rows, i, ratio, &r);
      if (corrected) at.var += spread_of(post, s, &r);
      at.var += vb_unseen_variance(rows, i, s);
      if (cumulant != 0) at.skew = fmin(fmax(cumulant / pow(at.var, 1.5), -1.5), 1.5);
      visit(data, i, &at);
      if ((i & 4095) == 4095 && h->poll()) return VB_INTERRUPTED;
    }
    if (h->poll()) return VB_INTERRUPTED;
  }
  return VB_OK;
}
