/* Moment-matched prior sites (ep.c), for priors that are scale mixtures of normals. */
#ifndef VB_EP_H
#define VB_EP_H
#include "gauss/gauss.h"

typedef struct { /* a mixture for vb_mixture_quantile, with room for more */
  int n;
  double *weight, *mean, *var, *skew;
} vb_parts;
typedef struct { /* q's marginal of one coefficient, and the surrogate exp(b x - h x^2 / 2) in it */
  double mean, var, skew, h, b;
} vb_site_marginal;
/* the posterior of the coefficient, with the prior in the surrogate's place: as a mixture of at
 * most VB_MIX_MAX, its weights times weight, behind what is in out */
void vb_tilted_parts(const vb_mix *p, const vb_site_marginal *q, double weight, vb_parts *out);

void vb_ep_start(const vb_model *model, const vb_theta *theta, vb_inner *in, vb_block *b);
/* expected log surrogates under N(beta, .) and their derivatives, as vb_expect_site has them */
double vb_ep_expect(const vb_model *model, vb_inner *in, const double *beta);
/* one damped update of the surrogates from the marginals of q; returns how far they were off, in
 * sds */
double vb_ep_update(const vb_model *model, const vb_theta *theta, vb_inner *in, const double *beta,
                    double rho);
double vb_ep_relax(const vb_model *model, const vb_theta *theta, vb_inner *in, const double *at,
                   double *change);
/* the share of the way to the target that the rows' precisions h go in a step */
double vb_ep_row_pace(const vb_model *model, vb_inner *in, const double *h);
/* sum over sites of log E_q prior / surrogate, at the fixed point; its gradient stays in in */
double vb_ep_evidence(const vb_model *model, const vb_theta *theta, vb_inner *in,
                      const double *beta);
/* evidence less the bound that q itself gives */
double vb_ep_gap(const vb_model *model, const vb_theta *theta, const vb_inner *in,
                 const double *beta);
void vb_ep_gradient(const vb_hyper *hyper, const vb_theta *theta, const vb_inner *in, double *grad);
/* quadratic families: mean and precision of beta by the p x p Schur complement alone; r as in
 * exact.c, the mean in in->beta; site_elbo gets expected log surrogates and evidence */
vb_status vb_ep_fixed_point(const vb_model *model, const vb_theta *theta, vb_inner *in, vb_block *b,
                            const double *r, double *site_elbo);
#endif
