/* Where the Gaussian of a theta is looked for from: that of the best q(c | theta) found so far
 * elsewhere, foretold by kriging.  It costs nothing beside a pass over the rows,
 * and along an axis its error is of the order of the nodes', where the nearest's is of the first.
 */
#include <math.h>
#include <string.h>
#include "numbers/krige.h"
#include "numbers/small.h"
#include "gauss/several.h"
#include "theta/theta.h"

enum { ON_THE_WAY = 6 };      /* of the climb, its last */
#define LENGTH_ON_THE_WAY 1.5 /* of the kernel before there are nodes */
#define FAR 36.0              /* squared distance from which on the climb has nothing to say */
#define SAME 1e-10            /* squared distance of one and the same theta */

struct vb_trail {
  int K, n, next; /* axes, points kept, where the next one goes */
  double x[ON_THE_WAY][VB_MAX_AXIS];
  vb_block block[ON_THE_WAY];
};

static int may_foretell(const vb_fit *fit) { return !fit->model->quadratic && !fit->model->ep; }

void vb_warm_keep(vb_fit *fit, const double *x) {
  int K = fit->hyper->n_axis;
  if (!may_foretell(fit) || fit->n_node) return;
  vb_trail *t = fit->trail;
  if (!t) t = fit->trail = fit->host->alloc(1, sizeof *t);
  if (t->K != K) t->n = t->next = 0; /* other axes */
  t->K = K;
  if (!t->block[t->next].m) vb_block_alloc(fit->model, t->block + t->next);
  vb_block_copy(fit->model, &fit->block, t->block + t->next);
  memcpy(t->x[t->next], x, sizeof(double) * K);
  t->next = (t->next + 1) % ON_THE_WAY;
  if (t->n < ON_THE_WAY) t->n++;
}

/* in units of the axes, once there are nodes */
static void to_z(const vb_fit *fit, const double *x, double *z) {
  int K = fit->hyper->n_axis;
  if (fit->n_node)
    vb_whiten(K, fit->root, fit->mode, x, z);
  else
    memcpy(z, x, sizeof(double) * K);
}

static void gather(const vb_fit *fit, const double *x, vb_krige *k) {
  const vb_trail *t = fit->trail;
  double at[VB_MAX_AXIS], z[VB_MAX_AXIS];
  int K = fit->hyper->n_axis;
  k->n = 0;
  k->K = K;
  k->length = fit->n_node ? VB_KRIGE_LENGTH : LENGTH_ON_THE_WAY;
  to_z(fit, x, at);
  for (int s = 0; s < fit->n_node; s++) {
    to_z(fit, fit->node[s]->x, z);
    vb_krige_add(k, z, vb_squared_distance(K, z, at), &fit->node[s]->block);
  }
  for (int s = 0; t && t->K == K && may_foretell(fit) && s < t->n; s++) {
    to_z(fit, t->x[s], z);
    double d = vb_squared_distance(K, z, at);
    if (d < FAR) vb_krige_add(k, z, d, t->block + s);
  }
}

static const vb_block *block_of(const vb_krige *k, int s) { return k->what[s]; }

static void foretell(const vb_model *m, const vb_krige *k, vb_block *b) {
  const double *of[VB_KRIGE_NEAR];
  for (int s = 0; s < k->n; s++) of[s] = block_of(k, s)->m;
  vb_krige_average(k, m->n_coef, of, b->m);
  for (int s = 0; s < k->n; s++) of[s] = block_of(k, s)->h;
  vb_foretell_weights(m, k, of, b->h);
  for (int s = 0; s < k->n; s++) of[s] = block_of(k, s)->site_h;
  vb_krige_average(k, m->n_site, of, b->site_h);
}

void vb_warm_start(vb_fit *fit, const double *x) {
  vb_krige k;
  gather(fit, x, &k);
  if (!k.n) return;
  vb_block_copy(fit->model, k.what[0], &fit->block);
  if (k.n > 1 && k.distance[0] >= SAME && may_foretell(fit) && vb_krige_weigh(&k) == VB_OK)
    foretell(fit->model, &k, &fit->block);
}
