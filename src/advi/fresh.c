/* ADVI with fresh noise: stochastic gradients at a fixed rate until the iterates are stationary,
 * their average, and the same again at half the rate until that is predicted not to pay (Welandawe,
 * Andersen, Vehtari & Huggins 2022). */
#include <math.h>
#include <string.h>
#include "advi/fresh.h"

#define MAX_STAGE 40
#define FIRST_BLOCK 3   /* iterates */
#define FEWEST 20       /* blocks that are looked at */
#define LOOK_EVERY 4    /* blocks */
#define TOLD_EVERY 20   /* iterations */
#define DRIFT 3.0       /* of the squared shift, in units of the squared noise */
#define WORST 9.0       /* squared shift of one coordinate, in units of what the mean may */
#define FIRST_ERROR 0.1 /* of the averages, in sds; halves with the rate */
#define RELAXED 20.0    /* relaxation times that an average is over at least */
#define ACCURACY 0.1    /* xi of the paper: root of the divergence that does not matter */
#define OVERHEAD 200.0  /* iterations that a stage is thought to cost at least */
#define FIRST_ROUND 100 /* iterations */
#define COLLAPSE 6.0    /* standard errors by which a falling bound is no noise */

typedef struct {
  vb_ascent a;
  vb_average average;
  double *mean, *start;     /* n_par */
  double elbo, lik, square; /* of the iterations since the trace was told */
  double best, best_se;     /* of the stage */
  int n_elbo;
  double *x_mean, *x_var, *last_mean, *last_var; /* dim: of x at the ends of this and last stage */
  double log_rate[MAX_STAGE], log_change[MAX_STAGE]; /* change: root of the divergence */
  int n_change, used, used_last;                     /* iterations of this stage and the last */
} climb;

static void climb_alloc(vb_advi *advi, climb *c) {
  memset(c, 0, sizeof *c);
  vb_ascent_alloc(advi, &c->a);
  int n = advi->q.n_par, d = advi->q.dim;
  vb_average_alloc(advi->host, n, &c->average);
  double **parameters[] = {&c->mean, &c->start};
  for (int k = 0; k < 2; k++) *parameters[k] = advi->host->alloc(n, sizeof(double));
  double **axes[] = {&c->x_mean, &c->x_var, &c->last_mean, &c->last_var};
  for (int k = 0; k < 4; k++) *axes[k] = advi->host->alloc(d, sizeof(double));
}

static void begin_stage(climb *c) {
  memcpy(c->start, c->a.q->par, sizeof(double) * c->a.q->n_par);
  vb_average_clear(&c->average, FIRST_BLOCK);
  c->used = c->n_elbo = 0;
  c->best = -INFINITY;
}

/* Every TOLD_EVERY iterations the trace gets their mean.  A bound that falls by far more than noise
 * says that curvature grew away from the mean: once more from the start with shorter steps. */
static void tell(climb *c) {
  double off = c->a.elbo - c->elbo;
  c->n_elbo++;
  if (c->n_elbo == 1) c->square = c->lik = off = 0, c->elbo = c->a.elbo;
  c->elbo += off / c->n_elbo;
  c->square += off * (c->a.elbo - c->elbo);
  c->lik += c->a.lik / TOLD_EVERY;
  if (c->n_elbo < TOLD_EVERY) return;
  double se = sqrt(c->square / (TOLD_EVERY - 1) / TOLD_EVERY);
  vb_advi_trace(c->a.advi, VB_PHASE_BOUND, c->elbo, se, c->lik);
  c->n_elbo = 0;
  if (c->elbo < c->best - COLLAPSE * sqrt(se * se + c->best_se * c->best_se) - 1) {
    int used = c->used;
    c->a.steepest *= 4;
    vb_ascent_rate(&c->a, c->a.rate / 2);
    memcpy(c->a.q->par, c->start, sizeof(double) * c->a.q->n_par);
    vb_ascent_rest(&c->a);
    begin_stage(c);
    c->used = used;
  } else if (c->elbo > c->best) {
    c->best = c->elbo;
    c->best_se = se;
  }
}

/* As Geweke (1992) asks of a chain: no shift beyond noise and beyond what matters.  A steady drift
 * makes the shift 8 times the noise. */
static int at_rest(const vb_settling *s, int d, double tol) {
  double allowed = fmax(tol * tol, s->noise / d * DRIFT);
  return s->error <= d * tol * tol && s->shift <= d * allowed && s->worst <= WORST * allowed;
}

/* Whether some window of the last blocks, as long as may be, is at rest and its average as exact as
 * this stage asks; mean is that of the window. */
static int settled(climb *c, double tol) {
  const vb_q *q = c->a.q;
  int all = c->average.n_block;
  double relaxations = c->average.len * c->a.step / (1 - c->a.inertia);
  if (all < FEWEST || all % LOOK_EVERY) return 0;
  for (int from = all / 4; from <= all / 2; from += all / 8) {
    vb_settling location, scale;
    if ((all - from) * relaxations < RELAXED) return 0;
    vb_settling_of(c->a.advi->host, &c->average, q, from, &location, &scale);
    if (!at_rest(&location, q->dim, tol) || !at_rest(&scale, q->dim, tol)) continue;
    vb_average_over(&c->average, from, all, c->mean);
    return 1;
  }
  return 0;
}

/* Iterations at one rate, `most` at most; VB_MAX_ITER: no average has settled, and mean is that of
 * the last half of them, or that of the last stage if this was longer. */
static vb_status run_stage(climb *c, double tol, int most) {
  vb_advi *advi = c->a.advi;
  for (; c->used < most && advi->n_iter < advi->set.max_iter; advi->n_iter++, c->used++) {
    if (advi->host->poll()) return VB_INTERRUPTED;
    vb_status st = vb_ascent_step(&c->a);
    if (st != VB_OK) return st;
    tell(c);
    if (vb_average_add(&c->average, c->a.q->par) && settled(c, tol)) return VB_OK;
  }
  if (c->used < c->used_last)
    memcpy(c->mean, c->start, sizeof(double) * c->a.q->n_par);
  else if (c->average.n_block >= 2)
    vb_average_over(&c->average, c->average.n_block / 2, c->average.n_block, c->mean);
  else
    memcpy(c->mean, c->a.q->par, sizeof(double) * c->a.q->n_par);
  return VB_MAX_ITER;
}

/* mean and variances of x under q */
static void x_moments(climb *c) {
  const vb_advi *advi = c->a.advi;
  vb_frame_to_x(&advi->frame, 1, c->a.q->par, c->x_mean);
  vb_frame_var(advi->host, c->a.q, c->a.q->par, &advi->frame, c->x_var);
}

/* Symmetrised Kullback-Leibler divergence between the averages of two stages, of their margins:
 * these are what is reported, and no form of q has to know its own inverse. */
static double divergence(int d, const double *m, const double *v, const double *m0,
                         const double *v0) {
  double sum = 0;
  for (int k = 0; k < d; k++) {
    double off = m[k] - m0[k];
    sum += (v[k] / v0[k] + v0[k] / v[k] - 2 + off * off * (1 / v[k] + 1 / v0[k])) / 2;
  }
  return sum;
}

/* The paper's rule: the root of the divergence to the next stage is c rate^kappa; another
 * stage pays where [1 / 2^kappa + xi / (c rate^kappa)] x relative cost <= 1.  kappa and log c by
 * weighted least squares, the latest first; one change alone has kappa = 1. */
static int pays(const climb *c) {
  double w_sum = 0, x_mean = 0, y_mean = 0, xx = 0, xy = 0;
  int n = c->n_change, last = n - 1;
  if (n == 0) return 1;
  for (int i = 0; i < n; i++) {
    double age = last - i, w = pow(1 + age * age / 9, -0.25);
    w_sum += w;
    double dx = c->log_rate[i] - x_mean, dy = c->log_change[i] - y_mean;
    x_mean += dx * w / w_sum;
    y_mean += dy * w / w_sum;
    xx += w * dx * (c->log_rate[i] - x_mean);
    xy += w * dx * (c->log_change[i] - y_mean);
  }
  double kappa = n > 1 ? fmin(fmax(xy / xx, 0.25), 2) : 1;
  double change = exp(y_mean + kappa * (c->log_rate[last] - x_mean));
  double next = c->used * fmax(1, c->used_last ? (double)c->used / c->used_last : 1);
  return (pow(0.5, kappa) + ACCURACY / change) * next / (c->used + OVERHEAD) <= 1;
}

static void note_change(climb *c) {
  double change = divergence(c->a.q->dim, c->x_mean, c->x_var, c->last_mean, c->last_var);
  c->log_rate[c->n_change] = log(2 * c->a.rate);
  c->log_change[c->n_change++] = log(fmax(change, 1e-20)) / 2;
}

static vb_status tell_average(climb *c) {
  vb_ascent *a = &c->a;
  int n = 5;
  double sum = 0, square = 0, lik = 0;
  for (int i = 0; i < n; i++) {
    vb_status st = vb_ascent_estimate(a);
    if (st == VB_NOT_FINITE) return VB_OK;
    if (st != VB_OK) return st;
    sum += a->elbo / n;
    square += a->elbo * a->elbo / n;
    lik += a->lik / n;
  }
  vb_advi_trace(a->advi, VB_PHASE_AVERAGE, sum, sqrt(fmax(square - sum * sum, 0) / n), lik);
  return VB_OK;
}

/* whether the frame and the rate that goes with it fit where q is now: at most an sd away, half as
 * wide again, and momentum makes up for the steps that the steepest direction allows */
static int frame_fits(const climb *c) {
  const vb_q *q = c->a.q;
  double location = 0, scale = 0;
  for (int k = 0; k < q->n_par; k++) {
    double off = c->mean[k] - c->start[k];
    *(k < q->dim ? &location : &scale) += off * off / (k < q->dim ? q->dim : q->n_scale);
  }
  double made_up = c->a.step / (1 - c->a.inertia) / c->a.rate;
  return location < 1 && scale < 0.25 && made_up > 0.5;
}

/* The first rate, until the average settles.  A frame that was found far from there fits badly, and
 * so does the rate: at ever longer intervals it is seen whether they have to be renewed. */
static vb_status first_stage(climb *c) {
  vb_advi *advi = c->a.advi;
  vb_status st = vb_ascent_begin(&c->a);
  begin_stage(c);
  for (int most = FIRST_ROUND; st == VB_OK; most *= 2) {
    st = run_stage(c, FIRST_ERROR, most);
    if (st != VB_MAX_ITER || advi->n_iter >= advi->set.max_iter) break;
    double rate = c->a.rate;
    int fits = frame_fits(c);
    if (!fits) {
      memcpy(c->a.q->par, c->mean, sizeof(double) * c->a.q->n_par);
      vb_frame_absorb(advi->host, &advi->q, &advi->frame);
    }
    st = vb_ascent_begin(&c->a);
    if (fits && c->a.rate < 2 * rate && c->a.rate > rate / 2)
      vb_ascent_rate(&c->a, rate);
    else
      begin_stage(c);
  }
  if (st == VB_OK || st == VB_MAX_ITER)
    memcpy(c->a.q->par, c->mean, sizeof(double) * c->a.q->n_par);
  return st;
}

static vb_status next_stage(climb *c, int stage) {
  vb_q *q = c->a.q;
  c->used_last = c->used;
  vb_frame_absorb(c->a.advi->host, q, &c->a.advi->frame);
  vb_ascent_rest(&c->a);
  vb_ascent_rate(&c->a, c->a.rate / 2);
  begin_stage(c);
  double tol = fmax(ldexp(FIRST_ERROR, -stage), c->a.advi->set.noise_tol);
  vb_status st = run_stage(c, tol, c->a.advi->set.max_iter);
  if (st == VB_OK || st == VB_MAX_ITER) memcpy(q->par, c->mean, sizeof(double) * q->n_par);
  return st;
}

static void remember_moments(climb *c) {
  memcpy(c->last_mean, c->x_mean, sizeof(double) * c->a.q->dim);
  memcpy(c->last_var, c->x_var, sizeof(double) * c->a.q->dim);
}

static vb_status climb_up(climb *c) {
  vb_status st = first_stage(c);
  for (int stage = 1; st == VB_OK; stage++) {
    st = tell_average(c);
    if (st != VB_OK || stage == MAX_STAGE) return st;
    x_moments(c);
    if (stage > 1) note_change(c);
    if (!pays(c)) return VB_OK;
    remember_moments(c);
    st = next_stage(c, stage);
  }
  if (st != VB_MAX_ITER) return st;
  vb_status told = tell_average(c);
  return told == VB_OK ? st : told;
}

vb_status vb_fresh_run(vb_advi *advi) {
  climb c;
  climb_alloc(advi, &c);
  advi->n_iter = 0;
  vb_status st = climb_up(&c);
  advi->M = c.a.n;
  advi->converged = st == VB_OK;
  vb_status all_rows = vb_ascent_end(&c.a);
  return st == VB_OK ? all_rows : st;
}
