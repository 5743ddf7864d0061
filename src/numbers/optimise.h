/* Optimisers, all maximising, and what makes fixed-point iterations come to rest sooner. */
#ifndef VB_OPTIMISE_H
#define VB_OPTIMISE_H
#include "numbers/numbers.h"

#define VB_MAX_AXIS 48
typedef vb_status (*vb_objective)(void *data, const double *x, double *f, double *grad);
/* ---- BFGS with backtracking: bfgs.c ---- */
typedef struct {
  vb_objective eval;
  void *data;
  int n, max_eval;
  double tol;          /* stop where the slope along the step is below, */
  double steep;        /* and no entry of the gradient above; set it to INFINITY to do without */
  double *x, *grad, f; /* in: x; out: the best found */
  double *inv;         /* n x n: inverse of -Hessian, in and out */
} vb_bfgs;
vb_status vb_bfgs_run(vb_bfgs *run);

/* ---- L-BFGS: lbfgs.c ---- */
#define VB_LBFGS_HISTORY 10
typedef struct {
  int n, m, used, next;        /* of m pairs used are there, the next goes to column next */
  double *s, *y, *rho, *alpha; /* n x m, n x m, m, m; y of the gradient of -f */
} vb_lbfgs_memory;
typedef struct {
  vb_objective eval;
  void *data;
  int n, max_iter;
  double tol; /* stop where half the step's slope, the decrement in nats, is below */
  /* told of the start (iter 0) and every accepted iterate, may stop with a status other than VB_OK;
   * NULL: nobody */
  vb_status (*on_step)(void *data, int iter, const double *x, double f, const double *grad,
                       const vb_lbfgs_memory *memory);
  double *x, *grad, f; /* in: x (and f, grad, if has_start); out: the best found */
  int has_start, n_iter, n_eval;
  double decrement;
  vb_lbfgs_memory memory; /* of the run, afterwards */
} vb_lbfgs;
vb_status vb_lbfgs_run(const vb_host *host, vb_lbfgs *run);
/* out <- H v, H the inverse Hessian of -f that the memory stands for */
void vb_lbfgs_apply(const vb_lbfgs_memory *memory, const double *v, double *out);

/* ---- Fixed points: relax.c, anderson.c ---- */
typedef struct { /* relaxation of a fixed-point iteration (relax.c) */
  int n;         /* entries of a residual */
  double pace;   /* share of the residual that is taken; 0: none yet */
  double *last;  /* the residual before */
} vb_relax;
void vb_relax_alloc(const vb_host *host, int n, vb_relax *r);
/* the share of this residual to take */
double vb_relax_next(vb_relax *r, const double *residual);
#define VB_ANDERSON 3
typedef struct { /* Anderson acceleration of a map l -> T(l) (Walker & Ni 2011) */
  int n, used;
  double *l[VB_ANDERSON + 1], *t[VB_ANDERSON + 1]; /* latest last */
} vb_anderson;
void vb_anderson_alloc(const vb_host *host, int n, vb_anderson *a);
void vb_anderson_push(vb_anderson *a, const double *l, const double *t);
/* where to go next; 0: no better place than T(l) */
int vb_anderson_next(const vb_anderson *a, double *next);
#endif
