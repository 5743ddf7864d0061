/* The integral over theta by interpolation of values alone, in whitened axes, and by importance
 * weights: for models whose axes bend so much that slopes at few nodes mislead, those with pinned
 * combinations and horseshoes. */
#ifndef VB_INTERPOLATE_H
#define VB_INTERPOLATE_H
#include "numbers/surrogate.h"
#include "theta/theta.h"

#define VB_MAX_INTERPOLATED 6 /* hyperparameters; above, distances say too little */
typedef struct {              /* the log posterior of theta between nodes (profile.c) */
  const vb_hyper *hyper;
  const double *mode, *root;
  vb_theta *theta; /* scratch */
  double *quad;    /* K x K: curvature of what is interpolated, taken out and put back */
  double top;      /* value of the first node */
  vb_surrogate s;
} vb_profile;
void vb_profile_make(const vb_host *host, const vb_hyper *hyper, const double *mode,
                     const double *root, vb_theta *theta, int cap, vb_profile *p);
/* A node; when all are in, vb_surrogate_fit(). */
void vb_profile_add(vb_profile *p, const double *x, double value);
double vb_profile_at(const vb_profile *p, const double *z, double log_prior);

typedef struct { /* product of two-piece t densities in z, drawn by low discrepancy */
  int K, normal; /* normal: not t but Gaussian pieces */
  double step[VB_MAX_AXIS], center[VB_MAX_AXIS], root[VB_MAX_AXIS * VB_MAX_AXIS],
      below[VB_MAX_AXIS], above[VB_MAX_AXIS];
  double log_det;
} vb_proposal;
void vb_proposal_init(int K, vb_proposal *q);
double vb_proposal_draw(const vb_proposal *q, int i, double *z); /* log density at z */
/* scales of the two pieces from the fall of the log density along each axis */
vb_status vb_proposal_axes(vb_fit *fit, double at, vb_proposal *q);
void vb_z_to_x(const vb_fit *fit, const double *z, double *x);
vb_status vb_interpolated_nodes(vb_fit *fit);
vb_status vb_weighted_nodes(vb_fit *fit, int T); /* by T importance weights */
int vb_weighted_points(const vb_fit *fit);
#endif
