/* What a Gaussian q(beta) leaves of the priors that are not normal, each along its own coefficient
 * (mathematics.Rmd, section 9).  It counts where the prior is tighter than the data, as a lasso's
 * is. */
#include <math.h>
#include <string.h>
#include "correct/rq.h"

#define HALF 200 /* nodes on either side, up to so many sds */
#define REACH 40
#define NEGLIGIBLE 0.02 /* share of a coefficient's information that comes from its prior */

typedef struct {
  double log_c;            /* log E exp(r - E r), r the remainder of the site's log density */
  double shift, var, skew; /* of N(m, v) exp(r): mean less m, variance, third cumulant */
  double tilted;           /* the variance by linear response, were there no other site */
} alone;

/* The mean's response to a tilt with the variance following, from the second derivatives of the
 * bound in m and v: -1 / v, E f''' / 2, E f'''' / 4 - 1 / (2 v^2). */
static double response_alone(double third, double fourth, double v) {
  double cross = third / 2, bend = fourth / 4 - 1 / (2 * v * v);
  return bend < 0 ? v / fmax(1 + v * cross * cross / bend, 0.1) : v;
}

/* by a wide rule, for the tails are the prior's; it is made when first one is wanted */
static alone without_others(const vb_model *m, const vb_site *site, double mean, double v,
                            vb_rq *rq) {
  double g, h, ll = vb_expect_site(m, site, mean, v, &g, &h), s = sqrt(v), x[VB_MAX_GRID];
  alone out = {.var = v, .tilted = v};
  if (!(fabs(h) * v > NEGLIGIBLE)) return out;
  if (!rq->site) vb_grid_wide(HALF, REACH, rq->site = m->host->alloc(1, sizeof(vb_grid)));
  const vb_grid *grid = rq->site;
  double total[VB_MAX_GRID], post[VB_MAX_GRID], third = 0, fourth = 0;
  for (int i = 0; i < grid->n; i++) x[i] = mean + s * grid->z[i][0];
  site->prior->log_density(grid->n, x, site->arg, total, NULL, NULL);
  for (int i = 0; i < grid->n; i++) { /* E f^(k) = E f He_k / s^k, which sees kinks */
    double z = grid->z[i][0], w = exp(grid->log_w[i]) * (total[i] - ll);
    third += w * z * (z * z - 3);
    fourth += w * (z * z * (z * z - 6) + 3);
    total[i] += h * v * z * z / 2 - g * s * z;
  }
  out.log_c = vb_grid_weigh(grid, total, post) - ll - h * v / 2;
  for (int i = 0; i < grid->n; i++) out.shift += post[i] * (x[i] - mean);
  out.var = 0;
  for (int i = 0; i < grid->n; i++) {
    double d = x[i] - mean - out.shift;
    out.var += post[i] * d * d;
    out.skew += post[i] * d * d * d;
  }
  out.tilted = response_alone(third / (v * s), fourth / (v * v), v);
  return out;
}

double vb_site_remainder(const vb_model *m, const vb_inner *in, const double *beta, vb_rq *rq) {
  double total = 0;
  for (int i = 0; i < m->n_site; i++) {
    int k = m->site[i].k;
    double v = in->sol.s_beta[k * (size_t)(m->p + 1)];
    total += without_others(m, m->site + i, beta[k], v, rq).log_c;
  }
  return total;
}

/* how the reported coefficients go with site j: V a / a' V a, a the site's coefficient in them */
static void along_site(const vb_model *m, int at, const double *v, double *out) {
  int p = m->p;
  memcpy(out, v + (size_t)at * p, sizeof(double) * p);
  for (int l = 0; l < p; l++)
    for (int k = 0; k < p && m->into[l] == at; k++) out[k] += m->center[l] * v[k + (size_t)l * p];
  double own = out[at];
  for (int l = 0; l < p; l++)
    if (m->into[l] == at) own += m->center[l] * out[l];
  for (int k = 0; k < p; k++) out[k] /= own;
}

void vb_site_respond(const vb_model *m, const double *s_beta, const double *beta, int tilted,
                     vb_rq *rq, vb_site_moments *out) {
  int p = m->p;
  double *v = out->v;
  double *along = m->host->alloc((size_t)p * (m->n_site + 1), sizeof(double));
  double *change = m->host->alloc(m->n_site + 1, sizeof(double));
  for (int j = 0; j < m->n_site; j++) {
    int at = m->site[j].k;
    double *a = along + (size_t)j * p;
    along_site(m, at, v, a);
    alone site = without_others(m, m->site + j, beta[at], s_beta[at * (size_t)(p + 1)], rq);
    for (int k = 0; k < p; k++) {
      out->shift[k] += a[k] * site.shift;
      if (!tilted) out->skew[k] += a[k] * a[k] * a[k] * site.skew;
    }
    change[j] = site.var - (tilted ? site.tilted : s_beta[at * (size_t)(p + 1)]);
  }
  for (int j = 0; j < m->n_site; j++) {
    const double *a = along + (size_t)j * p;
    for (int k = 0; k < p; k++)
      for (int l = 0; l < p; l++) v[k + (size_t)l * p] += change[j] * a[k] * a[l];
  }
}
