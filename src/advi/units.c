/* Units for the parameters of a density nobody has scaled: a step of one in each should change log
 * p by about one.  From the curvature along each axis at the start, and where that has the wrong
 * sign from the slope.  Without them the first steps of a quasi-Newton method are those of the
 * steepest parameter, and the others seem to be at rest. */
#include <math.h>
#include <string.h>
#include "advi/advi.h"

#define REACH 1e-4 /* of the step that a slope suggests, at which the curvature is looked for */
#define SPREAD 1e3 /* units that differ by less are left alone: they all stay one */

/* unit (dim) of each parameter at x; ones where nothing can be told */
static vb_status units(const vb_host *host, vb_density *density, const double *x, double *unit) {
  size_t d = density->dim;
  double *at = host->alloc(d * (d + 1), sizeof(double)),
         *g = host->alloc(d * (d + 1), sizeof(double)), *value = host->alloc(d + 1, sizeof(double)),
         *h = host->alloc(d, sizeof(double));
  for (size_t k = 0; k < d; k++) unit[k] = 1;
  vb_status st = vb_density_eval(density, 1, x, value, g);
  if (st != VB_OK || !isfinite(value[0])) return st;
  for (size_t k = 0; k < d; k++) {
    memcpy(at + d * k, x, sizeof(double) * d);
    h[k] = REACH * fmin(1 / fmax(fabs(g[k]), 1e-8), 1 + fabs(x[k]));
    at[k + d * k] += h[k];
  }
  st = vb_density_eval(density, (int)d, at, value + 1, g + d);
  if (st != VB_OK) return st;
  for (size_t k = 0; k < d; k++) {
    if (!isfinite(value[k + 1])) continue;
    double bend = -(g[d * (k + 1) + k] - g[k]) / h[k], slope = fabs(g[k]);
    /* curvature lost in the rounding of the slope is none */
    if (bend > 1e-8 * slope / h[k])
      unit[k] = 1 / sqrt(bend);
    else if (slope > 0)
      unit[k] = 1 / slope;
  }
  return VB_OK;
}

vb_status vb_units_frame(vb_advi *a, vb_frame *frame) {
  int d = a->density->dim;
  double least = INFINITY, most = 0;
  vb_frame_alloc(a->host, d, 0, frame);
  vb_status st = units(a->host, a->density, a->start, frame->root);
  for (int k = 0; k < d; k++) {
    least = fmin(least, frame->root[k]);
    most = fmax(most, frame->root[k]);
  }
  int plain = !(most > SPREAD * least) && least > 1 / SPREAD && most < SPREAD;
  for (int k = 0; k < d; k++) {
    if (plain) frame->root[k] = 1;
    frame->log_det += log(frame->root[k]);
  }
  return st;
}

/* from units back to x: what the run has left in units */
void vb_units_undo(vb_advi *a, const vb_frame *frame) {
  int d = frame->dim;
  const double *unit = frame->root;
  double *vector[] = {a->mean, a->sd, a->sd_q};
  for (int j = 0; j < 3; j++)
    for (int k = 0; k < d; k++) vector[j][k] *= unit[k];
  for (int k = 0; k < d && a->bend; k++) {
    a->bend[2 * k] *= pow(unit[k], 3);
    a->bend[2 * k + 1] *= pow(unit[k], 4);
  }
  for (int i = 0; i < d; i++)
    for (int k = 0; k < d && a->cov; k++) a->cov[k + (size_t)d * i] *= unit[k] * unit[i];
  for (int i = 0; i < a->set.n_draw; i++) {
    for (int k = 0; k < d; k++) a->draw[k + (size_t)d * i] *= unit[k];
    a->lp[i] -= frame->log_det;
    a->lp_approx[i] -= frame->log_det;
    if (a->lp_gaussian) a->lp_gaussian[i] -= frame->log_det;
  }
}
