/* Factorised q(c): the levels of all grouping factors independent of each other, with the fixed
 * effects C given them ("partial") or independent of them too ("meanfield").  For a precision
 * Lambda = P + A'HA the best such Gaussian has (Goplerud, Papaspiliopoulos & Zanella 2025;
 * mathematics.Rmd, section 10)
 *   V = Lambda_CC^-1,  F_j = V Lambda_Cj,  S_j = (Lambda_jj - Lambda_jC F_j)^-1,
 *   Var(beta) = V + sum F_j S_j F_j',  Cov(u_j, beta) = -S_j F_j',
 * and F = 0 in mean field; its mean is that of N(m, Lambda^-1), by conjugate gradients with the
 * covariance of q for preconditioner.  Memory and time are linear in rows and levels. */
#include <math.h>
#include <string.h>
#include "gauss/gauss.h"
#include "numbers/small.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)
#define CG_TOL 1e-12 /* of r'M^-1 r, relative to its start */
#define CG_MOST 1000

void vb_factorised_alloc(const vb_model *m, vb_solution *s) {
  const vb_host *h = m->host;
  size_t block = m->term[m->n_term].block + 1, edge = m->term[m->n_term].edge + 1;
  s->leaf_chol = h->alloc(block, sizeof(double));
  s->s_leaf = h->alloc(block, sizeof(double));
  s->front = h->alloc(edge, sizeof(double));
  s->s_front = h->alloc(edge, sizeof(double));
  s->row = h->alloc((size_t)m->n + 1, sizeof(double));
  s->cg = h->alloc((size_t)m->n_coef * 4 + 1, sizeof(double));
  s->work = h->alloc((size_t)m->p * (m->p + VB_MAX_DIM + 1) * 2 + 1, sizeof(double));
}

void vb_factorised_cross(const vb_model *m, const double *h, vb_cross *c) {
  int p = m->p;
  memset(c->leaf, 0, sizeof(double) * m->term[m->n_term].block);
  memset(c->front, 0, sizeof(double) * m->term[m->n_term].edge);
  c->h = h;
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    int d = t->d;
    for (int i = 0; i < m->n; i++) {
      const double *z = t->z + (size_t)i * d, *x = m->x + (size_t)i * p;
      double *a = c->leaf + t->block + (size_t)t->group[i] * d * d;
      double *e = c->front + t->edge + (size_t)t->group[i] * d * p;
      for (int b = 0; b < d; b++) {
        double w = h[i] * z[b];
        for (int r = 0; r < d; r++) a[r + b * d] += w * z[r];
        for (int l = 0; l < p; l++) e[b + (size_t)l * d] += w * x[l];
      }
    }
  }
}

void vb_factorised_factor(const vb_model *m, const vb_theta *theta, const vb_cross *c, double scale,
                          vb_solution *s) {
  int p = m->p;
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    const double *omega = theta->omega + (size_t)k * STRIDE;
    size_t from = t->block, to = m->term[k + 1].block, dd = (size_t)t->d * t->d;
    for (size_t i = from; i < to; i++)
      s->s_leaf[i] = scale * c->leaf[i] + omega[(i - from) % dd]; /* Lambda_jj until its turn */
  }
  for (size_t i = 0; i < m->term[m->n_term].edge; i++) s->s_front[i] = scale * c->front[i];
  for (size_t i = 0; i < (size_t)p * p; i++) s->beta[i] = scale * c->beta[i];
  for (int k = 0; k < p; k++) s->beta[k + (size_t)k * p] += m->prior_precision[k];
  s->theta = theta;
  s->h = c->h;
  s->scale = scale;
}

/* one level: F' (d x p) into front, the Cholesky factor of S_j^-1 into leaf_chol */
static vb_status factor_level(const vb_model *m, const vb_term *t, int l, vb_solution *s) {
  int d = t->d, p = m->p;
  double *chol = s->leaf_chol + t->block + (size_t)l * d * d, *f = s->work;
  const double *a = s->s_leaf + t->block + (size_t)l * d * d;
  const double *e = s->s_front + t->edge + (size_t)l * d * p;
  double *ft = s->front + t->edge + (size_t)l * d * p;
  memcpy(chol, a, sizeof(double) * d * d);
  if (m->coupling == VB_PARTIAL && p) {
    for (int b = 0; b < d; b++)
      for (int k = 0; k < p; k++) f[k + (size_t)b * p] = e[b + (size_t)k * d];
    vb_chol_solve(p, s->beta_chol, p, d, f, p);
    for (int b = 0; b < d; b++)
      for (int k = 0; k < p; k++) {
        double v = ft[b + (size_t)k * d] = f[k + (size_t)b * p];
        for (int r = 0; r < d; r++) chol[r + b * d] -= e[r + (size_t)k * d] * v;
      }
  }
  if (vb_small_chol(d, chol) != VB_OK) return VB_NOT_POS_DEF;
  for (int b = 0; b < d; b++) s->log_det += 2 * log(chol[b + b * d]);
  return VB_OK;
}

vb_status vb_factorised_beta(const vb_model *m, const double *site, vb_solution *s) {
  int p = m->p;
  memcpy(s->beta_chol, s->beta, sizeof(double) * p * p);
  for (int i = 0; i < m->n_site; i++) s->beta_chol[m->site[i].k * (size_t)(p + 1)] += site[i];
  s->site = site;
  s->log_det = 0;
  if (p) {
    vb_status st = vb_chol(p, s->beta_chol, p);
    if (st != VB_OK) return st;
    s->log_det = vb_chol_log_det(p, s->beta_chol, p);
  }
  for (int k = 0; k < m->n_term; k++)
    for (int l = 0; l < m->term[k].n_level; l++)
      if (factor_level(m, m->term + k, l, s) != VB_OK) return VB_NOT_POS_DEF;
  return isfinite(s->log_det) ? VB_OK : VB_NOT_POS_DEF;
}

/* z <- Cov_q r: the preconditioner */
static void covariance_product(const vb_model *m, const vb_solution *s, const double *r,
                               double *z) {
  int p = m->p;
  double *moved = s->work;
  memcpy(z, r, sizeof(double) * p);
  memset(moved, 0, sizeof(double) * p);
  if (p) vb_chol_solve(p, s->beta_chol, p, 1, z, p);
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    int d = t->d;
    for (int l = 0; l < t->n_level; l++) {
      const double *chol = s->leaf_chol + t->block + (size_t)l * d * d;
      const double *ft = s->front + t->edge + (size_t)l * d * p;
      double *u = z + t->first + (size_t)l * d;
      memcpy(u, r + t->first + (size_t)l * d, sizeof(double) * d);
      for (int b = 0; b < p; b++)
        for (int a = 0; a < d; a++) u[a] -= ft[a + (size_t)b * d] * r[b];
      vb_small_half(d, chol, u);
      vb_small_half_t(d, chol, u);
      for (int b = 0; b < p; b++) moved[b] += vb_dot(d, ft + (size_t)b * d, u);
    }
  }
  for (int b = 0; b < p; b++) z[b] -= moved[b];
}

/* out <- Lambda x, row by row */
static void precision_product(const vb_model *m, const vb_solution *s, const double *x,
                              double *out) {
  double *eta = s->row;
  vb_linear_predictor(m, x, eta);
  for (int i = 0; i < m->n; i++) eta[i] = s->scale * s->h[i] * (eta[i] - m->offset[i]);
  vb_design_transpose(m, eta, out);
  for (int k = 0; k < m->p; k++) out[k] += m->prior_precision[k] * x[k];
  for (int i = 0; i < m->n_site; i++) out[m->site[i].k] += s->site[i] * x[m->site[i].k];
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    const double *omega = s->theta->omega + (size_t)k * STRIDE;
    for (int l = 0; l < t->n_level; l++)
      for (int b = 0; b < t->d; b++) {
        size_t at = t->first + (size_t)l * t->d;
        for (int a = 0; a < t->d; a++) out[at + a] += omega[a + b * t->d] * x[at + b];
      }
  }
}

/* r <- Lambda^-1 r (Hestenes & Stiefel 1952; Saad 2003, algorithm 9.1) */
vb_status vb_factorised_solve(const vb_model *m, const vb_solution *s, double *r) {
  size_t D = (size_t)m->n_coef;
  double *x = s->cg, *z = s->cg + D, *dir = s->cg + 2 * D, *prod = s->cg + 3 * D;
  memset(x, 0, sizeof(double) * D);
  covariance_product(m, s, r, z);
  memcpy(dir, z, sizeof(double) * D);
  double rz = vb_dot(m->n_coef, r, z), goal = CG_TOL * rz;
  for (int it = 0; it < CG_MOST && rz > goal; it++) {
    precision_product(m, s, dir, prod);
    double step = rz / vb_dot(m->n_coef, dir, prod), last = rz;
    if (!(step > 0) || !isfinite(step)) break; /* not positive definite: as far as it went */
    for (size_t k = 0; k < D; k++) {
      x[k] += step * dir[k];
      r[k] -= step * prod[k];
    }
    covariance_product(m, s, r, z);
    rz = vb_dot(m->n_coef, r, z);
    for (size_t k = 0; k < D; k++) dir[k] = z[k] + rz / last * dir[k];
    if (m->n > 20000 && it % 16 == 15 && m->host->poll()) return VB_INTERRUPTED;
  }
  memcpy(r, x, sizeof(double) * D);
  return VB_OK;
}

void vb_factorised_inverse(const vb_model *m, const double *congruence, vb_solution *s) {
  int p = m->p;
  double *sum = s->work + (size_t)p * VB_MAX_DIM;
  memset(sum, 0, sizeof(double) * p * p);
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    int d = t->d;
    for (int l = 0; l < t->n_level; l++) {
      const double *chol = s->leaf_chol + t->block + (size_t)l * d * d;
      const double *ft = s->front + t->edge + (size_t)l * d * p;
      double *inv = s->s_leaf + t->block + (size_t)l * d * d;
      double *cov = s->s_front + t->edge + (size_t)l * d * p;
      for (int b = 0; b < d; b++) {
        for (int a = 0; a < d; a++) inv[a + b * d] = a == b;
        vb_small_half(d, chol, inv + b * d);
        vb_small_half_t(d, chol, inv + b * d);
      }
      for (int b = 0; b < p; b++)
        for (int a = 0; a < d; a++) {
          double v = 0;
          for (int c = 0; c < d; c++) v -= inv[a + c * d] * ft[c + (size_t)b * d];
          cov[a + (size_t)b * d] = v;
        }
      for (int b = 0; b < p; b++)
        for (int a = b; a < p; a++)
          sum[a + (size_t)b * p] -= vb_dot(d, ft + (size_t)a * d, cov + (size_t)b * d);
    }
  }
  if (!p) return;
  memcpy(s->s_beta, s->beta_chol, sizeof(double) * p * p);
  vb_chol_inverse(p, s->s_beta, p);
  vb_symmetrise(p, sum, p);
  for (size_t i = 0; i < (size_t)p * p; i++) s->s_beta[i] += sum[i];
  if (!congruence) return;
  vb_gemm_nn(p, p, p, 1, congruence, p, s->s_beta, p, 0, sum, p);
  vb_gemm_nt(p, p, p, 1, sum, p, congruence, p, 0, s->s_beta, p);
  for (int k = 0; k < m->n_term; k++) /* Cov(u, C beta) = Cov(u, beta) C' */
    for (int l = 0; l < m->term[k].n_level; l++) {
      int d = m->term[k].d;
      double *cov = s->s_front + m->term[k].edge + (size_t)l * d * p;
      memcpy(s->work, cov, sizeof(double) * d * p);
      vb_gemm_nt(d, p, p, 1, s->work, d, congruence, p, 0, cov, d);
    }
}

double vb_level_variance(const vb_model *m, const vb_solution *s, int term, int level,
                         const double *z, const double *x) {
  const vb_term *t = m->term + term;
  int d = t->d, p = m->p;
  const double *inv = s->s_leaf + t->block + (size_t)level * d * d;
  const double *cov = s->s_front + t->edge + (size_t)level * d * p;
  double v = 0;
  for (int a = 0; a < d; a++) {
    double w = 0;
    for (int b = 0; b < d; b++) w += inv[a + b * d] * z[b];
    for (int k = 0; k < p; k++) w += 2 * cov[a + (size_t)k * d] * x[k];
    v += z[a] * w;
  }
  return v;
}

/* standard normals -> a draw of q about its mean */
void vb_factorised_draw(const vb_model *m, const vb_solution *s, double *delta) {
  int p = m->p;
  if (p) vb_chol_half_t(p, s->beta_chol, p, 1, delta, p);
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    int d = t->d;
    for (int l = 0; l < t->n_level; l++) {
      double *u = delta + t->first + (size_t)l * d;
      const double *ft = s->front + t->edge + (size_t)l * d * p;
      vb_small_half_t(d, s->leaf_chol + t->block + (size_t)l * d * d, u);
      for (int b = 0; b < p; b++) delta[b] -= vb_dot(d, ft + (size_t)b * d, u);
    }
  }
}
