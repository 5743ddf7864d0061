/* The Gaussian block: the best q(c | theta) = N(m, S), S^-1 = P + A' diag(h) A, by damped
 * natural-gradient (Newton) steps on the exact ELBO (Opper & Archambeau 2009; Khan & Rue 2023;
 * mathematics.Rmd, section 3).
 *   F = sum E log f + sum_sites E log prior - (m - mu0)' P (m - mu0) / 2 - tr(P S) / 2
 *       + log |P| / 2 - log |S^-1| / 2 + (p/2) (1 + log 2 pi) + D_u / 2 + constants
 * Every accepted sweep raises F. */
#include <math.h>
#include <string.h>
#include "gauss/arrow.h"
#include "gauss/ep.h"
#include "gauss/stein.h"
#include "numbers/small.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)
#define EP_SWEEPS 80    /* with moment-matched sites, which settle or do not */
#define ASTRAY 1        /* the same, in nats, of one that runs away */
#define STATIONARY 1e-3 /* Newton decrement in nats that a converged mean may still have */

void vb_inner_alloc(const vb_model *m, vb_inner *in) {
  const vb_host *host = m->host;
  int n = m->n + 1, n_coef = m->n_coef + 1, n_site = m->n_site + 1;
  memset(in, 0, sizeof *in);
  vb_cross_alloc(m, &in->cross);
  vb_solution_alloc(m, &in->sol);
  double **per_cell[] = {&in->eta, &in->v, &in->ll, &in->g, &in->h, &in->target, &in->h_try};
  for (int k = 0; k < 7; k++) *per_cell[k] = host->alloc(n, sizeof(double));
  double **per_coef[] = {&in->m_try, &in->r, &in->r_ref, &in->step};
  for (int k = 0; k < 4; k++) *per_coef[k] = host->alloc(n_coef, sizeof(double));
  double **per_site[] = {&in->site_g,   &in->site_h, &in->site_target,
                         &in->site_try, &in->ep_h,   &in->ep_b};
  for (int k = 0; k < 6; k++) *per_site[k] = host->alloc(n_site, sizeof(double));
  in->ep_work = host->alloc(5 * (size_t)n_site, sizeof(double));
  vb_relax_alloc(host, m->ep ? m->n : 0, &in->row_pace);
  vb_relax_alloc(host, 2 * m->n_site, &in->ep_pace);
  in->u = host->alloc((size_t)(m->n_term + 1) * STRIDE, sizeof(double));
  in->mu = host->alloc((size_t)m->p * 5 + 1, sizeof(double));
}

static double site_expectations(const vb_model *m, vb_inner *in, const double *beta) {
  double total = 0;
  if (m->ep) return vb_ep_expect(m, in, beta);
  for (int i = 0; i < m->n_site; i++) {
    int k = m->site[i].k;
    total += vb_expect_site(m, m->site + i, beta[k], in->sol.s_beta[k * (size_t)(m->p + 1)],
                            in->site_g + i, in->site_h + i);
  }
  return total;
}

static double tilt_value(const vb_model *m, const vb_inner *in, const double *beta) {
  double t = 0;
  for (int k = 0; k < m->p && in->tilt; k++) t += in->tilt[k] * beta[k];
  return t;
}

/* F at N(c, (P + A'diag(h)A)^-1), the factor of which is in sol already */
static vb_status objective(const vb_model *m, const vb_theta *theta, vb_inner *in, const double *c,
                           double base, double *elbo) {
  vb_status st = vb_selected_inverse(m, NULL, &in->sol);
  if (st != VB_OK) return st;
  vb_linear_predictor(m, c, in->eta);
  vb_row_variance(m, &in->sol, in->v);
  for (int i = 0; i < m->n; i++)
    if (!(in->v[i] > -1e-10)) return VB_NOT_POS_DEF;
  in->lik = theta->rule ? vb_expect_rule(m, theta->rule, in->eta, in->v, in->ll, in->g, in->h)
                        : base + vb_expect(m, theta->par, in->eta, in->v, in->ll, in->g, in->h);
  double f = in->lik + site_expectations(m, in, c) + m->log_prior_constant + tilt_value(m, in, c);
  f += (vb_prior_log_det(m, theta) - vb_prior_quadratic(m, theta, c, NULL) -
        vb_prior_trace(m, theta, &in->sol)) /
       2;
  f += (m->n_coef + m->p * VB_LOG_2PI - in->sol.log_det) / 2;
  *elbo = f;
  return isfinite(f) ? VB_OK : VB_NOT_FINITE;
}

static vb_status factor_at(const vb_model *m, const vb_theta *theta, vb_inner *in, const double *h,
                           const double *site_h) {
  vb_cross_products(m, h, &in->cross);
  vb_status st = vb_factor(m, theta, &in->cross, 1, &in->sol);
  return st == VB_OK ? vb_factor_beta(m, site_h, &in->sol) : st;
}

/* one damped step from b towards the target precision along the gradient in->r */
static vb_status damped_step(const vb_model *m, const vb_theta *theta, double base, double elbo,
                             double slack, vb_inner *in, vb_block *b, double *out) {
  double pace = m->ep ? vb_ep_row_pace(m, in, b->h) : 1;
  for (double rho = 1; rho > 1e-4; rho /= 2) {
    for (int i = 0; i < m->n; i++)
      in->h_try[i] = (1 - rho * pace) * b->h[i] + rho * pace * in->target[i];
    for (int i = 0; i < m->n_site; i++)
      in->site_try[i] = (1 - rho) * b->site_h[i] + rho * in->site_target[i];
    in->n_sweep++;
    if (factor_at(m, theta, in, in->h_try, in->site_try) != VB_OK) continue;
    memcpy(in->step, in->r, sizeof(double) * m->n_coef);
    if (vb_solve(m, &in->sol, in->step) == VB_INTERRUPTED) return VB_INTERRUPTED;
    in->decrement = vb_dot(m->n_coef, in->r, in->step) / 2;
    for (int k = 0; k < m->n_coef; k++) in->m_try[k] = b->m[k] + rho * in->step[k];
    if (objective(m, theta, in, in->m_try, base, out) != VB_OK || *out < elbo - slack) continue;
    memcpy(b->m, in->m_try, sizeof(double) * m->n_coef);
    memcpy(b->h, in->h_try, sizeof(double) * m->n);
    memcpy(b->site_h, in->site_try, sizeof(double) * m->n_site);
    in->decrement *= 1 - rho; /* a full step leaves nothing of it to first order */
    return VB_OK;
  }
  return VB_NOT_FINITE;
}

/* gradient of F in the mean: A'g - P (m - mu0) + sites + tilt */
static void mean_gradient(const vb_model *m, const vb_theta *theta, vb_inner *in, const double *c) {
  vb_design_transpose(m, in->g, in->r);
  vb_prior_quadratic(m, theta, c, in->step);
  for (int k = 0; k < m->n_coef; k++) in->r[k] -= in->step[k];
  for (int i = 0; i < m->n_site; i++) in->r[m->site[i].k] += in->site_g[i];
  for (int k = 0; k < m->p && in->tilt; k++) in->r[k] += in->tilt[k];
}

static vb_status solve_general(const vb_model *m, const vb_theta *theta, double tol, int max_sweep,
                               vb_inner *in, vb_block *b, double *elbo) {
  double base = vb_base(m, theta->par), slack = 1e-10 * (1 + m->n), last = 1, off = 0;
  if (m->ep) vb_ep_start(m, theta, in, b);
  in->row_pace.pace = in->ep_pace.pace = in->decrement = 0;
  if (m->ep && max_sweep > EP_SWEEPS) max_sweep = EP_SWEEPS;
  vb_status st = factor_at(m, theta, in, b->h, b->site_h);
  if (st == VB_OK) st = objective(m, theta, in, b->m, base, elbo);
  if (st == VB_NOT_POS_DEF) { /* a warm start with negative weights that fits theta no more */
    for (int i = 0; i < m->n; i++) b->h[i] = fmax(b->h[i], 1e-3);
    for (int i = 0; i < m->n_site; i++) b->site_h[i] = fmax(b->site_h[i], 0);
    st = factor_at(m, theta, in, b->h, b->site_h);
    if (st == VB_OK) st = objective(m, theta, in, b->m, base, elbo);
  }
  if (st != VB_OK) return st;
  for (int sweep = 0; sweep < max_sweep; sweep++) {
    double next;
    if (m->ep && sweep && !in->tilt) { /* the bound under other surrogates: what it has to keep */
      double change;
      off = vb_ep_relax(m, theta, in, b->m, &change);
      *elbo += change;
      memcpy(b->site_b, in->ep_b, sizeof(double) * m->n_site);
    }
    memcpy(in->target, in->h, sizeof(double) * m->n);
    memcpy(in->site_target, in->site_h, sizeof(double) * m->n_site);
    mean_gradient(m, theta, in, b->m);
    st = damped_step(m, theta, base, *elbo, slack, in, b, &next);
    if (st == VB_INTERRUPTED) return st;
    if (st != VB_OK) { /* no ascent left: back to the best q there is */
      double left = in->decrement;
      st = factor_at(m, theta, in, b->h, b->site_h);
      if (st == VB_OK) st = objective(m, theta, in, b->m, base, elbo);
      return st == VB_OK && left > STATIONARY ? VB_MAX_ITER : st;
    }
    double gain = next - *elbo, ratio = sweep ? fmin(fmax(fabs(gain) / last, 0.2), 0.95) : 0.5;
    *elbo = next;
    last = fmax(fabs(gain), 1e-300);
    if (in->on_sweep && !m->ep) in->on_sweep(in->data, next);
    /* after the first, gains shrink geometrically: what is left is their tail */
    if (fabs(gain) * ratio / (1 - ratio) < tol && (sweep || fabs(gain) < tol) &&
        in->decrement < STATIONARY && (!m->ep || in->tilt || (sweep && off < 1e-4)))
      return VB_OK;
    if ((m->n > 20000 || m->family->opaque || (sweep & 7) == 7) && m->host->poll())
      return VB_INTERRUPTED;
  }
  return VB_MAX_ITER;
}

/* ---- quadratic families: exact given theta but for prior sites, which live on beta alone
 * ------------------ */

void vb_quadratic_setup(const vb_model *m, vb_inner *in) {
  vb_cross_products(m, m->rows.w, &in->cross);
  vb_block b = {.m = in->m_try};
  memset(b.m, 0, sizeof(double) * m->n_coef);
  memcpy(b.m, m->beta_ref, sizeof(double) * m->p);
  vb_linear_predictor(m, b.m, in->eta);
  for (int i = 0; i < m->n; i++) in->g[i] = m->rows.w[i] * (m->rows.y[i] - in->eta[i]);
  vb_design_transpose(m, in->g, in->r_ref);
  in->rss_ref = 0;
  for (int i = 0; i < m->n; i++) in->rss_ref += in->g[i] * (m->rows.y[i] - in->eta[i]);
  in->fixed_cross = 1;
}

/* The bound on beta at N(mu, (G + diag(h))^-1) and, at the sites, its derivatives:
 *   r'mu - mu'G mu / 2 - tr(G V) / 2 + log |V| / 2 + sum of E log prior.  gmu gets G mu. */
static vb_status site_bound(const vb_model *m, vb_inner *in, const double *h, const double *r,
                            const double *mu, double *gmu, double *site_elbo, double *bound) {
  int p = m->p;
  double *beta = in->mu + 4 * p, own = 0;
  vb_status st = vb_factor_beta(m, h, &in->sol);
  if (st != VB_OK) return st;
  memcpy(in->sol.s_beta, in->sol.beta_chol, sizeof(double) * p * p);
  vb_chol_inverse(p, in->sol.s_beta, p);
  for (int k = 0; k < p; k++) {
    beta[k] = mu[k] + m->beta_ref[k];
    gmu[k] = 0;
    for (int l = 0; l < p; l++)
      gmu[k] += in->sol.beta[k >= l ? k + (size_t)l * p : l + (size_t)k * p] * mu[l];
  }
  *site_elbo = site_expectations(m, in, beta);
  for (int i = 0; i < m->n_site; i++) own += h[i] * in->sol.s_beta[m->site[i].k * (size_t)(p + 1)];
  *bound = vb_dot(p, r, mu) - vb_dot(p, mu, gmu) / 2 + own / 2 + *site_elbo -
           (in->sol.log_det - in->sol.arrow.log_det) / 2;
  return isfinite(*bound) ? VB_OK : VB_NOT_FINITE;
}

/* One damped step of mean and site precisions; how far it went in sds, or 0 where no ascent is
 * left. */
static double site_step(const vb_model *m, vb_inner *in, vb_block *b, const double *r, double *mu,
                        double *gmu, double *site_elbo, double *bound) {
  int p = m->p;
  double *grad = in->mu + p, *trial = in->mu + 2 * p, next, elbo, at = *bound;
  for (int k = 0; k < p; k++) grad[k] = r[k] - gmu[k];
  for (int i = 0; i < m->n_site; i++) {
    grad[m->site[i].k] += in->site_g[i];
    in->site_target[i] = in->site_h[i];
  }
  for (double rho = 1; rho > 1e-4; rho /= 2) {
    for (int i = 0; i < m->n_site; i++)
      in->site_try[i] = b->site_h[i] + rho * (in->site_target[i] - b->site_h[i]);
    if (vb_factor_beta(m, in->site_try, &in->sol) != VB_OK) continue;
    memcpy(trial, grad, sizeof(double) * p);
    vb_chol_solve(p, in->sol.beta_chol, p, 1, trial, p);
    for (int k = 0; k < p; k++) trial[k] = mu[k] + rho * trial[k];
    if (site_bound(m, in, in->site_try, r, trial, gmu, &elbo, &next) != VB_OK) continue;
    if (next < at - 1e-11 * (1 + fabs(at))) continue;
    double move = 0;
    for (int k = 0; k < p; k++)
      move = fmax(move, fabs(trial[k] - mu[k]) / sqrt(in->sol.s_beta[k * (size_t)(p + 1)]));
    for (int i = 0; i < m->n_site; i++) {
      double s2 = in->sol.s_beta[m->site[i].k * (size_t)(p + 1)];
      move = fmax(move, fabs(in->site_try[i] - b->site_h[i]) * s2);
      b->site_h[i] = in->site_try[i];
    }
    memcpy(mu, trial, sizeof(double) * p);
    *site_elbo = elbo;
    *bound = next;
    return move / rho;
  }
  site_bound(m, in, b->site_h, r, mu, gmu, site_elbo, bound); /* back to where it was */
  return 0;
}

/* mean and precision on beta under its prior sites; mu is relative to beta_ref, r the reduced
 * right-hand side */
static vb_status site_fixed_point(const vb_model *m, vb_inner *in, vb_block *b, const double *r,
                                  double *mu, double *site_elbo) {
  int p = m->p;
  double *gmu = in->mu + 3 * p, bound, ridge = 1e-8;
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
  st = site_bound(m, in, b->site_h, r, mu, gmu, site_elbo, &bound);
  if (st != VB_OK) return st;
  double gain = INFINITY;
  for (int it = 0; it < 200; it++) {
    double before = bound, move = site_step(m, in, b, r, mu, gmu, site_elbo, &bound);
    gain = bound - before;
    if (move < 1e-6 || (it > 2 && gain < 1e-10)) return VB_OK;
  }
  return gain < 1e-7 ? VB_OK : VB_MAX_ITER; /* slow, but there is nothing left to be had */
}

static vb_status solve_quadratic(const vb_model *m, const vb_theta *theta, int want_inverse,
                                 vb_inner *in, vb_block *b, double *elbo) {
  int p = m->p, n_coef = m->n_coef;
  double base, site_elbo;
  if (!in->fixed_cross) vb_quadratic_setup(m, in);
  m->family->base(&vb_rows_unit, theta->par, &base);
  double tau = vb_quadratic_precision(m, theta->par), origin = 0;
  vb_status st = vb_factor(m, theta, &in->cross, tau, &in->sol);
  if (st != VB_OK) return st;
  for (int k = 0; k < n_coef; k++) in->r[k] = tau * in->r_ref[k];
  for (int k = 0; k < p; k++) {
    double e = m->prior_mean[k] - m->beta_ref[k];
    in->r[k] += m->prior_precision[k] * e + (in->tilt ? in->tilt[k] : 0);
    origin += m->prior_precision[k] * e * e;
  }
  memcpy(in->step, in->r, sizeof(double) * n_coef);
  vb_arrow_reduce(m, &in->sol, in->step);
  double *mu = in->mu, *gmu = in->mu + 3 * p;
  st = m->ep ? vb_ep_fixed_point(m, theta, in, b, in->step, mu, &site_elbo)
             : site_fixed_point(m, in, b, in->step, mu, &site_elbo);
  if (st != VB_OK && st != VB_MAX_ITER) return st;
  for (int k = 0; k < p; k++) {
    gmu[k] = 0;
    for (int l = 0; l < p; l++)
      gmu[k] += in->sol.beta[k >= l ? k + (size_t)l * p : l + (size_t)k * p] * mu[l];
  }
  double value = vb_dot(p, in->step, mu) - vb_dot(p, mu, gmu);
  /* c'Lambda c over beta's rows: (Lambda c)_b = G mu + r_b - reduced r_b */
  double lam_mu = vb_dot(p, mu, gmu) + vb_dot(p, mu, in->r) - vb_dot(p, mu, in->step);
  memcpy(in->step, mu, sizeof(double) * p);
  vb_arrow_expand(m, &in->sol, in->step);
  double ru = vb_dot(n_coef - p, in->r + p, in->step + p);
  value = (value + ru + vb_dot(p, in->r, mu)) / 2;
  double own = 0; /* tr(G V) = p - sum h V over the sites */
  for (int i = 0; i < m->n_site; i++)
    own += b->site_h[i] * in->sol.s_beta[m->site[i].k * (size_t)(p + 1)];
  memcpy(b->m, in->step, sizeof(double) * n_coef);
  *elbo = m->n * base + (m->sum_log_w - tau * in->rss_ref - origin) / 2 + value + site_elbo +
          m->log_prior_constant +
          (vb_prior_log_det(m, theta) - in->sol.log_det + own + p * VB_LOG_2PI) / 2;
  /* tau delta'H delta = delta'Lambda delta - delta'P delta, completed by the trace in
   * vb_inner_gradient */
  double prior_delta = 0;
  for (int k = 0; k < p; k++) prior_delta += m->prior_precision[k] * mu[k] * mu[k];
  for (int k = 0; k < p; k++) in->step[k] = m->prior_mean[k];
  prior_delta += vb_prior_quadratic(m, theta, in->step, NULL);
  in->rss = in->rss_ref + (lam_mu + ru - prior_delta - own) / tau;
  in->rss -= 2 * vb_dot(n_coef, b->m, in->r_ref);
  for (int k = 0; k < p; k++) b->m[k] += m->beta_ref[k];
  in->n_sweep++;
  if (want_inverse && vb_selected_inverse(m, NULL, &in->sol) != VB_OK) return VB_NOT_POS_DEF;
  return isfinite(*elbo) ? st : VB_NOT_FINITE;
}

vb_status vb_inner_solve(const vb_model *m, const vb_theta *theta, double tol, int max_sweep,
                         int want_inverse, vb_inner *in, vb_block *b, double *elbo) {
  *elbo = -INFINITY; /* where there is none */
  in->ep_floor = 0;
  vb_status st = m->quadratic ? solve_quadratic(m, theta, want_inverse, in, b, elbo)
                              : solve_general(m, theta, tol, max_sweep, in, b, elbo);
  if (m->ep && !m->quadratic && st != VB_OK && st != VB_INTERRUPTED && in->decrement > ASTRAY) {
    /* where the rows are flat, surrogates that widen hold nothing: again without them */
    if (in->tilt) return VB_NOT_FINITE;
    in->ep_floor = 1;
    vb_block_start(m, theta->par, in, b);
    st = solve_general(m, theta, tol, max_sweep, in, b, elbo);
  }
  /* short of convergence S belongs to the precision that made it, and so must the remainder: with
   * another the quadratic terms would not cancel against the prior's */
  if (!m->quadratic) memcpy(in->h, b->h, sizeof(double) * m->n);
  if (m->ep && !m->quadratic && !in->tilt && isfinite(*elbo)) {
    double evidence = vb_ep_evidence(m, theta, in, b->m);
    in->ep_value = vb_ep_expect(m, in, b->m) + evidence;
    *elbo += evidence;
  }
  *elbo += theta->log_prior;
  return st;
}
