/* The integral over theta by self-normalised importance weights, for more hyperparameters than can
 * be interpolated: two rounds teach the proposal, the third is kept, or teaches it again where its
 * weights are poor.  Where they leave no sample to speak of, theta is taken as Gaussian at its mode
 * and the fit says so. */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "theta/interpolate.h"

#define KEPT 256   /* nodes at which the coefficients are taken, of equal weight */
#define ENOUGH 50  /* effective sample size below which the weights are not used */
#define PLENTY 400 /* from which on the proposal is good enough, or an eighth of the points */
#define ROUNDS 6

typedef struct {
  int T;
  double *z, *x, *log_p, *log_q, *w;
} sample;

static vb_status evaluate(vb_fit *fit, const vb_proposal *q, int first, int T, sample *s) {
  int K = q->K;
  for (int t = 0; t < T; t++) {
    double *z = s->z + (size_t)t * K, *x = s->x + (size_t)t * K, elbo, level, zc[VB_MAX_AXIS];
    s->log_q[t] = vb_proposal_draw(q, first + t, z);
    vb_z_to_x(fit, z, x);
    vb_x_to_z(fit, x, zc);
    s->log_p[t] = -INFINITY;
    int mirrored = 0; /* outside the square coordinate's half line: no mass */
    for (int k = 0; k < K; k++) mirrored |= fabs(zc[k] - z[k]) > 1e-6;
    if (mirrored) continue;
    vb_status st = vb_fit_eval(fit, x, fit->set.tol * 100, fit->rq_on, &elbo);
    if (st == VB_INTERRUPTED) return st;
    if (st != VB_OK && st != VB_MAX_ITER) continue;
    if (st == VB_OK) /* the remainder is that of an optimum */
      elbo += vb_fit_remainder(fit, NULL, &level);
    if (isfinite(elbo)) s->log_p[t] = elbo;
  }
  s->T = T;
  return VB_OK;
}

/* normalised weights; returns the log of the mean raw weight */
static double normalise(sample *s, double *ess) {
  double log_mean;
  for (int t = 0; t < s->T; t++) s->w[t] = s->log_p[t] - s->log_q[t];
  *ess = vb_normalise(s->T, s->w, &log_mean);
  return log_mean;
}

/* proposal by the sample's centre, covariance and two-piece scales, weights truncated so that none
 * rules */
static void adapt(const sample *s, vb_proposal *q) {
  int K = q->K;
  double mean[VB_MAX_AXIS] = {0}, cov[VB_MAX_AXIS * VB_MAX_AXIS] = {0}, sum = 0;
  for (int t = 0; t < s->T; t++) {
    double w = fmin(s->w[t], 0.05);
    sum += w;
    for (int k = 0; k < K; k++) mean[k] += w * s->z[(size_t)t * K + k];
  }
  for (int k = 0; k < K; k++) mean[k] /= sum;
  for (int t = 0; t < s->T; t++)
    for (int a = 0; a < K; a++)
      for (int b = 0; b <= a; b++)
        cov[a + b * K] += fmin(s->w[t], 0.05) / sum * (s->z[(size_t)t * K + a] - mean[a]) *
                          (s->z[(size_t)t * K + b] - mean[b]);
  for (int k = 0; k < K; k++) cov[k * (K + 1)] += 1e-6;
  if (vb_chol(K, cov, K) != VB_OK) return;
  q->log_det = vb_chol_log_det(K, cov, K) / 2;
  memcpy(q->center, mean, sizeof mean);
  for (int a = 0; a < K; a++)
    for (int b = 0; b < K; b++) q->root[a + b * K] = a >= b ? cov[a + b * K] : 0;
  double lo[VB_MAX_AXIS] = {0}, lo_w[VB_MAX_AXIS] = {0}, hi[VB_MAX_AXIS] = {0},
         hi_w[VB_MAX_AXIS] = {0};
  for (int t = 0; t < s->T; t++) {
    double e[VB_MAX_AXIS], w = fmin(s->w[t], 0.05);
    for (int k = 0; k < K; k++) e[k] = s->z[(size_t)t * K + k] - mean[k];
    vb_chol_half(K, cov, K, 1, e, K);
    for (int k = 0; k < K; k++) {
      (e[k] < 0 ? lo : hi)[k] += w * e[k] * e[k];
      (e[k] < 0 ? lo_w : hi_w)[k] += w;
    }
  }
  for (int k = 0; k < K; k++) { /* the t has a wider shoulder than its scale */
    q->below[k] = 0.9 * fmin(fmax(sqrt(lo[k] / fmax(lo_w[k], 1e-12)), 0.5), 2);
    q->above[k] = 0.9 * fmin(fmax(sqrt(hi[k] / fmax(hi_w[k], 1e-12)), 0.5), 2);
  }
}

/* equally weighted nodes: systematic resampling of the points along their order of discrepancy */
static vb_status resample_nodes(vb_fit *fit, int n_node, const sample *s) {
  int K = fit->hyper->n_axis, n = 0;
  double cum = 0;
  fit->n_node = 1; /* the mode stays as warm start, without weight */
  fit->node[0]->weight = 0;
  for (int t = 0; t < s->T; t++) {
    cum += s->w[t];
    int copies = 0;
    while (n + copies < n_node && (n + copies + 0.5) / n_node <= cum) copies++;
    if (!copies) continue;
    vb_status st = vb_fit_node(fit, s->x + (size_t)t * K);
    if (st == VB_INTERRUPTED) return st;
    if (st == VB_OK) fit->node[fit->n_node - 1]->weight = (double)copies / n_node;
    n += copies;
  }
  double sum = 0;
  for (int i = 0; i < fit->n_node; i++) sum += fit->node[i]->weight;
  for (int i = 0; i < fit->n_node && sum > 0; i++) fit->node[i]->weight /= sum;
  return sum > 0 ? VB_OK : VB_NOT_FINITE;
}

/* Points that may be had one by one: asked for, or as many as are quick.  Where there are enough,
 * nothing needs to be interpolated. */
int vb_weighted_points(const vb_fit *fit) {
  int K = fit->hyper->n_axis, most = K < 4 ? 2048 : K == 4 ? 3072 : 32768;
  if (fit->set.max_node >= 1024) return fit->set.max_node;
  double afford = (fit->model->quadratic ? 3e7 : 3e6) / (vb_factor_cost(fit->model) + 2000);
  return afford < most ? (int)afford : most;
}

/* 1, z, and the products of z: what node weights are made to reproduce */
static int features(int K, const double *z, double *b) {
  int n = 0;
  b[n++] = 1;
  for (int a = 0; a < K; a++) b[n++] = z[a];
  for (int a = 0; a < K; a++)
    for (int c = 0; c <= a; c++) b[n++] = z[a] * z[c];
  return n;
}

/* Calibration (Deville & Saerndal 1992): the smallest change of the nodes' weights that gives them
 * the points' first two moments in z, of which the coefficients' moments are nearly linear. */
static void calibrate(vb_fit *fit, const sample *s) {
  int K = fit->hyper->n_axis, n = 1 + K + K * (K + 1) / 2;
  if (2 * n > fit->n_node) return;
  double *b = fit->host->alloc(n, sizeof(double)), *gap = fit->host->alloc(n, sizeof(double));
  double *a = fit->host->alloc((size_t)n * n, sizeof(double)), z[VB_MAX_AXIS];
  for (int t = 0; t < s->T; t++) {
    if (!(s->w[t] > 0)) continue;
    features(K, s->z + (size_t)t * K, b);
    for (int i = 0; i < n; i++) gap[i] += s->w[t] * b[i];
  }
  for (int k = 0; k < fit->n_node; k++) {
    double w = fit->node[k]->weight;
    vb_x_to_z(fit, fit->node[k]->x, z);
    features(K, z, b);
    for (int i = 0; i < n; i++) {
      gap[i] -= w * b[i];
      for (int j = 0; j <= i; j++) a[i + (size_t)j * n] += w * b[i] * b[j];
    }
  }
  if (vb_chol(n, a, n) != VB_OK) return;
  vb_chol_solve(n, a, n, 1, gap, n);
  for (int k = 0; k < fit->n_node; k++) {
    double change = 1;
    vb_x_to_z(fit, fit->node[k]->x, z);
    features(K, z, b);
    for (int i = 0; i < n; i++) change += gap[i] * b[i];
    fit->node[k]->weight *= change;
  }
}

vb_status vb_weighted_nodes(vb_fit *fit, int T) {
  int K = fit->hyper->n_axis;
  if (T < 1024) T = 1024;
  int pilot = T / 16 < 256 ? 256 : T / 16;
  sample s = {.T = 0};
  double **per_point[] = {&s.log_p, &s.log_q, &s.w}, log_mean;
  for (int k = 0; k < 3; k++)
    *per_point[k] = fit->host->alloc(T > pilot ? T : pilot, sizeof(double));
  s.z = fit->host->alloc((size_t)(T > pilot ? T : pilot) * K, sizeof(double));
  s.x = fit->host->alloc((size_t)(T > pilot ? T : pilot) * K, sizeof(double));
  vb_proposal q;
  vb_proposal_init(K, &q);
  vb_status st = vb_fit_node(fit, fit->mode);
  if (st == VB_OK) st = vb_proposal_axes(fit, 2, &q);
  for (int round = 0; round < ROUNDS && st == VB_OK; round++) {
    st = evaluate(fit, &q, round < 2 ? 100000 * (round + 1) : 0, round < 2 ? pilot : T, &s);
    if (st != VB_OK) break;
    log_mean = normalise(&s, &fit->ess);
    if (round >= 2 && fit->ess >= fmin(PLENTY, T / 8.0)) break;
    /* the covariance of few effective points would be worse than the curvature */
    if (round < ROUNDS - 1 && fit->ess > 2 * K) adapt(&s, &q);
  }
  if (st != VB_OK) return st;
  fit->rule = "weighted";
  vb_points_alloc(fit, T);
  double *lw = fit->host->alloc(T, sizeof(double));
  for (int t = 0; t < T; t++) lw[t] = s.log_p[t] - s.log_q[t];
  fit->khat = vb_pareto_k(T, lw);
  if (fit->ess < ENOUGH) { /* Gaussian theta: as many points, all of one weight */
    fit->rule = "gaussian";
    vb_proposal_init(K, &q);
    q.normal = 1;
    for (int t = 0; t < T; t++) {
      vb_proposal_draw(&q, t, s.z + (size_t)t * K);
      vb_z_to_x(fit, s.z + (size_t)t * K, s.x + (size_t)t * K);
      s.w[t] = 1.0 / T;
    }
    log_mean = fit->node[0]->elbo + fit->node[0]->rq + K * VB_LOG_2PI / 2;
  }
  memcpy(fit->point_x, s.x, sizeof(double) * (size_t)T * K);
  memcpy(fit->point_weight, s.w, sizeof(double) * T);
  double log_evidence = log_mean + vb_root_log_det(K, fit->root);
  for (int t = 0; t < T; t++) fit->point_log_density[t] = s.log_p[t] - log_evidence;
  st = resample_nodes(fit, KEPT, &s);
  if (st != VB_OK) return st;
  calibrate(fit, &s);
  vb_points_report(fit);
  vb_nodes_finish(fit, log_evidence);
  return VB_OK;
}
