/* Minus the Hessian of the bound at fixed draws in (mu, scale), made of the Hessians of log p at
 * the draws: for a direction v the draws move by m_i = v_mu + S(v) z_i, their gradients by b_i =
 * H_i m_i, and the bound's by their mean and by the mean of b_i z_i' on the scale's pattern, log
 * |S| apart. Some right-hand sides at a time, so that H_i is read once for all of them. */
#include <math.h>
#include <string.h>
#include "advi/advi.h"
#include "numbers/small.h"

#define COLUMNS 16
#define TOL 1e-3 /* of residuals; variances have its square */
#define MOST_STEPS 60

typedef struct {
  const vb_saa *s;
  const double *par, *hess;
  double *move, *bend;     /* dim x M x COLUMNS */
  double *at, *near, *far; /* n_scale */
} curvature;

/* out <- minus the Hessian of log |S| times v, by differences of its exact gradient */
static void log_det_times(const curvature *c, const double *v, double *out) {
  const vb_q *q = c->s->q;
  int n = q->n_scale;
  double size = sqrt(vb_dot(n, v, v)), h = 1e-4 / (size > 0 ? size : 1), value;
  const double *scale = c->par + q->dim;
  for (int k = 0; k < n; k++) c->at[k] = scale[k] + h * v[k];
  q->form->log_det(q, c->at, &value, c->near);
  for (int k = 0; k < n; k++) c->at[k] = scale[k] - h * v[k];
  q->form->log_det(q, c->at, &value, c->far);
  for (int k = 0; k < n; k++) out[k] = (c->far[k] - c->near[k]) / (2 * h);
}

/* out <- -H v, both n_par x K */
static void times(const curvature *c, int K, const double *v, double *out) {
  const vb_saa *s = c->s;
  const vb_q *q = s->q;
  int d = q->dim, M = s->M, n = q->n_par;
  size_t points = (size_t)d * M;
  for (int k = 0; k < K; k++) vb_q_points(q, v + (size_t)n * k, M, s->z, c->move + points * k);
  for (int i = 0; i < M; i++)
    vb_gemm_nn(d, K, d, 1, c->hess + (size_t)d * d * i, d, c->move + (size_t)d * i, (int)points, 0,
               c->bend + (size_t)d * i, (int)points);
  for (int k = 0; k < K; k++) {
    const double *bend = c->bend + points * k, *vk = v + (size_t)n * k;
    double *to = out + (size_t)n * k, *scale = c->move; /* not needed any more */
    memset(to, 0, sizeof(double) * d);
    for (int i = 0; i < M; i++)
      for (int a = 0; a < d; a++) to[a] -= bend[(size_t)i * d + a] / M;
    q->form->collect(q, M, bend, s->z, scale);
    log_det_times(c, vk + d, to + d);
    for (int a = 0; a < q->n_scale; a++) to[d + a] -= scale[a] / M;
  }
}

typedef struct { /* n_par x COLUMNS */
  double *x, *r, *p, *hp, rr[COLUMNS];
} workspace;

/* conjugate gradients for the K right-hand sides r, side by side */
static vb_status solve(const curvature *c, int K, workspace *w) {
  int n = c->s->q->n_par, left = K;
  double tol[COLUMNS];
  memset(w->x, 0, sizeof(double) * (size_t)n * K);
  for (int k = 0; k < K; k++) {
    w->rr[k] = vb_dot(n, w->r + (size_t)n * k, w->r + (size_t)n * k);
    tol[k] = TOL * TOL * w->rr[k];
  }
  memcpy(w->p, w->r, sizeof(double) * (size_t)n * K);
  for (int it = 0; it < MOST_STEPS && left; it++) {
    times(c, K, w->p, w->hp);
    left = 0;
    for (int k = 0; k < K; k++) {
      double *x = w->x + (size_t)n * k, *r = w->r + (size_t)n * k, *p = w->p + (size_t)n * k;
      const double *hp = w->hp + (size_t)n * k;
      double bend = vb_dot(n, p, hp), before = w->rr[k];
      if (before <= tol[k]) continue;
      if (!(bend > 0)) return VB_NOT_POS_DEF;
      for (int i = 0; i < n; i++) {
        x[i] += before / bend * p[i];
        r[i] -= before / bend * hp[i];
      }
      w->rr[k] = vb_dot(n, r, r);
      for (int i = 0; i < n; i++) p[i] = r[i] + w->rr[k] / before * p[i];
      left += w->rr[k] > tol[k];
    }
  }
  if (left) return VB_MAX_ITER;
  return VB_OK;
}

/* right-hand sides: unit vectors of mu, from first on */
static void means(const curvature *c, int first, int K, workspace *w) {
  int n = c->s->q->n_par;
  memset(w->r, 0, sizeof(double) * (size_t)n * K);
  for (int k = 0; k < K; k++) w->r[first + k + (size_t)n * k] = 1;
}

/* those of (x_k - E x_k)^2 / 2, whose mean over the draws is (row'S z)^2 / 2 */
static void squares(const curvature *c, int first, int K, workspace *w) {
  const vb_saa *s = c->s;
  const vb_q *q = s->q;
  int d = q->dim, M = s->M, n = q->n_par;
  double *row = c->far; /* n_par long */
  q->form->spread(q, c->par + d, M, s->z, c->move);
  memset(w->r, 0, sizeof(double) * (size_t)n * K);
  for (int k = 0; k < K; k++) {
    double *to = w->r + (size_t)n * k + d;
    vb_frame_row(s->frame, first + k, row);
    for (int i = 0; i < M; i++) {
      double off = vb_dot(d, row, c->move + (size_t)d * i) / M;
      for (int j = 0; j < d; j++) c->bend[(size_t)d * i + j] = off * row[j];
    }
    q->form->collect(q, M, c->bend, s->z, to);
  }
}

/* saa->bend, from squares()'s answers */
static vb_status bend(const curvature *c, workspace *w, double *out) {
  int n = c->s->q->n_par, d = c->s->q->dim;
  double *right = c->s->host->alloc((size_t)n * COLUMNS, sizeof(double));
  for (int first = 0; first < d; first += COLUMNS) {
    int K = d - first < COLUMNS ? d - first : COLUMNS;
    squares(c, first, K, w);
    memcpy(right, w->r, sizeof(double) * (size_t)n * K);
    vb_status st = solve(c, K, w);
    if (st != VB_OK) return st;
    for (int k = 0; k < K; k++) {
      const double *x = w->x + (size_t)n * k, *r = right + (size_t)n * k;
      vb_frame_row(c->s->frame, first + k, c->far);
      out[2 * (first + k)] = vb_dot(d, c->far, x);
      out[2 * (first + k) + 1] = vb_dot(n, r, x);
    }
  }
  return VB_OK;
}

vb_status vb_curvature_solve(vb_saa *s, const double *par, const double *hess, double *cov) {
  const vb_host *host = s->host;
  const vb_q *q = s->q;
  int d = q->dim, n = q->n_par;
  size_t points = (size_t)d * s->M * COLUMNS, columns = (size_t)n * COLUMNS;
  if (points < (size_t)q->n_scale) points = q->n_scale;
  curvature c = {.s = s,
                 .par = par,
                 .hess = hess,
                 .move = host->alloc(points, sizeof(double)),
                 .bend = host->alloc(points, sizeof(double)),
                 .at = host->alloc(n, sizeof(double)),
                 .near = host->alloc(n, sizeof(double)),
                 .far = host->alloc(n, sizeof(double))};
  workspace w = {.x = host->alloc(columns, sizeof(double)),
                 .r = host->alloc(columns, sizeof(double)),
                 .p = host->alloc(columns, sizeof(double)),
                 .hp = host->alloc(columns, sizeof(double))};
  for (int first = 0; first < d; first += COLUMNS) {
    int K = d - first < COLUMNS ? d - first : COLUMNS;
    means(&c, first, K, &w);
    vb_status st = solve(&c, K, &w);
    if (st != VB_OK) return st;
    if (host->poll()) return VB_INTERRUPTED;
    for (int k = 0; k < K; k++)
      memcpy(cov + (size_t)d * (first + k), w.x + (size_t)n * k, sizeof(double) * d);
  }
  s->bent = s->bend && bend(&c, &w, s->bend) == VB_OK;
  return VB_OK;
}
