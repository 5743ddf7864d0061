/* Importance weights that carry what is reported: where those of the Gaussian are not good enough,
 * draws are taken from heavier tails that are laid where the weights so far say that the density
 * is (adaptive importance sampling: Cappe, Guillin, Marin & Robert 2004).
 *
 * On the scale of logarithms and logits most posteriors of bounded parameters fall like exp(-|x|)
 * on one side: weights over a Gaussian then have no variance, over a t density they are bounded. */
#include <Rmath.h>
#include <string.h>
#include "advi/advi.h"
#include "numbers/small.h"

#define UP_TO 30  /* dimension up to which tails are made heavier: their price grows with it */
#define CHUNK 256 /* draws evaluated between two looks at the user's keyboard */
#define FREEDOM 2 /* degrees of freedom of the tails, and one more a dimension */
#define ROUNDS 3
#define GOOD_K 0.5 /* Pareto k below which the variance of the weights is finite */
#define USELESS 0.7
#define TAILLESS                                                                       \
  10 /* times their mean: weights over heavy tails that are never larger have no tail, \
      * and Pareto k describes the hump that they have instead */
#define GOOD_ESS 0.6 /* share of the draws that weights are to be worth */
#define EQUAL 0.99   /* ... where they hardly vary, whatever Pareto k says of their tail */
#define LOST 0.5     /* share of what they are worth that a lighter tail may cost */
#define BELIEVED 20  /* draws a dimension that weights must be worth to tell moments */

/* log densities of the draws, importance weights and their Pareto k */
vb_status vb_advi_weigh(vb_advi *a) {
  int d = a->density->dim, S = a->set.n_draw;
  for (int from = 0; from < S; from += CHUNK) {
    int n = S - from < CHUNK ? S - from : CHUNK;
    vb_status st = vb_density_eval(a->density, n, a->draw + (size_t)d * from, a->lp + from, NULL);
    if (st != VB_OK) return st;
    if (a->host->poll()) return VB_INTERRUPTED;
  }
  for (int i = 0; i < S; i++) a->log_weight[i] = a->lp[i] - a->lp_approx[i];
  double largest = 0;
  for (int i = 0; i < S; i++)
    if (isfinite(a->lp[i])) largest = fmax(largest, fabs(a->lp[i]));
  a->khat = vb_psis(S, a->log_weight);
  if (largest > 1e15) a->khat = NAN; /* rounding is all that the weights are made of */
  return VB_OK;
}

/* weight (n) <- weights that add up to one; how many equal ones they are worth */
static double normalised(int n, const double *log_weight, double *weight) {
  memcpy(weight, log_weight, sizeof(double) * n);
  return vb_normalise(n, weight, NULL);
}

static double largest(int n, const double *weight) {
  double out = 0;
  for (int i = 0; i < n; i++) out = fmax(out, weight[i]);
  return out;
}

static int good(const vb_advi *a, double ess) {
  int n = a->set.n_draw;
  return ess >= EQUAL * n || (a->khat < GOOD_K && ess >= GOOD_ESS * n);
}

/* frame <- mean and root of the covariance of the weighted draws, or of what is reported */
static vb_status locate(const vb_advi *a, const double *weight, double ess, vb_frame *frame) {
  int d = frame->dim, n = a->set.n_draw;
  double *cov = frame->root;
  memcpy(frame->center, a->mean, sizeof(double) * d);
  memcpy(cov, a->cov, sizeof(double) * (size_t)d * d);
  if (ess >= BELIEVED * d) {
    double *off = a->host->alloc((size_t)d * n, sizeof(double));
    memset(frame->center, 0, sizeof(double) * d);
    for (int i = 0; i < n; i++)
      for (int k = 0; k < d; k++) frame->center[k] += weight[i] * a->draw[(size_t)i * d + k];
    for (int i = 0; i < n; i++)
      for (int k = 0; k < d; k++)
        off[(size_t)i * d + k] = a->draw[(size_t)i * d + k] - frame->center[k];
    vb_weighted_gram(n, d, off, d, weight, 0, cov, d);
  }
  vb_status st = vb_chol(d, cov, d);
  for (int b = 1; b < d; b++) memset(cov + (size_t)d * b, 0, sizeof(double) * b);
  frame->log_det = vb_chol_log_det(d, cov, d) / 2;
  return st;
}

/* draws of independent t in the frame, with their log density */
static void draw_heavy(const vb_advi *a, const vb_frame *frame, double *draw, double *lp_approx) {
  int d = frame->dim, n = a->set.n_draw, freedom = FREEDOM + d;
  double *z = a->host->alloc((size_t)d * n, sizeof(double));
  vb_even_normals(&a->noise, d, n, z);
  for (int i = 0; i < n; i++) {
    lp_approx[i] = -frame->log_det;
    for (int k = 0; k < d; k++) {
      double *at = z + (size_t)i * d + k;
      int upper = *at > 0; /* from the nearer tail, where probabilities keep their digits */
      *at = Rf_qt(Rf_pnorm5(*at, 0, 1, !upper, 1), freedom, !upper, 1);
      lp_approx[i] += Rf_dt(*at, freedom, 1);
    }
  }
  vb_frame_to_x(frame, n, z, draw);
}

/* lp_gaussian of the draws there are */
static vb_status gaussian_density(const vb_advi *a) {
  int d = a->density->dim, n = a->set.n_draw;
  double *root = a->host->alloc((size_t)d * d, sizeof(double)),
         *off = a->host->alloc((size_t)d * n, sizeof(double));
  memcpy(root, a->cov, sizeof(double) * (size_t)d * d);
  vb_status st = vb_chol(d, root, d);
  if (st != VB_OK) return st;
  double constant = (d * VB_LOG_2PI + vb_chol_log_det(d, root, d)) / 2;
  for (int i = 0; i < n; i++)
    for (int k = 0; k < d; k++) off[(size_t)i * d + k] = a->draw[(size_t)i * d + k] - a->mean[k];
  vb_chol_half(d, root, d, n, off, d);
  for (int i = 0; i < n; i++) {
    const double *at = off + (size_t)i * d;
    a->lp_gaussian[i] = -vb_dot(d, at, at) / 2 - constant;
  }
  return VB_OK;
}

/* room for another set of draws */
static vb_advi beside(const vb_advi *a) {
  vb_advi next = *a;
  int n = a->set.n_draw;
  next.draw = a->host->alloc((size_t)a->density->dim * n, sizeof(double));
  double **vector[] = {&next.lp, &next.lp_approx, &next.log_weight};
  for (int k = 0; k < 3; k++) *vector[k] = a->host->alloc(n, sizeof(double));
  return next;
}

vb_status vb_advi_reweigh(vb_advi *a) {
  int d = a->density->dim, n = a->set.n_draw;
  a->lp_gaussian = a->host->alloc(n, sizeof(double));
  memcpy(a->lp_gaussian, a->lp_approx, sizeof(double) * n);
  if (d > UP_TO || !a->cov) return VB_OK;
  double *weight = a->host->alloc(n, sizeof(double));
  double ess = normalised(n, a->log_weight, weight);
  vb_advi best = *a;
  vb_frame frame;
  vb_frame_alloc(a->host, d, 1, &frame);
  for (int round = 0; round < ROUNDS && !good(&best, ess); round++) {
    vb_advi next = beside(a);
    if (locate(&best, weight, ess, &frame) != VB_OK) break;
    draw_heavy(a, &frame, next.draw, next.lp_approx);
    int n_bad = a->density->n_bad;
    vb_status st = vb_advi_weigh(&next);
    a->density->n_bad = n_bad; /* far out any density may overflow, and that is no harm */
    if (st != VB_OK) return st;
    double worth = normalised(n, next.log_weight, weight);
    if (largest(n, weight) * n <= TAILLESS) next.khat = fmin(next.khat, 0);
    if (!(next.khat < best.khat) || worth < LOST * ess) break;
    best = next;
    ess = worth;
  }
  if (best.draw == a->draw || !(best.khat < USELESS)) return VB_OK;
  *a = best;
  return gaussian_density(a);
}
