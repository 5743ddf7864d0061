/* Draws of the bound: antithetic, and whitened so that the mean over them is exact for every
 * polynomial of degree three; a Gaussian target then has no sampling error at all. */
#include <math.h>
#include <Rmath.h>
#include <string.h>
#include "advi/advi.h"

#define EVEN 10 /* dimension up to which points are of low discrepancy */

/* rows from..from + b of z (d x half): z <- C^-1 z, C C' their mean outer product */
static vb_status whiten_block(int d, int half, int from, int b, double *gram, double *z) {
  vb_weighted_gram(half, b, z + from, d, NULL, 0, gram, b);
  for (size_t i = 0; i < (size_t)b * b; i++) gram[i] /= half;
  vb_status st = vb_chol(b, gram, b);
  if (st == VB_OK) vb_chol_half(b, gram, b, half, z + from, d);
  return st;
}

vb_status vb_noise_whiten(const vb_host *host, int d, int M, const double *raw, double *z) {
  int half = M / 2, most = half >= d ? d : half / 4 > 1 ? half / 4 : 1;
  double *gram = host->alloc((size_t)most * most, sizeof(double));
  memcpy(z, raw, sizeof(double) * (size_t)d * half);
  for (int from = 0; from < d; from += most) {
    vb_status st = whiten_block(d, half, from, d - from < most ? d - from : most, gram, z);
    if (st != VB_OK) return st;
  }
  for (size_t i = 0; i < (size_t)d * half; i++) z[(size_t)d * half + i] = -z[i];
  return VB_OK;
}

/* standard normals: the margins and low-dimensional corners of their points are as even as can be,
 * which leaves little noise in quantiles */
void vb_even_normals(const vb_noise *noise, int d, int n, double *z) {
  if (d > EVEN) {
    noise->normal(noise->data, (size_t)d * n, z);
    return;
  }
  for (int k = 0; k < d; k++) {
    double step = vb_low_discrepancy_step(k, d);
    for (int i = 0; i < n; i++)
      z[(size_t)i * d + k] = Rf_qnorm5(vb_low_discrepancy(i, step), 0, 1, 1, 0);
  }
}
