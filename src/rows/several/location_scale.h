/* A number that is normal with mean mu and standard deviation sigma / sqrt(w), log sigma = s. */
#ifndef VB_SEVERAL_LOCATION_SCALE_H
#define VB_SEVERAL_LOCATION_SCALE_H
#include <math.h>
#include <Rmath.h>
#include "rows/several.h"

/* The expectation under normal (mu, s) where the number is x(y): weighing by e^(-2 s) moves the
 * mean of mu by -2 Cov(mu, s) and is worth exp(-2 E s + 2 Var s).  Without v the log density
 * itself. */
static inline void vb_location_scale(const vb_several_at *at, double (*x)(double),
                                     const double *const *v, double *ll, double *const *d1,
                                     double *const *d2) {
  for (int i = 0; i < at->n; i++) {
    double s = at->eta[1][i], v_mu = v ? v[0][i] : 0, v_s = v ? v[1][i] : 0, cov = v ? v[2][i] : 0;
    double y = x ? x(at->y[0][i]) : at->y[0][i];
    double a = at->w[i] * exp(-2 * s + 2 * v_s), e = y - at->eta[0][i] + 2 * cov;
    double square = a * (e * e + v_mu);
    ll[i] = -s - M_LN_SQRT_2PI - (square - log(at->w[i])) / 2;
    if (!d1) continue;
    d1[0][i] = a * e;
    d1[1][i] = square - 1;
    d2[0][i] = -a;
    d2[1][i] = -2 * square;
    d2[2][i] = -2 * a * e;
  }
}
#endif
