/* Every row of the table of likelihoods of several predictors, over numbers of observations that
 * fill no lanes, in buffers of exactly their size: values with and without derivatives, these
 * against differences, starts and scales. */
#include <math.h>
#include <string.h>
#include "core-test.h"
#include "rows/several.h"

enum { MOST = VB_MAX_PREDICTORS };
typedef struct {
  int K, n, n_y;
  double *y[MOST], *w, *eta[MOST], *ll, *d1[MOST], *d2[VB_MAX_WIDTH];
} data;

static data make(const vb_several *row, int n) {
  data d = {.K = row->n_par ? row->n_par : 3, .n = n, .w = doubles(n), .ll = doubles(n)};
  int counts = row->constant || !row->n_par; /* others have all numbers between zero and one */
  d.n_y = row->n_y ? row->n_y : d.K;
  for (int k = 0; k < d.n_y; k++) {
    d.y[k] = doubles(n);
    for (int i = 0; i < n; i++) d.y[k][i] = counts ? (i + k) % 3 : 0.3 + 0.05 * (i % 9);
  }
  for (int i = 0; i < n; i++) d.w[i] = 9;
  for (int k = 0; k < d.K; k++) {
    d.eta[k] = doubles(n);
    d.d1[k] = doubles(n);
    for (int i = 0; i < n; i++) d.eta[k][i] = wave(5 * i + 3 * k);
  }
  for (int k = 0; k < vb_width(d.K); k++) d.d2[k] = doubles(n);
  return d;
}

static vb_several_at at(const data *d) {
  return (vb_several_at){d->n, (const double *const *)d->y, d->w, (const double *const *)d->eta};
}

static void check_differences(const vb_several *row, const data *d) {
  const double h = 1e-5;
  double *up = doubles(d->n), *down = doubles(d->n);
  const vb_several_at here = at(d);
  for (int k = 0; k < d->K; k++) {
    for (int i = 0; i < d->n; i++) d->eta[k][i] += h;
    row->log_lik(d->K, &here, up, NULL, NULL);
    for (int i = 0; i < d->n; i++) d->eta[k][i] -= 2 * h;
    row->log_lik(d->K, &here, down, NULL, NULL);
    for (int i = 0; i < d->n; i++) {
      d->eta[k][i] += h;
      check_near(d->d1[k][i], (up[i] - down[i]) / (2 * h), 1e-6, "slope", row->name);
    }
  }
}

static void check_start(const vb_several *row, const data *d) {
  const vb_several_at here = at(d);
  double eta[MOST], scale[MOST];
  row->start(d->K, &here, eta);
  for (int k = 0; k < d->K; k++) {
    check(isfinite(eta[k]), "start", row->name, eta[k], 0);
    scale[k] = 1;
  }
  if (row->bend) row->bend(d->K, &here, scale);
  for (int k = 0; k < d->K; k++) check(scale[k] > 0, "scale", row->name, scale[k], 1);
}

void test_several(void) {
  static const int size[] = {1, 7, 8, 9, 64};
  for (int f = 0; f < vb_several_count(); f++)
    for (int s = 0; s < 5; s++) {
      const vb_several *row = vb_several_row(f);
      data d = make(row, size[s]);
      const vb_several_at here = at(&d);
      double *alone = doubles(d.n);
      row->log_lik(d.K, &here, alone, NULL, NULL);
      row->log_lik(d.K, &here, d.ll, d.d1, d.d2);
      for (int i = 0; i < d.n; i++)
        check(alone[i] == d.ll[i] && isfinite(d.ll[i]), "value", row->name, alone[i], d.ll[i]);
      check_differences(row, &d);
      check_start(row, &d);
    }
  release();
}
