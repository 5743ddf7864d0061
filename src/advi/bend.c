/* Linear response of functions of one coordinate.  A function f of x_k enters it by E f' and E f''
 * alone (Stein), as the sum of x_k and h_k = (x_k - E x_k)^2 / 2 with these as coefficients.  A
 * tilt by h_k moves q's variance, and by the third derivatives T of log p its mean: with t = (x_k -
 * E x_k) / s the gradient of the bound along mu is b = s^2 E[g (t^2 - 1)] / 2 = T : q's covariance
 * with x_k / 2, and the scale's own response is s^4 / 2.  To fourth derivatives of log p both are
 * exact.
 *
 * The mean over t is a Gauss-Hermite rule along the line on which the other coordinates follow x_k,
 * through some of the draws: t^2 - 1 is too noisy a weight for the draws themselves. */
#include <math.h>
#include <string.h>
#include "advi/advi.h"
#include "numbers/small.h"

#define ORDER 7
#define LINES 4 /* through this many draws, in antithetic pairs */
#define POINTS (ORDER * LINES)

/* x (d x POINTS) <- the lines along which q moves with row' x; dir: Cov(x, row' x) / var */
static void lines(const vb_saa *s, const double *par, const double *row, const double *dir,
                  double sd, const double *node, double *x) {
  int d = s->q->dim, half = s->M / 2;
  for (int l = 0; l < LINES; l++) {
    const double *at = s->x + (size_t)d * (l / 2 % half + (l % 2 ? half : 0));
    double off = 0;
    for (int j = 0; j < d; j++) off += row[j] * (at[j] - par[j]);
    for (int i = 0; i < ORDER; i++)
      for (int j = 0; j < d; j++)
        x[(size_t)d * (l * ORDER + i) + j] = at[j] + dir[j] * (sd * node[i] - off);
  }
}

vb_status vb_q_bend(vb_saa *s, const double *par, const double *cov, const double *q_cov) {
  size_t d = s->q->dim;
  const vb_host *host = s->host;
  double *row = host->alloc(d, sizeof(double)), *dir = host->alloc(d, sizeof(double)),
         *b = host->alloc(d, sizeof(double)), *x = host->alloc(d * POINTS, sizeof(double)),
         *g = host->alloc(d * POINTS, sizeof(double)), value[POINTS], node[ORDER], weight[ORDER];
  vb_gauss_hermite(ORDER, node, weight);
  vb_q_points(s->q, par, s->M, s->z, s->x);
  for (size_t k = 0; k < d; k++) {
    vb_frame_row(s->frame, (int)k, row);
    for (size_t j = 0; j < d; j++) dir[j] = vb_dot((int)d, row, q_cov + d * j);
    double var = vb_dot((int)d, row, dir);
    for (size_t j = 0; j < d; j++) dir[j] /= var;
    lines(s, par, row, dir, sqrt(var), node, x);
    vb_status st = vb_density_eval(s->density, POINTS, x, value, g);
    if (st != VB_OK) return st;
    if (k % 16 == 0 && host->poll()) return VB_INTERRUPTED;
    memset(b, 0, sizeof(double) * d);
    for (int i = 0; i < POINTS; i++) {
      double t = node[i % ORDER], w = weight[i % ORDER] * (t * t - 1) * var / 2 / LINES;
      if (!isfinite(value[i])) return VB_NOT_FINITE;
      for (size_t j = 0; j < d; j++) b[j] += w * g[d * i + j];
    }
    double along = 0, square = 0;
    for (size_t j = 0; j < d; j++) {
      double cov_b = vb_dot((int)d, b, cov + d * j);
      along += row[j] * cov_b;
      square += b[j] * cov_b;
    }
    s->bend[2 * k] = along;
    s->bend[2 * k + 1] = square + var * var / 2;
  }
  s->bent = 1;
  return VB_OK;
}
