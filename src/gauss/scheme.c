/* The table of schemes, and what all of them have in common: beta's own block, and what is read off
 * the diagonal blocks of S. */
#include "gauss/scheme.h"
#include "gauss/field.h"
#include "gauss/pin.h"
#include <string.h>

#define STRIDE (VB_MAX_DIM * VB_MAX_DIM)

/* in the order of `couplings` in R/fit.R */
static const vb_scheme *const schemes[] = {&vb_scheme_full, &vb_scheme_partial,
                                           &vb_scheme_meanfield};
enum { N_SCHEME = sizeof schemes / sizeof *schemes };

int vb_scheme_count(void) { return N_SCHEME; }
const vb_scheme *vb_scheme_row(int i) { return schemes[i]; }

int vb_scheme_index(const vb_scheme *scheme) {
  int i = 0;
  while (schemes[i] != scheme) i++;
  return i;
}

vb_status vb_scheme_model(const vb_host *host, const vb_scheme *scheme, const vb_input *in,
                          int cores, vb_model *m, int *cell) {
  vb_status st = vb_model_build(host, in, cores, m, cell);
  m->scheme = scheme;
  if (st == VB_OK) scheme->layout(host, m);
  return st;
}

void vb_cross_alloc(const vb_model *m, vb_cross *c) {
  c->beta = m->host->alloc((size_t)m->p * m->p + 1, sizeof(double));
  vb_binned_alloc(m, &c->binned);
  m->scheme->alloc(m, c, NULL);
}

void vb_solution_alloc(const vb_model *m, vb_solution *s) {
  size_t pp = (size_t)m->p * m->p + 1;
  s->beta = m->host->alloc(pp, sizeof(double));
  s->beta_chol = m->host->alloc(pp, sizeof(double));
  s->s_beta = m->host->alloc(pp, sizeof(double));
  s->s_level = m->host->alloc(m->n_term + 1, sizeof(double *));
  vb_binned_alloc(m, &s->binned);
  m->scheme->alloc(m, NULL, s);
}

void vb_cross_products(const vb_model *m, const double *h, vb_cross *c) {
  if (m->n_bins)
    vb_binned_gram(m, h, &c->binned, c->beta);
  else if (m->p)
    vb_weighted_gram(m->n, m->p, m->x, m->p, h, 0, c->beta, m->p);
  vb_symmetrise(m->p, c->beta, m->p);
  m->scheme->cross(m, h, c);
}

vb_status vb_factor(const vb_model *m, const vb_theta *theta, const vb_cross *cross, double scale,
                    vb_solution *s) {
  int p = m->p;
  for (size_t i = 0; i < (size_t)p * p; i++) s->beta[i] = scale * cross->beta[i];
  for (int k = 0; k < p; k++) s->beta[k + (size_t)k * p] += m->prior_precision[k];
  vb_pins_precision(m, s->beta);
  vb_fields_precision(m, theta, s->beta);
  return m->scheme->factor(m, theta, cross, scale, s);
}

vb_status vb_factor_beta(const vb_model *m, const double *site_precision, vb_solution *s) {
  int p = m->p;
  memcpy(s->beta_chol, s->beta, sizeof(double) * p * p);
  for (int i = 0; i < m->n_site; i++)
    s->beta_chol[m->site[i].k * (size_t)(p + 1)] += site_precision[i];
  return m->scheme->factor_beta(m, site_precision, s);
}

vb_status vb_solve(const vb_model *m, vb_solution *s, double *r) {
  return m->scheme->solve(m, s, r);
}

vb_status vb_selected_inverse(const vb_model *m, const double *congruence, vb_solution *s) {
  return m->scheme->inverse(m, congruence, s);
}

double vb_factor_cost(const vb_model *m) {
  double cost = m->scheme->cost(m);
  return m->quadratic ? cost : cost + (double)m->n * (m->p * m->p + 50);
}

double vb_eval_cost(const vb_model *m) { return vb_factor_cost(m) + 300.0 * m->n; }

/* ---- Read off the blocks of S ---- */

void vb_coef_variance(const vb_model *m, const vb_solution *s, double *var) {
  int p = m->p;
  for (int k = 0; k < p; k++) var[k] = s->s_beta[k + (size_t)k * p];
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    const double *own = s->s_level[k];
    double *out = var + t->first;
    for (int l = 0; l < t->n_level; l++, own += t->d * t->d)
      for (int a = 0; a < t->d; a++) *out++ = own[a + a * t->d];
  }
}

/* sum over levels of S_jj (+ m_j m_j'), d x d */
static void term_moments(const vb_term *t, const double *own, const double *c, double *u) {
  int d = t->d;
  memset(u, 0, sizeof(double) * d * d);
  for (int l = 0; l < t->n_level; l++, own += d * d) {
    const double *cl = c ? c + t->first + (size_t)l * d : NULL;
    for (int b = 0; b < d; b++)
      for (int a = b; a < d; a++) u[a + b * d] += own[a + b * d] + (cl ? cl[a] * cl[b] : 0);
  }
  for (int b = 0; b < d; b++)
    for (int a = 0; a < b; a++) u[a + b * d] = u[b + a * d];
}

void vb_second_moments(const vb_model *m, const vb_solution *s, const double *c, double *u) {
  for (int k = 0; k < m->n_term; k++)
    term_moments(m->term + k, s->s_level[k], c, u + (size_t)k * STRIDE);
}

double vb_prior_trace(const vb_model *m, const vb_theta *theta, const vb_solution *s) {
  double out = 0, u[STRIDE];
  for (int k = 0; k < m->p; k++) out += m->prior_precision[k] * s->s_beta[k + (size_t)k * m->p];
  out += vb_pins_trace(m, s->s_beta);
  out += vb_fields_trace(m, theta, s);
  for (int k = 0; k < m->n_term; k++) {
    const double *om = theta->omega + (size_t)k * STRIDE;
    int d = m->term[k].d;
    term_moments(m->term + k, s->s_level[k], NULL, u);
    for (int i = 0; i < d * d; i++) out += om[i] * u[i];
  }
  return out;
}

/* (m - mu0)' P (m - mu0); pm, if wanted, gets P (m - mu0) */
double vb_prior_quadratic(const vb_model *m, const vb_theta *theta, const double *c, double *pm) {
  double out = 0;
  if (pm) memset(pm, 0, sizeof(double) * m->n_coef);
  for (int k = 0; k < m->p; k++) {
    double e = c[k] - m->prior_mean[k], t = m->prior_precision[k] * e;
    out += e * t;
    if (pm) pm[k] = t;
  }
  out += vb_pins_quadratic(m, theta->pin, c, pm);
  out += vb_fields_quadratic(m, theta, c, pm);
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    const double *om = theta->omega + (size_t)k * STRIDE;
    for (int l = 0; l < t->n_level && !t->is_field; l++) {
      const double *u = c + t->first + (size_t)l * t->d;
      for (int a = 0; a < t->d; a++) {
        double w = 0;
        for (int b = 0; b < t->d; b++) w += om[a + b * t->d] * u[b];
        out += u[a] * w;
        if (pm) pm[t->first + (size_t)l * t->d + a] = w;
      }
    }
  }
  return out;
}

/* log |P| of the random effects and the fields; the normal priors of beta are in log_prior_constant
 */
double vb_prior_log_det(const vb_model *m, const vb_theta *theta) {
  double out = vb_fields_log_det(m, theta);
  for (int k = 0; k < m->n_term; k++) out -= m->term[k].n_level * theta->log_det[k];
  return out;
}
