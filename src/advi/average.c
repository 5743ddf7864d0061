/* Averages of the iterates of stochastic gradients, and whether they have come to rest.  At a fixed
 * rate the iterates end up in a stationary distribution about the optimum, and the error of their
 * average falls with their number, that of the last one does not (Polyak & Juditsky 1992). */
#include <math.h>
#include <string.h>
#include "advi/fresh.h"

void vb_average_alloc(const vb_host *host, int n, vb_average *avg) {
  *avg = (vb_average){.n = n, .len = 1};
  avg->block = host->alloc((size_t)n * (VB_AVERAGE_BLOCKS + 1), sizeof(double));
}

void vb_average_clear(vb_average *avg, int len) {
  avg->n_block = avg->filled = 0;
  avg->len = len;
}

/* blocks in pairs become blocks twice as long */
static void merge(vb_average *avg) {
  int n = avg->n;
  for (int b = 0; b < avg->n_block / 2; b++) {
    const double *first = avg->block + (size_t)(2 * b) * n, *second = first + n;
    double *to = avg->block + (size_t)b * n;
    for (int k = 0; k < n; k++) to[k] = (first[k] + second[k]) / 2;
  }
  avg->n_block /= 2;
  avg->len *= 2;
}

int vb_average_add(vb_average *avg, const double *x) {
  if (avg->n_block == VB_AVERAGE_BLOCKS) merge(avg);
  double *to = avg->block + (size_t)avg->n_block * avg->n;
  avg->filled++;
  if (avg->filled == 1) memset(to, 0, sizeof(double) * avg->n);
  for (int k = 0; k < avg->n; k++) to[k] += (x[k] - to[k]) / avg->filled;
  if (avg->filled < avg->len) return 0;
  avg->filled = 0;
  avg->n_block++;
  return 1;
}

void vb_average_over(const vb_average *avg, int from, int to, double *mean) {
  memset(mean, 0, sizeof(double) * avg->n);
  for (int b = from; b < to; b++)
    for (int k = 0; k < avg->n; k++) mean[k] += avg->block[(size_t)b * avg->n + k] / (to - from);
}

/* of a location or log scale that is s[0..3] in the four quarters */
static void add_quarters(const double *s, double unit, vb_settling *out) {
  double mean = (s[0] + s[1] + s[2] + s[3]) / 4, shift = (s[2] + s[3] - s[0] - s[1]) / 2;
  double first = s[0] - s[1], second = s[2] - s[3], square = 0, weight = 1 / (unit * unit);
  for (int i = 0; i < 4; i++) square += (s[i] - mean) * (s[i] - mean);
  out->shift += weight * shift * shift;
  out->worst = fmax(out->worst, weight * shift * shift);
  out->noise += weight * (first * first + second * second) / 4;
  out->error += weight * square / 12;
}

void vb_settling_of(const vb_host *host, const vb_average *avg, const vb_q *q, int from,
                    vb_settling *location, vb_settling *scale) {
  int d = q->dim, quarter = (avg->n_block - from) / 4;
  double *par = host->alloc(avg->n, sizeof(double)),
         *at = host->alloc(8 * (size_t)d, sizeof(double));
  double *log_sd = at + 4 * (size_t)d;
  from = avg->n_block - 4 * quarter;
  for (int i = 0; i < 4; i++) {
    vb_average_over(avg, from + i * quarter, from + (i + 1) * quarter, par);
    memcpy(at + i * d, par, sizeof(double) * d);
    vb_frame_var(host, q, par, NULL, log_sd + i * d);
    for (int k = 0; k < d; k++) log_sd[i * d + k] = log(log_sd[i * d + k]) / 2;
  }
  memset(location, 0, sizeof *location);
  memset(scale, 0, sizeof *scale);
  for (int k = 0; k < d; k++) {
    double mu[4], ls[4];
    for (int i = 0; i < 4; i++) {
      mu[i] = at[i * d + k];
      ls[i] = log_sd[i * d + k];
    }
    add_quarters(mu, exp(ls[3]), location);
    add_quarters(ls, 1, scale);
  }
}
