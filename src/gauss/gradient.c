/* Gradient of the optimal bound in theta: by the envelope theorem the explicit one. */
#include <math.h>
#include <string.h>
#include "gauss/ep.h"
#include "gauss/field.h"
#include "gauss/pin.h"

double vb_quadratic_precision(const vb_model *m, const double *par) {
  double eta = 0, d2;
  m->family->log_lik(m->family, &vb_rows_unit, &eta, par, NULL, NULL, &d2);
  return -d2;
}

double vb_quadratic_rms(const vb_model *m, const vb_theta *theta, const vb_inner *in) {
  double rss = in->sums.rss + (m->n_free - vb_prior_trace(m, theta, &in->sol)) /
                                  vb_quadratic_precision(m, theta->par);
  return sqrt(fmax(rss, 0) / m->n);
}

double vb_quadratic_lik(const vb_model *m, const double *par, double rms) {
  double base, ll;
  m->family->base(&vb_rows_unit, par, &base);
  m->family->log_lik(m->family, &vb_rows_unit, &rms, par, &ll, NULL, NULL);
  return m->n * (base + ll) + m->sum_log_w / 2;
}

double vb_inner_lik(const vb_model *m, const vb_theta *theta, const vb_inner *in) {
  return m->quadratic ? vb_quadratic_lik(m, theta->par, vb_quadratic_rms(m, theta, in))
                      : in->rows.lik;
}

static void in_log_axes(const vb_model *m, const vb_hyper *hyper, const vb_theta *theta,
                        vb_inner *in, const vb_block *b, double *grad) {
  double par[VB_MAX_PAR] = {0};
  memcpy(grad, theta->log_prior_d, sizeof(double) * hyper->n_axis);
  vb_second_moments(m, &in->sol, b->m, in->moments);
  vb_theta_gradient(hyper, theta, in->moments, grad);
  if (m->ep) vb_ep_gradient(hyper, theta, in, grad);
  vb_pins_gradient(m, hyper, theta, b->m, grad);
  vb_fields_gradient(m, hyper, theta, &in->sol, b->m, in->field_moments, grad);
  if (!hyper->n_par) return;
  if (m->quadratic) { /* all rows at once: the sum over rows is n times the row at the rms */
    double rms = vb_quadratic_rms(m, theta, in);
    for (int k = 0; k < hyper->n_par; k++) {
      m->family->log_lik_par(&vb_rows_unit, &rms, theta->par, k, par + k);
      par[k] *= m->n;
    }
  } else {
    const vb_etas e = vb_row_etas(&in->rows);
    vb_expect_par(m, theta->par, &e, par);
  }
  vb_natural_gradient(hyper, theta, hyper->first_par, hyper->n_par, par, grad);
}

void vb_inner_gradient(const vb_model *m, const vb_hyper *hyper, const vb_theta *theta,
                       vb_inner *in, const vb_block *b, double *grad) {
  in_log_axes(m, hyper, theta, in, b, grad);
  if (hyper->turn.kind) vb_turn_gradient(hyper, theta, grad);
}
