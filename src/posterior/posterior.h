/* posterior: what is read off a finished fit.
 *
 * Predictors of rows at every node and their moments, quantiles of mixtures over the nodes, of
 * responses, draws and their log densities, scores, cavities. */
#ifndef VB_POSTERIOR_H
#define VB_POSTERIOR_H
#include "gauss/new_row.h"
#include "theta/theta.h"

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

typedef struct { /* a finished fit: its model, its hyperparameters, its nodes */
  const vb_model *model;
  const vb_hyper *hyper;
  int n, n_point;
  const double *weight, *x, *mean, *var, *skew, *fixed_skew, *h, *site_h, *site_b; /* by node */
  const double *fixed_cov;
  const double *spread; /* by node, of each pin; NULL: there are none */
  const double *point_x, *point_weight;
  const double *point_log_density; /* NULL: they are independent factors of unknown form */
  const double *mode, *root;
  const double *congruence; /* NULL: none */
  const double *effective;  /* NULL, or where q(c) is one Gaussian whatever theta: what of theta it
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
vb_status vb_each_row(const vb_posterior *post, const vb_new_rows *rows, int corrected,
                      vb_at_row visit, void *data);
/* what it visits: rows x nodes, zeroed by the caller; par n_par x nodes */
vb_status vb_node_moments(const vb_posterior *post, const vb_new_rows *rows, int corrected,
                          double *mean, double *var, double *skew, double *par);

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
vb_status vb_moments(const vb_posterior *post, const vb_new_rows *rows, double *mean, double *var,
                     double *mu, double *mu_var);
/* n draws from uniforms (n) and normals ((n_coef + n_natural) x n): coefficients as reported,
 * natural parameters; coef NULL: these alone, from normals n_natural x n.  log_density (2 x n),
 * where not NULL, gets log p(y, c, theta) and log q(c, theta). */
vb_status vb_draw(const vb_posterior *post, int n, const double *uniform, const double *normal,
                  double *coef, double *natural, double *log_density);
/* factor of node s, its cross-products and theta in place */
vb_status vb_node_factor(const vb_posterior *post, int s, const double *x, int new_cross,
                         vb_theta *theta, vb_inner *in);
#endif
