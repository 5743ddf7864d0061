/* Observations of several predictors (several.c), each of which is so many rows of the model. */
#ifndef VB_GAUSS_SEVERAL_H
#define VB_GAUSS_SEVERAL_H
#include "gauss/gauss.h"
#include "numbers/krige.h"

typedef struct {
  const vb_model *model;
  const double *par;
} vb_several_of;
/* E log f, E f', -E f'' of rows that need not be all of the model's, under means m and variances v;
 * the last two may be NULL */
void vb_several_expect(const vb_several_of *by, const vb_rows *rows, const double *m,
                       const double *v, double *const out[3]);
void vb_several_par(const vb_model *model, const double *par, const vb_etas *q, double *grad);
/* the sum over these rows of the derivative of log f in par[k] */
double vb_several_slope(const vb_model *model, const vb_rows *rows, const double *eta,
                        const double *par, int k);
/* weights h of n rows <- those of the predictors alone, at least floor */
void vb_several_diagonal(const vb_predictors *p, int n, double floor, double *h);
/* The rows' weights between places where they are known.  Those of parts of an observation have any
 * sign: which are no precision together is found when they are factored. */
void vb_foretell_weights(const vb_model *model, const vb_krige *k, const double *const *of,
                         double *h);
/* about where the etas, n_par of them, lie in all observations */
void vb_several_start(const vb_model *model, double *eta);
#endif
