/* theta: the one loop over the hyperparameters.
 *
 * fit.c is the loop: start, mode, nodes.  At each theta it asks gauss/ for the best Gaussian and
 * correct/ for what that leaves out; surface.h and integral.c make the integral over theta of it.
 * cavi.h is the textbook's coordinate ascent instead. */
#ifndef VB_THETA_H
#define VB_THETA_H
#include "correct/correct.h"

#define VB_MOST_LOST 0.01 /* standard deviations */

typedef struct { /* one value of theta and the posterior given it */
  double *x;     /* K axes */
  double elbo, lik, rq, weight, seconds;
  double bound, remainder, *grad; /* elbo + rq; grad: of the bound alone, in the axes */
  int converged;
  int foretold; /* of the mixture alone: without residual quadrature of its own */
  vb_block block;
  double *hyper;             /* reported natural parameters */
  double *mean, *var, *skew; /* n_coef; skew NULL where zero */
  double *fixed_mean, *fixed_cov, *fixed_skew;
  double *spread;      /* variance of each pin's t that it stands for; NULL: none */
  double *lift, *move; /* n_coef: residual quadrature's variance over the Gaussian's, and its shift
                          in sds; NULL: none */
} vb_node;

typedef struct {
  double tol;
  int max_sweep, max_node;      /* max_node 0: automatic */
  int use_rq, use_lr, use_skew; /* 1, 0, -1: automatic */
  int independent;              /* q(c) q(theta) instead of q(c | theta) q(theta) */
} vb_settings;

typedef struct {
  int phase;
  double elbo, lik, seconds; /* lik: expected log likelihood, NAN where it is not known */
} vb_step;

typedef struct vb_trail vb_trail; /* what the climb to the mode passed (warm.c) */
typedef struct {
  const vb_host *host;
  vb_model *model;
  vb_hyper *hyper;
  vb_settings set;
  vb_inner inner;
  vb_theta theta;
  vb_block block, spare; /* warm start; scratch */
  vb_trail *trail;
  vb_rq rq;
  double *effective; /* vb_cavi: n_effective; see vb_posterior */
  int n_effective, rq_on, has_root;
  double rq_size, rq_level; /* at the mode */
  vb_response response;
  double *mode, *root; /* K; K x K with theta = mode + root z */
  double mode_elbo;
  vb_node **node;
  int n_node, cap_node;
  int n_point, n_hyper; /* points: the smooth posterior of theta */
  double *point_x, *point_weight, *point_hyper;
  double *point_log_density; /* of the axes there */
  vb_step *step;
  int n_step, cap_step, n_eval, poll_every;
  const char *rule;
  double elbo, lik, log_evidence, ess, khat, node_error; /* lik: see vb_step */
  double lost; /* of the mode's digits, see vb_digits_lost(); above VB_MOST_LOST: not converged */
  int at_hand; /* inner, theta and block hold the optimum at the only theta there is */
  int converged, flat_left; /* flat_left: flat-sided coefficients got no axis */
  double second_mode; /* log density at another mode less that at the highest; NaN: none was met */
  vb_status status;
} vb_fit;
vb_status vb_fit_run(vb_fit *fit);
/* operations of all of it with K axes, roughly */
double vb_fit_cost(const vb_model *model, int K);
/* classical coordinate ascent: q(c) q(theta), the factors of theta independent (cavi.c) */
vb_status vb_cavi(vb_fit *fit);
void vb_fit_step(vb_fit *fit, int phase, double elbo, double lik);
void vb_fit_tick(const vb_fit *fit);
/* block: where the Gaussian at x is foretold by the nodes, or by what the climb passed; as it is
 * where there are neither (warm.c).  Keeps the climb's, after an evaluation at x. */
void vb_warm_start(vb_fit *fit, const double *x);
void vb_warm_keep(vb_fit *fit, const double *x);
/* elbo at x, warm-started */
vb_status vb_fit_eval(vb_fit *fit, const double *x, double tol, int want_inverse, double *elbo);
/* what the Gaussian there leaves out: vb_rq_correct() of the remainders that rq_on says */
double vb_fit_remainder(vb_fit *fit, double *var, double *max_level);
vb_status vb_fit_node(vb_fit *fit, const double *x); /* evaluate and keep */
/* keep the Gaussian at x as the nodes foretell it, with the corrections of the nearest */
vb_status vb_fit_component(vb_fit *fit, const double *x);
/* the node just kept stands for t of these variances: they enter its coefficients' covariance */
void vb_node_spread(vb_fit *fit, double *spread);
/* keep what inner, theta and block hold */
vb_status vb_node_make(vb_fit *fit, const double *x, double elbo, int converged);
/* the axes that suit the model, before anything is looked for on them */
void vb_choose_axes(vb_fit *fit);
/* variances of the axes that the Gaussian at hand lets expect, where they are below `variance` */
vb_status vb_first_scales(vb_fit *fit, double *variance);
vb_status vb_fit_mode(vb_fit *fit);  /* from where fit->mode is */
vb_status vb_fit_nodes(vb_fit *fit); /* the integral over theta (integral.c) */
/* Flat-sided coefficients: the axis of one more, where there is one (flat.c); nodes along them,
 * after the integral (laid.c) */
vb_status vb_flat_axis(vb_fit *fit, int *added);
vb_status vb_flat_nodes(vb_fit *fit);
void vb_points_alloc(vb_fit *fit, int T);
void vb_points_report(vb_fit *fit); /* natural parameters of all points */
/* the integral is done: weights of nodes and points, evidence, the nodes' part of the trace */
void vb_nodes_finish(vb_fit *fit, double log_evidence);

#endif
