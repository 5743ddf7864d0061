/* Fields enter the Gaussian where other priors of beta do, by their precision; it is theta's, so
 * that it has a determinant that counts, and a gradient. */
#include "gauss/field.h"
#include <string.h>
#include "numbers/small.h"

void vb_fields_precision(const vb_model *m, const vb_theta *theta, double *p_beta) {
  for (int i = 0; i < m->n_field; i++) {
    const vb_field *f = m->field + i;
    const double *q = theta->q + f->place;
    for (int b = 0; b < f->n; b++)
      for (int a = 0; a < f->n; a++)
        p_beta[f->first + a + (size_t)(f->first + b) * m->p] += q[a + (size_t)b * f->n];
  }
}

void vb_fields_product(const vb_model *m, const vb_theta *theta, const double *x, double *out) {
  for (int i = 0; i < m->n_field; i++) {
    const vb_field *f = m->field + i;
    const double *q = theta->q + f->place;
    for (int a = 0; a < f->n; a++)
      out[f->first + a] += vb_dot(f->n, q + (size_t)a * f->n, x + f->first);
  }
}

double vb_fields_trace(const vb_model *m, const vb_theta *theta, const double *s_beta) {
  double out = 0;
  for (int i = 0; i < m->n_field; i++) {
    const vb_field *f = m->field + i;
    for (int b = 0; b < f->n; b++)
      out += vb_dot(f->n, theta->q + f->place + (size_t)b * f->n,
                    s_beta + f->first + (size_t)(f->first + b) * m->p);
  }
  return out;
}

double vb_fields_quadratic(const vb_model *m, const vb_theta *theta, const double *c, double *pm) {
  double out = 0;
  for (int i = 0; i < m->n_field; i++) {
    const vb_field *f = m->field + i;
    for (int a = 0; a < f->n; a++) {
      double t = vb_dot(f->n, theta->q + f->place + (size_t)a * f->n, c + f->first);
      out += c[f->first + a] * t;
      if (pm) pm[f->first + a] += t;
    }
  }
  return out;
}

double vb_fields_log_det(const vb_model *m, const vb_theta *theta) {
  double out = 0;
  for (int i = 0; i < m->n_field; i++) out += theta->q_log_det[i];
  return out;
}

void vb_fields_gradient(const vb_model *m, const vb_hyper *hyper, const vb_theta *theta,
                        const double *s_beta, const double *c, double *u, double *grad) {
  for (int i = 0; i < m->n_field; i++) {
    const vb_field *f = m->field + i;
    int n = f->n;
    double d[VB_PRECISION_PAR] = {0};
    for (int b = 0; b < n; b++)
      for (int a = 0; a < n; a++)
        u[a + (size_t)b * n] = s_beta[f->first + a + (size_t)(f->first + b) * m->p] +
                               c[f->first + a] * c[f->first + b];
    vb_precision_contract(f->row, n, f->at, theta->natural + hyper->first_field + f->par, u, d);
    vb_natural_gradient(hyper, theta, hyper->first_field + f->par, f->row->n_par, d, grad);
  }
}
