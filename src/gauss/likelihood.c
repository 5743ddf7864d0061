/* The log likelihood and its gradient at many coefficient vectors at once.  Cells are taken block
 * by block, so that a block's rows of X serve all points while they are in the cache: eta is one
 * product, X beta, and the block's share of the gradient another, X' d1. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "gauss/gauss.h"
#include "gauss/likelihood.h"
#include "gauss/several.h"

#define ROWS 256
#define LONG_ROWS 16384 /* of opaque families, whose calls are dear: one point at a time */
#define MANY 4          /* points from which the blocked product pays */
#define STEP 1e-4       /* of their differences, in units of eta and of a parameter */

/* ---- Cells ---- */

typedef struct {
  double y, w;
} pair;

static int by_pair(const void *a, const void *b) {
  const pair *s = a, *t = b;
  return s->y != t->y ? (s->y > t->y) - (s->y < t->y) : (s->w > t->w) - (s->w < t->w);
}

/* base sees y and w alone: equal pairs once */
static void distinct_pairs(const vb_model *m, vb_cells *cells) {
  const vb_host *host = m->host;
  pair *p = host->alloc(m->n + 1, sizeof *p);
  double *y = host->alloc(m->n + 1, sizeof *y), *w = host->alloc(m->n + 1, sizeof *w);
  const vb_rows *rows = &m->rows;
  double *count = host->alloc(m->n + 1, sizeof *count);
  for (int i = 0; i < m->n; i++) p[i] = (pair){m->family->identity ? 0 : rows->y[i], rows->w[i]};
  qsort(p, m->n, sizeof *p, by_pair);
  int n = 0;
  for (int i = 0; i < m->n; i++) {
    if (!i || by_pair(p + i - 1, p + i)) {
      y[n] = p[i].y;
      w[n++] = p[i].w;
    }
    count[n - 1]++;
  }
  cells->base = (vb_rows){n, y, w};
  cells->base_count = count;
}

void vb_likelihood_make(const vb_model *m, const vb_hyper *hyper, int points, vb_likelihood *l) {
  const vb_host *host = m->host;
  int opaque = m->family->opaque, rows = opaque ? LONG_ROWS : ROWS;
  memset(l, 0, sizeof *l);
  l->model = m;
  l->hyper = hyper;
  l->points = opaque ? 1 : points;
  l->rows = rows < m->n ? rows - rows % vb_family_width(m->family) : m->n;
  size_t block = (size_t)l->rows * l->points, three = 3 * (size_t)l->rows;
  l->eta = host->alloc(block + 1, sizeof(double));
  l->d1 = host->alloc(block + 1, sizeof(double));
  l->ll = host->alloc(three + 1, sizeof(double));
  if (m->n_bins) l->x = host->alloc((size_t)l->rows * m->p + 1, sizeof(double));
  if (opaque) {
    l->rows3 = host->alloc(three + 1, VB_ROW_COLUMNS * sizeof(double));
    l->eta3 = host->alloc(three + 1, sizeof(double));
  }
  const int **group = host->alloc(m->n_term + 1, sizeof *group);
  const double **z = host->alloc(m->n_term + 1, sizeof *z);
  for (int k = 0; k < m->n_term; k++) {
    group[k] = m->term[k].group;
    z[k] = m->term[k].z;
  }
  l->all = (vb_cells){
      .scale = 1, .rows = m->rows, .offset = m->offset, .x = m->x, .group = group, .z = z};
  if (m->family->base) distinct_pairs(m, &l->all);
  l->at = &l->all;
}

static void sample_alloc(vb_likelihood *l, int n_unit, int cap) {
  const vb_model *m = l->model;
  const vb_host *host = m->host;
  l->pick = host->alloc(cap, sizeof(int));
  l->own = host->alloc((size_t)cap * (VB_ROW_COLUMNS + 2 + m->p), sizeof(double));
  l->own_z = host->alloc(m->n_term + 1, sizeof *l->own_z);
  l->own_group = host->alloc(m->n_term + 1, sizeof *l->own_group);
  l->some_z = host->alloc(m->n_term + 1, sizeof *l->some_z);
  l->some_group = host->alloc(m->n_term + 1, sizeof *l->some_group);
  for (int k = 0; k < m->n_term; k++) {
    l->some_z[k] = l->own_z[k] = host->alloc((size_t)cap * m->term[k].d, sizeof(double));
    l->some_group[k] = l->own_group[k] = host->alloc(cap, sizeof(int));
  }
  if (!l->order) {
    l->order = host->alloc(n_unit, sizeof(int));
    for (int i = 0; i < n_unit; i++) l->order[i] = i;
  }
  l->cap_some = cap;
}

/* the first n of pick are all of a sample's cells */
static void take_cells(vb_likelihood *l, int n, double scale) {
  const vb_model *m = l->model;
  size_t cap = l->cap_some, p = m->p;
  double *offset = l->own + VB_ROW_COLUMNS * cap, *one = offset + cap, *x = one + cap;
  for (int i = 0; i < n; i++) {
    int from = l->pick[i];
    offset[i] = m->offset[from];
    one[i] = 1;
    memcpy(x + i * p, m->x + from * p, sizeof(double) * p);
  }
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    size_t d = t->d;
    for (int i = 0; i < n; i++) {
      int from = l->pick[i];
      l->own_group[k][i] = t->group[from];
      memcpy(l->own_z[k] + i * d, t->z + from * d, sizeof(double) * d);
    }
  }
  vb_rows rows = vb_rows_gather(&m->rows, n, l->pick, l->own);
  l->some = (vb_cells){.scale = scale,
                       .rows = rows,
                       .offset = offset,
                       .x = x,
                       .group = l->some_group,
                       .z = l->some_z,
                       .base = rows,
                       .base_count = one};
}

/* a cell, or all of a level, behind the n there are; how many there are then */
static int pick_unit(vb_likelihood *l, const vb_term *by, int unit, int n) {
  if (!by) l->pick[n++] = unit;
  for (int i = by ? by->row_start[unit] : 0; by && i < by->row_start[unit + 1]; i++)
    l->pick[n++] = by->row[i];
  return n;
}

/* The first entries of a shuffle (Fisher & Yates), which is taken back, so that a sample is a
 * function of its uniforms alone. */
void vb_likelihood_subsample(vb_likelihood *l, int size, const double *uniform) {
  const vb_model *m = l->model;
  const vb_term *by = l->by > 0 ? m->term + l->by - 1 : NULL;
  int n_unit = by ? by->n_level : m->n, need = by ? m->n : size, n = 0;
  l->at = &l->all;
  if (size <= 0 || size >= n_unit) return;
  if (need > l->cap_some) sample_alloc(l, n_unit, need);
  for (int back = 0; back < 2; back++)
    for (int t = 0; t < size; t++) {
      int i = back ? size - 1 - t : t, j = i + (int)(uniform[i] * (n_unit - i));
      if (j > n_unit - 1) j = n_unit - 1;
      int first = l->order[i];
      l->order[i] = l->order[j];
      l->order[j] = first;
      if (!back) n = pick_unit(l, by, l->order[i], n);
    }
  take_cells(l, n, (double)n_unit / size);
  l->at = &l->some;
}

/* ---- One block ---- */

typedef struct { /* of cells */
  int from;
  vb_rows rows;
} span;

/* four sums, since one would be a chain of latencies */
static double dot(int n, const double *a, const double *b) {
  double s[4] = {0};
  int i = 0;
  for (; i <= n - 4; i += 4) {
    s[0] += a[i] * b[i];
    s[1] += a[i + 1] * b[i + 1];
    s[2] += a[i + 2] * b[i + 2];
    s[3] += a[i + 3] * b[i + 3];
  }
  for (; i < n; i++) s[0] += a[i] * b[i];
  return (s[0] + s[1]) + (s[2] + s[3]);
}

/* eta (n x n_point) += X beta, x the block's rows */
static void add_fixed(const vb_likelihood *l, const double *x, int n, int n_point,
                      const double *c) {
  int p = l->model->p, n_coef = l->model->n_coef;
  if (n_point >= MANY) {
    vb_gemm_tn(n, n_point, p, 1, x, p, c, n_coef, 1, l->eta, l->rows);
    return;
  }
  for (int k = 0; k < n_point; k++) {
    double *eta = l->eta + (size_t)k * l->rows;
    for (int i = 0; i < n; i++) eta[i] += dot(p, x + (size_t)i * p, c + (size_t)k * n_coef);
  }
}

/* g (p x n_point) += scale X' d1 */
static void add_fixed_gradient(const vb_likelihood *l, const double *x, int n, int n_point,
                               double *g) {
  int p = l->model->p, n_coef = l->model->n_coef;
  double scale = l->at->scale;
  if (n_point >= MANY) {
    vb_gemm_nn(p, n_point, n, scale, x, p, l->d1, l->rows, 1, g, n_coef);
    return;
  }
  for (int k = 0; k < n_point; k++, g += n_coef) {
    const double *d1 = l->d1 + (size_t)k * l->rows, *row = x;
    for (int i = 0; i < n; i++, row += p)
      for (int j = 0; j < p; j++) g[j] += scale * d1[i] * row[j];
  }
}

static const double *columns_of(const vb_likelihood *l, span s) {
  const vb_model *m = l->model;
  if (!m->n_bins) return l->at->x + (size_t)s.from * m->p;
  vb_x_copy(m, s.from, s.rows.n, l->x); /* of all cells: samples are ADVI's, which has no bins */
  return l->x;
}

static void linear_predictor(const vb_likelihood *l, span s, int n_point, const double *c) {
  const vb_model *m = l->model;
  const vb_cells *cells = l->at;
  int n_coef = m->n_coef;
  for (int k = 0; k < n_point; k++)
    memcpy(l->eta + (size_t)k * l->rows, cells->offset + s.from, sizeof(double) * s.rows.n);
  if (m->p) add_fixed(l, columns_of(l, s), s.rows.n, n_point, c);
  for (int t = 0; t < m->n_term; t++) {
    int d = m->term[t].d;
    const int *group = cells->group[t] + s.from;
    const double *z = cells->z[t] + (size_t)s.from * d;
    for (int k = 0; k < n_point; k++) {
      const double *u = c + (size_t)k * n_coef + m->term[t].first;
      double *eta = l->eta + (size_t)k * l->rows;
      for (int i = 0; i < s.rows.n && d == 1; i++) eta[i] += z[i] * u[group[i]];
      for (int i = 0; i < s.rows.n && d > 1; i++)
        for (int a = 0; a < d; a++) eta[i] += z[i * d + a] * u[group[i] * d + a];
    }
  }
}

/* g <- g + scale A' d1 */
static void add_gradient(const vb_likelihood *l, span s, int n_point, double *g) {
  const vb_model *m = l->model;
  const vb_cells *cells = l->at;
  int n_coef = m->n_coef;
  if (m->p) add_fixed_gradient(l, columns_of(l, s), s.rows.n, n_point, g);
  for (int t = 0; t < m->n_term; t++) {
    int d = m->term[t].d;
    const int *group = cells->group[t] + s.from;
    const double *z = cells->z[t] + (size_t)s.from * d;
    for (int k = 0; k < n_point; k++) {
      double *u = g + (size_t)k * n_coef + m->term[t].first;
      const double *d1 = l->d1 + (size_t)k * l->rows;
      for (int i = 0; i < s.rows.n && d == 1; i++) u[group[i]] += cells->scale * d1[i] * z[i];
      for (int i = 0; i < s.rows.n && d > 1; i++)
        for (int a = 0; a < d; a++) u[group[i] * d + a] += cells->scale * d1[i] * z[i * d + a];
    }
  }
}

/* log density and slope of a family of which only values are had: three predictors in one call */
static void opaque_log_lik(vb_likelihood *l, span s, const double *eta, const double *par,
                           double *d1) {
  const vb_family *family = l->model->family;
  double h = STEP * family->unit;
  int copies = d1 ? 3 : 1;
  vb_rows rows = vb_rows_rep(&s.rows, 1, copies, l->rows3);
  for (int k = 0; k < copies; k++)
    for (int i = 0; i < s.rows.n; i++)
      l->eta3[k * s.rows.n + i] = eta[i] + (k == 1 ? h : k == 2 ? -h : 0);
  family->log_lik(family, &rows, l->eta3, par, l->ll, NULL, NULL);
  const double *up = l->ll + s.rows.n, *down = up + s.rows.n, *eta_up = l->eta3 + s.rows.n;
  for (int i = 0; i < s.rows.n && d1; i++)
    d1[i] = (up[i] - down[i]) / (eta_up[i] - eta_up[i + s.rows.n]); /* the step as it was rounded */
}

static double opaque_slope(vb_likelihood *l, span s, const double *eta, const double *par, int k) {
  const vb_family *family = l->model->family;
  int domain = family->domain[k];
  double side[VB_MAX_PAR + 1], sum = 0, p = par[k];
  double unit = domain == VB_POSITIVE ? p : domain == VB_REAL ? 1 + fabs(p) : p * (1 - p);
  memcpy(side, par, sizeof side);
  for (int up = 1; up >= -1; up -= 2) {
    side[k] = p + up * STEP * unit;
    family->log_lik(family, &s.rows, eta, side, l->ll, NULL, NULL);
    for (int i = 0; i < s.rows.n; i++) sum += up * l->ll[i];
  }
  return sum / (2 * STEP * unit);
}

/* d / d par[k]; one that is held moves nothing, but thresholds may stand on each other */
static double slope(vb_likelihood *l, span s, const double *eta, const double *par, int k) {
  const vb_family *family = l->model->family;
  int held = l->hyper->natural[l->hyper->first_par + k].axis < 0;
  if (held && !family->thresholds) return 0;
  if (family->opaque) return opaque_slope(l, s, eta, par, k);
  double sum = 0;
  if (family->several) return vb_several_slope(l->model, &s.rows, eta, par, k);
  family->log_lik_par(&s.rows, eta, par, k, l->ll);
  for (int i = 0; i < s.rows.n; i++) sum += l->ll[i];
  return sum;
}

static void add_block(vb_likelihood *l, span s, const vb_points *of) {
  const vb_model *m = l->model;
  double scale = l->at->scale;
  linear_predictor(l, s, of->n, of->c);
  for (int k = 0; k < of->n; k++) {
    const double *eta = l->eta + (size_t)k * l->rows, *par = of->theta[k].par;
    double *d1 = of->g ? l->d1 + (size_t)k * l->rows : NULL, sum = 0;
    if (m->family->opaque)
      opaque_log_lik(l, s, eta, par, d1);
    else
      m->family->log_lik(m->family, &s.rows, eta, par, l->ll, d1, NULL);
    for (int i = 0; i < s.rows.n; i++) sum += l->ll[i];
    of->value[k] += scale * sum;
    for (int j = 0; j < m->n_par && of->g; j++)
      of->d_par[k * VB_MAX_PAR + j] += scale * slope(l, s, eta, par, j);
  }
  if (of->g) add_gradient(l, s, of->n, of->g);
}

/* With the identity link base is a(par) + b(w), and all its y are one. */
static double base(vb_likelihood *l, const double *par) {
  const vb_cells *cells = l->at;
  const vb_family *family = l->model->family;
  double sum = 0;
  for (int from = 0; family->base && from < cells->base.n; from += l->rows) {
    int n = cells->base.n - from < l->rows ? cells->base.n - from : l->rows;
    vb_rows rows = vb_rows_range(&cells->base, from, n);
    family->base(&rows, par, l->ll);
    for (int i = 0; i < n; i++) sum += cells->base_count[from + i] * l->ll[i];
  }
  return cells->scale * sum;
}

void vb_likelihood_eval(vb_likelihood *l, const vb_points *all) {
  const vb_cells *cells = l->at;
  for (int k = 0; k < all->n; k++) all->value[k] = base(l, all->theta[k].par);
  for (int k = 0; k < all->n; k += l->points) {
    size_t at = (size_t)k * l->model->n_coef;
    vb_points of = {.n = all->n - k < l->points ? all->n - k : l->points,
                    .c = all->c + at,
                    .theta = all->theta + k,
                    .value = all->value + k,
                    .g = all->g ? all->g + at : NULL,
                    .d_par = all->g ? all->d_par + (size_t)k * VB_MAX_PAR : NULL};
    for (int from = 0; from < cells->rows.n; from += l->rows) {
      int n = cells->rows.n - from < l->rows ? cells->rows.n - from : l->rows;
      add_block(l, (span){from, vb_rows_range(&cells->rows, from, n)}, &of);
    }
  }
}

double vb_log_prior_coef(const vb_model *m, const vb_theta *theta, const double *c, double *work,
                         double *g) {
  double quadratic = vb_prior_quadratic(m, theta, c, work);
  double value = m->log_prior_constant - (m->n_free - m->p) * VB_LOG_2PI / 2 +
                 (vb_prior_log_det(m, theta) - quadratic) / 2;
  for (int i = 0; i < m->n_coef && g; i++) g[i] -= work[i];
  for (int i = 0; i < m->n_site; i++) {
    const vb_site *site = m->site + i;
    double ll, d1, d2;
    if (site->prior->mix) continue;
    site->prior->log_density(1, c + site->k, site->arg, &ll, &d1, &d2);
    value += ll;
    if (g) g[site->k] += d1;
  }
  return value;
}
