/* The arrow: leaf levels eliminated one by one, then the core, then the fixed effects, so that
 * priors on beta that are iterated touch a p x p matrix only.  mathematics.Rmd, section 4; Davis
 * (2006), chapter 4. A_j = Z'HZ + Omega,  E_j = Z'H[C X],  F_j = A_j^-1 E_j,  B = core - sum E'F,
 * T = B^-1 B_ob, G = B_bb - B_ob' T  (the Schur complement on beta) */
#include <math.h>
#include <string.h>
#include "gauss/arrow.h"
#include "gauss/field.h"
#include "numbers/small.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)

static void alloc_cross(const vb_model *m, vb_arrow_cross *c) {
  const vb_host *h = m->host;
  c->leaf = h->alloc((size_t)m->n_front * m->d_leaf * m->d_leaf + 1, sizeof(double));
  c->front = h->alloc(m->block_start[m->n_front] + 1, sizeof(double));
  c->core = h->alloc(vb_core_size(m) + 1, sizeof(double));
  c->core_beta = h->alloc((size_t)m->q * m->p + 1, sizeof(double));
}

static void alloc_factor(const vb_model *m, vb_arrow *a) {
  const vb_host *h = m->host;
  size_t pp = (size_t)m->p * m->p + 1, qp = (size_t)m->q * m->p + 1, widest = 0;
  size_t leaf = (size_t)m->n_front * m->d_leaf * m->d_leaf + 1, core = vb_core_size(m) + 1;
  for (int j = 0; j < m->n_front; j++)
    if (m->block_start[j + 1] - m->block_start[j] > widest)
      widest = m->block_start[j + 1] - m->block_start[j];
  a->leaf_chol = h->alloc(leaf, sizeof(double));
  a->front = h->alloc(m->block_start[m->n_front] + 1, sizeof(double));
  a->core = m->core;
  a->core.val = h->alloc(core, sizeof(double));
  a->core.inv = h->alloc(core, sizeof(double));
  if (!m->core.col_start) a->core.factor = h->alloc(core, sizeof(double));
  if (m->core.held) { /* which has a factor of its own */
    a->core.solver = m->core.held->solver;
    vb_core_hold(h, m->core.held->n, m->core.held->a, &a->core);
  }
  a->core_beta = h->alloc(qp, sizeof(double));
  a->s_core_beta = h->alloc(qp, sizeof(double));
  a->s_leaf = h->alloc(leaf, sizeof(double));
  a->s_front = h->alloc(m->block_start[m->n_front] + 1, sizeof(double));
  a->work = h->alloc(widest + qp + (size_t)m->q + 2 * pp, sizeof(double));
}

static void alloc(const vb_model *m, vb_cross *c, vb_solution *s) {
  size_t n_core = 0;
  if (c) alloc_cross(m, &c->arrow);
  if (!s) return;
  alloc_factor(m, &s->arrow);
  for (int k = 0; k < m->n_term; k++)
    if (k != m->leaf) n_core += (size_t)m->term[k].n_level * m->term[k].d * m->term[k].d;
  double *own = m->host->alloc(n_core + 1, sizeof(double));
  s->arrow.s_core = own;
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    s->s_level[k] = k == m->leaf ? s->arrow.s_leaf : own;
    if (k != m->leaf) own += (size_t)t->n_level * t->d * t->d;
  }
}

static void layout(const vb_host *host, vb_model *m) {
  vb_lay_arrow(host, m);
  m->quadratic = m->family->quadratic;
}

/* B^-1 instead of S on the core's pattern: a row is eliminated as the levels were */
static vb_status row_inverse(const vb_model *m, const double *congruence, vb_solution *s) {
  vb_core *core = &s->arrow.core;
  vb_status st = m->q ? core->solver->inverse(core) : VB_OK;
  if (st == VB_OK) vb_arrow_beta_inverse(m, congruence, s);
  return st;
}

static const char *solver(const vb_model *m) {
  if (m->core.held) return m->core.held->solver->name;
  return m->q ? m->core.solver->name : m->leaf < 0 ? "dense" : "leaf";
}

static double cost(const vb_model *m) {
  double core = m->core.flops > 0 ? m->core.flops : (double)m->q * m->q * m->q / 3;
  double cost = core + (double)m->p * m->p * m->p;
  for (int j = 0; j < m->n_front; j++) {
    double w = m->front_start[j + 1] - m->front_start[j] + m->p;
    cost += m->d_leaf * w * w;
  }
  return cost;
}

/* y'y of a level's front from core, core x beta (p x q, in s_core_beta's place) and beta */
static void subtract(const vb_model *m, int j, const double *y, vb_solution *s) {
  vb_arrow *ar = &s->arrow;
  int d = m->d_leaf, p = m->p, co = m->front_start[j + 1] - m->front_start[j];
  const int *f = m->front + m->front_start[j];
  const double *yb = y + (size_t)co * d;
  for (int b = 0; b < co; b++) {
    const vb_pair_column c = vb_pairs_of(m, j, b);
    double *core = ar->core.val + c.from, *ob = ar->s_core_beta + (size_t)f[b] * p;
    for (int i = 0; i < d; i++) {
      double own = y[(size_t)b * d + i];
      for (int a = b; a < co; a++) core[c.row[a]] -= own * y[(size_t)a * d + i];
      for (int k = 0; k < p; k++) ob[k] -= own * yb[(size_t)k * d + i];
    }
  }
  for (int l = 0; l < p; l++)
    for (int k = l; k < p; k++)
      s->beta[k + (size_t)l * p] -= vb_dot(d, yb + (size_t)k * d, yb + (size_t)l * d);
}

/* eliminate leaf level j: y = L^-1 E on its front, and what that takes from the rest */
static vb_status eliminate(const vb_model *m, const vb_arrow_cross *cross, double scale,
                           const double *omega, int j, vb_solution *s) {
  vb_arrow *ar = &s->arrow;
  int d = m->d_leaf, p = m->p, co = m->front_start[j + 1] - m->front_start[j];
  double *l = ar->leaf_chol + (size_t)j * d * d, *fr = ar->front + m->block_start[j], *y = ar->work;
  const double *a = cross->leaf + (size_t)j * d * d, *e = cross->front + m->block_start[j];
  for (int i = 0; i < d * d; i++) l[i] = scale * a[i] + omega[i];
  if (vb_small_chol(d, l) != VB_OK) return VB_NOT_POS_DEF;
  for (int i = 0; i < d; i++) ar->log_det += 2 * log(l[i + i * d]);
  for (int c = 0; c < co + p; c++) {
    double *yc = y + (size_t)c * d, *fc = fr + (size_t)c * d;
    for (int i = 0; i < d; i++) yc[i] = scale * e[(size_t)c * d + i];
    vb_small_half(d, l, yc);
    memcpy(fc, yc, sizeof(double) * d);
    vb_small_half_t(d, l, fc);
  }
  subtract(m, j, y, s);
  return VB_OK;
}

static void add_core_prior(const vb_model *m, const vb_theta *theta, vb_arrow *ar) {
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    if (t->core < 0) continue;
    const double *om = theta->omega + (size_t)k * STRIDE;
    for (int l = 0; l < t->n_level; l++)
      for (int b = 0; b < t->d; b++)
        for (int a = b; a < t->d; a++)
          ar->core.val[vb_diag_position(m, t->core + l * t->d, a, b)] += om[a + b * t->d];
  }
  vb_fields_core_precision(m, theta, ar->core.val);
}

static vb_status factor(const vb_model *m, const vb_theta *theta, const vb_cross *cross,
                        double scale, vb_solution *s) {
  vb_arrow *ar = &s->arrow;
  int p = m->p, q = m->q;
  size_t n_core = vb_core_size(m), qp = (size_t)q * p;
  for (size_t i = 0; i < n_core; i++) ar->core.val[i] = scale * cross->arrow.core[i];
  double *ob = ar->s_core_beta; /* B_bo, until T has taken its place */
  for (size_t i = 0; i < qp; i++) ob[i] = scale * cross->arrow.core_beta[i];
  add_core_prior(m, theta, ar);
  ar->log_det = 0;
  if (m->leaf >= 0) {
    const double *omega = theta->omega + (size_t)m->leaf * STRIDE;
    for (int j = 0; j < m->n_front; j++)
      if (eliminate(m, &cross->arrow, scale, omega, j, s) != VB_OK) return VB_NOT_POS_DEF;
  }
  if (!q) return VB_OK;
  vb_status st = ar->core.solver->factor(&ar->core);
  if (st != VB_OK) return st;
  ar->log_det += ar->core.solver->log_det(&ar->core);
  if (!p) return VB_OK;
  for (int o = 0; o < q; o++)
    for (int k = 0; k < p; k++) ar->core_beta[o + (size_t)k * q] = ob[k + (size_t)o * p];
  ar->core.solver->solve(&ar->core, p, ar->core_beta, q);
  double *g = ar->work;
  vb_gemm_nn(p, p, q, 1, ob, p, ar->core_beta, q, 0, g, p);
  for (size_t i = 0; i < (size_t)p * p; i++) s->beta[i] -= g[i];
  return VB_OK;
}

static vb_status factor_beta(const vb_model *m, const double *site_precision, vb_solution *s) {
  (void)site_precision; /* in beta_chol already */
  s->log_det = s->arrow.log_det;
  if (!m->p) return VB_OK;
  vb_status st = vb_chol(m->p, s->beta_chol, m->p);
  if (st == VB_OK) s->log_det += vb_chol_log_det(m->p, s->beta_chol, m->p);
  return isfinite(s->log_det) ? st : VB_NOT_POS_DEF;
}

static void core_gather(const vb_model *m, const double *c, double *o) {
  for (int k = 0; k < m->n_term; k++)
    if (m->term[k].core >= 0)
      memcpy(o + m->term[k].core, c + m->term[k].first,
             sizeof(double) * m->term[k].n_level * m->term[k].d);
}
static void core_scatter(const vb_model *m, const double *o, double *c) {
  for (int k = 0; k < m->n_term; k++)
    if (m->term[k].core >= 0)
      memcpy(c + m->term[k].first, o + m->term[k].core,
             sizeof(double) * m->term[k].n_level * m->term[k].d);
}

void vb_arrow_reduce(const vb_model *m, vb_solution *s, double *r) {
  int d = m->d_leaf, p = m->p, q = m->q;
  double *o = s->arrow.work;
  core_gather(m, r, o);
  for (int j = 0; m->leaf >= 0 && j < m->n_front; j++) {
    const double *rj = r + m->term[m->leaf].first + (size_t)j * d,
                 *fr = s->arrow.front + m->block_start[j];
    int co = m->front_start[j + 1] - m->front_start[j];
    const int *f = m->front + m->front_start[j];
    for (int a = 0; a < co; a++) o[f[a]] -= vb_dot(d, fr + (size_t)a * d, rj);
    for (int k = 0; k < p; k++) r[k] -= vb_dot(d, fr + (size_t)(co + k) * d, rj);
  }
  for (int k = 0; k < p && q; k++) r[k] -= vb_dot(q, s->arrow.core_beta + (size_t)k * q, o);
  core_scatter(m, o, r);
}

void vb_arrow_expand(const vb_model *m, vb_solution *s, double *r) {
  int d = m->d_leaf, p = m->p, q = m->q;
  double *o = s->arrow.work;
  core_gather(m, r, o);
  if (q) {
    s->arrow.core.solver->solve(&s->arrow.core, 1, o, q);
    for (int k = 0; k < p; k++)
      for (int a = 0; a < q; a++) o[a] -= s->arrow.core_beta[a + (size_t)k * q] * r[k];
    core_scatter(m, o, r);
  }
  for (int j = 0; m->leaf >= 0 && j < m->n_front; j++) {
    double *u = r + m->term[m->leaf].first + (size_t)j * d;
    const double *l = s->arrow.leaf_chol + (size_t)j * d * d,
                 *fr = s->arrow.front + m->block_start[j];
    int co = m->front_start[j + 1] - m->front_start[j];
    const int *f = m->front + m->front_start[j];
    vb_small_half(d, l, u);
    vb_small_half_t(d, l, u);
    for (int i = 0; i < d; i++) {
      for (int a = 0; a < co; a++) u[i] -= fr[(size_t)a * d + i] * o[f[a]];
      for (int k = 0; k < p; k++) u[i] -= fr[(size_t)(co + k) * d + i] * r[k];
    }
  }
}

static vb_status solve(const vb_model *m, vb_solution *s, double *r) {
  vb_arrow_reduce(m, s, r);
  if (m->p) vb_chol_solve(m->p, s->beta_chol, m->p, 1, r, m->p);
  vb_arrow_expand(m, s, r);
  return VB_OK;
}

/* one leaf level's part of a draw: u <- L^-T u - F (core, beta) */
static void draw_level(const vb_model *m, const vb_arrow *ar, int j, const double *core,
                       double *delta) {
  int d = m->d_leaf, co = m->front_start[j + 1] - m->front_start[j];
  const int *f = m->front + m->front_start[j];
  const double *fr = ar->front + m->block_start[j];
  double *u = delta + m->term[m->leaf].first + (size_t)j * d;
  vb_small_half_t(d, ar->leaf_chol + (size_t)j * d * d, u);
  for (int a = 0; a < d; a++) {
    for (int c = 0; c < co; c++) u[a] -= fr[(size_t)c * d + a] * core[f[c]];
    for (int k = 0; k < m->p; k++) u[a] -= fr[(size_t)(co + k) * d + a] * delta[k];
  }
}

/* beta first, the rest given it */
static void draw(const vb_model *m, const double *congruence, vb_solution *s, double *delta) {
  vb_arrow *ar = &s->arrow;
  int p = m->p, q = m->q;
  if (p) vb_chol_half_t(p, s->beta_chol, p, 1, delta, p);
  if (congruence) vb_multiply_beta(p, congruence, ar->work, delta);
  double *o = ar->work;
  core_gather(m, delta, o);
  if (q) {
    ar->core.solver->half_t(&ar->core, o);
    for (int k = 0; k < p; k++)
      for (int a = 0; a < q; a++) o[a] -= ar->core_beta[a + (size_t)k * q] * delta[k];
  }
  core_scatter(m, o, delta);
  for (int j = 0; m->leaf >= 0 && j < m->n_front; j++) draw_level(m, ar, j, o, delta);
}

const vb_scheme vb_scheme_full = {.name = "full",
                                  .solver = solver,
                                  .cost = cost,
                                  .layout = layout,
                                  .alloc = alloc,
                                  .cross = vb_arrow_cross_products,
                                  .factor = factor,
                                  .factor_beta = factor_beta,
                                  .solve = solve,
                                  .inverse = vb_arrow_inverse,
                                  .row_inverse = row_inverse,
                                  .row_variance = vb_arrow_row_variance,
                                  .new_row = vb_arrow_new_row,
                                  .row_covariance = vb_arrow_row_covariance,
                                  .draw = draw};
