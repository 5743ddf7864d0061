/* Where to look for theta: two-piece t densities along the whitened axes, as points of low
 * discrepancy. */
#include <math.h>
#include <string.h>
#define R_NO_REMAP
#include <Rmath.h>
#include "theta/interpolate.h"

void vb_proposal_init(int K, vb_proposal *q) {
  memset(q, 0, sizeof *q);
  q->K = K;
  for (int k = 0; k < K; k++) {
    q->root[k * (K + 1)] = 1;
    q->below[k] = q->above[k] = 1;
    q->step[k] = vb_low_discrepancy_step(k, K);
  }
}

/* quantile and log density of the t with 4 degrees of freedom, in closed form (Shaw 2006) */
static double t4_quantile(double p) {
  double a = sqrt(4 * p * (1 - p)), q = cos(acos(a) / 3) / a;
  return (p < 0.5 ? -2 : 2) * sqrt(fmax(q - 1, 0));
}
static double t4_log_density(double t) { return log(0.375) - 2.5 * log1p(t * t / 4); }

double vb_proposal_draw(const vb_proposal *q, int i, double *z) {
  int K = q->K;
  double e[VB_MAX_AXIS], log_q = -q->log_det;
  for (int k = 0; k < K; k++) { /* each half has probability 1/2 */
    double u = vb_low_discrepancy(i, q->step[k]),
           t = q->normal ? Rf_qnorm5(u, 0, 1, 1, 0) : t4_quantile(u);
    double s = t < 0 ? q->below[k] : q->above[k];
    e[k] = s * t;
    log_q += (q->normal ? Rf_dnorm4(t, 0, 1, 1) : t4_log_density(t)) - log(s);
  }
  for (int a = 0; a < K; a++) {
    z[a] = q->center[a];
    for (int k = 0; k < K; k++) z[a] += q->root[a + k * K] * e[k];
  }
  return log_q;
}

vb_status vb_proposal_axes(vb_fit *fit, double at, vb_proposal *q) {
  int K = q->K;
  double z[VB_MAX_AXIS], x[VB_MAX_AXIS], zc[VB_MAX_AXIS];
  for (int k = 0; k < K; k++)
    for (int side = 0; side < 2; side++) {
      memset(z, 0, sizeof(double) * K);
      z[k] = side ? at : -at;
      vb_z_to_x(fit, z, x);
      vb_x_to_z(fit, x, zc);
      vb_status st = vb_fit_node(fit, x);
      if (st == VB_INTERRUPTED) return st;
      double s = 0.6; /* where theta cannot go, look closer */
      if (st == VB_OK) {
        const vb_node *n = fit->node[fit->n_node - 1];
        double drop = fit->node[0]->elbo + fit->node[0]->rq - n->elbo - n->rq;
        s = at / sqrt(2 * fmax(drop, 0.1));
      }
      (side ? q->above : q->below)[k] = fmin(fmax(s, 0.5), 2.5);
    }
  return VB_OK;
}
