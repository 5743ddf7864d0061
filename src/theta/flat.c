/* Coefficients whose posterior is flat on one side, as where the data separate or a cell is empty:
 * the likelihood rises towards infinity and the prior alone holds them, half a Gaussian or heavier.
 * The combinations of them that are most skewed are pinned (gauss/pin.c) and so become axes of
 * theta, whose shape is free (mathematics.Rmd, section 16). */
#include <math.h>
#include <string.h>
#include "gauss/pin.h"
#include "numbers/small.h"
#include "theta/theta.h"

#define FLAT 0.6 /* skewness from which on a combination is pinned */
#define FEW 2    /* pins from which on that takes more, since every axis costs */
#define STEEP 0.8
#define HALF 1     /* of half a Gaussian: what may not be left unpinned */
#define WINDOW 0.4 /* sd of a pin in units of eta, in which likelihoods bend: skewness 0.15 */

/* From the Gaussian at the mode, in block, which is then that with the pin, in spare too.  The
 * likelihood bends, roughly, two sds below the mean, the flat side being above. */
static vb_status pin_down(vb_fit *fit, const vb_skewed *along) {
  const vb_model *m = fit->model;
  double h = WINDOW * (m->family->opaque ? m->family->unit : 1);
  double mean = vb_dot(m->p, along->a, fit->block.m), origin = mean - 2 * along->sd;
  vb_pin pin = {along->a, origin, 1 / (h * h)};
  int axis = vb_pin_add(fit->model, fit->hyper, &pin, along->sd / 2);
  const vb_natural *n = fit->hyper->natural + fit->hyper->n_natural - 1;
  fit->mode[axis] = n->coord->inverse(mean - origin, n->s0);
  fit->has_root = 0; /* that of fewer axes is none of these */
  memset(fit->root, 0, sizeof(double) * fit->hyper->n_axis * fit->hyper->n_axis);
  vb_status st = vb_fit_eval(fit, fit->mode, 1e-3, 1, &fit->mode_elbo);
  vb_block_copy(m, &fit->block, &fit->spare);
  return st == VB_MAX_ITER ? VB_OK : st;
}

vb_status vb_flat_axis(vb_fit *fit, int *added) {
  const vb_model *m = fit->model;
  *added = 0;
  if (m->quadratic || m->family->bound) return VB_OK;
  vb_skewed along = {fit->host->alloc(m->p + 1, sizeof(double)), 0};
  double least = m->n_pin < FEW ? FLAT : STEEP;
  double skewness = vb_third_direction(m, &fit->theta, least, &fit->inner, &along);
  if (!(skewness >= least)) return VB_OK;
  if (m->n_pin == VB_MAX_PIN || fit->hyper->n_axis == VB_MAX_AXIS) {
    fit->flat_left = skewness >= HALF;
    if (fit->flat_left) fit->converged = 0;
    return VB_OK;
  }
  *added = 1;
  return pin_down(fit, &along);
}
