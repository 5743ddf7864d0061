/* The mode of theta, or near it: where the nodes of the integral are laid round
 * (mathematics.Rmd, section 5). */
#include <math.h>
#include <string.h>
#include "gauss/ep.h"
#include "numbers/small.h"
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

static vb_status climb_to_mode(vb_fit *fit, int values, double *inv, double *grad) {
  climb c = {fit, -INFINITY, fit->set.tol * 10};
  vb_bfgs run = {.eval = mode_objective,
                 .data = &c,
                 .n = fit->hyper->n_axis,
                 .max_eval = 200,
                 .tol = values ? 1e-3 : NEAR_MODE,
                 .steep = values ? INFINITY : STEEP,
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

/* A term of one sd with a level for nearly every row, and residuals whose sd is free: these two by
 * polar coordinates */
void vb_choose_axes(vb_fit *fit) {
  vb_hyper *h = fit->hyper;
  const vb_natural *sigma = h->natural + h->first_par;
  for (int k = 0; k < h->n_term && fit->model->quadratic && h->n_par && !h->polar; k++) {
    const vb_natural *sd = h->natural + h->first[k];
    if (h->d[k] == 1 && sd->axis >= 0 && sigma->axis >= 0 &&
        h->n_level[k] > NEARLY_ALL * fit->model->n)
      vb_polar_make(h, sd->axis, sigma->axis, fit->mode);
  }
}

/* For group sds that the data leave wide, where values alone are interpolated: an axis in which the
 * density is nearly normal, one where the profile reaches zero, one where it does not.  changed
 * gets how many do. */
static vb_status choose_coordinates(vb_fit *fit, const double *inv, int *changed) {
  int K = fit->hyper->n_axis;
  double x[VB_MAX_AXIS], f = -INFINITY;
  for (int i = 0; i < fit->hyper->first_par; i++) {
    vb_natural *n = fit->hyper->natural + i;
    if (n->axis < 0 || n->coord != &vb_coord_log) continue;
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
    n->coord = reaches ? &vb_coord_cosh : &vb_coord_soft_power;
    n->s0 = s0;
    fit->mode[n->axis] = n->coord->inverse(s0, n->s0);
    ++*changed;
  }
  return VB_OK;
}

/* The mode with the Hessian there */
static vb_status find_peak(vb_fit *fit, double *inv, double *grad) {
  int K = fit->hyper->n_axis;
  double *hess = fit->host->alloc((size_t)K * K, sizeof(double));
  for (int round = 0; round < 2; round++) {
    vb_status st = climb_to_mode(fit, 1, inv, grad);
    if (st == VB_MAX_ITER) fit->converged = 0;
    if (st != VB_OK && st != VB_MAX_ITER) return st;
    memcpy(hess, inv, sizeof(double) * K * K);
    st = mode_hessian(fit, grad, hess);
    if (st != VB_OK) return st;
    make_root(fit, hess, inv);
    int changed = 0;
    if (!round) st = choose_coordinates(fit, inv, &changed);
    if (st != VB_OK || !changed) return st;
    for (int i = 0; i < fit->hyper->first_par; i++) { /* the curvature in log sd, in the new axes */
      const vb_natural *n = fit->hyper->natural + i;
      if (n->axis < 0 || n->coord == &vb_coord_log || !n->prior) continue;
      double at = fit->mode[n->axis];
      double scale = n->coord->slope(at, n->s0) / n->coord->value(at, n->s0);
      for (int k = 0; k < K; k++) {
        inv[n->axis + (size_t)k * K] /= scale;
        inv[k + (size_t)n->axis * K] /= scale;
      }
    }
  }
  return VB_OK;
}

/* Roughly the mode, and scales of the axes: all that the nodes need. */
vb_status vb_fit_mode(vb_fit *fit) {
  const vb_hyper *h = fit->hyper;
  int K = h->n_axis;
  double *inv = fit->host->alloc((size_t)K * K, sizeof(double)), grad[VB_MAX_AXIS];
  for (int i = 0; i < K; i++) inv[i * (size_t)(K + 1)] = 0.05;
  for (int k = 0; k < h->n_term; k++) /* and what so many levels leave open */
    for (int i = 0; i < h->d[k] * (h->d[k] + 1) / 2; i++) {
      int axis = h->natural[h->first[k] + i].axis;
      if (axis >= 0) inv[axis * (size_t)(K + 1)] += 1.0 / h->n_level[k];
    }
  if (vb_values_alone(h)) return find_peak(fit, inv, grad);
  double variance[VB_MAX_AXIS];
  for (int i = 0; i < K; i++) variance[i] = inv[i * (size_t)(K + 1)];
  vb_status st = vb_first_scales(fit, variance);
  if (st != VB_OK) return st;
  for (int i = 0; i < K; i++) inv[i * (size_t)(K + 1)] = variance[i];
  st = climb_to_mode(fit, 0, inv, grad);
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
