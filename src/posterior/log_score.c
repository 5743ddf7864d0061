/* The density of a response whose linear predictor is normal, or skewed: the trapezoid rule on a
 * grid of standard normal scores that moves to where the integrand is, since the likelihood may be
 * much narrower than the predictor's distribution and far from its centre.  No even grid has both
 * the peak and the tails of a heavy-tailed likelihood: there the points are those of a hyperbolic
 * sine around the peak, as close as that asks for and ever wider apart. */
#include <math.h>
#include "posterior/cavity.h"

#define HALF 16
#define MOST_HALF 128 /* points to a side */
#define MOST (2 * MOST_HALF + 1)
#define REACH 8.0
#define ENDED 18   /* below the top, in logs, at the edges */
#define RESOLVED 1 /* sd of the integrand in steps */
#define AGREE 1e-3 /* of every other point with all: their error is about its square */
#define ROUNDS 40
#define ZOOM 8   /* a step of the search for the peak over the next */
#define FLAT 0.5 /* fall next to the top, in logs, that tells that the peak has been found */

typedef struct {
  const vb_family *family;
  double m, sd, skew, room[VB_ROW_COLUMNS * MOST];
  vb_rows rows; /* MOST times the row */
  const double *par;
} integrand;

/* log likelihood times normal density at the scores z, but for the latter's constant */
static void evaluate(const integrand *k, int n, const double *z, double *x) {
  double eta[MOST];
  for (int i = 0; i < n; i++) eta[i] = k->m + k->sd * vb_skew_transform(z[i], k->skew);
  vb_rows rows = vb_rows_range(&k->rows, 0, n);
  k->family->log_lik(k->family, &rows, eta, k->par, x, NULL, NULL);
  for (int i = 0; i < n; i++) x[i] = isnan(x[i]) ? -INFINITY : x[i] - z[i] * z[i] / 2;
}

static void lay(int half, double centre, double step, double *z) {
  for (int i = 0; i <= 2 * half; i++) z[i] = centre + step * (i - half);
}

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

static int top_of(int n, const double *x) {
  int top = 0;
  for (int i = 1; i < n; i++)
    if (x[i] > x[top]) top = i;
  return top;
}

/* the integrand's peak, from its top on a grid on; distance from it at which it has fallen by 1 */
static double find_peak(const integrand *k, double step, double *centre) {
  double z[2 * HALF + 1], x[2 * HALF + 1];
  int n = 2 * HALF + 1, top = 0, far = 1;
  for (int round = 0; round < ROUNDS; round++) {
    lay(HALF, *centre, step, z);
    evaluate(k, n, z, x);
    top = top_of(n, x);
    *centre = z[top];
    if (top == 0 || top == n - 1) continue;
    if (fmin(x[top - 1], x[top + 1]) > x[top] - FLAT) break;
    step /= ZOOM;
  }
  while (top - far > 0 && top + far < n - 1 && fmin(x[top - far], x[top + far]) > x[top] - 1) far++;
  return far * step;
}

static double around_peak(const integrand *k, double centre, double step) {
  double z[MOST], x[MOST], width = find_peak(k, step, &centre);
  double dt = asinh((fabs(centre) + REACH) / width) / MOST_HALF;
  lay(MOST_HALF, 0, dt, z);
  for (int i = 0; i < MOST; i++) z[i] = centre + width * sinh(z[i]);
  evaluate(k, MOST, z, x);
  for (int i = 0; i < MOST; i++) x[i] += log(width * cosh(dt * (i - MOST_HALF)));
  return look_at(MOST_HALF, x).log_sum + log(dt) - VB_LOG_2PI / 2;
}

static double by_grid(const integrand *k) {
  double z[MOST], x[MOST], centre = 0, step = REACH / HALF, log_z = NAN;
  int half = HALF, narrowed = 0;
  for (int round = 0; round < ROUNDS; round++) {
    lay(half, centre, step, z);
    evaluate(k, 2 * half + 1, z, x);
    look at = look_at(half, x);
    log_z = at.log_sum + log(step) - VB_LOG_2PI / 2;
    if (at.ended && at.sd >= RESOLVED) {
      if (!at.rough) break;
      if (half == MOST_HALF) return around_peak(k, z[top_of(MOST, x)], step);
      half *= 2;
      step /= 2;
      continue;
    }
    if (narrowed && !at.ended) return around_peak(k, z[top_of(2 * half + 1, x)], step);
    narrowed = at.ended;
    centre += step * at.mean;
    step *= at.ended ? fmax(at.sd / 2, 0.25) : 2;
  }
  return log_z;
}

double vb_log_score(const vb_family *f, const vb_rows *row, double m, double v, double skew,
                    const double *par) {
  double ll, d1, d2;
  if (!(v > 0) || (f->quadratic && skew == 0)) {
    f->log_lik(f, row, &m, par, &ll, &d1, &d2);
    return v > 0 ? ll + (d1 * d1 * v / (1 - d2 * v) - log1p(-d2 * v)) / 2 : ll;
  }
  integrand k = {.family = f, .m = m, .sd = sqrt(v), .skew = skew, .par = par};
  k.rows = vb_rows_rep(row, MOST, 1, k.room);
  return by_grid(&k);
}
