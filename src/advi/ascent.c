/* Stochastic gradient steps on the bound, sticking the landing (Roeder, Wu & Duvenaud 2017): the
 * gradient of log p(x) - log q(x) along x = mu + S z alone, without the score of q, whose mean is
 * zero.  Its noise vanishes where q meets p.
 *
 * The frame has made the curvature of log p about one, so there is no RMSprop or Adam, which divide
 * by the size of the gradient's noise, here perhaps none.  Where q cannot turn (mean field) some
 * directions are steeper: they bound the step, and momentum (Polyak 1964) restores the rate of the
 * others. */
#include <math.h>
#include <string.h>
#include "advi/fresh.h"
#include "numbers/small.h"

#define DRAWS 10
#define BATCH_DRAWS 2 /* the choice of rows is noisier than they */
#define PILOT 6       /* estimates at the start, for their noise */
#define POWER 8       /* products with the Hessian */
#define RATE 0.5      /* where there is little noise */
#define MOST_INERTIA 0.95
#define LONGEST 0.5 /* change of any parameter in one step, in the frame's sds */
#define CLIP 5.0
#define MEMORY 0.05
#define WILD 10.0 /* rms of the gradient that a frame of the right width does not give */
#define MAX_HALVED 100
#define MAX_FAILED 20 /* estimates in a row */

void vb_ascent_alloc(vb_advi *advi, vb_ascent *a) {
  const vb_host *host = advi->host;
  vb_q *q = &advi->q;
  int n = advi->set.n_noise ? advi->set.n_noise + advi->set.n_noise % 2
                            : (advi->set.batch ? BATCH_DRAWS : DRAWS);
  size_t d = q->dim;
  *a = (vb_ascent){.advi = advi, .q = q, .n = n};
  a->z = host->alloc((size_t)q->n_noise * n, sizeof(double));
  double **points[] = {&a->x, &a->grad, &a->score};
  for (int k = 0; k < 3; k++) *points[k] = host->alloc(d * n, sizeof(double));
  double **parameters[] = {&a->g, &a->velocity, &a->before};
  for (int k = 0; k < 3; k++) *parameters[k] = host->alloc(q->n_par, sizeof(double));
  a->value = host->alloc(n, sizeof(double));
  a->uniform = host->alloc(advi->set.batch + 1, sizeof(double));
}

/* antithetic pairs */
static void draw(vb_ascent *a) {
  size_t half = (size_t)a->q->n_noise * (a->n / 2);
  a->advi->noise.normal(a->advi->noise.data, half, a->z);
  for (size_t i = 0; i < half; i++) a->z[half + i] = -a->z[i];
}

/* batch of them from here on, others in every estimate; 0: all */
static vb_status use_rows(vb_ascent *a, int batch) {
  const vb_density *density = a->advi->density;
  a->batch = density->subsample ? batch : 0;
  if (a->batch || !density->subsample || !a->advi->set.batch) return VB_OK;
  return density->subsample(density->data, 0, NULL);
}

static vb_status choose_rows(vb_ascent *a) {
  const vb_density *density = a->advi->density;
  if (!a->batch) return VB_OK;
  a->advi->noise.uniform(a->advi->noise.data, a->batch, a->uniform);
  return density->subsample(density->data, a->batch, a->uniform);
}

vb_status vb_ascent_estimate(vb_ascent *a) {
  const vb_q *q = a->q;
  int d = q->dim, n = a->n;
  const double *scale = q->par + d;
  double log_det, sum = 0;
  vb_status st = choose_rows(a);
  if (st == VB_OK) st = q->form->log_det(q, scale, &log_det, NULL);
  if (st != VB_OK) return st;
  draw(a);
  vb_q_points(q, q->par, n, a->z, a->x);
  st = vb_density_eval(&a->advi->framed.self, n, a->x, a->value, a->grad);
  if (st != VB_OK) return st;
  q->form->score(q, scale, n, a->z, a->score);
  memset(a->g, 0, sizeof(double) * d);
  for (int i = 0; i < n; i++) {
    double *g = a->grad + (size_t)i * d, mahalanobis = 0;
    for (int k = 0; k < d; k++) {
      double score = a->score[(size_t)i * d + k];
      mahalanobis -= (a->x[(size_t)i * d + k] - q->par[k]) * score;
      g[k] -= score;
      a->g[k] += g[k] / n;
    }
    sum += a->value[i] + mahalanobis / 2; /* log p - log q but for constants */
  }
  a->lik = a->advi->framed.self.lik / n;
  q->form->collect(q, n, a->grad, a->z, a->g + d);
  for (int k = d; k < q->n_par; k++) a->g[k] /= n;
  a->elbo = sum / n + log_det + d * VB_LOG_2PI / 2;
  return isfinite(sum) ? VB_OK : VB_NOT_FINITE;
}

void vb_ascent_rate(vb_ascent *a, double rate) {
  a->rate = rate;
  a->step = fmin(rate, 1 / (1 + a->steepest)); /* one for the entropy */
  a->inertia = fmin(1 - a->step / rate, MOST_INERTIA);
}

/* what is half way to `before` is half as wide */
void vb_ascent_rest(vb_ascent *a) {
  memset(a->velocity, 0, sizeof(double) * a->q->n_par);
  memset(a->before, 0, sizeof(double) * a->q->n_par);
  memcpy(a->before, a->q->par, sizeof(double) * a->q->dim);
}

static void half_back(vb_ascent *a) {
  memset(a->velocity, 0, sizeof(double) * a->q->n_par);
  for (int k = 0; k < a->q->n_par; k++) a->q->par[k] = (a->q->par[k] + a->before[k]) / 2;
}

/* an estimate, after as many retreats as it takes: half the last step, at last a narrower q */
static vb_status find_estimate(vb_ascent *a) {
  vb_status st = vb_ascent_estimate(a);
  for (int k = 1; k < MAX_FAILED && st == VB_NOT_FINITE; k++) {
    half_back(a);
    if (k % 5 == 0) vb_ascent_rest(a);
    st = vb_ascent_estimate(a);
  }
  return st;
}

/* Gradients of heavy tails are clipped (Gorbunov, Danilova & Gasnikov 2020), at a multiple of the
 * typical length. */
static void clip(vb_ascent *a) {
  double size = sqrt(vb_dot(a->q->n_par, a->g, a->g)), most = CLIP * a->typical;
  a->typical += MEMORY * (fmin(size, most) - a->typical);
  for (int k = 0; k < a->q->n_par && size > most; k++) a->g[k] *= most / size;
}

vb_status vb_ascent_end(vb_ascent *a) { return use_rows(a, 0); }

vb_status vb_ascent_step(vb_ascent *a) {
  vb_q *q = a->q;
  double longest = 0, log_det;
  vb_status st = find_estimate(a);
  if (st != VB_OK) return st;
  clip(a);
  for (int k = 0; k < q->n_par; k++) {
    a->velocity[k] = a->inertia * a->velocity[k] + a->step * a->g[k];
    longest = fmax(longest, fabs(a->velocity[k]));
  }
  double shorter = longest > LONGEST ? LONGEST / longest : 1;
  memcpy(a->before, q->par, sizeof(double) * q->n_par);
  for (int k = 0; k < q->n_par; k++) q->par[k] += a->velocity[k] *= shorter;
  for (int k = 0; q->form->log_det(q, q->par + q->dim, &log_det, NULL) != VB_OK; k++) {
    if (k == MAX_HALVED) return VB_NOT_FINITE;
    half_back(a);
  }
  return VB_OK;
}

/* Largest curvature of log p at the mean, by the power method: differences of gradients */
static vb_status find_steepest(vb_ascent *a) {
  int d = a->q->dim;
  double *v = a->advi->host->alloc((size_t)d * 5, sizeof(double)), *x = v + d, *g = x + 2 * d;
  double value[2];
  a->advi->noise.normal(a->advi->noise.data, d, v);
  a->steepest = 1;
  for (int it = 0; it < POWER; it++) {
    double size = sqrt(vb_dot(d, v, v)), h = 0.01;
    for (int k = 0; k < d; k++) {
      x[k] = a->q->par[k] + h * v[k] / size;
      x[d + k] = a->q->par[k] - h * v[k] / size;
    }
    vb_status st = vb_density_eval(&a->advi->framed.self, 2, x, value, g);
    if (st != VB_OK) return st;
    if (!isfinite(value[0] + value[1])) return VB_OK;
    for (int k = 0; k < d; k++) v[k] = (g[d + k] - g[k]) / (2 * h);
    a->steepest = sqrt(vb_dot(d, v, v));
    if (!(a->steepest > 0)) break;
  }
  a->steepest = fmax(1, 1.2 * a->steepest); /* it comes from below */
  return VB_OK;
}

/* The frame is made narrower until log p can be had about its center and the gradient is not that
 * of another scale.  log det S is in the frame: no more has to change. */
static vb_status narrow_down(vb_ascent *a) {
  vb_status st = vb_ascent_estimate(a);
  for (int k = 0; k < MAX_FAILED && (st == VB_OK || st == VB_NOT_FINITE); k++) {
    a->typical = sqrt(vb_dot(a->q->n_par, a->g, a->g));
    if (st == VB_OK && a->typical <= WILD * sqrt(a->q->n_par)) return VB_OK;
    vb_frame_shrink(&a->advi->frame);
    st = vb_ascent_estimate(a);
  }
  return st;
}

/* At rate r noise of variance V in the gradient moves the iterates with variance r V / 2.  V is
 * that of the means or of the scales, whichever is larger. */
vb_status vb_ascent_begin(vb_ascent *a) {
  int d = a->q->dim, n = a->q->n_par;
  double *sum = a->advi->host->alloc((size_t)2 * n, sizeof(double)), *square = sum + n;
  double location = 0, scale = 0;
  vb_ascent_rest(a);
  vb_status st = use_rows(a, 0);
  if (st == VB_OK) st = narrow_down(a);
  if (st == VB_OK) st = find_steepest(a);
  if (st == VB_OK) st = use_rows(a, a->advi->set.batch);
  for (int i = 0; i < PILOT && st == VB_OK; i++) {
    st = find_estimate(a);
    for (int k = 0; k < n; k++) {
      sum[k] += a->g[k] / PILOT;
      square[k] += a->g[k] * a->g[k] / PILOT;
    }
  }
  for (int k = 0; k < n; k++)
    *(k < d ? &location : &scale) += (square[k] - sum[k] * sum[k]) / (k < d ? d : n - d);
  vb_ascent_rest(a);
  vb_ascent_rate(a, RATE / fmax(1, fmax(location, scale)));
  return st;
}
