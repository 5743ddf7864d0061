/* The log joint density log p(y, c, theta) + log |dc / dzeta| of a model, all constants included,
 * and its gradient in xi = (zeta, x).  A call is cut into batches; within one, every point has its
 * own theta and factor, and the rows are met once for all of them. */
#include <math.h>
#include <string.h>
#include "joint/joint.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)
#define CAP 64   /* points of a batch, */
#define LEAST 4  /* fewer, down to this, */
#define ROOM 8e6 /* where they would take more doubles */

/* ---- One point ---- */

static const vb_whitening_factor *factor_of(const vb_joint *j, int k) {
  return j->factor + (j->map.moves ? k : 0);
}

/* c at zeta */
static void place(const vb_joint *j, const vb_whitening_factor *f, const double *zeta, double *c) {
  int n = j->model->n_coef;
  memcpy(c, zeta, sizeof(double) * n);
  vb_whitening_half_t(&j->map, f, c);
  for (int i = 0; i < n; i++) c[i] += f->mean[i];
}

/* theta of xi, its factor and c, as member k of the batch */
static vb_status open_point(vb_joint *j, int k, const double *xi) {
  vb_status st = vb_theta_set(j->hyper, xi + j->model->n_coef, j->theta + k);
  if (st == VB_OK && j->map.moves) st = vb_whitening_at(&j->map, j->theta + k, j->factor + k);
  if (st == VB_OK) place(j, factor_of(j, k), xi, j->c + (size_t)k * j->model->n_coef);
  return st;
}

/* sum of u u' over a term's levels, added */
static void second_moments(const vb_model *m, const double *c, double *u) {
  for (int k = 0; k < m->n_term; k++, u += STRIDE) {
    const vb_term *t = m->term + k;
    const double *at = c + t->first;
    for (int l = 0; l < t->n_level; l++, at += t->d)
      for (int b = 0; b < t->d; b++)
        for (int a = 0; a < t->d; a++) u[a + b * t->d] += at[a] * at[b];
  }
}

/* member k, of which the likelihood is known; grad NULL: the value alone */
static double close_point(vb_joint *j, int k, const double *xi, double *grad) {
  const vb_model *m = j->model;
  const vb_theta *theta = j->theta + k;
  const vb_whitening_factor *f = factor_of(j, k);
  const double *c = j->c + (size_t)k * m->n_coef;
  double *g = grad ? j->g + (size_t)k * m->n_coef : NULL, *d_par = j->d_par + k * VB_MAX_PAR;
  double value = j->value[k] + m->constant + vb_log_prior_coef(m, theta, c, j->vec, g);
  value += theta->log_prior - f->log_det;
  if (!grad || !isfinite(value)) return value;
  double *axes = grad + m->n_coef, d_s = vb_whitening_adjoint(&j->map, theta, f, xi, g, j->u);
  memcpy(grad, g, sizeof(double) * m->n_coef);
  memcpy(axes, theta->log_prior_d, sizeof(double) * j->hyper->n_axis);
  second_moments(m, c, j->u);
  vb_theta_gradient(j->hyper, theta, j->u, axes);
  if (j->map.scaled) d_par[0] -= 2 * d_s * f->s / theta->par[0];
  vb_natural_gradient(j->hyper, theta, j->hyper->first_par, j->hyper->n_par, d_par, axes);
  return value;
}

/* ---- The density ---- */

static void likelihood(vb_joint *j, int n, int with_grad) {
  vb_points points = {n, j->c, j->theta, j->value, with_grad ? j->g : NULL, j->d_par};
  int all = j->likelihood.at == &j->likelihood.all;
  if (j->model->quadratic && j->map.coupled && all)
    vb_quadratic_eval(&j->map, &points);
  else
    vb_likelihood_eval(&j->likelihood, &points);
}

static void batch(vb_joint *j, int n, const double *xi, double *value, double *grad) {
  size_t dim = j->density.dim, n_coef = j->model->n_coef;
  int n_open = 0;
  for (int k = 0; k < n; k++) {
    value[k] = -INFINITY;
    if (grad) memset(grad + k * dim, 0, sizeof(double) * dim);
    if (open_point(j, n_open, xi + k * dim) == VB_OK) j->point[n_open++] = k;
  }
  memset(j->g, 0, sizeof(double) * n_coef * n_open);
  memset(j->d_par, 0, sizeof(double) * VB_MAX_PAR * n_open);
  likelihood(j, n_open, grad != NULL);
  if (n_open < n) j->density.lik = NAN;
  for (int s = 0; s < n_open; s++) {
    size_t k = j->point[s];
    j->density.lik += j->value[s] + j->model->constant;
    value[k] = close_point(j, s, xi + k * dim, grad ? grad + k * dim : NULL);
  }
}

static vb_status eval(void *data, int n, const double *x, double *value, double *grad) {
  vb_joint *j = data;
  size_t dim = j->density.dim;
  j->density.lik = 0;
  for (int k = 0; k < n; k += j->cap)
    batch(j, n - k < j->cap ? n - k : j->cap, x + k * dim, value + k, grad ? grad + k * dim : NULL);
  return VB_OK;
}

static vb_status subsample(void *data, int size, const double *uniform) {
  vb_joint *j = data;
  vb_likelihood_subsample(&j->likelihood, size, uniform);
  return VB_OK;
}

/* how many points a batch has room for */
static int capacity(const vb_joint *j) {
  const vb_whitening *map = &j->map;
  double r = map->n_dense, of_factor = map->n_block + map->n_edge + r * r + j->model->n_coef;
  double each = 2.0 * j->model->n_coef + (map->moves ? of_factor : 0) + 1;
  return each * CAP <= ROOM ? CAP : each * LEAST >= ROOM ? LEAST : (int)(ROOM / each);
}

vb_status vb_joint_make(const vb_host *host, vb_model *m, const vb_hyper *hyper,
                        const double *start_axes, int dense_up_to, vb_joint *j) {
  memset(j, 0, sizeof *j);
  j->host = host;
  j->model = m;
  j->hyper = hyper;
  /* a user's family may have anything for its first parameter */
  int scale = m->family->identity && m->n_par > 0 &&
              (!m->family->opaque || m->family->domain[0] == VB_POSITIVE);
  vb_whitening_alloc(m, scale, dense_up_to, &j->map);
  j->cap = capacity(j);
  vb_likelihood_make(m, hyper, j->cap, &j->likelihood);
  vb_inner_alloc(m, &j->inner);
  vb_block_alloc(m, &j->block);
  size_t n_coef = m->n_coef;
  j->theta = host->alloc(j->cap, sizeof *j->theta);
  j->factor = host->alloc(j->cap, sizeof *j->factor);
  for (int k = 0; k < j->cap; k++) vb_theta_alloc(host, hyper, j->theta + k);
  for (int k = 0; k < (j->map.moves ? j->cap : 1); k++)
    vb_whitening_factor_alloc(&j->map, j->factor + k);
  j->point = host->alloc(j->cap, sizeof(int));
  j->c = host->alloc(n_coef * j->cap + 1, sizeof(double));
  j->g = host->alloc(n_coef * j->cap + 1, sizeof(double));
  j->d_par = host->alloc((size_t)VB_MAX_PAR * j->cap, sizeof(double));
  j->value = host->alloc(j->cap, sizeof(double));
  j->u = host->alloc((size_t)(m->n_term + 1) * STRIDE, sizeof(double));
  j->vec = host->alloc(n_coef + 1, sizeof(double));
  int dim = m->n_coef + hyper->n_axis;
  j->density = (vb_density){.dim = dim,
                            .data = j,
                            .eval = eval,
                            .tells_lik = 1,
                            .subsample = subsample,
                            .bad = host->alloc(dim + 1, sizeof(double))};
  return vb_joint_repilot(j, start_axes);
}

vb_status vb_joint_repilot(vb_joint *j, const double *x) {
  int warm = j->inner.trace.n_sweep > 0;
  vb_status st = vb_theta_set(j->hyper, x, j->theta);
  if (st != VB_OK) return st;
  return vb_whitening_pilot(&j->map, j->theta, warm, &j->inner, &j->block, j->factor);
}

/* ---- What a point means ---- */

vb_status vb_joint_coef(vb_joint *j, const double *xi, double *c, double *natural) {
  vb_status st = open_point(j, 0, xi);
  if (st != VB_OK) return st;
  memcpy(c, j->c, sizeof(double) * j->model->n_coef);
  vb_theta_report(j->hyper, j->theta, natural);
  return VB_OK;
}

static void transpose(size_t n, double *a) {
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < i; k++) {
      double t = a[i + k * n];
      a[i + k * n] = a[k + i * n];
      a[k + i * n] = t;
    }
}

vb_status vb_joint_conditional(vb_joint *j, const double *x, const vb_zeta *zeta, double *mean,
                               double *var, double *beta_cov) {
  size_t n = j->model->n_coef, p = j->model->p;
  vb_status st = vb_theta_set(j->hyper, x, j->theta);
  if (st == VB_OK && j->map.moves) st = vb_whitening_at(&j->map, j->theta, j->factor);
  if (st != VB_OK) return st;
  place(j, j->factor, zeta->mean, mean);
  if (!zeta->cov) {
    vb_whitening_variance(&j->map, j->factor, zeta->var, var, beta_cov);
    return VB_OK;
  }
  if (!j->cov) j->cov = j->host->alloc(n * n, sizeof(double));
  memcpy(j->cov, zeta->cov, sizeof(double) * n * n);
  for (int side = 0; side < 2; side++) { /* L^-T cov L^-1, cov being symmetric */
    for (size_t k = 0; k < n; k++) vb_whitening_half_t(&j->map, j->factor, j->cov + k * n);
    transpose(n, j->cov);
  }
  for (size_t i = 0; i < n; i++) var[i] = j->cov[i * (n + 1)];
  for (size_t l = 0; l < p; l++) memcpy(beta_cov + l * p, j->cov + l * n, sizeof(double) * p);
  return VB_OK;
}

/* core coefficients of the model that will be: all but the leaf's */
static double core_size(const vb_input *in) {
  double all = 0, leaf = 0;
  int most = -1;
  for (int k = 0; k < in->n_term; k++) {
    double size = (double)in->n_level[k] * in->d[k];
    all += size;
    if (in->n_level[k] > most) leaf = size;
    if (in->n_level[k] > most) most = in->n_level[k];
  }
  return all - leaf;
}

int vb_joint_solver(const vb_input *in, int dense_up_to, int *may_factorise) {
  int coupled = core_size(in) + in->p <= dense_up_to;
  *may_factorise = !coupled;
  return coupled ? VB_SOLVER_DENSE : VB_SOLVER_AUTO;
}
