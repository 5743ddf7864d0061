/* Corners: what two axes do together far out, where no node on an axis has been.  Two factors that
 * can stand in for each other may each be zero, but not both: the likelihood there is far below
 * what values and gradients on the axes foretell.  At a node with two coordinates off zero the
 * surface's error r is spread over its quadrant as r t_i^p_i t_j^p_j, t the scores over the node's,
 * the exponents by the error's gradient there. */
#include <math.h>
#include <string.h>
#include "theta/surface.h"

#define AT 1.7          /* score of a corner's coordinates, from zero's */
#define NEGLIGIBLE 0.02 /* nats */
#define LEAST_POWER 1.2
#define MOST_POWER 4

/* what the surface says two axes do together at these scores */
static double together(const vb_surface *s, int i, int j, double wi, double wj, double *z) {
  double w[VB_MAX_AXIS], both, one, other;
  memset(z, 0, sizeof(double) * s->K);
  z[i] = vb_warp_inverse(&s->axis[i].warp, wi);
  one = vb_surface_at(s, z, 0, w);
  z[j] = vb_warp_inverse(&s->axis[j].warp, wj);
  both = vb_surface_at(s, z, 0, w);
  z[i] = 0;
  other = vb_surface_at(s, z, 0, w);
  z[i] = vb_warp_inverse(&s->axis[i].warp, wi);
  return both - one - other + s->value[0];
}

/* by the surface with the corners before it */
static void fit_corner(vb_surface *s, vb_corner *c) {
  int K = s->K, i = c->i, j = c->j;
  const double *z = s->z + (size_t)c->node * K, *is = s->grad + (size_t)c->node * K;
  double w[VB_MAX_AXIS], grad[VB_MAX_AXIS], si, sj;
  double r = s->value[c->node] + s->rest[c->node] - vb_surface_at(s, z, 1, w);
  c->wi = w[i] - s->axis[i].warp.at_zero;
  c->wj = w[j] - s->axis[j].warp.at_zero;
  c->value = fabs(r) < NEGLIGIBLE ? 0 : r;
  c->pi = c->pj = LEAST_POWER;
  if (c->value == 0) return;
  vb_surface_gradient(s, z, grad);
  vb_warp_at(&s->axis[i].warp, z[i], &si);
  vb_warp_at(&s->axis[j].warp, z[j], &sj);
  c->pi = fmin(fmax(c->wi * (is[i] - grad[i]) / (si * r), LEAST_POWER), MOST_POWER);
  c->pj = fmin(fmax(c->wj * (is[j] - grad[j]) / (sj * r), LEAST_POWER), MOST_POWER);
}

void vb_corners_fit(vb_surface *s) {
  int n = s->n_corner;
  for (s->n_corner = 0; s->n_corner < n; s->n_corner++) fit_corner(s, s->corner + s->n_corner);
}

static vb_status add_corner(vb_surface *s, int i, int j, int side) {
  double wi = (side & 1) ? AT : -AT, wj = (side & 2) ? AT : -AT, z[VB_MAX_AXIS];
  together(s, i, j, s->axis[i].warp.at_zero + wi, s->axis[j].warp.at_zero + wj, z);
  vb_status st = vb_surface_node(s, z);
  if (st != VB_OK) return st;
  vb_corner *c = s->corner + s->n_corner;
  *c = (vb_corner){.i = i, .j = j, .node = s->n - 1};
  fit_corner(s, c);
  if (c->value != 0) s->n_corner++;
  return VB_OK;
}

vb_status vb_corners(vb_surface *s, int most, double least) {
  int K = s->K, n = 0, n_pair = K * (K - 1) / 2;
  double *score = s->fit->host->alloc(n_pair + 1, sizeof(double)), z[VB_MAX_AXIS];
  if (!s->corner) {
    s->corner = s->fit->host->alloc(s->cap, sizeof(vb_corner));
    s->cornered = s->fit->host->alloc(n_pair + 1, sizeof(int));
  }
  for (int i = 0; i < K; i++)
    for (int j = 0; j < i; j++, n++)
      for (int side = 0; side < 4 && !s->cornered[n]; side++) {
        double wi = s->axis[i].warp.at_zero + ((side & 1) ? AT : -AT);
        double wj = s->axis[j].warp.at_zero + ((side & 2) ? AT : -AT);
        score[n] = fmax(score[n], fabs(together(s, i, j, wi, wj, z)));
      }
  while (most >= 4) {
    int best = 0;
    for (int k = 1; k < n_pair; k++)
      if (score[k] > score[best]) best = k;
    if (n_pair == 0 || !(score[best] > least)) break;
    score[best] = 0;
    s->cornered[best] = 1;
    int row = 1, left = best; /* of a lower triangle, row by row */
    while (left >= row) left -= row++;
    for (int side = 0; side < 4; side++) {
      vb_status st = add_corner(s, row, left, side);
      if (st == VB_INTERRUPTED) return st;
    }
    most -= 4;
  }
  return VB_OK;
}
