/* Linear response: how the optimum moves when the log density is tilted by t b_k, b_k a reported
 * coefficient (Giordano, Broderick & Jordan 2018).  First differences give the covariance that a
 * Gaussian q understates, second differences the third cumulant; the same differences of the
 * residual quadrature its mean and variance (mathematics.Rmd, section 8). Done once, at the mode of
 * theta; every node applies it by the congruence C with V = C S_bb C'. */
#include <math.h>
#include <string.h>
#include "correct/rq.h"

/* sum over cells of (E f''')^2 v^3 / 6, per coefficient */
double vb_response_size(const vb_model *m, const double *par, const vb_inner *in) {
  const double *node = m->rules->node + m->rules->first[1],
               *weight = m->rules->weight + m->rules->first[1];
  double eta[256], d2[256], third[256], total = 0;
  if (m->family->several) return vb_third_size_several(m, par, in) / (m->p > 0 ? m->p : 1);
  for (int from = 0; from < m->n; from += 256) {
    int n = m->n - from < 256 ? m->n - from : 256;
    vb_rows rows = vb_rows_range(&m->rows, from, n);
    memset(third, 0, sizeof third);
    for (int q = 0; q < m->rules->order[1]; q++) {
      for (int i = 0; i < n; i++)
        eta[i] = in->rows.eta[from + i] + sqrt(fmax(in->rows.v[from + i], 0)) * node[q];
      m->family->log_lik(m->family, &rows, eta, par, NULL, NULL, d2);
      for (int i = 0; i < n; i++) third[i] += weight[q] * node[q] * d2[i];
    }
    for (int i = 0; i < n; i++) total += pow(third[i] * in->rows.v[from + i], 2) / 6;
  }
  return total / (m->p > 0 ? m->p : 1);
}

typedef struct { /* the refits about the mode */
  const vb_model *m;
  const vb_respond_task *task;
  double *tilt;
  double *mean[2], rq[2]; /* of the last pair */
} refits;

/* work <- 2 mode - work: to second order the refit of the other side, where a refit's end can be
 * told by its block alone */
static void mirror(const vb_model *m, const vb_block *mode, vb_block *work) {
  for (int i = 0; i < m->n_coef; i++) work->m[i] = 2 * mode->m[i] - work->m[i];
  for (int i = 0; i < m->n && !m->quadratic; i++) {
    double other = 2 * mode->h[i] - work->h[i];
    if (m->family->several) /* weights of any sign, which are a precision together */
      work->h[i] = other;
    else
      work->h[i] = mode->h[i] > 0 ? fmax(other, mode->h[i] / 4) : mode->h[i];
  }
  for (int i = 0; i < m->n_site; i++) work->site_h[i] = 2 * mode->site_h[i] - work->site_h[i];
}

/* refit with the log density tilted by +-t times the reported coefficient k */
static vb_status tilt_pair(refits *f, int k, double t) {
  const vb_model *m = f->m;
  const vb_respond_task *task = f->task;
  const vb_effort effort = {.tol = task->tol, .max_sweep = 100, .inverse = 1};
  for (int side = 0; side < 2; side++) {
    double s = side ? -t : t, elbo, level;
    for (int l = 0; l < m->p; l++) f->tilt[l] = vb_reported_part(m, k, l) * s;
    if (side && !m->ep)
      mirror(m, task->mode, task->work);
    else
      vb_block_copy(m, task->mode, task->work);
    task->in->tilt = f->tilt;
    vb_status st = vb_inner_solve(m, task->theta, &effort, task->in, task->work, &elbo);
    task->in->tilt = NULL;
    if (st != VB_OK && st != VB_MAX_ITER) return st;
    vb_report_beta(m, task->work->m, f->mean[side]);
    vb_rq_at at = {task->theta->par, task->in, task->work->m, task->which & VB_RQ_ROWS};
    f->rq[side] = vb_rq_correct(m, &at, task->rq, NULL, &level);
  }
  return VB_OK;
}

int vb_congruence(int p, double *s, double *v, double *out) {
  if (vb_chol(p, v, p) != VB_OK || vb_chol(p, s, p) != VB_OK) return 0;
  memset(out, 0, sizeof(double) * p * p); /* L_V L_S^-1: columns of the transpose by L_S^-T L_V' */
  for (int i = 0; i < p; i++) {
    double *row = out + (size_t)i * p;
    for (int k = 0; k <= i; k++) row[k] = v[i + (size_t)k * p];
  }
  vb_chol_half_t(p, s, p, p, out, p);
  for (int i = 0; i < p; i++)
    for (int k = 0; k < i; k++) {
      double t = out[i + (size_t)k * p];
      out[i + (size_t)k * p] = out[k + (size_t)i * p];
      out[k + (size_t)i * p] = t;
    }
  return 1;
}

/* V by the refits, in the reported coefficients; shift and skewness in units of the Gaussian's sds
 */
static vb_status tilt_all(const vb_model *m, const vb_respond_task *task, const double *s,
                          double *v, vb_response *out) {
  int p = m->p;
  double *mean = m->host->alloc(4 * p + 1, sizeof(double)), level;
  double *scale = m->host->alloc(p + 1, sizeof(double)); /* variance that RQ adds, relative */
  vb_rq_at at = {task->theta->par, task->in, task->mode->m, task->which & VB_RQ_ROWS};
  double rq0 = vb_rq_correct(m, &at, task->rq, NULL, &level);
  refits two = {.m = m, .task = task, .tilt = mean + 3 * p, .mean = {mean + p, mean + 2 * p}};
  vb_report_beta(m, task->mode->m, mean);
  for (int k = 0; k < p; k++) {
    double sd = sqrt(s[k * (size_t)(p + 1)]), t = 0.25 / sd;
    vb_status st = tilt_pair(&two, k, t);
    if (st != VB_OK) return st;
    if (m->host->poll()) return VB_INTERRUPTED;
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
  return VB_OK;
}

/* the same, in the same units, for what the prior sites' remainders add */
static void add_sites(const vb_model *m, const vb_respond_task *task, const double *s_beta,
                      const double *s, double *v, vb_response *out) {
  int p = m->p;
  double *shift = m->host->alloc(2 * p + 1, sizeof(double)), *skew = shift + p;
  vb_site_moments add = {v, shift, skew};
  vb_site_respond(m, s_beta, task->mode->m, task->tilt, task->rq, &add);
  for (int k = 0; k < p; k++) {
    double sd = sqrt(s[k * (size_t)(p + 1)]);
    out->shift[k] += shift[k] / sd;
    out->skew[k] += skew[k] / (sd * sd * sd);
  }
}

vb_status vb_respond(const vb_model *m, const vb_respond_task *task, vb_response *out) {
  int p = m->p;
  size_t size = (size_t)p * p;
  double *s_beta = m->host->alloc(4 * size + 1, sizeof(double)), *s = s_beta + size, *v = s + size;
  out->congruence = m->host->alloc(size + 1, sizeof(double));
  out->shift = m->host->alloc(p + 1, sizeof(double));
  out->skew = m->host->alloc(p + 1, sizeof(double));
  out->inflation = 1;
  memcpy(s_beta, task->in->sol.s_beta, sizeof(double) * size);
  vb_report_cov(m, s_beta, s);
  memcpy(v, s, sizeof(double) * size);
  vb_status st = VB_OK;
  if (task->tilt) st = tilt_all(m, task, s, v, out);
  if (st != VB_OK) return st;
  if (task->which & VB_RQ_SITES) add_sites(m, task, s_beta, s, v, out);
  for (int k = 0; k < p; k++) {
    double ratio = sqrt(v[k * (size_t)(p + 1)] / s[k * (size_t)(p + 1)]);
    out->inflation = fmax(out->inflation, ratio);
    out->shift[k] /= ratio;
    out->skew[k] = fmin(fmax(out->skew[k] / (ratio * ratio * ratio), -1.5), 1.5);
  }
  vb_unreport_cov(m, v, v + size); /* V in the centred coordinates */
  out->active = vb_congruence(p, s_beta, v + size, out->congruence);
  return VB_OK;
}
