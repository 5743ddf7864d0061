/* The mode of theta, or near it: where the nodes of the integral are laid round
 * (mathematics.Rmd, section 5). */
#include <math.h>
#include <string.h>
#include "gauss/ep.h"
#include "theta/theta.h"

#define NEAR_MODE 0.2 /* twice the Newton decrement, in nats */
#define STEEP 0.7     /* on a plateau log sds fall by one a unit, however far the mode is */
#define NEARLY_ALL 0.7

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
    const vb_step *last = fit->n_step ? fit->step + fit->n_step - 1 : NULL;
    double bound = *f;
    if (fit->model->ep) bound -= vb_ep_gap(fit->model, &fit->theta, &fit->inner, fit->block.m);
    if (!last || last->phase < 2 || bound > last->elbo)
      vb_fit_step(fit, 2, bound, vb_inner_lik(fit->model, &fit->theta, &fit->inner));
  }
  return VB_OK;
}

static vb_status climb_to_mode(vb_fit *fit, double *inv) {
  climb c = {fit, -INFINITY, fit->set.tol * 10};
  double grad[VB_MAX_AXIS];
  vb_bfgs run = {.eval = mode_objective,
                 .data = &c,
                 .n = fit->hyper->n_axis,
                 .max_eval = 200,
                 .tol = NEAR_MODE,
                 .steep = STEEP,
                 .x = fit->mode,
                 .grad = grad,
                 .inv = inv,
                 .f = fit->mode_elbo};
  vb_status st = vb_bfgs_run(&run);
  fit->mode_elbo = run.f;
  return st;
}

/* A term of one sd with a level for nearly every row, and residuals whose sd is free: these two by
 * polar coordinates.  Scale and degrees of freedom of t distributions: sheared. */
void vb_choose_axes(vb_fit *fit) {
  vb_hyper *h = fit->hyper;
  const vb_natural *sigma = h->natural + h->first_par;
  for (int k = 0; k < h->n_term && fit->model->quadratic && h->n_par && !h->turn.kind; k++) {
    const vb_natural *sd = h->natural + h->first[k];
    if (h->d[k] == 1 && sd->axis >= 0 && sigma->axis >= 0 &&
        h->n_level[k] > NEARLY_ALL * fit->model->n)
      vb_turn_make(h, (vb_turn){VB_POLAR, sd->axis, sigma->axis}, fit->mode);
  }
  if (fit->model->family->df && sigma[0].axis >= 0 && sigma[1].axis >= 0)
    vb_turn_make(h, (vb_turn){VB_SHEARED, sigma[0].axis, sigma[1].axis}, fit->mode);
}

/* Roughly the mode, and scales of the axes: all that the nodes need. */
vb_status vb_fit_mode(vb_fit *fit) {
  const vb_hyper *h = fit->hyper;
  int K = h->n_axis;
  double *inv = fit->host->alloc((size_t)K * K, sizeof(double)), variance[VB_MAX_AXIS];
  for (int i = 0; i < K; i++) variance[i] = 0.05;
  for (int k = 0; k < h->n_term; k++) /* and what so many levels leave open */
    for (int i = 0; i < vb_term_pars(h, k); i++) {
      int axis = h->natural[h->first[k] + i].axis;
      if (axis >= 0) variance[axis] += 1.0 / h->n_level[k];
    }
  for (int i = 0; i < h->n_field; i++) {
    int axis = vb_field_axis(h, i);
    if (axis >= 0) variance[axis] += 1.0 / h->field[i].n;
  }
  vb_status st = vb_first_scales(fit, variance);
  if (st != VB_OK) return st;
  for (int i = 0; i < K; i++) inv[i * (size_t)(K + 1)] = variance[i];
  st = climb_to_mode(fit, inv);
  if (st == VB_MAX_ITER) fit->converged = 0;
  if (st != VB_OK && st != VB_MAX_ITER) return st;
  memset(fit->root, 0, sizeof(double) * K * K);
  for (int i = 0; i < K; i++) {
    size_t own = i * (size_t)(K + 1);
    fit->root[own] = sqrt(fmax(inv[own], 1e-10));
  }
  fit->has_root = 1;
  return VB_OK;
}
