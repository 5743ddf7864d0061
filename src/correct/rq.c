/* Residual quadrature: what the Gaussian q(c | theta) leaves of log p(y | theta) (mathematics.Rmd,
 * section 7). At the optimum the remainder r_i = log f_i - g_i (eta - m) + h_i (eta - m)^2 / 2 has
 * no first or second Hermite coefficient, and log p = L + log E exp sum (r_i - E r_i).  The
 * expectation is taken site by site and level by level along each level's own predictor t = sum h_i
 * z_i (x_i' beta + z_i' u), whitened: c = sum_i c_i + sum_levels (c_level - sum_{i in level} c_{i |
 * level}). */
#include <math.h>
#include <string.h>
#include "correct/rq.h"
#include "gauss/stein.h"

#define MAX_D VB_RQ_DIM
#define WIDE 64 /* nodes on either side of a wide rule, up to so many sds */
#define WIDE_REACH 12
#define MOST_OWN 0.7     /* of its precision that a site has by itself, taken alone */
#define SERIES_REST 0.02 /* last term of the series up to which the rest is left out, */
#define SERIES_MOVES                                                             \
  0.1 /* and how far it may move mean and variance: far out, where it would have \
         to be cut off, a polynomial tells nothing */
void vb_rq_alloc(const vb_model *m, vb_rq *rq) {
  int d_max = 1, cap = 1, wide = 0;
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    if (t->d > d_max) d_max = t->d;
    wide += t->d;
    for (int l = 0; l < t->n_level; l++)
      if (t->row_start[l + 1] - t->row_start[l] > cap) cap = t->row_start[l + 1] - t->row_start[l];
  }
  rq->cap_level = cap;
  rq->wide = m->host->alloc(1, sizeof(vb_grid));
  vb_grid_wide(WIDE, WIDE_REACH, rq->wide);
  rq->cov_beta = m->host->alloc((size_t)m->n * m->p + 1, sizeof(double));
  rq->cov_own = m->host->alloc((size_t)m->n * wide + 1, sizeof(double));
  rq->direction = m->host->alloc((size_t)cap * d_max, sizeof(double));
  rq->cell = m->host->alloc((size_t)cap * (8 + VB_ROW_COLUMNS), sizeof(double));
  rq->series = m->host->alloc((size_t)m->n * 4 + 1, sizeof(double));
  vb_rq_table_alloc(m, rq);
  if (m->family->opaque) rq->table = vb_stein_table_make(m);
  rq->level = m->host->alloc((size_t)m->p * (2 * d_max + 1) + 1, sizeof(double));
  rq->shift = m->host->alloc(m->n_coef + 1, sizeof(double));
  rq->skew = m->host->alloc(m->n_coef + 1, sizeof(double));
}

/* Coefficients E f^(k) / k!, k = 3..6, of the remainder's Hermite series in every cell, by Stein's
 * identity from the second derivative: E f^(k) = E[f'' He_(k-2)(z)] / v^((k-2)/2). */
static void series_coefficients(const vb_model *m, const double *par, const vb_inner *in,
                                vb_rq *rq) {
  double *coef = rq->series;
  if (m->family->opaque) {
    vb_stein_series(m, par, in, rq->table, rq->series);
    return;
  }
  const double *node = m->rules->node + m->rules->first[2],
               *weight = m->rules->weight + m->rules->first[2];
  double eta[256], d2[256], s[256];
  for (int from = 0; from < m->n; from += 256) {
    int n = m->n - from < 256 ? m->n - from : 256;
    double *c = coef + (size_t)from * 4;
    vb_rows rows = vb_rows_range(&m->rows, from, n);
    memset(c, 0, sizeof(double) * 4 * n);
    for (int i = 0; i < n; i++) s[i] = sqrt(fmax(in->rows.v[from + i], 1e-12));
    for (int q = 0; q < m->rules->order[2]; q++) {
      double z = node[q], h2 = z * z - 1, h3 = z * (z * z - 3), h4 = z * z * (z * z - 6) + 3;
      for (int i = 0; i < n; i++) eta[i] = in->rows.eta[from + i] + s[i] * z;
      m->family->log_lik(m->family, &rows, eta, par, NULL, NULL, d2);
      for (int i = 0; i < n; i++) {
        double w = weight[q] * d2[i];
        c[4 * i] += w * z;
        c[4 * i + 1] += w * h2;
        c[4 * i + 2] += w * h3;
        c[4 * i + 3] += w * h4;
      }
    }
    for (int i = 0; i < n; i++) {
      double r = 1 / s[i];
      c[4 * i] *= r / 6;
      c[4 * i + 1] *= r * r / 24;
      c[4 * i + 2] *= r * r * r / 120;
      c[4 * i + 3] *= r * r * r * r / 720;
    }
  }
}

/* log E exp of the series along a direction that carries variance a of eta: half its variance */
static double series_alone(const double *c, double a) {
  double a3 = a * a * a;
  return (6 * c[0] * c[0] * a3 + 24 * c[1] * c[1] * a3 * a + 120 * c[2] * c[2] * a3 * a * a +
          720 * c[3] * c[3] * a3 * a3) /
         2;
}

/* Where the series serves; in one or two dimensions the sum of the cells' series is one polynomial
 * of the level, He_k(u'z) = sum_j binom(k, j) u1^j u2^(k-j) He_j(z1) He_(k-j)(z2).  Returns the sum
 * of the cells alone. */
static double series_level(const vb_rq *rq, const vb_level *v, const vb_grid *g, double *total) {
  static const double binom[4][7] = {
      {1, 3, 3, 1}, {1, 4, 6, 4, 1}, {1, 5, 10, 10, 5, 1}, {1, 6, 15, 20, 15, 6, 1}};
  double m[4][7] = {{0}}, alone = 0;
  if (v->d > 2) {
    vb_rq_series(rq, v, g, rq->cell + (size_t)6 * rq->cap_level, total);
    for (int r = 0; r < v->n; r++)
      alone += series_alone(rq->series + 4 * (size_t)v->row[r], v->na[r]);
    return alone;
  }
  for (int r = 0; r < v->n; r++) {
    const double *c = rq->series + 4 * (size_t)v->row[r], *a = v->a + (size_t)r * v->d;
    double p1[7] = {1}, p2[7] = {1}, a2 = v->d > 1 ? a[1] : 0;
    for (int k = 1; k < 7; k++) {
      p1[k] = p1[k - 1] * a[0];
      p2[k] = p2[k - 1] * a2;
    }
    for (int k = 3; k < 7; k++)
      for (int j = v->d > 1 ? 0 : k; j <= k; j++) m[k - 3][j] += c[k - 3] * p1[j] * p2[k - j];
    alone += series_alone(c, v->na[r]);
  }
  for (int q = 0; q < g->n; q++) {
    double h1[7] = {1, g->z[q][0]}, h2[7] = {1, v->d > 1 ? g->z[q][1] : 0};
    for (int k = 2; k < 7; k++) {
      h1[k] = g->z[q][0] * h1[k - 1] - (k - 1) * h1[k - 2];
      h2[k] = v->d > 1 ? g->z[q][1] * h2[k - 1] - (k - 1) * h2[k - 2] : 0;
    }
    total[q] = 0;
    for (int k = 3; k < 7; k++)
      for (int j = v->d > 1 ? 0 : k; j <= k; j++)
        total[q] += m[k - 3][j] * binom[k - 3][j] * h1[j] * h2[k - j];
  }
  return alone;
}

/* moments of the level's u under the quadrature's posterior weights */
static void level_moments(const vb_term *t, int l, const vb_level *v, const vb_grid *g,
                          const double *post, vb_rq *rq, double *var) {
  int d = t->d;
  for (int a = 0; a < d; a++) {
    double m1 = 0, m2 = 0, m3 = 0, load2 = 0;
    int at = t->first + l * d + a;
    for (int b = 0; b < d; b++) load2 += v->load[b + a * d] * v->load[b + a * d];
    for (int pass = 0; pass < 2; pass++)
      for (int q = 0; q < g->n; q++) {
        double u = 0;
        for (int b = 0; b < d; b++) u += v->load[b + a * d] * g->z[q][b];
        if (!pass) {
          m1 += post[q] * u;
        } else {
          m2 += post[q] * (u - m1) * (u - m1);
          m3 += post[q] * (u - m1) * (u - m1) * (u - m1);
        }
      }
    rq->shift[at] = m1;
    var[at] = fmax(var[at] - load2, 0) + m2;
    rq->skew[at] = m3 / pow(var[at], 1.5);
  }
}

/* rows' sums where so many of them are an observation, in place; how many of these there are */
static int by_observation(int width, int n, double *e) {
  for (int i = 0; i < n && width > 1; i++) e[i / width] = i % width ? e[i / width] + e[i] : e[i];
  return n / width;
}

/* The same by conditional expectations at every node of the level's grid. */
static double quadrature_level(const vb_model *m, const double *par, const vb_inner *in, vb_rq *rq,
                               vb_level *v, const vb_grid *g, double *total) {
  int n = v->n, width = vb_family_width(m->family);
  double *shift = rq->cell + (size_t)6 * rq->cap_level,
         *single = rq->cell + (size_t)7 * rq->cap_level, alone = 0;
  v->rows = vb_rows_gather(&m->rows, n, v->row, v->room);
  for (int r = 0; r < n; r++) {
    v->m[r] = in->rows.eta[v->row[r]];
    single[r] = 0;
  }
  int tabled = vb_rq_table_make(m, par, rq, v, g, shift);
  for (int q = 0; q < g->n; q++) {
    vb_rq_shift(v, g->z[q], shift);
    if (tabled)
      vb_rq_table_at(rq->line, n, shift, v->e);
    else
      vb_rq_conditional(m, par, rq, v, shift);
    total[q] = 0;
    for (int r = 0; r < n; r++) {
      int i = v->row[r];
      v->e[r] -= in->rows.ll[i] + in->rows.g[i] * shift[r] -
                 in->rows.h[i] * (shift[r] * shift[r] - v->na[r]) / 2;
      total[q] += v->e[r];
    }
    vb_rq_add_exp(by_observation(width, n, v->e), g->log_w[q], v->e, single);
  }
  for (int r = 0; r < n / width; r++) alone += log(fmax(single[r], 1e-8));
  return alone;
}

/* Alone a site is asked about no more variance than its own precision leaves it: among sites of
 * negative precision the variance is larger, and E exp r need not exist.  1: all of it. */
static double own_share(const vb_inner *in, int i) {
  double share = in->rows.h[i] * in->rows.v[i];
  return share > MOST_OWN ? MOST_OWN / share : 1;
}

/* E log f of site i at every node of the wide rule, of a direction of sd a: a level of one cell, by
 * its table where one serves, else one cell for each node. */
static void site_conditional(const vb_model *m, const vb_rq_at *opt, int i, const double a_rest[2],
                             vb_rq *rq, double *e) {
  const vb_grid *wide = rq->wide;
  const vb_rows one = vb_rows_range(&m->rows, i, 1);
  double room[VB_ROW_COLUMNS * VB_MAX_GRID], mean[VB_MAX_GRID], shift[VB_MAX_GRID];
  double rest[VB_MAX_GRID], eta[VB_MAX_GRID], ll[VB_MAX_GRID];
  double along[1] = {a_rest[0]};
  int row[VB_MAX_GRID];
  vb_level v = {.n = 1, .d = 1, .row = row, .rows = one, .a = along, .rest = rest};
  v.m = mean;
  v.eta = eta;
  v.ll = ll;
  v.e = e;
  for (int q = 0; q < wide->n; q++) {
    row[q] = i;
    mean[q] = opt->in->rows.eta[i];
    rest[q] = a_rest[1];
  }
  int tabled = vb_rq_table_make(m, opt->par, rq, &v, wide, shift);
  for (int q = 0; q < wide->n; q++) shift[q] = a_rest[0] * wide->z[q][0];
  if (tabled) {
    vb_rq_table_along(rq->line, wide->n, shift, e);
    return;
  }
  v.n = wide->n;
  v.rows = vb_rows_rep(&one, wide->n, 1, room);
  vb_rq_conditional(m, opt->par, rq, &v, shift);
}

/* log E exp(rbar_i(sqrt(na) z)) of one site alone along a direction that carries variance na of its
 * eta and leaves rest */
static double site_alone(const vb_model *m, const vb_rq_at *opt, int i, double na, double rest,
                         vb_rq *rq) {
  const vb_grid *wide = rq->wide;
  const vb_inner *in = opt->in;
  double e[VB_MAX_GRID], post[VB_MAX_GRID], share = own_share(in, i);
  double a = sqrt(fmax(share * na, 0)), a_rest[2] = {a, share * rest};
  if (rest > 0 || m->family->opaque) { /* opaque: values are dear, and in a table of their own */
    site_conditional(m, opt, i, a_rest, rq, e);
  } else {
    double eta[VB_MAX_GRID], room[VB_ROW_COLUMNS * VB_MAX_GRID];
    const vb_rows one = vb_rows_range(&m->rows, i, 1);
    const vb_rows rows = vb_rows_rep(&one, wide->n, 1, room);
    for (int q = 0; q < wide->n; q++) eta[q] = in->rows.eta[i] + a * wide->z[q][0];
    m->family->log_lik(m->family, &rows, eta, opt->par, e, NULL, NULL);
    rq->spent += wide->n;
  }
  for (int q = 0; q < wide->n; q++) {
    double shift = a * wide->z[q][0];
    e[q] += in->rows.h[i] * (shift * shift - na - (1 - share) * rest) / 2 - in->rows.ll[i] -
            in->rows.g[i] * shift;
  }
  return vb_grid_weigh(wide, e, post);
}

/* standard deviation of the series' last two terms along a direction of variance a (one of them may
 * pass through zero); large where the series should not be used, as over kinks, where d2 is not the
 * second derivative */
static double series_rest(const vb_model *m, const double *c, double a) {
  return a < 1 && !m->family->kinked && !m->family->several
             ? a * a * sqrt(a) * (10.954 * fabs(c[2]) + sqrt(a) * 26.833 * fabs(c[3]))
             : 1;
}

typedef struct { /* a level, and the grid of its dimension */
  int term, level;
  const vb_grid *grid;
} place;

/* what a level adds; size: of its own term */
static double level_term(const vb_model *m, const vb_rq_at *opt, place where, vb_rq *rq,
                         double *var, double *size) {
  const vb_term *t = m->term + where.term;
  const vb_grid *g = where.grid;
  const double *par = opt->par;
  const vb_inner *in = opt->in;
  int l = where.level;
  int n = t->row_start[l + 1] - t->row_start[l], d = t->d;
  if (!n) return 0;
  double *c = rq->cell;
  size_t cap = rq->cap_level;
  vb_level v = {.n = n,
                .d = d,
                .row = t->row + t->row_start[l],
                .a = rq->direction,
                .rest = c,
                .m = c + cap,
                .eta = c + 2 * cap,
                .ll = c + 3 * cap,
                .e = c + 4 * cap,
                .na = c + 5 * cap,
                .room = c + 8 * cap};
  double total[VB_MAX_GRID], post[VB_MAX_GRID], out, alone, rest = 0;
  const vb_grid *at = g;
  vb_grid moved;
  vb_rq_direction(m, in, where.term, l, rq, &v);
  for (int r = 0; r < n; r++) rest += series_rest(m, rq->series + 4 * (size_t)v.row[r], v.na[r]);
  int short_way = rest < SERIES_REST;
  alone =
      short_way ? series_level(rq, &v, g, total) : quadrature_level(m, par, in, rq, &v, g, total);
  out = vb_grid_weigh(g, total, post);
  if (short_way && !vb_grid_stays(g, post, SERIES_MOVES)) {
    short_way = 0;
    alone = quadrature_level(m, par, in, rq, &v, g, total);
    out = vb_grid_weigh(g, total, post);
  }
  for (int it = 0; it < 12 && !short_way && vb_grid_follow(g, at, post, &moved); it++) {
    at = d == 1 ? rq->wide : &moved;
    double one_by_one = quadrature_level(m, par, in, rq, &v, at, total);
    if (!m->family->several) alone = one_by_one; /* of which each alone stays where it was */
    out = vb_grid_weigh(at, total, post);
    if (d == 1) break;
  }
  int each = at == &moved && n > 1;
  for (int r = 0; r < n; r++) each |= !short_way && own_share(in, v.row[r]) < 1;
  if (m->family->several) each = 0;
  if (n == vb_family_width(m->family)) alone = out;
  for (int r = 0; each && r < n; r++)
    alone = (r ? alone : 0) + site_alone(m, opt, v.row[r], v.na[r], v.rest[r], rq);
  *size = fabs(out);
  if (var) level_moments(t, l, &v, at, post, rq, var);
  return out - alone;
}

/* sum over sites of log E exp(r_i - E r_i), each alone under its own N(m_i, v_i) */
static double site_terms(const vb_model *m, const vb_rq_at *opt, vb_rq *rq) {
  const vb_inner *in = opt->in;
  double total = 0;
  if (m->family->several) return vb_rq_observations(m, opt, rq);
  for (int i = 0; i < m->n; i++) {
    const double *c = rq->series + 4 * (size_t)i;
    int short_way = series_rest(m, c, in->rows.v[i]) < SERIES_REST / 2;
    total +=
        short_way ? series_alone(c, in->rows.v[i]) : site_alone(m, opt, i, in->rows.v[i], 0, rq);
  }
  return total;
}

double vb_rq_correct(const vb_model *m, const vb_rq_at *at, vb_rq *rq, double *var,
                     double *max_level) {
  const double *par = at->par;
  const vb_inner *in = at->in;
  vb_grid g;
  double total = at->which & VB_RQ_SITES ? vb_site_remainder(m, in, at->c, rq) : 0;
  *max_level = 0;
  rq->n_asked++;
  if (!(at->which & VB_RQ_ROWS)) return total;
  if ((!m->family->kinked || m->family->opaque) && !m->family->several)
    series_coefficients(m, par, in, rq);
  total += site_terms(m, at, rq);
  memset(rq->shift, 0, sizeof(double) * m->n_coef);
  memset(rq->skew, 0, sizeof(double) * m->n_coef);
  if (m->n_term) {
    vb_rq_beta_covariance(m, &in->sol, rq->cov_beta);
    vb_rq_own_covariance(m, &in->sol, rq->cov_own);
  }
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    if (t->d > MAX_D) continue;
    vb_grid_make(m->rules, t->d, &g);
    for (int l = 0; l < t->n_level; l++) {
      double level = 0;
      total += level_term(m, at, (place){k, l, &g}, rq, var, &level);
      *max_level = fmax(*max_level, level);
    }
  }
  return total;
}
