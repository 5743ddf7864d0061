/* The reference of a field's sd (reference.c has those of random terms). */
#include <math.h>
#include <string.h>
#include "gauss/field.h"
#include "numbers/small.h"
#include "theta/reference.h"

/* What the data alone say of a field's coefficients u, exp(-u'P u / 2 + b'u), has in the basis in
 * which both P and the field's Q are diagonal independent coordinates: levels of one sd. */
static vb_status dense(vb_fit *fit, int i, vb_reference_term *r) {
  const vb_model *m = fit->model;
  const vb_field *f = m->field + i;
  const vb_host *h = fit->host;
  int n = f->n, p = m->p;
  const double *q = fit->theta.q + f->place, *mean = fit->block.m + f->first;
  double *w = h->alloc((size_t)n * n, sizeof(double)), *l = h->alloc((size_t)n * n, sizeof(double));
  double *b = h->alloc(n, sizeof(double));
  for (int k = 0; k < n; k++)
    memcpy(w + (size_t)k * n, fit->inner.sol.s_beta + f->first + (size_t)(f->first + k) * p,
           sizeof(double) * n);
  vb_status st = vb_chol(n, w, n);
  if (st != VB_OK) return st;
  vb_chol_inverse(n, w, n);
  for (int k = 0; k < n; k++) b[k] = vb_dot(n, w + (size_t)k * n, mean);
  for (size_t k = 0; k < (size_t)n * n; k++) {
    w[k] -= q[k];
    l[k] = q[k] * r->sd[0] * r->sd[0];
  }
  st = vb_chol(n, l, n); /* P <- L^-1 P L^-T, b <- L^-1 b */
  if (st != VB_OK) return st;
  for (int side = 0; side < 2; side++) {
    for (int k = 0; k < n; k++) vb_small_half(n, l, w + (size_t)k * n);
    for (int k = 0; k < n; k++)
      for (int j = 0; j < k; j++) {
        double other = w[j + (size_t)k * n];
        w[j + (size_t)k * n] = w[k + (size_t)j * n];
        w[k + (size_t)j * n] = other;
      }
  }
  vb_small_half(n, l, b);
  st = vb_eigen(n, w, n, r->p);
  if (st != VB_OK) return st;
  double mean_p = 0;
  for (int k = 0; k < n; k++) {
    r->b[k] = vb_dot(n, w + (size_t)k * n, b);
    r->p[k] = fmax(r->p[k], 0);
    mean_p += r->p[k] / n;
  }
  r->variance[0] = 1 / fmax(mean_p, 1e-12 / (r->sd[0] * r->sd[0]));
  return VB_OK;
}

/* A sparse one has as many independent coordinates as coefficients; each is told of what the data
 * take away of a coefficient's prior variance, r = P / (1 + P) where the prior's is one, and all of
 * u'Q u, which with P known is expected to be the sum of the r. */
static void sparse(vb_fit *fit, int i, vb_reference_term *r) {
  const vb_model *m = fit->model;
  const vb_field *f = m->field + i;
  double *left = fit->host->alloc(f->n + 1, sizeof(double)), all = 0, sd = r->sd[0], mean_p = 0;
  vb_field_left(m, &fit->theta, &fit->inner.sol, i, left);
  double square = vb_field_quadratic(m, &fit->theta, fit->block.m, i);
  for (int k = 0; k < f->n; k++) all += 1 - (left[k] = fmin(fmax(left[k], 1e-8), 1));
  for (int k = 0; k < f->n; k++) {
    double p = (1 - left[k]) / left[k];
    r->p[k] = p / (sd * sd);
    r->b[k] = sqrt(square / fmax(all, 1e-8) * p * (1 + p)) / sd;
    mean_p += r->p[k] / f->n;
  }
  r->variance[0] = 1 / fmax(mean_p, 1e-12 / (sd * sd));
}

vb_status vb_reference_field(vb_fit *fit, int i, vb_reference_term *r) {
  const vb_field *f = fit->model->field + i;
  r->term = -1;
  r->d = 1;
  r->n = f->n;
  r->times = 1;
  r->ones = -1;
  r->natural = fit->hyper->first_field + f->par;
  r->sd[0] = fit->theta.natural[r->natural];
  r->chol[0] = 1;
  r->p = fit->host->alloc(f->n, sizeof(double));
  r->b = fit->host->alloc(f->n, sizeof(double));
  if (!f->col) return dense(fit, i, r);
  sparse(fit, i, r);
  return VB_OK;
}
