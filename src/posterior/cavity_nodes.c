/* Leave-one-out over the nodes: with W the weights of theta given all rows, those given all but a
 * unit are W / p(y_unit | rest, theta), so that p(y_unit | rest) = 1 / sum_k W_k / p_k. */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "posterior/cavity.h"

#define POLL_EVERY 4096 /* rows */

static const vb_effort effort = {.tol = 1e-8, .max_sweep = 100, .inverse = 1};

typedef struct {
  const vb_model *m;
  const vb_units_out *units;
  vb_cavity_work work;
  vb_theta theta;
  vb_inner in;
  vb_block block;
  vb_others others;
  vb_held held;
  int *share;                                 /* rows of each cell */
  double *site_h, *ll, *gamma, *solved;       /* per cell, per cell; scratch */
  int *touched, *place;                       /* coefficients of a unit; n_coef, -1 elsewhere */
  double *gram, *value, *f, *f0, *k2;         /* of a unit, by its size */
  double *room, *eta, *g, *h, *v;             /* of a unit's rows */
  double *log_out, *log_in, *lambda, *change; /* of what a unit leaves out */
  double *ref_out, *ref_in, *sum[5];          /* per unit */
} leaver;

static int largest_unit(const vb_units_out *u) {
  int most = 1;
  for (int j = 0; j < u->n; j++)
    if (u->start[j + 1] - u->start[j] > most) most = u->start[j + 1] - u->start[j];
  return most;
}

static int n_left_out(const vb_units_out *u) { return u->by_row ? u->start[u->n] : u->n; }

static void leaver_alloc(leaver *d, const vb_hyper *hyper) {
  const vb_model *m = d->m;
  const vb_host *host = m->host;
  size_t rows = largest_unit(d->units), d_sum = m->p, n_row = d->units->start[d->units->n];
  for (int t = 0; t < m->n_term; t++) d_sum += rows * m->term[t].d;
  size_t k = d_sum < rows ? d_sum : rows; /* of the smaller basis */
  if (d_sum > (size_t)m->n_coef) d_sum = m->n_coef;
  vb_cavity_alloc(host, m, d->units->by_row ? (int)rows : 0, &d->work);
  vb_theta_alloc(host, hyper, &d->theta);
  vb_inner_alloc(m, &d->in);
  vb_block_alloc(m, &d->block);
  vb_others_alloc(m, d->units, &d->others);
  vb_held_alloc(m, n_left_out(d->units), &d->held);
  d->share = host->alloc(m->n + 1, sizeof(int));
  for (size_t i = 0; i < n_row; i++) d->share[d->units->cell[d->units->row[i]]]++;
  d->touched = host->alloc(d_sum + 1, sizeof(int));
  d->place = host->alloc(m->n_coef + 1, sizeof(int));
  for (int i = 0; i < m->n_coef; i++) d->place[i] = -1;
  double **per_row[] = {&d->eta,     &d->g,      &d->h,      &d->v,
                        &d->log_out, &d->log_in, &d->lambda, &d->change};
  d->room = host->alloc(rows + 1, VB_ROW_COLUMNS * sizeof(double));
  for (int i = 0; i < 8; i++) *per_row[i] = host->alloc(rows + 1, sizeof(double));
  double **per_cell[] = {&d->site_h, &d->ll};
  for (int i = 0; i < 2; i++) *per_cell[i] = host->alloc(m->n + 1, sizeof(double));
  d->solved = host->alloc(m->n_coef + 1, sizeof(double));
  d->gamma = host->alloc(k + 1, sizeof(double));
  d->value = host->alloc(k + 1, sizeof(double));
  d->gram = host->alloc(k * k + 1, sizeof(double));
  d->k2 = host->alloc(k * k + 1, sizeof(double));
  d->f = host->alloc(rows * k + 1, sizeof(double));
  d->f0 = host->alloc(rows * k + 1, sizeof(double));
  int n = n_left_out(d->units);
  d->ref_out = host->alloc(n + 1, sizeof(double));
  d->ref_in = host->alloc(n + 1, sizeof(double));
  for (int i = 0; i < 5; i++) d->sum[i] = host->alloc(n + 1, sizeof(double));
  for (int i = 0; i < n; i++) {
    d->ref_out[i] = INFINITY;
    d->ref_in[i] = -INFINITY;
  }
}

/* ---- A node ---- */

/* The Gaussian that its sites and the prior make, without what corrects it: with another mean or
 * another precision what is left after their removal would not be the prior. */
static vb_status enter_node(leaver *d, const vb_hyper *hyper, const vb_posterior *post, int s) {
  const vb_model *m = d->m;
  const double *x = post->x + (size_t)s * hyper->n_axis;
  double elbo;
  vb_status st;
  memcpy(d->block.m, post->mean + (size_t)s * m->n_coef, sizeof(double) * m->n_coef);
  if (post->effective) {
    st = vb_node_factor(post, s, x, 1, &d->theta, &d->in);
  } else {
    if (!m->quadratic) memcpy(d->block.h, post->h + (size_t)s * m->n, sizeof(double) * m->n);
    memcpy(d->block.site_h, post->site_h + (size_t)s * m->n_site, sizeof(double) * m->n_site);
    if (post->site_b)
      memcpy(d->block.site_b, post->site_b + (size_t)s * m->n_site, sizeof(double) * m->n_site);
    st = vb_theta_set(hyper, x, &d->theta);
    if (st == VB_OK) st = vb_inner_solve(m, &d->theta, &effort, &d->in, &d->block, &elbo);
  }
  if (st != VB_OK && st != VB_MAX_ITER) return st;
  st = vb_selected_inverse(m, NULL, &d->in.sol);
  if (st != VB_OK) return st;
  vb_linear_predictor(m, d->block.m, d->in.rows.eta);
  vb_row_variance(m, &d->in.sol, d->in.rows.v);
  const vb_etas e = vb_row_etas(&d->in.rows);
  vb_expect(m, d->theta.par, &e, d->ll, d->in.rows.g, d->in.rows.h);
  const double *h = m->quadratic ? d->in.rows.h : d->block.h; /* that made S */
  if (post->effective && !m->quadratic) h = post->h + (size_t)s * m->n;
  memcpy(d->site_h, h, sizeof(double) * m->n);
  return vb_held_enter(m, &d->theta, &d->in, &d->held);
}

/* ---- A unit ---- */

static void unit_rows(leaver *d, const int *row, int n) {
  const vb_units_out *u = d->units;
  const vb_family *f = d->m->family;
  for (int i = 0; i < n; i++) {
    int r = row[i], c = u->cell[r];
    d->eta[i] = d->in.rows.eta[c];
    d->v[i] = d->in.rows.v[c];
    d->g[i] = d->in.rows.g[c];
    d->h[i] = d->site_h[c];
    if (d->share[c] == 1) continue;
    double own[3]; /* of a row that was added to others */
    vb_rows one = vb_rows_range(&u->rows, r, 1);
    vb_expect_wide(&(vb_row_at){f, &one, d->theta.par, d->eta[i], d->v[i]}, 3, own);
    double made = d->in.rows.h[c]; /* the cell's; S was made of one that may differ in the end */
    d->g[i] = own[1];
    d->h[i] = -own[2] * (made != 0 ? d->site_h[c] / made : 1);
  }
}

/* the coefficients of a unit's rows, and where each is among them */
static int touch(leaver *d, const int *row, int n) {
  const vb_model *m = d->m;
  int k = 0;
  for (int i = 0; i < m->p; i++) {
    d->place[i] = k;
    d->touched[k++] = i;
  }
  for (int i = 0; i < n; i++)
    for (int t = 0; t < m->n_term; t++) {
      const vb_term *term = m->term + t;
      int first = term->first + term->group[d->units->cell[row[i]]] * term->d;
      for (int a = first; a < first + term->d; a++) {
        if (d->place[a] >= 0) continue;
        d->place[a] = k;
        d->touched[k++] = a;
      }
    }
  return k;
}

/* covariance of the rows' predictors or, where they are fewer, of their coefficients, in gram */
static vb_status covariance(leaver *d, const int *row, int k, int by_row) {
  const vb_model *m = d->m;
  for (int a = 0; a < k; a++) {
    if (by_row) {
      vb_design_row_put(m, d->units->cell[row[a]], d->solved);
    } else {
      memset(d->solved, 0, sizeof(double) * m->n_coef);
      d->solved[d->touched[a]] = 1;
    }
    vb_status st = vb_solve(m, &d->in.sol, d->solved);
    if (st != VB_OK) return st;
    for (int b = 0; b < k; b++)
      d->gram[b + (size_t)a * k] = by_row ? vb_design_row_dot(m, d->units->cell[row[b]], d->solved)
                                          : d->solved[d->touched[b]];
  }
  return VB_OK;
}

/* rows x k: F with F F' the covariance of the predictors, and F' H F diagonal */
static vb_status unit_axes(leaver *d, const int *row, int n, int *k_out) {
  const vb_model *m = d->m;
  int n_touched = touch(d, row, n), by_row = n <= n_touched, k = by_row ? n : n_touched;
  for (int a = 0; a < n_touched; a++) d->place[d->touched[a]] = -1;
  *k_out = k;
  vb_status st = covariance(d, row, k, by_row);
  if (st == VB_OK) st = vb_eigen(k, d->gram, k, d->value);
  if (st != VB_OK) return st;
  for (int a = 0; a < k; a++) {
    double *root = d->gram + (size_t)a * k, s = sqrt(fmax(d->value[a], 0));
    for (int b = 0; b < k; b++) root[b] *= s;
    if (!by_row) {
      memset(d->solved, 0, sizeof(double) * m->n_coef);
      for (int b = 0; b < k; b++) d->solved[d->touched[b]] = root[b];
    }
    for (int i = 0; i < n; i++)
      d->f0[i + (size_t)a * n] =
          by_row ? root[i] : vb_design_row_dot(m, d->units->cell[row[i]], d->solved);
  }
  for (int a = 0; a < k; a++)
    for (int b = 0; b <= a; b++) {
      double sum = 0;
      for (int i = 0; i < n; i++)
        sum += d->f0[i + (size_t)a * n] * d->h[i] * d->f0[i + (size_t)b * n];
      d->k2[a + (size_t)b * k] = d->k2[b + (size_t)a * k] = sum;
    }
  st = vb_eigen(k, d->k2, k, d->value);
  if (st == VB_OK) vb_gemm_nn(n, k, k, 1, d->f0, n, d->k2, k, 0, d->f, n);
  return st;
}

static vb_status unit_changes(leaver *d, const vb_unit *unit, const int *row) {
  vb_at_node node = {.in = &d->in, .theta = &d->theta, .h = d->site_h};
  vb_status st = VB_OK;
  for (int i = 0; i < unit->n && st == VB_OK && !d->m->family->quadratic; i++)
    st = vb_cavity_change(&d->others, &node, d->work.family, unit, row, i, d->change + i);
  return st;
}

/* into log_out, log_in, lambda and, where it is wanted, change; how many values each has.  first:
 * place of the first among all */
static vb_status leave_out(leaver *d, int j, int first, int changes, int *n_out) {
  const int *row = d->units->row + d->units->start[j];
  int n = d->units->start[j + 1] - d->units->start[j], k = 1;
  unit_rows(d, row, n);
  if (n == 1) {
    vb_predicted at = {d->eta, d->v, d->g, d->h};
    int pin = d->held.by[first] - 1;
    if (pin >= 0) vb_held_release(d->m, &d->held, d->block.m, pin, d->units->cell[row[0]], &at);
    d->f[0] = sqrt(d->v[0]);
    d->value[0] = d->h[0] * d->v[0];
  } else {
    vb_status st = unit_axes(d, row, n, &k);
    if (st != VB_OK) return st;
  }
  vb_unit unit = {.n = n,
                  .k = k,
                  .rows = vb_rows_gather(&d->units->rows, n, row, d->room),
                  .eta = d->eta,
                  .g = d->g,
                  .h = d->h,
                  .f = d->f,
                  .lambda = d->value,
                  .v = d->v};
  (d->units->by_row ? vb_cavity_rows : vb_cavity_unit)(&d->work, &unit, d->theta.par, d->gamma,
                                                       d->log_out, d->log_in);
  const vb_family *f = d->work.family;
  for (int i = 0; i < n && f->base; i++) {
    double base;
    int at = d->units->by_row ? i : 0;
    vb_rows one = vb_rows_range(&unit.rows, i, 1);
    f->base(&one, d->theta.par, &base);
    d->log_out[at] += base;
    d->log_in[at] += base;
  }
  *n_out = d->units->by_row ? n : 1;
  for (int i = 0; i < *n_out; i++)
    d->lambda[i] = d->units->by_row ? d->h[i] * d->v[i] : d->value[k - 1];
  vb_status st = changes && (n == 1 || d->units->by_row) ? unit_changes(d, &unit, row) : VB_OK;
  for (int i = 0; i < *n_out && n > 1; i++) /* with others there is nothing but another fit */
    if (d->held.by[first + i]) d->change[i] = INFINITY;
  return st;
}

/* ---- Over the nodes ---- */

/* Sums are relative to the largest of their terms so far, the least density given the others and
 * the largest given all.  A node without a cavity adds to neither. */
static void add_node(leaver *d, int j, double w, double log_out, double log_in) {
  double positive = fmax(w, 0), *sum[5];
  if (!isfinite(log_out) || !isfinite(log_in)) return;
  for (int i = 0; i < 5; i++) sum[i] = d->sum[i] + j;
  if (log_out < d->ref_out[j]) {
    double by = exp(log_out - d->ref_out[j]);
    *sum[0] *= by, *sum[1] *= by, *sum[2] *= by * by;
    d->ref_out[j] = log_out;
  }
  if (log_in > d->ref_in[j]) {
    double by = exp(d->ref_in[j] - log_in);
    *sum[3] *= by, *sum[4] *= by;
    d->ref_in[j] = log_in;
  }
  double out = exp(d->ref_out[j] - log_out), in = exp(log_in - d->ref_in[j]);
  *sum[0] += w * out;
  *sum[1] += positive * out;
  *sum[2] += positive * positive * out * out;
  *sum[3] += w * in;
  *sum[4] += positive * in;
}

/* Weights of the interpolation may be negative: where the integrand changes so much between nodes
 * that their sum is no average any more, those that are not. */
static double average(double signed_sum, double positive_sum, double positive) {
  double least = positive_sum / positive / 4;
  return signed_sum > least ? signed_sum : positive_sum / positive;
}

vb_status vb_cavity(const vb_posterior *post, const vb_units_out *units, vb_cavity_result *out) {
  const vb_model *m = post->model;
  const vb_hyper *hyper = post->hyper;
  leaver d = {.m = m, .units = units};
  leaver_alloc(&d, hyper);
  double positive = 0, positive2 = 0;
  int n = n_left_out(units), heaviest = 0;
  for (int s = 0; s < post->n; s++)
    if (post->weight[s] > post->weight[heaviest]) heaviest = s;
  if (m->n_pin) {
    vb_status st = enter_node(&d, hyper, post, heaviest);
    if (st != VB_OK) return st;
    vb_held_find(m, units, d.site_h, d.share, &d.held);
  }
  for (int s = 0; s < post->n; s++) {
    double w = post->weight[s];
    if (!vb_node_counts(post, s)) continue;
    vb_status st = enter_node(&d, hyper, post, s);
    if (st != VB_OK) return st;
    positive += fmax(w, 0);
    positive2 += fmax(w, 0) * fmax(w, 0);
    for (int j = 0, at = 0, polled = 0; j < units->n; j++) {
      int n_out;
      st = leave_out(&d, j, at, s == heaviest && !out->node, &n_out);
      if (st != VB_OK) return st;
      for (int i = 0; i < n_out; i++, at++) {
        add_node(&d, at, w, d.log_out[i], d.log_in[i]);
        if (out->node) out->node[at + (size_t)s * n] = d.log_out[i];
        if (s == heaviest) out->change[at] = d.change[i];
        if (w > 0) out->lambda[at] += w * (isfinite(d.log_out[i]) ? d.lambda[i] : INFINITY);
      }
      if (units->start[j + 1] - polled < POLL_EVERY) continue;
      polled = units->start[j + 1];
      if (m->host->poll()) return VB_INTERRUPTED;
    }
    if (m->host->poll()) return VB_INTERRUPTED;
  }
  double before = positive * positive / positive2;
  for (int j = 0; j < n; j++) {
    int found = d.sum[1][j] > 0;
    out->log_out[j] = d.ref_out[j] - log(average(d.sum[0][j], d.sum[1][j], positive));
    out->log_in[j] = d.ref_in[j] + log(average(d.sum[3][j], d.sum[4][j], positive));
    out->lambda[j] /= positive;
    out->share[j] = found ? d.sum[1][j] * d.sum[1][j] / d.sum[2][j] / before : 0;
    if (!found) out->log_out[j] = out->log_in[j] = NAN;
  }
  return VB_OK;
}
