/* What the nodes say of the coefficients at a theta that is none of theirs. */
#include <math.h>
#include "numbers/krige.h"
#include "numbers/small.h"
#include "posterior/draw.h"

#define LENGTH 6.0  /* of the kernel, in units of the axes */
#define SHRINKS 0.3 /* no cell's precision falls below so much of the nearest node's */

static void gather(const vb_posterior *post, const double *x, vb_krige *k) {
  double z[VB_MAX_AXIS], at[VB_MAX_AXIS];
  k->n = 0;
  k->K = post->hyper->n_axis;
  k->length = LENGTH;
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

/* by kriging, of one of `stride` numbers per node */
static void average(const vb_posterior *post, const vb_krige *k, int n, const double *by_node,
                    double *out) {
  const double *of[VB_KRIGE_NEAR];
  for (int s = 0; s < k->n; s++) of[s] = by_node + (size_t)node_of(post, k, s) * n;
  vb_krige_average(k, n, of, out);
}

vb_status vb_foretell(const vb_posterior *post, const double *x, vb_block *block) {
  const vb_model *m = post->model;
  vb_krige k;
  gather(post, x, &k);
  vb_status st = vb_krige_weigh(&k);
  if (st != VB_OK) return st;
  const double *nearest = post->h + (size_t)node_of(post, &k, 0) * m->n;
  average(post, &k, m->n_coef, post->mean, block->m);
  average(post, &k, m->n, post->h, block->h);
  average(post, &k, m->n_site, post->site_h, block->site_h);
  for (int i = 0; i < m->n; i++)
    block->h[i] = fmax(block->h[i], nearest[i] > 0 ? SHRINKS * nearest[i] : nearest[i]);
  return VB_OK;
}
