/* Linear response: how the optimum moves when the log density is tilted by t b_k, b_k a reported
 * coefficient (Giordano, Broderick & Jordan 2018).  First differences give the covariance that a
 * Gaussian q understates, second differences the third cumulant; the same differences of the
 * residual quadrature its mean and variance. Done once, at the mode of theta; every node applies it
 * by the congruence C with V = C S_bb C'. */
#include <math.h>
#include <string.h>
#include "engine.h"

void vb_report_beta(const vb_model *m, const double *beta, double *out) {
  memcpy(out, beta, sizeof(double) * m->p);
  for (int k = 0; k < m->p && m->intercept >= 0; k++) out[m->intercept] -= m->center[k] * beta[k];
}

/* c' is the identity but for the intercept's row: out = C' cov C */
static void transform_cov(const vb_model *m, double sign, const double *cov, double *out) {
  int p = m->p, k0 = m->intercept;
  memcpy(out, cov, sizeof(double) * p * p);
  if (k0 < 0) return;
  for (int c = 0; c < p; c++) { /* rows, then columns */
    double s = 0;
    for (int k = 0; k < p; k++) s += m->center[k] * out[k + (size_t)c * p];
    out[k0 + (size_t)c * p] -= sign * s;
  }
  for (int r = 0; r < p; r++) {
    double s = 0;
    for (int k = 0; k < p; k++) s += m->center[k] * out[r + (size_t)k * p];
    out[r + (size_t)k0 * p] -= sign * s;
  }
}
void vb_report_cov(const vb_model *m, const double *cov, double *out) {
  transform_cov(m, 1, cov, out);
}

/* sum over cells of (E f''')^2 v^3 / 6, per coefficient */
double vb_response_size(const vb_model *m, const double *par, const vb_inner *in) {
  const double *node = m->rules->node + m->rules->first[1],
               *weight = m->rules->weight + m->rules->first[1];
  double eta[256], d2[256], third[256], total = 0;
  for (int from = 0; from < m->n; from += 256) {
    int n = m->n - from < 256 ? m->n - from : 256;
    memset(third, 0, sizeof third);
    for (int q = 0; q < m->rules->order[1]; q++) {
      for (int i = 0; i < n; i++)
        eta[i] = in->eta[from + i] + sqrt(fmax(in->v[from + i], 0)) * node[q];
      m->family->log_lik(m->family, n, m->y + from, m->w + from, eta, par, NULL, NULL, d2);
      for (int i = 0; i < n; i++) third[i] += weight[q] * node[q] * d2[i];
    }
    for (int i = 0; i < n; i++) total += pow(third[i] * in->v[from + i], 2) / 6;
  }
  return total / (m->p > 0 ? m->p : 1);
}

typedef struct {
  double *mean[2], rq[2];
} tilted;

/* refit with the log density tilted by +-t times the reported coefficient k */
static vb_status tilt_pair(const vb_model *m, const vb_theta *theta, double tol, int use_rq, int k,
                           double t, vb_rq *rq, vb_inner *in, const vb_block *mode, vb_block *work,
                           double *tilt, tilted *out) {
  for (int side = 0; side < 2; side++) {
    double s = side ? -t : t, elbo, level;
    for (int l = 0; l < m->p; l++)
      tilt[l] = (l == k) * s - (k == m->intercept ? m->center[l] * s : 0);
    vb_block_copy(m, mode, work);
    in->tilt = tilt;
    vb_status st = vb_inner_solve(m, theta, tol, 100, 1, in, work, &elbo);
    in->tilt = NULL;
    if (st != VB_OK && st != VB_MAX_ITER) return st;
    vb_report_beta(m, work->m, out->mean[side]);
    out->rq[side] = use_rq ? vb_rq_correct(m, theta->par, in, rq, NULL, &level) : 0;
  }
  return VB_OK;
}

/* V (reported) -> congruence in the centred coordinates; 0 where V is not positive definite */
static int make_congruence(const vb_model *m, const double *s_beta, double *v, double *c,
                           double *out) {
  int p = m->p;
  transform_cov(m, -1, v, c);
  memcpy(v, s_beta, sizeof(double) * p * p);
  if (vb_chol(p, c, p) != VB_OK || vb_chol(p, v, p) != VB_OK) return 0;
  memset(out, 0, sizeof(double) * p * p); /* L_V L_S^-1: columns of the transpose by L_S^-T L_V' */
  for (int i = 0; i < p; i++) {
    double *row = out + (size_t)i * p;
    for (int k = 0; k <= i; k++) row[k] = c[i + (size_t)k * p];
  }
  vb_chol_half_t(p, v, p, p, out, p);
  for (int i = 0; i < p; i++)
    for (int k = 0; k < i; k++) {
      double t = out[i + (size_t)k * p];
      out[i + (size_t)k * p] = out[k + (size_t)i * p];
      out[k + (size_t)i * p] = t;
    }
  return 1;
}

vb_status vb_respond(const vb_model *m, const vb_theta *theta, double tol, int use_rq, vb_rq *rq,
                     vb_inner *in, const vb_block *mode, vb_block *work, vb_response *out) {
  int p = m->p;
  const vb_host *host = m->host;
  double *s_beta = host->alloc((size_t)p * p + 1, sizeof(double)),
         *s = host->alloc((size_t)p * p + 1, sizeof(double));
  double *v = host->alloc((size_t)p * p + 1, sizeof(double)),
         *c = host->alloc((size_t)p * p + 1, sizeof(double));
  double *mean = host->alloc(3 * p + 1, sizeof(double)), *tilt = host->alloc(p + 1, sizeof(double)),
         level;
  out->congruence = host->alloc((size_t)p * p + 1, sizeof(double));
  out->shift = host->alloc(p + 1, sizeof(double));
  out->skew = host->alloc(p + 1, sizeof(double));
  memcpy(s_beta, in->sol.s_beta, sizeof(double) * p * p);
  vb_report_cov(m, s_beta, s);
  vb_report_beta(m, mode->m, mean);
  double rq0 = use_rq ? vb_rq_correct(m, theta->par, in, rq, NULL, &level) : 0;
  tilted two = {.mean = {mean + p, mean + 2 * p}};
  out->inflation = 1;
  double *scale = c; /* relative variance that residual quadrature adds */
  for (int k = 0; k < p; k++) {
    double sd = sqrt(s[k * (size_t)(p + 1)]), t = 0.25 / sd;
    vb_status st = tilt_pair(m, theta, tol, use_rq, k, t, rq, in, mode, work, tilt, &two);
    if (st != VB_OK) return st;
    if (host->poll()) return VB_INTERRUPTED;
    for (int l = 0; l < p; l++) v[l + (size_t)k * p] = (two.mean[0][l] - two.mean[1][l]) / (2 * t);
    out->skew[k] = (two.mean[0][k] + two.mean[1][k] - 2 * mean[k]) / (t * t * sd * sd * sd);
    out->shift[k] = (two.rq[0] - two.rq[1]) / (2 * t * sd);
    scale[k] = 1 + (two.rq[0] + two.rq[1] - 2 * rq0) / (t * t) / v[k * (size_t)(p + 1)];
  }
  for (int k = 0; k < p; k++) /* the exact response is symmetric: halve the differences' error */
    for (int l = 0; l < k; l++)
      v[l + (size_t)k * p] = v[k + (size_t)l * p] =
          (v[l + (size_t)k * p] + v[k + (size_t)l * p]) / 2;
  for (int k = 0; k < p; k++) scale[k] = sqrt(fmin(fmax(scale[k], 0.5), 4));
  for (int k = 0; k < p; k++)
    for (int l = 0; l < p; l++) v[l + (size_t)k * p] *= scale[k] * scale[l];
  for (int k = 0; k < p; k++) {
    double ratio = sqrt(v[k * (size_t)(p + 1)] / s[k * (size_t)(p + 1)]);
    out->inflation = fmax(out->inflation, ratio);
    out->shift[k] /= ratio;
    out->skew[k] = fmin(fmax(out->skew[k] / (ratio * ratio * ratio), -1.5), 1.5);
  }
  out->active = make_congruence(m, s_beta, v, c, out->congruence);
  return VB_OK;
}
