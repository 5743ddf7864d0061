/* The one loop: start, mode of theta, coordinates, corrections at the mode, nodes
 * (mathematics.Rmd, sections 5 to 8). */
#include <math.h>
#include <string.h>
#include "correct/rq.h"
#include "gauss/ep.h"
#include "theta/theta.h"

#define MOST_LEVEL 0.1    /* nats of a level up to which residual quadrature responds */
#define SITES_MATTER 5e-4 /* nats */
#define MANY_TILTS 3e9 /* operations of one round of them beyond which a horseshoe goes without */

static void start_sweep(void *data, double elbo) {
  vb_fit *fit = data;
  const vb_step *last = fit->n_step ? fit->step + fit->n_step - 1 : NULL;
  elbo += fit->theta.log_prior;
  if (!last || elbo > last->elbo) /* the rest is rounding */
    vb_fit_step(fit, 1, elbo, fit->inner.rows.lik);
}

/* is theta all known, so that the first Gaussian is the one at the mode? */
static int is_settled(const vb_fit *fit) {
  return !fit->hyper->n_axis && !fit->model->ep && !fit->set.independent;
}

/* starting axes are in mode already; a first Gaussian there */
static vb_status start(vb_fit *fit) {
  vb_status st = vb_theta_set(fit->hyper, fit->mode, &fit->theta);
  if (st != VB_OK) return st;
  vb_block_start(fit->model, fit->theta.par, &fit->inner, &fit->block);
  fit->inner.trace.on_sweep = start_sweep;
  fit->inner.trace.data = fit;
  st = vb_fit_eval(fit, fit->mode, is_settled(fit) ? fit->set.tol / 10 : 1e-3, 1, &fit->mode_elbo);
  fit->inner.trace.on_sweep = NULL;
  fit->at_hand = st == VB_OK && is_settled(fit);
  vb_block_copy(fit->model, &fit->block, &fit->spare);
  double gap = fit->model->ep && isfinite(fit->mode_elbo)
                   ? vb_ep_gap(fit->model, &fit->theta, &fit->inner, fit->block.m)
                   : 0;
  if ((fit->model->quadratic || fit->model->ep) && isfinite(fit->mode_elbo))
    vb_fit_step(fit, 1, fit->mode_elbo - gap, vb_inner_lik(fit->model, &fit->theta, &fit->inner));
  return st == VB_MAX_ITER ? VB_OK : st;
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

/* May a level's posterior have another mode?  Residual quadrature's differences are then not those
 * of small changes. */
static int has_modes(const vb_fit *fit) {
  int folded = 0;
  if (fit->model->quadratic || !(fit->rq_level > MOST_LEVEL)) return 0;
  for (int i = 0; i < fit->model->n; i++) folded |= fit->spare.h[i] < 0;
  return folded;
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
  int which = m->family->kinked || has_modes(fit) ? sites : fit->rq_on;
  vb_respond_task task = {.theta = &fit->theta,
                          .tol = fit->set.tol / 10,
                          .tilt = tilt,
                          .which = which,
                          .rq = &fit->rq,
                          .in = &fit->inner,
                          .mode = &fit->spare,
                          .work = &fit->block};
  fit->at_hand = 0;
  st = vb_respond(m, &task, &fit->response);
  vb_block_copy(m, &fit->spare, &fit->block); /* the last tilt is no place to start from */
  if (st == VB_INTERRUPTED) return st;
  if (st != VB_OK) fit->response.active = 0;
  return VB_OK;
}

/* A factor with its selected inverse is about three factors.  The values of theta at which they are
 * made are counted on the benchmark's models; but in quadratic families there are nearly two at
 * each. */
double vb_fit_cost(const vb_model *m, int K) {
  return (8.0 + 6 * K) * (m->quadratic ? 1 : 1.7) * 3 * vb_factor_cost(m);
}

static int never(void) { return 0; }

/* What there is when a fit stops early: the nodes so far, weighted as they stand; before the first,
 * the Gaussian at the best theta so far.  The host is asked for nothing more but memory. */
static vb_status salvage(vb_fit *fit) {
  vb_host quiet = *fit->host;
  const vb_host *host = fit->host;
  double top = -INFINITY;
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
  vb_points_alloc(fit, fit->n_node);
  for (int s = 0; s < fit->n_node; s++) {
    fit->point_weight[s] = fit->node[s]->elbo + fit->node[s]->rq;
    top = fmax(top, fit->point_weight[s]);
  }
  vb_normalise(fit->n_node, fit->point_weight, NULL);
  for (int s = 0; s < fit->n_node; s++) {
    memcpy(fit->point_x + (size_t)s * fit->hyper->n_axis, fit->node[s]->x,
           sizeof(double) * fit->hyper->n_axis);
    fit->node[s]->weight = fit->point_weight[s];
    fit->point_log_density[s] = log(fit->point_weight[s]);
  }
  vb_points_report(fit);
  fit->rule = "partial";
  vb_nodes_finish(fit, top);
  return VB_OK;
}

vb_status vb_fit_run(vb_fit *fit) {
  fit->converged = 1;
  fit->second_mode = NAN;
  fit->poll_every = 1 + (int)fmin(1e6 / vb_factor_cost(fit->model), 100);
  fit->rule = "none";
  fit->ess = fit->khat = fit->node_error = NAN;
  fit->response.inflation = 1;
  vb_status st = start(fit);
  if (fit->set.independent) {
    if (st == VB_OK) st = vb_cavi(fit);
  } else {
    if (st == VB_OK) vb_choose_axes(fit);
    if (st == VB_OK && fit->hyper->n_axis) st = vb_fit_mode(fit);
    for (int more = 1, settled = fit->at_hand; more && st == VB_OK; settled = 0) {
      if (!settled) st = settle(fit);
      if (st == VB_OK) st = vb_flat_axis(fit, &more);
      if (st == VB_OK && more) st = vb_fit_mode(fit);
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
