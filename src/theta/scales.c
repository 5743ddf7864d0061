/* What the axes of theta are worth at the Gaussian at hand: first guesses of their variances, the
 * inverses of expected informations, other axes known.
 *
 * Of the log sd of a term's column that is 2 sum_j r_j^2, r_j = 1 - (Omega S_jj)_aa the share of
 * level j's prior variance that the data take away (the expected information of a variance
 * component, Harville 1977, where levels are independent given the rest); of a correlation half of
 * it; of a residual sd twice the degrees of freedom left. What other dispersions have is measured:
 * the change of the gradient with the Gaussian held fixed, that of complete data. */
#include <math.h>
#include <string.h>
#include "gauss/field.h"
#include "gauss/scheme.h"
#include "numbers/small.h"
#include "theta/theta.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)
#define STEP 1e-3
#define OF_PRIOR 1 /* information that there always is */
#define DEAR 1e6   /* operations of an evaluation below which a longer climb does not matter */

/* sums over levels of r_j and r_j^2, per column */
static void shares(const vb_fit *fit, int k, double *sum, double *square) {
  const vb_term *t = fit->model->term + k;
  const double *omega = fit->theta.omega + (size_t)k * STRIDE, *own = fit->inner.sol.s_level[k];
  int d = t->d;
  for (int a = 0; a < d; a++) sum[a] = square[a] = 0;
  for (int l = 0; l < t->n_level; l++, own += d * d)
    for (int a = 0; a < d; a++) {
      double left = 0;
      for (int b = 0; b < d; b++)
        left += omega[a + b * d] * (a >= b ? own[a + b * d] : own[b + a * d]);
      double r = fmin(fmax(1 - left, 0), 1);
      sum[a] += r;
      square[a] += r * r;
    }
}

/* the same of the coefficients of a field, with its Q for Omega */
static void field_shares(const vb_fit *fit, int i, double *sum, double *square) {
  const vb_field *f = fit->model->field + i;
  double *left = fit->host->alloc(f->n + 1, sizeof(double));
  vb_field_left(fit->model, &fit->theta, &fit->inner.sol, i, left);
  for (int a = 0; a < f->n; a++) {
    double r = fmin(fmax(1 - left[a], 0), 1);
    *sum += r;
    *square += r * r;
  }
}

/* of the family's parameters, one axis after the other */
static vb_status of_dispersions(vb_fit *fit, double known, double *info) {
  vb_hyper *h = fit->hyper;
  const vb_model *m = fit->model;
  double x[VB_MAX_AXIS], at[VB_MAX_AXIS], moved[VB_MAX_AXIS];
  int first = 1;
  for (int k = 0; k < h->n_par; k++) {
    int axis = h->natural[h->first_par + k].axis;
    if (axis < 0) continue;
    info[axis] = 2 * fmax(m->n - known - m->p, 0);
    if (m->quadratic) continue;
    if (first) vb_inner_gradient(m, h, &fit->theta, &fit->inner, &fit->block, at);
    first = 0;
    memcpy(x, fit->mode, sizeof(double) * h->n_axis);
    x[axis] += STEP;
    if (vb_theta_set(h, x, &fit->theta) != VB_OK) continue;
    vb_inner_gradient(m, h, &fit->theta, &fit->inner, &fit->block, moved);
    info[axis] = (at[axis] - moved[axis]) / STEP;
  }
  return vb_theta_set(h, fit->mode, &fit->theta);
}

vb_status vb_first_scales(vb_fit *fit, double *variance) {
  const vb_hyper *h = fit->hyper;
  double info[VB_MAX_AXIS] = {0}, known = 0;
  if (fit->model->scheme->independent || h->turn.kind == VB_POLAR ||
      vb_eval_cost(fit->model) < DEAR)
    return VB_OK;
  for (int k = 0; k < h->n_term; k++) {
    double sum[VB_MAX_DIM], square[VB_MAX_DIM], least = INFINITY;
    const vb_natural *n = h->natural + h->first[k];
    shares(fit, k, sum, square);
    for (int a = 0; a < h->d[k]; a++) {
      int axis = h->natural[vb_sd_of(h, k, a)].axis;
      known += sum[a];
      least = fmin(least, square[a]);
      if (axis >= 0) info[axis] += 2 * square[a];
    }
    for (int i = vb_term_sds(h, k); i < vb_term_pars(h, k); i++)
      if (n[i].axis >= 0) info[n[i].axis] = least;
  }
  for (int i = 0; i < h->n_field; i++) {
    double sum = 0, square = 0;
    int axis = vb_field_axis(h, i);
    field_shares(fit, i, &sum, &square);
    known += sum;
    if (h->field[i].term < 0) known -= h->field[i].n; /* which are counted among beta */
    if (axis >= 0) info[axis] = 2 * square;
  }
  vb_status st = of_dispersions(fit, known, info);
  for (int i = 0; i < h->n_axis && st == VB_OK; i++)
    if (info[i] > 0) variance[i] = fmin(variance[i], 1 / (info[i] + OF_PRIOR));
  return st;
}
