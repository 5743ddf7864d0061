/* Residual quadrature between its two files: the geometry of levels and the integrals over them. */
#ifndef VB_RQ_H
#define VB_RQ_H
#include "engine.h"

#define VB_RQ_DIM 4 /* dimensions of a level's quadrature; beyond: no level terms */
typedef struct {    /* one level's quadrature problem */
  int n, d;
  const int *row;
  double white[VB_RQ_DIM * VB_RQ_DIM]; /* z = white t */
  double load[VB_RQ_DIM * VB_RQ_DIM];  /* Cov(z, u): d x d */
  double *a, *rest, *m, *y, *w, *eta, *ll, *e, *na;
} vb_level;

void vb_rq_beta_covariance(const vb_model *model, const vb_solution *s, double *out);
/* direction of the level's own predictor: whitening of Cov(t), its covariance with u and with every
 * eta_i */
void vb_rq_direction(const vb_model *model, const vb_inner *in, int term, int l, vb_rq *rq,
                     vb_level *level);
#endif
