/* An sd whose density reaches further than its axis's line.  A prior that is tight and far from
 * what the data say leaves two tops, or one with a long shoulder, and the climb ends on a narrow
 * one. Prior and reference are in closed form, so that the rest is seen from afar. */
#include <math.h>
#include <string.h>
#include "theta/surface.h"

#define FROM (-8.0) /* log sds about the centre that are looked at, */
#define STEP 0.1
#define N 161
#define FINE 5          /* steps of the prior alone in one of these */
#define LEAST_MASS 0.01 /* of what is out of reach, to be worth its nodes */
#define SHARE 0.8       /* of the line that is within reach, */
#define REACH 6         /* and nats below the top on the way */

typedef struct {
  int n;
  double x[N + 1], log_p[N + 1]; /* from the centre, ascending */
} line;

static const vb_natural *natural_of(const vb_hyper *h, int axis) {
  for (int i = 0; i < h->n_natural; i++)
    if (h->natural[i].axis == axis) return h->natural + i;
  return NULL;
}

/* where the prior with the Jacobian is highest: it may be narrower than a step */
static double top_of_prior(const vb_surface *s, int axis) {
  const vb_natural *n = natural_of(s->fit->hyper, axis);
  double best = 0, top = -INFINITY, ll, d1, d2;
  for (int g = 0; g < (N - 1) * FINE; g++) {
    double x = FROM + g * STEP / FINE, value = n->coord->value(s->centre[axis] + x, n->s0);
    n->prior->log_density(1, &value, n->arg, &ll, &d1, &d2);
    ll += n->coord->log_slope(s->centre[axis] + x, n->s0);
    if (!(ll > top)) continue;
    top = ll;
    best = x;
  }
  return best;
}

static void lay(vb_surface *s, int axis, line *l) {
  double z[VB_MAX_AXIS] = {0}, extra = top_of_prior(s, axis);
  l->n = 0;
  for (int g = 0; g < N; g++) {
    double x = FROM + g * STEP;
    if (extra < x && (l->n == 0 || extra > l->x[l->n - 1])) l->x[l->n++] = extra;
    if (extra != x) l->x[l->n++] = x;
    if (extra == x) extra = x;
  }
  for (int i = 0; i < l->n; i++) {
    z[axis] = l->x[i] / s->scale[axis];
    l->log_p[i] = vb_surface_known(s, z);
  }
}

/* trapezoids of exp(log_p - top); returns their sum */
static double pieces(const line *l, double *piece) {
  double top = -INFINITY, all = 0;
  for (int i = 0; i < l->n; i++) top = fmax(top, l->log_p[i]);
  for (int i = 0; i < l->n - 1; i++) {
    double lo = exp(l->log_p[i] - top), hi = exp(l->log_p[i + 1] - top);
    all += piece[i] = (lo + hi) / 2 * (l->x[i + 1] - l->x[i]);
  }
  return all;
}

double vb_out_of_reach(vb_surface *s, int axis) {
  line l;
  lay(s, axis, &l);
  double piece[N + 1], all = pieces(&l, piece), *p = l.log_p, left = 0, right = 0;
  double least = SHARE * VB_LINE_FROM * s->scale[axis];
  double most = SHARE * (VB_LINE_FROM + VB_LINE * VB_LINE_STEP) * s->scale[axis];
  int lo = 0;
  while (lo < l.n - 1 && l.x[lo] < -STEP / 4) lo++;
  int hi = lo;
  for (double top = p[lo]; lo > 0 && l.x[lo - 1] > least && p[lo - 1] > top - REACH; lo--)
    top = fmax(top, p[lo - 1]);
  for (double top = p[hi]; hi < l.n - 1 && l.x[hi + 1] < most && p[hi + 1] > top - REACH; hi++)
    top = fmax(top, p[hi + 1]);
  for (int i = 0; i < lo; i++) left += piece[i];
  for (int i = hi; i < l.n - 1; i++) right += piece[i];
  if (!(left + right > LEAST_MASS * all)) return 0;
  double upto = 0; /* the end of the heavier side but for a little */
  int end = left > right ? 0 : l.n - 2, step = left > right ? 1 : -1;
  while ((upto += piece[end]) < LEAST_MASS / 2 * all) end += step;
  return l.x[end];
}
