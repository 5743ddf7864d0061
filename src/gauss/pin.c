/* Pinned combinations of beta.  The factor N(t; a' beta - origin, h^2) integrates to one over t:
 * with t among the hyperparameters, under a flat prior, the posterior of all else is what it was
 * without, and given t the likelihood is looked at in a window of width h only, where it is near a
 * Gaussian. */
#include <math.h>
#include "gauss/pin.h"
#include "numbers/small.h"

int vb_pin_add(vb_model *m, vb_hyper *hyper, const vb_pin *pin, double unit) {
  static const double none[3] = {0};
  vb_natural *n = hyper->natural + hyper->n_natural++;
  *n = (vb_natural){.real = 1};
  vb_natural_prior(n, vb_prior_find("flat"), none, &vb_coord_sinh, &hyper->n_axis);
  n->s0 = unit;
  hyper->n_pin++;
  m->pin[m->n_pin++] = *pin;
  m->log_prior_constant += (log(pin->precision) - VB_LOG_2PI) / 2;
  return n->axis;
}

void vb_pins_precision(const vb_model *m, double *p_beta) {
  for (int j = 0; j < m->n_pin; j++)
    for (int k = 0; k < m->p; k++)
      for (int l = 0; l < m->p; l++)
        p_beta[l + (size_t)k * m->p] += m->pin[j].precision * m->pin[j].a[l] * m->pin[j].a[k];
}

void vb_pins_product(const vb_model *m, const double *x, double *out) {
  for (int j = 0; j < m->n_pin; j++) {
    double along = m->pin[j].precision * vb_dot(m->p, m->pin[j].a, x);
    for (int k = 0; k < m->p; k++) out[k] += along * m->pin[j].a[k];
  }
}

double vb_pins_trace(const vb_model *m, const double *s_beta) {
  double out = 0;
  for (int j = 0; j < m->n_pin; j++) {
    const double *a = m->pin[j].a;
    for (int k = 0; k < m->p; k++)
      out += m->pin[j].precision * a[k] * vb_dot(m->p, a, s_beta + (size_t)k * m->p);
  }
  return out;
}

double vb_pins_quadratic(const vb_model *m, const double *t, const double *c, double *pm) {
  double out = 0;
  for (int j = 0; j < m->n_pin; j++) {
    const vb_pin *pin = m->pin + j;
    double e = vb_dot(m->p, pin->a, c) - pin->origin - t[j];
    out += pin->precision * e * e;
    for (int k = 0; k < m->p && pm; k++) pm[k] += pin->precision * e * pin->a[k];
  }
  return out;
}

void vb_pins_gradient(const vb_model *m, const vb_hyper *hyper, const vb_theta *theta,
                      const double *c, double *grad) {
  for (int j = 0; j < m->n_pin; j++) {
    int i = hyper->first_pin + j;
    double e = vb_dot(m->p, m->pin[j].a, c) - m->pin[j].origin - theta->natural[i];
    grad[hyper->natural[i].axis] += m->pin[j].precision * e * theta->slope[i];
  }
}
