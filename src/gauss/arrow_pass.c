/* The arrow's share of a pass: each cell's cross-products go to its leaf level's block, to its
 * front and to pairs of core blocks (mathematics.Rmd, sections 3 and 4); its variance comes from
 * there. */
#include <string.h>
#include "gauss/arrow.h"

/* cross-products of one cell within its leaf level: leaf block, front, and pairs of core blocks */
static void add_cell(const vb_model *m, int j, int i, double h, const double *x,
                     vb_arrow_cross *c) {
  int d = m->d_leaf, p = m->p, n_other = m->n_core_term,
      co = m->front_start[j + 1] - m->front_start[j];
  const double *z = m->term[m->leaf].z + (size_t)i * d;
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
      double *cb = c->core_beta + (size_t)f[slot[o] + a] * p;
      for (int k = 0; k < p; k++) cb[k] += t * x[k];
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

void vb_arrow_cross_products(const vb_model *m, const double *h, vb_cross *cross) {
  vb_arrow_cross *c = &cross->arrow;
  int d = m->d_leaf;
  memset(c->leaf, 0, sizeof(double) * m->n_front * d * d);
  memset(c->front, 0, sizeof(double) * m->block_start[m->n_front]);
  memset(c->core, 0, sizeof(double) * vb_core_size(m));
  memset(c->core_beta, 0, sizeof(double) * (size_t)m->q * m->p);
  if (m->leaf < 0) return;
  for (int j = 0; j < m->n_front; j++) {
    for (int i = m->row_start[j]; i < m->row_start[j + 1]; i++)
      add_cell(m, j, i, h[i], vb_x_row(m, i, cross->binned.x), c);
    double *leaf = c->leaf + (size_t)j * d * d;
    for (int b = 0; b < d; b++)
      for (int a = 0; a < b; a++) leaf[a + b * d] = leaf[b + a * d];
  }
}

/* variance contributed by random terms and their covariance with the fixed effects, one cell */
static double random_variance(const vb_model *m, const vb_solution *s, int i) {
  int d = m->d_leaf, p = m->p, n_other = m->n_core_term;
  int j = m->term[m->leaf].group[i], co = m->front_start[j + 1] - m->front_start[j];
  const double *x = vb_x_row(m, i, s->binned.x), *z = m->term[m->leaf].z + (size_t)i * d;
  const double *su = s->arrow.s_front + m->block_start[j],
               *sj = s->arrow.s_leaf + (size_t)j * d * d;
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
      for (int k = 0; k < p; k++)
        t += 2 * s->arrow.s_core_beta[k + (size_t)f[slot[o] + a] * p] * x[k];
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

void vb_arrow_row_variance(const vb_model *m, const vb_solution *s, int from, int n, double *v) {
  for (int i = from; m->leaf >= 0 && i < from + n; i++) v[i] += random_variance(m, s, i);
}
