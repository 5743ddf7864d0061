/* Coefficients as they are reported: those of uncentred columns, the intercept at x = 0. */
#include <string.h>
#include "design/design.h"

void vb_report_beta(const vb_model *m, const double *beta, double *out) {
  memcpy(out, beta, sizeof(double) * m->p);
  for (int k = 0; k < m->p && m->intercept >= 0; k++) out[m->intercept] -= m->center[k] * beta[k];
}

/* c' is the identity but for the intercept's row: out = C' cov C */
static void transform_cov(const vb_model *m, double sign, const double *cov, double *out) {
  int p = m->p, k0 = m->intercept;
  memcpy(out, cov, sizeof(double) * p * p);
  if (k0 < 0) return;
  for (int c = 0; c < p; c++) { /* rows, then columns */
    double s = 0;
    for (int k = 0; k < p; k++) s += m->center[k] * out[k + (size_t)c * p];
    out[k0 + (size_t)c * p] -= sign * s;
  }
  for (int r = 0; r < p; r++) {
    double s = 0;
    for (int k = 0; k < p; k++) s += m->center[k] * out[r + (size_t)k * p];
    out[r + (size_t)k0 * p] -= sign * s;
  }
}
void vb_report_cov(const vb_model *m, const double *cov, double *out) {
  transform_cov(m, 1, cov, out);
}

void vb_unreport_cov(const vb_model *m, const double *cov, double *out) {
  transform_cov(m, -1, cov, out);
}
