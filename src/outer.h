/* varbayes: the outer loop over the hyperparameters, and what is read off a finished fit.  engine.h
 * has the Gaussian block that both rest on. */
#ifndef VB_OUTER_H
#define VB_OUTER_H
#include "engine.h"

/* ---- Outer loop (optim.c, surrogate.c, nodes.c, fit.c)
 * ------------------------------------------------------- */
#define VB_MAX_AXIS 48
typedef vb_status (*vb_objective)(void *data, const double *x, double *f, double *grad);
/* maximise f by BFGS with backtracking; inv (n x n) is the inverse of -Hessian, in and out */
vb_status vb_bfgs(int n, vb_objective eval, void *data, double *x, double *f, double *grad,
                  double *inv, double tol, int max_eval);

typedef struct { /* cubic radial basis plus linear trend through values at nodes */
  int K, n, cap;
  double *z;             /* K x cap */
  double *value;         /* cap */
  double *coef, *matrix; /* cap + K + 1; squared */
} vb_surrogate;
void vb_surrogate_alloc(const vb_host *host, int K, int cap, vb_surrogate *s);
vb_status vb_surrogate_fit(vb_surrogate *s);
double vb_surrogate_at(const vb_surrogate *s, const double *z);
/* weights W of the nodes with sum_s W_s f(z_s) = sum_t w_t interpolant of f at z_t */
vb_status vb_surrogate_weights(const vb_surrogate *s, int T, const double *z, const double *w,
                               double *weight);

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
/* A node: it is followed in the interpolation by its images, since what is interpolated is even in
 * a square coordinate, so that there is no edge to extrapolate to.  When all are in,
 * vb_surrogate_fit(). */
void vb_profile_add(vb_profile *p, const double *x, double value);
double vb_profile_at(const vb_profile *p, const double *z, double log_prior);
double vb_pareto_k(int n,
                   double *log_weight); /* of the right tail; log_weight is sorted in place */

typedef struct { /* one value of theta and the posterior given it */
  double *x;     /* K axes */
  double elbo, lik, rq, weight, seconds;
  int converged;
  vb_block block;
  double *hyper;             /* reported natural parameters */
  double *mean, *var, *skew; /* n_coef; skew NULL where zero */
  double *fixed_mean, *fixed_cov, *fixed_skew;
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

typedef struct {
  const vb_host *host;
  vb_model *model;
  vb_hyper *hyper;
  vb_settings set;
  vb_inner inner;
  vb_theta theta;
  vb_block block, spare; /* warm start; scratch */
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
  vb_step *step;
  int n_step, cap_step, n_eval, poll_every;
  const char *rule;
  double elbo, lik, log_evidence, ess, khat, node_error; /* lik: see vb_step */
  int converged;
  vb_status status;
} vb_fit;
vb_status vb_fit_run(vb_fit *fit);
double vb_factor_cost(const vb_model *model);
/* classical coordinate ascent: q(c) q(theta), the factors of theta independent (cavi.c) */
vb_status vb_cavi(vb_fit *fit);
void vb_fit_step(vb_fit *fit, int phase, double elbo, double lik);
void vb_fit_tick(const vb_fit *fit);
/* elbo at x, warm-started from the nearest node (or block, where there is none) */
vb_status vb_fit_eval(vb_fit *fit, const double *x, double tol, int want_inverse, double *elbo);
vb_status vb_fit_node(vb_fit *fit, const double *x); /* evaluate and keep */
/* keep what inner, theta and block hold */
vb_status vb_node_make(vb_fit *fit, const double *x, double elbo, int converged);
vb_status vb_fit_nodes(vb_fit *fit);             /* the integral over theta */
vb_status vb_weighted_nodes(vb_fit *fit, int T); /* by T importance weights */
int vb_weighted_points(const vb_fit *fit);
void vb_points_alloc(vb_fit *fit, int T);
void vb_points_report(vb_fit *fit); /* natural parameters of all points */
/* the integral is done: weights of nodes and points, evidence, the nodes' part of the trace */
void vb_nodes_finish(vb_fit *fit, double log_evidence);

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
void vb_x_to_z(const vb_fit *fit, const double *x, double *z);

/* ---- After the fit (mixture.c, predictor.c, moments.c, predictive.c, draw.c)
 * ---------------------------------------------------------- */
/* quantile of sum_s weight_s SL(mean_s, var_s, skew_s), SL the shifted lognormal; skew NULL: normal
 */
double vb_mixture_quantile(int n, const double *mean, const double *var, const double *skew,
                           const double *weight, double prob);
double vb_mixture_log_density(int n, const double *mean, const double *var, const double *skew,
                              const double *weight, double x);
/* standard normal -> mean 0, sd 1, this skewness */
double vb_skew_transform(double z, double skew);
void vb_skew_transform_all(int n, const double *z, double skew, double *out);
double vb_skew_log_slope(double z, double skew);

typedef struct { /* rows to predict: x uncentred column-major; group per term, 0: a new
                    level, negative: term left out; z column-major */
  int n;
  const double *x, *offset;
  const int **group;
  const double **z;
} vb_rows;

/* what the nodes' values say; a Gaussian; independent factors of unknown form */
enum { VB_THETA_PROFILE, VB_THETA_NORMAL, VB_THETA_FACTORS };
typedef struct { /* the nodes of a finished fit */
  int n, n_point;
  const double *weight, *x, *mean, *var, *skew, *fixed_skew, *h, *site_h, *site_b; /* by node */
  const double *fixed_cov;
  const double *point_x, *point_weight;
  const double *mode, *root;
  const double *congruence; /* NULL: none */
  const double *elbo, *rq;  /* by node */
  double log_evidence;
  int density;             /* what the points of theta are a sample of */
  const double *effective; /* NULL, or where q(c) is one Gaussian whatever theta: what of theta it
                              rests on (vb_theta_effective) */
} vb_posterior;
typedef struct { /* a row's eta given the theta of a node */
  int node;
  double weight; /* of the node, for this row: with a new level a row has no negative ones */
  double mean, var, skew;
  const double *par; /* the family's */
} vb_predictor;
typedef void (*vb_at_row)(void *data, int row, const vb_predictor *at);
/* Visits all rows at one node after the other, n_row x n_node times p^2 plus what the random
 * effects take; corrected 0: variances of the Gaussian q itself, no skewness.  A node without
 * weight for a row is left out there. */
vb_status vb_each_row(const vb_model *model, const vb_hyper *hyper, const vb_posterior *post,
                      const vb_rows *rows, int corrected, vb_at_row visit, void *data);
/* what it visits: rows x nodes, zeroed by the caller; par n_par x nodes */
vb_status vb_node_moments(const vb_model *model, const vb_hyper *hyper, const vb_posterior *post,
                          const vb_rows *rows, int corrected, double *mean, double *var,
                          double *skew, double *par);

typedef struct { /* what is known of one row's eta: components, each with the family's parameters */
  int n, n_par;  /* n_par: stride of par */
  const double *mean, *var, *skew, *weight, *par;
} vb_mixture;
typedef struct vb_predictive vb_predictive;
/* for a family with a cdf and mixtures of up to n components with n_par parameters */
vb_predictive *vb_predictive_make(const vb_host *host, const vb_family *family, int n, int n_par);
/* Quantiles of a response with weight w; of a discrete one the least y with P(Y <= y) >= prob. */
void vb_predictive_quantiles(vb_predictive *predictive, const vb_mixture *mixture, double w,
                             int n_prob, const double *prob, double *out);
/* out: mean and variance of eta, mean and variance of the inverse link, per row */
int vb_mean_columns(const vb_model *model); /* categories, or 1 */
vb_status vb_moments(const vb_model *model, const vb_hyper *hyper, const vb_posterior *post,
                     const vb_rows *rows, double *mean, double *var, double *mu, double *mu_var);
/* n draws from uniforms (n) and normals ((n_coef + n_natural) x n): coefficients as reported,
 * natural parameters; coef NULL: these alone, from normals n_natural x n.  log_density (2 x n),
 * where not NULL, gets log p(y, c, theta) and log q(c, theta). */
vb_status vb_draw(const vb_model *model, const vb_hyper *hyper, const vb_posterior *post, int n,
                  const double *uniform, const double *normal, double *coef, double *natural,
                  double *log_density);
/* factor of node s, its cross-products and theta in place */
vb_status vb_node_factor(const vb_model *model, const vb_hyper *hyper, const vb_posterior *post,
                         int s, const double *x, int new_cross, vb_theta *theta, vb_inner *in);
#endif
