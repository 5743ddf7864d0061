/* The bound at fixed draws, a sample average: F(mu, S) = 1/M sum_m log p(mu + S z_m) + log |S|
 * (Giordano, Ingram & Broderick 2024, equation 6), its gradient, and products with its Hessian. */
#include <math.h>
#include <string.h>
#include "advi/advi.h"
#include "numbers/small.h"

#define STEP 1e-5 /* of differences, in posterior sds: the frame has made them ones */

void vb_q_alloc(const vb_host *host, const vb_approximation *form, int dim, int rank, vb_q *q) {
  if (form->n_noise(dim, rank) == dim) rank = 0; /* a form without one */
  *q = (vb_q){.form = form, .dim = dim, .rank = rank};
  q->n_scale = form->n_scale(dim, rank);
  q->n_noise = form->n_noise(dim, rank);
  q->n_par = dim + q->n_scale;
  q->par = host->alloc(q->n_par, sizeof(double));
  size_t square = form->full ? (size_t)dim * dim : (size_t)rank * (rank + 1);
  q->work = host->alloc((size_t)(dim + 2) * (rank + 1) + square, sizeof(double));
  form->start(q, q->par + dim);
}

void vb_saa_alloc(const vb_host *host, vb_density *density, const vb_q *q, int M, vb_saa *saa) {
  size_t d = q->dim;
  *saa = (vb_saa){.host = host, .density = density, .q = q, .M = M};
  saa->x = host->alloc(d * M, sizeof(double));
  saa->g = host->alloc(d * M, sizeof(double));
  saa->value = host->alloc(M, sizeof(double));
  saa->d_scale = host->alloc(q->n_scale + 1, sizeof(double));
  saa->shifted = host->alloc(q->n_par, sizeof(double));
  saa->there = host->alloc(q->n_par, sizeof(double));
}

void vb_q_points(const vb_q *q, const double *par, int n, const double *z, double *x) {
  q->form->spread(q, par + q->dim, n, z, x);
  for (int i = 0; i < n; i++)
    for (int k = 0; k < q->dim; k++) x[(size_t)i * q->dim + k] += par[k];
}

void vb_q_cov(const vb_host *host, const vb_q *q, const double *par, double *cov) {
  int d = q->dim, m = q->n_noise;
  double *unit = host->alloc((size_t)m * m, sizeof(double)),
         *root = host->alloc((size_t)d * m, sizeof(double));
  for (int k = 0; k < m; k++) unit[k * (size_t)(m + 1)] = 1;
  q->form->spread(q, par + d, m, unit, root);
  vb_gemm_nt(d, d, m, 1, root, d, root, d, 0, cov, d);
}

vb_status vb_saa_eval(void *data, const double *par, double *f, double *grad) {
  vb_saa *s = data;
  const vb_q *q = s->q;
  int d = q->dim, M = s->M;
  double log_det, total = 0;
  vb_status st = q->form->log_det(q, par + d, &log_det, s->d_scale);
  if (st != VB_OK) return st;
  vb_q_points(q, par, M, s->z, s->x);
  st = vb_density_eval(s->density, M, s->x, s->value, s->g);
  if (st != VB_OK) return st;
  s->lik = s->density->lik / M;
  for (int i = 0; i < M; i++) total += s->value[i];
  if (!isfinite(total)) return VB_NOT_FINITE;
  memset(grad, 0, sizeof(double) * d);
  for (int i = 0; i < M; i++)
    for (int k = 0; k < d; k++) grad[k] += s->g[(size_t)i * d + k] / M;
  q->form->collect(q, M, s->g, s->z, grad + d);
  for (int k = 0; k < q->n_scale; k++) grad[d + k] = grad[d + k] / M + s->d_scale[k];
  *f = total / M + log_det;
  return VB_OK;
}

/* out <- (Hessian of F at par) v by a forward difference; grad is the gradient there */
vb_status vb_saa_hessian(vb_saa *s, const double *par, const double *grad, const double *v,
                         double *out) {
  int n = s->q->n_par;
  double size = sqrt(vb_dot(n, v, v)), h = STEP / (size > 0 ? size : 1), f;
  for (int i = 0; i < n; i++) s->shifted[i] = par[i] + h * v[i];
  vb_status st = vb_saa_eval(s, s->shifted, &f, s->there);
  for (int i = 0; i < n; i++) out[i] = (s->there[i] - grad[i]) / h;
  return st;
}

/* The even part of the gradient, its mean over z and -z, is free of what is linear in z: its
 * covariance C is 0 for a Gaussian target, and T_abc T_a'bc / 2 summed over b and c to first order
 * in the third derivatives T. */
double vb_saa_even(const vb_saa *s, double *c) {
  int d = s->q->dim, half = s->M / 2;
  double *even = s->x; /* the points are not needed any more */
  double largest = 0;
  for (int k = 0; k < d; k++) {
    double mean = 0, square = 0;
    for (int i = 0; i < half; i++) {
      double *e = even + (size_t)i * d + k;
      *e = (s->g[(size_t)i * d + k] + s->g[(size_t)(i + half) * d + k]) / 2;
      mean += *e / half;
    }
    for (int i = 0; i < half; i++) {
      even[(size_t)i * d + k] -= mean;
      square += pow(even[(size_t)i * d + k], 2) / half;
    }
    largest = fmax(largest, square);
  }
  if (!c) return largest;
  vb_weighted_gram(half, d, even, d, NULL, 0, c, d);
  for (size_t i = 0; i < (size_t)d * d; i++) c[i] /= half;
  vb_symmetrise(d, c, d);
  return largest;
}
