/* What q(c | theta) is kept as between one theta and the next, and where it starts. */
#include <math.h>
#include <string.h>
#include "gauss/stein.h"

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

/* A start that needs no fit: least squares for identity links, else the intercept of the null
 * model. */
void vb_block_start(const vb_model *m, const double *par, vb_inner *in, vb_block *b) {
  memset(b->m, 0, sizeof(double) * m->n_coef);
  memcpy(b->m, m->beta_ref, sizeof(double) * m->p);
  memset(b->site_h, 0, sizeof(double) * m->n_site);
  memset(b->site_b, 0, sizeof(double) * m->n_site);
  if (m->quadratic) return;
  double *d1 = in->rows.g, *d2 = in->rows.h, at = m->family->start_eta;
  int null_model = m->intercept >= 0 && !m->family->identity;
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
