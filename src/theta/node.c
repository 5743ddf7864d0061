/* A node: one value of theta and the posterior given it; and what is made of all nodes at the end.
 */
#include <math.h>
#include <string.h>
#include "gauss/ep.h"
#include "numbers/small.h"
#include "theta/theta.h"

#define FORETOLD 0.01 /* nats that a Gaussian of the mixture alone may be off */

static vb_node *new_node(vb_fit *fit, const double *x) {
  const vb_host *h = fit->host;
  int p = fit->model->p, D = fit->model->n_coef, K = fit->hyper->n_axis;
  vb_node *n = h->alloc(1, sizeof(vb_node));
  double *fixed = h->alloc((size_t)p * (p + 2) + 1, sizeof(double));
  n->x = h->alloc(2 * (size_t)K + 1, sizeof(double));
  n->grad = n->x + K;
  memcpy(n->x, x, sizeof(double) * K);
  vb_block_alloc(fit->model, &n->block);
  vb_block_copy(fit->model, &fit->block, &n->block);
  n->hyper = h->alloc(fit->n_hyper + 1, sizeof(double));
  vb_theta_report(fit->hyper, &fit->theta, n->hyper);
  n->mean = h->alloc(D + 1, sizeof(double));
  n->var = h->alloc(D + 1, sizeof(double));
  memcpy(n->mean, fit->block.m, sizeof(double) * D);
  vb_coef_variance(fit->model, &fit->inner.sol, n->var);
  n->fixed_mean = fixed;
  n->fixed_skew = fixed + p;
  n->fixed_cov = fixed + 2 * p;
  return n;
}

/* random effects follow the corrected beta conditionally: S_bb enters all of S */
static vb_status respond_at_node(vb_fit *fit, vb_node *n) {
  const vb_model *m = fit->model;
  double *ratio = fit->inner.trial.step;
  vb_coef_variance(m, &fit->inner.sol, ratio);
  for (int k = 0; k < m->n_coef; k++) ratio[k] = n->var[k] / ratio[k];
  vb_status st = vb_selected_inverse(m, fit->response.congruence, &fit->inner.sol);
  if (st != VB_OK) return st;
  vb_coef_variance(m, &fit->inner.sol, n->var);
  for (int k = m->p; k < m->n_coef; k++) n->var[k] *= ratio[k];
  return VB_OK;
}

static void report_fixed(const vb_fit *fit, vb_node *n) {
  const vb_model *m = fit->model;
  int p = m->p;
  vb_report_beta(m, n->mean, n->fixed_mean);
  vb_report_cov(m, fit->inner.sol.s_beta, n->fixed_cov);
  for (int k = 0; k < p && fit->response.active; k++) {
    n->fixed_mean[k] += fit->response.shift[k] * sqrt(n->fixed_cov[k * (size_t)(p + 1)]);
    n->fixed_skew[k] = fit->set.use_skew ? fit->response.skew[k] : 0;
  }
  memcpy(n->mean, n->fixed_mean, sizeof(double) * p);
  vb_unreport_beta(m, n->mean);
}

static void keep_node(vb_fit *fit, vb_node *n) {
  if (fit->n_node == fit->cap_node) {
    int cap = fit->cap_node ? 2 * fit->cap_node : 64;
    vb_node **more = fit->host->alloc(cap, sizeof(vb_node *));
    if (fit->n_node) memcpy(more, fit->node, sizeof(vb_node *) * fit->n_node);
    fit->node = more;
    fit->cap_node = cap;
  }
  n->seconds = fit->host->seconds(fit->host->data);
  fit->node[fit->n_node++] = n;
  vb_fit_tick(fit);
}

/* by residual quadrature, in units that another node can take over */
static void correct_levels(vb_fit *fit, vb_node *n) {
  const vb_model *m = fit->model;
  n->skew = fit->host->alloc(m->n_coef + 1, sizeof(double));
  n->lift = fit->host->alloc(m->n_coef + 1, sizeof(double));
  n->move = fit->host->alloc(m->n_coef + 1, sizeof(double));
  vb_coef_variance(m, &fit->inner.sol, n->lift);
  for (int k = m->p; k < m->n_coef; k++) {
    n->move[k] = fit->rq.shift[k] / sqrt(n->lift[k]);
    n->lift[k] = n->var[k] / n->lift[k];
    n->mean[k] += fit->rq.shift[k];
    n->skew[k] = fit->set.use_skew ? fmin(fmax(fit->rq.skew[k], -1.5), 1.5) : 0;
  }
}

/* what linear response and reporting make of it */
static vb_status finish_node(vb_fit *fit, vb_node *n) {
  vb_status st = fit->response.active ? respond_at_node(fit, n) : VB_OK;
  if (st != VB_OK && st != VB_MAX_ITER) return st;
  report_fixed(fit, n);
  keep_node(fit, n);
  return VB_OK;
}

vb_status vb_node_make(vb_fit *fit, const double *x, double elbo, int converged) {
  const vb_model *m = fit->model;
  double level;
  vb_node *n = new_node(fit, x);
  vb_inner_gradient(m, fit->hyper, &fit->theta, &fit->inner, &fit->block, n->grad);
  n->lik = vb_inner_lik(m, &fit->theta, &fit->inner);
  double gap = m->ep ? vb_ep_gap(m, &fit->theta, &fit->inner, fit->block.m) : 0;
  double rq = vb_fit_remainder(fit, n->var, &level);
  n->elbo = elbo - gap;
  n->converged = converged;
  n->bound = elbo;
  n->remainder = converged ? rq : 0; /* it is that of an optimum */
  n->rq = gap + n->remainder;
  if (!isfinite(n->rq)) return VB_NOT_FINITE;
  if (fit->rq_on & VB_RQ_ROWS) correct_levels(fit, n);
  return finish_node(fit, n);
}

void vb_node_spread(vb_fit *fit, double *spread) {
  const vb_model *m = fit->model;
  vb_node *n = fit->node[fit->n_node - 1];
  int p = m->p;
  double *move = fit->inner.beta.mu, *reported = fit->inner.beta.grad;
  n->spread = spread;
  for (int j = 0; j < m->n_pin; j++) {
    const vb_pin *pin = m->pin + j;
    for (int k = 0; k < p; k++)
      move[k] = pin->precision * vb_dot(p, fit->inner.sol.s_beta + (size_t)k * p, pin->a);
    vb_report_beta(m, move, reported);
    for (int k = 0; k < p; k++)
      for (int l = 0; l < p; l++)
        n->fixed_cov[l + (size_t)k * p] += spread[j] * reported[l] * reported[k];
  }
}

vb_status vb_fit_node(vb_fit *fit, const double *x) {
  double elbo;
  if (fit->at_hand && !fit->hyper->n_axis) return vb_node_make(fit, x, fit->mode_elbo, 1);
  vb_status st = vb_fit_eval(fit, x, fit->set.tol, 1, &elbo);
  if (st != VB_OK && st != VB_MAX_ITER) return st;
  return vb_node_make(fit, x, elbo, st == VB_OK);
}

static const vb_node *nearest(const vb_fit *fit, const double *x) {
  int K = fit->hyper->n_axis;
  double z[VB_MAX_AXIS], at[VB_MAX_AXIS], least = INFINITY;
  const vb_node *best = NULL;
  vb_whiten(K, fit->root, fit->mode, x, z);
  for (int s = 0; s < fit->n_node; s++) {
    vb_whiten(K, fit->root, fit->mode, fit->node[s]->x, at);
    double d = vb_squared_distance(K, z, at);
    if (fit->node[s]->foretold || !(d < least)) continue;
    least = d;
    best = fit->node[s];
  }
  return best;
}

vb_status vb_fit_component(vb_fit *fit, const double *x) {
  const vb_model *m = fit->model;
  const vb_node *like = nearest(fit, x);
  double elbo;
  vb_status st = vb_fit_eval(fit, x, FORETOLD, 1, &elbo);
  if (st != VB_OK) return st;
  vb_node *n = new_node(fit, x);
  n->foretold = n->converged = 1;
  n->lik = vb_inner_lik(m, &fit->theta, &fit->inner);
  n->bound = n->elbo = elbo;
  n->rq = like->rq;
  n->skew = like->skew;
  for (int k = m->p; k < m->n_coef && like->lift; k++) {
    n->mean[k] += like->move[k] * sqrt(n->var[k]);
    n->var[k] *= like->lift[k];
  }
  return finish_node(fit, n);
}

void vb_points_alloc(vb_fit *fit, int T) {
  int K = fit->hyper->n_axis;
  fit->n_point = T;
  fit->point_x = fit->host->alloc((size_t)T * K + 1, sizeof(double));
  fit->point_weight = fit->host->alloc(T + 1, sizeof(double));
  fit->point_log_density = fit->host->alloc(T + 1, sizeof(double));
  fit->point_hyper = fit->host->alloc((size_t)T * fit->n_hyper + 1, sizeof(double));
}

void vb_points_report(vb_fit *fit) {
  int K = fit->hyper->n_axis;
  for (int t = 0; t < fit->n_point; t++)
    if (vb_theta_set(fit->hyper, fit->point_x + (size_t)t * K, &fit->theta) == VB_OK)
      vb_theta_report(fit->hyper, &fit->theta, fit->point_hyper + (size_t)t * fit->n_hyper);
    else
      fit->point_weight[t] = 0;
}

/* The bound is E log of exp L over q(theta), q proportional to exp(L + RQ): evidence less the mean
 * of RQ. */
void vb_nodes_finish(vb_fit *fit, double log_evidence) {
  double rq = 0, positive = 0, so_far = 0, astray = 0, lik = 0;
  fit->lik = 0;
  for (int s = 0; s < fit->n_node; s++) {
    rq += fit->node[s]->weight * fit->node[s]->rq;
    fit->lik += fit->node[s]->weight * fit->node[s]->lik;
    if (!fit->node[s]->converged) astray += fabs(fit->node[s]->weight);
    positive += fmax(fit->node[s]->weight, 0);
  }
  if (astray > 0.01) fit->converged = 0; /* nodes of no weight may be as they are */
  fit->log_evidence = log_evidence;
  fit->elbo = log_evidence - rq;
  /* log of the partial sum of omega exp L, on the scale of the bound: the bound of a q(theta) on
   * these nodes */
  for (int s = 0; s < fit->n_node; s++) {
    if (!(fit->node[s]->weight > 0)) continue;
    so_far += fit->node[s]->weight;
    lik += fit->node[s]->weight * fit->node[s]->lik;
    vb_fit_step(fit, 3, fit->elbo + log(so_far / positive), lik / so_far);
    fit->step[fit->n_step - 1].seconds = fit->node[s]->seconds;
  }
  /* of all nodes, the few of negative weight too */
  if (so_far > 0) fit->step[fit->n_step - 1].lik = fit->lik;
}
