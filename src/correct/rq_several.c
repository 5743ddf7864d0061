/* Residual quadrature of observations of several predictors, each alone: log E exp(r - E r) under
 * its own normal predictors, r = log f - g' e + e' H e / 2 with e their distance from the mean
 * (mathematics.Rmd, section 18). */
#include <math.h>
#include <string.h>
#include "correct/rq.h"
#include "numbers/normal_rule.h"

#define MAX VB_MAX_PREDICTORS
#define SLAB 64      /* observations whose densities are asked for at once */
#define MOST_OWN 0.7 /* as of sites of one predictor (rq.c) */
#define NARROW 0.3   /* tr(H V) up to which seventh order is enough: the remainder's square's */

typedef struct {                                   /* an observation at the optimum */
  double root[VB_MAX_WIDTH], h[VB_MAX_WIDTH], own; /* own: tr(H V) */
  const double *g, *mean;
  double ll, top, sum; /* E log f; the integral so far is exp(top) sum */
} optimum;

typedef struct { /* observations, each number by itself */
  int n;
  double y[MAX][SLAB], w[SLAB], eta[MAX][SLAB], ll[SLAB];
} slab;

static double quadratic(int K, const optimum *o, const double *e) {
  double sum = 0;
  for (int a = 0, at = K; a < K; a++) {
    sum += o->h[a] * e[a] * e[a];
    for (int b = a + 1; b < K; b++, at++) sum += 2 * o->h[at] * e[a] * e[b];
  }
  return sum;
}

/* the factor of its covariances, as far as its own precision leaves them */
static void read_optimum(int K, const vb_inner *in, int first, optimum *o) {
  double cov[VB_MAX_WIDTH];
  vb_row_covariances(K, in->rows.v + first, cov);
  vb_unpolarise(K, in->rows.h + first, o->h);
  o->g = in->rows.g + first;
  o->mean = in->rows.eta + first;
  o->ll = in->rows.ll[first];
  o->own = o->sum = 0;
  o->top = -INFINITY;
  for (int k = 0; k < vb_width(K); k++) o->own += (k < K ? 1 : 2) * o->h[k] * cov[k];
  double share = o->own > MOST_OWN ? MOST_OWN / o->own : 1;
  for (int k = 0; k < vb_width(K); k++) cov[k] *= share;
  vb_pairs_factor(K, cov, o->root);
}

/* the sum of exp grows by exp(x) */
static void add_log(double x, optimum *o) {
  if (x > o->top) {
    o->sum *= exp(o->top - x);
    o->top = x;
  }
  o->sum += exp(x - o->top);
}

static void put(const vb_predictors *p, const vb_rows *row, const double *held, slab *s) {
  int n_y = vb_several_responses(p->of, p->n_active), i = s->n++;
  s->w[i] = row->w[0];
  for (int k = 0; k < n_y; k++) s->y[k][i] = row->y[k];
  for (int k = 0; k < p->n_par; k++) s->eta[k][i] = held[k];
}

/* those that share a rule: its nodes one after the other */
static double by_rule(const vb_model *m, const vb_normal_rule *rule, optimum *o, slab *s) {
  const vb_predictors *p = m->family->several;
  int K = p->n_active;
  const double *y[MAX], *eta[MAX];
  double z[MAX], e[SLAB][MAX], weight, sum = 0;
  for (int k = 0; k < MAX; k++) {
    y[k] = s->y[k];
    eta[k] = s->eta[k];
  }
  const vb_several_at at = {s->n, y, s->w, eta};
  vb_rule_walk walk = vb_rule_begin(m->rules, rule);
  while (vb_rule_next(&walk, z, &weight)) {
    double log_weight = log(weight);
    for (int i = 0; i < s->n; i++)
      for (int a = 0; a < K; a++) {
        e[i][a] = 0;
        for (int b = 0; b <= a; b++) e[i][a] += o[i].root[vb_pair_place(K, b, a)] * z[b];
        s->eta[p->active[a]][i] = o[i].mean[a] + e[i][a];
      }
    p->of->log_lik(p->n_par, &at, s->ll, NULL, NULL);
    for (int i = 0; i < s->n; i++) {
      double r = s->ll[i] - o[i].ll + (quadratic(K, o + i, e[i]) - o[i].own) / 2;
      for (int a = 0; a < K; a++) r -= o[i].g[a] * e[i][a];
      add_log(log_weight + r, o + i);
    }
  }
  for (int i = 0; i < s->n; i++) sum += o[i].top + log(o[i].sum);
  return sum;
}

double vb_rq_observations(const vb_model *m, const vb_rq_at *opt, vb_rq *rq) {
  const double far[MAX] = {1, 1, 1, 1, 1, 1, 1, 1};
  const vb_predictors *p = m->family->several;
  int K = p->n_active, width = p->width;
  const vb_normal_rule rule[2] = {vb_normal_rule_seventh(K), vb_normal_rule_for(K, far)};
  double held[MAX] = {0}, sum = 0;
  optimum o[2][SLAB];
  slab s[2];
  s[0].n = s[1].n = 0;
  vb_held_etas(p, opt->par, held);
  for (int first = 0; first < m->n; first += width) {
    optimum one;
    const vb_rows row = vb_rows_range(&m->rows, first, width);
    read_optimum(K, opt->in, first, &one);
    int wide = !(one.own < NARROW);
    o[wide][s[wide].n] = one;
    put(p, &row, held, s + wide);
    if (s[wide].n < SLAB) continue;
    sum += by_rule(m, rule + wide, o[wide], s + wide);
    s[wide].n = 0;
  }
  for (int wide = 0; wide < 2; wide++)
    if (s[wide].n) sum += by_rule(m, rule + wide, o[wide], s + wide);
  rq->spent += VB_RQ_SEVERAL * m->n;
  return sum;
}
