/* varbayes: the numerical core, seen from inside.
 *
 * What it does.  Given a design, a likelihood and priors it finds q(theta) q(c | theta), theta the
 * few hyperparameters (group sds, correlations, dispersions), c = (beta, u) the many coefficients:
 * for each theta the best Gaussian q(c | theta), and over theta the integral of exp(ELBO).
 *
 * Layers.  fit.c is the one loop.  It asks inner.c for the best Gaussian at one theta; inner.c
 * passes one object to and fro between pass.c (rows -> cross-products) and solve.c (cross-products
 * -> mean, log det, selected inverse).  family_*.c and prior_*.c are rows of tables (registry.c).
 * linalg.c and quadrature.c are numerics.  Nothing here sees an R object; of R the core may use
 * Rmath.h and, in linalg.c, BLAS.
 *
 * Ownership.  The core owns nothing: inputs are const, scratch comes from host->alloc (zeroed;
 * lives until the call into the core ends), results are written into storage the caller made. There
 * is nothing to free.
 *
 * Errors.  Functions return a vb_status; the glue (r_*.c) words it.  Numbers that a user can get
 * wrong are checked in R before any of this runs.
 *
 * Threads.  Only inside pass.c and expect.c, over fixed blocks of rows whose results do not depend
 * on the number of threads.  The hooks are called outside parallel regions only. */
#ifndef VB_H
#define VB_H
#include <stddef.h>

typedef enum { VB_OK = 0, VB_MAX_ITER, VB_NOT_FINITE, VB_NOT_POS_DEF, VB_INTERRUPTED } vb_status;

/* What the core asks of its host. */
typedef struct {
  void *data;                            /* the host's own, handed to progress and seconds */
  void *(*alloc)(size_t n, size_t size); /* zeroed */
  int (*poll)(void);                     /* non-zero: the user wants to stop */
  void (*progress)(void *data, int step);
  double (*seconds)(void *data); /* a clock for the trace; never steers the numbers */
} vb_host;

/* ---- Likelihoods: family_<name>.c
 * ------------------------------------------------------------------ A cell has the data y, w.
 * Families with cells = 1 are exponential families without dispersion whose rows with equal design
 * may be added: y is then the sum of the responses (times weight), w the sum of the denominators
 * (binomial: trials; poisson: weights), and the terms free of eta are a constant that R adds. For
 * the others y is the response and w its prior weight.  par holds the dispersion parameters on
 * their natural scale.  Derivatives are in eta; d2 is the plain second derivative (not negated).
 * Any of the output pointers ll, d1, d2 may be NULL. */
#define VB_MAX_PAR 40 /* dispersions or thresholds */
typedef struct vb_family vb_family;
enum { VB_POSITIVE, VB_REAL, VB_UNIT_INTERVAL }; /* domains of dispersions */
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
  int kinked; /* log density with kinks in eta: log_lik's d2 misses them, expect's d2 has them */
  /* eta-free part of log f (weight included), one value per row; NULL where n_par == 0 (R's
   * constant) */
  void (*base)(int n, const double *y, const double *w, const double *par, double *out);
  void (*log_lik)(const vb_family *self, int n, const double *y, const double *w, const double *eta,
                  const double *par, double *ll, double *d1, double *d2);
  /* expectations of ll, d1, d2 under eta ~ N(m, v); NULL: quadrature of log_lik, which a kinked
   * density does not allow */
  void (*expect)(int n, const double *y, const double *w, const double *m, const double *v,
                 const double *par, double *ll, double *d1, double *d2);
  /* derivative of base + ll with respect to par[k] (natural scale) at eta; NULL where n_par == 0 */
  void (*log_lik_par)(const vb_family *self, int n, const double *y, const double *w,
                      const double *eta, const double *par, int k, double *d);
  /* its expectation under eta ~ N(m, v); NULL: quadrature of log_lik_par */
  void (*expect_par)(int n, const double *y, const double *w, const double *m, const double *v,
                     const double *par, int k, double *d);
  /* inverse link; of a threshold less eta the probability not to exceed it */
  void (*mean)(int n, const double *eta, double *mu);
  /* variance of one response with weight (binomial: of a proportion of w trials) w at eta */
  void (*variance)(int n, const double *eta, const double *w, const double *par, double *var);
  /* P(Y <= y) of one response at eta; w as in variance, for binomials y is a number of successes.
   * Rises with y and falls with eta.  NULL: unknown, as of an opaque family */
  void (*cdf)(const vb_family *self, int n, const double *y, const double *w, const double *eta,
              const double *par, double *out);
  int discrete; /* responses are whole numbers, not negative */
  /* first guess of the n_par entries of par from the data; NULL: the engine's own */
  void (*start)(int n, const double *y, const double *w, int n_par, double *par);
  /* Only values of the log density are had, constants included, and every call is dear: log_lik is
   * asked for ll alone, by stein.c, in few and long calls and never from a parallel region. */
  int opaque;
  double unit, start_eta; /* opaque: a change of eta that matters; eta of the null model */
  int domain[VB_MAX_PAR]; /* of par; what is not said is positive */
};
/* bound "exact": the row without one.  NULL: no such row */
const vb_family *vb_family_find(const char *name, const char *link, const char *bound);
const char *vb_family_bound(const vb_family *family); /* its name, "exact" where there is none */
int vb_family_count(void);
const vb_family *vb_family_row(int i);

/* ---- Priors: prior_<name>.c
 * ------------------------------------------------------------------------- Densities of one real
 * number; arg holds up to three constants in the order of arg_name.  A positive parameter has the
 * density conditioned on x > 0, that is log_density + log_norm - log_upper.  The normalising
 * constant stands apart since it is wanted once and the rest at every theta. */
#define VB_MIX_MAX 128
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
  int gaussian; /* quadratic: where proper, it enters the prior precision and no site
                   is needed */
  void (*log_density)(int n, const double *x, const double *arg, double *ll, double *d1,
                      double *d2);
  /* expectations of the same under x ~ N(m, v); NULL: quadrature, for smooth densities */
  void (*expect)(int n, const double *m, const double *v, const double *arg, double *ll, double *d1,
                 double *d2);
  vb_mixture_fn mix;                      /* NULL: no mixture */
  double (*log_norm)(const double *arg);  /* constant that makes log_density a density */
  double (*log_upper)(const double *arg); /* log P(X > 0) */
} vb_prior;
const vb_prior *vb_prior_find(const char *name);
int vb_prior_count(void);
const vb_prior *vb_prior_row(int i);

/* ---- quadrature.c: Gauss-Hermite for the standard normal weight
 * --------------------------------------- */
#define VB_GH_MAX 64
/* n nodes (1..VB_GH_MAX), ascending, weights summing to one: exact for E p(Z), deg p < 2 n */
void vb_gauss_hermite(int n, double *node, double *weight);
/* The R_K sequence of low discrepancy (Roberts 2018, generalised golden ratio): element k (0..K-1)
 * of point i (0, 1, ...) is vb_low_discrepancy(i, vb_low_discrepancy_step(k, K)), in (0, 1) */
double vb_low_discrepancy_step(int k, int K);
double vb_low_discrepancy(int i, double step);

/* ---- linalg.c: dense symmetric algebra, column-major, lower triangle
 * ----------------------------------- All return the same bits on every call; none is threaded. */
vb_status vb_chol(int n, double *a, int lda); /* A = L L', L over the lower triangle of a */
double vb_chol_log_det(int n, const double *l, int lda);                        /* log |A| from L */
void vb_chol_solve(int n, const double *l, int lda, int m, double *b, int ldb); /* b <- A^-1 b */
void vb_chol_half(int n, const double *l, int lda, int m, double *b, int ldb);  /* b <- L^-1 b */
void vb_chol_half_t(int n, const double *l, int lda, int m, double *b, int ldb); /* b <- L^-T b */
void vb_chol_inverse(int n, double *l, int lda); /* full symmetric A^-1 over L */
/* c(lower) <- beta c + sum_i s_i x_i x_i', x row-major n x p with leading dimension ldx (s NULL:
 * ones) */
void vb_weighted_gram(int n, int p, const double *x, int ldx, const double *s, double beta,
                      double *c, int ldc);
void vb_gemm_nn(int m, int n, int k, double alpha, const double *a, int lda, const double *b,
                int ldb, double beta, double *c, int ldc); /* C <- beta C + alpha A B */
void vb_gemm_tn(int m, int n, int k, double alpha, const double *a, int lda, const double *b,
                int ldb, double beta, double *c, int ldc); /* C <- beta C + alpha A' B */
void vb_gemm_nt(int m, int n, int k, double alpha, const double *a, int lda, const double *b,
                int ldb, double beta, double *c, int ldc); /* C <- beta C + alpha A B' */
void vb_symmetrise(int n, double *a, int lda); /* copy the lower triangle to the upper */
vb_status vb_eigen(int n, double *a, int lda,
                   double *value); /* a <- eigenvectors, values ascending */
vb_status vb_solve_symmetric(int n, double *a, int lda, int m, double *b,
                             int ldb); /* indefinite A, its
  lower triangle; a is lost; VB_NOT_FINITE where singular */

/* ---- Core solvers: solver_dense.c, r_sparse.c
 * ---------------------------------------------------------- The middle of the arrow: the symmetric
 * positive definite matrix of all coefficients that are neither leaf nor fixed effects.  Its values
 * live in val; the sparse row keeps the lower triangle of a fixed pattern in compressed columns
 * (rows ascending, diagonal first), the dense row all of q x q, column-major, with only the lower
 * triangle used.  inverse() fills inv, on the same positions, with the entries of the inverse. */
typedef struct vb_core vb_core;
typedef struct {
  const char *name;
  vb_status (*factor)(vb_core *core); /* of val */
  double (*log_det)(const vb_core *core);
  void (*solve)(vb_core *core, int m, double *b, int ldb); /* b <- B^-1 b */
  void (*half_t)(vb_core *core, double *z);                /* z <- M z with M M' = B^-1: sampling */
  vb_status (*inverse)(vb_core *core);
} vb_core_solver;
struct vb_core {
  const vb_core_solver *solver;
  int q;
  double *val, *inv;
  const int *col_start, *row_index; /* sparse pattern of the lower triangle; NULL when dense */
  void *factor;                     /* the solver's own */
};
extern const vb_core_solver vb_solver_dense;
#endif
