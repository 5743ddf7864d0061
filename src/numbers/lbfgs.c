/* Limited-memory BFGS (Nocedal & Wright 2006, algorithms 7.4 and 7.5), maximising.  Steps satisfy
 * the weak Wolfe conditions, found by bisection (Lewis & Overton 2013): a step where f cannot be
 * had is one that was too long. */
#include <math.h>
#include <string.h>
#include "numbers/optimise.h"
#include "numbers/small.h"

#define ARMIJO 1e-4
#define CURVATURE 0.9
#define MAX_TRIAL 40

/* lives on in run, for whoever wants the inverse Hessian */
static void memory_alloc(const vb_host *host, int n, int m, vb_lbfgs_memory *mem) {
  *mem = (vb_lbfgs_memory){.n = n, .m = m};
  mem->s = host->alloc((size_t)n * m, sizeof(double));
  mem->y = host->alloc((size_t)n * m, sizeof(double));
  mem->rho = host->alloc(m, sizeof(double));
  mem->alpha = host->alloc(m, sizeof(double));
}

static void remember(vb_lbfgs_memory *mem, const double *x, const double *x_new, const double *grad,
                     const double *grad_new) {
  int n = mem->n;
  double sy = 0, ss = 0, yy = 0;
  for (int i = 0; i < n; i++) {
    double s = x_new[i] - x[i], y = grad[i] - grad_new[i];
    sy += s * y;
    ss += s * s;
    yy += y * y;
  }
  if (!(sy > 1e-12 * sqrt(ss * yy))) return;
  double *s = mem->s + (size_t)mem->next * n, *y = mem->y + (size_t)mem->next * n;
  for (int i = 0; i < n; i++) {
    s[i] = x_new[i] - x[i];
    y[i] = grad[i] - grad_new[i];
  }
  mem->rho[mem->next] = 1 / sy;
  mem->next = (mem->next + 1) % mem->m;
  if (mem->used < mem->m) mem->used++;
}

/* two-loop recursion; the latest pair scales the identity it starts from */
void vb_lbfgs_apply(const vb_lbfgs_memory *mem, const double *v, double *out) {
  int n = mem->n;
  memcpy(out, v, sizeof(double) * n);
  for (int k = 1; k <= mem->used; k++) {
    int at = (mem->next - k + mem->m) % mem->m;
    const double *s = mem->s + (size_t)at * n, *y = mem->y + (size_t)at * n;
    mem->alpha[at] = mem->rho[at] * vb_dot(n, s, out);
    for (int i = 0; i < n; i++) out[i] -= mem->alpha[at] * y[i];
  }
  if (mem->used) {
    int at = (mem->next - 1 + mem->m) % mem->m;
    const double *y = mem->y + (size_t)at * n;
    double scale = 1 / (mem->rho[at] * vb_dot(n, y, y));
    for (int i = 0; i < n; i++) out[i] *= scale;
  }
  for (int k = mem->used; k >= 1; k--) {
    int at = (mem->next - k + mem->m) % mem->m;
    const double *s = mem->s + (size_t)at * n, *y = mem->y + (size_t)at * n;
    double beta = mem->rho[at] * vb_dot(n, y, out);
    for (int i = 0; i < n; i++) out[i] += (mem->alpha[at] - beta) * s[i];
  }
}

typedef struct {
  double *dir, *x, *grad, f;
} trial;

/* Wolfe step along t->dir; on return t holds the new point.  Where rounding leaves no ascent to be
 * found the status is VB_MAX_ITER, where f has no end VB_NOT_FINITE. */
static vb_status line_search(vb_lbfgs *run, double slope, double step, trial *t) {
  double low = 0, high = INFINITY, slack = 1e-14 * fabs(run->f);
  int n = run->n;
  for (int k = 0; k < MAX_TRIAL; k++) {
    for (int i = 0; i < n; i++) t->x[i] = run->x[i] + step * t->dir[i];
    vb_status st = run->eval(run->data, t->x, &t->f, t->grad);
    run->n_eval++;
    if (st == VB_INTERRUPTED) return st;
    if (st != VB_OK) t->f = -INFINITY;
    double gain = t->f - run->f;
    if (st != VB_OK || !(gain >= ARMIJO * step * slope - slack)) {
      high = step;
      /* the parabola through both values and the slope, kept off the ends */
      double fit = st == VB_OK ? 0.5 * slope * step * step / (slope * step - gain) : 0;
      step = fmin(fmax(fit, low + 0.1 * (high - low)), low + 0.5 * (high - low));
    } else if (vb_dot(n, t->grad, t->dir) > CURVATURE * slope) {
      low = step;
      step = isfinite(high) ? low + 0.5 * (high - low) : 2 * step;
    } else {
      return VB_OK;
    }
    if (high - low < 1e-12 * fmax(low, 1e-8)) break;
  }
  if (low > 0 && isinf(high)) return VB_NOT_FINITE; /* it rises for ever */
  return t->f > run->f ? VB_OK : VB_MAX_ITER;
}

vb_status vb_lbfgs_run(const vb_host *host, vb_lbfgs *run) {
  int n = run->n;
  vb_lbfgs_memory *mem = &run->memory;
  memory_alloc(host, n, VB_LBFGS_HISTORY, mem);
  trial t = {.dir = host->alloc(n + 1, sizeof(double)),
             .x = host->alloc(n + 1, sizeof(double)),
             .grad = host->alloc(n + 1, sizeof(double))};
  vb_status st = VB_OK;
  if (!run->has_start) {
    st = run->eval(run->data, run->x, &run->f, run->grad);
    run->n_eval++;
  }
  if (st != VB_OK) return st;
  if (run->on_step) st = run->on_step(run->data, 0, run->x, run->f, run->grad, mem);
  for (run->n_iter = 0; st == VB_OK; run->n_iter++) {
    vb_lbfgs_apply(mem, run->grad, t.dir);
    double slope = vb_dot(n, t.dir, run->grad), size = sqrt(vb_dot(n, t.dir, t.dir));
    run->decrement = slope / 2;
    if (run->decrement <= run->tol) return VB_OK;
    if (run->n_iter >= run->max_iter) return VB_MAX_ITER;
    st = line_search(run, slope, mem->used || size <= 1 ? 1 : 1 / size, &t);
    if (st == VB_MAX_ITER && mem->used) { /* once more along the gradient */
      mem->used = mem->next = 0;
      st = VB_OK;
      continue;
    }
    if (st != VB_OK) break;
    remember(mem, run->x, t.x, run->grad, t.grad);
    memcpy(run->x, t.x, sizeof(double) * n);
    memcpy(run->grad, t.grad, sizeof(double) * n);
    run->f = t.f;
    if (run->on_step) st = run->on_step(run->data, run->n_iter + 1, run->x, run->f, run->grad, mem);
    if (st == VB_OK && host->poll()) st = VB_INTERRUPTED;
  }
  return st;
}
