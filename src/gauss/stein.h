/* Likelihoods of which only values are had: expectations by Stein's identity (stein.c) and tables
 * of them for residual quadrature (stein_table.c). */
#ifndef VB_STEIN_H
#define VB_STEIN_H
#include "gauss/gauss.h"

#define VB_STEIN_TOP 7 /* orders 0 to 6: what residual quadrature's series needs */
typedef struct vb_stein {
  double *eta, *ll;      /* of one call: VB_STEIN_CALL each */
  double *rows, *some;   /* rooms for its rows, and for the cells that they are of */
  double *node, *weight; /* of the trapezoid rules */
  double *moment;        /* n x VB_STEIN_TOP: E f^(k) */
  double *s;             /* n: sd in use */
  int *cell, *rule;      /* n each: the cells of one rule; the rule of a cell */
  double *zero;          /* n */
} vb_stein;
#define VB_STEIN_CALL 65536 /* densities in one call: far above what a call costs by itself */

vb_stein *vb_stein_make(const vb_model *model);
double vb_stein_expect(const vb_model *model, const double *par, const vb_etas *q, double *ll,
                       double *g, double *h);
/* log_lik of every cell with its derivatives, whatever the family; stein: where it is opaque */
void vb_log_lik_at(const vb_model *model, const double *par, const double *eta, vb_stein *stein,
                   double *ll, double *d1, double *d2);
void vb_stein_par(const vb_model *model, const double *par, const vb_etas *q, double *grad);
/* E f^(k), k < top, of every cell into q->stein->moment */
void vb_stein_moments(const vb_model *model, const double *par, const vb_etas *q, int top);
#endif
