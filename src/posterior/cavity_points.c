/* Without some units theta lies between few of its nodes.  What does not change so fast, log p(unit
 * | rest, theta), is interpolated from the nodes to the many points that stand for the posterior of
 * theta, over which the density is then averaged. */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "numbers/surrogate.h"
#include "posterior/cavity.h"

static vb_status lay_nodes(const vb_posterior *post, vb_surrogate *s) {
  int K = post->hyper->n_axis;
  vb_surrogate_alloc(post->model->host, K, post->n, s);
  for (int i = 0; i < post->n; i++)
    if (vb_node_counts(post, i))
      vb_whiten(K, post->root, post->mode, post->x + (size_t)i * K, s->z + (size_t)K * s->n++);
  return s->n ? VB_OK : VB_NOT_POS_DEF;
}

/* 1 / sum_t W_t / p_t over the points, and how many points' worth of weight that leaves.  Points
 * without weight count for nothing, however small p_t is there. */
static void average(const vb_posterior *post, const double *log_p, double *log_out, double *share) {
  double least = INFINITY, most = 0, sum = 0, all = 0, all2 = 0, level = 0, level2 = 0;
  const double *weight = post->point_weight;
  for (int t = 0; t < post->n_point; t++)
    if (weight[t] != 0) least = fmin(least, log_p[t]);
  for (int t = 0; t < post->n_point; t++) {
    double w = weight[t] != 0 ? exp(least - log_p[t]) * weight[t] : 0;
    most = fmax(most, w);
    sum += w;
    all += weight[t];
    all2 += weight[t] * weight[t];
  }
  /* by powers of two, which round nothing: the squares of small weights must not vanish */
  double scale = ldexp(1, (int)fmin(-floor(log2(most)), 1000));
  for (int t = 0; t < post->n_point; t++) {
    double w = weight[t] != 0 ? exp(least - log_p[t]) * weight[t] * scale : 0;
    level += w;
    level2 += w * w;
  }
  *log_out = least - log(sum);
  *share = level * level / level2 * all2 / (all * all);
}

vb_status vb_over_points(const vb_posterior *post, int n, const double *node, double *log_out,
                         double *share) {
  const vb_host *h = post->model->host;
  int K = post->hyper->n_axis, T = post->n_point;
  vb_surrogate s;
  vb_status st = lay_nodes(post, &s);
  if (st != VB_OK) return st;
  int all = s.n + K + 1, known = !K || s.n == 1; /* of one node there is nothing to interpolate */
  double *z = h->alloc((size_t)T * K + 1, sizeof(double)), *log_p = h->alloc(T + 1, sizeof(double));
  double *spread = h->alloc((size_t)all * T + 1, sizeof(double));
  double *value = h->alloc(s.n, sizeof(double)); /* of a unit at the nodes that count */
  for (int t = 0; t < T; t++)
    vb_whiten(K, post->root, post->mode, post->point_x + (size_t)t * K, z + (size_t)t * K);
  if (!known) st = vb_surrogate_spread(&s, T, z, spread);
  for (int j = 0; j < n && st == VB_OK; j++) {
    for (int i = 0, k = 0; i < post->n; i++)
      if (vb_node_counts(post, i)) value[k++] = node[j + (size_t)i * n];
    log_out[j] = value[0];
    share[j] = 1;
    for (int t = 0; t < T && !known; t++) log_p[t] = vb_dot(s.n, spread + (size_t)t * all, value);
    if (!known) average(post, log_p, log_out + j, share + j);
    if (h->poll()) return VB_INTERRUPTED;
  }
  return st;
}
