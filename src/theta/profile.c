/* The log posterior of theta between the nodes: cubic radial basis functions through their values,
 * of which the log prior and the bulk of the curvature have been taken out and are put back. */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "theta/interpolate.h"

#define FLOOR 22 /* log densities further below the top than this are as good as none */

/* Half the square near the mode, linear far out (Huber's function), where the linear trend of the
 * interpolation takes over: the tails of sds of few groups fall like powers.  Many dimensions are
 * far out everywhere. */
static double bowl(int K, const double *q, const double *z) {
  const double c = K <= VB_MAX_INTERPOLATED ? 3 : 3 + sqrt(K);
  double t = 0;
  for (int a = 0; a < K; a++)
    for (int b = 0; b < K; b++) t += z[a] * q[a + b * K] * z[b];
  return t < c * c ? t / 2 : c * sqrt(t) - c * c / 2;
}

/* I + Hessian in z of log prior and Jacobian: minus the curvature of the rest at the mode */
static void rest_curvature(vb_profile *p) {
  int K = p->s.K;
  double x[VB_MAX_AXIS], up[VB_MAX_AXIS], h = 1e-4, hess[VB_MAX_AXIS * VB_MAX_AXIS];
  for (int k = 0; k < K; k++) {
    memcpy(x, p->mode, sizeof(double) * K);
    x[k] += h;
    vb_theta_set(p->hyper, x, p->theta);
    memcpy(up, p->theta->log_prior_d, sizeof(double) * K);
    x[k] -= 2 * h;
    vb_theta_set(p->hyper, x, p->theta);
    for (int i = 0; i < K; i++) hess[i + k * K] = (up[i] - p->theta->log_prior_d[i]) / (2 * h);
  }
  for (int a = 0; a < K; a++)
    for (int b = 0; b < K; b++) {
      double t = a == b;
      for (int i = 0; i < K; i++)
        for (int j = 0; j < K; j++) t += p->root[i + a * K] * hess[i + j * K] * p->root[j + b * K];
      p->quad[a + b * K] = t;
    }
}

void vb_profile_make(const vb_host *host, const vb_hyper *hyper, const double *mode,
                     const double *root, vb_theta *theta, int cap, vb_profile *p) {
  int K = hyper->n_axis;
  *p = (vb_profile){.hyper = hyper, .mode = mode, .root = root, .theta = theta, .top = INFINITY};
  p->quad = host->alloc((size_t)K * K, sizeof(double));
  vb_surrogate_alloc(host, K, cap, &p->s);
  rest_curvature(p);
}

static void add_value(vb_profile *p, const double *x, double rest) {
  int K = p->s.K;
  double *z = p->s.z + (size_t)p->s.n * K;
  vb_whiten(K, p->root, p->mode, x, z);
  p->s.value[p->s.n++] = rest + bowl(K, p->quad, z);
}

void vb_profile_add(vb_profile *p, const double *x, double value) {
  vb_theta_set(p->hyper, x, p->theta);
  if (p->top == INFINITY) p->top = value;
  double rest = fmax(value, p->top - FLOOR) - p->theta->log_prior;
  add_value(p, x, rest);
}

double vb_profile_at(const vb_profile *p, const double *z, double log_prior) {
  return isfinite(log_prior) ? vb_surrogate_at(&p->s, z) - bowl(p->s.K, p->quad, z) + log_prior
                             : -INFINITY;
}
