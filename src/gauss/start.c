/* Where the axes of theta start. */
#include <math.h>
#include "gauss/several.h"

double vb_residual_scale(const vb_model *m, const vb_hyper *h) {
  double sum = 0, sum_w = 0, sum_y = 0, sum_y2 = 0;
  if (!m->family->identity) return 1;
  for (int i = 0; i < m->n; i++) {
    double e = m->rows.y[i] - m->offset[i];
    for (int k = 0; k < m->n_dense; k++) /* beyond the first run beta_ref is zero */
      e -= m->x[(size_t)i * m->n_dense + k] * m->beta_ref[k];
    sum += m->rows.w[i] * e * e;
    sum_w += m->rows.w[i];
    sum_y += m->rows.w[i] * (m->rows.y[i] - m->offset[i]);
    sum_y2 += m->rows.w[i] * pow(m->rows.y[i] - m->offset[i], 2);
  }
  /* a perfect fit (n <= p) says nothing of the residual scale; shrunk coefficients fit less */
  double least = h->n_shrink ? 0.25 : 0.01;
  double scale = sqrt(fmax(sum, least * (sum_y2 - sum_y * sum_y / sum_w)) / sum_w);
  return scale > 1e-8 * sqrt(sum_y2 / sum_w) ? scale : 1; /* rounding is no scale */
}

#define ENOUGH 4000 /* rows to start from */
/* a field's sd at what gives its part of the predictor half the scale of the response */
static double start_sd(const vb_model *m, const vb_field *f, double scale) {
  double square = 0, *room = m->host->alloc(m->p + 1, sizeof(double));
  int step = m->n_bins ? m->n / ENOUGH + 1 : 1, n = (m->n + step - 1) / step;
  for (int i = 0; i < m->n && f->term >= 0; i++) square += pow(m->term[f->term].z[i], 2) / m->n;
  for (int i = 0; i < m->n && f->term < 0; i += step) {
    const double *x = vb_x_row(m, i, room);
    for (int k = f->first; k < f->first + f->n; k++) square += x[k] * x[k] / n;
  }
  return 0.5 * scale / sqrt(square > 0 ? square : 1);
}

static void start_held(const vb_model *m, double *par) {
  const vb_predictors *p = m->family->several;
  double eta[VB_MAX_PREDICTORS];
  vb_several_start(m, eta);
  for (int k = 0; k < p->n_par; k++)
    if (p->held[k] >= 0) par[p->held[k]] = vb_link_inverse(vb_several_link(p->of, k), eta[k]);
}

/* Group sds start at half the scale of the response per unit of z, dispersions at the residual
 * scale where the link is the identity (their first is a scale there), else at one. */
void vb_start_axes(const vb_model *m, const vb_hyper *h, double scale, const double *own,
                   double *start) {
  for (int t = 0; t < h->n_term; t++)
    for (int k = h->first[t]; k < h->first[t] + vb_term_sds(h, t); k++) {
      const vb_natural *n = h->natural + k;
      double z2 = 0;
      for (int i = 0; i < m->n; i++)
        for (int a = 0; a < h->d[t]; a++)
          if (vb_sd_of(h, t, a) == k) z2 += pow(m->term[t].z[(size_t)i * h->d[t] + a], 2) / m->n;
      if (n->axis >= 0) start[n->axis] = log(0.5 * scale / sqrt(z2 > 0 ? z2 : 1));
    }
  double par[VB_MAX_PAR] = {m->family->identity ? 0.8 * scale : 1, 10};
  if (m->family->start) m->family->start(&m->rows, h->n_par, par);
  if (m->family->several) start_held(m, par);
  for (int k = 0; k < h->n_par; k++) {
    const vb_natural *n = h->natural + h->first_par + k;
    if (own) par[k] = isnan(own[k]) ? 0.8 * scale : own[k];
    if (n->axis >= 0)
      start[n->axis] =
          n->coord->inverse(n->after ? fabs(par[k] - par[k - n->after]) : par[k], n->s0);
  }
  for (int i = 0; i < h->n_field; i++)
    for (int k = 0; k < h->field[i].row->n_par; k++) {
      const vb_natural *n = h->natural + h->first_field + h->field[i].par + k;
      double at = k ? h->field[i].start[k] : start_sd(m, h->field + i, scale);
      if (n->axis >= 0) start[n->axis] = n->coord->inverse(at, n->s0);
    }
  if (!h->n_shrink) return;
  const vb_natural *global = h->natural + h->first_shrink;
  double x2 = 1e-300; /* a few coefficients that matter, per unit of x */
  size_t size = (size_t)m->n * m->n_dense;
  for (size_t i = 0; i < size; i++) x2 += m->x[i] * m->x[i] / size;
  start[global->axis] = log(fmin(global->arg[2], 0.3 / sqrt(m->n * x2)));
  start[global[1].axis] = log(global[1].arg[1]);
}
