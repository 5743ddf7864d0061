/* The third derivatives of observations of several predictors, for third.c: a cubic form in K
 * numbers is a sum of cubes of these, of sums and differences of two and of sums of three, so that
 * an observation is as many cells of one predictor.
 *
 *   6 a^2 b = (a + b)^3 - (a - b)^3 - 2 b^3
 *   6 a b^2 = (a + b)^3 + (a - b)^3 - 2 a^3
 *   6 a b c = (a + b + c)^3 - (a + b)^3 - (a + c)^3 - (b + c)^3 + a^3 + b^3 + c^3
 */
#include <math.h>
#include <string.h>
#include "correct/rq.h"

#define MAX VB_MAX_PREDICTORS
#define STEP 0.1 /* standard deviations */

static int n_cubes(int K) { return K + K * (K - 1) + K * (K - 1) * (K - 2) / 6; }

typedef struct { /* T[c]: derivatives in predictor c of E f'' as pairs are counted, of all */
  int K, width, n;
  double *slope[MAX];
} thirds;

static thirds expected_thirds(const vb_model *m, const double *par, const vb_row_state *r) {
  const vb_predictors *p = m->family->several;
  int K = p->n_active, width = p->width;
  thirds out = {K, width, m->n, {NULL}}, *t = &out;
  double *eta = m->host->alloc(4 * (size_t)m->n + 1, sizeof(double)), *ll = eta + m->n;
  double *g = ll + m->n, *h = g + m->n, pairs[VB_MAX_WIDTH];
  for (int c = 0; c < K; c++) {
    t->slope[c] = m->host->alloc((size_t)m->n + 1, sizeof(double));
    for (int side = -1; side <= 1; side += 2) {
      for (int i = 0; i < m->n; i++) {
        double sd = sqrt(fmax(r->v[i - i % width + c], 1e-12));
        eta[i] = r->eta[i] + (vb_row_has(K, i % width, c) ? side * STEP * sd : 0);
      }
      const vb_etas q = {eta, r->v, NULL};
      vb_expect(m, par, &q, ll, g, h);
      for (int i = 0; i < m->n; i += width) {
        double sd = sqrt(fmax(r->v[i + c], 1e-12));
        vb_unpolarise(K, h + i, pairs);
        for (int k = 0; k < width; k++) t->slope[c][i + k] -= side * pairs[k] / (2 * STEP * sd);
      }
    }
  }
  return out;
}

/* E f_abc, by the mean of its two or three differences */
static double entry(const thirds *t, size_t at, int a, int b, int c) {
  int K = t->K;
  return (t->slope[a][at + vb_pair_place(K, b, c)] + t->slope[b][at + vb_pair_place(K, a, c)] +
          t->slope[c][at + vb_pair_place(K, a, b)]) /
         3;
}

typedef struct { /* a cube: its factor, and what of each predictor is in it */
  double factor;
  signed char of[MAX];
} cube;

/* those of an observation: ones, then per pair sum and difference, then sums of three */
static void cubes_of(const thirds *t, size_t at, cube *out) {
  int K = t->K, n = K;
  double pair_sum[VB_MAX_WIDTH] = {0};
  memset(out, 0, sizeof(cube) * n_cubes(K));
  for (int a = 0; a < K; a++) {
    out[a].factor = entry(t, at, a, a, a);
    out[a].of[a] = 1;
  }
  cube *three = out + K + K * (K - 1);
  for (int a = 0; a < K; a++)
    for (int b = a + 1; b < K; b++)
      for (int c = b + 1; c < K; c++, three++) {
        double f = entry(t, at, a, b, c);
        three->factor = f;
        three->of[a] = three->of[b] = three->of[c] = 1;
        pair_sum[vb_pair_place(K, a, b)] -= f;
        pair_sum[vb_pair_place(K, a, c)] -= f;
        pair_sum[vb_pair_place(K, b, c)] -= f;
        out[a].factor += f;
        out[b].factor += f;
        out[c].factor += f;
      }
  for (int a = 0; a < K; a++)
    for (int b = a + 1; b < K; b++, n += 2) {
      double aab = entry(t, at, a, a, b), abb = entry(t, at, a, b, b);
      out[n].factor = (aab + abb) / 2 + pair_sum[vb_pair_place(K, a, b)];
      out[n + 1].factor = (abb - aab) / 2;
      out[n].of[a] = out[n].of[b] = out[n + 1].of[a] = 1;
      out[n + 1].of[b] = -1;
      out[a].factor -= abb;
      out[b].factor -= aab;
    }
}

/* variance of a cube's combination */
static double variance_of(int K, const cube *c, const double *cov) {
  double sum = 0;
  for (int a = 0, at = K; a < K; a++) {
    sum += c->of[a] * c->of[a] * cov[a];
    for (int b = a + 1; b < K; b++, at++) sum += 2 * c->of[a] * c->of[b] * cov[at];
  }
  return fmax(sum, 0);
}

/* sums over an observation's cubes of |E f'''| v^(3/2), and over all of their powers */
static double sum_sizes(const vb_model *m, const thirds *t, const vb_inner *in, int power) {
  int K = t->K, each = n_cubes(K);
  cube *cubes = m->host->alloc(each, sizeof(cube));
  double sum = 0;
  for (int at = 0; at < m->n; at += t->width) {
    double own = 0, cov[VB_MAX_WIDTH];
    cubes_of(t, at, cubes);
    vb_row_covariances(K, in->rows.v + at, cov);
    for (int k = 0; k < each; k++) {
      double v = variance_of(K, cubes + k, cov);
      own += fabs(cubes[k].factor) * v * sqrt(v);
    }
    sum += power == 2 ? own * own : own;
  }
  return sum;
}

double vb_third_size_several(const vb_model *m, const double *par, const vb_inner *in) {
  const thirds t = expected_thirds(m, par, &in->rows);
  return sum_sizes(m, &t, in, 2) / 6;
}

int vb_third_several(const vb_model *m, const vb_theta *theta, double least, vb_inner *in,
                     vb_cubes *out) {
  const vb_host *host = m->host;
  const vb_predictors *p = m->family->several;
  int K = p->n_active, each = n_cubes(K), n = m->n / p->width;
  const thirds t = expected_thirds(m, theta->par, &in->rows);
  if (!(sum_sizes(m, &t, in, 1) >= least)) return 0;
  cube *cubes = host->alloc(each, sizeof(cube));
  size_t size = m->p;
  double *loads = host->alloc((size_t)m->n * size + 1, sizeof(double));
  out->n = n * each;
  out->third = host->alloc((size_t)out->n + 1, sizeof(double));
  out->load = host->alloc((size_t)out->n * size + 1, sizeof(double));
  vb_beta_covariance(m, in, loads);
  for (int i = 0; i < n; i++) {
    size_t at = (size_t)i * p->width, to = (size_t)i * each;
    cubes_of(&t, at, cubes);
    for (int k = 0; k < each; k++) {
      out->third[to + k] = cubes[k].factor;
      for (int a = 0; a < K; a++)
        for (size_t l = 0; l < size; l++)
          out->load[(to + k) * size + l] += cubes[k].of[a] * loads[(at + a) * size + l];
    }
  }
  return 1;
}
