/* Classical coordinate ascent: q(c) prod_k q(theta_k) q(dispersions) (Blei, Kucukelbir & McAuliffe
 * 2017; mathematics.Rmd, section 10).  Of theta the Gaussian block sees the expected precision
 * matrices and the distribution of the dispersions alone, the factors of theta the second moments
 * of c alone, so one sweep is a map l -> T(l) of the expected precisions, which Anderson's method
 * accelerates.
 * The bound at l is that of the best q(c) given l and the best q(theta) given this q(c):
 *   F_c + sum_k [J log |Sigma| + tr(E Omega_k U_k)] / 2 - E log f + log Z's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "gauss/scheme.h"
#include "numbers/small.h"
#include "theta/cavi.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)
#define MOST 1000     /* sweeps */
#define SETTLED 1e-6  /* largest change of l in a sweep */
#define POINTS 4096   /* of theta, reported */
#define FIRST_PHASE 4 /* of the trace: sweeps; after nodes are laid anew, the next */

/* T(l), with the bound at l */
static vb_status sweep(vb_cavi_job *c, const double *l, double *t, double *bound) {
  vb_fit *fit = c->fit;
  double f_c;
  vb_cavi_state_set(c, l, &fit->theta);
  fit->n_eval++;
  vb_effort effort = {.tol = fit->set.tol / 100 * (1 + fit->model->n / 1e4), /* rounding of sums */
                      .max_sweep = fit->set.max_sweep,
                      .inverse = 1};
  vb_status st = vb_inner_solve(fit->model, &fit->theta, &effort, &fit->inner, &fit->block, &f_c);
  if (fit->host->poll()) return VB_INTERRUPTED;
  if (st != VB_OK && st != VB_MAX_ITER) return st;
  st = vb_cavi_update(c, f_c, bound);
  if (st != VB_OK) return st;
  vb_cavi_expectations(c, fit->effective);
  return vb_cavi_state(c, fit->effective, t);
}

/* to the fixed point; l is where it ends, last the bound there */
static vb_status iterate(vb_cavi_job *c, double *l, double *last) {
  vb_fit *fit = c->fit;
  int n = c->n_state, accelerated = 0;
  double *t = fit->host->alloc(n + 1, sizeof(double)),
         *plain = fit->host->alloc(n + 1, sizeof(double));
  vb_anderson a;
  vb_anderson_alloc(fit->host, n, &a);
  *last = -INFINITY;
  for (int it = 0, phase = c->phase; it < MOST; it++) {
    double bound, move;
    vb_status st = sweep(c, l, t, &bound);
    if (st == VB_INTERRUPTED || (st != VB_OK && !accelerated)) return st;
    if (phase != c->phase) { /* other nodes: other integrals */
      *last = -INFINITY;
      a.used = 0;
    }
    if (accelerated && (st != VB_OK || bound < *last)) { /* the plain step never falls */
      memcpy(l, plain, sizeof(double) * n);
      vb_block_copy(fit->model, &fit->spare, &fit->block);
      a.used = accelerated = 0;
      continue;
    }
    move = vb_cavi_move(c);
    for (int k = 0; k < n; k++) move = fmax(move, fabs(t[k] - l[k]));
    vb_block_copy(fit->model, &fit->block, &fit->spare);
    /* nodes wider apart than q's spread overstate its integral: such a bound is none */
    int anew = vb_cavi_follow(c);
    if (!anew && (phase != c->phase || !(bound < *last)))
      vb_fit_step(fit, c->phase, bound, fit->lik);
    phase = c->phase;
    *last = anew ? -INFINITY : fmax(*last, bound);
    if (move < SETTLED && !anew) return VB_OK;
    st = vb_cavi_settle(c, anew);
    if (st != VB_OK) return st;
    vb_anderson_push(&a, l, t);
    memcpy(plain, t, sizeof(double) * n);
    accelerated = vb_anderson_next(&a, l);
    if (!accelerated) memcpy(l, t, sizeof(double) * n);
  }
  return VB_MAX_ITER;
}

/* Exact covariance of beta given theta in place of the factorised one: the response of the optimum
 * to tilts of the log density (Giordano, Broderick & Jordan 2018) */
static vb_status respond(vb_cavi_job *c) {
  vb_fit *fit = c->fit;
  const vb_model *m = fit->model;
  vb_solution *s = &fit->inner.sol;
  int p = m->p;
  double *target = fit->host->alloc((size_t)p * p + 1, sizeof(double));
  double *old = fit->host->alloc((size_t)p * p + 1, sizeof(double));
  memcpy(old, s->s_beta, sizeof(double) * p * p);
  if (m->scheme->beta_covariance(m, s, fit->inner.trial.step, target) == VB_INTERRUPTED)
    return VB_INTERRUPTED;
  for (size_t k = 0; k < (size_t)p * p; k += p + 1)
    fit->response.inflation = fmax(fit->response.inflation, sqrt(target[k] / old[k]));
  fit->response.congruence = fit->host->alloc((size_t)p * p + 1, sizeof(double));
  fit->response.shift = fit->host->alloc(2 * (size_t)p + 1, sizeof(double));
  fit->response.skew = fit->response.shift + p;
  fit->response.active = vb_congruence(p, old, target, fit->response.congruence);
  return VB_OK;
}

/* coordinate k of T points of low discrepancy by its rank: every margin is as even as can be */
static void even_points(int T, int K, int k, double *pair, double *out) {
  double step = vb_low_discrepancy_step(k, K);
  for (int t = 0; t < T; t++) {
    pair[2 * t] = vb_low_discrepancy(t, step);
    pair[2 * t + 1] = t;
  }
  qsort(pair, T, 2 * sizeof(double), vb_ascending);
  for (int t = 0; t < T; t++) out[(size_t)pair[2 * t + 1] * K + k] = (t + 0.5) / T;
}

/* points of q(theta), its factors independent; axes about their mean */
static void report_points(vb_cavi_job *c) {
  vb_fit *fit = c->fit;
  int K = fit->hyper->n_axis, T = K ? POINTS : 1;
  double *pair = fit->host->alloc(2 * (size_t)T, sizeof(double));
  double *u = fit->host->alloc((size_t)T * K + 1, sizeof(double)), own[VB_MAX_AXIS];
  vb_points_alloc(fit, T);
  memset(fit->mode, 0, sizeof(double) * K);
  memset(fit->root, 0, sizeof(double) * K * K);
  for (int k = 0; k < K; k++) even_points(T, K, k, pair, u);
  for (int t = 0; t < T; t++) {
    double *x = fit->point_x + (size_t)t * K;
    const double *ut = u + (size_t)t * K;
    for (int k = 0; k < c->n_factor; k++) {
      const vb_free_form *f = c->factor + k;
      if (!f->K) continue;
      vb_free_point(f, ut, own);
      for (int i = 0; i < f->K; i++) x[f->axis[i]] = own[i];
      ut += f->K;
    }
    fit->point_weight[t] = 1.0 / T;
    for (int k = 0; k < K; k++) fit->mode[k] += x[k] / T;
  }
  for (int t = 0; t < T; t++)
    for (int k = 0; k < K; k++)
      fit->root[k * (size_t)(K + 1)] += pow(fit->point_x[(size_t)t * K + k] - fit->mode[k], 2) / T;
  for (int k = 0; k < K; k++)
    fit->root[k * (size_t)(K + 1)] = sqrt(fmax(fit->root[k * (size_t)(K + 1)], 1e-12));
  fit->has_root = 1;
  vb_points_report(fit);
}

/* first expected precisions: those of the starting theta, which fit->theta holds */
static void first_state(const vb_cavi_job *c, double *l) {
  const vb_hyper *hyper = c->fit->hyper;
  const vb_theta *theta = &c->fit->theta;
  double *e = c->fit->effective;
  for (int k = 0; k < hyper->n_term; k++) {
    int dd = hyper->d[k] * hyper->d[k];
    memcpy(e, theta->omega + (size_t)k * STRIDE, sizeof(double) * dd);
    e += 2 * dd;
  }
  memcpy(e, theta->par, sizeof(double) * hyper->n_par);
  vb_cavi_state(c, c->fit->effective, l);
}

vb_status vb_cavi(vb_fit *fit) {
  vb_cavi_job c = {.fit = fit, .phase = FIRST_PHASE};
  double bound;
  vb_cavi_alloc(&c);
  double *l = fit->host->alloc(c.n_state + 1, sizeof(double));
  first_state(&c, l);
  vb_status st = c.dear ? vb_cavi_lay_rule(&c) : VB_OK;
  fit->theta.rule = c.dear ? &c.rule : NULL;
  if (st == VB_OK) st = iterate(&c, l, &bound);
  fit->theta.rule = NULL;
  if (st == VB_OK || st == VB_MAX_ITER) {
    vb_status own = vb_digits_lost(fit->model, &fit->theta, &fit->inner, &fit->block, &fit->lost);
    if (own != VB_OK) st = own;
  }
  for (int k = 0; k < c.n_factor; k++) /* where a fit that stops early is taken up */
    for (int i = 0; i < c.factor[k].K; i++) fit->mode[c.factor[k].axis[i]] = c.factor[k].centre[i];
  if (st == VB_MAX_ITER) fit->converged = 0;
  if (st != VB_OK && st != VB_MAX_ITER) return st;
  if (fit->model->scheme->beta_covariance && !fit->model->family->bound && fit->model->p &&
      fit->set.use_lr != 0 && respond(&c) == VB_INTERRUPTED)
    return VB_INTERRUPTED;
  report_points(&c);
  vb_theta_set(fit->hyper, fit->mode, &fit->theta);
  st = vb_node_make(fit, fit->mode, bound, fit->converged);
  if (st != VB_OK) return st;
  fit->node[0]->weight = 1;
  fit->rule = "independent";
  fit->elbo = bound;
  fit->log_evidence = NAN; /* no better estimate than the bound */
  return VB_OK;
}
