/* What q(c | theta) is kept as between one theta and the next, and where it starts. */
#include <math.h>
#include <string.h>
#include "gauss/several.h"
#include "gauss/stein.h"
#include "numbers/small.h"

#define SAMPLE 8192 /* rows, or so many a coefficient: */
#define PER_COEFFICIENT 128
#define TALL 4      /* times as many there must be */
#define SETTLED 0.1 /* nats */
#define WIDE 1e-2   /* the precision of a prior that is not normal */

static int sample_size(const vb_model *m) {
  return m->p * PER_COEFFICIENT > SAMPLE ? m->p * PER_COEFFICIENT : SAMPLE;
}

static double sample_prior(const vb_model *m, int k) {
  return m->prior_precision[k] > 0 ? m->prior_precision[k] : WIDE;
}

void vb_block_alloc(const vb_model *m, vb_block *b) {
  b->m = m->host->alloc(m->n_coef + 1, sizeof(double));
  b->h = m->host->alloc(m->quadratic ? 1 : m->n + 1, sizeof(double));
  b->site_h = m->host->alloc(m->n_site + 1, sizeof(double));
  b->site_b = m->host->alloc(m->n_site + 1, sizeof(double));
}

void vb_block_copy(const vb_model *m, const vb_block *from, vb_block *to) {
  memcpy(to->m, from->m, sizeof(double) * m->n_coef);
  if (!m->quadratic) memcpy(to->h, from->h, sizeof(double) * m->n);
  memcpy(to->site_h, from->site_h, sizeof(double) * m->n_site);
  memcpy(to->site_b, from->site_b, sizeof(double) * m->n_site);
}

/* ---- Regressions of very many rows: some of them say where all begin ---- */

typedef struct {
  vb_rows rows;
  double *offset, *x; /* x n x p row-major */
  double *eta, *ll, *d1, *d2, *gram, *step, *beta;
} sample;

static int is_tall(const vb_model *m) {
  return m->n_term == 0 && m->p > 0 && m->n / sample_size(m) >= TALL && !m->family->opaque &&
         !m->family->kinked && !m->family->several;
}

static sample take_sample(const vb_model *m, int n) {
  int p = m->p, step = m->n / n;
  const vb_host *host = m->host;
  sample s;
  double **per_row[] = {&s.offset, &s.eta, &s.ll, &s.d1, &s.d2}, **per_coef[] = {&s.step, &s.beta};
  int *index = host->alloc(n, sizeof(int));
  for (int i = 0; i < n; i++) index[i] = i * step;
  for (int k = 0; k < 5; k++) *per_row[k] = host->alloc(n, sizeof(double));
  for (int k = 0; k < 2; k++) *per_coef[k] = host->alloc(p, sizeof(double));
  s.gram = host->alloc((size_t)p * p, sizeof(double));
  s.x = host->alloc((size_t)n * p, sizeof(double));
  s.rows =
      vb_rows_gather(&m->rows, n, index, host->alloc((size_t)VB_ROW_COLUMNS * n, sizeof(double)));
  for (int i = 0; i < n; i++) {
    s.offset[i] = m->offset[index[i]];
    vb_x_copy(m, index[i], 1, s.x + (size_t)i * p);
  }
  return s;
}

/* log posterior at beta, up to a constant: where a prior is no normal, one that is wide */
static double sample_value(const vb_model *m, const double *par, const sample *s,
                           const double *beta) {
  double value = 0;
  for (int i = 0; i < s->rows.n; i++)
    s->eta[i] = s->offset[i] + vb_dot(m->p, s->x + (size_t)i * m->p, beta);
  m->family->log_lik(m->family, &s->rows, s->eta, par, s->ll, s->d1, s->d2);
  for (int i = 0; i < s->rows.n; i++) value += s->ll[i];
  for (int k = 0; k < m->p; k++) {
    double off = beta[k] - m->prior_mean[k];
    value -= sample_prior(m, k) * off * off / 2;
  }
  return value;
}

/* Newton's step where s was evaluated last; returns its decrement, NaN where there is none */
static double sample_step(const vb_model *m, const double *beta, sample *s) {
  int p = m->p;
  for (int i = 0; i < s->rows.n; i++) s->d2[i] = fmax(-s->d2[i], 0);
  vb_weighted_gram(s->rows.n, p, s->x, p, s->d2, 0, s->gram, p);
  for (int k = 0; k < p; k++) {
    s->gram[k * (size_t)(p + 1)] += sample_prior(m, k);
    s->step[k] = -sample_prior(m, k) * (beta[k] - m->prior_mean[k]);
  }
  for (int i = 0; i < s->rows.n; i++)
    for (int k = 0; k < p; k++) s->step[k] += s->d1[i] * s->x[(size_t)i * p + k];
  if (vb_chol(p, s->gram, p) != VB_OK) return NAN;
  vb_chol_half(p, s->gram, p, 1, s->step, p);
  double decrement = vb_dot(p, s->step, s->step) / 2;
  vb_chol_half_t(p, s->gram, p, 1, s->step, p);
  return decrement;
}

/* beta <- the mode of the sample, nearly: it is half a nat a coefficient off that of all rows */
static void sample_mode(const vb_model *m, const double *par, int n, double *beta) {
  sample s = take_sample(m, n);
  double value = sample_value(m, par, &s, beta);
  for (int it = 0; it < 20 && isfinite(value); it++) {
    double decrement = sample_step(m, beta, &s), rho = 1, next = -INFINITY;
    if (!(decrement > SETTLED)) return;
    for (; rho > 1e-3 && !(next > value); rho /= 2) {
      for (int k = 0; k < m->p; k++) s.beta[k] = beta[k] + rho * s.step[k];
      next = sample_value(m, par, &s, s.beta);
    }
    if (!(next > value)) return;
    value = next;
    memcpy(beta, s.beta, sizeof(double) * m->p);
  }
}

static double value_at(const vb_model *m, const double *par, const double *c, vb_inner *in) {
  double value = 0;
  vb_linear_predictor(m, c, in->rows.eta);
  vb_log_lik_at(m, par, in->rows.eta, in->rows.stein, in->rows.ll, in->rows.g, in->rows.h);
  for (int i = 0; i < m->n; i++) value += in->rows.ll[i];
  return value;
}

/* is the start that some rows propose better than none, in all of them? */
static int start_from_sample(const vb_model *m, const double *par, vb_inner *in, vb_block *b) {
  double *proposed = in->trial.m;
  memcpy(proposed, b->m, sizeof(double) * m->n_coef);
  if (m->intercept >= 0 && !m->family->identity) proposed[m->intercept] = m->family->start_eta;
  double none = value_at(m, par, proposed, in);
  for (int n = sample_size(m); m->n / n >= TALL; n *= 2 * TALL) sample_mode(m, par, n, proposed);
  if (!(value_at(m, par, proposed, in) > none)) return 0;
  memcpy(b->m, proposed, sizeof(double) * m->n_coef);
  return 1;
}

/* of several predictors: their intercepts where a response without predictors has them */
static void start_several(const vb_model *m, const double *par, vb_inner *in, vb_block *b) {
  const vb_predictors *p = m->family->several;
  double eta[VB_MAX_PREDICTORS];
  vb_several_start(m, eta);
  for (int k = 0; k < m->p; k++)
    for (int a = 0; a < p->n_active && m->into[k] == k; a++)
      if (m->x[(size_t)a * m->n_dense + k] != 0) b->m[k] = eta[p->active[a]];
  vb_linear_predictor(m, b->m, in->rows.eta);
  memset(in->rows.v, 0, sizeof(double) * m->n);
  const vb_etas at = vb_row_etas(&in->rows);
  vb_expect(m, par, &at, in->rows.ll, in->rows.g, b->h);
  vb_several_diagonal(p, m->n, 1e-3, b->h);
}

/* A start that needs no fit: least squares for identity links, else the intercept of the null
 * model. */
void vb_block_start(const vb_model *m, const double *par, vb_inner *in, vb_block *b) {
  memset(b->m, 0, sizeof(double) * m->n_coef);
  memcpy(b->m, m->beta_ref, sizeof(double) * m->p);
  memset(b->site_h, 0, sizeof(double) * m->n_site);
  memset(b->site_b, 0, sizeof(double) * m->n_site);
  if (m->quadratic) return;
  double *d1 = in->rows.g, *d2 = in->rows.h, at = m->family->start_eta;
  if (m->family->several) {
    start_several(m, par, in, b);
    return;
  }
  int from_sample = is_tall(m) && start_from_sample(m, par, in, b);
  int null_model = m->intercept >= 0 && !m->family->identity && !from_sample;
  for (int it = 0; it < 30 && null_model; it++) {
    double g = 0, h = 0;
    for (int i = 0; i < m->n; i++) in->rows.eta[i] = m->offset[i] + at;
    vb_log_lik_at(m, par, in->rows.eta, in->rows.stein, in->rows.ll, d1, d2);
    for (int i = 0; i < m->n; i++) {
      g += d1[i];
      h -= d2[i];
    }
    g -= at / 25; /* responses that are all zero, or all one, have no finite best */
    double step = g / (h + 1e-3 * fabs(g) + 0.04);
    if (!isfinite(step)) at = m->family->start_eta; /* no density here */
    if (!isfinite(step)) break;
    at += step > 2 ? 2 : step < -2 ? -2 : step;
    if (fabs(step) < 1e-4 || fabs(at) > 20) break;
  }
  if (null_model) b->m[m->intercept] = at;
  vb_linear_predictor(m, b->m, in->rows.eta);
  vb_log_lik_at(m, par, in->rows.eta, in->rows.stein, in->rows.ll, d1, d2);
  double top = 0;
  for (int i = 0; i < m->n; i++) top = fmax(top, -d2[i]);
  /* a piecewise linear density has its information in the scores alone (Bartlett's identity) */
  for (int i = 0; i < m->n; i++)
    b->h[i] = top > 0 ? fmax(-d2[i], 1e-3 * top + 1e-8) : d1[i] * d1[i];
  for (int i = 0; i < m->n_site && !m->ep; i++) {
    const vb_site *site = m->site + i;
    site->prior->log_density(1, b->m + site->k, site->arg, &at, d1, d2);
    b->site_h[i] = d2[0] != 0 ? fabs(d2[0]) : d1[0] * d1[0];
  }
}
