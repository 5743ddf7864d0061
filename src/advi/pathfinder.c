/* Pathfinder (Zhang, Carpenter, Gelman & Vehtari 2022): along the path of L-BFGS from
 * a start towards a mode, the Gaussian of largest ELBO.  Several paths, for other modes. */
#include <math.h>
#include <string.h>
#include "advi/advi.h"
#include "numbers/small.h"

#define MAX_STEP 1000
#define TOL 1e-4      /* decrement in nats where a path ends */
#define N_DRAW 10     /* of an ELBO */
#define MAX_COND 1e12 /* y'y / s'y beyond which a pair says nothing about the diagonal */
#define PATIENCE 15   /* Gaussians in a row that were no better: the path leads elsewhere */
#define SHRINK 10     /* halvings of the way to a start */

typedef struct {
  vb_advi *advi;
  vb_path *best, now;
  vb_lbfgs_memory pair;
  double *x, *grad, f; /* the iterate before */
  double *diag, *one, *spare, *work;
  double *z, *draw, value[N_DRAW], log_q[N_DRAW];
  int n_iter, worse, pending; /* pending: the ELBO of this iterate has been left out */
  double overall;             /* best ELBO of all paths so far */
} walk;

static vb_status objective(void *data, const double *x, double *f, double *grad) {
  vb_advi *advi = ((walk *)data)->advi;
  if (advi->host->poll()) return VB_INTERRUPTED;
  vb_status st = vb_density_eval(advi->density, 1, x, f, grad);
  return st == VB_OK && !isfinite(*f) ? VB_NOT_FINITE : st;
}

/* The diagonal e of the inverse Hessian after Gilbert & Lemarechal (1989), as in the paper:
 * 1/e <- (y'ey / s'y) / e + y^2 / s'y - (y'ey / s'y) (s/e)^2 / (s'e^-1 s) */
static void update_diag(int n, const double *s, const double *y, double sy, double *e) {
  double yey = 0, ses = 0;
  for (int i = 0; i < n; i++) {
    yey += y[i] * y[i] * e[i];
    ses += s[i] * s[i] / e[i];
  }
  double a = yey / sy;
  for (int i = 0; i < n; i++) {
    double se = s[i] / e[i], inv = a / e[i] + y[i] * y[i] / sy - a * se * se / ses;
    if (inv > 0 && isfinite(1 / inv)) e[i] = 1 / inv;
  }
}

/* the pair of the step to x, where it has positive curvature; the oldest one gives way */
static void remember(walk *w, const double *x, const double *grad) {
  vb_lbfgs_memory *pair = &w->pair;
  int n = pair->n;
  double sy = 0, yy = 0;
  for (int i = 0; i < n; i++) {
    double y = w->grad[i] - grad[i];
    sy += (x[i] - w->x[i]) * y;
    yy += y * y;
  }
  if (!(sy > 0) || !(yy <= MAX_COND * sy)) return;
  double *s = pair->s + (size_t)pair->next * n, *y = pair->y + (size_t)pair->next * n;
  for (int i = 0; i < n; i++) {
    s[i] = x[i] - w->x[i];
    y[i] = w->grad[i] - grad[i];
  }
  update_diag(n, s, y, sy, w->diag);
  pair->next = (pair->next + 1) % pair->m;
  if (pair->used < pair->m) pair->used++;
}

/* the Gaussian at w->x from this diagonal, kept where it is better */
static vb_status weigh_with(walk *w, const double *diag, int *better) {
  vb_advi *advi = w->advi;
  if (vb_path_build(&w->pair, diag, w->x, w->grad, w->work, &w->now) != VB_OK) return VB_OK;
  vb_path_draw(&w->now, N_DRAW, w->z, w->draw, w->log_q);
  vb_status st = vb_density_eval(advi->density, N_DRAW, w->draw, w->value, NULL);
  if (st != VB_OK) return st;
  w->now.elbo = vb_path_elbo(N_DRAW, w->value, w->log_q, &w->now.elbo_se);
  if (!(w->now.elbo > w->best->elbo)) return VB_OK;
  *better = 1;
  vb_path_copy(&w->now, w->best);
  if (!(w->now.elbo > w->overall)) return VB_OK;
  w->overall = w->now.elbo;
  vb_advi_trace(advi, VB_PHASE_PATH, w->now.elbo, w->now.elbo_se, advi->density->lik / N_DRAW);
  return VB_OK;
}

/* Both with the diagonal that the pairs suggest, which the steepest of them makes small, and with
 * ones: where the parameters have units that is about right for all directions no step has gone. */
static vb_status weigh(walk *w) {
  int better = 0;
  w->pending = 0;
  vb_status st = weigh_with(w, w->diag, &better);
  if (st == VB_OK) st = weigh_with(w, w->one, &better);
  w->worse = better ? 0 : w->worse + 1;
  return st;
}

/* In free fall, more nats a step than the density varies by over a Gaussian, no Gaussian fits;
 * near the mode one step changes little. */
static int worth(int dim, int iter, double gain) {
  if (gain > 5 + 2 * dim) return 0;
  return gain > 0.5 || iter % 3 == 0;
}

static vb_status step(void *data, int iter, const double *x, double f, const double *grad,
                      const vb_lbfgs_memory *unused) {
  walk *w = data;
  int n = w->now.dim;
  double gain = f - w->f;
  (void)unused;
  if (iter) remember(w, x, grad);
  memcpy(w->x, x, sizeof(double) * n);
  memcpy(w->grad, grad, sizeof(double) * n);
  w->f = f;
  w->n_iter = iter;
  w->pending = 1;
  if (!iter || !worth(n, iter, gain)) return VB_OK;
  vb_status st = weigh(w);
  if (st != VB_OK) return st;
  return w->worse >= PATIENCE ? VB_MAX_ITER : VB_OK;
}

static void walk_alloc(vb_advi *advi, walk *w) {
  const vb_host *host = advi->host;
  int dim = advi->density->dim, m = VB_PATH_HISTORY;
  *w = (walk){.advi = advi, .overall = -INFINITY};
  vb_path_alloc(host, dim, &w->now);
  w->pair = (vb_lbfgs_memory){.n = dim, .m = m};
  w->pair.s = host->alloc((size_t)dim * m, sizeof(double));
  w->pair.y = host->alloc((size_t)dim * m, sizeof(double));
  double **vector[] = {&w->x, &w->grad, &w->diag, &w->one, &w->spare};
  for (int k = 0; k < 5; k++) *vector[k] = host->alloc(dim, sizeof(double));
  w->work = host->alloc(vb_path_work(dim), sizeof(double));
  w->z = host->alloc((size_t)dim * N_DRAW, sizeof(double));
  w->draw = host->alloc((size_t)dim * N_DRAW, sizeof(double));
}

/* Start i in run->x: of the user; beyond these jittered by U(-2, 2).  Until the density is had,
 * half the way back to the first one. */
static vb_status begin(walk *w, int i, vb_lbfgs *run) {
  vb_advi *advi = w->advi;
  int n = run->n;
  const double *first = advi->start, *from = first + (size_t)(i % advi->n_start) * n;
  memcpy(run->x, from, sizeof(double) * n);
  if (i >= advi->n_start) {
    advi->noise.uniform(advi->noise.data, n, w->spare);
    for (int k = 0; k < n; k++) run->x[k] += 4 * w->spare[k] - 2;
  }
  vb_status st = objective(w, run->x, &run->f, run->grad);
  for (int k = 0; k < SHRINK && st == VB_NOT_FINITE && i > 0; k++) {
    for (int l = 0; l < n; l++) run->x[l] = (run->x[l] + first[l]) / 2;
    st = objective(w, run->x, &run->f, run->grad);
  }
  return st;
}

static vb_status follow(walk *w, int i, vb_path *path) {
  vb_advi *advi = w->advi;
  int n = path->dim;
  vb_lbfgs run = {.eval = objective,
                  .data = w,
                  .n = n,
                  .max_iter = MAX_STEP,
                  .tol = TOL,
                  .on_step = step,
                  .has_start = 1};
  run.x = advi->host->alloc(n, sizeof(double));
  run.grad = advi->host->alloc(n, sizeof(double));
  vb_status st = begin(w, i, &run);
  if (st != VB_OK) return st;
  w->best = path;
  w->worse = w->pair.used = w->pair.next = 0;
  for (int k = 0; k < n; k++) w->diag[k] = w->one[k] = 1;
  advi->noise.normal(advi->noise.data, (size_t)n * N_DRAW, w->z);
  st = vb_lbfgs_run(advi->host, &run);
  if (st == VB_INTERRUPTED) return st;
  if (w->pending) {
    st = weigh(w);
    if (st != VB_OK) return st;
  }
  if (!isfinite(path->elbo)) {
    st = vb_path_build(&w->pair, w->diag, w->x, w->grad, w->work, path);
    memcpy(path->mean, w->x, sizeof(double) * n);
  }
  path->n_iter = run.n_iter;
  return VB_OK;
}

vb_status vb_pathfinder_run(vb_advi *advi, vb_path *best) {
  int n_path = advi->set.n_path, which = 0;
  vb_path *all = advi->host->alloc(n_path, sizeof *all);
  walk w;
  walk_alloc(advi, &w);
  for (int i = 0; i < n_path; i++) {
    vb_path_alloc(advi->host, advi->density->dim, all + i);
    vb_status st = follow(&w, i, all + i);
    if (st != VB_OK && (st != VB_NOT_FINITE || i == 0)) return st;
    if (all[i].elbo > all[which].elbo) which = i;
  }
  *best = all[which];
  best->all = all;
  best->n_all = n_path;
  return VB_OK;
}
