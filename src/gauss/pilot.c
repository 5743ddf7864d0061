/* The pilot of the map zeta -> c: the engine's Gaussian block at one theta, whose rows have
 * precision h and whose mean is m, gives H = A' diag(h) A and b, such that Lambda m = b at that
 * theta. b splits as the gradient does that is zero there, A'g - P (m - mu0) + sites: into what
 * scales with the rows and what the priors of beta say. */
#include <math.h>
#include <string.h>
#include "gauss/whiten.h"
#include "numbers/small.h"

#define LEAST 1e-8 /* precision of a row, over the mean, where the factor has need of one */

static const vb_effort pilot = {.tol = 1e-6, .max_sweep = 200};

/* the same arrow as the engine's cross-products */
static void coupled_arrow(vb_whitening *map, const vb_cross *cross, double scale) {
  const vb_model *m = map->model;
  size_t r = map->n_dense, q = map->n_core, p = m->p;
  memset(map->dense, 0, sizeof(double) * r * r);
  for (size_t b = 0; b < p; b++)
    for (size_t a = b; a < p; a++) map->dense[q + a + (q + b) * r] = scale * cross->beta[a + b * p];
  for (size_t b = 0; b < q; b++) {
    for (size_t a = b; a < q; a++) map->dense[a + b * r] = scale * cross->arrow.core[a + b * q];
    for (size_t k = 0; k < p; k++)
      map->dense[q + k + b * r] = scale * cross->arrow.core_beta[k + b * p];
  }
  for (size_t i = 0; i < map->n_block; i++) map->block[i] = scale * cross->arrow.leaf[i];
  vb_whitening_level at;
  for (int on = vb_whitening_first(map, &at); on; on = vb_whitening_next(map, &at)) {
    const double *from = cross->arrow.front + m->block_start[at.l]; /* d x width column-major */
    double *to = map->edge + at.edge;
    for (int i = 0; i < at.d; i++)
      for (int k = 0; k < at.width; k++) *to++ = scale * from[i + (size_t)k * at.d];
  }
}

/* every level of every term by itself, and beta */
static void separate_blocks(vb_whitening *map, const double *h) {
  const vb_model *m = map->model;
  memset(map->block, 0, sizeof(double) * map->n_block);
  double *block = map->block;
  for (int k = 0; k < m->n_term; k++) {
    const vb_term *t = m->term + k;
    int d = t->d;
    for (int i = 0; i < m->n; i++) {
      double *to = block + (size_t)t->group[i] * d * d;
      const double *z = t->z + (size_t)i * d;
      for (int b = 0; b < d; b++)
        for (int a = 0; a < d; a++) to[a + b * d] += h[i] * z[a] * z[b];
    }
    block += (size_t)t->n_level * d * d;
  }
  if (m->p) vb_weighted_gram(m->n, m->p, m->x, m->p, h, 0, map->dense, m->p);
}

static void arrow(vb_whitening *map, vb_inner *in, const double *h) {
  const vb_model *m = map->model;
  if (!map->coupled) {
    separate_blocks(map, h);
    return;
  }
  if (!m->quadratic) vb_cross_products(m, h, &in->cross); /* else they are there, for h = w */
  coupled_arrow(map, &in->cross, m->quadratic ? map->tau : 1);
}

/* precisions of the rows, none of them negative, those of the sites with the normal priors of beta
 */
static void take_precisions(vb_whitening *map, const vb_theta *theta, const vb_block *b,
                            double *h) {
  const vb_model *m = map->model;
  if (m->quadratic) map->tau = vb_quadratic_precision(m, theta->par);
  for (int i = 0; i < m->n; i++) h[i] = m->quadratic ? map->tau * m->rows.w[i] : fmax(b->h[i], 0);
  memcpy(map->fixed, m->prior_precision, sizeof(double) * m->p);
  for (int i = 0; i < m->n_site; i++) map->fixed[m->site[i].k] += fmax(b->site_h[i], 0);
}

/* b = Lambda m: of beta, P mu0 + site_h m + site_g from the priors; all the rest with the rows */
static void centre(vb_whitening *map, const vb_theta *theta, const vb_inner *in,
                   const vb_block *b) {
  const vb_model *m = map->model;
  double *pm = map->vec[2];
  vb_whitening_multiply(map, b->m, map->rows);
  vb_prior_quadratic(m, theta, b->m, pm);
  for (int i = 0; i < m->n_coef; i++) map->rows[i] += pm[i];
  for (int k = 0; k < m->p; k++)
    map->prior[k] = map->fixed[k] * b->m[k] - m->prior_precision[k] * (b->m[k] - m->prior_mean[k]);
  for (int i = 0; i < m->n_site; i++) {
    map->rows[m->site[i].k] -= in->sites.g[i];
    map->prior[m->site[i].k] += in->sites.g[i];
  }
}

static int usable(const vb_model *m, const vb_block *b) {
  double sum = 0;
  for (int i = 0; i < m->n_coef; i++) sum += b->m[i];
  for (int i = 0; i < m->n && !m->quadratic; i++) sum += b->h[i];
  for (int i = 0; i < m->n_site; i++) sum += b->site_h[i];
  return isfinite(sum);
}

/* A pilot that fails, or a factor that does, is no reason to give up: any H and b make a map. */
vb_status vb_whitening_pilot(vb_whitening *map, const vb_theta *theta, int warm, vb_inner *in,
                             vb_block *b, vb_whitening_factor *f) {
  const vb_model *m = map->model;
  double elbo, *h = in->trial.h, mean = 0;
  if (!warm) vb_block_start(m, theta->par, in, b);
  vb_status st = vb_inner_solve(m, theta, &pilot, in, b, &elbo);
  if (st == VB_INTERRUPTED) return st;
  if (!usable(m, b) || (st != VB_OK && st != VB_MAX_ITER)) {
    vb_block_start(m, theta->par, in, b);
    memset(in->sites.g, 0, sizeof(double) * m->n_site);
    if (!usable(m, b)) return VB_NOT_FINITE;
  }
  map->sigma = map->scaled ? theta->par[0] : 0;
  map->sums = &in->sums;
  take_precisions(map, theta, b, h);
  for (int i = 0; i < m->n; i++) mean += h[i] / m->n;
  for (double least = LEAST; least < 2; least *= 100) {
    arrow(map, in, h);
    centre(map, theta, in, b);
    st = vb_whitening_at(map, theta, f);
    if (st == VB_OK || m->quadratic) return st;
    for (int i = 0; i < m->n; i++) h[i] = fmax(h[i], least * (mean > 0 ? mean : 1));
  }
  return st;
}
