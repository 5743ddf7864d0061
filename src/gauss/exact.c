/* The Gaussian block of quadratic families: exact given theta but for the prior sites, which live
 * on beta alone and are found on its Schur complement.  The rows are summed once. */
#include <math.h>
#include <string.h>
#include "gauss/arrow.h"
#include "gauss/ep.h"
#include "gauss/field.h"
#include "numbers/small.h"

void vb_exact_sums(const vb_model *m, vb_inner *in) {
  vb_cross_products(m, m->rows.w, &in->cross);
  vb_block b = {.m = in->trial.m};
  memset(b.m, 0, sizeof(double) * m->n_coef);
  memcpy(b.m, m->beta_ref, sizeof(double) * m->p);
  vb_linear_predictor(m, b.m, in->rows.eta);
  for (int i = 0; i < m->n; i++) in->rows.g[i] = m->rows.w[i] * (m->rows.y[i] - in->rows.eta[i]);
  vb_design_transpose(m, in->rows.g, in->sums.r_ref);
  in->sums.rss_ref = 0;
  for (int i = 0; i < m->n; i++)
    in->sums.rss_ref += in->rows.g[i] * (m->rows.y[i] - in->rows.eta[i]);
  in->sums.ready = 1;
}

/* out <- G mu, of G's lower triangle */
static void beta_product(int p, const double *G, const double *mu, double *out) {
  for (int k = 0; k < p; k++) {
    out[k] = 0;
    for (int l = 0; l < p; l++) out[k] += G[k >= l ? k + (size_t)l * p : l + (size_t)k * p] * mu[l];
  }
}

/* The bound on beta at N(mu, (G + diag(h))^-1) and, at the sites, its derivatives:
 *   r'mu - mu'G mu / 2 - tr(G V) / 2 + log |V| / 2 + sum of E log prior.  gmu gets G mu.
 * NaN where there is none. */
static double site_bound(const vb_model *m, vb_inner *in, const double *h, const double *r,
                         const double *mu, double *site_elbo) {
  int p = m->p;
  double *beta = in->beta.beta, *gmu = in->beta.gmu, own = 0;
  if (vb_factor_beta(m, h, &in->sol) != VB_OK) return NAN;
  memcpy(in->sol.s_beta, in->sol.beta_chol, sizeof(double) * p * p);
  vb_chol_inverse(p, in->sol.s_beta, p);
  for (int k = 0; k < p; k++) beta[k] = mu[k] + m->beta_ref[k];
  beta_product(p, in->sol.beta, mu, gmu);
  *site_elbo = vb_site_expectations(m, in, beta);
  for (int i = 0; i < m->n_site; i++) own += h[i] * in->sol.s_beta[m->site[i].k * (size_t)(p + 1)];
  double bound = vb_dot(p, r, mu) - vb_dot(p, mu, gmu) / 2 + own / 2 + *site_elbo -
                 (in->sol.log_det - in->sol.arrow.log_det) / 2;
  return isfinite(bound) ? bound : NAN;
}

/* One damped step of mean and site precisions; how far it went in sds, or 0 where no ascent is
 * left. */
static double site_step(const vb_model *m, vb_inner *in, vb_block *b, const double *r,
                        double *site_elbo, double *bound) {
  int p = m->p;
  double *mu = in->beta.mu, *grad = in->beta.grad, *trial = in->beta.trial, elbo, at = *bound;
  for (int k = 0; k < p; k++) grad[k] = r[k] - in->beta.gmu[k];
  for (int i = 0; i < m->n_site; i++) {
    grad[m->site[i].k] += in->sites.g[i];
    in->trial.site_target[i] = in->sites.h[i];
  }
  for (double rho = 1; rho > 1e-4; rho /= 2) {
    for (int i = 0; i < m->n_site; i++)
      in->trial.site_h[i] = b->site_h[i] + rho * (in->trial.site_target[i] - b->site_h[i]);
    if (vb_factor_beta(m, in->trial.site_h, &in->sol) != VB_OK) continue;
    memcpy(trial, grad, sizeof(double) * p);
    vb_chol_solve(p, in->sol.beta_chol, p, 1, trial, p);
    for (int k = 0; k < p; k++) trial[k] = mu[k] + rho * trial[k];
    double next = site_bound(m, in, in->trial.site_h, r, trial, &elbo);
    if (!(next >= at - 1e-11 * (1 + fabs(at)))) continue;
    double move = 0;
    for (int k = 0; k < p; k++)
      move = fmax(move, fabs(trial[k] - mu[k]) / sqrt(in->sol.s_beta[k * (size_t)(p + 1)]));
    for (int i = 0; i < m->n_site; i++) {
      double s2 = in->sol.s_beta[m->site[i].k * (size_t)(p + 1)];
      move = fmax(move, fabs(in->trial.site_h[i] - b->site_h[i]) * s2);
      b->site_h[i] = in->trial.site_h[i];
    }
    memcpy(mu, trial, sizeof(double) * p);
    *site_elbo = elbo;
    *bound = next;
    return move / rho;
  }
  *bound = site_bound(m, in, b->site_h, r, mu, site_elbo); /* back to where it was */
  return 0;
}

/* mean, relative to beta_ref, and precision of beta under its prior sites; r is the reduced
 * right-hand side */
static vb_status site_fixed_point(const vb_model *m, vb_inner *in, vb_block *b, const double *r,
                                  double *site_elbo) {
  int p = m->p;
  double *mu = in->beta.mu, bound, ridge = 1e-8;
  *site_elbo = 0;
  vb_status st = vb_factor_beta(m, b->site_h, &in->sol);
  for (int it = 0; st != VB_OK && it < 12 && m->n_site; it++, ridge *= 10) {
    for (int i = 0; i < m->n_site; i++) { /* sites hold what the data leave free */
      double own = in->sol.beta[m->site[i].k * (size_t)(p + 1)];
      b->site_h[i] = fmax(b->site_h[i], it ? ridge * (1 + fabs(own)) : 0);
    }
    st = vb_factor_beta(m, b->site_h, &in->sol);
  }
  if (st != VB_OK) return st;
  memcpy(mu, r, sizeof(double) * p);
  if (p) vb_chol_solve(p, in->sol.beta_chol, p, 1, mu, p);
  if (!m->n_site) return VB_OK;
  bound = site_bound(m, in, b->site_h, r, mu, site_elbo);
  if (!isfinite(bound)) return VB_NOT_FINITE;
  double gain = INFINITY;
  for (int it = 0; it < 200; it++) {
    double before = bound, move = site_step(m, in, b, r, site_elbo, &bound);
    gain = bound - before;
    if (move < 1e-6 || (it > 2 && gain < 1e-10)) return VB_OK;
  }
  return gain < 1e-7 ? VB_OK : VB_MAX_ITER; /* slow, but there is nothing left to be had */
}

/* what the prior says of c at beta_ref: into r; returns its quadratic form there */
static double prior_at_origin(const vb_model *m, const vb_theta *theta, vb_inner *in, double *r) {
  double origin = 0, *minus = in->beta.trial;
  const double *tilt = in->tilt;
  for (int k = 0; k < m->p; k++) minus[k] = -m->beta_ref[k];
  origin += vb_fields_beta_quadratic(m, theta, minus, r);
  for (int k = 0; k < m->p; k++) {
    double e = m->prior_mean[k] - m->beta_ref[k];
    r[k] += m->prior_precision[k] * e + (tilt ? tilt[k] : 0);
    origin += m->prior_precision[k] * e * e;
  }
  return origin;
}

vb_status vb_exact_solve(const vb_model *m, const vb_theta *theta, int inverse, vb_inner *in,
                         vb_block *b, double *elbo) {
  int p = m->p, n_coef = m->n_coef;
  double base, site_elbo;
  double *r = in->trial.r, *step = in->trial.step, *mu = in->beta.mu, *gmu = in->beta.gmu;
  if (!in->sums.ready) vb_exact_sums(m, in);
  m->family->base(&vb_rows_unit, theta->par, &base);
  double tau = vb_quadratic_precision(m, theta->par);
  vb_status st = vb_factor(m, theta, &in->cross, tau, &in->sol);
  if (st != VB_OK) return st;
  for (int k = 0; k < n_coef; k++) r[k] = tau * in->sums.r_ref[k];
  double origin = prior_at_origin(m, theta, in, r);
  memcpy(step, r, sizeof(double) * n_coef);
  vb_arrow_reduce(m, &in->sol, step);
  st = m->ep ? vb_ep_fixed_point(m, theta, in, b, step, &site_elbo)
             : site_fixed_point(m, in, b, step, &site_elbo);
  if (st != VB_OK && st != VB_MAX_ITER) return st;
  beta_product(p, in->sol.beta, mu, gmu);
  double value = vb_dot(p, step, mu) - vb_dot(p, mu, gmu);
  /* c'Lambda c over beta's rows: (Lambda c)_b = G mu + r_b - reduced r_b */
  double lam_mu = vb_dot(p, mu, gmu) + vb_dot(p, mu, r) - vb_dot(p, mu, step);
  memcpy(step, mu, sizeof(double) * p);
  vb_arrow_expand(m, &in->sol, step);
  double ru = vb_dot(n_coef - p, r + p, step + p);
  value = (value + ru + vb_dot(p, r, mu)) / 2;
  double own = 0; /* tr(G V) = p - sum h V over the sites */
  for (int i = 0; i < m->n_site; i++)
    own += b->site_h[i] * in->sol.s_beta[m->site[i].k * (size_t)(p + 1)];
  memcpy(b->m, step, sizeof(double) * n_coef);
  *elbo = m->n * base + (m->sum_log_w - tau * in->sums.rss_ref - origin) / 2 + value + site_elbo +
          m->log_prior_constant +
          (vb_prior_log_det(m, theta) - in->sol.log_det + own + p * VB_LOG_2PI) / 2;
  /* tau delta'H delta = delta'Lambda delta - delta'P delta, completed by the trace in
   * vb_quadratic_rms() */
  double prior_delta = vb_fields_beta_quadratic(m, theta, mu, NULL);
  for (int k = 0; k < p; k++) prior_delta += m->prior_precision[k] * mu[k] * mu[k];
  for (int k = 0; k < p; k++) step[k] = m->prior_mean[k];
  prior_delta += vb_prior_quadratic(m, theta, step, NULL);
  in->sums.rss = in->sums.rss_ref + (lam_mu + ru - prior_delta - own) / tau;
  in->sums.rss -= 2 * vb_dot(n_coef, b->m, in->sums.r_ref);
  for (int k = 0; k < p; k++) b->m[k] += m->beta_ref[k];
  in->trace.n_sweep++;
  if (inverse && vb_selected_inverse(m, NULL, &in->sol) != VB_OK) return VB_NOT_POS_DEF;
  return isfinite(*elbo) ? st : VB_NOT_FINITE;
}
