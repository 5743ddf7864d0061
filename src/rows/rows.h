/* rows: the tables, one file a row.
 *
 * rows/families/<name>.c are likelihoods, rows/priors/<name>.c priors, rows/approximations/<name>.c
 * the families of q that ADVI has; registry.c lists them, and is where names are compared.  What a
 * row promises is said here and in approximations/approximation.h.  A row calls numbers/ only: it
 * knows nothing of designs, coefficients or fits. */
#ifndef VB_ROWS_H
#define VB_ROWS_H
#include "numbers/numbers.h"

/* ---- Responses: rows.c ---- */
/* A block of rows as a likelihood sees them: what was observed and with which weight.  It is a view
 * of columns that someone else keeps.  Whoever needs rows in another order, or more than once, has
 * them copied into a room of VB_ROW_COLUMNS doubles a row, so that another column of the response
 * is a change of this type, of rows.c and of those who read it alone. */
typedef struct {
  int n;
  const double *y, *w;
} vb_rows;
enum { VB_ROW_COLUMNS = 2 };
extern const vb_rows vb_rows_unit; /* one row: the response 0 with weight 1 */
vb_rows vb_rows_range(const vb_rows *r, int first, int n); /* no copy: a view of a view */
vb_rows vb_rows_gather(const vb_rows *r, int n, const int *index, double *room);
/* every row `each` times, and that `times` times over: as R's rep() */
vb_rows vb_rows_rep(const vb_rows *r, int each, int times, double *room);

/* ---- Likelihoods: families/<name>.c ---- */
/* Families with cells = 1 are exponential families without dispersion whose rows with equal design
 * may be added: y is then the sum of the responses (times weight), w the sum of the denominators
 * (binomial: trials; poisson: weights), and the terms free of eta are a constant that R adds. For
 * the others y is the response and w its prior weight.  par holds the dispersion parameters on
 * their natural scale.  Derivatives are in eta; d2 is the plain second derivative (not negated).
 * Any of the output pointers ll, d1, d2 may be NULL. */
#define VB_MAX_PAR 40 /* dispersions or thresholds */
typedef struct vb_family vb_family;
/* domains of dispersions and of a precision's parameters; the last is (-1, 1) */
enum { VB_POSITIVE, VB_REAL, VB_UNIT_INTERVAL, VB_CORRELATION };
struct vb_family {
  const char *name, *link;
  const char *bound; /* NULL: expect is the expectation.  Else a lower bound of this name on it,
                        with d1 = d ll / dm and d2 = 2 d ll / dv: the fit is then textbook CAVI, and
                        corrections of the exact objective do not apply */
  int n_par;         /* dispersion parameters: 0, 1 or 2 */
  int thresholds;    /* 1: n_par is 0 and par holds ascending thresholds instead, as many as the
                        model has, with infinity behind them */
  const char *par_name[2]; /* "sigma", "shape", "nu" */
  int cells;               /* 1: rows of equal design may be added; 2: where y is equal too */
  int quadratic;           /* log density quadratic in eta: the Gaussian block is exact */
  int identity;            /* identity link, and par[0] a scale of the response */
  int df;                  /* par[1] are the degrees of freedom of t distributions of that scale */
  int kinked; /* log density with kinks in eta: log_lik's d2 misses them, expect's d2 has them */
  /* eta-free part of log f (weight included), one value per row; NULL where n_par == 0 (R's
   * constant) */
  void (*base)(const vb_rows *r, const double *par, double *out);
  /* self: a row that is made for one fit has data of its own (r_user.c) */
  void (*log_lik)(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
                  double *ll, double *d1, double *d2);
  /* expectations of ll, d1, d2 under eta ~ N(m, v); NULL: quadrature of log_lik, which a kinked
   * density does not allow */
  void (*expect)(const vb_rows *r, const double *m, const double *v, const double *par, double *ll,
                 double *d1, double *d2);
  /* where in eta a row's log density bends (NaN: in two places) and on which scale; NULL: about
   * zero, on that of one */
  void (*bend)(const vb_rows *row, const double *par, double *at, double *scale);
  /* derivative of base + ll with respect to par[k] (natural scale) at eta; NULL where n_par == 0 */
  void (*log_lik_par)(const vb_rows *r, const double *eta, const double *par, int k, double *d);
  /* its expectation under eta ~ N(m, v); NULL: quadrature of log_lik_par */
  void (*expect_par)(const vb_rows *r, const double *m, const double *v, const double *par, int k,
                     double *d);
  /* inverse link; of a threshold less eta the probability not to exceed it */
  void (*mean)(int n, const double *eta, double *mu);
  /* variance at eta of one response (of a binomial: of a proportion); r's weights (trials) are
   * read, its responses are not */
  void (*variance)(const vb_rows *r, const double *eta, const double *par, double *var);
  /* P(Y <= y) of one response at eta; w as in variance, for binomials y is a number of successes.
   * Rises with y and falls with eta.  NULL: unknown, as of an opaque family */
  void (*cdf)(const vb_family *self, const vb_rows *r, const double *eta, const double *par,
              double *out);
  int discrete; /* responses are whole numbers, not negative */
  /* first guess of the n_par entries of par from the data; NULL: the engine's own */
  void (*start)(const vb_rows *r, int n_par, double *par);
  /* Only values of the log density are had, constants included, and every call is dear: log_lik is
   * asked for ll alone, by stein.c, in few and long calls and never from a parallel region. */
  int opaque;
  double unit, start_eta; /* opaque: a change of eta that matters; eta of the null model */
  const struct vb_predictors *several; /* of several predictors: its rows are not observations, but
                                         so many of them are (several.h) */
  int domain[VB_MAX_PAR]; /* of par; what is not said is positive */
};
/* bound "exact": the row without one.  NULL: no such row */
const vb_family *vb_family_find(const char *name, const char *link, const char *bound);
const char *vb_family_bound(const vb_family *family); /* its name, "exact" where there is none */
int vb_family_count(void);
const vb_family *vb_family_row(int i);

/* ---- Priors: prior_<name>.c ---- */
/* Densities of one real
 * number; arg holds up to three constants in the order of arg_name.  A positive parameter has the
 * density conditioned on x > 0, that is log_density + log_norm - log_upper.  The normalising
 * constant stands apart since it is wanted once and the rest at every theta. */
#define VB_MIX_MAX 128 /* whole lanes */
#define VB_MIX_LANES 8
/* a prior that is sum_k weight_k N(0, var_k) for its arguments, the last two of which, a global
 * scale and that of a slab, are hyperparameters; also d var / d log of these.  Returns the number
 * of k. */
typedef int (*vb_mixture_fn)(const double *arg, double *weight, double *var, double *by_global,
                             double *by_slab);
typedef struct {
  const char *name;
  int n_arg;
  const char *arg_name[3];
  int proper;   /* 0: flat, log density 0 */
  int kinked;   /* log density with a kink */
  int of_range; /* a density on the range of its parameter, (0, 1) or (-1, 1): not to be cut to it
                 */
  int gaussian; /* quadratic: where proper, it enters the prior precision and no site
                   is needed */
  void (*log_density)(int n, const double *x, const double *arg, double *ll, double *d1,
                      double *d2);
  /* expectations of the same under x ~ N(m, v); NULL: quadrature, for smooth densities */
  void (*expect)(int n, const double *m, const double *v, const double *arg, double *ll, double *d1,
                 double *d2);
  vb_mixture_fn mix;                      /* NULL: no mixture */
  double (*log_norm)(const double *arg);  /* constant that makes log_density a density */
  double (*log_upper)(const double *arg); /* log P(X > 0); NULL: 0 */
} vb_prior;
double vb_prior_log_upper(const vb_prior *prior, const double *arg);
const vb_prior *vb_prior_find(const char *name);
int vb_prior_count(void);
const vb_prior *vb_prior_row(int i);

typedef struct { /* sum_k weight_k N(0, var_k), and var's derivatives in log global, log slab */
  int n;
  double weight[VB_MIX_MAX], var[VB_MIX_MAX], by_global[VB_MIX_MAX], by_slab[VB_MIX_MAX];
  double log_weight[VB_MIX_MAX], log_var[VB_MIX_MAX];
} vb_mix;
void vb_mix_make(vb_mixture_fn fn, const double *arg, vb_mix *p);

/* ---- Covariances of a level's coefficients: covariances/<name>.c ---- */
#define VB_MAX_DIM 8 /* coefficients of one random term */
/* D R D of d coefficients: D has their sds, which are the first parameters, and R is a correlation
 * matrix.  R's parameters are numbers r in (-1, 1) with (1 + r) / 2 ~ Beta(beta, beta + tilt). */
typedef struct {
  const char *name;
  int one_sd;          /* all have the same, which is one parameter */
  int (*n_cor)(int d); /* parameters of R, and how many of its entries (1, 2), (1, 3), ... (2, 3),
                          ... are reported; NULL: none, and R is the identity */
  /* the parameters' prior under LKJ(eta), whose density is in proportion to |R|^(eta - 1) */
  void (*shape)(int d, double eta, double *beta, double *tilt);
  void (*chol)(int d, const double *r, double *l); /* Cholesky factor of R, d x d */
  /* out[i]: the derivative of tr(W Sigma) in r[i], W symmetric, l as chol() has it */
  void (*gradient)(int d, const double *r, const double *sd, const double *l, const double *w,
                   double *out);
} vb_covariance;
static inline int vb_covariance_sds(const vb_covariance *row, int d) { return row->one_sd ? 1 : d; }
static inline int vb_covariance_cors(const vb_covariance *row, int d) {
  return row->n_cor ? row->n_cor(d) : 0;
}
const vb_covariance *vb_covariance_find(const char *name);
int vb_covariance_count(void);
const vb_covariance *vb_covariance_row(int i);

/* ---- Precisions: precisions/<name>.c ---- */
/* Coefficients u ~ N(0, Q^-1) whose Q depends on hyperparameters, the first of which is the
 * standard deviation that all are in proportion to.  `at` holds the numbers that the row reads, n
 * of them and what it says besides. */
#define VB_PRECISION_PAR 3
typedef struct {
  const char *name;
  int n_par, domain[VB_PRECISION_PAR];
  /* what `at` holds: so many numbers a coefficient, n x n matrices, and further numbers */
  int per_level, square, more;
  /* of a row whose Q is diagonal: the variance at `at` over the squared sd, more what is beyond the
   * n; by_par[k]: its log's derivatives in par[k], k from 1.  Such rows have no others. */
  double (*variance)(double at, const double *more, const double *par, double *by_par);
  /* Q, n x n with both triangles, all of it, and log |Q| */
  vb_status (*set)(int n, const double *at, const double *par, double *q, double *log_det);
  /* grad[k] += the derivative of (log |Q| - tr(Q U)) / 2 in par[k]; U n x n, both triangles */
  void (*contract)(int n, const double *at, const double *par, const double *u, double *grad);
  /* A row whose Q is sparse, a sum of n_matrix matrices on one pattern, has none of these.  For it
   * n is the number of entries of the lower triangle, and `at` has each matrix's value of each,
   * entry by entry, then n_log counts and a constant: log |Q| is the constant and each count times
   * its log.  weigh() gives the matrices' weights, then the logs; by_par: n_par of each. */
  int n_matrix, n_log;
  void (*weigh)(const double *par, double *weight, double *by_par);
} vb_precision;
#define VB_PRECISION_WEIGHTS 8
/* set and contract of any row: precision.c */
vb_status vb_precision_set(const vb_precision *row, int n, const double *at, const double *par,
                           double *q, double *log_det);
void vb_precision_contract(const vb_precision *row, int n, const double *at, const double *par,
                           const double *u, double *grad);
/* of `at`, with n coefficients; of a sparse row, n entries */
size_t vb_precision_size(const vb_precision *row, int n);
const vb_precision *vb_precision_find(const char *name);
int vb_precision_count(void);
const vb_precision *vb_precision_row(int i);

/* ---- Coordinates: coordinate.c ---- */
typedef struct { /* how a free axis x becomes a natural parameter */
  const char *name;
  double (*value)(double x, double s0);
  double (*slope)(double x, double s0);     /* d value / dx */
  double (*log_slope)(double x, double s0); /* log |slope|: the Jacobian */
  double (*log_slope_d)(double x, double s0);
  double (*inverse)(double value, double s0);
} vb_coordinate;
extern const vb_coordinate vb_coord_log, vb_coord_probit, vb_coord_identity, vb_coord_unit,
    vb_coord_cube, vb_coord_cosh, vb_coord_soft_power, vb_coord_sinh;
const vb_coordinate *vb_coordinate_find(const char *name);
#endif
