/* Where the factors of theta are looked for: two-piece t densities along their axes, as points of
 * low discrepancy. */
#include <math.h>
#include <string.h>
#define R_NO_REMAP
#include <Rmath.h>
#include "theta/cavi.h"

void vb_proposal_init(int K, vb_proposal *q) {
  memset(q, 0, sizeof *q);
  q->K = K;
  for (int k = 0; k < K; k++) {
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
  double log_q = 0;
  for (int k = 0; k < q->K; k++) { /* each half has probability 1/2 */
    double u = vb_low_discrepancy(i, q->step[k]);
    double t = q->normal ? Rf_qnorm5(u, 0, 1, 1, 0) : t4_quantile(u);
    double s = t < 0 ? q->below[k] : q->above[k];
    z[k] = s * t;
    log_q += (q->normal ? Rf_dnorm4(t, 0, 1, 1) : t4_log_density(t)) - log(s);
  }
  return log_q;
}
