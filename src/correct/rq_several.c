/* Residual quadrature of observations of several predictors, each alone: log E exp(r - E r) under
 * its own normal predictors, r = log f - g' e + e' H e / 2 with e their distance from the mean, by
 * a product Gauss-Hermite rule (mathematics.Rmd, section 18). */
#include <math.h>
#include <string.h>
#include "correct/rq.h"
#include "numbers/normal_rule.h"

#define MAX VB_MAX_PREDICTORS
#define BATCH 64     /* nodes whose densities are asked for at once */
#define MOST_OWN 0.7 /* as of sites of one predictor (rq.c) */
#define NARROW                                                                      \
  0.04 /* variances whose products with the precisions are less take the short rule \
        */

typedef struct { /* an observation at the optimum */
  int K;
  double root[VB_MAX_WIDTH], h[VB_MAX_WIDTH], own; /* own: tr(H V) */
  const double *g;
} optimum;

static double quadratic(const optimum *o, const double *e) {
  double sum = 0;
  for (int a = 0; a < o->K; a++)
    for (int b = a; b < o->K; b++)
      sum += (a == b ? 1 : 2) * o->h[vb_pair_place(o->K, a, b)] * e[a] * e[b];
  return sum;
}

/* the factor of its covariances, as far as its own precision leaves them */
static void read_optimum(const vb_predictors *p, const vb_inner *in, int first, optimum *o) {
  double cov[VB_MAX_WIDTH];
  int K = o->K = p->n_active;
  vb_row_covariances(K, in->rows.v + first, cov);
  vb_unpolarise(K, in->rows.h + first, o->h);
  o->g = in->rows.g + first;
  o->own = 0;
  for (int a = 0; a < K; a++)
    for (int b = a; b < K; b++) {
      int at = vb_pair_place(K, a, b);
      o->own += (a == b ? 1 : 2) * o->h[at] * cov[at];
    }
  double share = o->own > MOST_OWN ? MOST_OWN / o->own : 1;
  for (int k = 0; k < vb_width(K); k++) cov[k] *= share;
  vb_pairs_factor(K, cov, o->root);
}

typedef struct { /* sum of exp(log weight + r), as it grows */
  double top, sum;
} total;

static void add_log(double x, total *t) {
  if (x > t->top) {
    t->sum *= exp(t->top - x);
    t->top = x;
  }
  t->sum += exp(x - t->top);
}

typedef struct { /* nodes of one observation, rows of each */
  const vb_model *m;
  const vb_rq_at *opt;
  int first, n;
  vb_rows row;
  double *eta, *ll, *room; /* BATCH x width; the observation as often */
  double e[BATCH][MAX], log_w[BATCH];
} batch;

static void flush(batch *b, const optimum *o, total *t) {
  int width = b->row.n;
  const vb_rows rows = vb_rows_rep(&b->row, 1, b->n, b->room);
  b->m->family->log_lik(b->m->family, &rows, b->eta, b->opt->par, b->ll, NULL, NULL);
  for (int q = 0; q < b->n; q++) {
    double r = b->ll[(size_t)q * width] - b->opt->in->rows.ll[b->first];
    for (int a = 0; a < o->K; a++) r -= o->g[a] * b->e[q][a];
    add_log(b->log_w[q] + r + (quadratic(o, b->e[q]) - o->own) / 2, t);
  }
  b->n = 0;
}

static void add_node(batch *b, const optimum *o, const double *z, double weight) {
  double *e = b->e[b->n], *eta = b->eta + (size_t)b->n * b->row.n;
  for (int a = 0; a < o->K; a++) {
    e[a] = 0;
    for (int c = 0; c <= a; c++) e[a] += o->root[vb_pair_place(o->K, c, a)] * z[c];
    eta[a] = b->opt->in->rows.eta[b->first + a] + e[a];
  }
  b->log_w[b->n++] = log(weight);
}

/* log E exp(r - E r) */
static double alone(batch *b, const optimum *o) {
  const double wide[MAX] = {1, 1, 1, 1, 1, 1, 1, 1};
  const vb_normal_rule rule =
      o->own < NARROW ? vb_normal_rule_seventh(o->K) : vb_normal_rule_for(o->K, wide);
  vb_rule_walk walk = vb_rule_begin(b->m->rules, &rule);
  double z[MAX], weight;
  total t = {-INFINITY, 0};
  while (vb_rule_next(&walk, z, &weight)) {
    add_node(b, o, z, weight);
    if (b->n == BATCH) flush(b, o, &t);
  }
  if (b->n) flush(b, o, &t);
  return t.top + log(t.sum);
}

double vb_rq_observations(const vb_model *m, const vb_rq_at *opt, vb_rq *rq) {
  const vb_predictors *p = m->family->several;
  int width = p->width;
  batch b = {.m = m, .opt = opt};
  b.eta = rq->observation;
  b.ll = b.eta + (size_t)BATCH * width;
  b.room = b.ll + (size_t)BATCH * width;
  double sum = 0;
  for (int first = 0; first < m->n; first += width) {
    optimum o;
    b.first = first;
    b.row = vb_rows_range(&m->rows, first, width);
    read_optimum(p, opt->in, first, &o);
    sum += alone(&b, &o);
  }
  rq->spent += VB_RQ_SEVERAL * m->n;
  return sum;
}

size_t vb_rq_observation_room(const vb_model *m) {
  return (size_t)BATCH * vb_family_width(m->family) * (2 + VB_ROW_COLUMNS);
}
