/* The inverse on the pattern of the cross-products (Takahashi, Fagan & Chin 1973; Erisman & Tinney
 * 1975), from beta backwards to the core and the leaves. */
#include <string.h>
#include "gauss/arrow.h"
#include "numbers/small.h"

/* S_oo = B^-1 + T S_bb T' on the core's pattern, S_bo = -S_bb T' */
static vb_status core_inverse(const vb_model *m, vb_solution *s) {
  vb_arrow *ar = &s->arrow;
  int p = m->p, q = m->q;
  vb_status st = ar->core.solver->inverse(&ar->core);
  if (st != VB_OK || !p) return st;
  vb_gemm_nt(p, q, p, -1, s->s_beta, p, ar->core_beta, q, 0, ar->s_core_beta, p);
  if (!m->core.col_start) {
    vb_gemm_nn(q, q, p, -1, ar->core_beta, q, ar->s_core_beta, p, 1, ar->core.inv, q);
    return VB_OK;
  }
  for (int c = 0; c < q; c++) {
    double *t = ar->work;
    for (int k = 0; k < p; k++) t[k] = ar->core_beta[c + (size_t)k * q];
    for (int i = m->core.col_start[c]; i < m->core.col_start[c + 1]; i++)
      ar->core.inv[i] -= vb_dot(p, ar->s_core_beta + (size_t)m->core.row_index[i] * p, t);
  }
  return VB_OK;
}

/* S_uc of a level on its front's core: every pair is read once */
static void front_inverse(const vb_model *m, const vb_arrow *ar, int j, double *su) {
  int d = m->d_leaf, p = m->p, co = m->front_start[j + 1] - m->front_start[j];
  const int *f = m->front + m->front_start[j];
  const double *fr = ar->front + m->block_start[j], *fb = fr + (size_t)co * d;
  for (int b = 0; b < co; b++) {
    const vb_pair_column c = vb_pairs_of(m, j, b);
    const double *inv = ar->core.inv + c.from, *ob = ar->s_core_beta + (size_t)f[b] * p;
    for (int i = 0; i < d; i++) {
      double own = fr[(size_t)b * d + i], t = own * inv[c.row[b]];
      for (int a = b + 1; a < co; a++) {
        double pair = inv[c.row[a]];
        t += fr[(size_t)a * d + i] * pair;
        su[(size_t)a * d + i] -= own * pair;
      }
      for (int k = 0; k < p; k++) t += fb[(size_t)k * d + i] * ob[k];
      su[(size_t)b * d + i] -= t;
    }
  }
}

/* one leaf level: S_uc = -F S_cc on the front, S_uu = A^-1 - S_uc F' */
static void leaf_inverse(const vb_model *m, vb_solution *s, int j) {
  vb_arrow *ar = &s->arrow;
  int d = m->d_leaf, p = m->p, co = m->front_start[j + 1] - m->front_start[j];
  const int *f = m->front + m->front_start[j];
  const double *fr = ar->front + m->block_start[j], *l = ar->leaf_chol + (size_t)j * d * d;
  double *su = ar->s_front + m->block_start[j], *sj = ar->s_leaf + (size_t)j * d * d;
  double *sb = su + (size_t)co * d;
  memset(su, 0, sizeof(double) * (size_t)d * (co + p));
  front_inverse(m, ar, j, su);
  for (int a = 0; a < co; a++) {
    const double *ob = ar->s_core_beta + (size_t)f[a] * p;
    for (int k = 0; k < p; k++)
      for (int i = 0; i < d; i++) sb[(size_t)k * d + i] -= fr[(size_t)a * d + i] * ob[k];
  }
  for (int c = 0; c < p; c++)
    for (int k = 0; k < p; k++)
      for (int i = 0; i < d; i++)
        sb[(size_t)c * d + i] -= fr[(size_t)(co + k) * d + i] * s->s_beta[k + (size_t)c * p];
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

void vb_arrow_beta_inverse(const vb_model *m, const double *congruence, vb_solution *s) {
  int p = m->p;
  if (!p) return;
  memcpy(s->s_beta, s->beta_chol, sizeof(double) * p * p);
  vb_chol_inverse(p, s->s_beta, p);
  if (!congruence) return;
  double *t = s->arrow.work;
  vb_gemm_nn(p, p, p, 1, congruence, p, s->s_beta, p, 0, t, p);
  vb_gemm_nt(p, p, p, 1, t, p, congruence, p, 0, s->s_beta, p);
}

/* the levels' own blocks of S, out of the core's pattern */
static void core_levels(const vb_model *m, vb_arrow *ar) {
  double *out = ar->s_core;
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    if (k == m->leaf) continue;
    for (int l = 0; l < t->n_level; l++, out += t->d * t->d)
      for (int b = 0; b < t->d; b++)
        for (int a = b; a < t->d; a++)
          out[a + b * t->d] = ar->core.inv[vb_diag_position(m, t->core + l * t->d, a, b)];
  }
}

vb_status vb_arrow_inverse(const vb_model *m, const double *congruence, vb_solution *s) {
  vb_arrow_beta_inverse(m, congruence, s);
  if (m->q) {
    vb_status st = core_inverse(m, s);
    if (st != VB_OK) return st;
    core_levels(m, &s->arrow);
  }
  for (int j = 0; m->leaf >= 0 && j < m->n_front; j++) leaf_inverse(m, s, j);
  return VB_OK;
}
