/* What a fit holds of ADVI's Gaussian (advi_nodes.c). */
#ifndef VB_ADVI_NODES_H
#define VB_ADVI_NODES_H
#include "joint/joint.h"

#define VB_ADVI_COUPLED 300  /* dense coefficients that are whitened together */
#define VB_ADVI_NODES 64     /* of theta, at which coefficients have moments */
#define VB_ADVI_POINTS 2048  /* for its quantiles */
#define VB_ADVI_FEW_NODES 16 /* for standard deviations alone */
#define VB_ADVI_FEW_POINTS 256

/* from a first xi to one near likely hyperparameters, their coordinates and a pilot chosen there
 * (settle.c) */
vb_status vb_joint_settle(vb_joint *joint, vb_hyper *hyper, double *xi);

typedef struct { /* of equal weight, as vb_node has them; x: axes, hyper: reported naturals */
  int n, n_point;
  double *x, *hyper, *mean, *var, *fixed_mean, *fixed_cov;
  double *point_x, *point_hyper;
  double *beta_cov, *work; /* scratch */
} vb_advi_nodes;
/* n_node and n_point (even) of N(a->mean, cov), or of independent parameters with these sds where
 * cov is NULL
 */
vb_status vb_advi_nodes_make(const vb_advi *a, vb_joint *joint, const double *cov, const double *sd,
                             int n_node, int n_point, vb_advi_nodes *out);
/* posterior sds of the n coefficients, of which p are fixed effects, and H natural parameters */
void vb_advi_nodes_sd(const vb_advi_nodes *nodes, int n, int p, int H, double *coef,
                      double *natural);
/* reported coefficients (n_coef x n_draw) and natural parameters of the kept draws */
vb_status vb_advi_draws(const vb_advi *a, vb_joint *joint, double *coef, double *natural);
/* settings that the density asks for: kinks are averaged over more draws */
void vb_advi_of_joint(vb_joint *joint, vb_advi *advi);
#endif
