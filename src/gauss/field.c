/* Fields enter the Gaussian where other priors of beta, or other terms of the core, do, by their
 * precision; it is theta's, so that it has a determinant that counts, and a gradient. */
#include "gauss/field.h"
#include <string.h>
#include "numbers/small.h"

static int first_of(const vb_model *m, const vb_field *f) {
  return f->term < 0 ? f->first : m->term[f->term].first;
}

/* a column of S of a dense field's coefficients; entry e of S where a sparse one's Q has it */
static const double *s_column(const vb_model *m, const vb_solution *s, const vb_field *f, int b) {
  return s->s_beta + f->first + (size_t)(f->first + b) * m->p;
}
static double s_entry(const vb_model *m, const vb_solution *s, int i, int e) {
  return s->arrow.core.inv[m->field_position[i][e]];
}

void vb_fields_precision(const vb_model *m, const vb_theta *theta, double *p_beta) {
  for (int i = 0; i < m->n_field; i++) {
    const vb_field *f = m->field + i;
    const double *q = theta->q + f->place;
    if (f->col) continue;
    for (int b = 0; b < f->n; b++)
      for (int a = 0; a < f->n; a++)
        p_beta[f->first + a + (size_t)(f->first + b) * m->p] += q[a + (size_t)b * f->n];
  }
}

void vb_fields_core_precision(const vb_model *m, const vb_theta *theta, double *core) {
  for (int i = 0; i < m->n_field; i++) {
    const vb_field *f = m->field + i;
    const double *q = theta->q + f->place;
    for (size_t e = 0; f->col && e < f->size; e++) core[m->field_position[i][e]] += q[e];
  }
}

/* t += Q x of one field */
static void times(const vb_field *f, const double *q, const double *x, double *t) {
  for (int b = 0; b < f->n; b++) {
    if (!f->col) {
      t[b] += vb_dot(f->n, q + (size_t)b * f->n, x);
      continue;
    }
    for (int e = f->col[b]; e < f->col[b + 1]; e++) {
      int a = f->other[e];
      t[a] += q[e] * x[b];
      if (a != b) t[b] += q[e] * x[a];
    }
  }
}

void vb_fields_product(const vb_model *m, const vb_theta *theta, const double *x, double *out) {
  for (int i = 0; i < m->n_field; i++) {
    const vb_field *f = m->field + i;
    int first = first_of(m, f);
    times(f, theta->q + f->place, x + first, out + first);
  }
}

/* x' Q x */
static double square(const vb_field *f, const double *q, const double *x) {
  double out = 0;
  for (int b = 0; b < f->n; b++) {
    if (!f->col) {
      out += x[b] * vb_dot(f->n, q + (size_t)b * f->n, x);
      continue;
    }
    for (int e = f->col[b]; e < f->col[b + 1]; e++)
      out += (f->other[e] == b ? 1 : 2) * q[e] * x[b] * x[f->other[e]];
  }
  return out;
}

double vb_fields_beta_quadratic(const vb_model *m, const vb_theta *theta, const double *c,
                                double *pm) {
  double out = 0;
  for (int i = 0; i < m->n_field; i++) {
    const vb_field *f = m->field + i;
    const double *q = theta->q + f->place;
    if (f->col) continue;
    out += square(f, q, c + f->first);
    if (pm) times(f, q, c + f->first, pm + f->first);
  }
  return out;
}

double vb_field_quadratic(const vb_model *m, const vb_theta *theta, const double *c, int i) {
  const vb_field *f = m->field + i;
  return square(f, theta->q + f->place, c + first_of(m, f));
}

double vb_fields_quadratic(const vb_model *m, const vb_theta *theta, const double *c, double *pm) {
  double out = 0;
  for (int i = 0; i < m->n_field; i++) {
    const vb_field *f = m->field + i;
    int first = first_of(m, f);
    out += square(f, theta->q + f->place, c + first);
    if (pm) times(f, theta->q + f->place, c + first, pm + first);
  }
  return out;
}

double vb_fields_log_det(const vb_model *m, const vb_theta *theta) {
  double out = 0;
  for (int i = 0; i < m->n_field; i++) out += theta->q_log_det[i];
  return out;
}

void vb_field_left(const vb_model *m, const vb_theta *theta, const vb_solution *s, int i,
                   double *left) {
  const vb_field *f = m->field + i;
  const double *q = theta->q + f->place;
  memset(left, 0, sizeof(double) * f->n);
  for (int b = 0; b < f->n; b++) {
    if (!f->col) {
      left[b] = vb_dot(f->n, q + (size_t)b * f->n, s_column(m, s, f, b));
      continue;
    }
    for (int e = f->col[b]; e < f->col[b + 1]; e++) {
      double t = q[e] * s_entry(m, s, i, e);
      left[b] += t;
      if (f->other[e] != b) left[f->other[e]] += t;
    }
  }
}

double vb_fields_trace(const vb_model *m, const vb_theta *theta, const vb_solution *s) {
  double out = 0;
  for (int i = 0; i < m->n_field; i++) {
    const vb_field *f = m->field + i;
    const double *q = theta->q + f->place;
    for (int b = 0; b < f->n; b++) {
      if (!f->col) {
        out += vb_dot(f->n, q + (size_t)b * f->n, s_column(m, s, f, b));
        continue;
      }
      for (int e = f->col[b]; e < f->col[b + 1]; e++)
        out += (f->other[e] == b ? 1 : 2) * q[e] * s_entry(m, s, i, e);
    }
  }
  return out;
}

void vb_fields_hold(const vb_model *m, double *x) {
  for (int i = 0; i < m->n_field; i++) {
    const vb_field *f = m->field + i;
    double *own = x + first_of(m, f);
    for (int k = 0; k < f->n_held; k++) {
      const double *a = f->held + (size_t)k * f->n;
      double along = vb_dot(f->n, a, own);
      for (int j = 0; j < f->n; j++) own[j] -= along * a[j];
    }
  }
}

/* E u u' of a field where its Q has entries; those off the diagonal twice where Q has them once */
static void moments(const vb_model *m, const vb_solution *s, int i, const double *c, double *u) {
  const vb_field *f = m->field + i;
  const double *x = c + first_of(m, f);
  for (int b = 0; b < f->n; b++) {
    if (!f->col) {
      const double *own = s_column(m, s, f, b);
      for (int a = 0; a < f->n; a++) u[a + (size_t)b * f->n] = own[a] + x[a] * x[b];
      continue;
    }
    for (int e = f->col[b]; e < f->col[b + 1]; e++) {
      int a = f->other[e];
      u[e] = (a == b ? 1 : 2) * (s_entry(m, s, i, e) + x[a] * x[b]);
    }
  }
}

void vb_fields_gradient(const vb_model *m, const vb_hyper *hyper, const vb_theta *theta,
                        const vb_solution *s, const double *c, double *u, double *grad) {
  for (int i = 0; i < m->n_field; i++) {
    const vb_field *f = m->field + i;
    double d[VB_PRECISION_PAR] = {0};
    moments(m, s, i, c, u);
    vb_precision_contract(f->row, vb_field_count(f), f->at,
                          theta->natural + hyper->first_field + f->par, u, d);
    vb_natural_gradient(hyper, theta, hyper->first_field + f->par, f->row->n_par, d, grad);
  }
}
