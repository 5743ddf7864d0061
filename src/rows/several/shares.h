/* Where responses without predictors lie. */
#ifndef VB_SEVERAL_SHARES_H
#define VB_SEVERAL_SHARES_H
#include <math.h>
#include "rows/several.h"

static inline double vb_clamp_logit(double p) {
  p = fmin(fmax(p, 0.02), 0.98);
  return log(p / (1 - p));
}
typedef struct { /* of responses: weighted shares of zeros, ones, and mean and sd of the others'
                    f(y) */
  double zeros, ones, mean, sd;
} vb_shares;
static inline vb_shares vb_shares_of(const vb_several_at *at, int with_ones, double (*f)(double)) {
  vb_shares s = {0, 0, 0, 0};
  double all = 0, rest = 0, square = 0;
  for (int i = 0; i < at->n; i++) {
    double y = at->y[0][i];
    all += 1;
    if (y == 0 || (with_ones && y == 1)) {
      s.zeros += y == 0;
      s.ones += y == 1;
      continue;
    }
    double x = f ? f(y) : y;
    rest += 1;
    s.mean += x;
    square += x * x;
  }
  s.mean = rest > 0 ? s.mean / rest : 1;
  s.sd = rest > 1 ? sqrt(fmax(square / rest - s.mean * s.mean, 1e-12)) : 1;
  s.zeros /= fmax(all, 1);
  s.ones /= fmax(all, 1);
  return s;
}
#endif
