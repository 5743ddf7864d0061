/* Log densities of draws: of the posterior and of q, in the coordinates (reported coefficients,
 * axes of theta), constants included. */
#ifndef VB_DRAW_H
#define VB_DRAW_H
#include "gauss/likelihood.h"
#include "gauss/whiten.h"
#include "posterior/posterior.h"

#define VB_DRAW_SMOOTH 0.1 /* kernel shrinkage (West 1993) of coordinate ascent's few thetas */

/* ---- foretell.c ---- */
int vb_nearest_node(const vb_posterior *post, const double *x);
/* means of the coefficients and precisions of cells and sites at x, by kriging of the nodes */
vb_status vb_foretell(const vb_posterior *post, const double *x, vb_block *block);

/* ---- draw_density.c ---- */
typedef struct {
  const vb_model *model;
  const vb_hyper *hyper;
  const vb_posterior *post;
  const double *mean, *sd; /* of the points of theta */
  vb_theta scratch;
  vb_likelihood likelihood;
  int sums; /* a quadratic family: the log likelihood is had from sums over the rows, which map and
               inner hold, without meeting them at every draw */
  vb_whitening map;
  vb_inner inner;
  double *c, *vec, *site;
} vb_draw_density;
vb_status vb_draw_density_make(const vb_posterior *post, const double *mean, const double *sd,
                               vb_draw_density *d);
/* at x, drawn from the point `point` */
double vb_draw_log_q_theta(const vb_draw_density *d, const double *x, int point);
/* log p(y, c, theta) */
double vb_draw_log_p(vb_draw_density *d, const vb_theta *theta, const double *reported);
#endif
