/* Free-form factors q(theta_k): the best is proportional to exp of its kernel (Blei, Kucukelbir &
 * McAuliffe 2017, equation 18), kept as weights on nodes.  Up to three axes: the trapezoid rule in
 * the whitened axes of the mode, whose error falls exponentially (Trefethen & Weideman 2014), so
 * that nodes laid anew do not disturb the bound; beyond, importance weights of low-discrepancy
 * points. */
#include <math.h>
#include <string.h>
#include "numbers/small.h"
#include "theta/cavi.h"

#define DROP 20    /* log density below the top at which an axis ends */
#define MANY 4096  /* points for four axes and more */
#define NORMAL 256 /* the same where every point is a pass over the rows */
static const double step_of[4] = {1, 0.2, 0.4, 0.6};
static const int most_of[4] = {1, 90, 50, 31}; /* nodes along an axis */

static int capacity(int K) {
  if (K > 3) return MANY;
  int n = 1;
  for (int k = 0; k < K; k++) n *= most_of[K];
  return n;
}

void vb_free_alloc(const vb_host *host, const vb_hyper *hyper, int term, vb_free_form *f) {
  memset(f, 0, sizeof *f);
  f->term = term;
  f->first = term < 0 ? hyper->first_par : hyper->first[term];
  f->count = term < 0 ? hyper->n_par : vb_term_pars(hyper, term);
  for (int i = f->first; i < f->first + f->count; i++)
    if (hyper->natural[i].axis >= 0) f->axis[f->K++] = hyper->natural[i].axis;
  int cap = capacity(f->K), d = term < 0 ? 0 : hyper->d[term];
  f->root = host->alloc((size_t)f->K * f->K + 1, sizeof(double));
  f->laid = host->alloc((size_t)f->K * (f->K + 1) + 1, sizeof(double));
  f->x = host->alloc((size_t)cap * f->K + 1, sizeof(double));
  f->made = host->alloc((size_t)cap * (1 + 2 * d * d), sizeof(double));
  f->log_w = host->alloc(cap, sizeof(double));
  f->value = host->alloc(cap, sizeof(double));
  f->weight = host->alloc(cap, sizeof(double));
  f->cum = host->alloc(cap, sizeof(double));
}

static void place(const vb_free_form *f, const double *z, double *x) {
  for (int i = 0; i < f->K; i++) {
    x[i] = f->centre[i];
    for (int k = 0; k < f->K; k++) x[i] += f->root[i + (size_t)k * f->K] * z[k];
  }
}

/* mode and spread: root root' = (-Hessian)^-1 */
static vb_status find_mode(vb_free_form *f, vb_objective kernel, void *data, double *top) {
  int K = f->K;
  double inv[VB_MAX_AXIS * VB_MAX_AXIS] = {0}, grad[VB_MAX_AXIS], up[VB_MAX_AXIS], x[VB_MAX_AXIS];
  double value[VB_MAX_AXIS];
  for (int k = 0; k < K; k++) inv[k * (K + 1)] = 0.05;
  vb_bfgs run = {.eval = kernel,
                 .data = data,
                 .n = K,
                 .max_eval = 500,
                 .tol = 1e-8,
                 .x = f->centre,
                 .grad = grad,
                 .inv = inv,
                 .steep = INFINITY};
  vb_status st = vb_bfgs_run(&run);
  *top = run.f;
  if (st != VB_OK && st != VB_MAX_ITER) return st;
  for (int k = 0; k < K; k++) {
    double h = 1e-4, at;
    memcpy(x, f->centre, sizeof(double) * K);
    x[k] += h;
    st = kernel(data, x, &at, up);
    x[k] -= 2 * h;
    if (st == VB_OK) st = kernel(data, x, &at, grad);
    if (st != VB_OK) return st;
    for (int i = 0; i < K; i++) inv[i + (size_t)k * K] = (grad[i] - up[i]) / (2 * h);
  }
  for (int i = 0; i < K; i++)
    for (int k = 0; k < i; k++) inv[i + k * K] = (inv[i + k * K] + inv[k + i * K]) / 2;
  st = vb_eigen(K, inv, K, value);
  for (int k = 0; k < K && st == VB_OK; k++)
    for (int i = 0; i < K; i++)
      f->root[i + (size_t)k * K] = inv[i + (size_t)k * K] / sqrt(fmax(value[k], 0.04));
  return st;
}

/* how many steps along an axis until the density is gone */
static int reach(const vb_free_form *f, vb_objective kernel, void *data, double top, int axis,
                 double step) {
  double z[VB_MAX_AXIS] = {0}, x[VB_MAX_AXIS], at;
  int n = 0, most = 2 * most_of[f->K] / 3;
  for (; n < most; n++) {
    z[axis] = step * (n + 1);
    place(f, z, x);
    if (kernel(data, x, &at, NULL) != VB_OK || !(at > top - DROP)) break;
  }
  return n;
}

static void lay_trapezoid(vb_free_form *f, vb_objective kernel, void *data, double top) {
  int K = f->K, low[3] = {0}, n[3] = {1, 1, 1};
  double z[3], log_w = vb_root_log_det(f->K, f->root);
  for (int k = 0; k < K; k++) {
    f->step[k] = step_of[K];
    low[k] = reach(f, kernel, data, top, k, -f->step[k]);
    n[k] = 1 + low[k] + reach(f, kernel, data, top, k, f->step[k]);
    if (n[k] > most_of[K]) n[k] = most_of[K];
    log_w += log(f->step[k]);
  }
  f->T = 0;
  for (int a = 0; a < n[0]; a++)
    for (int b = 0; b < n[1]; b++)
      for (int c = 0; c < n[2]; c++) {
        int at[3] = {a, b, c};
        for (int k = 0; k < K; k++) z[k] = f->step[k] * (at[k] - low[k]);
        place(f, z, f->x + (size_t)f->T * K);
        f->log_w[f->T++] = log_w;
      }
}

/* two-piece t's as wide as the density falls */
static void lay_weighted(vb_free_form *f, vb_objective kernel, void *data, double top) {
  int K = f->K;
  double z[VB_MAX_AXIS] = {0}, x[VB_MAX_AXIS], at,
         log_w = vb_root_log_det(f->K, f->root) - log(MANY);
  vb_proposal q;
  vb_proposal_init(K, &q);
  for (int k = 0; k < K; k++) {
    f->step[k] = 0;
    for (int side = -1; side < 2; side += 2) {
      z[k] = 2 * side;
      place(f, z, x);
      int there = kernel(data, x, &at, NULL) == VB_OK;
      double s = there ? 2 / sqrt(2 * fmax(top - at, 0.1)) : 0.6;
      (side < 0 ? q.below : q.above)[k] = fmin(fmax(s, 0.5), 2.5);
    }
    z[k] = 0;
  }
  f->T = MANY;
  for (int t = 0; t < MANY; t++) {
    double point[VB_MAX_AXIS];
    f->log_w[t] = log_w - vb_proposal_draw(&q, t, point);
    place(f, point, f->x + (size_t)t * K);
  }
}

/* Are the weighted points still about where they were laid?  Laid anew they would change the bound
 * by their error, and coordinate ascent would never come to rest. */
static int still_there(const vb_free_form *f) {
  double z[VB_MAX_AXIS], far = 0;
  if (!f->n_laid) return 0;
  vb_whiten(f->K, f->laid + f->K, f->laid, f->centre, z);
  for (int k = 0; k < f->K; k++) far = fmax(far, fabs(z[k]));
  return far < 0.7;
}

vb_status vb_free_lay(vb_free_form *f, vb_objective kernel, void *data, int *anew) {
  double top = 0;
  int K = f->K;
  *anew = 1;
  if (K == 0) {
    f->T = 1;
    f->log_w[0] = 0;
  } else {
    vb_status st = find_mode(f, kernel, data, &top);
    if (st != VB_OK) return st;
    if (K <= 3) lay_trapezoid(f, kernel, data, top);
  }
  if (K > 3 && still_there(f)) {
    *anew = 0;
  } else if (K > 3) {
    memcpy(f->laid, f->centre, sizeof(double) * K);
    memcpy(f->laid + K, f->root, sizeof(double) * K * K);
    f->n_laid++;
    lay_weighted(f, kernel, data, top);
  }
  return VB_OK;
}

void vb_free_spread(vb_free_form *f) {
  int K = f->K;
  double z[VB_MAX_AXIS], log_w = vb_root_log_det(f->K, f->root);
  f->T = 0;
  if (K == 0) {
    f->value[0] = f->log_w[0] = 0;
    f->T = 1;
    return;
  }
  if (K > 2) {
    vb_proposal q;
    vb_proposal_init(K, &q);
    q.normal = 1;
    for (; f->T < NORMAL; f->T++) {
      double log_q = vb_proposal_draw(&q, f->T, z);
      f->log_w[f->T] = log_w - log(NORMAL) - log_q;
      f->value[f->T] = log_q;
      place(f, z, f->x + (size_t)f->T * K);
    }
    for (int k = 0; k < K; k++) f->step[k] = 0;
    return;
  }
  double step = K == 1 ? 0.75 : 1, edge = K == 1 ? 6 : 5;
  int half = (int)(edge / step);
  for (int k = 0; k < K; k++) {
    f->step[k] = step;
    log_w += log(step);
  }
  for (int a = -half; a <= half; a++)
    for (int b = K > 1 ? -half : 0; b <= (K > 1 ? half : 0); b++) {
      z[0] = step * a;
      z[1] = step * b; /* zero for one axis */
      if (z[0] * z[0] + z[1] * z[1] > edge * edge) continue;
      place(f, z, f->x + (size_t)f->T * K);
      f->value[f->T] = -(z[0] * z[0] + z[1] * z[1]) / 2;
      f->log_w[f->T++] = log_w;
    }
}

vb_status vb_free_weigh(vb_free_form *f) {
  double top = -INFINITY, sum = 0;
  for (int t = 0; t < f->T; t++) top = fmax(top, f->value[t] + f->log_w[t]);
  if (!isfinite(top)) return VB_NOT_FINITE;
  for (int t = 0; t < f->T; t++) sum += f->weight[t] = exp(f->value[t] + f->log_w[t] - top);
  for (int t = 0; t < f->T; t++) {
    f->weight[t] /= sum;
    f->cum[t] = f->weight[t] + (t ? f->cum[t - 1] : 0);
  }
  f->log_z = top + log(sum);
  return VB_OK;
}

void vb_free_point(const vb_free_form *f, const double *u, double *x) {
  int low = 0, high = f->T - 1;
  while (low < high) {
    int middle = low + (high - low) / 2;
    if (f->cum[middle] < u[0])
      low = middle + 1;
    else
      high = middle;
  }
  /* what u[0] is within its node's share places the point along the axis that runs fastest */
  int K = f->K;
  double share = fmin(fmax(1 - (f->cum[low] - u[0]) / f->weight[low], 0), 1);
  for (int i = 0; i < K; i++) {
    x[i] = f->x[(size_t)low * K + i];
    for (int k = 0; k < K; k++)
      x[i] += f->root[i + (size_t)k * K] * f->step[k] * ((k == K - 1 ? share : u[k + 1]) - 0.5);
  }
}
