/* varbayes: the log joint density of a model as a vb_density (advi.h), in coordinates that a
 * Gaussian q likes.
 *
 * xi = (zeta, x): x are the free axes of theta, and c = L^-T (zeta + L^-1 b), L L' = Lambda(theta),
 * where Lambda is the precision that the coefficients would have were every row's information what
 * it is at a pilot fit.  Given theta, zeta is N(0, I) where the likelihood is Gaussian and nearly
 * so elsewhere.  This is centring where data are many and non-centring where they are few
 * (Papaspiliopoulos, Roberts & Skold 2007), level by level, and takes out the correlations too. */
#ifndef VB_JOINT_H
#define VB_JOINT_H
#include "advi/advi.h"
#include "gauss/likelihood.h"
#include "gauss/whiten.h"

/* ---- The density (joint.c) ---- */
typedef struct {
  vb_density density;
  const vb_host *host;
  vb_model *model;
  const vb_hyper *hyper;
  vb_inner inner;
  vb_block block;
  vb_whitening map;
  vb_likelihood likelihood;
  int cap; /* points of one batch */
  vb_theta *theta;
  vb_whitening_factor *factor;
  int *point;                    /* members of a batch that have a theta */
  double *c, *g, *d_par, *value; /* of each: n_coef, n_coef, VB_MAX_PAR, 1 */
  double *u, *vec;               /* second moments; n_coef */
  double *cov;                   /* n_coef x n_coef, once asked for */
} vb_joint;
/* the solver to lay the model out with: a dense core where the map will need it, else whatever the
 * pilot is best served with */
int vb_joint_solver(const vb_input *in, int dense_up_to, int *may_factorise);
/* the pilot is run at start_axes; xi starts at zeta = 0, x = start_axes */
vb_status vb_joint_make(const vb_host *host, vb_model *model, const vb_hyper *hyper,
                        const double *start_axes, int dense_up_to, vb_joint *joint);
/* another pilot, at other axes: from here on zeta means something else */
vb_status vb_joint_repilot(vb_joint *joint, const double *x);
/* the engine's coefficients and the reported natural parameters at xi */
vb_status vb_joint_coef(vb_joint *joint, const double *xi, double *c, double *natural);
typedef struct { /* zeta ~ N(mean, cov) or, where cov is NULL, with independent entries */
  const double *mean, *cov, *var;
} vb_zeta;
/* moments of c given theta(x): mean, var (n_coef), beta_cov (p x p) */
vb_status vb_joint_conditional(vb_joint *joint, const double *x, const vb_zeta *zeta, double *mean,
                               double *var, double *beta_cov);
#endif
