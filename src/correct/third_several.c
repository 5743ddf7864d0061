/* The third derivatives of observations of several predictors, for third.c: a cubic form in K numbers
 * is a sum of cubes of these, of sums and differences of two and of sums of three, so that an
 * observation is as many cells of one predictor.
 *   6 a^2 b = (a + b)^3 - (a - b)^3 - 2 b^3,   6 a b^2 = (a + b)^3 + (a - b)^3 - 2 a^3,
 *   6 a b c = (a + b + c)^3 - (a + b)^3 - (a + c)^3 - (b + c)^3 + a^3 + b^3 + c^3 */
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

/* does row k of an observation move with predictor c, as one or in a pair? */
static int moves(int K, int k, int c) {
  int hit = k == c;
  for (int b = 0; b < K && k >= K; b++) hit |= b != c && vb_pair_place(K, b, c) == k;
  return hit;
}

static void expected_thirds(const vb_model *m, const vb_theta *theta, vb_inner *in, thirds *t) {
  const vb_row_state *r = &in->rows;
  int K = t->K, width = t->width;
  double *eta = m->host->alloc(3 * (size_t)m->n + 1, sizeof(double)), *ll = eta + m->n;
  double *g = ll + m->n, *h = in->trial.target, pairs[VB_MAX_WIDTH];
  for (int c = 0; c < K; c++) {
    memset(t->slope[c], 0, sizeof(double) * m->n);
    for (int side = -1; side <= 1; side += 2) {
      for (int i = 0; i < m->n; i++) {
        double sd = sqrt(fmax(r->v[i - i % width + c], 1e-12));
        eta[i] = r->eta[i] + (moves(K, i % width, c) ? side * STEP * sd : 0);
      }
      const vb_etas q = {eta, r->v, NULL};
      vb_expect(m, theta->par, &q, ll, g, h);
      for (int i = 0; i < m->n; i += width) {
        double sd = sqrt(fmax(r->v[i + c], 1e-12));
        vb_unpolarise(K, h + i, pairs);
        for (int k = 0; k < width; k++) t->slope[c][i + k] -= side * pairs[k] / (2 * STEP * sd);
      }
    }
  }
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

/* variance of a cube's combination, from those of an observation's rows */
static double variance_of(int K, const cube *c, const double *v) {
  double cov[VB_MAX_WIDTH], sum = 0;
  vb_row_covariances(K, v, cov);
  for (int a = 0; a < K; a++)
    for (int b = 0; b < K; b++) sum += c->of[a] * c->of[b] * cov[vb_pair_place(K, a, b)];
  return fmax(sum, 0);
}

int vb_third_several(const vb_model *m, const vb_theta *theta, double least, vb_inner *in,
                     vb_cubes *out) {
  const vb_host *host = m->host;
  const vb_predictors *p = m->family->several;
  int K = p->n_active, each = n_cubes(K), n = m->n / p->width;
  thirds t = {K, p->width, m->n, {NULL}};
  for (int c = 0; c < K; c++) t.slope[c] = host->alloc((size_t)m->n + 1, sizeof(double));
  cube *cubes = host->alloc(each, sizeof(cube));
  expected_thirds(m, theta, in, &t);
  double bound = 0;
  for (int i = 0; i < n; i++) {
    size_t at = (size_t)i * p->width;
    cubes_of(&t, at, cubes);
    for (int k = 0; k < each; k++)
      bound += fabs(cubes[k].factor) * pow(variance_of(K, cubes + k, in->rows.v + at), 1.5);
  }
  if (!(bound >= least)) return 0;
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
