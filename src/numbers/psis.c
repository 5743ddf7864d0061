/* Pareto smoothed importance sampling (Vehtari, Simpson, Gelman, Yao & Gabry 2024): a generalised
 * Pareto distribution is fitted to the largest weights (Zhang & Stephens 2009).  Its shape k says
 * whether the weights are of use (k < 0.7), its quantiles replace them. */
#include <math.h>
#include <stdlib.h>
#include "numbers/numbers.h"

#define MIN_TAIL 5
#define MAX_GRID 256
#define MAX_TAIL 4096 /* reached with 1.8 million weights */
#define NO_TAIL 1e-12 /* relative to the largest weight: rounding */

/* M = min(0.2 n, 3 sqrt n) */
static int tail_size(int n) { return (int)ceil(fmin(0.2 * n, 3 * sqrt((double)n))); }

int vb_ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* k given b = -k / sigma: the mean of log(1 - b x) */
static double shape_given(double b, int n, const double *x) {
  double k = 0;
  for (int i = 0; i < n; i++) k += log1p(-b * x[i]);
  return k / n;
}

/* Exceedances x, ascending.  b is its posterior mean on a grid under the prior of Zhang & Stephens
 * (2009), from the profile likelihood; k and sigma follow. */
static double fit_pareto(int n, const double *x, double *sigma) {
  double b[MAX_GRID], log_like[MAX_GRID], total = 0, mean = 0;
  double quarter = x[(int)(n / 4.0 + 0.5) - 1];
  int m = 30 + (int)sqrt((double)n), n_grid = m < MAX_GRID ? m : MAX_GRID;
  for (int j = 0; j < n_grid; j++) {
    b[j] = 1 / x[n - 1] + (1 - sqrt(m / (j + 0.5))) / (3 * quarter);
    double k = shape_given(b[j], n, x);
    log_like[j] = n * (log(-b[j] / k) - k - 1);
  }
  for (int j = 0; j < n_grid; j++) {
    double s = 0;
    for (int i = 0; i < n_grid; i++) s += exp(log_like[i] - log_like[j]);
    total += 1 / s;
    mean += b[j] / s;
  }
  mean /= total;
  double k = shape_given(mean, n, x);
  *sigma = -k / mean;
  return k * n / (n + 10.0) + 5.0 / (n + 10.0); /* weak prior towards 1/2 */
}

/* Sorted log weights: those above the (n - tail)-th become exceedances of it, in units of the
 * largest.  0 where all are equal. */
static int exceedances(int n, int tail, const double *lw, double *x, double *cut) {
  double top = lw[n - 1];
  *cut = exp(lw[n - tail - 1] - top);
  for (int i = 0; i < tail; i++) x[i] = fmax(exp(lw[n - tail + i] - top) - *cut, 1e-300);
  return x[tail - 1] >= NO_TAIL;
}

double vb_pareto_k(int n, double *lw) {
  int tail = tail_size(n);
  double cut, sigma;
  if (tail < MIN_TAIL) return NAN;
  qsort(lw, n, sizeof(double), vb_ascending);
  if (!exceedances(n, tail, lw, lw + n - tail, &cut)) return -INFINITY;
  return fit_pareto(tail, lw + n - tail, &sigma);
}

/* the m largest entries, ascending, and where they were */
static void largest(int n, const double *lw, int m, double *value, int *at) {
  for (int k = 0; k < m; k++) {
    value[k] = -INFINITY;
    at[k] = -1;
  }
  for (int i = 0; i < n; i++) {
    if (at[0] >= 0 && !(lw[i] > value[0])) continue;
    int k = 0;
    for (; k + 1 < m && value[k + 1] <= lw[i]; k++) {
      value[k] = value[k + 1];
      at[k] = at[k + 1];
    }
    value[k] = lw[i];
    at[k] = i;
  }
}

/* i-th smallest of n from the GPD, as the quantile at (i + 1/2) / n */
static double pareto_order_statistic(int i, int n, double k, double sigma) {
  double upper = -log1p(-(i + 0.5) / n);
  return fabs(k) < 1e-10 ? sigma * upper : sigma * expm1(k * upper) / k;
}

double vb_psis(int n, double *lw) {
  double value[MAX_TAIL + 1], x[MAX_TAIL], cut, sigma;
  int at[MAX_TAIL + 1], tail = tail_size(n) < MAX_TAIL ? tail_size(n) : MAX_TAIL;
  if (tail < MIN_TAIL) return NAN;
  largest(n, lw, tail + 1, value, at);
  double top = value[tail];
  if (!isfinite(top)) return INFINITY;
  if (!exceedances(tail + 1, tail, value, x, &cut)) return -INFINITY;
  double k = fit_pareto(tail, x, &sigma);
  if (!isfinite(k)) return INFINITY;
  for (int i = 0; i < tail; i++) {
    double weight = cut + pareto_order_statistic(i, tail, k, sigma);
    lw[at[i + 1]] = top + fmin(log(weight), 0); /* truncated at the largest */
  }
  return k;
}

double vb_normalise(int n, double *weight, double *log_mean) {
  double top = -INFINITY, sum = 0, square = 0;
  for (int i = 0; i < n; i++) top = fmax(top, weight[i]);
  for (int i = 0; i < n; i++) sum += weight[i] = exp(weight[i] - top);
  for (int i = 0; i < n; i++) {
    weight[i] /= sum;
    square += weight[i] * weight[i];
  }
  if (log_mean) *log_mean = top + log(sum / n);
  return 1 / square;
}
