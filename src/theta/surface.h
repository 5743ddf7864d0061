/* The log posterior of theta from nodes with gradients (mathematics.Rmd, section 6).
 *
 * z = (x - centre) / scale, axis by axis.  scan.c lays nodes along each axis; surface.c makes of
 * their values and gradients a function of z that has all of them, where what is known in closed
 * form (prior, Jacobian, reference) has been taken out; tilt.c corrects it by nodes elsewhere;
 * cloud.c integrates it; spread.c gives the nodes weights. */
#ifndef VB_SURFACE_H
#define VB_SURFACE_H
#include "numbers/integrate.h"
#include "theta/reference.h"

#define VB_LINE 701 /* points of an axis where one-dimensional densities are laid out, */
#define VB_LINE_STEP 0.05
#define VB_LINE_FROM (-20.0)
#define VB_SCAN_MOST 64    /* nodes of an axis: of a single one all, */
#define VB_SCAN_SEVERAL 24 /* of one among several, with those that were too far out */

typedef struct {     /* normal scores of a density on the line: w(z), rising */
  int first, last;   /* of the line's points, between which it is tabled */
  double *w, *slope; /* VB_LINE each */
  double at_zero, slope_at_zero;
} vb_warp;

typedef struct { /* the nodes along one axis, ascending */
  int n, node[VB_SCAN_MOST];
  double z[VB_SCAN_MOST];
  double *known; /* VB_LINE: what is known, along it */
  double spread; /* sd of the axis over that given all others, 1 to 2 */
  int heavy;     /* are its tails? */
  double decay;  /* of a log sd: likelihoods fall flat to its left, like exp(decay z) */
  double *main;  /* VB_LINE: the main effect, interpolated */
  vb_warp warp;
  double w[VB_SCAN_MOST];
  double *cross, *cross2; /* n x K: slopes across, less those at zero; second derivatives in w */
  double *rest, *rest2;   /* the same of the remainder */
} vb_scan_axis;

typedef struct { /* what two axes do together about a node with both off zero (corner.c) */
  int i, j, node;
  double wi, wj, value, pi, pj; /* scores from zero's; error there; powers */
} vb_corner;

typedef struct {
  vb_fit *fit;
  int K, n, cap;
  double *centre, *scale, *most_scale; /* K */
  vb_reference reference;
  vb_theta theta;                  /* scratch */
  double *z, *value, *rest, *grad; /* K x cap, cap, cap, K x cap; node s is fit->node[s] */
  vb_scan_axis *axis;
  int *sampled;               /* is a node a point of the posterior? */
  double *hess, *correlation; /* K x K: at zero, and of its inverse */
  double *curve;              /* K x K: slopes of cross at zero, symmetrised */
  double *tilt;               /* 1 + 2 K: a correction 1, w, (w^2 - 1) / 2 */
  int n_corner, *cornered;    /* per pair: has it any? */
  vb_corner *corner;
  vb_gp gp; /* another, by interpolation */
  int by_gp, has_gp;
  double *projection; /* NULL, or a further one (project.c) */
  double log_scale;
} vb_surface;

/* ---- axis.c ---- */
/* round the mode of fit; scale: of each axis */
vb_status vb_surface_make(vb_fit *fit, const double *scale, int cap, vb_surface *s);
/* what is known at z: log prior with Jacobian, reference; -infinity outside theta's domain */
double vb_surface_known(vb_surface *s, const double *z);
void vb_surface_x(const vb_surface *s, const double *z, double *x);
/* the engine's own value at z; -infinity where it has none */
vb_status vb_surface_exact(const vb_surface *s, const double *z, double *out);
/* evaluates a node */
vb_status vb_surface_node(vb_surface *s, const double *z);
/* one of the mixture alone, when the surface is done */
vb_status vb_surface_component(vb_surface *s, const double *z);
/* all nodes, of a single axis, into its interpolation */
void vb_scan_take_up(vb_surface *s);
/* a further node on an axis; closer to zero where theta cannot be had */
vb_status vb_scan_add(vb_surface *s, int axis, double z);
vb_status vb_scan_near(vb_surface *s, int axis, double z);

/* gradient in z of what is known, by central differences */
void vb_known_gradient(vb_surface *s, const double *z, double *grad);
/* node, at z, among those of an axis */
void vb_scan_keep(vb_scan_axis *a, double z, int node);
int vb_scan_most(const vb_surface *s, int axis); /* nodes before the first integral */

/* ---- scan.c ---- */
vb_status vb_scan(vb_surface *s);

/* ---- stretch.c ---- */
/* how far from the centre the log of an sd has mass, as prior and reference have it, if some is out
 * of the line's reach; else 0 */
double vb_out_of_reach(vb_surface *s, int axis);

/* ---- outer.c ---- */
/* a node about z, beyond the ends, where the density is not too low; one at each end, where the
 * density on the line, as foretold, says that one is wanted */
vb_status vb_scan_outer(vb_surface *s, int axis, double z);
vb_status vb_scan_ends(vb_surface *s, int axis, const double *density);

/* ---- surface.c ---- */
vb_status vb_surface_fit(vb_surface *s);
/* log density at z, with what is known; with_rest: the remainder too.  w (K) gets the scores. */
double vb_surface_at(const vb_surface *s, const double *z, int with_rest, double *w);
/* its gradient in z without the remainder and what is known, by differences */
void vb_surface_gradient(const vb_surface *s, const double *z, double *grad);
void vb_main_effect(const vb_surface *s, int axis, double *out); /* on the line */
double vb_warp_at(const vb_warp *warp, double z, double *slope);
double vb_warp_inverse(const vb_warp *warp, double w);
/* natural cubic spline through y at t: second derivatives */
void vb_spline(int n, const double *t, const double *y, double *y2);

/* ---- corner.c ---- */
/* up to `most` nodes off two axes at once, of the pairs that do more than `least` nats together */
vb_status vb_corners(vb_surface *s, int most, double least);
void vb_corners_fit(vb_surface *s); /* to the surface on the axes as it is now */

/* ---- tilt.c ---- */
/* from the values and gradients of the nodes from `from` on */
vb_status vb_tilt_fit(vb_surface *s, int from);
double vb_tilt_at(const vb_surface *s, const double *w);
vb_status vb_gp_correct(vb_surface *s); /* through the residuals of all nodes */
double vb_gp_correction(const vb_surface *s, const double *w);
double vb_correction_at(const vb_surface *s, const double *w); /* by the one in use */

/* ---- project.c ---- */
/* n exact errors at z (K x n) into the surface; left: the error that this leaves, an sd */
vb_status vb_project(vb_surface *s, int n, const double *z, const double *error, double *left);
double vb_projection_at(const vb_surface *s, const double *w);
int vb_projection_size(int K);

/* ---- cloud.c ---- */
typedef struct { /* weighted points of the surface */
  int K, T, cap;
  double *w, *z, *weight, *log_f; /* K x cap, K x cap, cap, cap: weights sum to one */
  double *cum;                    /* weights summed up in this order */
  int *order;
  double *scratch;
  vb_halton halton;
  vb_copula q;
  double log_z, ess;
} vb_cloud;
/* the point below which `share` of the weight is, in an order along which points spread */
int vb_cloud_pick(const vb_cloud *c, double share);
vb_status vb_cloud_make(const vb_surface *s, int cap, vb_cloud *c);
/* rounds that learn the proposal, of growing size from T0, then T points */
vb_status vb_cloud_integrate(vb_surface *s, int rounds, int T0, int T, vb_cloud *c);
/* the same by the engine's values instead of the surface's: rounds of T / 4 points, then T */
vb_status vb_cloud_exact(vb_surface *s, int rounds, int T, vb_cloud *c);
/* how much the engine's own values at n points move mean and sd of an axis: sds, log of a ratio */
vb_status vb_cloud_check(vb_surface *s, int n, const vb_cloud *c, double *worst);
/* n points of the cloud, by their weights, and the engine's own values there */
vb_status vb_cloud_reweigh(vb_surface *s, int n, vb_cloud *c);
/* outer nodes where it has mass beyond an axis's (outer.c); longer: were there any? */
vb_status vb_scan_lengthen(vb_surface *s, const vb_cloud *c, int *longer);

/* ---- spread.c ---- */
/* points of the cloud at which up to n further nodes serve best; how many there are */
int vb_spread_choose(const vb_surface *s, const vb_cloud *c, int n, int *chosen);
/* weights of the nodes, none negative, with which sums over them are those over the points */
vb_status vb_spread_weights(const vb_surface *s, const vb_cloud *c, double *weight);
#endif
