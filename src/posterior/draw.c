/* Draws: theta from its weighted points, c from the Gaussian of the nearest node, its mean moved by
 * what the change of theta does to it.  Uniforms and normals come in; nothing is drawn here. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#define R_NO_REMAP
#include <Rmath.h>
#include "gauss/ep.h"
#include "gauss/scheme.h"
#include "numbers/small.h"
#include "posterior/draw.h"

#define CHEAP 2e9    /* operations up to which every draw has its own factor */
#define FEW_AXES 4   /* up to which a draw's theta is near a node's */
#define THETAS 250   /* of more axes, and of fields, at least so many thetas of all draws, */
#define AFFORD 2e10  /* unless their factors take more operations */
#define FORETELL 2e6 /* rows of all thetas up to which all nodes foretell them, not the nearest */

typedef struct {
  const vb_model *m;
  const vb_hyper *hyper;
  const vb_posterior *post;
  vb_theta theta, at_node;
  vb_inner in;
  vb_block block;
  int own_factor, foretold; /* foretold: by all nodes, not by the nearest alone */
  double *ratio, *sd; /* per coefficient: corrected over Gaussian sd at the node; Gaussian sd */
  double *delta;
  double *mean_slope;    /* n_coef per parameter of the family: what moving it does to the mean */
  vb_parts *tilted;      /* per site with a mixture prior: its posterior at the node */
  double log_congruence; /* log |C| of linear response */
  double point_mean[VB_MAX_AXIS], point_sd[VB_MAX_AXIS];
} drawer;

/* x of one draw: its point; of independent factors, which have few, shrunk to the mean and spread
 * again, if that is a theta */
static void draw_theta(drawer *d, int t, const double *normal, double *x) {
  int K = d->hyper->n_axis;
  double a = sqrt(1 - VB_DRAW_SMOOTH * VB_DRAW_SMOOTH);
  const double *point = d->post->point_x + (size_t)t * K, *mean = d->point_mean;
  memcpy(x, point, sizeof(double) * K);
  if (d->post->point_log_density) return;
  for (int k = 0; k < K - d->hyper->n_pin; k++) /* no two draws of a pinned combination are equal */
    x[k] = mean[k] + a * (point[k] - mean[k]) + VB_DRAW_SMOOTH * d->point_sd[k] * normal[k];
  if (vb_theta_set(d->hyper, x, &d->theta) != VB_OK) memcpy(x, point, sizeof(double) * K);
}

/* how far a natural parameter is from the one by whose distance it goes */
static double step_of(const vb_hyper *hyper, const vb_theta *theta, int i) {
  return theta->natural[i] -
         (hyper->natural[i].after ? theta->natural[i - hyper->natural[i].after] : 0);
}

/* The mean's answer to the family's parameters, S A' dg by differences: thresholds move with the
 * random effects.  d->theta is scratch. */
static void mean_slopes(drawer *d, int s) {
  const vb_model *m = d->m;
  const vb_hyper *hyper = d->hyper;
  vb_inner *in = &d->in;
  const double *at = d->post->x + (size_t)s * hyper->n_axis, h = 1e-3;
  double x[VB_MAX_AXIS];
  vb_linear_predictor(m, d->post->mean + (size_t)s * m->n_coef, in->rows.eta);
  vb_row_variance(m, &in->sol, in->rows.v);
  const vb_etas e = vb_row_etas(&in->rows);
  vb_expect(m, d->at_node.par, &e, in->rows.ll, in->rows.g, in->rows.h);
  memcpy(in->trial.target, in->rows.g, sizeof(double) * m->n);
  for (int k = 0; k < m->n_par; k++) {
    int i = hyper->first_par + k, axis = hyper->natural[i].axis;
    double *slope = d->mean_slope + (size_t)k * m->n_coef;
    memset(slope, 0, sizeof(double) * m->n_coef);
    if (axis < 0) continue;
    memcpy(x, at, sizeof(double) * hyper->n_axis);
    x[axis] += h;
    if (vb_theta_set(hyper, x, &d->theta) != VB_OK) continue; /* an edge: it may not be moved */
    vb_expect(m, d->theta.par, &e, in->rows.ll, in->rows.g, in->rows.h);
    for (int c = 0; c < m->n; c++) in->rows.g[c] -= in->trial.target[c];
    vb_design_transpose(m, in->rows.g, slope);
    vb_solve(m, &in->sol, slope);
    double moved = step_of(hyper, &d->theta, i) - step_of(hyper, &d->at_node, i);
    for (int c = 0; c < m->n_coef; c++) slope[c] /= moved;
  }
}

static double beta_skew(const vb_posterior *post, int p, int s, int k) {
  return post->fixed_skew ? post->fixed_skew[k + (size_t)s * p] : 0;
}

static void enter_tilted(drawer *d, int s) {
  const vb_model *m = d->m;
  const vb_posterior *post = d->post;
  vb_mix mix;
  for (int i = 0; i < m->n_site; i++) {
    int k = m->site[i].k;
    if (!m->site[i].prior->mix) continue;
    vb_mix_make(m->site[i].prior->mix, d->at_node.shrink, &mix);
    d->tilted[i].n = 0;
    vb_site_marginal q = {.mean = post->mean[k + (size_t)s * m->n_coef],
                          .var = post->fixed_cov[k * (size_t)(m->p + 1) + (size_t)s * m->p * m->p],
                          .skew = beta_skew(post, m->p, s, k),
                          .h = post->site_h[i + (size_t)s * m->n_site],
                          .b = post->site_b[i + (size_t)s * m->n_site]};
    vb_tilted_parts(&mix, &q, 1, d->tilted + i);
  }
}

/* what belongs to a node: factor, and how far its corrected sds are from the Gaussian's */
static vb_status enter_node(drawer *d, int s) {
  const vb_model *m = d->m;
  const vb_posterior *post = d->post;
  vb_status st =
      vb_node_factor(post, s, post->x + (size_t)s * d->hyper->n_axis, 1, &d->at_node, &d->in);
  if (st == VB_OK) st = vb_selected_inverse(m, post->congruence, &d->in.sol);
  if (st != VB_OK) return st;
  vb_coef_variance(m, &d->in.sol, d->sd);
  for (int k = m->p; k < m->n_coef; k++) {
    double v = post->var[k + (size_t)s * m->n_coef];
    d->sd[k] = sqrt(d->sd[k]);
    d->ratio[k] = sqrt(v) / d->sd[k];
  }
  memcpy(d->block.site_h, post->site_h + (size_t)s * m->n_site, sizeof(double) * m->n_site);
  if (m->ep) enter_tilted(d, s);
  int moves = m->n_par && !m->family->quadratic && !post->effective &&
              !m->family->opaque; /* whose density a finished fit has not at hand */
  if (moves) mean_slopes(d, s);
  return VB_OK;
}

static vb_status foretold_mean(drawer *d, const double *x, double *mean) {
  const vb_model *m = d->m;
  vb_status st = vb_foretell(d->post, x, &d->block);
  if (st != VB_OK) return st;
  memcpy(mean, d->block.m, sizeof(double) * m->n_coef);
  vb_cross_products(m, d->block.h, &d->in.cross);
  st = vb_factor(m, &d->theta, &d->in.cross, 1, &d->in.sol);
  return st == VB_OK ? vb_factor_beta(m, d->block.site_h, &d->in.sol) : st;
}

/* mean given the draw's theta: exact where the family is quadratic, one Newton step from the node
 * elsewhere */
static vb_status conditional_mean(drawer *d, int s, const double *x, double *mean) {
  const vb_model *m = d->m;
  const double *at = d->post->mean + (size_t)s * m->n_coef;
  vb_status st = vb_theta_set(d->hyper, x, &d->theta);
  if (st != VB_OK) return st;
  if (d->post->effective) { /* q(c) does not depend on theta */
    memcpy(mean, at, sizeof(double) * m->n_coef);
    return VB_OK;
  }
  if (d->own_factor && m->quadratic) {
    const vb_effort effort = {.tol = 1e-8, .max_sweep = 100};
    double elbo;
    st = vb_inner_solve(m, &d->theta, &effort, &d->in, &d->block, &elbo);
    memcpy(mean, d->block.m, sizeof(double) * m->n_coef);
    return st == VB_MAX_ITER ? VB_OK : st;
  }
  if (d->own_factor && d->foretold) return foretold_mean(d, x, mean);
  if (d->own_factor) st = vb_node_factor(d->post, s, x, 0, &d->theta, &d->in);
  if (st != VB_OK) return st;
  double *r = d->in.trial.r, *r_new = d->in.trial.step;
  int plain = m->n_field && m->field->first < m->p ? m->field->first : m->p; /* theta-free priors */
  vb_prior_quadratic(m, &d->at_node, at, r);
  vb_prior_quadratic(m, &d->theta, at, r_new);
  for (int k = 0; k < m->n_coef; k++) {
    /* the node's factor would overshoot where the draw's prior is much the tighter */
    double most = d->own_factor || k < plain ? INFINITY : fabs(r[k]);
    r[k] = fmin(fmax(r[k] - r_new[k], -most), most);
  }
  vb_solve(m, &d->in.sol, r);
  for (int k = 0; k < m->n_coef; k++) mean[k] = at[k] + r[k];
  for (int k = 0; k < m->n_par && !m->family->quadratic; k++) {
    int i = d->hyper->first_par + k;
    double moved = step_of(d->hyper, &d->theta, i) - step_of(d->hyper, &d->at_node, i);
    const double *slope = d->mean_slope + (size_t)k * m->n_coef;
    for (int c = 0; c < m->n_coef; c++) mean[c] += moved * slope[c];
  }
  return VB_OK;
}

/* The node's sites may be none for the draw's theta: precisions that are negative, or so large that
 * rounding takes all that the prior adds.  Such a draw has the Gaussian of its node. */
static vb_status mean_and_factor(drawer *d, int s, const double *x, double *mean) {
  vb_status st = conditional_mean(d, s, x, mean);
  if (st == VB_OK || st == VB_INTERRUPTED || !d->own_factor) return st;
  d->own_factor = 0;
  st = enter_node(d, s);
  if (st == VB_OK) st = conditional_mean(d, s, x, mean);
  d->own_factor = 1;
  return st;
}

/* The Gaussian draw's ranks in the coefficients' own distributions; the intercept follows.  What
 * that does to the log Jacobian. */
static double report_tilted(const drawer *d, int s, const double *mean, const double *delta,
                            double *out) {
  const vb_model *m = d->m;
  const vb_posterior *post = d->post;
  double log_slope = 0;
  for (int i = 0; i < m->n_site; i++) {
    int k = m->site[i].k;
    const vb_parts *t = d->tilted + i;
    if (!m->site[i].prior->mix) continue;
    double sd = sqrt(post->fixed_cov[k * (size_t)(m->p + 1) + (size_t)s * m->p * m->p]);
    double rank = Rf_pnorm5(delta[k] / sd, 0, 1, 1, 0);
    rank = fmin(fmax(rank, 1e-12), 1 - 1e-12);
    double at = vb_mixture_quantile(t->n, t->mean, t->var, t->skew, t->weight, rank);
    log_slope += Rf_dnorm4(delta[k], 0, sd, 1) -
                 vb_mixture_log_density(t->n, t->mean, t->var, t->skew, t->weight, at) -
                 vb_skew_log_slope(delta[k] / sd, beta_skew(post, m->p, s, k));
    out[k] = at + mean[k] - post->mean[k + (size_t)s * m->n_coef];
    if (m->into[k] >= 0) out[m->into[k]] -= m->center[k] * (out[k] - mean[k] - delta[k]);
  }
  return log_slope;
}

/* one draw as reported, with corrected sds and skewness -> the log Jacobian of delta -> out */
static double report(drawer *d, int s, const double *mean, const double *delta, double *out) {
  const vb_model *m = d->m;
  const vb_posterior *post = d->post;
  int p = m->p;
  double *rm = d->in.beta.mu, *rd = d->in.beta.grad, log_slope = 0;
  vb_report_beta(m, mean, rm);
  vb_report_beta(m, delta, rd);
  for (int k = 0; k < p; k++) {
    double sd = sqrt(post->fixed_cov[k * (size_t)(p + 1) + (size_t)s * p * p]);
    double skew = beta_skew(post, p, s, k);
    out[k] = rm[k] + sd * vb_skew_transform(rd[k] / sd, skew);
    log_slope += vb_skew_log_slope(rd[k] / sd, skew);
  }
  for (int k = p; k < m->n_coef; k++) {
    double skew = post->skew ? post->skew[k + (size_t)s * m->n_coef] : 0;
    out[k] = mean[k] + d->ratio[k] * d->sd[k] * vb_skew_transform(delta[k] / d->sd[k], skew);
    log_slope += log(d->ratio[k]) + vb_skew_log_slope(delta[k] / d->sd[k], skew);
  }
  return m->ep ? log_slope + report_tilted(d, s, mean, delta, out) : log_slope;
}

/* log N(0, S) of the deviation that these normals gave: on what is free */
static double log_q_deviation(const drawer *d, const double *normal) {
  int n = d->m->n_coef;
  const vb_core_held *held = d->in.sol.arrow.core.held;
  double square = vb_dot(n, normal, normal) - (held ? held->lost : 0);
  return (d->in.sol.log_det - d->m->n_free * VB_LOG_2PI - square) / 2 - d->log_congruence;
}

static double log_det_congruence(const vb_model *m, const double *c) {
  int p = m->p;
  if (!c || !p) return 0;
  double *cc = m->host->alloc((size_t)p * p, sizeof(double));
  vb_gemm_tn(p, p, p, 1, c, p, c, p, 0, cc, p);
  return vb_chol(p, cc, p) == VB_OK ? vb_chol_log_det(p, cc, p) / 2 : -INFINITY;
}

static void parts_alloc(drawer *d) {
  const vb_host *h = d->m->host;
  d->tilted = h->alloc(d->m->n_site, sizeof(vb_parts));
  for (int i = 0; i < d->m->n_site; i++) {
    double *part = h->alloc(4 * VB_MIX_MAX, sizeof(double));
    d->tilted[i] =
        (vb_parts){0, part, part + VB_MIX_MAX, part + 2 * VB_MIX_MAX, part + 3 * VB_MIX_MAX};
  }
}

static void point_moments(const vb_posterior *post, int K, double *mean, double *sd) {
  for (int k = 0; k < K; k++) {
    double m1 = 0, m2 = 0;
    for (int t = 0; t < post->n_point; t++) {
      double x = post->point_x[(size_t)t * K + k];
      if (!(post->point_weight[t] > 0)) continue;
      m1 += post->point_weight[t] * x;
      m2 += post->point_weight[t] * x * x;
    }
    mean[k] = m1;
    sd[k] = sqrt(fmax(m2 - m1 * m1, 0));
  }
}

static int pick_point(const vb_posterior *post, double u) {
  double cum = 0;
  int last = 0;
  for (int t = 0; t < post->n_point; t++) {
    if (!(post->point_weight[t] > 0)) continue;
    cum += post->point_weight[t];
    last = t;
    if (u <= cum) return t;
  }
  return last;
}

static void drawer_alloc(drawer *d) {
  const vb_model *m = d->m;
  const vb_host *h = m->host;
  int D = m->n_coef;
  vb_theta_alloc(h, d->hyper, &d->theta);
  vb_theta_alloc(h, d->hyper, &d->at_node);
  vb_inner_alloc(m, &d->in);
  vb_block_alloc(m, &d->block);
  d->ratio = h->alloc(D + 1, sizeof(double));
  d->sd = h->alloc(D + 1, sizeof(double));
  d->delta = h->alloc(D + 1, sizeof(double));
  d->mean_slope = h->alloc((size_t)D * m->n_par + 1, sizeof(double));
  if (m->ep) parts_alloc(d);
}

typedef struct { /* a draw: its uniform, its node; draws of one theta have one leader */
  double uniform;
  int i, node, leader;
} place;

static int by_node(const void *a, const void *b) {
  const place *p = a, *q = b;
  if (p->node != q->node) return p->node < q->node ? -1 : 1;
  return p->leader != q->leader ? p->leader - q->leader : p->i - q->i;
}

/* draws that share a theta, and so a factor */
static int sharing(drawer *d, int n) {
  int many = d->hyper->n_axis > FEW_AXES, some = many || d->m->n_field;
  double cost = vb_factor_cost(d->m), afford = CHEAP / cost;
  if (some && THETAS * cost < AFFORD) afford = fmax(afford, THETAS);
  d->own_factor = !d->m->ep && afford >= (some && n > THETAS ? THETAS : n);
  d->foretold = many && d->post->n > d->hyper->n_axis && FORETELL > THETAS * (double)d->m->n;
  return d->own_factor ? (int)ceil(n / afford) : 1;
}

typedef struct { /* of n draws: a uniform each, and normals, those of theta, `stride` apart */
  int n, stride;
  const double *uniform, *normal;
} noise;

/* Theta and node of every draw, those of one node together.  Neighbours among the uniforms have
 * points that have nothing to do with each other, so that any may lead. */
static void place_draws(drawer *d, const noise *z, double *x, int *point, place *out) {
  int K = d->hyper->n_axis, n = z->n, share = sharing(d, n);
  for (int i = 0; i < n; i++) out[i] = (place){z->uniform[i], i, 0, i};
  if (share > 1) qsort(out, n, sizeof *out, vb_ascending);
  for (int r = 0; r < n; r++) {
    const place *lead = out + r - r % share;
    int i = out[r].i, leader = lead->i;
    double *at = x + (size_t)i * K;
    if (i == leader) {
      point[i] = pick_point(d->post, z->uniform[i]);
      draw_theta(d, point[i], z->normal + (size_t)i * z->stride, at);
      out[r].node = vb_nearest_node(d->post, at);
    }
    point[i] = point[leader];
    memmove(at, x + (size_t)leader * K, sizeof(double) * K);
    out[r] = (place){z->uniform[i], i, lead->node, leader};
  }
  qsort(out, n, sizeof *out, by_node);
}

vb_status vb_draw(const vb_posterior *post, int n, const double *uniform, const double *normal,
                  double *coef, double *natural, double *log_density) {
  const vb_model *m = post->model;
  const vb_hyper *hyper = post->hyper;
  const vb_host *h = m->host;
  int K = hyper->n_axis, H = hyper->first_pin, D = m->n_coef, stride = coef ? D + H : H;
  drawer d = {.m = m, .hyper = hyper, .post = post};
  drawer_alloc(&d);
  point_moments(post, K, d.point_mean, d.point_sd);
  double *centre = h->alloc(D + 1, sizeof(double));
  double *x = h->alloc((size_t)n * K + 1, sizeof(double));
  int *point = h->alloc(n + 1, sizeof(int));
  place *draw = h->alloc(n + 1, sizeof(place));
  vb_draw_density density;
  if (log_density) {
    d.log_congruence = log_det_congruence(m, post->congruence);
    vb_status st = vb_draw_density_make(post, d.point_mean, d.point_sd, &density);
    if (st != VB_OK) return st;
  }
  place_draws(&d, &(noise){n, stride, uniform, normal + stride - H}, x, point, draw);
  for (int r = 0; r < n; r++) {
    int i = draw[r].i, s = draw[r].node, new_node = !r || s != draw[r - 1].node;
    int new_theta = new_node || draw[r].leader != draw[r - 1].leader;
    const double *at = x + (size_t)i * K;
    vb_status st = coef ? VB_OK : vb_theta_set(hyper, at, &d.theta);
    if (!coef) {
      if (st != VB_OK) return st;
      vb_theta_report(hyper, &d.theta, natural + (size_t)i * H);
      continue;
    }
    if (new_node) st = enter_node(&d, s);
    if (st == VB_OK && new_theta) st = mean_and_factor(&d, s, at, centre);
    if (st != VB_OK) return st;
    const double *z = normal + (size_t)i * stride;
    memcpy(d.delta, z, sizeof(double) * D);
    m->scheme->draw(m, post->congruence, &d.in.sol, d.delta);
    double log_slope = report(&d, s, centre, d.delta, coef + (size_t)i * D);
    if (log_density) {
      log_density[2 * i] = vb_draw_log_p(&density, &d.theta, coef + (size_t)i * D);
      log_density[2 * i + 1] =
          vb_draw_log_q_theta(&density, at, point[i]) + log_q_deviation(&d, z) - log_slope;
    }
    vb_theta_report(hyper, &d.theta, natural + (size_t)i * H);
    if (h->poll()) return VB_INTERRUPTED;
  }
  return VB_OK;
}
