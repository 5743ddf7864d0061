/* Fields: coefficients of x whose prior precision Q is theta's (field.c). */
#ifndef VB_FIELD_H
#define VB_FIELD_H
#include "gauss/gauss.h"

void vb_fields_precision(const vb_model *m, const vb_theta *theta, double *p_beta);
/* out += Q x */
void vb_fields_product(const vb_model *m, const vb_theta *theta, const double *x, double *out);
double vb_fields_trace(const vb_model *m, const vb_theta *theta, const double *s_beta);
/* c' Q c; pm, if wanted, gets Q c */
double vb_fields_quadratic(const vb_model *m, const vb_theta *theta, const double *c, double *pm);
double vb_fields_log_det(const vb_model *m, const vb_theta *theta);
/* added: in the axes, of E log p(u | theta); u: room for the largest field's Q */
void vb_fields_gradient(const vb_model *m, const vb_hyper *hyper, const vb_theta *theta,
                        const double *s_beta, const double *c, double *u, double *grad);
#endif
