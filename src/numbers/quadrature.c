/* Gauss-Hermite quadrature for the standard normal weight, and low-discrepancy points.
 * Nodes: Newton's method with Maehly's deflation (Stoer & Bulirsch, Introduction to Numerical
 * Analysis, section 5.5) on the orthonormal Hermite polynomials; weights: the Christoffel numbers.
 * Points: M. Roberts (2018), The unreasonable effectiveness of quasirandom sequences. */
#include <math.h>
#include "numbers/numbers.h"

/* h_n(x) / h_n'(x), and the Christoffel sum of h_k(x)^2 over k < n.
 * sqrt(k+1) h_{k+1} = x h_k - sqrt(k) h_{k-1};  h_n' = sqrt(n) h_{n-1}. */
static double hermite(int n, double x, double *sum) {
  double before = 0, now = 1;
  *sum = 0;
  for (int k = 0; k < n; k++) {
    double next = (x * now - sqrt(k) * before) / sqrt(k + 1.0);
    *sum += now * now;
    before = now;
    now = next;
  }
  return now / (sqrt(n) * before);
}

void vb_gauss_hermite(int n, double *node, double *weight) {
  double sum, gap = 0;
  double x = sqrt(4.0 * n + 2); /* right of all roots, from where Newton falls monotonically */
  for (int i = n - 1; i >= n / 2; i--) {
    for (int it = 0; it < 200; it++) {
      double slope = 1 / hermite(n, x, &sum);
      for (int j = i + 1; j < n; j++) slope -= 1 / (x - node[j]);
      double step = 1 / slope;
      x -= step;
      if (fabs(step) < 1e-5) break;
    }
    for (int it = 0; it < 2; it++) x -= hermite(n, x, &sum); /* polish without the deflation */
    if (2 * i + 1 == n) x = 0;
    hermite(n, x, &sum);
    node[i] = x;
    node[n - 1 - i] = -x;
    weight[i] = weight[n - 1 - i] = 1 / sum;
    if (i < n - 1) gap = node[i + 1] - x;
    x -= gap > 0 ? 0.9 * gap
                 : 1.5 / sqrt(n); /* the gaps narrow inwards and exceed pi / sqrt(4 n + 2) */
  }
  sum = 0;
  for (int i = 0; i < n; i++) sum += weight[i];
  for (int i = 0; i < n; i++) weight[i] /= sum;
}

/* orders used for v up to a bound: for the logit they keep the error of a cell's E log f under 1e-6
 * up to v = 3 and under 1e-5 up to 8; the 21 nodes serve the prior sites */
static const int order_of[VB_N_ORDER] = {3, 5, 9, 15, 21, 27, 49};
static const double order_up_to[VB_N_ORDER] = {0.04, 0.35, 1.2, 2.5, 4.5, 8, INFINITY};

void vb_rules_make(vb_rules *r) {
  for (int k = 0, at = 0; k < VB_N_ORDER; at += order_of[k++]) {
    r->first[k] = at;
    r->order[k] = order_of[k];
    vb_gauss_hermite(order_of[k], r->node + at, r->weight + at);
  }
}

int vb_rule_index(double v) {
  int k = 0;
  while (v > order_up_to[k]) k++;
  return k;
}

double vb_low_discrepancy_step(int k, int K) {
  double g =
      1.5; /* root of g^(K+1) = g + 1, in (1, 1.62): Newton from the right side or one step off */
  for (int it = 0; it < 60; it++) {
    double p = pow(g, K), step = (p * g - g - 1) / ((K + 1) * p - 1);
    g -= step;
    if (fabs(step) < 1e-15) break;
  }
  return pow(g, -(k + 1.0));
}

double vb_low_discrepancy(int i, double step) {
  double t = 0.5 + (i + 1.0) * step;
  return t - floor(t);
}
