/* Expectations of a log density f of which only values are had, under eta ~ N(m, v), t standard
 * normal, He_k the Hermite polynomials: E f^(k)(eta) = E[f(m + sqrt(v) t) He_k(t)] / v^(k/2)
 * (Stein 1981; as INLA has it: Rue, Martino & Chopin 2009).  No derivative of f is taken, so
 * densities with kinks will do.  The quotient cancels as v falls.  Below a floor s^2 the same sums
 * are taken over N(m, s^2): they give the polynomial through f at the nodes, whose expectations
 * under N(m, v) are closed, in the limit the finite differences of f. */
#include <math.h>
#include <string.h>
#include "gauss/stein.h"

#define NARROW_SD 0.03 /* floor of s in units of eta: where E f'' has 1e-10 of f's digits left */
#define NARROW_RULE 2  /* nine nodes */
#define NARROW_TOP 9
#define WIDE VB_N_ORDER /* rules from here on are trapezoid rules, each twice as fine */
#define WIDE_HALF 32
#define KINKED \
  (WIDE + 1) /* over a kink Hermite's rules err by a node's spacing, these by its square */
#define WIDE_LAST (WIDE + 7)
#define REACH 7.5 /* of the trapezoid rules, in sds */
#define PAR_STEP 1e-4

vb_stein *vb_stein_make(const vb_model *m) {
  const vb_host *host = m->host;
  vb_stein *st = host->alloc(1, sizeof *st);
  st->eta = host->alloc(VB_STEIN_CALL, sizeof(double));
  st->ll = host->alloc(VB_STEIN_CALL, sizeof(double));
  st->rows = host->alloc(VB_STEIN_CALL, VB_ROW_COLUMNS * sizeof(double));
  st->some = host->alloc(m->n + 1, VB_ROW_COLUMNS * sizeof(double));
  st->node = host->alloc(2 * (WIDE_HALF << (WIDE_LAST - WIDE)) + 1, sizeof(double));
  st->weight = host->alloc(2 * (WIDE_HALF << (WIDE_LAST - WIDE)) + 1, sizeof(double));
  st->moment = host->alloc((size_t)m->n * VB_STEIN_TOP + 1, sizeof(double));
  st->s = host->alloc(m->n + 1, sizeof(double));
  st->zero = host->alloc(m->n + 1, sizeof(double));
  st->cell = host->alloc(m->n + 1, sizeof(int));
  st->rule = host->alloc(m->n + 1, sizeof(int));
  return st;
}

/* Hermite's rules serve up to a variance of 8 in units of eta.  Multiplying by He_2 costs two
 * degrees: two orders more than where f'' itself is averaged. */
static int rule_of(const vb_family *family, double v) {
  double in_units = v / (family->unit * family->unit);
  if (in_units <= 8 && !family->kinked)
    return (int)fmin(vb_rule_index(in_units) + 2, VB_N_ORDER - 1);
  int k = family->kinked ? KINKED : WIDE;
  while (k < WIDE_LAST && (WIDE_HALF << (k - WIDE)) < REACH * sqrt(in_units)) k++;
  return k;
}

/* trapezoid rule for N(0, 1): its error falls exponentially with the step (Trefethen & Weideman
 * 2014) */
static int wide_rule(vb_stein *st, int k) {
  int half = WIDE_HALF << (k - WIDE);
  double step = REACH / half;
  for (int q = 0; q <= 2 * half; q++) {
    double t = step * (q - half);
    st->node[q] = t;
    st->weight[q] = step * exp(-(t * t + VB_LOG_2PI) / 2);
  }
  return 2 * half + 1;
}

/* a[k], k < top, gets f He_k(t) with its weight */
static void add_node(double f, double t, int top, double *a) {
  double before = 0, he = 1;
  for (int k = 0; k < top; k++) {
    a[k] += f * he;
    double next = t * he - k * before;
    before = he;
    he = next;
  }
}

/* sums a over N(m, s^2) -> E f^(k) under N(m, v), ratio = v / s^2: as E He_2j(sqrt(ratio) t) is
 * (2j - 1)!! (ratio - 1)^j, the terms are a_(k+2j) (ratio - 1)^j / (2^j j!) */
static void to_moments(const double *a, int n_sum, double s, double ratio, int top, double *out) {
  double scale = 1;
  for (int k = 0; k < top; k++, scale /= s) {
    double sum = a[k], term = 1;
    for (int j = 1; k + 2 * j < n_sum && ratio != 1; j++) {
      term *= (ratio - 1) / (2 * j);
      sum += a[k + 2 * j] * term;
    }
    out[k] = sum * scale;
  }
}

typedef struct { /* a rule, and as how many moments its sums are wanted */
  int order, n_sum, top;
  const double *node, *weight;
} sums;

/* the first n_cell of st->cell, which share a rule, as many to a call as it holds */
static void moments_of(const vb_model *m, const double *par, const vb_etas *e, const sums *of,
                       int n_cell) {
  vb_stein *st = e->stein;
  int room = VB_STEIN_CALL / of->order;
  for (int from = 0; from < n_cell; from += room) {
    int n = n_cell - from < room ? n_cell - from : room;
    const int *cell = st->cell + from;
    vb_rows some = vb_rows_gather(&m->rows, n, cell, st->some);
    vb_rows rows = vb_rows_rep(&some, 1, of->order, st->rows);
    for (int q = 0, at = 0; q < of->order; q++)
      for (int c = 0; c < n; c++, at++) st->eta[at] = e->m[cell[c]] + st->s[cell[c]] * of->node[q];
    m->family->log_lik(m->family, &rows, st->eta, par, st->ll, NULL, NULL);
    for (int c = 0; c < n; c++) {
      int i = cell[c];
      double a[NARROW_TOP] = {0};
      for (int q = 0; q < of->order; q++)
        add_node(of->weight[q] * st->ll[(size_t)q * n + c], of->node[q], of->n_sum, a);
      double s2 = st->s[i] * st->s[i], ratio = e->v[i] >= s2 ? 1 : e->v[i] / s2;
      to_moments(a, of->n_sum, st->s[i], ratio, of->top, st->moment + (size_t)i * VB_STEIN_TOP);
    }
  }
}

void vb_stein_moments(const vb_model *m, const double *par, const vb_etas *e, int top) {
  vb_stein *st = e->stein;
  const vb_rules *r = m->rules;
  double least = NARROW_SD * m->family->unit;
  for (int i = 0; i < m->n; i++) {
    double s = sqrt(fmax(e->v[i], 0));
    st->s[i] = fmax(s, least);
    st->rule[i] = s < least ? -1 : rule_of(m->family, e->v[i]);
  }
  for (int k = -1; k <= WIDE_LAST; k++) {
    int n_cell = 0, at = k < 0 ? NARROW_RULE : k;
    for (int i = 0; i < m->n; i++)
      if (st->rule[i] == k) st->cell[n_cell++] = i;
    if (!n_cell) continue;
    sums of = {.n_sum = k < 0 ? NARROW_TOP : top, .top = top};
    if (k < WIDE) {
      of.order = r->order[at];
      of.node = r->node + r->first[at];
      of.weight = r->weight + r->first[at];
    } else {
      of.order = wide_rule(st, k);
      of.node = st->node;
      of.weight = st->weight;
    }
    moments_of(m, par, e, &of, n_cell);
  }
}

double vb_stein_expect(const vb_model *m, const double *par, const vb_etas *e, double *ll,
                       double *g, double *h) {
  double total = 0;
  vb_stein_moments(m, par, e, 3);
  for (int i = 0; i < m->n; i++) {
    const double *at = e->stein->moment + (size_t)i * VB_STEIN_TOP;
    ll[i] = at[0];
    g[i] = at[1];
    h[i] = -at[2];
    total += at[0];
  }
  return total;
}

void vb_log_lik_at(const vb_model *m, const double *par, const double *eta, vb_stein *stein,
                   double *ll, double *d1, double *d2) {
  if (!m->family->opaque) {
    m->family->log_lik(m->family, &m->rows, eta, par, ll, d1, d2);
    return;
  }
  const vb_etas at = {eta, stein->zero, stein};
  vb_stein_expect(m, par, &at, ll, d1, d2);
  for (int i = 0; i < m->n; i++) d2[i] = -d2[i];
}

/* central differences of the sum of E f, by the same rules as the sum itself */
void vb_stein_par(const vb_model *m, const double *par, const vb_etas *e, double *grad) {
  for (int k = 0; k < m->family->n_par; k++) {
    int domain = m->family->domain[k];
    double p = par[k], side[VB_MAX_PAR], sum = 0;
    double h = PAR_STEP * (domain == VB_POSITIVE ? p
                           : domain == VB_REAL   ? 1 + fabs(p)
                                                 : p * (1 - p));
    memcpy(side, par, sizeof(double) * m->family->n_par);
    for (int up = 1; up >= -1; up -= 2) {
      side[k] = p + up * h;
      vb_stein_moments(m, side, e, 1);
      for (int i = 0; i < m->n; i++) sum += up * e->stein->moment[(size_t)i * VB_STEIN_TOP];
    }
    grad[k] += sum / (2 * h);
  }
}
