/* What the nodes say of the coefficients at a theta that is none of theirs. */
#include <math.h>
#include "numbers/krige.h"
#include "numbers/small.h"
#include "gauss/several.h"
#include "posterior/draw.h"

static void gather(const vb_posterior *post, const double *x, vb_krige *k) {
  double z[VB_MAX_AXIS], at[VB_MAX_AXIS];
  k->n = 0;
  k->K = post->hyper->n_axis;
  k->length = VB_KRIGE_LENGTH;
  vb_whiten(k->K, post->root, post->mode, x, at);
  for (int s = 0; s < post->n; s++) {
    vb_whiten(k->K, post->root, post->mode, post->x + (size_t)s * k->K, z);
    vb_krige_add(k, z, vb_squared_distance(k->K, z, at), post->weight + s);
  }
}

static int node_of(const vb_posterior *post, const vb_krige *k, int s) {
  return (int)((const double *)k->what[s] - post->weight);
}

int vb_nearest_node(const vb_posterior *post, const double *x) {
  vb_krige k;
  gather(post, x, &k);
  return node_of(post, &k, 0);
}

/* of: the nodes' own of `by_node`, n numbers each */
static const double *const *nearest(const vb_posterior *post, const vb_krige *k, int n,
                                    const double *by_node, const double **of) {
  for (int s = 0; s < k->n; s++) of[s] = by_node + (size_t)node_of(post, k, s) * n;
  return of;
}

vb_status vb_foretell(const vb_posterior *post, const double *x, vb_block *block) {
  const vb_model *m = post->model;
  const double *of[VB_KRIGE_NEAR];
  vb_krige k;
  gather(post, x, &k);
  vb_status st = vb_krige_weigh(&k);
  if (st != VB_OK) return st;
  vb_krige_average(&k, m->n_coef, nearest(post, &k, m->n_coef, post->mean, of), block->m);
  vb_foretell_weights(m, &k, nearest(post, &k, m->n, post->h, of), block->h);
  vb_krige_average(&k, m->n_site, nearest(post, &k, m->n_site, post->site_h, of), block->site_h);
  return VB_OK;
}
