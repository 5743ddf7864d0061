/* Hyperparameters: natural parameters, the free axes behind them, their priors and gradients
 * (hyper.c, coordinate.c). */
#ifndef VB_HYPER_H
#define VB_HYPER_H
#include "design/design.h"

typedef struct { /* one natural parameter: an sd, a partial correlation, a dispersion, a threshold
                  */
  int axis;      /* free axis, -1: fixed at value */
  int real;      /* not positive: the prior is on the whole line */
  int after;     /* 1: the coordinate gives its distance from the natural parameter before it, -1:
                    from the one after it */
  double value;
  const vb_coordinate *coord;
  double s0;
  const vb_prior *prior; /* of sds and dispersions */
  double arg[3], log_norm;
  double beta, tilt; /* of correlations: (1 - r^2)^(beta - 1) (1 - r)^tilt */
} vb_natural;

typedef struct { /* two log axes that are given by axes a and b in another way (turn.c) */
  enum { VB_UNTURNED, VB_POLAR, VB_SHEARED } kind;
  int a, b; /* radius and angle; scale and degrees of freedom */
} vb_turn;

typedef struct {
  int n_natural, n_axis, n_par, n_term;
  vb_natural *natural; /* term by term: sds, parameters of correlations; then dispersions, then
                          the parameters of the fields' precisions */
  const int *first, *d, *n_level; /* per term */
  const vb_covariance *const *cov;
  /* per term as in vb_input; what is reported of theta is of the columns as they are, and so is the
   * prior where it is meant at_zero */
  const double *const *shift;
  const int *at_zero;
  int first_par;
  int n_field, first_field, n_field_par;
  const vb_field *field;
  int n_pin,
      first_pin; /* where pinned combinations of beta are about; the last, and not reported */
  int n_shrink, first_shrink, by_sigma; /* a horseshoe's global scale, over sigma, and slab */
  double local_df;
  vb_turn turn;
} vb_hyper;

typedef struct { /* dispersions that are not one value but have a distribution, on nodes */
  int n;
  double *par;                   /* VB_MAX_PAR + 1 per node */
  double *weight, *base, *total; /* per node; total: expected log likelihood, base included */
  double *scratch;               /* 3 per cell */
} vb_par_rule;

typedef struct {                /* the hyperparameters at one point */
  double *natural, *slope;      /* n_natural: value, d value / d axis, of distances signed */
  double *natural_prior;        /* n_natural: log prior with the log Jacobian, free axes only */
  double *sigma, *omega, *chol; /* per term d x d at stride VB_MAX_DIM^2; chol of the correlation */
  double *log_det;              /* log |Sigma| per term */
  double *q,
      *q_log_det; /* per field n x n: its precision, NULL: not wanted; log of its determinant */
  double par[VB_MAX_PAR + 1];
  double shrink[3];    /* the horseshoe's arguments */
  vb_par_rule *rule;   /* NULL: the dispersions are par */
  const double *pin;   /* where the model's pinned combinations are about */
  double log_prior;    /* with the log Jacobian */
  double *log_prior_d; /* n_axis, of the log axes where two are turned */
  double turned;       /* turn.b's axis */
  double *prior_d;     /* n_natural: of the log prior densities alone */
} vb_theta;

void vb_theta_alloc(const vb_host *host, const vb_hyper *hyper, vb_theta *theta);
vb_status vb_theta_set(const vb_hyper *hyper, const double *x, vb_theta *theta);
/* the same for one term of a theta that has been set, whose total log prior it does not keep up */
vb_status vb_theta_set_term(const vb_hyper *hyper, const double *x, int k, vb_theta *theta);
/* gradient of J/2 log |Omega| - tr(Omega U)/2 in the axes, added; U[k] d x d at stride VB_MAX_DIM^2
 */
void vb_theta_gradient(const vb_hyper *hyper, const vb_theta *theta, const double *u, double *grad);
/* gradient in the axes from that in the n natural parameters from first on, added */
void vb_natural_gradient(const vb_hyper *hyper, const vb_theta *theta, int first, int n,
                         const double *d, double *grad);
/* expected precision and covariance matrices of the terms and dispersions, one after the other,
 * into theta */
int vb_theta_effective_size(const vb_hyper *hyper);
void vb_theta_effective(const vb_hyper *hyper, const double *effective, vb_theta *theta);
void vb_theta_report(const vb_hyper *hyper, const vb_theta *theta,
                     double *out); /* sds, correlations, par */

/* ---- turn.c: two parameters that are known by a combination of them ---- */
extern const char *const vb_turn_name[];
/* the log axes turn.a and turn.b, of which x is a point, are turned; x too */
void vb_turn_make(vb_hyper *hyper, vb_turn turn, double *x);
/* y: the log axes at x; returns the log Jacobian */
double vb_turn_set(const vb_hyper *hyper, const double *x, double *y);
/* grad in the log axes -> in the axes, with the Jacobian's */
void vb_turn_gradient(const vb_hyper *hyper, const vb_theta *theta, double *grad);

/* the parameters of term k: how many, and the one that is the sd of its coefficient a */
static inline int vb_term_sds(const vb_hyper *hyper, int k) {
  return vb_covariance_sds(hyper->cov[k], hyper->d[k]);
}
static inline int vb_term_cors(const vb_hyper *hyper, int k) {
  return vb_covariance_cors(hyper->cov[k], hyper->d[k]);
}
static inline int vb_term_pars(const vb_hyper *hyper, int k) {
  return vb_term_sds(hyper, k) + vb_term_cors(hyper, k);
}
static inline int vb_sd_of(const vb_hyper *hyper, int k, int a) {
  return hyper->first[k] + (hyper->cov[k]->one_sd ? 0 : a);
}

/* the axis of field i's sd */
static inline int vb_field_axis(const vb_hyper *hyper, int i) {
  return hyper->natural[hyper->first_field + hyper->field[i].par].axis;
}

/* ---- precision.c ---- */
void vb_fields_alloc(const vb_host *host, const vb_hyper *hyper, vb_theta *theta);
vb_status vb_fields_set(const vb_hyper *hyper, vb_theta *theta);

/* ---- Axes: natural.c, start.c ---- */
/* the prior of a parameter and the axis that it gets, the next one; NULL: fixed at arg[0], no axis
 */
void vb_natural_prior(vb_natural *n, const vb_prior *prior, const double *arg,
                      const vb_coordinate *coord, int *n_axis);
typedef struct { /* of ordered responses: the lowest and the highest category there is, from 1 */
  int lowest, highest;
} vb_categories;
vb_categories vb_categories_of(const vb_family *family, const vb_rows *rows);
/* the same of one whose values are in this domain */
void vb_natural_within(int domain, const vb_prior *prior, const double *arg, vb_natural *n,
                       int *n_axis);
/* the same of the family's parameter k, a dispersion or a threshold */
void vb_natural_par(const vb_family *family, const vb_categories *seen, int k,
                    const vb_prior *prior, const double *arg, vb_natural *n, int *n_axis);
/* a number in (-1, 1) with (1 + r) / 2 ~ Beta(beta, beta + tilt) */
vb_natural vb_natural_correlation(double beta, double tilt, int axis);
/* the distances of thresholds by their logs instead of cube roots: axes without an end */
void vb_endless_axes(vb_hyper *hyper);
/* of the residuals about the reference fit, one where the link is not the identity */
double vb_residual_scale(const vb_model *model, const vb_hyper *hyper);
/* own: NULL, or a family's own starting values of its parameters, NaN where it has none */
void vb_start_axes(const vb_model *model, const vb_hyper *hyper, double scale, const double *own,
                   double *start);
#endif
