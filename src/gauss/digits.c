/* How many digits rounding has left of a Gaussian.  Where the data fix a sum of coefficients with
 * many more digits than the prior fixes its parts (a constant sd of 1e-8 beside random effects, two
 * columns that are nearly one under flat priors), the precision's small eigenvalues drown in the
 * rounding errors of its large ones, and with them mean and variances of the parts.  Two things
 * that would be zero in exact arithmetic measure it, in standard deviations of the coefficients:
 * what solving against the precision makes of a product with it, less what went in, and a further
 * Newton step from the mean. */
#include <math.h>
#include "gauss/field.h"
#include "numbers/small.h"

static double sign_of(int i) { return vb_low_discrepancy(i, M_SQRT2 - 1) < 0.5 ? 1 : -1; }

/* the gradient in the mean, at it; moment-matched sites are what stands for them */
static void gradient(const vb_model *m, const vb_lambda *lambda, vb_inner *in, const vb_block *b,
                     double *g, double *r) {
  double *prior = in->trial.step, *eta = lambda->eta;
  vb_linear_predictor(m, b->m, eta);
  for (int i = 0; i < m->n; i++)
    g[i] = m->quadratic ? lambda->scale * lambda->h[i] * (m->rows.y[i] - eta[i]) : in->rows.g[i];
  vb_design_transpose(m, g, r);
  vb_prior_quadratic(m, lambda->theta, b->m, prior);
  for (int k = 0; k < m->n_coef; k++) r[k] -= prior[k];
  for (int i = 0; i < m->n_site; i++) {
    int k = m->site[i].k;
    r[k] += m->ep ? b->site_b[i] - b->site_h[i] * b->m[k] : in->sites.g[i];
  }
}

static double furthest(const vb_model *m, const double *x, const double *from, const double *sd) {
  double most = 0;
  for (int k = 0; k < m->n_coef; k++) {
    double off = fabs(x[k] - (from ? from[k] : 0)) / sd[k];
    if (!(off <= most)) most = isnan(off) ? INFINITY : off;
  }
  return most;
}

vb_status vb_digits_lost(const vb_model *m, const vb_theta *theta, vb_inner *in, const vb_block *b,
                         double *lost) {
  size_t n = (size_t)m->n_coef + 1;
  double *row = m->host->alloc(2 * (size_t)m->n + 1, sizeof(double));
  double *sd = m->host->alloc(3 * n, sizeof(double)), *x = sd + n, *r = sd + 2 * n;
  vb_coef_variance(m, &in->sol, sd);
  for (int k = 0; k < m->n_coef; k++) {
    sd[k] = sqrt(sd[k]);
    x[k] = sign_of(k) * sd[k];
  }
  vb_fields_hold(m, x);
  vb_lambda lambda = {.theta = theta,
                      .h = m->quadratic ? m->rows.w : b->h,
                      .scale = m->quadratic ? vb_quadratic_precision(m, theta->par) : 1,
                      .site = b->site_h,
                      .eta = row};
  in->sol.levels.to_the_end = 1;
  vb_precision_product(m, &lambda, x, r);
  vb_status st = vb_solve(m, &in->sol, r);
  *lost = furthest(m, r, x, sd);
  if (st == VB_OK) {
    gradient(m, &lambda, in, b, row + m->n, r);
    st = vb_solve(m, &in->sol, r);
    *lost = fmax(*lost, furthest(m, r, NULL, sd));
  }
  in->sol.levels.to_the_end = 0;
  return st;
}
