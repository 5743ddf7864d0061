/* Before ADVI: a look at where theta is likely, from which come the coordinates of its axes and a
 * second pilot.  With zeta = 0 the density is, up to a constant and nearly, that of theta alone:
 * zeta was made independent of it. */
#include <math.h>
#include <string.h>
#include "joint/advi_nodes.h"

#define KINKED_NOISE 256 /* draws over which kinks of the density are averaged */
#define LOOK 30          /* iterations of the look */
#define SMALL 0.02       /* of an sd's likely value: as good as zero */
#define DROP 6           /* nats that zero must be less likely by to be excluded */

static vb_status objective(void *data, const double *x, double *f, double *grad) {
  vb_status st = vb_density_eval(data, 1, x, f, grad);
  return st == VB_OK && !isfinite(*f) ? VB_NOT_FINITE : st;
}

/* log density at xi without the Jacobian of one axis */
static double without_jacobian(vb_joint *joint, const vb_natural *n, const double *xi) {
  double value;
  vb_status st = vb_density_eval(&joint->density, 1, xi, &value, NULL);
  if (st != VB_OK || !isfinite(value)) return -INFINITY;
  return value - n->coord->log_slope(xi[joint->model->n_coef + n->axis], n->s0);
}

/* Group sds that may be zero go by their root, the residual sd by the cube root of a precision: on
 * these axes their densities are nearly normal (coordinate.c).  Their likely value is at one. */
static void choose_axes(vb_joint *joint, vb_hyper *hyper, double *xi) {
  double *x = xi + joint->model->n_coef;
  int gaussian = joint->model->family->quadratic;
  for (int i = 0; i < hyper->n_natural; i++) {
    vb_natural *n = hyper->natural + i;
    if (n->axis < 0 || n->coord != &vb_coord_log) continue;
    double at = x[n->axis], value = n->coord->value(at, n->s0);
    const vb_coordinate *coord = NULL;
    if (i < hyper->first_par) {
      double here = without_jacobian(joint, n, xi);
      x[n->axis] = at + log(SMALL);
      if (without_jacobian(joint, n, xi) > here - DROP) coord = &vb_coord_cosh;
      x[n->axis] = at;
    } else if (gaussian && i == hyper->first_par) {
      coord = &vb_coord_soft_power;
    }
    if (!coord) continue;
    n->coord = coord;
    n->s0 = value;
    x[n->axis] = coord->inverse(value, value);
  }
}

vb_status vb_joint_settle(vb_joint *joint, vb_hyper *hyper, double *xi) {
  const vb_host *host = joint->host;
  int dim = joint->density.dim, n = joint->model->n_coef;
  if (!hyper->n_axis) return VB_OK;
  double *grad = host->alloc(dim, sizeof(double));
  vb_lbfgs run = {.eval = objective,
                  .data = &joint->density,
                  .n = dim,
                  .max_iter = LOOK,
                  .tol = 0.1,
                  .x = xi,
                  .grad = grad};
  vb_status st = vb_lbfgs_run(host, &run);
  if (st == VB_INTERRUPTED) return st;
  memset(xi, 0, sizeof(double) * n);
  choose_axes(joint, hyper, xi);
  return vb_joint_repilot(joint, xi + n);
}

static int joint_kinked(const vb_joint *joint) {
  const vb_model *m = joint->model;
  int kinked = m->family->kinked;
  for (int i = 0; i < m->n_site; i++) kinked |= m->site[i].prior->kinked;
  return kinked;
}

void vb_advi_of_joint(vb_joint *joint, vb_advi *advi) {
  joint->density.kinked = joint_kinked(joint);
  if (joint->density.kinked) advi->set.min_noise = KINKED_NOISE;
}
