/* Fields: coefficients whose prior precision Q is theta's (field.c).  Those among beta have a dense
 * Q; those that are levels of a term of the core have a sparse one, of which the lower triangle is
 * kept, in the places of the core's pattern. */
#ifndef VB_FIELD_H
#define VB_FIELD_H
#include "gauss/gauss.h"

void vb_fields_precision(const vb_model *m, const vb_theta *theta, double *p_beta);
void vb_fields_core_precision(const vb_model *m, const vb_theta *theta, double *core);
/* out += Q x */
void vb_fields_product(const vb_model *m, const vb_theta *theta, const double *x, double *out);
double vb_fields_trace(const vb_model *m, const vb_theta *theta, const vb_solution *s);
/* c' Q c of one and of all; pm, if wanted, gets Q c added */
double vb_field_quadratic(const vb_model *m, const vb_theta *theta, const double *c, int i);
double vb_fields_quadratic(const vb_model *m, const vb_theta *theta, const double *c, double *pm);
/* the same of those among beta alone: c and pm have p */
double vb_fields_beta_quadratic(const vb_model *m, const vb_theta *theta, const double *c,
                                double *pm);
double vb_fields_log_det(const vb_model *m, const vb_theta *theta);
/* the diagonal of Q S of field i: what the data leave of its coefficients' prior variances */
void vb_field_left(const vb_model *m, const vb_theta *theta, const vb_solution *s, int i,
                   double *left);
/* x without its part in the combinations that are zero */
void vb_fields_hold(const vb_model *m, double *x);
/* added: in the axes, of E log p(u | theta); u: room for the largest field's Q */
void vb_fields_gradient(const vb_model *m, const vb_hyper *hyper, const vb_theta *theta,
                        const vb_solution *s, const double *c, double *u, double *grad);
#endif
