/* numbers: what a textbook of numerical analysis has, and nothing about models.
 *
 * Statuses and the host, quadrature, dense symmetric algebra, optimisers, solvers of the arrow's
 * middle, interpolation, importance weights.  The room calls nothing of ours.  BLAS and LAPACK are
 * called in linalg.c only; of R the core may see Rmath.h.
 *
 * Ownership.  The core owns nothing: inputs are const, scratch comes from host->alloc (zeroed;
 * lives until the call into the core ends), results are written into storage the caller made. There
 * is nothing to free.
 *
 * Errors.  Functions return a vb_status; the glue (r/) words it.  Numbers that a user can get wrong
 * are checked in R before any of this runs.
 *
 * Threads.  Only inside gauss/pass.c and gauss/expect.c, over fixed blocks of rows whose results do
 * not depend on the number of threads.  The hooks of the host are called outside parallel regions
 * only. */
#ifndef VB_NUMBERS_H
#define VB_NUMBERS_H
#include <stddef.h>

typedef enum {
  VB_OK = 0,
  VB_MAX_ITER,
  VB_NOT_FINITE,
  VB_NOT_POS_DEF,
  VB_INTERRUPTED,
  VB_ROUNDED /* of a whole fit: rounding errors are too large a part of it */
} vb_status;

/* What the core asks of its host. */
typedef struct {
  void *data;                            /* the host's own, handed to progress and seconds */
  void *(*alloc)(size_t n, size_t size); /* zeroed */
  int (*poll)(void);                     /* non-zero: the user wants to stop */
  void (*progress)(void *data, int step);
  double (*seconds)(void *data); /* a clock for the trace; never steers the numbers */
} vb_host;

#define VB_LOG_2PI 1.837877066409345483560659472811

/* ---- quadrature.c: Gauss-Hermite for the standard normal weight ---- */
#define VB_GH_MAX 64
/* n nodes (1..VB_GH_MAX), ascending, weights summing to one: exact for E p(Z), deg p < 2 n */
void vb_gauss_hermite(int n, double *node, double *weight);
/* The R_K sequence of low discrepancy (Roberts 2018, generalised golden ratio): element k (0..K-1)
 * of point i (0, 1, ...) is vb_low_discrepancy(i, vb_low_discrepancy_step(k, K)), in (0, 1) */
double vb_low_discrepancy_step(int k, int K);
double vb_low_discrepancy(int i, double step);
#define VB_N_ORDER 7
#define VB_N_NODE (3 + 5 + 9 + 15 + 21 + 27 + 49)
typedef struct { /* Gauss-Hermite rules of every order in use  */
  double node[VB_N_NODE], weight[VB_N_NODE];
  int first[VB_N_ORDER], order[VB_N_ORDER];
} vb_rules;
void vb_rules_make(vb_rules *rules);
int vb_rule_index(double v); /* rule for a variance v */

/* ---- linalg.c: dense symmetric algebra, column-major, lower triangle ---- */
/* All return the same bits on every call; none is threaded. */
vb_status vb_chol(int n, double *a, int lda); /* A = L L', L over the lower triangle of a */
double vb_chol_log_det(int n, const double *l, int lda);                        /* log |A| from L */
void vb_chol_solve(int n, const double *l, int lda, int m, double *b, int ldb); /* b <- A^-1 b */
void vb_chol_half(int n, const double *l, int lda, int m, double *b, int ldb);  /* b <- L^-1 b */
void vb_chol_half_t(int n, const double *l, int lda, int m, double *b, int ldb); /* b <- L^-T b */
void vb_chol_right(int n, const double *l, int lda, int m, double *b,
                   int ldb);                     /* B (m x n) <- B L^-T */
void vb_chol_inverse(int n, double *l, int lda); /* full symmetric A^-1 over L */
/* c(lower) <- beta c + sum_i s_i x_i x_i', x row-major n x p with leading dimension ldx (s NULL:
 * ones) */
void vb_weighted_gram(int n, int p, const double *x, int ldx, const double *s, double beta,
                      double *c, int ldc);
/* out[i] <- x_i' S x_i, x row-major n x p, p <= VB_NARROW, S p x p with both triangles */
#define VB_NARROW 64
void vb_quadratic_forms(int n, int p, const double *x, const double *s, double *out);
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

/* ---- columns.c ---- */
/* means and standard deviations (NaN where n is 1) of p columns of n numbers */
void vb_column_moments(int n, int p, const double *const *x, double *mean, double *sd);

/* for qsort(), of structures that begin with a double: by it */
int vb_ascending(const void *a, const void *b);

/* ---- Importance weights: psis.c ---- */
/* log weights -> weights that sum to one, in place; returns how many equal ones they are worth.
 * log_mean, or NULL: of the weights as they were */
double vb_normalise(int n, double *weight, double *log_mean);
/* Pareto smoothed log weights, in place, not normalised; returns Pareto k */
double vb_psis(int n, double *log_weight);
double vb_pareto_k(int n,
                   double *log_weight); /* of the right tail; log_weight is sorted in place */
#endif
