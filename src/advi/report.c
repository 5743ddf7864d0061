/* What is reported of q: its mean, the covariance that linear response gives, draws from that
 * Gaussian, and how well the density agrees with it (Yao, Vehtari, Simpson & Gelman 2018). */
#include <math.h>
#include <string.h>
#include "advi/advi.h"
#include "numbers/small.h"

#define BEND_UP_TO 200   /* dimension up to which functions of one real number respond */
#define DENSE_UP_TO 1500 /* dimension up to which a covariance is made */

static void means(vb_advi *a) { vb_frame_to_x(&a->frame, 1, a->q.par, a->mean); }

/* cov <- root cov root' */
static void cov_to_x(const vb_advi *a, double *cov) {
  int d = a->q.dim;
  double *half = a->host->alloc((size_t)d * d, sizeof(double));
  vb_frame_root(&a->frame, d, cov, half);
  for (int i = 0; i < d; i++)
    for (int k = 0; k < d; k++) cov[k + (size_t)d * i] = half[i + (size_t)d * k];
  vb_frame_root(&a->frame, d, cov, half);
  for (int i = 0; i < d; i++)
    for (int k = 0; k <= i; k++) {
      double both = (half[k + (size_t)d * i] + half[i + (size_t)d * k]) / 2;
      cov[k + (size_t)d * i] = cov[i + (size_t)d * k] = both;
    }
}

static vb_status covariances(vb_advi *a, vb_saa *saa) {
  int d = a->q.dim;
  size_t dd = (size_t)d * d;
  a->q_cov = a->host->alloc(dd, sizeof(double));
  a->cov = a->host->alloc(dd, sizeof(double));
  vb_q_cov(a->host, &a->q, a->q.par, a->q_cov);
  memcpy(a->cov, a->q_cov, sizeof(double) * dd);
  vb_status st = VB_OK;
  int bends = a->set.weighted && a->set.use_lr && d <= BEND_UP_TO;
  saa->frame = &a->frame;
  saa->bend = bends ? a->host->alloc(2 * (size_t)d, sizeof(double)) : NULL;
  if (a->set.use_lr) st = vb_q_respond(saa, a->q.par, a->q_cov, a->cov, &a->curvature, &a->lr_rule);
  if (st == VB_OK && bends && !saa->bent &&
      vb_q_bend(saa, a->q.par, a->cov, a->q_cov) == VB_INTERRUPTED)
    st = VB_INTERRUPTED;
  if (st != VB_OK) return st;
  if (saa->bent) a->bend = saa->bend;
  cov_to_x(a, a->cov);
  cov_to_x(a, a->q_cov);
  for (int k = 0; k < d; k++) {
    a->sd[k] = sqrt(a->cov[k * (size_t)(d + 1)]);
    a->sd_q[k] = sqrt(a->q_cov[k * (size_t)(d + 1)]);
  }
  return VB_OK;
}

/* N(mean, cov), log density included */
static vb_status draw_reported(vb_advi *a) {
  int d = a->q.dim, S = a->set.n_draw;
  double *root = a->host->alloc((size_t)d * d, sizeof(double)), *z = a->draw,
         *x = a->host->alloc(d, sizeof(double));
  memcpy(root, a->cov, sizeof(double) * (size_t)d * d);
  vb_status st = vb_chol(d, root, d);
  if (st != VB_OK) return st;
  for (int b = 1; b < d; b++) memset(root + (size_t)d * b, 0, sizeof(double) * b);
  vb_frame reported = {.dim = d, .dense = 1, .center = a->mean, .root = root};
  double constant = (d * VB_LOG_2PI + vb_chol_log_det(d, root, d)) / 2;
  if (a->set.weighted)
    vb_even_normals(&a->noise, d, S, z);
  else
    a->noise.normal(a->noise.data, (size_t)d * S, z);
  for (int i = 0; i < S; i++) {
    a->lp_approx[i] = -vb_dot(d, z + (size_t)i * d, z + (size_t)i * d) / 2 - constant;
    vb_frame_to_x(&reported, 1, z + (size_t)i * d, x);
    memcpy(z + (size_t)i * d, x, sizeof(double) * d);
  }
  return VB_OK;
}

/* q itself, where its covariance is too large to be written down */
static void draw_q(vb_advi *a) {
  const vb_q *q = &a->q;
  int d = q->dim, m = q->n_noise;
  double *z = a->host->alloc(m, sizeof(double)), *y = a->host->alloc(d, sizeof(double)),
         *score = a->host->alloc(d, sizeof(double)), log_det = 0;
  q->form->log_det(q, q->par + d, &log_det, NULL);
  double constant = d * VB_LOG_2PI / 2 + log_det + a->frame.log_det;
  for (int i = 0; i < a->set.n_draw; i++) {
    a->noise.normal(a->noise.data, m, z);
    q->form->spread(q, q->par + d, 1, z, y);
    q->form->score(q, q->par + d, 1, z, score);
    a->lp_approx[i] = vb_dot(d, y, score) / 2 - constant;
    for (int k = 0; k < d; k++) y[k] += q->par[k];
    vb_frame_to_x(&a->frame, 1, y, a->draw + (size_t)i * d);
  }
}

vb_status vb_advi_report(vb_advi *a, vb_saa *saa) {
  int d = a->q.dim;
  vb_status st = VB_OK;
  means(a);
  if (d <= DENSE_UP_TO) st = covariances(a, saa);
  if (st != VB_OK) return st;
  if (a->cov) {
    st = draw_reported(a);
  } else {
    vb_frame_var(a->host, &a->q, a->q.par, &a->frame, a->sd_q);
    for (int k = 0; k < d; k++) a->sd[k] = a->sd_q[k] = sqrt(a->sd_q[k]);
    draw_q(a);
  }
  if (st == VB_OK) st = vb_advi_weigh(a);
  return st == VB_OK && a->set.weighted ? vb_advi_reweigh(a) : st;
}
