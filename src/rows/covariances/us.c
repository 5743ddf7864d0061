/* Any covariance matrix.  Correlations are products of canonical partial correlations r
 * (Lewandowski, Kurowicka & Joe 2009, section 2.4): under LKJ(eta) the r of row a, column b are
 * independent with (1 + r)/2 ~ Beta(beta, beta), beta = eta + (d - 2 - b) / 2 counting b from 0. */
#include <math.h>
#include <string.h>
#include "rows/rows.h"

static int n_cor(int d) { return d * (d - 1) / 2; }

static void shape(int d, double eta, double *beta, double *tilt) {
  for (int a = 1, i = 0; a < d; a++)
    for (int b = 0; b < a; b++, i++) {
      beta[i] = eta + (d - 2 - b) / 2.0;
      tilt[i] = 0;
    }
}

/* row by row */
static void chol(int d, const double *r, double *l) {
  memset(l, 0, sizeof(double) * d * d);
  l[0] = 1;
  for (int a = 1, k = 0; a < d; a++) {
    double rest = 1;
    for (int b = 0; b < a; b++, k++) {
      l[a + b * d] = r[k] * sqrt(rest);
      rest *= 1 - r[k] * r[k];
    }
    l[a + a * d] = sqrt(fmax(rest, 1e-14));
  }
}

/* of the r of one row and column: dSigma = D (dL L' + L dL') D */
static double slope(int d, int row, int col, const double *r, const double *sd, const double *l,
                    const double *w) {
  double dl[VB_MAX_DIM] = {0}, rest = 1;
  const double *rr = r + row * (row - 1) / 2;
  for (int b = 0; b < col; b++) rest *= 1 - rr[b] * rr[b];
  dl[col] = sqrt(rest);
  for (int b = col + 1; b <= row; b++)
    dl[b] = -rr[col] / fmax(1 - rr[col] * rr[col], 1e-14) * l[row + b * d];
  double g = 0;
  for (int b = 0; b < d; b++) { /* dR = e_row (dl L')  + transpose */
    double s = 0;
    for (int k = 0; k <= row && k <= b; k++) s += dl[k] * l[b + k * d];
    g += 2 * w[row + b * d] * s * sd[row] * sd[b];
  }
  return g;
}

static void gradient(int d, const double *r, const double *sd, const double *l, const double *w,
                     double *out) {
  for (int a = 1, i = 0; a < d; a++)
    for (int b = 0; b < a; b++, i++) out[i] = slope(d, a, b, r, sd, l, w);
}

const vb_covariance vb_covariance_us = {
    .name = "us", .n_cor = n_cor, .shape = shape, .chol = chol, .gradient = gradient};
