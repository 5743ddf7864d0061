/* The log likelihood of a quadratic family and its gradient from sufficient statistics: with d = c
 * - c_ref, c_ref the least squares fit on x alone, and r_ref = A' W (y - A c_ref) the residual sum
 * of squares is rss_ref - 2 d'r_ref + d'A'WA d. */
#include <math.h>
#include <string.h>
#include "gauss/whiten.h"
#include "numbers/small.h"

void vb_quadratic_eval(const vb_whitening *map, const vb_points *of) {
  const vb_model *m = map->model;
  int n_coef = m->n_coef;
  double *d = map->vec[2], *hd = map->vec[3], base;
  for (int k = 0; k < of->n; k++) {
    const double *par = of->theta[k].par, *c = of->c + (size_t)k * n_coef;
    double tau = vb_quadratic_precision(m, par);
    memcpy(d, c, sizeof(double) * n_coef);
    for (int i = 0; i < m->p; i++) d[i] -= m->beta_ref[i];
    vb_whitening_multiply(map, d, hd);
    double rss = map->sums->rss_ref - 2 * vb_dot(n_coef, d, map->sums->r_ref) +
                 vb_dot(n_coef, d, hd) / map->tau;
    m->family->base(&vb_rows_unit, par, &base);
    of->value[k] = m->n * base + (m->sum_log_w - tau * rss) / 2;
    if (!of->g) continue;
    double *at = of->g + (size_t)k * n_coef;
    for (int i = 0; i < n_coef; i++) at[i] += tau * (map->sums->r_ref[i] - hd[i] / map->tau);
    for (int j = 0; j < m->n_par; j++) { /* all rows at once: n times the row at the rms */
      double rms = sqrt(fmax(rss, 0) / m->n), slope;
      m->family->log_lik_par(&vb_rows_unit, &rms, par, j, &slope);
      of->d_par[k * VB_MAX_PAR + j] += m->n * slope;
    }
  }
}
