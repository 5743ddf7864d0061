/* Pinned combinations of beta (vb_pin): a Gaussian factor each, whose mean is a hyperparameter. */
#ifndef VB_PIN_H
#define VB_PIN_H
#include "gauss/gauss.h"

/* the next of both; unit: of its axis, which is linear near the origin and exponential far from it.
 * Returns the axis. */
int vb_pin_add(vb_model *model, vb_hyper *hyper, const vb_pin *pin, double unit);
void vb_pins_precision(const vb_model *model, double *p_beta);             /* added, p x p */
void vb_pins_product(const vb_model *model, const double *x, double *out); /* with beta, added */
double vb_pins_trace(const vb_model *model, const double *s_beta);
/* sum of precision (a' c - origin - t)^2; pm, if wanted, gets half its gradient added */
double vb_pins_quadratic(const vb_model *model, const double *t, const double *c, double *pm);
/* of the bound in the axes of t, added (envelope theorem) */
void vb_pins_gradient(const vb_model *model, const vb_hyper *hyper, const vb_theta *theta,
                      const double *c, double *grad);
#endif
