/* The Cholesky factor of a sparse matrix on supernodes that were found before: each is factored and
 * what it takes from later ones subtracted at once (right-looking; Ng & Peyton 1993). Dense
 * products do the work, and reads of the later supernodes' blocks are those of the selected inverse
 * (takahashi.c). */
#include <string.h>
#include "numbers/supernode.h"

/* x -= w, w (below x below, lower triangle) on the rows below v in the blocks that own them */
static void subtract(const vb_supernodes *s, const vb_supernode *v, const double *w, int *index,
                     double *x) {
  int n = v->below;
  for (int from = 0, to; from < n; from = to) {
    vb_stretch t = vb_supernode_stretch(s, v, from, index);
    to = t.to;
    for (int j = from; j < to; j++) {
      double *xj = x + t.block + (size_t)index[j] * t.ld;
      const double *wj = w + (size_t)j * n;
      for (int i = j; i < n; i++) xj[index[i]] -= wj[i];
    }
  }
}

vb_status vb_supernode_factor(const vb_supernodes *s, double *x, int *index, double *work) {
  for (int k = 0; k < s->count; k++) {
    vb_supernode v = vb_supernode_at(s, k);
    double *l = x + v.block;
    vb_status st = vb_chol(v.width, l, v.ld);
    if (st != VB_OK) return st;
    if (v.below == 0) continue;
    vb_chol_right(v.width, l, v.ld, v.below, l + v.width, v.ld);
    vb_weighted_gram(v.width, v.below, l + v.width, v.ld, NULL, 0, work, v.below);
    subtract(s, &v, work, index, x);
  }
  return VB_OK;
}
