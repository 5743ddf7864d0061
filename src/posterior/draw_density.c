/* What importance weights of draws are made of (draw.h). */
#include <math.h>
#include <string.h>
#include "posterior/draw.h"

#define DENSE_UP_TO 300

static vb_status sum_rows(vb_draw_density *d) {
  const vb_model *m = d->model;
  vb_block block;
  vb_whitening_factor factor;
  vb_whitening_alloc(m, 0, DENSE_UP_TO, &d->map);
  d->sums = d->map.coupled;
  if (!d->sums) return VB_OK;
  vb_inner_alloc(m, &d->inner);
  vb_block_alloc(m, &block);
  vb_whitening_factor_alloc(&d->map, &factor);
  vb_status st = vb_theta_set(d->hyper, d->post->x, &d->scratch);
  if (st == VB_OK) st = vb_whitening_pilot(&d->map, &d->scratch, 0, &d->inner, &block, &factor);
  /* the sums are all that is wanted: those of structured terms' rows may have no factor */
  return st == VB_NOT_POS_DEF && m->n_field ? VB_OK : st;
}

vb_status vb_draw_density_make(const vb_posterior *post, const double *mean, const double *sd,
                               vb_draw_density *d) {
  const vb_model *m = post->model;
  const vb_hyper *hyper = post->hyper;
  const vb_host *host = m->host;
  *d = (vb_draw_density){.model = m, .hyper = hyper, .post = post, .mean = mean, .sd = sd};
  vb_theta_alloc(host, hyper, &d->scratch);
  vb_likelihood_make(m, hyper, 1, &d->likelihood);
  d->c = host->alloc(m->n_coef + 1, sizeof(double));
  d->vec = host->alloc(m->n_coef + 1, sizeof(double));
  d->site = host->alloc(2 * (size_t)m->n_site + 1, sizeof(double));
  return m->quadratic ? sum_rows(d) : VB_OK;
}

/* the kernels' sum in the axes of natural parameters from first on, up to end */
static double kernel_sum(const vb_draw_density *d, const double *x, int first, int end) {
  const vb_posterior *post = d->post;
  int K = d->hyper->n_axis, axis[VB_MAX_AXIS], n = 0;
  double a = sqrt(1 - VB_DRAW_SMOOTH * VB_DRAW_SMOOTH), sum = 0, log_scale = 0;
  for (int i = first; i < end; i++)
    if (d->hyper->natural[i].axis >= 0) axis[n++] = d->hyper->natural[i].axis;
  for (int k = 0; k < n; k++) log_scale += log(VB_DRAW_SMOOTH * d->sd[axis[k]]) + VB_LOG_2PI / 2;
  for (int t = 0; t < post->n_point; t++) {
    double r2 = 0;
    for (int k = 0; k < n; k++) {
      double m = d->mean[axis[k]], at = m + a * (post->point_x[(size_t)t * K + axis[k]] - m);
      double r = (x[axis[k]] - at) / (VB_DRAW_SMOOTH * d->sd[axis[k]]);
      r2 += r * r;
    }
    sum += post->point_weight[t] * exp(-r2 / 2);
  }
  return n ? log(sum) - log_scale : 0;
}

/* one factor for each term and one for the rest */
static double independent(const vb_draw_density *d, const double *x) {
  const vb_hyper *h = d->hyper;
  double out = 0;
  for (int k = 0; k < h->n_term; k++)
    out += kernel_sum(d, x, h->first[k], h->first[k] + vb_term_pars(h, k));
  return out + kernel_sum(d, x, h->first_par, h->n_natural);
}

double vb_draw_log_q_theta(const vb_draw_density *d, const double *x, int point) {
  if (!d->hyper->n_axis) return 0;
  return d->post->point_log_density ? d->post->point_log_density[point] : independent(d, x);
}

/* all coefficients under a mixture at once: it is made anew for every theta */
static double mixture_sites(vb_draw_density *d, const vb_theta *theta) {
  const vb_model *m = d->model;
  const vb_prior *prior = NULL;
  double *ll = d->site + m->n_site, sum = 0;
  int n = 0;
  for (int i = 0; i < m->n_site; i++) {
    if (!m->site[i].prior->mix) continue;
    prior = m->site[i].prior;
    d->site[n++] = d->c[m->site[i].k];
  }
  if (n) prior->log_density(n, d->site, theta->shrink, ll, NULL, NULL);
  for (int i = 0; i < n; i++) sum += ll[i];
  return sum;
}

double vb_draw_log_p(vb_draw_density *d, const vb_theta *theta, const double *reported) {
  const vb_model *m = d->model;
  double value;
  vb_points here = {.n = 1, .c = d->c, .theta = theta, .value = &value};
  memcpy(d->c, reported, sizeof(double) * m->n_coef);
  vb_unreport_beta(m, d->c);
  if (d->sums)
    vb_quadratic_eval(&d->map, &here);
  else
    vb_likelihood_eval(&d->likelihood, &here);
  value += m->constant + vb_log_prior_coef(m, theta, d->c, d->vec, NULL) + theta->log_prior;
  return m->ep ? value + mixture_sites(d, theta) : value;
}
