/* One value of theta: from axes to the bound there, warm-started, and its step in the trace. */
#include <float.h>
#include <string.h>
#include "theta/theta.h"

#define DROWNED 0.01 /* nats */
#define ASTRAY 1     /* nats that the mean still promises where sweeps have ended too early */

void vb_fit_tick(const vb_fit *fit) {
  fit->host->progress(fit->host->data, fit->n_step + fit->n_node);
}

void vb_fit_step(vb_fit *fit, int phase, double elbo, double lik) {
  if (fit->n_step == fit->cap_step) {
    int cap = fit->cap_step ? 2 * fit->cap_step : 256;
    vb_step *more = fit->host->alloc(cap, sizeof(vb_step));
    if (fit->n_step) memcpy(more, fit->step, sizeof(vb_step) * fit->n_step);
    fit->step = more;
    fit->cap_step = cap;
  }
  fit->step[fit->n_step++] = (vb_step){phase, elbo, lik, fit->host->seconds(fit->host->data)};
  vb_fit_tick(fit);
}

/* The bound of a quadratic family is a difference of sums that grow with a row's precision: far out
 * in the tail of a small residual sd, which nodes may look at, nothing is left of it but rounding.
 */
static int is_drowned(const vb_fit *fit) {
  const vb_model *m = fit->model;
  const vb_hyper *h = fit->hyper;
  if (!m->quadratic || !h->n_par || h->natural[h->first_par].axis < 0) return 0;
  double sum = vb_quadratic_precision(m, fit->theta.par) * fit->inner.sums.rss_ref;
  return sum * DBL_EPSILON > DROWNED;
}

vb_status vb_fit_eval(vb_fit *fit, const double *x, double tol, int want_inverse, double *elbo) {
  if (!fit->model->quadratic || fit->model->ep) vb_warm_start(fit, x);
  vb_status st = vb_theta_set(fit->hyper, x, &fit->theta);
  if (st != VB_OK) return st;
  fit->n_eval++;
  vb_effort effort = {.tol = tol, .max_sweep = fit->set.max_sweep, .inverse = want_inverse};
  st = vb_inner_solve(fit->model, &fit->theta, &effort, &fit->inner, &fit->block, elbo);
  if (st == VB_OK && is_drowned(fit)) st = VB_NOT_FINITE;
  /* short of convergence it is a better start for what is near than one from far away */
  if (st == VB_OK || (st == VB_MAX_ITER && fit->inner.trial.decrement < ASTRAY))
    vb_warm_keep(fit, x);
  if ((fit->n_eval % fit->poll_every) == 0 && fit->host->poll()) return VB_INTERRUPTED;
  return st;
}

double vb_fit_remainder(vb_fit *fit, double *var, double *max_level) {
  vb_rq_at at = {fit->theta.par, &fit->inner, fit->block.m, fit->rq_on};
  return vb_rq_correct(fit->model, &at, &fit->rq, var, max_level);
}
