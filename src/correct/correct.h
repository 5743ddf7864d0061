/* correct: what a Gaussian q(c | theta) leaves out.
 *
 * Residual quadrature of the rows and of prior sites, and linear response. */
#ifndef VB_CORRECT_H
#define VB_CORRECT_H
#include "gauss/gauss.h"

struct vb_stein_table;
typedef struct {               /* scratch of residual quadrature */
  struct vb_grid *wide, *site; /* rules of levels and of prior sites */
  double *cov_beta, *cov_own;  /* n x p: Cov(beta, eta_i); n x sum of d: Cov(u, eta_i) */
  double *direction, *cell,
      *level;                   /* of one level: its cells' directions, work, p-dimensional work */
  double *series;               /* n x 4: the remainder's Hermite coefficients, orders 3 to 6 */
  struct vb_rq_table *line;     /* of one level's cells, over its grid */
  int cap_level;                /* cells of the fullest level */
  struct vb_stein_table *table; /* opaque families */
  double *shift, *skew;         /* n_coef: moments of u given data, where asked for */
  double spent, n_asked; /* likelihoods of a row, roughly, that all corrections so far took */
} vb_rq;
void vb_rq_alloc(const vb_model *model, vb_rq *rq);
enum { VB_RQ_ROWS = 1, VB_RQ_SITES = 2 }; /* remainders of the rows, of the prior sites */
typedef struct {                          /* a converged optimum and what of it is asked */
  const double *par;
  const vb_inner *in;
  const double *c; /* its mean */
  int which;       /* remainders */
} vb_rq_at;
/* log p(y | theta) - L(theta) at an optimum; with var (n_coef, in: S_jj, out: corrected) also the
 * mean shift and the skewness of the random effects; max_level: largest term of one level */
double vb_rq_correct(const vb_model *model, const vb_rq_at *at, vb_rq *rq, double *var,
                     double *max_level);

typedef struct { /* what tilting the reported coefficients at the mode teaches */
  int active;
  double *congruence;   /* p x p: S_bb -> C S_bb C' */
  double *shift, *skew; /* of the reported coefficients: RQ mean shift in sds; skewness */
  double inflation;     /* largest sd ratio */
} vb_response;
/* C with C S C' = V; s and v become their Cholesky factors; 0 where one is not positive definite */
int vb_congruence(int p, double *s, double *v, double *out);
typedef struct {
  const vb_theta *theta;
  double tol;
  int tilt, which; /* are there to be refits; whose remainders count */
  vb_rq *rq;
  vb_inner *in; /* at the mode */
  const vb_block *mode;
  vb_block *work; /* of the refits */
} vb_respond_task;
vb_status vb_respond(const vb_model *model, const vb_respond_task *task, vb_response *out);
/* third-order size of what a Gaussian q misses, per coefficient: decides whether tilts are worth
 * their refits */
double vb_response_size(const vb_model *model, const double *par, const vb_inner *in);
typedef struct { /* a combination of beta: a (p, of the centred columns), its sd under q */
  double *a, sd;
} vb_skewed;
/* the skewness, to third order, of the combination of beta that is most skewed, given theta; out is
 * filled where that is at least `least`, and has a positive one */
double vb_third_direction(const vb_model *model, const vb_theta *theta, double least, vb_inner *in,
                          vb_skewed *out);
#endif
