/* BFGS (Nocedal & Wright 2006, algorithm 6.1) for a handful of hyperparameters, maximising, with
 * backtracking on the Armijo condition.  Points where f cannot be had are steps that were too long.
 */
#include <math.h>
#include <string.h>
#include "numbers/optimise.h"
#include "numbers/small.h"

/* inverse update: (I - r s y') H (I - r y s') + r s s', skipped where the curvature is not positive
 */
static void update_inverse(int n, double *inv, const double *s, const double *y) {
  double hy[VB_MAX_AXIS], sy = vb_dot(n, s, y);
  if (!(sy > 1e-10 * sqrt(vb_dot(n, s, s) * vb_dot(n, y, y)))) return;
  for (int i = 0; i < n; i++) {
    hy[i] = 0;
    for (int j = 0; j < n; j++) hy[i] += inv[i + (size_t)j * n] * y[j];
  }
  double c = (1 + vb_dot(n, y, hy) / sy) / sy;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++)
      inv[i + (size_t)j * n] += c * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / sy;
}

vb_status vb_bfgs_run(vb_bfgs *run) {
  int n = run->n, max_eval = run->max_eval;
  double *x = run->x, *grad = run->grad, *inv = run->inv, tol = run->tol;
  double dir[VB_MAX_AXIS], next[VB_MAX_AXIS], g_next[VB_MAX_AXIS], y[VB_MAX_AXIS], f_next;
  vb_status st = run->eval(run->data, x, &run->f, grad);
  if (st != VB_OK) return st;
  for (int used = 1; used < max_eval;) {
    double longest = 0;
    for (int i = 0; i < n; i++) {
      dir[i] = 0;
      for (int j = 0; j < n; j++) dir[i] += inv[i + (size_t)j * n] * grad[j];
      longest = fmax(longest, fabs(dir[i]));
    }
    double slope = vb_dot(n, dir, grad), t = longest > 1.5 ? 1.5 / longest : 1;
    double steepest = 0;
    for (int i = 0; i < n; i++) steepest = fmax(steepest, fabs(grad[i]));
    if (slope < tol && !(steepest > run->steep)) return VB_OK;
    for (;; t /= longest > 1.5 ? 2.5 : 3) {
      for (int i = 0; i < n; i++) next[i] = x[i] + t * dir[i];
      st = run->eval(run->data, next, &f_next, g_next);
      used++;
      if (st == VB_INTERRUPTED) return st;
      if (st == VB_OK && f_next >= run->f + 1e-4 * t * slope) break;
      if (t * slope < tol / 10 || used >= max_eval) return used >= max_eval ? VB_MAX_ITER : VB_OK;
    }
    for (int i = 0; i < n; i++) {
      dir[i] = next[i] - x[i];
      y[i] = grad[i] - g_next[i]; /* of -f: the Hessian is positive */
    }
    update_inverse(n, inv, dir, y);
    memcpy(x, next, sizeof(double) * n);
    memcpy(grad, g_next, sizeof(double) * n);
    run->f = f_next;
  }
  return VB_MAX_ITER;
}
