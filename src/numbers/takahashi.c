/* The selected inverse: the entries of Z = (L L')^-1 on the pattern of L, which contains that of
 * the matrix itself, without the rest of Z.
 *
 * From Z L = L^-T follow the equations of Takahashi, Fagan & Chin (1973); that the pattern of L is
 * closed under them, so that nothing else of Z is needed, is Erisman & Tinney (1975).  Taken a
 * supernode at a time, with columns S, rows R below and Y = L_RS L_SS^-1,
 *     Z_RS = -Z_RR Y,    Z_SS = (L_SS L_SS')^-1 - Y' Z_RS,
 * from the last supernode to the first, since Z_RR lies in the later ones.  Dense products do the
 * work, twice as much of it as the factorisation takes. */
#include <string.h>
#include "numbers/supernode.h"

/* w (below x below, lower triangle) <- Z_RR, read from the blocks of the supernodes that own R */
static void gather(const vb_supernodes *s, const vb_supernode *v, const double *z, int *index,
                   double *w) {
  int n = v->below;
  for (int from = 0, to; from < n; from = to) {
    vb_stretch t = vb_supernode_stretch(s, v, from, index);
    to = t.to;
    for (int j = from; j < to; j++) {
      const double *zj = z + t.block + (size_t)index[j] * t.ld;
      double *wj = w + (size_t)j * n;
      for (int i = j; i < n; i++) wj[i] = zj[index[i]];
    }
  }
}

size_t vb_takahashi_work(const vb_supernodes *s) {
  size_t most = 1;
  for (int k = 0; k < s->count; k++) {
    vb_supernode v = vb_supernode_at(s, k);
    size_t size = (size_t)v.below * ((size_t)v.below + v.width);
    if (size > most) most = size;
  }
  return most;
}

void vb_takahashi(const vb_supernodes *s, double *z, int *index, double *work) {
  for (int k = s->count - 1; k >= 0; k--) {
    vb_supernode v = vb_supernode_at(s, k);
    const double *l = s->x + v.block;
    double *zs = z + v.block, *zr = zs + v.width, *w = work;
    double *yt = work + (size_t)v.below * v.below; /* Y', width x below */
    for (int j = 0; j < v.width; j++)
      memcpy(zs + (size_t)j * v.ld + j, l + (size_t)j * v.ld + j, (v.width - j) * sizeof(double));
    vb_chol_inverse(v.width, zs, v.ld);
    if (v.below == 0) continue;
    gather(s, &v, z, index, w);
    vb_symmetrise(v.below, w, v.below);
    for (int j = 0; j < v.width; j++)
      for (int i = 0; i < v.below; i++)
        yt[(size_t)i * v.width + j] = l[(size_t)j * v.ld + v.width + i];
    vb_chol_half_t(v.width, l, v.ld, v.below, yt, v.width);
    vb_gemm_nt(v.below, v.width, v.below, -1, w, v.below, yt, v.width, 0, zr, v.ld);
    vb_gemm_nn(v.width, v.width, v.below, -1, yt, v.width, zr, v.ld, 1, zs, v.ld);
  }
}
