/* What is reported where Pathfinder is all there is: draws of all paths together, resampled by
 * Pareto smoothed importance weights (Zhang, Carpenter, Gelman & Vehtari 2022).
 *
 * The weights are p over the mixture of the paths' Gaussians and not, as in the paper, over that of
 * the path a draw is from: with this balance heuristic (Veach & Guibas 1995; Elvira, Martino,
 * Luengo & Bugallo 2019) modes get their mass however many paths went there. */
#include <math.h>
#include <string.h>
#include "advi/advi.h"
#include "numbers/small.h"

#define OVERSAMPLE 2     /* draws per one kept: few are kept twice */
#define USELESS 0.7      /* Pareto k */
#define DENSE_UP_TO 1500 /* dimension up to which a covariance is made */

typedef struct { /* draws of the n_path paths that have a Gaussian, each of them per times */
  int dim, n, per, n_path;
  const vb_path **path;
  double *x, *lp, *log_q, *weight; /* log_q: of the mixture; weight: log, then normalised */
  double *lik;                     /* mean of each path's draws, as vb_density has it */
} pool;

static pool pool_alloc(const vb_host *host, int dim, int n_path, int per) {
  pool p = {.dim = dim, .n = n_path * per, .per = per, .n_path = n_path};
  p.path = host->alloc(n_path, sizeof *p.path);
  p.lik = host->alloc(n_path, sizeof(double));
  p.x = host->alloc((size_t)dim * p.n, sizeof(double));
  double **vector[] = {&p.lp, &p.log_q, &p.weight};
  for (int k = 0; k < 3; k++) *vector[k] = host->alloc(p.n, sizeof(double));
  return p;
}

/* draws of every path, with log p and, in log_q, the log density of that path */
static vb_status pool_draw(const vb_advi *advi, pool *p) {
  double *z = advi->host->alloc((size_t)p->dim * p->per, sizeof(double));
  for (int i = 0; i < p->n_path; i++) {
    int from = i * p->per;
    double *x = p->x + (size_t)p->dim * from;
    if (advi->host->poll()) return VB_INTERRUPTED;
    advi->noise.normal(advi->noise.data, (size_t)p->dim * p->per, z);
    vb_path_draw(p->path[i], p->per, z, x, p->log_q + from);
    vb_status st = vb_density_eval(advi->density, p->per, x, p->lp + from, NULL);
    if (st != VB_OK) return st;
    p->lik[i] = advi->density->lik / p->per;
  }
  return VB_OK;
}

static void pool_mix(const vb_host *host, pool *p) {
  double *z = host->alloc(p->dim, sizeof(double)), *one = host->alloc(p->n, sizeof(double));
  for (int k = 0; k < p->n; k++) p->log_q[k] = -INFINITY;
  for (int i = 0; i < p->n_path; i++) {
    vb_path_log_density(p->path[i], p->n, p->x, z, one);
    for (int k = 0; k < p->n; k++) {
      if (!isfinite(one[k])) continue;
      double high = fmax(p->log_q[k], one[k]), low = fmin(p->log_q[k], one[k]);
      p->log_q[k] = high + log1p(exp(low - high));
    }
  }
  for (int k = 0; k < p->n; k++) p->log_q[k] -= log(p->n_path);
}

/* mean and covariance of the pool by its weights: those of the resampled draws without their noise
 */
static void weighted_moments(vb_advi *advi, const pool *p) {
  int dim = p->dim;
  double *var = advi->sd, *off = advi->host->alloc((size_t)dim * p->n, sizeof(double));
  memset(var, 0, sizeof(double) * dim);
  for (int i = 0; i < p->n; i++)
    for (int k = 0; k < dim && p->weight[i] > 0; k++)
      advi->mean[k] += p->weight[i] * p->x[(size_t)i * dim + k];
  for (int i = 0; i < p->n; i++)
    for (int k = 0; k < dim && p->weight[i] > 0; k++) {
      double d = off[(size_t)i * dim + k] = p->x[(size_t)i * dim + k] - advi->mean[k];
      var[k] += p->weight[i] * d * d;
    }
  for (int k = 0; k < dim; k++) advi->sd[k] = sqrt(var[k]);
  if (dim > DENSE_UP_TO) return;
  advi->cov = advi->host->alloc((size_t)dim * dim, sizeof(double));
  vb_weighted_gram(p->n, dim, off, dim, p->weight, 0, advi->cov, dim);
  vb_symmetrise(dim, advi->cov, dim);
}

/* systematic resampling (Kitagawa 1996) by one uniform, then shuffled: the pool is in the order of
 * its paths */
static void resample(vb_advi *advi, const pool *p) {
  int n = advi->set.n_draw, dim = p->dim, at = 0;
  int *from = advi->host->alloc(n, sizeof *from);
  double *u = advi->host->alloc(n + 1, sizeof(double)), sum = p->weight[0];
  advi->noise.uniform(advi->noise.data, n + 1, u);
  for (int i = 0; i < n; i++) {
    while ((i + u[n]) / n > sum && at < p->n - 1) sum += p->weight[++at];
    from[i] = at;
  }
  for (int i = n - 1; i > 0; i--) { /* Fisher & Yates */
    int j = (int)(u[i] * (i + 1)), kept = from[i];
    from[i] = from[j < i ? j : i];
    from[j < i ? j : i] = kept;
  }
  for (int i = 0; i < n; i++) {
    memcpy(advi->draw + (size_t)i * dim, p->x + (size_t)from[i] * dim, sizeof(double) * dim);
    advi->lp[i] = p->lp[from[i]];
    advi->lp_approx[i] = p->log_q[from[i]];
    advi->log_weight[i] = -log(n);
  }
}

/* all paths that have a Gaussian, or the best one alone */
static vb_status pool_make(vb_advi *advi, const vb_path *best, int alone, pool *p) {
  int n = 0, n_draw = advi->set.n_draw;
  for (int i = 0; i < best->n_all; i++) n += isfinite(best->all[i].elbo) != 0;
  if (alone || n == 0) n = 1;
  *p = pool_alloc(advi->host, best->dim, n, alone ? n_draw : OVERSAMPLE * n_draw / n + 1);
  p->path[0] = best;
  for (int i = 0, k = 0; i < best->n_all && !alone; i++)
    if (isfinite(best->all[i].elbo)) p->path[k++] = best->all + i;
  return pool_draw(advi, p);
}

/* The best path by the bounds that a pool not yet mixed gives: few draws chose among the paths, and
 * who is best by few is overrated. */
static const vb_path *pool_best(vb_advi *advi, const pool *p) {
  int best = 0;
  advi->elbo = -INFINITY;
  for (int i = 0; i < p->n_path; i++) {
    size_t from = (size_t)i * p->per;
    double se, elbo = vb_path_elbo(p->per, p->lp + from, p->log_q + from, &se);
    if (!(elbo > advi->elbo)) continue;
    best = i;
    advi->elbo = elbo;
    advi->elbo_se = se;
    advi->lik = p->lik[i];
  }
  return p->path[best];
}

static void path_moments(vb_advi *advi, const vb_path *path) {
  int dim = path->dim;
  memcpy(advi->mean, path->mean, sizeof(double) * dim);
  memcpy(advi->sd, advi->sd_q, sizeof(double) * dim);
  if (dim > DENSE_UP_TO) return;
  advi->cov = advi->host->alloc((size_t)dim * dim, sizeof(double));
  vb_path_cov(path, advi->cov);
}

/* the best path's own draws and moments, given that log p can be had */
static vb_status report_path(vb_advi *advi, const vb_path *best) {
  pool p;
  int had = 0;
  vb_status st = pool_make(advi, best, 1, &p);
  if (st != VB_OK) return st;
  pool_best(advi, &p);
  for (int i = 0; i < p.n; i++) {
    had += isfinite(p.lp[i]) != 0;
    p.weight[i] = isfinite(p.lp[i]) ? 0 : -INFINITY;
  }
  if (had == 0) return VB_NOT_FINITE;
  vb_normalise(p.n, p.weight, NULL);
  resample(advi, &p);
  if (had < p.n)
    weighted_moments(advi, &p);
  else
    path_moments(advi, best);
  advi->lr_rule = "path";
  return VB_OK;
}

vb_status vb_pathfinder_report(vb_advi *advi, const vb_path *best) {
  pool p;
  vb_status st = pool_make(advi, best, 0, &p);
  if (st != VB_OK) return st;
  best = pool_best(advi, &p);
  if (!isfinite(advi->elbo)) return VB_NOT_FINITE;
  pool_mix(advi->host, &p);
  for (int i = 0; i < p.n; i++) p.weight[i] = p.lp[i] - p.log_q[i];
  advi->khat = vb_psis(p.n, p.weight);
  advi->M = p.n;
  advi->n_iter = best->n_iter;
  advi->converged = 1;
  vb_path_var(best, advi->sd_q);
  for (int k = 0; k < best->dim; k++) advi->sd_q[k] = sqrt(advi->sd_q[k]);
  if (advi->khat > USELESS) return report_path(advi, best);
  advi->noise_error = 1 / sqrt(vb_normalise(p.n, p.weight, NULL));
  for (int k = 0; k < best->dim; k++) advi->noise_sd[k] = advi->noise_error;
  weighted_moments(advi, &p);
  resample(advi, &p);
  advi->lr_rule = "importance";
  return VB_OK;
}
