/* varbayes: classical coordinate ascent.  One free-form factor q(theta_k) per grouping term and one
 * for the dispersions, each kept as weights on nodes; cavi.c is the loop. */
#ifndef VB_CAVI_H
#define VB_CAVI_H
#include "theta/theta.h"

typedef struct { /* product of two-piece t densities in z, drawn by low discrepancy (proposal.c) */
  int K, normal; /* normal: not t but Gaussian pieces */
  double step[VB_MAX_AXIS], below[VB_MAX_AXIS], above[VB_MAX_AXIS];
} vb_proposal;
void vb_proposal_init(int K, vb_proposal *q);
double vb_proposal_draw(const vb_proposal *q, int i, double *z); /* log density at z */

typedef struct {            /* q(theta_k) proportional to exp of its kernel */
  int term;                 /* -1: the dispersions */
  int first, count;         /* its natural parameters */
  int K, axis[VB_MAX_AXIS]; /* its free axes */
  double centre[VB_MAX_AXIS], step[VB_MAX_AXIS];
  double *root;              /* K x K: axes of its spread */
  double *laid;              /* four axes and more: centre and root that the nodes are of */
  int n_laid;                /* how often nodes were laid that do not give the same integrals */
  int T;                     /* nodes */
  double *x, *log_w, *value; /* K x T; log weights of the rule; kernel at the nodes */
  double *made; /* of terms, at every node: the kernel's part that is theta's, Omega, Sigma */
  double *weight, *cum; /* q, summing to one; its partial sums */
  double log_z;         /* log of the integral of exp kernel */
} vb_free_form;

/* the kernel: log prior with Jacobian plus the expected log density of what theta_k governs; grad
 * may be NULL */
void vb_free_alloc(const vb_host *host, const vb_hyper *hyper, int term, vb_free_form *f);
/* nodes about the kernel's mode, where they are to be new (anew); their values are the caller's */
vb_status vb_free_lay(vb_free_form *f, vb_objective kernel, void *data, int *anew);
/* weights and log_z from value */
vb_status vb_free_weigh(vb_free_form *f);
/* nodes about centre and root, with a normal's values, for kernels that are dear: trapezoid in one
 * or two axes, else low-discrepancy points of the normal itself */
void vb_free_spread(vb_free_form *f);
/* one point of q from K numbers in (0, 1): u[0] picks the node, all its place in the node's cell */
void vb_free_point(const vb_free_form *f, const double *u, double *x);

typedef struct { /* a run of coordinate ascent */
  vb_fit *fit;
  int n_factor, has_par, dear; /* dear: the dispersions' kernel is a pass over the rows */
  vb_free_form *factor;        /* terms, then the dispersions */
  int current;                 /* the factor whose kernel is asked for */
  vb_theta scratch;
  double *at; /* all axes */
  double *u;  /* second moments of c, per term */
  double rms; /* quadratic families: root mean square of the residuals */
  double lik; /* E log f at the current q */
  vb_par_rule rule;
  double seen[VB_MAX_AXIS]; /* dear dispersions: mean of the axes after the last sweep */
  int n_state, phase;
} vb_cavi_job;

void vb_cavi_alloc(vb_cavi_job *c);
/* the best q(theta) given q(c), whose own bound is f_c; bound <- the whole bound */
vb_status vb_cavi_update(vb_cavi_job *c, double f_c, double *bound);
/* expected precision matrices, covariances and dispersions (vb_theta_effective) */
void vb_cavi_expectations(vb_cavi_job *c, double *out);
/* the state l that coordinate ascent iterates: what of these the Gaussian block sees */
vb_status vb_cavi_state(const vb_cavi_job *c, const double *effective, double *l);
void vb_cavi_state_set(const vb_cavi_job *c, const double *l, vb_theta *theta);
/* dear dispersions: should the nodes follow q?  Lay them, and the bound's terms, anew if asked */
int vb_cavi_follow(vb_cavi_job *c);
double vb_cavi_move(vb_cavi_job *c); /* how far the axes moved in the last sweep */
vb_status vb_cavi_lay_rule(vb_cavi_job *c);
vb_status vb_cavi_settle(vb_cavi_job *c, int anew);

#endif
