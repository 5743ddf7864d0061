/* Observations of several predictors: expectations of their log density under normal predictors, by
 * closed form where there is one, else by product Gauss-Hermite rules along the Cholesky factor of
 * their covariance (mathematics.Rmd, section 18), and where they start.  Outside, everything is by
 * rows (rows/several.h). */
#include <math.h>
#include <string.h>
#include "gauss/several.h"

#define OBSERVATIONS 32 /* at a time */
#define POINTS 256      /* of their rules at a time */
/* variances, in scales of the bend, up to which third order is enough, and of two predictors fifth
 * and seventh */
#define NARROW 0.004
#define FIFTH 0.05
#define SEVENTH 0.25
#define MAX VB_MAX_PREDICTORS

typedef struct { /* what is added up of an observation: E log f, E f', E f'' */
  double ll, d1[MAX], d2[VB_MAX_WIDTH];
} sums;

typedef struct { /* points of some observations' rules */
  int n, of[POINTS];
  double weight[POINTS];
  double y[MAX][POINTS], w[POINTS], eta[MAX][POINTS];
  double ll[POINTS], d1[MAX][POINTS], d2[VB_MAX_WIDTH][POINTS];
} points;

typedef struct { /* of a block of observations */
  const vb_predictors *p;
  const vb_rules *rules;
  const double *par;
  int slopes; /* are derivatives wanted? */
  sums *to;
  points *at;
} task;

static void columns(double column[][POINTS], int n, double **out) {
  for (int k = 0; k < n; k++) out[k] = column[k];
}

/* the log density at the points there are, added to their observations' */
static void add_points(task *t) {
  points *at = t->at;
  int K = t->p->n_par, pairs = vb_width(K);
  double *y[MAX], *eta[MAX], *d1[MAX], *d2[VB_MAX_WIDTH];
  columns(at->y, MAX, y);
  columns(at->eta, MAX, eta);
  columns(at->d1, MAX, d1);
  columns(at->d2, VB_MAX_WIDTH, d2);
  const vb_several_at all = {at->n, (const double *const *)y, at->w, (const double *const *)eta};
  t->p->of->log_lik(K, &all, at->ll, t->slopes ? d1 : NULL, t->slopes ? d2 : NULL);
  for (int i = 0; i < at->n; i++) {
    sums *to = t->to + at->of[i];
    double weight = at->weight[i];
    to->ll += weight * at->ll[i];
    for (int k = 0; k < K && t->slopes; k++) to->d1[k] += weight * at->d1[k][i];
    for (int k = 0; k < pairs && t->slopes; k++) to->d2[k] += weight * at->d2[k][i];
  }
  at->n = 0;
}

typedef struct { /* an observation: predictors N(mean, root root'), of the active ones */
  int observation, n_y;
  const double *y;
  double w, eta[MAX], root[MAX][MAX];
} normal;

static void add_point(task *t, const normal *o, const double *z, double weight) {
  points *at = t->at;
  const vb_predictors *p = t->p;
  int i = at->n++;
  at->of[i] = o->observation;
  at->weight[i] = weight;
  at->w[i] = o->w;
  for (int k = 0; k < o->n_y; k++) at->y[k][i] = o->y[k];
  for (int k = 0; k < p->n_par; k++) at->eta[k][i] = o->eta[k];
  for (int a = 0; a < p->n_active; a++)
    for (int b = 0; b <= a; b++) at->eta[p->active[a]][i] += o->root[a][b] * z[b];
  if (at->n == POINTS) add_points(t);
}

/* Cholesky factor of covariances counted as pairs are; what rounding makes negative is zero */
static void factor(int K, const double *cov, double root[MAX][MAX]) {
  for (int b = 0; b < K; b++) {
    double left = cov[b];
    for (int c = 0; c < b; c++) left -= root[b][c] * root[b][c];
    root[b][b] = sqrt(fmax(left, 0));
    for (int a = b + 1; a < K; a++) {
      double s = cov[vb_pair_place(K, a, b)];
      for (int c = 0; c < b; c++) s -= root[a][c] * root[b][c];
      root[a][b] = root[b][b] > 0 ? s / root[b][b] : 0;
    }
  }
}

/* the variance along each axis of the factor, in scales on which the density bends; their largest
 */
static double spread_along(const task *t, const normal *o, double *along) {
  const vb_predictors *p = t->p;
  double scale[MAX], most = 0;
  for (int k = 0; k < p->n_par; k++) scale[k] = 1;
  if (p->of->bend) p->of->bend(p->n_par, o->eta, scale);
  for (int b = 0; b < p->n_active; b++) {
    along[b] = 0;
    for (int a = b; a < p->n_active; a++)
      along[b] = fmax(along[b], pow(o->root[a][b] / scale[p->active[a]], 2));
    most = fmax(most, along[b]);
  }
  return most;
}

static void by_point(task *t, const normal *o) {
  const double z[MAX] = {0};
  add_point(t, o, z, 1);
}

/* exact up to third order (McNamee & Stenger 1967) */
static void by_axes(task *t, const normal *o) {
  int K = t->p->n_active;
  double z[MAX] = {0}, far = sqrt(K);
  for (int a = 0; a < K; a++) {
    for (int side = -1; side <= 1; side += 2) {
      z[a] = side * far;
      add_point(t, o, z, 0.5 / K);
    }
    z[a] = 0;
  }
}

/* points on circles about the mean (Stroud & Secrest 1963): of fifth order and of seventh, seven
 * and twelve of them where a product has nine and twenty-five */
static void by_hexagon(task *t, const normal *o) {
  const double z[MAX] = {0}, half_root3 = 0.8660254037844386;
  const double at[6][2] = {{2, 0},  {1, 2 * half_root3},   {-1, 2 * half_root3},
                           {-2, 0}, {-1, -2 * half_root3}, {1, -2 * half_root3}};
  add_point(t, o, z, 0.5);
  for (int q = 0; q < 6; q++) add_point(t, o, at[q], 1.0 / 12);
}

static void by_twelve(task *t, const normal *o) {
  const double far = sqrt(6), root5 = sqrt(5);
  const double near[2] = {sqrt((9 - 3 * root5) / 4), sqrt((9 + 3 * root5) / 4)};
  const double weight[2] = {(5 + 2 * root5) / 45, (5 - 2 * root5) / 45};
  for (int side = -1; side <= 1; side += 2)
    for (int a = 0; a < 2; a++) {
      double z[2] = {0, 0};
      z[a] = side * far;
      add_point(t, o, z, 1.0 / 36);
    }
  for (int ring = 0; ring < 2; ring++)
    for (int q = 0; q < 4; q++) {
      const double z[2] = {q & 1 ? near[ring] : -near[ring], q & 2 ? near[ring] : -near[ring]};
      add_point(t, o, z, weight[ring]);
    }
}

static void by_product(task *t, const normal *o, const double *along) {
  int K = t->p->n_active, rule[MAX], index[MAX] = {0}, a = 0;
  const vb_rules *r = t->rules;
  for (int b = 0; b < K; b++) rule[b] = vb_rule_index(along[b]);
  while (a < K) {
    double z[MAX], weight = 1;
    for (int b = 0; b < K; b++) {
      z[b] = r->node[r->first[rule[b]] + index[b]];
      weight *= r->weight[r->first[rule[b]] + index[b]];
    }
    add_point(t, o, z, weight);
    for (a = 0; a < K && ++index[a] == r->order[rule[a]]; a++) index[a] = 0;
  }
}

static void held_etas(const task *t, double *eta) {
  const vb_predictors *p = t->p;
  for (int k = 0; k < p->n_par; k++)
    if (p->held[k] >= 0) eta[k] = vb_link(vb_several_link(p->of, k), t->par[p->held[k]]);
}

/* observation i of rows whose predictors have means m and variances v */
static void by_quadrature(task *t, const vb_rows *rows, const double *m, const double *v, int i) {
  const vb_predictors *p = t->p;
  size_t first = (size_t)i * p->width;
  double cov[VB_MAX_WIDTH], along[MAX];
  normal o = {i,    p->of->n_y ? p->of->n_y : p->n_active, rows->y + first, rows->w[first], {0},
              {{0}}};
  held_etas(t, o.eta);
  for (int a = 0; a < p->n_active; a++) o.eta[p->active[a]] = m[first + a];
  vb_row_covariances(p->n_active, v + first, cov);
  factor(p->n_active, cov, o.root);
  double most = spread_along(t, &o, along);
  if (most <= 0)
    by_point(t, &o);
  else if (most < NARROW)
    by_axes(t, &o);
  else if (p->n_active == 2 && most < FIFTH)
    by_hexagon(t, &o);
  else if (p->n_active == 2 && most < SEVENTH)
    by_twelve(t, &o);
  else
    by_product(t, &o, along);
}

/* all at once, one point each, whose covariances go along */
static void by_closed_form(task *t, const vb_rows *rows, const double *m, const double *v) {
  const vb_predictors *p = t->p;
  points *at = t->at;
  int n = rows->n / p->width, K = p->n_par, pairs = vb_width(K);
  double cov[VB_MAX_WIDTH][OBSERVATIONS], one[VB_MAX_WIDTH], eta[MAX];
  const double *covs[VB_MAX_WIDTH];
  double *y[MAX], *etas[MAX], *d1[MAX], *d2[VB_MAX_WIDTH];
  columns(at->y, MAX, y);
  columns(at->eta, MAX, etas);
  columns(at->d1, MAX, d1);
  columns(at->d2, VB_MAX_WIDTH, d2);
  for (int k = 0; k < pairs; k++) covs[k] = cov[k];
  memset(cov, 0, sizeof(double) * OBSERVATIONS * pairs);
  held_etas(t, eta);
  for (int i = 0; i < n; i++) {
    size_t first = (size_t)i * p->width;
    at->y[0][i] = rows->y[first];
    at->w[i] = rows->w[first];
    for (int k = 0; k < K; k++) at->eta[k][i] = eta[k];
    for (int a = 0; a < p->n_active; a++) at->eta[p->active[a]][i] = m[first + a];
    vb_row_covariances(p->n_active, v + first, one);
    for (int k = 0; k < p->width; k++) cov[p->place[k]][i] = one[k];
  }
  const vb_several_at all = {n, (const double *const *)y, at->w, (const double *const *)etas};
  p->of->expect(K, &all, covs, at->ll, t->slopes ? d1 : NULL, t->slopes ? d2 : NULL);
  for (int i = 0; i < n; i++) {
    t->to[i].ll = at->ll[i];
    for (int k = 0; k < K && t->slopes; k++) t->to[i].d1[k] = at->d1[k][i];
    for (int k = 0; k < pairs && t->slopes; k++) t->to[i].d2[k] = at->d2[k][i];
  }
}

static void expect_block(task *t, const vb_rows *rows, const double *m, const double *v) {
  int n = rows->n / t->p->width;
  t->at->n = 0;
  if (t->p->of->expect) {
    by_closed_form(t, rows, m, v);
    return;
  }
  memset(t->to, 0, sizeof(sums) * n);
  for (int i = 0; i < n; i++) by_quadrature(t, rows, m, v, i);
  if (t->at->n) add_points(t);
}

/* to what its rows have of it: ll, g = E f', h = -E f'' */
static void to_rows(const vb_predictors *p, const sums *s, double *ll, double *g, double *h) {
  double pairs[VB_MAX_WIDTH];
  int K = p->n_active;
  for (int k = 0; k < p->width; k++) {
    ll[k] = k ? 0 : s->ll;
    if (g) g[k] = k < K ? s->d1[p->active[k]] : 0;
  }
  if (!h) return;
  for (int k = 0; k < p->width; k++) pairs[k] = -s->d2[p->place[k]];
  vb_polarise(K, pairs, h);
}

void vb_several_expect(const vb_several_of *by, const vb_rows *rows, const double *m,
                       const double *v, double *const out[3]) {
  const vb_predictors *p = by->model->family->several;
  sums to[OBSERVATIONS];
  points room;
  task t = {.p = p,
            .rules = by->model->rules,
            .par = by->par,
            .slopes = out[1] != NULL,
            .to = to,
            .at = &room};
  int step = OBSERVATIONS * p->width;
  for (int from = 0; from < rows->n; from += step) {
    int n = rows->n - from < step ? rows->n - from : step;
    const vb_rows some = vb_rows_range(rows, from, n);
    expect_block(&t, &some, m + from, v + from);
    for (int i = 0; i < n / p->width; i++) {
      size_t at = from + (size_t)i * p->width;
      to_rows(p, to + i, out[0] + at, out[1] ? out[1] + at : NULL, out[2] ? out[2] + at : NULL);
    }
  }
}

/* grad[k] += the sum over observations of the derivative in par[k], of what is in to */
static void add_held(const vb_predictors *p, const double *par, int n, const sums *to,
                     double *grad) {
  for (int k = 0; k < p->n_par; k++) {
    if (p->held[k] < 0) continue;
    double slope = vb_link_slope(vb_several_link(p->of, k), par[p->held[k]]);
    for (int i = 0; i < n; i++) grad[p->held[k]] += to[i].d1[k] * slope;
  }
}

void vb_several_par(const vb_model *model, const double *par, const vb_etas *e, double *grad) {
  const vb_predictors *p = model->family->several;
  sums to[OBSERVATIONS];
  points room;
  task t = {.p = p, .rules = model->rules, .par = par, .slopes = 1, .to = to, .at = &room};
  int step = OBSERVATIONS * p->width;
  for (int from = 0; from < model->n; from += step) {
    int n = model->n - from < step ? model->n - from : step;
    const vb_rows some = vb_rows_range(&model->rows, from, n);
    expect_block(&t, &some, e->m + from, e->v + from);
    add_held(p, par, n / p->width, to, grad);
  }
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
  int n = model->n / p->width, n_y = p->of->n_y ? p->of->n_y : p->n_active;
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

double vb_several_slope(const vb_family *family, const vb_rows *rows, const double *eta,
                        const double *par, int k) {
  const vb_predictors *p = family->several;
  double none[VB_MAX_WIDTH * OBSERVATIONS] = {0}, grad[VB_MAX_PAR] = {0};
  sums to[OBSERVATIONS];
  points room;
  task t = {.p = p, .par = par, .slopes = 1, .to = to, .at = &room};
  int step = OBSERVATIONS * p->width;
  for (int from = 0; from < rows->n; from += step) {
    int n = rows->n - from < step ? rows->n - from : step;
    const vb_rows some = vb_rows_range(rows, from, n);
    expect_block(&t, &some, eta + from, none);
    add_held(p, par, n / p->width, to, grad);
  }
  return grad[k];
}
