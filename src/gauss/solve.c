/* The arrow: leaf levels eliminated one by one, then the core, then the fixed effects, so that
 * priors on beta that are iterated touch a p x p matrix only.  mathematics.Rmd, section 4; Davis
 * (2006), chapter 4. A_j = Z'HZ + Omega,  E_j = Z'H[C X],  F_j = A_j^-1 E_j,  B = core - sum E'F,
 * T = B^-1 B_ob, G = B_bb - B_ob' T  (the Schur complement on beta) */
#include <math.h>
#include <string.h>
#include "gauss/gauss.h"
#include "numbers/small.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)

static size_t core_size(const vb_model *m) {
  return m->core.col_start ? (size_t)m->core.col_start[m->q] : (size_t)m->q * m->q;
}

void vb_cross_alloc(const vb_model *m, vb_cross *c) {
  const vb_host *h = m->host;
  if (m->coupling != VB_FULL) {
    c->leaf = h->alloc(m->term[m->n_term].block + 1, sizeof(double));
    c->front = h->alloc(m->term[m->n_term].edge + 1, sizeof(double));
    c->beta = h->alloc((size_t)m->p * m->p + 1, sizeof(double));
    return;
  }
  c->leaf = h->alloc((size_t)m->n_front * m->d_leaf * m->d_leaf + 1, sizeof(double));
  c->front = h->alloc(m->block_start[m->n_front] + 1, sizeof(double));
  c->core = h->alloc(core_size(m) + 1, sizeof(double));
  c->core_beta = h->alloc((size_t)m->q * m->p + 1, sizeof(double));
  c->beta = h->alloc((size_t)m->p * m->p + 1, sizeof(double));
}

void vb_solution_alloc(const vb_model *m, vb_solution *s) {
  const vb_host *h = m->host;
  size_t pp = (size_t)m->p * m->p + 1;
  s->beta = h->alloc(pp, sizeof(double));
  s->beta_chol = h->alloc(pp, sizeof(double));
  s->s_beta = h->alloc(pp, sizeof(double));
  if (m->coupling != VB_FULL) {
    vb_factorised_alloc(m, s);
    return;
  }
  size_t qp = (size_t)m->q * m->p + 1, widest = 0;
  for (int j = 0; j < m->n_front; j++)
    if (m->block_start[j + 1] - m->block_start[j] > widest)
      widest = m->block_start[j + 1] - m->block_start[j];
  s->leaf_chol = h->alloc((size_t)m->n_front * m->d_leaf * m->d_leaf + 1, sizeof(double));
  s->front = h->alloc(m->block_start[m->n_front] + 1, sizeof(double));
  s->core = m->core;
  s->core.val = h->alloc(core_size(m) + 1, sizeof(double));
  s->core.inv = h->alloc(core_size(m) + 1, sizeof(double));
  if (!m->core.col_start) s->core.factor = h->alloc(core_size(m) + 1, sizeof(double));
  s->core_beta = h->alloc(qp, sizeof(double));
  s->s_core_beta = h->alloc(qp, sizeof(double));
  s->s_leaf = h->alloc((size_t)m->n_front * m->d_leaf * m->d_leaf + 1, sizeof(double));
  s->s_front = h->alloc(m->block_start[m->n_front] + 1, sizeof(double));
  s->work = h->alloc(widest + qp + (size_t)m->q + 2 * pp, sizeof(double));
}

/* eliminate leaf level j: y = L^-1 E on its front, subtract y'y from core, core x beta and beta */
static vb_status eliminate(const vb_model *m, const vb_cross *cross, double scale,
                           const double *omega, int j, vb_solution *s) {
  int d = m->d_leaf, p = m->p, co = m->front_start[j + 1] - m->front_start[j], q = m->q;
  const int *f = m->front + m->front_start[j];
  double *l = s->leaf_chol + (size_t)j * d * d, *fr = s->front + m->block_start[j], *y = s->work;
  const double *a = cross->leaf + (size_t)j * d * d, *e = cross->front + m->block_start[j];
  for (int i = 0; i < d * d; i++) l[i] = scale * a[i] + omega[i];
  if (vb_small_chol(d, l) != VB_OK) return VB_NOT_POS_DEF;
  for (int i = 0; i < d; i++) s->log_det_rest += 2 * log(l[i + i * d]);
  for (int c = 0; c < co + p; c++) {
    double *yc = y + (size_t)c * d, *fc = fr + (size_t)c * d;
    for (int i = 0; i < d; i++) yc[i] = scale * e[(size_t)c * d + i];
    vb_small_half(d, l, yc);
    memcpy(fc, yc, sizeof(double) * d);
    vb_small_half_t(d, l, fc);
  }
  const double *yb = y + (size_t)co * d;
  for (int a0 = 0; a0 < co; a0++) {
    const double *ya = y + (size_t)a0 * d;
    for (int b = 0; b <= a0; b++)
      s->core.val[vb_pair_position(m, j, a0, b)] -= vb_dot(d, ya, y + (size_t)b * d);
    for (int k = 0; k < p; k++)
      s->core_beta[f[a0] + (size_t)k * q] -= vb_dot(d, ya, yb + (size_t)k * d);
  }
  for (int l0 = 0; l0 < p; l0++)
    for (int k = l0; k < p; k++)
      s->beta[k + (size_t)l0 * p] -= vb_dot(d, yb + (size_t)k * d, yb + (size_t)l0 * d);
  return VB_OK;
}

static void add_core_prior(const vb_model *m, const vb_theta *theta, vb_solution *s) {
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    if (t->core < 0) continue;
    const double *om = theta->omega + (size_t)k * STRIDE;
    for (int l = 0; l < t->n_level; l++)
      for (int b = 0; b < t->d; b++)
        for (int a = b; a < t->d; a++)
          s->core.val[vb_diag_position(m, t->core + l * t->d, a, b)] += om[a + b * t->d];
  }
}

vb_status vb_factor(const vb_model *m, const vb_theta *theta, const vb_cross *cross, double scale,
                    vb_solution *s) {
  if (m->coupling != VB_FULL) {
    vb_factorised_factor(m, theta, cross, scale, s);
    return VB_OK;
  }
  int p = m->p, q = m->q;
  size_t n_core = core_size(m), qp = (size_t)q * p;
  for (size_t i = 0; i < n_core; i++) s->core.val[i] = scale * cross->core[i];
  for (size_t i = 0; i < qp; i++) s->core_beta[i] = scale * cross->core_beta[i];
  for (size_t i = 0; i < (size_t)p * p; i++) s->beta[i] = scale * cross->beta[i];
  for (int k = 0; k < p; k++) s->beta[k + (size_t)k * p] += m->prior_precision[k];
  add_core_prior(m, theta, s);
  s->log_det_rest = 0;
  if (m->leaf >= 0) {
    const double *omega = theta->omega + (size_t)m->leaf * STRIDE;
    for (int j = 0; j < m->n_front; j++)
      if (eliminate(m, cross, scale, omega, j, s) != VB_OK) return VB_NOT_POS_DEF;
  }
  if (!q) return VB_OK;
  vb_status st = s->core.solver->factor(&s->core);
  if (st != VB_OK) return st;
  s->log_det_rest += s->core.solver->log_det(&s->core);
  if (!p) return VB_OK;
  double *ob = s->work; /* B_ob, before T takes its place */
  memcpy(ob, s->core_beta, sizeof(double) * qp);
  s->core.solver->solve(&s->core, p, s->core_beta, q);
  double *g = s->work + qp;
  vb_gemm_tn(p, p, q, 1, ob, q, s->core_beta, q, 0, g, p);
  for (size_t i = 0; i < (size_t)p * p; i++) s->beta[i] -= g[i];
  return VB_OK;
}

vb_status vb_factor_beta(const vb_model *m, const double *site_precision, vb_solution *s) {
  if (m->coupling != VB_FULL) return vb_factorised_beta(m, site_precision, s);
  int p = m->p;
  memcpy(s->beta_chol, s->beta, sizeof(double) * p * p);
  for (int i = 0; i < m->n_site; i++)
    s->beta_chol[m->site[i].k * (size_t)(p + 1)] += site_precision[i];
  s->log_det = s->log_det_rest;
  if (!p) return VB_OK;
  vb_status st = vb_chol(p, s->beta_chol, p);
  if (st == VB_OK) s->log_det += vb_chol_log_det(p, s->beta_chol, p);
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

void vb_solve_reduce(const vb_model *m, const vb_solution *s, double *r) {
  int d = m->d_leaf, p = m->p, q = m->q;
  double *o = s->work;
  core_gather(m, r, o);
  for (int j = 0; m->leaf >= 0 && j < m->n_front; j++) {
    const double *rj = r + m->term[m->leaf].first + (size_t)j * d,
                 *fr = s->front + m->block_start[j];
    int co = m->front_start[j + 1] - m->front_start[j];
    const int *f = m->front + m->front_start[j];
    for (int a = 0; a < co; a++) o[f[a]] -= vb_dot(d, fr + (size_t)a * d, rj);
    for (int k = 0; k < p; k++) r[k] -= vb_dot(d, fr + (size_t)(co + k) * d, rj);
  }
  for (int k = 0; k < p && q; k++) r[k] -= vb_dot(q, s->core_beta + (size_t)k * q, o);
  core_scatter(m, o, r);
}

void vb_solve_expand(const vb_model *m, const vb_solution *s, double *r) {
  int d = m->d_leaf, p = m->p, q = m->q;
  double *o = s->work;
  core_gather(m, r, o);
  if (q) {
    vb_core *core = (vb_core *)&s->core; /* solve is const in effect: it reads the factor */
    core->solver->solve(core, 1, o, q);
    for (int k = 0; k < p; k++)
      for (int a = 0; a < q; a++) o[a] -= s->core_beta[a + (size_t)k * q] * r[k];
    core_scatter(m, o, r);
  }
  for (int j = 0; m->leaf >= 0 && j < m->n_front; j++) {
    double *u = r + m->term[m->leaf].first + (size_t)j * d;
    const double *l = s->leaf_chol + (size_t)j * d * d, *fr = s->front + m->block_start[j];
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

vb_status vb_solve(const vb_model *m, const vb_solution *s, double *r) {
  if (m->coupling != VB_FULL) return vb_factorised_solve(m, s, r);
  vb_solve_reduce(m, s, r);
  if (m->p) vb_chol_solve(m->p, s->beta_chol, m->p, 1, r, m->p);
  vb_solve_expand(m, s, r);
  return VB_OK;
}
