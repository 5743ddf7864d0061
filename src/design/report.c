/* Coefficients as they are reported: those of uncentred columns, intercepts at x = 0. */
#include <string.h>
#include "design/design.h"

void vb_report_beta(const vb_model *m, const double *beta, double *out) {
  memcpy(out, beta, sizeof(double) * m->p);
  for (int k = 0; k < m->p; k++)
    if (m->into[k] >= 0) out[m->into[k]] -= m->center[k] * beta[k];
}

void vb_unreport_beta(const vb_model *m, double *beta) {
  for (int k = 0; k < m->p; k++)
    if (m->into[k] >= 0 && m->into[k] != k) beta[m->into[k]] += m->center[k] * beta[k];
}

/* row or column k0 of C', an intercept's, applied to one that starts at x and has this step */
static void add_means(const vb_model *m, int k0, double sign, size_t step, double *x) {
  double s = 0;
  for (int k = 0; k < m->p; k++)
    if (m->into[k] == k0) s += m->center[k] * x[k * step];
  x[k0 * step] -= sign * s;
}

/* C' is the identity but for the intercepts' rows: out = C' cov C */
static void transform_cov(const vb_model *m, double sign, const double *cov, double *out) {
  size_t p = m->p;
  memcpy(out, cov, sizeof(double) * p * p);
  for (size_t k0 = 0; k0 < p; k0++) {
    if (m->into[k0] != (int)k0) continue; /* no intercept */
    for (size_t c = 0; c < p; c++) add_means(m, (int)k0, sign, 1, out + c * p);
    for (size_t r = 0; r < p; r++) add_means(m, (int)k0, sign, p, out + r);
  }
}
void vb_report_cov(const vb_model *m, const double *cov, double *out) {
  transform_cov(m, 1, cov, out);
}

void vb_unreport_cov(const vb_model *m, const double *cov, double *out) {
  transform_cov(m, -1, cov, out);
}
