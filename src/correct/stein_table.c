/* Residual quadrature of a log density of which only values are had.  It asks for single cells at
 * points that depend on what came before: they are read off a table of every cell's f over its own
 * N(m, v), made in a few long calls once they are wanted. */
#include <math.h>
#include "correct/correct.h"
#include "correct/rq.h"
#include "gauss/stein.h"

#define REACH 9.0    /* of the table, in sds */
#define SPACING 0.35 /* of its points, in units of eta */
#define MAX_HALF 80
#define KINKED_HALF 160 /* straight lines want closer points */
#define DEGREE 7        /* of the interpolant */

struct vb_stein_table {
  vb_stein *work;
  const double *centre; /* n */
  double *s;            /* n */
  double step, *value;  /* n x n_point: log f at centre + s (k - half) step */
  int n_point, cap_point, ready;
};

vb_stein_table *vb_stein_table_make(const vb_model *m) {
  vb_stein_table *t = m->host->alloc(1, sizeof *t);
  t->work = vb_stein_make(m);
  t->s = m->host->alloc(m->n + 1, sizeof(double));
  return t;
}

void vb_stein_series(const vb_model *m, const double *par, const vb_inner *in, vb_stein_table *t,
                     double *coef) {
  static const double factorial[] = {6, 24, 120, 720};
  const vb_etas e = {in->rows.eta, in->rows.v, t->work};
  vb_stein_moments(m, par, &e, VB_STEIN_TOP);
  for (int i = 0; i < m->n; i++)
    for (int k = 0; k < 4; k++)
      coef[4 * (size_t)i + k] = t->work->moment[(size_t)i * VB_STEIN_TOP + 3 + k] / factorial[k];
  /* the state that a table, should one be wanted, is of */
  t->centre = in->rows.eta;
  for (int i = 0; i < m->n; i++)
    t->s[i] = sqrt(fmax(in->rows.v[i], 1e-6 * pow(m->family->unit, 2)));
  t->ready = 0;
}

/* far out a density may be zero in double precision: the log goes on as a straight line */
static void mend(double *f, int half) {
  for (int side = -1; side <= 1; side += 2)
    for (int k = 1; k <= half; k++) {
      int at = half + side * k;
      if (isfinite(f[at])) continue;
      double slope = k > 1 ? f[at - side] - f[at - 2 * side] : 0;
      f[at] = f[at - side] + (slope < 0 ? slope : 0);
    }
}

static void tabulate(const vb_model *m, const double *par, vb_stein_table *t) {
  vb_stein *st = t->work;
  double widest = 0;
  for (int i = 0; i < m->n; i++) widest = fmax(widest, t->s[i]);
  double points = ceil(REACH * widest / (SPACING * m->family->unit));
  int half = m->family->kinked ? KINKED_HALF : (int)fmin(fmax(points, 2 * DEGREE), MAX_HALF);
  int n_point = 2 * half + 1, room = VB_STEIN_CALL / n_point;
  t->step = REACH / half;
  t->n_point = n_point;
  if (n_point > t->cap_point) {
    t->value = m->host->alloc((size_t)m->n * n_point, sizeof(double));
    t->cap_point = n_point;
  }
  for (int from = 0; from < m->n; from += room) {
    int n = m->n - from < room ? m->n - from : room, at = 0;
    vb_rows some = vb_rows_range(&m->rows, from, n);
    vb_rows rows = vb_rows_rep(&some, n_point, 1, st->rows);
    for (int i = from; i < from + n; i++)
      for (int k = -half; k <= half; k++, at++) st->eta[at] = t->centre[i] + t->s[i] * t->step * k;
    double *to = t->value + (size_t)from * n_point;
    m->family->log_lik(m->family, &rows, st->eta, par, to, NULL, NULL);
    for (int i = 0; i < n; i++) mend(to + (size_t)i * n_point, half);
  }
  t->ready = 1;
}

/* f of cell i at eta: barycentric Lagrange through the nearest points (Berrut & Trefethen 2004),
 * straight lines over kinks and beyond the table */
static double value_at(const vb_stein_table *t, int kinked, int i, double eta) {
  static const double weight[DEGREE + 1] = {1, -7, 21, -35, 35, -21, 7, -1};
  const double *f = t->value + (size_t)i * t->n_point;
  int last = t->n_point - 1;
  double x = (eta - t->centre[i]) / (t->s[i] * t->step) + last / 2.0, above = 0, below = 0;
  if (!(x > 0)) return f[0] + x * (f[1] - f[0]);
  if (x >= last) return f[last] + (x - last) * (f[last] - f[last - 1]);
  int at = (int)x, first = at - DEGREE / 2;
  if (kinked) return f[at] + (x - at) * (f[at + 1] - f[at]);
  first = first < 0 ? 0 : first > last - DEGREE ? last - DEGREE : first;
  for (int k = 0; k <= DEGREE; k++) {
    double gap = x - (first + k);
    if (gap == 0) return f[first + k];
    double share = weight[k] / gap;
    above += share * f[first + k];
    below += share;
  }
  return above / below;
}

void vb_stein_conditional(const vb_model *m, const double *par, vb_stein_table *t,
                          const vb_level *v, const double *shift) {
  double widest = 0, unit = m->family->unit;
  if (!t->ready) tabulate(m, par, t);
  for (int r = 0; r < v->n; r++) widest = fmax(widest, v->rest[r]);
  int k = vb_rule_index(widest / (unit * unit));
  const double *node = m->rules->node + m->rules->first[k],
               *weight = m->rules->weight + m->rules->first[k];
  for (int r = 0; r < v->n; r++) {
    double s = sqrt(v->rest[r]);
    v->e[r] = 0;
    for (int q = 0; q < m->rules->order[k]; q++)
      v->e[r] +=
          weight[q] * value_at(t, m->family->kinked, v->row[r], v->m[r] + shift[r] + s * node[q]);
  }
}
