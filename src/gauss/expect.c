/* Expectations of the log likelihood under eta ~ N(m, v): closed form where the family has one,
 * else Gauss-Hermite with an order that grows with v (mathematics.Rmd, section 3).  Blocks of cells
 * are independent, so threads change nothing. */
#include <math.h>
#include <string.h>
#include "gauss/gauss.h"
#include "gauss/stein.h"

#define BLOCK 256
#define SERIAL 4096 /* rows up to which threads cost more than they save */
#define PAR_RULE 3
#define SHORT_RULE 1
#define SITE_RULE 4

/* Variances no Hermite rule resolves, since the likelihood bends on the scale of one: the trapezoid
 * rule, whose error falls exponentially with the step (Trefethen & Weideman 2014). */
void vb_expect_wide(const vb_family *family, double y, double w, double m, double v,
                    const double *par, double out[3]) {
  double s = sqrt(v), step = fmin(0.5 * s, 1), eta[BLOCK], f[3][BLOCK], ys[BLOCK], ws[BLOCK];
  int half = (int)fmin(ceil(7.5 * s / step), 4000);
  step = 7.5 * s / half;
  out[0] = out[1] = out[2] = 0;
  for (int i = 0; i < BLOCK; i++) {
    ys[i] = y;
    ws[i] = w;
  }
  for (int from = -half; from <= half; from += BLOCK) {
    int n = half + 1 - from < BLOCK ? half + 1 - from : BLOCK;
    for (int i = 0; i < n; i++) eta[i] = m + step * (from + i);
    family->log_lik(family, n, ys, ws, eta, par, f[0], f[1], f[2]);
    for (int i = 0; i < n; i++) {
      double z = step * (from + i) / s, weight = step / s * exp(-z * z / 2 - VB_LOG_2PI / 2);
      for (int k = 0; k < 3; k++) out[k] += weight * f[k][i];
    }
  }
}

typedef struct {
  double y[BLOCK], w[BLOCK], m[BLOCK], s[BLOCK], eta[BLOCK], f[3][BLOCK], out[3][BLOCK];
  int row[BLOCK];
} slab;

/* cells of one order, gathered into the slab */
static void quadrature(const vb_family *family, const double *par, const double *node,
                       const double *weight, int order, int n, slab *s) {
  for (int k = 0; k < 3; k++) memset(s->out[k], 0, sizeof(double) * n);
  for (int q = 0; q < order; q++) {
    for (int i = 0; i < n; i++) s->eta[i] = s->m[i] + s->s[i] * node[q];
    family->log_lik(family, n, s->y, s->w, s->eta, par, s->f[0], s->f[1], s->f[2]);
    for (int k = 0; k < 3; k++)
      for (int i = 0; i < n; i++) s->out[k][i] += weight[q] * s->f[k][i];
  }
}

static void expect_block(const vb_model *model, const vb_rules *rule, const double *par,
                         const double *m, const double *v, int from, int n, double *ll, double *g,
                         double *h) {
  const vb_family *family = model->family;
  const double *y = model->y + from, *w = model->w + from;
  if (family->expect) {
    family->expect(n, y, w, m + from, v + from, par, ll + from, g + from, h + from);
    for (int i = from; i < from + n; i++) h[i] = -h[i];
    return;
  }
  slab s;
  signed char order[BLOCK];
  for (int i = 0; i < n; i++) order[i] = (signed char)vb_rule_index(v[from + i]);
  for (int k = 0; k < VB_N_ORDER; k++) {
    int c = 0;
    for (int i = 0; i < n; i++)
      if (order[i] == k) {
        s.y[c] = y[i];
        s.w[c] = w[i];
        s.m[c] = m[from + i];
        s.s[c] = sqrt(fmax(v[from + i], 0));
        s.row[c++] = from + i;
      }
    if (!c) continue;
    if (k == VB_N_ORDER - 1) {
      for (int i = 0; i < c; i++) {
        double out[3];
        vb_expect_wide(family, s.y[i], s.w[i], s.m[i], s.s[i] * s.s[i], par, out);
        ll[s.row[i]] = out[0];
        g[s.row[i]] = out[1];
        h[s.row[i]] = -out[2];
      }
      continue;
    }
    quadrature(family, par, rule->node + rule->first[k], rule->weight + rule->first[k],
               rule->order[k], c, &s);
    for (int i = 0; i < c; i++) {
      ll[s.row[i]] = s.out[0][i];
      g[s.row[i]] = s.out[1][i];
      h[s.row[i]] = -s.out[2][i];
    }
  }
}

double vb_expect(const vb_model *model, const double *par, const double *m, const double *v,
                 double *ll, double *g, double *h) {
  if (model->family->opaque) return vb_stein_expect(model, par, m, v, ll, g, h);
  int n_block = (model->n + BLOCK - 1) / BLOCK;
  const int threads = model->n > SERIAL ? model->cores : 1;
#ifdef _OPENMP
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
#else
  (void)threads;
#endif
  for (int b = 0; b < n_block; b++) {
    int from = b * BLOCK, n = model->n - from < BLOCK ? model->n - from : BLOCK;
    expect_block(model, model->rules, par, m, v, from, n, ll, g, h);
  }
  double total = 0;
  for (int i = 0; i < model->n; i++) total += ll[i];
  return total;
}

double vb_expect_rule(const vb_model *model, vb_par_rule *rule, const double *m, const double *v,
                      double *ll, double *g, double *h) {
  double *one[3], *sum[3] = {ll, g, h}, mean = 0;
  for (int k = 0; k < 3; k++) {
    one[k] = rule->scratch + (size_t)k * model->n;
    memset(sum[k], 0, sizeof(double) * model->n);
  }
  for (int s = 0; s < rule->n; s++) {
    double w = rule->weight[s];
    rule->total[s] = rule->base[s] + vb_expect(model, rule->par + (size_t)s * (VB_MAX_PAR + 1), m,
                                               v, one[0], one[1], one[2]);
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
    model->family->base(n, model->y + from, model->w + from, par, out);
    for (int i = 0; i < n; i++) total += out[i];
  }
  return total;
}

/* grad[k] += E d log f / d par[k], summed over cells */
void vb_expect_par(const vb_model *model, const double *par, const double *m, const double *v,
                   double *grad) {
  const vb_family *family = model->family;
  if (family->opaque) {
    vb_stein_par(model, par, m, v, grad);
    return;
  }
  const vb_rules *rule = model->rules;
  const double *node = rule->node + rule->first[PAR_RULE],
               *weight = rule->weight + rule->first[PAR_RULE];
  int order = rule->order[PAR_RULE];
  double eta[BLOCK], d[BLOCK];
  for (int from = 0; from < model->n; from += BLOCK) {
    int n = model->n - from < BLOCK ? model->n - from : BLOCK;
    for (int k = 0; k < model->n_par && family->expect_par; k++) {
      family->expect_par(n, model->y + from, model->w + from, m + from, v + from, par, k, d);
      for (int i = 0; i < n; i++) grad[k] += d[i];
    }
    for (int q = 0; q < order && !family->expect_par; q++) {
      for (int i = 0; i < n; i++) eta[i] = m[from + i] + sqrt(fmax(v[from + i], 0)) * node[q];
      for (int k = 0; k < model->n_par; k++) {
        family->log_lik_par(family, n, model->y + from, model->w + from, eta, par, k, d);
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
