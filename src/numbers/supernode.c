/* Log determinant and triangular solves with a supernodal Cholesky factor. */
#include <math.h>
#include "numbers/supernode.h"

vb_supernode vb_supernode_at(const vb_supernodes *s, int k) {
  vb_supernode v;
  v.first = s->first[k];
  v.width = s->first[k + 1] - v.first;
  v.ld = s->start[k + 1] - s->start[k];
  v.below = v.ld - v.width;
  v.row = s->row + s->start[k] + v.width;
  v.block = (size_t)s->block[k];
  return v;
}

vb_stretch vb_supernode_stretch(const vb_supernodes *s, const vb_supernode *v, int from,
                                int *index) {
  int t = s->owner[v->row[from]];
  const int *row = s->row + s->start[t];
  vb_stretch out = {from, (size_t)s->block[t], (size_t)(s->start[t + 1] - s->start[t])};
  while (out.to < v->below && v->row[out.to] < s->first[t + 1]) out.to++;
  for (int i = from, p = 0; i < v->below; i++) { /* both ascend */
    while (row[p] < v->row[i]) p++;
    index[i] = p;
  }
  return out;
}

double vb_supernode_log_det(const vb_supernodes *s) {
  double sum = 0;
  for (int k = 0; k < s->count; k++) {
    vb_supernode v = vb_supernode_at(s, k);
    for (int j = 0; j < v.width; j++) sum += log(s->x[v.block + (size_t)j * v.ld + j]);
  }
  return 2 * sum;
}

/* One right-hand side: the time goes into reading L once, so plain loops beat calls into BLAS on
 * the many blocks that are a few columns wide. */
static void half_one(const vb_supernodes *s, double *b) {
  for (int k = 0; k < s->count; k++) {
    vb_supernode v = vb_supernode_at(s, k);
    for (int j = 0; j < v.width; j++) {
      const double *l = s->x + v.block + (size_t)j * v.ld;
      double bj = b[v.first + j] /= l[j];
      for (int i = j + 1; i < v.width; i++) b[v.first + i] -= bj * l[i];
      for (int i = 0; i < v.below; i++) b[v.row[i]] -= bj * l[v.width + i];
    }
  }
}

static void half_t_one(const vb_supernodes *s, double *b) {
  for (int k = s->count - 1; k >= 0; k--) {
    vb_supernode v = vb_supernode_at(s, k);
    for (int j = v.width - 1; j >= 0; j--) {
      const double *l = s->x + v.block + (size_t)j * v.ld;
      double sum = 0;
      for (int i = j + 1; i < v.width; i++) sum += b[v.first + i] * l[i];
      for (int i = 0; i < v.below; i++) sum += b[v.row[i]] * l[v.width + i];
      b[v.first + j] = (b[v.first + j] - sum) / l[j];
    }
  }
}

void vb_supernode_half(const vb_supernodes *s, int m, double *b, int ldb, double *work) {
  if (m == 1) {
    half_one(s, b);
    return;
  }
  for (int k = 0; k < s->count; k++) {
    vb_supernode v = vb_supernode_at(s, k);
    const double *l = s->x + v.block;
    vb_chol_half(v.width, l, v.ld, m, b + v.first, ldb);
    if (v.below == 0) continue;
    vb_gemm_nn(v.below, m, v.width, 1, l + v.width, v.ld, b + v.first, ldb, 0, work, v.below);
    for (int c = 0; c < m; c++) {
      const double *w = work + (size_t)c * v.below;
      double *bc = b + (size_t)c * ldb;
      for (int i = 0; i < v.below; i++) bc[v.row[i]] -= w[i];
    }
  }
}

void vb_supernode_half_t(const vb_supernodes *s, int m, double *b, int ldb, double *work) {
  if (m == 1) {
    half_t_one(s, b);
    return;
  }
  for (int k = s->count - 1; k >= 0; k--) {
    vb_supernode v = vb_supernode_at(s, k);
    const double *l = s->x + v.block;
    if (v.below > 0) {
      for (int c = 0; c < m; c++) {
        double *w = work + (size_t)c * v.below;
        const double *bc = b + (size_t)c * ldb;
        for (int i = 0; i < v.below; i++) w[i] = bc[v.row[i]];
      }
      vb_gemm_tn(v.width, m, v.below, -1, l + v.width, v.ld, work, v.below, 1, b + v.first, ldb);
    }
    vb_chol_half_t(v.width, l, v.ld, m, b + v.first, ldb);
  }
}
