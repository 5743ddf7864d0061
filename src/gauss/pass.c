/* Pass: rows to cross-products.  One sweep over the cells, additive over rows (mathematics.Rmd,
 * section 3). */
#include <string.h>
#include "gauss/gauss.h"

void vb_linear_predictor(const vb_model *m, const double *c, double *eta) {
  int p = m->p;
  for (int i = 0; i < m->n; i++) {
    const double *x = m->x + (size_t)i * p;
    double t = m->offset[i];
    for (int k = 0; k < p; k++) t += x[k] * c[k];
    eta[i] = t;
  }
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    for (int i = 0; i < m->n; i++) {
      const double *u = c + t->first + (size_t)t->group[i] * t->d, *z = t->z + (size_t)i * t->d;
      double s = 0;
      for (int a = 0; a < t->d; a++) s += z[a] * u[a];
      eta[i] += s;
    }
  }
}

/* r <- A'g */
void vb_design_transpose(const vb_model *m, const double *g, double *r) {
  int p = m->p;
  memset(r, 0, sizeof(double) * m->n_coef);
  for (int i = 0; i < m->n; i++) {
    const double *x = m->x + (size_t)i * p;
    for (int k = 0; k < p; k++) r[k] += g[i] * x[k];
  }
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    for (int i = 0; i < m->n; i++) {
      double *u = r + t->first + (size_t)t->group[i] * t->d;
      const double *z = t->z + (size_t)i * t->d;
      for (int a = 0; a < t->d; a++) u[a] += g[i] * z[a];
    }
  }
}

/* cross-products of one cell within its leaf level: leaf block, front, and pairs of core blocks */
static void add_cell(const vb_model *m, int j, int i, double h, vb_cross *c) {
  int d = m->d_leaf, p = m->p, n_other = m->n_term - 1,
      co = m->front_start[j + 1] - m->front_start[j];
  const double *x = m->x + (size_t)i * p, *z = m->term[m->leaf].z + (size_t)i * d;
  const int *slot = m->slot + (size_t)i * n_other, *f = m->front + m->front_start[j];
  double *leaf = c->leaf + (size_t)j * d * d, *e = c->front + m->block_start[j];
  for (int a = 0; a < d; a++) {
    double t = h * z[a];
    for (int b = 0; b <= a; b++) leaf[a + b * d] += t * z[b];
    double *ex = e + (size_t)co * d + a;
    for (int k = 0; k < p; k++) ex[(size_t)k * d] += t * x[k];
  }
  for (int o = 0; o < n_other; o++) {
    const vb_term *to = m->term + m->core_term[o];
    for (int a = 0; a < to->d; a++) {
      double t = h * to->z[(size_t)i * to->d + a];
      double *ec = e + (size_t)(slot[o] + a) * d;
      for (int b = 0; b < d; b++) ec[b] += t * z[b];
      double *cb = c->core_beta + f[slot[o] + a];
      for (int k = 0; k < p; k++) cb[(size_t)k * m->q] += t * x[k];
      for (int b = 0; b <= a; b++)
        c->core[vb_pair_position(m, j, slot[o] + a, slot[o] + b)] +=
            t * to->z[(size_t)i * to->d + b];
      for (int r = 0; r < o; r++) {
        const vb_term *tr = m->term + m->core_term[r];
        for (int b = 0; b < tr->d; b++) { /* fronts ascend with the term: slot[o] > slot[r] */
          double zr = tr->z[(size_t)i * tr->d + b];
          c->core[vb_pair_position(m, j, slot[o] + a, slot[r] + b)] += t * zr;
        }
      }
    }
  }
}

void vb_cross_products(const vb_model *m, const double *h, vb_cross *c) {
  int d = m->d_leaf;
  if (m->p) {
    vb_weighted_gram(m->n, m->p, m->x, m->p, h, 0, c->beta, m->p);
    vb_symmetrise(m->p, c->beta, m->p);
  }
  if (m->coupling != VB_FULL) {
    vb_factorised_cross(m, h, c);
    return;
  }
  size_t n_core = m->core.col_start ? (size_t)m->core.col_start[m->q] : (size_t)m->q * m->q;
  memset(c->leaf, 0, sizeof(double) * m->n_front * d * d);
  memset(c->front, 0, sizeof(double) * m->block_start[m->n_front]);
  memset(c->core, 0, sizeof(double) * n_core);
  memset(c->core_beta, 0, sizeof(double) * (size_t)m->q * m->p);
  if (m->leaf < 0) return;
  for (int j = 0; j < m->n_front; j++) {
    for (int i = m->row_start[j]; i < m->row_start[j + 1]; i++) add_cell(m, j, i, h[i], c);
    double *leaf = c->leaf + (size_t)j * d * d;
    for (int b = 0; b < d; b++)
      for (int a = 0; a < b; a++) leaf[a + b * d] = leaf[b + a * d];
  }
}

/* variance contributed by random terms and their covariance with the fixed effects, one cell */
static double random_variance(const vb_model *m, const vb_solution *s, int i) {
  int d = m->d_leaf, p = m->p, q = m->q, n_other = m->n_term - 1;
  int j = m->term[m->leaf].group[i], co = m->front_start[j + 1] - m->front_start[j];
  const double *x = m->x + (size_t)i * p, *z = m->term[m->leaf].z + (size_t)i * d;
  const double *su = s->s_front + m->block_start[j], *sj = s->s_leaf + (size_t)j * d * d;
  const int *slot = m->slot + (size_t)i * n_other, *f = m->front + m->front_start[j];
  double v = 0;
  for (int a = 0; a < d; a++) {
    double t = 0;
    for (int b = 0; b < d; b++) t += sj[a + b * d] * z[b];
    for (int k = 0; k < p; k++) t += 2 * su[(size_t)(co + k) * d + a] * x[k];
    for (int o = 0; o < n_other; o++) {
      const vb_term *term = m->term + m->core_term[o];
      for (int b = 0; b < term->d; b++)
        t += 2 * su[(size_t)(slot[o] + b) * d + a] * term->z[(size_t)i * term->d + b];
    }
    v += z[a] * t;
  }
  for (int o = 0; o < n_other; o++) {
    const vb_term *to = m->term + m->core_term[o];
    for (int a = 0; a < to->d; a++) {
      double t = 0;
      for (int k = 0; k < p; k++) t += 2 * s->s_core_beta[f[slot[o] + a] + (size_t)k * q] * x[k];
      for (int r = 0; r <= o; r++) {
        const vb_term *tr = m->term + m->core_term[r];
        double w = r == o ? 1 : 2;
        for (int b = 0; b < tr->d; b++)
          t +=
              w * vb_inverse_pair(m, s, j, slot[o] + a, slot[r] + b) * tr->z[(size_t)i * tr->d + b];
      }
      v += to->z[(size_t)i * to->d + a] * t;
    }
  }
  return v;
}

#define BLOCK 64
#define SERIAL 4096 /* rows up to which threads cost more than they save */
#define GEMM_FROM 8 /* columns from which the blocked product pays */
static void row_variance_block(const vb_model *m, const vb_solution *s, int from, int n,
                               double *v) {
  int p = m->p;
  const double *x = m->x + (size_t)from * p;
  if (p >= GEMM_FROM && p <= 512) {
    double y[BLOCK * 512 / 8]; /* p columns are taken in slices so that y fits the stack */
    int slice = BLOCK * 512 / 8 / BLOCK;
    for (int i = 0; i < n; i++) v[from + i] = 0;
    for (int k0 = 0; k0 < p; k0 += slice) {
      int kn = p - k0 < slice ? p - k0 : slice;
      vb_gemm_nn(kn, n, p, 1, s->s_beta + k0, p, x, p, 0, y, kn);
      for (int i = 0; i < n; i++) {
        double t = 0;
        for (int k = 0; k < kn; k++) t += y[k + (size_t)i * kn] * x[(size_t)i * p + k0 + k];
        v[from + i] += t;
      }
    }
  } else {
    for (int i = 0; i < n; i++) {
      double t = 0;
      for (int l = 0; l < p; l++) {
        double w = 0.5 * s->s_beta[l + (size_t)l * p] * x[(size_t)i * p + l];
        for (int k = l + 1; k < p; k++) w += s->s_beta[k + (size_t)l * p] * x[(size_t)i * p + k];
        t += 2 * w * x[(size_t)i * p + l];
      }
      v[from + i] = t;
    }
  }
  for (int k = 0; k < m->n_term && m->coupling != VB_FULL; k++) {
    const vb_term *t = m->term + k;
    for (int i = from; i < from + n; i++)
      v[i] +=
          vb_level_variance(m, s, k, t->group[i], t->z + (size_t)i * t->d, m->x + (size_t)i * p);
  }
  if (m->leaf >= 0 && m->coupling == VB_FULL)
    for (int i = from; i < from + n; i++) v[i] += random_variance(m, s, i);
}

void vb_row_variance(const vb_model *m, const vb_solution *s, double *v) {
  int n_block = (m->n + BLOCK - 1) / BLOCK;
  const int threads = m->n > SERIAL ? m->cores : 1;
#ifdef _OPENMP
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
#else
  (void)threads;
#endif
  for (int b = 0; b < n_block; b++) {
    int from = b * BLOCK, n = m->n - from < BLOCK ? m->n - from : BLOCK;
    row_variance_block(m, s, from, n, v);
  }
}
