/* The density of a unit's responses given the others at one theta.  With t_i = exp(b_i eta_i - h_i
 * eta_i^2 / 2) the sites of its rows, q = cavity x prod t_i / Z_t, so that
 *   int cavity prod f_i = Z_t E_q prod f_i / t_i,
 * where q is close to the integrand and Z_t is Gaussian (mathematics.Rmd, section 14; Vehtari et
 * al. 2016).  In the axes in which F' H F is diagonal the one or two of largest lambda are
 * integrated by the trapezoid rule; along the others, where q is narrow against the likelihood, the
 * expectation of the log goes inside (Jensen's bound), as in residual quadrature.  A row of a unit
 * is left out by taking its factor from the integrand: given the unit's other rows, whose posterior
 * of the unit's own random effects is then no Gaussian but what it is. */
#include "posterior/cavity.h"
#include <math.h>
#include <string.h>

#define REACH 8.0
#define FAR_REACH 24.0 /* where the integrand has not ended by then */
#define ENDED 20.0     /* below the top, in logs */
#define ONE_AXIS 0.5   /* first steps */
#define TWO_AXES 1.0
#define AGREE 1e-3  /* of every other point with all: their error is about its square */
#define SECOND 0.25 /* lambda from which a second axis is worth a grid */
#define AT_ONCE 16384
#define MOST_POINTS 2500 /* 49 squared */
#define NOTHING 1e-10    /* share of the precision that is rounding error: none is left */

void vb_cavity_alloc(const vb_host *host, const vb_model *m, int each_of, vb_cavity_work *work) {
  const vb_family *exact =
      m->family->bound ? vb_family_find(m->family->name, m->family->link, "exact") : NULL;
  *work = (vb_cavity_work){.family = exact ? exact : m->family, .rules = m->rules};
  double **per_value[] = {&work->eta, &work->var, &work->sum, &work->ll, &work->centre};
  work->room = host->alloc(AT_ONCE, VB_ROW_COLUMNS * sizeof(double));
  for (int k = 0; k < 5; k++) *per_value[k] = host->alloc(AT_ONCE, sizeof(double));
  work->total = host->alloc(MOST_POINTS, sizeof(double));
  work->other = host->alloc(MOST_POINTS, sizeof(double));
  if (each_of) work->each = host->alloc((size_t)each_of * MOST_POINTS, sizeof(double));
}

typedef struct { /* a product of one or two equal grids about zero */
  int n_axis, half, one, n;
  double step;
} grid;

static grid make_grid(int n_axis, double step, double reach) {
  int half = (int)(reach / step), one = 2 * half + 1;
  return (grid){n_axis, half, one, n_axis == 2 ? one * one : one, step};
}

/* with every other point of each axis too */
static int is_even(const grid *g, int i) {
  int a = i % g->one - g->half, b = g->n_axis == 2 ? i / g->one - g->half : 0;
  return a % 2 == 0 && b % 2 == 0;
}

static double grid_at(const grid *g, int i, int axis) {
  return g->step * ((axis ? i / g->one : i % g->one) - g->half);
}

static int on_edge(const grid *g, int i) {
  int a = i % g->one, b = i / g->one;
  return a == 0 || a == g->one - 1 || (g->n_axis == 2 && (b == 0 || b == g->one - 1));
}

/* by Gauss-Hermite, in sum */
static void quadrature(const vb_cavity_work *k, const vb_rows *rows, const double *par,
                       double widest) {
  const vb_family *f = k->family;
  int n = rows->n, rule = vb_rule_index(widest), order = k->rules->order[rule];
  const double *node = k->rules->node + k->rules->first[rule],
               *weight = k->rules->weight + k->rules->first[rule];
  memcpy(k->centre, k->eta, sizeof(double) * n);
  for (int q = 0; q < order; q++) {
    for (int i = 0; i < n; i++) k->eta[i] = k->centre[i] + sqrt(k->var[i]) * node[q];
    f->log_lik(f, rows, k->eta, par, k->ll, NULL, NULL);
    for (int i = 0; i < n; i++) k->sum[i] = (q ? k->sum[i] : 0) + weight[q] * k->ll[i];
  }
}

/* expected log densities of the rows, in sum */
static void expect(const vb_cavity_work *k, const vb_rows *rows, const double *par, int narrow) {
  const vb_family *f = k->family;
  double widest = 0;
  for (int i = 0; i < rows->n; i++) widest = fmax(widest, k->var[i]);
  if (narrow)
    f->log_lik(f, rows, k->eta, par, k->sum, NULL, NULL);
  else if (f->expect)
    f->expect(rows, k->eta, k->var, par, k->sum, k->ll, k->centre);
  else
    quadrature(k, rows, par, widest);
}

/* sum over rows of the expected log density at every point of the grid, into total; axis a of the
 * grid is column first + a of F */
static void grid_totals(const vb_cavity_work *k, const vb_unit *u, const double *par,
                        const grid *g) {
  int at[2] = {u->k - 1, u->k - 2}, narrow = u->k == g->n_axis;
  memset(k->total, 0, sizeof(double) * g->n);
  for (int row = 0; row < u->n;) {
    int rows = u->n - row < AT_ONCE ? u->n - row : AT_ONCE, points = AT_ONCE / rows;
    for (int from = 0; from < g->n; from += points) {
      int n = 0, to = from + points < g->n ? from + points : g->n;
      for (int p = from; p < to; p++)
        for (int i = row; i < row + rows; i++, n++) {
          double eta = u->eta[i], v = u->v[i];
          for (int a = 0; a < g->n_axis; a++) {
            double f = u->f[i + (size_t)at[a] * u->n];
            eta += f * grid_at(g, p, a);
            v -= f * f;
          }
          k->eta[n] = eta;
          k->var[n] = fmax(v, 0);
        }
      vb_rows some = vb_rows_range(&u->rows, row, rows);
      vb_rows all = vb_rows_rep(&some, 1, to - from, k->room);
      expect(k, &all, par, narrow);
      for (int p = from, j = 0; p < to; p++)
        for (int i = 0; i < rows; i++) {
          if (k->each) k->each[p + (size_t)(row + i) * g->n] = k->sum[j];
          k->total[p] += k->sum[j++];
        }
    }
    row += rows;
  }
}

static double log_sum(int n, const double *x, double *top_out) {
  double top = -INFINITY, sum = 0;
  for (int i = 0; i < n; i++)
    if (x[i] > top) top = x[i];
  for (int i = 0; i < n; i++) sum += exp(x[i] - top);
  *top_out = top;
  return top + log(sum);
}

enum { GOOD = 0, CUT = 1, ROUGH = 2 }; /* it has not ended at the edge; its points are too few */
static int verdict(const grid *g, const double *x, double top, double log_all) {
  double even = 0;
  int bad = GOOD;
  for (int p = 0; p < g->n; p++) {
    if (on_edge(g, p) && !(x[p] < top - ENDED)) bad |= CUT;
    if (is_even(g, p)) even += exp(x[p] - log_all);
  }
  if (!(fabs(log(even) + g->n_axis * M_LN2) < AGREE)) bad |= ROUGH;
  return bad;
}

/* logs of the integrals over the grid's axes, where prod f / t and prod f are weighted by q; what
 * is wrong with the first, whose logs stay in total */
static int grid_integrals(const vb_cavity_work *k, const vb_unit *u, const double *par,
                          const double *gamma, const grid *g, double *log_cavity, double *log_q) {
  double *x = k->total, top;
  grid_totals(k, u, par, g);
  for (int p = 0; p < g->n; p++) {
    double t = grid_at(g, p, 0), s = g->n_axis == 2 ? grid_at(g, p, 1) : 0;
    x[p] -= (t * t + s * s) / 2;
    if (isnan(x[p])) x[p] = -INFINITY;
  }
  double volume = g->n_axis * (log(g->step) - 0.5 * log(2 * M_PI));
  *log_q = volume + log_sum(g->n, x, &top);
  for (int p = 0; p < g->n; p++)
    for (int a = 0; a < g->n_axis; a++) {
      double t = grid_at(g, p, a);
      x[p] += u->lambda[u->k - 1 - a] * t * t / 2 - gamma[u->k - 1 - a] * t;
    }
  double log_all = log_sum(g->n, x, &top);
  *log_cavity = volume + log_all;
  return verdict(g, x, top, log_all);
}

static grid first_grid(const vb_unit *u) {
  int n_axis = u->k > 1 && u->lambda[u->k - 2] > SECOND ? 2 : 1;
  return make_grid(n_axis, n_axis == 2 ? TWO_AXES : ONE_AXIS, REACH);
}

/* another grid where one is needed and may be had */
static int next_grid(grid *g, int bad) {
  double reach = g->half * g->step, step = g->step;
  if ((bad & CUT) && reach < FAR_REACH)
    reach = FAR_REACH;
  else if (bad & ROUGH)
    step /= 2;
  else
    return 0;
  grid next = make_grid(g->n_axis, step, reach);
  if (next.n > MOST_POINTS) return 0;
  *g = next;
  return 1;
}

static void by_grid(const vb_cavity_work *k, const vb_unit *u, const double *par,
                    const double *gamma, double *log_cavity, double *log_q) {
  grid g = first_grid(u);
  while (next_grid(&g, grid_integrals(k, u, par, gamma, &g, log_cavity, log_q))) continue;
  for (int a = 0; a < u->k - g.n_axis; a++) *log_cavity += u->lambda[a] / 2;
}

/* prod f / t is constant in eta */
static void closed(const vb_cavity_work *k, const vb_unit *u, const double *par,
                   const double *gamma, double *log_cavity, double *log_q) {
  double sum = 0;
  for (int i = 0; i < u->n; i++) {
    double ll;
    vb_rows row = vb_rows_range(&u->rows, i, 1);
    k->family->log_lik(k->family, &row, u->eta + i, par, &ll, NULL, NULL);
    sum += ll;
  }
  *log_cavity = *log_q = sum;
  for (int a = 0; a < u->k; a++) {
    double more = 1 + u->lambda[a];
    *log_q += (gamma[a] * gamma[a] / more - log(more)) / 2;
  }
}

static void set_gamma(const vb_unit *u, double *gamma) {
  for (int a = 0; a < u->k; a++) {
    gamma[a] = 0;
    for (int i = 0; i < u->n; i++) gamma[a] += u->f[i + (size_t)a * u->n] * u->g[i];
  }
}

/* Row i's factor taken away (sign -1) or put in again (1), relative to its expected log: along the
 * axes without a grid, where its predictor has the variance s2, as the Gaussian that its site is.
 * NaN: there is nothing left. */
static double beside_grid(const vb_unit *u, const grid *g, int i, int p, double s2, int sign) {
  double slope = u->g[i], h = u->h[i], left = 1 + sign * h * s2;
  for (int a = 0; a < g->n_axis; a++)
    slope -= h * u->f[i + (size_t)(u->k - 1 - a) * u->n] * grid_at(g, p, a);
  return (sign * h * s2 + slope * slope * s2 / left - log(left)) / 2;
}

/* how the integral changes with the factor of row i, and what is wrong with it */
static int row_ratio(const vb_cavity_work *k, const vb_unit *u, const grid *g, int i, int sign,
                     double *log_ratio) {
  double s2 = u->v[i], top, whole = log_sum(g->n, k->total, &top);
  for (int a = 0; a < g->n_axis; a++) s2 -= pow(u->f[i + (size_t)(u->k - 1 - a) * u->n], 2);
  s2 = u->k == g->n_axis ? 0 : fmax(s2, 0);
  for (int p = 0; p < g->n; p++) {
    double own = k->each[p + (size_t)i * g->n];
    k->other[p] = k->total[p] > -INFINITY
                      ? k->total[p] + sign * own + beside_grid(u, g, i, p, s2, sign)
                      : -INFINITY;
  }
  double log_all = log_sum(g->n, k->other, &top);
  *log_ratio = log_all - whole;
  return verdict(g, k->other, top, log_all);
}

void vb_cavity_rows(const vb_cavity_work *k, const vb_unit *u, const double *par, double *gamma,
                    double *log_cavity, double *log_q) {
  double unit_cavity, unit_q;
  if (u->n == 1) {
    vb_cavity_unit(k, u, par, gamma, log_cavity, log_q);
    return;
  }
  set_gamma(u, gamma);
  grid g = first_grid(u);
  int bad;
  do {
    bad = grid_integrals(k, u, par, gamma, &g, &unit_cavity, &unit_q);
    for (int i = 0; i < u->n; i++) {
      bad |= row_ratio(k, u, &g, i, -1, log_cavity + i);
      row_ratio(k, u, &g, i, 1, log_q + i);
      log_cavity[i] = -log_cavity[i];
    }
  } while (next_grid(&g, bad));
}

void vb_cavity_unit(const vb_cavity_work *k, const vb_unit *u, const double *par, double *gamma,
                    double *log_cavity, double *log_q) {
  double of_sites = 0;
  set_gamma(u, gamma);
  for (int a = 0; a < u->k; a++) {
    double left = 1 - u->lambda[a];
    if (!(left > NOTHING)) left = NAN; /* there is no cavity */
    of_sites += (log(left) - gamma[a] * gamma[a] / left) / 2;
  }
  if (k->family->quadratic)
    closed(k, u, par, gamma, log_cavity, log_q);
  else
    by_grid(k, u, par, gamma, log_cavity, log_q);
  *log_cavity += of_sites;
}
