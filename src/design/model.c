/* From the user's rows to the engine's layout: centred, row-major, collapsed to cells, sorted by
 * the leaf. */
#include <math.h>
#include <string.h>
#include "design/design.h"

/* counting sort of items by key (0..n_key-1), stable; start has n_key + 1 entries */
static void sort_by(int n, const int *key, int n_key, int *start, int *order) {
  memset(start, 0, sizeof(int) * (n_key + 1));
  for (int i = 0; i < n; i++) start[key[i] + 1]++;
  for (int k = 0; k < n_key; k++) start[k + 1] += start[k];
  for (int i = 0; i < n; i++) order[start[key[i]]++] = i;
  for (int k = n_key; k > 0; k--) start[k] = start[k - 1];
  start[0] = 0;
}

static int is_field(const vb_input *in, int t) {
  for (int i = 0; i < in->n_field; i++)
    if (in->field[i].term == t) return 1;
  return 0;
}

/* levels that rows have: some of a field may be hidden, behind them */
static int seen_levels(const vb_input *in, int t) {
  int most = 0;
  for (int i = 0; i < in->n; i++)
    if (in->group[t][i] > most) most = in->group[t][i];
  return most;
}

/* The term with most levels is the leaf, or, if it is a field, which cannot be, sorts the cells:
 * which term that is, random ones first */
static int choose_leaf(const vb_input *in, vb_model *m) {
  int by = -1, most = 0;
  for (int t = 0; t < in->n_term; t++) {
    int n = is_field(in, t) ? seen_levels(in, t) : in->n_level[t];
    if (n > most) by = t;
    if (n > most) most = n;
  }
  int none = by < 0 || is_field(in, by);
  m->leaf = by < 0 ? -1 : none ? in->n_term : by;
  m->d_leaf = none ? 0 : in->d[by];
  m->n_front = by < 0 ? 1 : in->n_level[by];
  return by;
}

/* order[c] = row standing for cell c in leaf order */
static void leaf_order(const vb_host *host, const int *group, vb_model *m, int n_cell,
                       const int *first, int *order, int *rank) {
  int *key = host->alloc(n_cell + 1, sizeof(int)),
      *start = host->alloc(m->n_front + 1, sizeof(int));
  for (int c = 0; c < n_cell; c++) key[c] = group ? group[first[c]] - 1 : 0;
  int *sorted = host->alloc(n_cell + 1, sizeof(int));
  sort_by(n_cell, key, m->n_front, start, sorted);
  for (int c = 0; c < n_cell; c++) {
    order[c] = first[sorted[c]];
    rank[sorted[c]] = c;
  }
  m->row_start = start;
}

/* Columns become rows a block at a time, so that what is written to stays in cache. */
static void copy_columns(const vb_input *in, const vb_model *m, const int *order, double *x) {
  enum { ROWS = 256 };
  int n = m->n, p = m->n_dense;
  for (int from = 0; from < n; from += ROWS) {
    int to = n - from < ROWS ? n : from + ROWS;
    for (int r = 0; r < m->n_run; r++)
      for (int k = m->run[r].at; k < m->run[r].at + m->run[r].n; k++) {
        const double *col = in->x[k],
                     at = in->centred ? 0 : in->center[m->run[r].first + k - m->run[r].at];
        for (int c = from; c < to; c++) x[(size_t)c * p + k] = col[order[c]] - at;
      }
  }
}

static void copy_cells(const vb_host *host, const vb_input *in, vb_model *m, const int *order) {
  int n = m->n;
  vb_lay_bins(host, in, order, m);
  double *x = host->alloc((size_t)n * m->n_dense + 1, sizeof(double)),
         *offset = host->alloc(n + 1, sizeof(double));
  copy_columns(in, m, order, x);
  for (int c = 0; c < n; c++) offset[c] = in->offset[order[c]];
  m->x = x;
  m->offset = offset;
  m->term = host->alloc(m->n_term + 2, sizeof(vb_term));
  m->n_coef = m->p;
  for (int t = 0; t < m->n_term; t++) {
    vb_term *term = m->term + t;
    int d = in->d[t], *group = host->alloc(n + 1, sizeof(int));
    double *z = host->alloc((size_t)n * d + 1, sizeof(double));
    for (int c = 0; c < n; c++) group[c] = in->group[t][order[c]] - 1;
    for (int a = 0; a < d; a++)
      for (int c = 0; c < n; c++) z[(size_t)c * d + a] = in->z[t][order[c] + (size_t)a * in->n];
    for (int a = 0; a < d && in->shift && in->shift[t]; a++)
      for (int c = 0; c < n; c++) z[(size_t)c * d + a] -= in->shift[t][a] * z[(size_t)c * d];
    int *start = host->alloc(in->n_level[t] + 1, sizeof(int)),
        *row = host->alloc(n + 1, sizeof(int));
    sort_by(n, group, in->n_level[t], start, row);
    *term = (vb_term){.d = d,
                      .n_level = in->n_level[t],
                      .group = group,
                      .z = z,
                      .first = m->n_coef,
                      .core = -1,
                      .row_start = start,
                      .row = row,
                      .is_field = is_field(in, t)};
    m->n_coef += d * in->n_level[t];
  }
}

/* the place after the last term's: a leaf with the levels of one, and no coefficients */
static void add_leaf(const vb_term *by, vb_model *m) {
  vb_term *leaf = m->term + m->n_term;
  *leaf = *by;
  leaf->d = 0;
  leaf->first = m->n_coef;
}

static void sum_cells(const vb_host *host, const vb_input *in, vb_model *m, const int *cell) {
  double *y = host->alloc(m->n + 1, sizeof(double)), *w = host->alloc(m->n + 1, sizeof(double));
  for (int i = 0; i < in->n; i++) {
    y[cell[i]] = in->family->cells == 1 ? y[cell[i]] + in->rows.y[i] : in->rows.y[i];
    w[cell[i]] += in->rows.w[i];
  }
  m->rows = (vb_rows){m->n, y, w};
}

static void set_priors(const vb_host *host, const vb_input *in, vb_model *m) {
  m->prior_precision = host->alloc(m->p + 1, sizeof(double));
  m->prior_mean = host->alloc(m->p + 1, sizeof(double));
  m->site = host->alloc(m->p + 1, sizeof(vb_site));
  m->n_site = m->n_normal = 0;
  m->log_prior_constant = 0;
  for (int k = 0; k < m->p; k++) {
    const double *arg = in->prior_arg + 3 * k;
    const vb_prior *prior = in->prior[k];
    if (!prior) { /* the field's precision is theta's */
      m->log_prior_constant -= VB_LOG_2PI / 2;
    } else if (prior->gaussian && prior->proper) {
      m->prior_mean[k] = arg[0];
      m->prior_precision[k] = 1 / (arg[1] * arg[1]);
      m->log_prior_constant -= log(arg[1]) + VB_LOG_2PI / 2;
      m->n_normal++;
    } else if (prior->proper) {
      m->site[m->n_site++] = (vb_site){.k = k, .prior = prior, .arg = arg};
      m->ep |= prior->mix != NULL;
      m->log_prior_constant += prior->log_norm(arg);
    }
  }
}

/* Least squares of y on x, as origin for the residuals of identity links: differences of large
 * numbers never enter the sums of squares.  Any ridge will do: it moves the origin, not the answer.
 */
static void reference_fit(const vb_host *host, vb_model *m) {
  int p = m->n_dense, free = p; /* fields are about zero */
  for (int i = 0; i < m->n_field; i++)
    if (m->field[i].term < 0 && m->field[i].first < free) free = m->field[i].first;
  m->beta_ref = host->alloc(m->p + 1, sizeof(double));
  double *a = host->alloc((size_t)p * p + 1, sizeof(double)), *b = m->beta_ref;
  if (!m->family->identity) return;
  m->sum_log_w = 0;
  for (int i = 0; i < m->n; i++) m->sum_log_w += log(m->rows.w[i]);
  if (p) {
    vb_weighted_gram(m->n, p, m->x, p, m->rows.w, 0, a, p);
    double ridge = 1e-300;
    for (int k = 0; k < free; k++) ridge += a[k + (size_t)k * p] / p;
    for (int k = 0; k < free; k++) a[k + (size_t)k * p] += 1e-10 * ridge;
    for (int i = 0; i < m->n; i++)
      for (int k = 0; k < free; k++)
        b[k] += m->rows.w[i] * (m->rows.y[i] - m->offset[i]) * m->x[(size_t)i * p + k];
    if (vb_chol(free, a, p) == VB_OK)
      vb_chol_solve(free, a, p, 1, b, p);
    else
      memset(b, 0, sizeof(double) * p);
  }
}

static const int *one_intercept(const vb_host *host, const vb_input *in) {
  int *into = host->alloc(in->p + 1, sizeof(int));
  for (int k = 0; k < in->p; k++) into[k] = in->intercept;
  return into;
}

vb_status vb_model_build(const vb_host *host, const vb_input *in, int cores, vb_model *m,
                         int *cell) {
  memset(m, 0, sizeof *m);
  m->host = host;
  m->family = in->family;
  m->cores = cores;
  vb_rules *rules = host->alloc(1, sizeof(vb_rules));
  vb_rules_make(rules);
  m->rules = rules;
  m->n_par = in->n_par;
  m->p = in->p;
  m->n_term = in->n_term;
  m->constant = in->constant;
  m->intercept = in->intercept;
  m->center = in->center;
  m->into = in->into ? in->into : one_intercept(host, in);
  m->n_field = in->n_field;
  m->field = in->field;
  int by = choose_leaf(in, m);
  int *first = host->alloc(in->n + 1, sizeof(int)), *order = host->alloc(in->n + 1, sizeof(int));
  int *rank = host->alloc(in->n + 1, sizeof(int));
  m->n = vb_collapse(host, in, cell, first);
  leaf_order(host, by < 0 ? NULL : in->group[by], m, m->n, first, order, rank);
  for (int i = 0; i < in->n; i++) cell[i] = rank[cell[i]];
  copy_cells(host, in, m, order);
  if (m->leaf == m->n_term) add_leaf(m->term + by, m);
  m->n_free = m->n_coef;
  for (int i = 0; i < in->n_field; i++) m->n_free -= in->field[i].n_held;
  sum_cells(host, in, m, cell);
  set_priors(host, in, m);
  reference_fit(host, m);
  return VB_OK;
}
