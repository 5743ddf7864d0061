/* Weights of the nodes: sum_s W_s f(node s) stands for the mean of f over the weighted points, for
 * what the nodes alone have (moments of coefficients), by kernel quadrature: f is taken from a
 * space of products of narrow main effects, quadratics in the scores, and what coefficients'
 * variances and shrunken means grow like, sd^2 and sd^2 / (sd^2 + v) of every sd.  The nodes are a
 * mixture distribution, so that no weight may be negative: an active set. */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "numbers/vb_math.h"
#include "theta/surface.h"

#define SHARE 0.3   /* of each narrow kernel against one */
#define WIDTH 0.7   /* its width, in scores */
#define BEYOND 0.25 /* of the mean of a variance */
#define CLIP 4      /* scores are clipped there, */
#define FAR 12      /* and thresholds, in sds */
#define SMOOTH 100  /* prior variance of quadratics and of growth */
#define HERDED 1    /* the same where nodes are chosen: a mixture needs their spread too */
#define NUGGET 1e-4
#define RIDGE 1e-8     /* of the diagonal, where the nugget does not suffice */
#define PULL 0.01      /* the same towards equal weights, */
#define MANY 8         /* where so many nodes are points of the posterior */
#define CANDIDATES 256 /* points among which further nodes are chosen */
#define POINTS 4096    /* as many as sums over points need */
#define AT_ONCE 12     /* rounds in which all that are negative leave */

enum { LANES = 8 };

typedef struct {
  const vb_surface *s;
  double smooth; /* prior variance of quadratics and of growth */
  int K, n_grow;
  int stride;                                /* nodes, rounded up to whole lanes */
  double *node;                              /* their features, stride x (K + 2 n_grow) */
  int axis[VB_MAX_AXIS];                     /* of sds */
  double mean[VB_MAX_AXIS], v[VB_MAX_AXIS];  /* 3 E sd^2; variance of the levels' data */
  double most[VB_MAX_AXIS];                  /* log sds up to which it grows */
  double at[VB_MAX_AXIS], unit[VB_MAX_AXIS]; /* of thresholds: mean and sd; unit 0: of others */
} space;

static double square_of(const space *p, int i, const double *z) {
  int k = p->axis[i];
  return exp(2 * fmin(p->s->centre[k] + p->s->scale[k] * z[k], p->most[i]));
}

/* Features of z: clipped scores, then growth.  Coefficients move with thresholds in a straight
 * line, however heavy the tails of these are: no scores of them. */
static void lay(const space *p, const double *z, double *out) {
  double slope;
  for (int k = 0; k < p->K; k++)
    out[k] = p->unit[k] > 0
                 ? fmin(fmax((z[k] - p->at[k]) / p->unit[k], -FAR), FAR)
                 : fmin(fmax(vb_warp_at(&p->s->axis[k].warp, z[k], &slope), -CLIP), CLIP);
  for (int i = 0; i < p->n_grow; i++) {
    double square = square_of(p, i, z);
    out[p->K + 2 * i] = square / p->mean[i];
    out[p->K + 2 * i + 1] = square / (square + p->v[i]);
  }
}

/* the kernel between a place and LANES nodes */
VB_INLINE void kernel_lanes(const space *p, int first, const double *at, double *out) {
  double narrow[LANES], dot[LANES] = {0}, grow[LANES] = {0};
  for (int i = 0; i < LANES; i++) narrow[i] = 1;
  for (int k = 0; k < p->K; k++) {
    const double *x = p->node + (size_t)k * p->stride + first;
    double b = at[k];
    for (int i = 0; i < LANES; i++) {
      double d = (x[i] - b) / WIDTH;
      narrow[i] *= (1 + SHARE * vb_exp_neg(-d * d / 2)) / (1 + SHARE);
      dot[i] += x[i] * b;
    }
  }
  for (int k = p->K; k < p->K + 2 * p->n_grow; k++) {
    const double *x = p->node + (size_t)k * p->stride + first;
    double b = at[k];
    for (int i = 0; i < LANES; i++) grow[i] += x[i] * b;
  }
  for (int i = 0; i < LANES; i++) {
    double square = 1 + dot[i] / 9;
    out[i] = narrow[i] + p->smooth * (square * square + grow[i]);
  }
}

/* out[i] += weight times the kernel between node i and a place, of all lanes */
#define KERNEL(attribute, name)                                                              \
  attribute static void name(const space *p, const double *at, double weight, double *out) { \
    double k[LANES];                                                                         \
    for (int first = 0; first < p->stride; first += LANES) {                                 \
      kernel_lanes(p, first, at, k);                                                         \
      for (int i = 0; i < LANES; i++) out[first + i] += weight * k[i];                       \
    }                                                                                        \
  }
KERNEL(, kernel_plain)
KERNEL(VB_AVX2, kernel_avx2)

static void add_kernel(const space *p, const double *at, double weight, double *out) {
  (VB_HAS_AVX2 ? kernel_avx2 : kernel_plain)(p, at, weight, out);
}

/* The log sd up to which variances are followed: where most of their mean is beyond the last place,
 * no weights could have it, and those that came nearest would have little else. */
static double longest(const space *p, int axis, const vb_cloud *c, int T, int N, const double *z) {
  double last = -INFINITY, beyond = 0, all = 0, centre = p->s->centre[axis];
  for (int i = 0; i < N; i++)
    last = fmax(last, centre + p->s->scale[axis] * z[axis + (size_t)i * p->K]);
  for (int t = 0; t < T; t++) {
    double x = centre + p->s->scale[axis] * c->z[axis + (size_t)t * p->K];
    double square = c->weight[t] * exp(2 * x);
    all += square;
    if (x > last) beyond += square;
  }
  return beyond > BEYOND * all ? last : INFINITY;
}

/* the sd on an axis is one of those that variances grow with; v: of what the data know of its
 * levels
 */
static void follow_sd(space *p, int axis, double most, double v, const vb_cloud *c, int T,
                      double sum) {
  int i = p->n_grow++;
  p->axis[i] = axis;
  p->most[i] = most;
  p->mean[i] = 0;
  for (int t = 0; t < T; t++)
    p->mean[i] += 3 * c->weight[t] / sum * square_of(p, i, c->z + (size_t)t * p->K);
  p->v[i] = v;
}

static void find_sds(space *p, const vb_cloud *c, int T, double sum, int N, const double *z) {
  const vb_hyper *h = p->s->fit->hyper;
  const vb_reference *r = &p->s->reference;
  for (int k = 0; k < h->n_term; k++)
    for (int a = 0; a < vb_term_sds(h, k); a++) {
      int axis = h->natural[h->first[k] + a].axis;
      if (axis >= 0)
        follow_sd(p, axis, longest(p, axis, c, T, N, z), vb_reference_variance(r, k, a), c, T, sum);
    }
  for (int i = 0; i < h->n_field; i++) {
    int axis = vb_field_axis(h, i);
    if (axis >= 0) follow_sd(p, axis, INFINITY, vb_reference_field_variance(r, i), c, T, sum);
  }
}

static void find_thresholds(space *p, const vb_cloud *c, int T, double sum) {
  const vb_hyper *h = p->s->fit->hyper;
  for (int i = h->first_par; i < h->first_par + h->n_par; i++) {
    const vb_natural *n = h->natural + i;
    if (!n->real || n->after || n->axis < 0) continue;
    double mean = 0, square = 0;
    for (int t = 0; t < T; t++) {
      double z = c->z[n->axis + (size_t)t * p->K], w = c->weight[t] / sum;
      mean += w * z;
      square += w * z * z;
    }
    p->at[n->axis] = mean;
    p->unit[n->axis] = sqrt(fmax(square - mean * mean, 0));
  }
}

/* A restricted to the active, solved for k; zero elsewhere */
static vb_status solve_active(int N, const double *A, const double *k, const int *on, double *work,
                              double *x) {
  int n = 0, place[4096];
  for (int i = 0; i < N; i++)
    if (on[i]) place[n++] = i;
  for (int j = 0; j < n; j++) {
    for (int i = j; i < n; i++) work[i + (size_t)j * n] = A[place[i] + (size_t)place[j] * N];
    work[(size_t)n * n + j] = k[place[j]];
  }
  vb_status st = vb_chol(n, work, n);
  if (st != VB_OK) return st;
  vb_chol_solve(n, work, n, 1, work + (size_t)n * n, n);
  memset(x, 0, sizeof(double) * N);
  for (int j = 0; j < n; j++) x[place[j]] = work[(size_t)n * n + j];
  return VB_OK;
}

/* least x' A x / 2 - k' x over x >= 0 */
static vb_status nonnegative(const vb_host *h, int N, const double *A, const double *k, double *x) {
  int *on = h->alloc(N, sizeof(int));
  double *work = h->alloc((size_t)N * (N + 1), sizeof(double));
  for (int i = 0; i < N; i++) on[i] = 1;
  for (int it = 0; it < 4 * N; it++) {
    vb_status st = solve_active(N, A, k, on, work, x);
    if (st != VB_OK) return st;
    int worst = -1;
    for (int i = 0; i < N; i++)
      if (x[i] < 0 && (worst < 0 || x[i] < x[worst])) worst = i;
    if (worst >= 0) {
      on[worst] = 0;
      for (int i = 0; i < N && it < AT_ONCE; i++) on[i] &= x[i] >= 0;
      continue;
    }
    double most = 1e-6; /* who would come back in? */
    for (int i = 0; i < N; i++) {
      if (on[i]) continue;
      double g = k[i];
      for (int j = 0; j < N; j++) g -= A[i + (size_t)j * N] * x[j];
      if (g > most) {
        most = g;
        worst = i;
      }
    }
    if (worst < 0 || it > 3 * N) break;
    on[worst] = 1;
  }
  for (int i = 0; i < N; i++) x[i] = fmax(x[i], 0);
  return VB_OK;
}

/* Of the first T points, with the features of N places z laid out by lanes; the points' weight */
static double make_space(const vb_cloud *c, int T, int N, const double *z, space *p) {
  const vb_host *h = p->s->fit->host;
  double sum = 0;
  for (int t = 0; t < T; t++) sum += c->weight[t];
  find_sds(p, c, T, sum, N, z);
  find_thresholds(p, c, T, sum);
  int P = p->K + 2 * p->n_grow;
  p->stride = (N + LANES - 1) / LANES * LANES;
  p->node = h->alloc((size_t)P * p->stride, sizeof(double));
  double *at = h->alloc(P, sizeof(double));
  for (int i = 0; i < N; i++) {
    lay(p, z + (size_t)i * p->K, at);
    for (int f = 0; f < P; f++) p->node[i + (size_t)f * p->stride] = at[f];
  }
  return sum;
}

/* Kernel herding (Chen, Welling & Smola 2010): the next node is where the points' mean embedding is
 * most above that of the nodes that are a sample of them already. */
int vb_spread_choose(const vb_surface *s, const vb_cloud *c, int n, int *chosen) {
  const vb_host *h = s->fit->host;
  space p = {.s = s, .K = s->K, .smooth = HERDED};
  int T = c->T < CANDIDATES ? c->T : CANDIDATES, sampled = 0;
  double sum = make_space(c, T, T, c->z, &p);
  double *at = h->alloc(p.K + 2 * p.n_grow, sizeof(double));
  double *points = h->alloc(p.stride, sizeof(double)), *nodes = h->alloc(p.stride, sizeof(double));
  for (int t = 0; t < T; t++) {
    lay(&p, c->z + (size_t)t * p.K, at);
    if (c->weight[t] > 0) add_kernel(&p, at, c->weight[t] / sum, points);
  }
  for (int i = 0; i < s->n; i++) {
    if (!s->sampled[i]) continue;
    sampled++;
    lay(&p, s->z + (size_t)i * p.K, at);
    add_kernel(&p, at, 1, nodes);
    for (int t = 0; t < T; t++)
      if (!memcmp(s->z + (size_t)i * p.K, c->z + (size_t)t * p.K, sizeof(double) * p.K))
        points[t] = -INFINITY;
  }
  for (int k = 0; k < n; k++) {
    int best = -1;
    double most = -INFINITY;
    sampled++;
    for (int t = 0; t < T; t++) {
      double above = points[t] - nodes[t] / sampled;
      if (!(c->weight[t] > 0) || !(above > most)) continue;
      most = above;
      best = t;
    }
    if (best < 0) return k;
    chosen[k] = best;
    points[best] = -INFINITY; /* once is enough */
    lay(&p, c->z + (size_t)best * p.K, at);
    add_kernel(&p, at, 1, nodes);
  }
  return n;
}

vb_status vb_spread_weights(const vb_surface *s, const vb_cloud *c, double *weight) {
  const vb_host *h = s->fit->host;
  space p = {.s = s, .K = s->K, .smooth = SMOOTH};
  int N = s->n, sampled = 0, T = c->T < POINTS ? c->T : POINTS;
  double all = 0, sum = make_space(c, T, N, s->z, &p);
  int P = p.K + 2 * p.n_grow;
  double *at = h->alloc(P, sizeof(double)), *row = h->alloc(p.stride, sizeof(double));
  double *A = h->alloc((size_t)N * N, sizeof(double)), *k = h->alloc(p.stride, sizeof(double));
  for (int t = 0; t < T; t++) {
    if (!(c->weight[t] > 0)) continue;
    lay(&p, c->z + (size_t)t * p.K, at);
    add_kernel(&p, at, c->weight[t] / sum, k);
  }
  for (int j = 0; j < N; j++) {
    for (int f = 0; f < P; f++) at[f] = p.node[j + (size_t)f * p.stride];
    memset(row, 0, sizeof(double) * p.stride);
    add_kernel(&p, at, 1, row);
    row[j] += NUGGET;
    memcpy(A + (size_t)j * N, row, sizeof(double) * N);
  }
  /* among weights that serve equally, those near equal ones of the nodes that are a sample */
  for (int i = 0; i < N; i++) sampled += s->sampled[i];
  double pull = sampled < MANY || s->K == 1 ? NUGGET / 100 : PULL;
  for (int i = 0; i < N; i++) {
    A[i * (size_t)(N + 1)] += pull;
    if (s->sampled[i] && sampled >= MANY) k[i] += pull / sampled;
  }
  vb_status st = nonnegative(h, N, A, k, weight);
  for (double more = RIDGE; st == VB_NOT_POS_DEF && more < 1; more *= 100) {
    /* where variances grow out of all proportion digits are lost to rounding */
    for (int i = 0; i < N; i++) A[i * (size_t)(N + 1)] *= 1 + more;
    st = nonnegative(h, N, A, k, weight);
  }
  for (int i = 0; i < N; i++) all += weight[i];
  if (st == VB_OK && !(all > 0)) st = VB_NOT_FINITE;
  for (int i = 0; i < N && st == VB_OK; i++) weight[i] /= all;
  return st;
}
