/* Along which combination of beta is the posterior least like a Gaussian?  To third order the
 * cumulants of beta given theta are sum_i E f_i''' c_i c_i c_i, c_i = Cov(beta, eta_i) under q: in
 * whitened coordinates the largest skewness of a combination is the largest value of that tensor on
 * the unit sphere, found by its power method (De Lathauwer, De Moor & Vandewalle 2000).  A
 * likelihood that is flat on one side leaves a skewness of about one (mathematics.Rmd, section 16).
 */
#include <math.h>
#include <string.h>
#include "correct/rq.h"
#include "numbers/small.h"

#define STARTS 6
#define ITERATIONS 40

/* E f''' of all cells, by differences of E f'', which are had of every family; third: 3 n */
static void expected_third(const vb_model *m, const vb_theta *theta, vb_inner *in, double *third) {
  const vb_row_state *r = &in->rows;
  double *ll = m->host->alloc((size_t)m->n + 1, sizeof(double));
  double *eta = third + m->n, *step = eta + m->n;
  for (int i = 0; i < m->n; i++) step[i] = 0.1 * sqrt(fmax(r->v[i], 1e-12));
  memset(third, 0, sizeof(double) * m->n);
  for (int side = -1; side <= 1; side += 2) {
    for (int i = 0; i < m->n; i++) eta[i] = r->eta[i] + side * step[i];
    const vb_etas q = {eta, r->v, r->stein};
    vb_expect(m, theta->par, &q, ll, in->trial.h, in->trial.target);
    for (int i = 0; i < m->n; i++) third[i] -= side * in->trial.target[i] / (2 * step[i]);
  }
  if (!m->family->opaque) return;
  const vb_etas back =
      vb_row_etas(r); /* what its expectations work with is that of the last call */
  vb_expect(m, theta->par, &back, ll, in->trial.h, in->trial.target);
}

typedef struct { /* cells of any size: E f''', and whitened Cov(beta, eta), p each */
  int n, p;
  double *third, *load;
  double *sum; /* their sum, p x p x p, where that is far fewer numbers; NULL: it is not */
} cells;

#define FEWER 20 /* times */
/* sum_i third_i l_i l_i l_i, of which each entry stands six times */
static void sum_up(const vb_host *host, cells *c) {
  size_t p = c->p;
  c->sum = NULL;
  if ((double)c->n * p < FEWER * (double)p * p * p) return;
  c->sum = host->alloc(p * p * p + 1, sizeof(double));
  for (int i = 0; i < c->n; i++) {
    const double *l = c->load + (size_t)i * p;
    for (size_t a = 0; a < p; a++)
      for (size_t b = a; b < p; b++) {
        double t = c->third[i] * l[a] * l[b], *to = c->sum + (a * p + b) * p;
        for (size_t k = b; k < p; k++) to[k] += t * l[k];
      }
  }
  for (size_t a = 0; a < p; a++)
    for (size_t b = 0; b < p; b++)
      for (size_t k = 0; k < p; k++) {
        size_t lo = a < b ? a : b, hi = a + b - lo, first = lo < k ? lo : k;
        size_t last = hi > k ? hi : k, mid = a + b + k - first - last;
        c->sum[(a * p + b) * p + k] = c->sum[(first * p + mid) * p + last];
      }
}

static double size_of(const cells *c, int i) {
  const double *l = c->load + (size_t)i * c->p;
  return fabs(c->third[i]) * pow(vb_dot(c->p, l, l), 1.5);
}

/* those alone that could matter all together: less than 1 % of least; returns the sum of sizes */
static double keep_large(double least, cells *c) {
  double sum = 0;
  int n = 0;
  for (int i = 0; i < c->n; i++) {
    double size = size_of(c, i);
    sum += size;
    if (!(size > 0.01 * least / c->n)) continue;
    c->third[n] = c->third[i];
    memmove(c->load + (size_t)n++ * c->p, c->load + (size_t)i * c->p, sizeof(double) * c->p);
  }
  c->n = n;
  return sum;
}

/* sum_i third_i (l_i' w)^3 and, where wanted, next = sum_i third_i (l_i' w)^2 l_i */
static double tensor(const cells *c, const double *w, double *next) {
  double value = 0;
  if (next) memset(next, 0, sizeof(double) * c->p);
  for (int a = 0; a < c->p && c->sum; a++) {
    double slope = 0;
    for (int b = 0; b < c->p; b++)
      slope += w[b] * vb_dot(c->p, c->sum + ((size_t)a * c->p + b) * c->p, w);
    value += slope * w[a];
    if (next) next[a] = slope;
  }
  if (c->sum) return value;
  for (int i = 0; i < c->n; i++) {
    const double *l = c->load + (size_t)i * c->p;
    double along = vb_dot(c->p, l, w), t = c->third[i] * along * along;
    value += t * along;
    for (int k = 0; k < c->p && next; k++) next[k] += t * l[k];
  }
  return value;
}

static void unit(int p, double *w) {
  double norm = sqrt(vb_dot(p, w, w));
  for (int k = 0; k < p; k++) w[k] /= norm;
}

/* from the direction of cell i, w <- the direction of a largest value, which is returned */
static double climb(const cells *c, int i, double *next, double *w) {
  double best = 0;
  memcpy(w, c->load + (size_t)i * c->p, sizeof(double) * c->p);
  unit(c->p, w);
  for (int it = 0; it < ITERATIONS; it++) {
    double value = tensor(c, w, next);
    if (!(vb_dot(c->p, next, next) > 0)) return value;
    if (it && !(fabs(value) > fabs(best) * (1 + 1e-6))) return value;
    best = value;
    memcpy(w, next, sizeof(double) * c->p);
    unit(c->p, w);
  }
  return tensor(c, w, NULL);
}

/* of the cells not yet near a start, the largest */
static int next_start(const cells *c, const char *used) {
  int best = -1;
  double most = 0;
  for (int i = 0; i < c->n; i++)
    if (!used[i] && size_of(c, i) > most) {
      most = size_of(c, i);
      best = i;
    }
  return best;
}

static void mark_near(const cells *c, int at, char *used) {
  const double *a = c->load + (size_t)at * c->p;
  for (int i = 0; i < c->n; i++) {
    const double *l = c->load + (size_t)i * c->p;
    double with = vb_dot(c->p, a, l);
    used[i] |= with * with > 0.9 * vb_dot(c->p, a, a) * vb_dot(c->p, l, l);
  }
}

/* scaled so that the cells that count move by one with it: their mean of l'w */
static double scale_of(const cells *c, const double *w) {
  double sum = 0, total = 0;
  for (int i = 0; i < c->n; i++) {
    double along = fabs(vb_dot(c->p, c->load + (size_t)i * c->p, w));
    double weight = fabs(c->third[i]) * pow(along, 3);
    sum += weight * along;
    total += weight;
  }
  return sum / total;
}

/* rows of one predictor; 0: they cannot matter by as much as least */
static int third_of_rows(const vb_model *m, const vb_theta *theta, double least, vb_inner *in,
                         vb_cubes *out) {
  double bound = 0;
  out->n = m->n;
  out->third = m->host->alloc(3 * (size_t)m->n + 1, sizeof(double));
  expected_third(m, theta, in, out->third);
  for (int i = 0; i < m->n; i++) bound += fabs(out->third[i]) * pow(fmax(in->rows.v[i], 0), 1.5);
  if (!(bound >= least)) return 0;
  out->load = m->host->alloc((size_t)m->n * m->p + 1, sizeof(double));
  vb_beta_covariance(m, in, out->load);
  return 1;
}

double vb_third_direction(const vb_model *m, const vb_theta *theta, double least, vb_inner *in,
                          vb_skewed *out) {
  int p = m->p;
  if (!p || m->quadratic) return 0;
  const vb_host *host = m->host;
  vb_cubes cubes;
  if (!(m->family->several ? vb_third_several : third_of_rows)(m, theta, least, in, &cubes))
    return 0;
  cells c = {cubes.n, p, cubes.third, cubes.load, NULL};
  double *chol = host->alloc((size_t)p * p + 1, sizeof(double));
  double *w = host->alloc(3 * (size_t)p + 1, sizeof(double)), *next = w + p, *top = next + p;
  memcpy(chol, in->sol.s_beta, sizeof(double) * p * p);
  if (vb_chol(p, chol, p) != VB_OK) return 0;
  vb_chol_half(p, chol, p, c.n, c.load, p);
  if (!(keep_large(least, &c) >= least)) return 0;
  sum_up(host, &c);
  char *used = host->alloc(c.n + 1, 1);
  double most = 0;
  for (int start = 0; start < STARTS; start++) {
    int i = next_start(&c, used);
    if (i < 0) break;
    mark_near(&c, i, used);
    double value = climb(&c, i, next, w);
    if (!(fabs(value) > fabs(most))) continue;
    most = value;
    memcpy(top, w, sizeof(double) * p);
  }
  if (!(fabs(most) >= least)) return fabs(most);
  out->sd = scale_of(&c, top);
  for (int k = 0; k < p; k++) out->a[k] = top[k] * out->sd * (most < 0 ? -1 : 1);
  vb_chol_half_t(p, chol, p, 1, out->a, p);
  return fabs(most);
}
