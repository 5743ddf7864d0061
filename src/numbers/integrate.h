/* Integrals over several dimensions: points of low discrepancy (halton.c), the proposal that they
 * are sent through (copula.c), and interpolation by values and gradients (hermite_gp.c). */
#ifndef VB_INTEGRATE_H
#define VB_INTEGRATE_H
#include "numbers/optimise.h"

/* ---- halton.c: Halton's points, their digits permuted so that no plane has stripes ---- */
typedef struct {
  unsigned char *digit[VB_MAX_AXIS]; /* of each base, where it goes */
} vb_halton;
void vb_halton_make(const vb_host *host, int K, vb_halton *h);
/* point i of K coordinates in (0, 1), moved round the torus by shift times the root of each base */
void vb_halton_point(const vb_halton *h, int K, int i, double shift, double *u);

/* ---- copula.c: a Gaussian copula with marginals of any form, near standard normals ---- */
#define VB_COPULA_GRID 601
typedef struct {
  int K, adapted; /* before it is adapted its marginals are N(0, spread^2) */
  double spread, log_det;
  double far;   /* share of points whose scores are wide: a Gaussian has few far out together */
  double *root; /* K x K: lower Cholesky factor of the correlation; the log of its det */
  double *cdf, *den; /* VB_COPULA_GRID x K */
} vb_copula;
void vb_copula_make(const vb_host *host, int K, double spread, vb_copula *q);
/* correlation (K x K, its lower triangle) into root */
vb_status vb_copula_correlation(vb_copula *q, const double *correlation);
/* the point w of these uniforms, one of those far out or not; returns its log density */
double vb_copula_point(const vb_copula *q, const double *u, int far, double *w);
/* to T weighted points w (K x T), no weight more than `most` of all; normal gets their scores
 * (K x T scratch) */
vb_status vb_copula_adapt(vb_copula *q, int T, const double *w, const double *weight, double most,
                          double *normal);

/* ---- hermite_gp.c: a Gaussian process through values and gradients ---- */
typedef struct {
  int K, n, product;
  double length, *x; /* K x n */
  double *coef, *matrix;
} vb_gp;
void vb_gp_make(const vb_host *host, int K, int cap, vb_gp *g);
/* y: of each of the n points in x, value and gradient */
vb_status vb_gp_fit(vb_gp *g, const double *y);
double vb_gp_at(const vb_gp *g, const double *x);
#endif
