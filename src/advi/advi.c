/* ADVI from start to report: Pathfinder, a frame, the bound at fixed draws climbed and polished,
 * the draws doubled until their error is small, linear response, and draws of what is reported. */
#include <math.h>
#include <string.h>
#include "advi/advi.h"
#include "numbers/small.h"

#define HESSIAN_UP_TO 500 /* dimension up to which the frame is made of a Hessian */
#define FLATTEST 1e-2     /* curvature, in units of the path's, below which none is believed */
#define ROUND_ITER 60     /* iterations after which q becomes the frame */
#define MAX_ROUND 12
#define MAX_POLISH 4
#define HOPELESS 0.1 /* nats that are left where nothing holds a parameter */
#define RANK 5       /* of low rank, at most, where none is asked for */
#define WILD 10      /* rms of the gradient that a frame of the right width does not give */
#define MAX_NARROW 30
#define NEAR 0.05 /* S this near the identity: the frame is good enough */

/* ---- the frame ---- */

/* root of the frame from the Hessian at its center, where it can be had; root holds sds so far */
static vb_status frame_from_curvature(vb_advi *a, int dense) {
  const vb_host *host = a->host;
  int d = a->density->dim;
  size_t dd = (size_t)d * d;
  double *zero = host->alloc(d, sizeof(double)), *h = host->alloc(dd, sizeof(double));
  double *sd = a->frame.root, *value = host->alloc(d, sizeof(double));
  vb_status st = vb_density_hessian(host, &a->framed.self, zero, h);
  if (st == VB_NOT_FINITE) return VB_OK;
  if (st != VB_OK) return st;
  for (size_t i = 0; i < dd; i++) h[i] = -h[i];
  if (!dense) {
    for (int k = 0; k < d; k++) sd[k] /= sqrt(fmax(h[k * (size_t)(d + 1)], FLATTEST));
    return VB_OK;
  }
  double *inverse = host->alloc(dd, sizeof(double));
  st = vb_eigen(d, h, d, value);
  if (st != VB_OK) return VB_OK;
  for (int k = 0; k < d; k++) { /* flat and rising directions get the most that is believed */
    double *v = h + (size_t)d * k, scale = 1 / sqrt(fmax(value[k], FLATTEST));
    for (int i = 0; i < d; i++) v[i] *= scale * sd[i];
  }
  vb_gemm_nt(d, d, d, 1, h, d, h, d, 0, inverse, d);
  if (vb_chol(d, inverse, d) != VB_OK) return VB_OK;
  vb_frame_alloc(host, d, 1, &a->frame);
  for (int b = 0; b < d; b++)
    for (int k = b; k < d; k++) a->frame.root[k + (size_t)d * b] = inverse[k + (size_t)d * b];
  return VB_OK;
}

static void frame_finish(vb_advi *a) {
  int d = a->frame.dim;
  a->frame.log_det = 0;
  for (int k = 0; k < d; k++)
    a->frame.log_det += log(a->frame.root[a->frame.dense ? k * (size_t)(d + 1) : (size_t)k]);
}

static vb_status make_frame(vb_advi *a, const vb_path *path) {
  int d = a->density->dim, dense = a->set.approximation->full;
  double *var = a->host->alloc(d, sizeof(double));
  vb_path_var(path, var);
  vb_frame_alloc(a->host, d, 0, &a->frame);
  memcpy(a->frame.center, path->mean, sizeof(double) * d);
  for (int k = 0; k < d; k++) a->frame.root[k] = sqrt(var[k]);
  frame_finish(a);
  vb_framed_make(a->host, a->density, &a->frame, &a->framed);
  if (d <= HESSIAN_UP_TO) {
    vb_status st = frame_from_curvature(a, dense);
    if (st != VB_OK) return st;
  }
  if (dense && !a->frame.dense) { /* no curvature: the path's own sds */
    double *sd = a->frame.root;
    vb_frame_alloc(a->host, d, 1, &a->frame);
    for (int k = 0; k < d; k++) a->frame.root[k * (size_t)(d + 1)] = sd[k];
  }
  memcpy(a->frame.center, path->mean, sizeof(double) * d);
  frame_finish(a);
  return VB_OK;
}

/* the frame is renewed where q has drifted from N(0, I) */
static int absorb(vb_advi *a) {
  vb_q *q = &a->q;
  double off = 0, *unit = a->host->alloc(q->n_scale, sizeof(double)), *scale = q->par + q->dim;
  q->form->start(q, unit);
  for (int k = 0; k < q->n_scale; k++) off = fmax(off, fabs(scale[k] - unit[k]));
  if (!q->form->absorb || off < NEAR) return 0;
  vb_frame_absorb(a->host, q, &a->frame);
  return 1;
}

/* ---- the climb ---- */

/* Standard error of the bound at the draws of the last evaluation.  What is quadratic in z the
 * whitened draws integrate exactly, so it is taken out of a pair's mean: for log p = c + z'Hz / 2
 * the odd part of the gradient gives z'Hz. */
static double bound_error(const vb_saa *s) {
  int half = s->M / 2, d = s->q->dim, m = s->q->n_noise, whole = half >= m;
  double mean = 0, square = 0;
  for (int i = 0; i < half; i++) {
    size_t up = (size_t)i * d, down = (size_t)(i + half) * d;
    double v = (s->value[i] + s->value[i + half]) / 2;
    for (int k = 0; k < d && whole; k++)
      v -= (s->x[up + k] - s->x[down + k]) * (s->g[up + k] - s->g[down + k]) / 8;
    if (!whole) v += vb_dot(m, s->z + (size_t)i * m, s->z + (size_t)i * m) / 2;
    double off = v - mean;
    mean += off / (i + 1);
    square += off * (v - mean);
  }
  return half > 1 ? sqrt(square / (half - 1) / half) : NAN;
}

static double bound_constant(const vb_q *q) { return q->dim * (1 + VB_LOG_2PI) / 2; }

typedef struct {
  vb_advi *advi;
  vb_saa *saa;
} climb;

static vb_status climb_eval(void *data, const double *par, double *f, double *grad) {
  return vb_saa_eval(((climb *)data)->saa, par, f, grad);
}
static vb_status climb_step(void *data, int iter, const double *x, double f, const double *grad,
                            const vb_lbfgs_memory *memory) {
  climb *c = data;
  (void)iter, (void)x, (void)grad, (void)memory;
  vb_advi_trace(c->advi, VB_PHASE_BOUND, f + bound_constant(c->saa->q), bound_error(c->saa),
                c->saa->lik);
  return VB_OK;
}

/* The frame is made narrower until log p can be had at all draws and its gradient is not that of
 * another scale. */
static vb_status narrow_down(vb_advi *a, vb_saa *saa, double *f, double *grad) {
  int n = a->q.n_par;
  vb_status st = vb_saa_eval(saa, a->q.par, f, grad);
  for (int k = 0; k < MAX_NARROW && (st == VB_OK || st == VB_NOT_FINITE); k++) {
    if (st == VB_OK && vb_dot(n, grad, grad) <= WILD * WILD * n) break;
    vb_frame_shrink(&a->frame);
    st = vb_saa_eval(saa, a->q.par, f, grad);
  }
  return st;
}

/* L-BFGS in rounds, the frame renewed between them; f and grad hold at q->par in the end */
static vb_status climb_up(vb_advi *a, vb_saa *saa, double *f, double *grad,
                          vb_lbfgs_memory *memory) {
  climb c = {a, saa};
  vb_q *q = &a->q;
  vb_lbfgs run = {.eval = climb_eval,
                  .data = &c,
                  .n = q->n_par,
                  .x = q->par,
                  .grad = grad,
                  .on_step = climb_step,
                  .tol = a->set.tol * q->dim};
  vb_status st = narrow_down(a, saa, &run.f, grad);
  if (st != VB_OK) return st;
  run.has_start = 1;
  for (int left = a->set.max_iter, round = 0; left > 0 && round < MAX_ROUND; round++) {
    run.max_iter = left < ROUND_ITER ? left : ROUND_ITER;
    st = vb_lbfgs_run(a->host, &run);
    a->n_iter += run.n_iter;
    left -= run.n_iter > 0 ? run.n_iter : 1;
    if (st != VB_OK && st != VB_MAX_ITER) return st;
    int moved = absorb(a);
    run.has_start = !moved;
    if (st == VB_OK || (!moved && run.n_iter == 0)) break;
  }
  a->decrement = run.decrement;
  *memory = run.memory;
  if (!run.has_start) memory->used = 0; /* of another frame */
  *f = run.f;
  if (!run.has_start) {
    vb_status again = vb_saa_eval(saa, q->par, f, grad);
    if (again != VB_OK) return again;
  }
  return VB_OK;
}

/* A frame that the steps have left behind is renewed: what is left to gain is told in it. */
static vb_status polish(vb_advi *a, vb_saa *saa, double *f, double *grad) {
  vb_status st = VB_OK;
  for (int round = 0; round < MAX_POLISH && st == VB_OK; round++) {
    st = vb_newton_run(saa, a->q.par, f, grad, &a->decrement);
    int moved = absorb(a);
    if (st == VB_OK) st = vb_saa_eval(saa, a->q.par, f, grad); /* saa holds what is at par */
    if (!moved) break;
    a->decrement = vb_dot(a->q.n_par, grad, grad) / 2;
  }
  if (st == VB_OK)
    vb_advi_trace(a, VB_PHASE_POLISH, *f + bound_constant(&a->q), bound_error(saa), saa->lik);
  return st;
}

/* How far the optimum would move with other draws: a quasi-Newton step from here with as many fresh
 * ones, whose variance is that of the difference of two optima, twice an optimum's own. */
static vb_status noise_error(vb_advi *a, int M, const double *z, const vb_lbfgs_memory *memory) {
  const vb_q *q = &a->q;
  int d = q->dim;
  vb_saa other;
  double *other_grad = a->host->alloc(q->n_par, sizeof(double)),
         *step = a->host->alloc(q->n_par, sizeof(double)), f;
  double *var = a->host->alloc(2 * d, sizeof(double)), *moved = var + d;
  vb_saa_alloc(a->host, &a->framed.self, q, M, &other);
  other.z = z;
  vb_status st = vb_saa_eval(&other, q->par, &f, other_grad);
  if (st == VB_NOT_FINITE) { /* a fresh draw met a hole: more draws are wanted */
    a->noise_error = INFINITY;
    return VB_OK;
  }
  if (st != VB_OK) return st;
  a->elbo = f + bound_constant(q);
  a->elbo_se = bound_error(&other);
  a->lik = other.lik;
  vb_lbfgs_apply(memory, other_grad, step);
  vb_frame_var(a->host, q, q->par, &a->frame, var);
  vb_frame_root(&a->frame, 1, step, a->noise_sd);
  for (int k = 0; k < q->n_par; k++) step[k] += q->par[k];
  vb_frame_var(a->host, q, step, &a->frame, moved);
  double location = 0, scale = 0;
  for (int k = 0; k < d; k++) {
    a->noise_sd[k] = fabs(a->noise_sd[k]) / sqrt(2 * var[k]);
    location += a->noise_sd[k] * a->noise_sd[k] / d;
    scale += pow(sqrt(moved[k] / var[k]) - 1, 2) / (2 * d);
  }
  a->noise_error = sqrt(fmax(location, scale));
  return VB_OK;
}

static int first_noise(const vb_advi *a) {
  int d = a->q.n_noise, least = a->q.form->full ? 2 * d : 2 * (d < 32 ? d : 32);
  if (a->set.n_noise) { /* fewer than these leave log |S| without a bound */
    int needed = a->q.form->full ? 2 * d : 2 * (a->q.rank + 1);
    return a->set.n_noise > needed ? a->set.n_noise + a->set.n_noise % 2 : needed;
  }
  return least > a->set.min_noise ? least : a->set.min_noise;
}

static vb_status fixed_run(vb_advi *a, vb_saa *saa) {
  vb_q *q = &a->q;
  int d = q->n_noise;
  double *grad = a->host->alloc(q->n_par, sizeof(double)), *raw, f;
  vb_lbfgs_memory memory;
  a->M = first_noise(a);
  raw = a->host->alloc((size_t)d * a->M / 2, sizeof(double));
  a->noise.normal(a->noise.data, (size_t)d * a->M / 2, raw);
  for (;;) {
    size_t half = (size_t)d * a->M / 2;
    double *both = a->host->alloc(2 * half, sizeof(double)),
           *z = a->host->alloc(2 * half, sizeof(double)),
           *z_check = a->host->alloc(2 * half, sizeof(double));
    memcpy(both, raw, sizeof(double) * half);
    a->noise.normal(a->noise.data, half, both + half);
    vb_status st = vb_noise_whiten(a->host, d, a->M, both, z);
    if (st == VB_OK) st = vb_noise_whiten(a->host, d, a->M, both + half, z_check);
    if (st != VB_OK) return st;
    vb_saa_alloc(a->host, &a->framed.self, q, a->M, saa);
    saa->z = z;
    st = climb_up(a, saa, &f, grad, &memory);
    if (st == VB_OK) st = polish(a, saa, &f, grad);
    a->elbo = f + bound_constant(q);
    a->lik = saa->lik;
    if (st == VB_OK) st = noise_error(a, a->M, z_check, &memory);
    int hopeless = a->decrement > HOPELESS; /* more draws would not mend that */
    a->converged = st == VB_OK && a->decrement <= a->set.tol * q->dim && a->noise_error < 1;
    if (st != VB_OK || a->set.n_noise || hopeless || a->noise_error <= a->set.noise_tol ||
        2 * a->M > a->set.max_noise)
      return st;
    raw = both;
    a->M *= 2;
  }
}

/* with fresh noise there is no optimum at fixed draws to respond: one is made where q came to rest
 */
static vb_status fresh_run(vb_advi *a, vb_saa *saa) {
  vb_q *q = &a->q;
  double *grad = a->host->alloc(q->n_par, sizeof(double)), f;
  vb_status st = vb_fresh_run(a);
  if (st != VB_OK && st != VB_MAX_ITER) return st;
  absorb(a);
  a->M = first_noise(a);
  size_t half = (size_t)q->n_noise * a->M / 2;
  double *raw = a->host->alloc(half, sizeof(double)), *z = a->host->alloc(2 * half, sizeof(double));
  a->noise.normal(a->noise.data, half, raw);
  vb_status ready = vb_noise_whiten(a->host, q->n_noise, a->M, raw, z);
  if (ready != VB_OK) return ready;
  vb_saa_alloc(a->host, &a->framed.self, q, a->M, saa);
  saa->z = z;
  ready = vb_saa_eval(saa, q->par, &f, grad);
  a->elbo = f + bound_constant(q);
  a->elbo_se = bound_error(saa);
  a->lik = saa->lik;
  return ready == VB_OK ? st : ready;
}

/* ---- the whole ---- */

static void results_alloc(vb_advi *a) {
  int d = a->density->dim, S = a->set.n_draw;
  double **per_axis[] = {&a->mean, &a->sd, &a->sd_q, &a->noise_sd, &a->density->bad};
  for (int k = 0; k < 5; k++) *per_axis[k] = a->host->alloc(d, sizeof(double));
  a->draw = a->host->alloc((size_t)d * S + 1, sizeof(double));
  a->lp = a->host->alloc(S + 1, sizeof(double));
  a->lp_approx = a->host->alloc(S + 1, sizeof(double));
  a->log_weight = a->host->alloc(S + 1, sizeof(double));
  a->elbo = a->elbo_se = a->lik = a->decrement = a->noise_error = a->khat = a->curvature = NAN;
  a->lr_rule = "none";
}

static int rank_of(const vb_advi *a) {
  int d = a->density->dim, chosen = (d + 1) / 2 < RANK ? (d + 1) / 2 : RANK;
  return a->set.rank == 0 ? chosen : a->set.rank < d ? a->set.rank : d;
}

/* no path: N(start, I), for densities that are infinite somewhere */
static vb_status stay(vb_advi *a, vb_path *path) {
  int d = a->density->dim;
  double value;
  vb_path_alloc(a->host, d, path);
  memcpy(path->mean, a->start, sizeof(double) * d);
  for (int k = 0; k < d; k++) path->scale[k] = 1;
  vb_status st = vb_density_eval(a->density, 1, a->start, &value, NULL);
  return st == VB_OK && !isfinite(value) ? VB_NOT_FINITE : st;
}

static vb_status run(vb_advi *a) {
  vb_path path;
  vb_saa saa;
  int walks = a->set.n_path > 0 || !a->set.approximation;
  vb_status st = walks ? vb_pathfinder_run(a, &path) : stay(a, &path);
  if (st != VB_OK) return st;
  if (!a->set.approximation) return vb_pathfinder_report(a, &path);
  st = make_frame(a, &path);
  if (st != VB_OK) return st;
  vb_framed_make(a->host, a->density, &a->frame, &a->framed);
  vb_q_alloc(a->host, a->set.approximation, a->density->dim, rank_of(a), &a->q);
  st = a->set.fresh ? fresh_run(a, &saa) : fixed_run(a, &saa);
  if (st != VB_OK && st != VB_MAX_ITER) return st;
  vb_status told = vb_advi_report(a, &saa);
  return told == VB_OK ? st : told;
}

void vb_advi_fail(vb_advi *a, vb_status status) {
  results_alloc(a);
  a->status = status;
}

/* the run in units of its own, whose density is this one seen through a frame */
static vb_status run_in_units(vb_advi *a) {
  int d = a->density->dim;
  vb_frame units;
  vb_framed seen;
  vb_density *own = a->density;
  const double *own_start = a->start;
  double *start = a->host->alloc((size_t)d * a->n_start, sizeof(double));
  vb_status st = vb_units_frame(a, &units);
  if (st != VB_OK) return st;
  for (int i = 0; i < a->n_start; i++)
    for (int k = 0; k < d; k++)
      start[k + (size_t)d * i] = own_start[k + (size_t)d * i] / units.root[k];
  vb_framed_make(a->host, own, &units, &seen);
  a->density = &seen.self;
  a->start = start;
  st = run(a);
  a->density = own;
  a->start = own_start;
  vb_units_undo(a, &units);
  return st;
}

vb_status vb_advi_run(vb_advi *a) {
  results_alloc(a);
  a->status = a->set.rescale && a->density->dim <= HESSIAN_UP_TO ? run_in_units(a) : run(a);
  if (a->status != VB_OK) a->converged = 0;
  if (a->status == VB_OK && !a->converged) a->status = VB_MAX_ITER;
  return a->status;
}
