/* A row that need not be among the model's, where all coefficients are coupled. */
#include <string.h>
#include "gauss/arrow.h"
#include "numbers/small.h"

static void core_add(vb_new_row *r, double *mark, int o, double value) {
  if (mark[o] == 0) r->index[r->n++] = o;
  mark[o] += value != 0 ? value : 1e-300;
}

/* entry (hi, lo) of B^-1 on the core's pattern; NULL where the pattern has none */
static const double *inverse_entry(const vb_core *core, int hi, int lo) {
  if (!core->col_start) return core->inv + hi + (size_t)lo * core->q;
  int from = core->col_start[lo], to = core->col_start[lo + 1];
  while (from < to) {
    int mid = from + (to - from) / 2;
    if (core->row_index[mid] < hi)
      from = mid + 1;
    else
      to = mid;
  }
  return from < core->col_start[lo + 1] && core->row_index[from] == hi ? core->inv + from : NULL;
}

/* c' B^-1 c, and B^-1 c where c is not zero: by the selected inverse where all pairs of levels were
 * seen together, else by a solve */
static double core_quadratic(const vb_model *m, const vb_solution *s, vb_new_row *r) {
  int q = m->q, known = 1;
  double v = 0;
  for (int a = 0; a < r->n; a++) r->cov[a] = 0;
  for (int a = 0; a < r->n && known; a++)
    for (int b = 0; b <= a && known; b++) {
      int hi = r->index[a] > r->index[b] ? r->index[a] : r->index[b];
      const double *entry = inverse_entry(&s->arrow.core, hi, r->index[a] + r->index[b] - hi);
      known = entry != NULL;
      if (known) r->cov[a] += *entry * r->value[b];
      if (known && b < a) r->cov[b] += *entry * r->value[a];
    }
  if (!known) {
    double *solved = r->dense + q;
    memcpy(solved, r->dense, sizeof(double) * q);
    s->arrow.core.solver->solve(&s->arrow.core, 1, solved, q);
    for (int a = 0; a < r->n; a++) r->cov[a] = solved[r->index[a]];
  }
  for (int a = 0; a < r->n; a++) v += r->value[a] * r->cov[a];
  return v;
}

/* The row is eliminated as the leaf levels were, its x in place. */
double vb_arrow_new_row(const vb_model *m, const vb_theta *theta, const vb_solution *s,
                        const vb_new_rows *rows, int i, const double *ratio, vb_new_row *r) {
  int p = m->p, q = m->q, d = m->d_leaf;
  double v = 0, *x = r->x;
  r->n = 0;
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    int g = rows->group[k][i];
    double z[VB_MAX_DIM];
    for (int a = 0; a < t->d; a++) {
      z[a] = rows->z[k][i + (size_t)a * rows->n];
      if (g > 0) z[a] *= ratio[t->first + (g - 1) * t->d + a];
    }
    if (g == 0) {
      v += vb_new_level(theta, k, t->d, z);
    } else if (g > 0 && t->core >= 0) {
      for (int a = 0; a < t->d; a++) core_add(r, r->dense, t->core + (g - 1) * t->d + a, z[a]);
    } else if (g > 0) {
      int j = g - 1, co = m->front_start[j + 1] - m->front_start[j];
      const int *f = m->front + m->front_start[j];
      const double *fr = s->arrow.front + m->block_start[j],
                   *l = s->arrow.leaf_chol + (size_t)j * d * d;
      for (int c = 0; c < co + p; c++) {
        double e = 0;
        for (int a = 0; a < d; a++) e += fr[(size_t)c * d + a] * z[a];
        if (c < co)
          core_add(r, r->dense, f[c], -e);
        else
          x[c - co] -= e;
      }
      vb_small_half(d, l, z);
      v += vb_dot(d, z, z);
    }
  }
  for (int c = 0; c < r->n; c++) { /* x <- x - T'c */
    r->value[c] = r->dense[r->index[c]];
    for (int k = 0; k < p; k++)
      x[k] -= s->arrow.core_beta[r->index[c] + (size_t)k * q] * r->value[c];
  }
  v += core_quadratic(m, s, r);
  for (int c = 0; c < r->n; c++) r->dense[r->index[c]] = 0;
  return v + vb_beta_quadratic(m, s, r);
}

/* Cov(eta, u) of a leaf level, u = A^-1 noise - F (core, beta); dense has Cov(eta, core) */
static void leaf_covariance(const vb_model *m, const vb_solution *s, int j, const double *z,
                            const vb_new_row *r, double *out) {
  int d = m->d_leaf, co = m->front_start[j + 1] - m->front_start[j];
  const int *f = m->front + m->front_start[j];
  const double *fr = s->arrow.front + m->block_start[j],
               *l = s->arrow.leaf_chol + (size_t)j * d * d;
  memcpy(out, z, sizeof(double) * d);
  vb_small_half(d, l, out);
  vb_small_half_t(d, l, out);
  for (int a = 0; a < d; a++) {
    for (int c = 0; c < co; c++) out[a] -= fr[(size_t)c * d + a] * r->dense[f[c]];
    for (int k = 0; k < m->p; k++) out[a] -= fr[(size_t)(co + k) * d + a] * r->cov_beta[k];
  }
}

/* after vb_arrow_new_row(), which leaves covariances of eta with beta and the core */
void vb_arrow_row_covariance(const vb_model *m, const vb_solution *s, const vb_new_rows *rows,
                             int i, const double *ratio, vb_new_row *r) {
  for (int c = 0; c < r->n; c++) {
    double cov = r->cov[c];
    for (int k = 0; k < m->p; k++)
      cov -= s->arrow.core_beta[r->index[c] + (size_t)k * m->q] * r->cov_beta[k];
    r->dense[r->index[c]] = cov;
  }
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    if (rows->group[k][i] <= 0) continue;
    int level = rows->group[k][i] - 1, at = t->first + level * t->d;
    double z[VB_MAX_DIM], *cov = r->cov_level + (size_t)k * VB_MAX_DIM;
    for (int a = 0; a < t->d; a++) z[a] = rows->z[k][i + (size_t)a * rows->n] * ratio[at + a];
    if (t->core >= 0)
      memcpy(cov, r->dense + t->core + level * t->d, sizeof(double) * t->d);
    else
      leaf_covariance(m, s, level, z, r, cov);
  }
  for (int c = 0; c < r->n; c++) r->dense[r->index[c]] = 0;
}
