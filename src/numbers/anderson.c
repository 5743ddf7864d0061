/* Anderson acceleration, type II: the combination of the last few steps whose residuals T(l) - l
 * cancel best (Anderson 1965; Walker & Ni 2011, algorithm AA). */
#include <math.h>
#include <string.h>
#include "numbers/optimise.h"
#include "numbers/small.h"

#define LONGEST 4 /* an accelerated move may be so many times as long as the plain one */

void vb_anderson_alloc(const vb_host *host, int n, vb_anderson *a) {
  a->n = n;
  a->used = 0;
  for (int k = 0; k <= VB_ANDERSON; k++) {
    a->l[k] = host->alloc(n + 1, sizeof(double));
    a->t[k] = host->alloc(n + 1, sizeof(double));
  }
}

void vb_anderson_push(vb_anderson *a, const double *l, const double *t) {
  if (a->used == VB_ANDERSON + 1) { /* the oldest makes room */
    double *l0 = a->l[0], *t0 = a->t[0];
    for (int k = 0; k < VB_ANDERSON; k++) {
      a->l[k] = a->l[k + 1];
      a->t[k] = a->t[k + 1];
    }
    a->l[VB_ANDERSON] = l0;
    a->t[VB_ANDERSON] = t0;
    a->used--;
  }
  memcpy(a->l[a->used], l, sizeof(double) * a->n);
  memcpy(a->t[a->used++], t, sizeof(double) * a->n);
}

int vb_anderson_next(const vb_anderson *a, double *next) {
  int last = a->used - 1, m = last, n = a->n;
  if (m < 1) return 0;
  const double *l = a->l[last], *t = a->t[last];
  double gram[VB_ANDERSON * VB_ANDERSON], gamma[VB_ANDERSON], trace = 0, plain = 0, move = 0;
  for (int i = 0; i < m; i++) {
    gamma[i] = 0;
    for (int j = 0; j <= i; j++) {
      double s = 0;
      for (int k = 0; k < n; k++) {
        double fi = (t[k] - l[k]) - (a->t[i][k] - a->l[i][k]);
        double fj = (t[k] - l[k]) - (a->t[j][k] - a->l[j][k]);
        s += fi * fj;
        if (j == 0) gamma[i] += fi * (t[k] - l[k]);
      }
      gram[i + j * m] = s;
    }
    trace += gram[i + i * m];
  }
  for (int i = 0; i < m; i++) gram[i + i * m] += 1e-12 * trace + 1e-300;
  if (vb_chol(m, gram, m) != VB_OK) return 0;
  vb_chol_solve(m, gram, m, 1, gamma, m);
  for (int k = 0; k < n; k++) {
    next[k] = t[k];
    for (int i = 0; i < m; i++) next[k] -= gamma[i] * (t[k] - a->t[i][k]);
    plain = fmax(plain, fabs(t[k] - l[k]));
    move = fmax(move, fabs(next[k] - t[k]));
  }
  if (!isfinite(move)) return 0;
  double most = LONGEST + 10 * plain, scale = move > most ? most / move : 1;
  for (int k = 0; k < n; k++) next[k] = t[k] + scale * (next[k] - t[k]);
  return 1;
}
