/* The density of a response whose linear predictor is normal, or skewed: the trapezoid rule on a
 * grid of standard normal scores that moves to where the integrand is, since the likelihood may be
 * much narrower than the predictor's distribution and far from its centre. */
#include <math.h>
#include "cavity.h"

#define HALF 16
#define MOST_HALF 128 /* points to a side */
#define MOST (2 * MOST_HALF + 1)
#define REACH 8.0
#define ENDED 18   /* below the top, in logs, at the edges */
#define RESOLVED 1 /* sd of the integrand in steps */
#define AGREE 1e-3 /* of every other point with all: their error is about its square */
#define ROUNDS 40

typedef struct { /* the integrand on a grid: log of the sum, moments in steps from its centre */
  double log_sum, mean, sd;
  int ended, rough;
} look;

static look look_at(int half, const double *x) {
  double top = -INFINITY, sum = 0, even = 0, m1 = 0, m2 = 0;
  int n = 2 * half + 1;
  for (int i = 0; i < n; i++)
    if (x[i] > top) top = x[i];
  for (int i = 0; i < n && top > -INFINITY; i++) {
    double w = exp(x[i] - top), at = i - half;
    sum += w;
    even += (i - half) % 2 == 0 ? w : 0;
    m1 += w * at;
    m2 += w * at * at;
  }
  m1 = sum > 0 ? m1 / sum : 0;
  return (look){.log_sum = top + log(sum),
                .mean = m1,
                .sd = sum > 0 ? sqrt(fmax(m2 / sum - m1 * m1, 0)) : 0,
                .ended = x[0] < top - ENDED && x[n - 1] < top - ENDED,
                .rough = !(fabs(log(2 * even / sum)) < AGREE)};
}

double vb_log_score(const vb_family *f, double y, double w, double m, double v, double skew,
                    const double *par) {
  double eta[MOST], ys[MOST], ws[MOST], x[MOST], d1, d2;
  if (!(v > 0) || (f->quadratic && skew == 0)) {
    f->log_lik(f, 1, &y, &w, &m, par, x, &d1, &d2);
    return v > 0 ? x[0] + (d1 * d1 * v / (1 - d2 * v) - log1p(-d2 * v)) / 2 : x[0];
  }
  int half = HALF;
  double centre = 0, step = REACH / half, log_z = NAN;
  for (int i = 0; i < MOST; i++) {
    ys[i] = y;
    ws[i] = w;
  }
  for (int round = 0; round < ROUNDS; round++) {
    int n = 2 * half + 1;
    for (int i = 0; i < n; i++)
      eta[i] = m + sqrt(v) * vb_skew_transform(centre + step * (i - half), skew);
    f->log_lik(f, n, ys, ws, eta, par, x, NULL, NULL);
    for (int i = 0; i < n; i++) {
      double z = centre + step * (i - half);
      x[i] = isnan(x[i]) ? -INFINITY : x[i] - z * z / 2;
    }
    look at = look_at(half, x);
    log_z = at.log_sum + log(step) - VB_LOG_2PI / 2;
    if (at.ended && at.sd >= RESOLVED && (!at.rough || half == MOST_HALF)) break;
    if (at.ended && at.sd >= RESOLVED) {
      half *= 2;
      step /= 2;
      continue;
    }
    centre += step * at.mean;
    step *= at.ended ? fmax(at.sd / 2, 0.25) : 2;
  }
  return log_z;
}
