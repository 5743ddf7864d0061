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
#include "gauss/scheme.h"
#include "numbers/small.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)
#define CG_TOL 1e-12   /* of r'M^-1 r, relative to its start */
#define CG_LEAST 1e-26 /* the same: the rest is rounding */
#define CG_NEAR 1e-6   /* of e'M e, see solve() */
#define CG_MOST 1000

static void layout(const vb_host *host, vb_model *m) {
  (void)host;
  vb_lay_blocks(m);
}

static void alloc(const vb_model *m, vb_cross *c, vb_solution *s) {
  const vb_host *h = m->host;
  size_t block = m->term[m->n_term].block + 1, edge = m->term[m->n_term].edge + 1;
  if (c) {
    c->levels.block = h->alloc(block, sizeof(double));
    c->levels.edge = h->alloc(edge, sizeof(double));
  }
  if (!s) return;
  vb_levels *v = &s->levels;
  v->chol = h->alloc(block, sizeof(double));
  v->inverse = h->alloc(block, sizeof(double));
  v->given = h->alloc(edge, sizeof(double));
  v->cov = h->alloc(edge, sizeof(double));
  v->row = h->alloc((size_t)m->n + 1, sizeof(double));
  v->cg = h->alloc((size_t)m->n_coef * 4 + 1, sizeof(double));
  v->work = h->alloc((size_t)m->p * (m->p + VB_MAX_DIM + 1) * 2 + 1, sizeof(double));
  for (int k = 0; k < m->n_term; k++) s->s_level[k] = v->inverse + m->term[k].block;
}

static const char *solver(const vb_model *m) {
  (void)m;
  return "gradients";
}

/* the passes of conjugate gradients */
static double cost(const vb_model *m) { return 450.0 * m->n; }

static void cross_products(const vb_model *m, const double *h, vb_cross *cross) {
  vb_level_cross *c = &cross->levels;
  int p = m->p;
  memset(c->block, 0, sizeof(double) * m->term[m->n_term].block);
  memset(c->edge, 0, sizeof(double) * m->term[m->n_term].edge);
  c->h = h;
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    int d = t->d;
    for (int i = 0; i < m->n; i++) {
      const double *z = t->z + (size_t)i * d, *x = m->x + (size_t)i * p;
      double *a = c->block + t->block + (size_t)t->group[i] * d * d;
      double *e = c->edge + t->edge + (size_t)t->group[i] * d * p;
      for (int b = 0; b < d; b++) {
        double w = h[i] * z[b];
        for (int r = 0; r < d; r++) a[r + b * d] += w * z[r];
        for (int l = 0; l < p; l++) e[b + (size_t)l * d] += w * x[l];
      }
    }
  }
}

/* All waits for the sites of beta. */
static vb_status factor(const vb_model *m, const vb_theta *theta, const vb_cross *cross,
                        double scale, vb_solution *s) {
  (void)m;
  s->levels.theta = theta;
  s->levels.cross = cross;
  s->levels.scale = scale;
  return VB_OK;
}

/* F_j' (d x p), and what it takes from Lambda_jj in chol */
static void eliminate_beta(const vb_model *m, const vb_term *t, int l, vb_solution *s) {
  vb_levels *v = &s->levels;
  int d = t->d, p = m->p;
  const double *e = v->cross->levels.edge + t->edge + (size_t)l * d * p;
  double *chol = v->chol + t->block + (size_t)l * d * d, *f = v->work;
  double *ft = v->given + t->edge + (size_t)l * d * p;
  for (int b = 0; b < d; b++)
    for (int k = 0; k < p; k++) f[k + (size_t)b * p] = v->scale * e[b + (size_t)k * d];
  vb_chol_solve(p, s->beta_chol, p, d, f, p);
  for (int b = 0; b < d; b++)
    for (int k = 0; k < p; k++) {
      double fk = ft[b + (size_t)k * d] = f[k + (size_t)b * p];
      for (int r = 0; r < d; r++) chol[r + b * d] -= v->scale * e[r + (size_t)k * d] * fk;
    }
}

/* one level: the Cholesky factor of S_j^-1 */
static vb_status factor_level(const vb_term *t, const double *omega, int l, int given_beta,
                              const vb_model *m, vb_solution *s) {
  vb_levels *v = &s->levels;
  int d = t->d;
  const double *a = v->cross->levels.block + t->block + (size_t)l * d * d;
  double *chol = v->chol + t->block + (size_t)l * d * d;
  for (int i = 0; i < d * d; i++) chol[i] = v->scale * a[i] + omega[i];
  if (given_beta) eliminate_beta(m, t, l, s);
  if (vb_small_chol(d, chol) != VB_OK) return VB_NOT_POS_DEF;
  for (int b = 0; b < d; b++) s->log_det += 2 * log(chol[b + b * d]);
  return VB_OK;
}

static vb_status factor_all(const vb_model *m, const double *site, int given_beta, vb_solution *s) {
  int p = m->p;
  s->levels.site = site;
  s->log_det = 0;
  if (p) {
    vb_status st = vb_chol(p, s->beta_chol, p);
    if (st != VB_OK) return st;
    s->log_det = vb_chol_log_det(p, s->beta_chol, p);
  }
  for (int k = 0; k < m->n_term; k++) {
    const double *omega = s->levels.theta->omega + (size_t)k * STRIDE;
    for (int l = 0; l < m->term[k].n_level; l++)
      if (factor_level(m->term + k, omega, l, given_beta, m, s) != VB_OK) return VB_NOT_POS_DEF;
  }
  return isfinite(s->log_det) ? VB_OK : VB_NOT_POS_DEF;
}

static vb_status partial_beta(const vb_model *m, const double *site, vb_solution *s) {
  return factor_all(m, site, m->p > 0, s);
}

static vb_status meanfield_beta(const vb_model *m, const double *site, vb_solution *s) {
  return factor_all(m, site, 0, s);
}

/* z <- Cov_q r: the preconditioner */
static void covariance_product(const vb_model *m, vb_solution *s, const double *r, double *z) {
  int p = m->p;
  double *moved = s->levels.work;
  memcpy(z, r, sizeof(double) * p);
  memset(moved, 0, sizeof(double) * p);
  if (p) vb_chol_solve(p, s->beta_chol, p, 1, z, p);
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    int d = t->d;
    for (int l = 0; l < t->n_level; l++) {
      const double *chol = s->levels.chol + t->block + (size_t)l * d * d;
      const double *ft = s->levels.given + t->edge + (size_t)l * d * p;
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

/* r <- Lambda^-1 r (Hestenes & Stiefel 1952; Saad 2003, algorithm 9.1).  With M^-1 the covariance
 * of q and l the least eigenvalue of M^-1 Lambda, the error e has e'M e <= r'M^-1 r / l^2, in
 * standard deviations of q squared; l is taken for the least Rayleigh quotient met, z'Lambda z /
 * z'M z. */
static vb_status solve(const vb_model *m, vb_solution *s, double *r) {
  size_t D = (size_t)m->n_coef;
  double *x = s->levels.cg, *z = s->levels.cg + D, *dir = s->levels.cg + 2 * D,
         *prod = s->levels.cg + 3 * D;
  memset(x, 0, sizeof(double) * D);
  covariance_product(m, s, r, z);
  memcpy(dir, z, sizeof(double) * D);
  vb_levels *v = &s->levels;
  vb_lambda lambda = {v->theta, v->cross->levels.h, v->scale, v->site, v->row};
  double rz = vb_dot(m->n_coef, r, z), goal = v->to_the_end ? 0 : CG_TOL * rz,
         floor = CG_LEAST * rz, least = 1;
  double beta = 0, curved = 0;
  for (int it = 0; it < CG_MOST && rz > floor && (rz > goal || rz > CG_NEAR * least * least);
       it++) {
    vb_precision_product(m, &lambda, dir, prod);
    double before = beta * beta * curved, last = rz;
    curved = vb_dot(m->n_coef, dir, prod);
    least = fmin(least, (curved + before) / rz);
    double step = rz / curved;
    if (!(step > 0) || !isfinite(step)) break; /* not positive definite: as far as it went */
    for (size_t k = 0; k < D; k++) {
      x[k] += step * dir[k];
      r[k] -= step * prod[k];
    }
    covariance_product(m, s, r, z);
    rz = vb_dot(m->n_coef, r, z);
    beta = rz / last;
    for (size_t k = 0; k < D; k++) dir[k] = z[k] + beta * dir[k];
    if (m->n > 20000 && it % 16 == 15 && m->host->poll()) return VB_INTERRUPTED;
  }
  memcpy(r, x, sizeof(double) * D);
  return VB_OK;
}

static vb_status inverse(const vb_model *m, const double *congruence, vb_solution *s) {
  int p = m->p;
  double *sum = s->levels.work + (size_t)p * VB_MAX_DIM;
  memset(sum, 0, sizeof(double) * p * p);
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    int d = t->d;
    for (int l = 0; l < t->n_level; l++) {
      const double *chol = s->levels.chol + t->block + (size_t)l * d * d;
      const double *ft = s->levels.given + t->edge + (size_t)l * d * p;
      double *inv = s->levels.inverse + t->block + (size_t)l * d * d;
      double *cov = s->levels.cov + t->edge + (size_t)l * d * p;
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
  if (!p) return VB_OK;
  memcpy(s->s_beta, s->beta_chol, sizeof(double) * p * p);
  vb_chol_inverse(p, s->s_beta, p);
  vb_symmetrise(p, sum, p);
  for (size_t i = 0; i < (size_t)p * p; i++) s->s_beta[i] += sum[i];
  if (!congruence) return VB_OK;
  vb_gemm_nn(p, p, p, 1, congruence, p, s->s_beta, p, 0, sum, p);
  vb_gemm_nt(p, p, p, 1, sum, p, congruence, p, 0, s->s_beta, p);
  for (int k = 0; k < m->n_term; k++) /* Cov(u, C beta) = Cov(u, beta) C' */
    for (int l = 0; l < m->term[k].n_level; l++) {
      int d = m->term[k].d;
      double *cov = s->levels.cov + m->term[k].edge + (size_t)l * d * p;
      memcpy(s->levels.work, cov, sizeof(double) * d * p);
      vb_gemm_nt(d, p, p, 1, s->levels.work, d, congruence, p, 0, cov, d);
    }
  return VB_OK;
}

/* variance that a level of a term adds to z'u + x'beta beyond beta's own */
static double level_variance(const vb_model *m, const vb_solution *s, int term, int level,
                             const double *z, const double *x) {
  const vb_term *t = m->term + term;
  int d = t->d, p = m->p;
  const double *inv = s->levels.inverse + t->block + (size_t)level * d * d;
  const double *cov = s->levels.cov + t->edge + (size_t)level * d * p;
  double v = 0;
  for (int a = 0; a < d; a++) {
    double w = 0;
    for (int b = 0; b < d; b++) w += inv[a + b * d] * z[b];
    for (int k = 0; k < p; k++) w += 2 * cov[a + (size_t)k * d] * x[k];
    v += z[a] * w;
  }
  return v;
}

static void row_variance(const vb_model *m, const vb_solution *s, int from, int n, double *v) {
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    for (int i = from; i < from + n; i++)
      v[i] +=
          level_variance(m, s, k, t->group[i], t->z + (size_t)i * t->d, m->x + (size_t)i * m->p);
  }
}

static double new_row(const vb_model *m, const vb_theta *theta, const vb_solution *s,
                      const vb_new_rows *rows, int i, const double *ratio, vb_new_row *r) {
  (void)ratio; /* nothing corrects these */
  int p = m->p;
  double v = vb_beta_quadratic(m, s, r);
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    int g = rows->group[k][i], d = t->d;
    double z[VB_MAX_DIM];
    for (int a = 0; a < d; a++) z[a] = rows->z[k][i + (size_t)a * rows->n];
    if (g == 0) v += vb_new_level(theta, k, d, z);
    if (g <= 0) continue;
    const double *cov = s->levels.cov + t->edge + (size_t)(g - 1) * d * p;
    v += level_variance(m, s, k, g - 1, z, r->x);
    for (int l = 0; l < p; l++) r->cov_beta[l] += vb_dot(d, cov + (size_t)l * d, z);
  }
  return v;
}

static void draw(const vb_model *m, const double *congruence, vb_solution *s, double *delta) {
  int p = m->p;
  if (p) vb_chol_half_t(p, s->beta_chol, p, 1, delta, p);
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    int d = t->d;
    for (int l = 0; l < t->n_level; l++) {
      double *u = delta + t->first + (size_t)l * d;
      const double *ft = s->levels.given + t->edge + (size_t)l * d * p;
      vb_small_half_t(d, s->levels.chol + t->block + (size_t)l * d * d, u);
      for (int b = 0; b < p; b++) delta[b] -= vb_dot(d, ft + (size_t)b * d, u);
    }
  }
  if (congruence) vb_multiply_beta(p, congruence, s->levels.work, delta);
}

/* by p more conjugate gradients */
static vb_status beta_covariance(const vb_model *m, vb_solution *s, double *r, double *out) {
  int p = m->p;
  for (int k = 0; k < p; k++) {
    memset(r, 0, sizeof(double) * m->n_coef);
    r[k] = 1;
    if (solve(m, s, r) == VB_INTERRUPTED) return VB_INTERRUPTED;
    memcpy(out + (size_t)k * p, r, sizeof(double) * p);
    if (m->host->poll()) return VB_INTERRUPTED;
  }
  return VB_OK;
}

const vb_scheme vb_scheme_partial = {.name = "partial",
                                     .independent = 1,
                                     .solver = solver,
                                     .cost = cost,
                                     .layout = layout,
                                     .alloc = alloc,
                                     .cross = cross_products,
                                     .factor = factor,
                                     .factor_beta = partial_beta,
                                     .solve = solve,
                                     .inverse = inverse,
                                     .row_inverse = inverse,
                                     .row_variance = row_variance,
                                     .new_row = new_row,
                                     .draw = draw,
                                     .beta_covariance = beta_covariance};

/* as above with F = 0, which given is made with */
const vb_scheme vb_scheme_meanfield = {.name = "meanfield",
                                       .independent = 1,
                                       .solver = solver,
                                       .cost = cost,
                                       .layout = layout,
                                       .alloc = alloc,
                                       .cross = cross_products,
                                       .factor = factor,
                                       .factor_beta = meanfield_beta,
                                       .solve = solve,
                                       .inverse = inverse,
                                       .row_inverse = inverse,
                                       .row_variance = row_variance,
                                       .new_row = new_row,
                                       .draw = draw};
