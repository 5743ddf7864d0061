/* The inverse on the pattern of the cross-products (Takahashi, Fagan & Chin 1973; Erisman & Tinney
 * 1975), from beta backwards to the core and the leaves, and what is read off it: variances and
 * second moments. */
#include <string.h>
#include "gauss/gauss.h"
#include "numbers/small.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)

static inline double at_beta(const vb_solution *s, int p, int k, int l) {
  return k >= l ? s->s_beta[k + (size_t)l * p] : s->s_beta[l + (size_t)k * p];
}

/* S_oo = B^-1 + T S_bb T' on the core's pattern, S_ob = -T S_bb */
static vb_status core_inverse(const vb_model *m, vb_solution *s) {
  int p = m->p, q = m->q;
  vb_status st = s->core.solver->inverse(&s->core);
  if (st != VB_OK || !p) return st;
  vb_gemm_nn(q, p, p, -1, s->core_beta, q, s->s_beta, p, 0, s->s_core_beta, q);
  if (!m->core.col_start) {
    vb_gemm_nt(q, q, p, -1, s->s_core_beta, q, s->core_beta, q, 1, s->core.inv, q);
    return VB_OK;
  }
  for (int c = 0; c < q; c++)
    for (int i = m->core.col_start[c]; i < m->core.col_start[c + 1]; i++) {
      double t = 0;
      for (int k = 0; k < p; k++)
        t += s->s_core_beta[m->core.row_index[i] + (size_t)k * q] * s->core_beta[c + (size_t)k * q];
      s->core.inv[i] -= t;
    }
  return VB_OK;
}

/* one leaf level: S_uc = -F S_cc on the front, S_uu = A^-1 - S_uc F' */
static void leaf_inverse(const vb_model *m, vb_solution *s, int j) {
  int d = m->d_leaf, p = m->p, q = m->q, co = m->front_start[j + 1] - m->front_start[j];
  const int *f = m->front + m->front_start[j];
  const double *fr = s->front + m->block_start[j], *l = s->leaf_chol + (size_t)j * d * d;
  double *su = s->s_front + m->block_start[j], *sj = s->s_leaf + (size_t)j * d * d;
  memset(su, 0, sizeof(double) * (size_t)d * (co + p));
  for (int c = 0; c < co; c++)
    for (int i = 0; i < d; i++) {
      double t = 0;
      for (int a = 0; a < co; a++) t += fr[(size_t)a * d + i] * vb_inverse_pair(m, s, j, a, c);
      for (int k = 0; k < p; k++)
        t += fr[(size_t)(co + k) * d + i] * s->s_core_beta[f[c] + (size_t)k * q];
      su[(size_t)c * d + i] = -t;
    }
  for (int c = 0; c < p; c++)
    for (int i = 0; i < d; i++) {
      double t = 0;
      for (int a = 0; a < co; a++)
        t += fr[(size_t)a * d + i] * s->s_core_beta[f[a] + (size_t)c * q];
      for (int k = 0; k < p; k++) t += fr[(size_t)(co + k) * d + i] * at_beta(s, p, k, c);
      su[(size_t)(co + c) * d + i] = -t;
    }
  for (int c = 0; c < d; c++) {
    double b[VB_MAX_DIM] = {0};
    b[c] = 1;
    vb_small_half(d, l, b);
    vb_small_half_t(d, l, b);
    for (int i = 0; i < d; i++) {
      double t = b[i];
      for (int k = 0; k < co + p; k++) t -= su[(size_t)k * d + i] * fr[(size_t)k * d + c];
      sj[i + c * d] = t;
    }
  }
}

void vb_beta_inverse(const vb_model *m, const double *congruence, vb_solution *s) {
  int p = m->p;
  if (!p) return;
  memcpy(s->s_beta, s->beta_chol, sizeof(double) * p * p);
  vb_chol_inverse(p, s->s_beta, p);
  if (!congruence) return;
  double *t = s->work;
  vb_gemm_nn(p, p, p, 1, congruence, p, s->s_beta, p, 0, t, p);
  vb_gemm_nt(p, p, p, 1, t, p, congruence, p, 0, s->s_beta, p);
}

vb_status vb_selected_inverse(const vb_model *m, const double *congruence, vb_solution *s) {
  if (m->coupling != VB_FULL) {
    vb_factorised_inverse(m, congruence, s);
    return VB_OK;
  }
  vb_beta_inverse(m, congruence, s);
  if (m->q) {
    vb_status st = core_inverse(m, s);
    if (st != VB_OK) return st;
  }
  for (int j = 0; m->leaf >= 0 && j < m->n_front; j++) leaf_inverse(m, s, j);
  return VB_OK;
}

/* entry (a, b), a >= b, of S within one level */
static inline double level_covariance(const vb_model *m, const vb_solution *s, const vb_term *t,
                                      int l, int a, int b) {
  if (t->core >= 0) return s->core.inv[vb_diag_position(m, t->core + l * t->d, a, b)];
  return s->s_leaf[t->block + (size_t)l * t->d * t->d + a + b * t->d];
}

void vb_coef_variance(const vb_model *m, const vb_solution *s, double *var) {
  int p = m->p;
  for (int k = 0; k < p; k++) var[k] = s->s_beta[k + (size_t)k * p];
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    double *out = var + t->first;
    for (int l = 0; l < t->n_level; l++)
      for (int a = 0; a < t->d; a++) *out++ = level_covariance(m, s, t, l, a, a);
  }
}

/* sum over levels of S_jj (+ m_j m_j'), d x d */
static void term_moments(const vb_model *m, const vb_solution *s, const vb_term *t, const double *c,
                         double *u) {
  int d = t->d;
  memset(u, 0, sizeof(double) * d * d);
  for (int l = 0; l < t->n_level; l++) {
    const double *cl = c ? c + t->first + (size_t)l * d : NULL;
    for (int b = 0; b < d; b++)
      for (int a = b; a < d; a++) {
        double v = level_covariance(m, s, t, l, a, b);
        u[a + b * d] += v + (cl ? cl[a] * cl[b] : 0);
      }
  }
  for (int b = 0; b < d; b++)
    for (int a = 0; a < b; a++) u[a + b * d] = u[b + a * d];
}

void vb_second_moments(const vb_model *m, const vb_solution *s, const double *c, double *u) {
  for (int k = 0; k < m->n_term; k++) term_moments(m, s, m->term + k, c, u + (size_t)k * STRIDE);
}

double vb_prior_trace(const vb_model *m, const vb_theta *theta, const vb_solution *s) {
  double out = 0, u[STRIDE];
  for (int k = 0; k < m->p; k++) out += m->prior_precision[k] * s->s_beta[k + (size_t)k * m->p];
  for (int k = 0; k < m->n_term; k++) {
    const double *om = theta->omega + (size_t)k * STRIDE;
    int d = m->term[k].d;
    term_moments(m, s, m->term + k, NULL, u);
    for (int i = 0; i < d * d; i++) out += om[i] * u[i];
  }
  return out;
}

/* (m - mu0)' P (m - mu0); pm, if wanted, gets P (m - mu0) */
double vb_prior_quadratic(const vb_model *m, const vb_theta *theta, const double *c, double *pm) {
  double out = 0;
  for (int k = 0; k < m->p; k++) {
    double e = c[k] - m->prior_mean[k], t = m->prior_precision[k] * e;
    out += e * t;
    if (pm) pm[k] = t;
  }
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    const double *om = theta->omega + (size_t)k * STRIDE;
    for (int l = 0; l < t->n_level; l++) {
      const double *u = c + t->first + (size_t)l * t->d;
      for (int a = 0; a < t->d; a++) {
        double w = 0;
        for (int b = 0; b < t->d; b++) w += om[a + b * t->d] * u[b];
        out += u[a] * w;
        if (pm) pm[t->first + (size_t)l * t->d + a] = w;
      }
    }
  }
  return out;
}

/* log |P| of the random effects; the normal priors of beta are in log_prior_constant */
double vb_prior_log_det(const vb_model *m, const vb_theta *theta) {
  double out = 0;
  for (int k = 0; k < m->n_term; k++) out -= m->term[k].n_level * theta->log_det[k];
  return out;
}
