/* Observations of several predictors: expectations of their log density under normal predictors, by
 * closed form where there is one, else by rules along the Cholesky factor of their covariance
 * (mathematics.Rmd, section 18), and where they start.  Outside, everything is by rows
 * (rows/several.h). */
#include <math.h>
#include <string.h>
#include "gauss/several.h"
#include "numbers/normal_rule.h"

#define SLAB 64 /* observations at a time */
#define LANES 8
#define MAX VB_MAX_PREDICTORS

typedef struct { /* observations, each number by itself; of their predictors only some are active */
  int n;
  double y[MAX][SLAB], w[SLAB], eta[MAX][SLAB], cov[VB_MAX_WIDTH][SLAB];
} slab;
typedef struct { /* E log f, E f', E f'', as pairs are counted, of them or at one node */
  double ll[SLAB], d1[MAX][SLAB], d2[VB_MAX_WIDTH][SLAB];
} values;
typedef struct {
  const vb_predictors *p;
  const vb_rules *rules;
  const double *par;
  int slopes; /* are derivatives wanted? */
} task;

/* observations of rows, whose predictors have means m and variances v; NULL: none */
static void gather(const task *t, const vb_rows *rows, const double *m, const double *v, slab *s) {
  const vb_predictors *p = t->p;
  int n_y = vb_several_responses(p->of, p->n_active);
  double held[MAX];
  s->n = rows->n / p->width;
  vb_held_etas(p, t->par, held);
  for (int k = 0; k < p->n_par; k++)
    for (int i = 0; i < s->n && p->held[k] >= 0; i++) s->eta[k][i] = held[k];
  for (int i = 0; i < s->n; i++) {
    size_t first = (size_t)i * p->width;
    double cov[VB_MAX_WIDTH];
    s->w[i] = rows->w[first];
    for (int k = 0; k < n_y; k++) s->y[k][i] = rows->y[first + k];
    for (int a = 0; a < p->n_active; a++) s->eta[p->active[a]][i] = m[first + a];
    if (v) vb_row_covariances(p->n_active, v + first, cov);
    for (int k = 0; k < p->width; k++) s->cov[k][i] = v ? cov[k] : 0;
  }
}

static void columns(double column[][SLAB], int n, double **out) {
  for (int k = 0; k < n; k++) out[k] = column[k];
}

typedef struct { /* of one call of a log density */
  double *y[MAX], *eta[MAX], *d1[MAX], *d2[VB_MAX_WIDTH];
  vb_several_at at;
} call;

static void make_call(slab *s, values *to, call *c) {
  columns(s->y, MAX, c->y);
  columns(s->eta, MAX, c->eta);
  columns(to->d1, MAX, c->d1);
  columns(to->d2, VB_MAX_WIDTH, c->d2);
  c->at = (vb_several_at){s->n, (const double *const *)c->y, s->w, (const double *const *)c->eta};
}

/* ---- Rules ---- */

/* out += weight f, over whole lanes */
static void add(int n, double weight, const double *f, double *out) {
  for (int i = 0; i < n; i += LANES) {
    double sum[LANES];
    for (int l = 0; l < LANES; l++) sum[l] = out[i + l] + weight * f[i + l];
    memcpy(out + i, sum, sizeof sum);
  }
}

/* eta <- mean + root z */
static void move(int n, int K, double root[][SLAB], const double *z, double mean[][SLAB],
                 double *const *eta) {
  for (int a = 0; a < K; a++)
    for (int i = 0; i < n; i += LANES) {
      double sum[LANES];
      memcpy(sum, mean[a] + i, sizeof sum);
      for (int b = 0; b <= a; b++)
        for (int l = 0; l < LANES; l++) sum[l] += root[vb_pair_place(K, b, a)][i + l] * z[b];
      memcpy(eta[a] + i, sum, sizeof sum);
    }
}

/* the expectations of observations that share a rule; root: factors, counted as covariances */
static void by_rule(const task *t, const vb_normal_rule *rule, slab *s, double root[][SLAB],
                    values *sum) {
  const vb_predictors *p = t->p;
  int K = p->n_active, pairs = vb_width(p->n_par), whole = (s->n + LANES - 1) / LANES * LANES;
  double mean[MAX][SLAB], z[MAX], weight, *eta[MAX];
  values at;
  call c;
  make_call(s, &at, &c);
  for (int a = 0; a < K; a++) {
    eta[a] = s->eta[p->active[a]];
    for (int i = s->n; i < whole; i++) eta[a][i] = 0;
    memcpy(mean[a], eta[a], sizeof mean[a]);
  }
  for (int i = 0; i < whole; i++) sum->ll[i] = at.ll[i] = 0;
  for (int k = 0; k < p->n_par && t->slopes; k++)
    for (int i = 0; i < whole; i++) sum->d1[k][i] = at.d1[k][i] = 0;
  for (int k = 0; k < pairs && t->slopes; k++)
    for (int i = 0; i < whole; i++) sum->d2[k][i] = at.d2[k][i] = 0;
  vb_rule_walk walk = vb_rule_begin(t->rules, rule);
  while (vb_rule_next(&walk, z, &weight)) {
    move(whole, K, root, z, mean, eta);
    p->of->log_lik(p->n_par, &c.at, at.ll, t->slopes ? c.d1 : NULL, t->slopes ? c.d2 : NULL);
    add(whole, weight, at.ll, sum->ll);
    for (int k = 0; k < p->n_par && t->slopes; k++) add(whole, weight, at.d1[k], sum->d1[k]);
    for (int k = 0; k < pairs && t->slopes; k++) add(whole, weight, at.d2[k], sum->d2[k]);
  }
}

/* factor of observation i's covariance; along: the variance of each axis in scales of the bend */
static void factor(const task *t, const slab *s, int i, double *root, double *along) {
  const vb_predictors *p = t->p;
  int K = p->n_active;
  double scale[MAX], cov[VB_MAX_WIDTH];
  const double *y[MAX], *eta[MAX];
  for (int k = 0; k < MAX; k++) {
    scale[k] = 1;
    y[k] = s->y[k] + i;
    eta[k] = s->eta[k] + i;
  }
  const vb_several_at one = {1, y, s->w + i, eta};
  if (p->of->bend) p->of->bend(p->n_par, &one, scale);
  for (int k = 0; k < p->width; k++) cov[k] = s->cov[k][i];
  vb_pairs_factor(K, cov, root);
  for (int b = 0; b < K; b++) {
    along[b] = 0;
    for (int a = b; a < K; a++) {
      double x = root[vb_pair_place(K, b, a)] / scale[p->active[a]];
      along[b] = fmax(along[b], x * x);
    }
  }
}

static void take(const vb_predictors *p, int i, const slab *from, double root[][SLAB],
                 double to_root[][SLAB], slab *to) {
  int at = to->n++, n_y = vb_several_responses(p->of, p->n_active);
  to->w[at] = from->w[i];
  for (int k = 0; k < n_y; k++) to->y[k][at] = from->y[k][i];
  for (int k = 0; k < p->n_par; k++) to->eta[k][at] = from->eta[k][i];
  for (int k = 0; k < p->width; k++) to_root[k][at] = root[k][i];
}

static void give(const task *t, const int *of, int n, const values *from, values *to) {
  int K = t->p->n_par, pairs = vb_width(K);
  for (int i = 0; i < n; i++) {
    to->ll[of[i]] = from->ll[i];
    for (int k = 0; k < K && t->slopes; k++) to->d1[k][of[i]] = from->d1[k][i];
    for (int k = 0; k < pairs && t->slopes; k++) to->d2[k][of[i]] = from->d2[k][i];
  }
}

/* observations by groups that share a rule */
static void by_rules(const task *t, slab *s, values *out) {
  const vb_predictors *p = t->p;
  double root[VB_MAX_WIDTH][SLAB], some_root[VB_MAX_WIDTH][SLAB];
  vb_normal_rule rule[SLAB];
  int of[SLAB], left = s->n;
  for (int i = 0; i < s->n; i++) {
    double own[VB_MAX_WIDTH], along[MAX];
    factor(t, s, i, own, along);
    for (int k = 0; k < p->width; k++) root[k][i] = own[k];
    rule[i] = vb_normal_rule_for(p->n_active, along);
  }
  for (int first = 0; left; first++) {
    slab some;
    values sum;
    some.n = 0;
    vb_normal_rule which = rule[first];
    if (!which.code) continue; /* done */
    for (int i = first; i < s->n; i++) {
      if (rule[i].code != which.code) continue;
      of[some.n] = i;
      take(p, i, s, root, some_root, &some);
      rule[i].code = 0;
    }
    left -= some.n;
    int whole = (some.n + LANES - 1) / LANES * LANES;
    for (int k = 0; k < p->width; k++)
      for (int i = some.n; i < whole; i++) some_root[k][i] = 0;
    by_rule(t, &which, &some, some_root, &sum);
    give(t, of, some.n, &sum, out);
  }
}

/* ---- Expectations ---- */

/* covariances of all parameters, of which the held ones have none, in place */
static void all_covariances(const vb_predictors *p, int n, double cov[][SLAB]) {
  int pairs = vb_width(p->n_par);
  double own[VB_MAX_WIDTH][SLAB];
  if (p->n_active == p->n_par) return;
  for (int k = 0; k < p->width; k++) memcpy(own[k], cov[k], sizeof(double) * n);
  for (int k = 0; k < pairs; k++) memset(cov[k], 0, sizeof(double) * n);
  for (int k = 0; k < p->width; k++) memcpy(cov[p->place[k]], own[k], sizeof(double) * n);
}

static void expect_slab(const task *t, slab *s, values *out) {
  const vb_predictors *p = t->p;
  if (!p->of->expect) {
    by_rules(t, s, out);
    return;
  }
  const double *cov[VB_MAX_WIDTH];
  call c;
  all_covariances(p, s->n, s->cov);
  for (int k = 0; k < VB_MAX_WIDTH; k++) cov[k] = s->cov[k];
  make_call(s, out, &c);
  p->of->expect(p->n_par, &c.at, cov, out->ll, t->slopes ? c.d1 : NULL, t->slopes ? c.d2 : NULL);
}

/* to what observation i's rows have of it: ll, g = E f', h = -E f'' */
static void to_rows(const vb_predictors *p, const values *s, int i, double *ll, double *g,
                    double *h) {
  double pairs[VB_MAX_WIDTH];
  int K = p->n_active;
  for (int k = 0; k < p->width; k++) {
    ll[k] = k ? 0 : s->ll[i];
    if (g) g[k] = k < K ? s->d1[p->active[k]][i] : 0;
  }
  if (!h) return;
  for (int k = 0; k < p->width; k++) pairs[k] = -s->d2[p->place[k]][i];
  vb_polarise(K, pairs, h);
}

void vb_several_expect(const vb_several_of *by, const vb_rows *rows, const double *m,
                       const double *v, double *const out[3]) {
  const vb_predictors *p = by->model->family->several;
  const task t = {p, by->model->rules, by->par, out[1] != NULL};
  slab s;
  values to;
  int step = SLAB * p->width;
  for (int from = 0; from < rows->n; from += step) {
    int n = rows->n - from < step ? rows->n - from : step;
    const vb_rows some = vb_rows_range(rows, from, n);
    gather(&t, &some, m + from, v + from, &s);
    expect_slab(&t, &s, &to);
    for (int i = 0; i < s.n; i++) {
      size_t at = from + (size_t)i * p->width;
      to_rows(p, &to, i, out[0] + at, out[1] ? out[1] + at : NULL, out[2] ? out[2] + at : NULL);
    }
  }
}

/* grad[k] += the sum over observations of the derivative in par[k], of what is in to */
static void add_held(const vb_predictors *p, const double *par, int n, const values *to,
                     double *grad) {
  for (int k = 0; k < p->n_par; k++) {
    if (p->held[k] < 0) continue;
    double slope = vb_link_slope(vb_several_link(p->of, k), par[p->held[k]]);
    for (int i = 0; i < n; i++) grad[p->held[k]] += to->d1[k][i] * slope;
  }
}

/* the same of rows whose predictors have means m and variances v */
static void add_slopes(const task *t, const vb_rows *rows, const double *m, const double *v,
                       double *grad) {
  slab s;
  values to;
  int step = SLAB * t->p->width;
  for (int from = 0; from < rows->n; from += step) {
    int n = rows->n - from < step ? rows->n - from : step;
    const vb_rows some = vb_rows_range(rows, from, n);
    gather(t, &some, m + from, v ? v + from : NULL, &s);
    expect_slab(t, &s, &to);
    add_held(t->p, t->par, s.n, &to, grad);
  }
}

void vb_several_par(const vb_model *model, const double *par, const vb_etas *e, double *grad) {
  const task t = {model->family->several, model->rules, par, 1};
  add_slopes(&t, &model->rows, e->m, e->v, grad);
}

double vb_several_slope(const vb_model *model, const vb_rows *rows, const double *eta,
                        const double *par, int k) {
  const task t = {model->family->several, model->rules, par, 1};
  double grad[VB_MAX_PAR] = {0};
  add_slopes(&t, rows, eta, NULL, grad);
  return grad[k];
}

void vb_several_diagonal(const vb_predictors *p, int n, double floor, double *h) {
  double full[VB_MAX_WIDTH];
  for (int i = 0; i < n; i += p->width) {
    vb_unpolarise(p->n_active, h + i, full);
    for (int k = 0; k < p->width; k++) h[i + k] = k < p->n_active ? fmax(full[k], floor) : 0;
  }
}

void vb_several_start(const vb_model *model, double *eta) {
  const vb_predictors *p = model->family->several;
  int n = model->n / p->width, n_y = vb_several_responses(p->of, p->n_active);
  double *room = model->host->alloc((size_t)n * (n_y + 1) + 1, sizeof(double)), *w = room;
  const double *y[MAX];
  for (int k = 0; k < n_y; k++) y[k] = room + (size_t)(k + 1) * n;
  for (int i = 0; i < n; i++) {
    size_t at = (size_t)i * p->width;
    w[i] = model->rows.w[at];
    for (int k = 0; k < n_y; k++) room[(size_t)(k + 1) * n + i] = model->rows.y[at + k];
  }
  const vb_several_at all = {n, y, w, NULL};
  for (int k = 0; k < p->n_par; k++) eta[k] = 0;
  p->of->start(p->n_par, &all, eta);
}

void vb_foretell_weights(const vb_model *model, const vb_krige *k, const double *const *of,
                         double *h) {
  if (model->family->several)
    vb_krige_average(k, model->n, of, h);
  else
    vb_krige_precisions(k, model->n, of, h);
}
