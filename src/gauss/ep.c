/* Expectation propagation (Minka 2001) for prior sites that no Gaussian fits: a horseshoe's peak
 * and tails.  Each prior t is stood for by a surrogate exp(b x - h x^2 / 2), with which the
 * coefficients are Gaussian given theta as under normal priors; at the fixed point q has the mean
 * and variance of its tilted distribution, cavity times t, which for scale mixtures of normals are
 * closed given the scale and one quadrature over it.  The evidence, log Z = L(surrogates) + sum_j
 * log E_q[t_j / surrogate_j], is stationary in the surrogates (Seeger 2005), so that its gradient
 * in theta is the explicit one; by Jensen's inequality it is above the bound that q gives with the
 * exact priors. */
#include "gauss/ep.h"
#include "gauss/arrow.h"
#include "numbers/vb_math.h"
#include <math.h>
#include <string.h>

#define WIDE_RULE (VB_N_ORDER - 1)
#define TOL 1e-5
#define CLOSER 0.02 /* of the mismatch there was, which the rows' next step brings up again */
#define ROUGH 0.01
#define MAX_ROUND 200
#define DAMP 0.8
#define MAX_BACK 20
#define NEARLY 0.2 /* sds of mismatch that surrogates kept from widening may be left with */
#define LEAST 0.1  /* of the slab's own precision */

typedef struct {
  double log_z, mean, var, by_global, by_slab;
} tilted;

enum { LANES = VB_MIX_LANES };

/* shares of the components under the cavity N(m, v), in whole lanes; returns log Z */
static double shares(const vb_mix *p, double m, double v, double *share) {
  double top = -INFINITY, sum[LANES] = {0}, all = 0;
  for (int from = 0; from < p->n; from += LANES) {
    const double *var = p->var + from, *log_weight = p->log_weight + from;
    double s[LANES];
    for (int k = 0; k < LANES; k++) {
      double w = v + var[k];
      s[k] = log_weight[k] - 0.5 * (vb_log(w) + m * m / w);
    }
    memcpy(share + from, s, sizeof s);
    for (int k = 0; k < LANES; k++) top = fmax(top, s[k]);
  }
  for (int from = 0; from < p->n; from += LANES) {
    double s[LANES];
    for (int k = 0; k < LANES; k++) {
      s[k] = vb_exp_neg(share[from + k] - top);
      sum[k] += s[k];
    }
    memcpy(share + from, s, sizeof s);
  }
  for (int k = 0; k < LANES; k++) all += sum[k];
  for (int k = 0; k < p->n; k++) share[k] /= all;
  for (int k = p->n; k % LANES; k++) share[k] = 0;
  return top + log(all) - VB_LOG_2PI / 2;
}

static tilted tilt_mixture(const vb_mix *p, double m, double v) {
  double share[VB_MIX_MAX], sum[4][LANES] = {{0}}, m2 = 0;
  tilted t = {.log_z = shares(p, m, v, share)};
  for (int from = 0; from < p->n; from += LANES) {
    const double *var = p->var + from, *by_global = p->by_global + from,
                 *by_slab = p->by_slab + from, *s = share + from;
    for (int k = 0; k < LANES; k++) {
      double w = v + var[k], shrink = var[k] / w, slope = 0.5 * (m * m / w - 1) / w;
      sum[0][k] += s[k] * shrink * m;
      sum[1][k] += s[k] * shrink * (shrink * m * m + v);
      sum[2][k] += s[k] * slope * by_global[k];
      sum[3][k] += s[k] * slope * by_slab[k];
    }
  }
  for (int k = 0; k < LANES; k++) {
    t.mean += sum[0][k];
    m2 += sum[1][k];
    t.by_global += sum[2][k];
    t.by_slab += sum[3][k];
  }
  t.var = m2 - t.mean * t.mean;
  return t;
}

/* any other prior: Gauss-Hermite under the cavity */
static tilted tilt_smooth(const vb_model *m, const vb_site *site, double mean, double v) {
  const double *node = m->rules->node + m->rules->first[WIDE_RULE],
               *weight = m->rules->weight + m->rules->first[WIDE_RULE];
  double x[64] = {0}, ll[64], d1[64], d2[64], top = -INFINITY, sum = 0, m2 = 0, s = sqrt(v);
  int n = m->rules->order[WIDE_RULE];
  tilted t = {0};
  for (int q = 0; q < n; q++) x[q] = mean + s * node[q];
  site->prior->log_density(n, x, site->arg, ll, d1, d2);
  for (int q = 0; q < n; q++) top = fmax(top, ll[q]);
  for (int q = 0; q < n; q++) {
    double w = weight[q] * exp(ll[q] - top);
    sum += w;
    t.mean += w * node[q];
    m2 += w * node[q] * node[q];
  }
  t.mean /= sum;
  t.var = v * (m2 / sum - t.mean * t.mean);
  t.mean = mean + s * t.mean;
  t.log_z = top + log(sum);
  return t;
}

void vb_tilted_parts(const vb_mix *p, const vb_site_marginal *q, double weight, vb_parts *out) {
  double share[VB_MIX_MAX], precision = fmax(1 / q->var - q->h, 1e-8 / q->var), v = 1 / precision,
                            at = (q->mean / q->var - q->b) * v;
  /* of the cavity: the third cumulant goes with the cube of shrinkage */
  double skew = q->skew * pow(v / q->var, 1.5);
  shares(p, at, v, share);
  for (int k = 0; k < p->n; k++) {
    if (share[k] < 1e-6) continue;
    double shrink = p->var[k] / (v + p->var[k]);
    out->weight[out->n] = share[k] * weight;
    out->mean[out->n] = shrink * at;
    out->var[out->n] = shrink * v;
    out->skew[out->n++] = fmin(fmax(skew * pow(shrink, 1.5), -1.5), 1.5);
  }
}

typedef struct { /* q's marginal at a site and the cavity */
  double m, v, precision, mean;
} marginal;

static marginal marginal_of(const vb_model *m, const vb_inner *in, const double *beta, int i) {
  int k = m->site[i].k;
  marginal a = {.m = beta[k], .v = in->sol.s_beta[k * (size_t)(m->p + 1)]};
  /* a cavity that is no distribution, far from the fixed point: a wide one */
  a.precision = fmax(1 / a.v - in->ep.h[i], 1e-8 / a.v);
  a.mean = (a.m / a.v - in->ep.b[i]) / a.precision;
  return a;
}

static tilted tilt_site(const vb_model *m, const vb_mix *p, int i, const marginal *a) {
  return m->site[i].prior->mix ? tilt_mixture(p, a->mean, 1 / a->precision)
                               : tilt_smooth(m, m->site + i, a->mean, 1 / a->precision);
}

/* of theta's scales, made when these change */
static const vb_mix *mixture_of(const vb_model *m, const vb_theta *theta, vb_inner *in) {
  vb_mix *p = &in->ep.mix;
  if (p->n && !memcmp(in->ep.mix_at, theta->shrink, sizeof in->ep.mix_at)) return p;
  for (int i = 0; i < m->n_site; i++)
    if (m->site[i].prior->mix) {
      vb_mix_make(m->site[i].prior->mix, theta->shrink, p);
      memcpy(in->ep.mix_at, theta->shrink, sizeof in->ep.mix_at);
      break;
    }
  return p;
}

/* Where there is no surrogate yet, one of the prior's middling variance. */
void vb_ep_start(const vb_model *m, const vb_theta *theta, vb_inner *in, vb_block *b) {
  for (int i = 0; i < m->n_site; i++) {
    if (b->site_h[i] == 0 && b->site_b[i] == 0)
      b->site_h[i] = m->site[i].prior->mix ? 1 / (theta->shrink[1] * theta->shrink[2]) : 1e-4;
    in->ep.h[i] = b->site_h[i];
    in->ep.b[i] = b->site_b[i];
  }
}

double vb_ep_expect(const vb_model *m, vb_inner *in, const double *beta) {
  double total = 0;
  for (int i = 0; i < m->n_site; i++) {
    int k = m->site[i].k;
    double v = in->sol.s_beta[k * (size_t)(m->p + 1)];
    in->sites.g[i] = in->ep.b[i] - in->ep.h[i] * beta[k];
    in->sites.h[i] = in->ep.h[i];
    total += in->ep.b[i] * beta[k] - in->ep.h[i] * (beta[k] * beta[k] + v) / 2;
  }
  return total;
}

double vb_ep_update(const vb_model *m, const vb_theta *theta, vb_inner *in, const double *beta,
                    double rho) {
  const vb_mix *p = mixture_of(m, theta, in);
  double off = 0;
  in->ep.n_tilt += (double)m->n_site * p->n;
  for (int i = 0; i < m->n_site; i++) {
    marginal a = marginal_of(m, in, beta, i);
    tilted t = tilt_site(m, p, i, &a);
    if (!(t.var > 0)) continue;
    double spread = fabs(log(t.var / a.v));
    double h = 1 / t.var - a.precision, b = t.mean / t.var - a.mean * a.precision;
    double least = m->site[i].prior->mix ? LEAST / (theta->shrink[2] * theta->shrink[2]) : 0;
    if (in->ep.floor && h < least) { /* the mean alone */
      h = least;
      b = t.mean * (a.precision + h) - a.mean * a.precision;
      spread = 0;
    }
    off = fmax(off, fmax(fabs(t.mean - a.m) / sqrt(a.v), spread));
    in->ep.h[i] += rho * (h - in->ep.h[i]);
    in->ep.b[i] += rho * (b - in->ep.b[i]);
  }
  return off;
}

double vb_ep_evidence(const vb_model *m, const vb_theta *theta, vb_inner *in, const double *beta) {
  const vb_mix *p = mixture_of(m, theta, in);
  double total = 0;
  in->ep.by_shrink[0] = in->ep.by_shrink[1] = 0;
  for (int i = 0; i < m->n_site; i++) {
    marginal a = marginal_of(m, in, beta, i);
    tilted t = tilt_site(m, p, i, &a);
    /* q / surrogate = const times the cavity: its log from the densities at zero */
    total +=
        t.log_z - (log(a.v * a.precision) + a.m * a.m / a.v - a.mean * a.mean * a.precision) / 2;
    in->ep.by_shrink[0] += t.by_global;
    in->ep.by_shrink[1] += t.by_slab;
  }
  return total;
}

double vb_ep_gap(const vb_model *m, const vb_theta *theta, const vb_inner *in, const double *beta) {
  double total = in->ep.value, g, h;
  for (int i = 0; i < m->n_site; i++) {
    vb_site site = m->site[i];
    if (site.prior->mix) site.arg = theta->shrink;
    total -=
        vb_expect_site(m, &site, beta[site.k], in->sol.s_beta[site.k * (size_t)(m->p + 1)], &g, &h);
  }
  return total;
}

void vb_ep_gradient(const vb_hyper *hyper, const vb_theta *theta, const vb_inner *in,
                    double *grad) {
  for (int k = 0; k < hyper->n_shrink; k++) {
    int i = hyper->first_shrink + k, axis = hyper->natural[i].axis;
    grad[axis] += in->ep.by_shrink[k] * theta->slope[i] / theta->natural[i];
  }
  if (!hyper->n_shrink || !hyper->by_sigma) return;
  int i = hyper->first_par, axis = hyper->natural[i].axis;
  if (axis >= 0) grad[axis] += in->ep.by_shrink[0] * theta->slope[i] / theta->natural[i];
}

/* factor, mean and marginals under the surrogates in use */
static vb_status settle(const vb_model *m, vb_inner *in, const double *r) {
  int p = m->p;
  double *mu = in->beta.mu, *beta = in->beta.beta;
  vb_status st = vb_factor_beta(m, in->ep.h, &in->sol);
  if (st != VB_OK) return st;
  memcpy(in->sol.s_beta, in->sol.beta_chol, sizeof(double) * p * p);
  vb_chol_inverse(p, in->sol.s_beta, p);
  memcpy(mu, r, sizeof(double) * p);
  for (int i = 0; i < m->n_site; i++) {
    int k = m->site[i].k;
    mu[k] += in->ep.b[i] - in->ep.h[i] * m->beta_ref[k];
  }
  vb_chol_solve(p, in->sol.beta_chol, p, 1, mu, p);
  for (int k = 0; k < p; k++) beta[k] = mu[k] + m->beta_ref[k];
  return VB_OK;
}

static vb_status iterate(const vb_model *m, const vb_theta *theta, vb_inner *in, vb_block *b,
                         const double *r) {
  double off = INFINITY, last, rho = in->ep.floor ? DAMP / 2 : DAMP;
  size_t size = sizeof(double) * m->n_site;
  vb_ep_start(m, theta, in, b);
  for (int round = 0, back = 0; round < MAX_ROUND; round++) {
    if (settle(m, in, r) != VB_OK) { /* half way back to the last that was a Gaussian */
      if (++back > MAX_BACK) return VB_NOT_POS_DEF;
      for (int i = 0; i < m->n_site; i++) {
        in->ep.h[i] = (in->ep.h[i] + b->site_h[i]) / 2;
        in->ep.b[i] = (in->ep.b[i] + b->site_b[i]) / 2;
      }
      rho = fmax(rho / 2, 0.1);
      continue;
    }
    memcpy(b->site_h, in->ep.h, size);
    memcpy(b->site_b, in->ep.b, size);
    last = off;
    off = vb_ep_update(m, theta, in, in->beta.beta, rho);
    if (off < in->ep.tol) {
      memcpy(in->ep.h, b->site_h, size); /* those that S belongs to */
      memcpy(in->ep.b, b->site_b, size);
      return VB_OK;
    }
    rho = off > last ? fmax(0.7 * rho, 0.05) : fmin(1.1 * rho, DAMP);
  }
  memcpy(in->ep.h, b->site_h, size);
  memcpy(in->ep.b, b->site_b, size);
  return in->ep.floor && off < NEARLY ? VB_MAX_ITER : VB_NOT_FINITE;
}

/* Where the data leave directions free, a site that widens its coefficient may have no fixed point:
 * then all are kept from doing so. */
static vb_status iterate_safely(const vb_model *m, const vb_theta *theta, vb_inner *in, vb_block *b,
                                const double *r) {
  vb_status st = iterate(m, theta, in, b, r);
  if (st == VB_OK || in->ep.floor) return st;
  in->ep.floor = 1;
  memset(b->site_h, 0, sizeof(double) * m->n_site);
  memset(b->site_b, 0, sizeof(double) * m->n_site);
  return iterate(m, theta, in, b, r);
}

vb_status vb_ep_fixed_point(const vb_model *m, const vb_theta *theta, vb_inner *in, vb_block *b,
                            const double *r, double *site_elbo) {
  double *beta = in->beta.beta;
  in->ep.floor = 0;
  in->ep.tol = TOL;
  vb_status st = iterate_safely(m, theta, in, b, r);
  if (st != VB_OK && st != VB_MAX_ITER) return st;
  in->ep.value = vb_ep_expect(m, in, beta) + vb_ep_evidence(m, theta, in, beta);
  *site_elbo = in->ep.value;
  return st;
}

/* Between q and the rows' precisions, which its variances make, full steps may go to and fro for
 * ever: near separation a row's precision rises with its variance. */
double vb_ep_row_pace(const vb_model *m, vb_inner *in, const double *h) {
  for (int i = 0; i < m->n; i++) in->trial.h[i] = (in->trial.target[i] - h[i]) * in->rows.v[i];
  return vb_relax_next(&in->ep.row_pace, in->trial.h);
}

/* from what the surrogates were, in keep, a part of the way to what they are */
static void part_of_the_way(const vb_model *m, vb_inner *in, const double *keep, const double *v) {
  int n = m->n_site;
  double *residual = in->ep.work;
  for (int i = 0; i < n; i++) { /* in units of q's sds */
    residual[i] = (in->ep.h[i] - keep[i]) * v[i];
    residual[n + i] = (in->ep.b[i] - keep[n + i]) * sqrt(v[i]);
  }
  double pace = vb_relax_next(&in->ep.pace, residual);
  for (int i = 0; i < n; i++) {
    in->ep.h[i] = keep[i] + pace * (in->ep.h[i] - keep[i]);
    in->ep.b[i] = keep[n + i] + pace * (in->ep.b[i] - keep[n + i]);
  }
}

/* Other families: the surrogates' fixed point for the rows as q sees them, their gradient g and
 * precision h; the rows follow in the next step.  change gets what the new surrogates add to the
 * bound at q; returns how far q was from its tilted marginals. */
double vb_ep_relax(const vb_model *m, const vb_theta *theta, vb_inner *in, const double *at,
                   double *change) {
  int p = m->p, n = m->n_site;
  double *r = in->beta.grad, *v = in->ep.work + 2 * n, *keep = in->ep.work + 3 * n;
  vb_block scratch = {.site_h = in->ep.work, .site_b = in->ep.work + n};
  *change = -vb_ep_expect(m, in, at);
  double off = vb_ep_update(m, theta, in, at, 0);
  in->ep.tol = fmin(fmax(CLOSER * off, TOL), ROUGH); /* no closer than the rows are */
  memcpy(scratch.site_h, in->ep.h, sizeof(double) * n);
  memcpy(scratch.site_b, in->ep.b, sizeof(double) * n);
  memcpy(keep, in->ep.work, sizeof(double) * 2 * n);
  for (int i = 0; i < n; i++) v[i] = in->sol.s_beta[m->site[i].k * (size_t)(p + 1)];
  vb_design_transpose(m, in->rows.g, in->trial.step);
  vb_prior_quadratic(m, theta, at, in->trial.r);
  for (int k = 0; k < m->n_coef; k++) in->trial.step[k] -= in->trial.r[k];
  vb_cross_products(m, in->rows.h, &in->cross);
  vb_status st = vb_factor(m, theta, &in->cross, 1, &in->sol);
  if (st == VB_OK) {
    vb_arrow_reduce(m, &in->sol, in->trial.step);
    for (int k = 0; k < p; k++) {
      r[k] = in->trial.step[k];
      for (int l = 0; l < p; l++)
        r[k] +=
            in->sol.beta[k >= l ? k + (size_t)l * p : l + (size_t)k * p] * (at[l] - m->beta_ref[l]);
    }
    st = iterate_safely(m, theta, in, &scratch, r);
  }
  if (st != VB_OK && st != VB_MAX_ITER) { /* as they were */
    memcpy(in->ep.h, keep, sizeof(double) * n);
    memcpy(in->ep.b, keep + n, sizeof(double) * n);
  }
  part_of_the_way(m, in, keep, v);
  for (int i = 0; i < n; i++) {
    double b = at[m->site[i].k];
    in->sites.g[i] = in->ep.b[i] - in->ep.h[i] * b;
    in->sites.h[i] = in->ep.h[i];
    *change += in->ep.b[i] * b - in->ep.h[i] * (b * b + v[i]) / 2;
  }
  return off;
}
