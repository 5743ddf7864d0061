/* The Gaussian block: the best q(c | theta) = N(m, S), S^-1 = P + A' diag(h) A, by damped
 * natural-gradient (Newton) steps on the exact ELBO (Opper & Archambeau 2009; Khan & Rue 2023;
 * mathematics.Rmd, section 3).
 *   F = sum E log f + sum_sites E log prior - (m - mu0)' P (m - mu0) / 2 - tr(P S) / 2
 *       + log |P| / 2 - log |S^-1| / 2 + (p/2) (1 + log 2 pi) + D_u / 2 + constants
 * Every accepted sweep raises F. */
#include <math.h>
#include <string.h>
#include "gauss/ep.h"
#include "gauss/scheme.h"
#include "gauss/several.h"
#include "gauss/stein.h"
#include "numbers/small.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)
#define EP_SWEEPS 80    /* with moment-matched sites, which settle or do not */
#define ASTRAY 1        /* the same, in nats, of one that runs away */
#define STATIONARY 1e-3 /* Newton decrement in nats that a converged mean may still have */
#define MEAN_STEPS 4    /* of the mean alone, before the precision follows */
#define WORTH 0.1       /* by how much such a step should cut the decrement, for another */
#define SETTLED 0.0001  /* share of the tolerance that the mean may leave */
#define OF_BOUND 0.01   /* tolerances that the bound on what the precision may still give may be */
#define FAR 0.05        /* nats a coefficient from which on the precision will change anyway */

static void alloc_all(const vb_host *host, int n, int n_array, double **array[]) {
  for (int k = 0; k < n_array; k++) *array[k] = host->alloc((size_t)n + 1, sizeof(double));
}

void vb_inner_alloc(const vb_model *m, vb_inner *in) {
  const vb_host *host = m->host;
  memset(in, 0, sizeof *in);
  vb_cross_alloc(m, &in->cross);
  vb_solution_alloc(m, &in->sol);
  vb_row_state *r = &in->rows;
  vb_trial *t = &in->trial;
  vb_beta_state *b = &in->beta;
  alloc_all(host, m->n, 7, (double **[]){&r->eta, &r->v, &r->ll, &r->g, &r->h, &t->h, &t->target});
  alloc_all(host, m->n_coef, 4, (double **[]){&t->m, &t->r, &t->step, &in->sums.r_ref});
  alloc_all(host, m->n_site, 4,
            (double **[]){&in->sites.g, &in->sites.h, &t->site_h, &t->site_target});
  alloc_all(host, m->n_site, 2, (double **[]){&in->ep.h, &in->ep.b});
  alloc_all(host, 5 * m->n_site, 1, (double **[]){&in->ep.work});
  alloc_all(host, m->p, 5, (double **[]){&b->mu, &b->grad, &b->trial, &b->gmu, &b->beta});
  if (m->family->opaque) r->stein = vb_stein_make(m);
  vb_relax_alloc(host, m->ep ? m->n : 0, &in->ep.row_pace);
  vb_relax_alloc(host, 2 * m->n_site, &in->ep.pace);
  in->moments = host->alloc((size_t)(m->n_term + 1) * STRIDE, sizeof(double));
  size_t widest = 0;
  for (int i = 0; i < m->n_field; i++)
    if (m->field[i].size > widest) widest = m->field[i].size;
  in->field_moments = host->alloc(widest + 1, sizeof(double));
}

static double tilt_value(const vb_model *m, const vb_inner *in, const double *beta) {
  double t = 0;
  for (int k = 0; k < m->p && in->tilt; k++) t += in->tilt[k] * beta[k];
  return t;
}

/* F at N(c, S), where S and the rows' variances under it are at hand */
static vb_status value_at(const vb_model *m, const vb_theta *theta, vb_inner *in, const double *c,
                          double base, double *elbo) {
  vb_row_state *r = &in->rows;
  vb_linear_predictor(m, c, r->eta);
  const vb_etas e = vb_row_etas(r);
  r->lik = theta->rule ? vb_expect_rule(m, theta->rule, &e, r->ll, r->g, r->h)
                       : base + vb_expect(m, theta->par, &e, r->ll, r->g, r->h);
  double f = r->lik + vb_site_expectations(m, in, c) + m->log_prior_constant + tilt_value(m, in, c);
  f += (vb_prior_log_det(m, theta) - vb_prior_quadratic(m, theta, c, NULL) -
        vb_prior_trace(m, theta, &in->sol)) /
       2;
  f += (m->n_free + m->p * VB_LOG_2PI - in->sol.log_det) / 2;
  *elbo = f;
  return isfinite(f) ? VB_OK : VB_NOT_FINITE;
}

/* F at N(c, (P + A'diag(h)A)^-1), the factor of which is in sol already */
static vb_status objective(const vb_model *m, const vb_theta *theta, vb_inner *in, const double *c,
                           double base, double *elbo) {
  vb_status st = vb_selected_inverse(m, NULL, &in->sol);
  if (st != VB_OK) return st;
  vb_row_variance(m, &in->sol, in->rows.v);
  for (int i = 0; i < m->n; i++)
    if (!(in->rows.v[i] > -1e-10)) return VB_NOT_POS_DEF;
  return value_at(m, theta, in, c, base, elbo);
}

static vb_status factor_at(const vb_model *m, const vb_theta *theta, vb_inner *in, const double *h,
                           const double *site_h) {
  vb_cross_products(m, h, &in->cross);
  vb_status st = vb_factor(m, theta, &in->cross, 1, &in->sol);
  return st == VB_OK ? vb_factor_beta(m, site_h, &in->sol) : st;
}

/* the step of the mean by the factor at hand, and what it promises */
static vb_status newton_step(const vb_model *m, vb_inner *in) {
  vb_trial *t = &in->trial;
  memcpy(t->step, t->r, sizeof(double) * m->n_coef);
  if (vb_solve(m, &in->sol, t->step) == VB_INTERRUPTED) return VB_INTERRUPTED;
  t->decrement = vb_dot(m->n_coef, t->r, t->step) / 2;
  return VB_OK;
}

typedef struct { /* what a sweep stands on */
  double base;   /* of the log likelihood: what is free of eta */
  double slack;  /* of the bound: what is rounding */
  double elbo;
} footing;

/* one damped step from b towards the target precision along the gradient of the mean */
static vb_status damped_step(const vb_model *m, const vb_theta *theta, const footing *at,
                             vb_inner *in, vb_block *b, double *out) {
  vb_trial *t = &in->trial;
  double pace = m->ep ? vb_ep_row_pace(m, in, b->h) : 1;
  for (double rho = 1; rho > 1e-4; rho /= 2) {
    for (int i = 0; i < m->n; i++) t->h[i] = (1 - rho * pace) * b->h[i] + rho * pace * t->target[i];
    for (int i = 0; i < m->n_site; i++)
      t->site_h[i] = (1 - rho) * b->site_h[i] + rho * t->site_target[i];
    in->trace.n_sweep++;
    if (factor_at(m, theta, in, t->h, t->site_h) != VB_OK) continue;
    if (newton_step(m, in) == VB_INTERRUPTED) return VB_INTERRUPTED;
    for (int k = 0; k < m->n_coef; k++) t->m[k] = b->m[k] + rho * t->step[k];
    if (objective(m, theta, in, t->m, at->base, out) != VB_OK || *out < at->elbo - at->slack)
      continue;
    memcpy(b->m, t->m, sizeof(double) * m->n_coef);
    memcpy(b->h, t->h, sizeof(double) * m->n);
    memcpy(b->site_h, t->site_h, sizeof(double) * m->n_site);
    t->decrement *= 1 - rho; /* a full step leaves nothing of it to first order */
    return VB_OK;
  }
  return VB_NOT_FINITE;
}

/* gradient of F in the mean: A'g - P (m - mu0) + sites + tilt */
static void mean_gradient(const vb_model *m, const vb_theta *theta, vb_inner *in, const double *c) {
  vb_design_transpose(m, in->rows.g, in->trial.r);
  vb_prior_quadratic(m, theta, c, in->trial.step);
  for (int k = 0; k < m->n_coef; k++) in->trial.r[k] -= in->trial.step[k];
  for (int i = 0; i < m->n_site; i++) in->trial.r[m->site[i].k] += in->sites.g[i];
  for (int k = 0; k < m->p && in->tilt; k++) in->trial.r[k] += in->tilt[k];
}

static void aim(const vb_model *m, const vb_theta *theta, vb_inner *in, const vb_block *b) {
  memcpy(in->trial.target, in->rows.h, sizeof(double) * m->n);
  memcpy(in->trial.site_target, in->sites.h, sizeof(double) * m->n_site);
  mean_gradient(m, theta, in, b->m);
}

/* Newton's steps of the mean alone, by the factor at hand: they cost a pass over the rows and no
 * factor.  The gradient and the precisions aimed at are those of b->m, before and after. */
static vb_status settle_mean(const vb_model *m, const vb_theta *theta, double tol, footing *at,
                             vb_inner *in, vb_block *b) {
  vb_trial *t = &in->trial;
  double before = INFINITY, next;
  for (int k = 0;; k++) {
    if (newton_step(m, in) == VB_INTERRUPTED) return VB_INTERRUPTED;
    if (k == MEAN_STEPS || t->decrement < SETTLED * tol || t->decrement > WORTH * before ||
        t->decrement > FAR * m->n_coef)
      return VB_OK;
    for (int i = 0; i < m->n_coef; i++) t->m[i] = b->m[i] + t->step[i];
    if (value_at(m, theta, in, t->m, at->base, &next) != VB_OK || next < at->elbo - at->slack)
      return VB_OK;
    before = t->decrement;
    at->elbo = next;
    memcpy(b->m, t->m, sizeof(double) * m->n_coef);
    aim(m, theta, in, b);
  }
}

/* What of F is still to be had by S, the precisions dh from those aimed at: to second order
 * sum_ij dh_i dh_j (a_i'S a_j)^2 / 4, and as A S A' diag(h) A S A' is at most A S A', the sum over
 * rows is at most that of v_i dh_i^2 / h_i (Schur's test); where h is not positive, by
 * Cauchy-Schwarz. */
static double precision_gap(const vb_model *m, const vb_inner *in, const vb_block *b) {
  double square = 0, plain = 0;
  for (int i = 0; i < m->n; i++) {
    double dh = in->trial.target[i] - b->h[i], v = fmax(in->rows.v[i], 0);
    if (b->h[i] > 1e-12)
      square += v * dh * dh / b->h[i];
    else
      plain += v * fabs(dh);
  }
  for (int i = 0; i < m->n_site; i++)
    plain += fabs(in->trial.site_target[i] - b->site_h[i]) *
             in->sol.s_beta[m->site[i].k * (size_t)(m->p + 1)];
  double root = sqrt(square) + plain;
  return root * root / 4;
}

/* the factor and the bound at b, where a warm start with negative weights may fit theta no more */
static vb_status begin(const vb_model *m, const vb_theta *theta, double base, vb_inner *in,
                       vb_block *b, double *elbo) {
  vb_status st = factor_at(m, theta, in, b->h, b->site_h);
  if (st == VB_OK) st = objective(m, theta, in, b->m, base, elbo);
  if (st != VB_NOT_POS_DEF) return st;
  if (m->family->several) vb_several_diagonal(m->family->several, m->n, 1e-3, b->h);
  for (int i = 0; i < m->n && !m->family->several; i++) b->h[i] = fmax(b->h[i], 1e-3);
  for (int i = 0; i < m->n_site; i++) b->site_h[i] = fmax(b->site_h[i], 0);
  st = factor_at(m, theta, in, b->h, b->site_h);
  return st == VB_OK ? objective(m, theta, in, b->m, base, elbo) : st;
}

/* no ascent left: back to the best q there is */
static vb_status end(const vb_model *m, const vb_theta *theta, double base, vb_inner *in,
                     vb_block *b, double *elbo) {
  double left = in->trial.decrement;
  vb_status st = factor_at(m, theta, in, b->h, b->site_h);
  if (st == VB_OK) st = objective(m, theta, in, b->m, base, elbo);
  return st == VB_OK && left > STATIONARY ? VB_MAX_ITER : st;
}

static vb_status sweep_to_optimum(const vb_model *m, const vb_theta *theta, const vb_effort *effort,
                                  vb_inner *in, vb_block *b, double *elbo) {
  footing at = {.base = vb_base(m, theta->par), .slack = 1e-10 * (1 + m->n)};
  double last = 1, off = 0, tol = effort->tol;
  int alone = !m->ep && !m->scheme->independent; /* may the mean move alone? */
  int most = m->ep && effort->max_sweep > EP_SWEEPS ? EP_SWEEPS : effort->max_sweep;
  if (m->ep) vb_ep_start(m, theta, in, b);
  in->ep.row_pace.pace = in->ep.pace.pace = in->trial.decrement = 0;
  vb_status st = begin(m, theta, at.base, in, b, elbo);
  if (st != VB_OK) return st;
  for (int sweep = 0; sweep < most; sweep++) {
    double next;
    if (m->ep && sweep && !in->tilt) { /* the bound under other surrogates: what it has to keep */
      double change;
      off = vb_ep_relax(m, theta, in, b->m, &change);
      *elbo += change;
      memcpy(b->site_b, in->ep.b, sizeof(double) * m->n_site);
    }
    aim(m, theta, in, b);
    at.elbo = *elbo;
    if (alone) {
      if (settle_mean(m, theta, tol, &at, in, b) == VB_INTERRUPTED) return VB_INTERRUPTED;
      *elbo = at.elbo;
      if (in->trial.decrement < SETTLED * tol && precision_gap(m, in, b) < OF_BOUND * tol)
        return VB_OK;
    }
    st = damped_step(m, theta, &at, in, b, &next);
    if (st == VB_INTERRUPTED) return st;
    if (st != VB_OK) return end(m, theta, at.base, in, b, elbo);
    double gain = next - *elbo, ratio = sweep ? fmin(fmax(fabs(gain) / last, 0.2), 0.95) : 0.5;
    *elbo = next;
    last = fmax(fabs(gain), 1e-300);
    if (in->trace.on_sweep && !m->ep) in->trace.on_sweep(in->trace.data, next);
    /* after the first, gains shrink geometrically: what is left is their tail */
    if (fabs(gain) * ratio / (1 - ratio) < tol && (sweep || fabs(gain) < tol) &&
        in->trial.decrement < STATIONARY && (!m->ep || in->tilt || (sweep && off < 1e-4)))
      return VB_OK;
    if ((m->n > 20000 || m->family->opaque || (sweep & 7) == 7) && m->host->poll())
      return VB_INTERRUPTED;
  }
  return VB_MAX_ITER;
}

static vb_status sweeps(const vb_model *m, const vb_theta *theta, const vb_effort *effort,
                        vb_inner *in, vb_block *b, double *elbo) {
  vb_status st = sweep_to_optimum(m, theta, effort, in, b, elbo);
  if (m->ep && st != VB_OK && st != VB_INTERRUPTED && in->trial.decrement > ASTRAY) {
    /* where the rows are flat, surrogates that widen hold nothing: again without them */
    if (in->tilt) return VB_NOT_FINITE;
    in->ep.floor = 1;
    vb_block_start(m, theta->par, in, b);
    st = sweep_to_optimum(m, theta, effort, in, b, elbo);
  }
  /* short of convergence S belongs to the precision that made it, and so must the remainder: with
   * another the quadratic terms would not cancel against the prior's */
  memcpy(in->rows.h, b->h, sizeof(double) * m->n);
  if (m->ep && !in->tilt && isfinite(*elbo)) {
    double evidence = vb_ep_evidence(m, theta, in, b->m);
    in->ep.value = vb_ep_expect(m, in, b->m) + evidence;
    *elbo += evidence;
  }
  *elbo += theta->log_prior;
  return st;
}

vb_status vb_inner_solve(const vb_model *m, const vb_theta *theta, const vb_effort *effort,
                         vb_inner *in, vb_block *b, double *elbo) {
  *elbo = -INFINITY; /* where there is none */
  in->ep.floor = 0;
  if (!m->quadratic) return sweeps(m, theta, effort, in, b, elbo);
  vb_status st = vb_exact_solve(m, theta, effort->inverse, in, b, elbo);
  *elbo += theta->log_prior;
  return st;
}
