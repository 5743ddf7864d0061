/* Linear response: the covariance that the optimum itself tells, by how its mean answers a tilt of
 * the density (Giordano, Broderick & Jordan 2018; for fixed draws Giordano, Ingram & Broderick
 * 2024, section 4.2).  With H the Hessian of the bound in (mu, scale), it is the mu block of -H^-1:
 * exact for Gaussian targets, whatever the family of q and whatever the draws.
 *
 * Whitened by q, let g(z) be the gradient of log p at mu + S z and T its third derivatives.  The
 * even part of g, its mean over z and -z, has covariance C = sum_bc T_abc T_a'bc / 2, and to that
 * order the full-rank response is (I - C)^-1: C costs nothing, the draws have it.  Where C is small
 * it is the correction; where it is not, the second derivatives at every draw give H itself. */
#include <math.h>
#include <string.h>
#include "advi/advi.h"
#include "numbers/small.h"

#define STEP 1e-3   /* of differences of gradients, in posterior sds */
#define SMALL 0.15  /* C up to which the covariance of even parts is all the response there is */
#define FLAT 1e-3   /* C, and what of the gradient is not linear: one Hessian stands for all */
#define DRAWWISE 64 /* dimension up to which every draw has its Hessian */
#define MOST 2e7    /* doubles that the Hessians of all draws may take */
#define LOOK_UP 16  /* columns between two looks at the user's keyboard */

/* Columns of the Hessian at the n points y, symmetrised: hess (dim x dim x n).  base (dim x n):
 * the gradients there, for forward differences; NULL: central ones. */
static vb_status hessians(const vb_host *host, vb_density *density, int n, const double *y,
                          const double *base, double *hess) {
  size_t d = density->dim, block = d * n;
  double *x = host->alloc(2 * block, sizeof(double)), *g = host->alloc(2 * block, sizeof(double));
  double *value = host->alloc(2 * n, sizeof(double));
  int sides = base ? 1 : 2;
  for (size_t k = 0; k < d; k++) {
    for (int side = 0; side < sides; side++)
      for (int i = 0; i < n; i++) {
        memcpy(x + side * block + i * d, y + i * d, sizeof(double) * d);
        x[side * block + i * d + k] += side ? -STEP : STEP;
      }
    vb_status st = vb_density_eval(density, sides * n, x, value, g);
    if (st != VB_OK) return st;
    if (k % LOOK_UP == 0 && host->poll()) return VB_INTERRUPTED;
    for (int i = 0; i < sides * n; i++)
      if (!isfinite(value[i])) return VB_NOT_FINITE;
    const double *other = base ? base : g + block;
    double width = base ? STEP : 2 * STEP;
    for (int i = 0; i < n; i++)
      for (size_t a = 0; a < d; a++)
        hess[a + d * k + d * d * i] = (g[i * d + a] - other[i * d + a]) / width;
  }
  for (int i = 0; i < n; i++)
    for (size_t a = 0; a < d; a++)
      for (size_t b = 0; b < a; b++) {
        double *at = hess + d * d * i, s = (at[a + d * b] + at[b + d * a]) / 2;
        at[a + d * b] = at[b + d * a] = s;
      }
  return VB_OK;
}

vb_status vb_density_hessian(const vb_host *host, vb_density *density, const double *y,
                             double *hess) {
  return hessians(host, density, 1, y, NULL, hess);
}

/* cov <- (precision - c)^-1, c NULL: zero */
static vb_status invert(int d, const double *precision, const double *c, double *cov) {
  for (size_t i = 0; i < (size_t)d * d; i++) cov[i] = precision[i] - (c ? c[i] : 0);
  vb_status st = vb_chol(d, cov, d);
  if (st == VB_OK) vb_chol_inverse(d, cov, d);
  return st;
}

/* no response: q's own */
static vb_status keep(int d, const double *q_cov, double *cov, const char **rule) {
  memcpy(cov, q_cov, sizeof(double) * (size_t)d * d);
  *rule = "none";
  return VB_OK;
}

/* Is the odd part of the gradient at the draws linear, with the slope -precision? */
static int is_linear(vb_saa *s, const double *par, const double *precision) {
  int d = s->q->dim, half = s->M / 2;
  vb_q_points(s->q, par, s->M, s->z, s->x);
  for (int k = 0; k < d; k++) {
    double square = 0;
    for (int i = 0; i < half; i++) {
      size_t up = (size_t)i * d, down = (size_t)(i + half) * d;
      double odd = s->g[up + k] - s->g[down + k];
      for (int l = 0; l < d; l++)
        odd += precision[k + (size_t)d * l] * (s->x[up + l] - s->x[down + l]);
      square += odd * odd / 4 / half;
    }
    if (!(square < FLAT * FLAT * precision[k * (size_t)(d + 1)])) return 0;
  }
  return 1;
}

/* precision <- minus the mean of n Hessians */
static void average(int d, int n, const double *hess, double *precision) {
  size_t dd = (size_t)d * d;
  memset(precision, 0, sizeof(double) * dd);
  for (int i = 0; i < n; i++)
    for (size_t k = 0; k < dd; k++) precision[k] -= hess[k + dd * i] / n;
}

/* all of H: its inverse's mu block, from the second derivatives at every draw */
static vb_status respond_fully(vb_saa *s, const double *par, double *cov) {
  int d = s->q->dim;
  double *hess = s->host->alloc((size_t)d * d * s->M, sizeof(double));
  vb_q_points(s->q, par, s->M, s->z, s->x);
  vb_status st = hessians(s->host, s->density, s->M, s->x, s->g, hess);
  if (st == VB_OK) st = vb_curvature_solve(s, par, hess, cov);
  for (int a = 0; a < d; a++)
    for (int b = 0; b < a; b++) {
      double both = (cov[a + (size_t)d * b] + cov[b + (size_t)d * a]) / 2;
      cov[a + (size_t)d * b] = cov[b + (size_t)d * a] = both;
    }
  return st;
}

/* the precision that the draws have on average, or the one at their mean */
static vb_status mean_precision(vb_saa *s, const double *par, int at_mean, double *precision) {
  int d = s->q->dim, n = at_mean ? 1 : s->M;
  size_t dd = (size_t)d * d;
  double *hess = s->host->alloc(dd * n, sizeof(double));
  vb_q_points(s->q, par, s->M, s->z, s->x);
  vb_status st =
      hessians(s->host, s->density, n, at_mean ? par : s->x, at_mean ? NULL : s->g, hess);
  average(d, n, hess, precision);
  return st;
}

vb_status vb_q_respond(vb_saa *s, const double *par, const double *q_cov, double *cov, double *size,
                       const char **rule) {
  const vb_host *host = s->host;
  int d = s->q->dim, full = s->q->form->full;
  size_t dd = (size_t)d * d;
  int fits = (double)dd * s->M<MOST, low = s->q->rank> 0, done = 0;
  int drawwise = d <= DRAWWISE && fits && !low;
  double *c = host->alloc(dd, sizeof(double)), *precision = host->alloc(dd, sizeof(double));
  *size = vb_saa_even(s, c);
  vb_status st = VB_OK;
  if (full && (*size < SMALL || !drawwise)) {
    *rule = "even parts";
    memcpy(precision, q_cov, sizeof(double) * dd);
    st = vb_chol(d, precision, d);
    if (st == VB_OK) vb_chol_inverse(d, precision, d);
    if (st == VB_OK) st = invert(d, precision, c, cov);
    done = 1;
  } else if (s->density->kinked) {
    return keep(d, q_cov, cov, rule);
  } else if ((*size < FLAT && !low) || !fits) {
    *rule = "curvature at the mean";
    st = mean_precision(s, par, 1, precision);
    if (st != VB_OK) return st == VB_INTERRUPTED ? st : keep(d, q_cov, cov, rule);
    done = !fits || is_linear(s, par, precision);
    if (done) st = invert(d, precision, NULL, cov);
  }
  if (!done && drawwise) {
    *rule = "all draws";
    st = respond_fully(s, par, cov);
  } else if (!done) { /* low rank: H is flat where columns of B are superfluous */
    *rule = "mean curvature";
    st = mean_precision(s, par, 0, precision);
    if (st == VB_OK) st = invert(d, precision, low ? c : NULL, cov);
  }
  if (st == VB_OK) {
    memcpy(precision, cov, sizeof(double) * dd);
    st = vb_chol(d, precision, d);
  }
  return st == VB_INTERRUPTED || st == VB_OK ? st : keep(d, q_cov, cov, rule);
}
