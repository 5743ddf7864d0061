/* The proposal for importance sampling of a density that is roughly normal in each coordinate: a
 * Gaussian copula, the marginals of which are learned from weighted points as kernel densities with
 * a wide normal mixed in, so that weights stay bounded. */
#include <math.h>
#include <string.h>
#define R_NO_REMAP
#include <Rmath.h>
#include "numbers/integrate.h"
#include "numbers/small.h"

#define GRID VB_COPULA_GRID
#define STEP 0.04
#define EDGE 12          /* grids run from -EDGE to EDGE */
#define WIDE 0.15        /* share of the wide normal, */
#define WIDE_SD 1.6      /* its sd over the marginal's */
#define FAR_SD 2.2       /* of scores that are far out together */
#define SHRINK 0.02      /* of correlations */
#define LEAST_WIDTH 0.06 /* of kernels */

void vb_copula_make(const vb_host *host, int K, double spread, vb_copula *q) {
  *q = (vb_copula){.K = K, .spread = spread};
  q->root = host->alloc((size_t)K * K, sizeof(double));
  q->cdf = host->alloc((size_t)K * GRID, sizeof(double));
  q->den = host->alloc((size_t)K * GRID, sizeof(double));
  for (int k = 0; k < K; k++) q->root[k * (size_t)(K + 1)] = 1;
}

vb_status vb_copula_correlation(vb_copula *q, const double *correlation) {
  int K = q->K;
  for (int j = 0; j < K; j++)
    for (int i = 0; i < K; i++)
      q->root[i + (size_t)j * K] = i < j ? 0 : correlation[i + (size_t)j * K];
  vb_status st = vb_chol(K, q->root, K);
  if (st == VB_OK) q->log_det = vb_chol_log_det(K, q->root, K) / 2;
  return st;
}

static double quantile_of(const double *cdf, double p) {
  int lo = vb_first_above(GRID - 1, cdf + 1, p);
  double width = cdf[lo + 1] - cdf[lo];
  double at = width > 0 ? fmin(fmax((p - cdf[lo]) / width, 0), 1) : 0.5;
  return (lo + at) * STEP - EDGE;
}

static double on_grid(const double *table, double w) {
  double at = fmin(fmax((w + EDGE) / STEP, 0), GRID - 1.000001);
  int lo = (int)at;
  return table[lo] + (at - lo) * (table[lo + 1] - table[lo]);
}

/* log density of K scores with this sum of squares, without the normal's constant */
static double log_of_scores(const vb_copula *q, double square) {
  if (q->far == 0) return -square / 2;
  double far = -square / (2 * FAR_SD * FAR_SD) - q->K * log(FAR_SD);
  return Rf_logspace_add(log1p(-q->far) - square / 2, log(q->far) + far);
}

double vb_copula_point(const vb_copula *q, const double *u, int far, double *w) {
  int K = q->K;
  double e[VB_MAX_AXIS], log_q = -q->log_det, square = 0;
  if (!q->adapted) log_q -= K * (VB_LOG_2PI / 2 + log(q->spread));
  for (int k = 0; k < K; k++) {
    e[k] = (far ? FAR_SD : 1) * Rf_qnorm5(u[k], 0, 1, 1, 0);
    square += e[k] * e[k];
  }
  log_q += log_of_scores(q, square);
  for (int i = 0; i < K; i++) {
    double x = 0;
    for (int k = 0; k <= i; k++) x += q->root[i + (size_t)k * K] * e[k];
    if (!q->adapted) {
      w[i] = q->spread * x;
      continue;
    }
    w[i] = quantile_of(q->cdf + (size_t)i * GRID, Rf_pnorm5(x, 0, 1, 1, 0));
    log_q += x * x / 2 + log(on_grid(q->den + (size_t)i * GRID, w[i]));
  }
  return log_q;
}

/* kernel density of the weighted values w[0], w[stride], ... and the wide normal, on the grid */
static void marginal(int T, const double *w, int stride, const double *weight, double ess,
                     double *den, double *cdf) {
  double mean = 0, square = 0, count[GRID] = {0}, kernel[GRID], sum = 0;
  for (int t = 0; t < T; t++) mean += weight[t] * w[(size_t)t * stride];
  for (int t = 0; t < T; t++) square += weight[t] * pow(w[(size_t)t * stride] - mean, 2);
  double sd = sqrt(square), h = fmax(1.06 * sd * pow(ess, -0.2), LEAST_WIDTH);
  for (int t = 0; t < T; t++) {
    double at = (w[(size_t)t * stride] + EDGE) / STEP + 0.5;
    count[(int)fmin(fmax(at, 0), GRID - 1)] += weight[t];
  }
  int reach = (int)fmin(4 * h / STEP, GRID - 1);
  for (int k = 0; k <= reach; k++) {
    kernel[k] = exp(-pow(k * STEP / h, 2) / 2);
    sum += (k ? 2 : 1) * kernel[k];
  }
  for (int g = 0; g < GRID; g++) den[g] = 0;
  for (int g = 0; g < GRID; g++) {
    if (count[g] == 0) continue;
    for (int k = -reach; k <= reach; k++)
      if (g + k >= 0 && g + k < GRID) den[g + k] += count[g] * kernel[k < 0 ? -k : k] / sum;
  }
  double all = 0, below = 0;
  for (int g = 0; g < GRID; g++) {
    double wide = Rf_dnorm4(g * STEP - EDGE, mean, WIDE_SD * sd, 0);
    den[g] = (1 - WIDE) * den[g] / STEP + WIDE * wide;
    all += den[g] * STEP;
  }
  for (int g = 0; g < GRID; g++) {
    den[g] /= all;
    below += den[g] * STEP;
    cdf[g] = fmin(fmax(below - den[g] * STEP / 2, 1e-12), 1 - 1e-12);
  }
}

vb_status vb_copula_adapt(vb_copula *q, int T, const double *w, const double *weight, double most,
                          double *normal) {
  int K = q->K;
  double *cut = normal + (size_t)K * T, sum = 0, square = 0; /* T more */
  double mean[VB_MAX_AXIS] = {0}, cor[VB_MAX_AXIS * VB_MAX_AXIS] = {0}, sd[VB_MAX_AXIS];
  for (int t = 0; t < T; t++) sum += cut[t] = fmin(weight[t], most);
  for (int t = 0; t < T; t++) square += pow(cut[t] /= sum, 2);
  for (int k = 0; k < K; k++) {
    double *cdf = q->cdf + (size_t)k * GRID;
    marginal(T, w + k, K, cut, 1 / square, q->den + (size_t)k * GRID, cdf);
    for (int t = 0; t < T; t++) {
      double e = Rf_qnorm5(on_grid(cdf, w[k + (size_t)t * K]), 0, 1, 1, 0);
      normal[k + (size_t)t * K] = e;
      mean[k] += cut[t] * e;
    }
  }
  for (int t = 0; t < T; t++)
    for (int a = 0; a < K; a++)
      for (int b = 0; b <= a; b++)
        cor[a + b * K] +=
            cut[t] * (normal[a + (size_t)t * K] - mean[a]) * (normal[b + (size_t)t * K] - mean[b]);
  for (int a = 0; a < K; a++) sd[a] = sqrt(cor[a * (K + 1)]);
  for (int a = 0; a < K; a++)
    for (int b = 0; b <= a; b++)
      cor[a + b * K] = a == b ? 1 : (1 - SHRINK) * cor[a + b * K] / (sd[a] * sd[b]);
  q->adapted = 1;
  vb_status st = vb_copula_correlation(q, cor);
  if (st == VB_OK) return st;
  for (int k = 0; k < K * K; k++) cor[k] = k % (K + 1) == 0; /* few points tell of none */
  return vb_copula_correlation(q, cor);
}
