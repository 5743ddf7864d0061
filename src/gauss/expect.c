/* Expectations of the log likelihood under eta ~ N(m, v): closed form where the family has one,
 * else Gauss-Hermite with an order that grows with v (mathematics.Rmd, section 3).  Blocks of cells
 * are independent, so threads change nothing. */
#include <math.h>
#include <string.h>
#include "gauss/several.h"
#include "gauss/stein.h"
#include "numbers/vb_math.h"

#define BLOCK 256
#define LANES 8
#define SERIAL 4096 /* rows up to which threads cost more than they save */
#define LAST_PAR_RULE 3
#define SHORT_RULE 1
#define SITE_RULE 4
#define MANY \
  16 /* scales of the bend in a standard deviation from which their points are too many */
#define FAR 8.0
#define SINH_STEP 0.1
#define LEAST_STEPS 48
#define MOST_STEPS 4000

typedef struct { /* where in eta a row's log density bends, and on which scale */
  double at, scale;
} bend;

static bend bend_of(const vb_family *family, const vb_rows *row, const double *par) {
  bend b = {0, 1};
  if (family->bend) family->bend(row, par, &b.at, &b.scale);
  return b;
}

typedef struct { /* points of a rule for one row, some of them at a time */
  const vb_family *family;
  const double *par;
  vb_rows rows;                                     /* the row, n times */
  double eta[BLOCK], z[BLOCK], weight[BLOCK];       /* z: in sds from the mean */
  double room[VB_ROW_COLUMNS * BLOCK], f[3][BLOCK]; /* f: log density and derivatives */
  int n_out;                                        /* 1: without derivatives */
} points;

static void lay_row(const vb_row_at *at, int n_out, int n, points *p) {
  p->family = at->family;
  p->par = at->par;
  p->n_out = n_out;
  p->rows = vb_rows_rep(at->row, n < BLOCK ? n : BLOCK, 1, p->room);
}

/* out += sum over points of weight, times the normal density at z, times what is asked */
static void add_points(points *p, double *out) {
  int n = p->rows.n, more = p->n_out > 1;
  p->family->log_lik(p->family, &p->rows, p->eta, p->par, p->f[0], more ? p->f[1] : NULL,
                     more ? p->f[2] : NULL);
  for (; n % LANES; n++) {
    p->z[n] = p->weight[n] = 0;
    for (int k = 0; k < p->n_out; k++) p->f[k][n] = 0;
  }
  for (int from = 0; from < n; from += LANES) {
    double *z = p->z + from, *w = p->weight + from;
    for (int i = 0; i < LANES; i++) w[i] *= vb_exp_neg(-z[i] * z[i] / 2 - VB_LOG_2PI / 2);
  }
  for (int k = 0; k < p->n_out; k++) {
    double sum[LANES] = {0};
    for (int from = 0; from < n; from += LANES)
      for (int i = 0; i < LANES; i++) sum[i] += p->weight[from + i] * p->f[k][from + i];
    for (int i = 0; i < LANES; i++) out[k] += sum[i];
  }
}

/* The trapezoid rule in t, eta = at + scale sinh(t): its points are as dense as the bend needs near
 * it and as the normal needs far from it, so that their number grows with the log of s. */
static int by_sinh(const vb_row_at *at, const bend *b, int n_out, double *out) {
  double m = at->m, s = sqrt(at->v);
  double low = asinh((m - FAR * s - b->at) / b->scale),
         high = asinh((m + FAR * s - b->at) / b->scale);
  if (!(high - low < MOST_STEPS * SINH_STEP)) { /* no number: a theta that is none */
    for (int k = 0; k < n_out; k++) out[k] = NAN;
    return 1;
  }
  int last = (int)ceil(fmax((high - low) / SINH_STEP, LEAST_STEPS));
  double step = (high - low) / last, unit = step * b->scale / s;
  points p;
  lay_row(at, n_out, last + 1, &p);
  for (int from = 0; from <= last; from += BLOCK) {
    p.rows.n = last + 1 - from < BLOCK ? last + 1 - from : BLOCK;
    for (int i = 0; i < p.rows.n; i++) {
      double e = exp(low + step * (from + i)), off = b->scale * (e - 1 / e) / 2;
      p.eta[i] = b->at + off;
      p.z[i] = (p.eta[i] - m) / s;
      p.weight[i] = unit * (e + 1 / e) / 2;
    }
    add_points(&p, out);
  }
  return last + 1;
}

/* Variances no Hermite rule resolves, since the likelihood bends on a scale of its own: the
 * trapezoid rule, whose error falls exponentially with the step (Trefethen & Weideman 2014). */
int vb_expect_wide(const vb_row_at *at, int n_out, double *out) {
  const bend b = bend_of(at->family, at->row, at->par);
  double s = sqrt(at->v), step = fmin(0.5 * s, b.scale);
  for (int k = 0; k < n_out; k++) out[k] = 0;
  if (s > MANY * b.scale && !isnan(b.at)) return by_sinh(at, &b, n_out, out);
  int half = (int)fmin(ceil(7.5 * s / step), MOST_STEPS);
  step = 7.5 * s / half;
  points p;
  lay_row(at, n_out, 2 * half + 1, &p);
  for (int from = -half; from <= half; from += BLOCK) {
    p.rows.n = half + 1 - from < BLOCK ? half + 1 - from : BLOCK;
    for (int i = 0; i < p.rows.n; i++) {
      double off = step * (from + i);
      p.z[i] = off / s;
      p.eta[i] = at->m + off;
      p.weight[i] = step / s;
    }
    add_points(&p, out);
  }
  return 2 * half + 1;
}

typedef struct { /* cells of one order, gathered */
  double room[VB_ROW_COLUMNS * BLOCK], m[BLOCK], s[BLOCK], eta[BLOCK], f[3][BLOCK], out[3][BLOCK];
  vb_rows rows;
  int cell[BLOCK];
} slab;

static void gather(const vb_rows *rows, const double *m, const double *v, int n, slab *s) {
  s->rows = vb_rows_gather(rows, n, s->cell, s->room);
  for (int i = 0; i < n; i++) {
    s->m[i] = m[s->cell[i]];
    s->s[i] = sqrt(fmax(v[s->cell[i]], 0));
  }
}

/* a loop of known length, which gcc -O2 vectorises, whose results are local */
static void add_lanes(double weight, const double *f, double *out) {
  double sum[LANES];
  for (int i = 0; i < LANES; i++) sum[i] = out[i] + weight * f[i];
  memcpy(out, sum, sizeof sum);
}

static void by_hermite(const vb_model *model, const double *par, int rule, slab *s) {
  const vb_family *family = model->family;
  const double *node = model->rules->node + model->rules->first[rule],
               *weight = model->rules->weight + model->rules->first[rule];
  int n = (s->rows.n + LANES - 1) / LANES * LANES; /* what is beyond the rows is never read */
  for (int k = 0; k < 3; k++) {
    memset(s->out[k], 0, sizeof(double) * n);
    memset(s->f[k] + s->rows.n, 0, sizeof(double) * (n - s->rows.n));
  }
  for (int q = 0; q < model->rules->order[rule]; q++) {
    for (int i = 0; i < s->rows.n; i++) s->eta[i] = s->m[i] + s->s[i] * node[q];
    family->log_lik(family, &s->rows, s->eta, par, s->f[0], s->f[1], s->f[2]);
    for (int k = 0; k < 3; k++)
      for (int i = 0; i < n; i += LANES) add_lanes(weight[q], s->f[k] + i, s->out[k] + i);
  }
}

static void by_trapezoids(const vb_model *model, const double *par, slab *s) {
  for (int i = 0; i < s->rows.n; i++) {
    vb_rows row = vb_rows_range(&s->rows, i, 1);
    const vb_row_at at = {model->family, &row, par, s->m[i], s->s[i] * s->s[i]};
    double out[3];
    vb_expect_wide(&at, 3, out);
    for (int k = 0; k < 3; k++) s->out[k][i] = out[k];
  }
}

/* cell i's variance v in units of the scale on which its density bends */
static double over_bend(const vb_family *family, const vb_rows *rows, int i, double v,
                        const double *par) {
  if (!family->bend) return v;
  const vb_rows row = vb_rows_range(rows, i, 1);
  double scale = bend_of(family, &row, par).scale;
  return v / (scale * scale);
}

/* a block of cells, each by the rule that its variance asks for */
static void quadrature(const vb_model *model, const vb_rows *rows, const double *par,
                       const double *m, const double *v, double *const to[3]) {
  slab s;
  signed char rule[BLOCK];
  for (int i = 0; i < rows->n; i++)
    rule[i] = (signed char)vb_rule_index(over_bend(model->family, rows, i, v[i], par));
  for (int k = 0; k < VB_N_ORDER; k++) {
    int n = 0;
    for (int i = 0; i < rows->n; i++)
      if (rule[i] == k) s.cell[n++] = i;
    if (!n) continue;
    gather(rows, m, v, n, &s);
    if (k == VB_N_ORDER - 1)
      by_trapezoids(model, par, &s);
    else
      by_hermite(model, par, k, &s);
    for (int i = 0; i < n; i++) {
      to[0][s.cell[i]] = s.out[0][i];
      to[1][s.cell[i]] = s.out[1][i];
      to[2][s.cell[i]] = -s.out[2][i];
    }
  }
}

double vb_expect(const vb_model *model, const double *par, const vb_etas *e, double *ll, double *g,
                 double *h) {
  if (model->family->opaque) return vb_stein_expect(model, par, e, ll, g, h);
  const double *m = e->m, *v = e->v;
  const vb_several_of several = {model, par};
  int size = BLOCK - BLOCK % vb_family_width(model->family);
  int n_block = (model->n + size - 1) / size;
  const int threads = model->n > SERIAL ? model->cores : 1;
#ifdef _OPENMP
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
#else
  (void)threads;
#endif
  for (int b = 0; b < n_block; b++) {
    int from = b * size, n = model->n - from < size ? model->n - from : size;
    vb_rows rows = vb_rows_range(&model->rows, from, n);
    double *const to[] = {ll + from, g + from, h + from};
    if (model->family->several) {
      vb_several_expect(&several, &rows, m + from, v + from, to);
      continue;
    }
    if (!model->family->expect) {
      quadrature(model, &rows, par, m + from, v + from, to);
      continue;
    }
    model->family->expect(&rows, m + from, v + from, par, ll + from, g + from, h + from);
    for (int i = from; i < from + n; i++) h[i] = -h[i];
  }
  double total = 0;
  for (int i = 0; i < model->n; i++) total += ll[i];
  return total;
}

double vb_expect_rule(const vb_model *model, vb_par_rule *rule, const vb_etas *e, double *ll,
                      double *g, double *h) {
  double *one[3], *sum[3] = {ll, g, h}, mean = 0;
  for (int k = 0; k < 3; k++) {
    one[k] = rule->scratch + (size_t)k * model->n;
    memset(sum[k], 0, sizeof(double) * model->n);
  }
  for (int s = 0; s < rule->n; s++) {
    double w = rule->weight[s];
    rule->total[s] = rule->base[s] + vb_expect(model, rule->par + (size_t)s * (VB_MAX_PAR + 1), e,
                                               one[0], one[1], one[2]);
    if (!(w > 0)) continue;
    mean += w * rule->total[s];
    for (int k = 0; k < 3; k++)
      for (int i = 0; i < model->n; i++) sum[k][i] += w * one[k][i];
  }
  return mean;
}

double vb_base(const vb_model *model, const double *par) {
  double total = model->constant, out[BLOCK];
  if (!model->family->base) return total;
  for (int from = 0; from < model->n; from += BLOCK) {
    int n = model->n - from < BLOCK ? model->n - from : BLOCK;
    vb_rows rows = vb_rows_range(&model->rows, from, n);
    model->family->base(&rows, par, out);
    for (int i = 0; i < n; i++) total += out[i];
  }
  return total;
}

/* a rule that all of these cells' variances allow, finer by one than their log density has */
static int par_rule(const vb_family *family, const vb_rows *rows, const double *v,
                    const double *par) {
  double widest = 0;
  for (int i = 0; i < rows->n; i++) widest = fmax(widest, over_bend(family, rows, i, v[i], par));
  int k = vb_rule_index(widest) + 1;
  return k < LAST_PAR_RULE ? k : LAST_PAR_RULE;
}

/* grad[k] += E d log f / d par[k], summed over cells */
void vb_expect_par(const vb_model *model, const double *par, const vb_etas *e, double *grad) {
  const vb_family *family = model->family;
  const double *m = e->m, *v = e->v;
  if (family->opaque) {
    vb_stein_par(model, par, e, grad);
    return;
  }
  if (family->several) {
    vb_several_par(model, par, e, grad);
    return;
  }
  double eta[BLOCK], d[BLOCK];
  for (int from = 0; from < model->n; from += BLOCK) {
    int n = model->n - from < BLOCK ? model->n - from : BLOCK;
    vb_rows rows = vb_rows_range(&model->rows, from, n);
    for (int k = 0; k < model->n_par && family->expect_par; k++) {
      family->expect_par(&rows, m + from, v + from, par, k, d);
      for (int i = 0; i < n; i++) grad[k] += d[i];
    }
    int by = family->expect_par ? 0 : par_rule(family, &rows, v + from, par);
    const double *node = model->rules->node + model->rules->first[by],
                 *weight = model->rules->weight + model->rules->first[by];
    for (int q = 0; q < model->rules->order[by] && !family->expect_par; q++) {
      for (int i = 0; i < n; i++) eta[i] = m[from + i] + sqrt(fmax(v[from + i], 0)) * node[q];
      for (int k = 0; k < model->n_par; k++) {
        family->log_lik_par(&rows, eta, par, k, d);
        double t = 0;
        for (int i = 0; i < n; i++) t += d[i];
        grad[k] += weight[q] * t;
      }
    }
  }
}

double vb_expect_site(const vb_model *model, const vb_site *site, double m, double v, double *g,
                      double *h) {
  const vb_rules *rule = model->rules;
  double x[BLOCK], ll[BLOCK], d1[BLOCK], d2[BLOCK], total = 0, s = sqrt(fmax(v, 0));
  if (site->prior->expect) {
    site->prior->expect(1, &m, &v, site->arg, ll, g, h);
    *h = -*h;
    return ll[0];
  }
  site->prior->log_density(1, &m, site->arg, ll, d1, d2);
  int k = fabs(d2[0]) * v < 0.02 ? SHORT_RULE : SITE_RULE,
      order = rule->order[k]; /* a prior that is nearly flat here */
  const double *node = rule->node + rule->first[k], *weight = rule->weight + rule->first[k];
  for (int q = 0; q < order; q++) x[q] = m + s * node[q];
  site->prior->log_density(order, x, site->arg, ll, d1, d2);
  *g = *h = 0;
  for (int q = 0; q < order; q++) {
    total += weight[q] * ll[q];
    *g += weight[q] * d1[q];
    *h -= weight[q] * d2[q];
  }
  return total;
}
