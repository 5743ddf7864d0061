/* Every row of the table of covariances: correlation matrices, gradients those of differences, and
 * for one parameter a prior that is LKJ's and integrates to one. */
#include <math.h>
#include <string.h>
#include "core-test.h"
#include "gauss/hyper.h"

enum { MOST = 5 };
static const double sd[MOST] = {0.4, 1.5, 2.2, 0.9, 1.2};

static double log_det(const vb_covariance *row, int d, const double *r) {
  double l[MOST * MOST], sum = 0;
  row->chol(d, r, l);
  for (int a = 0; a < d; a++) sum += 2 * log(l[a + a * d]);
  return sum;
}

static double trace(const vb_covariance *row, int d, const double *r, const double *w) {
  double l[MOST * MOST], sum = 0;
  row->chol(d, r, l);
  for (int a = 0; a < d; a++)
    for (int b = 0; b < d; b++) {
      double s = 0;
      for (int k = 0; k <= a && k <= b; k++) s += l[a + k * d] * l[b + k * d];
      sum += w[a + b * d] * s * sd[a] * sd[b];
      if (a == b) check_near(s, 1, 1e-12, "unit diagonal", row->name);
    }
  return sum;
}

static void check_gradient(const vb_covariance *row, int d, double *r) {
  double l[MOST * MOST], w[MOST * MOST], grad[MOST * MOST], step = 1e-6;
  for (int a = 0; a < d; a++)
    for (int b = 0; b <= a; b++) w[a + b * d] = w[b + a * d] = wave(7 * a + b);
  row->chol(d, r, l);
  row->gradient(d, r, sd, l, w, grad);
  for (int i = 0; i < vb_covariance_cors(row, d); i++) {
    double here = r[i];
    r[i] = here + step;
    double up = trace(row, d, r, w);
    r[i] = here - step;
    double down = trace(row, d, r, w);
    r[i] = here;
    check_near(grad[i], (up - down) / (2 * step), 1e-7, "gradient", row->name);
  }
}

/* One parameter, of which correlations are linear: the density is |R|^(eta - 1) but for a factor */
static void check_prior(const vb_covariance *row, int d, double eta) {
  enum { N = 20000 };
  double beta, tilt, sum = 0, factor = 0;
  row->shape(d, eta, &beta, &tilt);
  vb_natural n = vb_natural_correlation(beta, tilt, 0);
  for (int i = 0; i < N; i++) {
    double r = -1 + (i + 0.5) * 2 / N;
    double log_p = (n.beta - 1) * log(1 - r * r) + n.tilt * log(1 - r) + n.log_norm;
    sum += exp(log_p) * 2 / N;
    if (i % 1000 != 500) continue;
    double now = log_p - (eta - 1) * log_det(row, d, &r);
    if (i > 1000) check_near(now, factor, 1e-9, "LKJ", row->name);
    factor = now;
  }
  check_near(sum, 1, 1e-6, "integral of the prior", row->name);
}

void test_covariance(void) {
  for (int k = 0; k < vb_covariance_count(); k++) {
    const vb_covariance *row = vb_covariance_row(k);
    check(vb_covariance_find(row->name) == row, "found by its name", row->name, 0, 0);
    for (int d = 2; d <= MOST && row->n_cor; d++) {
      double r[MOST * MOST];
      for (int i = 0; i < row->n_cor(d); i++) r[i] = 0.9 * wave(3 * i + d);
      check_gradient(row, d, r);
      if (row->n_cor(d) > 1) continue;
      check_prior(row, d, 1);
      check_prior(row, d, 2.5);
    }
  }
}
