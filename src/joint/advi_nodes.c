/* From a Gaussian over (zeta, x) to the posterior as a fit holds it: points of theta, and at some
 * of them, the nodes, the moments of the coefficients given theta.  Points and nodes have the exact
 * mean and covariance of x; given x, zeta is Gaussian, and so is c. */
#include <math.h>
#include <string.h>
#define R_NO_REMAP
#include <Rmath.h>
#include "joint/advi_nodes.h"
#include "numbers/small.h"

#define DENSE_UP_TO 120 /* coefficients up to which all of zeta's covariance is used */

typedef struct { /* q over (zeta, x): zeta given x */
  int n, K;
  const double *mean;
  double *root;      /* K x K, of the covariance of x */
  double *slope;     /* n x K: zeta moves by slope (x - mean) */
  double *cov, *var; /* n x n, or NULL; n */
} conditional;

static vb_status conditional_make(const vb_host *host, int n, int K, const double *mean,
                                  const double *cov, const double *sd, conditional *q) {
  int d = n + K;
  *q = (conditional){.n = n, .K = K, .mean = mean};
  q->root = host->alloc((size_t)K * K + 1, sizeof(double));
  q->slope = host->alloc((size_t)n * K + 1, sizeof(double));
  q->var = host->alloc(n + 1, sizeof(double));
  if (!cov) {
    for (int k = 0; k < K; k++) q->root[k * (size_t)(K + 1)] = sd[n + k];
    for (int i = 0; i < n; i++) q->var[i] = sd[i] * sd[i];
    return VB_OK;
  }
  for (int b = 0; b < K; b++)
    for (int a = b; a < K; a++) q->root[a + (size_t)K * b] = cov[n + a + (size_t)d * (n + b)];
  if (K && vb_chol(K, q->root, K) != VB_OK) return VB_NOT_POS_DEF;
  double *row = host->alloc(K + 1, sizeof(double));
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < K; k++) row[k] = cov[i + (size_t)d * (n + k)];
    if (K) vb_chol_solve(K, q->root, K, 1, row, K);
    for (int k = 0; k < K; k++) q->slope[i + (size_t)n * k] = row[k];
  }
  if (n <= DENSE_UP_TO) q->cov = host->alloc((size_t)n * n + 1, sizeof(double));
  for (int j = 0; j < n; j++)
    for (int i = q->cov ? 0 : j; i < (q->cov ? n : j + 1); i++) {
      double c = cov[i + (size_t)d * j];
      for (int k = 0; k < K; k++) c -= q->slope[i + (size_t)n * k] * cov[n + k + (size_t)d * j];
      if (q->cov) q->cov[i + (size_t)n * j] = c;
      if (i == j) q->var[i] = fmax(c, 0);
    }
  return VB_OK;
}

/* n_point (even, or 1: the mean) points x (K x n_point) */
static vb_status theta_points(const vb_host *host, const conditional *q, int n_point, double *x) {
  int K = q->K, half = n_point / 2;
  double *raw = host->alloc((size_t)K * half + 1, sizeof(double)),
         *z = host->alloc((size_t)K * n_point + 1, sizeof(double));
  for (int k = 0; k < K; k++) {
    double step = vb_low_discrepancy_step(k, K);
    for (int i = 0; i < half; i++)
      raw[k + (size_t)K * i] = Rf_qnorm5(vb_low_discrepancy(i, step), 0, 1, 1, 0);
  }
  if (half) {
    vb_status st = vb_noise_whiten(host, K, n_point, raw, z);
    if (st != VB_OK) return st;
  }
  for (int i = 0; i < n_point; i++)
    for (int a = 0; a < K; a++) {
      double s = q->mean[q->n + a];
      for (int b = 0; b <= a; b++) s += q->root[a + (size_t)K * b] * z[b + (size_t)K * i];
      x[a + (size_t)K * i] = s;
    }
  return VB_OK;
}

static vb_status naturals(vb_joint *joint, int n_point, const double *x, double *out) {
  const vb_hyper *hyper = joint->hyper;
  for (int i = 0; i < n_point; i++) {
    vb_status st = vb_theta_set(hyper, x + (size_t)hyper->n_axis * i, joint->theta);
    if (st != VB_OK) return st;
    vb_theta_report(hyper, joint->theta, out + (size_t)hyper->n_natural * i);
  }
  return VB_OK;
}

static vb_status node_moments(vb_joint *joint, const conditional *q, int s, vb_advi_nodes *out) {
  const vb_model *m = joint->model;
  int n = q->n, K = q->K, p = m->p;
  const double *x = out->x + (size_t)K * s;
  double *zeta = out->work, *cov = out->beta_cov;
  for (int i = 0; i < n; i++) {
    zeta[i] = q->mean[i];
    for (int k = 0; k < K; k++) zeta[i] += q->slope[i + (size_t)n * k] * (x[k] - q->mean[n + k]);
  }
  const vb_zeta at = {zeta, q->cov, q->var};
  vb_status st =
      vb_joint_conditional(joint, x, &at, out->mean + (size_t)n * s, out->var + (size_t)n * s, cov);
  if (st != VB_OK) return st;
  vb_report_beta(m, out->mean + (size_t)n * s, out->fixed_mean + (size_t)p * s);
  vb_report_cov(m, cov, out->fixed_cov + (size_t)p * p * s);
  return VB_OK;
}

vb_status vb_advi_nodes_make(const vb_advi *a, vb_joint *joint, const double *cov, const double *sd,
                             int n_node, int n_point, vb_advi_nodes *out) {
  const vb_host *host = a->host;
  const vb_model *m = joint->model;
  int n = m->n_coef, K = joint->hyper->n_axis, p = m->p, H = joint->hyper->n_natural;
  conditional q;
  memset(out, 0, sizeof *out);
  out->n = K ? n_node : 1;
  out->n_point = K ? n_point : 1;
  vb_status st = conditional_make(host, n, K, a->mean, cov, sd, &q);
  if (st != VB_OK) return st;
  out->x = host->alloc((size_t)K * out->n + 1, sizeof(double));
  out->hyper = host->alloc((size_t)H * out->n + 1, sizeof(double));
  out->point_x = host->alloc((size_t)K * out->n_point + 1, sizeof(double));
  out->point_hyper = host->alloc((size_t)H * out->n_point + 1, sizeof(double));
  out->mean = host->alloc((size_t)n * out->n + 1, sizeof(double));
  out->var = host->alloc((size_t)n * out->n + 1, sizeof(double));
  out->fixed_mean = host->alloc((size_t)p * out->n + 1, sizeof(double));
  out->fixed_cov = host->alloc((size_t)p * p * out->n + 1, sizeof(double));
  out->beta_cov = host->alloc((size_t)p * p + 1, sizeof(double));
  out->work = host->alloc(n + 1, sizeof(double));
  st = theta_points(host, &q, out->n, out->x);
  if (st == VB_OK) st = theta_points(host, &q, out->n_point, out->point_x);
  if (st == VB_OK) st = naturals(joint, out->n, out->x, out->hyper);
  if (st == VB_OK) st = naturals(joint, out->n_point, out->point_x, out->point_hyper);
  for (int s = 0; s < out->n && st == VB_OK; s++) {
    st = node_moments(joint, &q, s, out);
    if (s % 16 == 15 && host->poll()) return VB_INTERRUPTED;
  }
  return st;
}

/* sd over n equally weighted entries, stride apart, and the mean of their variances */
static double mixture_sd(int n, const double *mean, const double *var, size_t stride) {
  double m1 = 0, within = 0, between = 0;
  for (int s = 0; s < n; s++) m1 += mean[s * stride] / n;
  for (int s = 0; s < n; s++) between += pow(mean[s * stride] - m1, 2) / n;
  for (int s = 0; s < n && var; s++) within += var[s * stride] / n;
  return sqrt(between + within);
}

void vb_advi_nodes_sd(const vb_advi_nodes *nodes, int n, int p, int H, double *coef,
                      double *natural) {
  for (int k = p; k < n; k++) coef[k] = mixture_sd(nodes->n, nodes->mean + k, nodes->var + k, n);
  for (int k = 0; k < p; k++) {
    const double *own = nodes->fixed_cov + k * (size_t)(p + 1);
    double within = 0;
    for (int s = 0; s < nodes->n; s++) within += own[(size_t)p * p * s] / nodes->n;
    double between = mixture_sd(nodes->n, nodes->fixed_mean + k, NULL, p);
    coef[k] = sqrt(between * between + within);
  }
  for (int k = 0; k < H; k++)
    natural[k] = mixture_sd(nodes->n_point, nodes->point_hyper + k, NULL, H);
}

vb_status vb_advi_draws(const vb_advi *a, vb_joint *joint, double *coef, double *natural) {
  const vb_model *m = joint->model;
  int n = m->n_coef, H = joint->hyper->n_natural, d = a->density->dim;
  double *c = a->host->alloc(n + 1, sizeof(double));
  for (int i = 0; i < a->set.n_draw; i++) {
    double *to = coef + (size_t)n * i;
    vb_status st = vb_joint_coef(joint, a->draw + (size_t)d * i, c, natural + (size_t)H * i);
    if (st != VB_OK) return st;
    memcpy(to, c, sizeof(double) * n);
    vb_report_beta(m, c, to);
  }
  return VB_OK;
}
