/* The one loop: start, mode of theta, coordinates, corrections at the mode, nodes
 * (mathematics.Rmd, sections 5 to 8). */
#include <math.h>
#include <string.h>
#include "correct/rq.h"
#include "gauss/ep.h"
#include "numbers/small.h"
#include "theta/theta.h"

#define SITES_MATTER 5e-4 /* nats */
#define MANY_TILTS 3e9 /* operations of one round of them beyond which a horseshoe goes without */

typedef struct {
  vb_fit *fit;
  double best, tol;
} climb;

static vb_status mode_objective(void *data, const double *x, double *f, double *grad) {
  climb *c = data;
  vb_fit *fit = c->fit;
  vb_block_copy(fit->model, &fit->spare, &fit->block);
  vb_status st = vb_fit_eval(fit, x, c->tol, 1, f);
  if (st != VB_OK && st != VB_MAX_ITER) return st;
  if (!isfinite(*f)) return VB_NOT_FINITE;
  vb_inner_gradient(fit->model, fit->hyper, &fit->theta, &fit->inner, &fit->block, grad);
  if (*f > c->best) {
    c->best = *f;
    vb_block_copy(fit->model, &fit->block, &fit->spare);
    /* other coordinates have another Jacobian: the trace goes on where it is higher */
    const vb_step *last = fit->n_step ? fit->step + fit->n_step - 1 : NULL;
    double bound = *f;
    if (fit->model->ep) bound -= vb_ep_gap(fit->model, &fit->theta, &fit->inner, fit->block.m);
    if (!last || last->phase < 2 || bound > last->elbo)
      vb_fit_step(fit, 2, bound, vb_inner_lik(fit->model, &fit->theta, &fit->inner));
  }
  return VB_OK;
}

static vb_status climb_to_mode(vb_fit *fit, double *inv, double *grad) {
  climb c = {fit, -INFINITY, fit->set.tol * 10};
  vb_bfgs run = {.eval = mode_objective,
                 .data = &c,
                 .n = fit->hyper->n_axis,
                 .max_eval = 200,
                 .tol = 1e-3,
                 .x = fit->mode,
                 .grad = grad,
                 .inv = inv,
                 .f = fit->mode_elbo};
  vb_status st = vb_bfgs_run(&run);
  fit->mode_elbo = run.f;
  return st;
}

/* -Hessian by forward differences of the gradient at the mode, symmetrised */
static vb_status mode_hessian(vb_fit *fit, double *grad, double *hess) {
  int K = fit->hyper->n_axis;
  double x[VB_MAX_AXIS], g[VB_MAX_AXIS], f;
  climb c = {fit, INFINITY,
             fit->set.tol / 10}; /* not steps of the climb, and differences need more digits */
  vb_status first = mode_objective(&c, fit->mode, &f, grad);
  if (first != VB_OK) return first;
  for (int k = 0; k < K; k++) {
    double sd = sqrt(fmax(hess[k + (size_t)k * K], 1e-8)), h = fmin(fmax(0.1 * sd, 1e-3), 0.1);
    for (int side = 0; side < 2; side++) { /* the other side where the first cannot be had */
      memcpy(x, fit->mode, sizeof(double) * K);
      x[k] += h;
      vb_status st = mode_objective(&c, x, &f, g);
      if (st == VB_INTERRUPTED) return st;
      if (st == VB_OK) break;
      if (side) return st;
      h = -h;
    }
    for (int i = 0; i < K; i++) hess[i + (size_t)k * K] = (grad[i] - g[i]) / h;
  }
  for (int i = 0; i < K; i++)
    for (int k = 0; k < i; k++)
      hess[i + (size_t)k * K] = hess[k + (size_t)i * K] =
          (hess[i + (size_t)k * K] + hess[k + (size_t)i * K]) / 2;
  return VB_OK;
}

/* root with root root' = (-Hessian)^-1, eigenvalues floored so that no axis is wider than the prior
 * can be */
static void make_root(vb_fit *fit, const double *hess, double *inv) {
  int K = fit->hyper->n_axis;
  fit->has_root = 1;
  double a[VB_MAX_AXIS * VB_MAX_AXIS], value[VB_MAX_AXIS];
  memcpy(a, hess, sizeof(double) * K * K);
  vb_eigen(K, a, K, value);
  for (int k = 0; k < K; k++)
    for (int i = 0; i < K; i++)
      fit->root[i + (size_t)k * K] = a[i + (size_t)k * K] / sqrt(fmax(value[k], 0.2));
  for (int i = 0; i < K; i++)
    for (int j = 0; j < K; j++) {
      inv[i + (size_t)j * K] = 0;
      for (int k = 0; k < K; k++)
        inv[i + (size_t)j * K] += fit->root[i + (size_t)k * K] * fit->root[j + (size_t)k * K];
    }
}

/* For group sds that the data leave wide: sd = s0 x^2 where the profile reaches zero, s0 x^(-3/2)
 * where it does not.  changed gets how many do. */
static vb_status choose_coordinates(vb_fit *fit, const double *inv, int *changed) {
  int K = fit->hyper->n_axis;
  double x[VB_MAX_AXIS], f = -INFINITY;
  for (int i = 0; i < fit->hyper->first_par; i++) {
    vb_natural *n = fit->hyper->natural + i;
    if (n->axis < 0 || !n->prior) continue;
    double sd = sqrt(inv[n->axis * (size_t)(K + 1)]),
           s0 = n->coord->value(fit->mode[n->axis], n->s0);
    if (sd < 0.15) continue; /* any coordinate will do */
    memcpy(x, fit->mode, sizeof(double) * K);
    x[n->axis] = n->coord->inverse(0.02 * s0, n->s0);
    vb_block_copy(fit->model, &fit->spare, &fit->block);
    vb_status st = vb_fit_eval(fit, x, fit->set.tol * 100, 0, &f);
    double at_zero = f - n->coord->log_slope(x[n->axis], n->s0);
    double at_mode = fit->mode_elbo - n->coord->log_slope(fit->mode[n->axis], n->s0);
    if (st == VB_INTERRUPTED) return st;
    int reaches = (st == VB_OK || st == VB_MAX_ITER) && at_zero > at_mode - 8;
    n->coord = reaches ? &vb_coord_square : &vb_coord_power;
    n->s0 = s0;
    fit->mode[n->axis] = 1;
    ++*changed;
  }
  return VB_OK;
}

static void start_sweep(void *data, double elbo) {
  vb_fit *fit = data;
  const vb_step *last = fit->n_step ? fit->step + fit->n_step - 1 : NULL;
  elbo += fit->theta.log_prior;
  if (!last || elbo > last->elbo) /* the rest is rounding */
    vb_fit_step(fit, 1, elbo, fit->inner.rows.lik);
}

/* starting axes are in mode already; a first Gaussian there */
static vb_status start(vb_fit *fit) {
  vb_status st = vb_theta_set(fit->hyper, fit->mode, &fit->theta);
  if (st != VB_OK) return st;
  vb_block_start(fit->model, fit->theta.par, &fit->inner, &fit->block);
  fit->inner.trace.on_sweep = start_sweep;
  fit->inner.trace.data = fit;
  st = vb_fit_eval(fit, fit->mode, 1e-3, 1, &fit->mode_elbo);
  fit->inner.trace.on_sweep = NULL;
  vb_block_copy(fit->model, &fit->block, &fit->spare);
  double gap = fit->model->ep && isfinite(fit->mode_elbo)
                   ? vb_ep_gap(fit->model, &fit->theta, &fit->inner, fit->block.m)
                   : 0;
  if ((fit->model->quadratic || fit->model->ep) && isfinite(fit->mode_elbo))
    vb_fit_step(fit, 1, fit->mode_elbo - gap, vb_inner_lik(fit->model, &fit->theta, &fit->inner));
  return st == VB_MAX_ITER ? VB_OK : st;
}

static vb_status find_mode(vb_fit *fit) {
  int K = fit->hyper->n_axis;
  double *inv = fit->host->alloc((size_t)K * K, sizeof(double)),
         *hess = fit->host->alloc((size_t)K * K, sizeof(double));
  double grad[VB_MAX_AXIS];
  for (int i = 0; i < fit->hyper->n_natural; i++) {
    int axis = fit->hyper->natural[i].axis;
    if (axis >= 0) inv[axis * (size_t)(K + 1)] = 0.05;
  }
  for (int round = 0; round < 2; round++) {
    vb_status st = climb_to_mode(fit, inv, grad);
    if (st == VB_MAX_ITER)
      fit->converged = 0;
    else if (st != VB_OK)
      return st;
    memcpy(hess, inv, sizeof(double) * K * K);
    st = mode_hessian(fit, grad, hess);
    if (st != VB_OK) return st;
    make_root(fit, hess, inv);
    int changed = 0;
    if (!round) st = choose_coordinates(fit, inv, &changed);
    if (st != VB_OK) return st;
    if (!changed) break;
    for (int i = 0; i < fit->hyper->first_par;
         i++) { /* the curvature in log sd, in the new axes at x = 1 */
      const vb_natural *n = fit->hyper->natural + i;
      if (n->axis < 0 || n->coord->least == 0) continue;
      double scale = n->coord->slope(1, n->s0) / n->coord->value(1, n->s0);
      for (int k = 0; k < K; k++) {
        inv[n->axis + (size_t)k * K] /= scale;
        inv[k + (size_t)n->axis * K] /= scale;
      }
    }
  }
  return VB_OK;
}

/* rows under random effects or many shrunken coefficients, and prior sites that are tighter than
 * the data */
static void choose_remainders(vb_fit *fit) {
  vb_model *m = fit->model;
  int use = fit->set.use_rq && !m->family->bound; /* of a bound's optimum nothing is corrected */
  double sites = use && !m->ep ? vb_site_remainder(m, &fit->inner, fit->block.m, &fit->rq) : 0;
  fit->rq_on = 0;
  if (use && !m->quadratic && (m->n_term > 0 || m->ep)) {
    vb_rq_alloc(m, &fit->rq);
    fit->rq_on = VB_RQ_ROWS;
  }
  if (sites > SITES_MATTER) fit->rq_on |= VB_RQ_SITES;
  fit->rq_size = vb_fit_remainder(fit, NULL, &fit->rq_level);
  if (!isfinite(fit->rq_size)) fit->rq_on = 0;
}

/* the Gaussian at the mode */
static vb_status settle(vb_fit *fit) {
  vb_block_copy(fit->model, &fit->spare, &fit->block);
  vb_status st = vb_fit_eval(fit, fit->mode, fit->set.tol / 10, 1, &fit->mode_elbo);
  if (st != VB_OK && st != VB_MAX_ITER) return st;
  vb_block_copy(fit->model, &fit->block, &fit->spare);
  return VB_OK;
}

/* residual quadrature and linear response there */
static vb_status correct_at_mode(vb_fit *fit) {
  vb_model *m = fit->model;
  vb_status st = vb_digits_lost(m, &fit->theta, &fit->inner, &fit->block, &fit->lost);
  if (st != VB_OK) return st;
  choose_remainders(fit);
  int sites = fit->rq_on & VB_RQ_SITES, exact = !m->family->bound;
  int tilt = exact && !m->quadratic && m->p > 0 && fit->set.use_lr != 0;
  /* surrogates stay as they are: the response is that of the rows */
  if (m->ep && m->p * vb_factor_cost(m) > MANY_TILTS) tilt = 0;
  /* a kinked density has no third derivative, and the rows of an opaque one are never added to
   * cells: row by row the size says too little */
  if (tilt && fit->set.use_lr < 0 && !m->family->kinked && !m->family->opaque)
    tilt = vb_response_size(m, fit->theta.par, &fit->inner) > 5e-4;
  if (!tilt && !(sites && fit->set.use_lr)) return VB_OK;
  /* over kinks the rules' errors, of no account in RQ itself, would rule its second differences */
  int which = m->family->kinked ? sites : fit->rq_on;
  vb_respond_task task = {.theta = &fit->theta,
                          .tol = fit->set.tol / 10,
                          .tilt = tilt,
                          .which = which,
                          .rq = &fit->rq,
                          .in = &fit->inner,
                          .mode = &fit->spare,
                          .work = &fit->block};
  st = vb_respond(m, &task, &fit->response);
  vb_block_copy(m, &fit->spare, &fit->block); /* the last tilt is no place to start from */
  if (st == VB_INTERRUPTED) return st;
  if (st != VB_OK) fit->response.active = 0;
  return VB_OK;
}

static int never(void) { return 0; }

/* What there is when a fit stops early: the nodes so far, weighted as they stand; before the first,
 * the Gaussian at the best theta so far.  The host is asked for nothing more but memory. */
static vb_status salvage(vb_fit *fit) {
  vb_host quiet = *fit->host;
  const vb_host *host = fit->host;
  double top = -INFINITY, sum = 0;
  quiet.poll = never;
  fit->host = fit->model->host = &quiet;
  fit->rq_on = 0;
  fit->response.active = 0;
  vb_status st = VB_OK;
  if (!fit->n_node) {
    for (int k = 0; k < fit->hyper->n_axis && !fit->has_root; k++)
      fit->root[k * (size_t)(fit->hyper->n_axis + 1)] = 0.1; /* no curvature yet: any metric */
    vb_block_copy(fit->model, &fit->spare, &fit->block);
    st = vb_fit_node(fit, fit->mode);
  }
  fit->host = fit->model->host = host;
  if (st != VB_OK) return st;
  for (int s = 0; s < fit->n_node; s++) top = fmax(top, fit->node[s]->elbo + fit->node[s]->rq);
  for (int s = 0; s < fit->n_node; s++)
    sum += fit->node[s]->weight = exp(fit->node[s]->elbo + fit->node[s]->rq - top);
  for (int s = 0; s < fit->n_node; s++) fit->node[s]->weight /= sum;
  vb_points_alloc(fit, fit->n_node);
  for (int s = 0; s < fit->n_node; s++) {
    memcpy(fit->point_x + (size_t)s * fit->hyper->n_axis, fit->node[s]->x,
           sizeof(double) * fit->hyper->n_axis);
    fit->point_weight[s] = fit->node[s]->weight;
  }
  vb_points_report(fit);
  fit->rule = "partial";
  vb_nodes_finish(fit, top);
  return VB_OK;
}

vb_status vb_fit_run(vb_fit *fit) {
  fit->converged = 1;
  fit->poll_every = 1 + (int)fmin(1e6 / vb_factor_cost(fit->model), 100);
  fit->rule = "none";
  fit->ess = fit->khat = fit->node_error = NAN;
  fit->response.inflation = 1;
  vb_status st = start(fit);
  if (fit->set.independent) {
    if (st == VB_OK) st = vb_cavi(fit);
  } else {
    if (st == VB_OK && fit->hyper->n_axis) st = find_mode(fit);
    for (int more = 1; more && st == VB_OK;) {
      st = settle(fit);
      if (st == VB_OK) st = vb_flat_axis(fit, &more);
      if (st == VB_OK && more) st = find_mode(fit);
    }
    if (st == VB_OK) st = correct_at_mode(fit);
    if (st == VB_OK) st = vb_fit_nodes(fit);
    if (st == VB_OK) st = vb_flat_nodes(fit);
  }
  fit->status = st;
  if (fit->lost > VB_MOST_LOST) fit->converged = 0;
  if (st == VB_OK) return st;
  fit->converged = 0;
  return salvage(fit);
}
