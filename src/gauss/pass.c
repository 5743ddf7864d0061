/* Passes over the cells: from coefficients to linear predictors, back, and to their variances. */
#include <string.h>
#include "gauss/scheme.h"
#include "gauss/field.h"
#include "gauss/pin.h"

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)

#define AT_ONCE \
  4 /* rows: one sum waits for its last addition, several do not wait for each other */

/* eta <- from + a run of columns' part */
static void run_predictor(const vb_model *m, const vb_run *run, const double *c, const double *from,
                          double *eta) {
  size_t p = m->n_dense;
  const double *x = m->x + run->at;
  int i = 0;
  for (; i + AT_ONCE <= m->n; i += AT_ONCE, x += AT_ONCE * p) {
    double t[AT_ONCE];
    for (int r = 0; r < AT_ONCE; r++) t[r] = from[i + r];
    for (int k = 0; k < run->n; k++)
      for (int r = 0; r < AT_ONCE; r++) t[r] += x[r * p + k] * c[k];
    memcpy(eta + i, t, sizeof t);
  }
  for (; i < m->n; i++, x += p) {
    double t = from[i];
    for (int k = 0; k < run->n; k++) t += x[k] * c[k];
    eta[i] = t;
  }
}

static void fixed_part(const vb_model *m, const double *c, double *eta) {
  if (!m->n_run) memcpy(eta, m->offset, sizeof(double) * m->n);
  for (int r = 0; r < m->n_run; r++)
    run_predictor(m, m->run + r, c + m->run[r].first, r ? eta : m->offset, eta);
  vb_bins_predictor(m, c, eta);
}

/* r <- r + X'g, by blocks of rows that stay in cache and few columns whose sums stay in registers
 */
static void run_transpose(const vb_model *m, const vb_run *run, const double *g, double *r) {
  enum { ROWS = 128, COLUMNS = 8 };
  int p = run->n;
  size_t ld = m->n_dense;
  const double *first = m->x + run->at;
  for (int from = 0; from < m->n; from += ROWS) {
    int to = m->n - from < ROWS ? m->n : from + ROWS, k = 0;
    for (; k + COLUMNS <= p; k += COLUMNS) {
      double sum[COLUMNS];
      memcpy(sum, r + k, sizeof sum);
      for (int i = from; i < to; i++) {
        const double *x = first + i * ld + k;
        for (int a = 0; a < COLUMNS; a++) sum[a] += g[i] * x[a];
      }
      memcpy(r + k, sum, sizeof sum);
    }
    for (int i = from; i < to; i++)
      for (int a = k; a < p; a++) r[a] += g[i] * first[i * ld + a];
  }
}

static void fixed_transpose(const vb_model *m, const double *g, double *r) {
  for (int k = 0; k < m->n_run; k++) run_transpose(m, m->run + k, g, r + m->run[k].first);
  vb_bins_transpose(m, g, r);
}

void vb_linear_predictor(const vb_model *m, const double *c, double *eta) {
  fixed_part(m, c, eta);
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    for (int i = 0; i < m->n; i++) {
      const double *u = c + t->first + (size_t)t->group[i] * t->d, *z = t->z + (size_t)i * t->d;
      double s = 0;
      for (int a = 0; a < t->d; a++) s += z[a] * u[a];
      eta[i] += s;
    }
  }
}

/* r <- A'g */
void vb_design_transpose(const vb_model *m, const double *g, double *r) {
  memset(r, 0, sizeof(double) * m->n_coef);
  fixed_transpose(m, g, r);
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    for (int i = 0; i < m->n; i++) {
      double *u = r + t->first + (size_t)t->group[i] * t->d;
      const double *z = t->z + (size_t)i * t->d;
      for (int a = 0; a < t->d; a++) u[a] += g[i] * z[a];
    }
  }
}

#define BLOCK 64    /* VB_STRIP at most */
#define SERIAL 4096 /* rows up to which threads cost more than they save */
#define GEMM_FROM 8 /* columns from which the blocked product pays */
/* v <- diag(X S X'), of the columns that are stored */
static void stored_variance(int n, int p, const double *x, const double *s, double *v) {
  if (p >= GEMM_FROM && p <= VB_NARROW) {
    vb_quadratic_forms(n, p, x, s, v);
  } else if (p > VB_NARROW && p <= 512) {
    double y[BLOCK * 512 / 8]; /* p columns are taken in slices so that y fits the stack */
    int slice = BLOCK * 512 / 8 / BLOCK;
    for (int i = 0; i < n; i++) v[i] = 0;
    for (int k0 = 0; k0 < p; k0 += slice) {
      int kn = p - k0 < slice ? p - k0 : slice;
      vb_gemm_nn(kn, n, p, 1, s + k0, p, x, p, 0, y, kn);
      for (int i = 0; i < n; i++) {
        double t = 0;
        for (int k = 0; k < kn; k++) t += y[k + (size_t)i * kn] * x[(size_t)i * p + k0 + k];
        v[i] += t;
      }
    }
  } else {
    for (int i = 0; i < n; i++) {
      double t = 0;
      for (int l = 0; l < p; l++) {
        double w = 0.5 * s[l + (size_t)l * p] * x[(size_t)i * p + l];
        for (int k = l + 1; k < p; k++) w += s[k + (size_t)l * p] * x[(size_t)i * p + k];
        t += 2 * w * x[(size_t)i * p + l];
      }
      v[i] = t;
    }
  }
}

static void row_variance_block(const vb_model *m, vb_solution *s, int from, int n, double *v) {
  const double *x = m->x + (size_t)from * m->n_dense;
  stored_variance(n, m->n_dense, x, m->n_bins ? s->binned.stored : s->s_beta, v + from);
  if (m->n_bins) vb_binned_variance(m, from, n, &s->binned, v);
  m->scheme->row_variance(m, s, from, n, v);
}

void vb_row_variance(const vb_model *m, vb_solution *s, double *v) {
  int n_block = (m->n + BLOCK - 1) / BLOCK;
  const int threads = m->n > SERIAL && !m->n_bins ? m->cores : 1; /* a strip's room is one */
  if (m->n_bins) vb_binned_prepare(m, s->s_beta, &s->binned);
#ifdef _OPENMP
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
#else
  (void)threads;
#endif
  for (int b = 0; b < n_block; b++) {
    int from = b * BLOCK, n = m->n - from < BLOCK ? m->n - from : BLOCK;
    row_variance_block(m, s, from, n, v);
  }
}

void vb_beta_loads(const vb_model *m, const vb_solution *s, double *out) {
  int p = m->p;
  if (!m->n_bins) vb_gemm_nn(p, m->n, p, 1, s->s_beta, p, m->x, p, 0, out, p);
  for (int from = 0; m->n_bins && from < m->n; from += BLOCK) {
    int n = m->n - from < BLOCK ? m->n - from : BLOCK;
    vb_x_copy(m, from, n, s->binned.x);
    vb_gemm_nn(p, n, p, 1, s->s_beta, p, s->binned.x, p, 0, out + (size_t)from * p, p);
  }
}

void vb_precision_product(const vb_model *m, const vb_lambda *q, const double *x, double *out) {
  double *eta = q->eta;
  vb_linear_predictor(m, x, eta);
  for (int i = 0; i < m->n; i++) eta[i] = q->scale * q->h[i] * (eta[i] - m->offset[i]);
  vb_design_transpose(m, eta, out);
  for (int k = 0; k < m->p; k++) out[k] += m->prior_precision[k] * x[k];
  vb_pins_product(m, x, out);
  vb_fields_product(m, q->theta, x, out);
  for (int i = 0; i < m->n_site; i++) out[m->site[i].k] += q->site[i] * x[m->site[i].k];
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    const double *omega = q->theta->omega + (size_t)k * STRIDE;
    for (int l = 0; l < t->n_level; l++)
      for (int b = 0; b < t->d; b++) {
        size_t at = t->first + (size_t)l * t->d;
        for (int a = 0; a < t->d; a++) out[at + a] += omega[a + b * t->d] * x[at + b];
      }
  }
}
