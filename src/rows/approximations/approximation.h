/* The families of q that ADVI fits, in the frame in which q starts as N(0, I). */
#ifndef VB_APPROXIMATION_H
#define VB_APPROXIMATION_H
#include "numbers/numbers.h"

typedef struct {  /* x = center + root y */
  int dim, dense; /* root: dim x dim lower triangular, or its diagonal */
  double *center, *root, log_det;
} vb_frame;

/* ---- Approximations: approximation_<name>.c ---- */
/* S z is
 * linear in the scale parameters.  One file and one line in registry.c each. */
typedef struct vb_q vb_q;
typedef struct {
  const char *name;
  int full; /* S is any lower triangle: q has every covariance */
  int (*n_scale)(int dim, int rank);
  int (*n_noise)(int dim, int rank);           /* entries of z */
  void (*start)(const vb_q *q, double *scale); /* of q = N(0, I), nearly */
  /* out (dim x n) <- S(scale) z, z n_noise x n */
  void (*spread)(const vb_q *q, const double *scale, int n, const double *z, double *out);
  /* d_scale <- sum_i over columns of its adjoint: d (g'S z) / d scale */
  void (*collect)(const vb_q *q, int n, const double *g, const double *z, double *d_scale);
  /* log det(S S') / 2 and its gradient; VB_NOT_POS_DEF off the domain */
  vb_status (*log_det)(const vb_q *q, const double *scale, double *value, double *d_scale);
  /* gradient in x of log q at x = mu + S z: out (dim x n) <- -(S S')^-1 S z */
  void (*score)(const vb_q *q, const double *scale, int n, const double *z, double *out);
  /* root <- root S, after which q is N(., I) in the frame; NULL: S stays where it is */
  void (*absorb)(const vb_q *q, const double *scale, vb_frame *frame);
} vb_approximation;
struct vb_q {
  const vb_approximation *form;
  int dim, rank, n_scale, n_noise, n_par; /* n_par = dim + n_scale */
  double *par;                            /* mu, then the scale */
  double *work;                           /* of the row; dim x (rank + 2) and some */
};
const vb_approximation *vb_approximation_find(const char *name);
int vb_approximation_count(void);
const vb_approximation *vb_approximation_row(int i);
#endif
