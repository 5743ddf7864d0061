/* Where the Gaussian of a theta is looked for from: that of the best q(c | theta) found so far
 * elsewhere, foretold by kriging (Cressie 1993, section 3.2): the average with weights that sum to
 * one and that a smooth function of theta asks for.  It costs nothing beside a pass over the rows,
 * and along an axis its error is of the order of the nodes', where the nearest's is of the first.
 */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "theta/theta.h"

enum { NEAR = 24, ON_THE_WAY = 6 }; /* nodes that are asked; of the climb, its last */
#define LENGTH 6.0                  /* of the kernel: scales of an axis between nodes, */
#define LENGTH_ON_THE_WAY 1.5       /* units of it before there are any */
#define NUGGET 1e-6
#define FAR 36.0    /* squared distance from which on the climb has nothing to say */
#define SAME 1e-10  /* squared distance of one and the same theta */
#define SHRINKS 0.3 /* no cell's precision falls below so much of the nearest node's */

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

typedef struct { /* the points nearest first, with their squared distances */
  int n, K;
  double length, distance[NEAR], z[NEAR][VB_MAX_AXIS], weight[NEAR];
  const vb_block *block[NEAR];
} known;

/* z, at squared distance d */
static void add(known *k, const double *z, double d, const vb_block *block) {
  if (k->n == NEAR && d >= k->distance[NEAR - 1]) return;
  int i = k->n < NEAR ? k->n++ : NEAR - 1;
  for (; i > 0 && k->distance[i - 1] > d; i--) {
    k->distance[i] = k->distance[i - 1];
    k->block[i] = k->block[i - 1];
    memcpy(k->z[i], k->z[i - 1], sizeof k->z[i]);
  }
  k->distance[i] = d;
  k->block[i] = block;
  memcpy(k->z[i], z, sizeof(double) * k->K);
}

/* in units of the axes, once there are nodes */
static void to_z(const vb_fit *fit, const double *x, double *z) {
  int K = fit->hyper->n_axis;
  if (fit->n_node)
    vb_whiten(K, fit->root, fit->mode, x, z);
  else
    memcpy(z, x, sizeof(double) * K);
}

static void gather(const vb_fit *fit, const double *x, known *k) {
  const vb_trail *t = fit->trail;
  double at[VB_MAX_AXIS], z[VB_MAX_AXIS];
  int K = fit->hyper->n_axis;
  k->n = 0;
  k->K = K;
  k->length = fit->n_node ? LENGTH : LENGTH_ON_THE_WAY;
  to_z(fit, x, at);
  for (int s = 0; s < fit->n_node; s++) {
    to_z(fit, fit->node[s]->x, z);
    add(k, z, vb_squared_distance(K, z, at), &fit->node[s]->block);
  }
  for (int s = 0; t && t->K == K && may_foretell(fit) && s < t->n; s++) {
    to_z(fit, t->x[s], z);
    double d = vb_squared_distance(K, z, at);
    if (d < FAR) add(k, z, d, t->block + s);
  }
}

/* ordinary kriging: C w + mu 1 = c, 1'w = 1 */
static vb_status weigh(known *k) {
  int n = k->n;
  double c[NEAR * NEAR], rhs[2 * NEAR], *one = rhs + NEAR, scale = 2 * k->length * k->length;
  for (int i = 0; i < n; i++) {
    for (int j = i; j < n; j++)
      c[j + i * n] = exp(-vb_squared_distance(k->K, k->z[i], k->z[j]) / scale) + (i == j) * NUGGET;
    rhs[i] = exp(-k->distance[i] / scale);
    one[i] = 1;
  }
  vb_status st = vb_chol(n, c, n);
  if (st != VB_OK) return st;
  vb_chol_solve(n, c, n, 2, rhs, NEAR);
  double sum = 0, of_one = 0;
  for (int i = 0; i < n; i++) {
    sum += rhs[i];
    of_one += one[i];
  }
  for (int i = 0; i < n; i++) k->weight[i] = rhs[i] + one[i] * (1 - sum) / of_one;
  return VB_OK;
}

static void average(int n, const known *k, const double *const *of, double *out) {
  memset(out, 0, sizeof(double) * n);
  for (int s = 0; s < k->n; s++)
    for (int i = 0; i < n; i++) out[i] += k->weight[s] * of[s][i];
}

static void foretell(const vb_model *m, const known *k, vb_block *b) {
  const double *of[NEAR];
  for (int s = 0; s < k->n; s++) of[s] = k->block[s]->m;
  average(m->n_coef, k, of, b->m);
  for (int s = 0; s < k->n; s++) of[s] = k->block[s]->h;
  average(m->n, k, of, b->h);
  for (int i = 0; i < m->n; i++) {
    double least = of[0][i] > 0 ? SHRINKS * of[0][i] : of[0][i];
    b->h[i] = fmax(b->h[i], least);
  }
  for (int s = 0; s < k->n; s++) of[s] = k->block[s]->site_h;
  average(m->n_site, k, of, b->site_h);
}

void vb_warm_start(vb_fit *fit, const double *x) {
  known k;
  gather(fit, x, &k);
  if (!k.n) return;
  vb_block_copy(fit->model, k.block[0], &fit->block);
  if (k.n > 1 && k.distance[0] >= SAME && may_foretell(fit) && weigh(&k) == VB_OK)
    foretell(fit->model, &k, &fit->block);
}
